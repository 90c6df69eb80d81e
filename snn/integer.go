package snn

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"sresnet/tensor"
)

// An integer network has whole numbers only, as chips do: in a layer every channel has a unit
// of its own, of which its threshold is θ, and weights, the bias and the potential before
// the first timestep are whole numbers of units,
//
//	w = m 2^s      |m| < 2^(Bits-1), and one s >= 0 for all weights of a synapse and channel
//
// that is Bits bits with the sign, and for synapses beside smaller ones a shift, as chips have
// it for every bundle of synapses. Charges are 1. Pixels are whole numbers of [Input.Unit], which
// enter with their weights as they are. A potential saturates,
//
//	v[t] = min(max(v[t-1] + I[t], -M), M)      M = 2^(StateBits-1) - 1, or 2^24 - 1
//
// before it is compared with the threshold, and when remainders are added to it. No current
// reaches 2^24 units, so that float32, too, holds every sum exactly, and sums are the same in any
// order: engines, kernels and other programs that add the same numbers make the same spikes.
// Potentials of a phased network that is made without StateBits cannot saturate in its T.

// MinBits and MaxBits bound [Network.Bits].
const (
	MinBits = 2
	MaxBits = 16
)

// MaxPotential is the magnitude up to which float32 holds all whole numbers.
const MaxPotential = 1 << 24

// MinStateBits and MaxStateBits bound [Network.StateBits].
const (
	MinStateBits = 8
	MaxStateBits = 24
)

// Integer reports whether n has whole numbers only.
func (n *Network) Integer() bool { return n.Bits > 0 }

// Saturates returns the magnitude at which potentials of an integer network saturate.
func (n *Network) Saturates() float32 {
	if n.StateBits == 0 {
		return MaxPotential - 1
	}
	return float32(int(1)<<(n.StateBits-1) - 1)
}

// checkInteger returns an error unless an integer network has whole numbers only, which its
// bits tell.
func (n *Network) checkInteger() error {
	switch {
	case !n.Integer() && n.Input.Unit == 0 && n.StateBits == 0:
		return nil
	case !n.Integer():
		return fmt.Errorf("snn: pixels have a unit, or potentials have bits, which they have in integer networks only")
	case n.Bits < MinBits || n.Bits > MaxBits:
		return fmt.Errorf("snn: weights of %d bits: there may be %d to %d", n.Bits, MinBits, MaxBits)
	case len(n.Layers) > 0 && len(slices.Compact(slices.Clone(n.Output().Neuron.Threshold))) > 1:
		return fmt.Errorf("snn: layer %q: the output of an integer network has one threshold, so that classes are compared in one unit", n.Output().Name)
	case n.StateBits != 0 && (n.StateBits < MinStateBits || n.StateBits > MaxStateBits):
		return fmt.Errorf("snn: potentials of %d bits: there may be %d to %d", n.StateBits, MinStateBits, MaxStateBits)
	case n.Input.Unit == 0:
		return fmt.Errorf("snn: weights have %d bits, but pixels no unit", n.Bits)
	}
	for i := range n.Layers {
		if err := n.checkIntegers(&n.Layers[i]); err != nil {
			return fmt.Errorf("snn: layer %q: %w", n.Layers[i].Name, err)
		}
	}
	return nil
}

func (n *Network) checkIntegers(l *Layer) error {
	if l.Charge != 1 {
		return fmt.Errorf("charge %v of an integer network must be 1", l.Charge)
	}
	if l.IsGate() {
		return nil
	}
	if a, ok := l.Neuron.Decay(); !ok || a != 1 {
		return fmt.Errorf("%v neurons leave no whole number: integer networks have IF neurons", l.Neuron.model())
	}
	for c := range l.Shape[0] {
		for _, x := range []struct {
			what string
			v    float32
		}{{"threshold", l.Neuron.ThresholdOf(c)}, {"bias", biasOf(l, c)}, {"start potential", l.Neuron.VInitOf(c)}} {
			if !wholeNumber(x.v) {
				return fmt.Errorf("channel %d: %s %v is no whole number below 2^24, as those of integer networks are", c, x.what, x.v)
			}
		}
		if th := l.Neuron.ThresholdOf(c); th > n.Saturates()/2 {
			return fmt.Errorf("channel %d: threshold %v is above half of what potentials saturate at, %v", c, th, n.Saturates())
		}
	}
	if j := slices.IndexFunc(l.Start, func(x float32) bool { return !wholeNumber(x) || max(x, -x) > n.Saturates() }); j >= 0 {
		return fmt.Errorf("start potential %v is no whole number up to %v, as those of this integer network are", l.Start[j], n.Saturates())
	}
	for c, sum := range n.sums(l) {
		if sum += math.Abs(float64(biasOf(l, c))); sum >= MaxPotential {
			return fmt.Errorf("channel %d: a current can reach %.4g units, beyond the whole numbers that float32 holds (2^24)", c, sum)
		}
	}
	most := int64(1)<<(n.Bits-1) - 1
	for _, s := range l.Synapses {
		rows := plainRows(s, n.ShapeOf(s.From), l)
		for c := range l.Shape[0] {
			if w, ok := wholeRow(rows.of(c), most); !ok {
				return fmt.Errorf("channel %d: weight %v is no whole number of %d bits with the shift of its synapse", c, w, n.Bits)
			}
		}
	}
	return nil
}

