package onnx

import (
	"math"

	"sresnet/ann"
)

func (im *importer) relu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	return im.rectify(n, e)
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
	return im.between(n, e, []float64{float64(least)}, []float64{float64(most)})
}

// extreme translates Max and Min: of an activation and numbers, which cut it off below
// or above, and of activations that are made of the same.
func (im *importer) extreme(n *node, in []*edge) (*edge, error) {
	var e *edge
	for _, i := range in {
		switch {
		case i == nil || i.c != nil:
		case e == nil:
			e = i
		default:
			both, err := im.together(n, e, i, func(f, g piecewise) (piecewise, error) {
				if n.op == "Max" {
					return choose(f.plus(g.scaled(-1, 0)), f, g)
				}
				return choose(f.plus(g.scaled(-1, 0)), g, f)
			})
			if err != nil {
				return nil, err
			}
			if both == nil {
				return nil, unsupported("compares activations with each other; only a bound that is a constant is supported")
			}
			e = both
		}
	}
	for _, i := range in {
		if i == nil || i.c == nil {
			continue
		}
		c, err := im.numbers(i.c, e)
		if err != nil {
			return nil, err
		}
		if n.op == "Max" {
			e, err = im.between(n, e, c, []float64{math.Inf(1)})
		} else {
			e, err = im.between(n, e, []float64{math.Inf(-1)}, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return e, nil
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

// between bounds e by numbers, for each channel or for all: it emits a ReLU, one with a
// bound, or nothing, where one node does it, and else leaves it pending.
func (im *importer) between(n *node, e *edge, least, most []float64) (*edge, error) {
	for i, x := range least {
		if x <= -math.MaxFloat32 { // Infinity, or the lowest number.
			least[i] = math.Inf(-1)
		}
	}
	for i, x := range most {
		if x >= math.MaxFloat32 {
			most[i] = math.Inf(1)
		}
	}
	if e.pending == nil && len(least) == 1 && len(most) == 1 {
		least, most := least[0], most[0]
		if im.nonNegative(e.node) && least < 0 { // As old exporters write ReLU6: Relu, then Clip from above.
			least = 0
			if math.IsInf(most, 1) {
				return e, nil
			}
		}
		switch {
		case math.IsInf(least, -1) && math.IsInf(most, 1):
			return e, nil
		case least != 0:
		case math.IsInf(most, 1):
			return im.elementwise(n, &ann.Relu{}, e)
		case most > 0:
			return im.elementwise(n, &ann.Clip{Max: float32(most)}, e)
		}
	}
	for _, bounds := range [][]float64{least, most} {
		settled, err := im.stepped(e, bounds)
		if err != nil {
			return nil, err
		}
		if settled != e {
			return im.between(n, settled, least, most)
		}
	}
	out, err := im.by(n, e, least, func(f piecewise, x float64) piecewise { return between(x, math.Inf(1)).of(f) })
	if err != nil {
		return nil, err
	}
	return im.by(n, out, most, func(f piecewise, x float64) piecewise { return between(math.Inf(-1), x).of(f) })
}

// rectify bounds e below at zero.
func (im *importer) rectify(n *node, e *edge) (*edge, error) {
	return im.between(n, e, []float64{0}, []float64{math.Inf(1)})
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
	return im.rectify(n, e)
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
	return im.rectify(n, e)
}

// hardSigmoid translates HardSigmoid, which is a clip.
func (im *importer) hardSigmoid(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	alpha, err := n.float("alpha", 0.2)
	if err != nil {
		return nil, err
	}
	beta, err := n.float("beta", 0.5)
	if err != nil {
		return nil, err
	}
	if e, err = im.scale(n, e, []float64{float64(alpha)}, []float64{float64(beta)}); err != nil {
		return nil, err
	}
	return im.between(n, e, []float64{0}, []float64{1})
}

// abs translates Abs, which is a ReLU with the slope -1 below zero.
func (im *importer) abs(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	e = im.unrounded(e)
	return im.after(n, e, each(e.functions(), bent(-1, 1).of), e.steps())
}

// masks refuses the result of a comparison where it is not made a choice.
func masks(n *node, in []*edge) error {
	for _, e := range in {
		if e == nil || e.above == nil {
			continue
		}
		switch n.op {
		case "Where", "Mul", "Not", "Cast", "Identity":
		default:
			return unsupported("takes the result of a comparison; only a choice between a value and 0, which is a ReLU, has a counterpart")
		}
	}
	return nil
}

// compare translates the comparison of an activation with a number, or with another
// made of the same. Whether what is equal is above makes no difference to a choice that
// is continuous.
func (im *importer) compare(n *node, in []*edge) (*edge, error) {
	e, c, swapped, err := operands(in)
	if err != nil {
		return nil, err
	}
	minus := func(f, g piecewise) (piecewise, error) { return f.plus(g.scaled(-1, 0)), nil }
	var of *edge
	if c == nil {
		of, err = im.together(n, in[0], in[1], minus)
		if of == nil && err == nil {
			err = unsupported("compares activations with each other; only a comparison with a constant is supported")
		}
	} else {
		var xs []float64
		e = im.unrounded(e)
		if xs, err = im.numbers(c, e); err == nil {
			of, err = im.by(n, e, xs, func(f piecewise, x float64) piecewise { return f.scaled(1, -x) })
		}
	}
	if err != nil {
		return nil, err
	}
	less := n.op == "Less" || n.op == "LessOrEqual"
	return &edge{dims: e.dims, above: &mask{of: of, not: less != swapped}}, nil
}

func (im *importer) not(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	if e.above == nil {
		return nil, noActivations(n)
	}
	return &edge{dims: e.dims, above: &mask{of: e.above.of, not: !e.above.not}}, nil
}

// where translates the choice between two values by whether something made of them is
// above zero.
func (im *importer) where(n *node, in []*edge) (*edge, error) {
	if len(in) != 3 || in[0] == nil || in[1] == nil || in[2] == nil {
		return nil, unsupported("takes three inputs")
	}
	if in[0].above == nil {
		return nil, unsupported("chooses by something else than a comparison of an activation")
	}
	if !in[1].known() && in[1].c == nil || !in[2].known() && in[2].c == nil {
		return nil, unsupported("takes the result of a comparison; only a choice between a value and 0, which is a ReLU, has a counterpart")
	}
	return im.choice(n, in[0].above, in[1], in[2])
}

// masked translates the product of a value with whether something made of it is above
// zero.
func (im *importer) masked(n *node, in []*edge) (*edge, error) {
	x, m := in[0], in[1].above
	if m == nil {
		x, m = in[1], in[0].above
	}
	if !x.known() {
		return nil, unsupported("multiplies the results of comparisons; only a choice between a value and 0, which is a ReLU, has a counterpart")
	}
	return im.choice(n, m, x, nil)
}

// choice returns x where m is and y where it is not; nil stands for zero. Both are
// constants or functions of what m compares.
func (im *importer) choice(n *node, m *mask, x, y *edge) (*edge, error) {
	es := []*edge{im.unrounded(m.of)}
	for _, e := range []*edge{x, y} {
		if e != nil && e.c == nil {
			es = append(es, im.unrounded(e))
		}
	}
	es = im.related(es...)
	if es == nil {
		return nil, unsupported("chooses between other values than constants and the one that is compared; only a ReLU has a spiking counterpart")
	}
	when := es[0].functions()
	next := 1
	values := func(e *edge) ([]piecewise, error) {
		switch {
		case e == nil:
			return []piecewise{straight(0, 0)}, nil
		case e.c == nil:
			next++
			return es[next-1].functions(), nil
		}
		xs, err := im.numbers(e.c, es[0])
		out := make([]piecewise, len(xs))
		for i, x := range xs {
			out[i] = straight(0, x)
		}
		return out, err
	}
	f, err := values(x)
	if err != nil {
		return nil, err
	}
	g, err := values(y)
	if err != nil {
		return nil, err
	}
	if m.not {
		f, g = g, f
	}
	out := make([]piecewise, max(len(when), len(f), len(g)))
	for i := range out {
		if out[i], err = choose(when[min(i, len(when)-1)], f[min(i, len(f)-1)], g[min(i, len(g)-1)]); err != nil {
			return nil, err
		}
	}
	return im.after(n, es[0], out, es[0].steps())
}
