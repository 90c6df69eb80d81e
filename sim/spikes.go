package sim

import "sresnet/internal/kernel"

// spikes are what one layer emitted at one timestep.
type spikes struct {
	grid
	mask   []uint64 // words a position.
	events []uint32 // The same as a list, see kernel.Events.
	start  []int32  // Of each position's events, and their number at the end.
}

// list fills events and start from mask, with room to spare as kernel.Events asks.
func (s *spikes) list(events []uint32, start []int32) {
	n := kernel.Events(events, start, s.mask, s.words, s.n)
	s.events, s.start = events[:n], start[:s.positions()+1]
}

// between returns the events of positions from <= p < to.
func (s *spikes) between(from, to int) []uint32 { return s.events[s.start[from]:s.start[to]] }

// taps counts synaptic additions: a spike at a position counts once for every
// output that it reaches, which is fewer near the border and with strides.
type taps struct {
	most    uint64 // Of any position.
	lacking []lack // The positions that reach fewer.
}

type lack struct {
	position int
	n        uint64
}

// newTaps takes the number of weights that a spike at each position meets.
func newTaps(reached []uint64) taps {
	var t taps
	for _, n := range reached {
		t.most = max(t.most, n)
	}
	for p, n := range reached {
		if n < t.most {
			t.lacking = append(t.lacking, lack{p, t.most - n})
		}
	}
	return t
}

// count returns the number of weights that the spikes s meet.
func (t *taps) count(s *spikes) uint64 {
	n := t.most * uint64(len(s.events))
	for _, l := range t.lacking {
		n -= l.n * uint64(s.start[l.position+1]-s.start[l.position])
	}
	return n
}
