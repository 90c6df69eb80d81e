package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/hint"
	"sresnet/snn"
	"sresnet/tune"
)

// tunedNetwork is a network that was calibrated for T, and what that found.
type tunedNetwork struct {
	net, real *snn.Network // Real before its weights were rounded, or nil.
	tuning    *Tuning
}

// Tuning is what calibration for T found.
type Tuning struct {
	Timesteps int `json:"timesteps"` // T

	// Silent is the number of channels, by layer, that no calibration image made positive:
	// their lambdas are guesses, the largest of their layers.
	Silent map[string]int `json:"silent_channels,omitempty"`

	Refit []Refit `json:"refit,omitempty"` // Of layers whose weights were fitted anew.
}

// Refit is what fitting the weights of a layer anew brought: the mean square of what its
// current lacks of the trained network's value, on calibration images that shaped nothing.
type Refit struct {
	Layer  string  `json:"layer"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Kept   bool    `json:"kept"` // It is an improvement.
}

// Words says what a user should know of it, in sentences.
func (t *Tuning) Words() []string {
	if t == nil {
		return nil
	}
	var list, silent []string
	for _, layer := range slices.Sorted(maps.Keys(t.Silent)) {
		silent = append(silent, fmt.Sprintf("%d of %s", t.Silent[layer], layer))
	}
	if silent != nil {
		list = append(list, fmt.Sprintf("Channels that no calibration image makes positive: %s. Their lambdas are guesses, the largest of the layer; more calibration images may tell.", strings.Join(silent, ", ")))
	}
	kept, before, after := 0, 0.0, 0.0
	for _, r := range t.Refit {
		if r.Kept {
			kept, before, after = kept+1, before+math.Log(r.Before), after+math.Log(r.After)
		}
	}
	if t.Refit != nil {
		s := fmt.Sprintf("Weights were fitted anew in %d of %d layers, and are no longer those of the trained network", kept, len(t.Refit))
		if kept > 0 {
			s += fmt.Sprintf("; what currents lack, mean square, is %.3g times as much as before, on calibration images that shaped nothing", math.Exp((after-before)/float64(kept)))
		}
		list = append(list, s+".")
	}
	return list
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
	e.tuning = t.tuning
	e.Real = coded(t.real, o.Coding)
	return coded(t.net, o.Coding), nil
}

// coded returns net with another coding; nil for nil.
func coded(net *snn.Network, c snn.Coding) *snn.Network {
	if net == nil {
		return nil
	}
	n := *net
	n.Coding = c
	return &n
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
		Activations: activations(e.Graph), Workers: o.WorkerCount(), Seed: o.Seed, Bits: o.Bits, StateBits: o.StateBits, InputMax: s.InputMax,
	}
	for i := range scaled.Layers {
		to.Lambda = append(to.Lambda, scaled.Layers[i].Lambda)
	}
	var stop func()
	to.Progress, stop = o.Step("calibrating for T")
	defer stop()
	net, report, err := tune.Network(ctx, unit, e.Calibration, to)
	if err != nil {
		return t, tooFew(err)
	}
	t = tunedNetwork{net, report.Real, &Tuning{Timesteps: o.Timesteps, Silent: report.Silent}}
	for _, r := range report.Refit {
		t.tuning.Refit = append(t.tuning.Refit, Refit(r))
	}
	return t, nil
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
