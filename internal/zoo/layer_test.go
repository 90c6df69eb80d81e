package zoo

import (
	"math"
	"slices"
)

// layer is a convolution with what mostly comes behind it.
func (m *maker) layer(x string) string {
	x = m.conv(x, 1+m.IntN(6), 1)
	if m.one(2) {
		x = m.norm(x)
	}
	if !m.one(6) {
		x = m.act(x)
	}
	return x
}

// windowOf returns attributes of a window over x: keep leaves rows and columns as
// they are if the stride is one.
func (m *maker) windowOf(x string, k [2]int, stride int, keep, dilates bool) (attrs []attr) {
	s := m.shape(x)[2:]
	d := [2]int{1, 1}
	if dilates && m.one(6) {
		d = [2]int{1 + m.IntN(2), 2}
	}
	span := [2]int{(k[0]-1)*d[0] + 1, (k[1]-1)*d[1] + 1}
	fits := span[0] <= s[0] && span[1] <= s[1]
	switch n := m.IntN(6); {
	case n == 0:
		attrs = append(attrs, as("auto_pad", pick(m, "SAME_UPPER", "SAME_LOWER")))
	case n == 1 && !keep && fits:
		attrs = append(attrs, pick(m, as("auto_pad", "VALID"), al("pads", 0, 0, 0, 0)))
	case n == 2 && !keep && fits:
		attrs = append(attrs, al("pads", m.IntN(k[0]), m.IntN(k[1]), m.IntN(k[0]), m.IntN(k[1])))
	default:
		a, b := span[0]-1, span[1]-1
		attrs = append(attrs, al("pads", a/2, b/2, a-a/2, b-b/2))
	}
	if d != [2]int{1, 1} {
		attrs = append(attrs, al("dilations", d[0], d[1]))
	}
	if stride > 1 || m.one(3) {
		attrs = append(attrs, al("strides", stride, stride))
	} else if !keep && m.one(8) {
		attrs = append(attrs, al("strides", 1, 2))
	}
	return attrs
}

// conv adds a convolution, which keeps rows and columns unless stride is above one or
// it may shrink (0).
func (m *maker) conv(x string, out, stride int) string {
	c := m.shape(x)[1]
	k := pick(m, [2]int{1, 1}, [2]int{3, 3}, [2]int{3, 3}, [2]int{2, 2}, [2]int{1, 3}, [2]int{5, 2})
	keep := stride > 0
	if !keep {
		stride = 1 + m.IntN(2)
	}
	attrs := m.windowOf(x, k, stride, keep, true)
	group := 1
	switch {
	case m.one(6) && out%c == 0:
		group = c // Each channel by itself.
	case m.one(6) && c%2 == 0 && out%2 == 0:
		group = 2
	}
	if group > 1 || m.one(4) {
		attrs = append(attrs, ai("group", group))
	}
	if m.one(2) {
		attrs = append(attrs, al("kernel_shape", k[0], k[1]))
	}
	per := c / group
	a := math.Sqrt(4 / float64(per*k[0]*k[1]))
	in := ins(x, m.weight(m.uniform(-a, a, out, per, k[0], k[1])))
	bias := m.uniform(-0.2, 0.3, out)
	switch m.IntN(4) {
	case 0:
	case 1:
		return m.add("Add", ins(m.add("Conv", in, attrs...), m.constant(bias.view([]int{out, 1, 1}))))
	default:
		in = append(in, m.constant(bias))
	}
	return m.add("Conv", in, attrs...)
}

// weight is weights in the file: as floats mostly, or quantised to bytes, with a scale
// for each output or one for all.
func (m *maker) weight(a *array) string {
	if m.opset < 10 || !m.one(8) {
		return m.constant(a)
	}
	scales, attrs := m.uniform(0.004, 0.01), []attr(nil)
	if m.opset >= 13 && m.one(2) {
		scales, attrs = m.uniform(0.004, 0.01, a.shape[0]), []attr{ai("axis", 0)}
	}
	zero := zeros(int8s, scales.shape...)
	n := &node{attrs: attrs}
	in := ins(m.initial(quantizeLinear(n, []*array{a, scales, zero}, m.opset)), m.constant(scales))
	if m.one(2) {
		in = append(in, m.initial(zero))
	}
	if m.one(4) { // Quantised by the file itself.
		in[0] = m.add("QuantizeLinear", ins(m.initial(a), in[1], m.initial(zero)), attrs...)
	}
	return m.add("DequantizeLinear", in, attrs...)
}

// quantised is x as a quantised network has it between two operators.
func (m *maker) quantised(x string) string {
	if m.opset < 10 || !m.weighed(x) { // The image is taken to be in the range of its levels.
		return x
	}
	in := ins(x, m.initial(filled(float64(float32(max(m.values[x].largest(), 0.1)/pick(m, 260.0, 300, 400))))))
	switch m.IntN(3) { // The first level is 0, and the last cuts something off. Else the rounding is left out.
	case 0:
	case 1:
		in = append(in, m.initial(&array{nil, int8s, []float64{-128}}))
	case 2:
		in = append(in, m.initial(&array{nil, uint8s, []float64{0}}))
	}
	q := m.add("QuantizeLinear", in)
	in[0] = q
	return m.add("DequantizeLinear", in)
}

