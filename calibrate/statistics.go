package calibrate

import "sresnet/ann"

// Statistics is what the calibration images showed of a trained network. It is
// plain data, the same for any order of the images and any number of workers.
type Statistics struct {
	Percentile float64 // Of every Lambda below.
	Images     int
	InputMax   float32 // Largest magnitude of a pixel.

	// Unspoken is the number of images on which no logit is positive. An output
	// neuron fires for positive ones only, so spike counts cannot tell the classes
	// of such images apart; the accumulated current can.
	Unspoken int

	Nodes []NodeStatistics

	Also []*Statistics `json:",omitempty"` // Of [Options].Also; without any themselves.
}

// NodeStatistics describes the activations of one node, all units and all images
// pooled, zeros included.
type NodeStatistics struct {
	Node string

	// Lambda is the percentile: element floor(Count Percentile/100) of the
	// activations in ascending order, counted from 1; see [Rank].
	Lambda float32

	Max   float32
	Mean  float64
	Zeros uint64 // Activations that are exactly zero.
	Count uint64

	Histogram Histogram // Of the activations that are not zero.
}

// Histogram counts activations in up to 64 bins of equal width. Bin i goes from
// Edges[i] to Edges[i+1]; an activation on an edge is in the bin farther from
// zero, except the largest and the smallest. There are no bins if there is
// nothing to count.
type Histogram struct {
	Edges  []float64 // One more than Counts.
	Counts []uint64
}

// Node returns the statistics of the named node, or nil.
func (s *Statistics) Node(name string) *NodeStatistics {
	for i := range s.Nodes {
		if s.Nodes[i].Node == name {
			return &s.Nodes[i]
		}
	}
	return nil
}

// Unmeasured stands in for the statistics of a network of which only shapes matter: every
// scale is 1.
func Unmeasured(g *ann.Graph) *Statistics {
	s := &Statistics{InputMax: 1}
	for i := range g.Nodes {
		s.Nodes = append(s.Nodes, NodeStatistics{Node: g.Nodes[i].Name, Lambda: 1})
	}
	return s
}
