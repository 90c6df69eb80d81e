package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // For image.Decode.
	_ "image/png"
	"runtime"
	"sync"

	_ "golang.org/x/image/bmp"
)

// Bounds of an image, before memory is taken for it. A small file may claim an image of
// gigabytes, so that what is decoded is at most rasterBase bytes and a multiple of the
// file, more than photographs take. What is large is decoded one at a time, so that
// many workers take no more than a few small images and a large one.
const (
	maxImagePixels    = 1 << 26
	rasterBase        = 36 << 20
	pngFactor         = 4
	jpegFactor        = 16
	progressiveFactor = 128 // The coefficients of all pixels are in memory at a time.
	largeRaster       = 4 << 20
)

var oneLarge sync.Mutex

// DecodeImage decodes the content of a PNG, JPEG, BMP or WebP file. It is an error if the image
// has more than 67 million pixels or takes far more memory than the file.
func DecodeImage(b []byte) (image.Image, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, imageError(err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxImagePixels/config.Height {
		return nil, fmt.Errorf("%d x %d pixels; images of up to %d are read", config.Width, config.Height, maxImagePixels)
	}
	size, factor := rasterBytes(b, config, format)
	if most := rasterBase + factor*int64(len(b)); size > most {
		return nil, fmt.Errorf("%d x %d pixels take %d MB, too many for a file of %d bytes; if the file is sound, save it smaller", config.Width, config.Height, size>>20, len(b))
	}
	if format == "jpeg" && !ended(b) {
		return nil, errors.New("half an image, as from an interrupted download")
	}
	if size > largeRaster+pngFactor*int64(len(b)) {
		oneLarge.Lock()
		defer oneLarge.Unlock()
		defer runtime.GC() // Or the next one is decoded before the memory of this one is free again.
	}
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, imageError(err)
	}
	if format != "webp" {
		return m, nil
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromWebP(m), nil
	case *image.NYCbCrA:
		return fromWebP(&m.YCbCr), nil
	}
	return m, nil
}

func imageError(err error) error {
	if errors.Is(err, image.ErrFormat) {
		return errors.New("not a PNG, JPEG, BMP or WebP image")
	}
	return fmt.Errorf("the image cannot be decoded: %v", err)
}

// rasterBytes returns what decoding takes, and how many times the file it may be.
func rasterBytes(b []byte, c image.Config, format string) (size, factor int64) {
	pixels := int64(c.Width) * int64(c.Height)
	if format == "jpeg" {
		if samples, all, progressive := jpegSamples(b); all > 0 {
			if factor = jpegFactor; progressive {
				samples, factor = 5*samples, progressiveFactor // A byte and a coefficient of four.
			}
			return (pixels*samples + all - 1) / all, factor
		}
	}
	if format == "webp" {
		return pixels * bytesPerPixel(c.ColorModel), jpegFactor
	}
	return pixels * bytesPerPixel(c.ColorModel), pngFactor
}

func bytesPerPixel(m color.Model) int64 {
	switch m {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// ended reports whether a JPEG has an end after its pixels.
func ended(b []byte) bool {
	pixels := bytes.Index(b, []byte{0xff, 0xda})
	return pixels >= 0 && bytes.LastIndex(b, []byte{0xff, 0xd9}) > pixels
}

// jpegSamples returns how many samples of all channels a JPEG has for so many pixels,
// zero if its header is not as it should be.
func jpegSamples(b []byte) (samples, pixels int64, progressive bool) {
	for at := 2; at+4 <= len(b) && b[at] == 0xff; {
		marker, n := b[at+1], int(b[at+2])<<8|int(b[at+3])
		if marker == 0xff { // Filling.
			at++
			continue
		}
		if marker < 0xc0 || marker > 0xc2 {
			at += 2 + n
			continue
		}
		if at+10 > len(b) {
			return 0, 0, false
		}
		parts := int(b[at+9])
		if at+10+3*parts > len(b) {
			return 0, 0, false
		}
		var widest, highest int64
		for i := range parts {
			h, v := int64(b[at+11+3*i]>>4), int64(b[at+11+3*i]&15)
			widest, highest, samples = max(widest, h), max(highest, v), samples+h*v
		}
		return samples, widest * highest, marker == 0xc2
	}
	return 0, 0, false
}
