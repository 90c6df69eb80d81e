//go:build linux

package hostile

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
)

// dataSets are bad files of CIFAR, of MNIST and of numpy.
func dataSets() []hostile {
	info := func(name, spec string, make func(f *files), want ...string) hostile {
		return hostile{name: name, args: "data info " + spec, make: make, want: want}
	}
	// mnist is the good folder with one file changed.
	mnist := func(name, file string, change func(b []byte) []byte, want ...string) hostile {
		return info("mnist: "+name, "mnist:d --split train", func(f *files) {
			f.copy("digits", "d")
			f.edit("d/"+file, change)
		}, append(want, "d/"+file)...)
	}
	const pixels, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
	of := func(b []byte) func([]byte) []byte { return func([]byte) []byte { return b } }
	// cifar is one file of CIFAR-10, b.bin.
	cifar := func(name string, b func() []byte, want ...string) hostile {
		return info("cifar: "+name, "cifar10:b.bin", func(f *files) { f.write("b.bin", b()) }, append(want, "b.bin")...)
	}
	archive := func(name string, b func() []byte, want ...string) hostile {
		return info("cifar: "+name, "cifar10:c.tar.gz", func(f *files) { f.write("c.tar.gz", b()) }, append(want, "c.tar.gz")...)
	}
	npz := func(name string, b func() []byte, want ...string) hostile {
		return info("npz: "+name, "npz:a.npz", func(f *files) { f.write("a.npz", b()) }, append(want, "a.npz")...)
	}
	npy := func(name string, x, y []byte, want ...string) hostile {
		return info("npy: "+name, "npy:x.npy,y.npy", func(f *files) { f.write("x.npy", x); f.write("y.npy", y) }, want...)
	}
	goodX, goodY := array("|u1", "(2, 1, 4, 4)", make([]byte, 32)), array("|u1", "(2,)", []byte{0, 1})
	record := make([]byte, 3073)
	return []hostile{
		mnist("empty", pixels, of(nil)),
		mnist("half a download", pixels, func(b []byte) []byte { return b[:len(b)/2] }, "half a download"),
		mnist("one byte more", pixels, func(b []byte) []byte { return append(b, 0) }),
		mnist("labels in place of images", pixels, of(idx(0x801, make([]byte, 40), 40)), "magic"),
		mnist("no images", pixels, of(idx(0x803, nil, 0, 28, 28))),
		mnist("images of no size", pixels, of(idx(0x803, nil, 40, 0, 28))),
		mnist("images of terabytes", pixels, of(idx(0x803, nil, 40, 1<<31-1, 1<<10))),
		mnist("images that overflow", pixels, of(idx(0x803, nil, 1<<31-1, 1<<31-1, 1<<31-1))),
		mnist("images of other number", pixels, of(idx(0x803, make([]byte, 784), 1, 28, 28)), labels),
		mnist("label above the classes", labels, func(b []byte) []byte { b[20] = 10; return b }, "image 12"),
		mnist("gzip that is none", pixels, of([]byte("\x1f\x8b and nothing"))),
		mnist("gzip that is half there", pixels, func(b []byte) []byte { z := zipped(b); return z[:len(z)/2] }),
		mnist("gzip with a wrong sum", pixels, func(b []byte) []byte { z := zipped(b); z[len(z)-5] ^= 1; return z }),
		mnist("bomb of gzip", pixels, of(bomb(idx(0x803, nil, 1<<20, 28, 28), 64<<20))),
		mnist("bomb of gzip in the labels", labels, of(bomb(idx(0x801, nil, 1<<30), 64<<20))),
		info("mnist: pipe", "mnist:d --split train", func(f *files) { f.pipe("d/" + labels); f.pipe("d/" + pixels) }, "d/train"),
		info("mnist: device", "mnist:d --split train", func(f *files) { f.link("/dev/zero", "d/"+labels); f.link("/dev/zero", "d/"+pixels) }, "d/train"),
		info("mnist: folders", "mnist:d --split train", func(f *files) { f.folder("d/" + labels); f.folder("d/" + pixels) }, "d/train"),
		info("mnist: links in a circle", "mnist:d --split train", func(f *files) { f.link(labels, "d/"+labels); f.link(labels, "d/"+pixels) }, "d/train"),
		info("mnist: no folder", "mnist:d", nil, "mnist:d"),
		info("mnist: a file", "mnist:d", func(f *files) { f.write("d", nil) }, "mnist:d"),

		cifar("empty", func() []byte { return nil }, "empty"),
		cifar("half a download", func() []byte { return make([]byte, 3073*3/2) }, "3073"),
		cifar("label above the classes", func() []byte { b := slices.Clone(record); b[0] = 10; return append(record, b...) }, "image 1"),
		info("cifar: hole of a terabyte", "cifar10:b.bin", func(f *files) { f.sparse("b.bin", 1<<40) }, "b.bin"),
		cifar("pickle that runs a command", func() []byte {
			return []byte("\x80\x02cos\nsystem\nq\x00X\x0c\x00\x00\x00touch owned.q\x01\x85q\x02Rq\x03.")
		}, "os.system", "not run"),
		cifar("pickle that runs a command, protocol 4", func() []byte {
			return []byte("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch owned\x85R.")
		}, "posix.system", "not run"),
		cifar("pickle that evaluates", func() []byte { return []byte("\x80\x02c__builtin__\neval\n\x8c\x011\x85R.") }, "eval", "not run"),
		cifar("pickle of the first protocol", func() []byte { return []byte("\x80\x00(dp0\nS'data'\np1\nI0\ns.") }),
		cifar("pickle that ends", func() []byte { return []byte("\x80\x02}q\x00(U") }, "truncated"),
		cifar("pickle that only stops", func() []byte { return []byte("\x80\x02.") }),
		cifar("pickle of an instance", func() []byte { return []byte("\x80\x02(ios\nsystem\n.") }),
		cifar("pickle of an extension", func() []byte { return []byte("\x80\x02\x82\x01.") }),
		cifar("pickle of a length above 64 bits", func() []byte { return []byte("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.") }),
		cifar("pickle of a giant number", func() []byte { return []byte("\x80\x02\x8b\xff\xff\xff\x7f.") }),
		cifar("pickle of marks", func() []byte { return append([]byte{0x80, 2}, bytes.Repeat([]byte("("), 4<<20)...) }),
		cifar("pickle of lists in lists", func() []byte {
			return append(append([]byte{0x80, 2}, bytes.Repeat([]byte("]"), 1<<19)...), append(bytes.Repeat([]byte("a"), 1<<19-1), '.')...)
		}),
		cifar("pickle of a list of lists", func() []byte {
			return append(append([]byte{0x80, 2, ']'}, bytes.Repeat([]byte("]a"), 1<<18)...), '.')
		}),
		cifar("pickle of names", func() []byte {
			b := []byte{0x80, 2, 'N'}
			for i := range 1 << 18 {
				b = little.AppendUint32(append(b, 'r'), uint32(i))
			}
			return append(b, '.')
		}),
		cifar("pickle of tuples of tuples", func() []byte {
			return append(append([]byte{0x80, 2, 'N'}, bytes.Repeat([]byte{0x85, '2', 0x86}, 1<<18)...), '.')
		}),
		cifar("pickle of a list in itself", func() []byte { return []byte("\x80\x02]q\x00h\x00a.") }, "dictionary"),
		cifar("pickle of another dictionary", func() []byte { return []byte("\x80\x02}q\x00U\x04nameU\x02mes.") }, "labels"),
		cifar("pickle of negative shape", func() []byte { return pickled(-1, 3072, 1, nil) }),
		cifar("pickle of giant shape", func() []byte { return pickled(1<<31-1, 1<<31-1, 1, nil) }),
		cifar("pickle of fewer pixels", func() []byte { return pickled(1, 3072, 1, make([]byte, 3071)) }),
		cifar("pickle of a label above the classes", func() []byte { return pickled(1, 3072, 10, make([]byte, 3072)) }),
		info("cifar: pipe", "cifar10:b.bin", func(f *files) { f.pipe("b.bin") }, "b.bin"),
		info("cifar: device", "cifar10:b.bin", func(f *files) { f.link("/dev/zero", "b.bin") }, "b.bin"),
		info("cifar: folder of pipes", "cifar10:d", func(f *files) { f.pipe("d/data_batch_1.bin"); f.pipe("d/test_batch.bin") }, "data_batch_1.bin"),
		info("cifar: batch that is missing", "cifar10:d --split train", func(f *files) { f.write("d/data_batch_1.bin", record); f.write("d/data_batch_3.bin", record) }, "data_batch_2.bin"),
		info("cifar: archive that is a pipe", "cifar10:d", func(f *files) { f.pipe("d/cifar-10-binary.tar.gz") }, "d"),
		info("cifar: archive that is a device", "cifar10:c.tar.gz", func(f *files) { f.link("/dev/zero", "c.tar.gz") }, "c.tar.gz"),

		archive("archive that is half there", func() []byte { z := tarred(tarFile("test_batch.bin", record)); return z[:len(z)/2] }, "half an archive"),
		archive("archive that is no tar", func() []byte { return zipped([]byte(strings.Repeat("not a tar ", 1000))) }),
		archive("archive without the files", func() []byte { return tarred(tarFile("readme.html", record)) }, "data_batch_1.bin"),
		archive("archive that leaves its folder", func() []byte {
			return tarred(tarFile("../escaped", record), tarFile("/escaped", record), tarFile("a/../../escaped", record))
		}, "data_batch_1.bin"),
		archive("archive of links", func() []byte {
			return tarred(tarLink(tar.TypeSymlink, "data_batch_1.bin", "/etc/passwd"), tarLink(tar.TypeLink, "test_batch.bin", "../../etc/passwd"))
		}, "data_batch_1.bin"),
		archive("archive of devices and pipes", func() []byte {
			return tarred(tarLink(tar.TypeChar, "data_batch_1.bin", ""), tarLink(tar.TypeFifo, "test_batch.bin", ""), tarLink(tar.TypeBlock, "data_batch_2.bin", ""))
		}, "data_batch_1.bin"),
		archive("archive of sparse files", func() []byte { return zipped(sparseTar()) }),
		archive("archive of one name twice", func() []byte { return tarred(tarFile("data_batch_1.bin", record), tarFile("data_batch_1.bin", record)) }, "data_batch_1.bin"),
		archive("archive of a file of exabytes", func() []byte { return zipped(tarHeader("test_batch.bin", 1<<62)) }),
		archive("archive of a header of megabytes", func() []byte {
			return zipped(append(tarHeaderOf("x", 'x', 64<<20), bytes.Repeat([]byte("11 a=bcdef\n"), 1<<16)...))
		}),
		archive("bomb in an archive", func() []byte { return bomb(tarHeader("test_batch.bin", 400<<20), 64<<20) }),
		archive("bomb of a file that nobody reads", func() []byte { return bomb(tarHeader("readme.html", 4<<30), 64<<20) }),
		archive("archives in archives", func() []byte {
			b := record
			for range 20 {
				b = tarred(tarFile("c.tar.gz", b))
			}
			return b
		}, "data_batch_1.bin"),

		npz("empty", func() []byte { return nil }),
		npz("half a download", func() []byte { b := zipOf("x", goodX, "y", goodY); return b[:len(b)/2] }),
		npz("no array", func() []byte { return zipOf() }),
		npz("array that leaves its folder", func() []byte { return zipOf("../../x", goodX, "/etc/y", goodY) }, "images"),
		npz("labels alone", func() []byte { return zipOf("y", goodY) }, "images"),
		npz("array that is no array", func() []byte { return zipOf("x", []byte("hello"), "y", goodY) }, "array x"),
		npz("bomb", func() []byte {
			return zipBomb("x", array("|u1", "(65536, 1, 28, 28)", nil), 65536*784, "y", array("|u1", "(65536,)", make([]byte, 65536)))
		}, "array x"),
		npz("bomb of frames", func() []byte {
			return zipBomb("x", array("|u1", "(64, 1024, 2, 128, 128)", nil), 64<<20, "y", array("|u1", "(64,)", make([]byte, 64)))
		}, "array x", "too many"),
		npz("frames that overflow", func() []byte {
			return zipOf("x", array("<f8", "(65536, 65536, 65536, 65536, 65536)", nil), "y", goodY)
		}, "array x"),
		npz("frames that are NaN", func() []byte {
			return zipOf("x", array("<f4", "(2, 1, 1, 1, 1)", bytes.Repeat([]byte{0xff}, 8)), "y", goodY)
		}, "array x", "image 0"),
		npz("frames cut off", func() []byte { return zipOf("x", array("|u1", "(2, 3, 2, 4, 4)", make([]byte, 191)), "y", goodY) }, "array x", "truncated"),
		npz("two ones in a row of labels", func() []byte {
			return zipOf("x", goodX, "y", array("|u1", "(2, 2)", []byte{1, 0, 1, 1}))
		}, "array y", "image 1"),
		npz("rows of labels of gigabytes", func() []byte { return zipOf("x", goodX, "y", array("|u1", "(2, 1073741824)", nil)) }, "array y"),
		info("frames: bomb", "folder:d", func(f *files) {
			f.write("d/0/1.npz", zipBomb("frames", array("<f8", "(512, 2, 512, 512)", nil), 64<<20))
		}, "1.npz", "too many"),
		info("frames: pipe", "folder:d", func(f *files) { f.folder("d/0"); f.pipe("d/0/1.npy") }, "1.npy"),
		info("frames: device", "folder:d", func(f *files) { f.folder("d/0"); f.link("/dev/zero", "d/0/1.npy") }, "1.npy"),
		info("frames: hole of a terabyte", "folder:d", func(f *files) { f.folder("d/0"); f.sparse("d/0/1.npy", 1<<40) }, "1.npy"),
		info("frames: no array of them", "folder:d", func(f *files) { f.write("d/0/1.npz", zipOf("x", goodX, "y", goodY)) }, "1.npz", "no array frames"),
		info("frames: one image alone", "folder:d", func(f *files) { f.write("d/0/1.npy", array("|u1", "(2, 4, 4)", make([]byte, 32))) }, "1.npy", "frame, channel, row, column"),
		npz("bomb of a header", func() []byte { return zipBomb("y", []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f"), 32<<20, "x", goodX) }, "array y"),
		npz("ten thousand arrays", func() []byte {
			var parts []any
			for i := range 10000 {
				parts = append(parts, fmt.Sprint("array", i), goodY)
			}
			return zipOf(parts...)
		}, "images"),
		npz("sum that is wrong", func() []byte {
			b := zipOf("x", goodX, "y", goodY)
			i := bytes.LastIndex(b, []byte("(2,)"))
			b[i+60] ^= 1
			return b
		}),
		info("npz: pipe", "npz:a.npz", func(f *files) { f.pipe("a.npz") }, "a.npz"),
		info("npz: device", "npz:a.npz", func(f *files) { f.link("/dev/zero", "a.npz") }, "a.npz"),
		npy("empty", nil, goodY, "x.npy"),
		npy("labels empty", goodX, nil, "y.npy"),
		npy("half a download", goodX[:len(goodX)-16], goodY, "x.npy", "truncated"),
		npy("header that does not end", []byte("\x93NUMPY\x01\x00\xff\xff{'descr': '|u1', "), goodY, "x.npy"),
		npy("header of text", array("|u1", "(2, 1, 4, 'a')", make([]byte, 32)), goodY, "x.npy"),
		npy("header with code", array("|u1", "(__import__('os').system('touch owned'),)", make([]byte, 32)), goodY, "x.npy"),
		npy("shape of terabytes", array("|u1", "(1000000, 3, 1000, 1000)", nil), goodY, "x.npy"),
		npy("shape that overflows", array("<f8", "(2147483647, 2147483647, 2147483647)", nil), goodY, "x.npy"),
		npy("shape below 0", array("|u1", "(-2, 1, 4, 4)", make([]byte, 32)), goodY, "x.npy"),
		npy("shape with zero", array("|u1", "(0, 1, 4, 4)", nil), goodY, "x.npy"),
		npy("shape of a thousand axes", array("|u1", "("+strings.Repeat("1, ", 1000)+")", []byte{1}), goodY, "x.npy"),
		npy("Python objects", array("|O", "(2,)", []byte("\x80\x02cos\nsystem\n")), goodY, "x.npy", "objects"),
		npy("pixels that are NaN", array("<f4", "(2, 1, 1, 1)", bytes.Repeat([]byte{0xff}, 8)), goodY, "x.npy", "image 0"),
		npy("no axis of channels", array("|u1", "(2, 4, 4, 4)", make([]byte, 128)), goodY, "x.npy", "channels"),
		npy("labels below 0", goodX, array("|i1", "(2,)", []byte{0, 0xff}), "y.npy", "label -1"),
		npy("labels above the classes", goodX, array("<i8", "(2,)", []byte{0, 0, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0}), "y.npy", "label"),
		npy("labels of floats", goodX, array("<f4", "(2,)", []byte{0, 0, 0, 0, 0, 0, 0, 0x3f}), "y.npy"),
		npy("labels of other number", goodX, array("|u1", "(3,)", []byte{0, 1, 0}), "x.npy", "3 labels"),
		info("npy: pipe", "npy:x.npy,y.npy", func(f *files) { f.pipe("x.npy"); f.pipe("y.npy") }, "y.npy"),
		info("npy: device", "npy:x.npy,y.npy", func(f *files) { f.link("/dev/zero", "x.npy"); f.link("/dev/zero", "y.npy") }, "y.npy"),
		{
			name: "images that the network does not take", args: "eval BASE/model.onnx --data npy:x.npy,y.npy --calibrate mnist:BASE/digits", want: []string{"x.npy", "1x4x4"},
			make: func(f *files) { f.write("x.npy", goodX); f.write("y.npy", goodY) },
		},
		{
			name: "calibration on test images", args: "eval BASE/model.onnx --data npy:x.npy,y.npy --calibrate npy:x.npy,y.npy", want: []string{"x.npy"},
			make: func(f *files) {
				f.write("x.npy", array("|u1", "(2, 28, 28)", make([]byte, 2*784)))
				f.write("y.npy", goodY)
			},
		},
	}
}

// zipped is b in gzip.
func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// zeros is a reader of that many.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// bomb is gzip of a head and that many zeros.
func bomb(head []byte, n int64) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	_, _ = z.Write(head)
	_, _ = io.Copy(z, zeros(n))
	_ = z.Close()
	return out.Bytes()
}

// array is a .npy file.
func array(descr, shape string, data []byte) []byte {
	h := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	return append(append(little.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(h))), h...), data...)
}

