package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Labels may be one-hot rows of any type, which tell how many classes there are.
func TestOneHotLabels(t *testing.T) {
	img := npy("|u1", "(2, 1, 1)", 0, 1)
	for name, lab := range map[string][]byte{
		"bytes":    npy("|u1", "(2, 4)", 0, 0, 1, 0, 1, 0, 0, 0),
		"Booleans": npy("|b1", "(2, 4)", 0, 0, 1, 0, 1, 0, 0, 0),
		"floats":   npy("<f4", "(2, 4)", floats(0, 0, 1, 0, 1, 0, 0, 0)...),
	} {
		d := open(t, "npz:"+write(t, t.TempDir(), "x.npz", npz(t, "x", img, "y", lab)), Test)
		if !slices.Equal(labels(d), []int{2, 0}) || d.Classes() != 4 || d.ClassesGuessed() {
			t.Errorf("%s: labels %v of %d classes, guessed %v", name, labels(d), d.Classes(), d.ClassesGuessed())
		}
	}
	d := open(t, "npz:"+write(t, t.TempDir(), "x.npz", npz(t, "x", img, "y", npy("|u1", "(2, 1)", 1, 0))), Test)
	if !slices.Equal(labels(d), []int{1, 0}) || !d.ClassesGuessed() { // A column of class numbers.
		t.Errorf("labels %v, guessed %v", labels(d), d.ClassesGuessed())
	}
}

// Images may come without labels, which only work that looks at none takes.
func TestUnlabelled(t *testing.T) {
	dir := t.TempDir()
	img := npy("|u1", "(2, 1, 1)", 0, 1)
	write(t, dir, "flat/2.png", square(3))
	write(t, dir, "flat/1.png", square(4))
	write(t, dir, "split/train/1.png", square(5))
	write(t, dir, "split/test/1.png", square(6))
	for spec, want := range map[string][]string{
		"npz:" + write(t, dir, "x.npz", npz(t, "images", img)):                 {"no array of labels for the test split among images"},
		"npz:" + write(t, dir, "y.npz", npz(t, "x_train", img, "x_test", img)): {"no array of labels for the test split"},
		"npy:" + write(t, dir, "a.npy", img):                                   {"labels are missing", "labels.npy beside", "give npy:IMAGES,LABELS"},
		"folder:" + filepath.Join(dir, "flat"):                                 {"there are no folders in it", "files:DIR"},
		"folder:" + filepath.Join(dir, "split"):                                {"there are no folders in it"},
	} {
		d := open(t, spec, Test)
		if d.Labelled() || !d.ClassesGuessed() || d.Classes() != 1 || len(d.Notes()) != 1 {
			t.Errorf("%s: labelled %v, %d classes, notes %q", spec, d.Labelled(), d.Classes(), d.Notes())
			continue
		}
		for _, part := range append(want, "they serve what needs no labels: ") {
			if !strings.Contains(d.Notes()[0], part) {
				t.Errorf("%s: notes %q, want %q", spec, d.Notes(), part)
			}
		}
	}
	if d := small(t, "folder:"+filepath.Join(dir, "flat"), Train); !slices.Equal(firsts(t, d), []int{4, 3}) || !d.Single() {
		t.Errorf("a flat folder: %v", firsts(t, d))
	}
	if d := small(t, "folder:"+filepath.Join(dir, "split"), Train); !slices.Equal(firsts(t, d), []int{5}) || d.Single() {
		t.Errorf("a split without classes: %v", firsts(t, d))
	}
	// A name that may be that of labels is asked about, and folders need images.
	fails(t, "npz:"+write(t, dir, "z.npz", npz(t, "images", img, "answers", npy("|u1", "(2,)", 0, 1))), Test, "no array of labels")
	write(t, dir, "text/1.txt", []byte("x"))
	fails(t, "folder:"+filepath.Join(dir, "text"), Test, "there are no folders in it")
}

