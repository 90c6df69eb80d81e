package onnx

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// piecewise is a continuous function of one number, linear between its knots, of which
// it has at least one, and beyond them. ReLU is one, and so are its relatives, in
// whatever operators a file writes them.
type piecewise struct {
	knots       []knot  // By x.
	left, right float64 // Slopes before the first knot and behind the last.
}

type knot struct{ x, y float64 }

// maxKnots bounds the functions that are kept; those of networks have one or two.
const maxKnots = 32

func straight(slope, offset float64) piecewise {
	return piecewise{[]knot{{0, offset}}, slope, slope}
}

// between is min(max(x, least), most); either may be infinite.
func between(least, most float64) piecewise {
	switch {
	case least >= most:
		return straight(0, most)
	case math.IsInf(least, -1) && math.IsInf(most, 1):
		return straight(1, 0)
	case math.IsInf(least, -1):
		return piecewise{[]knot{{most, most}}, 1, 0}
	case math.IsInf(most, 1):
		return piecewise{[]knot{{least, least}}, 0, 1}
	}
	return piecewise{[]knot{{least, least}, {most, most}}, 0, 0}
}

// bent is down x below zero and up x above.
func bent(down, up float64) piecewise {
	return piecewise{[]knot{{0, 0}}, down, up}
}

// at returns f(x).
func (f piecewise) at(x float64) float64 {
	i, on := slices.BinarySearchFunc(f.knots, x, func(k knot, x float64) int { return cmp.Compare(k.x, x) })
	if on {
		return f.knots[i].y
	}
	k := f.knots[max(i-1, 0)]
	return k.y + f.slope(i)*(x-k.x)
}

// bounds returns the least and the largest value of f, which may be infinite.
func (f piecewise) bounds() (least, most float64) {
	least, most = f.knots[0].y, f.knots[0].y
	for _, k := range f.knots {
		least, most = min(least, k.y), max(most, k.y)
	}
	if f.left > 0 || f.right < 0 {
		least = math.Inf(-1)
	}
	if f.left < 0 || f.right > 0 {
		most = math.Inf(1)
	}
	return least, most
}

// scaled returns a f + b.
func (f piecewise) scaled(a, b float64) piecewise {
	out := piecewise{slices.Clone(f.knots), a * f.left, a * f.right}
	for i, k := range out.knots {
		out.knots[i].y = a*k.y + b
	}
	return out.simple()
}

// plus returns f + g.
func (f piecewise) plus(g piecewise) piecewise {
	out := piecewise{left: f.left + g.left, right: f.right + g.right}
	for _, x := range bends(f, g) {
		out.knots = append(out.knots, knot{x, f.at(x) + g.at(x)})
	}
	return out.simple()
}

// of returns f(g(x)).
func (f piecewise) of(g piecewise) piecewise {
	xs := bends(g)
	for _, k := range f.knots {
		xs = append(xs, g.where(k.x)...)
	}
	slices.Sort(xs)
	out := piecewise{left: f.beyond(-g.left) * g.left, right: f.beyond(g.right) * g.right}
	for _, x := range slices.Compact(xs) {
		out.knots = append(out.knots, knot{x, f.at(f.snapped(g.at(x)))})
	}
	return out.simple()
}

// snapped returns the place of the knot that y is, up to rounding, or y.
func (f piecewise) snapped(y float64) float64 {
	for _, k := range f.knots {
		if near(k.x, y, max(math.Abs(k.x), math.Abs(y))) {
			return k.x
		}
	}
	return y
}

// beyond returns the slope of f far out on the side that toward points to; 0, where it
// points to none.
func (f piecewise) beyond(toward float64) float64 {
	switch {
	case toward < 0:
		return f.left
	case toward > 0:
		return f.right
	}
	return 0
}

// where returns the places at which f crosses y or touches it, but not those at which
// it stays there, which begin and end at knots.
func (f piecewise) where(y float64) (xs []float64) {
	first, last := f.knots[0], f.knots[len(f.knots)-1]
	if x := first.x + (y-first.y)/f.left; f.left != 0 && x < first.x {
		xs = append(xs, x)
	}
	for i, k := range f.knots {
		if k.y == y {
			xs = append(xs, k.x)
		} else if i > 0 {
			if j := f.knots[i-1]; (j.y < y) != (k.y < y) && j.y != y {
				xs = append(xs, j.x+(k.x-j.x)*(y-j.y)/(k.y-j.y))
			}
		}
	}
	if x := last.x + (y-last.y)/f.right; f.right != 0 && x > last.x {
		xs = append(xs, x)
	}
	return xs
}

// choose returns f where when is above zero and g elsewhere. It is an error if that
// jumps.
func choose(when, f, g piecewise) (piecewise, error) {
	xs := append(bends(when, f, g), when.where(0)...)
	slices.Sort(xs)
	xs = slices.Compact(xs)
	pick := func(x float64) piecewise {
		if when.at(x) > 0 {
			return f
		}
		return g
	}
	n := len(xs)
	out := piecewise{left: pick(xs[0] - 1).left, right: pick(xs[n-1] + 1).right}
	before := pick(xs[0] - 1)
	for i, x := range xs {
		after := pick(xs[n-1] + 1)
		if i+1 < n {
			after = pick(x + (xs[i+1]-x)/2)
		}
		a := before.at(x)
		b := after.at(x)
		if !near(a, b, max(math.Abs(a), math.Abs(b), 1e-3)) {
			return piecewise{}, unsupported("jumps from %.6g to %.6g; only what is continuous, as a ReLU is, has a spiking counterpart", a, b)
		}
		out.knots = append(out.knots, knot{x, a})
		before = after
	}
	return out.simple(), nil
}

