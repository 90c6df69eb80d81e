package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// npy writes an array as numpy.save does.
func npy(descr, shape string, data ...byte) []byte {
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", descr, shape)
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	return append(append(b, header...), data...)
}

// npz writes arrays as numpy.savez_compressed does: name, content, name, ...
func npz(t testing.TB, parts ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(parts); i += 2 {
		w, err := z.Create(parts[i].(string) + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(parts[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func pixels(t *testing.T, d *Dataset, i int) []float32 {
	t.Helper()
	x := make([]float32, d.Shape().Len())
	if err := d.Pixels(i, x); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestArrays(t *testing.T) {
	dir := t.TempDir()
	two := npy("|i1", "(2,)", 0, 4)
	for _, tt := range []struct {
		name, shape string
		images      []byte
		want        []float32 // The second image.
	}{
		{"NCHW", "3x1x2", npy("|u1", "(2, 3, 1, 2)", 9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6), []float32{1, 2, 3, 4, 5, 6}},
		{"NHWC", "3x1x2", npy("|u1", "(2, 1, 2, 3)", 9, 9, 9, 9, 9, 9, 1, 3, 5, 2, 4, 6), nil}, // The second axis says 1 channel.
		{"NHWC of two rows", "3x2x1", npy("|u1", "(2, 2, 1, 3)", 9, 9, 9, 9, 9, 9, 1, 3, 5, 2, 4, 6), []float32{1, 2, 3, 4, 5, 6}},
		{"grey", "1x2x2", npy("|u1", "(2, 2, 2)", 9, 9, 9, 9, 1, 2, 3, 4), []float32{1, 2, 3, 4}},
		{"0 to 1", "1x1x2", npy("<f4", "(2, 1, 2)", floats(1, 0, 0.5, 0.25)...), []float32{127.5, 63.75}},
		{"0 to 255", "1x1x2", npy("<f4", "(2, 1, 2)", floats(1, 0, 1.5, 255)...), []float32{1.5, 255}},
		{"float NHWC", "3x2x1", npy("<f4", "(2, 2, 1, 3)", floats(9, 9, 9, 9, 9, 9, 1, 3, 5, 2, 4, 6)...), []float32{1, 2, 3, 4, 5, 6}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil {
				tt.shape, tt.want = "1x2x3", []float32{1, 3, 5, 2, 4, 6}
			}
			file := write(t, dir, "x.npz", npz(t, "images", tt.images, "labels", two))
			d := open(t, "npz:"+file, Train)
			if got := d.Shape().String(); got != tt.shape || d.Classes() != 5 || !d.ClassesGuessed() || !d.Single() {
				t.Errorf("got %s, %d classes, want %s and 5", got, d.Classes(), tt.shape)
			}
			if got := pixels(t, d, 1); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if got := labels(d); !slices.Equal(got, []int{0, 4}) {
				t.Errorf("labels %v", got)
			}
			part, err := d.Slice(1, 2)
			if err != nil {
				t.Fatal(err)
			}
			if got := pixels(t, part, 0); !slices.Equal(got, tt.want) || part.Hash() == d.Hash() {
				t.Errorf("slice: got %v, want %v", got, tt.want)
			}
		})
	}
}

// Values that are no pixels stay as they are, and only the normalisation none takes them.
func TestPrepared(t *testing.T) {
	dir := t.TempDir()
	lab := npy("|u1", "(2,)", 0, 1)
	ints := func(x ...int16) (b []byte) {
		for _, v := range x {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
		return b
	}
	ramp := make([]int16, 64)
	var events []float32 // The second half of them.
	for i := range ramp {
		ramp[i] = int16(5 * i)
		if i >= 32 {
			events = append(events, float32(ramp[i]))
		}
	}
	for _, tt := range []struct {
		name, shape string
		images      []byte
		want        []float32 // The second image.
		prepared    bool
	}{
		{"normalised", "1x1x2", npy("<f4", "(2, 1, 2)", floats(1, 0, -0.5, 2.75)...), []float32{-0.5, 2.75}, true},
		{"above 255", "1x1x2", npy("<f4", "(2, 1, 2)", floats(1, 0, 0.5, 256)...), []float32{0.5, 256}, true},
		{"0 to 1, and not below", "1x1x2", npy("<f4", "(2, 1, 2)", floats(1, 0, 0.5, 1)...), []float32{127.5, 255}, false},
		{"normalised, NHWC", "3x2x1", npy("<f4", "(2, 2, 1, 3)", floats(-9, 9, 9, 9, 9, 9, 1, 3, 5, 2, 4, 6)...), []float32{1, 2, 3, 4, 5, 6}, true},
		{"two channels of events", "2x4x4", npy("<i2", "(2, 2, 4, 4)", ints(ramp...)...), events, true},
		{"two channels of floats to 1", "2x4x4", npy("<f4", "(2, 2, 4, 4)", floats(append(make([]float32, 63), 1)...)...), append(make([]float32, 31), 1), true},
		{"two channels last", "2x4x4", npy("|u1", "(2, 4, 4, 2)", append(make([]byte, 62), 7, 8)...), append(append(make([]float32, 15), 7), append(make([]float32, 15), 8)...), false},
		{"integers of pixels", "1x1x2", npy("<i2", "(2, 1, 2)", ints(1, 0, 1, 255)...), []float32{1, 255}, false},
		{"16 bits", "1x1x2", npy("<u2", "(2, 1, 2)", ints(1, 0, 1, -1)...), []float32{1, 65535}, true},
	} {
		d := open(t, "npz:"+write(t, dir, "x.npz", npz(t, "images", tt.images, "labels", lab)), Test)
		if got := pixels(t, d, 1); d.Shape().String() != tt.shape || !slices.Equal(got, tt.want) || d.Prepared() != tt.prepared || len(d.Notes()) == 1 != tt.prepared {
			t.Errorf("%s: got %v of %s, prepared %v, notes %q", tt.name, got, d.Shape(), d.Prepared(), d.Notes())
			continue
		}
		unit, err := NewImages(d, Normalization{Mean: []float32{0}, Std: []float32{1}})
		if tt.prepared && (err == nil || !strings.Contains(err.Error(), "give none, which takes them as they are")) || !tt.prepared && (err != nil || unit == nil) {
			t.Errorf("%s: error %v of another normalisation", tt.name, err)
		}
		raw, err := NewImages(d, Normalization{Raw: true})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, d.Shape().Len())
		if err := raw.Image(1, got); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: as they are: got %v, error %v", tt.name, got, err)
		}
		if _, err := d.Sheet(); err != nil {
			t.Error(err)
		}
		s, err := d.Statistics(t.Context(), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Normalization(); n.Raw != tt.prepared {
			t.Errorf("%s: %s fits", tt.name, n)
		}
	}
	fails(t, "npz:"+write(t, dir, "nan.npz", npz(t, "images", npy("<f4", "(1, 1, 2)", floats(-1, float32(math.NaN()))...), "labels", npy("|u1", "(1,)", 0))), Test, "image 0 has a pixel NaN")
}

// Arrays are found by the names that frameworks give them.
func TestArrayNames(t *testing.T) {
	dir := t.TempDir()
	img, lab := npy("|u1", "(1, 1, 2)", 1, 2), npy("|u1", "(1,)", 7)
	other := npy("|u1", "(1,)", 3)
	for _, names := range [][]string{
		{"image", "label"},
		{"img", "fine_label", "coarse_label"},
		{"img", "label"},
		{"pixel_values", "labels"},
		{"data", "targets"},
		{"test_data", "test_targets", "train_targets"},
		{"X_test", "Y_test", "Y_train"},
		{"test_images", "test_labels", "val_labels"},
	} {
		parts := []any{names[0], img, names[1], lab}
		for _, name := range names[2:] {
			parts = append(parts, name, other)
		}
		d := open(t, "npz:"+write(t, dir, "x.npz", npz(t, parts...)), Test)
		if got := labels(d); !slices.Equal(got, []int{7}) {
			t.Errorf("%v: got labels %v", names, got)
		}
	}
}

func TestLabelTypes(t *testing.T) {
	for descr, data := range map[string][]byte{
		"|u1": {7, 200}, "<i2": {7, 0, 200, 0}, ">i2": {0, 7, 0, 200}, "<u4": {7, 0, 0, 0, 200, 0, 0, 0},
		"<i8": {7, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0}, ">u8": {0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 200},
	} {
		a, err := readNPY(bytes.NewReader(npy(descr, "(2, 1)", data...)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if got, classes, err := arrayLabels(a); err != nil || classes != 201 || !slices.Equal(got, []uint16{7, 200}) {
			t.Errorf("%s: got %v of %d, error %v", descr, got, classes, err)
		}
	}
}

// Splits have names of their own in the files of keras and MedMNIST.
func TestNPZSplits(t *testing.T) {
	dir := t.TempDir()
	one, lab := npy("|u1", "(1, 1, 1)", 1), npy("|u1", "(1,)", 3)
	other := npy("|u1", "(1, 1, 1)", 2)
	for _, names := range [][4]string{{"x_train", "y_train", "x_test", "y_test"}, {"train_images", "train_labels", "test_images", "test_labels"}} {
		file := write(t, dir, "x.npz", npz(t, names[0], one, names[1], lab, names[2], other, names[3], lab))
		for split, want := range map[Split]float32{Train: 1, Test: 2} {
			if d := open(t, "npz:"+file, split); pixels(t, d, 0)[0] != want || d.Single() {
				t.Errorf("%v, %s: got %v, want %v; single %v", names, split, pixels(t, d, 0), want, d.Single())
			}
		}
	}
}

func TestArrayErrors(t *testing.T) {
	dir := t.TempDir()
	lab := npy("|u1", "(2,)", 0, 1)
	img := npy("|u1", "(2, 1, 1)", 0, 1)
	file := func(parts ...any) string { return "npz:" + write(t, dir, "x.npz", npz(t, parts...)) }
	fails(t, "npz", Test, "a path is needed")
	fails(t, "npz:"+write(t, dir, "x.npz", npz(t, "images", img, "labels", lab)[:50]), Test, "x.npz: not an .npz file, or half of one")
	fails(t, file("pictures", img, "labels", lab), Test, "no array of images for the test split among pictures, labels", "name it images")
	fails(t, file("images", img, "answers", lab), Test, "no array of labels")
	fails(t, file("images", npy("|u1", "(3, 1, 1)", 0, 1, 2), "labels", lab), Test, "array images: 3 images, but labels holds 2 labels")
	fails(t, file("images", npy("|u1", "(2, 4, 1, 2)", make([]byte, 16)...), "labels", lab), Test, "array images: an array of 2x4x1x2 has neither 1 nor 3 channels")
	fails(t, file("images", npy("|u1", "(2, 4)", make([]byte, 8)...), "labels", lab), Test, "images are an array of 2x4: it needs axes")
	fails(t, file("images", npy("|O", "(2,)", 0, 0), "labels", lab), Test, "images of mixed sizes", "make all images one size")
	fails(t, file("images", npy("<f4", "(2, 1, 1)", floats(0, float32(math.NaN()))...), "labels", lab), Test, "image 1 has a pixel NaN")
	fails(t, file("images", npy("|b1", "(1, 1, 2)", make([]byte, 2)...), "labels", lab), Test, "images are bool8 of 1x1x2: save them as uint8")
	fails(t, file("images", img, "labels", npy("|i1", "(2,)", 0, 255)), Test, "array labels: image 1: label -1 is out of range")
	fails(t, file("images", img, "labels", npy("<f4", "(2,)", floats(0, 1.5)...)), Test, "array labels: image 1: label 1.5 is not a class number")
	fails(t, file("images", img, "labels", npy("<f4", "(2,)", floats(float32(math.NaN()), 1)...)), Test, "array labels: image 0: label NaN is not a class number")
	fails(t, file("images", img, "labels", npy("<f4", "(2,)", floats(0, 65536)...)), Test, "label 65536 is not a class number")
	fails(t, file("images", img, "labels", npy("|b1", "(2,)", 0, 1)), Test, "save class numbers as integers")
	if got := labels(open(t, file("images", img, "labels", npy("<f4", "(2,)", floats(7, 65535)...)), Test)); !slices.Equal(got, []int{7, 65535}) {
		t.Errorf("labels that are floats: %v", got)
	}
	for _, row := range []struct {
		labels []byte
		want   string
	}{
		{npy("|u1", "(2, 3)", 0, 1, 0, 1, 0, 1), "array labels: image 1: its row of labels has 2 ones and 0 numbers"},
		{npy("|u1", "(2, 3)", 0, 0, 0, 1, 0, 0), "array labels: image 0: its row of labels has 0 ones"},
		{npy("<f4", "(2, 3)", floats(1, 0, 0, 0.9, 0.05, 0.05)...), "array labels: image 1: its row of labels has 0 ones and 3 numbers"},
		{npy("<f4", "(2, 3)", floats(0, 0, 1, 1, 0, float32(math.NaN()))...), "array labels: image 1: its row of labels has 1 ones and 1 numbers"},
		{npy("<f4", "(2, 3)", floats(0, 0, 1, -1, 0, 1)...), "image 1"},
		{npy("|u1", "(2, 1, 3)", make([]byte, 6)...), "one class number, or one one-hot row, per image"},
		{npy("|u1", "(1, 65537)", make([]byte, 65537)...), "more than the limit"},
	} {
		fails(t, file("images", img, "labels", row.labels), Test, row.want)
	}
	fails(t, file("images", img[:len(img)-1], "labels", lab), Test, "array images: truncated: uint8 of 2x1x1 are 2 bytes, only 1 are there")
	fails(t, file("images", npy("|u1", "(900, 900, 900)"), "labels", lab), Test, "too many for a file of this size")

	images := write(t, dir, "a.npy", img)
	fails(t, "npy:"+images+","+filepath.Join(dir, "nowhere.npy"), Test, "nowhere.npy")
	fails(t, "npy:"+images+","+write(t, dir, "text.npy", []byte("hello")), Test, "text.npy: not a .npy file")
	write(t, dir, "labels.npy", lab)
	if got := labels(open(t, "npy:"+images, Test)); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("labels beside: %v", got)
	}
	write(t, dir, "test_labels.npy", npy("|u1", "(2,)", 5, 6))
	if got := labels(open(t, "npy:"+write(t, dir, "test_images.npy", img), Test)); !slices.Equal(got, []int{5, 6}) {
		t.Errorf("labels by name: %v", got)
	}
}

// Headers in every form that numpy has written, and some that it never would.
func TestNPYHeader(t *testing.T) {
	for header, want := range map[string]string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }":                                 "float32 of 3",
		"{'shape': (3L, 2L), 'descr': '|u1', 'fortran_order': False}":                               "uint8 of 3x2",
		`{"descr":"<i8","fortran_order":False,"shape":(1,2,3)}   ` + "\n":                           "int64 of 1x2x3",
		"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }":                                "!ascontiguousarray",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (), }":                                   "!shape cannot be read",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }":                               "!empty",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }":                                "!shape cannot be read",
		"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }":                                 "!\"<c8\"",
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }":                        "!named fields",
		"{'descr': '<f4', 'shape': (1,), }":                                                         "!lacks",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 'y'}":                         "!unknown key",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)":                                    "!damaged",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000, 2000000000, 2000000000), }": "!too large",
		"": "!not a dictionary",
	} {
		a, err := parseNPYHeader(header)
		if want, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %v, want in it: %s", header, err, want)
			}
		} else if err != nil || a.String() != want {
			t.Errorf("%s: got %v, error %v, want %s", header, a, err, want)
		}
	}
}