func sequenceOf(t *testing.T, d *Dataset, i int) []float32 {
	t.Helper()
	x := make([]float32, d.Frames()*d.Shape().Len())
	if err := d.Sequence(i, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// ramp returns n numbers, from k on.
func ramp(k, n int) (x []float32) {
	for i := range n {
		x = append(x, float32(k+i))
	}
	return x
}

func toBytes(x []float32) (b []byte) {
	for _, v := range x {
		b = append(b, byte(v))
	}
	return b
}

func halves(x []float32) []float32 {
	y := slices.Clone(x)
	for i := range y {
		y[i] /= 2
	}
	return y
}

// Two images of three frames of 2 x 3 x 4 in every form that an array may have.
func TestFrames(t *testing.T) {
	lab := npy("|u1", "(2,)", 0, 1)
	all := ramp(0, 2*3*24)
	last := slices.Clone(all) // Channels last.
	for f := range 6 {
		for c := range 2 {
			for p := range 12 {
				last[f*24+p*2+c] = all[f*24+c*12+p]
			}
		}
	}
	for _, tt := range []struct {
		name   string
		images []byte
		want   []float32
	}{
		{"bytes", npy("|u1", "(2, 3, 2, 3, 4)", toBytes(all)...), all},
		{"floats that are counts", npy("<f4", "(2, 3, 2, 3, 4)", floats(all...)...), all},
		{"floats", npy("<f4", "(2, 3, 2, 3, 4)", floats(halves(all)...)...), halves(all)},
		{"bytes, channels last", npy("|u1", "(2, 3, 3, 4, 2)", toBytes(last)...), all},
		{"floats, channels last", npy("<f4", "(2, 3, 3, 4, 2)", floats(halves(last)...)...), halves(all)},
	} {
		d := open(t, "npz:"+write(t, t.TempDir(), "x.npz", npz(t, "frames", tt.images, "labels", lab)), Test)
		if d.Frames() != 3 || d.Shape().String() != "2x3x4" || !d.Prepared() || d.Resizable() {
			t.Errorf("%s: %d frames of %v, prepared %v", tt.name, d.Frames(), d.Shape(), d.Prepared())
			continue
		}
		part, err := d.Slice(1, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range [][]float32{sequenceOf(t, d, 1), sequenceOf(t, part, 0)} {
			if !slices.Equal(x, tt.want[72:]) {
				t.Errorf("%s: got %v, want %v", tt.name, x, tt.want[72:])
			}
		}
		// The mean of frames that are 24 apart is the second one.
		if got, want := pixels(t, d, 1), tt.want[72+24:72+48]; !slices.Equal(got, want) {
			t.Errorf("%s: mean %v, want %v", tt.name, got, want)
		}
	}
	spikes := npy("|b1", "(2, 3, 1, 1, 1)", 1, 0, 1, 0, 0, 1)
	d := open(t, "npz:"+write(t, t.TempDir(), "x.npz", npz(t, "x", spikes, "y", lab)), Test)
	if got := sequenceOf(t, d, 0); !slices.Equal(got, []float32{1, 0, 1}) || pixels(t, d, 1)[0] != float32(1./3) {
		t.Errorf("Booleans: %v, mean %v", got, pixels(t, d, 1))
	}
	for _, n := range []int{0, 1, 4} {
		if err := d.Sequence(0, make([]float32, n)); err == nil {
			t.Errorf("%d numbers taken for 3 frames of one", n)
		}
	}
	if _, err := NewImages(d, Normalization{Mean: []float32{0}, Std: []float32{1}}); err == nil {
		t.Error("frames are normalised as pixels")
	}
}

func TestFrameErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(parts ...any) string { return "npz:" + write(t, dir, "x.npz", npz(t, parts...)) }
	two, three := npy("|u1", "(2,)", 0, 1), npy("|u1", "(3,)", 0, 1, 2)
	fails(t, file("x", npy("|u1", "(2, 3, 1, 1, 2)", make([]byte, 12)...), "y", three), Test, "if frames come first, save numpy.swapaxes(x, 0, 1)")
	fails(t, file("x", npy("|u1", "(2, 3, 5, 4, 4)", make([]byte, 480)...), "y", two), Test, "as its third or last axis")
	fails(t, file("x", npy("<f4", "(2, 2, 1, 1, 1)", floats(0, 1, 1, float32(math.NaN()))...), "y", two), Test, "image 1 has a value NaN in a frame")
	fails(t, file("x", npy("|u1", "(1, 1, 1, 1, 1, 1)", 0), "y", npy("|u1", "(1,)", 0)), Test, "image, frame, channel, row, column")
	fails(t, file("x", npy("|u1", "(900, 900, 2, 900, 900)"), "y", two), Test)
}

// Event frames are nearly all zeros, which pack well.
func TestSparseFrames(t *testing.T) {
	const n = 4 * 20 * 2 * 34 * 34
	b := npz(t, "x", npy("<f8", "(4, 20, 2, 34, 34)", make([]byte, 8*n)...), "y", npy("|u1", "(4,)", 0, 1, 0, 1))
	if d := open(t, "npz:"+write(t, t.TempDir(), "x.npz", b), Test); d.Frames() != 20 {
		t.Errorf("%d frames", d.Frames())
	}
}

// A folder of SpikingJelly's: for each split and class, a file with the frames of an image.
func TestFolderOfFrames(t *testing.T) {
	dir := t.TempDir()
	var want [][]float32
	for i := range 4 {
		x := ramp(i, 2*2*3*3)
		want = append(want, x)
		name := fmt.Sprintf("test/%d/%d.npz", i%2, i)
		content := npz(t, "frames", npy("<f4", "(2, 2, 3, 3)", floats(x...)...))
		if i == 3 {
			name, content = "test/1/3.npy", npy("|u1", "(2, 2, 3, 3)", toBytes(x)...)
		}
		write(t, dir, name, content)
		write(t, dir, "train/"+strings.TrimPrefix(name, "test/"), content)
	}
	d := open(t, "folder:"+dir, Test)
	if d.Frames() != 2 || d.Shape().String() != "2x3x3" || d.Len() != 4 || d.Resizable() || !d.InFiles() || !d.Prepared() {
		t.Fatalf("%d images of %d frames of %s", d.Len(), d.Frames(), d.Shape())
	}
	check := func(d *Dataset, kind string) {
		t.Helper()
		for i, x := range want {
			if got := sequenceOf(t, d, i); !slices.Equal(got, x) || d.Label(i) != i%2 {
				t.Errorf("%s: image %d: %v, want %v", kind, i, got, x)
			}
		}
	}
	check(d, "opened")
	cache := Check{Cache: t.TempDir()}
	checked, _, err := d.Checked(context.Background(), cache)
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err := d.Checked(context.Background(), cache); err != nil || again.Hash() != checked.Hash() {
		t.Errorf("checked again: %v", err)
	}
	v, err := checked.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var listed Inventory
	if err := json.Unmarshal(b, &listed); err != nil {
		t.Fatal(err)
	}
	opened, err := listed.Open()
	if err != nil {
		t.Fatal(err)
	}
	check(opened, "from its inventory")
	if opened.Frames() != 2 || opened.Hash() != checked.Hash() {
		t.Errorf("from its inventory: %d frames", opened.Frames())
	}

	// A damaged file, and one of another length, are found and may be left out.
	write(t, dir, "test/0/0.npz", []byte("PK"))
	write(t, dir, "test/1/3.npy", npy("|u1", "(3, 2, 3, 3)", make([]byte, 54)...))
	_, bad, err := open(t, "folder:"+dir, Test).Checked(context.Background(), cache)
	if err == nil || len(bad) != 2 || !strings.Contains(err.Error(), "0.npz: not an .npz file") || !strings.Contains(err.Error(), "3.npy: 3 frames of 2x3x3, but other files have 2") {
		t.Errorf("damaged files: %v", err)
	}
	cache.SkipBad = 2
	if rest, _, err := open(t, "folder:"+dir, Test).Checked(context.Background(), cache); err != nil || rest.Len() != 2 {
		t.Errorf("without them: %v", err)
	}
}

func TestFilesOfFrames(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.npy", npy("|u1", "(1, 2, 3, 3)", toBytes(ramp(3, 18))...))
	write(t, dir, "labels.csv", []byte("a.npy,7\n"))
	if d := open(t, "files:"+dir, Test); d.Frames() != 1 || d.Label(0) != 7 || !slices.Equal(pixels(t, d, 0), ramp(3, 18)) {
		t.Errorf("%d frames, label %d", d.Frames(), d.Label(0))
	}
	write(t, dir, "b.png", square(1))
	write(t, dir, "labels.csv", []byte("a.npy,7\nb.png,1\n"))
	fails(t, "files:"+dir, Test, "1 of the 2 files that it names are arrays of numpy")
	write(t, dir, "a.npy", npy("|u1", "(2, 3, 3)", make([]byte, 18)...))
	write(t, dir, "labels.csv", []byte("a.npy,7\n"))
	fails(t, "files:"+dir, Test, "a.npy: an array of 2x3x3: the frames of one image need the axes frame, channel, row, column")
	write(t, dir, "a.npy", npz(t, "x", []byte{}, "y", []byte{}))
	fails(t, "files:"+dir, Test, "no array frames among x, y")
}

// Arrays beside pictures are left out, which a note says.
func TestArraysAmongPictures(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/1.png", square(1))
	write(t, dir, "a/2.npy", npy("|u1", "(1, 2, 3, 3)", make([]byte, 18)...))
	if d := open(t, "folder:"+dir, Test); d.Frames() != 1 || d.Len() != 1 || len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0], "a/2.npy") {
		t.Errorf("%d images, notes %q", d.Len(), d.Notes())
	}
}

func FuzzFrameArray(f *testing.F) {
	f.Add(npy("|u1", "(1, 2, 3, 3)", make([]byte, 18)...))
	f.Add(npz(f, "frames", npy("<f4", "(1, 1, 1, 2)", floats(1, 0.5)...)))
	f.Add(npy("<f8", "(65536, 65536, 65536, 65536)"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := frameArray(bytes.Clone(b))
		if err != nil {
			return
		}
		x := make([]float32, c.size())
		if err := c.store.pixels(0, x); err != nil {
			t.Error(err)
		}
	})
}