// ending returns f + shift for values that are rounded to integers, where f itself is
// rounded by round: it ends where the rounded values end, on the way that it takes there.
func (f piecewise) ending(round func(float64) float64, shift float64) piecewise {
	g := f.scaled(1, shift)
	n := len(g.knots)
	if n == 1 && (g.left == 0) == (g.right == 0) || n > 2 { // A line, or one that has no counterpart.
		least, most := f.bounds()
		return between(round(least), round(most)).of(g)
	}
	ends := [2]float64{round(f.knots[0].y), round(f.knots[n-1].y)}
	for i, k := range g.knots {
		slope := g.slope(1)
		if n == 1 && g.left != 0 {
			slope = g.left
		}
		if i == 0 && g.left == 0 {
			g.knots[0] = knot{k.x + (ends[0]-k.y)/slope, ends[0]}
		}
		if i == n-1 && g.right == 0 {
			g.knots[i] = knot{k.x + (ends[1]-k.y)/slope, ends[1]}
		}
	}
	if n == 2 && !(g.knots[0].x < g.knots[1].x) {
		return straight(0, ends[0])
	}
	return g
}

// bends returns the places of all knots, by x, each once.
func bends(fs ...piecewise) (xs []float64) {
	for _, f := range fs {
		for _, k := range f.knots {
			xs = append(xs, k.x)
		}
	}
	slices.Sort(xs)
	return slices.Compact(xs)
}

// simple returns f without knots at which it does not bend, up to rounding, and without
// pieces that are none. Of a straight line the knot nearest zero stays.
func (f piecewise) simple() piecewise {
	largest := max(math.Abs(f.left), math.Abs(f.right))
	wide := 0.0
	for i, k := range f.knots {
		wide = max(wide, math.Abs(k.x))
		if i > 0 {
			if s := math.Abs(f.slope(i)); !math.IsInf(s, 0) && !math.IsNaN(s) {
				largest = max(largest, s)
			}
		}
	}
	var knots []knot
	for _, k := range f.knots {
		if n := len(knots); n == 0 || !near(knots[n-1].x, k.x, wide) {
			knots = append(knots, k)
		}
	}
	f.knots = knots
	for i := 0; i < len(f.knots) && len(f.knots) > 1; {
		if near(f.slope(i), f.slope(i+1), largest) {
			f.knots = slices.Delete(slices.Clone(f.knots), i, i+1)
		} else {
			i++
		}
	}
	if len(f.knots) == 1 && near(f.left, f.right, largest) {
		y := f.at(0)
		return straight(f.right, y)
	}
	return f
}

// slope returns the slope of the piece before knot i; of the last, for i the number of
// knots.
func (f piecewise) slope(i int) float64 {
	switch i {
	case 0:
		return f.left
	case len(f.knots):
		return f.right
	}
	a, b := f.knots[i-1], f.knots[i]
	return (b.y - a.y) / (b.x - a.x)
}

// near reports whether a and b are one number, computed in float32 in two ways, where
// numbers are as large as scale.
func near(a, b, scale float64) bool { return math.Abs(a-b) <= 1e-6*scale }

// finite reports whether all numbers of f are.
func (f piecewise) finite() bool {
	ok := !math.IsNaN(f.left-f.left) && !math.IsNaN(f.right-f.right)
	for _, k := range f.knots {
		ok = ok && !math.IsNaN(k.x-k.x) && !math.IsNaN(k.y-k.y)
	}
	return ok
}

// rectified is a piecewise function as neurons can be:
//
//	y = scale R(in x + shift) + offset
//
// where R is a rectifier: from 0 to most, which may be infinite, or x below zero with
// the slope leak.
type rectified struct {
	in, shift     float64
	leak, most    float64
	scale, offset float64
}

// rectified returns f as neurons can be.
func (f piecewise) rectified() (rectified, error) {
	k := f.knots[0]
	r := rectified{in: 1, shift: -k.x, most: math.Inf(1), scale: f.right, offset: k.y}
	switch {
	case len(f.knots) == 1 && f.left == f.right:
		return r, fmt.Errorf("straight") // The caller has looked.
	case len(f.knots) == 1 && f.right != 0:
		r.leak = f.left / f.right
		return r, nil
	case len(f.knots) == 1:
		r.in, r.shift, r.scale = -1, k.x, -f.left
		return r, nil
	case len(f.knots) == 2 && f.left == 0 && f.right == 0:
		last := f.knots[1]
		r.most = last.x - k.x
		r.scale = (last.y - k.y) / r.most
		if r.scale < 0 { // From the other side, so that its rates are weights' with their sign.
			r.in, r.shift, r.scale, r.offset = -1, last.x, -r.scale, last.y
		}
		return r, nil
	}
	return r, unsupported("makes a function of %d pieces; only ReLU, with a bound or a slope below zero, has a spiking counterpart", len(f.knots)+1)
}
