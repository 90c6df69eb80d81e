package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sresnet/tensor"
)

func noise(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// TestResamplePillow asks for equality with Pillow in every pixel.
func TestResamplePillow(t *testing.T) {
	dir := t.TempDir()
	for _, s := range [][4]int{ // From w x h to w x h.
		{500, 375, 341, 256}, {37, 61, 16, 27}, {16, 16, 33, 47}, {5, 5, 5, 9}, {9, 5, 4, 5}, {300, 2, 7, 1}, {1, 1, 8, 8}, {64, 48, 63, 49}, {32, 32, 32, 32},
	} {
		for _, ch := range []int{1, 3} {
			w, h, ow, oh := s[0], s[1], s[2], s[3]
			src := raster{noise(uint64(w*h+ch), w*h*ch), w, h, ch}
			in := write(t, dir, "in", src.pix)
			mode := map[int]string{1: "L", 3: "RGB"}[ch]
			want := runPython(t, "PIL", `import sys
from PIL import Image
mode, w, h, ow, oh = sys.argv[2], *map(int, sys.argv[3:])
m = Image.frombytes(mode, (w, h), open(sys.argv[1], "rb").read())
sys.stdout.buffer.write(m.resize((ow, oh), Image.BILINEAR).tobytes())`, in, mode, fmt.Sprint(w), fmt.Sprint(h), fmt.Sprint(ow), fmt.Sprint(oh))
			if got := resample(src, ow, oh, image.Rect(0, 0, ow, oh)); !bytes.Equal(got.pix, want) {
				t.Errorf("%v, %d channels: other pixels than Pillow's", s, ch)
			}
			// A part is a part of the whole.
			crop := image.Rect(ow/3, oh/4, ow/3+(ow+1)/2, oh/4+(oh+1)/2)
			got := resample(src, ow, oh, crop)
			for y := range crop.Dy() {
				i := ((crop.Min.Y+y)*ow + crop.Min.X) * ch
				if !bytes.Equal(got.pix[y*crop.Dx()*ch:][:crop.Dx()*ch], want[i:][:crop.Dx()*ch]) {
					t.Fatalf("%v, %d channels: row %d of the part %v differs", s, ch, y, crop)
				}
			}
		}
	}
}

// makeImages has Pillow write images of all kinds that it reads, and beside each, as
// NAME.rgb and NAME.grey, what torchvision's loader (for the second, Grayscale),
// Resize(48) and CenterCrop(40) make of it.
const makeImages = `import random, sys, warnings
from PIL import Image, ImageFilter
warnings.simplefilter("ignore")
dir = sys.argv[1]
random.seed(1)
def photo(w, h):
    m = Image.frombytes("RGB", (w, h), bytes(random.randrange(256) for _ in range(3 * w * h)))
    return m.filter(ImageFilter.GaussianBlur(3)).point(lambda p: max(0, min(255, (p - 128) * 6 + 128)))
def save(name, m, **options):
    path = dir + "/" + name
    m.save(path, **options)
    rgb = Image.open(path).convert("RGB")
    for suffix, m in (".rgb", rgb), (".grey", rgb.convert("L")):
        w, h = m.size
        w, h = (48, int(48 * h / w)) if w <= h else (int(48 * w / h), 48)
        m = m.resize((w, h), Image.BILINEAR)
        x, y = int(round((w - 40) / 2.0)), int(round((h - 40) / 2.0))
        open(path + suffix, "wb").write(m.crop((x, y, x + 40, y + 40)).tobytes())
for w, h in (123, 97), (64, 200), (50, 49):
    for subsampling in 0, 1, 2:
        save(f"{w}-{subsampling}.jpg", photo(w, h), quality=90, subsampling=subsampling)
save("progressive.jpg", photo(90, 80), quality=75, progressive=True)
save("grey.jpg", photo(90, 80).convert("L"))
save("cmyk.jpg", photo(90, 80).convert("CMYK"), quality=90)
save("narrow.jpg", photo(4, 9), quality=90)
save("turned.jpg", photo(90, 60), quality=90, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
save("rgb.png", photo(90, 80))
save("grey.png", photo(90, 80).convert("L"))
save("bits.png", photo(90, 80).convert("1"))
save("palette.png", photo(90, 80).quantize(50))
save("palette16.png", photo(90, 80).quantize(11), bits=4)
save("clear-palette.png", photo(90, 80).quantize(50), transparency=bytes(range(50)))
m = photo(90, 80)
m.putalpha(photo(90, 80).convert("L"))
save("alpha.png", m)
save("grey-alpha.png", m.convert("LA"))
save("clear.png", photo(90, 80), transparency=(1, 2, 3))
`

// TestDecodePillow holds decoded images against Pillow's: PNG must be equal, JPEG
// nearly, since Go's inverse cosine transform is not libjpeg's.
func TestDecodePillow(t *testing.T) {
	dir := t.TempDir()
	runPython(t, "PIL", makeImages, dir)
	names, err := filepath.Glob(filepath.Join(dir, "*.???"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no images, error %v", err)
	}
	for _, name := range names {
		if filepath.Ext(name) == ".rgb" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for c, suffix := range map[int]string{1: ".grey", 3: ".rgb"} {
			want, err := os.ReadFile(name + suffix)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, c*40*40)
			if err := (picture{tensor.Shape{c, 40, 40}, 48}).decode(b, got); err != nil {
				t.Errorf("%s: %v", filepath.Base(name), err)
				continue
			}
			var sum, most float64
			for i, p := range got {
				d := float64(p) - float64(want[i%1600*c+i/1600])
				sum += max(d, -d)
				most = max(most, d, -d)
			}
			mean := sum / float64(len(got))
			if filepath.Ext(name) == ".png" && most > 0 || mean > 0.1 || most > 3 {
				t.Errorf("%s%s: mean difference %.4f, largest %v", filepath.Base(name), suffix, mean, most)
			}
		}
	}
}

// What Pillow does not write: 16 bits a channel, of which the high ones are taken.
func TestDecode16(t *testing.T) {
	r := image.Rect(0, 0, 2, 2)
	grey, rgb := image.NewGray16(r), image.NewNRGBA64(r)
	for y := range 2 {
		for x := range 2 {
			grey.SetGray16(x, y, color.Gray16{uint16(0x1234 + 0x100*(2*y+x))})
			rgb.SetNRGBA64(x, y, color.NRGBA64{0x10ff, 0x2000, uint16(0x3080 + 0x100*(2*y+x)), 0x8000})
		}
	}
	for _, tt := range []struct {
		m    image.Image
		want []float32
	}{
		{grey, []float32{18, 19, 20, 21, 18, 19, 20, 21, 18, 19, 20, 21}},
		{rgb, []float32{16, 16, 16, 16, 32, 32, 32, 32, 48, 49, 50, 51}},
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, tt.m); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 12)
		if err := (picture{tensor.Shape{3, 2, 2}, 2}).decode(b.Bytes(), got); err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%T: got %v, want %v, error %v", tt.m, got, tt.want, err)
		}
	}
}

