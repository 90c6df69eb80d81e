package experiment

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/dataset"
	"sresnet/eval"
)

// digits is a data set of the first MNIST test images, changed, with their labels.
func digits(t *testing.T, n int, change func(x []float32)) string {
	t.Helper()
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	dir := t.TempDir()
	var pixels, labels []byte
	x := make([]float32, d.Shape().Len())
	for i := range n {
		if err := d.Pixels(i, x); err != nil {
			t.Fatal(err)
		}
		change(x)
		for _, p := range x {
			pixels = append(pixels, byte(p))
		}
		labels = append(labels, byte(d.Label(i)))
	}
	array := func(name, shape string, data []byte) {
		header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n", shape)
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
		if err := os.WriteFile(filepath.Join(dir, name), append(append(b, header...), data...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	array("images.npy", fmt.Sprintf("(%d, 28, 28)", n), pixels)
	array("labels.npy", fmt.Sprintf("(%d,)", n), labels)
	return "npy:" + filepath.Join(dir, "images.npy")
}

// The way in which the images ought to have been presented is found.
func TestDoubts(t *testing.T) {
	const n = 100
	for _, tt := range []struct {
		name      string
		change    func(x []float32)
		normalize string
		accuracy  float64 // That is claimed; what follows is measured.
		want      string  // In the last sentence; empty for no doubt.
	}{
		{"as it was trained", func([]float32) {}, "mnist", 0.9, ""},
		{"good enough", func([]float32) {}, "unit", 0.96, ""},
		{"another normalisation", func([]float32) {}, "unit", 0.1, "correctly with {normalize} mnist, and "},
		{"another, but not near chance", func([]float32) {}, "unit", 0.3, "correctly with {normalize} mnist, and "},
		{"rows and columns", func(x []float32) { transpose(x, 1, 28, 28) }, "mnist", 0.3, "correctly with rows and columns exchanged, and "},
		{"dark and light", func(x []float32) { invert(x, 1, 28, 28) }, "mnist", 0.1, "correctly with dark and light exchanged, and "},
	} {
		o := DefaultOptions()
		o.Model, o.Data, o.Calibrate, o.Normalize = Builtin, digits(t, n, tt.change), "mnist?images=1", tt.normalize
		e, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		r := &eval.Result{TrainedTop1: tt.accuracy, Agreement: []float64{0}, Predictions: eval.Predictions{Label: make([]int, n), Trained: make([]int, n)}}
		got := e.Doubts(r)
		if tt.want == "" {
			if got != nil {
				t.Errorf("%s: got %q", tt.name, got)
			}
			continue
		}
		if len(got) == 0 || !strings.Contains(got[len(got)-1], tt.want) {
			t.Errorf("%s: got %q, want %s", tt.name, got, tt.want)
		}
		if chance := tt.accuracy < 0.2; chance != (len(got) == 2 && strings.Contains(got[0], "hardly better than chance (10 %)")) {
			t.Errorf("%s: got %q", tt.name, got)
		}
	}
}

// Few classes, which are numbered otherwise, are what is wrong, although of a handful of
// classes some other way to present images names more correctly, too.
func TestDoubtsOfFewClasses(t *testing.T) {
	const n = 100
	i := 0
	partly := func(x []float32) {
		if i++; i%3 != 0 {
			transpose(x, 1, 28, 28)
		} else {
			invert(x, 1, 28, 28)
		}
	}
	o := DefaultOptions()
	o.Model, o.Data, o.Calibrate, o.Normalize = Builtin, digits(t, n, partly), "mnist?images=1", "mnist"
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := &eval.Result{TrainedTop1: 0, Agreement: []float64{0}}
	for i := range n { // Rows and columns explain two thirds, this order of classes all.
		r.Predictions.Label = append(r.Predictions.Label, i%3)
		r.Predictions.Trained = append(r.Predictions.Trained, (i+1)%3)
	}
	if got := e.Doubts(r); len(got) != 2 || !strings.Contains(got[1], "with classes in another order 100 of 100 would be right") {
		t.Errorf("got %q", got)
	}
	for i := range n / 2 { // Half of them: rows and columns explain more.
		r.Predictions.Trained[i] = 3 + i%7
	}
	if got := e.Doubts(r); len(got) != 2 || !strings.Contains(got[1], "with rows and columns exchanged") {
		t.Errorf("got %q", got)
	}
}

// A network that was trained on sums of frames rather than on their mean.
func TestDoubtsOfFrames(t *testing.T) {
	const n, frames = 100, 16
	digits, err := dataset.OpenImages("mnist", dataset.Test, "mnist", n)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	dir := t.TempDir()
	write := func(name, header string, data []byte) {
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
		if err := os.WriteFile(filepath.Join(dir, name), append(append(b, header...), data...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var data, labels []byte
	x := make([]float32, 784)
	for i := range n {
		if err := digits.Image(i, x); err != nil {
			t.Fatal(err)
		}
		labels = append(labels, byte(digits.Label(i)))
		for range frames {
			for _, v := range x {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v/frames))
			}
		}
	}
	write("images.npy", fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, 1, 28, 28), }\n", n, frames), data)
	write("labels.npy", fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n", n), labels)
	var said []string
	o := DefaultOptions()
	o.Model, o.Data, o.Calibrate, o.Images = Builtin, "npy:"+filepath.Join(dir, "images.npy"), "npy:"+filepath.Join(dir, "images.npy"), 99
	o.Calibrate += "?images=50"
	o.Warn = func(text string) { said = append(said, text) }
	if _, err := Open(t.Context(), o); err == nil { // They are the test images.
		t.Fatal("calibration images that are test images: no error")
	}
	write("train.npy", fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, 1, 28, 28), }\n", n/2, frames), data[:len(data)/2])
	write("trained.npy", fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n", n/2), labels[:n/2])
	o.Calibrate = "npy:" + filepath.Join(dir, "train.npy") + "," + filepath.Join(dir, "trained.npy")
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if last := said[len(said)-1]; !strings.Contains(last, "made of 16 frames each, one a timestep, then the first again, up to T = 350; the trained network and calibration get their mean") || e.Options.Normalize != "none" || e.Enters() != "16 frames, one a timestep" {
		t.Errorf("said %q; normalised as %s, %s", said, e.Options.Normalize, e.Enters())
	}
	r := &eval.Result{TrainedTop1: 0.1, Agreement: []float64{0}, Predictions: eval.Predictions{Label: make([]int, n), Trained: make([]int, n)}}
	if got := strings.Join(e.Doubts(r), " "); !strings.Contains(got, "correctly with frames 16 times as large, whose mean is the sum of these, and ") {
		t.Errorf("got %q", got)
	}
	for i := range labels { // So that nothing explains them.
		labels[i] = (labels[i] + 3) % 10
	}
	write("labels.npy", fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n", n), labels)
	if e, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	// Other normalisations of them are refused, so that no advice is about one.
	if got := strings.Join(e.Doubts(r), " "); !strings.Contains(got, "Values as they are here may not be what it was trained with") || strings.Contains(got, "{normalize}") {
		t.Errorf("got %q", got)
	}
}

func TestClassDoubts(t *testing.T) {
	const n = 100
	for _, tt := range []struct {
		name  string
		named func(i, label int) int
		want  string // Empty for none.
	}{
		{"one class", func(i, label int) int { return 3 }, "It names class 3 for 100 of 100 images"},
		{"labels from 1 on", func(i, label int) int { return label - 1 }, "For 100 of 100 images the label is one higher"},
		{"labels from -1 on", func(i, label int) int { return label + 1 }, "the label is one lower"},
		{"another order", func(i, label int) int { return []int{0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9}[9-label] }, "numbers them otherwise: 10 of the 10 images that it calls 0 are labelled 9, and with classes in another order 100 of 100"},
		{"no order", func(i, label int) int { return i / 10 % 10 }, ""},
	} {
		p := &eval.Predictions{}
		for i := range n {
			p.Label = append(p.Label, i%10)
			p.Trained = append(p.Trained, tt.named(i, i%10))
		}
		list, share := classDoubts(p)
		got := strings.Join(list, " ")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if explains := strings.HasPrefix(tt.name, "labels") || tt.name == "another order"; explains != (share == 1) || !explains && share != 0 {
			t.Errorf("%s: explains a share of %v", tt.name, share)
		}
		p.Label, p.Trained = p.Label[:20], p.Trained[:20]
		if got, _ := classDoubts(p); got != nil {
			t.Errorf("%s: of 20 images: %q", tt.name, got)
		}
	}
}

func TestBetter(t *testing.T) {
	of := func(right, n int) (list []bool) {
		for i := range n {
			list = append(list, i < right)
		}
		return list
	}
	for _, tt := range []struct {
		a, b int
		want bool
	}{{50, 40, true}, {49, 40, true}, {48, 40, false}, {40, 50, false}, {9, 0, true}, {8, 0, false}} {
		if got := better(of(tt.a, 100), of(tt.b, 100)); got != tt.want {
			t.Errorf("%d and %d of 100: got %v", tt.a, tt.b, got)
		}
	}
}
