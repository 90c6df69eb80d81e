package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"sresnet/internal/pickle"
)

// pickled writes a file as the official archives have it: Python 2 wrote them with
// protocol 2. Labels are those of key; the array is of two axes.
func pickled(key string, labels []byte, pixels []byte) []byte {
	b := []byte{pickle.OpProto, 2, pickle.OpEmptyDict, pickle.OpBinPut, 0, pickle.OpMark}
	text := func(s string) { b = append(append(b, pickle.OpShortBinString, byte(len(s))), s...) }
	text("batch_label")
	text("testing batch 1 of 1")
	text(key)
	b = append(b, pickle.OpEmptyList, pickle.OpMark)
	for _, l := range labels {
		b = append(b, pickle.OpBinInt1, l)
	}
	b = append(b, pickle.OpAppends)
	text("data")
	b = append(b, "cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\n"...)
	b = append(b, pickle.OpBinInt1, 0, pickle.OpTuple1)
	text("b")
	b = append(b, pickle.OpTuple3, pickle.OpReduce, pickle.OpMark, pickle.OpBinInt1, 1)
	b = binary.LittleEndian.AppendUint16(append(b, pickle.OpBinInt2), uint16(len(labels)))
	b = append(b, pickle.OpBinInt2, 0, 12, pickle.OpTuple2)
	b = append(b, "cnumpy\ndtype\n"...)
	text("u1")
	b = append(b, pickle.OpBinInt1, 0, pickle.OpBinInt1, 1, pickle.OpTuple3, pickle.OpReduce, pickle.OpMark, pickle.OpBinInt1, 3)
	text("|")
	b = append(b, pickle.OpNone, pickle.OpNone, pickle.OpNone, pickle.OpBinInt, 255, 255, 255, 255, pickle.OpBinInt, 255, 255, 255, 255, pickle.OpBinInt1, 0, pickle.OpTuple, pickle.OpBuild, pickle.OpNewFalse)
	b = binary.LittleEndian.AppendUint32(append(b, pickle.OpBinString), uint32(len(pixels)))
	b = append(append(b, pixels...), pickle.OpTuple, pickle.OpBuild)
	return append(b, pickle.OpSetItems, pickle.OpStop)
}

// recoded returns a pickle of [pickled] as Python 3 writes it in the same protocol: what
// was bytes is text, and a call that turns it into bytes.
func recoded(b []byte, pixels []byte) []byte {
	old := append(binary.LittleEndian.AppendUint32([]byte{pickle.OpBinString}, uint32(len(pixels))), pixels...)
	text := make([]rune, len(pixels))
	for i, p := range pixels {
		text[i] = rune(p)
	}
	utf8 := string(text)
	call := []byte("c_codecs\nencode\n")
	call = binary.LittleEndian.AppendUint32(append(call, pickle.OpBinUnicode), uint32(len(utf8)))
	call = append(append(call, utf8...), pickle.OpBinUnicode, 6, 0, 0, 0)
	return bytes.Replace(b, old, append(append(call, "latin1"...), pickle.OpTuple2, pickle.OpReduce), 1)
}

