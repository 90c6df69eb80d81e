package onnx

import "slices"

// The operators here do nothing to an activation but change the shape or the
// order of axes through which it is seen.

func (im *importer) reshape(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	dims, err := newDims(n, vs, e.dims)
	if err != nil {
		return nil, err
	}
	return im.reshaped(n, e, dims)
}

func (im *importer) flatten(n *node, in []*edge) (*edge, error)   { return im.reshape(n, in) }
func (im *importer) squeeze(n *node, in []*edge) (*edge, error)   { return im.reshape(n, in) }
func (im *importer) unsqueeze(n *node, in []*edge) (*edge, error) { return im.reshape(n, in) }

// identity is Identity and, since the graph is the network as it is evaluated,
// Dropout.
func (im *importer) identity(_ *node, in []*edge) (*edge, error) { return data(in) }

// cast between float types does nothing: the graph computes in float32.
func (im *importer) cast(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	if _, to, err := castTo(n); err != nil {
		return nil, err
	} else if to != floats && e.above == nil && (e.steps() == nil || to != integers || !isOne(e.steps())) {
		return nil, unsupported("rounds activations to integers")
	}
	return e, nil
}

// shape is Shape and Size: what is known without running the network.
func (im *importer) shape(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	v, err := shapeOf(n, e.dims)
	if err != nil {
		return nil, err
	}
	return constant(v), nil
}

// transpose takes images to channels first and back, or elements to any other order,
// which the weights of a fully connected layer take in.
func (im *importer) transpose(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	perm, err := permutation(n, len(e.dims))
	if err != nil {
		return nil, err
	}
	dims := make([]int, len(perm))
	var order []int // Of the axes that matter.
	for i, a := range perm {
		if dims[i] = e.dims[a]; dims[i] != 1 {
			order = append(order, a)
		}
	}
	switch {
	case slices.IsSorted(perm):
		return e, nil
	case slices.IsSorted(order): // No element moves.
		return im.reshaped(n, e, dims)
	case e.last && im.isImage(e) && slices.Equal(perm, []int{0, 3, 1, 2}):
		return im.activation(e.node, dims, false), nil
	case !e.last && im.isImage(e) && slices.Equal(perm, []int{0, 2, 3, 1}):
		return im.activation(e.node, dims, true), nil
	}
	return im.permuted(n, e, perm, dims)
}
