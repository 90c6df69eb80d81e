package zoo

import (
	"math"
	"slices"
)

// computed writes a as a file does that computes its weights: reduced, normalised or
// compared. It returns "" if the way that it draws does not fit a. again writes an array
// in any way.
func (m *maker) computed(a *array, again func(*array) string) string {
	rank, number := len(a.shape), a.kind == floats
	scaled := func(f float64) *array { return mapped(a, func(x float64) float64 { return x * f }) }
	every := func(f func(x float64) bool) bool {
		return !slices.ContainsFunc(a.x, func(x float64) bool { return !f(x) })
	}
	positive := every(func(x float64) bool { return x >= 0 })
	same := func(x float64) bool { return a.uniform() && a.x[0] == x }
	like := func(x float64) *array { return mapped(a, func(float64) float64 { return x }) }
	switch m.IntN(20) {
	case 0, 1, 2:
		return m.reduced(a, again)
	case 3:
		if number && positive {
			return m.add("Relu", ins(again(a)))
		}
	case 4:
		if number && positive {
			return m.add("Abs", ins(again(scaled(-1))))
		}
	case 5:
		if number && same(1) {
			return m.add("Exp", ins(again(like(0))))
		}
		if number && same(0) {
			return m.add("Log", ins(again(like(1))))
		}
	case 6:
		if number && same(0.5) {
			return m.add("Sigmoid", ins(again(like(0))))
		}
		if number && same(0) {
			return m.add("Tanh", ins(again(like(0))))
		}
	case 7:
		if number && every(func(x float64) bool { f, _ := math.Frexp(x); return math.Abs(f) == 0.5 }) {
			return m.add("Reciprocal", ins(again(mapped(a, func(x float64) float64 { return 1 / x }))))
		}
	case 8:
		if number && m.opset >= 9 && every(func(x float64) bool { return x == 0 || math.Abs(x) == 1 }) {
			return m.add("Sign", ins(again(scaled(3))))
		}
	case 9:
		if number && same(1) {
			return m.add("Pow", ins(again(like(-1)), again(filled(2))))
		}
		if number {
			return m.add("Pow", ins(again(a), again(filled(1))))
		}
	case 10:
		if number && rank == 2 && a.shape[1] > 0 {
			n := a.shape[1]
			one := zeros(floats, n, n)
			for i := range n {
				one.x[i*n+i] = 1
			}
			return m.add("MatMul", ins(again(a), again(one)))
		}
	case 11:
		if number && m.opset >= 8 {
			return m.add("Sum", pick(m, ins(again(a)), ins(again(a), again(filled(0)), again(filled(0)))))
		}
	default: // A choice by a comparison.
		if m.opset < 12 {
			return ""
		}
		which := m.add(pick(m, "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"), ins(again(filled(2)), again(filled(float64(1+m.IntN(3))))))
		switch m.IntN(3) {
		case 0:
			which = m.add("Not", ins(which))
		case 1:
			other := m.add("Less", ins(again(filled(2)), again(filled(float64(1+m.IntN(3))))))
			which = m.add(pick(m, "And", "Or", "Xor"), ins(which, other))
		}
		x, y := a, zeros(a.kind, a.shape...)
		if m.values[which].x[0] == 0 {
			x, y = y, x
		}
		return m.add("Where", ins(which, again(x), again(y)))
	}
	return ""
}

// reduced writes a as a Reduce operator of twice as many elements.
func (m *maker) reduced(a *array, again func(*array) string) string {
	positive := !slices.ContainsFunc(a.x, func(x float64) bool { return x < 0 })
	like := func(x float64) *array { return mapped(a, func(float64) float64 { return x }) }
	moved := func(by float64) *array { return mapped(a, func(x float64) float64 { return x + by }) }
	half := mapped(a, func(x float64) float64 { return x / 2 })
	if a.kind != floats && a.kind != integers || len(a.x) == 0 {
		return ""
	}
	var x, y *array
	op := pick(m, "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum")
	switch {
	case op == "ReduceMax":
		x, y = a, moved(-1)
	case op == "ReduceMin":
		x, y = moved(1), a
	case op == "ReduceProd":
		x, y = a, like(1)
	case op == "ReduceSum":
		x, y = like(0), a
	case a.kind != floats:
		return ""
	case op == "ReduceMean":
		x, y = a, a
	case op == "ReduceL1" && positive:
		x, y = half, mapped(half, func(x float64) float64 { return -x })
	case op == "ReduceL2" && positive:
		x, y = a, like(0)
	case op == "ReduceSumSquare" && a.uniform() && slices.Contains([]float64{0, 1, 4}, a.x[0]):
		x, y = like(0), like(-math.Sqrt(a.x[0]))
	case op == "ReduceLogSum" && a.uniform() && a.x[0] == 0:
		x, y = like(0.25), like(0.75)
	default:
		return ""
	}
	rank := len(a.shape)
	k := m.IntN(rank + 1)
	wide := slices.Insert(slices.Clone(a.shape), k, 1)
	both := concat(&node{attrs: []attr{ai("axis", k)}}, []*array{x.view(wide), y.view(wide)}, 0)
	since := 18
	if op == "ReduceSum" {
		since = 13
	}
	lists := []attr{al("axes", pick(m, k, k-rank-1))}
	if rank == 0 && m.one(2) {
		lists = nil // All there are.
	}
	if m.opset < 11 && lists != nil {
		lists[0].l[0] = k
	}
	if m.one(2) {
		return m.with(op, again(both), since, lists, ai("keepdims", 0))
	}
	return m.squeezed(m.with(op, again(both), since, lists), k)
}
