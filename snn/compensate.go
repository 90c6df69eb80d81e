package snn

import (
	"fmt"

	"sresnet/tensor"
)

// Compensated returns n with the weights of every synapse that ends on layer i
// multiplied by factors[i]; biases stay. A factor slightly above 1 makes up for
// the charge that neurons have not yet turned into spikes when time is up. Layers
// whose factor is 1 share their weights with n; a gate's must be 1.
func (n *Network) Compensated(factors []float32) (*Network, error) {
	if len(factors) != len(n.Layers) {
		return nil, fmt.Errorf("snn: %d compensation factors for %d layers", len(factors), len(n.Layers))
	}
	c := *n
	c.Layers = append([]Layer(nil), n.Layers...)
	for i, f := range factors {
		l := &c.Layers[i]
		if !(f > 0) || tensor.CheckFinite([]float32{f}) != nil {
			return nil, fmt.Errorf("snn: layer %q: compensation factor %v must be positive and finite", l.Name, f)
		}
		if f == 1 {
			continue
		}
		if l.IsGate() {
			return nil, fmt.Errorf("snn: layer %q: a max-pool gate has no weights to compensate", l.Name)
		}
		l.Synapses = append([]Synapse(nil), l.Synapses...)
		for j := range l.Synapses {
			l.Synapses[j].Connection = l.Synapses[j].Connection.Scaled(float64(f))
		}
	}
	return &c, nil
}

// UniformFactors returns the factors of one global compensation factor, which
// multiplies convolutions, fully connected layers and the shortcuts beside them:
// factor for every layer but pools, whose only synapses are an average or a gate,
// and which keep 1.
func (n *Network) UniformFactors(factor float32) []float32 {
	f := make([]float32, len(n.Layers))
	for i := range f {
		f[i] = factor
		if l := &n.Layers[i]; len(l.Synapses) == 1 && IsPool(l.Synapses[0].Connection) {
			f[i] = 1
		}
	}
	return f
}
