package onnx

import (
	"errors"
	"math"
	"slices"
)

// A file in the QDQ format is a network of floats with pairs of operators in it:
//
//	q = clip(round(x / scale) + zero, least, most)      QuantizeLinear; least and most are those of q's type
//	y = (q - zero) scale                                DequantizeLinear
//
// Here are those of constants, which are computed: weights keep the values that they
// were rounded to. For those of activations see pair.go.

// grid is the scale and zero point of QuantizeLinear or DequantizeLinear: one, or one for
// every channel or block.
type grid struct {
	scale []float32 // Positive and finite.
	shape []int     // Of scale.
	zero  []int64   // One, or as many as scale.
	given bool      // Whether there is a zero point.
	typ   elemType  // Of it; 0 where that cannot be told.
}

// newGrid reads the inputs behind the data; zero may be nil.
func (im *importer) newGrid(scale, zero *value) (*grid, error) {
	if scale == nil || scale.kind != floats || scale.len() == 0 {
		return nil, errors.New("its scale is not a float")
	}
	if err := im.tensors.budget.charge(scale.len(), 4); err != nil { // For the time it takes, too.
		return nil, err
	}
	for i, s := range scale.f {
		if !(s > 0) || math.IsInf(float64(s), 1) {
			return nil, unsupported("its scale is %v at element %d; it must be positive and finite", s, i)
		}
	}
	g := &grid{scale: scale.f, shape: scale.shape, zero: []int64{0}}
	if zero == nil {
		return g, nil
	}
	switch {
	case zero.len() != 1 && zero.len() != scale.len() || zero.len() == 0:
		return nil, unsupported("it has %d zero points for %d scales", zero.len(), scale.len())
	case zero.kind != floats:
		g.zero = zero.i
	case !zero.isZero():
		return nil, unsupported("its zero point is a float other than 0")
	}
	g.given, g.typ = true, zero.typ
	return g, nil
}

// gridOf is newGrid for an activation.
func (im *importer) gridOf(in []*edge) (*grid, error) {
	scale, err := required(in, 1, "scale")
	if err != nil {
		return nil, err
	}
	zero, err := optional(in, 2, "zero point")
	if err != nil {
		return nil, err
	}
	return im.newGrid(scale, zero)
}

// zeroAt returns the zero point of scale i.
func (g *grid) zeroAt(i int) int64 {
	if len(g.zero) == 1 {
		return g.zero[0]
	}
	return g.zero[i]
}

// ranges are the least and largest numbers of the types that are quantised to.
var ranges = map[elemType][2]int64{
	typeInt4: {-8, 7}, typeInt8: {math.MinInt8, math.MaxInt8}, typeInt16: {math.MinInt16, math.MaxInt16},
	typeUint4: {0, 15}, typeUint8: {0, math.MaxUint8}, typeUint16: {0, math.MaxUint16},
}

// target returns the type that the QuantizeLinear n gives, and its least and largest
// numbers.
func (g *grid) target(n *node) (t elemType, least, most int64, err error) {
	to, err := n.int("output_dtype", 0)
	if err != nil {
		return 0, 0, 0, err
	}
	switch t = elemType(to); {
	case t == 0 && g.given:
		t = g.typ
	case t == 0:
		t = typeUint8
	}
	r, ok := ranges[t]
	switch {
	case t == 0:
		return 0, 0, 0, unsupported("the type of its zero point cannot be told")
	case !ok:
		l, _ := t.layout()
		return 0, 0, 0, unsupported("quantises to type %d %s; only integers of 4, 8 and 16 bits, whose levels are evenly spaced, are supported", t, l.name)
	case g.typ != 0 && g.typ != t:
		return 0, 0, 0, errors.New("output_dtype is another type than that of the zero point")
	}
	return t, r[0], r[1], nil
}

// index returns the function that tells which scale is that of an element of a constant
// of that shape.
func (g *grid) index(n *node, shape []int) (func(i int) int, error) {
	count := len(g.scale)
	block, err := n.int("block_size", 0)
	if err != nil {
		return nil, err
	}
	if block == 0 && count == 1 {
		return func(int) int { return 0 }, nil
	}
	a, err := n.int("axis", 1)
	if err != nil {
		return nil, err
	}
	if len(shape) == 1 { // There is no other.
		a = 0
	}
	axis, err := normalAxis(a, len(shape))
	if err != nil {
		return nil, err
	}
	d, inner := shape[axis], strides(shape)[axis]
	if block == 0 {
		if count != d {
			return nil, unsupported("it has %d scales for axis %d of a constant of shape %v", count, axis, shape)
		}
		return func(i int) int { return i / inner % d }, nil
	}
	if block < 1 || block > math.MaxInt32 {
		return nil, unsupported("block_size %d is out of range", block)
	}
	b, want := int(block), slices.Clone(shape)
	k := (d + b - 1) / b
	if want[axis] = k; !slices.Equal(want, g.shape) {
		return nil, unsupported("it has scales of shape %v, but blocks of %d on axis %d of %v need %v", g.shape, b, axis, shape, want)
	}
	return func(i int) int { return (i/(d*inner)*k+i/inner%d/b)*inner + i%inner }, nil
}

func (im *importer) foldQuantize(n *node, in []*value) (*value, error) {
	x, g, at, err := im.quantizing(n, in)
	if err != nil {
		return nil, err
	}
	t, least, most, err := g.target(n)
	if err != nil {
		return nil, err
	}
	if x.kind != floats {
		return nil, errors.New("quantises integers")
	}
	out, err := im.tensors.budget.newValue(integers, x.shape)
	if err != nil {
		return nil, err
	}
	out.typ = t
	for i, v := range x.f {
		if math.IsNaN(float64(v)) {
			return nil, unsupported("element %d of its constant is NaN", i)
		}
		k := at(i)
		q := math.RoundToEven(float64(v/g.scale[k])) + float64(g.zeroAt(k))
		out.i[i] = int64(min(max(q, float64(least)), float64(most)))
	}
	return out, nil
}

func (im *importer) foldDequantize(n *node, in []*value) (*value, error) {
	x, g, at, err := im.quantizing(n, in)
	if err != nil {
		return nil, err
	}
	if l, _ := x.typ.layout(); x.kind == booleans || x.kind == floats && l.bytes != 1 {
		return nil, errors.New("its constant is not quantised")
	}
	out, err := im.tensors.budget.newValue(floats, x.shape)
	if err != nil {
		return nil, err
	}
	for i := range out.f {
		k := at(i)
		if x.kind == floats {
			out.f[i] = x.f[i] * g.scale[k]
		} else {
			out.f[i] = float32(x.i[i]-g.zeroAt(k)) * g.scale[k]
		}
	}
	return out, nil
}

// quantizing returns the constant that n quantises or the opposite, and how.
func (im *importer) quantizing(n *node, in []*value) (x *value, g *grid, at func(i int) int, err error) {
	if _, err = need(in, 2); err != nil {
		return nil, nil, nil, err
	}
	var zero *value
	if len(in) > 2 {
		zero = in[2]
	}
	if g, err = im.newGrid(in[1], zero); err != nil {
		return nil, nil, nil, err
	}
	at, err = g.index(n, in[0].shape)
	return in[0], g, at, err
}
