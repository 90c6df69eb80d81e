package snn

import (
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

// pooledNetwork has every kind of synapse: a convolution and a shortcut into one
// layer, a gate, an average pool, a fully connected output.
func pooledNetwork() *Network {
	neuron := Neuron{Threshold: []float32{1}}
	layer := func(name string, shape tensor.Shape, bias []float32, s ...Synapse) Layer {
		return Layer{Name: name, Shape: shape, Synapses: s, Bias: bias, Neuron: neuron, Charge: 1, Lambda: 1}
	}
	s := tensor.Shape{1, 2, 2}
	conv := func() *Conv {
		return &Conv{Weight: tensor.Of([]float32{0.5}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
	}
	return &Network{Name: "n", Input: Input{Shape: s}, Layers: []Layer{
		layer("first", s, []float32{3}, Synapse{FromInput, conv()}),
		layer("sum", s, []float32{5}, Synapse{0, conv()}, Synapse{0, Identity(0.25, s)}, Synapse{0, &AveragePool{Window: tensor.Square(1, 1, 0), Scale: 2}}),
		layer("gate", s, nil, Synapse{1, &MaxPool{Window: tensor.Square(1, 1, 0)}}),
		layer("pool", tensor.Shape{1, 1, 1}, nil, Synapse{2, &AveragePool{Window: tensor.Square(2, 2, 0), Scale: 1}}),
		layer("output", tensor.Shape{1, 1, 1}, []float32{7}, Synapse{3, &Dense{Weight: tensor.Of([]float32{2}, 1, 1)}}),
	}}
}

// weightsOf lists one weight a synapse.
func weightsOf(n *Network) (w []float32) {
	for _, l := range n.Layers {
		for _, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *Conv:
				w = append(w, k.Weight.Data[0])
			case *Dense:
				w = append(w, k.Weight.Data[0])
			case *Shortcut:
				w = append(w, k.Scale)
			case *AveragePool:
				w = append(w, k.Scale)
			}
		}
	}
	return w
}

func TestCompensated(t *testing.T) {
	n := pooledNetwork()
	if err := n.Validate(); err != nil {
		t.Fatal(err)
	}
	before := weightsOf(n)
	for _, tt := range []struct {
		name    string
		factors []float32
		want    []float32
	}{
		{"global", n.UniformFactors(2), []float32{1, 1, 0.5, 4, 1, 4}},
		{"layer", []float32{1, 2, 1, 4, 0.5}, []float32{0.5, 1, 0.5, 4, 4, 1}},
		{"none", n.UniformFactors(1), before},
	} {
		c, err := n.Compensated(tt.factors)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if got := weightsOf(c); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Compensated(%v): weights %v, want %v", tt.name, tt.factors, got, tt.want)
		}
		if got := weightsOf(n); !slices.Equal(got, before) {
			t.Fatalf("%s: Compensated changed the network it was called on: weights %v, want %v", tt.name, got, before)
		}
		for i, b := range []float32{3, 5, 0, 0, 7} {
			if l := c.Layers[i]; b != 0 && l.Bias[0] != b {
				t.Errorf("%s: layer %q: bias %v, want %v", tt.name, l.Name, l.Bias[0], b)
			}
		}
	}
}

func TestCompensatedErrors(t *testing.T) {
	n := pooledNetwork()
	for _, tt := range []struct {
		factors []float32
		want    string
	}{
		{[]float32{1}, "1 compensation factors for 5 layers"},
		{[]float32{1, 0, 1, 1, 1}, `layer "sum": compensation factor 0 must be positive`},
		{[]float32{1, 1, 2, 1, 1}, `layer "gate": a max-pool gate`},
	} {
		if _, err := n.Compensated(tt.factors); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Compensated(%v): error %v, want %q in it", tt.factors, err, tt.want)
		}
	}
}
