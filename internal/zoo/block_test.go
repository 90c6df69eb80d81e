package zoo

import (
	"math"
	"slices"
)

// same changes nothing, or only how x is seen.
func (m *maker) same(x string) string {
	s := m.shape(x)
	for {
		switch m.IntN(13) {
		case 12:
			return m.quantised(x)
		case 0:
			return m.add("Identity", ins(x))
		case 1:
			if m.opset < 12 {
				return m.add("Dropout", ins(x), af("ratio", 0.3))
			}
			return m.add("Dropout", pick(m, ins(x), ins(x, m.constant(filled(0.3)))))
		case 2:
			return m.add("Cast", ins(x), ai("to", 1))
		case 3:
			return m.add("Reshape", ins(x, m.like(x, s...)))
		case 4:
			k := m.IntN(len(s) + 1)
			return m.squeezed(m.unsqueezed(x, k), k)
		case 5:
			if m.opset >= 8 {
				return m.add("Expand", ins(x, m.like(x, s...)))
			}
		case 6:
			return m.add("Tile", ins(x, m.ints(slices.Repeat([]int{1}, len(s))...)))
		case 7:
			return m.padded(x, slices.Repeat([]int{0}, 2*len(s))...)
		case 8:
			k := 1 + m.IntN(len(s)-1)
			return m.sliced(x, k, 0, pick(m, s[k], 1<<40), 1)
		case 9:
			if len(s) == 4 {
				return m.add("Reshape", ins(m.add("Flatten", ins(x)), m.ints(s...)))
			}
		case 10:
			if len(s) == 4 {
				back := m.add("Transpose", ins(x), al("perm", 0, 2, 3, 1))
				return m.add("Transpose", ins(back), al("perm", 0, 3, 1, 2))
			}
		case 11:
			if m.opset >= 18 {
				return m.add("ReduceMean", ins(x), ai("noop_with_empty_axes", 1))
			}
		}
	}
}

// moved pads x or cuts from it.
func (m *maker) moved(x string) string {
	s := m.shape(x)
	switch m.IntN(6) {
	case 0: // In front of a convolution or pool that has no padding of its own.
		x = m.padded(x, 0, 0, m.IntN(2), 1, 0, 0, 1, m.IntN(3))
		if m.one(2) {
			return m.act(m.conv(x, 1+m.IntN(4), 0))
		}
		return m.pool(x)
	case 1:
		return m.padded(x, 0, m.IntN(2), 0, 0, 0, 1, 0, 0)
	case 2:
		return m.sliced(x, 2+m.IntN(2), m.IntN(2), pick(m, -1, 1<<40), 1)
	case 3:
		return m.sliced(x, 1, 0, 1+m.IntN(s[1]), 1)
	case 4:
		if m.opset >= 10 {
			return m.sliced(x, 2+m.IntN(2), 0, 1<<40, 2)
		}
	}
	return m.beside(x, 1+m.IntN(2))
}

// beside pads the channels of x with zeros that are joined to it.
func (m *maker) beside(x string, k int) string {
	s := m.shape(x)
	var zero string
	switch {
	case k == s[1] && m.one(2):
		if zero = m.add("Sub", ins(x, x)); m.one(2) {
			zero = m.add("Mul", ins(x, m.constant(filled(0))))
		}
	case m.opset >= 9 && m.one(2):
		zero = m.add("ConstantOfShape", ins(m.like(x, s[0], k, s[2], s[3])))
	default:
		zero = m.constant(zeros(floats, s[0], k, s[2], s[3]))
	}
	in := ins(x, zero)
	if m.one(2) {
		slices.Reverse(in)
	}
	return m.add("Concat", in, ai("axis", 1))
}