// targz writes an archive: name, content, name, ...
func targz(t *testing.T, parts ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(parts); i += 2 {
		content := parts[i+1].([]byte)
		if err := w.WriteHeader(&tar.Header{Name: parts[i].(string), Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The same images, in whatever form, have the same hash.
func TestCIFARForms(t *testing.T) {
	one, two := make([]byte, 3072), make([]byte, 3072)
	for i := range one {
		one[i], two[i] = byte(i%251), byte(i%241)
	}
	binary10 := slices.Concat([]byte{3}, one, []byte{9}, two)
	python10 := pickled("labels", []byte{3, 9}, slices.Concat(one, two))
	binary100 := slices.Concat([]byte{19, 99}, one, []byte{0, 4}, two)
	python100 := pickled("fine_labels", []byte{99, 4}, slices.Concat(one, two))
	dir := t.TempDir()
	a := open(t, "cifar10:"+write(t, dir, "a.bin", binary10), Test)
	b := open(t, "cifar100:"+write(t, dir, "b.bin", binary100), Test)
	for _, tt := range []struct {
		name, spec string
		want       *Dataset
	}{
		{"file", "cifar10:" + write(t, dir, "file", python10), a},
		{"file of Python 3", "cifar10:" + write(t, dir, "file3", recoded(python10, slices.Concat(one, two))), a},
		{"folder", "cifar10:" + filepath.Dir(write(t, dir, "p/test_batch", python10)), a},
		{"folder of the archive", "cifar10:" + filepath.Dir(filepath.Dir(write(t, dir, "q/cifar-10-batches-py/test_batch", python10))), a},
		{"archive", "cifar10:" + write(t, dir, "x.tar.gz", targz(t, "cifar-10-batches-py/test_batch", python10, "readme", []byte("hello"))), a},
		{"binary archive", "cifar10:" + write(t, dir, "y.tar.gz", targz(t, "cifar-10-batches-bin/test_batch.bin", binary10)), a},
		{"folder with the archive", "cifar10:" + filepath.Dir(write(t, dir, "r/cifar-10-binary.tar.gz", targz(t, "cifar-10-batches-bin/test_batch.bin", binary10))), a},
		{"cifar100 folder", "cifar100:" + filepath.Dir(filepath.Dir(write(t, dir, "s/cifar-100-python/test", python100))), b},
		{"cifar100 archive", "cifar100:" + write(t, dir, "z.tar.gz", targz(t, "cifar-100-python/test", python100)), b},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := open(t, tt.spec, Test); d.Hash() != tt.want.Hash() {
				t.Errorf("got labels %v, want %v, or other pixels", labels(d), labels(tt.want))
			}
		})
	}
	fails(t, "cifar10:"+filepath.Join(dir, "y.tar.gz"), Train, "y.tar.gz: it has no data_batch_1.bin", "is it cifar-10-binary.tar.gz")
	fails(t, "cifar10:"+write(t, dir, "bad.tar.gz", targz(t, "cifar-10-batches-py/test_batch", python10[:99])), Test, "bad.tar.gz, file test_batch: the pickle is truncated")
	whole := targz(t, "cifar-10-batches-bin/test_batch.bin", binary10)
	fails(t, "cifar10:"+write(t, dir, "half.tar.gz", whole[:len(whole)/2]), Test, "half.tar.gz: half an archive", "get it again")
}

// Both splits of an archive are read in one go, if memory allows.
func TestArchiveOnce(t *testing.T) {
	train, test := cifarRecord(0, 3), cifarRecord(0, 9)
	content := targz(t, "cifar-10-batches-bin/data_batch_1.bin", train, "cifar-10-batches-bin/data_batch_2.bin", train,
		"cifar-10-batches-bin/data_batch_3.bin", train, "cifar-10-batches-bin/data_batch_4.bin", train,
		"cifar-10-batches-bin/data_batch_5.bin", train, "cifar-10-batches-bin/test_batch.bin", test)
	path := write(t, t.TempDir(), "x.tar.gz", content)
	spoil := func() { // Leaves no trace but in the content.
		replace(t, path, content[len(content)/2:len(content)/2+8], []byte("12345678"))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if got := labels(open(t, "cifar10:"+path, Test)); !slices.Equal(got, []int{9}) {
		t.Errorf("got labels %v", got)
	}
	spoil()
	if got := labels(open(t, "cifar10:"+path, Train)); !slices.Equal(got, []int{3, 3, 3, 3, 3}) {
		t.Errorf("got labels %v", got)
	}
	fails(t, "cifar10:"+path, Train, "a damaged one")

	path = write(t, t.TempDir(), "y.tar.gz", content)
	open(t, "cifar10:"+path, Test)
	runtime.GC()
	spoil()
	fails(t, "cifar10:"+path, Train, "a damaged one")
}

func TestPickleErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(b []byte) string { return "cifar10:" + write(t, dir, "batch", b) }
	image := make([]byte, 3072)
	good := pickled("labels", []byte{3}, image)
	fails(t, file(good[:2000]), Test, "batch: the pickle is truncated")
	fails(t, file(pickled("fine_labels", []byte{3}, image)), Test, `no list "labels"`)
	fails(t, file(pickled("labels", []byte{10}, image)), Test, "image 0: label 10 is out of range 0 to 9")
	fails(t, file(pickled("labels", []byte{1, 2}, image)), Test, "2 labels for an array of [2 3072] with 3072 bytes")
	fails(t, file([]byte("\x80\x02cos\nsystem\nU\x02ls\x85R.")), Test, `calls for "os.system"`, "not run")
	fails(t, file([]byte("\x80\x02K\x01.")), Test, "not a dictionary")
	fails(t, file([]byte("\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xacU\x06latin1\x86R.")), Test, "damaged") // A euro sign.
	twice := "c_codecs\nencode\nh\x00U\x06latin1\x86R0"
	fails(t, file([]byte("\x80\x02X\x80\x00\x00\x00"+strings.Repeat("a", 128)+"q\x000"+strings.Repeat(twice, 9)+".")), Test, "damaged")
	fails(t, file([]byte("\x80\x02R.")), Test, "damaged")
	fails(t, file(append([]byte("\x80\x02"), bytes.Repeat([]byte("}0"), maxPickle)...)), Test, "more instructions")
	fails(t, file(append([]byte("\x80\x02"), bytes.Repeat([]byte("}"), maxPickle)...)), Test, "more on its stack")
	fails(t, file(bytes.Replace(good, []byte("u1"), []byte("f4"), 1)), Test, "not an array of uint8")
}

// TestPickleNumpy reads what Python 3 and numpy write.
func TestPickleNumpy(t *testing.T) {
	for _, protocol := range []string{"3", "4"} {
		file := filepath.Join(t.TempDir(), "test_batch")
		runPython(t, "numpy", `import numpy, pickle, sys
x = (numpy.arange(300 * 3072) % 251).astype("uint8").reshape(300, 3072)
labels = [i % 10 for i in range(300)]
with open(sys.argv[1], "wb") as f:
    pickle.dump({b"batch_label": b"x", b"labels": labels, b"data": x, b"filenames": [str(i) for i in range(300)]}, f, int(sys.argv[2]))`, file, protocol)
		d, err := Open("cifar10:"+file, Test)
		if err != nil {
			t.Errorf("protocol %s: %v", protocol, err)
			continue
		}
		for i := range d.Len() {
			x := pixels(t, d, i)
			for j, p := range x {
				if d.Label(i) != i%10 || p != float32((i*3072+j)%251) {
					t.Fatalf("protocol %s: image %d has label %d, pixel %d is %v", protocol, i, d.Label(i), j, p)
				}
			}
		}
	}
}

func FuzzPickle(f *testing.F) {
	f.Add(pickled("labels", []byte{3}, make([]byte, 3072)))
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x06labels\x94]\x94(K\x01K\x02eu."))
	f.Add([]byte("\x80\x02cos\nsystem\nU\x02ls\x85R."))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		b[0] = pickle.OpProto
		pixels, labels, err := cifar10.parse(b)
		if err == nil && (len(labels) == 0 || len(pixels) != 3072*len(labels)) {
			t.Fatalf("%d labels, %d pixels", len(labels), len(pixels))
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add([]byte("hello"), false)
	f.Fuzz(func(t *testing.T, content []byte, raw bool) {
		b := content
		if !raw {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			w.Write(content)
			w.Close()
			b = z.Bytes()
		}
		name := filepath.Join(t.TempDir(), "x.tar.gz")
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		files, err := readArchive(name, func(base string) bool { return strings.HasPrefix(base, "d") })
		if err != nil {
			return
		}
		total := 0
		for _, b := range files {
			total += len(b)
		}
		if total > max(minInflated, maxInflation*len(b)) {
			t.Fatalf("%d bytes from %d", total, len(b))
		}
	})
}
