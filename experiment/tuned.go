package experiment

import (
	"context"
	"errors"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tune"
)

// tunedNetwork is a network that was calibrated for T, and what that found.
type tunedNetwork struct {
	net    *snn.Network
	report *tune.Report
}

// tuned returns the trained network converted and calibrated for T. s gives the lambdas of
// layers, which the output has in any case.
func (e *Experiment) tuned(ctx context.Context, s *calibrate.Statistics) (*snn.Network, error) {
	o := &e.Options
	rate := *e
	rate.Options.Coding = snn.Rate // First spikes say the same numbers, so that one calibration is both's.
	key := rate.shape("timesteps", "seed")
	t, known := e.made.tuned[key]
	if !known {
		var err error
		if t, err = e.tune(ctx, s); err != nil {
			return nil, err
		}
		e.made.tuned[key] = t
	}
	e.report = t.report
	net := *t.net
	net.Coding = o.Coding
	return &net, nil
}

// tune is tuned where nothing is known yet, for rate coding.
func (e *Experiment) tune(ctx context.Context, s *calibrate.Statistics) (t tunedNetwork, err error) {
	o := &e.Options
	c := o.Convert()
	scaled, err := convert.Convert(e.Graph, s, c)
	if err != nil {
		return t, err
	}
	c.Unit = true
	unit, err := convert.Convert(e.Graph, s, c)
	if err != nil {
		return t, err
	}
	unit.Schedule = o.Schedule
	to := tune.Options{
		Timesteps: o.Timesteps, Lambdas: o.Lambdas == ChannelLambdas, Bias: o.Match&MatchBias != 0, Start: o.Match&MatchStart != 0, Refit: o.Refit,
		Activations: activations(e.Graph), Workers: o.WorkerCount(), Seed: o.Seed,
	}
	for i := range scaled.Layers {
		to.Lambda = append(to.Lambda, scaled.Layers[i].Lambda)
	}
	var stop func()
	to.Progress, stop = o.Step("calibrating for T")
	defer stop()
	t.net, t.report, err = tune.Network(ctx, unit, e.Calibration, to)
	return t, tooFew(err)
}

// activations returns what nodes do that are more than rectifiers.
func activations(g *ann.Graph) map[string]tune.Activation {
	list := make(map[string]tune.Activation)
	for i := range g.Nodes {
		if op, ok := g.Nodes[i].Op.(*ann.Clip); ok {
			list[g.Nodes[i].Name] = tune.Activation{Max: op.Max, Levels: op.Levels, Fixed: op.Few()}
		}
	}
	return list
}

// tooFew makes the error of a refit on too few images one of the options.
func tooFew(err error) error {
	var few *tune.FewImagesError
	if !errors.As(err, &few) {
		return err
	}
	return bad("refit", "", hint.Error(few, "give more images with {calibrate}, or no {refit}"))
}

// Report returns what calibration for T found, once there is a network; nil if it was not
// asked for.
func (e *Experiment) Report() *tune.Report { return e.report }
