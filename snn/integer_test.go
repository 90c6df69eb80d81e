package snn

import (
	"math"
	"strings"
	"testing"

	"sresnet/internal/hint"
	"sresnet/tensor"
)

// realNetwork is one population of two channels behind the image, one behind it with a
// shortcut, and a classifier.
func realNetwork() *Network {
	neuron := Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	in := tensor.Shape{2, 2, 2}
	conv := func(w ...float32) *Conv {
		return &Conv{Weight: tensor.Of(w, 2, 2, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
	}
	return &Network{
		Name: "real", Input: Input{Shape: in},
		Layers: []Layer{
			{Name: "a", Shape: in, Charge: 1, Lambda: 1, Neuron: neuron, Bias: []float32{0.25, -0.125}, Synapses: []Synapse{{FromInput, conv(0.5, -0.25, 0.125, 0.3)}}},
			{Name: "b", Shape: in, Charge: 1, Lambda: 1, Neuron: neuron, Bias: []float32{0, 0.01}, Synapses: []Synapse{{0, conv(0.05, -0.02, 0.01, 0.04)}, {0, Identity(0.9, in)}}},
			{Name: "c", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []Synapse{{1, &Dense{Weight: tensor.Of([]float32{
				0.3, 0.1, 0.2, 0.1, 0, 0.1, 0.2, 0.1,
				-0.3, 0.01, 0.02, 0.01, 0, 0.01, 0.02, 0.01,
			}, 2, 8)}}}},
		},
	}
}

// Weights are the nearest whole numbers, and none has more bits than were asked for.
func TestQuantised(t *testing.T) {
	for bits := MinBits + 1; bits <= MaxBits; bits++ {
		for _, s := range []Schedule{Synchronous, Phased} {
			real := realNetwork()
			real.Schedule = s
			net, err := real.Quantised(Integers{Bits: bits, Timesteps: 16, InputMax: 2})
			if err != nil {
				t.Fatalf("%d bits: %v", bits, err)
			}
			for i := range net.Layers {
				l, was := &net.Layers[i], &real.Layers[i]
				for j, syn := range l.Synapses {
					if _, shifted := net.WeightBits(i, j); shifted > bits {
						t.Errorf("%d bits: layer %q, synapse %d has weights of %d bits", bits, l.Name, j, shifted)
					}
					k, ok := syn.Connection.(Weighted)
					if !ok || bits < 7 {
						continue
					}
					unit := 1.0
					if syn.From == FromInput {
						unit = float64(net.Input.Unit)
					}
					w, r := k.Weights().Data, was.Synapses[j].Connection.(Weighted).Weights().Data
					for m := range w {
						th := float64(l.Neuron.ThresholdOf(m / (len(w) / l.Shape[0])))
						if d := math.Abs(float64(w[m]) - float64(r[m])*th*unit); d > 0.5+1e-3 {
							t.Errorf("%d bits: layer %q: weight %v became %v of a threshold of %v, off by %.3g units", bits, l.Name, r[m], w[m], th, d)
						}
					}
				}
			}
			for i, reach := range net.Reaches(16) {
				for c, v := range reach {
					if s == Phased && v >= MaxPotential {
						t.Errorf("%d bits: potentials of layer %d, channel %d reach %v", bits, i, c, v)
					}
				}
			}
			if again := net.Unshifted(); again.Validate() != nil {
				t.Errorf("%d bits: without shifts: %v", bits, again.Validate())
			}
		}
	}
}

func TestQuantisedErrors(t *testing.T) {
	usual := Integers{Bits: 8, Timesteps: 16, InputMax: 2}
	for _, tt := range []struct {
		change     func(*Network, *Integers)
		want, hint string
	}{
		{func(_ *Network, o *Integers) { o.Bits = 1 }, "there may be 2 to 16", ""},
		{func(_ *Network, o *Integers) { o.Bits = 17 }, "there may be 2 to 16", ""},
		{func(_ *Network, o *Integers) { o.StateBits = 7 }, "potentials of 7 bits", ""},
		{func(_ *Network, o *Integers) { o.Timesteps = 0 }, "0 timesteps", ""},
		{func(_ *Network, o *Integers) { o.InputMax = 0 }, "gives pixels no unit", ""},
		{func(_ *Network, o *Integers) { o.InputMax = float32(math.NaN()) }, "gives pixels no unit", ""},
		{func(n *Network, _ *Integers) { n.Layers[1].Neuron.Model = LIF{Leak: 0.9} }, `layer "b": LIF`, ""},
		{func(n *Network, o *Integers) { n.Schedule, o.StateBits, o.Timesteps = Phased, 8, 64 }, `layer "a": channel 0: potentials of 8 bits have no room for its weights`, "{state-bits} 1"},
		{func(n *Network, o *Integers) { n.Schedule, o.Timesteps = Phased, 1<<22 }, `layer "a": channel 0: in T = 4194304 timesteps its potential can reach`, "{timesteps}"},
		{func(n *Network, o *Integers) {
			o.Bits = 2 // One large weight and many small ones, which say nothing in two bits.
			w := n.Layers[2].Synapses[0].Connection.(*Dense).Weight.Data
			copy(w, []float32{1, 0.45, 0.45, 0.45, 0.45, 0.45, 0.45, 0.45})
			o.Power = func(layer, c int) float64 { return []float64{1e-9, 1}[c] }
		}, "", ""},
	} {
		n, o := realNetwork(), usual
		tt.change(n, &o)
		_, err := n.Quantised(o)
		if tt.want == "" {
			if err != nil {
				t.Errorf("error %v for weights that can be clipped", err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(hint.Of(err), tt.hint) {
			t.Errorf("error %v with the hint %q, want %q and %q", err, hint.Of(err), tt.want, tt.hint)
		}
	}
}

// A hint names a number of timesteps that does.
func TestQuantisedHint(t *testing.T) {
	n := realNetwork()
	n.Schedule = Phased
	for T := 1 << 22; ; {
		_, err := n.Quantised(Integers{Bits: 8, Timesteps: T, InputMax: 2})
		if err == nil {
			break
		}
		words := strings.Fields(hint.Of(err))
		less := 0
		for _, c := range words[2] {
			less = 10*less + int(c-'0')
		}
		if words[1] != "{timesteps}" || less < 1 || less >= T {
			t.Fatalf("T = %d: %v; %s", T, err, hint.Of(err))
		}
		T = less
	}
}

func TestIntegerValidate(t *testing.T) {
	for want, change := range map[string]func(*Network){
		"weight 0.5 is no whole number":           func(n *Network) { n.Layers[0].Synapses[0].Connection.(*Conv).Weight.Data[0] = 0.5 },
		"is no whole number of 8 bits":            func(n *Network) { n.Layers[0].Synapses[0].Connection.(*Conv).Weight.Data[0] = 129 },
		"threshold 10.5 is no whole number":       func(n *Network) { n.Layers[0].Neuron.Threshold = []float32{10.5, 10} },
		"bias 0.5 is no whole number":             func(n *Network) { n.Layers[0].Bias[0] = 0.5 },
		"start potential 1.25 is no whole number": func(n *Network) { n.Layers[0].Neuron.VInit = []float32{0.125} },
		"charge 2 of an integer network":          func(n *Network) { n.Layers[1].Charge = 2 },
		"pixels no unit":                          func(n *Network) { n.Input.Unit, n.Input.Levels = 0, 0 },
		"have in integer networks only":           func(n *Network) { n.Bits = 0 },
		"weights of 17 bits":                      func(n *Network) { n.Bits = 17 },
		"potentials of 25 bits":                   func(n *Network) { n.StateBits = 25 },
		"above half of what potentials":           func(n *Network) { n.StateBits, n.Layers[0].Neuron.Threshold[0] = 8, 100 },
		"the output of an integer network has one": func(n *Network) {
			n.Layers[2].Neuron.Threshold = []float32{10, 20}
		},
		"a current can reach": func(n *Network) { n.Input.Levels = 1 << 22 },
	} {
		real := realNetwork()
		n, err := real.Quantised(Integers{Bits: 8, Timesteps: 16, InputMax: 2})
		if err != nil {
			t.Fatal(err)
		}
		n.Layers[0].Neuron = Neuron{Threshold: []float32{10, 10}, VInit: []float32{0.5}}
		n.Layers[0].Synapses[0].Connection = &Conv{Weight: tensor.Of([]float32{5, -3, 1, 7}, 2, 2, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
		n.Layers[0].Bias = []float32{2, -1}
		if err := n.Validate(); err != nil {
			t.Fatal(err)
		}
		change(n)
		if err := n.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
