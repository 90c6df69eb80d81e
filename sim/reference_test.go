package sim_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// pair is a network of two layers, the first of which fires at the rates of the
// image, were there no bound, and the second at their sum.
func pair(channels int) *snn.Network {
	first, second := tensor.New(channels, channels), tensor.New(1, channels)
	for c := range channels {
		first.Data[c*channels+c] = 1
		second.Data[c] = 1
	}
	layer := func(name string, n, from int, w *tensor.Tensor) snn.Layer {
		return snn.Layer{
			Name: name, Shape: tensor.Shape{n, 1, 1}, Synapses: []snn.Synapse{{From: from, Connection: &snn.Dense{Weight: w}}},
			Neuron: snn.Neuron{Threshold: []float32{1}}, Charge: 1, Lambda: 1,
		}
	}
	return &snn.Network{
		Name: "pair", Input: snn.Input{Shape: tensor.Shape{channels, 1, 1}},
		Layers: []snn.Layer{layer("first", channels, snn.FromInput, first), layer("second", 1, 0, second)},
	}
}

func TestRatesBounds(t *testing.T) {
	image := []float32{-1, 0.5, 2, 4}
	none := math.Inf(1)
	for _, tt := range []struct {
		most []float64
		sum  float64
	}{
		{nil, 6.5},
		{[]float64{none, none}, 6.5},
		{[]float64{3, none}, 5.5}, // What follows a bound sees it.
		{[]float64{none, 1}, 1},
	} {
		rates, err := sim.Rates(t.Context(), pair(4), image, tt.most)
		if err != nil {
			t.Fatal(err)
		}
		if got := rates[1][0]; got != tt.sum {
			t.Errorf("bounds %v: rate %v of the second layer, want %v", tt.most, got, tt.sum)
		}
	}
	if _, err := sim.Rates(t.Context(), pair(4), image, []float64{1}); err == nil {
		t.Error("one bound for two layers: no error")
	}
}

// countdown is a context that ends after it was asked so many times whether it has.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	c.left--
	if c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Rates asks for the end of its context within a layer, which may take long.
func TestRatesCanceled(t *testing.T) {
	const channels = 50
	ctx := &countdown{t.Context(), channels / 2}
	if _, err := sim.Rates(ctx, pair(channels), make([]float32, channels), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled in the first layer: got error %v", err)
	}
	if ctx.left != -1 {
		t.Errorf("went on after the end")
	}
}

// So does the reference engine, within a convolution.
func TestReferenceCanceled(t *testing.T) {
	const channels = 60
	shape := tensor.Shape{channels, 2, 2}
	net := &snn.Network{Name: "wide", Input: snn.Input{Shape: shape}, Layers: []snn.Layer{
		{
			Name: "conv", Shape: shape, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
			Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Conv{Weight: tensor.New(channels, channels, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}},
		},
		{
			Name: "out", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
			Synapses: []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: tensor.New(1, shape.Len())}}},
		},
	}}
	p, err := sim.Compile(net, sim.Options{Timesteps: 5, Reference: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx := &countdown{t.Context(), channels / 2}
	if _, err := p.NewEngine().Run(ctx, make([]float32, shape.Len()), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled in the first layer: got error %v", err)
	}
	if ctx.left < -3 { // Once in the layer, once behind it.
		t.Errorf("asked %d times more after the end", -ctx.left)
	}
}
