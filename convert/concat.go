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
//	(a|b) + (c|d) = a+c | b+d   if the branches are as wide
//	(a|b) + c = (a|0) + (0|b) + c
//
// where zeros beside weights are rows of them. What was one node keeps its name as the
// sum, or as what is side by side.
func splitConcat(g *folding) {
	s := newSplitter(g)
	found := false
	for i := range g.Nodes {
		n := &g.Nodes[i]
		_, is := n.Op.(*ann.Concat)
		found = found || is
	}
	if !found {
		return
	}
	g.changed = true
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !s.split(n) {
			s.put(*n)
		}
	}
	g.Nodes = s.nodes
	dropUnused(g)
	s.sideBySide()
	dropUnused(g)
}

// splitter rewrites the nodes of a graph, in order.
type splitter struct {
	*folding
	nodes    []ann.Node
	branches map[string][]string // Of what is side by side.
	sums     map[string][]string // Of what was, and is a sum.
	shapes   map[string]tensor.Shape
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
	s.shapes[n.Name] = n.Shape
	s.nodes = append(s.nodes, n)
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
	if _, ok := n.Op.(*ann.Concat); ok {
		var list []string
		for _, in := range n.Inputs {
			if b := s.branches[in]; b != nil {
				list = append(list, b...)
			} else {
				list = append(list, in)
			}
		}
		s.fates[n.Name] = fmt.Sprintf("nothing: each of %d branches has synapses of its own", len(list))
		s.concat(n.Name, list)
		return true
	}
	from := s.branches[n.Inputs[0]]
	if _, ok := n.Op.(*ann.Add); ok {
		return s.splitSum(n)
	}
	if sum := s.sums[n.Inputs[0]]; sum != nil {
		op, ok := n.Op.(*ann.Slice)
		if ok {
			list := make([]string, len(sum))
			for i, x := range sum {
				list[i] = s.part(n, op, x)
			}
			s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: list})
		}
		return ok
	}
	if from == nil {
		return false
	}
	switch op := n.Op.(type) {
	case ann.Weighted:
		return s.splitWeights(n, op, from)
	case *ann.Slice:
		return s.splitSlice(n, op, from)
	case *ann.Pad:
		if op.Before[0] != 0 || op.After[0] != 0 {
			at := [4]int{op.Before[1], op.Before[2], op.After[1], op.After[2]}
			return at == [4]int{} && s.embed(n, from, op.Before[0], n.Shape)
		}
	case *ann.BatchNormalization, ann.Rectifier, *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool, *ann.Flatten:
	default:
		return false
	}
	list, first := make([]string, len(from)), 0
	for i, b := range from {
		op := n.Op
		if bn, ok := op.(*ann.BatchNormalization); ok {
			op = normOf(bn, first, s.shapes[b][0])
		}
		first += s.shapes[b][0]
		list[i] = s.part(n, op, b)
	}
	s.concat(n.Name, list)
	return true
}

// concat appends what is side by side under the name of the node that it stands for.
func (s *splitter) concat(name string, list []string) {
	s.branches[name] = list
	s.put(ann.Node{Name: name, Op: &ann.Concat{}, Inputs: list})
}

// normOf returns the batch norm of n channels from first on.
func normOf(bn *ann.BatchNormalization, first, n int) *ann.BatchNormalization {
	cut := func(x []float32) []float32 { return x[first:][:n:n] }
	return &ann.BatchNormalization{Scale: cut(bn.Scale), Bias: cut(bn.Bias), Mean: cut(bn.Mean), Var: cut(bn.Var), Epsilon: bn.Epsilon}
}

// splitSum takes a sum apart, if all of its inputs have branches of the same widths.
func (s *splitter) splitSum(n *ann.Node) bool {
	width := func(name string) tensor.Shape { return s.shapes[name] }
	all := make([][]string, len(n.Inputs))
	for i, in := range n.Inputs {
		all[i] = s.branches[in]
		if all[i] == nil || !slices.EqualFunc(all[i], all[0], func(a, b string) bool { return width(a).Equal(width(b)) }) {
			return false
		}
	}
	list := make([]string, len(all[0]))
	for b := range list {
		inputs := make([]string, len(all))
		for i := range all {
			inputs[i] = all[i][b]
		}
		list[b] = s.part(n, &ann.Add{}, inputs...)
	}
	s.concat(n.Name, list)
	return true
}

// splitWeights makes a layer a sum of one for each branch; one in groups that each lie
// in one branch, layers side by side.
func (s *splitter) splitWeights(n *ann.Node, op ann.Weighted, from []string) bool {
	conv, ok := op.(*ann.Conv)
	var whole bool
	if ok && conv.Groups > 1 {
		per := conv.Weight.Shape[1]
		whole = true
		for _, b := range from {
			whole = whole && s.shapes[b][0]%per == 0
		}
		if !whole {
			op = ungrouped(conv)
		}
	}
	w, bias := op.Weights()
	list, first := make([]string, len(from)), 0
	for i, b := range from {
		width := s.shapes[b][0]
		if whole {
			list[i] = s.part(n, groupsOf(conv, first/w.Shape[1], width/w.Shape[1]), b)
		} else {
			list[i] = s.part(n, op.WithWeights(columns(w, first, width), bias), b)
			bias = nil // Once is enough.
		}
		first += width
	}
	switch {
	case whole:
		s.concat(n.Name, list)
	case len(list) == 1:
		last := s.nodes[len(s.nodes)-1]
		s.put(ann.Node{Name: n.Name, Op: last.Op, Inputs: last.Inputs})
	default:
		s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: list})
	}
	return true
}

