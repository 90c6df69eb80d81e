package snn_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// TestRescaled holds that other lambdas leave what a network computes in the limit as it
// was, whatever connections and gates there are.
func TestRescaled(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64())
		}
		return w
	}
	layer := func(name string, shape tensor.Shape, syn ...snn.Synapse) snn.Layer {
		return snn.Layer{Name: name, Shape: shape, Synapses: syn, Charge: 1, Lambda: 2, Neuron: snn.Neuron{Threshold: []float32{1}}}
	}
	four := tensor.Shape{4, 4, 4}
	net := &snn.Network{Name: "all", Input: snn.Input{Shape: tensor.Shape{2, 4, 4}}, Layers: []snn.Layer{
		layer("conv", four, snn.Synapse{From: snn.FromInput, Connection: &snn.Conv{Weight: weights(4, 2, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}}),
		layer("block", four, snn.Synapse{From: 0, Connection: &snn.Conv{Weight: weights(4, 2, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 2}}, snn.Synapse{From: 0, Connection: snn.Identity(0.5, four)}),
		layer("max", tensor.Shape{4, 2, 2}, snn.Synapse{From: 1, Connection: &snn.MaxPool{Window: tensor.Square(2, 2, 0)}}),
		layer("pad", tensor.Shape{6, 2, 2}, snn.Synapse{From: 2, Connection: &snn.Conv{Weight: weights(6, 4, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}, snn.Synapse{From: 1, Connection: &snn.Shortcut{Scale: 1, Stride: [2]int{2, 2}, Offset: 1, Shape: tensor.Shape{6, 2, 2}}}),
		layer("mean", tensor.Shape{6, 1, 1}, snn.Synapse{From: 3, Connection: &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scale: 1}}),
		layer("fc", tensor.Shape{3, 1, 1}, snn.Synapse{From: 4, Connection: &snn.Dense{Weight: weights(3, 6)}}, snn.Synapse{From: 2, Connection: &snn.Dense{Weight: weights(3, 16)}}),
	}}
	net.Layers[1].Bias = []float32{0.1, 0.2, 0.3, -0.4}
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	image := weights(2, 4, 4).Data
	want, err := sim.Rates(t.Context(), net, image, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := net
	for i := range net.Layers[:len(net.Layers)-1] {
		if net.Layers[i].IsGate() {
			continue
		}
		f := []float32{3}
		if i != 3 {
			for range net.Layers[i].Shape[0] - 1 {
				f = append(f, 0.1+rnd.Float32())
			}
		}
		if got, err = got.Rescaled(i, f); err != nil {
			t.Fatal(err)
		}
	}
	if err := got.Validate(); err != nil {
		t.Fatal(err)
	}
	rates, err := sim.Rates(t.Context(), got, image, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rates {
		l := &got.Layers[i]
		for j, r := range rates[i] {
			c := j / (l.Shape[1] * l.Shape[2])
			a, b := r*float64(l.LambdaOf(c)), want[i][j]*2
			if math.Abs(a-b) > 1e-4*(1+math.Abs(b)) {
				t.Fatalf("layer %q, neuron %d: activation %v, want %v", l.Name, j, a, b)
			}
		}
	}
	for _, bad := range []struct {
		layer   int
		factors []float32
	}{{2, []float32{2}}, {5, []float32{2}}, {0, []float32{2, 3}}, {0, []float32{0}}, {0, []float32{float32(math.Inf(1))}}} {
		if _, err := net.Rescaled(bad.layer, bad.factors); err == nil {
			t.Errorf("layer %d, factors %v: no error", bad.layer, bad.factors)
		}
	}
}
