package onnx

import (
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
)

// A pair of QuantizeLinear and DequantizeLinear on an activation rounds it to levels, and
// bounds it by the first and the last of them. What it becomes depends on what is there:
//
//	the first level is 0        a ReLU with a bound and levels, whether the file has a ReLU or not
//	all is within the bounds    levels of the ReLU with a bound that is there, or nothing: the rounding is left out
//	the image                   nothing: it is taken to be within
//	the logits                  nothing: the order of the classes stays
//	otherwise                   a bound on both sides, of which a ReLU behind it leaves one
//
// Pairs are functions that are pending, as [importer.rounded] makes them.

// quantized reports whether what is pending on e has a QuantizeLinear in it.
func (e *edge) quantized() bool { return e != nil && e.pending != nil && e.pending.quantized }

func (im *importer) quantize(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	g, err := im.gridOf(in)
	if err != nil {
		return nil, err
	}
	_, least, most, err := g.target(n)
	if err != nil {
		return nil, err
	}
	scale, zero, err := im.gridFor(n, e, g)
	if err != nil {
		return nil, err
	}
	for i := range scale {
		scale[i] = 1 / scale[i]
	}
	out, err := im.scale(n, e, scale, zero)
	if err != nil {
		return nil, err
	}
	p := out.pending
	p.quantized = true
	inside := e.quantized() && !slices.ContainsFunc(p.f, func(f piecewise) bool {
		first, last := f.bounds()
		return first < float64(least)-0.25 || last > float64(most)+0.25
	})
	if inside {
		return out, nil
	}
	if e.steps() != nil && !(out.onGrid([]float64{float64(least)}) && out.onGrid([]float64{float64(most)})) {
		in = slices.Clone(in) // A bound between two steps.
		in[0] = im.settle(e)
		return im.quantize(n, in)
	}
	if p.steps == nil {
		p.steps = []float64{1}
	}
	for i := range p.steps {
		p.steps[i] = max(p.steps[i], 1)
	}
	p.grid = []float64{0}
	p.f = each(p.f, between(float64(least), float64(most)).of)
	return out, nil
}

func (im *importer) dequantize(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	g, err := im.gridOf(in)
	if err != nil {
		return nil, err
	}
	if !e.quantized() && (e.pending != nil || !im.scaled[e.node]) { // An image may be handed over in integers.
		return nil, unsupported("takes activations that no QuantizeLinear has made")
	}
	scale, zero, err := im.gridFor(n, e, g)
	if err != nil {
		return nil, err
	}
	for i := range zero {
		zero[i] = -zero[i]
	}
	out, err := im.scale(n, e, []float64{1}, zero)
	if err == nil {
		out, err = im.scale(n, out, scale, []float64{0})
	}
	if err != nil || !out.quantized() {
		return out, err
	}
	if im.scaled[e.node] { // Whatever part of the range is used.
		out = im.open(out, func(piecewise) bool { return true })
	}
	for _, f := range im.within(out) {
		if !f.straight() && f.knots[0].x != 0 {
			return out, nil // Perhaps a ReLU follows.
		}
	}
	return im.settle(out), nil
}

// gridFor returns the scale and zero point of g for each channel of e, or one for all.
func (im *importer) gridFor(n *node, e *edge, g *grid) (scale, zero []float64, err error) {
	block, err := n.int("block_size", 0)
	if err != nil {
		return nil, nil, err
	}
	if block != 0 {
		return nil, nil, unsupported("has activations in blocks; only one scale, or one for each channel, is supported")
	}
	shape := []int{}
	if len(g.scale) > 1 {
		a, err := n.int("axis", 1)
		if err != nil {
			return nil, nil, err
		}
		axis, err := normalAxis(a, len(e.dims))
		if err != nil {
			return nil, nil, err
		}
		shape = slices.Repeat([]int{1}, len(e.dims)-axis)
		shape[0] = len(g.scale)
	}
	zeros := make([]float32, len(g.scale))
	for i := range zeros {
		zeros[i] = float32(g.zeroAt(i))
	}
	if scale, err = im.numbers(&value{shape: shape, f: g.scale}, e); err == nil {
		zero, err = im.numbers(&value{shape: shape, f: zeros}, e)
	}
	return scale, zero, err
}

