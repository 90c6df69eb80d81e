package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cifarRecord returns a record with the given labels and all pixels p.
func cifarRecord(p byte, labels ...byte) []byte {
	return append(labels, bytes.Repeat([]byte{p}, 3072)...)
}

// write puts a file into dir and returns its path.
func write(t *testing.T, dir, name string, content ...[]byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, slices.Concat(content...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// open is Open for specs that are right.
func open(t *testing.T, spec string, split Split) *Dataset {
	t.Helper()
	d, err := Open(spec, split)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fails checks that Open gives an error with every one of the parts in it.
func fails(t *testing.T, spec string, split Split, parts ...string) {
	t.Helper()
	d, err := Open(spec, split)
	if err == nil {
		t.Fatalf("Open(%q, %s): got %d images, want an error", spec, split, d.Len())
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("Open(%q, %s): got error\n%v\nwant in it: %s", spec, split, err, p)
		}
	}
}

func labels(d *Dataset) []int {
	var l []int
	for i := range d.Len() {
		l = append(l, d.Label(i))
	}
	return l
}

func TestCIFARPixelOrder(t *testing.T) {
	first, second := cifarRecord(0, 3), cifarRecord(0, 9)
	for i := range 3072 {
		first[1+i], second[1+i] = byte(i%251), byte(i%241)
	}
	file := write(t, t.TempDir(), "x.bin", first, second)
	d := open(t, "cifar10:"+file, Test)
	if got := d.Shape().String(); got != "3x32x32" || d.Classes() != 10 || d.Name() != "cifar10" || d.Spec() != "cifar10:"+file {
		t.Errorf("got shape %s, %d classes, name %s, spec %s", got, d.Classes(), d.Name(), d.Spec())
	}
	x := make([]float32, 3072)
	for i, m := range []int{251, 241} {
		if err := d.Pixels(i, x); err != nil {
			t.Fatal(err)
		}
		for j, v := range x {
			if v != float32(j%m) {
				t.Fatalf("image %d, pixel %d: got %v, want %d", i, j, v, j%m)
			}
		}
	}
}

func TestCIFARFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "test_batch.bin", cifarRecord(0, 7))
	write(t, dir, "data_batch_1.bin", cifarRecord(0, 1), cifarRecord(1, 9))
	write(t, dir, "data_batch_2.bin", cifarRecord(2, 2))
	if got := labels(open(t, "cifar10:"+dir, Test)); !slices.Equal(got, []int{7}) {
		t.Errorf("test: got labels %v", got)
	}
	// Batches in order, as far as there are any.
	if got := labels(open(t, "cifar10:"+dir, Train)); !slices.Equal(got, []int{1, 9, 2}) {
		t.Errorf("train: got labels %v", got)
	}
	// A file is itself, whatever the split.
	if got := labels(open(t, "cifar10:"+filepath.Join(dir, "data_batch_2.bin"), Test)); !slices.Equal(got, []int{2}) {
		t.Errorf("file: got labels %v", got)
	}
	// The folder into which the official archive was unpacked.
	outer := t.TempDir()
	write(t, outer, "cifar-10-batches-bin/test_batch.bin", cifarRecord(0, 4))
	if got := labels(open(t, "cifar10:"+outer, Test)); !slices.Equal(got, []int{4}) {
		t.Errorf("archive: got labels %v", got)
	}

	write(t, dir, "data_batch_4.bin", cifarRecord(4, 4))
	fails(t, "cifar10:"+dir, Train, dir, "data_batch_4.bin is there but data_batch_3.bin is missing")

	// Fine labels, which reach 99, behind coarse ones, which reach 19.
	write(t, dir, "test.bin", cifarRecord(0, 19, 99), cifarRecord(0, 0, 0))
	d := open(t, "cifar100:"+dir, Test)
	if got := labels(d); !slices.Equal(got, []int{99, 0}) || d.Classes() != 100 {
		t.Errorf("cifar100: got labels %v of %d", got, d.Classes())
	}
	fails(t, "cifar100:"+dir, Train, dir, "no train.bin", "train split", "give the path of a file")
}

func TestCIFARErrors(t *testing.T) {
	dir := t.TempDir()
	good := cifarRecord(5, 9)
	file := func(content ...[]byte) string { return "cifar10:" + write(t, dir, "x.bin", content...) }
	for _, split := range []Split{Train, Test} {
		fails(t, "cifar10", split, "dataset cifar10: a path is needed", "test_batch.bin", "data_batch_1.bin")
		fails(t, file(), split, "x.bin: no images: the file is empty")
		fails(t, file(good, good[:100]), split, "x.bin: 3173 bytes", "records of 3073 bytes", "truncated")
		fails(t, file(good, cifarRecord(5, 10)), split, "x.bin: image 1: label 10 is out of range 0 to 9")
		fails(t, file([]byte{0x1f, 0x8b, 8, 0}), split, "x.bin: half an archive, as from an interrupted download: get it again")
	}
	fails(t, "cifar10:"+filepath.Join(dir, "nowhere"), Test, "nowhere: no such file")
	if n := len(cifarRecord(0, 20, 0)); n != 3074 {
		t.Fatalf("a record of CIFAR-100 has %d bytes", n)
	}
	wrong := "cifar100:" + write(t, dir, "y.bin", cifarRecord(0, 20, 0))
	fails(t, wrong, Test, "image 0: label 20 is out of range 0 to 19")
	wrong = "cifar100:" + write(t, dir, "y.bin", cifarRecord(0, 0, 100))
	fails(t, wrong, Test, "image 0: label 100 is out of range 0 to 99")
	if os.PathSeparator == '/' {
		fails(t, "cifar10:/dev/zero", Test, "/dev/zero: not a regular file")
	}
}

