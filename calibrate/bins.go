package calibrate

import "math"

// maxBins is how many bins a [Histogram] has at most. It has more than half of
// them, unless all activations are next to nothing.
const maxBins = 64

// bins gathers the counts of pass one in bins of equal width, without another
// look at the images and without splitting a count: activations with the same
// high bits lie within 2^-7 of their power of two, and every edge is a multiple of
// that width for the largest power of two there is. (Subnormal ones, which have
// fewer digits, lie within 2^-133.)
func (h *histogram) bins() Histogram {
	lo, hi := h.extent()
	if !(lo < hi) {
		return Histogram{}
	}
	_, e := math.Frexp(max(-lo, hi)) // Below 2^e.
	unit := max(math.Ldexp(1, e-8), math.Ldexp(1, -133))
	width, first, n := 0.0, 0.0, maxBins+1
	for k := 1; n > maxBins; k++ {
		width = float64(k) * unit
		first = math.Floor(lo / width)
		n = int(math.Ceil(hi/width) - first)
	}
	l := Histogram{Edges: make([]float64, n+1), Counts: make([]uint64, n)}
	for i := range l.Edges {
		l.Edges[i] = (first + float64(i)) * width
	}
	for k, count := range h.count {
		if count > 0 {
			a, b := bounds(uint32(k))
			l.Counts[int(math.Floor((a+b)/2/width)-first)] += count
		}
	}
	return l
}

// extent returns the bounds of the lowest and of the highest high bits counted,
// and includes zero: the axis of activations begins there.
func (h *histogram) extent() (lo, hi float64) {
	for k, count := range h.count {
		if count > 0 {
			a, b := bounds(uint32(k))
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	return lo, hi
}

// bounds returns between what numbers the floats lie whose ordered bits begin with
// the 16 bits of high.
func bounds(high uint32) (lo, hi float64) {
	a, b := float64(float(high<<16)), float64(float(high<<16|0xffff))
	// The float that is farther from zero is just short of a round number.
	const ulps = 1 << 16
	if high>>15 != 0 {
		return a, a + (b-a)*(ulps/(ulps-1.0))
	}
	return b - (b-a)*(ulps/(ulps-1.0)), b
}
