package onnx

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// conv translates Conv(X, W, B).
func (im *importer) conv(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	weight, err := floatInput(in, 1, "weight")
	if err != nil {
		return nil, err
	}
	if len(weight.shape) != 4 {
		return nil, unsupported("has a weight of shape %v; only convolutions over rows and columns are supported", weight.shape)
	}
	x, err := im.image(e)
	if err != nil {
		return nil, err
	}
	bias, err := vectorInput(in, 2, "bias")
	if err != nil {
		return nil, err
	}
	kernel, err := n.ints("kernel_shape")
	if err != nil {
		return nil, err
	}
	shape := []int64{int64(weight.shape[2]), int64(weight.shape[3])}
	if kernel != nil && !slices.Equal(kernel, shape) {
		return nil, fmt.Errorf("kernel_shape %v for a weight of shape %v", kernel, weight.shape)
	}
	_, h, w := im.shapes[x].CHW()
	win, _, err := window(n, shape, h, w)
	if err != nil {
		return nil, err
	}
	groups, err := n.int("group", 1)
	if err != nil {
		return nil, err
	}
	if groups < 1 || groups > int64(weight.shape[0]) {
		return nil, fmt.Errorf("%d groups of %d channels", groups, weight.shape[0])
	}
	op := &ann.Conv{
		Weight: &tensor.Tensor{Shape: weight.shape, Data: weight.f},
		Bias:   bias, Window: win, Groups: int(groups),
	}
	return im.emitImage(n, op, x)
}

// emitImage emits an operator that makes an image with channels first.
func (im *importer) emitImage(n *node, op ann.Op, x string) (*edge, error) {
	name, err := im.emit(n, op, x)
	if err != nil {
		return nil, err
	}
	return im.activation(name, im.imageDims(name, false), false), nil
}

// floatInput is [required] for floats.
func floatInput(in []*edge, i int, what string) (*value, error) {
	v, err := required(in, i, what)
	if err == nil && v.kind != floats {
		err = fmt.Errorf("the %s has integers", what)
	}
	return v, err
}

// vectorInput returns an optional constant as a vector.
func vectorInput(in []*edge, i int, what string) ([]float32, error) {
	v, err := optional(in, i, what)
	if v == nil || err != nil {
		return nil, err
	}
	if v.kind != floats || len(v.shape) > 1 {
		return nil, fmt.Errorf("the %s is not a vector of floats", what)
	}
	return v.f, nil
}

// batchNormalization translates BatchNormalization(X, scale, B, mean, var).
func (im *importer) batchNormalization(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	op := &ann.BatchNormalization{}
	spatial, err := n.int("spatial", 1)
	if err != nil {
		return nil, err
	}
	for i, p := range []struct {
		what string
		to   *[]float32
	}{{"scale", &op.Scale}, {"bias", &op.Bias}, {"mean", &op.Mean}, {"variance", &op.Var}} {
		v, err := floatInput(in, i+1, p.what)
		if err != nil {
			return nil, err
		}
		// MXNet writes spatial = 0 and means channels all the same: it gives one number for each.
		if spatial == 0 && len(v.shape) > 1 {
			return nil, unsupported("normalises each position separately (spatial = 0, parameters of shape %v), not each channel", v.shape)
		}
		if *p.to, err = vectorInput(in, i+1, p.what); err != nil {
			return nil, err
		}
	}
	if op.Epsilon, err = n.float("epsilon", 1e-5); err != nil {
		return nil, err
	}
	if len(e.dims) < 2 {
		return nil, errors.New("takes an input with channels")
	}
	if im.isImage(e) {
		if _, err := im.image(e); err != nil {
			return nil, err
		}
		return im.elementwise(n, op, e)
	}
	x, order, err := im.ordered(e)
	if err != nil {
		return nil, err
	}
	for _, v := range []*[]float32{&op.Scale, &op.Bias, &op.Mean, &op.Var} {
		if *v, err = im.moved(*v, order); err != nil {
			return nil, err
		}
	}
	return im.sameOrder(n, op, x, e, order)
}

// moved returns the numbers for the elements of a vector in the order of its node.
func (im *importer) moved(x []float32, order []int) ([]float32, error) {
	if order == nil || len(x) != len(order) { // Which is an error elsewhere.
		return x, nil
	}
	if err := im.tensors.budget.charge(len(x), 4); err != nil {
		return nil, err
	}
	out := make([]float32, len(x))
	for i, to := range order {
		out[to] = x[i]
	}
	return out, nil
}

// sameOrder emits an operator that keeps the elements of e, whose vector is x and has
// that order.
func (im *importer) sameOrder(n *node, op ann.Op, x string, e *edge, order []int) (*edge, error) {
	name, err := im.emit(n, op, x)
	if err != nil {
		return nil, err
	}
	return &edge{node: name, dims: e.dims, perm: order, view: e.view}, nil
}

// emitVector emits an operator on the vector x, seen with dims whose last axis
// takes the length of the result.
func (im *importer) emitVector(n *node, op ann.Op, x string, dims []int) (*edge, error) {
	name, err := im.emit(n, op, x)
	if err != nil {
		return nil, err
	}
	dims = slices.Clone(dims)
	dims[len(dims)-1] = im.shapes[name].Len()
	return im.activation(name, dims, false), nil
}
