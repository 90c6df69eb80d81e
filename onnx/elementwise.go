package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// pending is what remains to be done to an activation: a function of each of its
// numbers that no one node of the ann.Graph is, so far. Half of a ReLU is one, or what
// a rounded clip is before it is scaled back. It becomes nodes when an operator takes
// it that is no such function itself; see [importer.settle].
type pending struct {
	f         []piecewise // For each channel of the node, or one for all.
	steps     []float64   // Likewise, where the file rounds to steps of that size; else nil.
	grid      []float64   // Likewise, one of the numbers that it rounds to; nil where that is not known.
	rest      *edge       // Where this is what rounding has taken from a value: that, rounded.
	of        *edge       // And the value, not rounded.
	quantized bool        // QuantizeLinear is among what the file does.
	by        *node       // The last of the file's nodes.
	done      *edge       // What it has become.
}

// mask is where a function of an activation is above zero, or where it is not: half
// of a ReLU that is written as a choice.
type mask struct {
	of  *edge // Pending, or itself.
	not bool
}

// elementwiseOps take activations on which functions are pending.
var elementwiseOps = map[string]bool{
	"Relu": true, "Clip": true, "Max": true, "Min": true, "Abs": true, "Neg": true, "LeakyRelu": true, "PRelu": true, "HardSigmoid": true,
	"Elu": true, "Celu": true, "ThresholdedRelu": true, "Floor": true, "Ceil": true, "Round": true, "QuantizeLinear": true, "DequantizeLinear": true,
	"Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true, "Not": true, "Where": true,
	"Add": true, "Sum": true, "Sub": true, "Mul": true, "Div": true,
	"Identity": true, "Dropout": true, "Cast": true, "Shape": true, "Size": true,
}

// functions returns what is pending on e; for each channel, or one for all.
func (e *edge) functions() []piecewise {
	if e.pending != nil {
		return e.pending.f
	}
	return []piecewise{straight(1, 0)}
}

func (e *edge) steps() []float64 {
	if e.pending != nil {
		return e.pending.steps
	}
	return nil
}

// after returns e with the functions f in place of what is pending on it.
func (im *importer) after(n *node, e *edge, f []piecewise, steps []float64) (*edge, error) {
	for _, g := range f {
		if len(g.knots) > maxKnots {
			return nil, unsupported("makes a function of more than %d pieces", maxKnots)
		}
		if !g.finite() {
			return nil, fmt.Errorf("its constants give a factor or offset that is not a finite number")
		}
	}
	if err := im.tensors.budget.charge(len(f)*8, 8); err != nil {
		return nil, err
	}
	out := *e
	out.flat, out.pending = "", &pending{f: f, steps: steps, quantized: e.quantized(), by: n}
	return &out, nil
}

// each applies op to f, of one activation, channel by channel.
func each(f []piecewise, op func(piecewise) piecewise) []piecewise {
	out := make([]piecewise, len(f))
	for i, g := range f {
		out[i] = op(g)
	}
	return out
}

