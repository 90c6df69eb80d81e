package convert

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// splitSum takes a sum apart, into the smallest pieces of which each has whole strands of
// all inputs.
func (s *splitter) splitSum(n *ann.Node) bool {
	if !slices.ContainsFunc(n.Inputs, func(in string) bool { _, ok := s.bundles[in]; return ok }) {
		return false
	}
	list, lanes := make([]bundle, len(n.Inputs)), make([][]lane, len(n.Inputs))
	piece := countTo(s.shapes[n.Inputs[0]][0]) // Of each channel an earlier one of the same piece.
	root := func(c int) int {
		for piece[c] != c {
			piece[c] = piece[piece[c]]
			c = piece[c]
		}
		return c
	}
	for i, in := range n.Inputs {
		list[i] = s.bundle(in)
		lanes[i] = s.lanes(list[i])
		first := make([]int, len(list[i].strands)) // The first channel of each strand, and one.
		for c, l := range lanes[i] {
			if f := &first[l.strand]; *f == 0 {
				*f = c + 1
			}
			a, b := root(c), root(first[l.strand]-1)
			piece[max(a, b)] = min(a, b)
		}
	}
	pieces, order := make(map[int][]int), []int{}
	for c := range piece {
		k := root(c)
		if pieces[k] == nil {
			order = append(order, k)
		}
		pieces[k] = append(pieces[k], c)
	}
	if len(order) < 2 {
		return false
	}
	out, places := bundle{}, []int{}
	for _, k := range order {
		parts, index := make([]bundle, len(list)), pieces[k]
		for i, b := range list { // In the order of one strand, if there is one.
			if sub := s.takeOf(b, lanes[i], index); len(sub.strands) == 1 && sub.order != nil {
				at := make([]int, len(index))
				for i, j := range sub.order {
					at[j] = index[i]
				}
				index = at
				break
			}
		}
		inputs := make([]string, len(list))
		for i, b := range list {
			parts[i] = s.takeOf(b, lanes[i], index)
			if inputs[i] = parts[i].strands[0].node; parts[i].plain() {
				continue
			}
			inputs[i] = s.newPart(n.Name)
			shape := slices.Clone(s.shapes[n.Inputs[0]])
			shape[0] = len(index)
			if !s.embed(&ann.Node{Name: inputs[i], Shape: shape}, parts[i], 0, shape) {
				return false
			}
		}
		out.strands = append(out.strands, strand{node: s.part(n, &ann.Add{}, inputs...)})
		places = append(places, index...)
	}
	out.order = inverse(places)
	s.hold(n.Name, out)
	return true
}

// sideBySide makes sums of what is still side by side, each branch with zeros in the
// place of the others.
func (s *splitter) sideBySide() {
	old := s.Nodes
	s.nodes, s.at = nil, make(map[string]int)
	for i := range old {
		n := &old[i]
		b, ok := s.bundles[n.Name]
		if !ok || !s.embed(n, b, 0, n.Shape) {
			s.put(*n)
		}
	}
	s.Nodes = s.nodes
}

// fewZeros is how many weights of zero may be added where branches are taken apart, besides
// those that the trained network has eight times over: a small file could ask for any number.
const fewZeros = 1 << 22

// afford reports whether n more weights of zero are few enough.
func (s *splitter) afford(n int) bool {
	if s.most == 0 {
		s.most = fewZeros
		for i := range s.Nodes {
			s.most += 8 * ann.Parameters(s.Nodes[i].Op)
		}
	}
	if n > s.most-s.zeros {
		return false
	}
	s.zeros += max(0, n)
	return true
}

