package eval

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/energy"
	"sresnet/exit"
	"sresnet/sim"
)

// Exit is what an evaluation says of stopping every image early by a rule; see package
// exit. All images were presented to the end, so that it can be compared with that: with
// Result's numbers after T timesteps. Shares are fractions of 1.
type Exit struct {
	Rule exit.Rule `json:"rule"`

	MeanT     float64 `json:"mean_t"`      // Timesteps until an image stops.
	Quartiles [3]int  `json:"quartiles_t"` // A quarter of the images, half and three quarters stop by then.
	StopsAt   []int   `json:"stops_at"`    // How many stop at each timestep.

	Top1      float64 `json:"top1"`       // Of the classes at the stop.
	Loss      float64 `json:"loss"`       // Of top-1 accuracy against the end; negative where it is better.
	Agreement float64 `json:"agreement"`  // Share of images with the class of the trained network.
	Same      float64 `json:"same_class"` // Share of images with the class of the end.

	// Unsettled is the share of images whose class is not that of the trained network from
	// the stop to the end: what the rule's Epsilon bounds on calibration images, for those
	// that stop before the end.
	Unsettled float64 `json:"unsettled"`

	SpikesPerImage float64        `json:"spikes_per_image"` // Up to the stop,
	ACsPerImage    float64        `json:"acs_per_image"`    // as synaptic additions
	Joules         *energy.Joules `json:"joules_per_image,omitempty"`
}

// checkExit returns an error for options that ask for an exit that cannot be.
func checkExit(g *ann.Graph, o Options) error {
	switch {
	case o.Exit == nil:
		return nil
	case g == nil:
		return errors.New("eval: an early exit is measured against the trained network, which is missing")
	case len(o.Exit.Beta) != o.Sim.Timesteps:
		return fmt.Errorf("eval: the thresholds of the early exit are for %d timesteps, not for %d", len(o.Exit.Beta), o.Sim.Timesteps)
	}
	return nil
}

// exits counts what stopping by a rule gives.
type exits struct {
	rule *exit.Rule
	stopped
}

// stopped holds integers only, as a [Tally].
type stopped struct {
	At        []uint32 `json:"at"` // Images that stop at each timestep.
	Correct   uint32   `json:"correct"`
	Agree     uint32   `json:"agree"`
	Same      uint32   `json:"same"`
	Unsettled uint32   `json:"unsettled"`
	Spikes    uint64   `json:"spikes"`
	ACs       uint64   `json:"acs"`
}

func newExits(rule *exit.Rule) *exits {
	return &exits{rule, stopped{At: make([]uint32, len(rule.Beta))}}
}

// Stop returns the timestep, counted from 0, at which an image stops by a rule: the last
// one of the record if it does not before.
func (r Readout) Stop(rule *exit.Rule, rec *sim.Record) int {
	for t := range rec.Timesteps {
		if _, gap := r.Answer(rec.At(t)); rule.StopsAt(t, gap) {
			return t
		}
	}
	return rec.Timesteps - 1
}

// settled returns the first timestep from which on the spiking network gives an image
// the class of the trained one; T if it does not at the end.
func (p *prediction) settled(T int) int {
	if p.SNN() != p.ANN {
		return T
	}
	return int(p.Changes[len(p.Changes)-1].Step) // From the last change of class on.
}

// add takes in one image.
func (x *exits) add(p *prediction, rec *sim.Record, readout Readout) {
	t := readout.Stop(x.rule, rec)
	x.At[t]++
	class := p.At(t)
	for _, c := range []struct {
		n  *uint32
		is bool
	}{{&x.Correct, class == p.Label}, {&x.Agree, class == p.ANN}, {&x.Same, class == p.SNN()}, {&x.Unsettled, p.settled(rec.Timesteps) > t}} {
		if c.is {
			*c.n++
		}
	}
	for l := range rec.Spikes {
		for s := range t + 1 {
			x.Spikes += uint64(rec.Spikes[l][s])
			x.ACs += rec.ACs[l][s]
		}
	}
}

// merge adds what y counted, of other images with the same rule.
func (x *exits) merge(y *exits) {
	addTo(x.At, y.At)
	x.Correct += y.Correct
	x.Agree += y.Agree
	x.Same += y.Same
	x.Unsettled += y.Unsettled
	x.Spikes += y.Spikes
	x.ACs += y.ACs
}

// fits reports whether s can be of n images by the rule of x.
func (s *stopped) fits(x *exits, n int) bool {
	sum := uint64(0)
	for _, k := range s.At {
		sum += uint64(k)
	}
	return len(s.At) == len(x.At) && sum == uint64(n) && uint64(max(s.Correct, s.Agree, s.Same, s.Unsettled)) <= sum
}

// result turns the counts into means, beside r, the result to the end.
func (x *exits) result(r *Result) *Exit {
	n := float64(r.Images)
	e := &Exit{
		Rule: *x.rule, StopsAt: make([]int, len(x.At)),
		Top1: float64(x.Correct) / n, Loss: float64(r.right(r.Final())-int(x.Correct)) / n,
		Agreement: float64(x.Agree) / n, Same: float64(x.Same) / n, Unsettled: float64(x.Unsettled) / n,
		SpikesPerImage: float64(x.Spikes) / n, ACsPerImage: float64(x.ACs) / n,
	}
	steps, stopped := 0, 0
	var joules energy.Joules
	for t, k := range x.At {
		e.StopsAt[t] = int(k)
		for q := range e.Quartiles { // The first t by which so many have stopped.
			if want := (q + 1) * r.Images; 4*stopped < want && 4*(stopped+int(k)) >= want {
				e.Quartiles[q] = t + 1
			}
		}
		stopped += int(k)
		steps += int(k) * (t + 1)
		// The energy grows by the same for every addition and for every timestep.
		joules += energy.Joules(float64(k)/n) * r.Energy.JoulesAt(t+1, e.ACsPerImage)
	}
	if e.MeanT = float64(steps) / n; r.Energy.Device != nil {
		e.Joules = &joules
	}
	return e
}

// check returns an error unless e can be a part of r.
func (e *Exit) check(r *Result) error {
	sum := 0
	for _, k := range e.StopsAt {
		if k < 0 || k > r.Images {
			return fmt.Errorf("it has an exit of %d images", k)
		}
		sum += k
	}
	if r.Alone() || len(e.StopsAt) != r.Timesteps || len(e.Rule.Beta) != r.Timesteps || sum != r.Images {
		return fmt.Errorf("it has %d images and %d timesteps and an exit of %d and %d", r.Images, r.Timesteps, sum, len(e.StopsAt))
	}
	if lowest, highest := slices.Min(e.Quartiles[:]), slices.Max(e.Quartiles[:]); lowest < 1 || highest > r.Timesteps {
		return fmt.Errorf("it has an exit with quartiles of %v", e.Quartiles)
	}
	return nil
}