// TestCIFARReal reads the real files where they are at hand.
func TestCIFARReal(t *testing.T) {
	const dir = "../../shared/data/cifar10"
	if !isDir(dir) {
		t.Skipf("the CIFAR-10 files are needed in %s", dir)
	}
	for split, first := range map[Split][]int{
		Test:  {3, 8, 8, 0, 6, 6, 1, 6, 3, 1}, // Cat, ship, ship, airplane, frog, ...
		Train: {6, 9, 9, 4, 1, 1, 2, 7, 8, 3}, // Frog, truck, truck, deer, ...
	} {
		d := open(t, "cifar10:"+dir, split)
		if got := labels(d)[:10]; d.Len() != 10000 || !slices.Equal(got, first) {
			t.Errorf("%s: got %d images, labels %v, want 10000 that begin %v", split, d.Len(), got, first)
		}
	}
}

func FuzzCIFAR(f *testing.F) {
	f.Add(cifarRecord(1, 3), false)
	f.Add(cifarRecord(1, 10), false)
	f.Add(append(cifarRecord(1, 3), cifarRecord(2, 9)...), false)
	f.Add(cifarRecord(1, 19, 99), true)
	f.Add([]byte{0x1f, 0x8b}, true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, hundred bool) {
		c := cifar10
		if hundred {
			c = cifar100
		}
		file := slices.Clone(b)
		pixels, labels, err := c.parse(b)
		if err != nil {
			return
		}
		// What was read gives the file back, but for the coarse labels.
		if len(labels) == 0 || len(pixels) != 3072*len(labels) || len(file) != c.record()*len(labels) {
			t.Fatalf("%d labels and %d pixels from %d bytes", len(labels), len(pixels), len(file))
		}
		for i, l := range labels {
			rec := file[i*c.record() : (i+1)*c.record()]
			n := len(c.labels)
			if int(l) >= c.labels[n-1] || l != rec[n-1] || !bytes.Equal(pixels[i*3072:(i+1)*3072], rec[n:]) {
				t.Fatalf("image %d differs from its record", i)
			}
		}
	})
}

// Binary files are read image by image: parts and copies of them are what they are in memory,
// and a file that shrinks meanwhile is an error that names it.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []byte
	for k, n := range []int{3, 1, 4} {
		var b []byte
		for range n {
			b = append(b, byte(rnd.IntN(10)))
			for range cifarShape.Len() {
				b = append(b, byte(rnd.IntN(256)))
			}
		}
		all = append(all, b...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("data_batch_%d.bin", k+1)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open("cifar10:"+dir, Train)
	if err != nil {
		t.Fatal(err)
	}
	pixels, labels, err := cifar10.parse(bytes.Clone(all))
	if err != nil {
		t.Fatal(err)
	}
	memory := &Dataset{shape: cifarShape, classes: 10, labels: appendLabels(nil, labels), images: &byteStore{pixels, cifarShape.Len()}}
	for from := range d.Len() {
		for to := from + 1; to <= d.Len(); to++ {
			part, err := d.Slice(from, to)
			if err != nil {
				t.Fatal(err)
			}
			first, err := part.First((to - from + 3) / 4)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := part.Hash(), memory.slice(from, to).Hash(); got != want {
				t.Fatalf("images %d to %d have the hash %s, want %s", from, to-1, got, want)
			}
			if got, want := first.Hash(), memory.slice(from, from+first.Len()).Hash(); got != want {
				t.Fatalf("the first of images %d to %d have the hash %s, want %s", from, to-1, got, want)
			}
		}
	}
	x, y := make([]float32, cifarShape.Len()), make([]float32, cifarShape.Len())
	for i := range d.Len() {
		if err := errors.Join(d.Pixels(i, x), memory.Pixels(i, y)); err != nil || !slices.Equal(x, y) || d.Label(i) != memory.Label(i) {
			t.Fatalf("image %d differs, error %v", i, err)
		}
	}
	last := filepath.Join(dir, "data_batch_3.bin")
	before := d.Hash()
	if err := os.Truncate(last, 5000); err != nil {
		t.Fatal(err)
	}
	if err := d.Pixels(7, x); err == nil || !strings.Contains(err.Error(), last+": it has changed") {
		t.Errorf("of a file that has shrunk: got error %v", err)
	}
	if d.Hash() == before {
		t.Error("a file that has shrunk has the hash that it had")
	}
}