func wholeNumber(x float32) bool {
	return x == float32(math.RoundToEven(float64(x))) && math.Abs(float64(x)) < MaxPotential
}

// wholeRow reports whether all of r are whole numbers of magnitudes up to most with one shift,
// and otherwise returns one that is not.
func wholeRow(r row, most int64) (float64, bool) {
	largest := 0.0
	for _, w := range r.w {
		largest = max(largest, math.Abs(w))
	}
	if !(largest < MaxPotential*float64(max(r.times, 1))) {
		return largest, false
	}
	s := 0
	if largest > 0 {
		s = shift(largest/float64(r.times), 1, most)
	}
	for _, w := range r.w {
		if r.whole(w, most, 1, s) != w {
			return w, false
		}
	}
	return 0, true
}

// Reaches returns, for every channel of every layer of an integer network, the magnitude that a
// potential could have within T timesteps if none saturated, whatever the image: nil for a gate,
// which has no potentials.
func (n *Network) Reaches(T int) [][]float64 {
	reach := make([][]float64, len(n.Layers))
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.IsGate() {
			continue
		}
		sums, start := n.sums(l), make([]float64, l.Shape[0])
		for j, v := range l.Start {
			c := j / (l.Shape[1] * l.Shape[2])
			start[c] = max(start[c], math.Abs(float64(v)))
		}
		for c := range sums {
			sums[c] = float64(l.Neuron.ThresholdOf(c)) + max(start[c], float64(l.Neuron.VInitOf(c))) + float64(float64(T)*(sums[c]+math.Abs(float64(biasOf(l, c)))))
		}
		for _, s := range l.Synapses {
			if k, ok := s.Connection.(*Shortcut); ok && k.Remainder {
				for c := range sums {
					scale, _ := n.RemainderScale(k, s.From, c)
					sums[c] += float64(math.Abs(scale)*min(reach[s.From][c], float64(n.Saturates()))) + 1
				}
			}
		}
		reach[i] = sums
	}
	return reach
}

// WeightBits returns how many bits, the sign among them, the weights of synapse j of layer i
// of an integer network take: as whole numbers, and beside a shift for every channel, by
// which all weights of the channel are multiples of a power of two. A gate takes none.
func (n *Network) WeightBits(i, j int) (whole, shifted int) {
	l := &n.Layers[i]
	if l.IsGate() {
		return 0, 0
	}
	s := l.Synapses[j]
	taps := []float64{1}
	if k, ok := s.Connection.(*AveragePool); ok { // Whose weights are their scale over the taps.
		taps = nil
		in := n.ShapeOf(s.From)
		for r := range l.Shape[1] {
			for c := range l.Shape[2] {
				taps = append(taps, float64(k.Taps(r, c, in[1], in[2])))
			}
		}
		slices.Sort(taps)
		taps = slices.Compact(taps)
	}
	rows := plainRows(s, n.ShapeOf(s.From), l)
	for c := range l.Shape[0] {
		var all uint64 // The largest has as many bits as all of them together.
		for _, w := range rows.of(c).w {
			for _, t := range taps {
				all |= uint64(math.Abs(w) / t)
			}
		}
		whole = max(whole, 1+bits.Len64(all))
		if all > 0 {
			shifted = max(shifted, 1+bits.Len64(all>>bits.TrailingZeros64(all)))
		}
	}
	return whole, max(shifted, 1)
}

// plainRows returns the weights of a synapse into l as they are.
func plainRows(s Synapse, in tensor.Shape, l *Layer) synapseRows {
	return newRows(s, in, &Layer{Shape: l.Shape, Neuron: Neuron{Threshold: []float32{1}}}, 1, func(int) float64 { return 1 })
}

// sums returns the largest magnitude of what synapses can bring each channel of l, of an
// integer network, in a timestep.
func (n *Network) sums(l *Layer) []float64 {
	sums := make([]float64, l.Shape[0])
	for _, s := range l.Synapses {
		largest := 1.0
		if s.From == FromInput {
			largest = float64(n.Input.Levels)
		}
		rows := plainRows(s, n.ShapeOf(s.From), l)
		for c := range sums {
			for _, w := range rows.of(c).w {
				sums[c] += float64(math.Abs(w) * largest)
			}
		}
	}
	return sums
}