// residual is a residual block of any kind.
func (m *maker) residual(x string, depth int) string {
	s := m.shape(x)
	out, stride := s[1], 1
	if m.one(2) {
		out, stride = s[1]+m.IntN(3), 1+m.IntN(2)
	}
	y := x
	if m.one(4) {
		y = m.act(m.norm(y))
	}
	y = m.norm(m.conv(y, 1+m.IntN(4), stride))
	if !m.one(8) {
		y = m.act(y)
	}
	if m.one(4) && depth < 2 {
		kept := m.shape(y)
		if z := m.piece(y, depth+2); slices.Equal(m.shape(z)[2:], kept[2:]) {
			y = z
		}
	}
	if y = m.conv(y, out, 1); m.one(2) {
		y = m.norm(y)
	}
	short := x
	switch {
	case out == s[1] && stride == 1:
	case m.one(2):
		if short = m.norm(m.strided(x, out, stride)); m.one(6) {
			short = m.act(short)
		}
	default:
		if stride > 1 && (m.opset < 10 || m.one(2)) {
			short = m.add("AveragePool", ins(x), al("kernel_shape", 1, 1), al("strides", stride, stride))
		} else if stride > 1 {
			short = m.sliced(m.sliced(x, 2, 0, 1<<40, stride), 3, 0, 1<<40, stride)
		}
		if k := out - s[1]; k > 0 && m.one(2) {
			short = m.beside(short, k)
		} else if k > 0 {
			short = m.padded(short, 0, k/2, 0, 0, 0, k-k/2, 0, 0)
		}
	}
	if !slices.Equal(m.shape(y), m.shape(short)) { // A convolution of even size may round otherwise.
		short = m.strided(x, out, stride)
		if !slices.Equal(m.shape(y), m.shape(short)) {
			return m.act(y)
		}
	}
	in := ins(y, short)
	if m.one(2) {
		slices.Reverse(in)
	}
	op := pick(m, "Add", "Add", "Sum")
	if op == "Sum" && m.one(3) {
		in = append(in, m.conv1(x, out, stride, m.shape(y)))
	}
	y = m.add(op, in)
	if !m.one(5) {
		y = m.act(y)
	}
	return y
}

// conv1 is a branch of a sum of that shape, or zeros where there is none.
func (m *maker) conv1(x string, out, stride int, shape []int) string {
	y := m.strided(x, out, stride)
	if !slices.Equal(m.shape(y), shape) {
		return m.constant(zeros(floats, shape...))
	}
	return y
}

// strided is a 1x1 convolution.
func (m *maker) strided(x string, out, stride int) string {
	c := m.shape(x)[1]
	a := math.Sqrt(4 / float64(c))
	return m.add("Conv", ins(x, m.constant(m.uniform(-a, a, out, c, 1, 1))), al("strides", stride, stride))
}

// stream is a row of blocks whose sums have no ReLU behind them.
func (m *maker) stream(x string, depth int) string {
	width := m.shape(x)[1]
	for range 1 + m.IntN(3) {
		y := x
		switch m.IntN(4) {
		case 0:
		case 1:
			y = m.leaky(m.norm(y))
		default:
			y = m.act(m.norm(y))
		}
		y = m.conv(y, width, 1)
		if m.one(4) {
			y = m.leaky(y)
		}
		if !slices.Equal(m.shape(y), m.shape(x)) {
			break
		}
		x = m.add("Add", ins(x, y))
	}
	if m.one(4) {
		return x
	}
	return m.act(m.norm(x))
}

// sideBySide joins branches along their channels.
func (m *maker) sideBySide(x string, depth int) string {
	s := m.shape(x)
	var parts []string
	for range 2 + m.IntN(2) {
		y := x
		for range m.IntN(3) {
			if z := m.piece(y, depth+2); slices.Equal(m.shape(z)[2:], s[2:]) {
				y = z
			}
		}
		parts = append(parts, y)
	}
	y := m.add("Concat", parts, ai("axis", 1))
	if m.one(3) {
		y = m.norm(y)
	}
	if m.one(3) {
		y = m.act(y)
	}
	if m.one(3) {
		y = m.layer(y)
	}
	return y
}

// shared gives x to several branches, the sum of which, or of some of which, goes on to
// several again.
func (m *maker) shared(x string, depth int) string {
	width := 1 + m.IntN(4)
	a, b := m.conv(x, width, 1), m.conv(x, width, 1)
	if m.one(2) {
		a = m.act(a)
	}
	if m.one(2) {
		b = m.act(b)
	}
	if !slices.Equal(m.shape(a), m.shape(b)) {
		return m.act(a)
	}
	sum := m.add("Add", ins(a, b))
	c, d := m.piece(sum, depth+2), m.norm(sum)
	if m.one(2) {
		d = m.act(d)
	}
	if slices.Equal(m.shape(c), m.shape(d)) {
		return m.add(pick(m, "Add", "Sum"), ins(c, d))
	}
	if slices.Equal(m.shape(c)[2:], m.shape(d)[2:]) {
		return m.add("Concat", ins(c, d), ai("axis", 1))
	}
	return c
}

