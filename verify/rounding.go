package verify

import (
	"math"
	"math/rand/v2"
	"slices"

	"sresnet/ann"
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
	terms  []terms       // Of a timestep.
	pixel  float64       // The largest of the image.
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
	r := &replay{layers: n.Layers, states: make([][]snn.State, len(n.Layers)), sums: make([][]float32, len(n.Layers)), wrong: make([]uint64, len(n.Layers)), terms: termsOf(n)}
	for i := range n.Layers {
		if l := &n.Layers[i]; !l.IsGate() {
			r.states[i], r.sums[i] = make([]snn.State, l.Neurons()), make([]float32, l.Neurons())
		}
	}
	return r
}

// terms is how large, per channel, the terms are that a layer adds up if every source is at
// its largest rate: those of spikes, and those of pixels of magnitude 1. What they leave
// may be small, but not what rounding does to it.
type terms struct{ spikes, pixels []float64 }

// termsOf returns those of every layer of n, or the larger ones of n and others that are
// the same but for their biases. A gate has those of its source.
func termsOf(n *snn.Network, others ...*snn.Network) []terms {
	list := make([]terms, len(n.Layers))
	for i := range n.Layers {
		l := &n.Layers[i]
		t := terms{make([]float64, l.Shape[0]), make([]float64, l.Shape[0])}
		for c, b := range l.Bias {
			t.spikes[c] = math.Abs(float64(b))
			for _, o := range others {
				t.spikes[c] = max(t.spikes[c], math.Abs(float64(o.Layers[i].Bias[c])))
			}
		}
		for _, syn := range l.Synapses {
			to, charge := t.pixels, 1.0
			if syn.From != snn.FromInput {
				to, charge = t.spikes, float64(n.Layers[syn.From].Charge)
			}
			switch k := syn.Connection.(type) {
			case snn.Weighted:
				w := k.Weights().Data
				for j, v := range w {
					to[j/(len(w)/len(to))] += math.Abs(float64(v)) * charge
				}
			case *snn.Shortcut:
				for c := range to {
					if k.Scales == nil || c >= k.Offset && c < k.Offset+len(k.Scales) {
						to[c] += math.Abs(float64(k.ScaleOf(c-k.Offset))) * charge
					}
				}
			case *snn.AveragePool:
				for c := range to {
					to[c] += math.Abs(float64(k.ScaleOf(c))) * charge
				}
			case *snn.MaxPool:
				t = list[syn.From]
			}
		}
		list[i] = t
	}
	return list
}

// of returns the terms of channel c, where the largest pixel has that magnitude.
func (t terms) of(c int, pixel float64) float64 { return t.spikes[c] + t.pixels[c]*pixel }

// largest returns the magnitude of the largest pixel.
func largest(pixels []float32) (x float64) {
	for _, v := range pixels {
		x = max(x, math.Abs(float64(v)))
	}
	return x
}

// reset brings all neurons to their state before the first timestep of an image.
func (r *replay) reset(image []float32) {
	r.pixel = largest(image)
	for i, states := range r.states {
		l := &r.layers[i]
		positions := l.Shape[1] * l.Shape[2]
		for j := range states {
			states[j] = snn.State{V: l.StartOf(j)}
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
		th, terms := l.Neuron.ThresholdOf(c), float32(rounded/4*r.terms[layer].of(c, r.pixel)) // At every timestep.
		for p := range positions {
			j := c*positions + p
			fired := spikes[p*words+c/64]>>(c%64)&1 != 0
			before := r.states[layer][j]
			s, _ := n.Step(0, before, current[j])
			sum := r.sums[layer][j] + float32(math.Abs(float64(current[j]))) + terms
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

// rounded is the share of its terms that rounding may take from a sum, or add to it, as
// part of MaxRelative: what differs by a few last bits of its terms does not differ.
const rounded = 16 * 0x1p-23 / MaxRelative

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

// perturbation is how far the weights of [perturb] are off, relative to themselves: two
// units in the last place.
const perturbation = 2 * 0x1p-23

// perturb returns g with all weights off by that much, up or down, as other roundings may
// have them. What it computes differs by what rounding does to g, however its terms cancel.
func perturb(g *ann.Graph) *ann.Graph {
	rnd := rand.New(rand.NewPCG(1, 2))
	out := *g
	out.Nodes = slices.Clone(g.Nodes)
	off := func(x []float32) []float32 {
		y := slices.Clone(x)
		for i := range y {
			if y[i] *= 1 + perturbation; rnd.IntN(2) == 0 {
				y[i] = x[i] * (1 - perturbation)
			}
		}
		return y
	}
	for i := range out.Nodes {
		switch op := out.Nodes[i].Op.(type) {
		case ann.Weighted:
			w, bias := op.Weights()
			out.Nodes[i].Op = op.WithWeights(tensor.Of(off(w.Data), w.Shape...), off(bias))
		case *ann.BatchNormalization:
			out.Nodes[i].Op = &ann.BatchNormalization{Scale: off(op.Scale), Bias: off(op.Bias), Mean: off(op.Mean), Var: off(op.Var), Epsilon: op.Epsilon}
		}
	}
	return &out
}
