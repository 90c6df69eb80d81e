package onnx

import (
	"slices"

	"sresnet/ann"
)

// join translates Concat of activations on axis k: of images along their channels, or
// of vectors. One that stands alone beside zeros is padded instead; see concat.
func (im *importer) join(n *node, in []*edge, k int64) (*edge, error) {
	first := in[0]
	for _, e := range in {
		if e.c != nil {
			return nil, unsupported("joins several activations with constants; only activations, or one with zeros, can be joined")
		}
	}
	axis, err := normalAxis(k, len(first.dims))
	if err != nil {
		return nil, err
	}
	last := slices.ContainsFunc(in, func(e *edge) bool { return e.last })
	images := true
	for _, e := range in {
		other := &edge{node: e.node, dims: e.dims, last: last, perm: e.perm}
		images = images && (e.last == last || im.alike(e.node)) && im.isImage(other)
	}
	if images {
		if at := (&edge{last: last}).axis(axis); at != 0 {
			return nil, unsupported("joins images on axis %d; only channels can be joined", axis)
		}
		inputs := make([]string, len(in))
		for i, e := range in {
			inputs[i] = e.node
		}
		name, err := im.emit(n, &ann.Concat{}, inputs...)
		if err != nil {
			return nil, err
		}
		return im.activation(name, im.imageDims(name, last), last), nil
	}
	if len(first.dims) > 4 {
		return im.interleaved(n, in, axis)
	}
	inputs, total := make([]string, len(in)), 0
	var orders [][]int
	for i, e := range in {
		if len(e.dims) != 2 || axis != 1 {
			return nil, unsupported("joins values of shape %v and %v on axis %d; only channels of images, and vectors, can be joined", first.dims, e.dims, axis)
		}
		x, order, err := im.ordered(e)
		if err != nil {
			return nil, err
		}
		inputs[i], orders = x, append(orders, order)
		total += e.dims[1]
	}
	name, err := im.emit(n, &ann.Concat{}, inputs...)
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	dims[1] = total
	order, err := im.joinedOrder(orders, in, total)
	if err != nil {
		return nil, err
	}
	return &edge{node: name, dims: dims, perm: order}, nil
}

// joinedOrder returns the order of vectors that are joined, each of which has its own;
// nil if none has.
func (im *importer) joinedOrder(orders [][]int, in []*edge, total int) ([]int, error) {
	if !slices.ContainsFunc(orders, func(o []int) bool { return o != nil }) {
		return nil, nil
	}
	if err := im.tensors.budget.charge(total, 8); err != nil {
		return nil, err
	}
	joined := make([]int, 0, total)
	for i, e := range in {
		start := len(joined)
		for j := range e.dims[1] {
			if orders[i] != nil {
				j = orders[i][j]
			}
			joined = append(joined, start+j)
		}
	}
	return joined, nil
}
