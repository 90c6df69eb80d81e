package zoo

import (
	"math"
	"slices"
)

// end takes the image x to logits.
func (m *maker) end(x string) string {
	if m.one(12) { // A network without a classifier, that may end in an image.
		m.logits = m.layer(x) // An operator that keeps the order of elements would be dropped.
		m.head, m.outputs = m.logits, ins(m.logits)
		return x
	}
	s := m.shape(x)
	n, area := s[0], s[2]*s[3]
	all := count(s[1:])
	switch m.IntN(14) {
	case 0, 1:
		return m.tail(m.add("Flatten", ins(x), pick(m, nil, []attr{ai("axis", 1)})...))
	case 2:
		return m.tail(m.add("Reshape", ins(x, m.ints(pick(m, n, 0, -1), all))))
	case 3:
		return m.tail(m.add("Reshape", ins(x, m.like(x, n, -1))))
	case 4:
		return m.tail(m.add("Flatten", ins(m.add(pick(m, "GlobalAveragePool", "GlobalMaxPool"), ins(x)))))
	case 5:
		return m.tail(m.squeezed(m.add("GlobalAveragePool", ins(x)), 2, 3))
	case 6, 7:
		op := pick(m, "ReduceMean", "ReduceMean", "ReduceMax")
		axes := []int{2, 3}
		if m.opset >= 11 && m.one(2) {
			axes = []int{-2, -1}
		}
		return m.tail(m.with(op, x, 18, []attr{al("axes", axes...)}, ai("keepdims", 0)))
	case 8: // As Keras flattens.
		y := m.add("Transpose", ins(x), al("perm", 0, 2, 3, 1))
		if m.one(2) {
			return m.tail(m.add("Flatten", ins(y)))
		}
		return m.tail(m.add("Reshape", ins(y, m.ints(-1, all))))
	case 9: // Keras' mean of an image with channels last.
		y := m.add("Transpose", ins(x), al("perm", 0, 2, 3, 1))
		if m.one(2) {
			return m.tail(m.with("ReduceMean", y, 18, []attr{al("axes", 1, 2)}, ai("keepdims", 0)))
		}
		y = m.add("Reshape", ins(y, m.ints(n, area, s[1])))
		return m.tail(m.with("ReduceMean", y, 18, []attr{al("axes", 1)}, ai("keepdims", 0)))
	case 10:
		perm := append([]int{0}, pick(m, []int{3, 2, 1}, []int{1, 3, 2}, []int{2, 1, 3})...)
		return m.tail(m.add("Flatten", ins(m.add("Transpose", ins(x), al("perm", perm...)))))
	case 11: // Positions as one axis.
		y := m.add("Reshape", ins(x, m.ints(n, s[1], -1)))
		return m.tail(m.with("ReduceMean", y, 18, []attr{al("axes", 2)}, ai("keepdims", 0)))
	case 12: // A classifier that is a convolution of one position.
		y := m.strided(m.add("GlobalAveragePool", ins(x)), 2+m.IntN(4), 1)
		y = pick(m, m.add("Flatten", ins(y)), m.add("Reshape", ins(y, m.ints(n, -1))))
		return m.finish(y)
	default:
		y := m.strided(x, 2+m.IntN(4), 1)
		if m.one(2) {
			y = m.act(y)
		}
		return m.finish(m.add("Flatten", ins(m.add("GlobalAveragePool", ins(y)))))
	}
}

// tail takes the vector x to logits, by fully connected layers.
func (m *maker) tail(x string) string {
	for range m.IntN(3) {
		x = m.tried(x, func(x string) string {
			y := m.dense(x, 1+m.IntN(8))
			if m.one(3) {
				y = m.norm(y)
			}
			switch k := m.IntN(10); {
			case k < 6:
				y = m.act(y)
			case k < 7:
				y = m.leaky(y)
			}
			switch {
			case m.one(8) && slices.Equal(m.shape(x), m.shape(y)):
				y = m.act(m.add("Add", ins(x, y)))
			case m.one(8):
				y = m.act(m.add("Add", ins(y, m.dense(x, m.shape(y)[1]))))
			case m.one(8):
				y = m.add("Concat", ins(x, y), ai("axis", pick(m, 1, 1)))
			case m.one(8):
				y = m.same(y)
			}
			return y
		})
	}
	x = m.dense(x, 2+m.IntN(4))
	if m.one(8) {
		x = m.affine(x, 1)
	}
	if m.one(10) {
		x = m.act(x)
	}
	return m.finish(x)
}

