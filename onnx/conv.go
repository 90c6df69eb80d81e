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
	for i, p := range []struct {
		what string
		to   *[]float32
	}{{"scale", &op.Scale}, {"bias", &op.Bias}, {"mean", &op.Mean}, {"variance", &op.Var}} {
		if _, err := floatInput(in, i+1, p.what); err != nil {
			return nil, err
		}
		if *p.to, err = vectorInput(in, i+1, p.what); err != nil {
			return nil, err
		}
	}
	if op.Epsilon, err = n.float("epsilon", 1e-5); err != nil {
		return nil, err
	}
	spatial, err := n.int("spatial", 1)
	if err != nil {
		return nil, err
	}
	if spatial == 0 {
		return nil, unsupported("normalises each position separately (spatial = 0), not each channel")
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
	x, err := im.vector(e)
	if err != nil {
		return nil, err
	}
	return im.emitVector(n, op, x, e.dims)
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
