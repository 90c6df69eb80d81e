package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/energy"
	"sresnet/exit"
	"sresnet/sim"
	"sresnet/snn"
)

// Exit is what an evaluation says of stopping every image early by a rule; see package
// exit. All images were presented to the end, so that it can be compared with that: with
// Result's numbers after T timesteps. Shares are fractions of 1.
type Exit struct {
	Rule exit.Rule `json:"rule"`

	// Answers is after how many timesteps each answer of the rule is there: 1 to T, or in a
	// cascade those of a window of the first network, and of both. StopsAt is how many images
	// stop at each.
	Answers []int `json:"answers_t"`
	StopsAt []int `json:"stops_at"`

	MeanT     float64 `json:"mean_t"`      // Timesteps until an image stops; in a cascade of windows, so that the latency is as many times more as windows follow on each other.
	Quartiles [3]int  `json:"quartiles_t"` // A quarter of the images, half and three quarters stop by then.

	Top1      float64 `json:"top1"`       // Of the classes at the stop.
	Loss      float64 `json:"loss"`       // Of top-1 accuracy against the end; negative where it is better.
	Agreement float64 `json:"agreement"`  // Share of images with the class of the trained network.
	Same      float64 `json:"same_class"` // Share of images with the class of the end.

	// Early is the share of images that stop too early: before the end, where their class is
	// not that of the trained network from there to the end. The rule was learned so that
	// it is about Epsilon at most.
	Early float64 `json:"early"`

	SpikesPerImage float64        `json:"spikes_per_image"` // Up to the stop,
	ACsPerImage    float64        `json:"acs_per_image"`    // as synaptic additions
	Joules         *energy.Joules `json:"joules_per_image,omitempty"`
}

// checkExit returns an error for options that ask for an exit that cannot be.
func checkExit(g *ann.Graph, net *snn.Network, o Options) error {
	if o.Exit == nil {
		return nil
	}
	if g == nil {
		return errors.New("eval: an early exit is measured against the trained network, which is missing")
	}
	if err := o.First.check(net, o.Sim.Timesteps); err != nil {
		return err
	}
	if n := len(o.answers()); len(o.Exit.Beta) != n {
		return fmt.Errorf("eval: the thresholds of the early exit are for %d answers, not for %d", len(o.Exit.Beta), n)
	}
	return nil
}

// answers returns after how many timesteps there are answers at which an image may stop.
func (o *Options) answers() []int {
	if o.First != nil {
		return []int{o.First.Timesteps, o.First.Timesteps + o.Sim.Timesteps}
	}
	return Marks(snn.Synchronous, o.Sim.Timesteps)
}

// exits counts what stopping by a rule gives.
type exits struct {
	rule    *exit.Rule
	answers []int
	stopped
}

// stopped holds integers only, as a [Tally].
type stopped struct {
	At      []uint32 `json:"at"` // Images that stop at each answer.
	Correct uint32   `json:"correct"`
	Agree   uint32   `json:"agree"`
	Same    uint32   `json:"same"`
	Early   uint32   `json:"early"`
	Spikes  uint64   `json:"spikes"`
	ACs     uint64   `json:"acs"`
}

