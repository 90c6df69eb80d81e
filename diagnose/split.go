package diagnose

import (
	"math"

	"sresnet/snn"
)

// Split is the error of a neuron in its parts, in units of lambda: what its
// rate r stands for, less the trained network's activation a. With x = a/lambda, T
// timesteps, the mean current zbar over them (bias included, in thresholds) and the
// start potential V[0] in thresholds,
//
//	c  = min(x, 1)                                Clipping     = c - x
//	c' = min(max(zbar, 0), 1)                     Inherited    = c' - c
//	q  = clip(floor(T c' + V[0]), 0, T) / T       Quantisation = q - c'
//	r  = spikes / T                               Unevenness   = r - q
//
// The parts add up to r - x. Clipping is what no rate can show; Inherited is what the
// layers before got wrong; Quantisation is what a neuron with that mean current,
// spread evenly, rounds off; Unevenness is the order of spikes in time, such as early
// ones that later input would have prevented. The split follows the clipping,
// quantisation and unevenness errors of the literature [bu2022].
//
// That is of integrate-and-fire neurons. Of others, whose rates do not exceed the
// inverse of their period p, and for whose rate curve conversion has taken the line
// I = gain r + offset, see snn.Neuron,
//
//	c  = min(x, 1/p)
//	c' = min(max((zbar - offset) / gain, 0), 1/p)
//	q  = the rate in T timesteps under the constant current zbar
//
// so that Quantisation also includes the distance of the curve from the line. Of those that
// leak, this distance is a part of its own:
//
//	qi = clip(floor(T c' + V[0]), 0, T/p) / T     Quantisation = qi - c'
//	                                              Leak         = q - qi
//
// Where calibration for T has added s thresholds to the bias, the mean current without
// it is that which the layers before lead to, and what the shift makes good, or not, has a
// part of its own:
//
//	c" = min(max(zbar - s, 0), 1)                 Inherited    = c" - c
//	                                              Shift        = c' - c"
//
// Where the weights were rounded to whole numbers, and brought delta thresholds more than the
// real ones would have brought from the same spikes and the same image, that is apart, too:
//
//	c3 = min(max(zbar - s - delta, 0), 1)         Inherited    = c3 - c
//	                                              Rounding     = c" - c3
//
// Where potentials have few bits, and lost some of the mean current zt that arrived, what that
// does is apart as well:
//
//	c4 = min(max(zt - s - delta, 0), 1)           Inherited    = c4 - c
//	                                              Saturation   = c3 - c4
//
// What rounding does to pixels, biases and start potentials stays in Inherited.
//
// A neuron of a phased network has all its current before it fires, so that q is its rate,
// and Unevenness nothing: what is left of Quantisation is lambda/T, the distance of levels.
// That of neurons which make no spike, although they have some charge, is Vanished in place
// of Quantisation.
//
// References:
//
//	[bu2022]  Tong Bu et al. Optimal ANN-SNN Conversion for High-accuracy and
//	          Ultra-low-latency Spiking Neural Networks. ICLR 2022.
type Split struct {
	Clipping     float64 `json:"clipping"`
	Inherited    float64 `json:"inherited"`
	Quantisation float64 `json:"quantisation"`
	Unevenness   float64 `json:"unevenness"`
	Shift        float64 `json:"shift,omitempty"`
	Vanished     float64 `json:"vanished,omitempty"`
	Rounding     float64 `json:"rounding,omitempty"`
	Leak         float64 `json:"leak,omitempty"`
	Saturation   float64 `json:"saturation,omitempty"`
}

// Total returns the sum of the parts.
func (s Split) Total() float64 {
	return s.Clipping + s.Inherited + s.Quantisation + s.Unevenness + s.Shift + s.Vanished + s.Rounding + s.Leak + s.Saturation
}

// splitOf returns the split of a neuron that should show x, fired n times in T
// timesteps, and went from the potential v0 to v, while s was added to its current at every
// timestep and delta by rounded weights, on average; all are in thresholds. By reset by subtraction, T zbar is v - v0 + n.
func splitOf(x, v0, v, s, delta float64, n, T int) Split {
	c := min(x, 1)
	zbar := (v - v0 + float64(n)) / float64(T)
	mean := min(max(zbar, 0), 1)
	var q float64
	switch {
	case zbar >= 1:
		q = 1
	case zbar > 0:
		// T zbar + V[0] without the rounding of a difference of large numbers.
		q = min(max(math.Floor(v+float64(n)), 0), float64(T)) / float64(T)
	}
	unshifted := mean
	if s != 0 {
		unshifted = min(max(zbar-s, 0), 1)
	}
	unrounded := unshifted
	if delta != 0 {
		unrounded = min(max(zbar-s-delta, 0), 1)
	}
	return Split{
		Clipping: c - x, Inherited: unrounded - c, Rounding: unshifted - unrounded, Shift: mean - unshifted,
		Quantisation: q - mean, Unevenness: float64(n)/float64(T) - q,
	}
}

// saturated returns the split of a neuron whose potential has kept that mean current, in thresholds
// and without what shift and rounding bring, of the one that arrived.
func (s Split) saturated(kept, arrived float64) Split {
	s.Saturation = min(max(kept, 0), 1) - min(max(arrived, 0), 1)
	if math.Abs(s.Saturation) < 1e-9 { // Nothing is lost, and sums were rounded.
		s.Saturation = 0
	}
	s.Inherited -= s.Saturation
	return s
}

// phased returns the split of a neuron of a phased network, which fired n times.
func (s Split) phased(n int) Split {
	s.Quantisation, s.Unevenness = s.Quantisation+s.Unevenness, 0 // But for rounding there is none.
	if n == 0 {
		s.Quantisation, s.Vanished = 0, s.Quantisation
	}
	return s
}

// splitByCurrent returns the split of a neuron of channel c of n that should show x,
// fired spikes times in T timesteps, and got the mean current zbar, in thresholds.
func splitByCurrent(n *snn.Neuron, c int, x, zbar float64, spikes, T int) Split {
	most := 1 / float64(n.Period())
	gain, offset := n.Line()
	shown := min(x, most)
	mean := min(max((zbar-offset)/gain, 0), most)
	s, even := n.Start(c), 0
	i := float32(zbar * float64(n.ThresholdOf(c)))
	for range T {
		var fired bool
		if s, fired = n.Step(c, s, i); fired {
			even++
		}
	}
	r, q := float64(spikes)/float64(T), float64(even)/float64(T)
	rounded := q
	if leaks(n) {
		start := float64(n.VInitOf(c)) / float64(n.ThresholdOf(c))
		rounded = min(max(math.Floor(float64(T)*mean+start), 0), float64((T-1)/n.Period()+1)) / float64(T)
	}
	return Split{Clipping: shown - x, Inherited: mean - shown, Quantisation: rounded - mean, Leak: q - rounded, Unevenness: r - q}
}

// leaks reports whether potentials of n fade.
func leaks(n *snn.Neuron) bool {
	a, _ := n.Decay()
	return a != 1
}
