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
func storedSNN(net *snn.Network) (sparsity float64, bytes int64) {
	var weights, zeros, floats, spikeCounts int
	for i := range net.Layers {
		l := &net.Layers[i]
		for _, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *snn.Conv:
				weights, zeros = weights+len(k.Weight.Data), zeros+len(k.Weight.Data)-int(nonzero(k.Weight.Data))
			case *snn.Dense:
				weights, zeros = weights+len(k.Weight.Data), zeros+len(k.Weight.Data)-int(nonzero(k.Weight.Data))
			case *snn.Shortcut, *snn.AveragePool:
				floats++ // One weight that all its synapses share.
			case *snn.MaxPool:
				spikeCounts += net.ShapeOf(s.From).Len() + l.Shape.Len()
			}
		}
		if !l.IsGate() {
			floats += len(l.Bias) + len(l.Neuron.Threshold) + len(l.Neuron.VInit) + l.Neurons()
		}
	}
	return share(zeros, weights), int64(floatBytes*(weights+floats) + countBytes*spikeCounts)
}

// storedANN is the same for the trained network, which has no state.
func storedANN(g *ann.Graph) (sparsity float64, bytes int64) {
	var weights, zeros, parameters int
	for i := range g.Nodes {
		parameters += ann.Parameters(g.Nodes[i].Op)
		switch op := g.Nodes[i].Op.(type) {
		case *ann.Conv:
			weights, zeros = weights+len(op.Weight.Data), zeros+len(op.Weight.Data)-int(nonzero(op.Weight.Data))
		case *ann.Gemm:
			weights, zeros = weights+len(op.Weight.Data), zeros+len(op.Weight.Data)-int(nonzero(op.Weight.Data))
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