// embed appends n, of that shape, as a sum of strands that lie in it from a channel on,
// each with zeros in the place of all others; and reports whether there is such a sum.
func (s *splitter) embed(n *ann.Node, b bundle, first int, shape tensor.Shape) bool {
	type term struct {
		op     ann.Op
		inputs []string
		of     string
	}
	var list []term
	for k, at := range s.places(b) {
		for i := range at {
			if at[i] >= 0 {
				at[i] += first
			}
		}
		for _, name := range s.addends(b.strands[k].node) {
			width := s.shapes[name][0]
			op, weighted := ann.Weighted(nil), false
			if m := s.made(name); m != nil {
				op, weighted = m.Op.(ann.Weighted)
			}
			switch {
			case weighted:
				if w, _ := op.Weights(); !s.afford(spread(op)/w.Shape[0]*shape[0] - len(w.Data)) {
					return false
				}
				list = append(list, term{rows(op, at, shape[0]), s.made(name).Inputs, name})
			case len(shape) == 3 && at[0] >= 0 && ascendingFrom(at) && !s.sloped(name):
				list = append(list, term{&ann.Pad{Before: [3]int{at[0]}, After: [3]int{shape[0] - at[0] - width}}, []string{name}, ""})
			case s.afford(width * shape[0]):
				list = append(list, term{rows(one(width, len(shape) == 3), at, shape[0]), []string{name}, ""})
			default:
				return false
			}
		}
	}
	if t := list[0]; len(list) == 1 {
		s.put(ann.Node{Name: n.Name, Op: t.op, Inputs: t.inputs})
		switch {
		case t.of == "":
			delete(s.fates, n.Name)
		case s.owner[n.Name] != "":
			s.owner[n.Name] = s.does(t.of)
		default: // It does the other's work.
			if s.moved[t.of] = n.Name; s.fates[n.Name] == "" {
				s.fates[n.Name] = "folded into " + s.does(t.of)
			}
		}
		return true
	}
	names := make([]string, len(list))
	for k, t := range list {
		names[k] = s.part(n, t.op, t.inputs...)
		if t.of != "" {
			s.owner[names[k]] = s.does(t.of)
		}
	}
	s.put(ann.Node{Name: n.Name, Op: &ann.Add{}, Inputs: names})
	s.sums[n.Name] = names
	delete(s.fates, n.Name) // Its parts have theirs.
	return true
}

// sloped reports whether the named node is a PRelu with a slope for each channel, or a
// pool and the like of one: ON and OFF populations with weights that do not move along.
func (s *splitter) sloped(name string) bool {
	for n := s.made(name); n != nil; n = s.made(n.Inputs[0]) {
		if op, ok := n.Op.(*ann.LeakyRelu); ok {
			return len(op.Slope) > 1
		}
		if _, moves := n.Op.(ann.Mover); !moves && !flat(n) && !isPool(n) {
			return false
		}
	}
	return false
}

// addends returns the nodes of which the named one is the sum, if all of them are
// weights; else itself.
func (s *splitter) addends(name string) []string {
	n := s.made(name)
	if !isSum(n) {
		return []string{name}
	}
	var list []string
	for _, in := range n.Inputs {
		for _, a := range s.addends(in) {
			m := s.made(a)
			if m == nil {
				return []string{name}
			}
			if _, ok := m.Op.(ann.Weighted); !ok || len(list) >= maxTerms {
				return []string{name}
			}
			list = append(list, a)
		}
	}
	return list
}

// ascendingFrom reports whether each of x is one more than the one before.
func ascendingFrom(x []int) bool {
	for i, v := range x {
		if v != x[0]+i {
			return false
		}
	}
	return true
}

// spread returns how many weights op has in one group.
func spread(op ann.Weighted) int {
	if c, ok := op.(*ann.Conv); ok {
		return sizeOf(op) * c.Groups
	}
	return sizeOf(op)
}

// one returns the weights that change nothing, of an image's channels or a vector.
func one(n int, image bool) ann.Weighted {
	w := tensor.New(n, n)
	for i := range n {
		w.Data[i*n+i] = 1
	}
	if !image {
		return &ann.Gemm{Weight: w}
	}
	return &ann.Conv{Weight: tensor.Of(w.Data, n, n, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
}

// rows returns op with its rows at those places among all, those at -1 left out, and
// zeros in the others.
func rows(op ann.Weighted, at []int, all int) ann.Weighted {
	if c, ok := op.(*ann.Conv); ok && c.Groups > 1 {
		op = ungrouped(c)
	}
	w, bias := op.Weights()
	shape := slices.Clone(w.Shape)
	per := len(w.Data) / shape[0]
	shape[0] = all
	wide := tensor.New(shape...)
	var wideBias []float32
	if bias != nil {
		wideBias = make([]float32, all)
	}
	for i, to := range at {
		if to < 0 {
			continue
		}
		copy(wide.Data[to*per:], w.Data[i*per:][:per])
		if bias != nil {
			wideBias[to] = bias[i]
		}
	}
	return op.WithWeights(wide, wideBias)
}
