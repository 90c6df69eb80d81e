package film

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io"
)

// APNG is a film that becomes an animated PNG, in all colours, which is shown again and again
// [apng]. What knows only PNG shows the first frame.
//
// References:
//
//	[apng]  World Wide Web Consortium. Portable Network Graphics (PNG) Specification (Third
//	        Edition). 2025.
type APNG struct {
	before *image.RGBA
	size   image.Point
	frames []apngFrame
}

type apngFrame struct {
	at    image.Rectangle
	delay int
	data  [][]byte // Of the IDAT chunks.
}

// Add adds a frame. It keeps the picture until the next one.
func (a *APNG) Add(f Frame) error {
	r := f.Picture.Rect
	if a.before == nil {
		a.size = r.Size()
	} else if r = changed(a.before, f.Picture); r.Empty() {
		a.frames[len(a.frames)-1].delay += f.Delay
		return nil
	}
	// What stays as it is becomes transparent, which takes few bytes.
	m := &withAlpha{image.NewNRGBA(image.Rectangle{Max: r.Size()})}
	for y := range r.Dy() {
		for x := range r.Dx() {
			c := at(f.Picture, r.Min.X+x, r.Min.Y+y)
			if a.before == nil || at(a.before, r.Min.X+x, r.Min.Y+y) != c {
				copy(m.Pix[m.PixOffset(x, y):], []byte{c[0], c[1], c[2], 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	a.frames = append(a.frames, apngFrame{r, f.Delay, dataOf(b.Bytes())})
	a.before = f.Picture
	return nil
}

// withAlpha is encoded with alpha even where all is opaque: frames are of one form.
type withAlpha struct{ *image.NRGBA }

// Opaque returns false.
func (*withAlpha) Opaque() bool { return false }

const signature = "\x89PNG\r\n\x1a\n"

// dataOf returns the contents of the IDAT chunks of a PNG file.
func dataOf(file []byte) (list [][]byte) {
	for rest := file[len(signature):]; len(rest) >= 12; {
		n := binary.BigEndian.Uint32(rest)
		if string(rest[4:8]) == "IDAT" {
			list = append(list, rest[8:8+n])
		}
		rest = rest[12+n:]
	}
	return list
}

// Write writes the film.
func (a *APNG) Write(w io.Writer) error {
	b := []byte(signature)
	chunk := func(name string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		from := len(b)
		b = append(append(b, name...), data...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
	}
	words := func(list ...int) (data []byte) {
		for _, x := range list {
			data = binary.BigEndian.AppendUint32(data, uint32(x))
		}
		return data
	}
	const alpha = 6                                                     // Type of colour: red, green, blue, alpha.
	chunk("IHDR", append(words(a.size.X, a.size.Y), 8, alpha, 0, 0, 0)) // Eight bits each.
	chunk("acTL", words(len(a.frames), 0))                              // For ever.
	number := 0
	for i, f := range a.frames {
		control := words(number, f.at.Dx(), f.at.Dy(), f.at.Min.X, f.at.Min.Y)
		control = binary.BigEndian.AppendUint16(control, uint16(min(f.delay, 1<<16-1)))
		control = binary.BigEndian.AppendUint16(control, 100)
		chunk("fcTL", append(control, 0, 1)) // What is there stays, and this is drawn over it.
		number++
		for _, data := range f.data {
			if i == 0 {
				chunk("IDAT", data)
				continue
			}
			chunk("fdAT", append(words(number), data...))
			number++
		}
	}
	chunk("IEND", nil)
	_, err := w.Write(b)
	return err
}
