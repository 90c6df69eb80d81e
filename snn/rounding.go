package snn

import "fmt"

// RoundingError returns what rounding has changed of the weights of n, an integer network that
// was made of real: a network of the same layers and gates whose weights are, in thresholds,
//
//	w / θ - w_real q_real / θ_real
//
// and of pixels w / (θ Unit) - w_real / θ_real, with charges and thresholds of 1 and without
// biases. What it makes of the rates and the image that n has is the current that rounded
// weights bring beyond what the real ones would bring from the same. It has no windows and no
// remainders, and is not meant to be simulated. What rounding does to pixels, biases and start
// potentials is not in it.
func (n *Network) RoundingError(real *Network) (*Network, error) {
	if !n.Integer() || real.Integer() {
		return nil, fmt.Errorf("snn: weights of %d bits were rounded from those of %d bits: that takes whole numbers and real ones", n.Bits, real.Bits)
	}
	if len(n.Layers) != len(real.Layers) {
		return nil, fmt.Errorf("snn: the real network has %d layers, the integer one %d", len(real.Layers), len(n.Layers))
	}
	out := &Network{Name: n.Name, Input: n.Input}
	out.Input.Unit, out.Input.Levels = 0, 0
	for i := range n.Layers {
		l, err := n.roundingError(&n.Layers[i], real, &real.Layers[i])
		if err != nil {
			return nil, fmt.Errorf("snn: layer %q is not made of layer %q of the real network: %w", n.Layers[i].Name, real.Layers[i].Name, err)
		}
		out.Layers = append(out.Layers, l)
	}
	return out, out.Validate()
}

// roundingError is RoundingError of one layer.
func (n *Network) roundingError(l *Layer, real *Network, r *Layer) (Layer, error) {
	if l.Name != r.Name || !l.Shape.Equal(r.Shape) || len(l.Synapses) != len(r.Synapses) || l.IsGate() != r.IsGate() {
		return Layer{}, fmt.Errorf("names, shapes %v and %v, or %d and %d synapses differ", l.Shape, r.Shape, len(l.Synapses), len(r.Synapses))
	}
	out := Layer{Name: l.Name, Shape: l.Shape, Charge: 1, Lambda: 1}
	if l.IsGate() {
		out.Synapses = l.Synapses
		return out, nil
	}
	out.Neuron = Neuron{Threshold: []float32{1}}
	once := func(int) float64 { return 1 }
	for j, s := range l.Synapses {
		from := r.Synapses[j]
		in := n.ShapeOf(s.From)
		if s.From != from.From || s.Connection.Kind() != from.Connection.Kind() || !in.Equal(real.ShapeOf(s.From)) {
			return Layer{}, fmt.Errorf("synapse %d is a %s of layer %d, and a %s of layer %d", j, s.Connection.Kind(), s.From, from.Connection.Kind(), from.From)
		}
		charge, realCharge := 1/float64(n.Input.Unit), 1.0
		if s.From != FromInput {
			charge, realCharge = float64(n.Layers[s.From].Charge), float64(real.Layers[s.From].Charge)
		}
		whole, exact := newRows(s, in, l, charge, once), newRows(from, in, r, realCharge, once)
		changes := make([][]float64, l.Shape[0])
		for c := range changes {
			a, b := whole.of(c).w, exact.of(c).w
			if len(a) != len(b) {
				return Layer{}, fmt.Errorf("synapse %d has %d weights of channel %d, and %d", j, len(a), c, len(b))
			}
			for k := range a {
				a[k] -= b[k]
			}
			changes[c] = a
		}
		k := whole.put(changes)
		if s, ok := k.(*Shortcut); ok { // A copy.
			s.Remainder = false
		}
		out.Synapses = append(out.Synapses, Synapse{s.From, k})
	}
	return out, nil
}
