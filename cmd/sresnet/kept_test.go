package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sresnet/eval"
	"sresnet/internal/regular"
	"sresnet/run"
)

// While a process makes its network, another one plans a run of other options in the
// same folder. That one stays as it is, and the first is refused.
func TestPlannedMeanwhile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	other := func(more ...string) {
		t.Helper()
		args := []string{"eval", model, "--data", "mnist", "--images", "3", "--calibration-images", "10", "--timesteps", "4", "--percentile", "90", "--out", dir}
		if code, _, stderr := sresnet(t, t.Context(), append(args, more...)...); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
	}
	s := defaultSettings()
	s.data, s.images, s.calibrationImages, s.timesteps = "mnist", 3, 10, 4
	p := &pipeline{settings: s, command: "sresnet eval"}
	if err := p.open(t.Context(), model); err != nil {
		t.Fatal(err)
	}
	hash, err := regular.Hash(model)
	if err != nil {
		t.Fatal(err)
	}
	o := order{dir: dir, kind: eval.PlanKind, manifest: p.manifest(run.Source{Name: model, SHA256: hash}, time.Now())}
	o.prepare = func(ctx context.Context) error {
		other("--plan-only")
		return p.prepare(ctx)
	}
	if _, err := p.planRun(t.Context(), o); err == nil || !strings.Contains(err.Error(), "run holds another run: option percentile is 90, not 99.9") {
		t.Errorf("got error %v", err)
	}
	other()
}
