package snn

import (
	"slices"

	"sresnet/tensor"
)

// DropWeights takes the weights out of n and leaves their shapes. Who has compiled the
// network and needs no other has their memory back; it can be looked at, and neither
// compiled again nor validated.
func (n *Network) DropWeights() {
	n.Layers = slices.Clone(n.Layers) // Other networks may share them.
	for i := range n.Layers {
		l := &n.Layers[i]
		l.Synapses = slices.Clone(l.Synapses)
		for j := range l.Synapses {
			if k, ok := l.Synapses[j].Connection.(Weighted); ok {
				l.Synapses[j].Connection = k.WithWeights(&tensor.Tensor{Shape: slices.Clone(k.Weights().Shape)})
			}
		}
	}
}
