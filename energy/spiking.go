package energy

import (
	"slices"

	"sresnet/snn"
)

// spiking returns the traffic of the spiking network. A spike is written to a queue by
// its source, moved to every population that it reaches and read there; each weight that
// it meets is read and added to a potential, which is read and written. In first-spike
// coding it is added to the current that the neuron holds.
func (m *Meter) spiking(c *Counts, did Activity) book {
	s := spikingTraffic{Meter: m, counts: c, did: did, n: float64(did.Images), T: float64(len(did.ACs))}
	s.graded, s.binary = float64(c.Graded)/s.n, float64(c.Binary)/s.n
	var list book
	first := 0 // Of the layer's synapses.
	for i := range m.net.Layers {
		l := &m.net.Layers[i]
		seen := make(map[int]bool)
		for j := range l.Synapses {
			k := &m.synapses[first+j]
			e := m.item(k)
			if l.IsGate() {
				e.Stored.Units = k.source // Counts.
			}
			fixed, driven := s.synapse(first+j, l.IsGate(), !seen[k.from])
			list.add(e, fixed, driven)
			seen[k.from] = true
		}
		first += len(l.Synapses)
		if !l.IsGate() {
			fixed, driven := s.neurons(i)
			list.add(item{Entry: Entry{Layer: l.Name, Kind: "neurons", Stored: Stored{Units: l.Neurons(), Biases: len(l.Bias)}}, neurons: true}, fixed, driven)
		}
	}
	return list
}

// spikingTraffic is what the traffic of a spiking network follows from.
type spikingTraffic struct {
	*Meter
	counts         *Counts
	did            Activity
	n, T           float64 // Images and timesteps.
	graded, binary float64 // Shares of images made of frames: of numbers, of spikes.
}

// synapse returns the traffic of a synapse: what there is without spikes, and what these
// cause. Of several synapses between two populations one alone, the first, has the
// transport of the spikes.
func (s *spikingTraffic) synapse(i int, gate, first bool) (fixed, driven Traffic) {
	k := &s.synapses[i]
	switch image := k.from == snn.FromInput; {
	case gate:
		in, out := s.did.Spikes[k.from], s.did.Spikes[k.layer]
		driven = Traffic{Additions: in, Comparisons: in, PotentialReads: in, PotentialWrites: in, EventReads: in, EventWrites: out, SpikesMoved: in}
	case !image:
		driven = s.arrivals(k, s.counts.Synapses[i], s.did.Spikes[k.from], s.net.Coding == snn.FirstSpike, first)
	case k.counter == nil:
		driven = s.arrivals(k, s.counts.Synapses[i], float64(s.counts.Entered)/s.n, false, first)
	default:
		fixed.plus(1-s.graded-s.binary+s.graded*s.T, k.formal(float64(k.dense), first))
		if s.counts.Added != nil {
			driven = s.arrivals(k, s.counts.Added[i], float64(s.counts.Entered)/s.n, false, first)
		}
	}
	return fixed, driven
}

// arrivals returns what spikes cause, which are that many per image, and of which all
// together make that many additions in all images.
func (s *spikingTraffic) arrivals(k *connection, acs uint64, spikes float64, held, first bool) Traffic {
	a := float64(acs) / s.n
	t := Traffic{Additions: a, WeightReads: a, AddressAdditions: a}
	if k.fan.Window != nil {
		t.AddressProducts, t.AddressAdditions = 2*spikes, float64(acs/uint64(k.fan.Channels))/s.n
	}
	if held {
		t.CurrentReads, t.CurrentWrites = a, a
	} else {
		t.PotentialReads, t.PotentialWrites = a, a
	}
	if first {
		t.EventReads, t.SpikesMoved = spikes, spikes
	}
	return t
}

// neurons returns the traffic of a population's neurons themselves. A synchronous neuron
// is read, given its bias, compared and written at every timestep; a phased one is read,
// given its bias and written in the window in which it integrates, and in the next one
// read, compared and written if it fires.
func (s *spikingTraffic) neurons(i int) (fixed, driven Traffic) {
	l, spikes := &s.net.Layers[i], s.did.Spikes[i]
	n := float64(l.Neurons())
	steps := n * s.T
	fixed = Traffic{Additions: steps, Comparisons: steps, PotentialReads: steps, PotentialWrites: steps}
	driven = Traffic{Additions: spikes, EventWrites: spikes}
	if l.Neuron.Reset == snn.ResetZero {
		driven.Additions = 0
	}
	if a, ok := l.Neuron.Decay(); !ok || a != 1 {
		fixed.Products = steps
	}
	if s.net.Schedule == snn.Phased {
		fixed.PotentialReads += steps
		driven.PotentialWrites = spikes
	}
	if s.holds(i) { // Added at every timestep, and cleared in the end.
		fixed.Additions += steps
		fixed.CurrentReads, fixed.CurrentWrites = steps, n
	}
	constant := 0.0 // Share of images of which the neurons hold a current.
	if !s.net.Input.Encoding.Spikes() && slices.ContainsFunc(l.Synapses, func(k snn.Synapse) bool { return k.From == snn.FromInput }) {
		constant = 1 - s.graded - s.binary
	}
	fixed.CurrentWrites += constant * n
	fixed.CurrentReads += constant * steps
	if l.Bias != nil { // The current of a constant image has it already.
		fixed.BiasReads = constant*n + (1-constant)*steps
		fixed.Additions += constant * n
	}
	return fixed, driven
}
