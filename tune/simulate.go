package tune

import (
	"context"
	"slices"

	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// simulatedRates returns the mean spike rates of the channels of layer i with that shift of
// its biases.
func (t *tuner) simulatedRates(ctx context.Context, i int, shift []float64) ([]float64, error) {
	before := t.net.Layers[i]
	t.net.Layers[i].Bias = slices.Clone(before.Bias)
	t.shift(i, shift)
	t.scale(i)
	t.net.Layers[i] = before
	c := t.passes[i].c
	all := make([][]uint64, t.o.Workers)
	err := t.run(ctx, i, t.shaping(), func(worker int) func(image int, s sim.Train) {
		sums := make([]uint64, c)
		all[worker] = sums
		return func(_ int, s sim.Train) { s.Channels(sums) }
	})
	if err != nil {
		return nil, err
	}
	rates := make([]float64, c)
	for _, sums := range all {
		for c, n := range sums {
			rates[c] += float64(n)
		}
	}
	for k := range rates {
		rates[k] /= float64(t.shaping()) * float64(t.passes[i].n/c) * float64(t.o.Timesteps)
	}
	return rates, nil
}

// simulate keeps the spikes of layer i on all images.
func (t *tuner) simulate(ctx context.Context, i int) error {
	t.trains[i] = make([][]uint64, t.images.Len())
	return t.run(ctx, i, t.images.Len(), func(int) func(int, sim.Train) {
		return func(image int, s sim.Train) {
			t.trains[i][image] = s.Pack()
			t.counts[i][image] = s.Counts()
		}
	})
}

// run simulates layer i of the result, as far as that has come, on the first images, with
// the spikes that the layers before have made.
func (t *tuner) run(ctx context.Context, i, images int, start func(worker int) func(image int, s sim.Train)) error {
	plan, err := sim.Compile(t.out, sim.Options{Timesteps: t.o.Timesteps, Block: t.o.Timesteps, Layers: i + 1, Seed: t.o.Seed})
	if err != nil {
		return err
	}
	return parallel.Do(ctx, t.o.Workers, images, func(worker int) func(context.Context, int) error {
		e, see, image := plan.NewEngine(), start(worker), make([]float32, t.net.Input.Shape.Len())
		reads := false
		for _, s := range t.net.Layers[i].Synapses {
			reads = reads || s.From == snn.FromInput
		}
		return func(_ context.Context, job int) error {
			if reads {
				if err := t.images.Image(job, image); err != nil {
					return err
				}
			}
			s, err := e.RunLayer(i, image, job, func(from int) []uint64 { return t.trains[from][job] })
			if err == nil {
				see(job, s)
			}
			return err
		}
	}, func() {})
}