// Chroma of every resolution, of images of all small sizes: where it is the same
// everywhere, so is the colour, and no output is beyond the inputs.
func TestChroma(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for w := 1; w < 12; w++ {
			for h := 1; h < 8; h++ {
				m := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
				for i := range m.Cb {
					m.Cb[i], m.Cr[i] = 128, 77
				}
				for i := range m.Y {
					m.Y[i] = 100
				}
				for i, p := range fromYCbCr(m).pix {
					if want := []byte{28, 136, 100}[i%3]; p != want {
						t.Fatalf("%v, %d x %d, byte %d: got %d, want %d", ratio, w, h, i, p, want)
					}
				}
				copy(m.Cb, noise(uint64(w*h), len(m.Cb)))
				up, row := newUpsampler(m), make([]byte, w+2)
				for y := range h {
					up.row(row, m.Cb, y)
					for x, p := range row[:w] {
						own := m.Cb[m.COffset(x, y)]
						if ratio == image.YCbCrSubsampleRatio444 || ratio == image.YCbCrSubsampleRatio411 || ratio == image.YCbCrSubsampleRatio410 {
							if p != own {
								t.Fatalf("%v, %d x %d: got %d at %d,%d, want %d", ratio, w, h, p, x, y, own)
							}
						} else if p < slices.Min(m.Cb) || p > slices.Max(m.Cb) {
							t.Fatalf("%v, %d x %d: %d at %d,%d is beyond the inputs", ratio, w, h, p, x, y)
						}
					}
				}
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range []image.Image{image.NewGray(image.Rect(0, 0, 3, 5)), image.NewNRGBA(image.Rect(0, 0, 5, 3)), image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.Black, color.NRGBA{1, 2, 3, 0}})} {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for _, m := range []image.Image{image.NewYCbCr(image.Rect(0, 0, 9, 5), image.YCbCrSubsampleRatio420), image.NewGray(image.Rect(0, 0, 3, 5))} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, m, nil); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(b)); err == nil && c.Width*c.Height > 1<<20 {
			return // Only slow.
		}
		for _, c := range []int{1, 3} {
			dst := make([]float32, c*4*4)
			if (picture{tensor.Shape{c, 4, 4}, 5}).decode(b, dst) != nil {
				return
			}
			for _, p := range dst {
				if !(p >= 0 && p <= 255) {
					t.Fatalf("pixel %v", p)
				}
			}
		}
	})
}