// weighed reports whether x is behind weights.
func (m *maker) weighed(x string) bool {
	behind := map[string]bool{}
	for _, n := range m.nodes {
		is := n.op == "Conv" || n.op == "Gemm" || n.op == "MatMul"
		for _, in := range n.in {
			is = is || behind[in]
		}
		for _, o := range n.out {
			behind[o] = is
		}
	}
	return behind[x]
}

// perChannel is an array of one number for each channel of x, on that axis, or of one for
// all.
func (m *maker) perChannel(x string, axis int, low, high float64) *array {
	s := m.shape(x)
	shape := make([]int, len(s))
	for i := range shape {
		shape[i] = 1
	}
	if shape[axis] = s[axis]; m.one(4) {
		shape[axis] = 1
	}
	a := m.uniform(low, high, shape...)
	for lead := 0; len(a.shape) > 0 && a.shape[0] == 1 && lead < len(s)-1 && (lead < axis || a.shape[0] == 1 && len(a.x) == 1) && m.one(2); lead++ {
		a = a.view(a.shape[1:])
	}
	return a
}

// affine scales and shifts by constants, as two nodes or one.
func (m *maker) affine(x string, axis int) string {
	low := 0.5
	if m.one(8) {
		low = -1
	}
	number := func(low, high float64) string { return m.constant(m.perChannel(x, axis, low, high)) }
	two := func(op, c string) string {
		if m.one(3) {
			return m.add(op, ins(c, x))
		}
		return m.add(op, ins(x, c))
	}
	switch m.IntN(5) {
	case 0:
		x = two("Mul", number(low, 1.5))
		return two("Add", number(-0.3, 0.3))
	case 1:
		x = m.add("Sub", ins(x, number(-0.3, 0.3)))
		return m.add("Div", ins(x, number(0.5, 2)))
	case 2:
		return two("Mul", number(low, 1.5))
	case 3:
		return two("Add", number(-0.3, 0.3))
	}
	return two("Sub", number(-0.3, 1))
}

// norm is batch norm, mostly written as such, of images with channels first and vectors.
func (m *maker) norm(x string) string {
	c := m.shape(x)[1]
	if m.one(4) {
		return m.affine(x, 1)
	}
	low := 0.5
	if m.one(8) {
		low = -1
	}
	in := ins(x)
	for _, b := range [][2]float64{{low, 1.5}, {-0.2, 0.3}, {-0.2, 0.2}, {0.5, 1.5}} {
		in = append(in, m.constant(m.uniform(b[0], b[1], c)))
	}
	var attrs []attr
	if m.one(2) {
		attrs = append(attrs, af("epsilon", pick(m, float32(1e-3), 1e-5)))
	}
	if m.opset < 9 && m.one(2) {
		attrs = append(attrs, ai("spatial", m.IntN(2)))
	}
	if m.opset >= 14 && m.one(3) {
		attrs = append(attrs, ai("training_mode", 0))
	}
	return m.add("BatchNormalization", in, attrs...)
}

// number is one number, in a shape that broadcasts to that of x.
func (m *maker) number(v float64, x string) string {
	s := m.shape(x)
	switch {
	case m.opset < 8 || m.one(8):
		return m.constant(filled(v, s...))
	case m.one(4):
		shape := slices.Repeat([]int{1}, len(s))
		shape[1] = s[1]
		return m.constant(filled(v, shape...))
	case m.one(3):
		return m.constant(filled(v, 1))
	}
	return m.constant(filled(v))
}

// pool is any pool.
func (m *maker) pool(x string) string {
	s := m.shape(x)
	k := pick(m, [2]int{2, 2}, [2]int{2, 2}, [2]int{3, 3}, [2]int{1, 2}, [2]int{3, 2}, [2]int{1, 1})
	switch m.IntN(11) {
	case 10:
		return m.with("ReduceSum", x, 13, []attr{al("axes", 2, 3)}, pick(m, nil, []attr{ai("keepdims", 1)})...)
	case 0:
		axes := pick(m, []int{2}, []int{3}, []int{-1}, []int{2, 3})
		if m.opset < 11 {
			axes = pick(m, []int{2}, []int{3}, []int{2, 3})
		}
		op, since := "ReduceMean", 18
		if m.one(3) {
			op = "ReduceMax"
		}
		return m.with(op, x, since, []attr{al("axes", axes...)}, pick(m, nil, []attr{ai("keepdims", 1)})...)
	case 1:
		return m.add(pick(m, "GlobalAveragePool", "GlobalMaxPool"), ins(x))
	}
	k[0], k[1] = min(k[0], s[2]), min(k[1], s[3])
	op := pick(m, "MaxPool", "AveragePool")
	stride := 1 + m.IntN(2)
	attrs := m.windowOf(x, k, stride, m.one(2), op == "MaxPool" && m.opset >= 10 || m.opset >= 19)
	attrs = append(attrs, al("kernel_shape", k[0], k[1]))
	if m.opset >= 10 && m.one(3) && find(attrs, "auto_pad") == nil {
		attrs = append(attrs, ai("ceil_mode", 1))
	}
	if op == "AveragePool" && m.one(3) && find(attrs, "auto_pad") == nil {
		attrs = append(attrs, ai("count_include_pad", 1))
	}
	return m.add(op, ins(x), attrs...)
}
