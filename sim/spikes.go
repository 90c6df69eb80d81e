package sim

import (
	"math/bits"

	"sresnet/internal/kernel"
)

// spikes are what one layer emitted at one timestep.
type spikes struct {
	grid
	mask []uint64 // words per position.
	n    int      // Number of spikes.

	// The same as a list, see kernel.Events; valid after list.
	events []uint32
	start  []int32 // Of each position's events, and their number at the end.

	listed    bool
	eventRoom []uint32
	startRoom []int32
	image     []float32 // Scratch of denseConv.
}

// list fills events and start from mask. Not every synapse needs them.
func (s *spikes) list() {
	if s.listed {
		return
	}
	if need := s.n + kernel.Lanes; len(s.eventRoom) < need {
		s.eventRoom = make([]uint32, need+need/4) // The next image may have some more.
	}
	n := kernel.Events(s.eventRoom, s.startRoom, s.mask, s.words, s.grid.n)
	s.events, s.start = s.eventRoom[:n], s.startRoom[:s.positions()+1]
	s.listed = true
}

// room makes room for the list of a layer of grid g, but for the events, of which there are
// far fewer than neurons.
func (s *spikes) room(g grid) {
	if need := g.positions() + 1; len(s.startRoom) < need {
		s.startRoom = make([]int32, need)
	}
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
	n := t.most * uint64(s.n)
	if s.words == 1 {
		for _, l := range t.lacking {
			n -= l.n * uint64(bits.OnesCount64(s.mask[l.position]))
		}
		return n
	}
	for _, l := range t.lacking {
		n -= l.n * uint64(kernel.OnesCount(s.mask[l.position*s.words:][:s.words]))
	}
	return n
}
