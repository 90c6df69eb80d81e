package onnx

import (
	"cmp"
	"errors"
	"math"
)

// foldArithmetic is an operator of two constants, element by element; Sum, Min and Max take any
// number.
func (im *importer) foldArithmetic(n *node, all []*value) (*value, error) {
	switch n.op {
	case "Sum", "Min", "Max":
		if len(all) == 1 && all[0] != nil {
			return all[0], nil
		}
		for len(all) > 2 && all[0] != nil && all[1] != nil {
			v, err := im.foldArithmetic(n, all[:2])
			if err != nil {
				return nil, err
			}
			all = append([]*value{v}, all[2:]...)
		}
	}
	in, err := need(all, 2)
	if err != nil {
		return nil, err
	}
	if extra := len(all); extra > 2 {
		return nil, unsupported("takes %d constants; only two are supported", extra)
	}
	x, y := in[0], in[1]
	if (x.kind == floats) != (y.kind == floats) {
		if n.op != "Pow" {
			return nil, errors.New("one input is of floats, the other of integers")
		}
		if y, err = im.asFloats(y); err != nil {
			return nil, err
		}
	}
	shape, stride, err := broadcast(in)
	if err != nil {
		return nil, err
	}
	out, err := im.gather(x, shape, 0, stride[0])
	if err != nil {
		return nil, err
	}
	switch {
	case comparisons[n.op] != nil:
		return im.foldComparison(out, y, stride[1], comparisons[n.op])
	case x.kind == floats:
		op := floatArithmetic[n.op]
		if op == nil {
			return nil, errors.New("its inputs are of floats")
		}
		walk(shape, 0, stride[1], func(i, j int) { out.f[i] = op(out.f[i], y.f[j]) })
	default:
		if n.op == "Div" {
			for _, d := range y.i {
				if d == 0 {
					return nil, errors.New("divides by zero")
				}
			}
		}
		op := intArithmetic[n.op]
		if op == nil {
			return nil, errors.New("its inputs are of integers")
		}
		walk(shape, 0, stride[1], func(i, j int) { out.i[i] = op(out.i[i], y.i[j]) })
	}
	return out, nil
}

// asFloats returns v with elements that are floats.
func (im *importer) asFloats(v *value) (*value, error) {
	out, err := im.tensors.budget.newValue(floats, v.shape)
	if err != nil {
		return nil, err
	}
	for i, x := range v.i {
		out.f[i] = float32(x)
	}
	return out, nil
}

// foldComparison compares x with y, which broadcasts to it; compare gets which is larger,
// as cmp.Compare tells it.
func (im *importer) foldComparison(x, y *value, stride []int, compare func(int) bool) (*value, error) {
	out, err := im.tensors.budget.newValue(booleans, x.shape)
	if err != nil {
		return nil, err
	}
	walk(x.shape, 0, stride, func(i, j int) {
		order := 0
		switch {
		case x.kind != floats:
			order = cmp.Compare(x.i[i], y.i[j])
		case x.f[i] != x.f[i] || y.f[j] != y.f[j]: // NaN, of which nothing holds.
			return
		default:
			order = cmp.Compare(x.f[i], y.f[j])
		}
		if compare(order) {
			out.i[i] = 1
		}
	})
	return out, nil
}

var comparisons = map[string]func(order int) bool{
	"Equal":          func(order int) bool { return order == 0 },
	"Greater":        func(order int) bool { return order > 0 },
	"GreaterOrEqual": func(order int) bool { return order >= 0 },
	"Less":           func(order int) bool { return order < 0 },
	"LessOrEqual":    func(order int) bool { return order <= 0 },
}

var floatArithmetic = map[string]func(x, y float32) float32{
	"Add": func(x, y float32) float32 { return x + y },
	"Sum": func(x, y float32) float32 { return x + y },
	"Sub": func(x, y float32) float32 { return x - y },
	"Mul": func(x, y float32) float32 { return x * y },
	"Div": func(x, y float32) float32 { return x / y },
	"Pow": func(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) },
	"Min": func(x, y float32) float32 { return min(x, y) },
	"Max": func(x, y float32) float32 { return max(x, y) },
}

var intArithmetic = map[string]func(x, y int64) int64{
	"Add": func(x, y int64) int64 { return x + y },
	"Sum": func(x, y int64) int64 { return x + y },
	"Sub": func(x, y int64) int64 { return x - y },
	"Mul": func(x, y int64) int64 { return x * y },
	"Div": func(x, y int64) int64 { return x / y }, // Toward zero, as ONNX has it.
	"Min": func(x, y int64) int64 { return min(x, y) },
	"Max": func(x, y int64) int64 { return max(x, y) },
	"And": func(x, y int64) int64 { return x & y }, // Of booleans.
	"Or":  func(x, y int64) int64 { return x | y },
	"Xor": func(x, y int64) int64 { return x ^ y },
}

