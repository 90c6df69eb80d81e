package verify

import (
	"math"
	"math/bits"

	"sresnet/snn"
	"sresnet/tensor"
)

// roundings is what the rounding of weights to whole numbers of a unit may do to the currents
// of a layer, per channel and as part of MaxRelative: by spikes of sources that all fire at
// every timestep, and by pixels of one unit.
type roundings struct{ spikes, pixels []float64 }

// roundingsOf returns that of l, a layer of n; see [snn.Network.Exact] and
// [snn.Network.Quantised].
//
// A weight that is off by up to half a unit u has the variance u^2 / 12, and m that were equal
// are off by the same, m^2 u^2 / 12 together: those of one source channel at several places,
// where a mean was composed with what is behind it. The rest is a random walk. Six standard
// deviations are passed by none of a billion channels.
func roundingsOf(n *snn.Network, l *snn.Layer) roundings {
	spikes, pixels := make([]float64, l.Shape[0]), make([]float64, l.Shape[0]) // Variances.
	for c := range spikes {
		all, most := new(walk), 0.0 // Of all that has one unit; weights of so many bits have one for each synapse.
		if n.Integer() {
			most = float64(int(1)<<(n.Bits-1) - 1)
		}
		image := false
		for _, s := range l.Synapses {
			of, in := new(walk), n.ShapeOf(s.From)
			of.weights(s.Connection, c, in, l.Shape)
			switch {
			case s.From == snn.FromInput && n.Integer():
				pixels[c] += of.variance(of.unitOf(most))
			case s.From == snn.FromInput: // As they are, see Exact.
				image = true
			case n.Integer():
				spikes[c] += of.variance(of.unitOf(most))
			default:
				all.join(of)
			}
		}
		switch {
		case n.Integer():
			spikes[c] += 1. / 12 // The bias.
		case !image && l.Bias != nil:
			all.see(1, l.Bias[c])
		}
		if !l.IsGate() && all.last > 0 {
			v := float64(l.Neuron.ThresholdOf(c)) + math.Abs(float64(l.Neuron.VInitOf(c))) + float64(max(n.TunedFor, 64))*all.sum
			spikes[c] += all.variance(min(all.last, v*0x1p-20)) // Exact takes about 2^-24 of it, and what is handed on.
		}
	}
	for c := range spikes {
		spikes[c], pixels[c] = 6*math.Sqrt(spikes[c])/MaxRelative, 6*math.Sqrt(pixels[c])/MaxRelative
	}
	return roundings{spikes, pixels}
}

// walk is what is known of weights that were rounded to whole numbers of a unit: the last bit
// that any of them has, how large they are, and how far, squared and in units, their sum may
// be off.
type walk struct {
	last, largest, sum, squares float64
	times                       int
}

// weights takes in those of a connection into channel c of a layer.
func (w *walk) weights(k snn.Connection, c int, in, shape tensor.Shape) {
	switch k := k.(type) {
	case snn.Weighted:
		x := k.Weights().Data
		x = x[c*(len(x)/shape[0]):][:len(x)/shape[0]]
		places := in[1] * in[2] // Of a source channel.
		if of := k.Weights().Shape; len(of) > 2 {
			places = of[2:].Len()
		}
		for ; len(x) > 0; x = x[places:] {
			w.see(1, x[:places]...)
		}
	case *snn.Shortcut:
		if k.Scales == nil || c >= k.Offset && c < k.Offset+len(k.Scales) {
			w.see(1, k.ScaleOf(c-k.Offset))
		}
	case *snn.AveragePool:
		w.see(k.Multiple(in, shape), k.ScaleOf(c))
	}
}

// see takes in weights, of which those that are equal were equal before, and which are whole
// numbers of so many units.
func (w *walk) see(times int, weights ...float32) {
	w.times = times
	equal := make(map[float32]float64, 1)
	for _, x := range weights {
		size := math.Abs(float64(x))
		w.largest, w.sum = max(w.largest, size), w.sum+size
		if x == 0 { // It may have been any that is less than half a unit.
			w.squares += float64(times) * float64(times)
			continue
		}
		equal[x]++
		fraction, e := math.Frexp(size)
		last := math.Ldexp(1, e-24+bits.TrailingZeros32(uint32(fraction*(1<<24))))
		if w.last == 0 || last < w.last {
			w.last = last
		}
	}
	for _, m := range equal {
		w.squares += m * m * float64(times) * float64(times)
	}
}

// join takes in all that v took in.
func (w *walk) join(v *walk) {
	if w.last == 0 || v.last > 0 && v.last < w.last {
		w.last = v.last
	}
	w.sum, w.squares = w.sum+v.sum, w.squares+v.squares
}

// unitOf returns the unit of weights that have whole numbers up to most of it: the least power
// of two for which they do, or their last bit.
func (w *walk) unitOf(most float64) float64 {
	if w.largest == 0 {
		return 1
	}
	unit := 1.0
	for w.largest > most*unit*float64(w.times) {
		unit *= 2
	}
	return min(unit, w.last)
}

// variance is that of the sum, of sources that are all 1.
func (w *walk) variance(unit float64) float64 { return w.squares * unit * unit / 12 }