// halves sends the first channels of x and the others through branches of their own.
func (m *maker) halves(x string, depth int) string {
	s := m.shape(x)
	if s[1] < 2 {
		return m.layer(x)
	}
	k := 1 + m.IntN(s[1]-1)
	var a, b string
	if m.one(2) {
		sizes := []attr{al("split", k, s[1]-k)}
		in := ins(x)
		if m.opset >= 13 {
			in, sizes = ins(x, m.ints(k, s[1]-k)), nil
		}
		two := m.addN(2, "Split", in, append(sizes, ai("axis", 1))...)
		a, b = two[0], two[1]
	} else {
		a, b = m.sliced(x, 1, 0, k, 1), m.sliced(x, 1, k, 1<<40, 1)
	}
	b = m.piece(b, depth+2)
	if !slices.Equal(m.shape(a)[2:], m.shape(b)[2:]) {
		return b
	}
	y := m.add("Concat", ins(a, b), ai("axis", 1))
	if c := m.shape(y)[1]; c%2 == 0 && m.one(2) {
		t := m.shape(y)
		y = m.add("Reshape", ins(y, m.ints(t[0], 2, c/2, t[2], t[3])))
		y = m.add("Reshape", ins(m.add("Transpose", ins(y), al("perm", 0, 2, 1, 3, 4)), m.ints(t...)))
	}
	return y
}

// lastChannels is a stretch with channels last, as converters from TensorFlow leave it.
func (m *maker) lastChannels(x string) string {
	y := m.add("Transpose", ins(x), al("perm", 0, 2, 3, 1))
	for range 1 + m.IntN(3) {
		s := m.shape(y)
		switch m.IntN(6) {
		case 0:
			y = m.affine(y, 3)
		case 1:
			y = m.padded(y, 0, m.IntN(2), 1, 0, 0, 1, m.IntN(2), 0)
		case 2:
			y = m.add("Concat", ins(y, y), ai("axis", 3))
		case 3:
			y = m.add("PRelu", ins(y, m.constant(m.uniform(0.1, 0.4, s[3]))))
		case 4:
			y = m.with("ReduceMean", y, 18, []attr{al("axes", 1, 2)}, ai("keepdims", 1))
		default:
			y = m.add("Relu", ins(y))
		}
	}
	return m.add("Transpose", ins(y), al("perm", 0, 3, 1, 2))
}

// strange is what has no counterpart, or none in all cases.
func (m *maker) strange(x string) string {
	s := m.shape(x)
	for {
		switch m.IntN(14) {
		case 0:
			return m.add(pick(m, "Sigmoid", "Tanh", "Softplus", "Exp", "Atan", "Floor"), ins(x))
		case 1:
			return m.add("Elu", ins(x))
		case 2:
			if m.opset >= 12 {
				return m.add("Celu", ins(x))
			}
		case 3:
			return m.add("Mul", ins(x, x))
		case 4:
			return m.clip(x, pick(m, -1.0, 0.5), 2)
		case 5:
			return m.add("Max", ins(x, m.affine(x, 1)))
		case 6:
			if m.opset >= 10 {
				return m.sliced(x, 2, -1, -1<<40, -1)
			}
		case 7:
			return m.add("Transpose", ins(x), al("perm", 0, 1, 3, 2))
		case 8:
			return m.add("Mul", ins(x, m.constant(m.uniform(0.5, 2, s...))))
		case 9:
			if m.opset >= 10 {
				return m.add("ThresholdedRelu", ins(x))
			}
		case 10:
			if m.opset >= 11 && s[2] > 1 && s[3] > 1 {
				return m.add("Pad", ins(x, m.ints(0, 0, 1, 1, 0, 0, 1, 1)), as("mode", "reflect"))
			}
		case 11:
			return m.add("Gather", ins(x, m.ints(0, 0)), ai("axis", pick(m, 1, 2)))
		case 12:
			return m.add("Add", ins(x, m.constant(m.uniform(-0.3, 0.3, 1, 1, s[2], s[3]))))
		case 13:
			return m.add("Softmax", ins(x), ai("axis", 1))
		}
	}
}
