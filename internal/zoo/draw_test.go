package zoo

import (
	"math"
	"slices"
)

// draw draws a network of every operator, in any order that ONNX allows.
func draw(seed uint64) *maker {
	m := newMaker(seed)
	if m.one(8) {
		m.tail(m.vectorInput())
	} else {
		x := m.front(m.imageInput())
		if !m.one(12) {
			x = m.layer(x)
		}
		for n := m.IntN(6); n >= 0; n-- {
			x = m.piece(x, 0)
		}
		m.end(x)
	}
	m.listed = m.one(10)
	return m
}

// vectorInput declares an input of (batch, n).
func (m *maker) vectorInput() string {
	m.input, m.declared = "x", []int{m.drawBatch(), 1 + m.IntN(12)}
	return m.given(m.batch, m.declared[1])
}

// drawBatch returns the batch as the file has it: mostly open, which is taken as one.
func (m *maker) drawBatch() int {
	if m.one(4) {
		m.batch = 2 + m.IntN(2)
		return m.batch
	}
	return m.IntN(2)
}

func (m *maker) given(shape ...int) string {
	m.values[m.input] = m.uniform(-1, 1, shape...)
	return m.input
}

// imageInput declares an image in any way that people do, and returns it with channels
// first.
func (m *maker) imageInput() string {
	c, h, w := pick(m, 1, 1, 2, 3, 3, 4), 1+m.IntN(9), 1+m.IntN(9)
	if !m.one(6) {
		h, w = max(h, 4), max(w, 4)
	}
	m.input = pick(m, "x", "input:0", "data")
	b := m.drawBatch()
	n := m.batch
	switch m.IntN(10) {
	default:
		m.declared = []int{b, c, h, w}
		return m.given(n, c, h, w)
	case 0, 1: // Channels last, with or without arithmetic before the Transpose.
		m.declared, m.lastly = []int{b, h, w, c}, true
		x := m.given(n, h, w, c)
		if m.one(3) {
			x = m.affine(x, 3)
		}
		if m.one(3) {
			x = m.channels(x, 3)
		}
		return m.add("Transpose", ins(x), al("perm", 0, 3, 1, 2))
	case 2:
		m.declared = []int{b, c * h * w}
		x := m.given(n, c*h*w)
		if m.one(3) {
			x = m.uniformly(x)
		}
		return m.add("Reshape", ins(x, m.ints(pick(m, n, -1), c, h, w)))
	case 3:
		m.declared = []int{b, h, w}
		x := m.given(n, h, w)
		if m.one(3) {
			x = m.uniformly(x)
		}
		return m.unsqueezed(x, 1)
	case 4:
		if b != 1 {
			m.declared = []int{b, 1, c, h * w}
			x := m.given(n, 1, c, h*w)
			return m.add("Reshape", ins(x, m.ints(n, c, h, -1)))
		}
		m.declared = []int{c, h, w}
		return m.unsqueezed(m.given(c, h, w), 0)
	case 5:
		m.declared = []int{b, h, w, 1}
		x := m.given(n, h, w, 1)
		if m.one(2) {
			return m.add("Transpose", ins(x), al("perm", 0, 3, 1, 2))
		}
		return m.add("Reshape", ins(x, m.ints(-1, 1, h, w)))
	}
}

// uniformly scales or shifts by one number.
func (m *maker) uniformly(x string) string {
	if m.one(2) {
		return m.add("Mul", ins(x, m.constant(m.uniform(0.5, 2))))
	}
	return m.add("Sub", ins(x, m.constant(m.uniform(-0.5, 0.5))))
}

// front is what people put before the first convolution.
func (m *maker) front(x string) string {
	for m.one(3) {
		switch m.IntN(4) {
		case 0:
			x = m.norm(x)
		case 1:
			x = m.affine(x, 1)
		case 2:
			x = m.uniformly(x)
		default:
			x = m.channels(x, 1)
		}
	}
	return x
}

// channels repeats or permutes the channels of the image, which are on that axis.
func (m *maker) channels(x string, axis int) string {
	s := slices.Clone(m.shape(x))
	c := s[axis]
	switch k := m.IntN(6); {
	case k == 0 && c == 1 && m.opset >= 8:
		s[0], s[3] = pick(m, 1, s[0]), pick(m, 1, s[3])
		s[axis] = 3
		return m.add("Expand", ins(x, m.like(x, s...)))
	case k == 1 && c < 4:
		times := []int{1, 1, 1, 1}
		times[axis] = 2
		return m.add("Tile", ins(x, m.ints(times...)))
	case k == 2:
		list := make([]int, 1+m.IntN(4))
		for i := range list {
			list[i] = m.IntN(c)
		}
		return m.add("Gather", ins(x, m.ints(list...)), ai("axis", axis))
	case k == 3 && m.opset >= 10:
		return m.sliced(x, axis, -1, -1<<40, -1)
	case k == 4 && c < 4:
		return m.add("Concat", ins(x, x, x)[:2+m.IntN(2)], ai("axis", axis))
	default:
		var parts []string
		for _, i := range m.Perm(c) {
			if m.one(2) {
				parts = append(parts, m.sliced(x, axis, i, i+1, 1))
			} else {
				parts = append(parts, m.add("Gather", ins(x, m.constant(list(i))), ai("axis", axis)))
			}
		}
		return m.add("Concat", parts, ai("axis", axis))
	}
}

// tried returns what f makes of x, or x itself where that is no sensible value: empty,
// not finite, or large.
func (m *maker) tried(x string, f func(string) string) string {
	nodes, inits, was := len(m.nodes), len(m.inits), m.fragile
	m.fragile = false
	defer func() { m.fragile = was }() // What is around it has its own.
	y := f(x)
	v := m.values[y]
	if len(v.x) == 0 || slices.Contains(v.shape, 0) || !(v.largest() < 1e4) || m.fragile || slices.ContainsFunc(v.x, math.IsNaN) {
		m.nodes, m.inits = m.nodes[:nodes], m.inits[:inits]
		return x
	}
	return y
}

// piece adds a piece of a network behind the image x. depth tells how deep it is nested.
func (m *maker) piece(x string, depth int) string {
	if len(m.values[x].x) > 600*m.batch {
		return m.tried(x, func(x string) string { return m.pool(m.act(x)) })
	}
	return m.tried(x, func(x string) string {
		k := m.IntN(40)
		if depth > 2 {
			k = m.IntN(20)
		}
		switch {
		case k < 9:
			return m.layer(x)
		case k < 11:
			return m.norm(x)
		case k < 13:
			return m.act(x)
		case k < 15:
			return m.pool(x)
		case k < 16:
			return m.pool(m.act(x))
		case k < 17:
			return m.leaky(x)
		case k < 18:
			return m.same(x)
		case k < 19:
			return m.moved(x)
		case k < 20:
			return m.act(m.affine(x, 1))
		case k < 26:
			return m.residual(x, depth)
		case k < 29:
			return m.stream(x, depth)
		case k < 34:
			return m.sideBySide(x, depth)
		case k < 36:
			return m.shared(x, depth)
		case k < 37:
			return m.halves(x, depth)
		case k < 39:
			return m.lastChannels(x)
		default:
			return m.strange(x)
		}
	})
}
