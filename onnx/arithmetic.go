package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// add translates Add and Sum: of activations, the end of a residual block; with a
// constant, an offset of every channel.
func (im *importer) add(n *node, in []*edge) (*edge, error) {
	var acts []*edge
	var consts []*value
	for _, e := range in {
		switch {
		case e == nil:
			return nil, errors.New("an input is left out")
		case e.c != nil:
			consts = append(consts, e.c)
		default:
			acts = append(acts, e)
		}
	}
	out, err := im.plus(n, acts)
	if err != nil {
		return nil, err
	}
	for _, c := range consts {
		var err error
		if out, err = im.affine(n, out, c, false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plus adds activations: as functions of one node where some are pending, so that they
// may be one function together, and else as the branches of a block.
func (im *importer) plus(n *node, acts []*edge) (*edge, error) {
	if len(acts) == 2 { // Rounding that gradients go through: x + (round(x) - x).
		for i, e := range acts {
			if p := e.pending; p != nil && p.rest != nil && im.equal(p.of, acts[1-i]) {
				return p.rest, nil
			}
		}
	}
	for i, e := range acts {
		if e.quantized() {
			acts[i] = im.settle(e)
		}
	}
	out := acts[0]
	if slices.ContainsFunc(acts, func(e *edge) bool { return e.pending != nil }) {
		for _, e := range acts[1:] {
			both, err := im.together(n, out, e, func(f, g piecewise) (piecewise, error) { return f.plus(g), nil })
			if err != nil {
				return nil, err
			}
			if out = both; out == nil || !out.pending.possible() {
				out = nil
				break
			}
		}
		if out != nil {
			return out, nil
		}
	}
	if len(acts) == 1 {
		return acts[0], nil
	}
	acts = slices.Clone(acts)
	for i := range acts {
		acts[i] = im.settle(acts[i])
	}
	return im.sum(n, acts)
}

// minus subtracts activations: as functions of one node, or by a branch with the sign
// turned.
func (im *importer) minus(n *node, a, b *edge) (*edge, error) {
	if a.steps() != nil && b.steps() == nil && im.equal(a, b) {
		out, err := im.after(n, a, []piecewise{straight(0, 0)}, a.steps())
		if err == nil {
			out.pending.rest, out.pending.of = a, b
		}
		return out, err
	}
	both, err := im.together(n, a, b, func(f, g piecewise) (piecewise, error) { return f.plus(g.scaled(-1, 0)), nil })
	if err != nil || both != nil && both.pending.possible() {
		return both, err
	}
	if p := b.pending; p != nil && (p.steps != nil || !p.possible()) {
		b = im.settle(b) // So that an error names the node that it is about.
	}
	if b, err = im.scale(&node{name: n.label() + "/minus", op: n.op}, b, []float64{-1}, []float64{0}); err != nil {
		return nil, err
	}
	acts := []*edge{a, b}
	for i, e := range acts {
		acts[i] = im.settle(e)
	}
	return im.sum(n, acts)
}

// neg translates Neg.
func (im *importer) neg(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	return im.scale(n, e, []float64{-1}, []float64{0})
}

// sum adds activations of one shape.
func (im *importer) sum(n *node, acts []*edge) (*edge, error) {
	first := acts[0]
	same := true
	for _, e := range acts[1:] {
		if !slices.Equal(e.dims, first.dims) {
			return nil, unsupported("adds shapes %v and %v; the branches of a block must have the same shape", first.dims, e.dims)
		}
		same = same && e.last == first.last && slices.Equal(e.perm, first.perm) && im.shapes[e.node].Equal(im.shapes[first.node])
	}
	if !same { // One branch is a vector and the other only looks like one.
		names, err := im.vectors(acts)
		if err != nil {
			return nil, err
		}
		name, err := im.emit(n, &ann.Add{}, names...)
		if err != nil {
			return nil, err
		}
		return im.activation(name, first.dims, false), nil
	}
	var names []string
	for _, e := range acts {
		names = append(names, e.node)
	}
	name, err := im.emit(n, &ann.Add{}, names...)
	if err != nil {
		return nil, err
	}
	out := *first
	out.node, out.flat = name, ""
	return &out, nil
}

func (im *importer) vectors(acts []*edge) (names []string, err error) {
	for _, e := range acts {
		name, err := im.vector(e)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// operands splits the inputs of Sub, Mul and Div into activation and constant;
// swapped tells that the constant comes first, and c is nil if there is none.
func operands(in []*edge) (e *edge, c *value, swapped bool, err error) {
	if len(in) != 2 || in[0] == nil || in[1] == nil {
		return nil, nil, false, errors.New("takes two inputs")
	}
	if in[0].c != nil {
		return in[1], in[0].c, true, nil
	}
	return in[0], in[1].c, false, nil
}

func (im *importer) sub(n *node, in []*edge) (*edge, error) {
	e, c, swapped, err := operands(in)
	if err != nil {
		return nil, err
	}
	if c == nil {
		if n.in[0] == n.in[1] {
			return im.zeros(e.dims) // x - x, a way to write zeros.
		}
		return im.minus(n, in[0], in[1])
	}
	if swapped {
		if e, err = im.scaleBy(n, e, func(float32) float32 { return -1 }, c); err != nil {
			return nil, err
		}
		return im.affine(n, e, c, false)
	}
	return im.offsetBy(n, e, func(x float32) float32 { return -x }, c)
}

// mul translates a scale of every channel. A product with zeros is zeros: a way
// to write the channels that an option-A shortcut adds.
func (im *importer) mul(n *node, in []*edge) (*edge, error) {
	e, c, _, err := operands(in)
	if err != nil {
		return nil, err
	}
	if e.above != nil || c == nil && in[1].above != nil {
		if c != nil {
			return nil, unsupported("takes the result of a comparison; only a choice between a value and 0, which is a ReLU, has a counterpart")
		}
		return im.masked(n, in)
	}
	if c == nil {
		return nil, joined[n.op]
	}
	if c.kind == floats && (c.len() == 1 || slices.Equal(c.shape, e.dims)) && c.isZero() {
		return im.zeros(e.dims)
	}
	return im.affine(n, e, c, true)
}

func (im *importer) div(n *node, in []*edge) (*edge, error) {
	e, c, swapped, err := operands(in)
	if err != nil {
		return nil, err
	}
	if c == nil || swapped {
		return nil, joined[n.op]
	}
	return im.scaleBy(n, e, func(x float32) float32 { return 1 / x }, c)
}

func (im *importer) zeros(dims []int) (*edge, error) {
	v, err := im.tensors.budget.newValue(floats, slices.Clone(dims))
	if err != nil {
		return nil, err
	}
	return constant(v), nil
}

// affine is scaleBy or offsetBy with c as it is.
func (im *importer) affine(n *node, e *edge, c *value, scale bool) (*edge, error) {
	same := func(x float32) float32 { return x }
	if scale {
		return im.scaleBy(n, e, same, c)
	}
	return im.offsetBy(n, e, same, c)
}

func (im *importer) scaleBy(n *node, e *edge, f func(float32) float32, c *value) (*edge, error) {
	return im.perChannel(n, e, c, func(op *ann.BatchNormalization, i int, x float32) { op.Scale[i] = f(x) })
}

func (im *importer) offsetBy(n *node, e *edge, f func(float32) float32, c *value) (*edge, error) {
	return im.perChannel(n, e, c, func(op *ann.BatchNormalization, i int, x float32) { op.Bias[i] = f(x) })
}

// perChannel emits the BatchNormalization y = Scale x + Bias, with scale 1 and
// bias 0 but for what set puts there from the channel's element of c.
func (im *importer) perChannel(n *node, e *edge, c *value, set func(op *ann.BatchNormalization, i int, x float32)) (*edge, error) {
	if e.pending != nil {
		by, err := im.numbers(c, e)
		if err == nil {
			return im.perChannelLater(n, e, by, set)
		}
		e = im.settle(e)
	}
	x := e.node
	axis := len(e.dims) - 1 // Of the channels in dims.
	image := im.isImage(e) && len(e.dims) == 4
	if image && !e.last {
		axis = 1
	}
	if !image && len(im.shapes[x]) == 3 && im.scaled[x] {
		if v, err := im.number(c, e.dims); err == nil { // The image seen as something else; all its channels alike.
			return im.uniform(n, e, v, set)
		}
	}
	var order []int
	if !image {
		var err error
		if x, order, err = im.ordered(e); err != nil {
			if v, scalar := im.number(c, e.dims); scalar == nil { // Which minds no view.
				return im.uniform(n, e, v, set)
			}
			return nil, err
		}
	}
	k := im.shapes[x][0]
	if err := im.tensors.budget.charge(5*k, 4); err != nil {
		return nil, err
	}
	by, err := im.channels(c, e.dims, axis)
	if err != nil {
		return nil, err
	}
	op := identity(k)
	if by, err = im.moved(by, order); err != nil {
		return nil, err
	}
	for i, v := range by {
		set(op, i, v)
	}
	if err := tensor.CheckFinite(slices.Concat(op.Scale, op.Bias)); err != nil {
		return nil, fmt.Errorf("its constant gives a factor or offset that is not a finite number: %w", err)
	}
	if order != nil {
		return im.sameOrder(n, op, x, e, order)
	}
	name, err := im.emit(n, op, x)
	if err != nil {
		return nil, err
	}
	out := *e
	out.node, out.flat = name, ""
	return &out, nil
}

// perChannelLater is perChannel for what is pending and stays so.
func (im *importer) perChannelLater(n *node, e *edge, by []float64, set func(op *ann.BatchNormalization, i int, x float32)) (*edge, error) {
	op := identity(len(by))
	a, b := make([]float64, len(by)), make([]float64, len(by))
	for i, v := range by {
		set(op, i, float32(v))
		a[i], b[i] = float64(op.Scale[i]), float64(op.Bias[i])
	}
	return im.scale(n, e, a, b)
}

// uniform is perChannel for one number, which does not mind how the image is seen.
func (im *importer) uniform(n *node, e *edge, v float32, set func(op *ann.BatchNormalization, i int, x float32)) (*edge, error) {
	op := identity(im.shapes[e.node][0])
	for i := range op.Scale {
		set(op, i, v)
	}
	if err := tensor.CheckFinite(slices.Concat(op.Scale, op.Bias)); err != nil {
		return nil, fmt.Errorf("its constant gives a factor or offset that is not a finite number: %w", err)
	}
	return im.elementwise(n, op, e)
}

// identity returns the BatchNormalization of k channels that changes nothing.
func identity(k int) *ann.BatchNormalization {
	return &ann.BatchNormalization{
		Scale: slices.Repeat([]float32{1}, k), Bias: make([]float32, k),
		Mean: make([]float32, k), Var: slices.Repeat([]float32{1}, k),
	}
}

// channels returns the elements of c, broadcast to dims, along axis. They must
// be the same along all others.
func (im *importer) channels(c *value, dims []int, axis int) ([]float32, error) {
	if c.kind != floats {
		return nil, errors.New("its constant has integers")
	}
	if err := im.tensors.budget.charge(c.len(), 1); err != nil { // For the time it takes.
		return nil, err
	}
	skip := len(dims) - len(c.shape)
	stride := make([]int, len(c.shape))
	for i, d := range c.shape {
		if skip+i < 0 {
			if d != 1 {
				return nil, unsupported("a constant of shape %v makes %v larger", c.shape, dims)
			}
			continue
		}
		if d != 1 && d != dims[skip+i] {
			if dims[skip+i] == 1 {
				return nil, unsupported("a constant of shape %v makes %v larger", c.shape, dims)
			}
			return nil, fmt.Errorf("shapes %v and %v do not match", dims, c.shape)
		}
		if skip+i == axis && d != 1 {
			stride[i] = 1
		}
	}
	out := make([]float32, dims[axis])
	seen := make([]bool, len(out))
	varies := false
	walk(c.shape, 0, stride, func(i, channel int) {
		if seen[channel] && math.Float32bits(out[channel]) != math.Float32bits(c.f[i]) {
			varies = true
		}
		out[channel], seen[channel] = c.f[i], true
	})
	if varies {
		return nil, unsupported("its constant of shape %v differs between positions; only one number per channel is supported", c.shape)
	}
	for i := range out {
		if !seen[i] {
			out[i] = out[0]
		}
	}
	return out, nil
}
