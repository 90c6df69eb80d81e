package hdf5

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// python runs testdata/h5.py, or skips the test where h5py is missing.
func python(t *testing.T, args ...string) []byte {
	t.Helper()
	out, ok := tryPython(t, args...)
	if !ok {
		t.Skip("no python3 with h5py to compare with")
	}
	return out
}

// tryPython runs testdata/h5.py, if h5py is there.
func tryPython(t testing.TB, args ...string) (out []byte, ok bool) {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's h5py.
		if exec.Command(p, "-c", "import h5py").Run() != nil {
			continue
		}
		cmd := exec.Command(p, append([]string{filepath.Join("testdata", "h5.py")}, args...)...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s h5.py %v: %v\n%s", p, args, err, &stderr)
		}
		return out, true
	}
	return nil, false
}

// item is what h5.py lists of an object or an attribute.
type item struct {
	Path, Kind, Type, Shape string
	Values                  []string
}

func (i *item) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&i.Path, &i.Kind, &i.Type, &i.Shape, &i.Values})
}

// judged returns what h5py finds in files.
func judged(t *testing.T, files ...string) [][]item {
	t.Helper()
	var all [][]item
	if err := json.Unmarshal(python(t, append([]string{"list"}, files...)...), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// list is h5.py's list in Go.
func list(f *File) ([]item, error) {
	var all []item
	err := f.Walk(func(path string, o Object) error {
		switch o := o.(type) {
		case *Group:
			all = append(all, item{path, "group", "", "", []string{}})
		case *Dataset:
			it, err := listArray(path, "dataset", &o.Array)
			if err != nil {
				return err
			}
			all = append(all, it)
		case *NamedType:
			all = append(all, item{path, "type", o.Type().String(), "", []string{}})
		}
		names, err := o.Attributes()
		if err != nil {
			return err
		}
		for _, name := range names {
			a, err := o.Attribute(name)
			if err != nil {
				return err
			}
			it, err := listArray(path+"@"+name, "attribute", &a.Array)
			if err != nil {
				return err
			}
			all = append(all, it)
		}
		return nil
	})
	return all, err
}

func listArray(path, kind string, a *Array) (item, error) {
	it := item{path, kind, a.Type().String(), fmt.Sprint(a.Shape()), nil}
	if a.Null() {
		it.Shape = "null"
	}
	values, err := texts(a)
	if len(values) >= 10000 { // As compact in h5.py.
		short := []string{}
		for i, v := range values {
			if i == 0 || v != values[i-1] {
				short = append(short, strconv.Itoa(i)+":"+v)
			}
		}
		values = short
	}
	it.Values = values
	return it, err
}

// texts reads an array in the way that loses nothing.
func texts(a *Array) ([]string, error) {
	switch t := a.Type(); {
	case t.Kind == String:
		return a.Strings()
	case t.Kind == Float:
		x, err := a.Float64s()
		return format(x, err, func(v float64) string {
			if math.IsNaN(v) {
				return "9221120237041090560" // numpy's.
			}
			return strconv.FormatUint(math.Float64bits(v), 10)
		})
	case t.Kind == Uint:
		x, err := a.Uint64s()
		return format(x, err, func(v uint64) string { return strconv.FormatUint(v, 10) })
	}
	x, err := a.Int64s()
	return format(x, err, func(v int64) string { return strconv.FormatInt(v, 10) })
}

func format[T any](x []T, err error, one func(T) string) ([]string, error) {
	s := make([]string, len(x))
	for i, v := range x {
		s[i] = one(v)
	}
	return s, err
}

// compare reads a file and holds it against what h5py found.
func compare(t *testing.T, file string, want []item) {
	t.Helper()
	f, err := OpenFile(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 { // The second time must cost no more than it may.
		got, err := list(f)
		if err != nil {
			t.Fatal(err)
		}
		equalItems(t, got, want)
	}
	if f.spent > 2*f.size+1<<14 {
		t.Errorf("read %d bytes of structures in a file of %d: the limit is too near", f.spent, f.size)
	}
}

func equalItems(t *testing.T, got, want []item) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if reflect.DeepEqual(got[i], want[i]) {
			continue
		}
		g, w := fmt.Sprintf("%q", got[i]), fmt.Sprintf("%q", want[i])
		t.Fatalf("item %d:\ngot  %.600s\nwant %.600s", i, g, w)
	}
	if len(got) != len(want) {
		t.Fatalf("%d items, want %d", len(got), len(want))
	}
}

func TestReadWhatH5pyWrites(t *testing.T) {
	dir := t.TempDir()
	python(t, "write", dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.h5"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, want := range judged(t, files...) {
		t.Run(filepath.Base(files[i]), func(t *testing.T) { compare(t, files[i], want) })
	}
}

// TestReadNIR reads files of NIR users whole, if they are there.
func TestReadNIR(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/nir/*.nir")
	if len(files) == 0 {
		t.Skip("no ../shared/data/nir")
	}
	for i, want := range judged(t, files...) {
		t.Run(filepath.Base(files[i]), func(t *testing.T) { compare(t, files[i], want) })
	}
}
