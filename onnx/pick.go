package onnx

import (
	"fmt"
	"slices"

	"sresnet/ann"
)

// The operators here take some channels of an image, or elements of a vector, or bring
// them into another order, as Split and the shuffles of a ShuffleNet do. Where the file
// does so through a view of more axes, nothing is emitted before an operator needs the
// image: see [importer.settled].

// lazy are the operators that do not mind in which order an activation lies: views, and
// those that treat every element alike.
var lazy = map[string]bool{
	"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "Identity": true, "Dropout": true, "Cast": true, "Shape": true, "Size": true,
}

// ordinary are the operators that do the same to every element, so that they take any
// order.
var ordinary = map[string]bool{
	"Relu": true, "Clip": true, "LeakyRelu": true, "Abs": true, "Neg": true, "HardSigmoid": true, "Elu": true, "Celu": true, "ThresholdedRelu": true,
	"Floor": true, "Ceil": true, "Round": true, "QuantizeLinear": true, "DequantizeLinear": true,
}

// pickList translates Gather on channels of an image, or on an axis of a view.
func (im *importer) pickList(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	v, err := required(in, 1, "index")
	if err != nil {
		return nil, err
	}
	list, err := v.intList()
	if err != nil {
		return nil, err
	}
	a, err := n.int("axis", 0)
	if err != nil {
		return nil, err
	}
	axis, err := normalAxis(a, len(e.dims))
	if err != nil {
		return nil, err
	}
	if im.mixOf(e) != nil && len(v.shape) == 1 && axis > 0 && e.axis(axis) == 0 && len(list) <= maxMixed {
		return im.repeated(n, in)
	}
	index := make([]int, len(list))
	for i, k := range list {
		if index[i], err = normalAxis(k, e.dims[axis]); err != nil {
			return nil, fmt.Errorf("index out of range for an axis of %d", e.dims[axis])
		}
	}
	if len(v.shape) > 1 {
		return nil, unsupported("takes indices of shape %v; only one number or a list of them is supported", v.shape)
	}
	out, err := im.picked(n, e, axis, index)
	if err != nil || len(v.shape) == 1 {
		return out, err
	}
	return im.reshaped(n, out, slices.Delete(slices.Clone(out.dims), axis, axis+1))
}

// split translates Split, and sets all outputs but the first.
func (im *importer) split(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	a, err := n.int("axis", 0)
	if err != nil {
		return nil, err
	}
	axis, err := normalAxis(a, len(e.dims))
	if err != nil {
		return nil, err
	}
	sizes, err := list(n, vs, "split", 1)
	if err != nil {
		return nil, err
	}
	d, outs := e.dims[axis], len(n.out)
	if sizes == nil { // Equal parts, of which the last may be smaller.
		per := (d + outs - 1) / outs
		for i := range outs {
			sizes = append(sizes, int64(max(0, min(per, d-i*per))))
		}
	}
	if len(sizes) != outs {
		return nil, fmt.Errorf("%d sizes for %d outputs", len(sizes), outs)
	}
	list := make([]*edge, outs)
	start := 0
	for i, size := range sizes {
		if size < 1 || size > int64(d-start) {
			return nil, fmt.Errorf("sizes %v of an axis of %d", sizes, d)
		}
		if list[i], err = im.picked(n, e, axis, countFrom(start, int(size), 1)); err != nil {
			return nil, err
		}
		start += int(size)
	}
	if start != d {
		return nil, fmt.Errorf("sizes %v of an axis of %d", sizes, d)
	}
	for i, name := range n.out[1:] {
		if name != "" {
			im.edges[name] = list[i+1]
		}
	}
	return list[0], nil
}

// countFrom returns count numbers from start on in steps.
func countFrom(start, count, step int) []int {
	index := make([]int, count)
	for i := range index {
		index[i] = start + i*step
	}
	return index
}

// picked returns what index takes of an axis of e: channels of an image, or of any view
// with which those of the image move, in the end.
func (im *importer) picked(n *node, e *edge, axis int, index []int) (*edge, error) {
	if len(index) == 0 {
		return nil, fmt.Errorf("nothing is left of axis %d", axis)
	}
	if len(index) == e.dims[axis] && isIdentity(index) {
		return e, nil
	}
	dims := slices.Clone(e.dims)
	dims[axis] = len(index)
	if im.isImage(e) && axis > 0 {
		if e.axis(axis) != 0 {
			return nil, unsupported("takes some rows or columns of an image, or moves them; only channels can be taken")
		}
		name, err := im.emitGather(n, index, e.node)
		if err != nil {
			return nil, err
		}
		return im.activation(name, dims, e.last), nil
	}
	im.seeImage(n, e) // Whose channels or rows they may be.
	if axis == 0 && im.batch != 1 {
		return nil, unsupported("takes some of the batch")
	}
	order, err := im.order(e)
	if err != nil {
		return nil, err
	}
	total, err := size(dims)
	if err != nil {
		return nil, err
	}
	if e.dims[0] == im.batch {
		total /= im.batch
	} else if im.batch != 1 {
		return nil, unsupported("takes some elements of a value of shape %v", e.dims)
	}
	if err := im.tensors.budget.charge(total, 8); err != nil {
		return nil, err
	}
	inner, _ := size(e.dims[axis+1:])
	moved := make([]int, 0, total)
	for start := 0; len(moved) < total; start += e.dims[axis] * inner {
		for _, k := range index {
			for i := range inner {
				j := start + k*inner + i
				if order != nil {
					j = order[j]
				}
				moved = append(moved, j)
			}
		}
	}
	return im.arranged(n, e, dims, moved), nil
}

