package onnx

import (
	"errors"
	"math"
)

// foldArithmetic is Add, Sub, Mul, Div, Min, Max and Equal of two constants.
func (im *importer) foldArithmetic(n *node, all []*value) (*value, error) {
	in, err := need(all, 2)
	if err != nil {
		return nil, err
	}
	if extra := len(all); extra > 2 {
		return nil, unsupported("takes %d constants; only two are supported", extra)
	}
	x, y := in[0], in[1]
	if (x.kind == floats) != (y.kind == floats) {
		return nil, errors.New("one input is of floats, the other of integers")
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
	case n.op == "Equal":
		return im.foldEqual(out, y, stride[1])
	case x.kind == floats:
		op := floatArithmetic[n.op]
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
		walk(shape, 0, stride[1], func(i, j int) { out.i[i] = op(out.i[i], y.i[j]) })
	}
	return out, nil
}

// foldEqual compares x with y, which broadcasts to it.
func (im *importer) foldEqual(x, y *value, stride []int) (*value, error) {
	out, err := im.tensors.budget.newValue(booleans, x.shape)
	if err != nil {
		return nil, err
	}
	walk(x.shape, 0, stride, func(i, j int) {
		if x.kind == floats && x.f[i] == y.f[j] || x.kind != floats && x.i[i] == y.i[j] {
			out.i[i] = 1
		}
	})
	return out, nil
}

var floatArithmetic = map[string]func(x, y float32) float32{
	"Add": func(x, y float32) float32 { return x + y },
	"Sub": func(x, y float32) float32 { return x - y },
	"Mul": func(x, y float32) float32 { return x * y },
	"Div": func(x, y float32) float32 { return x / y },
	"Min": func(x, y float32) float32 { return min(x, y) },
	"Max": func(x, y float32) float32 { return max(x, y) },
}

var intArithmetic = map[string]func(x, y int64) int64{
	"Add": func(x, y int64) int64 { return x + y },
	"Sub": func(x, y int64) int64 { return x - y },
	"Mul": func(x, y int64) int64 { return x * y },
	"Div": func(x, y int64) int64 { return x / y }, // Toward zero, as ONNX has it.
	"Min": func(x, y int64) int64 { return min(x, y) },
	"Max": func(x, y int64) int64 { return max(x, y) },
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

// foldUnary is Neg, Sqrt, Floor, Ceil and Round.
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
		if n.op != "Neg" {
			return nil, errors.New("the input is of integers")
		}
		for i, x := range v.i {
			out.i[i] = -x
		}
		return out, nil
	}
	op := map[string]func(float64) float64{
		"Neg": func(x float64) float64 { return -x }, "Sqrt": math.Sqrt, "Floor": math.Floor, "Ceil": math.Ceil, "Round": math.RoundToEven,
	}[n.op]
	for i, x := range v.f {
		out.f[i] = float32(op(float64(x)))
	}
	return out, nil
}

// foldCast converts between the kinds; widths within a kind are not told apart.
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
	if to == v.kind || to == integers && v.kind == booleans {
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
		case to == floats:
			out.f[i] = float32(v.i[i])
		case to == integers:
			out.i[i] = int64(v.f[i])
		case v.kind == floats && v.f[i] != 0 || v.kind != floats && v.i[i] != 0:
			out.i[i] = 1
		}
	}
	return out, nil
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
