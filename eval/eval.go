// Package eval measures a spiking network beside the trained one it came from.
//
// One simulation an image gives everything at once: the class at every timestep
// from 1 to T, hence accuracy and agreement with the trained network over time,
// spikes, rates and synaptic operations. [Run] returns it as a [Result], which says
// which T to take ([Result.Choose]) and itemises what both networks compute
// ([Energy]); a [Folder] keeps it. This package converts nothing and draws nothing.
package eval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// Images are labelled and normalised images, CHW. All methods are safe for
// concurrent use.
type Images interface {
	Len() int
	Shape() tensor.Shape
	Label(i int) int
	Image(i int, dst []float32) error
}

// Options adjusts an evaluation.
type Options struct {
	Sim     sim.Options // Timesteps, engine and seed.
	Readout Readout     // Defaults to CountPotential.
	Device  *Device     // Whose energies to multiply counts with, if any.

	// Workers is how many goroutines work, an image each; with fewer images than
	// workers, several share one. It changes speed and memory, never a result.
	// Defaults to the number of cores.
	Workers int

	// Progress, if set, is told after every image how many are done. Calls do
	// not overlap.
	Progress func(done, total int)
}

// Run presents all images to the trained network g and to net, its conversion. A
// nil g stands for one that is not at hand: then the result is that of net alone,
// with Alone set.
//
// If ctx ends early, Run returns the result over the images that were finished,
// with Complete unset, together with ctx's error; the result is nil if there is
// none. On any other error the result is nil.
func Run(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, o Options) (*Result, error) {
	total := images.Len()
	if total == 0 {
		return nil, errors.New("eval: no images")
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	o.Sim.Workers = max(o.Workers/total, 1)
	o.Workers = min(o.Workers, total)
	model, plan, err := prepare(g, net, images, o.Sim)
	if err != nil {
		return nil, err
	}

	start := time.Now()
	q := &queue{total: total, progress: o.Progress}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	tallies := make([]*tally, o.Workers)
	var ops *operations // Of both networks together.
	if g != nil {
		ops = newOperations(g, net)
	}
	done := make([]*counts, o.Workers)
	var wg sync.WaitGroup
	for i := range tallies {
		tallies[i] = newTally(o.Readout, o.Sim.Timesteps, len(net.Layers))
		if g != nil {
			done[i] = ops.newCounts()
		}
		wg.Go(func() {
			w := worker{
				images: images, engine: plan.NewEngine(), tally: tallies[i],
				operations: ops, counts: done[i],
				pixels: make([]float32, images.Shape().Len()), classes: net.Output().Neurons(),
			}
			if g != nil {
				w.runner = model.NewRunner()
			}
			if err := w.run(inner, q); err != nil {
				q.fail(err)
				cancel()
			}
		})
	}
	wg.Wait()
	if q.err != nil && ctx.Err() == nil {
		return nil, q.err
	}
	sum := tallies[0]
	for i, t := range tallies[1:] {
		sum.merge(t)
		if g != nil {
			done[0].merge(done[i+1])
		}
	}
	if sum.images == 0 {
		return nil, ctx.Err()
	}
	r := sum.result(net, time.Since(start))
	if g != nil {
		r.DenseMACsPerImage = float64(g.MACs())
		r.Energy = ops.energy(done[0], g, net, r, o.Device)
	} else {
		r.Alone, r.Agreement = true, nil
	}
	r.Complete = sum.images == total
	if !r.Complete {
		return r, ctx.Err()
	}
	return r, nil
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

// queue hands out image numbers in order.
type queue struct {
	total    int
	next     atomic.Int64
	progress func(done, total int)

	mu   sync.Mutex
	done int
	err  error
}

func (q *queue) finished() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done++
	if q.progress != nil {
		q.progress(q.done, q.total)
	}
}

func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil || errors.Is(q.err, context.Canceled) {
		q.err = err
	}
}

// worker presents one image after the other.
type worker struct {
	images  Images
	pixels  []float32
	classes int
	runner  *infer.Runner // Nil without a trained network.
	engine  *sim.Engine
	tally   *tally

	operations *operations // What counts counts.
	counts     *counts
}

func (w *worker) run(ctx context.Context, q *queue) error {
	for {
		i := int(q.next.Add(1)) - 1
		if i >= q.total {
			return nil
		}
		if err := w.present(ctx, i); err != nil {
			return err
		}
		q.finished()
	}
}

func (w *worker) present(ctx context.Context, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.images.Image(i, w.pixels); err != nil {
		return err
	}
	label := w.images.Label(i)
	if label < 0 || label >= w.classes {
		return fmt.Errorf("eval: image %d has label %d, the network only has classes 0 to %d", i, label, w.classes-1)
	}
	class, err := w.trained(i)
	if err != nil {
		return err
	}
	rec, err := w.engine.Run(ctx, w.pixels, i)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("eval: image %d: %w", i, err)
	}
	w.tally.add(i, label, class, rec)
	if w.runner != nil {
		w.counts.add(w.operations, rec, w.runner)
	}
	return nil
}

// noClass is what a trained network names that there is not.
const noClass = -1

// trained returns the class that the trained network gives image i, whose pixels
// are there.
func (w *worker) trained(i int) (int, error) {
	if w.runner == nil {
		return noClass, nil
	}
	logits, err := w.runner.Run(w.pixels)
	if err != nil {
		return noClass, fmt.Errorf("eval: image %d: trained network: %w", i, err)
	}
	if err := tensor.CheckFinite(logits); err != nil {
		return noClass, fmt.Errorf("eval: image %d: output of the trained network: %w", i, err)
	}
	return argmax(logits), nil
}
