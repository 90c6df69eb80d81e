package film

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"math/rand/v2"
	"testing"
)

// shot returns a picture in which a square of a colour stands somewhere on a ramp of colours.
func shot(x, y int, c color.RGBA, colours int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 40, 30))
	for i := range 40 * 30 {
		k := i % colours
		m.SetRGBA(i%40, i/40, color.RGBA{uint8(k), uint8(k >> 2), uint8(255 - k), 255})
	}
	draw.Draw(m, image.Rect(x, y, x+5, y+5), image.NewUniform(c), image.Point{}, draw.Src)
	return m
}

func film(colours int) []Frame {
	red, blue := color.RGBA{200, 0, 0, 255}, color.RGBA{0, 0, 200, 255}
	return []Frame{
		{shot(3, 4, red, colours), 5}, {shot(3, 4, red, colours), 7}, {shot(9, 20, red, colours), 5}, {shot(9, 20, blue, colours), 200},
	}
}

func equal(a image.Image, b *image.RGBA, off int) bool {
	for y := range b.Rect.Dy() {
		for x := range b.Rect.Dx() {
			r, g, bl, _ := a.At(x, y).RGBA()
			c := at(b, x, y)
			for k, v := range []uint32{r >> 8, g >> 8, bl >> 8} {
				if d := int(v) - int(c[k]); d > off || -d > off {
					return false
				}
			}
		}
	}
	return true
}

// A GIF shows every frame for its time, what is the same once; with few colours exactly, with
// many nearly.
func TestGIF(t *testing.T) {
	for _, tt := range []struct{ colours, off int }{{200, 0}, {1200, 12}} {
		frames := film(tt.colours)
		g := NewGIF(frames[0].Picture, frames[3].Picture)
		for _, f := range frames {
			g.Add(f)
		}
		var b bytes.Buffer
		if err := g.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := gif.DecodeAll(&b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Image) != 3 || got.Delay[0] != 12 || got.Delay[2] != 200 || got.LoopCount != 0 {
			t.Fatalf("%d colours: %d frames, delays %v", tt.colours, len(got.Image), got.Delay)
		}
		if got.Image[2].Rect != image.Rect(9, 20, 14, 25) {
			t.Errorf("%d colours: the last frame draws %v", tt.colours, got.Image[2].Rect)
		}
		screen := image.NewRGBA(image.Rect(0, 0, 40, 30))
		for i, m := range got.Image {
			draw.Draw(screen, m.Rect, m, m.Rect.Min, draw.Over)
			if want := frames[min(i+min(i, 1), 3)].Picture; !equal(screen, want, tt.off) {
				t.Errorf("%d colours: frame %d is not what it was", tt.colours, i)
			}
		}
	}
}

// An animated PNG is a PNG file with chunks of more frames, each of which is one by itself.
func TestAPNG(t *testing.T) {
	frames := film(1200)
	var a APNG
	for _, f := range frames {
		if err := a.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	file := bytes.Clone(b.Bytes())
	first, err := png.Decode(bytes.NewReader(file))
	if err != nil || !equal(first, frames[0].Picture, 0) {
		t.Fatalf("the first frame is not a PNG file by itself: %v", err)
	}
	screen := image.NewRGBA(image.Rect(0, 0, 40, 30))
	var header, control []byte
	var data bytes.Buffer
	number, shown := uint32(0), 0
	show := func() {
		if control == nil {
			return
		}
		r := image.Rect(0, 0, int(binary.BigEndian.Uint32(control[4:])), int(binary.BigEndian.Uint32(control[8:])))
		var one APNG // Its chunks put around the data make a file of the frame.
		one.size, one.frames = r.Size(), []apngFrame{{r, 1, [][]byte{data.Bytes()}}}
		var b bytes.Buffer
		if err := one.Write(&b); err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(&b)
		if err != nil {
			t.Fatalf("frame %d: %v", shown, err)
		}
		where := image.Pt(int(binary.BigEndian.Uint32(control[12:])), int(binary.BigEndian.Uint32(control[16:])))
		draw.Draw(screen, r.Add(where), m, image.Point{}, draw.Over)
		if want := frames[min(shown+min(shown, 1), 3)]; !equal(screen, want.Picture, 0) {
			t.Errorf("frame %d is not what it was", shown)
		}
		if delay := binary.BigEndian.Uint16(control[20:]); delay != []uint16{12, 5, 200}[shown] {
			t.Errorf("frame %d: delay %d", shown, delay)
		}
		shown++
		data.Reset()
	}
	for rest := file[8:]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		name, body := string(rest[4:8]), rest[8:8+n]
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			t.Errorf("%s: wrong checksum", name)
		}
		if name == "fcTL" || name == "fdAT" {
			if got := binary.BigEndian.Uint32(body); got != number {
				t.Errorf("%s: number %d, want %d", name, got, number)
			}
			number++
		}
		switch name {
		case "IHDR":
			header = body
		case "acTL":
			if binary.BigEndian.Uint32(body) != 3 || binary.BigEndian.Uint32(body[4:]) != 0 {
				t.Errorf("acTL: %v", body)
			}
		case "fcTL":
			show()
			control = body
		case "IDAT":
			data.Write(body)
		case "fdAT":
			data.Write(body[4:])
		}
		rest = rest[12+n:]
	}
	show()
	if shown != 3 || binary.BigEndian.Uint32(header) != 40 {
		t.Errorf("%d frames, header %v", shown, header)
	}
}

// Whatever two pictures are, outside of what has changed they are the same.
func TestChanged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a := shot(3, 4, color.RGBA{9, 9, 9, 255}, 50)
		b, want := image.NewRGBA(a.Rect), image.Rectangle{}
		copy(b.Pix, a.Pix)
		for range rnd.IntN(4) {
			x, y := rnd.IntN(40), rnd.IntN(30)
			b.SetRGBA(x, y, color.RGBA{255, 0, uint8(x), 255})
			want = want.Union(image.Rect(x, y, x+1, y+1))
		}
		if got := changed(a, b); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
