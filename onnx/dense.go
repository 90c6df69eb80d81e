package onnx

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// gemm translates Gemm(A, B, C), alpha A B + beta C.
func (im *importer) gemm(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	weight, err := floatInput(in, 1, "weight")
	if err != nil {
		return nil, err
	}
	c, err := optional(in, 2, "bias")
	if err != nil {
		return nil, err
	}
	var transA, transB int64
	var alpha, beta float32
	for _, a := range []func() error{
		func() (err error) { transA, err = n.int("transA", 0); return },
		func() (err error) { transB, err = n.int("transB", 0); return },
		func() (err error) { alpha, err = n.float("alpha", 1); return },
		func() (err error) { beta, err = n.float("beta", 1); return },
	} {
		if err := a(); err != nil {
			return nil, err
		}
	}
	if transA != 0 {
		return nil, unsupported("transposes its input (transA); only its weight can be transposed")
	}
	if len(e.dims) != 2 {
		return nil, unsupported("takes a vector, not a value of shape %v", e.dims)
	}
	w, err := im.dense(weight, transB == 0, alpha)
	if err != nil {
		return nil, err
	}
	op := &ann.Gemm{Weight: w}
	if c != nil {
		if op.Bias, err = im.broadcastBias(c, w.Shape[0], beta); err != nil {
			return nil, err
		}
	}
	x, err := im.reorder(e, w)
	if err != nil {
		return nil, err
	}
	return im.emitVector(n, op, x, e.dims)
}

// reorder returns the vector behind e, and brings the columns of w, a weight for e,
// into its order.
func (im *importer) reorder(e *edge, w *tensor.Tensor) (x string, err error) {
	x, order, err := im.ordered(e)
	if err != nil || order == nil {
		return x, err
	}
	if w.Shape[1] != len(order) {
		return "", fmt.Errorf("a weight of shape %v for a vector of %d", w.Shape, len(order))
	}
	if err := im.tensors.budget.charge(len(w.Data), 4); err != nil {
		return "", err
	}
	moved := make([]float32, len(w.Data))
	for row := 0; row < len(moved); row += len(order) {
		for i, to := range order {
			moved[row+to] = w.Data[row+i]
		}
	}
	w.Data = moved
	return x, nil
}

// matMul translates MatMul(x, W). A bias added after it is merged by a pass.
func (im *importer) matMul(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, unsupported("multiplies a constant by activations; only activations by a constant are supported")
	}
	weight, err := floatInput(in, 1, "weight")
	if err != nil {
		return nil, err
	}
	w, err := im.dense(weight, true, 1)
	if err != nil {
		return nil, err
	}
	x, err := im.reorder(e, w)
	if err != nil {
		return nil, err
	}
	return im.emitVector(n, &ann.Gemm{Weight: w}, x, e.dims)
}

// dense returns a weight as (out, in), scaled by alpha.
func (im *importer) dense(v *value, transpose bool, alpha float32) (*tensor.Tensor, error) {
	if len(v.shape) != 2 {
		return nil, unsupported("has a weight of shape %v, not a matrix", v.shape)
	}
	if !transpose && alpha == 1 {
		return &tensor.Tensor{Shape: v.shape, Data: v.f}, nil
	}
	shape, stride := v.shape, strides(v.shape)
	if transpose {
		shape, stride = []int{shape[1], shape[0]}, []int{stride[1], stride[0]}
	}
	t, err := im.gather(v, shape, 0, stride)
	if err != nil {
		return nil, err
	}
	for i := range t.f {
		t.f[i] *= alpha
	}
	return &tensor.Tensor{Shape: t.shape, Data: t.f}, nil
}

// broadcastBias returns beta C as a vector of n.
func (im *importer) broadcastBias(c *value, n int, beta float32) ([]float32, error) {
	if c.kind != floats {
		return nil, errors.New("the bias has integers")
	}
	k := len(c.f)
	if len(c.shape) > 2 || len(c.shape) > 0 && c.shape[len(c.shape)-1] != k || k != 1 && k != n {
		return nil, fmt.Errorf("a bias of shape %v for %d outputs", c.shape, n)
	}
	if err := im.tensors.budget.charge(n, 4); err != nil {
		return nil, err
	}
	bias := make([]float32, n)
	for i := range bias {
		bias[i] = beta * c.f[min(i, k-1)]
	}
	return bias, nil
}

// softmax translates Softmax and LogSoftmax of the logits. Up to operator set 12
// they take all axes from one on together, from 13 on a single axis.
func (im *importer) softmax(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	def := int64(-1)
	if im.opset < 13 {
		def = 1
	}
	a, err := n.int("axis", def)
	if err != nil {
		return nil, err
	}
	axis, err := normalAxis(a, len(e.dims))
	if err != nil {
		return nil, err
	}
	over := e.dims[axis]
	if im.opset < 13 {
		over, _ = size(e.dims[axis:])
	}
	total := im.shapes[e.node].Len()
	if over != total || axis == 0 && len(e.dims) > 1 {
		return nil, unsupported("does not cover all the logits: axis %d of a value of shape %v", axis, e.dims)
	}
	flat := &edge{node: e.node, dims: []int{im.batch, total}, last: e.last, perm: e.perm, view: e.view, flat: e.flat}
	x, err := im.vector(flat)
	if err != nil {
		return nil, err
	}
	name, err := im.emit(n, &ann.Softmax{Log: n.op == "LogSoftmax"}, x)
	if err != nil {
		return nil, err
	}
	return im.activation(name, slices.Clone(e.dims), false), nil
}
