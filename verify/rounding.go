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
// follow: differences spread with depth and time, however small they were. Behind an
// average pool of even area potentials meet the threshold exactly all the time. Two
// comparisons tell rounding from error.
//
// The first takes rounding out. With every scale a power of two, dividing and
// multiplying by it is exact, so both forms must give the same spikes, all of
// them.
//
// The second does not let differences spread: with the calibrated scales, every layer of
// one form gets the spikes that the other form had, and its neurons fire when those did.
// Where they would not have, their potential must be within rounding of the threshold,
// and at a few timesteps the potentials of both forms within rounding of each other: with
// that is meant MaxRelative of what the neuron has taken in and given away so far, and the
// last bits of the terms that it adds up, of which a current may be a small rest.

// replay compares the neurons of a network with the spikes of another that should be the
// same, layer by layer.
type replay struct {
	layers []snn.Layer
	states [][]snn.State // Of the neurons of each layer, CHW; nil for gates.
	sums   [][]float32   // What they have taken in and given away, added up.
	terms  [][]float32   // What the last bits of the terms of a timestep are to sums, per channel.
	wrong  []uint64      // Spikes and potentials that rounding does not explain, per layer.
}

// marks returns the timesteps after which potentials are compared.
func marks(timesteps int) []int {
	var list []int
	for i := 1; i <= 4; i++ {
		if t := timesteps * i / 4; t > 0 {
			list = append(list, t)
		}
	}
	return slices.Compact(list)
}

func newReplay(n *snn.Network) *replay {
	r := &replay{layers: n.Layers, states: make([][]snn.State, len(n.Layers)), sums: make([][]float32, len(n.Layers)), wrong: make([]uint64, len(n.Layers)), terms: make([][]float32, len(n.Layers))}
	for i := range n.Layers {
		if l := &n.Layers[i]; !l.IsGate() {
			r.terms[i] = terms(n, l)
			r.states[i], r.sums[i] = make([]snn.State, l.Neurons()), make([]float32, l.Neurons())
		}
	}
	return r
}

// terms returns, per channel of l, what the last bits of all the terms of a timestep are to
// the sums that a replay keeps, if every source fires.
func terms(n *snn.Network, l *snn.Layer) []float32 {
	x := make([]float32, l.Shape[0])
	for c := range l.Bias {
		x[c] = float32(math.Abs(float64(l.Bias[c])))
	}
	for _, syn := range l.Synapses {
		if syn.From == snn.FromInput {
			continue
		}
		charge := float64(n.Layers[syn.From].Charge)
		switch k := syn.Connection.(type) {
		case snn.Weighted:
			w := k.Weights()
			per := len(w.Data) / len(x)
			for j, v := range w.Data {
				x[j/per] += float32(math.Abs(float64(v)) * charge)
			}
		case *snn.Shortcut:
			for c := range x {
				x[c] += float32(math.Abs(float64(k.Scale)) * charge)
			}
		case *snn.AveragePool:
			for c := range x {
				x[c] += float32(math.Abs(float64(k.Scale)) * charge)
			}
		}
	}
	for c := range x {
		x[c] *= 4 * lastBit / MaxRelative
	}
	return x
}

// reset brings all neurons to their state before the first timestep.
func (r *replay) reset() {
	for i, states := range r.states {
		l := &r.layers[i]
		positions := l.Shape[1] * l.Shape[2]
		for j := range states {
			states[j] = l.Neuron.Start(j / positions)
			r.sums[i][j] = l.Neuron.ThresholdOf(j / positions)
		}
	}
	clear(r.wrong)
}

// compare compares the potentials of a layer, CHW, with those of the other form, in units
// of the threshold, which is th there.
func (r *replay) compare(layer int, v []float32, th func(c int) float32) {
	l := &r.layers[layer]
	positions := l.Shape[1] * l.Shape[2]
	for j, s := range r.states[layer] {
		c := j / positions
		here := float64(l.Neuron.ThresholdOf(c))
		if d := float64(s.V)/here - float64(v[j])/float64(th(c)); !(math.Abs(d) <= MaxRelative*float64(r.sums[layer][j])/here) {
			r.wrong[layer]++
		}
	}
}

// step advances the neurons of a layer by a timestep with those currents, CHW, and has
// them fire where spikes, as a probe gets them, says so.
func (r *replay) step(layer int, current []float32, spikes []uint64) {
	l := &r.layers[layer]
	positions, words := l.Shape[1]*l.Shape[2], (l.Shape[0]+63)/64
	never := float32(math.Inf(1))
	for c := range l.Shape[0] {
		n := snn.Neuron{Model: l.Neuron.Model, Threshold: []float32{never}, Reset: l.Neuron.Reset}
		th := l.Neuron.ThresholdOf(c)
		for p := range positions {
			j := c*positions + p
			fired := spikes[p*words+c/64]>>(c%64)&1 != 0
			before := r.states[layer][j]
			s, _ := n.Step(0, before, current[j])
			sum := r.sums[layer][j] + float32(math.Abs(float64(current[j]))) + r.terms[layer][c]
			switch fires := s.V >= th; {
			case before.Rest > 0:
				if fired {
					r.wrong[layer]++
				}
			case fires != fired && !(math.Abs(float64(s.V-th)) <= MaxRelative*float64(sum)):
				r.wrong[layer]++
			}
			if fired {
				sum += th
				if s.V -= th; l.Neuron.Reset == snn.ResetZero {
					s.V = 0
				}
				s.Rest = uint8(n.Period() - 1)
			}
			r.states[layer][j], r.sums[layer][j] = s, sum
		}
	}
}

// lastBit is about the share of a weight that its last bit is: what moving the last bits
// does to a sum, divided by it, is about as large as the terms of the sum.
const lastBit = 0x1p-23

// faint is a rate so small that no neuron fires at it: what is left of terms that cancel
// altogether, such as x + |x| where x is negative.
const faint = 1e-6

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

// jitter returns n with every weight and bias moved to a neighbouring float32, up and
// down in turn; of synapses that share one weight, away from zero and towards it, those
// that end on one layer in turn. If way is -1 and not 1 each goes the other way: a
// rectifier may hide one of them.
func jitter(n *snn.Network, way float64) *snn.Network {
	c := *n
	c.Layers = slices.Clone(n.Layers)
	for i := range c.Layers {
		l := &c.Layers[i]
		l.Bias = jittered(l.Bias, way)
		l.Synapses = slices.Clone(l.Synapses)
		for j := range l.Synapses {
			way := way * float64(1-2*(j%2))
			switch k := l.Synapses[j].Connection.(type) {
			case snn.Weighted:
				w := k.Weights()
				l.Synapses[j].Connection = k.WithWeights(tensor.Of(jittered(w.Data, way), w.Shape...))
			case *snn.MaxPool: // It has no weights.
			default:
				l.Synapses[j].Connection = k.Scaled(1 + way*lastBit)
			}
		}
	}
	return &c
}

func jittered(x []float32, way float64) []float32 {
	moved := slices.Clone(x)
	up := float32(math.Inf(int(-way)))
	for i, v := range moved {
		moved[i] = math.Nextafter32(v, up)
		up = -up
	}
	return moved
}
