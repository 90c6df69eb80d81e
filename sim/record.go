package sim

import "sresnet/snn"

// Record is what one presentation of an image leaves behind: everything that
// accuracy at every timestep, spike counts and synaptic operations need. Step t
// counts from 0; "up to step t" includes it. In a phased network it is the step of a
// layer's own windows: spikes leave at step t of the one in which it fires, and current
// arrives at step t of the one before.
type Record struct {
	Timesteps int // T, or how many there were before Engine.Stop ended the run. All that follows then ends there.
	Classes   int // Neurons of the output layer; 0 if Options.Layers cut it off.

	// Of the output layer, at [t*Classes + k] for output k. Potentials and currents of an
	// integer network, whose output has one threshold, are in thresholds.
	Counts    []uint32  // Spikes up to step t; of first-spike coding what they are worth in spikes of rate coding.
	Potential []float32 // Membrane potential after step t.
	Current   []float32 // Current accumulated up to step t: what the potential would be without spikes, from zero.

	// Per layer and timestep, [layer][t].
	Spikes [][]uint32 // Spikes that the layer emitted at step t.
	ACs    [][]uint64 // Synaptic additions into the layer at step t: one for every weight that a spike carries; taps over the border count nothing. A gate has none.

	// SynapseACs splits ACs by synapse, summed over all timesteps: [layer][synapse],
	// in the order of snn.Layer.Synapses. All are 0 of a run that Engine.Stop ended, and
	// so are MACs, SynapseMACs and Entered unless the same enters at every timestep.
	SynapseACs [][]uint64

	// Saturated counts, per layer, the neurons and timesteps at which a potential of an
	// integer network would have left its bits, but where it is reset to zero at once; 0 as
	// well where Engine.Stop ended the run.
	Saturated []uint64

	// MACs counts the products of the image itself with the weights it meets, its
	// zeros and taps over the border not counted. Where the input current is constant
	// they are spent once per image, those of frames at every timestep; signed spikes add
	// weights instead, which ACs counts. SynapseMACs splits them as SynapseACs does.
	MACs        uint64
	SynapseMACs [][]uint64

	// Entered counts the signed spikes of the image, those that reach no weight too.
	Entered uint64

	// Frames is how many frames the image had, and Binary whether all their values but
	// zero have one magnitude, so that they are spikes.
	Frames int
	Binary bool
}

// At returns what the output layer shows after step t, one number per output: spikes,
// membrane potentials and accumulated currents up to then. They are parts of the
// record, which the next [Engine.Run] overwrites.
func (r *Record) At(t int) (counts []uint32, potential, current []float32) {
	lo, hi := t*r.Classes, (t+1)*r.Classes
	return r.Counts[lo:hi:hi], r.Potential[lo:hi:hi], r.Current[lo:hi:hi]
}

func newRecord(net *snn.Network, timesteps, classes, layers int) *Record {
	r := &Record{
		Timesteps: timesteps, Classes: classes,
		Counts:    make([]uint32, timesteps*classes),
		Potential: make([]float32, timesteps*classes),
		Current:   make([]float32, timesteps*classes),
		Spikes:    make([][]uint32, layers),
		ACs:       make([][]uint64, layers),

		Saturated: make([]uint64, layers),

		SynapseACs:  make([][]uint64, layers),
		SynapseMACs: make([][]uint64, layers),
	}
	for i := range layers {
		r.Spikes[i] = make([]uint32, timesteps)
		r.ACs[i] = make([]uint64, timesteps)
		r.SynapseACs[i] = make([]uint64, len(net.Layers[i].Synapses))
		r.SynapseMACs[i] = make([]uint64, len(net.Layers[i].Synapses))
	}
	return r
}

// end cuts off what was computed after the first T timesteps; 0 is for none. How much
// that was depends on blocks and workers, and sums over time hold it: they are cleared.
func (r *Record) end(T int, enc *encoder) {
	if T == 0 {
		return
	}
	r.cut(T)
	clear(r.Saturated)
	for i := range r.SynapseACs {
		clear(r.SynapseACs[i])
		if !enc.constant {
			clear(r.SynapseMACs[i])
		}
	}
	if !enc.constant {
		r.MACs, r.Entered = 0, 0
	}
}

// cut gives all that is over time T timesteps.
func (r *Record) cut(T int) {
	r.Timesteps = T
	r.Counts, r.Potential, r.Current = r.Counts[:T*r.Classes], r.Potential[:T*r.Classes], r.Current[:T*r.Classes]
	for i := range r.Spikes {
		r.Spikes[i], r.ACs[i] = r.Spikes[i][:T], r.ACs[i][:T]
	}
}

// reset clears what a run adds up, and notes what enters.
func (r *Record) reset(enc *encoder) {
	r.cut(cap(r.Spikes[0]))
	r.MACs, r.Frames, r.Binary = 0, len(enc.image)/enc.input.Shape.Len(), enc.spikes
	clear(r.Saturated)
	for i := range r.SynapseACs {
		clear(r.SynapseACs[i])
		clear(r.SynapseMACs[i])
	}
}

// sum ends a run.
func (r *Record) sum(enc *encoder) {
	r.Entered = enc.entered
	for _, layer := range r.SynapseMACs {
		for _, n := range layer {
			r.MACs += n
		}
	}
}

// add adds the synaptic additions of one synapse at step t.
func (r *Record) add(layer, synapse, t int, acs uint64) {
	r.ACs[layer][t] += acs
	r.SynapseACs[layer][synapse] += acs
}
