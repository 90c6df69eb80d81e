package tune

import (
	"context"
	"math"
	"slices"

	"sresnet/internal/parallel"
	"sresnet/sim"
	"sresnet/snn"
)

// fewest is how many images are enough of a sample.
var fewest = 64

// samples returns the images that shape the network and, for what needs no more of them, a
// fourth of them: those of which a hash says so, so that it depends on their set alone.
func (t *tuner) samples() (all, some []int) {
	for i, h := range t.hashes {
		if all = append(all, i); h%4 == 0 {
			some = append(some, i)
		}
	}
	if len(some) < fewest {
		some = all
	}
	return all, some
}

// hash returns one of an image.
func hash(pixels []float32) uint64 {
	h := uint64(0xcbf29ce484222325) // FNV-1a, a pixel at a time.
	for _, x := range pixels {
		h = (h ^ uint64(math.Float32bits(x))) * 0x100000001b3
	}
	return h ^ h>>32
}

// simulatedRates returns the mean spike rates of the channels of layer i on images, with
// that shift of its biases.
func (t *tuner) simulatedRates(ctx context.Context, i int, images []int, shift []float64) ([]float64, error) {
	t.scaleShifted(i, shift)
	c := t.passes[i].c
	all := make([][]uint64, t.o.Workers)
	err := t.run(ctx, i, images, func(worker int) func(int, sim.Train) error {
		sums := make([]uint64, c)
		all[worker] = sums
		return func(_ int, s sim.Train) error {
			s.Channels(sums)
			return nil
		}
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
		rates[k] /= float64(len(images)) * float64(t.passes[i].n/c) * float64(t.o.Timesteps)
	}
	return rates, nil
}

// widths are the factors on the lambda of a rounded value that are tried for neurons that
// fire while their input still comes: the more they fire too early, the more a larger
// charge of a spike is worth.
var widths = []float64{1, 1.25, 1.6, 2}

// widen chooses, channel by channel, the factor on the lambdas of layer i with which
// simulated rates are nearest to what the layer gets, by the measure of [quantiser.cost].
func (t *tuner) widen(ctx context.Context, i int, shift []float64) error {
	c, act := t.passes[i].c, t.activation(i)
	_, images := t.samples()
	before := t.lambda[i]
	best, least := slices.Clone(before), make([]float64, c)
	for k, factor := range widths {
		t.lambda[i] = make([]float32, c)
		for j, x := range before {
			t.lambda[i][j] = float32(float64(x) * factor)
		}
		unit := make([]float64, c) // What a spike is worth.
		for j, x := range t.lambda[i] {
			unit[j] = float64(x) / float64(t.o.Timesteps)
		}
		t.scaleShifted(i, shift)
		all := make([][]sum, t.o.Workers)
		err := t.run(ctx, i, images, func(worker int) func(int, sim.Train) error {
			sums, costs, current := make([]sum, c), make([]float64, c), t.newCurrent(i)
			all[worker] = sums
			return func(image int, s sim.Train) error {
				z, err := current(image)
				if err != nil {
					return err
				}
				clear(costs)
				for n, spikes := range s.Counts() {
					j := n % c
					d := float64(act.value(z[n]+float32(shift[j]))) - float64(spikes)*unit[j]
					costs[j] += d * d
				}
				for j, x := range costs { // Relative to lambda, whatever that is.
					sums[j].add(x / float64(before[j]) / float64(before[j]))
				}
				return nil
			}
		})
		if err != nil {
			return err
		}
		for j := range c {
			total := sum{}
			for _, sums := range all {
				if sums != nil {
					total.merge(sums[j])
				}
			}
			if x := total.value(); k == 0 || x < least[j] {
				best[j], least[j] = t.lambda[i][j], x
			}
		}
	}
	t.lambda[i] = best
	return nil
}

// scaleShifted scales layer i with that shift of its biases, which it does not keep.
func (t *tuner) scaleShifted(i int, shift []float64) {
	before := t.net.Layers[i]
	t.net.Layers[i].Bias = slices.Clone(before.Bias)
	t.shift(i, shift)
	t.scale(i)
	t.net.Layers[i] = before
}

// simulate keeps the spikes of layer i on all images.
func (t *tuner) simulate(ctx context.Context, i int) error {
	t.trains[i] = make([][]uint64, t.images.Len())
	all := make([]int, t.images.Len())
	for k := range all {
		all[k] = k
	}
	return t.run(ctx, i, all, func(int) func(int, sim.Train) error {
		return func(image int, s sim.Train) error {
			t.trains[i][image] = s.Pack()
			t.counts[i][image] = s.Counts()
			return nil
		}
	})
}

// run simulates layer i of the result, as far as that has come, on images, with the spikes
// that the layers before have made.
func (t *tuner) run(ctx context.Context, i int, images []int, start func(worker int) func(image int, s sim.Train) error) error {
	plan, err := sim.Compile(t.out, sim.Options{Timesteps: t.o.Timesteps, Block: t.o.Timesteps, Layers: i + 1, Seed: t.o.Seed})
	if err != nil {
		return err
	}
	return parallel.Do(ctx, t.o.Workers, len(images), func(worker int) func(context.Context, int) error {
		e, see, image := plan.NewEngine(), start(worker), make([]float32, t.net.Input.Shape.Len())
		reads := false
		for _, s := range t.net.Layers[i].Synapses {
			reads = reads || s.From == snn.FromInput
		}
		return func(_ context.Context, k int) error {
			job := images[k]
			if reads {
				if err := t.images.Image(job, image); err != nil {
					return err
				}
				t.enter(image)
			}
			s, err := e.RunLayer(i, image, job, func(from int) []uint64 { return t.trains[from][job] })
			if err != nil {
				return err
			}
			return see(job, s)
		}
	}, func() {})
}
