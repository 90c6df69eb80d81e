package hdf5

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnsupported reads a file of what is outside the subset: all is listed,
// with its shape, and named when it is read.
func TestUnsupported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "odd.h5")
	python(t, "odd", file)
	f, err := OpenFile(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]string{
		"compound":     "holds compound, not",
		"complex":      "holds compound, not",
		"array":        "holds array, not",
		"sequence":     "holds variable-length sequence, not",
		"reference":    "holds reference, not",
		"opaque":       "holds opaque, not",
		"long double":  "holds float of 80 bits, 15 of them exponent, not",
		"int24":        "holds integer of 24 bits, not",
		"bfloat16":     "holds float of 16 bits, 8 of them exponent, not",
		"lzf":          "filter 32000, LZF",
		"scale-offset": "filter 6, scale-offset",
		"external":     "data in other files",
		"virtual":      "layout of class 3",
	}
	for _, name := range []string{"soft link", "external link"} {
		_, err := f.Root().Child(name)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), name) || f.Root().Has(name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	names, err := f.Root().Children()
	if err != nil || len(names) != len(want) {
		t.Fatalf("children %q, %v", names, err)
	}
	for _, name := range names {
		d, err := f.Root().Dataset(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if fmt.Sprint(d.Shape()) != "[10]" || d.Len() != 10 {
			t.Errorf("%s: shape %v", name, d.Shape())
		}
		_, err = d.Float32s()
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want[name]) {
			t.Errorf("%s: %v, want %q in it", name, err, want[name])
		}
	}
}