func newExits(o *Options) *exits {
	answers := o.answers()
	return &exits{o.Exit, answers, stopped{At: make([]uint32, len(answers))}}
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

// addExit takes in where the image of t, which it was made of, stops.
func (w *worker) addExit(ctx context.Context, t *Tally, rec *sim.Record) error {
	if t.exits == nil {
		return nil
	}
	p := &t.predictions[0]
	if w.first != nil {
		return w.cascade(ctx, t.exits, p, rec)
	}
	at := w.o.Readout.Stop(t.exits.rule, rec)
	t.exits.count(p, at, p.At(at), p.settled(rec.Timesteps) > at)
	t.exits.operations(rec, at+1)
	return nil
}

// count takes in an image that stops at an answer with a class.
func (x *exits) count(p *prediction, at, class int, unsettled bool) {
	x.At[at]++
	for _, c := range []struct {
		n  *uint32
		is bool
	}{{&x.Correct, class == p.Label}, {&x.Agree, class == p.ANN}, {&x.Same, class == p.SNN()}, {&x.Early, unsettled && at < len(x.At)-1}} {
		if c.is {
			*c.n++
		}
	}
}

// operations adds those of the first T timesteps of a record.
func (x *exits) operations(rec *sim.Record, T int) {
	for l := range rec.Spikes {
		for t := range T {
			x.Spikes += uint64(rec.Spikes[l][t])
			x.ACs += rec.ACs[l][t]
		}
	}
}

// merge adds what y counted, of other images with the same rule.
func (x *exits) merge(y *exits) {
	addTo(x.At, y.At)
	x.Correct += y.Correct
	x.Agree += y.Agree
	x.Same += y.Same
	x.Early += y.Early
	x.Spikes += y.Spikes
	x.ACs += y.ACs
}

// fits reports whether s can be of n images by the rule of x.
func (s *stopped) fits(x *exits, n int) bool {
	sum := uint64(0)
	for _, k := range s.At {
		sum += uint64(k)
	}
	return len(s.At) == len(x.At) && sum == uint64(n) && uint64(max(s.Correct, s.Agree, s.Same, s.Early)) <= sum
}

// result turns the counts into means, beside r, the result to the end.
func (x *exits) result(r *Result) *Exit {
	n := float64(r.Images)
	e := &Exit{
		Rule: *x.rule, Answers: x.answers, StopsAt: make([]int, len(x.At)),
		Top1: float64(x.Correct) / n, Loss: float64(r.right(r.Final())-int(x.Correct)) / n,
		Agreement: float64(x.Agree) / n, Same: float64(x.Same) / n, Early: float64(x.Early) / n,
		SpikesPerImage: float64(x.Spikes) / n, ACsPerImage: float64(x.ACs) / n,
	}
	steps, stopped := 0, 0
	for t, k := range x.At {
		e.StopsAt[t] = int(k)
		for q := range e.Quartiles { // The first t by which so many have stopped.
			if want := (q + 1) * r.Images; 4*stopped < want && 4*(stopped+int(k)) >= want {
				e.Quartiles[q] = x.answers[t]
			}
		}
		stopped += int(k)
		steps += int(k) * x.answers[t]
	}
	e.MeanT = float64(steps) / n
	if r.Energy != nil && r.Energy.Device != nil {
		joules := e.joules(r)
		e.Joules = &joules
	}
	return e
}

// joules returns the energy per image up to the stop. It grows by the same for every
// addition and for every timestep.
func (e *Exit) joules(r *Result) (sum energy.Joules) {
	if r.Phased() {
		again := energy.Joules(float64(e.StopsAt[1]) / float64(r.Images))
		return r.Energy.JoulesAt(e.Answers[0], e.ACsPerImage) + again*r.Energy.JoulesAt(r.Timesteps, 0)
	}
	for t, k := range e.StopsAt {
		sum += energy.Joules(float64(k)/float64(r.Images)) * r.Energy.JoulesAt(e.Answers[t], e.ACsPerImage)
	}
	return sum
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
	answers := r.Timesteps
	if r.Phased() {
		answers = 2
	}
	if n := len(e.StopsAt); r.Alone() || n != answers || len(e.Rule.Beta) != n || len(e.Answers) != n || sum != r.Images {
		return fmt.Errorf("it has %d images and %d timesteps and an exit of %d images at %d answers", r.Images, r.Timesteps, sum, n)
	}
	last := 0
	for t, T := range e.Answers {
		if T <= last || !r.Phased() && T != t+1 || T > 2*r.Timesteps {
			return fmt.Errorf("it has an exit with answers at %v", e.Answers)
		}
		last = T
	}
	if lowest, highest := slices.Min(e.Quartiles[:]), slices.Max(e.Quartiles[:]); lowest < 1 || highest > last {
		return fmt.Errorf("it has an exit with quartiles of %v", e.Quartiles)
	}
	return nil
}
