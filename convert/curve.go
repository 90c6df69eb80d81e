package convert

import (
	"sort"

	"sresnet/calibrate"
	"sresnet/snn"
)

// curve is the rate curve of a neuron model: the rate r that a constant current leads
// to. A trained network's activation a, as a share of lambda, wants r(I) = a / period;
// for [snn.IF] that is I = a. For other models r is not a line, and a layer can only
// scale and shift what comes in: the line I = gain r + offset is chosen that is nearest
// to the curve, by least squares over the activations that calibration saw. With n_k of
// them at the rate r_k, for which the curve wants the current I_k,
//
//	gain   = sum n_k (r_k - r) (I_k - I) / sum n_k (r_k - r)²     r, I: the means of r_k, I_k
//	offset = I - gain r
//
// Activations of zero want no more than a current that keeps the neuron silent, which
// is any up to the onset of the curve: they have no part in the sum, and an offset
// above the onset becomes the onset.
//
// The curve is measured, by giving neurons constant currents, so that it is that of
// any model. In the limit of small currents, that of [snn.LIF] without rest is
// r = -(1-A) / ln(1 - (1-A)/I), and so I is about r + (1-A)/2 where r is far above 1-A.
type curve struct {
	period int
	rates  []float64 // Of the currents 0, 1/n, 2/n, .. 1 in thresholds, ascending.
	onset  float64   // The largest of the currents that keep a neuron silent.
}

// Currents that are tried for a curve, and timesteps for each, to which some periods
// are added, unless it leads to so many spikes before.
const curveCurrents, curveTimesteps, curveSpikes = 4096, 2048, 128

func newCurve(model snn.Model, reset snn.Reset) *curve {
	n := snn.Neuron{Model: model, Threshold: []float32{1}, Reset: reset}
	c := &curve{period: n.Period(), rates: make([]float64, curveCurrents+1)}
	for j := 1; j < len(c.rates); j++ {
		i := float32(j) / curveCurrents
		s, spikes, first, last := n.Start(0), 0, 0, 0
		for t := range curveTimesteps + 16*c.period {
			var fired bool
			if s, fired = n.Step(0, s, i); fired {
				if spikes == 0 {
					first = t
				}
				last = t
				if spikes++; spikes == curveSpikes {
					break
				}
			}
		}
		c.rates[j] = c.rates[j-1]
		if spikes > 1 { // The mean from one spike to the next needs few of them.
			c.rates[j] = max(c.rates[j], float64(spikes-1)/float64(last-first))
		}
		if c.rates[j] == 0 {
			c.onset = float64(i)
		}
	}
	return c
}

// current returns what the curve wants for a rate, which is above 0.
func (c *curve) current(rate float64) float64 {
	j := sort.SearchFloat64s(c.rates, rate)
	if j == len(c.rates) {
		return 1
	}
	lo, hi := c.rates[j-1], c.rates[j]
	return (float64(j-1) + (rate-lo)/(hi-lo)) / curveCurrents
}

// line returns the line for a population of that Lambda, whose statistics are those of
// its node, or of a pool's source.
func (c *curve) line(p *population, s *calibrate.NodeStatistics, lambda float32) (gain, offset float32) {
	var f fit
	most := 1 / float64(c.period)
	add := func(rate, n float64) {
		rate = min(rate, most)
		f.add(rate, c.current(rate), n)
	}
	switch {
	case !p.neurons: // Calibration does not measure pools; their mean is their source's.
		evenly(2*s.Mean/float64(lambda), add)
	default:
		for k, n := range s.Histogram.Counts {
			if rate := (s.Histogram.Edges[k] + s.Histogram.Edges[k+1]) / 2 / float64(lambda); rate > 0 && n > 0 {
				add(rate, float64(n))
			}
		}
	}
	if f.n == 0 { // Nothing is known.
		evenly(most, add)
	}
	g, o := f.line(c.onset)
	return float32(g), float32(o)
}

// evenly adds rates that lie evenly between 0 and most.
func evenly(most float64, add func(rate, n float64)) {
	const n = 64
	for k := range n {
		if rate := (float64(k) + 0.5) / n * most; rate > 0 {
			add(rate, 1)
		}
	}
}

// fit is a line through weighted points by least squares.
type fit struct{ n, x, y, xx, xy float64 }

func (f *fit) add(x, y, n float64) {
	f.n, f.x, f.y, f.xx, f.xy = f.n+n, f.x+n*x, f.y+n*y, f.xx+n*x*x, f.xy+n*x*y
}

// line returns gain and offset, the latter at most most; the gain is positive if all
// points are.
func (f *fit) line(most float64) (gain, offset float64) {
	x, y := f.x/f.n, f.y/f.n
	if d := f.xx - f.x*x; d > 1e-12*f.xx {
		gain = (f.xy - f.x*y) / d
		offset = y - gain*x
	}
	if !(gain > 0) { // A single point, or a curve that is a step.
		gain, offset = f.xy/f.xx, 0
	}
	if offset > most {
		gain, offset = (f.xy-most*f.x)/f.xx, most
	}
	return gain, offset
}
