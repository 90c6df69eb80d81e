package experiment

import (
	"reflect"
	"strings"
	"testing"

	"sresnet/dataset"
)

// small returns options of the built-in network on few images.
func small(t *testing.T) Options {
	t.Helper()
	if _, err := dataset.Open("mnist", dataset.Test); err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	o := DefaultOptions()
	o.Model, o.Data = Builtin, "mnist"
	o.CalibrationImages, o.Images, o.Timesteps = 20, 2, 24
	return o
}

// Calibration images do not depend on the test images, nor on which spec says their number.
func TestImagesOfSpecs(t *testing.T) {
	a := small(t)
	b := a
	b.Data, b.Calibrate, b.Images, b.CalibrationImages = "mnist?images=2", "mnist?images=20", 0, 1000
	c := a
	c.Data, c.Images = "mnist?images=2", 0 // Says nothing of the calibration images.
	var hashes [][2]string
	for _, o := range []Options{a, b, c} {
		e, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, [2]string{e.Test.Hash(), e.Calibration.Hash()})
		if e.Options.Images != 2 || e.Options.CalibrationImages != 20 || e.Options.Normalize != "mnist" {
			t.Errorf("options: got %d test and %d calibration images, normalised as %s", e.Options.Images, e.Options.CalibrationImages, e.Options.Normalize)
		}
		// What was filled in gives the same experiment again.
		again, err := Open(t.Context(), e.Options)
		if err != nil {
			t.Fatal(err)
		}
		if again.Test.Hash() != e.Test.Hash() || again.Calibration.Hash() != e.Calibration.Hash() {
			t.Errorf("%s, %s: opened again, the images are others", e.Options.Data, e.Options.Calibrate)
		}
	}
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] {
		t.Errorf("images differ: %v", hashes)
	}
}

// The two engines give the same, in an evaluation as anywhere.
func TestEngines(t *testing.T) {
	o := small(t)
	var tops [][]float64
	var spikes [][]float64
	for _, engine := range []string{"event", "reference"} {
		o.Engine = engine
		e, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Evaluate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tops, spikes = append(tops, r.SpikingTop1), append(spikes, r.SpikesPerImage)
	}
	if !reflect.DeepEqual(tops[0], tops[1]) || !reflect.DeepEqual(spikes[0], spikes[1]) {
		t.Errorf("event %v, %v; reference %v, %v", tops[0], spikes[0], tops[1], spikes[1])
	}
}

// With shares what was measured, and a network does not leak into another setting.
func TestWith(t *testing.T) {
	e, err := Open(t.Context(), small(t))
	if err != nil {
		t.Fatal(err)
	}
	calibrations := 0
	o := e.Options
	o.Progress = func(step string) (func(int, int), func()) {
		if step == "calibrating" {
			calibrations++
		}
		return func(int, int) {}, func() {}
	}
	zero := o
	zero.VInit = 0
	coarse := o
	coarse.Percentile = 90
	for _, tt := range []struct {
		o    Options
		want int
	}{{o, 1}, {zero, 1}, {coarse, 2}, {zero, 2}} {
		net, err := e.With(tt.o, e.Test).Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if calibrations != tt.want {
			t.Errorf("percentile %v: %d calibrations, want %d", tt.o.Percentile, calibrations, tt.want)
		}
		if got := net.Output().Neuron.VInit; (len(got) > 0) != (tt.o.VInit > 0) {
			t.Errorf("V[0] = %v: got %v", tt.o.VInit, got)
		}
	}
}

// With finds what Open finds with the same options: the factors of another simulation are
// not taken, and the device is that of the options.
func TestWithIsOpen(t *testing.T) {
	o := small(t)
	o.Compensation, o.CompensationImages, o.Timesteps = GlobalFactor, 10, 8
	factor := func(e *Experiment, err error) float32 {
		t.Helper()
		if err == nil {
			_, err = e.Network(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return e.Factors().Global
	}
	e, err := Open(t.Context(), o)
	short := factor(e, err)
	o.Timesteps, o.Device = 40, "45nm"
	long := factor(Open(t.Context(), o))
	if short == long {
		t.Fatalf("the factor is %v for both numbers of timesteps: the test shows nothing", long)
	}
	with := e.With(o, e.Test)
	if got := factor(with, nil); got != long {
		t.Errorf("factor %v after T was changed, want %v, as if opened with it", got, long)
	}
	if with.Device == nil || with.Device.Name != "45nm" {
		t.Errorf("device %v, want 45nm", with.Device)
	}
}

// What is missing is an error, not a crash.
func TestOpenWithoutImages(t *testing.T) {
	o := small(t)
	o.Data = ""
	e, err := Open(t.Context(), o)
	if err != nil || e.Graph == nil || e.Test != nil || e.Calibration != nil {
		t.Fatalf("got %+v, %v", e, err)
	}
	if _, err := e.Evaluate(t.Context()); err == nil || !strings.Contains(err.Error(), "data: it is missing") {
		t.Errorf("got error %v", err)
	}
	if _, err := e.Network(t.Context()); err == nil || !strings.Contains(err.Error(), "calibrate: it is missing") {
		t.Errorf("got error %v", err)
	}
	o.Model = ""
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "model: it is missing") {
		t.Errorf("got error %v", err)
	}
}
