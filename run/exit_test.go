package run_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/run"
	"sresnet/shard"
)

// A run that is planned with an early exit has its thresholds with the plan: whoever works
// on it, without calibration images, stops images by those, and the result is that of
// an evaluation in one go.
func TestExit(t *testing.T) {
	for preset, T := range map[string]int{"paper": 48, "few-steps": 6} {
		t.Run(preset, func(t *testing.T) { keepsExit(t, preset, T) })
	}
}

func keepsExit(t *testing.T, preset string, T int) {
	dir := t.TempDir()
	o := experiment.DefaultOptions()
	epsilon := 0.2
	if err := o.Begin(preset); err != nil {
		t.Fatal(err)
	}
	o.Model, o.Data, o.Images, o.CalibrationImages, o.Timesteps, o.Exit = experiment.Builtin, "mnist", 30, 110, T, &epsilon
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Skip(err) // No MNIST.
	}
	alone, err := e.Evaluate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if x := alone.Exit; x == nil || x.MeanT >= float64(T) || x.Rule.Images != 110 || x.Rule.Epsilon != epsilon {
		t.Fatalf("exit: %+v", x)
	}

	if _, err := (&run.Order{Dir: dir, Kind: eval.PlanKind, Experiment: e, Shards: 3}).Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	open := func() *run.Kept {
		t.Helper()
		r, err := shard.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		k, err := (&run.Opener{}).Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k := open()
	worker, err := k.Evaluator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Present(t.Context(), worker, []int{1}); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, err := run.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone.Exit, kept.Result.Exit); diff != "" {
		t.Errorf("in shards (-alone +shards):\n%s", diff)
	}
	if !kept.Has("exit.json") {
		t.Error("the manifest does not name exit.json")
	}

	if err := os.WriteFile(filepath.Join(dir, "exit.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open().Evaluator(t.Context()); err == nil || hint.Of(err) == "" {
		t.Errorf("with other thresholds: got error %v", err)
	}
}
