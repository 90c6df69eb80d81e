package zoo

import (
	"fmt"
	"math"
	"slices"
)

// node is a node of an ONNX graph.
type node struct {
	op      string
	in, out []string
	attrs   []attr
}

// attr is an attribute; one of the fields behind its name has the value.
type attr struct {
	name string
	is   attrKind
	i    int
	f    float32
	s    string
	l    []int
	fs   []float32
	t    *array
}

type attrKind byte

const (
	isInt attrKind = iota
	isFloat
	isString
	isInts
	isFloats
	isTensor
)

func ai(name string, v int) attr           { return attr{name: name, is: isInt, i: v} }
func af(name string, v float32) attr       { return attr{name: name, is: isFloat, f: v} }
func as(name, v string) attr               { return attr{name: name, is: isString, s: v} }
func al(name string, v ...int) attr        { return attr{name: name, is: isInts, l: v} }
func afs(name string, v ...float32) attr   { return attr{name: name, is: isFloats, fs: v} }
func at(name string, v *array) attr        { return attr{name: name, is: isTensor, t: v} }
func (n *node) has(name string) *attr      { return find(n.attrs, name) }
func (n *node) ints(name string) []int     { return n.get(name).l }
func (n *node) text(name string) string    { return n.get(name).s }
func (n *node) int(name string, d int) int { return n.or(name, attr{i: d}).i }
func (n *node) float(name string, d float32) float64 {
	return float64(n.or(name, attr{f: d}).f)
}
func (n *node) get(name string) attr { return n.or(name, attr{}) }
func (n *node) or(name string, d attr) attr {
	if a := n.has(name); a != nil {
		return *a
	}
	return d
}

