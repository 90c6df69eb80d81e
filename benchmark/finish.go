package benchmark

import (
	"slices"
	"time"
)

// finish turns the rounds into figures.
func (b *bench) finish(r *Result) {
	r.ConvGFLOPS = Median(b.conv)
	if b.runner != nil {
		r.DenseMillis = 1000 * Median(b.dense)
		r.DenseGFLOPS = 2 * r.DenseMACs / Median(b.dense) / 1e9
	}
	one := Median(b.one)
	r.One = b.speed(r, 1, one, one)
	if b.shared != nil {
		all, shared := b.speed(r, b.Workers, Median(b.all), one), b.speed(r, b.Workers, Median(b.together), one)
		r.All, r.Shared = &all, &shared
	}
	total := time.Duration(0)
	for _, d := range b.spent {
		total += d
	}
	for i, m := range b.methods {
		neurons := b.Network.Layers[i].Neurons()
		per := b.spent[i].Seconds() / b.steps() / float64(b.Rounds)
		r.Layers = append(r.Layers, Layer{
			Name: m.Layer, Method: m.Name, Tile: m.Tile, Neurons: neurons, Rate: b.spikes[i] / float64(neurons),
			StepMicros: 1e6 * per, Share: float64(b.spent[i]) / float64(total), GSynAdd: b.acs[i] / per / 1e9,
		})
	}
}

// speed returns the figures of a way that took so many seconds a round, where one worker took
// those of one.
func (b *bench) speed(r *Result, workers int, seconds, one float64) Speed {
	core := seconds * float64(workers) / b.steps() // Processor time of a step.
	s := Speed{
		Workers: workers, Speed: b.steps() / seconds, StepMicros: 1e6 * seconds / b.steps(), SpikeNanos: 1e9 * core / r.SpikesPerStep,
		GSynAdd: r.ACsPerStep / core / 1e9, SpeedUp: one / seconds,
	}
	if r.DenseMillis > 0 {
		s.PerDensePass = 1000 * core / r.DenseMillis
	}
	return s
}

// Median returns the median of x, which is not empty.
func Median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}