// TestNumpy reads what numpy itself writes.
func TestNumpy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.npz")
	runPython(t, "numpy", `import numpy, sys
x = (numpy.arange(4*5*6*3) % 251).astype("uint8").reshape(4, 5, 6, 3)
numpy.savez_compressed(sys.argv[1], x_test=x, y_test=numpy.array([[3], [1], [2], [9]]),
    x_train=(x.transpose(0, 3, 1, 2) / 255).astype("float32"), y_train=numpy.arange(4, dtype=">u2"))`, file)
	test, train := open(t, "npz:"+file, Test), open(t, "npz:"+file, Train)
	if got := labels(test); !slices.Equal(got, []int{3, 1, 2, 9}) {
		t.Errorf("labels %v", got)
	}
	for i := range 4 {
		a, b := pixels(t, test, i), pixels(t, train, i)
		for j := range a {
			c, p := j/30, j%30
			if want := float32((i*90 + p*3 + c) % 251); a[j] != want || math.Abs(float64(b[j]-want)) > 1e-4 {
				t.Fatalf("image %d, pixel %d: got %v and %v, want %v", i, j, a[j], b[j], want)
			}
		}
	}
}

// runPython runs a script with arguments, or skips the test where python3 lacks module.
func runPython(t *testing.T, module, script string, args ...string) []byte {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} { // The first is Debian's, which has Debian's packages.
		if exec.Command(name, "-c", "import "+module).Run() != nil {
			continue
		}
		cmd := exec.Command(name, append([]string{"-c", script}, args...)...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Skipf("python3 with %s is needed", module)
	return nil
}

func FuzzNPY(f *testing.F) {
	f.Add(npy("|u1", "(2, 1, 2)", 1, 2, 3, 4))
	f.Add(npy("<f8", "(1,)", make([]byte, 8)...))
	f.Add(npy(">i2", "(1, 1)", 1, 2))
	f.Add(npy("|O", "(9000000000,)"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		a, err := readNPY(r, int64(len(b)))
		if err != nil {
			return
		}
		if len(a.data) != a.shape.Len()*a.width || len(a.data) > len(b) {
			t.Fatalf("%d bytes of %v from %d", len(a.data), a, len(b))
		}
		if rest, _ := io.ReadAll(r); len(rest) > 0 {
			t.Fatalf("%d bytes unread", len(rest))
		}
		if labels, classes, err := arrayLabels(a); err == nil && (len(labels) != a.shape[0] || classes < 1 || classes > maxClasses) {
			t.Fatalf("%d labels of %d classes from %v", len(labels), classes, a)
		}
		if f, err := arrayImages(a); err == nil {
			x := make([]float32, f.shape.Len())
			for i := range a.shape[0] {
				if err := f.store.pixels(i, x); err != nil {
					t.Fatal(err)
				}
				for _, p := range x {
					if !f.prepared && !(p >= 0 && p <= 255) || f.prepared && !(p >= f.least && p <= f.most) {
						t.Fatalf("pixel %v", p)
					}
				}
			}
		}
	})
}
