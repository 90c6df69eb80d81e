package calibrate

import (
	"math"
	"slices"
	"sync"
)

// histogram finds the percentile of the activations of one node by radix
// selection on ordered bits; see [ordered]. Workers add whole activations of one
// image under its lock.
type histogram struct {
	mu    sync.Mutex
	count [1 << 16]uint64 // Pass one: by the high 16 bits; pass two: by the low.

	zeros uint64 // Not in count, for half of all activations are zero.
	n     uint64
	max   float32
	sums  [256]int64 // Of the signed mantissas, by exponent: exact up to 2^39 activations.

	// The choice of pass one.
	high uint32 // High bits of the percentile.
	rank uint64 // Of the percentile among those with these bits, from 1.
	top  bool   // The percentile is the maximum; pass two has nothing to find.

	linear Histogram // What pass one counted, in bins of equal width.

	near       near    // What pass one keeps for pass two,
	percentile float64 // around this one.

	// Other percentiles of the same activations have histograms of their own, but for what pass
	// one counts.
	also []*histogram
	of   *histogram // That one of them is beside; nil for the first.
}

// counted returns the histogram that pass one counts in.
func (h *histogram) counted() *histogram {
	if h.of != nil {
		return h.of
	}
	return h
}

// all returns h and those of other percentiles, these first: the end of pass one takes away what
// they read.
func (h *histogram) all() []*histogram { return append(slices.Clone(h.also), h) }

// ordered maps a float32, which must not be -0 or NaN, to a number of the same order.
func ordered(x float32) uint32 {
	b := math.Float32bits(x)
	if b>>31 != 0 {
		return ^b
	}
	return b | 1<<31
}

// float is the inverse of ordered.
func float(k uint32) float32 {
	if k>>31 != 0 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}

func newHistogram() *histogram { return &histogram{near: no} }

// addHigh is the first pass.
func (h *histogram) addHigh(x []float32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n == 0 {
		h.max = x[0]
	}
	for c := range slices.Chunk(x, nearTurn) {
		h.addSome(c)
		for _, other := range h.also {
			other.keepNear(c)
		}
	}
}

func (h *histogram) addSome(x []float32) {
	h.n += uint64(len(x))
	from, span, kept := h.near.from, h.near.span, h.near.kept
	for _, v := range x {
		if v == 0 {
			h.zeros++
			continue
		}
		k := ordered(v)
		h.count[k>>16]++
		if k>>16-from <= span {
			kept = append(kept, k)
		}
		b := math.Float32bits(v)
		e := b >> 23 & 0xff
		m := int64(b & (1<<23 - 1))
		if e == 0 {
			e = 1 // Subnormal: no leading one.
		} else {
			m |= 1 << 23
		}
		if b>>31 != 0 {
			m = -m
		}
		h.sums[e] += m
	}
	for _, v := range x {
		h.max = max(h.max, v)
	}
	h.near.kept = kept
	h.tidy()
}

// place returns the high bits of the percentile of the activations so far, and which of
// those with these bits it is, from 1.
func (h *histogram) place(percentile float64) (high uint32, rank uint64) {
	from := h.counted()
	rank = Rank(percentile, from.n)
	for k, n := range from.count {
		if k == int(ordered(0)>>16) {
			n += from.zeros
		}
		if rank <= n {
			return uint32(k), rank
		}
		rank -= n
	}
	return 1<<16 - 1, rank // There are none.
}

// chooseHigh ends the first pass.
func (h *histogram) chooseHigh(percentile float64) {
	from := h.counted()
	h.top = Rank(percentile, from.n) == from.n
	h.high, h.rank = h.place(percentile)
	if h.of == nil {
		h.linear = h.bins()
		clear(h.count[:])
	}
	if h.high == ordered(0)>>16 {
		h.count[0] = from.zeros // Zero has no low bits.
	}
}

// addLow is the second pass.
func (h *histogram) addLow(x []float32) {
	if h.top {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, v := range x {
		if k := ordered(v); k>>16 == h.high && v != 0 {
			h.count[k&0xffff]++
		}
	}
}

// statistics ends the second pass.
func (h *histogram) statistics(node string) NodeStatistics {
	from := h.counted()
	s := NodeStatistics{Node: node, Max: from.max, Zeros: from.zeros, Count: from.n, Lambda: from.max, Histogram: from.linear}
	if !h.top {
		rank := h.rank
		for k, n := range h.count {
			if rank <= n {
				s.Lambda = float(h.high<<16 | uint32(k))
				break
			}
			rank -= n
		}
	}
	for e, m := range from.sums {
		s.Mean += math.Ldexp(float64(m), e-150)
	}
	s.Mean /= float64(from.n)
	return s
}
