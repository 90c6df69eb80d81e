package diagnose

import (
	"context"

	"sresnet/sim"
	"sresnet/snn"
)

// rounder computes what rounding the weights of an integer network adds to its mean
// currents, and what of them potentials of few bits lose, on one image at a time.
type rounder struct {
	d      *Diagnoser
	counts [][][]uint16 // Per layer and length, the spikes by then, channels last; nil where no synapse carries them.
	left   [][]float64  // Per layer whose remainders are handed on, these, in thresholds and CHW.
	rates  [][]float64  // Room for the rates of layers, CHW.

	ctx    context.Context // Of the image,
	index  int             // which is this one,
	pixels []float32       // its frames,
	frames int             // and how many these are.
	err    error
}

// newRounder returns nil if no real weights are known and potentials have all the bits they need.
func (d *Diagnoser) newRounder() *rounder {
	if d.rounding == nil && d.Network.StateBits == 0 {
		return nil
	}
	n := len(d.Network.Layers)
	r := &rounder{d: d, counts: make([][][]uint16, n), left: make([][]float64, n), rates: make([][]float64, n), frames: 1}
	for i := range d.Network.Layers {
		for _, s := range d.Network.Layers[i].Synapses {
			if from := s.From; from != snn.FromInput && r.counts[from] == nil && !d.Network.Layers[i].IsGate() {
				r.counts[from] = make([][]uint16, len(d.o.Timesteps))
				r.rates[from] = make([]float64, d.Network.Layers[from].Neurons())
			}
		}
	}
	for i, remains := range d.Network.Remains() {
		if remains {
			r.left[i] = make([]float64, d.Network.Layers[i].Neurons())
		}
	}
	return r
}

// begin begins with image i.
func (r *rounder) begin(ctx context.Context, i int, pixels []float32) error {
	r.ctx, r.index, r.pixels = ctx, i, pixels
	s, ok := r.d.Images.(sim.Sequences)
	if !ok || s.Frames() < 2 {
		return nil
	}
	r.frames = s.Frames()
	r.pixels = make([]float32, r.frames*len(pixels))
	return s.Sequence(i, r.pixels)
}

// note keeps what layers behind get from a layer at the k-th length.
func (r *rounder) note(layer, k int, counts []uint16, m sim.Potentials) {
	if r.counts[layer] != nil {
		r.counts[layer][k] = append(r.counts[layer][k][:0], counts...)
	}
	l := &r.d.Network.Layers[layer]
	for j := range r.left[layer] {
		r.left[layer][j] = float64(m.V[j]-l.StartOf(j)) / float64(l.Neuron.ThresholdOf(j/(l.Shape[1]*l.Shape[2])))
	}
}

// added returns what rounding adds to the mean currents into a layer of neurons over the
// timesteps of the k-th length, in thresholds and CHW: what [snn.Network.RoundingError] makes
// of the rates of its sources and of the image; nil if the real weights are not known.
func (r *rounder) added(layer, k int) []float64 {
	if r.d.rounding == nil {
		return nil
	}
	return r.currents(r.d.rounding, layer, k)
}

// arrived returns the mean currents into a layer of neurons over the timesteps of the k-th length,
// in thresholds and CHW, as potentials that do not saturate would hold them; nil if they do not.
func (r *rounder) arrived(layer, k int) []float64 {
	if r.d.Network.StateBits == 0 {
		return nil
	}
	sum := r.currents(r.d.Network, layer, k)
	l := &r.d.Network.Layers[layer]
	for o := range sum {
		sum[o] /= float64(l.Neuron.ThresholdOf(o / (l.Shape[1] * l.Shape[2])))
	}
	return sum
}

// currents returns the mean currents into a layer of net, which has the connections of the
// subject's network.
func (r *rounder) currents(net *snn.Network, layer, k int) []float64 {
	d, T := r.d, r.d.o.Timesteps[k]
	l := &d.Network.Layers[layer]
	var image []float64
	for _, s := range l.Synapses {
		if s.From == snn.FromInput {
			image = r.presented(&net.Input, T)
			continue
		}
		channels, rates := d.Network.Layers[s.From].Shape[0], r.rates[s.From]
		positions := len(rates) / channels
		for i, n := range r.counts[s.From][k] {
			rates[i%channels*positions+i/channels] = float64(n) / float64(T)
		}
	}
	sum, err := sim.Currents(r.ctx, net, layer, r.rates, image)
	if err != nil {
		r.err = err
		return make([]float64, l.Neurons())
	}
	for j, s := range l.Synapses {
		if k, ok := s.Connection.(*snn.Shortcut); ok && k.Remainder { // One neuron to one.
			w := net.Layers[layer].Synapses[j].Connection.(*snn.Shortcut)
			for o, x := range r.left[s.From] {
				sum[o] += float64(w.ScaleOf(o/(l.Shape[1]*l.Shape[2]))) * x / float64(T)
			}
		}
	}
	return sum
}

// presented returns the mean over T timesteps of what the image shows, CHW.
func (r *rounder) presented(in *snn.Input, T int) []float64 {
	if in.Encoding.Constant() && r.frames == 1 {
		T = 1 // They are all the same.
	}
	return sim.Presented(in, r.pixels, T, r.d.o.Seed, r.index)
}

// roundsMost reports whether rounding the weights is the largest of the parts that arise in
// layers themselves, on average over them.
func roundsMost(r *Diagnosis) bool {
	rounding := average(r, CauseRounding)
	for _, cause := range []string{CauseClipping, CauseQuantisation, CauseUnevenness} {
		if average(r, cause) >= rounding {
			return false
		}
	}
	return true
}
