package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sresnet/sim"
	"sresnet/snn"
)

// Spiking compares what can be compared of a spiking network without the trained one,
// spike for spike: net with again, which is net written to a file and read from it, on
// all images; a phased network with the quantised float pass, see [Made]; and the event
// engine with the reference engine on the first images.
// Options.Convert is unused. If ctx ends, it returns as [Run] does.
func Spiking(ctx context.Context, net, again *snn.Network, images Images, o Options) ([]Stage, error) {
	if images.Len() == 0 {
		return nil, errors.New("verify: no images")
	}
	if len(again.Layers) != len(net.Layers) {
		return nil, fmt.Errorf("verify: a network of %d layers has %d when it is read again", len(net.Layers), len(again.Layers))
	}
	for i := range net.Layers {
		if a, b := &net.Layers[i], &again.Layers[i]; !a.Shape.Equal(b.Shape) {
			return nil, fmt.Errorf("verify: layer %q of %v is %v when it is read again", a.Name, a.Shape, b.Shape)
		}
	}
	f := &forms{input: net.Input.Shape.Len(), networks: networks{normalised: net}}
	if err := f.engines(net, o); err != nil {
		return nil, err
	}
	readAgain, err := sim.Compile(again, sim.Options{Timesteps: o.Timesteps, Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	found, err := each(ctx, images.Len(), o, func() comparison {
		w := &worker{
			forms: f, images: images, pixels: make([]float32, f.input), trains: make([][][]uint64, len(net.Layers)),
			event: f.event.NewEngine(), reference: f.reference.NewEngine(),
		}
		w.levelled(net, o)
		engine := readAgain.NewEngine()
		return func(ctx context.Context, i int, engines bool, x *findings) (err error) {
			if err := images.Image(i, w.pixels); err != nil {
				return err
			}
			if err := w.compareMade(ctx, i, engines, x); err != nil {
				return err
			}
			x.moved, err = w.against(ctx, engine, i)
			return err
		}
	})
	stages := []Stage{
		f.spikeStage("network = written and read again (spikes)", 0, found,
			func(x *findings) []uint64 { return x.spikes }, func(x *findings) []uint64 { return x.moved }),
	}
	stages = append(stages, f.madeStages(found)...)
	return slices.DeleteFunc(stages, func(s Stage) bool { return s.Images == 0 }), err
}
