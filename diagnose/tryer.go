package diagnose

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"sresnet/ann/infer"
	"sresnet/sim"
	"sresnet/snn"
)

// plans compiles networks for the workers that try them, which get to each group at about the
// same time.
type plans struct {
	d       *Diagnoser
	network func(i int) (*snn.Network, error)

	mu    sync.Mutex
	group int // Trial that it begins with, whose plans these are.
	made  map[planKey]*sim.Plan
	same  map[int]bool // Whether a network is the subject's up to the layer of a trial.
}

type planKey struct{ network, timesteps, layers int }

// get returns the plan of some layers of a network, 0 for all.
func (p *plans) get(group int, k planKey) (*sim.Plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil || p.group != group {
		p.group, p.made, p.same = group, make(map[planKey]*sim.Plan), make(map[int]bool)
	}
	if plan := p.made[k]; plan != nil {
		return plan, nil
	}
	net, err := p.network(k.network)
	if err != nil {
		return nil, err
	}
	so := p.d.simulation(k.timesteps)
	so.Layers = k.layers
	plan, err := sim.Compile(net, so)
	if err != nil {
		return nil, err
	}
	p.made[k] = plan
	return plan, nil
}

// begins reports whether the network of t is the subject's in all layers before that of t.
func (p *plans) begins(trial int, t *Trial) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	same, known := p.same[trial]
	if !known {
		net, err := p.network(t.Network)
		if err != nil {
			return false, err
		}
		same = reflect.DeepEqual(net.Input, p.d.Network.Input) && reflect.DeepEqual(net.Layers[:t.Index], p.d.Network.Layers[:t.Index])
		p.same[trial] = same
	}
	return same, nil
}

// tryer tries one thing on one image at a time.
type tryer struct {
	d      *Diagnoser
	list   []Trial
	order  *order
	plans  *plans
	pixels []float32

	group, trial, image int                 // That all below is for; -1 for none yet.
	engines             map[int]*sim.Engine // By trial.
	runner              *infer.Runner       // Nil until a layer is to be replaced.
	before              *prefix             // Of a group that shares the first layers; else nil.
}

// try does the trial of a number on its image.
func (w *tryer) try(ctx context.Context, number int) (*Outcomes, error) {
	d := w.d
	trial, i := w.order.of(number)
	engine, err := w.begin(trial)
	if err != nil {
		return nil, err
	}
	t := &w.list[trial]
	if i != w.image {
		if err := w.show(ctx, t, i); err != nil {
			return nil, fmt.Errorf("diagnose: image %d: %w", i, err)
		}
	}
	if t.Kind == replaced {
		for j := range len(d.Network.Layers) - 1 { // What another cut has replaced.
			if err := engine.Replace(j, nil); err != nil {
				return nil, err
			}
		}
		for _, j := range d.cut(t.Index) {
			if err := engine.Replace(j, d.rates(j, w.runner)); err != nil {
				return nil, err
			}
		}
	}
	rec, err := engine.Present(ctx, d.Images, i, w.pixels)
	if err != nil {
		return nil, fmt.Errorf("diagnose: image %d: %w", i, err)
	}
	o := &Outcomes{done: []int{number}}
	if classAt(rec, t.Timesteps, d.o.Readout) == d.Images.Label(i) {
		o.right = o.done
	}
	return o, nil
}

// show takes image i, and does what all trials of the group need of it.
func (w *tryer) show(ctx context.Context, t *Trial, i int) error {
	w.image = -1
	if err := w.d.Images.Image(i, w.pixels); err != nil {
		return err
	}
	if t.Kind == replaced {
		if _, err := w.runner.Run(w.pixels); err != nil {
			return fmt.Errorf("trained network: %w", err)
		}
	}
	if w.before != nil {
		if _, err := w.before.engine.Present(ctx, w.d.Images, i, w.pixels); err != nil {
			return err
		}
	}
	w.image = i
	return nil
}

// begin returns the engine of a trial.
func (w *tryer) begin(trial int) (*sim.Engine, error) {
	if first := w.order.first[trial]; first != w.group {
		w.group, w.image, w.engines, w.before = first, -1, make(map[int]*sim.Engine), nil
		if err := w.share(first); err != nil {
			return nil, err
		}
	}
	t, key := &w.list[trial], trial
	if t.Kind == replaced {
		key = w.group // One engine for all cuts.
	}
	if e := w.engines[key]; e != nil {
		return e, nil
	}
	if w.d.Network.Neurons() > manyNeurons {
		clear(w.engines) // There is no room for many, and making one takes little against an image.
	}
	plan, err := w.plans.get(w.group, planKey{t.Network, t.Timesteps, 0})
	if err != nil {
		return nil, err
	}
	e := plan.NewEngine()
	if w.before != nil {
		if err := w.before.replayed(w, e, trial); err != nil {
			return nil, err
		}
	}
	if t.Kind == replaced && w.runner == nil {
		w.runner = w.d.model.NewRunner()
	}
	w.engines[key] = e
	return e, nil
}

// manyNeurons is of how many neurons a worker keeps an engine for one trial alone.
const manyNeurons = 1 << 20

// prefix is the first layers of the subject's network, which are simulated once for all trials of
// a group.
type prefix struct {
	engine *sim.Engine
	masks  map[int][][]uint64 // Spikes of some layers, at every timestep.
}

// share begins a group, of trials that share the first layers if they may.
func (w *tryer) share(first int) error {
	group := w.list[first:][:w.order.size[first]]
	if len(group) < 2 || group[0].Kind == replaced || w.d.made() {
		return nil
	}
	last := 0
	for i := range group {
		last = max(last, group[i].Index)
	}
	if last == 0 {
		return nil
	}
	plan, err := w.plans.get(first, planKey{0, w.d.T, last})
	if err != nil {
		return err
	}
	w.before = &prefix{engine: plan.NewEngine(), masks: make(map[int][][]uint64)}
	w.before.engine.Probe = func(s sim.Spikes) {
		if masks := w.before.masks[s.Layer]; masks != nil {
			masks[s.Step] = append(masks[s.Step][:0], s.Bits...)
		}
	}
	return nil
}

// replayed has e, of a trial, take the spikes of the layers before its own.
func (p *prefix) replayed(w *tryer, e *sim.Engine, trial int) error {
	t := &w.list[trial]
	if t.Index == 0 || t.Timesteps != w.d.T {
		return nil
	}
	if same, err := w.plans.begins(trial, t); err != nil || !same {
		return err
	}
	for _, j := range w.d.cut(t.Index - 1) {
		if p.masks[j] == nil {
			l := &w.d.Network.Layers[j]
			words := l.Shape.Len() / l.Shape[0] * ((l.Shape[0] + 63) / 64)
			for range w.d.T {
				p.masks[j] = append(p.masks[j], make([]uint64, words))
			}
			w.image = -1 // They are still to be taken.
		}
		if err := e.Replay(j, p.masks[j]); err != nil {
			return err
		}
	}
	return nil
}
