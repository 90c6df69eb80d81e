package hdf5

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestH5pyReadsWhatWeWrite compares three: what was written, what h5py and what
// this package read.
func TestH5pyReadsWhatWeWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.h5")
	written := writeSample(t, file)
	want := judged(t, file)[0]
	compare(t, file, want)
	found := 0
	for _, it := range want {
		if values, ok := written[it.Path]; ok {
			found++
			if !reflect.DeepEqual(it.Values, values) {
				t.Errorf("%s: h5py reads %.200q, written was %.200q", it.Path, it.Values, values)
			}
		}
	}
	if found != len(written) {
		t.Errorf("h5py finds %d of %d arrays", found, len(written))
	}
}

// TestH5pyChangesWhatWeWrite has h5py change a file of ours in place, for which
// all that it says of free space and counts must be right.
func TestH5pyChangesWhatWeWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.h5")
	writeSample(t, file)
	python(t, "change", file)
	want := judged(t, file)[0]
	compare(t, file, want)
	for _, it := range want {
		if it.Path == "/version" && it.Values[0] != "2.0" {
			t.Errorf("version %q", it.Values)
		}
	}
}

// TestH5dumpReadsWhatWeWrite reads every dataset with h5dump.
func TestH5dumpReadsWhatWeWrite(t *testing.T) {
	if _, err := exec.LookPath("h5dump"); err != nil {
		t.Skip("no h5dump (Debian's package hdf5-tools) to compare with")
	}
	file := filepath.Join(t.TempDir(), "ours.h5")
	writeSample(t, file)
	f, err := OpenFile(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := exec.Command("h5dump", "-y", "-w", "1", "-m", "%.17g", file).CombinedOutput()
	if err != nil || strings.Contains(string(out), "unable") {
		t.Fatalf("h5dump: %v\n%.2000s", err, out)
	}
	// Every array is a block of its own, in the order of the names, attributes
	// after the data.
	var got []string
	for _, block := range strings.Split(string(out), "DATA {")[1:] {
		block, _, _ = strings.Cut(block, "}")
		got = append(got, strings.Join(strings.FieldsFunc(block, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' }), " "))
	}
	var want []string
	array := func(a *Array) {
		s, err := texts(a)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range s {
			switch a.Type().Kind {
			case Float:
				b, _ := strconv.ParseUint(v, 10, 64)
				s[i] = cformat(math.Float64frombits(b))
			case Bool:
				s[i] = map[string]string{"0": "FALSE", "1": "TRUE"}[v]
			case String:
				s[i] = `"` + octal(v) + `"`
			}
		}
		want = append(want, strings.Join(s, " "))
	}
	_ = f.Walk(func(path string, o Object) error {
		if d, ok := o.(*Dataset); ok {
			array(&d.Array)
		}
		names, _ := o.Attributes()
		for _, n := range names {
			a, err := o.Attribute(n)
			if err != nil {
				t.Fatal(err)
			}
			array(&a.Array)
		}
		return nil
	})
	if len(got) != len(want) {
		t.Fatalf("h5dump prints %d arrays, want %d", len(got), len(want))
	}
	for i := range want {
		if strings.ReplaceAll(want[i], ",", "") != strings.ReplaceAll(got[i], ",", "") {
			t.Errorf("array %d: h5dump prints\n%.300s, want\n%.300s", i, got[i], want[i])
		}
	}
}

// octal writes bytes beyond ASCII as h5dump does.
func octal(s string) string {
	var b strings.Builder
	for _, x := range []byte(s) {
		if x < 0x80 {
			b.WriteByte(x)
		} else {
			fmt.Fprintf(&b, `\%o`, uint32(int8(x)))
		}
	}
	return b.String()
}

// cformat is C's %.17g.
func cformat(x float64) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(x, 'g', 17, 64), "+"))
	}
	return strings.TrimSuffix(fmt.Sprintf("%.17g", x), ".")
}
