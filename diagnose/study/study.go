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

// Run diagnoses an experiment, with a search for the lambdas of all layers if that is asked
// for. Nothing of it is kept.
func Run(ctx context.Context, e *experiment.Experiment, remedy bool) (*diagnose.Diagnosis, error) {
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
	o.Remedy, o.Step = remedy, e.Options.Step
	d, err := diagnose.Run(ctx, s, o)
	if err != nil {
		return nil, err
	}
	advise(e, d)
	return d, nil
}

// advise completes the advice of d with the options of e that it is for, so that an experiment
// which takes them all is that with the change.
func advise(e *experiment.Experiment, d *diagnose.Diagnosis) {
	if d.Advice != nil {
		var err error
		if d.Advice, err = e.Options.Advice(d.Advice); err != nil { // No options say it.
			d.Advice = nil
		}
	}
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
	if s.Bias {
		o.Match |= experiment.MatchBias
	}
	if err := o.Adjust(s.Lambda); err != nil {
		return nil, err
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
