package tune

import "math"

// bins is how many a channel's histogram has.
const bins = 2048

// histogram counts the currents into a channel in bins of one width, from low on; the first
// and the last bin have what lies beyond. It is made of counts and has an exact mean, so
// that it does not depend on the order of what it sees.
type histogram struct {
	low, width float64
	counts     []uint64
	n          uint64
	sum        sum
}

// newHistogram returns one for currents that reach up to most in the trained network.
// What the spiking one gets differs little, and below zero only what a shift may lift
// matters.
func newHistogram(most float64) *histogram {
	return &histogram{low: -most / 4, width: most * 1.75 / bins, counts: make([]uint64, bins)}
}

func (h *histogram) add(x float32) {
	h.counts[int(min(max((float64(x)-h.low)/h.width, 0), bins-1))]++
}

func (h *histogram) merge(o *histogram) {
	for j, n := range o.counts {
		h.counts[j] += n
	}
	h.n += o.n
	h.sum.merge(o.sum)
}

func (h *histogram) mean() float64 { return h.sum.value() / float64(h.n) }

// at returns the current that bin j stands for, after a shift of the bias. The first one
// has what no shift lifts above zero.
func (h *histogram) at(j int, shift float64) float64 {
	if j == 0 {
		return math.Inf(-1)
	}
	return h.low + (float64(j)+0.5)*h.width + shift
}

// level returns how many spikes a phased neuron of that lambda makes of x.
func level(x, lambda, vInit float64, T int) float64 {
	return min(max(math.Floor(float64(T)*x/lambda+vInit), 0), float64(T))
}

// quantiser is what the fit of a channel needs to know of its neurons.
type quantiser struct {
	T     int
	vInit float64
	act   Activation
	cubed bool
}

// cost returns the mean of (a - q)^2, with a what the trained network has of a current and q
// what the spikes say. In a phased network it is the mean of |a - q|^3, which clips less: a
// value that is clipped lacks the same again behind every layer, and a bias that makes up for
// it on average is wrong for all others, while errors of rounding cancel. But where shortcuts
// hand on what is left, nothing is lacking, and in a synchronous network what comes too early is
// more than what is clipped.
func (q quantiser) cost(h *histogram, shift, lambda float64) float64 {
	sum := 0.0
	for j, n := range h.counts {
		if n > 0 {
			x := h.at(j, shift)
			d := float64(q.act.value(float32(x))) - lambda/float64(q.T)*level(x, lambda, q.vInit, q.T)
			if q.cubed {
				d *= math.Sqrt(math.Abs(d))
			}
			sum += float64(n) * d * d
		}
	}
	return sum / float64(h.n)
}

// mean returns the mean of what the spikes say.
func (q quantiser) mean(h *histogram, shift, lambda float64) float64 {
	sum := 0.0
	for j, n := range h.counts {
		if n > 0 {
			sum += float64(n) * level(h.at(j, shift), lambda, q.vInit, q.T)
		}
	}
	return sum * lambda / float64(q.T) / float64(h.n)
}

// lambda returns the one of least cost, and false for a channel without a current above
// zero. A grid finds the valley, a finer one its bottom.
func (q quantiser) lambda(h *histogram, shift float64) (float64, bool) {
	top := 0.0
	for j := bins - 1; j >= 0 && top == 0; j-- {
		if h.counts[j] > 0 {
			top = h.at(j, shift) + h.width/2
		}
	}
	if !(top > h.width) {
		return 0, false
	}
	const grid = 60
	best, least, step := top, math.Inf(1), top/grid
	for _, around := range []float64{0, 1} {
		first, last := step, top
		if around > 0 {
			first, last, step = max(best-step, step/10), best+step, step/10
		}
		for x := first; x <= last*(1+1e-9); x += step {
			if c := q.cost(h, shift, x); c < least {
				best, least = x, c
			}
		}
	}
	return best, true
}