// columns returns the weights for n channels of the input from first on.
func columns(w *tensor.Tensor, first, n int) *tensor.Tensor {
	shape := slices.Clone(w.Shape)
	taps := len(w.Data) / (shape[0] * shape[1])
	per := shape[1] * taps
	shape[1] = n
	data := make([]float32, 0, shape.Len())
	for o := range shape[0] {
		data = append(data, w.Data[o*per+first*taps:][:n*taps]...)
	}
	return tensor.Of(data, shape...)
}

// groupsOf returns the convolution of n groups of op from first on.
func groupsOf(op *ann.Conv, first, n int) *ann.Conv {
	c := *op
	shape := slices.Clone(op.Weight.Shape)
	out := shape[0] / op.Groups
	per := len(op.Weight.Data) / op.Groups
	shape[0], c.Groups = n*out, n
	c.Weight = tensor.Of(slices.Clone(op.Weight.Data[first*per:][:n*per]), shape...)
	if op.Bias != nil {
		c.Bias = slices.Clone(op.Bias[first*out:][:n*out])
	}
	return &c
}

// ungrouped returns op as a convolution of one group, with zeros between the groups.
func ungrouped(op *ann.Conv) *ann.Conv {
	c := *op
	shape := slices.Clone(op.Weight.Shape)
	per, taps, out := shape[1], shape[2]*shape[3], shape[0]/op.Groups
	shape[1], c.Groups = per*op.Groups, 1
	c.Weight = tensor.New(shape...)
	for o := range shape[0] {
		copy(c.Weight.Data[(o*shape[1]+o/out*per)*taps:], op.Weight.Data[o*per*taps:][:per*taps])
	}
	return &c
}

// splitSlice takes what a slice leaves of each branch.
func (s *splitter) splitSlice(n *ann.Node, op *ann.Slice, from []string) bool {
	var list []string
	lo, parts := 0, 0
	for _, b := range from {
		shape := s.shapes[b]
		hi := lo + shape[0]
		start, step := op.Start[0], op.Step[0]
		k := max(0, (lo-start+step-1)/step)                    // The first that lies in b,
		end := min(op.Size[0], max(0, (hi-start+step-1)/step)) // and the first behind it.
		if k < end {
			c := *op
			c.Start[0], c.Size[0] = start+k*step-lo, end-k
			whole := slices.Equal(c.Size[:], shape)
			if whole {
				list = append(list, b)
			} else {
				list = append(list, s.part(n, &c, b))
				parts++
			}
		}
		lo = hi
	}
	if parts == 0 {
		s.fates[n.Name] = "nothing: it takes whole branches"
	}
	s.concat(n.Name, list)
	return true
}

// sideBySide makes sums of what is still side by side, each branch with zeros in the
// place of the others.
func (s *splitter) sideBySide() {
	old := s.Nodes
	s.nodes = nil
	for i := range old {
		n := &old[i]
		if _, ok := n.Op.(*ann.Concat); !ok {
			s.put(*n)
			continue
		}
		if !s.embed(n, n.Inputs, 0, n.Shape) {
			s.put(*n)
		}
	}
	s.Nodes = s.nodes
}

// embed appends n, of that shape, as a sum of branches that lie in it side by side from
// a channel on, each with zeros in the place of all others; and reports whether there is
// such a sum.
func (s *splitter) embed(n *ann.Node, from []string, first int, shape tensor.Shape) bool {
	made := make(map[string]*ann.Node, len(s.nodes))
	for i := range s.nodes {
		made[s.nodes[i].Name] = &s.nodes[i]
	}
	ops := make([]ann.Weighted, len(from))
	for i, b := range from {
		if m := made[b]; m != nil {
			ops[i], _ = m.Op.(ann.Weighted)
		}
		if ops[i] == nil && len(shape) != 3 || len(from) < 2 {
			return false
		}
	}
	list := make([]string, len(from))
	for i, b := range from {
		width := s.shapes[b][0]
		if ops[i] != nil {
			list[i] = s.part(n, rows(ops[i], first, shape[0]), made[b].Inputs...)
			s.owner[list[i]] = s.does(b)
		} else {
			list[i] = s.part(n, &ann.Pad{Before: [3]int{first}, After: [3]int{shape[0] - first - width}}, b)
		}
		first += width
	}
	s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: list})
	s.sums[n.Name] = list
	delete(s.fates, n.Name) // Its parts have theirs.
	return true
}

// rows returns op with zeros in the other rows of all.
func rows(op ann.Weighted, first, all int) ann.Weighted {
	if c, ok := op.(*ann.Conv); ok && c.Groups > 1 {
		op = ungrouped(c)
	}
	w, bias := op.Weights()
	shape := slices.Clone(w.Shape)
	per := len(w.Data) / shape[0]
	shape[0] = all
	wide := tensor.New(shape...)
	copy(wide.Data[first*per:], w.Data)
	if bias != nil {
		bias = slices.Concat(make([]float32, first), bias, make([]float32, all-first-len(bias)))
	}
	return op.WithWeights(wide, bias)
}
