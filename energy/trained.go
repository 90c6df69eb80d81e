package energy

import (
	"sresnet/ann"
	"sresnet/snn"
	"sresnet/tensor"
)

// walker finds the spiking layers that the nodes of a graph belong to.
type walker struct {
	g         *ann.Graph
	nodes     map[string]*ann.Node
	consumers map[string][]int
	layers    map[string]int
}

func newWalker(g *ann.Graph, net *snn.Network) *walker {
	w := &walker{g: g, nodes: make(map[string]*ann.Node), consumers: g.Consumers(), layers: map[string]int{g.Input.Name: snn.FromInput}}
	for i := range g.Nodes {
		w.nodes[g.Nodes[i].Name] = &g.Nodes[i]
	}
	for i := range net.Layers {
		w.layers[net.Layers[i].Name] = i
	}
	return w
}

// connections returns what is to count at a node of the trained network, by the
// rules of the spiking one: a product with a weight for each element that is not
// zero, an addition without a weight where a shortcut or an average pool takes it.
// Comparisons, biases and batch norms, which fold into weights, count nothing.
func (w *walker) connections(n *ann.Node) []connection {
	in := func(i int) tensor.Shape { s, _ := w.g.Shape(n.Inputs[i]); return s }
	c := connection{node: n.Name, layer: w.layerOf(n.Name), from: w.sourceOf(n.Inputs[0])}
	switch op := n.Op.(type) {
	case *ann.Conv:
		c.kind, c.weighted = (*snn.Conv)(nil).Kind(), true
		c.counter = &counter{source: n.Inputs[0], channels: in(0)[0], taps: positionTaps(op.Window, in(0), n.Shape), fan: uint64(n.Shape[0] / op.Groups)}
		c.dense = w.windowed(n.Inputs[0], op.Window, n.Shape) * c.counter.fan
	case *ann.Gemm:
		c.kind, c.weighted = (*snn.Dense)(nil).Kind(), true
		c.counter = &counter{source: n.Inputs[0], fan: uint64(n.Shape[0])}
		c.dense = uint64(in(0).Len()) * c.counter.fan
	case *ann.AveragePool:
		c.kind = (*snn.AveragePool)(nil).Kind()
		c.counter = &counter{source: n.Inputs[0], channels: in(0)[0], taps: positionTaps(op.Window, in(0), n.Shape), fan: 1}
		c.dense = w.windowed(n.Inputs[0], op.Window, n.Shape)
	case *ann.GlobalAveragePool:
		c.kind = (*snn.AveragePool)(nil).Kind()
		c.counter = &counter{source: n.Inputs[0], fan: 1}
		c.dense = w.elements(n.Inputs[0])
	case *ann.Add:
		var list []connection
		for _, input := range n.Inputs {
			if !w.summed(input) {
				s := c
				s.kind, s.from = (*snn.Shortcut)(nil).Kind(), w.sourceOf(input)
				s.counter = &counter{source: input, fan: 1}
				s.dense = w.elements(input)
				list = append(list, s)
			}
		}
		return list
	default:
		return nil
	}
	return []connection{c}
}

// summed reports whether the named value is a sum whose operations are counted
// where it is made, so that adding it to another one continues that sum and takes
// nothing more. What is a layer of its own is a value that is handed on instead.
func (w *walker) summed(name string) bool {
	n := w.nodes[name]
	if _, layer := w.layers[name]; layer || n == nil {
		return false
	}
	switch n.Op.(type) {
	case *ann.Conv, *ann.Gemm, *ann.Add, *ann.AveragePool, *ann.GlobalAveragePool:
		return true
	case *ann.BatchNormalization, *ann.Slice, *ann.Pad, *ann.Flatten:
		return w.summed(n.Inputs[0])
	}
	return false
}

// layerOf returns the spiking layer on which a node's operations end: its own or
// that of the first node after it that has one.
func (w *walker) layerOf(name string) int {
	for {
		if i, ok := w.layers[name]; ok {
			return i
		}
		next := w.consumers[name]
		if len(next) == 0 {
			return unknown
		}
		name = w.g.Nodes[next[0]].Name
	}
}

// sourceOf returns the spiking layer from which a node's input comes: its own or
// that of the first node before it that has one.
func (w *walker) sourceOf(name string) int {
	for {
		if i, ok := w.layers[name]; ok {
			return i
		}
		n := w.nodes[name]
		if n == nil || len(n.Inputs) != 1 {
			return unknown
		}
		name = n.Inputs[0]
	}
}

// inside returns the channels, rows and columns of a value that are no zeros which
// a Pad put there: padding is border, whether the file has it apart or not.
func (w *walker) inside(name string) [3][]bool {
	var in [3][]bool
	if n := w.nodes[name]; n != nil {
		switch op := n.Op.(type) {
		case *ann.Pad:
			before := w.inside(n.Inputs[0])
			for i := range in {
				in[i] = make([]bool, n.Shape[i])
				copy(in[i][op.Before[i]:], before[i])
			}
			return in
		case *ann.Slice:
			before := w.inside(n.Inputs[0])
			for i := range in {
				for j := range op.Size[i] {
					in[i] = append(in[i], before[i][op.Start[i]+j*op.Step[i]])
				}
			}
			return in
		}
	}
	s, _ := w.g.Shape(name)
	c, h, wd := s.CHW()
	for i, n := range [3]int{c, h, wd} {
		for range n {
			in[i] = append(in[i], true)
		}
	}
	return in
}

// elements returns the number of elements of a value that are inside.
func (w *walker) elements(name string) uint64 {
	inside := w.inside(name)
	return trues(inside[0]) * trues(inside[1]) * trues(inside[2])
}

func trues(x []bool) (n uint64) {
	for _, v := range x {
		if v {
			n++
		}
	}
	return n
}

// windowed returns the taps of a window over the named value that lie inside the
// border, for one output channel a group.
func (w *walker) windowed(name string, win tensor.Window, out tensor.Shape) uint64 {
	inside := w.inside(name)
	axis := func(a int) (n uint64) {
		for i, taps := range windowTaps(win, a, len(inside[a+1]), out[a+1]) {
			if inside[a+1][i] {
				n += taps
			}
		}
		return n
	}
	return trues(inside[0]) * axis(0) * axis(1)
}
