package verify

import (
	"context"
	"math"
	"math/bits"

	"sresnet/sim"
	"sresnet/snn"
)

// A phased network is the trained one with every activation rounded to T + 1 levels: a
// neuron that has the potential V when its window opens makes clip(floor(V / theta), 0, T)
// spikes, or one at the time that is worth as many. So a float pass that rounds gives the
// counts of all neurons, level for level. Each layer gets the counts that those before it
// made in the simulation, so that differences do not spread, and its potential is summed in
// float64, in another order than the simulation's. A count may differ by as much as the
// rounding of the simulation's sums can move the potential. What shortcuts hand on beside
// spikes is in the potential, too.

// levels computes the counts that the neurons of a phased network must make.
type levels struct {
	net      *snn.Network
	absolute *snn.Network // The same with the magnitudes of weights and biases.
	taps     []float64    // Per layer: how many terms a current is the sum of, at most.
	T        int
	seed     uint64

	counts [][]float64 // Per layer, CHW: spikes of the simulation, or what they are worth.
	left   [][]rest    // What neurons have left, of layers that hand it on; else nil.

	wrong, rounded []uint64 // Per layer: levels that counts are off, and those that rounding explains.
}

// rest is what a neuron has left after its window, which rounding may have moved by bound.
type rest struct{ v, bound float64 }

func newLevels(net *snn.Network, o Options) *levels {
	q := &levels{net: net, absolute: absolute(net), T: o.Timesteps, seed: o.Seed, taps: make([]float64, len(net.Layers)), counts: make([][]float64, len(net.Layers)), left: make([][]rest, len(net.Layers))}
	remains := net.Remains()
	for i := range net.Layers {
		l := &net.Layers[i]
		q.counts[i] = make([]float64, l.Neurons())
		if remains[i] {
			q.left[i] = make([]rest, l.Neurons())
		}
		q.taps[i] = 1 // The bias.
		for _, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case snn.Weighted:
				q.taps[i] += float64(len(k.Weights().Data) / l.Shape[0])
			default:
				q.taps[i]++
			}
		}
	}
	return q
}

// absolute returns net with the magnitudes of its weights, biases and start potentials.
func absolute(net *snn.Network) *snn.Network {
	a := *net
	a.Layers = append([]snn.Layer(nil), net.Layers...)
	for i := range a.Layers {
		l := &a.Layers[i]
		l.Bias = magnitudes(l.Bias)
		l.Synapses = append([]snn.Synapse(nil), l.Synapses...)
		for j := range l.Synapses {
			switch k := l.Synapses[j].Connection.(type) {
			case snn.Weighted:
				w := *k.Weights()
				w.Data = magnitudes(w.Data)
				l.Synapses[j].Connection = k.WithWeights(&w)
			case *snn.Shortcut:
				c := *k
				c.Scale, c.Scales = magnitude(k.Scale), magnitudes(k.Scales)
				l.Synapses[j].Connection = &c
			case *snn.AveragePool:
				c := *k
				c.Scale, c.Scales = magnitude(k.Scale), magnitudes(k.Scales)
				l.Synapses[j].Connection = &c
			}
		}
	}
	return &a
}

func magnitude(x float32) float32 { return max(x, -x) }

func magnitudes(x []float32) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = magnitude(v)
	}
	return y
}

// reset forgets the counts of the image before.
func (q *levels) reset() {
	for _, counts := range q.counts {
		clear(counts)
	}
	q.wrong, q.rounded = make([]uint64, len(q.counts)), make([]uint64, len(q.counts))
}

// count takes in the spikes of a layer at one step of its window, as a probe gets them.
func (q *levels) count(s sim.Spikes) {
	l := &q.net.Layers[s.Layer]
	worth, positions := 1.0, l.Shape[1]*l.Shape[2]
	if q.net.Coding == snn.FirstSpike {
		worth = float64(q.T - s.Step)
	}
	for i, b := range s.Bits {
		for ; b != 0; b &= b - 1 {
			c := i%s.Words*64 + bits.TrailingZeros64(b)
			q.counts[s.Layer][c*positions+i/s.Words] += worth
		}
	}
}

// compare computes the counts of all layers on an image whose spikes were counted. Image is
// what the simulation got; index is its number.
func (q *levels) compare(ctx context.Context, image []float32, index int) error {
	T := float64(q.T)
	x := sim.Presented(&q.net.Input, image, q.T, q.seed, index)
	size := make([]float64, len(x))
	for i, v := range x {
		size[i] = math.Abs(v)
	}
	rates := make([][]float64, len(q.counts))
	for li, counts := range q.counts {
		y, err := sim.Currents(ctx, q.net, li, rates, x)
		if err != nil {
			return err
		}
		z, err := sim.Currents(ctx, q.absolute, li, rates, size)
		if err != nil {
			return err
		}
		q.layer(li, y, z)
		rates[li] = make([]float64, len(counts))
		for j, n := range counts {
			rates[li][j] = n / T
		}
	}
	return nil
}

// layer compares the counts of a layer whose neurons get the mean currents y, made of terms
// of the mean magnitude z.
func (q *levels) layer(li int, y, z []float64) {
	l := &q.net.Layers[li]
	T, positions := float64(q.T), l.Shape[1]*l.Shape[2]
	for j, n := range q.counts[li] {
		if l.IsGate() { // It hands on the largest count.
			q.wrong[li] += uint64(math.Abs(math.Round(y[j]*T) - n))
			continue
		}
		start, th := float64(l.StartOf(j)), float64(l.Neuron.ThresholdOf(j/positions))
		handed := q.handed(li, j)
		v := start + T*y[j] + handed.v
		// The last bit of every number that the simulation rounds: partial sums of a
		// current, potentials while they integrate, potentials after every spike.
		bound := 0x1p-24*(32+8*math.Sqrt(q.taps[li])+T+n)*(math.Abs(start)+T*z[j]+th*(n+1)) + handed.bound
		if q.net.Integer() { // Whose sums are exact; those of rates may be off by their last bit.
			v, bound = math.Round(v), 0
		}
		if q.left[li] != nil {
			q.left[li][j] = rest{max(v, start) - start - n*th, bound}
		}
		want, low, high := level(v, th, T), level(v-bound, th, T), level(v+bound, th, T)
		switch {
		case n == want:
		case n >= low && n <= high:
			q.rounded[li] += uint64(math.Abs(want - n))
		default:
			q.wrong[li] += uint64(math.Abs(want - n))
		}
	}
}

// handed returns what the shortcuts with remainders into neuron j of layer li bring.
func (q *levels) handed(li, j int) (sum rest) {
	l := &q.net.Layers[li]
	for _, s := range l.Synapses {
		if k, ok := s.Connection.(*snn.Shortcut); ok && k.Remainder {
			scale, grid := q.net.RemainderScale(k, s.From, j/(l.Shape[1]*l.Shape[2]))
			left := q.left[s.From][j]
			sum.v += math.RoundToEven(scale*left.v*grid) / grid
			sum.bound += math.Abs(scale)*left.bound + 1/grid
		}
	}
	return sum
}

// level returns the number of spikes that a potential leads to.
func level(v, th, T float64) float64 { return min(max(math.Floor(v/th), 0), T) }