// zipOf is a .npz file: name, content, name, ...
func zipOf(parts ...any) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := 0; i < len(parts); i += 2 {
		w, _ := z.Create(parts[i].(string) + ".npy")
		_, _ = w.Write(parts[i+1].([]byte))
	}
	_ = z.Close()
	return out.Bytes()
}

// zipBomb is a .npz file whose first array is a head and that many zeros.
func zipBomb(name string, head []byte, n int64, more ...any) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, _ := z.Create(name + ".npy")
	_, _ = w.Write(head)
	_, _ = io.Copy(w, zeros(n))
	for i := 0; i < len(more); i += 2 {
		w, _ := z.Create(more[i].(string) + ".npy")
		_, _ = w.Write(more[i+1].([]byte))
	}
	_ = z.Close()
	return out.Bytes()
}

// entry is a file in a tar archive.
type entry struct {
	header  tar.Header
	content []byte
}

func tarFile(name string, content []byte) entry {
	return entry{tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}, content}
}

func tarLink(typ byte, name, to string) entry {
	return entry{tar.Header{Typeflag: typ, Name: name, Linkname: to, Mode: 0o644, Devmajor: 1, Devminor: 5}, nil}
}

func tarred(entries ...entry) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for i := range entries {
		_ = w.WriteHeader(&entries[i].header)
		_, _ = w.Write(entries[i].content)
	}
	_ = w.Close()
	return zipped(out.Bytes())
}

