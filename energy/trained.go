package energy

import (
	"slices"

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
	op, ok := n.Op.(ann.Summer)
	if !ok {
		return nil
	}
	weights, weighted := 0, false
	if op, ok := n.Op.(ann.Weighted); ok {
		w, _ := op.Weights()
		weights, weighted = len(w.Data), true
	}
	var list []connection
	for _, input := range n.Inputs {
		if len(n.Inputs) > 1 && w.summed(input) {
			continue
		}
		in, _ := w.g.Shape(input)
		f := op.Fan(n.Shape)
		list = append(list, connection{
			node: n.Name, layer: w.layerOf(n.Name), from: w.sourceOf(input), kind: op.Kind(), weighted: weighted,
			counter: newCounter(input, in, n.Shape, f), dense: w.reached(input, n.Shape, f),
			source: w.elements(input), units: n.Shape.Len(), weights: weights, rows: n.Shape[0], fan: f,
		})
	}
	return list
}

// summed reports whether the named value is a sum whose operations are counted
// where it is made, so that adding it to another one continues that sum and takes
// nothing more. What is a layer of its own is a value that is handed on instead.
func (w *walker) summed(name string) bool {
	n := w.nodes[name]
	if _, layer := w.layers[name]; layer || n == nil {
		return false
	}
	if _, ok := n.Op.(ann.Summer); ok {
		return true
	}
	return n.Op.Linear() && w.summed(n.Inputs[0])
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
	s, _ := w.g.Shape(name)
	c, rows, cols := s.CHW()
	for axis, n := range [3]int{c, rows, cols} {
		in[axis] = slices.Repeat([]bool{true}, n)
	}
	n := w.nodes[name]
	if n == nil {
		return in
	}
	if op, ok := n.Op.(ann.Mover); ok {
		before := w.inside(n.Inputs[0])
		for axis := range in {
			for i := range in[axis] {
				from := op.Source(axis, i)
				in[axis][i] = from >= 0 && from < len(before[axis]) && before[axis][from]
			}
		}
	}
	return in
}

// elements returns how many elements of a value are inside.
func (w *walker) elements(name string) int {
	n := 1
	for _, inside := range w.inside(name) {
		axis := 0
		for _, is := range inside {
			if is {
				axis++
			}
		}
		n *= axis
	}
	return n
}

// reached returns how many elements of an output of that shape those elements of a
// value reach that are inside.
func (w *walker) reached(name string, out tensor.Shape, f tensor.Fan) uint64 {
	n := uint64(f.Channels)
	for axis, inside := range w.inside(name) {
		windows := slices.Repeat([]uint64{1}, len(inside)) // That cover each row or column.
		if f.Window != nil && axis > 0 {
			windows = f.Window.Taps(axis-1, len(inside), out[axis])
		}
		var sum uint64
		for i, is := range inside {
			if is {
				sum += windows[i]
			}
		}
		n *= sum
	}
	return n
}
