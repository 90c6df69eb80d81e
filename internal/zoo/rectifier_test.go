package zoo

import (
	"math"
	"slices"
)

// act is a ReLU, or one with a bound, in any spelling.
func (m *maker) act(x string) string {
	zero := func() string { return m.number(0, x) }
	pair := func(op, a, b string) string {
		if m.one(2) {
			a, b = b, a
		}
		return m.add(op, ins(a, b))
	}
	bound := pick(m, 6, 1, 1.5)
	for {
		switch m.IntN(27) {
		default:
			return m.add("Relu", ins(x))
		case 15:
			return m.levels(x)
		case 16:
			return m.pieces(x)
		case 0, 1:
			return m.clip(x, 0, bound)
		case 2:
			return m.clip(x, 0, math.Inf(1))
		case 3:
			return pair("Max", x, zero())
		case 4:
			return pair("Min", pair("Max", x, zero()), m.number(bound, x))
		case 5:
			return pair("Max", pair("Min", x, m.number(bound, x)), zero())
		case 6:
			return m.clip(m.add("Relu", ins(x)), math.Inf(-1), bound)
		case 7:
			return m.add("LeakyRelu", ins(x), af("alpha", 0))
		case 8:
			return m.add("PRelu", ins(x, m.number(0, x)))
		case 9:
			return m.add("Elu", ins(x), af("alpha", 0))
		case 10:
			if m.opset >= 10 {
				return m.add("ThresholdedRelu", ins(x), af("alpha", 0))
			}
		case 11, 12:
			if m.opset >= 9 {
				return m.chosen(x)
			}
		case 13:
			return m.add("Relu", ins(m.clip(x, math.Inf(-1), bound)))
		case 14:
			return m.add("Relu", ins(m.add("Relu", ins(x))))
		}
	}
}

// chosen is a ReLU written as a choice.
func (m *maker) chosen(x string) string {
	op, less := pick(m, "Greater", "Less"), false
	if m.opset >= 12 && m.one(2) {
		op += "OrEqual"
	}
	less = op[0] == 'L'
	zero := m.number(0, x)
	in := ins(x, zero)
	if m.one(2) {
		in, less = ins(zero, x), !less
	}
	which := m.add(op, in)
	if m.one(3) {
		which, less = m.add("Not", ins(which)), !less
	}
	switch {
	case less:
		return m.add("Where", ins(which, m.number(0, x), x))
	case m.one(2):
		mask := m.add("Cast", ins(which), ai("to", 1))
		if m.one(2) {
			return m.add("Mul", ins(x, mask))
		}
		return m.add("Mul", ins(mask, x))
	}
	return m.add("Where", ins(which, x, m.number(0, x)))
}

// levels is a ReLU with a bound that is rounded to steps, as networks have it that are
// trained for conversion.
func (m *maker) levels(x string) string {
	number := func(v float64) string { return m.constant(filled(float64(float32(v)))) }
	steps, bound := float64(2+m.IntN(7)), pick(m, 1, 1.5, 2, 4)
	if m.opset < 8 {
		return m.add("Relu", ins(x))
	}
	y := m.add("Div", ins(x, number(bound)))
	y = m.add("Mul", ins(m.clip(y, 0, 1), number(steps)))
	switch k := m.IntN(3); {
	case k == 0 && m.opset >= 11:
		y = m.add("Round", ins(y))
	case k == 1:
		y = m.add("Ceil", ins(m.add("Sub", ins(y, number(0.5)))))
	default:
		y = m.add("Floor", ins(m.add("Add", ins(y, number(0.5)))))
	}
	return m.add("Mul", ins(m.add("Div", ins(y, number(steps))), number(bound)))
}

// pieces is a rectifier that is put together of several operators.
func (m *maker) pieces(x string) string {
	number := func(v float64) string { return m.constant(filled(float64(float32(v)))) }
	if m.opset < 8 {
		return m.add("Abs", ins(x))
	}
	switch m.IntN(8) {
	case 0:
		return m.add("Mul", ins(m.add("Add", ins(x, m.add("Abs", ins(x)))), number(0.5)))
	case 1:
		return m.add("Max", ins(x, m.add("Mul", ins(x, number(0.125)))))
	case 2:
		return m.add("Sub", ins(m.add("Relu", ins(x)), m.add("Relu", ins(m.add("Sub", ins(x, number(2)))))))
	case 3:
		return m.add("Neg", ins(m.add("Min", ins(m.add("Neg", ins(x)), number(0)))))
	case 4:
		return m.add("Sub", ins(x, m.add("Min", ins(x, number(0)))))
	case 5:
		return m.add("HardSigmoid", ins(x), pick(m, nil, []attr{af("alpha", 0.5), af("beta", 0.25)})...)
	case 6:
		return m.add("Abs", ins(x))
	default:
		return m.clip(x, pick(m, -1, -0.5), pick(m, 0.5, 1))
	}
}

// clip bounds x by numbers, infinite ones by leaving them out or by the largest number.
func (m *maker) clip(x string, low, high float64) string {
	if m.opset < 11 {
		var attrs []attr
		if !math.IsInf(low, 0) {
			attrs = append(attrs, af("min", float32(low)))
		}
		if !math.IsInf(high, 0) {
			attrs = append(attrs, af("max", float32(high)))
		} else if m.one(2) {
			attrs = append(attrs, af("max", math.MaxFloat32))
		}
		return m.add("Clip", ins(x), attrs...)
	}
	in := ins(x, "")
	if !math.IsInf(low, 0) {
		in[1] = m.constant(filled(low))
	}
	if !math.IsInf(high, 0) {
		in = append(in, m.constant(filled(high)))
	}
	return m.add("Clip", in)
}

// leaky is a rectifier with a slope below zero.
func (m *maker) leaky(x string) string {
	s := m.shape(x)
	switch m.IntN(4) {
	case 0:
		return m.add("LeakyRelu", ins(x))
	case 1:
		return m.add("LeakyRelu", ins(x), af("alpha", pick[float32](m, 0.1, 0.3, 1, -0.5, 1.5)))
	case 2:
		return m.add("PRelu", ins(x, m.constant(m.uniform(0.1, 0.4, slices.Repeat([]int{1}, m.IntN(3))...))))
	}
	shape := slices.Repeat([]int{1}, len(s)-1)
	shape[0] = s[1]
	return m.add("PRelu", ins(x, m.constant(m.uniform(-0.2, 0.6, shape...))))
}