// foldClip is Clip of a constant.
func (im *importer) foldClip(n *node, in []*value) (*value, error) {
	if _, err := need(in, 1); err != nil {
		return nil, err
	}
	x, limits := in[0], [2]*value{}
	for i := range limits {
		if i+1 < len(in) {
			limits[i] = in[i+1]
		}
		if l := limits[i]; l != nil && (l.len() != 1 || l.kind != x.kind) {
			return nil, errors.New("its bounds are not numbers of the type of its constant")
		}
	}
	out, err := im.tensors.budget.newValue(x.kind, x.shape)
	if err != nil {
		return nil, err
	}
	out.typ = x.typ
	least, err := n.float("min", float32(math.Inf(-1)))
	if err != nil {
		return nil, err
	}
	most, err := n.float("max", float32(math.Inf(1)))
	if err != nil {
		return nil, err
	}
	switch l, m := limits[0], limits[1]; {
	case x.kind == floats:
		if l != nil {
			least = l.f[0]
		}
		if m != nil {
			most = m.f[0]
		}
		for i, v := range x.f {
			out.f[i] = min(max(v, least), most)
		}
	default:
		copy(out.i, x.i)
		for i := range out.i {
			if l != nil {
				out.i[i] = max(out.i[i], l.i[0])
			}
			if m != nil {
				out.i[i] = min(out.i[i], m.i[0])
			}
		}
	}
	return out, nil
}

// foldUnary is an operator of one constant, element by element.
func (im *importer) foldUnary(n *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	v := in[0]
	out, err := im.tensors.budget.newValue(v.kind, v.shape)
	if err != nil {
		return nil, err
	}
	if v.kind != floats {
		op := intFunctions[n.op]
		if op == nil {
			return nil, errors.New("the input is of integers")
		}
		for i, x := range v.i {
			out.i[i] = op(x)
		}
		return out, nil
	}
	op := functions[n.op]
	if op == nil {
		return nil, errors.New("the input is of floats")
	}
	for i, x := range v.f {
		out.f[i] = float32(op(float64(x)))
	}
	return out, nil
}

var functions = map[string]func(x float64) float64{
	"Neg":        func(x float64) float64 { return -x },
	"Abs":        math.Abs,
	"Sqrt":       math.Sqrt,
	"Floor":      math.Floor,
	"Ceil":       math.Ceil,
	"Round":      math.RoundToEven,
	"Exp":        math.Exp,
	"Log":        math.Log,
	"Tanh":       math.Tanh,
	"Sigmoid":    func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"Relu":       func(x float64) float64 { return max(x, 0) },
	"Reciprocal": func(x float64) float64 { return 1 / x },
	"Sign": func(x float64) float64 {
		if x == 0 || math.IsNaN(x) {
			return x
		}
		return math.Copysign(1, x)
	},
}

var intFunctions = map[string]func(x int64) int64{
	"Neg":  func(x int64) int64 { return -x },
	"Abs":  func(x int64) int64 { return max(x, -x) },
	"Relu": func(x int64) int64 { return max(x, 0) },
	"Sign": func(x int64) int64 { return int64(cmp.Compare(x, 0)) },
	"Not":  func(x int64) int64 { return 1 - x }, // Of booleans.
}

// foldCast converts between the kinds, and rounds to floats of 16 bits; other widths within
// a kind are not told apart.
func (im *importer) foldCast(n *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	v := in[0]
	typ, to, err := castTo(n)
	if err != nil {
		return nil, err
	}
	if (to == v.kind || to == integers && v.kind == booleans) && !halves(typ) {
		w := *v
		w.kind, w.typ = to, typ
		return &w, nil
	}
	out, err := im.tensors.budget.newValue(to, v.shape)
	if err != nil {
		return nil, err
	}
	out.typ = typ
	for i := range out.len() {
		switch {
		case to == floats && v.kind == floats:
			out.f[i] = halved(v.f[i], typ)
		case to == floats:
			out.f[i] = halved(float32(v.i[i]), typ)
		case to == integers:
			out.i[i] = int64(v.f[i])
		case v.kind == floats && v.f[i] != 0 || v.kind != floats && v.i[i] != 0:
			out.i[i] = 1
		}
	}
	return out, nil
}

// halves reports whether t is a float of 16 bits.
func halves(t elemType) bool { return t == typeFloat16 || t == typeBFloat16 }

// halved returns x as a float of 16 bits has it, if t is one.
func halved(x float32, t elemType) float32 {
	digits, least := 11, -24 // Of the mantissa, and of the last bit of the smallest number.
	switch t {
	case typeFloat16:
	case typeBFloat16:
		digits, least = 8, -133
	default:
		return x
	}
	_, e := math.Frexp(float64(x))
	last := math.Ldexp(1, max(e-digits, least))
	y := float32(math.RoundToEven(float64(x)/last) * last)
	if t == typeFloat16 && math.Abs(float64(y)) > 65504 {
		return float32(math.Copysign(math.Inf(1), float64(x)))
	}
	return y
}

// castTo returns the type, and its kind, that Cast makes.
func castTo(n *node) (elemType, kind, error) {
	t, err := n.int("to", 0)
	if err != nil {
		return 0, 0, err
	}
	l, err := elemType(t).layout()
	if err == nil && (l.bytes == 0 || l.bytes == 1 && l.kind == floats) {
		err = unsupported("rounds to %s; only QuantizeLinear does so here", l.name)
	}
	return elemType(t), l.kind, err
}
