package convert

import (
	"fmt"
	"slices"
	"strconv"

	"sresnet/ann"
	"sresnet/tensor"
)

// splitConcat takes branches that are side by side apart, so that each brings its own
// spikes to what follows. With a and b side by side, and W in the columns that they
// meet,
//
//	f(a|b) = f(a) | f(b)        rectifiers, batch norms, pools, Flatten, rows and columns
//	W (a|b) = W_a a + W_b b     convolutions and fully connected layers, with one bias
//	(a|b) + (c|d) = a+c | b+d   in the smallest pieces that have whole branches of both
//	(a|b) + c = (a|0) + (0|b) + c
//
// where zeros beside weights are rows of them. What was one node keeps its name as the
// sum, or as what is side by side. Channels that a Gather or Slice takes, in whatever
// order, are branches of channels, and W is in their order. Where several nodes take
// different channels of one, it is cut for them first; see [folding.cuts].
func splitConcat(g *folding) {
	if !slices.ContainsFunc(g.Nodes, func(n ann.Node) bool { return g.routes(&n) }) {
		return
	}
	s := newSplitter(g)
	s.classes, s.apart = g.cuts()
	g.changed = true
	for i := range g.Nodes {
		n := &g.Nodes[i]
		s.same.apply(n)
		if !s.split(n) {
			s.put(*n)
		}
	}
	g.Nodes = s.nodes
	dropUnused(g)
	s.sideBySide()
	dropUnused(g)
}

// routes reports whether n only brings channels side by side, or takes some.
func (f *folding) routes(n *ann.Node) bool {
	switch op := n.Op.(type) {
	case *ann.Concat, *ann.Gather:
		return true
	case *ann.Slice:
		in, _ := f.Shape(n.Inputs[0])
		return op.Size[0] != in[0]
	}
	return false
}

// splitter rewrites the nodes of a graph, in order.
type splitter struct {
	*folding
	nodes   []ann.Node
	zeros   int                 // Weights of zero that were added,
	most    int                 // and that may be, once it is known.
	at      map[string]int      // Where each of these is.
	bundles map[string]bundle   // Of what is side by side, or in another order.
	same    redirection         // Of what is a node as it is.
	sums    map[string][]string // Of what was, and is a sum.
	shapes  map[string]tensor.Shape
	classes map[string][]int // Of nodes that are cut, the piece that each channel belongs to.
	apart   map[string]bool  // Convolutions in groups of which each group becomes one of its own.
}

// newSplitter returns a splitter of the nodes of g.
func newSplitter(g *folding) *splitter {
	return &splitter{
		folding: g, at: make(map[string]int), bundles: make(map[string]bundle), same: redirection{}, sums: make(map[string][]string),
		shapes: map[string]tensor.Shape{g.Input.Name: g.Input.Shape},
	}
}

// put appends a node, whose inputs are there.
func (s *splitter) put(n ann.Node) {
	in := make([]tensor.Shape, len(n.Inputs))
	for i, name := range n.Inputs {
		in[i] = s.shapes[name]
	}
	if out, err := n.Op.Infer(in...); err == nil { // If not, fold says so.
		n.Shape = out
	}
	if n.Of == "" {
		n.Of = s.owner[n.Name]
	}
	n.Inputs = slices.Clone(n.Inputs) // Which passes change, of this node alone.
	s.shapes[n.Name] = n.Shape
	s.at[n.Name] = len(s.nodes)
	s.nodes = append(s.nodes, n)
}

// made returns the node of that name among those appended, nil for the input. It stays
// where it is until the next.
func (s *splitter) made(name string) *ann.Node {
	if i, ok := s.at[name]; ok {
		return &s.nodes[i]
	}
	return nil
}

// part appends a node that does a part of the work of n and returns its name.
func (s *splitter) part(n *ann.Node, op ann.Op, inputs ...string) string {
	name := s.newPart(n.Name)
	s.put(ann.Node{Name: name, Op: op, Inputs: inputs})
	return name
}

// newPart returns a new name for what does a part of the work of the named node.
func (f *folding) newPart(of string) string {
	f.parts[of]++
	return f.fresh(of, strconv.Itoa(f.parts[of]))
}

