package calibrate

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// Compensation adjusts the search for compensation factors. Where a neuron has
// been given the charge r T it has fired at most floor(r T + V[0]) times when time
// is up, and what it is short of is handed on and grows with depth; enlarging
// synapses makes up for it.
type Compensation struct {
	// Sim is how the network is simulated: T above all, for which the factors are
	// then good. Its field Layers is ignored.
	Sim sim.Options

	// Readout turns the outputs at the end into a class: spike counts, membrane
	// potentials and accumulated currents, one of each per class. GlobalFactor
	// needs it.
	Readout func(counts []uint32, potential, current []float32) int

	// Workers is how many images run at a time. It never changes a result.
	// Defaults to the number of cores.
	Workers int

	// Progress, if set, is told how much of the work is done. Calls do not overlap.
	Progress func(done, total int)
}

// compensator simulates a network beside the trained one.
type compensator struct {
	model       *infer.Model
	input       int
	net         *snn.Network
	images      Images
	o           Compensation
	done, total int

	activations [][]float64 // Sums over lambda, clipped, by image and layer; nil until they are known.
}

func newCompensator(g *ann.Graph, net *snn.Network, images Images, o Compensation) (*compensator, error) {
	if images.Len() == 0 {
		return nil, errors.New("calibrate: no images; a search for compensation takes at least one")
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if s, ok := g.Shape(l.Name); !ok || s.Len() != l.Neurons() {
			return nil, fmt.Errorf("calibrate: layer %q of the spiking network is not in the trained network %q", l.Name, g.Name)
		}
	}
	model, err := infer.New(g)
	if err != nil {
		return nil, err
	}
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return &compensator{model: model, input: g.Input.Shape.Len(), net: net, images: images, o: o}, nil
}

// run presents every image to the trained network and to the first layers of net,
// all for 0, and hands both to use, which may be called from several goroutines. Once activations
// are known the trained network is not presented to again, and has those of another image.
func (c *compensator) run(ctx context.Context, net *snn.Network, layers int, use func(image int, trained *infer.Runner, rec *sim.Record)) error {
	so := c.o.Sim
	so.Layers = layers
	plan, err := sim.Compile(net, so)
	if err != nil {
		return err
	}
	n := c.images.Len()
	return parallel.Do(ctx, min(c.o.Workers, n), n, func(int) func(context.Context, int) error {
		runner, engine, image := c.model.NewRunner(), plan.NewEngine(), make([]float32, c.input)
		return func(ctx context.Context, i int) error {
			if err := c.images.Image(i, image); err != nil {
				return fmt.Errorf("calibrate: image %d: %w", i, err)
			}
			if c.activations == nil {
				if _, err := runner.Run(image); err != nil {
					return fmt.Errorf("calibrate: image %d: %w", i, err)
				}
			}
			rec, err := engine.Present(ctx, c.images, i, image)
			if err != nil {
				return fmt.Errorf("calibrate: image %d: %w", i, err)
			}
			use(i, runner, rec)
			return nil
		}
	}, func() {
		c.done++
		if c.o.Progress != nil {
			c.o.Progress(c.done, c.total)
		}
	})
}

// clipped returns the rate of neurons of l that stands for the activation a.
func clipped(a float32, l *snn.Layer) float64 {
	return min(max(float64(a)/float64(l.Lambda), 0), 1/float64(l.Neuron.Period()))
}
