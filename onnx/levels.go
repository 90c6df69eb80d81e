package onnx

import (
	"math"

	"sresnet/ann"
)

// levels is what is done to an activation x that is rounded:
//
//	y = clip(a x + b, least, most)
//
// The rounding itself is left out: y is at most half a step from what the file computes.
// QuantizeLinear and DequantizeLinear are written so, and what networks that were trained
// for few levels spell as Div, Clip, Round or Floor, and Mul. What bounds it is kept:
//
//	least = 0                        a ReLU with a bound, whether there was a ReLU or not
//	x stays within least and most    nothing
//	otherwise                        two ReLUs with a bound: min(max(x, 0), most) - min(max(-x, 0), -least)
//
// Images are taken to be within, and logits are not bounded, which changes no class.
type levels struct {
	by          *node // The first that rounds, which names what becomes of it.
	a, b        float64
	least, most float64
	step        float64 // Between levels of y.
	integers    bool    // y is not dequantised yet.
}

// scaled returns l with y multiplied by x, which is not 0.
func (l levels) scaled(x float64) levels {
	l.a, l.b, l.step = l.a*x, l.b*x, l.step*math.Abs(x)
	l.least, l.most = l.least*x, l.most*x
	if x < 0 {
		l.least, l.most = l.most, l.least
	}
	return l
}

// shifted returns l with x added to y.
func (l levels) shifted(x float64) levels {
	l.b, l.least, l.most = l.b+x, l.least+x, l.most+x
	return l
}

// clipped returns l with y between two numbers.
func (l levels) clipped(least, most float64) levels {
	l.least, l.most = min(max(l.least, least), most), min(max(l.most, least), most)
	return l
}

// roundings are the operators that round, what they add to a number on average, and what
// they make of a bound: one that is rounded to the nearest may stay as it is.
var roundings = map[string]struct {
	mean  float64
	bound func(float64) float64
}{
	"Floor": {-0.5, math.Floor}, "Round": {0, func(x float64) float64 { return x }}, "Ceil": {0.5, math.Ceil},
}

// rounded returns l with y rounded to integers by that operator.
func (l levels) rounded(op string) levels {
	r := roundings[op]
	l.b, l.least, l.most, l.step = l.b+r.mean, r.bound(l.least), r.bound(l.most), max(l.step, 1)
	return l
}

// with returns e with other levels.
func (e *edge) with(l levels) *edge {
	out := *e
	out.levels, out.most = &l, 0
	return &out
}

// without returns e as it was before it was rounded.
func (e *edge) without() *edge {
	out := *e
	out.levels = nil
	return &out
}

// levelsOf returns the levels of e; if it has none yet, those that round nothing.
func (e *edge) levelsOf(n *node) levels {
	if e.levels != nil {
		return *e.levels
	}
	l := levels{by: n, a: 1, least: math.Inf(-1), most: math.Inf(1)}
	if e.most > 0 {
		l.most = float64(e.most)
	}
	return l
}

func (im *importer) quantize(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	g, err := gridOf(in)
	if err != nil {
		return nil, err
	}
	_, least, most, err := g.target(n)
	if err != nil {
		return nil, err
	}
	if block, err := n.int("block_size", 0); err != nil || block != 0 {
		if err == nil {
			err = unsupported("quantises activations in blocks; only one scale, or one for each channel, is supported")
		}
		return nil, err
	}
	scale, zero, ok := g.number()
	if !ok {
		if e, zero, err = im.eachChannel(n, e, g, func(x float32) float32 { return 1 / x }); err != nil {
			return nil, err
		}
		scale = 1
	}
	l := e.levelsOf(n).scaled(1/float64(scale)).rounded("Round").shifted(float64(zero)).clipped(float64(least), float64(most))
	l.integers = true
	return e.with(l), nil
}

