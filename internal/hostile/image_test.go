//go:build linux

package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
)

// images are bad image files, the folders and the tables of labels they lie in.
func images() []hostile {
	// folder is two classes, in a the good image 0.png beside what make adds.
	folder := func(name string, make func(f *files), want ...string) hostile {
		return hostile{
			name: "folder: " + name, args: "data info folder:d", want: want,
			make: func(f *files) {
				f.write("d/a/0.png", picture(8, 8))
				f.write("d/b/0.png", picture(8, 8))
				make(f)
			},
		}
	}
	bad := func(name, file string, b func() []byte, want ...string) hostile {
		return folder(name, func(f *files) { f.write("d/a/"+file, b()) }, append(want, file)...)
	}
	table := func(name, csv string, want ...string) hostile {
		return hostile{
			name: "labels: " + name, args: "data info files:d", want: append(want, "d"),
			make: func(f *files) {
				f.write("d/0.png", picture(8, 8))
				f.write("secret.png", picture(8, 8))
				f.write("d/labels.csv", []byte(csv))
			},
		}
	}
	watch := func(name string, b func() []byte) hostile {
		return hostile{
			name: "watch: " + name, args: "watch BASE/model.onnx --data mnist:BASE/digits --image x.png", want: []string{"x.png"},
			make: func(f *files) { f.write("x.png", b()) },
		}
	}
	half := func(b []byte) func() []byte { return func() []byte { return b[:len(b)/2] } }
	list := []hostile{
		bad("empty image", "1.png", func() []byte { return nil }),
		bad("image of text", "1.png", func() []byte { return []byte("not found") }),
		bad("half a PNG", "1.png", half(picture(64, 64))),
		bad("half a JPEG", "1.jpg", half(photo(64, 64))),
		bad("PNG with a wrong sum", "1.png", func() []byte { b := picture(64, 64); b[60] ^= 1; return b }),
		bad("PNG of no size", "1.png", func() []byte { return pngOf(0, 0, 8, 6, nil) }),
		bad("PNG of 65535 x 65535", "1.png", func() []byte { return pngOf(65535, 65535, 8, 6, deflated(1<<20)) }, "65535 x 65535"),
		bad("PNG of 2^31-1 x 2^31-1", "1.png", func() []byte { return pngOf(1<<31-1, 1<<31-1, 8, 6, deflated(1<<10)) }),
		bad("PNG of 8000 x 8000, without pixels", "1.png", func() []byte { return pngOf(8000, 8000, 16, 6, nil) }),
		bad("PNG of 8000 x 8000, half there", "1.png", func() []byte { return pngOf(8000, 8000, 8, 0, deflated(32<<20)) }),
		bad("PNG of 8000 x 8000, with a wrong sum", "1.png", func() []byte { return pngOf(8000, 8000, 8, 0, wrongSum(8000*8001)) }),
		bad("PNG of 8000 x 8000 in a line", "1.png", func() []byte { return pngOf(64000000, 1, 16, 6, nil) }),
		bad("PNG of a chunk of 2^31 bytes", "1.png", func() []byte { b := picture(8, 8); binary.BigEndian.PutUint32(b[33:], 1<<31); return b }),
		bad("JPEG of 65535 x 65535", "1.jpg", func() []byte { return jpegOf(65535, 65535, 0xc0) }, "65535 x 65535"),
		bad("JPEG of 8000 x 8000, without pixels", "1.jpg", func() []byte { return jpegOf(8000, 8000, 0xc0) }),
		bad("progressive JPEG of 8000 x 8000, without pixels", "1.jpg", func() []byte { return jpegOf(8000, 8000, 0xc2) }),
		bad("JPEG of markers", "1.jpg", func() []byte { return append([]byte{0xff, 0xd8}, bytes.Repeat([]byte{0xff}, 1<<20)...) }),
		bad("GIF that is called PNG", "1.png", func() []byte { return []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;") }),
		bad("SVG that is called PNG", "1.png", func() []byte { return []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`) }),
		bad("progressive JPEG of 4000 x 3000, without pixels", "1.jpg", func() []byte { return jpegOf(4000, 3000, 0xc2) }),
		folder("PNGs of 10 megapixels", func(f *files) {
			b := pngOf(3500, 3000, 8, 2, wrongSum(3000*(3*3500+1)))
			for i := range 4 {
				f.write(fmt.Sprintf("d/a/bad%d.png", i), b)
			}
		}, "bad0.png"),
		folder("pipe", func(f *files) { f.pipe("d/a/1.png") }, "1.png"),
		folder("device", func(f *files) { f.link("/dev/zero", "d/a/1.png") }, "1.png"),
		folder("link in a circle", func(f *files) { f.link("1.png", "d/a/1.png") }, "1.png"),
		folder("link to nowhere", func(f *files) { f.link("nowhere", "d/a/1.png") }, "1.png"),
		folder("link to a folder", func(f *files) { f.link(".", "d/a/1.png") }, "1.png"),
		folder("hole of a terabyte", func(f *files) { f.sparse("d/a/1.png", 1<<40) }, "1.png"),
		{name: "folder: empty classes", args: "data info folder:d", want: []string{"nothing"}, make: func(f *files) { f.folder("d/nothing"); f.folder("d/more") }},
		{name: "folder: class of links in a circle", args: "data info folder:d", want: []string{"of a class: c"}, make: func(f *files) { f.link("..", "d/c/up"); f.link("../c", "d/c/me") }},
		bad("WebP of 16383 x 16383", "1.webp", func() []byte { return webpOf(16383, 16383) }, "16383 x 16383"),
		bad("WebP of 8000 x 8000, without pixels", "1.webp", func() []byte { return webpOf(8000, 8000) }, "too many for a file"),
		bad("WebP of 2900 x 2900, without pixels", "1.webp", func() []byte { return webpOf(2900, 2900) }),
		bad("WebP of nothing", "1.webp", func() []byte { return []byte("RIFF\x04\x00\x00\x00WEBPVP8L") }),
		folder("BMP of 30000 x 30000", func(f *files) {
			b := append([]byte("BM"), make([]byte, 52)...)
			b[10], b[14], b[26], b[28] = 54, 40, 1, 24
			binary.LittleEndian.PutUint32(b[18:], 30000)
			binary.LittleEndian.PutUint32(b[22:], 30000)
			f.write("d/a/1.bmp", b)
		}, "1.bmp", "30000 x 30000"),
		folder("BMP of 7000 x 7000, without pixels", func(f *files) {
			b := append([]byte("BM"), make([]byte, 52)...)
			b[10], b[14], b[26], b[28] = 54, 40, 1, 24
			binary.LittleEndian.PutUint32(b[18:], 7000)
			binary.LittleEndian.PutUint32(b[22:], 7000)
			f.write("d/a/1.bmp", b)
		}, "1.bmp"),
		folder("name with control characters", func(f *files) { f.write("d/a/\x1b[2J\n.png", []byte("x")) }, ".png"),
		folder("a thousand bad images", func(f *files) {
			for i := range 1000 {
				f.write(fmt.Sprintf("d/a/bad%d.png", i), []byte("x"))
			}
		}, "1000 of 1002"),
		{name: "folder: no folder", args: "data info folder:d", want: []string{"folder:d"}},
		{name: "folder: a file", args: "data info folder:d", want: []string{"folder:d"}, make: func(f *files) { f.write("d", nil) }},
		{name: "folder: empty", args: "data info folder:d", want: []string{"folder:d"}, make: func(f *files) { f.folder("d") }},
		{name: "folder: crop of gigabytes", args: "data info folder:d?crop=2000000000", want: []string{"folder:d"}, make: func(f *files) { f.write("d/a/0.png", picture(8, 8)) }},
		{name: "folder: crop above the resized image", args: "data info folder:d?resize=50&crop=100", want: []string{"folder:d", "100 x 100"}, make: func(f *files) { f.write("d/a/0.png", picture(8, 8)) }},
		{name: "folder: split that is not there", args: "data info folder:d --split test", want: []string{"folder:d"}, make: func(f *files) { f.write("d/train/a/0.png", picture(8, 8)) }},
		{name: "folder: image of a line", args: "data info folder:d", want: []string{"0.png"}, make: func(f *files) { f.write("d/a/0.png", picture(60000, 1)) }},

		table("empty", ""),
		table("one column", "0.png\n", "NAME,LABEL"),
		table("three columns", "0.png,1,2\n", "NAME,LABEL"),
		table("quote that does not end", "\"0.png,1\n"),
		table("image that is missing", "0.png,1\nnothing.png,2\n", "nothing.png"),
		table("image outside the folder", "0.png,1\n../secret.png,2\n", "../secret.png"),
		table("image of an absolute path", "0.png,1\n/etc/passwd,2\n", "/etc/passwd"),
		table("image that is the folder", "0.png,1\n.,2\n", "labels.csv"),
		table("image without a name", "0.png,1\n,2\n", "labels.csv"),
		table("label below 0", "0.png,-1\n", "-1"),
		table("label of giant number", "0.png,65536\n", "65536"),
		table("no label", "0.png,\n", "0.png"),
		table("zeros", strings.Repeat("\x00", 1<<16)),
		table("control characters", "0.png,1\n\x1b[2J.png,2\n"),
		table("line of megabytes", "0.png,1\n"+strings.Repeat("a", 4<<20)+",1\n"),
		{name: "labels: pipe", args: "data info files:d,l.csv", want: []string{"l.csv"}, make: func(f *files) { f.folder("d"); f.pipe("l.csv") }},
		{name: "labels: device", args: "data info files:d,l.csv", want: []string{"l.csv"}, make: func(f *files) { f.folder("d"); f.link("/dev/zero", "l.csv") }},
		{name: "labels: hole of a terabyte", args: "data info files:d,l.csv", want: []string{"l.csv"}, make: func(f *files) { f.folder("d"); f.sparse("l.csv", 1<<40) }},

		watch("empty", func() []byte { return nil }),
		watch("half", half(picture(64, 64))),
		watch("65535 x 65535", func() []byte { return pngOf(65535, 65535, 8, 6, deflated(1<<10)) }),
		watch("8000 x 8000, without pixels", func() []byte { return pngOf(8000, 8000, 16, 6, nil) }),
		{name: "watch: pipe", args: "watch BASE/model.onnx --data mnist:BASE/digits --image x.png", want: []string{"x.png"}, make: func(f *files) { f.pipe("x.png") }},
		{name: "watch: device", args: "watch BASE/model.onnx --data mnist:BASE/digits --image x.png", want: []string{"x.png"}, make: func(f *files) { f.link("/dev/zero", "x.png") }},
		{name: "watch: hole of a terabyte", args: "watch BASE/model.onnx --data mnist:BASE/digits --image x.png", want: []string{"x.png"}, make: func(f *files) { f.sparse("x.png", 1<<40) }},
		{name: "watch: number above the images", args: "watch BASE/model.onnx --data mnist:BASE/digits --image 10", code: 2, want: []string{"--image 10"}},
	}
	return list
}

func picture(w, h int) []byte {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 37)
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m)
	return b.Bytes()
}

func photo(w, h int) []byte {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = byte(i * 37)
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil)
	return b.Bytes()
}

// pngOf is a PNG file whose header says what it likes.
func pngOf(w, h uint32, depth, colour byte, data []byte) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(typ string, data []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		body := append([]byte(typ), data...)
		b = binary.BigEndian.AppendUint32(append(b, body...), crc32.ChecksumIEEE(body))
	}
	chunk("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h), depth, colour, 0, 0, 0))
	chunk("IDAT", data)
	chunk("IEND", nil)
	return b
}

// deflated is that many zeros as PNG and zlib have them, and not the end of them.
func deflated(n int64) []byte {
	b := bomb(nil, n)
	return append([]byte{0x78, 0x01}, b[10:len(b)-12]...)
}

// wrongSum is that many zeros, whole but for the sum at the end.
func wrongSum(n int64) []byte {
	b := bomb(nil, n)
	return append(append([]byte{0x78, 0x01}, b[10:len(b)-8]...), 1, 2, 3, 4)
}

// jpegOf is a JPEG file without pixels whose header says what it likes. The kind is
// 0xc0 for baseline and 0xc2 for progressive.
func jpegOf(w, h uint16, kind byte) []byte {
	b := photo(16, 16)
	at := bytes.Index(b, []byte{0xff, 0xc0})
	b[at+1] = kind
	binary.BigEndian.PutUint16(b[at+5:], h)
	binary.BigEndian.PutUint16(b[at+7:], w)
	return b[:bytes.Index(b, []byte{0xff, 0xda})+14]
}

// webpOf is a lossless WebP image of that size whose pixels break off.
func webpOf(w, h int) []byte {
	bits := uint32(w-1) | uint32(h-1)<<14
	data := append([]byte{0x2f}, binary.LittleEndian.AppendUint32(nil, bits)...)
	data = append(data, 0, 0, 0)
	b := append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(12+len(data)))...)
	b = append(append(b, "WEBPVP8L"...), binary.LittleEndian.AppendUint32(nil, uint32(len(data)))...)
	return append(b, data...)
}