// handsOn are the operators that hand on a pair, or half of one, as it is.
var handsOn = map[string]bool{
	"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true, "Transpose": true, "MaxPool": true, "GlobalMaxPool": true,
}

// through translates n, which hands on what is pending on its input. A ReLU stays before
// a pool.
func (im *importer) through(n *node, in []*edge, data func(*importer, *node, []*edge) (*edge, error)) (*edge, error) {
	e := in[0]
	if n.op == "MaxPool" || n.op == "GlobalMaxPool" {
		e = im.rectifiedFirst(e)
		if e.perm != nil || slices.ContainsFunc(e.functions(), func(f piecewise) bool { return !f.rises() }) {
			now, err := im.settled(n, im.settle(e))
			if err != nil {
				return nil, err
			}
			e = now.with(&pending{f: []piecewise{straight(1, 0)}, steps: e.steps()[:1], grid: []float64{0}, quantized: true, by: n})
		}
	}
	in[0] = e.with(nil)
	out, err := data(im, n, in)
	if err != nil || out.c != nil {
		return out, err
	}
	p := *e.pending
	p.done = nil
	return out.with(&p), nil
}

// with returns e with p pending, or nothing.
func (e *edge) with(p *pending) *edge {
	out := *e
	out.pending, out.flat = p, ""
	return &out
}

// rectifiedFirst returns e with a ReLU in place of what is pending on it, and the rest of
// that pending, if it is one with a factor and an offset; else e.
func (im *importer) rectifiedFirst(e *edge) *edge {
	fs := im.within(e)
	relu, rest, steps := make([]piecewise, len(fs)), make([]piecewise, len(fs)), make([]float64, len(fs))
	for i, f := range fs {
		n := len(f.knots)
		first, last := f.knots[0], f.knots[n-1]
		if n != 2 || f.left != 0 || f.right != 0 || first.x != 0 || !(last.y > first.y) {
			return e
		}
		slope := f.slope(1)
		relu[i], rest[i] = between(0, last.x), straight(slope, first.y)
		steps[i] = e.steps()[min(i, len(e.steps())-1)] / slope
	}
	before := e.with(&pending{f: relu, steps: steps, quantized: true, by: e.pending.by})
	return im.settle(before).with(&pending{f: rest, steps: e.steps(), grid: e.pending.grid, quantized: true, by: e.pending.by})
}

// within returns what is pending on e for the numbers that its node gives, without bounds
// that change none of them by more than a quarter of a step.
func (im *importer) within(e *edge) []piecewise {
	s, steps := im.span(e.node), e.steps()
	out := make([]piecewise, len(e.functions()))
	for i, f := range e.functions() {
		step := 0.0
		if steps != nil {
			step = steps[min(i, len(steps)-1)]
		}
		out[i] = f.within(s.least, s.most, step)
	}
	return out
}

// emittedPair is emitted for a pair. Another with the same numbers on the same node, as
// files have them for each taker, is the same nodes.
func (im *importer) emittedPair(e *edge) (*edge, error) {
	fs, steps := im.within(e), e.steps()
	if !slices.ContainsFunc(fs, func(f piecewise) bool { return !f.straight() }) {
		if op, ok := im.ops[e.node].(*ann.Clip); ok && op.Levels == 0 && steps != nil { // These are its levels.
			list := make([]piecewise, len(fs))
			for i, f := range fs {
				step := steps[min(i, len(steps)-1)] / math.Abs(f.slope(0))
				list[i] = f.of(between(0, onStep(float64(op.Max), 0, step, math.Round)))
			}
			fs = list
		} else {
			steps = nil
		}
	}
	if err := im.tensors.budget.charge(len(fs), 200); err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%q %v %v", e.node, fs, steps)
	out := e.with(nil)
	if name, ok := im.pairs[key]; ok {
		out.node = name
		return out, nil
	}
	done, err := im.emittedAs(e.pending.by, out, fs, steps)
	if err == nil {
		im.pairs[key] = done.node
	}
	return done, err
}

// logits returns e, the logits, without bounds of a pair, which change no class unless
// several reach them. A ReLU stays.
func (im *importer) logits(e *edge) *edge {
	if !e.quantized() {
		return e
	}
	return im.open(e, func(f piecewise) bool { return f.knots[0].x != 0 })
}

