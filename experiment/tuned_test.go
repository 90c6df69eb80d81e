package experiment

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"sresnet/snn"
)

// A network that is calibrated for T is so once per T and way of calibrating: for both
// codings, whatever the workers are, and again with With.
func TestTuned(t *testing.T) {
	o := small(t)
	if err := o.Begin("few-steps"); err != nil {
		t.Fatal(err)
	}
	o.Timesteps = 4
	var steps []string
	o.Progress = func(step string) (func(int, int), func()) {
		steps = append(steps, step)
		return func(int, int) {}, func() {}
	}
	e, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	network := func(change func(*Options)) *snn.Network {
		t.Helper()
		steps = nil
		o := e.Options
		change(&o)
		if err := o.Check(); err != nil {
			t.Fatal(err)
		}
		with := e.With(o, e.Test)
		net, err := with.Network(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if with.Made == nil || (with.Made.Tuning != nil) != o.Tuned() || net.TunedFor > 0 && with.Made.Tuning.Timesteps != net.TunedFor {
			t.Errorf("made %+v", with.Made)
		}
		return net
	}
	first := network(func(*Options) {})
	if first.TunedFor != 4 || first.Schedule != snn.Phased || first.Coding != snn.Rate || first.Layers[0].Lambdas == nil || first.Layers[0].Shift == nil {
		t.Errorf("calibrated for %d, %v, %v", first.TunedFor, first.Schedule, first.Coding)
	}
	if want := []string{"calibrating", "calibrating for T"}; !reflect.DeepEqual(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
	again := network(func(o *Options) { o.Workers, o.Coding, o.Readout = 1, snn.FirstSpike, "count" })
	if len(steps) != 0 || again.Coding != snn.FirstSpike || first.Coding != snn.Rate || !reflect.DeepEqual(first.Layers, again.Layers) {
		t.Errorf("steps %v, %v and %v", steps, first.Coding, again.Coding)
	}
	for name, change := range map[string]func(*Options){
		"T":       func(o *Options) { o.Timesteps = 6 },
		"match":   func(o *Options) { o.Match = NoMatch },
		"lambdas": func(o *Options) { o.Lambdas = LayerLambdas },
	} {
		if net := network(change); len(steps) != 1 || reflect.DeepEqual(net.Layers, first.Layers) {
			t.Errorf("%s: steps %v, the same network", name, steps)
		}
	}
	if net := network(func(o *Options) { o.Lambdas, o.Match = LayerLambdas, NoMatch }); len(steps) != 0 || net.TunedFor != 0 || net.Schedule != snn.Phased {
		t.Errorf("not calibrated: steps %v, calibrated for %d, %v", steps, net.TunedFor, net.Schedule)
	}

	o.Workers = 1
	alone, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	net, err := alone.Network(t.Context())
	if err != nil || !reflect.DeepEqual(net.Layers, first.Layers) {
		t.Errorf("one worker: error %v, another network", err)
	}
	if info, err := alone.Info("v"); err != nil || info.Percentile != 0 || !strings.Contains(info.Conversion, "a lambda per channel, biases matched, for T = 4") {
		t.Errorf("error %v, info %+v", err, info)
	}
}

// Too few images for a refit are told before the work, with the option.
func TestRefitTakesImages(t *testing.T) {
	o := small(t)
	o.Refit, o.CalibrationImages, o.Calibrate = true, 1000, "mnist?images=499"
	var option *OptionError
	if _, err := Open(t.Context(), o); !errors.As(err, &option) || option.Option != "refit" || !strings.Contains(err.Error(), "at least 500 calibration images, not 499") {
		t.Errorf("got error %v", err)
	}
}

// What calibration for T found is told in sentences.
func TestTuningWords(t *testing.T) {
	var none *Tuning
	if list := append(none.Words(), (&Tuning{Timesteps: 4}).Words()...); len(list) != 0 {
		t.Errorf("got %q", list)
	}
	list := (&Tuning{
		Silent: map[string]int{"b": 2, "a": 1},
		Refit:  []Refit{{"a", 4, 1, true}, {"b", 1, 2, false}, {"c", 1, 1, true}},
	}).Words()
	if len(list) != 2 || !strings.HasPrefix(list[0], "Channels that no calibration image makes positive: 1 of a, 2 of b.") || !strings.Contains(list[1], "in 2 of 3 layers") || !strings.Contains(list[1], "0.5 times as much") {
		t.Errorf("got %q", list)
	}
}
