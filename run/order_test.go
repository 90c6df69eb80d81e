package run_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/run"
)

// While a process makes its network, another one plans a run of other options in the
// same folder. That one stays as it is, and the first is refused.
func TestPlannedMeanwhile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Images, o.CalibrationImages, o.Timesteps = experiment.Builtin, "mnist", 3, 10, 4
	open := func(o experiment.Options) *run.Order {
		t.Helper()
		e, err := experiment.Open(t.Context(), o)
		if err != nil {
			t.Skip(err) // No MNIST.
		}
		return &run.Order{Dir: dir, Kind: eval.PlanKind, Experiment: e}
	}
	coarse := o
	coarse.Percentile = 90
	other := open(coarse)
	o.Progress = func(step string) (func(int, int), func()) {
		if step == "calibrating" {
			if _, err := other.Open(context.Background()); err != nil {
				t.Error(err)
			}
		}
		return func(int, int) {}, func() {}
	}
	if _, err := open(o).Open(t.Context()); err == nil || !strings.Contains(err.Error(), "run holds another run: option percentile is 90, not 99.9") {
		t.Errorf("got error %v", err)
	}
	k, err := other.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r, err := k.Complete(t.Context()); err != nil || r.Images != 3 {
		t.Errorf("the other run: got %v, %v", r, err)
	}
}