// open returns e without bounds on both sides, where may says so.
func (im *importer) open(e *edge, may func(piecewise) bool) *edge {
	fs := im.within(e)
	for i, f := range fs {
		if len(f.knots) == 2 && f.rises() && f.left == 0 && f.right == 0 && may(f) {
			fs[i] = f.line()
		}
	}
	p := *e.pending
	p.f, p.done = fs, nil
	return e.with(&p)
}

// line returns what f, of two knots, is between them, without an end.
func (f piecewise) line() piecewise {
	k, slope := f.knots[0], f.slope(1)
	offset := k.y - slope*k.x
	if near(offset, 0, math.Abs(slope)*max(math.Abs(k.x), math.Abs(f.knots[1].x))) {
		offset = 0
	}
	return straight(slope, offset)
}

// straight reports whether f has no bend.
func (f piecewise) straight() bool { return len(f.knots) == 1 && f.left == f.right }

// rises reports whether f does nowhere go down, and somewhere up.
func (f piecewise) rises() bool {
	up := false
	for i := range len(f.knots) + 1 {
		s := f.slope(i)
		if s < 0 {
			return false
		}
		up = up || s > 0
	}
	return up
}

// within returns f for numbers between least and most. Flat ends that change none of them
// by more than a quarter of a step are straight on; if one is left, the other is at the step
// where numbers end. A first step of 0 stays: so it is a ReLU.
func (f piecewise) within(least, most, step float64) piecewise {
	n := len(f.knots)
	if n != 2 || f.left != 0 || f.right != 0 {
		return f
	}
	first, last, slope := f.knots[0].x, f.knots[1].x, math.Abs(f.slope(1))
	below, above := (first-least)*slope > step/4, (most-last)*slope > step/4
	switch {
	case below && above || above && first == 0:
		return f
	case below:
		return f.line().of(between(first, onStep(most, first, step/slope, math.Ceil)))
	case above:
		return f.line().of(between(onStep(least, last, step/slope, math.Floor), last))
	}
	return f.line()
}

// onStep returns the number to which round takes x, of those that are whole steps from
// another; x itself if it is one of them up to rounding, or if there are no steps.
func onStep(x, from, step float64, round func(float64) float64) float64 {
	if step == 0 {
		return x
	}
	k := (x - from) / step
	if math.Abs(k-math.Round(k)) <= 1e-3 {
		return x
	}
	return from + round(k)*step
}

// span is between what the numbers of an activation are.
type span struct{ least, most float64 }

// span returns what is known of the named node's.
func (im *importer) span(name string) span {
	if s, ok := im.spans[name]; ok {
		return s
	}
	return span{math.Inf(-1), math.Inf(1)}
}

// or returns the span that holds both.
func (s span) or(t span) span { return span{min(s.least, t.least), max(s.most, t.most)} }

// scaled returns the span of a x + b.
func (s span) scaled(a, b float64) span {
	if a == 0 {
		return span{b, b}
	}
	x, y := a*s.least+b, a*s.most+b
	return span{min(x, y), max(x, y)}
}

// spanOf returns the span of what op makes of inputs.
func (im *importer) spanOf(op ann.Op, inputs []string) span {
	s := im.span(inputs[0])
	switch op := op.(type) {
	case ann.Rectifier:
		limit := float64(op.Limit())
		return span{min(max(s.least, 0), limit), min(max(s.most, 0), limit)}
	case *ann.MaxPool, *ann.GlobalAveragePool, *ann.Flatten, *ann.Gather:
		return s
	case *ann.AveragePool, *ann.Pad, *ann.Slice:
		return s.or(span{})
	case *ann.BatchNormalization:
		a, b := op.Affine()
		out := s.scaled(a[0], b[0])
		for c := range a {
			out = out.or(s.scaled(a[c], b[c]))
		}
		return out
	case *ann.Concat:
		for _, in := range inputs[1:] {
			s = s.or(im.span(in))
		}
		return s
	case *ann.Add:
		for _, in := range inputs[1:] {
			t := im.span(in)
			s = span{s.least + t.least, s.most + t.most}
		}
		return s
	}
	return span{math.Inf(-1), math.Inf(1)}
}
