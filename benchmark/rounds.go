package benchmark

import (
	"context"
	"slices"
	"time"

	"sresnet/ann/infer"
	"sresnet/sim"
)

// bench is a network ready to be measured, and what was measured of it.
type bench struct {
	Options
	runner  *infer.Runner // Of the trained network; nil where there is none.
	single  []*sim.Engine // One per image worker.
	shared  *sim.Engine   // All workers on one image; nil for one worker.
	methods []sim.Method

	spikes, acs []float64       // Of every layer, per image-step.
	spent       []time.Duration // On every layer, by the first engine, in all rounds.
	conv, dense []float64       // GFLOP/s of the convolution and seconds of a dense pass.
	one, all    []float64       // Seconds of all images, for each way.
	together    []float64
}

func newBench(o Options) (*bench, error) {
	b := &bench{Options: o, spent: make([]time.Duration, len(o.Network.Layers))}
	if o.Graph != nil {
		m, err := infer.New(o.Graph)
		if err != nil {
			return nil, err
		}
		b.runner = m.NewRunner()
	}
	alone := o.Sim
	alone.Workers = 0
	plan, err := sim.Compile(o.Network, alone)
	if err != nil {
		return nil, err
	}
	b.methods = plan.Methods()
	for range o.Workers {
		b.single = append(b.single, plan.NewEngine())
	}
	if o.Workers > 1 {
		alone.Workers = o.Workers
		if plan, err = sim.Compile(o.Network, alone); err != nil {
			return nil, err
		}
		b.shared = plan.NewEngine()
	}
	return b, nil
}

// steps is how many image-steps a round has.
func (b *bench) steps() float64 { return float64(len(b.Images) * b.Sim.Timesteps) }

// count finds what a step does, layer by layer. It is also a first turn, for the caches.
func (b *bench) count(ctx context.Context, r *Result) error {
	layers := len(b.Network.Layers)
	b.spikes, b.acs = make([]float64, layers), make([]float64, layers)
	err := b.present(ctx, b.single[:1], func(rec *sim.Record) {
		for i := range layers {
			for t := range rec.Spikes[i] {
				b.spikes[i] += float64(rec.Spikes[i][t]) / b.steps()
				b.acs[i] += float64(rec.ACs[i][t]) / b.steps()
			}
		}
	})
	for i := range layers {
		r.SpikesPerStep += b.spikes[i]
		r.ACsPerStep += b.acs[i]
	}
	r.Rate = r.SpikesPerStep / float64(b.Network.Neurons())
	return err
}

// round measures everything once.
func (b *bench) round(ctx context.Context) error {
	b.conv = append(b.conv, measureConv())
	if b.runner != nil {
		s, err := b.densePass()
		if err != nil {
			return err
		}
		b.dense = append(b.dense, s)
	}
	before := slices.Clone(b.single[0].Spent())
	if err := b.measure(ctx, &b.one, b.single[:1]); err != nil {
		return err
	}
	for i, d := range b.single[0].Spent() {
		b.spent[i] += d - before[i]
	}
	if b.shared == nil {
		return nil
	}
	if err := b.measure(ctx, &b.all, b.single); err != nil {
		return err
	}
	return b.measure(ctx, &b.together, []*sim.Engine{b.shared})
}

// measure presents the images once more and notes the seconds.
func (b *bench) measure(ctx context.Context, seconds *[]float64, engines []*sim.Engine) error {
	start := time.Now()
	err := b.present(ctx, engines, func(*sim.Record) {})
	*seconds = append(*seconds, time.Since(start).Seconds())
	return err
}

// present runs every image once, on all engines side by side, and hands the
// records to see, if there is one engine.
func (b *bench) present(ctx context.Context, engines []*sim.Engine, see func(*sim.Record)) error {
	images := b.Images
	if b.Frames != nil {
		images = b.Frames
	}
	errs := make(chan error, len(engines))
	for k, e := range engines {
		go func() {
			errs <- func() error {
				for i := k; i < len(images); i += len(engines) {
					run := e.Run
					if b.Frames != nil {
						run = e.RunFrames
					}
					rec, err := run(ctx, images[i], i)
					if err != nil {
						return err
					}
					if len(engines) == 1 {
						see(rec)
					}
				}
				return nil
			}()
		}()
	}
	var err error
	for range engines {
		if e := <-errs; e != nil {
			err = e
		}
	}
	return err
}