func (im *importer) dequantize(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	g, err := gridOf(in)
	if err != nil {
		return nil, err
	}
	scale, zero, ok := g.number()
	switch {
	case e.levels == nil && ok && im.scaled[e.node]: // The image is handed over in integers.
		return im.uniform(n, e, scale, func(op *ann.BatchNormalization, i int, x float32) {
			op.Scale[i], op.Bias[i] = x, -float32(zero)*x
		})
	case e.levels == nil || !e.levels.integers:
		return nil, unsupported("takes activations that no QuantizeLinear has made")
	}
	if !ok {
		l := *e.levels
		if zero, ok = g.oneZero(); !ok {
			return nil, unsupported("has another zero point for each channel of activations")
		}
		if e, err = im.settle(e.with(l.shifted(-float64(zero)))); err != nil {
			return nil, err
		}
		e, _, err = im.eachChannel(n, e, g, func(x float32) float32 { return x })
		return e, err
	}
	l := e.levels.shifted(-float64(zero)).scaled(float64(scale))
	l.integers = false
	e = e.with(l)
	if how, _, _ := im.keeping(e); how == keepBoth {
		return e, nil // Perhaps a ReLU follows.
	}
	return im.settle(e)
}

// eachChannel multiplies every channel of e by f of its scale. It also returns the zero
// point, which all must share.
func (im *importer) eachChannel(n *node, e *edge, g *grid, f func(float32) float32) (*edge, int64, error) {
	zero, ok := g.oneZero()
	if !ok {
		return nil, 0, unsupported("has another zero point for each channel of activations")
	}
	e, err := im.settle(e)
	if err != nil {
		return nil, 0, err
	}
	a, err := n.int("axis", 1)
	if err != nil {
		return nil, 0, err
	}
	axis, err := normalAxis(a, len(e.dims))
	if err != nil {
		return nil, 0, err
	}
	c := &value{shape: make([]int, len(e.dims)-axis), f: g.scale}
	for i := range c.shape {
		c.shape[i] = 1
	}
	c.shape[0] = len(g.scale)
	e, err = im.scaleBy(n, e, f, c)
	return e, zero, err
}

// round translates Floor, Round and Ceil of what is bounded: then they give levels.
func (im *importer) round(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	if !im.bounded(n) {
		return nil, errNoActivations
	}
	if e.levels == nil {
		e = im.unrolled(n, e)
	}
	return e.with(e.levelsOf(n).rounded(n.op)), nil
}

// maxChain bounds how many operators on one number spell a rounding.
const maxChain = 16

// bounded reports whether the result of the rounding n, or what it rounds, has bounds on
// both sides, so that there are so many levels.
func (im *importer) bounded(n *node) bool {
	below, above := false, false
	see := func(m *node) bool { // Whether the chain may go on behind m.
		switch m.op {
		case "Relu", "Max":
			below = true
		case "Min":
			above = true
		case "Clip":
			given := func(i int, name string) bool {
				return i < len(m.in) && m.in[i] != "" || m.attr(name) != nil
			}
			below, above = below || given(1, "min"), above || given(2, "max")
		case "Mul", "Div", "Add", "Sub", "Identity", "Dropout", "Cast":
		default:
			return false
		}
		return true
	}
	for m, i := n, 0; i < maxChain; i++ {
		var from *node
		for _, name := range m.in {
			if e := im.edges[name]; e.ofImage() || e != nil && e.unknown {
				from = im.maker[name]
				break
			}
		}
		if m = from; m == nil || !see(m) {
			break
		}
	}
	for m, i := n, 0; i < maxChain; i++ {
		takers := im.takers[m.out[0]]
		if len(takers) != 1 || !see(takers[0]) {
			break
		}
		m = takers[0]
	}
	return below && above
}

// unrolled returns e before what was done to its numbers one by one, as levels. Bounds
// that come first stay.
func (im *importer) unrolled(n *node, e *edge) *edge {
	var chain []ann.Op
	base := 0
	at := []string{e.node}
	for len(chain) < maxChain {
		name := at[len(at)-1]
		from, ok := im.from[name]
		if !ok {
			break
		}
		chain, at = append(chain, im.ops[name]), append(at, from)
		if _, scales := im.ops[name].(*ann.BatchNormalization); scales {
			base = len(chain)
		}
	}
	l := e.levelsOf(n)
	most := l.most
	l.most = math.Inf(1)
	for i := base - 1; i >= 0; i-- {
		switch op := chain[i].(type) {
		case *ann.BatchNormalization:
			l = l.scaled(float64(op.Scale[0])).shifted(float64(op.Bias[0]))
		case ann.Rectifier:
			l = l.clipped(0, float64(op.Limit()))
		}
	}
	is := im.span(at[base])
	first, last := l.a*is.least+l.b, l.a*is.most+l.b
	out := e.with(l.clipped(math.Inf(-1), most).clipped(min(first, last), max(first, last)))
	out.node, out.flat = at[base], ""
	return out
}

