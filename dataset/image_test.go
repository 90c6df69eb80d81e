package dataset

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// photograph is a JPEG of random pixels, with chroma of half the resolution.
func photograph(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	copy(m.Y, noise(1, len(m.Y)))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRasterBytes compares with what decoding takes.
func TestRasterBytes(t *testing.T) {
	encode := func(m image.Image) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	r := image.Rect(0, 0, 64, 32)
	for name, tt := range map[string]struct {
		b    []byte
		want int64
	}{
		"grey":     {encode(image.NewGray(r)), 64 * 32},
		"grey, 16": {encode(image.NewGray16(r)), 2 * 64 * 32},
		"colour":   {encode(image.NewNRGBA(r)), 4 * 64 * 32},
		"RGBA, 16": {encode(image.NewNRGBA64(r)), 8 * 64 * 32},
		"4:2:0":    {photograph(t, 64, 32), 64 * 32 * 3 / 2},
	} {
		c, format, err := image.DecodeConfig(bytes.NewReader(tt.b))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := rasterBytes(tt.b, c, format); got != tt.want {
			t.Errorf("%s: %d bytes, want %d", name, got, tt.want)
		}
	}
	// Progressive, other chroma, and a header that ends.
	b := photograph(t, 64, 32)
	at := bytes.Index(b, []byte{0xff, 0xc0})
	if s, n, _ := jpegSamples(b[:at+8]); s != 0 || n != 0 {
		t.Errorf("half a header: %d samples for %d pixels", s, n)
	}
	b[at+1], b[at+11] = 0xc2, 0x11
	if s, n, p := jpegSamples(b); s != 3 || n != 1 || !p {
		t.Errorf("progressive %v, %d samples for %d pixels, want 3 for one", p, s, n)
	}
	if !ended(b) || ended(b[:len(b)-2]) || ended(b[:len(b)/2]) {
		t.Error("the end of a JPEG is not seen, or seen where there is none")
	}
}

func TestDecodeImageBounds(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA64(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		w, h uint32
		want string
	}{
		{60000, 60000, "images of up to 67108864 are read"},
		{8000, 8000, "take 488 MB, too many for a file of "},
		{2000, 2000, "not enough pixel data"},
	} {
		bad := bytes.Clone(b.Bytes())
		binary.BigEndian.PutUint32(bad[16:], tt.w)
		binary.BigEndian.PutUint32(bad[20:], tt.h)
		binary.BigEndian.PutUint32(bad[29:], crc32.ChecksumIEEE(bad[12:29]))
		if _, err := DecodeImage(bad); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d x %d: error %v, want %q in it", tt.w, tt.h, err, tt.want)
		}
	}
	if m, err := DecodeImage(photograph(t, 3000, 2000)); err != nil || m.Bounds().Dx() != 3000 {
		t.Errorf("a photograph of 6 megapixels: %v", err)
	}
}
