// Package eval measures a spiking network beside the trained one it was converted from.
//
// One simulation per image gives everything at once: the class at every timestep from 1
// to T, hence accuracy and agreement with the trained network over time, spikes, rates
// and synaptic operations. [Run] returns it as a [Result], which says which T to take
// ([Result.Choose]) and itemises what both networks compute ([energy.Accounts]). This
// package converts nothing, keeps nothing and draws nothing.
package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/energy"
	"sresnet/exit"
	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// Images are labelled and normalised images, CHW. All methods are safe for
// concurrent use.
type Images interface {
	Len() int                         // How many there are.
	Shape() tensor.Shape              // Of one image.
	Label(i int) int                  // The class of image i, from 0.
	Image(i int, dst []float32) error // Writes image i to dst.
}

// Options adjusts an evaluation.
type Options struct {
	Sim     sim.Options    // Timesteps, engine and seed.
	Readout Readout        // Defaults to CountPotential.
	Device  *energy.Device // Whose energies to multiply counts by, if any.

	// Exit says when to stop an image, for [Result.Exit]; nil for none. A phased network, which
	// answers once, takes a First network, so that the two make a cascade of two answers.
	Exit  *exit.Rule
	First *First

	// Workers is how many goroutines work, each on one image; with fewer images than
	// workers, several share one. It changes speed and memory, never a result.
	// Defaults to the number of cores.
	Workers int

	// Last says that nobody needs the weights of the spiking network but this evaluation,
	// which is by [Run]: they are dropped once they are compiled, see
	// [snn.Network.DropWeights].
	Last bool

	// KeepEvery is how often [Evaluator.PresentShards] keeps what was counted: the
	// work that a machine that fails may cost. Defaults to two seconds.
	KeepEvery time.Duration

	// Progress, if set, is told after every image of [Run] how many are done. Calls do
	// not overlap.
	Progress func(done, total int)
}

// Run presents all images to the trained network g and to net, its conversion. If
// g is nil, the result is that of net alone; see [Result.Alone].
//
// If ctx ends early, Run returns the result over the images that were finished,
// with Complete unset, together with ctx's error; the result is nil if there is
// none. On any other error the result is nil.
func Run(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, o Options) (*Result, error) {
	e, err := New(g, net, images, o)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	i, done, total := -1, 0, images.Len()
	next := func() (int, bool, error) { i++; return i, i < total, nil }
	sum := e.NewTally()
	err = e.Present(ctx, total, next, func(t *Tally) error {
		sum.Merge(t)
		if done++; o.Progress != nil {
			o.Progress(done, total)
		}
		return nil
	})
	if err != nil && (ctx.Err() == nil || done == 0) {
		return nil, err
	}
	return e.Result(sum, time.Since(start)), err
}

// Evaluator is a pair of networks and images, made ready. Its methods present images
// in parts, whose tallies add up; [Run] does all of them at once. It is safe for
// concurrent use.
type Evaluator struct {
	graph  *ann.Graph // Nil without a trained network.
	net    *snn.Network
	images Images
	o      Options
	model  *infer.Model
	plan   *sim.Plan
	first  *sim.Plan // Of a cascade; else nil.
	meter  *energy.Meter
}