// isNumberwise reports whether op does the same to every number, so that it may be part
// of a rounding that is spelled: a ReLU, or a factor and an offset that the file spells so.
func isNumberwise(n *node, op ann.Op) bool {
	switch op := op.(type) {
	case ann.Rectifier:
		return true
	case *ann.BatchNormalization:
		return n.op != op.Type() && op.Scale[0] != 0 && all(op.Scale, op.Scale[0]) && all(op.Bias, op.Bias[0])
	}
	return false
}

// onLevels translates n, which takes something that is rounded.
func (im *importer) onLevels(n *node, in []*edge, f func(*importer, *node, []*edge) (*edge, error)) (*edge, error) {
	if out, err := im.numberwise(n, in); out != nil || err != nil {
		return out, err
	}
	switch e := in[0]; n.op {
	case "QuantizeLinear", "DequantizeLinear", "Floor", "Round", "Ceil":
		return f(im, n, in)
	case "Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Shape", "Size", "MaxPool", "GlobalMaxPool":
		if e == nil || e.levels == nil {
			break
		}
		var err error
		if n.op == "MaxPool" || n.op == "GlobalMaxPool" {
			if e, err = im.rising(e); err == nil {
				e, err = im.rectified(e)
			}
			if err != nil {
				return nil, err
			}
		}
		l := *e.levels
		in[0] = e.without()
		out, err := f(im, n, in)
		if err == nil && out.c == nil {
			out = out.with(l)
		}
		return out, err
	case "Cast":
		if _, to, err := castTo(n); err == nil && e.levels != nil && (to == floats || to == integers && e.levels.step == 1) {
			return e, nil
		}
	case "Softmax", "LogSoftmax":
		var err error
		if in[0], err = im.unbounded(e); err != nil {
			return nil, err
		}
		return f(im, n, in)
	}
	for i, e := range in {
		if e != nil && e.levels != nil {
			var err error
			if in[i], err = im.settle(e); err != nil {
				return nil, err
			}
		}
	}
	if err := halves(n, in); err != nil {
		return nil, err
	}
	return f(im, n, in)
}

// numberwise returns the output of an operator that does the same to every number; nil
// if n is none.
func (im *importer) numberwise(n *node, in []*edge) (*edge, error) {
	var e *edge
	var numbers []float64
	for _, i := range in {
		switch {
		case i == nil:
		case i.c == nil && e == nil:
			e = i
		case i.c == nil:
			return nil, nil
		}
	}
	if e.levels == nil {
		return nil, nil
	}
	for _, i := range in {
		if i == nil || i.c == nil {
			continue
		}
		if i.c.kind != floats && i.c.len() == 1 {
			numbers = append(numbers, float64(i.c.i[0]))
		} else if x, err := im.number(i.c, e.dims); err == nil {
			numbers = append(numbers, float64(x))
		} else {
			return nil, nil
		}
	}
	l := *e.levels
	swapped := in[0] != e
	switch op := n.op; {
	case op == "Mul" || op == "Div" || op == "Add" || op == "Sub":
		if len(in) != 2 || len(numbers) != 1 || math.IsInf(numbers[0], 0) || math.IsNaN(numbers[0]) {
			return nil, nil
		}
		x := numbers[0]
		switch {
		case op == "Add":
			l = l.shifted(x)
		case op == "Sub" && swapped:
			l = l.scaled(-1).shifted(x)
		case op == "Sub":
			l = l.shifted(-x)
		case x == 0 || op == "Div" && swapped:
			return nil, nil
		case op == "Mul":
			l = l.scaled(x)
		default:
			l = l.scaled(1 / x)
		}
		return e.with(l), nil
	case im.scaled[e.node] && !l.integers: // Which is not bounded so far.
		return nil, nil
	case op == "Relu":
		l = l.clipped(0, math.Inf(1))
	case op == "Clip" && !swapped:
		least, err := bound(n, in, "min", 1, -math.MaxFloat32)
		if err != nil {
			return nil, err
		}
		most, err := bound(n, in, "max", 2, math.MaxFloat32)
		if err != nil {
			return nil, err
		}
		l = l.clipped(open(least), open(most))
	case op == "Max":
		for _, x := range numbers {
			l = l.clipped(x, math.Inf(1))
		}
	case op == "Min":
		for _, x := range numbers {
			l = l.clipped(math.Inf(-1), x)
		}
	default:
		return nil, nil
	}
	return e.with(l), nil
}