// split appends n as what it is of branches, if one of its inputs has any and it can be.
func (s *splitter) split(n *ann.Node) bool {
	switch op := n.Op.(type) {
	case *ann.Concat:
		list := make([]bundle, len(n.Inputs))
		for i, in := range n.Inputs {
			list[i] = s.bundle(in)
		}
		b := s.join(list)
		if !s.fits(b) {
			return false
		}
		s.fates[n.Name] = fmt.Sprintf("nothing: each of %d branches has synapses of its own", len(b.strands))
		s.hold(n.Name, b)
		return true
	case *ann.Gather:
		b := s.take(s.bundle(n.Inputs[0]), op.Index)
		if !s.fits(b) {
			return false
		}
		s.fates[n.Name] = "nothing: synapses come from these channels"
		if len(op.Index) == s.shapes[n.Inputs[0]][0] {
			s.fates[n.Name] = "nothing: synapses are in the order of its channels"
		}
		s.hold(n.Name, b)
		return true
	case *ann.Slice:
		if s.splitSlice(n, op) {
			return true
		}
		if op.Size[0] != s.shapes[n.Inputs[0]][0] {
			return false
		}
	case *ann.Add:
		return s.splitSum(n)
	case ann.Weighted:
		return s.splitWeights(n, op)
	}
	from, ok := s.bundles[n.Inputs[0]]
	if !ok {
		return false
	}
	if op, ok := n.Op.(*ann.Pad); ok && (op.Before[0] != 0 || op.After[0] != 0) {
		at := [4]int{op.Before[1], op.Before[2], op.After[1], op.After[2]}
		return at == [4]int{} && s.embed(n, from, op.Before[0], n.Shape)
	}
	return s.each(n, from)
}

// each appends n, which treats every channel by itself, as what it is of each strand.
func (s *splitter) each(n *ann.Node, from bundle) bool {
	at := s.places(from)
	out := bundle{strands: make([]strand, len(from.strands)), order: from.order}
	for k, st := range from.strands {
		op := n.Op
		switch o := op.(type) {
		case *ann.BatchNormalization:
			op = normOf(o, at[k])
		case *ann.LeakyRelu:
			if len(o.Slope) > 1 {
				op = &ann.LeakyRelu{Slope: picked(o.Slope, at[k], 1)}
			}
		case *ann.Slice:
			c := *o
			c.Size[0] = s.shapes[st.node][0]
			op = &c
		case ann.Rectifier, *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool, *ann.Flatten, *ann.Pad:
		default:
			return false
		}
		out.strands[k] = strand{s.part(n, op, st.node), st.channels}
	}
	if flat(n) {
		out = s.flattened(from, out)
	}
	s.hold(n.Name, out)
	return true
}

// normOf returns the batch norm of the channels at those places.
func normOf(bn *ann.BatchNormalization, at []int) *ann.BatchNormalization {
	return &ann.BatchNormalization{
		Scale: picked(bn.Scale, at, 1), Bias: picked(bn.Bias, at, 0), Mean: picked(bn.Mean, at, 0), Var: picked(bn.Var, at, 1), Epsilon: bn.Epsilon,
	}
}

// splitSlice takes what a slice leaves of each strand, and slices rows and columns of
// these.
func (s *splitter) splitSlice(n *ann.Node, op *ann.Slice) bool {
	in := n.Inputs[0]
	shape := s.shapes[in]
	if sum := s.sums[in]; sum != nil {
		list := make([]string, len(sum))
		for i, x := range sum {
			list[i] = s.part(n, op, x)
		}
		s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: list})
		return true
	}
	if op.Size[0] == shape[0] {
		return false
	}
	b := s.take(s.bundle(in), sliced(op))
	if !s.fits(b) {
		return false
	}
	s.fates[n.Name] = "nothing: synapses come from these channels"
	if !slices.ContainsFunc(b.strands, func(st strand) bool { return st.channels != nil }) {
		s.fates[n.Name] = "nothing: it takes whole branches"
	}
	if op.Size[1] == shape[1] && op.Size[2] == shape[2] {
		s.hold(n.Name, b)
		return true
	}
	delete(s.fates, n.Name)
	for k, st := range b.strands {
		c := *op
		c.Start[0], c.Step[0], c.Size[0] = 0, 1, s.shapes[st.node][0]
		b.strands[k].node = s.part(n, &c, st.node)
	}
	s.hold(n.Name, b)
	return true
}
