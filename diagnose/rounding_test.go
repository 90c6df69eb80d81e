package diagnose_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/diagnose"
	"sresnet/snn"
	"sresnet/tensor"
)

// wholeWeights returns a network of whole numbers and the one of real weights that it was
// rounded from, and a subject of both, by hand: relu1 gets a pixel with 5/8 in place of 1/2, and
// fc relu1 with 3/4 in place of 1.
func wholeWeights(t *testing.T) diagnose.Subject {
	t.Helper()
	g := graph(
		t, 1,
		conv("conv1", "x", 1, []float32{0.5}, nil), node("relu1", &ann.Relu{}, "conv1"),
		node("flat", &ann.Flatten{}, "relu1"),
		node("fc", &ann.Gemm{Weight: tensor.Of([]float32{1, 0.25}, 2, 1), Bias: []float32{0, 0}}, "flat"),
	)
	net := func(threshold, last float32, w, w0, w1 float32) *snn.Network {
		return &snn.Network{Name: "whole", Input: snn.Input{Shape: tensor.Shape{1, 1, 1}}, Layers: []snn.Layer{
			{Name: "relu1", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{threshold}}, Synapses: []snn.Synapse{
				{From: snn.FromInput, Connection: &snn.Conv{Weight: tensor.Of([]float32{w}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}},
			}},
			{Name: "fc", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{last}}, Synapses: []snn.Synapse{
				{From: 0, Connection: &snn.Dense{Weight: tensor.Of([]float32{w0, w1}, 2, 1)}},
			}},
		}}
	}
	whole, real := net(16, 4, 5, 3, 1), net(1, 1, 0.5, 1, 0.25)
	whole.Bits, whole.Input.Unit, whole.Input.Levels = 4, 0.5, 4
	one := &images{shape: g.Input.Shape, pixels: [][]float32{{1}}, labels: []int{0}}
	return diagnose.Subject{Graph: g, Network: whole, Real: real, Images: one}
}

// What weights are rounded by is an error of its own, exactly, in every schedule and coding
// and at every length: 1/8 of a pixel, and -1/4 of the rate before. Unless it is known what
// they were, it is inherited.
func TestRoundingIsItsOwnPart(t *testing.T) {
	for _, tt := range []struct {
		name     string
		schedule snn.Schedule
		coding   snn.Coding
	}{{"synchronous", snn.Synchronous, snn.Rate}, {"phased", snn.Phased, snn.Rate}, {"first spike", snn.Phased, snn.FirstSpike}} {
		s := wholeWeights(t)
		for _, n := range []*snn.Network{s.Network, s.Real} {
			n.Schedule, n.Coding = tt.schedule, tt.coding
		}
		lengths := []int{4, 8}
		if tt.schedule == snn.Phased {
			lengths = lengths[1:]
		}
		d := run(t, s, diagnose.Options{Timesteps: lengths})
		for k, T := range lengths {
			spikes := math.Floor(float64(T) * 5 / 8)
			first, last := d.Layers[0].At[k], d.Layers[1].At[k]
			if first.Rounding != (diagnose.Size{Bias: 0.125, RMS: 0.125}) || first.Inherited != (diagnose.Size{}) {
				t.Errorf("%s, T = %d: a pixel is rounded by %+v, and inherits %+v", tt.name, T, first.Rounding, first.Inherited)
			}
			r := spikes / float64(T) // Of two neurons, one is rounded, and both should be told 1/2.
			if want := -r / 4 / 2; last.Rounding.Bias != want || math.Abs(last.Inherited.Bias-(r-0.5)*1.25/2) > 1e-15 {
				t.Errorf("%s, T = %d: rates of %v are rounded by %v and inherit %v; want %v and %v", tt.name, T, r, last.Rounding.Bias, last.Inherited.Bias, want, (r-0.5)*1.25/2)
			}
		}
		if d.Bits != 4 {
			t.Errorf("%s: weights of %d bits", tt.name, d.Bits)
		}
		s.Real = nil
		if e := run(t, s, diagnose.Options{Timesteps: lengths}).Layers[0].At[0]; e.Rounding != (diagnose.Size{}) || e.Inherited.Bias != 0.125 {
			t.Errorf("%s, without the real weights: %+v", tt.name, e)
		}
	}
}

