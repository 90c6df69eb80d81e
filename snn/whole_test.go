package snn

import (
	"testing"

	"sresnet/tensor"
)

// TestWholePools: a mean over 49 neurons that fire one after the other is one spike, and what
// else there is fires as it did.
func TestWholePools(t *testing.T) {
	pool := func(k, stride, pad int, change func(*Layer, *AveragePool)) *Network {
		k7 := &AveragePool{Window: tensor.Square(k, stride, pad), Scale: 1}
		conv := &Conv{Weight: tensor.New(1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
		shape, err := k7.Out(tensor.Shape{1, 7, 7})
		if err != nil {
			t.Fatal(err)
		}
		one := Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
		n := &Network{Input: Input{Shape: tensor.Shape{1, 7, 7}}, Layers: []Layer{
			{Name: "a", Shape: tensor.Shape{1, 7, 7}, Charge: 1, Lambda: 1, Neuron: one, Synapses: []Synapse{{FromInput, conv}}},
			{Name: "mean", Shape: shape, Charge: 1, Lambda: 1, Neuron: one, Synapses: []Synapse{{0, k7}}},
			{Name: "out", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: one, Synapses: []Synapse{{1, &Dense{Weight: tensor.New(1, shape.Len())}}}},
		}}
		if change != nil {
			change(&n.Layers[1], k7)
		}
		return n
	}
	for _, tt := range []struct {
		name           string
		k, stride, pad int
		change         func(*Layer, *AveragePool)
		whole          bool
	}{
		{"seven", 7, 1, 0, nil, true},
		{"three, with padding that counts", 3, 2, 1, func(_ *Layer, k *AveragePool) { k.CountPad = true }, true},
		{"start potentials and biases", 7, 1, 0, func(l *Layer, _ *AveragePool) { l.Bias, l.Start = []float32{0.25}, []float32{0.75} }, true},
		{"four", 4, 4, 0, nil, false},
		{"padding that does not count", 3, 2, 1, nil, false},
		{"a scale", 7, 1, 0, func(_ *Layer, k *AveragePool) { k.Scale = 0.9 }, false},
		{"a leak", 7, 1, 0, func(l *Layer, _ *AveragePool) { l.Neuron.Model = LIF{Leak: 0.5} }, false},
		{"another threshold", 7, 1, 0, func(l *Layer, _ *AveragePool) { l.Neuron.Threshold = []float32{2} }, false},
	} {
		n := pool(tt.k, tt.stride, tt.pad, tt.change)
		before := n.String()
		w := n.WholePools()
		if err := w.Validate(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n.String() != before {
			t.Errorf("%s: the network itself has changed", tt.name)
		}
		l, N := &w.Layers[1], float32(1)
		if tt.whole {
			N = float32(tt.k * tt.k)
		}
		k, old := l.Synapses[0].Connection.(*AveragePool), &n.Layers[1]
		if got := l.Neuron.Threshold[0]; got != N*old.Neuron.Threshold[0] {
			t.Errorf("%s: threshold %v, want %v", tt.name, got, N*old.Neuron.Threshold[0])
		}
		if tt.whole && k.WeightAt(0, 0, 0, 7, 7) != 1 || !tt.whole && k != old.Synapses[0].Connection {
			t.Errorf("%s: a spike weighs %v", tt.name, k.WeightAt(0, 0, 0, 7, 7))
		}
		if l.StartOf(0) != N*old.StartOf(0) || biasOf(l, 0) != N*biasOf(old, 0) {
			t.Errorf("%s: start potential %v and bias %v, were %v and %v", tt.name, l.StartOf(0), biasOf(l, 0), old.StartOf(0), biasOf(old, 0))
		}
	}
}
