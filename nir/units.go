package nir

import (
	"math"
	"slices"

	"sresnet/snn"
)

// LayerUnits returns, for every layer of the network of g, what its potentials and currents
// are multiplied by, channel by channel, in g, where pools are sums or thresholds were made
// equal; nil for a layer of which it is 1, and for a gate. net is what [Graph.Network]
// returned.
func LayerUnits(net *snn.Network, g *Graph) ([][]float32, error) {
	units := make([][]float32, len(net.Layers))
	if g == nil {
		return units, nil
	}
	nodes, err := LayerNodes(net, g)
	if err != nil {
		return nil, err
	}
	for i := range units {
		l := &net.Layers[i]
		if l.IsGate() {
			continue
		}
		n := g.Node(nodes[i])
		a := n.Data.Arrays["v_threshold"]
		if n.Metadata != nil { // Where the node has the next smaller number.
			if kept, ok := n.Metadata.Arrays["v_threshold"]; ok {
				a = kept
			}
		}
		th, err := perChannel(a, l.Shape)
		if err != nil {
			continue // A file of another tool, which is read by channel or not at all.
		}
		for c, v := range th {
			ours := l.Neuron.ThresholdOf(c)
			if math.Nextafter32(v, float32(math.Inf(1))) == ours { // Read as NIR has it: above.
				ours = v
			}
			units[i] = append(units[i], v/ours)
		}
		if !slices.ContainsFunc(units[i], func(u float32) bool { return u != 1 }) {
			units[i] = nil
		}
	}
	return units, nil
}
