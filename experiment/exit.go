package experiment

import (
	"context"
	"errors"
	"time"

	"sresnet/eval"
	"sresnet/exit"
	"sresnet/internal/hint"
	"sresnet/snn"
)

// ExitRule returns when an image stops early, learned from the calibration images; nil if
// [Options.Exit] asks for none.
func (e *Experiment) ExitRule(ctx context.Context) (*exit.Rule, error) {
	epsilon := e.Options.Exit
	if epsilon == nil {
		return nil, nil
	}
	if e.Calibration == nil {
		return nil, bad("calibrate", "", hint.Error(errMissing, "{exit} learns from training images when to stop: give some"))
	}
	if err := e.checkExit(); err != nil {
		return nil, err
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	key := e.shape(searched...) + OptionNamed("exit").Get(&e.Options)
	if r := e.made.rules[key]; r != nil {
		return r, nil
	}
	o, err := e.Evaluation()
	if err != nil {
		return nil, err
	}
	if o.First, err = e.First(ctx); err != nil {
		return nil, err
	}
	var stop func()
	o.Progress, stop = e.Options.Step("learning when to stop")
	defer stop()
	began := time.Now()
	r, err := eval.LearnExit(ctx, e.Graph, net, e.Calibration, *epsilon, o)
	if err == nil {
		if e.Made != nil {
			e.Made.Seconds += time.Since(began).Seconds()
		}
		e.made.rules[key] = r
	}
	return r, err
}

// checkExit returns an error if nothing can be learned of when to stop, before the work.
func (e *Experiment) checkExit() error {
	switch {
	case e.Options.Exit == nil:
		return nil
	case e.phased() && e.Options.Timesteps < 2:
		return bad("exit", "", errors.New("a phased network answers once, and before one of T = 1 there is none of fewer timesteps"), "give a larger {timesteps}")
	case e.phased() && e.File != nil:
		return bad("exit", "", errors.New("before a phased network another one of fewer timesteps is asked, which a NIR file does not have"), "give the trained network as MODEL")
	case e.Graph == nil:
		return bad("exit", "", errors.New("when to stop is learned from the trained network, which a spiking network by itself does not have"), "give the trained network as MODEL")
	case e.Calibration != nil:
		if err := exit.Check(*e.Options.Exit, e.Calibration.Len()); err != nil {
			return bad("exit", "", err, "give more training images with {calibrate}")
		}
	}
	return nil
}

// phased reports whether the network is a phased one.
func (e *Experiment) phased() bool {
	if e.File != nil {
		return e.network.Schedule == snn.Phased
	}
	return e.Options.Schedule == snn.Phased
}

// maxFirst bounds T of the first network of a cascade.
const maxFirst = 8

// FirstTimesteps returns T of the first network of a cascade whose second one has windows
// of T: half of it, but no more than 8, with which most images are classified.
func FirstTimesteps(T int) int { return min(T/2, maxFirst) }

// First returns the network that a cascade asks first: converted, and calibrated if that is
// asked for, like the one of the experiment but for fewer timesteps. It is nil without
// [Options.Exit], and for synchronous networks, which stop by themselves.
func (e *Experiment) First(ctx context.Context) (*eval.First, error) {
	if e.Options.Exit == nil || !e.phased() {
		return nil, nil
	}
	if err := e.checkExit(); err != nil {
		return nil, err
	}
	o := e.Options
	o.Timesteps = FirstTimesteps(o.Timesteps)
	net, err := e.With(o, e.Test).Network(ctx)
	return &eval.First{Network: net, Timesteps: o.Timesteps}, err
}
