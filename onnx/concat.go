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
	images := true
	for _, e := range in {
		images = images && im.isImage(e) && e.last == first.last
	}
	if images {
		if axis == 0 || first.axis(axis) != 0 {
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
		return im.activation(name, im.imageDims(name, first.last), first.last), nil
	}
	if len(first.dims) > 4 {
		return im.interleaved(n, in, axis)
	}
	inputs, total := make([]string, len(in)), 0
	for i, e := range in {
		if len(e.dims) != 2 || axis != 1 {
			return nil, unsupported("joins values of shape %v and %v on axis %d; only channels of images, and vectors, can be joined", first.dims, e.dims, axis)
		}
		if inputs[i], err = im.vector(e); err != nil {
			return nil, err
		}
		total += e.dims[1]
	}
	name, err := im.emit(n, &ann.Concat{}, inputs...)
	if err != nil {
		return nil, err
	}
	dims := slices.Clone(first.dims)
	dims[1] = total
	return im.activation(name, dims, false), nil
}
