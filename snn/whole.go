package snn

import "slices"

// WholePools returns n with its means counted in whole numbers: a population that gets nothing
// but the mean of N neurons, whose charge is its threshold, has, where N is no power of two,
// the weight 1 and N times the threshold in place of the weight 1/N. It fires at the same
// timesteps, but for this: 1/N is no float32, so that N spikes, one at a time, would stay just
// below a threshold of 1, and the spike would be lost.
//
// Left as they are: means of other sources, those over padding that does not count, of which
// some are over fewer neurons, and populations that remainders leave or enter.
func (n *Network) WholePools() *Network {
	out := *n
	out.Layers = slices.Clone(n.Layers)
	remains := n.Remains()
	for i := range out.Layers {
		l := &out.Layers[i]
		k, ok := n.plainMean(l)
		if !ok || remains[i] {
			continue
		}
		N := float32(k.Window.Kernel[0] * k.Window.Kernel[1])
		whole := *k
		whole.Scale = N
		l.Synapses = []Synapse{{l.Synapses[0].From, &whole}}
		l.Neuron.Threshold = []float32{N * l.Neuron.Threshold[0]}
		l.Bias, l.Start, l.Shift = scaled(l.Bias, float64(N)), scaled(l.Start, float64(N)), scaled(l.Shift, float64(N))
	}
	return &out
}

// plainMean returns the pool of a population that [Network.WholePools] changes.
func (n *Network) plainMean(l *Layer) (*AveragePool, bool) {
	k, ok := l.Synapses[0].Connection.(*AveragePool)
	if !ok || len(l.Synapses) > 1 || k.Scale != 1 || k.Scales != nil || !k.CountPad && k.Window.Pad != [4]int{} {
		return nil, false
	}
	if powerOfTwo(float32(k.Window.Kernel[0] * k.Window.Kernel[1])) {
		return nil, false
	}
	a, ok := l.Neuron.Decay()
	th := l.Neuron.Threshold
	return k, ok && a == 1 && len(th) == 1 && th[0] == l.Charge && n.Layers[l.Synapses[0].From].Charge == l.Charge
}
