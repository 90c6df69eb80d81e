package snn_test

import (
	"strings"
	"testing"

	"sresnet/snn"
	"sresnet/tensor"
)

// TestRemainders holds who can take over what a neuron has left, and that others are refused.
func TestRemainders(t *testing.T) {
	shape := tensor.Shape{2, 3, 3}
	neuron := func() snn.Neuron { return snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}} }
	network := func() *snn.Network {
		w := tensor.New(2, 2, 3, 3)
		conv := &snn.Conv{Weight: w, Window: tensor.Square(3, 1, 1), Groups: 1}
		k := snn.Identity(1, shape)
		k.Remainder = true
		layer := func(name string, syn ...snn.Synapse) snn.Layer {
			return snn.Layer{Name: name, Shape: shape, Synapses: syn, Charge: 1, Lambda: 1, Neuron: neuron()}
		}
		out := layer("out", snn.Synapse{From: 3, Connection: &snn.Dense{Weight: tensor.New(4, 18)}})
		out.Shape = tensor.Shape{4, 1, 1}
		return &snn.Network{
			Name: "stream", Input: snn.Input{Shape: shape}, Schedule: snn.Phased,
			Layers: []snn.Layer{
				layer("stem", snn.Synapse{From: snn.FromInput, Connection: conv}),
				layer("gate", snn.Synapse{From: 0, Connection: &snn.MaxPool{Window: tensor.Square(3, 1, 1)}}),
				layer("branch", snn.Synapse{From: 0, Connection: conv}),
				layer("sum", snn.Synapse{From: 2, Connection: conv}, snn.Synapse{From: 0, Connection: k}),
				out,
			},
		}
	}
	if err := network().Validate(); err != nil {
		t.Fatal(err)
	}
	if r := network().Remains(); !r[0] || r[1] || r[2] || r[3] || r[4] {
		t.Errorf("layers that hand on what is left: %v", r)
	}
	shortcut := func(n *snn.Network) *snn.Shortcut { return n.Layers[3].Synapses[1].Connection.(*snn.Shortcut) }
	for want, change := range map[string]func(n *snn.Network){
		"a synchronous neuron never has a remainder": func(n *snn.Network) { n.Schedule = snn.Synchronous },
		"must be the identity": func(n *snn.Network) {
			*shortcut(n) = snn.Shortcut{Scale: 1, Stride: [2]int{1, 1}, Offset: 1, Shape: tensor.Shape{3, 3, 3}, Remainder: true}
		},
		`those of "stem" are not`: func(n *snn.Network) { n.Layers[0].Neuron.Threshold = []float32{2} },
		`those of "sum" are not`:  func(n *snn.Network) { n.Layers[3].Neuron.VInit = []float32{0, 0.5} },
		`those of "gate" are not`: func(n *snn.Network) { n.Layers[3].Synapses[1].From = 1 },
		`with one potential`:      func(n *snn.Network) { n.Layers[0].Start = make([]float32, 18) },
		`charge 1`: func(n *snn.Network) {
			n.Layers[0].Charge, n.Layers[1].Charge = 0.5, 0.5
		},
		"the output cannot take over": func(n *snn.Network) {
			k := snn.Identity(1, tensor.Shape{4, 1, 1})
			k.Remainder = true
			n.Layers = append(n.Layers, n.Layers[4])
			last := &n.Layers[5]
			last.Name, last.Synapses = "last", []snn.Synapse{{From: 4, Connection: k}}
		},
	} {
		n := network()
		change(n)
		if err := n.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	k := &snn.Shortcut{Scale: 0.5}
	bring := new(snn.Network).Remainder(k, 0, 0)
	if got := bring(1.25, 0.5); got != 0.375 {
		t.Errorf("half of what is left of 1.25 after a start at 0.5: %v", got)
	}
	k.Scale = 1
	if got := new(snn.Network).Remainder(k, 0, 0)(0.50001, 0); got != 0.5 {
		t.Errorf("0.50001 is handed on as %v, want a whole number of 1/1024", got)
	}
}

// TestExactBounds holds that the largest potential there can be, all sources firing at all
// timesteps and all weights of one sign, is exact, and that weights are the nearest.
func TestExactBounds(t *testing.T) {
	for _, T := range []int{1, 7, 16, 64, 300} {
		for _, wide := range []int{3, 577, 25088} {
			w := tensor.New(2, wide)
			for j := range w.Data {
				w.Data[j] = 1/float32(3+j%wide%11) + float32(j/wide) // The second row has larger ones.
			}
			n := &snn.Network{
				Name: "wide", Input: snn.Input{Shape: tensor.Shape{1, 1, 1}}, Schedule: snn.Phased, TunedFor: T,
				Layers: []snn.Layer{
					{Name: "in", Shape: tensor.Shape{wide, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}}, Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.New(wide, 1)}}}},
					{Name: "out", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}, Synapses: []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: w}}}, Bias: []float32{0.1, -0.2}},
				},
			}
			e := n.Exact()
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			got := e.Layers[1].Synapses[0].Connection.(*snn.Dense).Weight.Data
			for row := range 2 {
				v, sum := float32(0.5), 0.5
				for range T {
					for _, x := range got[row*wide:][:wide] {
						v, sum = v+x, sum+float64(x)
					}
					b := e.Layers[1].Bias[row]
					v, sum = v+b, sum+float64(b)
				}
				if float64(v) != sum {
					t.Errorf("T = %d, %d weights: potential %v, and %v in float64", T, wide, v, sum)
				}
			}
			for j, x := range got {
				if d := float64(x) - float64(w.Data[j]); d > 0x1p-20*float64(T*wide) || d < -0x1p-20*float64(T*wide) {
					t.Errorf("T = %d, %d weights: %v becomes %v", T, wide, w.Data[j], x)
				}
			}
		}
	}
}
