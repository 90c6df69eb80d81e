package onnx

import (
	"math"
	"slices"

	"sresnet/ann"
)

func (im *importer) relu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	return im.between(n, e, 0, math.MaxFloat32)
}

// clip translates Clip, whose bounds are attributes up to operator set 10 and
// inputs from 11 on.
func (im *importer) clip(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	least, err := bound(n, in, "min", 1, -math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	most, err := bound(n, in, "max", 2, math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	return im.between(n, e, least, most)
}

// max translates Max of an activation and numbers, which cut it off below.
func (im *importer) max(n *node, in []*edge) (*edge, error) {
	e, least, err := im.withNumbers(in, -math.MaxFloat32, func(a, b float32) float32 { return max(a, b) })
	if err != nil {
		return nil, err
	}
	return im.between(n, e, least, math.MaxFloat32)
}

// min is max for numbers that cut an activation off above.
func (im *importer) min(n *node, in []*edge) (*edge, error) {
	e, most, err := im.withNumbers(in, math.MaxFloat32, func(a, b float32) float32 { return min(a, b) })
	if err != nil {
		return nil, err
	}
	return im.between(n, e, -math.MaxFloat32, most)
}

// withNumbers returns the one activation among the inputs, and what join makes of
// all constants, each of which must be one number throughout.
func (im *importer) withNumbers(in []*edge, start float32, join func(a, b float32) float32) (e *edge, x float32, err error) {
	x = start
	for _, i := range in {
		switch {
		case i == nil:
		case i.c == nil && e != nil:
			return nil, 0, unsupported("compares activations with each other; only a bound that is one number is supported")
		case i.c == nil:
			e = i
		}
	}
	for _, i := range in {
		if i == nil || i.c == nil {
			continue
		}
		v, err := im.number(i.c, e.dims)
		if err != nil {
			return nil, 0, err
		}
		x = join(x, v)
	}
	return e, x, nil
}

// number returns the one number that c is throughout, broadcast to dims without
// making them larger.
func (im *importer) number(c *value, dims []int) (float32, error) {
	if c.kind != floats || c.len() == 0 {
		return 0, unsupported("its constant of shape %v is not a number", c.shape)
	}
	if err := im.tensors.budget.charge(c.len(), 1); err != nil { // For the time it takes.
		return 0, err
	}
	if !all(c.f, c.f[0]) {
		return 0, unsupported("its constant of shape %v differs between elements; only one number is supported", c.shape)
	}
	for i, d := range c.shape {
		if j := len(dims) - len(c.shape) + i; d != 1 && (j < 0 || dims[j] != d) {
			return 0, unsupported("a constant of shape %v makes %v larger", c.shape, dims)
		}
	}
	return c.f[0], nil
}

// between emits what bounds e by two numbers, if that is a ReLU, one with a bound, or
// nothing. A bound above alone waits for one below.
func (im *importer) between(n *node, e *edge, least, most float32) (*edge, error) {
	if e.most > 0 {
		if !(least <= e.most) {
			return nil, unsupported("is a constant: its input is at most %v", e.most)
		}
		most = min(most, e.most)
	}
	positive := im.nonNegative(e.node)
	if least < 0 && positive { // As old exporters write ReLU6: Relu, then Clip from above.
		least = 0
		if most >= math.MaxFloat32 {
			return e, nil
		}
	}
	open := most >= math.MaxFloat32 // Infinity, or the largest number.
	switch {
	case least <= -math.MaxFloat32 && open:
		return e, nil
	case least <= -math.MaxFloat32 && most > 0:
		out := *e
		out.most = most
		return &out, nil
	case least != 0:
		return nil, unsupported("clips below at %v; only Clip from 0 has a spiking counterpart", least)
	case open:
		return im.elementwise(n, &ann.Relu{}, e)
	case !(most > 0):
		return nil, unsupported("clips above at %v, which must be positive", most)
	}
	return im.elementwise(n, &ann.Clip{Max: most}, e)
}

func bound(n *node, in []*edge, name string, i int, def float32) (float32, error) {
	v, err := optional(in, i, name)
	if err != nil {
		return 0, err
	}
	if v != nil {
		return v.scalar()
	}
	return n.float(name, def)
}

// nonNegative reports whether a node's output is known to be.
func (im *importer) nonNegative(name string) bool {
	_, ok := im.ops[name].(ann.Rectifier)
	return ok
}

// elu translates an Elu or Celu that is a ReLU: one whose alpha is zero.
func (im *importer) elu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	// Celu divides by alpha, so that zero makes it no function.
	if alpha, err := n.float("alpha", 1); err != nil || alpha != 0 || n.op == "Celu" {
		if err == nil {
			err = reason(rectifier)
		}
		return nil, err
	}
	return im.between(n, e, 0, math.MaxFloat32)
}

// thresholded translates a ThresholdedRelu, which is x where x is above alpha.
func (im *importer) thresholded(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	alpha, err := n.float("alpha", 1)
	switch {
	case err != nil:
		return nil, err
	case alpha != 0:
		return nil, unsupported("jumps from 0 to %v; only the threshold 0, which is a ReLU, has a spiking counterpart", alpha)
	}
	return im.between(n, e, 0, math.MaxFloat32)
}

// halves refuses what stands for half of a ReLU where it is not made whole: a
// comparison with zero, and a bound above without one below.
func halves(n *node, in []*edge) error {
	for _, e := range in {
		switch {
		case e == nil:
		case e.above != nil:
			switch n.op {
			case "Where", "Mul", "Not", "Cast", "Identity":
			default:
				return unsupported("takes the result of a comparison; only a choice between a value and 0, which is a ReLU, has a counterpart")
			}
		case e.most > 0:
			switch n.op {
			case "Relu", "Clip", "Max", "Min", "Identity", "Dropout", "Cast", "Shape", "Size", "QuantizeLinear", "Floor", "Round", "Ceil":
			default:
				return unsupported("its input is bounded above at %v, but not below; only Clip from 0 has a spiking counterpart", e.most)
			}
		}
	}
	return nil
}

// compare translates the comparison of an activation with zero. Whether zero itself
// is above makes no difference to the choice between zero and zero.
func (im *importer) compare(n *node, in []*edge) (*edge, error) {
	e, c, swapped, err := operands(in)
	if err != nil {
		return nil, err
	}
	if c == nil || !e.known() {
		return nil, unsupported("compares activations with each other; only a comparison with 0 is supported")
	}
	if x, err := im.number(c, e.dims); err != nil || x != 0 {
		return nil, unsupported("compares activations with another number than 0")
	}
	less := n.op == "Less" || n.op == "LessOrEqual"
	return &edge{dims: e.dims, above: &mask{of: e, not: less != swapped}}, nil
}

func (im *importer) not(_ *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	if e.above == nil {
		return nil, errNoActivations
	}
	return &edge{dims: e.dims, above: &mask{of: e.above.of, not: !e.above.not}}, nil
}

// where translates the choice between a value, where it is above zero, and zero.
func (im *importer) where(n *node, in []*edge) (*edge, error) {
	if len(in) != 3 || in[0] == nil || in[1] == nil || in[2] == nil {
		return nil, unsupported("takes three inputs")
	}
	m := in[0].above
	if m == nil {
		return nil, unsupported("chooses by something else than whether an activation is above 0")
	}
	x, zero := in[1], in[2]
	if m.not {
		x, zero = zero, x
	}
	if !x.known() || zero.c == nil || !x.same(m.of) {
		return nil, unsupported("chooses between other values than the one that is compared and 0; only a ReLU has a spiking counterpart")
	}
	if v, err := im.number(zero.c, x.dims); err != nil || v != 0 {
		return nil, unsupported("gives another value than 0 for what is negative; only a ReLU has a spiking counterpart")
	}
	return im.between(n, x, 0, math.MaxFloat32)
}

// masked translates the product of a value with whether it is above zero.
func (im *importer) masked(n *node, in []*edge) (*edge, error) {
	x, m := in[0], in[1].above
	if m == nil {
		x, m = in[1], in[0].above
	}
	if !x.known() || m.not || !x.same(m.of) {
		return nil, unsupported("multiplies something else than the value that is compared; only a ReLU has a spiking counterpart")
	}
	return im.between(n, x, 0, math.MaxFloat32)
}

// same reports whether e and f are the same activation, seen alike.
func (e *edge) same(f *edge) bool {
	return e.node == f.node && e.last == f.last && e.most == f.most && slices.Equal(e.dims, f.dims) && slices.Equal(e.perm, f.perm)
}
