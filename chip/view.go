package chip

import (
	"math"
	"math/bits"
	"slices"

	"sresnet/snn"
)

// view is a network as limits look at it.
type view struct {
	net    *snn.Network
	chip   *Chip
	T      int
	phases []int
	reach  [][]float64 // Of integer networks.
}

func newView(net *snn.Network, c *Chip, T int) *view {
	v := &view{net: net, chip: c, T: T, phases: net.Phases()}
	if net.Integer() {
		v.reach = net.Reaches(T)
	}
	return v
}

func (v *view) layer(i int) *snn.Layer { return &v.net.Layers[i] }

// neurons returns how many population i has; none if it is a gate.
func (v *view) neurons(i int) int {
	if v.layer(i).IsGate() {
		return 0
	}
	return v.layer(i).Neurons()
}

// most returns the most that a synapse of population i needs.
func (v *view) most(i int, needs func(j int) int) (n int) {
	for j := range v.layer(i).Synapses {
		n = max(n, needs(j))
	}
	return n
}

// sum returns what all populations need together.
func (v *view) sum(needs func(*view, int) int) (n int) {
	for i := range v.net.Layers {
		n += needs(v, i)
	}
	return n
}

// one is 1 for true.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// whole returns what a limit of whole numbers is told: real for a network of real ones.
func (v *view) whole(i int, n func() int) int {
	switch {
	case v.layer(i).IsGate():
		return 0
	case !v.net.Integer():
		return real
	}
	return n()
}

// signed returns the bits of a whole number with a sign, divided by up to 2^shift.
func signed(x float32, shift int) int {
	m := uint64(math.Abs(float64(x)))
	if m == 0 {
		return 0
	}
	return 1 + bits.Len64(m>>min(bits.TrailingZeros64(m), shift))
}

func wholeWeights(v *view, i int) int {
	return v.whole(i, func() int {
		return v.most(i, func(j int) int { n, _ := v.net.WeightBits(i, j); return n })
	})
}

func shiftedWeights(v *view, i int) int {
	return v.whole(i, func() int {
		return v.most(i, func(j int) int { _, n := v.net.WeightBits(i, j); return n })
	})
}

func potential(v *view, i, c int) int { return 1 + bits.Len64(uint64(v.reach[i][c])) }

func threshold(v *view, i, c int) int {
	return bits.Len64(uint64(v.layer(i).Neuron.ThresholdOf(c)))
}

func bias(v *view, i, c int) int { return shiftedBias(v, i, c, 0) }

// maxBiasShift is the largest exponent of a bias on Loihi 2.
const maxBiasShift = 7

func loihiBias(v *view, i, c int) int { return shiftedBias(v, i, c, maxBiasShift) }

func shiftedBias(v *view, i, c, shift int) int {
	if b := v.layer(i).Bias; b != nil {
		return signed(b[c], shift)
	}
	return 0
}

func start(v *view, i, c int) (n int) {
	l := v.layer(i)
	if l.Start == nil {
		return signed(l.Neuron.VInitOf(c), 0)
	}
	positions := l.Shape[1] * l.Shape[2]
	for _, x := range l.Start[c*positions:][:positions] {
		n = max(n, signed(x, 0))
	}
	return n
}

func differentThresholds(v *view, i int) int {
	if v.layer(i).IsGate() {
		return 0
	}
	th := slices.Clone(v.layer(i).Neuron.Threshold)
	slices.Sort(th)
	return len(slices.Compact(th))
}

func delay(v *view, i int) int {
	return v.most(i, func(j int) int { return v.net.Delay(i, j, v.T) })
}

func windows(v *view, i int) int {
	return one(v.net.Schedule == snn.Phased && !v.layer(i).IsGate())
}

func gates(v *view, i int) int { return one(v.layer(i).IsGate()) }

func leaks(v *view, i int) int {
	if v.layer(i).IsGate() {
		return 0
	}
	a, ok := v.layer(i).Neuron.Decay()
	return one(!ok || a != 1)
}

// numbers counts the synapses that bring pixels as numbers.
func numbers(v *view, i int) (n int) {
	for _, s := range v.layer(i).Synapses {
		n += one(s.From == snn.FromInput && !v.net.Input.Encoding.Spikes())
	}
	return n
}

func isRemainder(s snn.Synapse) bool {
	k, ok := s.Connection.(*snn.Shortcut)
	return ok && k.Remainder
}

func remainders(v *view, i int) (n int) {
	for _, s := range v.layer(i).Synapses {
		n += one(isRemainder(s))
	}
	return n
}

// graded returns the bits of the largest number that a spike brings.
func graded(v *view, i int) int {
	if numbers(v, i)+remainders(v, i) == 0 {
		return 0
	}
	return v.whole(i, func() int {
		return v.most(i, func(j int) int {
			switch s := v.layer(i).Synapses[j]; {
			case s.From == snn.FromInput && !v.net.Input.Encoding.Spikes():
				return 1 + bits.Len(uint(v.net.Input.Levels))
			case isRemainder(s):
				return 1 + bits.Len64(uint64(slices.Max(v.reach[s.From])))
			}
			return 0
		})
	})
}

func channels(v *view, i int) int { return v.layer(i).Shape[0] }

func side(v *view, i int) int { return max(v.layer(i).Shape[1], v.layer(i).Shape[2]) }

func imageSide(v *view, _ int) int { return max(v.net.Input.Shape[1], v.net.Input.Shape[2]) }

// destinations counts the populations that population i sends spikes to.
func destinations(v *view, i int) (n int) {
	for j := range v.net.Layers {
		n += one(slices.ContainsFunc(v.layer(j).Synapses, func(s snn.Synapse) bool { return s.From == i }))
	}
	return n
}

// fanIn returns how many synapses end on a neuron of population i at most.
func fanIn(v *view, i int) (n int) {
	for _, s := range v.layer(i).Synapses {
		in := v.net.ShapeOf(s.From)
		switch k := s.Connection.(type) {
		case *snn.Conv:
			n += len(k.Weight.Data) / k.Weight.Shape[0]
		case *snn.Dense:
			n += in.Len()
		case *snn.AveragePool:
			n += k.Window.Kernel[0] * k.Window.Kernel[1]
		case *snn.MaxPool:
			n += k.Window.Kernel[0] * k.Window.Kernel[1]
		default:
			n++
		}
	}
	return n
}

// fanOut returns how many synapses a spike of population i meets at most.
func fanOut(v *view, i int) int {
	var most uint64
	for j := range v.net.Layers {
		for _, s := range v.layer(j).Synapses {
			if s.From != i {
				continue
			}
			fan, taps := s.Connection.Fan(v.layer(j).Shape), uint64(1)
			if fan.Window != nil {
				taps = slices.Max(fan.Taps(v.layer(i).Shape, v.layer(j).Shape))
			}
			most += taps * uint64(fan.Channels)
		}
	}
	return int(most)
}

// synapses returns how many end on population i.
func synapses(v *view, i int) (n uint64) {
	for _, s := range v.layer(i).Synapses {
		n += s.Connection.Fan(v.layer(i).Shape).Total(v.net.ShapeOf(s.From), v.layer(i).Shape)
	}
	return n
}

// weights returns how many numbers stand for the synapses that end on population i.
func weights(v *view, i int) (n int) {
	for _, s := range v.layer(i).Synapses {
		n += s.Connection.Parameters()
	}
	return n
}

func allNeurons(v *view, _ int) int { return v.net.Neurons() }
func allWeights(v *view, _ int) int { return v.sum(weights) }
func allCores(v *view, _ int) int   { return v.sum(v.chip.cores) }
