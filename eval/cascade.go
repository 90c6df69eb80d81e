package eval

import (
	"context"
	"errors"
	"fmt"

	"sresnet/exit"
	"sresnet/sim"
	"sresnet/snn"
)

// First is the network that a cascade asks first: the same trained network, converted for
// fewer timesteps. Where the gap between its two best classes is small, the network of the
// evaluation is asked, and what both did is added up. Both are phased.
type First struct {
	Network   *snn.Network
	Timesteps int // T of its windows.
}

// check returns an error unless f and net, of windows of T, make a cascade or f is nil and
// net a network that needs none.
func (f *First) check(net *snn.Network, T int) error {
	switch phased := net.Schedule == snn.Phased; {
	case f == nil && phased:
		return errors.New("eval: a phased network answers once, so that an early exit takes another one of fewer timesteps before it")
	case f == nil:
		return nil
	case !phased || f.Network.Schedule != snn.Phased:
		return errors.New("eval: a cascade is of phased networks: a synchronous one stops by itself")
	case f.Timesteps < 1 || f.Timesteps >= T:
		return fmt.Errorf("eval: a cascade of T = %d after T = %d: the first one takes fewer timesteps", T, f.Timesteps)
	case !f.Network.Input.Shape.Equal(net.Input.Shape) || f.Network.Output().Neurons() != net.Output().Neurons():
		return fmt.Errorf("eval: networks %q and %q of a cascade have other inputs or outputs", f.Network.Name, net.Name)
	}
	return nil
}

// compile makes the first network ready; nil for none.
func (f *First) compile(net *snn.Network, o sim.Options) (*sim.Plan, error) {
	if f == nil {
		return nil, nil
	}
	if err := f.check(net, o.Timesteps); err != nil {
		return nil, err
	}
	o.Timesteps = f.Timesteps
	return sim.Compile(f.Network, o)
}

// ask presents image i, whose pixels are there, to the first network.
func (w *worker) ask(ctx context.Context, i int) (class int, gap float32, rec *sim.Record, err error) {
	rec, err = w.first.Present(ctx, w.images, i, w.pixels)
	if err != nil {
		if ctx.Err() == nil {
			err = fmt.Errorf("eval: image %d, T = %d: %w", i, w.o.First.Timesteps, err)
		}
		return 0, 0, nil, err
	}
	class, gap = w.o.Readout.Answer(rec.At(rec.Timesteps - 1))
	return class, gap, rec, nil
}

// cascade takes in an image of which rec is what the second network did.
func (w *worker) cascade(ctx context.Context, x *exits, p *prediction, rec *sim.Record) error {
	class, gap, first, err := w.ask(ctx, p.Index)
	if err != nil {
		return err
	}
	x.operations(first, first.Timesteps)
	if x.rule.StopsAt(0, gap) {
		x.count(p, 0, class, class != p.ANN || p.SNN() != p.ANN)
		return nil
	}
	x.count(p, 1, p.SNN(), false)
	x.operations(rec, rec.Timesteps)
	return nil
}

// cascadeSample returns the two answers of a cascade to image i.
func (w *worker) cascadeSample(ctx context.Context, i int) (s exit.Sample, err error) {
	trained, rec, err := w.run(ctx, i)
	if err != nil {
		return s, err
	}
	second, gap := w.o.Readout.Answer(rec.At(rec.Timesteps - 1))
	class, before, _, err := w.ask(ctx, i)
	s.Gaps = []float32{before, gap}
	switch {
	case second != trained:
		s.Settled = 2
	case class != trained:
		s.Settled = 1
	}
	return s, err
}
