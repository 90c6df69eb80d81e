package experiment

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/snn"
	"sresnet/tune"
)

// The first preset is the default, and every one is options that go together.
func TestPresets(t *testing.T) {
	usual := DefaultOptions()
	for i, name := range Presets() {
		o := DefaultOptions()
		o.Data, o.Images, o.Device, o.Leak, o.Neuron, o.SharedLambda = "mnist", 7, "45nm", 0.9, "lif", true
		if err := o.Begin(name); err != nil {
			t.Fatal(err)
		}
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if o.Data != "mnist" || o.Images != 7 || o.Device != "45nm" || o.Leak != 1 || o.Neuron != "if" || o.SharedLambda {
			t.Errorf("%s: %+v", name, o)
		}
		if p := PresetNamed(name); p == nil || p.Says == "" || p.Value("timesteps") != OptionNamed("timesteps").Get(&o) || p.Value("images") != "0" {
			t.Errorf("%s: %+v", name, p)
		}
		if i == 0 {
			o.Data, o.Images, o.Device = "", 0, ""
			if diff := cmp.Diff(usual, o); diff != "" {
				t.Errorf("%s is not the default (-want +got):\n%s", name, diff)
			}
		}
		if !strings.Contains(OptionNamed("preset").Help, name) {
			t.Errorf("help says nothing of %s", name)
		}
	}
	var o Options
	var option *OptionError
	if err := o.Begin("fastest"); !errors.As(err, &option) || option.Option != "preset" || PresetNamed("fastest") != nil {
		t.Errorf("got error %v", err)
	}
}

// The presets are those that documentation names.
func TestPresetValues(t *testing.T) {
	type values struct {
		Schedule snn.Schedule
		Coding   snn.Coding
		T        int
		Lambdas  Lambdas
		Match    Match
	}
	for name, want := range map[string]values{
		"paper":      {snn.Synchronous, snn.Rate, 350, LayerLambdas, NoMatch},
		"calibrated": {snn.Synchronous, snn.Rate, 32, ChannelLambdas, MatchBias},
		"few-steps":  {snn.Phased, snn.Rate, 16, ChannelLambdas, MatchBias},
		"one-spike":  {snn.Phased, snn.FirstSpike, 16, ChannelLambdas, MatchBias},
	} {
		var o Options
		if err := o.Begin(name); err != nil {
			t.Fatal(err)
		}
		if got := (values{o.Schedule, o.Coding, o.Timesteps, o.Lambdas, o.Match}); got != want || o.Preset != name {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if got, want := o.OneT(), name != "paper"; got != want {
			t.Errorf("%s: for one T: %t", name, got)
		}
	}
}

// Options that contradict each other are errors that name one of them and say what to do.
func TestTogether(t *testing.T) {
	phased := func(change func(*Options)) func(*Options) {
		return func(o *Options) { o.Schedule = snn.Phased; change(o) }
	}
	for option, changes := range map[string][]func(*Options){
		"coding":        {func(o *Options) { o.Coding = snn.FirstSpike }},
		"neuron":        {phased(func(o *Options) { o.Neuron = "lif" }), func(o *Options) { o.Lambdas, o.Neuron = ChannelLambdas, "lif" }},
		"encoding":      {func(o *Options) { o.Match, o.Encoding = MatchStart, snn.Poisson }},
		"match":         {phased(func(o *Options) { o.Match = MatchBias | MatchStart })},
		"reset":         {phased(func(o *Options) { o.Reset = snn.ResetZero }), func(o *Options) { o.Refit, o.Reset = true, snn.ResetZero }},
		"compensation":  {phased(func(o *Options) { o.Compensation = GlobalFactor }), func(o *Options) { o.Match, o.Compensation = MatchBias, LayerFactors }},
		"percentile":    {func(o *Options) { o.Lambdas, o.Percentile = ChannelLambdas, 99 }},
		"shared-lambda": {func(o *Options) { o.Lambdas, o.SharedLambda = ChannelLambdas, true }},
		"refit":         {func(o *Options) { o.Refit, o.CalibrationImages = true, tune.MinRefit-1 }},
	} {
		for i, change := range changes {
			o := DefaultOptions()
			change(&o)
			var e *OptionError
			if err := o.Check(); !errors.As(err, &e) || e.Option != option {
				t.Errorf("%s, %d: got error %v", option, i, err)
			}
		}
	}
	for _, change := range []func(*Options){
		phased(func(o *Options) { o.Coding, o.Percentile, o.Encoding = snn.FirstSpike, 99, snn.Poisson }),
		func(o *Options) {
			o.Lambdas, o.Match = ChannelLambdas, MatchBias|MatchStart
		},
		func(o *Options) { o.Refit, o.CalibrationImages = true, tune.MinRefit },
	} {
		o := DefaultOptions()
		change(&o)
		if err := o.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
