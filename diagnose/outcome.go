package diagnose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"sresnet/eval"
	"sresnet/internal/parallel"
	"sresnet/shard"
	"sresnet/sim"
	"sresnet/snn"
)

// Outcomes says what came of trials, which have numbers on images: see [Trial].Group. These numbers
// are what package shard calls images.
type Outcomes struct {
	done, right []int // All that were, and those where the network names the label.
}

// Images returns the numbers of what was tried, in no order.
func (o *Outcomes) Images() []int { return o.done }

// Merge adds what came of others.
func (o *Outcomes) Merge(p *Outcomes) {
	o.done = append(o.done, p.done...)
	o.right = append(o.right, p.right...)
}

// outcomesFile is the JSON form of [Outcomes].
type outcomesFile struct {
	Done  shard.Set `json:"done"`
	Right shard.Set `json:"right"`
}

// MarshalJSON implements json.Marshaler.
func (o *Outcomes) MarshalJSON() ([]byte, error) {
	var f outcomesFile
	for _, l := range []struct {
		set  *shard.Set
		list []int
	}{{&f.Done, o.done}, {&f.Right, o.right}} {
		var err error
		if *l.set, err = shard.SetOf(l.list); err != nil {
			return nil, err
		}
	}
	return json.Marshal(&f)
}

// readOutcomes reads what MarshalJSON wrote of some of n.
func readOutcomes(b []byte, n int) (*Outcomes, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var f outcomesFile
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("diagnose: %w", err)
	}
	o := new(Outcomes)
	for _, l := range []struct {
		set  shard.Set
		list *[]int
	}{{f.Done, &o.done}, {f.Right, &o.right}} {
		last := 0
		for _, r := range l.set {
			if r[0] < last || r[1] <= r[0] || r[1] > n {
				return nil, errOtherWork
			}
			last = r[1]
			for i := r[0]; i < r[1]; i++ {
				*l.list = append(*l.list, i)
			}
		}
	}
	for _, i := range o.right {
		if !f.Done.Has(i) {
			return nil, errOtherWork
		}
	}
	return o, nil
}

// Trying returns the work that tries each of the list on every image. network returns
// one of the networks by its index; it is called when that one's turn comes, never
// twice at a time.
func (d *Diagnoser) Trying(list []Trial, network func(i int) (*snn.Network, error)) (shard.Work[*Outcomes], error) {
	for i := range list {
		t := &list[i]
		layered := t.Index >= 0 && t.Index < len(d.Network.Layers) && t.Layer == d.Network.Layers[t.Index].Name
		if t.Timesteps < 1 || t.Timesteps > sim.MaxTimesteps || t.Network < 0 || !layered && (t.Index != -1 || t.Kind == replaced) {
			return shard.Work[*Outcomes]{}, fmt.Errorf("diagnose: trial %d, %q, is none of network %q", i, t.Change, d.Network.Name)
		}
	}
	n := len(list) * d.Images.Len()
	return shard.Work[*Outcomes]{
		Images: n, New: func() *Outcomes { return new(Outcomes) },
		Read: func(b []byte) (*Outcomes, error) { return readOutcomes(b, n) },
		Present: func(ctx context.Context, n int, next func() (int, bool, error), add func(*Outcomes) error) error {
			order := newOrder(list, d.Images.Len())
			plans := &plans{d: d, network: network}
			b := &batches{order: order, next: next, ahead: -1}
			return parallel.Feed(ctx, min(d.o.Workers, n), func() func(context.Context, int) ([]*Outcomes, error) {
				w := &tryer{d: d, list: list, order: order, plans: plans, trial: -1, group: -1, pixels: make([]float32, d.Images.Shape().Len())}
				return func(ctx context.Context, batch int) (all []*Outcomes, err error) {
					for _, number := range b.take(batch) {
						o, err := w.try(ctx, number)
						if err != nil {
							return nil, err
						}
						all = append(all, o)
					}
					return all, nil
				}
			}, b.nextBatch, func(all []*Outcomes) error {
				for _, o := range all {
					if err := add(o); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}, nil
}

// tried says what came of trials, all of them on all images, in their order.
func (d *Diagnoser) tried(m *Measurement, list []Trial, o *Outcomes) []trial {
	images := m.sorted()
	n := len(images)
	order, right := newOrder(list, n), make([]bool, len(list)*n)
	for _, number := range o.right {
		t, i := order.of(number)
		right[t*n+i] = true
	}
	var trials []trial
	for j := range list {
		t := trial{kind: list[j].Kind, index: list[j].Index, higher: list[j].Higher}
		t.Change, t.Layer, t.Timesteps = list[j].Change, list[j].Layer, list[j].Timesteps
		t.Latency, t.Replaced, t.Options = list[j].Latency, list[j].Kind == replaced, list[j].Options
		t.compare(m.right(d), right[j*n:(j+1)*n])
		trials = append(trials, t)
	}
	if d.runsOn() {
		t := trial{kind: moreTimesteps, index: -1}
		t.Change, t.Timesteps, t.Options = fmt.Sprintf(moreText, 2*d.T, d.T), 2*d.T, d.more()
		twice := make([]bool, n)
		for i := range images {
			twice[i] = *images[i].Twice
		}
		t.compare(m.right(d), twice)
		trials = append(trials, t)
	}
	if d.o.Readout != eval.Potential { // It takes no simulation.
		t := trial{kind: readout, index: -1}
		t.Change, t.Timesteps, t.Options = "read-out by accumulated current", d.T, map[string]any{"readout": eval.Potential.String()}
		if d.Network.Schedule != snn.Synchronous {
			t.Latency = d.Network.Latency(d.T)
		}
		byPotential := make([]bool, n)
		for i := range images {
			byPotential[i] = images[i].Potential
		}
		t.compare(m.right(d), byPotential)
		trials = append(trials, t)
	}
	return trials
}

// right says on which images the network is right at the last length.
func (m *Measurement) right(d *Diagnoser) (right []bool) {
	for _, image := range m.sorted() {
		right = append(right, image.Correct[len(d.o.Timesteps)-1])
	}
	return right
}

// trained says on which images the trained network is right.
func (m *Measurement) trained() (right []bool) {
	for _, image := range m.sorted() {
		right = append(right, image.ANN)
	}
	return right
}

// compare fills in what the network gets right with the change, and without it. Halves of the
// images are drawn, since their order may mean something.
func (t *trial) compare(before, after []bool) {
	correct := 0
	drawn := rand.New(rand.NewPCG(0, uint64(len(after)))).Perm(len(after))
	for i, ok := range after {
		half := &t.first
		if drawn[i]%2 > 0 {
			half = &t.second
		}
		count(half, before[i], ok)
		if ok {
			correct++
		}
	}
	all := t.all()
	t.Regained, t.Lost = all.Gained, all.Lost
	t.Top1, t.Gain = float64(correct)/float64(len(after)), gain(all)
	t.Low, t.High = gainInterval(all)
}

// rightBehind returns for every cut that was tried on which images the network is right with
// all before it right.
func (d *Diagnoser) rightBehind(n int, list []Trial, o *Outcomes) (cuts []int, right [][]bool) {
	place := make([]int, len(list)) // Of a trial among the cuts.
	for j := range list {
		if place[j] = -1; list[j].Kind == replaced {
			place[j] = len(cuts)
			cuts, right = append(cuts, list[j].Index), append(right, make([]bool, n))
		}
	}
	order := newOrder(list, n)
	for _, number := range o.right {
		if t, i := order.of(number); place[t] >= 0 {
			right[place[t]][i] = true
		}
	}
	return cuts, right
}