// tarHeader is one header without what it claims to be followed by.
func tarHeader(name string, size int64) []byte { return tarHeaderOf(name, tar.TypeReg, size) }

func tarHeaderOf(name string, typ byte, size int64) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	b[124] = 0x80 // A number of base 256.
	big := [8]byte{byte(size >> 56), byte(size >> 48), byte(size >> 40), byte(size >> 32), byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	copy(b[128:136], big[:])
	copy(b[136:], "00000000000\x00        ")
	b[156] = typ
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, x := range b {
		sum += int(x)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// sparseTar is a file of GNU's sparse form, of exabytes with nothing in them.
func sparseTar() []byte {
	b := tarHeaderOf("test_batch.bin", tar.TypeGNUSparse, 0)
	copy(b[257:], "ustar  \x00")
	copy(b[386:], "00000000000\x0000000000000\x00")
	copy(b[483:], "77777777777\x00")
	for i := range 8 {
		b[148+i] = ' '
	}
	sum := 0
	for _, x := range b {
		sum += int(x)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return append(b, make([]byte, 1024)...)
}

// pickled is a file of CIFAR-10 as Python has it, of one image: the shape that the
// array claims, the label, the pixels.
func pickled(n, m int32, label byte, pixels []byte) []byte {
	b := []byte("\x80\x02}q\x00(U\x06labels](K")
	b = append(b, label)
	b = append(b, "eU\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01J"...)
	b = little.AppendUint32(b, uint32(n))
	b = little.AppendUint32(append(b, 'J'), uint32(m))
	b = append(b, "\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"...)
	b = little.AppendUint32(b, uint32(len(pixels)))
	return append(append(b, pixels...), "tbu."...)
}