// open returns infinity for the largest number, which exporters write for no bound.
func open(x float32) float64 {
	if math.Abs(float64(x)) >= math.MaxFloat32 {
		return math.Inf(int(math.Copysign(1, float64(x))))
	}
	return float64(x)
}

// keeping is how the bounds of an activation that is rounded are kept.
type keeping uint8

const (
	keepNone  keeping = iota // They change nothing, or less than a quarter of a step.
	keepRelu                 // By a ReLU with a bound.
	keepMoved                // By one behind an offset.
	keepBoth                 // By two, of what is positive and what is negative.
	keepNever                // Not at all.
)

// keeping returns how the bounds of e are kept, and what they are for what is rounded: x.
// Where one changes nothing, it is infinite.
func (im *importer) keeping(e *edge) (how keeping, least, most float64) {
	l := e.levels
	least, most = (l.least-l.b)/l.a, (l.most-l.b)/l.a
	if l.a < 0 {
		least, most = most, least
	}
	step := l.step / math.Abs(l.a)
	if math.Abs(least) < step/1000 { // Behind divisions and products.
		least = 0
	}
	if math.Abs(most) < step/1000 {
		most = 0
	}
	is := im.span(e.node)
	below, above := is.least < least-step/4, is.most > most+step/4
	if im.scaled[e.node] {
		below, above = false, false
	}
	if !above {
		most = math.Inf(1)
	}
	switch {
	case !below && !above:
		return keepNone, math.Inf(-1), most
	case least == 0 || !below && is.least >= 0:
		return keepRelu, 0, most
	case !below:
		least = math.Inf(-1)
	}
	switch {
	case l.a > 0 && below && math.Abs(l.least) < l.step/1000:
		return keepMoved, least, most
	case least <= 0 && most >= 0 && (least < 0 || most > 0):
		return keepBoth, least, most
	}
	return keepNever, least, most
}

// rectified returns e with its bounds kept by a ReLU before it is rounded, where that
// is enough; else e.
func (im *importer) rectified(e *edge) (*edge, error) {
	how, _, most := im.keeping(e)
	if how != keepRelu {
		return e, nil
	}
	x, err := im.between(e.levels.by, e.without(), 0, narrow(most))
	if err != nil {
		return nil, err
	}
	return x.with(*e.levels), nil
}

// rising returns e as a rounding of what is larger where it is larger.
func (im *importer) rising(e *edge) (*edge, error) {
	l := *e.levels
	if l.a > 0 {
		return e, nil
	}
	x, err := im.line(l.by, e.without(), -1, 0)
	if err != nil {
		return nil, err
	}
	l.a = -l.a
	return x.with(l), nil
}

// narrow returns the float32 next to x; the largest for infinity.
func narrow(x float64) float32 { return float32(min(max(x, -math.MaxFloat32), math.MaxFloat32)) }

// settled is an activation that was rounded, and how.
type settled struct {
	node              string
	a, b, least, most float32
}

