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

// strand is some channels of a node, in ascending order.
type strand struct {
	node     string
	channels []int // nil for all.
}

// bundle is what a value is made of: strands side by side, and their order.
type bundle struct {
	strands []strand
	order   []int // Which channel of the strands, counted through, each of the value is; nil for the same.
}

// maxStrands bounds the strands of a value: those of one that is joined with itself
// again and again double.
const maxStrands = 4096

// splitter rewrites the nodes of a graph, in order.
type splitter struct {
	*folding
	nodes   []ann.Node
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
		folding: g, bundles: make(map[string]bundle), same: redirection{}, sums: make(map[string][]string),
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

// bundle returns what the named value is made of.
func (s *splitter) bundle(name string) bundle {
	if b, ok := s.bundles[name]; ok {
		return b
	}
	return bundle{strands: []strand{{node: name}}}
}

// plain reports whether b is one node as it is.
func (b bundle) plain() bool {
	return len(b.strands) == 1 && b.strands[0].channels == nil && b.order == nil
}

// width returns how many channels a strand has.
func (s *splitter) width(st strand) int {
	if st.channels != nil {
		return len(st.channels)
	}
	return s.shapes[st.node][0]
}

// channel returns which channel of its node channel i of a strand is.
func (st strand) channel(i int) int {
	if st.channels != nil {
		return st.channels[i]
	}
	return i
}

// lane is a channel of a bundle: that of a strand's node.
type lane struct{ strand, channel int }

// lanes returns where each channel of b is.
func (s *splitter) lanes(b bundle) []lane {
	var list []lane
	for k, st := range b.strands {
		for i := range s.width(st) {
			list = append(list, lane{k, st.channel(i)})
		}
	}
	if b.order == nil {
		return list
	}
	ordered := make([]lane, len(b.order))
	for i, j := range b.order {
		ordered[i] = list[j]
	}
	return ordered
}

// places returns, for the channels of each strand's node, where they are in b; -1 where
// they are not.
func (s *splitter) places(b bundle) [][]int {
	at := make([][]int, len(b.strands))
	for k, st := range b.strands {
		at[k] = slices.Repeat([]int{-1}, s.shapes[st.node][0])
	}
	for i, l := range s.lanes(b) {
		at[l.strand][l.channel] = i
	}
	return at
}

// take returns those channels of b, in that order.
func (s *splitter) take(b bundle, index []int) bundle {
	type of struct { // A channel that is taken again is in another strand.
		node  string
		times int
	}
	type taken struct{ channel, place int }
	var list []of
	lanes, seen, groups := s.lanes(b), make(map[of]int, len(index)), make(map[of][]taken)
	for place, i := range index {
		l := lanes[i]
		node := b.strands[l.strand].node
		again := of{node, l.channel} // How often this channel was.
		g := of{node, seen[again]}
		seen[again]++
		if groups[g] == nil {
			list = append(list, g)
		}
		groups[g] = append(groups[g], taken{l.channel, place})
	}
	out, first := bundle{order: make([]int, len(index))}, 0
	for _, g := range list {
		slices.SortFunc(groups[g], func(a, b taken) int { return a.channel - b.channel })
		st := strand{node: g.node, channels: make([]int, len(groups[g]))}
		for i, t := range groups[g] {
			st.channels[i] = t.channel
			out.order[t.place] = first + i
		}
		first += len(st.channels)
		if len(st.channels) == s.shapes[g.node][0] {
			st.channels = nil
		}
		out.strands = append(out.strands, st)
	}
	if ascending(out.order) {
		out.order = nil
	}
	return out
}

// ascending reports whether x is 0, 1, 2 and so on.
func ascending(x []int) bool {
	for i, v := range x {
		if v != i {
			return false
		}
	}
	return true
}

// join returns bundles side by side.
func (s *splitter) join(list []bundle) bundle {
	var out bundle
	some, ordered := false, false
	for _, b := range list {
		ordered = ordered || b.order != nil
	}
	first := 0
	for _, b := range list {
		width := 0
		for _, st := range b.strands {
			some = some || st.channels != nil
			width += s.width(st)
		}
		out.strands = append(out.strands, b.strands...)
		for i := range width {
			if b.order != nil {
				i = b.order[i]
			}
			if ordered {
				out.order = append(out.order, first+i)
			}
		}
		first += width
	}
	if some { // Strands of one node may complete each other.
		index := make([]int, first)
		for i := range index {
			index[i] = i
		}
		return s.take(out, index)
	}
	return out
}

// hold notes what the named value is made of, and appends a node for those who cannot
// take it apart.
func (s *splitter) hold(name string, b bundle) {
	if b.plain() && name != s.Output {
		s.same[name] = b.strands[0].node
		return
	}
	s.bundles[name] = b
	inputs, index, first := make([]string, len(b.strands)), []int{}, make([]int, len(b.strands))
	some := b.order != nil
	for k, st := range b.strands {
		inputs[k], some = st.node, some || st.channels != nil
		if k > 0 {
			first[k] = first[k-1] + s.shapes[inputs[k-1]][0]
		}
	}
	if !some {
		s.put(ann.Node{Name: name, Op: &ann.Concat{}, Inputs: inputs})
		return
	}
	for _, l := range s.lanes(b) {
		index = append(index, first[l.strand]+l.channel)
	}
	if len(inputs) > 1 {
		all := s.fresh(name, "all")
		s.put(ann.Node{Name: all, Op: &ann.Concat{}, Inputs: inputs})
		inputs = []string{all}
	}
	s.put(ann.Node{Name: name, Op: &ann.Gather{Index: index}, Inputs: inputs})
}

// split appends n as what it is of branches, if one of its inputs has any and it can be.
func (s *splitter) split(n *ann.Node) bool {
	switch op := n.Op.(type) {
	case *ann.Concat:
		list, strands := make([]bundle, len(n.Inputs)), 0
		for i, in := range n.Inputs {
			list[i] = s.bundle(in)
			strands += len(list[i].strands)
		}
		if strands > maxStrands {
			return false
		}
		b := s.join(list)
		s.fates[n.Name] = fmt.Sprintf("nothing: each of %d branches has synapses of its own", len(b.strands))
		s.hold(n.Name, b)
		return true
	case *ann.Gather:
		b := s.take(s.bundle(n.Inputs[0]), op.Index)
		if len(b.strands) > maxStrands {
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

// flattened returns out, the bundle of vectors of the images of from, in their order.
func (s *splitter) flattened(from, out bundle) bundle {
	_, h, w := s.shapes[from.strands[0].node].CHW() // Of a vector 1 and 1.
	expand := func(x []int) []int {
		if x == nil {
			return nil
		}
		list := make([]int, 0, len(x)*h*w)
		for _, i := range x {
			for p := range h * w {
				list = append(list, i*h*w+p)
			}
		}
		return list
	}
	for k := range out.strands {
		out.strands[k].channels = expand(out.strands[k].channels)
	}
	out.order = expand(out.order)
	return out
}

// picked returns the elements of x at those places, def for -1.
func picked(x []float32, at []int, def float32) []float32 {
	y := make([]float32, len(at))
	for i, j := range at {
		if y[i] = def; j >= 0 {
			y[i] = x[j]
		}
	}
	return y
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

// splitSum takes a sum apart, into the smallest pieces of which each has whole strands of
// all inputs.
func (s *splitter) splitSum(n *ann.Node) bool {
	if !slices.ContainsFunc(n.Inputs, func(in string) bool { _, ok := s.bundles[in]; return ok }) {
		return false
	}
	list := make([]bundle, len(n.Inputs))
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
		first := make([]int, len(list[i].strands)) // The first channel of each strand, and one.
		for c, l := range s.lanes(list[i]) {
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
		for _, b := range list { // In the order of one strand, if there is one.
			if sub := s.take(b, index); len(sub.strands) == 1 && sub.order != nil {
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
			parts[i] = s.take(b, index)
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

// inverse returns where each number is in places; nil if they are in order.
func inverse(places []int) []int {
	if ascending(places) {
		return nil
	}
	at := make([]int, len(places))
	for i, place := range places {
		at[place] = i
	}
	return at
}

// rowsOf is a part of a layer: weights in one group, or in groups of one strand.
type rowsOf struct {
	op   ann.Weighted
	from bundle
	rows []int // Which outputs of the layer.
}

// splitWeights makes a layer a sum of one for each strand; one in groups that each lie
// in one strand, or that is cut, layers side by side.
func (s *splitter) splitWeights(n *ann.Node, op ann.Weighted) bool {
	from, side := s.bundles[n.Inputs[0]]
	classes := s.classes[n.Name]
	if !side && classes == nil {
		return false
	}
	from = s.bundle(n.Inputs[0])
	var list []rowsOf
	conv, ok := op.(*ann.Conv)
	if ok && conv.Groups > 1 {
		list = s.groups(n, conv, from)
	}
	if list == nil {
		if ok && conv.Groups > 1 && !from.plain() {
			op = ungrouped(conv)
		}
		w, _ := op.Weights()
		list = []rowsOf{{op, from, countTo(w.Shape[0])}}
	}
	if classes != nil {
		var cut []rowsOf
		for _, r := range list {
			cut = append(cut, r.cut(classes)...)
		}
		list = cut
	}
	if len(list) == 1 && ascending(list[0].rows) {
		s.weigh(n, n.Name, list[0])
		return true
	}
	out, places := bundle{}, []int{}
	for _, r := range list {
		name := s.newPart(n.Name)
		s.weigh(n, name, r)
		out.strands = append(out.strands, strand{node: name})
		places = append(places, r.rows...)
	}
	out.order = inverse(places)
	s.hold(n.Name, out)
	return true
}

func countTo(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = i
	}
	return x
}

// cut returns r in pieces of one class each.
func (r rowsOf) cut(classes []int) []rowsOf {
	var list []rowsOf
	at := make(map[int][]int) // Rows of r, by class.
	var order []int
	for i, row := range r.rows {
		if at[classes[row]] == nil {
			order = append(order, classes[row])
		}
		at[classes[row]] = append(at[classes[row]], i)
	}
	if len(order) == 1 {
		return []rowsOf{r}
	}
	op := r.op
	if c, ok := op.(*ann.Conv); ok && c.Groups > 1 {
		op = ungrouped(c)
	}
	for _, class := range order {
		rows := make([]int, len(at[class]))
		for i, j := range at[class] {
			rows[i] = r.rows[j]
		}
		list = append(list, rowsOf{selected(op, at[class]), r.from, rows})
	}
	return list
}

// weigh appends a part of a layer under that name.
func (s *splitter) weigh(n *ann.Node, name string, r rowsOf) {
	if len(r.from.strands) == 1 {
		s.put(ann.Node{Name: name, Op: s.meeting(r, 0), Inputs: []string{r.from.strands[0].node}})
		return
	}
	list := make([]string, len(r.from.strands))
	for k, st := range r.from.strands {
		list[k] = s.part(n, s.meeting(r, k), st.node)
	}
	s.put(ann.Node{Name: name, Op: &ann.Add{}, Inputs: list})
}

// meeting returns the weights that strand k meets, with the bias for the first.
func (s *splitter) meeting(r rowsOf, k int) ann.Op {
	if r.from.plain() {
		return r.op
	}
	w, bias := r.op.Weights()
	if k > 0 {
		bias = nil // Once is enough.
	}
	return r.op.WithWeights(columns(w, s.places(r.from)[k]), bias)
}

// groups returns the parts of a convolution in groups if each group lies within one
// strand, or should become a convolution of its own; else nil.
func (s *splitter) groups(n *ann.Node, conv *ann.Conv, from bundle) []rowsOf {
	lanes, per := s.lanes(from), conv.Weight.Shape[1]
	out := conv.Weight.Shape[0] / conv.Groups
	of := make([]int, conv.Groups) // The strand of each group.
	for i, l := range lanes {
		if g := i / per; i%per == 0 {
			of[g] = l.strand
		} else if of[g] != l.strand {
			of[g] = -1
		}
	}
	var list []rowsOf
	rows := func(g int) []int {
		list := countTo(out)
		for i := range list {
			list[i] += g * out
		}
		return list
	}
	if s.apart[n.Name] {
		for g := range conv.Groups {
			index := countTo(per)
			for i := range index {
				index[i] += g * per
			}
			list = append(list, rowsOf{groupsOf(conv, g, 1), s.take(from, index), rows(g)})
		}
		return list
	}
	if slices.Contains(of, -1) || from.plain() {
		return nil
	}
	places := s.places(from)
	for k, st := range from.strands {
		if op, groups := grouped(conv, places[k]); op != nil {
			r := rowsOf{op: op, from: bundle{strands: []strand{{node: st.node}}}}
			for _, g := range groups {
				r.rows = append(r.rows, rows(g)...)
			}
			list = append(list, r)
			continue
		}
		// Channels of a group are apart, or some are missing.
		var mine, index []int
		for g, of := range of {
			if of == k {
				mine = append(mine, rows(g)...)
				for i := range per {
					index = append(index, g*per+i)
				}
			}
		}
		w := columns(selected(ungrouped(conv), mine).(*ann.Conv).Weight, index)
		c := *conv
		c.Weight, c.Groups = w, 1
		if conv.Bias != nil {
			c.Bias = picked(conv.Bias, mine, 0)
		}
		list = append(list, rowsOf{&c, s.take(from, index), mine})
	}
	return list
}

// inGroups reports whether op stays a convolution in groups of each strand of its input.
func (s *splitter) inGroups(op *ann.Conv, from bundle) bool {
	return !slices.ContainsFunc(s.places(from), func(at []int) bool {
		c, _ := grouped(op, at)
		return c == nil
	})
}

// grouped returns the convolution, in groups, of a node whose channels have those places
// in the input of op, and which groups of op its groups are; nil if there is none.
func grouped(op *ann.Conv, places []int) (*ann.Conv, []int) {
	per, out := op.Weight.Shape[1], op.Weight.Shape[0]/op.Groups
	if len(places)%per != 0 {
		return nil, nil
	}
	var groups []int
	for i, at := range places {
		if at < 0 {
			return nil, nil
		}
		if g := at / per; i%per == 0 {
			groups = append(groups, g)
		} else if g != groups[len(groups)-1] {
			return nil, nil
		}
	}
	c := *op
	shape := slices.Clone(op.Weight.Shape)
	taps := shape[2] * shape[3]
	shape[0], c.Groups = len(groups)*out, len(groups)
	c.Weight = tensor.New(shape...)
	for j, g := range groups {
		for o := range out {
			for i := range per {
				from := op.Weight.Data[((g*out+o)*per+places[j*per+i]%per)*taps:][:taps]
				copy(c.Weight.Data[((j*out+o)*per+i)*taps:], from)
			}
		}
	}
	if op.Bias != nil {
		c.Bias = make([]float32, 0, shape[0])
		for _, g := range groups {
			c.Bias = append(c.Bias, op.Bias[g*out:][:out]...)
		}
	}
	return &c, groups
}

// columns returns the weights for an input of channels that had those places, zeros for
// -1.
func columns(w *tensor.Tensor, at []int) *tensor.Tensor {
	shape := slices.Clone(w.Shape)
	taps := len(w.Data) / (shape[0] * shape[1])
	per := shape[1] * taps
	shape[1] = len(at)
	c := tensor.New(shape...)
	for o := range shape[0] {
		for i, from := range at {
			if from >= 0 {
				copy(c.Data[(o*len(at)+i)*taps:][:taps], w.Data[o*per+from*taps:])
			}
		}
	}
	return c
}

// selected returns those rows of op, which has one group.
func selected(op ann.Weighted, rows []int) ann.Weighted {
	w, bias := op.Weights()
	shape := slices.Clone(w.Shape)
	per := len(w.Data) / shape[0]
	shape[0] = len(rows)
	c := tensor.New(shape...)
	for i, row := range rows {
		copy(c.Data[i*per:], w.Data[row*per:][:per])
	}
	if bias != nil {
		bias = picked(bias, rows, 0)
	}
	return op.WithWeights(c, bias)
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

// sideBySide makes sums of what is still side by side, each branch with zeros in the
// place of the others.
func (s *splitter) sideBySide() {
	old := s.Nodes
	s.nodes = nil
	for i := range old {
		n := &old[i]
		b, ok := s.bundles[n.Name]
		if !ok || !s.embed(n, b, 0, n.Shape) {
			s.put(*n)
		}
	}
	s.Nodes = s.nodes
}

// maxChosen bounds the weights of ones and zeros that take elements of a vector.
const maxChosen = 1 << 22

// embed appends n, of that shape, as a sum of strands that lie in it from a channel on,
// each with zeros in the place of all others; and reports whether there is such a sum.
func (s *splitter) embed(n *ann.Node, b bundle, first int, shape tensor.Shape) bool {
	made := make(map[string]*ann.Node, len(s.nodes))
	for i := range s.nodes {
		made[s.nodes[i].Name] = &s.nodes[i]
	}
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
		for _, name := range s.addends(made, b.strands[k].node) {
			width := s.shapes[name][0]
			op, weighted := ann.Weighted(nil), false
			if m := made[name]; m != nil {
				op, weighted = m.Op.(ann.Weighted)
			}
			switch {
			case weighted:
				list = append(list, term{rows(op, at, shape[0]), made[name].Inputs, name})
			case len(shape) == 3 && at[0] >= 0 && ascendingFrom(at) && !sloped(made, name):
				list = append(list, term{&ann.Pad{Before: [3]int{at[0]}, After: [3]int{shape[0] - at[0] - width}}, []string{name}, ""})
			case len(shape) == 3 || shape[0] <= maxChosen/width:
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
func sloped(made map[string]*ann.Node, name string) bool {
	for n := made[name]; n != nil; n = made[n.Inputs[0]] {
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
func (s *splitter) addends(made map[string]*ann.Node, name string) []string {
	n := made[name]
	if !isSum(n) {
		return []string{name}
	}
	var list []string
	for _, in := range n.Inputs {
		for _, a := range s.addends(made, in) {
			m := made[a]
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