// New compiles both networks and checks that they and the images fit. As for [Run],
// g may be nil.
func New(g *ann.Graph, net *snn.Network, images Images, o Options) (*Evaluator, error) {
	if images.Len() == 0 {
		return nil, errors.New("eval: no images")
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Sim.Workers = max(o.Workers/images.Len(), 1)
	if err := checkExit(g, net, o); err != nil {
		return nil, err
	}
	model, plan, err := prepare(g, net, images, o.Sim)
	if err != nil {
		return nil, err
	}
	first, err := o.First.compile(net, o.Sim)
	if err != nil {
		return nil, err
	}
	e := &Evaluator{graph: g, net: net, images: images, o: o, model: model, plan: plan, first: first, meter: energy.NewMeter(g, net)}
	if o.Last && !o.Sim.Reference && first == nil { // Who go by the network itself.
		net.DropWeights()
		runtime.GC() // Before engines take what it has left.
	}
	return e, nil
}

// NewTally returns one of no images.
func (e *Evaluator) NewTally() *Tally {
	t := newTally(e.o.Readout, e.net.Schedule, e.o.Sim.Timesteps, len(e.net.Layers))
	t.counts = e.meter.NewCounts()
	if e.o.Exit != nil {
		t.exits = newExits(&e.o)
	}
	return t
}

// ReadTally reads what [Tally.MarshalJSON] wrote of a part of these images.
func (e *Evaluator) ReadTally(b []byte) (*Tally, error) {
	t := e.NewTally()
	if err := t.restore(b, e.net.Output().Neurons()); err != nil {
		return nil, err
	}
	for i := range t.predictions {
		if p := &t.predictions[i]; p.Index >= e.images.Len() || p.Label != e.images.Label(p.Index) {
			return nil, fmt.Errorf("eval: image %d has label %d in the counts and another, or none, in the data", p.Index, p.Label)
		}
	}
	return t, nil
}

// Present presents images, of which next hands out the indices of about n until it
// says false, and calls add with the tally of each. Calls of next and add do not
// overlap. The first error of any of them, or of ctx, ends it and is returned.
func (e *Evaluator) Present(ctx context.Context, n int, next func() (i int, ok bool, err error), add func(*Tally) error) error {
	if n < 1 {
		return nil
	}
	plan := e.plan
	if so := e.o.Sim; so.Workers != max(e.o.Workers/n, 1) { // Fewer images than there are: more workers share one.
		so.Workers = max(e.o.Workers/n, 1)
		var err error
		if plan, err = sim.Compile(e.net, so); err != nil {
			return err
		}
	}
	return parallel.Feed(ctx, min(e.o.Workers, n), func() func(context.Context, int) (*Tally, error) {
		return e.newWorker(plan).present
	}, next, add)
}

func (e *Evaluator) newWorker(plan *sim.Plan) *worker {
	w := &worker{Evaluator: e, engine: plan.NewEngine(), pixels: make([]float32, e.images.Shape().Len()), image: make([]float32, e.images.Shape().Len()), classes: e.net.Output().Neurons()}
	if e.model != nil {
		w.trained = e.model.NewWatcher(func(node string, x []float32) {
			if w.seen != nil {
				e.meter.See(w.seen, node, x)
			}
		})
	}
	if e.first != nil {
		w.first = e.first.NewEngine()
	}
	return w
}

// Result turns the counts of t, of at least one image, into means.
func (e *Evaluator) Result(t *Tally, elapsed time.Duration) *Result {
	r := t.result(e.net, elapsed)
	if e.graph != nil {
		r.DenseMACsPerImage = float64(e.graph.MACs())
	} else {
		r.TrainedTop1, r.Agreement, r.Lost, r.Gained, r.Predictions.Trained = 0, nil, nil, nil, nil
	}
	did := energy.Activity{Images: r.Images, ACs: r.ACsPerImage}
	for _, l := range r.Layers {
		did.Spikes = append(did.Spikes, l.SpikesPerImage)
	}
	r.Energy = e.meter.Accounts(t.counts, did, e.o.Device)
	if t.exits != nil {
		r.Exit = t.exits.result(r)
	}
	r.Complete = t.images == e.images.Len()
	return r
}

// prepare compiles both networks and checks that they and the images fit.
func prepare(g *ann.Graph, net *snn.Network, images Images, o sim.Options) (*infer.Model, *sim.Plan, error) {
	if images.Len() == 0 {
		return nil, nil, errors.New("eval: no images")
	}
	if g == nil {
		if !images.Shape().Equal(net.Input.Shape) {
			return nil, nil, fmt.Errorf("eval: images are %v, network %q takes %v", images.Shape(), net.Name, net.Input.Shape)
		}
		plan, err := sim.Compile(net, o)
		return nil, plan, err
	}
	if !images.Shape().Equal(g.Input.Shape) {
		return nil, nil, fmt.Errorf("eval: images are %v, network %q takes %v", images.Shape(), g.Name, g.Input.Shape)
	}
	if out, ok := g.Shape(g.Output); !ok || out.Len() != net.Output().Neurons() {
		return nil, nil, fmt.Errorf("eval: the trained network has %d outputs, the spiking one %d", out.Len(), net.Output().Neurons())
	}
	model, err := infer.New(g)
	if err != nil {
		return nil, nil, err
	}
	plan, err := sim.Compile(net, o)
	if err != nil {
		return nil, nil, err
	}
	return model, plan, nil
}

// worker presents one image after the other.
type worker struct {
	*Evaluator
	pixels  []float32
	image   []float32 // The pixels, channels last.
	classes int
	trained *infer.Watcher // Nil without a trained network,
	seen    *energy.Counts // and where what it causes is counted, if so.
	engine  *sim.Engine
	first   *sim.Engine // Nil without a cascade.
}

// present returns the tally of image i.
func (w *worker) present(ctx context.Context, i int) (*Tally, error) {
	label := w.images.Label(i)
	if label < 0 || label >= w.classes {
		return nil, fmt.Errorf("eval: image %d has label %d, the network only has classes 0 to %d", i, label, w.classes-1)
	}
	t := w.NewTally()
	w.seen = t.counts
	class, rec, err := w.run(ctx, i)
	if err != nil {
		return nil, err
	}
	t.add(i, label, class, rec)
	if err := w.addExit(ctx, t, rec); err != nil {
		return nil, err
	}
	tensor.ChannelsLast(w.image, w.pixels, w.images.Shape()[0])
	w.meter.Count(t.counts, w.image, rec)
	return t, nil
}

// run presents image i to both networks: it returns the class that the trained one gives
// it, or noClass, and what the spiking one did.
func (w *worker) run(ctx context.Context, i int) (class int, rec *sim.Record, err error) {
	if err := w.images.Image(i, w.pixels); err != nil {
		return noClass, nil, err
	}
	if class, err = w.classify(i); err != nil {
		return noClass, nil, err
	}
	if rec, err = w.engine.Present(ctx, w.images, i, w.pixels); err != nil {
		if ctx.Err() != nil {
			return noClass, nil, ctx.Err()
		}
		return noClass, nil, fmt.Errorf("eval: image %d: %w", i, err)
	}
	return class, rec, nil
}

// noClass stands for the class of a missing trained network.
const noClass = -1

// classify returns the class that the trained network gives image i, whose pixels
// are there.
func (w *worker) classify(i int) (int, error) {
	if w.trained == nil {
		return noClass, nil
	}
	logits, err := w.trained.Run(w.pixels)
	if err != nil {
		return noClass, fmt.Errorf("eval: image %d: trained network: %w", i, err)
	}
	if err := tensor.CheckFinite(logits); err != nil {
		return noClass, fmt.Errorf("eval: image %d: output of the trained network: %w", i, err)
	}
	return tensor.ArgMax(logits), nil
}
