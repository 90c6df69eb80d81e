package dataset

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write firstmnist.gz")

// The images in this program are the first ones of MNIST, in its order, and of all classes.
func TestFirstMNIST(t *testing.T) {
	var want []byte
	for _, split := range []Split{Train, Test} {
		d := open(t, "mnist", split)
		if len(d.Notes()) > 0 {
			t.Skipf("MNIST is not here: %v", d.Notes())
		}
		first, err := d.First(firstImages)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, first.images.(*byteStore).data...)
		for i := range first.Len() {
			want = append(want, byte(first.Label(i)))
		}
		if counts := first.Counts(); slices.Min(counts) < 85 || slices.Max(counts) > 126 {
			t.Errorf("%v: images of the classes: %v", split, counts)
		}
	}
	if *update {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := z.Write(want); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("firstmnist.gz", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		firstGzip = b.Bytes()
	}
	got, err := unpackFirst()
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes are not the first images of MNIST, of %d bytes, error %v: run go generate ./dataset", len(got), len(want), err)
	}
	for _, split := range []Split{Train, Test} {
		few, err := firstMNIST(split, os.ErrNotExist)
		if err != nil {
			t.Fatal(err)
		}
		first, err := open(t, "mnist", split).First(firstImages)
		if err != nil || few.Hash() != first.Hash() || few.Classes() != first.Classes() {
			t.Errorf("%v: the images in the program are others, error %v", split, err)
		}
	}
}