// dense is a fully connected layer.
func (m *maker) dense(x string, out int) string {
	s := m.shape(x)
	a := math.Sqrt(4 / float64(s[1]))
	w, bias := m.uniform(-a, a, s[1], out), m.uniform(-0.2, 0.3, out)
	var c *array
	switch m.IntN(5) {
	case 0:
		c = bias.view([]int{1, out})
	case 1:
		c = filled(bias.x[0], pick(m, nil, []int{1}, []int{1, 1})...)
	default:
		c = bias
	}
	switch m.IntN(4) {
	case 0:
		y := m.add("MatMul", ins(x, m.weight(w)))
		if m.one(4) {
			return y
		}
		in := ins(y, m.constant(c))
		if m.one(2) {
			slices.Reverse(in)
		}
		return m.add("Add", in)
	case 1: // With an axis between.
		if m.one(2) {
			y := m.add("MatMul", ins(m.unsqueezed(x, 1), m.constant(w)))
			return m.squeezed(y, 1)
		}
	}
	var attrs []attr
	in := ins(x, "")
	if m.one(2) {
		in[1] = m.constant(permuted(w, []int{1, 0}))
		attrs = append(attrs, ai("transB", 1))
	} else {
		in[1] = m.constant(w)
	}
	if m.opset < 11 || !m.one(4) {
		in = append(in, m.constant(c))
	}
	if m.one(3) {
		attrs = append(attrs, af("alpha", pick[float32](m, 1, 0.5)), af("beta", pick[float32](m, 1, 2)))
	}
	return m.add("Gemm", in, attrs...)
}

// finish ends the network behind its logits.
func (m *maker) finish(x string) string {
	m.logits = x
	s := m.shape(x)
	y := x
	monotone := func() {
		y = m.add(pick(m, "Sigmoid", "Softplus", "Softsign", "Tanh", "Atan", "Sinh", "Exp", "Erf"), ins(y))
	}
	switch m.IntN(17) {
	case 16:
		if m.opset >= 10 { // Which keeps the order.
			in := ins(y, m.initial(filled(0.0625)), m.initial(&array{nil, int8s, []float64{0}}))
			if in[0] = m.add("QuantizeLinear", in); m.one(2) {
				y = in[0]
			} else {
				y = m.add("DequantizeLinear", in)
			}
		}
	case 12:
		y = m.add(pick(m, "Elu", "Selu"), ins(y))
		if m.opset >= 12 && m.one(2) {
			y = m.add("Celu", ins(y))
		}
	case 13:
		if m.opset < 10 {
			y = m.addN(2, "TopK", ins(y), ai("k", 1), ai("axis", 1))[m.IntN(2)]
		} else {
			y = m.addN(2, "TopK", ins(y, m.ints(1)), pick(m, nil, []attr{ai("axis", 1)})...)[m.IntN(2)]
		}
	case 14: // Softmax, or its logarithm, written out.
		over := func(op string, since int, y string) string {
			return m.with(op, y, since, []attr{al("axes", 1)}, ai("keepdims", 1))
		}
		y = m.add("Sub", ins(y, over(pick(m, "ReduceMax", "ReduceMean"), 18, y)))
		switch m.IntN(3) {
		case 0:
			y = m.add("Exp", ins(y))
			y = m.add("Div", ins(y, over("ReduceSum", 13, y)))
		case 1:
			y = m.add("Sub", ins(y, over("ReduceLogSumExp", 18, y)))
		default:
			y = m.add("Div", ins(y, over(pick(m, "ReduceL1", "ReduceL2"), 18, y)))
		}
	case 15:
		y = m.add("Softmax", ins(y), ai("axis", 1))
		if m.opset < 11 {
			y = m.add("Clip", ins(y), af("min", 1e-7), af("max", 1))
		} else {
			y = m.add("Clip", ins(y, m.initial(filled(float64(float32(1e-7)))), m.initial(filled(1))))
		}
		if m.one(2) {
			y = m.add("Log", ins(y))
		}
	case 0, 1, 2:
		y = m.add(pick(m, "Softmax", "LogSoftmax"), ins(y), pick(m, nil, []attr{ai("axis", 1)})...)
	case 3:
		y = m.add("Log", ins(m.add("Softmax", ins(y), ai("axis", 1))))
	case 4:
		if m.opset >= 9 || m.one(2) {
			monotoneSince9 := m.opset >= 9
			if !monotoneSince9 {
				y = m.add(pick(m, "Sigmoid", "Softplus", "Softsign", "Tanh", "Exp"), ins(y))
			} else {
				monotone()
			}
		}
	case 5:
		if m.one(2) {
			y = m.add("Softmax", ins(y), ai("axis", 1))
		} else if m.opset >= 9 {
			monotone()
		}
		y = m.add("ArgMax", ins(y), ai("axis", 1), ai("keepdims", m.IntN(2)))
		if m.one(2) {
			y = m.add("Cast", ins(y), ai("to", pick(m, 6, 7)))
		}
	case 6:
		y = m.add("Identity", ins(y))
	case 7:
		y = m.add("Reshape", ins(y, m.ints(s...)))
	}
	if slices.ContainsFunc(m.values[y].x, math.IsNaN) { // Divided by nothing.
		y = x
	}
	m.head, m.outputs = y, ins(y)
	if m.one(10) && x != y {
		m.outputs = ins(y, x)
	}
	return y
}
