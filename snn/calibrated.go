package snn

// Unshifted returns n with biases less their [Layer.Shift]: what the trained network
// computes, where calibration for T has not fitted weights anew. It shares all else with n,
// which it is itself if nothing was shifted.
func (n *Network) Unshifted() *Network {
	u := n
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.Shift == nil {
			continue
		}
		if u == n {
			c := *n
			c.Layers = append([]Layer(nil), n.Layers...)
			u = &c
		}
		bias := append([]float32(nil), l.Bias...)
		for c := range bias {
			bias[c] -= l.Shift[c]
		}
		u.Layers[i].Bias, u.Layers[i].Shift = bias, nil
	}
	return u
}

// Refitted reports, per layer, whether weights that calibration for T has fitted anew have
// a part in what it computes: its own, or those of a layer before it.
func (n *Network) Refitted() []bool {
	has := make([]bool, len(n.Layers))
	for i := range n.Layers {
		has[i] = n.Layers[i].Refit
		for _, s := range n.Layers[i].Synapses {
			has[i] = has[i] || s.From != FromInput && has[s.From]
		}
	}
	return has
}
