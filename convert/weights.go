package convert

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// rowsOf is a part of a layer: weights in one group, or in groups of one strand.
type rowsOf struct {
	op   ann.Weighted
	from bundle
	rows []int // Which outputs of the layer.
}

// splitWeights makes a layer a sum of one for each strand; one in groups that each lie
// in one strand, or that is cut, layers side by side.
func (s *splitter) splitWeights(n *ann.Node, op ann.Weighted) bool {
	classes := s.classes[n.Name]
	if _, side := s.bundles[n.Inputs[0]]; !side && classes == nil {
		return false
	}
	from := s.bundle(n.Inputs[0])
	var list []rowsOf
	conv, ok := op.(*ann.Conv)
	if ok && conv.Groups > 1 {
		list = s.groups(n, conv, from)
	}
	if list == nil {
		if ok && conv.Groups > 1 && !from.plain() {
			if !s.afford(spread(op) - sizeOf(op)) {
				return false
			}
			op = ungrouped(conv)
		}
		w, _ := op.Weights()
		list = []rowsOf{{op, from, countTo(w.Shape[0])}}
	}
	if classes != nil {
		if !s.afford(spread(op) - sizeOf(op)) { // Groups that are cut have zeros, too.
			return false
		}
		var cut []rowsOf
		for _, r := range list {
			cut = append(cut, r.cut(classes)...)
		}
		list = cut
	}
	for _, r := range list {
		if !s.afford(s.missing(r)) {
			return false
		}
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

// weigh appends a part of a layer under that name: the weights that each strand meets.
func (s *splitter) weigh(n *ann.Node, name string, r rowsOf) {
	if r.from.plain() {
		s.put(ann.Node{Name: name, Op: r.op, Inputs: []string{r.from.strands[0].node}})
		return
	}
	w, bias := r.op.Weights()
	list := make([]string, len(r.from.strands))
	for k, at := range s.places(r.from) {
		st, op := r.from.strands[k], r.op.WithWeights(columns(w, at), bias)
		if len(list) == 1 {
			s.put(ann.Node{Name: name, Op: op, Inputs: []string{st.node}})
			return
		}
		list[k] = s.part(n, op, st.node)
		bias = nil // Once is enough.
	}
	s.put(ann.Node{Name: name, Op: &ann.Add{}, Inputs: list})
}

// sizeOf returns how many weights op has.
func sizeOf(op ann.Weighted) int {
	w, _ := op.Weights()
	return len(w.Data)
}

// missing returns how many weights r has for channels that it does not take.
func (s *splitter) missing(r rowsOf) int {
	w, _ := r.op.Weights()
	n, per := 0, len(w.Data)/w.Shape[1] // Of each channel.
	for _, st := range r.from.strands {
		if st.channels != nil {
			n += s.shapes[st.node][0] - len(st.channels)
		}
	}
	return n * per
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
	if !s.inGroups(conv, from) && !s.afford(spread(conv)) {
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