// settle returns the activation that stands for e, which is rounded, without that.
func (im *importer) settle(e *edge) (*edge, error) {
	if e.levels == nil {
		return e, nil
	}
	l := e.levels
	key := settled{e.node, float32(l.a), float32(l.b), float32(l.least), float32(l.most)}
	if name, ok := im.settled[key]; ok {
		out := e.without()
		out.node, out.flat = name, ""
		return out, nil
	}
	if l.most-l.least < 1.5*l.step {
		return nil, unsupported("its input, rounded by %q, has two levels or one; a threshold is no ReLU", clean(l.by.label()))
	}
	how, least, most := im.keeping(e)
	x, err := e.without(), error(nil)
	a, b := l.a, l.b
	switch how {
	case keepRelu:
		x, err = im.between(l.by, x, 0, narrow(most))
	case keepMoved:
		if x, err = im.line(l.by, x, 1, b/a); err == nil {
			x, err = im.between(l.by, x, 0, narrow(most+b/a))
		}
		b = 0
	case keepBoth:
		x, err = im.onAndOff(l.by, x, narrow(least), narrow(most))
	case keepNever:
		err = unsupported("its input, rounded by %q, is bounded by %v and %v, between which there is no 0; no ReLU does that", clean(l.by.label()), narrow(least), narrow(most))
	}
	if err != nil {
		return nil, err
	}
	if math.Abs(a-1) < 1e-6 {
		a = 1
	}
	if math.Abs(b) < l.step/1000 {
		b = 0
	}
	if x, err = im.line(l.by, x, a, b); err != nil {
		return nil, err
	}
	im.settled[key] = x.node
	return x, nil
}

// line emits a x + b.
func (im *importer) line(n *node, x *edge, a, b float64) (*edge, error) {
	if a == 1 && b == 0 {
		return x, nil
	}
	return im.uniform(n, x, 0, func(op *ann.BatchNormalization, i int, _ float32) {
		op.Scale[i], op.Bias[i] = float32(a), float32(b)
	})
}

// onAndOff emits min(max(x, 0), most) - min(max(-x, 0), -least).
func (im *importer) onAndOff(n *node, x *edge, least, most float32) (*edge, error) {
	part := func(suffix string) *node { return &node{name: n.label() + suffix, op: n.op} }
	var on, off *edge
	var err error
	if most > 0 {
		if on, err = im.between(part("/on"), x, 0, most); err != nil {
			return nil, err
		}
	}
	if least < 0 {
		if off, err = im.elementwise(part("/minus"), &ann.Scale{Factor: -1}, x); err != nil {
			return nil, err
		}
		if off, err = im.between(part("/off"), off, 0, -least); err != nil {
			return nil, err
		}
		if off, err = im.elementwise(part("/less"), &ann.Scale{Factor: -1}, off); err != nil {
			return nil, err
		}
	}
	switch {
	case on == nil:
		return off, nil
	case off == nil:
		return on, nil
	}
	return im.sum(n, []*edge{on, off})
}

// unbounded returns what e, the logits, is without bounds, which change no class unless
// several classes reach them. A ReLU stays.
func (im *importer) unbounded(e *edge) (*edge, error) {
	if e.levels == nil {
		return e, nil
	}
	if how, _, _ := im.keeping(e); how == keepMoved || e.levels.a < 0 {
		return im.settle(e)
	}
	e, err := im.rectified(e)
	if err != nil {
		return nil, err
	}
	l := *e.levels
	switch {
	case l.integers: // They stand for x.
		return e.without(), nil
	}
	l.least, l.most = math.Inf(-1), math.Inf(1)
	return im.settle(e.with(l))
}

// span is between what the elements of an activation are.
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

// spanOf returns the span of what op makes of inputs.
func (im *importer) spanOf(op ann.Op, inputs []string) span {
	s := im.span(inputs[0])
	switch op := op.(type) {
	case ann.Rectifier:
		limit := float64(op.Limit())
		return span{min(max(s.least, 0), limit), min(max(s.most, 0), limit)}
	case *ann.MaxPool, *ann.GlobalAveragePool, *ann.Flatten, *ann.Slice:
		return s
	case *ann.AveragePool, *ann.Pad:
		return s.or(span{})
	case *ann.Scale:
		a, b := float64(op.Factor)*s.least, float64(op.Factor)*s.most
		return span{min(a, b), max(a, b)}
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
	case *ann.Softmax:
		return span{0, 1}
	}
	return span{math.Inf(-1), math.Inf(1)}
}
