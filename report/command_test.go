package report

import (
	"encoding/json"
	"testing"

	"sresnet/experiment"
	"sresnet/run"
)

// The command has the preset and what differs from it, and nothing that follows from it.
func TestCommandLineOfPreset(t *testing.T) {
	for want, change := range map[string]func(*experiment.Options){
		"sresnet eval m.onnx --data mnist":                                               func(*experiment.Options) {},
		"sresnet eval m.onnx --data mnist --preset one-spike":                            func(o *experiment.Options) { _ = o.Begin("one-spike") },
		"sresnet eval m.onnx --data mnist --preset few-steps --match none --timesteps 8": func(o *experiment.Options) { _ = o.Begin("few-steps"); o.Match, o.Timesteps = experiment.NoMatch, 8 },
		"sresnet eval m.onnx --data mnist --preset few-steps --refit --timesteps 350":    func(o *experiment.Options) { _ = o.Begin("few-steps"); o.Refit, o.Timesteps = true, 350 },
		"sresnet eval m.onnx --data mnist --preset calibrated --lambdas layer --percentile 99": func(o *experiment.Options) {
			_ = o.Begin("calibrated")
			o.Lambdas, o.Percentile = experiment.LayerLambdas, 99
		},
	} {
		o := experiment.DefaultOptions()
		change(&o)
		o.Data = "mnist"
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		m := run.Manifest{Model: run.Source{Name: "m.onnx"}}
		if err := json.Unmarshal(b, &m.Options); err != nil {
			t.Fatal(err)
		}
		if got := CommandLine(&m); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
