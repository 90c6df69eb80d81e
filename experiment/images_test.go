package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tensor"
)

func TestFits(t *testing.T) {
	// Two CIFAR-100 records: coarse label, fine label, pixels.
	name := filepath.Join(t.TempDir(), "test.bin")
	if err := os.WriteFile(name, make([]byte, 2*3074), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open("cifar100:"+name, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		input   tensor.Shape
		outputs int
		want    string // Part of the error; empty for none.
	}{
		{tensor.Shape{3, 32, 32}, 100, ""},
		{tensor.Shape{3, 32, 32}, 10, "has 10 outputs, but cifar100:" + name + " has 100 classes"},
		{tensor.Shape{1, 28, 28}, 100, "takes images of 1x28x28, but those of cifar100:" + name + " are 3x32x32"},
	} {
		e := &Experiment{Graph: &ann.Graph{
			Input: ann.Input{Name: "image", Shape: tt.input}, Output: "fc",
			Nodes: []ann.Node{{Name: "fc", Shape: tensor.Shape{tt.outputs}}},
		}}
		err := e.fits(d)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("input %v, %d outputs: got error %v, want %q", tt.input, tt.outputs, err, tt.want)
		}
		if err != nil && hint.Of(err) == "" {
			t.Errorf("no hint for %v", err)
		}
	}
}

// A network that ends in features is told from one for other classes.
func TestFitsFeatures(t *testing.T) {
	d, err := dataset.Open("mnist", dataset.Test)
	if err != nil {
		t.Skip(err)
	}
	w := tensor.New(64, 784)
	node := func(name, from string, op ann.Op) ann.Node {
		return ann.Node{Name: name, Inputs: []string{from}, Op: op, Shape: tensor.Shape{64}}
	}
	dense := func(k snn.Connection) *snn.Network {
		return &snn.Network{Input: snn.Input{Shape: tensor.Shape{1, 28, 28}}, Layers: []snn.Layer{{Shape: tensor.Shape{64, 1, 1}, Synapses: []snn.Synapse{{Connection: k}}}}}
	}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node
		net   *snn.Network
		want  bool // It classifies.
	}{
		{"a classifier", []ann.Node{node("flat", "x", &ann.Flatten{}), node("y", "flat", &ann.Gemm{Weight: w})}, nil, true},
		{"with a softmax", []ann.Node{node("fc", "x", &ann.Gemm{Weight: w}), node("y", "fc", &ann.Softmax{})}, nil, true},
		{"features behind a ReLU", []ann.Node{node("fc", "x", &ann.Gemm{Weight: w}), node("y", "fc", &ann.Relu{})}, nil, false},
		{"pooled features", []ann.Node{node("pool", "x", &ann.GlobalAveragePool{}), node("y", "pool", &ann.Flatten{})}, nil, false},
		{"a spiking classifier", nil, dense(&snn.Dense{}), true},
		{"spiking features", nil, dense(&snn.AveragePool{}), false},
	} {
		e := &Experiment{network: tt.net}
		if tt.nodes != nil {
			e.Graph = &ann.Graph{Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 28, 28}}, Output: "y", Nodes: tt.nodes}
		}
		err := e.fits(d)
		if err == nil || strings.Contains(hint.Of(err), "'sresnet verify' compares both networks without labels") == tt.want {
			t.Errorf("%s: error %v, hint %q", tt.name, err, hint.Of(err))
		}
	}
}

