package energy

import (
	"sresnet/ann"
	"sresnet/snn"
)

// Bytes of a parameter or potential, and of a spike count of a gate.
const (
	floatBytes = 4
	countBytes = 2
)

// storedSNN returns the share of weights that are zero, and the bytes of weights,
// biases, thresholds and start potentials, of potentials, and of the counts of gates.
// Weights of an integer network take their bits, everything else 32.
func storedSNN(net *snn.Network) (sparsity float64, bytes int64) {
	var weights, zeros, floats, spikeCounts int
	for i := range net.Layers {
		l := &net.Layers[i]
		for _, s := range l.Synapses {
			if k, ok := s.Connection.(snn.Weighted); ok {
				w := k.Weights().Data
				weights, zeros = weights+len(w), zeros+len(w)-int(nonzero(w))
			} else {
				floats += s.Connection.Parameters() // One weight that all its synapses share.
			}
		}
		if l.IsGate() {
			spikeCounts += net.ShapeOf(l.Synapses[0].From).Len() + l.Shape.Len()
		} else {
			floats += len(l.Bias) + len(l.Neuron.Threshold) + len(l.Neuron.VInit) + l.Neurons()
		}
	}
	stored := floatBytes * weights
	if net.Integer() {
		stored = (net.Bits*weights + 7) / 8
	}
	return share(zeros, weights), int64(stored + floatBytes*floats + countBytes*spikeCounts)
}

// storedANN is the same for the trained network, which has no state.
func storedANN(g *ann.Graph) (sparsity float64, bytes int64) {
	var weights, zeros, parameters int
	for i := range g.Nodes {
		parameters += ann.Parameters(g.Nodes[i].Op)
		if op, ok := g.Nodes[i].Op.(ann.Weighted); ok {
			w, _ := op.Weights()
			weights, zeros = weights+len(w.Data), zeros+len(w.Data)-int(nonzero(w.Data))
		}
	}
	return share(zeros, weights), int64(floatBytes * parameters)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