// arranged returns the edge, with those dims, of the elements of e's node that moved
// lists.
func (im *importer) arranged(n *node, e *edge, dims, moved []int) *edge {
	s := im.shapes[e.node]
	out := &edge{node: e.node, dims: dims, view: n}
	switch {
	case len(moved) == s.Len() && isIdentity(moved):
		out.last = im.layout(e.node, dims, false)
	case len(s) == 3 && slices.Equal(moved, channelsLast(s)):
		out.last = true
	default:
		out.perm = moved
	}
	return out
}

// emitGather emits what takes channels, or elements of a vector.
func (im *importer) emitGather(n *node, index []int, x string) (string, error) {
	if err := im.tensors.budget.charge(len(index), 8); err != nil {
		return "", err
	}
	return im.emit(n, &ann.Gather{Index: slices.Clone(index)}, x)
}

// settled returns e for n, which computes with it. If channels of its image were moved,
// or only some elements taken, it has a node of its own that does so. Views of more axes
// wait for what becomes of them, and rectifiers take any order.
func (im *importer) settled(n *node, e *edge) (*edge, error) {
	if !e.known() || e.perm == nil || lazy[n.op] {
		return e, nil
	}
	switch n.op {
	case "Slice", "Split", "Gather", "Concat":
		if len(e.dims) != 2 && len(e.dims) != 4 {
			return e, nil
		}
	}
	rectifies := ordinary[n.op]
	if e.pending != nil && !rectifies {
		e = im.settle(e)
	}
	if e.settled != nil {
		return e.settled, nil
	}
	s := im.shapes[e.node]
	whole := isPermutation(e.perm, s.Len())
	x := e.node
	index, last := im.movedChannels(e)
	switch {
	case whole && (index == nil || rectifies):
		return e, nil // A fully connected layer takes any order.
	case index == nil:
		var err error
		if x, err = im.vector(&edge{node: e.node, dims: []int{im.batch, s.Len()}}); err != nil {
			return nil, err
		}
		index = e.perm
	}
	name, err := im.emitGather(e.view, index, x)
	if err != nil {
		return nil, err
	}
	e.settled = im.activation(name, e.dims, last)
	e.settled.view = e.view
	return e.settled, nil
}

// movedChannels returns the channels of its node that e, an image of the same rows and
// columns, has, and whether they are last; nil if it is no such image.
func (im *importer) movedChannels(e *edge) (index []int, last bool) {
	s := im.shapes[e.node]
	if len(s) != 3 || len(e.dims) != 4 || e.dims[0] != im.batch {
		return nil, false
	}
	area := s[1] * s[2]
	channels := len(e.perm) / area
	for _, last := range []bool{false, true} {
		rows, next, step := e.dims[2:4], 1, area // From position to position, and from channel to channel.
		if last {
			rows, next, step = e.dims[1:3], channels, 1
		}
		if !slices.Equal(rows, s[1:]) || channels*area != len(e.perm) {
			continue
		}
		index, moved := make([]int, channels), true
		for c := range index {
			index[c] = e.perm[c*step] / area
			for p := range area {
				moved = moved && e.perm[c*step+p*next] == index[c]*area+p
			}
		}
		if moved {
			return index, last
		}
	}
	return nil, false
}

func isPermutation(order []int, n int) bool {
	if len(order) != n {
		return false
	}
	seen := make([]bool, n)
	for _, i := range order {
		if seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

// interleaved joins views of images on an axis that is not theirs, such as stacked
// branches whose channels alternate then.
func (im *importer) interleaved(n *node, in []*edge, axis int) (*edge, error) {
	first := in[0]
	inputs, dims := make([]string, len(in)), slices.Clone(first.dims)
	dims[axis] = 0
	outer, err := size(first.dims[:axis])
	if err != nil {
		return nil, err
	}
	s := im.shapes[first.node]
	type source struct {
		order       []int
		first, size int // Of its elements in the joined node, and in a row of the axis.
	}
	list, total := make([]source, len(in)), 0
	for i, e := range in {
		t := im.shapes[e.node]
		if len(e.dims) != len(dims) || len(t) != len(s) || !slices.Equal(t[1:], s[1:]) || im.batch != 1 && (axis == 0 || e.dims[0] != im.batch) {
			return nil, unsupported("joins values of shape %v and %v on axis %d; only channels of images, and vectors, can be joined", first.dims, e.dims, axis)
		}
		for k, d := range e.dims {
			if k != axis && d != first.dims[k] {
				return nil, fmt.Errorf("joins shapes %v and %v on axis %d", first.dims, e.dims, axis)
			}
		}
		dims[axis] += e.dims[axis]
		n, err := size(e.dims[axis:])
		if err != nil {
			return nil, err
		}
		inputs[i], list[i] = e.node, source{first: total, size: n}
		if list[i].order, err = im.order(e); err != nil {
			return nil, err
		}
		total += t.Len()
	}
	if im.batch > 1 {
		outer /= im.batch
	}
	count := 0
	for _, s := range list {
		count += outer * s.size
	}
	if err := im.tensors.budget.charge(count, 8); err != nil {
		return nil, err
	}
	moved := make([]int, 0, count)
	for o := range outer {
		for _, s := range list {
			for i := o * s.size; i < (o+1)*s.size; i++ {
				j := i
				if s.order != nil {
					j = s.order[i]
				}
				moved = append(moved, s.first+j)
			}
		}
	}
	name, err := im.emit(n, &ann.Concat{}, inputs...)
	if err != nil {
		return nil, err
	}
	return im.arranged(n, &edge{node: name}, dims, moved), nil
}
