package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"sresnet/tensor"
)

// A picture is how an image file becomes an image: its shorter side is resized to
// resize pixels, and the middle is cut out in the given shape (C, H, W).
type picture struct {
	shape  tensor.Shape
	resize int
}

// newPicture checks a shape and a size, and fills in that of 0; see [Dataset.Resized].
func newPicture(shape tensor.Shape, resize int) (picture, error) {
	if len(shape) != 3 || shape.Check() != nil || shape[0] != 1 && shape[0] != 3 {
		return picture{}, fmt.Errorf("image files have 1 or 3 channels, rows and columns: they cannot become %s", shape)
	}
	size := max(shape[1], shape[2])
	if resize == 0 {
		resize = size
		if size > 64 {
			resize = (8*size + 3) / 7 // Rounded.
		}
	}
	if resize < size || resize > maxImagePixels/size {
		return picture{}, fmt.Errorf("%d x %d pixels cannot be cut out of images whose shorter side is %d", shape[2], shape[1], resize)
	}
	return picture{slices.Clone(shape), resize}, nil
}

// decode stores the image of a file's content in dst, CHW and 0..255. What the file
// says of its orientation (EXIF) is ignored and transparency left out, as
// torchvision's loader does.
func (p picture) decode(b []byte, dst []float32) error {
	width, height, err := dimensions(b)
	if err != nil {
		return err
	}
	if err := p.check(width, height); err != nil {
		return err
	}
	m, err := DecodeImage(b)
	if err != nil {
		return err
	}
	c, h, w := p.shape.CHW()
	src := toRaster(m, c)
	rw, rh := p.size(src.w, src.h)
	// Half a pixel is rounded to even, as Python does.
	x, y := int(math.RoundToEven(float64(rw-w)/2)), int(math.RoundToEven(float64(rh-h)/2))
	out := resample(src, rw, rh, image.Rect(x, y, x+w, y+h))
	for i := range c {
		plane := dst[i*h*w : (i+1)*h*w]
		for j := range plane {
			plane[j] = float32(out.pix[j*c+i])
		}
	}
	return nil
}

// dimensions returns how many columns and rows the image of a file's content has.
func dimensions(b []byte) (width, height int, err error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return 0, 0, imageError(err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxImagePixels/config.Height {
		return 0, 0, fmt.Errorf("%d x %d pixels; images of up to %d are read", config.Width, config.Height, maxImagePixels)
	}
	return config.Width, config.Height, nil
}

// check returns an error for an image that is too large when it is resized.
func (p picture) check(w, h int) error {
	if rw, rh := p.size(w, h); rw > maxImagePixels/rh {
		return fmt.Errorf("%d x %d pixels, %d x %d when its shorter side is %d, which is too large", w, h, rw, rh, p.resize)
	}
	return nil
}

// size returns the size of an image of w times h when its shorter side has become
// resize pixels; the longer one is rounded down.
func (p picture) size(w, h int) (int, int) {
	if w <= h {
		return p.resize, int(int64(p.resize) * int64(h) / int64(w))
	}
	return int(int64(p.resize) * int64(w) / int64(h)), p.resize
}

// toRaster returns an image in grey or in red, green and blue.
func toRaster(m image.Image, channels int) raster {
	b := m.Bounds()
	w, h := b.Dx(), b.Dy()
	switch m := m.(type) {
	case *image.YCbCr:
		return shrink(fromYCbCr(m), channels)
	case *image.Gray:
		return grow(raster{rows(m.Pix, m.Stride, w, h), w, h, 1}, channels)
	case *image.Gray16: // The high bytes.
		return grow(raster{every(rows(m.Pix, m.Stride, 2*w, h), 2), w, h, 1}, channels)
	case *image.RGBA: // Of files without transparency.
		return shrink(raster{rows(m.Pix, m.Stride, 4*w, h), w, h, 4}, channels)
	case *image.NRGBA:
		return shrink(raster{rows(m.Pix, m.Stride, 4*w, h), w, h, 4}, channels)
	case *image.RGBA64:
		return shrink(raster{every(rows(m.Pix, m.Stride, 8*w, h), 2), w, h, 4}, channels)
	case *image.NRGBA64:
		return shrink(raster{every(rows(m.Pix, m.Stride, 8*w, h), 2), w, h, 4}, channels)
	case *image.Paletted:
		return shrink(fromPalette(m), channels)
	case *image.CMYK:
		return shrink(fromCMYK(m), channels)
	}
	out := raster{make([]byte, 0, 4*w*h), w, h, 4}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			out.pix = append(out.pix, c.R, c.G, c.B, c.A)
		}
	}
	return shrink(out, channels)
}

// rows returns h rows of n bytes without what lies between them.
func rows(pix []byte, stride, n, h int) []byte {
	if stride == n {
		return pix[:n*h]
	}
	out := make([]byte, 0, n*h)
	for y := range h {
		out = append(out, pix[y*stride:][:n]...)
	}
	return out
}

// every returns every n-th byte.
func every(pix []byte, n int) []byte {
	out := make([]byte, 0, len(pix)/n)
	for i := 0; i < len(pix); i += n {
		out = append(out, pix[i])
	}
	return out
}

// grow makes as many channels of a grey image.
func grow(r raster, channels int) raster {
	if channels == 1 {
		return r
	}
	out := raster{make([]byte, 0, len(r.pix)*channels), r.w, r.h, channels}
	for _, p := range r.pix {
		for range channels {
			out.pix = append(out.pix, p)
		}
	}
	return out
}

// shrink leaves out the fourth channel of an image, or makes it grey, with weights as
// Pillow has them.
func shrink(r raster, channels int) raster {
	if channels == r.ch {
		return r
	}
	out := raster{make([]byte, 0, r.w*r.h*channels), r.w, r.h, channels}
	for i := 0; i < len(r.pix); i += r.ch {
		p := r.pix[i : i+3]
		if channels == 3 {
			out.pix = append(out.pix, p...)
		} else {
			out.pix = append(out.pix, byte((19595*uint32(p[0])+38470*uint32(p[1])+7471*uint32(p[2])+1<<15)>>16))
		}
	}
	return out
}

func fromPalette(m *image.Paletted) raster {
	var palette [256][4]byte
	for i, c := range m.Palette {
		c := color.NRGBAModel.Convert(c).(color.NRGBA)
		if n, ok := m.Palette[i].(color.NRGBA); ok {
			c = n // Also where it is transparent, which a conversion makes black.
		}
		palette[i] = [4]byte{c.R, c.G, c.B, c.A}
	}
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := raster{make([]byte, 0, 4*w*h), w, h, 4}
	for _, p := range rows(m.Pix, m.Stride, w, h) {
		out.pix = append(out.pix, palette[p][:]...)
	}
	return out
}

func fromCMYK(m *image.CMYK) raster {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	pix := rows(m.Pix, m.Stride, 4*w, h)
	out := raster{make([]byte, 0, len(pix)), w, h, 4}
	for i := 0; i < len(pix); i += 4 {
		white := 255 - int32(pix[i+3])
		for _, ink := range pix[i : i+3] {
			v := int32(ink)*white + 128
			out.pix = append(out.pix, clamp(white-(v>>8+v)>>8))
		}
		out.pix = append(out.pix, 255)
	}
	return out
}
