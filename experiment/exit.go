package experiment

import (
	"context"
	"errors"

	"sresnet/eval"
	"sresnet/exit"
	"sresnet/internal/hint"
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
	var stop func()
	o.Progress, stop = e.Options.Step("learning when to stop")
	defer stop()
	r, err := eval.LearnExit(ctx, e.Graph, net, e.Calibration, *epsilon, o)
	if err == nil {
		e.made.rules[key] = r
	}
	return r, err
}

// checkExit returns an error if nothing can be learned of when to stop, before the work.
func (e *Experiment) checkExit() error {
	switch {
	case e.Options.Exit == nil:
		return nil
	case e.Graph == nil:
		return bad("exit", "", errors.New("when to stop is learned from the trained network, which a spiking network by itself does not have"), "give the trained network as MODEL")
	case e.Calibration != nil:
		if err := exit.Check(*e.Options.Exit, e.Calibration.Len()); err != nil {
			return bad("exit", "", err, "give more training images with {calibrate}")
		}
	}
	return nil
}