// pairs applies op to two lists of functions, each for all channels or for each.
func pairs[T, U any](f []T, g []U, op func(T, U) (piecewise, error)) ([]piecewise, error) {
	out := make([]piecewise, max(len(f), len(g)))
	for i := range out {
		var err error
		if out[i], err = op(f[min(i, len(f)-1)], g[min(i, len(g)-1)]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// by returns e with op done to it, for each channel's number of c, or the one for all.
func (im *importer) by(n *node, e *edge, c []float64, op func(f piecewise, c float64) piecewise) (*edge, error) {
	f, err := pairs(e.functions(), c, func(f piecewise, c float64) (piecewise, error) { return op(f, c), nil })
	if err != nil {
		return nil, err
	}
	out, err := im.after(n, e, f, e.steps())
	if err == nil && e.pending != nil {
		out.pending.grid = e.pending.grid
	}
	return out, err
}

// scale returns e times a, plus b, which is pending.
func (im *importer) scale(n *node, e *edge, a, b []float64) (*edge, error) {
	out, err := im.by(n, e, a, func(f piecewise, a float64) piecewise { return f.scaled(a, 0) })
	if err == nil {
		out, err = im.by(n, out, b, func(f piecewise, b float64) piecewise { return f.scaled(1, b) })
	}
	if err != nil {
		return nil, err
	}
	if s := e.steps(); s != nil {
		steps := make([]float64, max(len(s), len(a)))
		for i := range steps {
			steps[i] = s[min(i, len(s)-1)] * math.Abs(a[min(i, len(a)-1)])
		}
		out.pending.steps = steps
		if g := e.pending.grid; g != nil {
			grid := make([]float64, max(len(g), len(a), len(b)))
			for i := range grid {
				grid[i] = g[min(i, len(g)-1)]*a[min(i, len(a)-1)] + b[min(i, len(b)-1)]
			}
			out.pending.grid = grid
		}
	}
	return out, nil
}

// onGrid reports whether bounds of e, one for each channel or for all, are among the
// numbers that it is rounded to, or cut nothing off.
func (e *edge) onGrid(bounds []float64) bool {
	p := e.pending
	for i := range max(len(p.f), len(bounds), len(p.steps)) {
		x, step := bounds[min(i, len(bounds)-1)], p.steps[min(i, len(p.steps)-1)]
		least, most := p.f[min(i, len(p.f)-1)].bounds()
		if x <= least || x >= most {
			continue
		}
		if p.grid == nil || step == 0 {
			return false
		}
		k := (x - p.grid[min(i, len(p.grid)-1)]) / step
		if !(math.Abs(k-math.Round(k)) <= 1e-4) {
			return false
		}
	}
	return true
}

// stepped returns e for a bound: what is rounded and has ends becomes a node first, unless
// the bound is one of its steps. To levels of quantised values, which are many, a bound
// between two of them is one of them.
func (im *importer) stepped(e *edge, bounds []float64) (*edge, error) {
	if e.steps() == nil || e.quantized() || e.onGrid(bounds) {
		return e, nil
	}
	for _, f := range e.pending.f {
		if least, most := f.bounds(); math.IsInf(least, 0) || math.IsInf(most, 0) {
			return nil, unsupported("bounds at %.6g what is rounded, between two steps", bounds[0])
		}
	}
	return im.settle(e), nil
}

// numbers returns the number that c is for all of e, or those for each channel of its
// node.
func (im *importer) numbers(c *value, e *edge) ([]float64, error) {
	if v, err := im.number(c, e.dims); err == nil {
		return []float64{float64(v)}, nil
	} else if c.kind != floats || c.len() == 0 {
		return nil, err
	}
	axis := len(e.dims) - 1
	switch s := im.shapes[e.node]; {
	case im.isImage(e) && !e.last:
		axis = 1
	case im.isImage(e):
	case len(s) == 1 && len(e.dims) == 2 && e.perm == nil && e.dims[1] == s[0]:
	default:
		return nil, unsupported("its constant of shape %v differs between elements; only one number is supported for a value of shape %v made from %v", c.shape, e.dims, s)
	}
	by, err := im.channels(c, e.dims, axis)
	if err != nil {
		return nil, err
	}
	if err := im.tensors.budget.charge(len(by), 16); err != nil {
		return nil, err
	}
	out := make([]float64, len(by))
	for i, v := range by {
		out[i] = float64(v)
	}
	return out, nil
}

// lifted returns e as functions of the node before its own, if what its node does is
// such a function; nil if not.
func (im *importer) lifted(e *edge) *edge {
	if im.via[e.node] == "" {
		return nil
	}
	var g []piecewise
	switch op := im.ops[e.node].(type) {
	case *ann.BatchNormalization:
		a, b := op.Affine()
		for i := range a {
			g = append(g, straight(float64(a[i]), float64(b[i])))
		}
		if alike(a) && alike(b) {
			g = g[:1]
		}
	case *ann.Relu:
		g = []piecewise{between(0, math.Inf(1))}
	case *ann.Clip:
		if op.Levels > 0 {
			return nil
		}
		g = []piecewise{between(0, float64(op.Max))}
	case *ann.LeakyRelu:
		for _, s := range op.Slope {
			g = append(g, bent(float64(s), 1))
		}
	default:
		return nil
	}
	f, err := pairs(e.functions(), g, func(f, g piecewise) (piecewise, error) { return f.of(g), nil })
	if err != nil || im.tensors.budget.charge(len(f)*8, 8) != nil {
		return nil
	}
	out := *e
	out.node, out.flat = im.via[e.node], ""
	out.pending = &pending{f: f, steps: e.steps(), quantized: e.quantized()}
	if e.pending != nil {
		out.pending.by = e.pending.by
	}
	return &out
}

func alike[T comparable](x []T) bool {
	return !slices.ContainsFunc(x, func(v T) bool { return v != x[0] })
}

// maxLifts bounds how far back the common origin of two activations is looked for.
const maxLifts = 8

// related returns activations as functions of one node, the last from which all of them
// are made so; nil if there is none.
func (im *importer) related(es ...*edge) []*edge {
	first := es[0]
	out := make([]*edge, len(es))
	for lifts := 0; first != nil && lifts <= maxLifts; lifts++ {
		out[0] = first
		found := 1
		for i, e := range es[1:] {
			for k := 0; e != nil && k <= maxLifts; k++ {
				if e.node == first.node && slices.Equal(e.dims, first.dims) && e.last == first.last && slices.Equal(e.perm, first.perm) {
					out[i+1] = e
					found++
					break
				}
				e = im.lifted(e)
			}
		}
		if found == len(es) {
			return out
		}
		first = im.lifted(first)
	}
	return nil
}

// unrounded returns e with nothing pending if it is rounded to few levels, for operators
// to which it matters.
func (im *importer) unrounded(e *edge) *edge {
	if e.steps() != nil && !e.quantized() {
		return im.settle(e)
	}
	return e
}

// equal reports whether two activations are the same function of one node.
func (im *importer) equal(a, b *edge) bool {
	both := im.related(a, b)
	if both == nil {
		return false
	}
	_, err := pairs(both[0].functions(), both[1].functions(), func(f, g piecewise) (piecewise, error) {
		for _, x := range bends(f, g) {
			if !near(f.at(x), g.at(x), max(math.Abs(f.at(x)), math.Abs(g.at(x)), 1e-3)) {
				return f, errors.New("differ")
			}
		}
		if !near(f.left, g.left, max(math.Abs(f.left), math.Abs(g.left))) || !near(f.right, g.right, max(math.Abs(f.right), math.Abs(g.right))) {
			return f, errors.New("differ")
		}
		return f, nil
	})
	return err == nil
}

// together returns op of two activations that are functions of one node; nil if they
// are not, or are rounded.
func (im *importer) together(n *node, a, b *edge, op func(f, g piecewise) (piecewise, error)) (*edge, error) {
	both := im.related(a, b)
	if both == nil || a.steps() != nil || b.steps() != nil {
		return nil, nil
	}
	f, err := pairs(both[0].functions(), both[1].functions(), op)
	if err != nil {
		return nil, err
	}
	return im.after(n, both[0], f, nil)
}

// rounded translates Round, Floor and Ceil of an activation. What is left of them is the
// function that Round rounds to the nearest step, with a bound that is one; the steps
// become the Levels of an ann.Clip. Floor rounds what is half a step less.
func (im *importer) rounded(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	if e.steps() != nil {
		e = im.settle(e) // Rounded twice.
	}
	const slack = 1e-4 // Of numbers that are computed in float32.
	shift, round := 0.0, math.RoundToEven
	switch n.op {
	case "Floor":
		shift, round = -0.5, func(x float64) float64 { return math.Floor(x + slack) }
	case "Ceil":
		shift, round = 0.5, func(x float64) float64 { return math.Ceil(x - slack) }
	}
	e = im.scaleless(e)
	f := each(e.functions(), func(f piecewise) piecewise { return f.ending(round, shift) })
	out, err := im.after(n, e, f, []float64{1})
	if err == nil {
		out.pending.grid = []float64{0}
	}
	return out, err
}

// scaleless returns e as functions of the first node, going back, at which they are seen
// to end on one side at least, if there is one, and then of what is scaled alike.
func (im *importer) scaleless(e *edge) *edge {
	open := func(f piecewise) bool { return f.left != 0 && f.right != 0 }
	back := e
	for lifts := 0; back != nil && lifts < maxLifts && slices.ContainsFunc(back.functions(), open); lifts++ {
		back = im.lifted(back)
	}
	if back != nil && !slices.ContainsFunc(back.functions(), open) {
		e = back
	}
	for range maxLifts {
		bn, ok := im.ops[e.node].(*ann.BatchNormalization)
		if !ok {
			break
		}
		if a, b := bn.Affine(); !alike(a) || !alike(b) {
			break
		}
		up := im.lifted(e)
		if up == nil {
			break
		}
		e = up
	}
	return e
}

// settle returns e with nothing pending: it emits the nodes that do it. What has no
// counterpart is noted once, and passed over, so that the nodes after it are looked at.
func (im *importer) settle(e *edge) *edge {
	p := e.pending
	if p == nil {
		return e
	}
	if p.done == nil {
		var err error
		if p.done, err = im.emitted(e); err != nil {
			im.note(p.by, nil, err)
			out := *e
			out.pending = nil
			p.done = &out
		}
	}
	return p.done
}

// emitted returns what settle does for the first time.
func (im *importer) emitted(e *edge) (*edge, error) {
	p := e.pending
	n := p.by
	if p.quantized {
		return im.emittedPair(e)
	}
	return im.emittedAs(n, e, p.f, p.steps)
}

// emittedAs emits the functions f of the node of e.
func (im *importer) emittedAs(n *node, e *edge, fs []piecewise, steps []float64) (*edge, error) {
	var rs []rectified
	linear := true
	for _, f := range fs {
		linear = linear && len(f.knots) == 1 && f.left == f.right
	}
	out := *e
	out.pending = nil
	if linear {
		if steps != nil {
			return nil, unbounded
		}
		var a, b []float64
		for _, f := range fs {
			if f.left == 0 {
				return nil, unsupported("is a constant, whatever the image is")
			}
			a, b = append(a, f.left), append(b, f.at(0))
		}
		return im.affinely(n, n.label(), &out, a, b)
	}
	for _, f := range fs {
		if f.left == 0 && f.right == 0 && len(f.knots) == 1 {
			return nil, unsupported("is a constant, whatever the image is")
		}
		r, err := f.rectified()
		if err != nil {
			return nil, err
		}
		if steps != nil && math.IsInf(r.most, 1) {
			return nil, unbounded
		}
		rs = append(rs, r)
	}
	var op ann.Op = &ann.Relu{}
	kind := func(r rectified) int {
		switch {
		case !math.IsInf(r.most, 1):
			return 1
		case r.leak != 0:
			return 2
		}
		return 0
	}
	for _, r := range rs {
		if kind(r) != kind(rs[0]) {
			return nil, unsupported("makes functions of several kinds of the channels")
		}
	}
	switch kind(rs[0]) {
	case 1:
		bound := rs[0].most
		for i := range rs {
			if rs[i].most != bound { // One bound for all, and scales of channels about it.
				bound = 1
			}
		}
		clip := &ann.Clip{Max: float32(bound)}
		for i := range rs {
			k := bound / rs[i].most
			rs[i].in, rs[i].shift, rs[i].scale = k*rs[i].in, k*rs[i].shift, rs[i].scale/k
			if steps == nil {
				continue
			}
			levels := int(min(math.Round(rs[i].scale*bound/steps[min(i, len(steps)-1)]), 1<<25))
			if i > 0 && levels != clip.Levels {
				return nil, unsupported("rounds channels to different numbers of levels, such as %d and %d", clip.Levels, levels)
			}
			clip.Levels = levels
		}
		op = clip
	case 2:
		leaky := &ann.LeakyRelu{}
		for _, r := range rs {
			leaky.Slope = append(leaky.Slope, float32(r.leak))
		}
		op = leaky
	}
	column := func(get func(rectified) float64) (x []float64) {
		for _, r := range rs {
			x = append(x, get(r))
		}
		return x
	}
	in, err := im.affinely(n, n.label()+"/in", &out, column(func(r rectified) float64 { return r.in }), column(func(r rectified) float64 { return r.shift }))
	if err != nil {
		return nil, err
	}
	a, b := column(func(r rectified) float64 { return r.scale }), column(func(r rectified) float64 { return r.offset })
	label := n.label()
	if !isOne(a) || !isZero(b) {
		label += "/relu"
	}
	rectifier, err := im.elementwise(&node{name: label, op: n.op}, op, in)
	if err != nil {
		return nil, err
	}
	return im.affinely(n, n.label(), rectifier, a, b)
}

// possible reports whether nodes may do p, as far as its functions tell.
func (p *pending) possible() bool {
	return !slices.ContainsFunc(p.f, func(f piecewise) bool {
		if len(f.knots) == 1 && f.left == f.right {
			return false
		}
		_, err := f.rectified()
		return err != nil
	})
}

// whole reports whether p is what one node does.
func (p *pending) whole() bool {
	first, err := p.f[0].rectified()
	return p.steps == nil && p.possible() && err == nil && !slices.ContainsFunc(p.f, func(f piecewise) bool {
		r, err := f.rectified()
		most, plain := r.most, rectified{in: 1, leak: r.leak, most: r.most, scale: 1}
		return err != nil || r != plain || most != first.most || (r.leak == 0) != (first.leak == 0)
	})
}

// unbounded is the reason of rounding that may have few steps.
var unbounded = unsupported("rounds what has no bounds on both sides, so that the number of its steps is not known")

func isOne(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return float32(v) != 1 })
}

func isZero(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return float32(v) != 0 })
}

// affinely emits a x + b, if it is not x, under a name of its own. Each has a number
// for each channel, or one for all.
func (im *importer) affinely(n *node, name string, e *edge, a, b []float64) (*edge, error) {
	if isOne(a) && isZero(b) {
		return e, nil
	}
	k := im.shapes[e.node][0]
	if err := im.tensors.budget.charge(5*k, 4); err != nil {
		return nil, err
	}
	op := identity(k)
	for i := range k {
		op.Scale[i], op.Bias[i] = float32(a[min(i, len(a)-1)]), float32(b[min(i, len(b)-1)])
	}
	if err := tensor.CheckFinite(slices.Concat(op.Scale, op.Bias)); err != nil {
		return nil, fmt.Errorf("its constant gives a factor or offset that is not a finite number: %w", err)
	}
	return im.elementwise(&node{name: name, op: n.op}, op, e)
}
