package dataset

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzNPZ looks for archives of arrays that make opening them panic, or that give a
// data set which is not as it says.
func FuzzNPZ(f *testing.F) {
	f.Add(npz(f, "images", npy("|u1", "(2, 1, 2, 2)", make([]byte, 8)...), "labels", npy("<i8", "(2,)", make([]byte, 16)...)))
	f.Add(npz(f, "x_train", npy("<f4", "(1, 2, 2, 3)", make([]byte, 48)...), "y_train", npy("|u1", "(1, 1)", 3)))
	name := filepath.Join(f.TempDir(), "fuzz.npz")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, split := range []Split{Train, Test} {
			if d, err := openNPZ(name, split); err == nil {
				sound(t, d)
			}
		}
	})
}

// sound reads every image and label.
func sound(t *testing.T, d *Dataset) {
	t.Helper()
	pixels := make([]float32, d.Shape().Len())
	for i := range d.Len() {
		if err := d.Pixels(i, pixels); err != nil {
			t.Fatal(err)
		}
		for _, p := range pixels {
			if !(p >= 0 && p <= 255) {
				t.Fatalf("image %d has a pixel %v", i, p)
			}
		}
		if l := d.Label(i); l < 0 || l >= d.Classes() {
			t.Fatalf("image %d has label %d of %d classes", i, l, d.Classes())
		}
	}
}

// FuzzLabels looks for tables of labels that make reading them panic, or that name a
// file outside their folder.
func FuzzLabels(f *testing.F) {
	dir := f.TempDir()
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "outer.png"), filepath.Join(inner, "a.png")} {
		if err := os.WriteFile(name, square(1), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	for _, s := range []string{"name,label\na.png,1\n", "a.png,cat\na.png,\"dog\"\n", "../outer.png,1\n", "a.png,65536\n", "\"", "a.png/../../outer.png,1"} {
		f.Add([]byte(s))
	}
	table := filepath.Join(dir, "labels.csv")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(table, b, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := openFiles(inner+","+table, Test)
		if err != nil {
			return
		}
		files := d.images.(*fileStore)
		for i := range files.files {
			path := files.path(&files.files[i])
			if rel, err := filepath.Rel(inner, path); err != nil || !filepath.IsLocal(rel) {
				t.Errorf("image %d is %s, outside of %s", i, path, inner)
			}
			if l := d.Label(i); l < 0 || l >= d.Classes() {
				t.Errorf("image %d has label %d of %d classes", i, l, d.Classes())
			}
		}
	})
}

// FuzzNormalization looks for a --normalize that panics, or that is taken and gives
// pixels which are no numbers.
func FuzzNormalization(f *testing.F) {
	for _, s := range []string{"imagenet", "none", "unit", "0.5:0.5", "0.485,0.456,0.406:0.229,0.224,0.225", "1e39:1", "0:1e-45", ":", "NaN:1", ",:,"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, channels int) {
		channels = 1 + abs(channels)%4
		n, err := ParseNormalization(s, channels)
		if err != nil {
			return
		}
		for _, list := range [][]float32{n.Mean, n.Std} {
			for _, x := range list {
				if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
					t.Errorf("%q is taken as %+v", s, n)
				}
			}
		}
		if again, err := ParseNormalization(n.String(), channels); err != nil || again.String() != n.String() {
			t.Errorf("%q is written as %q, which is read as %v, %v", s, n, again, err)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		n = -(n + 1)
	}
	return n
}

// FuzzSpec looks for specs that panic. Their paths lie in an empty folder.
func FuzzSpec(f *testing.F) {
	f.Chdir(f.TempDir())
	for _, k := range kinds {
		f.Add(k.name + ":path")
		f.Add(k.name + ":")
	}
	f.Add("npy:a,b")
	f.Add("files:.,labels.csv")
	f.Fuzz(func(t *testing.T, spec string) {
		_, path, _ := strings.Cut(spec, ":")
		for part := range strings.SplitSeq(path, ",") {
			if !filepath.IsLocal(part) { // The file system is none of this test's business.
				return
			}
		}
		for _, split := range []Split{Train, Test} {
			if d, err := Open(spec, split); err == nil {
				t.Errorf("%q is %v, in an empty folder", spec, d)
			} else if !strings.HasPrefix(err.Error(), "dataset ") {
				t.Errorf("%q: %v", spec, err)
			}
		}
	})
}