// Of labels in a file, the one that the network has no output for is named.
func TestFitsLabels(t *testing.T) {
	dir := t.TempDir()
	array := func(name, shape string, data ...byte) {
		header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n", shape)
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
		if err := os.WriteFile(filepath.Join(dir, name), append(append(b, header...), data...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	array("x.npy", "(3, 2, 2, 1)", make([]byte, 12)...)
	array("y.npy", "(3,)", 4, 5, 11)
	d, err := dataset.Open("npy:"+filepath.Join(dir, "x.npy")+","+filepath.Join(dir, "y.npy"), dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for outputs, want := range map[int]string{10: "image 2 of ", 5: "image 1 of ", 12: "", 100: ""} {
		e := &Experiment{network: &snn.Network{
			Input:  snn.Input{Shape: tensor.Shape{1, 2, 2}},
			Layers: []snn.Layer{{Shape: tensor.Shape{outputs, 1, 1}}},
		}}
		if err := e.fits(d); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d outputs: got error %v, want %q", outputs, err, want)
		}
	}
}

// Class numbers are those of the training images, also where these are another data set.
func TestNumberAlike(t *testing.T) {
	folder := func(classes ...string) *dataset.Dataset {
		dir := t.TempDir()
		for i, name := range classes {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, fmt.Sprint(i, ".png")), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		d, err := dataset.Open("folder:"+dir, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		test, train   []string
		label, labels int // Of the last image of each.
		classes       int // 0 for an error.
	}{
		{[]string{"a", "b", "c"}, []string{"a", "b", "c"}, 2, 2, 3},
		{[]string{"b", "c"}, []string{"a", "b", "c"}, 2, 2, 3},
		{[]string{"a", "b", "c"}, []string{"a", "c"}, 2, 2, 3}, // Some, for calibration.
		{[]string{"b", "d"}, []string{"a", "b"}, 0, 0, 0},
	} {
		var warned []string
		e := &Experiment{Options: Options{Warn: func(s string) { warned = append(warned, s) }}}
		test, train, err := e.numberAlike(folder(tt.test...), folder(tt.train...))
		if tt.classes == 0 {
			if err == nil || !strings.Contains(err.Error(), "which have no d") {
				t.Errorf("%v and %v: got error %v", tt.test, tt.train, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, other := test.Label(test.Len()-1), train.Label(train.Len()-1); got != tt.label || other != tt.labels || test.Classes() != tt.classes || train.Classes() != tt.classes {
			t.Errorf("%v and %v: got labels %d and %d of %d and %d classes", tt.test, tt.train, got, other, test.Classes(), train.Classes())
		}
		if same := len(tt.test) == len(tt.train); same != (len(warned) == 0) {
			t.Errorf("%v and %v: warned %q", tt.test, tt.train, warned)
		}
	}
}

// Where all of MNIST is not to be had, its first images serve, which is said once.
func TestFirstMNIST(t *testing.T) {
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("PATH", "")
	var warned []string
	o := DefaultOptions()
	o.Model, o.Data = Builtin, "mnist"
	o.Warn = func(s string) { warned = append(warned, s) }
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if e.Test.Len() != 1000 || e.Calibration.Len() != 1000 || len(warned) != 1 || !strings.HasPrefix(warned[0], "test and training images of mnist: only the first 1000 are here") {
		t.Errorf("%d test and %d calibration images, warned %q", e.Test.Len(), e.Calibration.Len(), warned)
	}
}

func TestDivide(t *testing.T) {
	for _, tt := range []struct{ n, calibration, selection, wantCalibration, wantSelection int }{
		{5000, 1000, 500, 1000, 500},
		{1500, 1000, 500, 1000, 500},
		{1499, 1000, 500, 999, 500},
		{300, 1000, 1000, 150, 150},
		{2, 1000, 1, 1, 1},
		{2, 1, 1000, 1, 1},
		{10, 1 << 62, 1 << 62, 5, 5},
	} {
		c, s, err := divide(tt.n, tt.calibration, tt.selection)
		if err != nil || c != tt.wantCalibration || s != tt.wantSelection {
			t.Errorf("divide(%d, %d, %d): got %d and %d, error %v, want %d and %d", tt.n, tt.calibration, tt.selection, c, s, err, tt.wantCalibration, tt.wantSelection)
		}
	}
	if _, _, err := divide(1, 1, 1); err == nil {
		t.Error("one image: no error")
	}
}
