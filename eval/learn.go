package eval

import (
	"context"
	"errors"

	"sresnet/ann"
	"sresnet/exit"
	"sresnet/internal/parallel"
	"sresnet/snn"
)

// LearnExit presents calibration images to both networks and learns when to stop: the
// rule for a share epsilon, see package exit. Their labels are not asked for. They must
// not be the images that the rule is then judged by. The rule depends on the read-out, on
// T and on all else of o that changes spikes, o.First among it.
func LearnExit(ctx context.Context, g *ann.Graph, net *snn.Network, images Images, epsilon float64, o Options) (*exit.Rule, error) {
	if err := exit.Check(epsilon, images.Len()); err != nil {
		return nil, err
	}
	if g == nil {
		return nil, errors.New("eval: when to stop is learned from the trained network, which is missing")
	}
	if net.Output().Neurons() < 2 {
		return nil, errors.New("eval: a network of one output has no gap between classes that could say when to stop")
	}
	if err := o.First.check(net, o.Sim.Timesteps); err != nil {
		return nil, err
	}
	o.Exit = nil
	e, err := New(g, net, images, o)
	if err != nil {
		return nil, err
	}
	type answers struct {
		image int
		exit.Sample
	}
	i, done, n := -1, 0, images.Len()
	samples := make([]exit.Sample, n)
	start := func() func(context.Context, int) (answers, error) {
		w := e.newWorker(e.plan)
		return func(ctx context.Context, i int) (answers, error) {
			s, err := w.sample(ctx, i)
			return answers{i, s}, err
		}
	}
	next := func() (int, bool, error) { i++; return i, i < n, nil }
	err = parallel.Feed(ctx, min(e.o.Workers, n), start, next, func(a answers) error {
		samples[a.image] = a.Sample
		if done++; o.Progress != nil {
			o.Progress(done, n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return exit.Learn(epsilon, samples)
}

// sample returns the answers of the spiking network to image i.
func (w *worker) sample(ctx context.Context, i int) (s exit.Sample, err error) {
	if w.first != nil {
		return w.cascadeSample(ctx, i)
	}
	class, rec, err := w.run(ctx, i)
	if err != nil {
		return s, err
	}
	s.Gaps = make([]float32, rec.Timesteps)
	for t := range rec.Timesteps {
		k, gap := w.o.Readout.Answer(rec.At(t))
		if s.Gaps[t] = gap; k != class {
			s.Settled = t + 1
		}
	}
	return s, nil
}
