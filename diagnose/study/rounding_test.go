package study

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"sresnet/diagnose"
	"sresnet/experiment"
	"sresnet/shard"
)

// What rounding makes is a large part of the errors of ResNet-20 with weights of 3 bits, and
// next to none of them with 16, whether it is calibrated for T or only converted.
func TestRoundingOfResNet20(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	shared := filepath.Join("..", "..", "..", "shared", "data")
	model := filepath.Join(shared, "models", "resnet20_cifar10_akamaster.onnx")
	if _, err := os.Stat(model); err != nil {
		t.Skipf("needs trained networks and CIFAR-10 in %s: %v", shared, err)
	}
	data := "cifar10:" + filepath.Join(shared, "cifar10")
	var open *experiment.Experiment
	for _, tt := range []struct {
		bits        int
		preset      string
		least, most float64 // Of the mean over the layers.
	}{
		{3, "paper", 0.015, 0.05},
		{16, "paper", 0, 1e-4},
		{3, "few-steps", 0.02, 0.1},
		{16, "few-steps", 0, 1e-4},
	} {
		o := experiment.DefaultOptions()
		o.Model, o.Data, o.Normalize, o.CalibrationImages, o.Images = model, data, "imagenet", 20, 2
		if err := o.Begin(tt.preset); err != nil {
			t.Fatal(err)
		}
		o.Timesteps, o.Bits = 8, tt.bits
		if open == nil {
			var err error
			if open, err = experiment.Open(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		e := open.With(o, open.Test)
		net, err := e.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := subject(t.Context(), e, net)
		if err != nil {
			t.Fatal(err)
		}
		do, err := options(e, net)
		if err != nil {
			t.Fatal(err)
		}
		d, err := diagnose.New(s, do)
		if err != nil {
			t.Fatal(err)
		}
		m, err := measured(t, d.Measuring())
		if err != nil {
			t.Fatal(err)
		}
		r := d.Diagnosis(m, &diagnose.Trials{Fault: &diagnose.Finding{}}, nil) // Nothing is tried.
		mean := 0.0
		for _, l := range r.Layers {
			at := l.At[len(l.At)-1]
			mean += at.Rounding.RMS / float64(len(r.Layers))
			sum := at.Clipping.Bias + at.Inherited.Bias + at.Rounding.Bias + at.Shift.Bias + at.Quantisation.Bias + at.Vanished.Bias + at.Unevenness.Bias
			if math.Abs(sum-at.Total.Bias) > 1e-9 {
				t.Errorf("%s, %d bits, layer %s: the parts add up to %v, the whole is %v", tt.preset, tt.bits, l.Name, sum, at.Total.Bias)
			}
		}
		if mean < tt.least || mean > tt.most {
			t.Errorf("%s, %d bits: rounding makes %v, want from %v to %v", tt.preset, tt.bits, mean, tt.least, tt.most)
		}
	}
}

// measured does all of w.
func measured[S shard.Sum[S]](t *testing.T, w shard.Work[S]) (S, error) {
	sum, i := w.New(), -1
	err := w.Present(t.Context(), w.Images, func() (int, bool, error) { i++; return i, i < w.Images, nil }, func(part S) error {
		sum.Merge(part)
		return nil
	})
	return sum, err
}
