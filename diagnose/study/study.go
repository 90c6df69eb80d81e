// Package study diagnoses an experiment, in one go or kept in a folder, where its work is
// a [run.Study] of two stages: what is tried against errors follows from what was
// measured. What is measured and tried is up to package diagnose.
package study

import (
	"context"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/snn"
)

// Run diagnoses an experiment. Nothing of it is kept.
func Run(ctx context.Context, e *experiment.Experiment) (*diagnose.Diagnosis, error) {
	if !e.Options.Tuned() && e.Options.Bits == 0 { // Else they are not tried.
		e.Also = diagnose.Percentiles()
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	s, err := subject(ctx, e, net)
	if err != nil {
		return nil, err
	}
	o, err := options(e, net)
	if err != nil {
		return nil, err
	}
	var stop func()
	o.Progress, stop = e.Options.Step("diagnosing")
	defer stop()
	return diagnose.Run(ctx, s, o)
}

// subject is what is diagnosed, with all that is to say of how its network was made.
func subject(ctx context.Context, e *experiment.Experiment, net *snn.Network) (diagnose.Subject, error) {
	s, err := e.Statistics(ctx)
	subject := diagnose.Subject{
		Graph: e.Graph, Statistics: s, Convert: e.Options.Convert(), Network: net, Real: e.Real, Factors: e.Factors().PerLayer, Images: e.Test, Calibration: e.Calibration,
	}
	if e.File == nil || net.TunedFor == 0 { // A file does not say all of how its network was calibrated for T.
		plain := *e
		plain.File = nil
		subject.Remake = func(ctx context.Context, s diagnose.Settings) (*snn.Network, error) {
			return remake(ctx, &plain, net.Coding, s)
		}
	}
	return subject, err
}

// remake makes the network of an experiment, of that coding, with other settings.
func remake(ctx context.Context, e *experiment.Experiment, coding snn.Coding, s diagnose.Settings) (*snn.Network, error) {
	o := e.Options
	if o.Coding = coding; s.Schedule == snn.Synchronous {
		o.Coding = snn.Rate
	}
	o.Schedule, o.Timesteps, o.VInit = s.Schedule, s.Timesteps, float64(s.VInit)
	if s.Real {
		o.Bits, o.StateBits = 0, 0
	}
	if s.Calibrated {
		o.Lambdas, o.Match, o.Compensation = experiment.ChannelLambdas, experiment.MatchBias, experiment.NoCompensation
		o.Percentile = experiment.DefaultOptions().Percentile
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	return e.With(o, e.Test).Network(ctx)
}

// options are the options of the diagnosis of a network that an experiment asks for.
func options(e *experiment.Experiment, net *snn.Network) (diagnose.Options, error) {
	readout, err := eval.ParseReadout(e.Options.Readout)
	return diagnose.Options{Timesteps: lengths(net.Schedule, e.Options.Timesteps), Readout: readout, Seed: e.Options.Seed, Workers: e.Options.Workers}, err
}

// lengths returns the numbers of timesteps at which errors are split; a phased network
// answers after one alone.
func lengths(s snn.Schedule, T int) []int {
	if s != snn.Synchronous {
		return []int{T}
	}
	var list []int
	for _, t := range []int{8, 32, 128} {
		if t < T {
			list = append(list, t)
		}
	}
	return append(list, T)
}