func find(list []attr, name string) *attr {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// evaluate computes a node as the ONNX specification defines its operator, in float64
// and with plain loops. It shares nothing with the importer, or with the engine that
// runs imported networks. Inputs that are left out are nil.
func evaluate(n *node, in []*array, opset int) []*array {
	if f := elementwise[n.op]; f != nil {
		return []*array{mapped(in[0], func(x float64) float64 { return f(n, x) })}
	}
	if f := pairs[n.op]; f != nil {
		out := in[0]
		for _, b := range in[1:] {
			out = paired(n, f, out, b)
		}
		return []*array{out}
	}
	if f := operators[n.op]; f != nil {
		return []*array{f(n, in, opset)}
	}
	switch n.op {
	case "Split":
		return split(n, in)
	case "TopK":
		return largest(n, in)
	}
	panic("zoo: no operator " + n.op)
}

func mapped(a *array, f func(float64) float64) *array {
	out := zeros(a.kind, a.shape...)
	for i, x := range a.x {
		out.x[i] = f(x)
	}
	return out
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

var elementwise = map[string]func(n *node, x float64) float64{
	"Relu":     func(_ *node, x float64) float64 { return max(x, 0) },
	"Identity": func(_ *node, x float64) float64 { return x },
	"Dropout":  func(_ *node, x float64) float64 { return x },
	"LeakyRelu": func(n *node, x float64) float64 {
		if x < 0 {
			return n.float("alpha", 0.01) * x
		}
		return x
	},
	"Elu": func(n *node, x float64) float64 {
		if x < 0 {
			return n.float("alpha", 1) * (math.Exp(x) - 1)
		}
		return x
	},
	"Selu": func(n *node, x float64) float64 {
		if x < 0 {
			x = n.float("alpha", 1.67326319217681884765625) * (math.Exp(x) - 1)
		}
		return n.float("gamma", 1.05070102214813232421875) * x
	},
	"Celu": func(n *node, x float64) float64 {
		a := n.float("alpha", 1)
		return max(0, x) + min(0, a*(math.Exp(x/a)-1))
	},
	"ThresholdedRelu": func(n *node, x float64) float64 {
		if x > n.float("alpha", 1) {
			return x
		}
		return 0
	},
	"HardSigmoid": func(n *node, x float64) float64 { return max(0, min(1, n.float("alpha", 0.2)*x+n.float("beta", 0.5))) },
	"Neg":         func(_ *node, x float64) float64 { return -x },
	"Abs":         func(_ *node, x float64) float64 { return math.Abs(x) },
	"Sqrt":        func(_ *node, x float64) float64 { return math.Sqrt(x) },
	"Floor":       func(_ *node, x float64) float64 { return math.Floor(x) },
	"Ceil":        func(_ *node, x float64) float64 { return math.Ceil(x) },
	"Round":       func(_ *node, x float64) float64 { return math.RoundToEven(x) },
	"Sigmoid":     func(_ *node, x float64) float64 { return sigmoid(x) },
	"Softplus":    func(_ *node, x float64) float64 { return math.Log1p(math.Exp(x)) },
	"Softsign":    func(_ *node, x float64) float64 { return x / (1 + math.Abs(x)) },
	"Tanh":        func(_ *node, x float64) float64 { return math.Tanh(x) },
	"Erf":         func(_ *node, x float64) float64 { return math.Erf(x) },
	"Exp":         func(_ *node, x float64) float64 { return math.Exp(x) },
	"Atan":        func(_ *node, x float64) float64 { return math.Atan(x) },
	"Sinh":        func(_ *node, x float64) float64 { return math.Sinh(x) },
	"Log":         func(_ *node, x float64) float64 { return math.Log(x) },
	"Not":         func(_ *node, x float64) float64 { return 1 - x },
	"Reciprocal":  func(_ *node, x float64) float64 { return 1 / x },
	"Sign": func(_ *node, x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return 0
	},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var pairs = map[string]func(x, y float64) float64{
	"Add": func(x, y float64) float64 { return x + y },
	"Sum": func(x, y float64) float64 { return x + y },
	"Sub": func(x, y float64) float64 { return x - y },
	"Mul": func(x, y float64) float64 { return x * y },
	"Div": func(x, y float64) float64 { return x / y },
	"Max": func(x, y float64) float64 { return max(x, y) },
	"Min": func(x, y float64) float64 { return min(x, y) },
	"Pow": math.Pow,
	"And": func(x, y float64) float64 { return x * y },
	"Or":  func(x, y float64) float64 { return max(x, y) },
	"Xor": func(x, y float64) float64 { return math.Abs(x - y) },

	"Greater":        func(x, y float64) float64 { return truth(x > y) },
	"GreaterOrEqual": func(x, y float64) float64 { return truth(x >= y) },
	"Less":           func(x, y float64) float64 { return truth(x < y) },
	"LessOrEqual":    func(x, y float64) float64 { return truth(x <= y) },
	"Equal":          func(x, y float64) float64 { return truth(x == y) },

	"PRelu": func(x, slope float64) float64 {
		if x < 0 {
			return slope * x
		}
		return x
	},
}

func paired(n *node, f func(x, y float64) float64, a, b *array) *array {
	k := a.kind
	switch n.op {
	case "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal":
		k = booleans
	}
	out := zeros(k, broadcast(a, b)...)
	each(out.shape, func(i int, index []int) { out.x[i] = f(a.at(index), b.at(index)) })
	if n.op == "Div" && k == integers {
		return mapped(out, math.Trunc)
	}
	return out
}

// operators are those that look at more than one element, or at the shape.
var operators map[string]func(n *node, in []*array, opset int) *array

func init() {
	operators = map[string]func(n *node, in []*array, opset int) *array{
		"Conv": conv, "MaxPool": pool, "AveragePool": pool, "GlobalAveragePool": global, "GlobalMaxPool": global,
		"BatchNormalization": batchNormalization, "Gemm": gemm, "MatMul": matMul,
		"DequantizeLinear": dequantizeLinear, "QuantizeLinear": quantizeLinear, "Clip": clip, "Where": where, "Softmax": softmax, "LogSoftmax": softmax, "ArgMax": argMax,
		"ReduceMean": reduce, "ReduceMax": reduce, "ReduceSum": reduce, "ReduceL1": reduce, "ReduceL2": reduce, "ReduceLogSumExp": reduce, "ReduceMin": reduce, "ReduceProd": reduce, "ReduceSumSquare": reduce, "ReduceLogSum": reduce,
		"Pad": pad, "Slice": slice, "Concat": concat, "Gather": gather,
		"Expand": expand, "Tile": tile, "Transpose": transpose, "Flatten": flatten, "Reshape": reshape,
		"Squeeze": squeeze, "Unsqueeze": unsqueeze, "Cast": cast, "Shape": shapeOf, "Size": shapeOf,
		"Constant": constant, "ConstantOfShape": constantOfShape, "Range": rangeOf,
	}
}

// given returns the numbers of an attribute or, in newer operator sets, of input i.
func given(n *node, in []*array, name string, i int) []int {
	if n.has(name) != nil {
		return n.ints(name)
	}
	if i < len(in) && in[i] != nil {
		return in[i].ints()
	}
	return nil
}

func axis(a, rank int) int {
	if a < 0 {
		a += rank
	}
	return a
}

func axes(list []int, rank int) []int {
	out := []int{}
	for _, a := range list {
		out = append(out, axis(a, rank))
	}
	slices.Sort(out)
	return out
}

func batchNormalization(n *node, in []*array, _ int) *array {
	x, eps := in[0], n.float("epsilon", 1e-5)
	out := zeros(floats, x.shape...)
	each(x.shape, func(i int, index []int) {
		c := index[1]
		out.x[i] = (x.x[i]-in[3].x[c])/math.Sqrt(in[4].x[c]+eps)*in[1].x[c] + in[2].x[c]
	})
	return out
}

func gemm(n *node, in []*array, _ int) *array {
	a, b := in[0], in[1]
	if n.int("transA", 0) != 0 {
		a = permuted(a, []int{1, 0})
	}
	if n.int("transB", 0) != 0 {
		b = permuted(b, []int{1, 0})
	}
	out := matMul(n, []*array{a, b}, 0)
	each(out.shape, func(i int, index []int) {
		out.x[i] *= n.float("alpha", 1)
		if len(in) > 2 && in[2] != nil {
			out.x[i] += n.float("beta", 1) * in[2].at(index)
		}
	})
	return out
}

func matMul(_ *node, in []*array, _ int) *array {
	a, b := in[0], in[1]
	k, m := b.shape[0], b.shape[1]
	if a.shape[len(a.shape)-1] != k {
		panic(fmt.Sprintf("zoo: %v times %v", a.shape, b.shape))
	}
	shape := slices.Clone(a.shape)
	shape[len(shape)-1] = m
	out := zeros(floats, shape...)
	for row := range len(a.x) / k {
		for j := range m {
			for i := range k {
				out.x[row*m+j] += a.x[row*k+i] * b.x[i*m+j]
			}
		}
	}
	return out
}

func clip(n *node, in []*array, _ int) *array {
	low, high := math.Inf(-1), math.Inf(1)
	if a := n.has("min"); a != nil {
		low = float64(a.f)
	}
	if a := n.has("max"); a != nil {
		high = float64(a.f)
	}
	if len(in) > 1 && in[1] != nil {
		low = in[1].x[0]
	}
	if len(in) > 2 && in[2] != nil {
		high = in[2].x[0]
	}
	return mapped(in[0], func(x float64) float64 { return min(max(x, low), high) })
}

// perAxis returns the element of a parameter for an index of x: of the only one, or along
// the axis that the node names.
func perAxis(n *node, a *array, x *array, index []int) float64 {
	if len(a.x) == 1 {
		return a.x[0]
	}
	return a.x[index[axis(n.int("axis", 1), len(x.shape))]]
}

func dequantizeLinear(n *node, in []*array, _ int) *array {
	x, out := in[0], zeros(floats, in[0].shape...)
	each(x.shape, func(i int, index []int) {
		zero := 0.0
		if len(in) > 2 && in[2] != nil {
			zero = perAxis(n, in[2], x, index)
		}
		out.x[i] = (x.x[i] - zero) * perAxis(n, in[1], x, index)
	})
	return out
}

// quantizeLinear rounds to bytes of the type of its zero.
func quantizeLinear(n *node, in []*array, _ int) *array {
	zero := &array{nil, uint8s, []float64{0}}
	if len(in) > 2 && in[2] != nil {
		zero = in[2]
	}
	x, out := in[0], zeros(zero.kind, in[0].shape...)
	each(x.shape, func(i int, index []int) {
		q := math.RoundToEven(x.x[i]/perAxis(n, in[1], x, index)) + perAxis(n, zero, x, index)
		if out.x[i] = max(0, min(255, q)); zero.kind == int8s {
			out.x[i] = max(-128, min(127, q))
		}
	})
	return out
}

func where(_ *node, in []*array, _ int) *array {
	out := zeros(in[1].kind, broadcast(in...)...)
	each(out.shape, func(i int, index []int) {
		if in[0].at(index) != 0 {
			out.x[i] = in[1].at(index)
		} else {
			out.x[i] = in[2].at(index)
		}
	})
	return out
}

func softmax(n *node, in []*array, opset int) *array {
	x := in[0]
	def := -1
	if opset < 13 {
		def = 1
	}
	a := axis(n.int("axis", def), len(x.shape))
	over, inner := x.shape[a], count(x.shape[a+1:])
	if opset < 13 {
		over, inner = count(x.shape[a:]), 1
	}
	out := zeros(floats, x.shape...)
	for start := 0; start < len(x.x); start += over * inner {
		for k := range inner {
			sum := 0.0
			for j := range over {
				sum += math.Exp(x.x[start+j*inner+k])
			}
			for j := range over {
				i := start + j*inner + k
				if out.x[i] = math.Exp(x.x[i]) / sum; n.op == "LogSoftmax" {
					out.x[i] = x.x[i] - math.Log(sum)
				}
			}
		}
	}
	return out
}

func argMax(n *node, in []*array, _ int) *array {
	x := in[0]
	a := axis(n.int("axis", 0), len(x.shape))
	shape := slices.Clone(x.shape)
	shape[a] = 1
	out, best := zeros(integers, shape...), filled(math.Inf(-1), shape...)
	each(x.shape, func(i int, index []int) {
		to := slices.Clone(index)
		to[a] = 0
		j := offset(shape, to)
		if x.x[i] > best.x[j] {
			best.x[j], out.x[j] = x.x[i], float64(index[a])
		}
	})
	if n.int("keepdims", 1) == 0 {
		out.shape = slices.Delete(out.shape, a, a+1)
	}
	return out
}

// largest is TopK of one element.
func largest(n *node, in []*array) []*array {
	at := argMax(&node{attrs: []attr{ai("axis", n.int("axis", -1))}}, in, 0)
	most := reduce(&node{op: "ReduceMax", attrs: []attr{al("axes", n.int("axis", -1))}}, in, 0)
	return []*array{most, at}
}

func offset(shape, index []int) int {
	i := 0
	for k, d := range shape {
		i = i*d + index[k]
	}
	return i
}

func reduce(n *node, in []*array, _ int) *array {
	x := in[0]
	over := axes(given(n, in, "axes", 1), len(x.shape))
	if len(over) == 0 {
		if n.int("noop_with_empty_axes", 0) != 0 {
			return x
		}
		for i := range x.shape {
			over = append(over, i)
		}
	}
	shape, left := slices.Clone(x.shape), []int{}
	n0 := 1.0
	for i, d := range x.shape {
		if slices.Contains(over, i) {
			shape[i] = 1
			n0 *= float64(d)
		} else {
			left = append(left, d)
		}
	}
	out := zeros(x.kind, shape...)
	for i, first := range map[string]float64{"ReduceMax": math.Inf(-1), "ReduceMin": math.Inf(1), "ReduceProd": 1} {
		if n.op == i {
			out = mapped(out, func(float64) float64 { return first })
		}
	}
	each(x.shape, func(i int, index []int) {
		to := slices.Clone(index)
		for _, a := range over {
			to[a] = 0
		}
		j, v := offset(shape, to), x.x[i]
		switch n.op {
		case "ReduceMax":
			out.x[j] = max(out.x[j], v)
		case "ReduceMin":
			out.x[j] = min(out.x[j], v)
		case "ReduceProd":
			out.x[j] *= v
		case "ReduceMean":
			out.x[j] += v / n0
		case "ReduceSum", "ReduceLogSum":
			out.x[j] += v
		case "ReduceL1":
			out.x[j] += math.Abs(v)
		case "ReduceL2", "ReduceSumSquare":
			out.x[j] += v * v
		case "ReduceLogSumExp":
			out.x[j] += math.Exp(v)
		}
	})
	switch n.op {
	case "ReduceL2":
		out = mapped(out, math.Sqrt)
	case "ReduceLogSumExp", "ReduceLogSum":
		out = mapped(out, math.Log)
	}
	if n.int("keepdims", 1) == 0 {
		out.shape = left
	}
	return out
}
