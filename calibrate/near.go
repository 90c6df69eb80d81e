package calibrate

import "slices"

// near keeps the activations around a guess of the percentile while images pass, so that
// they need not be looked for in a second pass over all of them. There are more and more
// of them, and the guess gets better and better: what is kept is a range of high bits
// that only narrows. If the percentile turns out to be in it, all with its high bits
// are there.
type near struct {
	from, span uint32   // The lowest high bits, and how many more there are.
	kept       []uint32 // The activations, as ordered bits.
	low        []uint64 // Once there is one of high bits left: counts by low bits in their place.
}

const (
	nearSpan = 256     // High bits of the first range: an octave on either side.
	nearMost = 1 << 17 // Activations that are kept, which take 512 KiB.
	nearTurn = 1 << 14 // Activations between two looks at how many are kept.
)

// no is the range of nothing.
var no = near{from: 1 << 31}

// aim begins to keep activations around the percentile of those so far.
func (h *histogram) aim(percentile float64) {
	at, _ := h.place(percentile)
	h.percentile, h.near = percentile, near{kept: make([]uint32, 0, nearMost+nearTurn)}
	h.near.narrow(0, 1<<16-1, at, nearSpan/2)
}

// narrow sets the range to what is at most half away from at, within from and to.
func (r *near) narrow(from, to, at, half uint32) {
	if at > half {
		from = max(from, at-half)
	}
	r.from, r.span = from, min(to, at+half)-from
}

// keepNear keeps what is near its percentile of activations that another histogram counts.
func (h *histogram) keepNear(x []float32) {
	if h.near.from == no.from {
		return
	}
	from, span, kept := h.near.from, h.near.span, h.near.kept
	for _, v := range x {
		if v == 0 {
			continue
		}
		if k := ordered(v); k>>16-from <= span {
			kept = append(kept, k)
		}
	}
	h.near.kept = kept
	h.tidy()
}

// tidy sees to it that not too many are kept.
func (h *histogram) tidy() {
	switch {
	case h.near.low != nil:
		h.settle()
	case len(h.near.kept) > nearMost:
		h.shrink()
	}
}

// shrink keeps fewer activations, once there are too many.
func (h *histogram) shrink() {
	r := &h.near
	for len(r.kept) > nearMost/2 {
		if r.span == 0 {
			r.low = make([]uint64, 1<<16)
			h.settle()
			return
		}
		at, _ := h.place(h.percentile)
		if at-r.from > r.span {
			*r = no // It was a bad guess.
			return
		}
		r.narrow(r.from, r.from+r.span, at, r.span/4)
		r.kept = slices.DeleteFunc(r.kept, func(k uint32) bool { return k>>16-r.from > r.span })
	}
}

// settle moves what is kept to the counts by low bits.
func (h *histogram) settle() {
	for _, k := range h.near.kept {
		h.near.low[k&0xffff]++
	}
	h.near.kept = h.near.kept[:0]
}

// recall counts what was kept in place of the second pass, after chooseHigh, and reports
// whether that was all that a second pass over the same images would count.
func (h *histogram) recall() bool {
	if h.top {
		return true
	}
	r := h.near
	h.near = no
	if h.high-r.from > r.span {
		return false
	}
	for _, k := range r.kept {
		if k>>16 == h.high {
			h.count[k&0xffff]++
		}
	}
	for k, n := range r.low {
		h.count[k] += n
	}
	return true
}