// A remainder that a shortcut hands on is multiplied by a rounded weight, too: of six charges
// in 16 of a threshold, four times, four are one spike, and the rest is handed on.
func TestRoundingOfRemainders(t *testing.T) {
	g := graph(
		t, 1,
		conv("conv1", "x", 1, []float32{0.5}, nil), node("relu1", &ann.Relu{}, "conv1"),
		conv("conv2", "relu1", 1, []float32{0.5}, nil), node("sum", &ann.Add{}, "conv2", "relu1"), node("relu2", &ann.Relu{}, "sum"),
		node("flat", &ann.Flatten{}, "relu2"),
		node("fc", &ann.Gemm{Weight: tensor.Of([]float32{1, 0.25}, 2, 1), Bias: []float32{0, 0}}, "flat"),
	)
	one := tensor.Shape{1, 1, 1}
	net := func(a, b, c, w, block, way, w0, w1 float32) *snn.Network {
		conv := func(w float32) *snn.Conv {
			return &snn.Conv{Weight: tensor.Of([]float32{w}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
		}
		k := snn.Identity(way, one)
		k.Remainder = true
		return &snn.Network{Name: "stream", Schedule: snn.Phased, Input: snn.Input{Shape: one}, Layers: []snn.Layer{
			{Name: "relu1", Shape: one, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{a}}, Synapses: []snn.Synapse{{From: snn.FromInput, Connection: conv(w)}}},
			{Name: "relu2", Shape: one, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{b}}, Synapses: []snn.Synapse{{From: 0, Connection: conv(block)}, {From: 0, Connection: k}}},
			{Name: "fc", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{c}}, Synapses: []snn.Synapse{{From: 1, Connection: &snn.Dense{Weight: tensor.Of([]float32{w0, w1}, 2, 1)}}}},
		}}
	}
	s := diagnose.Subject{
		Graph: g, Network: net(16, 8, 4, 3, 4, 6, 4, 1), Real: net(1, 1, 1, 0.5, 0.5, 1, 1, 0.25),
		Images: &images{shape: g.Input.Shape, pixels: [][]float32{{1}}, labels: []int{0}},
	}
	s.Network.Bits, s.Network.Input.Unit, s.Network.Input.Levels = 4, 0.5, 4
	e := run(t, s, diagnose.Options{Timesteps: []int{4}}).Layers[1].At[0]
	// It gets 1/2 + 3/4 for the spike and 3/8 with what is left, and should get 1/2 + 1 and 1/2.
	if e.Rounding.Bias != 1.625/4-0.5 || e.Inherited.Bias != 0.5-0.75 {
		t.Errorf("rounded by %v and inherited %v, want -1/4 of 3/8 and -1/4", e.Rounding.Bias, e.Inherited.Bias)
	}
}

// The parts add up where weights are rounded as well, and what they make is said, and found
// to be the reason: with weights that say hardly more than their sign. Nothing depends on the
// workers.
func TestRoundingParts(t *testing.T) {
	g, m := residual(t)
	for _, bits := range []int{2, 12} {
		s := subject(t, g, m, 100)
		var err error
		s.Real = s.Network
		if s.Network, err = s.Real.Quantised(snn.Integers{Bits: bits, Timesteps: 64, InputMax: s.Statistics.InputMax}); err != nil {
			t.Fatal(err)
		}
		d := run(t, s, diagnose.Options{Timesteps: []int{8, 64}, Workers: 1})
		if diff := cmp.Diff(d, run(t, s, diagnose.Options{Timesteps: []int{8, 64}, Workers: 3})); diff != "" {
			t.Errorf("other workers (-1 +3):\n%s", diff)
		}
		for _, l := range d.Layers {
			for _, e := range l.At {
				sum := e.Clipping.Bias + e.Inherited.Bias + e.Rounding.Bias + e.Quantisation.Bias + e.Unevenness.Bias
				if math.Abs(sum-e.Total.Bias) > 1e-9 {
					t.Errorf("%d bits, layer %s: the parts add up to %v, the whole is %v", bits, l.Name, sum, e.Total.Bias)
				}
				if few := e.Rounding.RMS > 0.01; few != (bits == 2) {
					t.Errorf("%d bits, layer %s: rounding makes %v", bits, l.Name, e.Rounding)
				}
			}
		}
		var b strings.Builder
		d.Print(&b)
		if !strings.Contains(b.String(), "rounding") || strings.Contains(b.String(), "among the inherited errors") {
			t.Errorf("no column of rounding in\n%s", &b)
		}
		if bits > 2 {
			continue
		}
		found(t, d, diagnose.CauseRounding, "", "real weights in place of 2 bits")
		s.Real = nil
		b.Reset()
		run(t, s, diagnose.Options{Timesteps: []int{64}}).Print(&b)
		if strings.Contains(b.String(), "│ rounding") || !strings.Contains(b.String(), "What rounding the weights to 2 bits does is among the inherited errors.") {
			t.Errorf("it is not said where rounding is in\n%s", &b)
		}
	}
}

func TestRoundingFits(t *testing.T) {
	s := wholeWeights(t)
	s.Real.Layers[0].Name = "other"
	if _, err := diagnose.New(s, diagnose.Options{Timesteps: []int{4}}); err == nil || !strings.Contains(err.Error(), `layer "relu1" is not made of layer "other"`) {
		t.Errorf("error %v", err)
	}
	s.Real = s.Network
	if _, err := diagnose.New(s, diagnose.Options{Timesteps: []int{4}}); err == nil || !strings.Contains(err.Error(), "whole numbers and real ones") {
		t.Errorf("error %v", err)
	}
}
