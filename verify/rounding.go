package verify

import (
	"math"
	"slices"

	"sresnet/calibrate"
	"sresnet/snn"
	"sresnet/tensor"
)

// Normalised weights and balanced thresholds are the same network on paper, but
// round differently. A potential that ends within rounding of its threshold then
// crosses it one timestep later, and every neuron that gets the spike late may
// follow: differences spread with depth and time, however small they were. Two
// comparisons tell rounding from error.
//
// The first takes rounding out. With every scale a power of two, dividing and
// multiplying by it is exact, so both forms must give the same spikes, all of
// them.
//
// The second says what rounding does to this very network: it moves the last bit
// of every weight, up or down, and counts the spikes that move, in each layer those of
// the way that moves more. The two forms with the calibrated scales may differ in
// jitterFactor times as many, plus jitterFloor of all spikes, because a few images see
// only a few such events.
const (
	jitterFactor = 4
	jitterFloor  = 0.01
)

// lastBit is about the share of a weight that its last bit is: what moving the last bits
// does to a sum, divided by it, is about as large as the terms of the sum.
const lastBit = 0x1p-23

// roundScales returns s with every scale rounded up so that a layer of neurons of that
// period, which multiplies it, gets a power of two.
func roundScales(s *calibrate.Statistics, period int) *calibrate.Statistics {
	r := *s
	r.Nodes = slices.Clone(s.Nodes)
	for i := range r.Nodes {
		if l := r.Nodes[i].Lambda; l > 0 {
			fraction, exponent := math.Frexp(float64(l) * float64(period))
			if fraction == 0.5 { // A power of two already.
				exponent--
			}
			r.Nodes[i].Lambda = divided(math.Ldexp(1, exponent), period)
		}
	}
	return &r
}

// divided returns the float32 next to x / n that gives x, a power of two, again when it
// is multiplied by n and rounded; there is one unless n is large.
func divided(x float64, n int) float32 {
	y := float32(x / float64(n))
	for _, z := range []float32{y, math.Nextafter32(y, 0), math.Nextafter32(y, 2*y)} {
		if float64(float32(float64(z)*float64(n))) == x {
			return z
		}
	}
	return y
}

// jitter returns n with every weight and bias moved to a neighbouring float32, up
// and down in turn. Of synapses that share one weight it goes towards zero, or away from
// it if way is 1 and not -1: among equal weights, as an average pool has them, potentials
// often meet the threshold exactly, or but for the rounding of their sums, and one of the
// ways does not show that. The weight of a pool moves as far as its sums may round.
func jitter(n *snn.Network, way float64) *snn.Network {
	c := *n
	c.Layers = slices.Clone(n.Layers)
	for i := range c.Layers {
		l := &c.Layers[i]
		l.Bias = jittered(l.Bias, way)
		l.Synapses = slices.Clone(l.Synapses)
		for j := range l.Synapses {
			switch k := l.Synapses[j].Connection.(type) {
			case snn.Weighted:
				w := k.Weights()
				l.Synapses[j].Connection = k.WithWeights(tensor.Of(jittered(w.Data, way), w.Shape...))
			case *snn.MaxPool: // It has no weights.
			case *snn.AveragePool:
				taps := k.Window.Kernel[0] * k.Window.Kernel[1]
				l.Synapses[j].Connection = k.Scaled(1 + way*shrink*float64(taps))
			default:
				l.Synapses[j].Connection = k.Scaled(1 + way*shrink)
			}
		}
	}
	return &c
}

// shrink is the least share by which a float32 can be made smaller or larger whatever its
// digits are, and its quotient by a number of taps too.
const shrink = 0x1p-23

func jittered(x []float32, way float64) []float32 {
	moved := slices.Clone(x)
	up := float32(math.Inf(-int(way)))
	for i, v := range moved {
		moved[i] = math.Nextafter32(v, up)
		up = -up
	}
	return moved
}
