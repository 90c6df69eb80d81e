package snn

import (
	"math"
	"slices"

	"sresnet/tensor"
)

// exactTimesteps is the T for which the sums of a network are exact that is not calibrated
// for one. They are for others, too, unless nearly all sources fire at nearly all timesteps.
const exactTimesteps = 64

// Exact returns n with its weights and biases rounded so that no sum of a neuron is ever
// rounded: those of a channel are whole numbers of a unit, a power of two so large that a
// potential has no more of them than float32 counts,
//
//	2^24 unit >= V[0] + theta + T (sum of the magnitudes of weights + |b|) + what is left of sources
//
// So the order in which spikes arrive changes no potential: engines, other programs, and
// rate and first-spike coding, which add the same terms in other orders, agree to the last
// bit. It is for phased networks, whose neurons hold their whole input; T is that which n was
// calibrated for, and otherwise 64. A unit is about 2^-24 T of what the sources can say, far
// less than the rounding to T + 1 levels, which a phased network does anyway.
//
// Left as they are: layers that get the image, which is no sum of spikes, so that only their
// other synapses are rounded; and layers whose thresholds, or the charges of whose sources,
// are no powers of two, as they are where thresholds are balanced in place of weights.
func (n *Network) Exact() *Network {
	T := n.TunedFor
	if T == 0 {
		T = exactTimesteps
	}
	out := *n
	out.Layers = slices.Clone(n.Layers)
	most := make([][]float64, len(n.Layers)) // The largest potential of each channel.
	for i := range out.Layers {
		if l := &out.Layers[i]; n.exacts(l) {
			most[i] = l.exact(n, float64(T), most)
		}
	}
	return &out
}

// exacts reports whether a unit of l can be a power of two.
func (n *Network) exacts(l *Layer) bool {
	if l.IsGate() {
		return false
	}
	for _, th := range l.Neuron.Threshold {
		if !powerOfTwo(th) {
			return false
		}
	}
	for _, s := range l.Synapses {
		if s.From != FromInput && !powerOfTwo(n.Layers[s.From].Charge) {
			return false
		}
	}
	return true
}

func powerOfTwo(x float32) bool {
	f, _ := math.Frexp(float64(x))
	return f == 0.5
}

// exact rounds the weights and biases of l, a layer of n, and returns the largest potential of
// each channel, of which potentials has those of the layers before.
func (l *Layer) exact(n *Network, T float64, potentials [][]float64) (most []float64) {
	image := slices.ContainsFunc(l.Synapses, func(s Synapse) bool { return s.From == FromInput })
	units, most := l.units(n, T, potentials)
	largest := slices.Max(units)
	l.Synapses = slices.Clone(l.Synapses)
	for j, s := range l.Synapses {
		if s.From == FromInput {
			continue
		}
		q := float64(n.Layers[s.From].Charge)
		whole := func(w float32, c, times int) float32 {
			u := largest
			if c >= 0 {
				u = units[c]
			}
			u *= float64(times) / q
			return float32(math.RoundToEven(float64(w)/u) * u)
		}
		l.Synapses[j].Connection = roundedTo(s.Connection, n.ShapeOf(s.From), l.Shape, whole)
	}
	if image || l.Bias == nil { // The image's current and the bias are one number, which is what it is.
		return most
	}
	l.Bias = slices.Clone(l.Bias)
	for c, b := range l.Bias {
		l.Bias[c] = float32(math.RoundToEven(float64(b)/units[c]) * units[c])
	}
	return most
}

// units returns that of every channel of l, and its largest potential. The image is taken for
// one that leads to no more than T spikes.
func (l *Layer) units(n *Network, T float64, potentials [][]float64) (units, most []float64) {
	sums, terms, handed := make([]float64, l.Shape[0]), make([]float64, l.Shape[0]), make([]float64, l.Shape[0])
	for c, b := range l.Bias {
		sums[c], terms[c] = math.Abs(float64(b)), 1
	}
	for _, s := range l.Synapses {
		if s.From == FromInput {
			for c := range sums {
				sums[c] += float64(l.Neuron.ThresholdOf(c))
			}
			continue
		}
		if k, ok := s.Connection.(*Shortcut); ok && k.Remainder {
			for c, v := range potentials[s.From] {
				handed[c] += float64(math.Abs(float64(k.ScaleOf(c))) * v)
			}
		}
		q := float64(n.Layers[s.From].Charge)
		roundedTo(s.Connection, n.ShapeOf(s.From), l.Shape, func(w float32, c, times int) float32 {
			first, past := c, c+1
			if c < 0 {
				first, past = 0, len(sums)
			}
			for c := first; c < past; c++ {
				sums[c] += float64(math.Abs(float64(w)) * q)
				terms[c] += float64(times)
			}
			return w
		})
	}
	for c := range sums {
		th := float64(l.Neuron.ThresholdOf(c))
		v := th + math.Abs(float64(l.Neuron.VInitOf(c))) + float64(T*sums[c]) + handed[c]
		most = append(most, v)
		// Rounding adds up to half a unit to each of the terms, T times.
		_, e := math.Frexp(v * (0x1p-24 + float64(T*terms[c]*0x1p-48)))
		units = append(units, min(math.Ldexp(1, e), th))
	}
	return units, most
}

// roundedTo returns k, from a source of shape in to a layer of shape, with every weight w, or
// scale of weights, replaced by whole of it, its output channel and the number of units that
// it must be a multiple of: a mean divides its scale by the number of taps. A scale for all
// channels is of channel -1.
func roundedTo(k Connection, in, shape tensor.Shape, whole func(w float32, c, times int) float32) Connection {
	switch k := k.(type) {
	case Weighted:
		w, y := k.Weights(), tensor.New(k.Weights().Shape...)
		for j, x := range w.Data {
			y.Data[j] = whole(x, j/(len(w.Data)/shape[0]), 1)
		}
		return k.WithWeights(y)
	case *Shortcut:
		s := *k
		s.Scale, s.Scales = roundedScales(k.Scale, k.Scales, k.Offset, 1, whole)
		return &s
	case *AveragePool:
		s := *k
		s.Scale, s.Scales = roundedScales(k.Scale, k.Scales, 0, k.Multiple(in, shape), whole)
		return &s
	}
	return k
}

func roundedScales(scale float32, scales []float32, offset, times int, whole func(w float32, c, times int) float32) (one float32, each []float32) {
	if scales == nil {
		return whole(scale, -1, times), nil
	}
	for c, w := range scales {
		each = append(each, whole(w, c+offset, times))
	}
	return slices.Max(each), each
}

// Multiple returns a number that all numbers of taps divide. Where windows reach over the
// border in so many ways that it is large, it is that of a whole window.
func (k *AveragePool) Multiple(in, shape tensor.Shape) int {
	whole := k.Window.Kernel[0] * k.Window.Kernel[1]
	m := whole
	for r := range shape[1] {
		for c := range shape[2] {
			taps := k.Taps(r, c, in[1], in[2])
			if m = m / gcd(m, taps) * taps; m > 1<<12 {
				return whole
			}
		}
	}
	return m
}

func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}
