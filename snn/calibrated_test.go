package snn

import (
	"slices"
	"testing"
)

func TestUnshifted(t *testing.T) {
	n := &Network{Layers: []Layer{{Bias: []float32{1, 2}}, {Bias: []float32{3, 4}, Shift: []float32{0.5, -1}}}}
	u := n.Unshifted()
	if !slices.Equal(u.Layers[1].Bias, []float32{2.5, 5}) || u.Layers[1].Shift != nil || !slices.Equal(u.Layers[0].Bias, n.Layers[0].Bias) {
		t.Errorf("got %+v", u.Layers)
	}
	if !slices.Equal(n.Layers[1].Bias, []float32{3, 4}) || n.Layers[1].Shift == nil {
		t.Errorf("the network itself has changed: %+v", n.Layers)
	}
	if u.Unshifted() != u {
		t.Error("a network that nothing was added to is not itself")
	}
}

func TestRefitted(t *testing.T) {
	n := &Network{Layers: []Layer{
		{Synapses: []Synapse{{From: FromInput}}},
		{Synapses: []Synapse{{From: 0}}, Refit: true},
		{Synapses: []Synapse{{From: 0}}},
		{Synapses: []Synapse{{From: 2}, {From: 1}}},
	}}
	if got := n.Refitted(); !slices.Equal(got, []bool{false, true, false, true}) {
		t.Errorf("got %v", got)
	}
}
