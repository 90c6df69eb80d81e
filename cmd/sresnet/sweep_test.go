package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/sweep"
)

// Ctrl-C says how far a sweep came: not all settings, or all but not their confirmation.
func TestSweepInterruptedAt(t *testing.T) {
	settings, err := sweep.Grid(map[string][]string{"percentile": {"99"}, "compensation": {"none"}})
	if err != nil {
		t.Fatal(err)
	}
	k := &keptSweep{&sweep.Sweep{Settings: settings, At: 1, Results: make([]*eval.Result, len(settings))}, ""}
	for _, want := range []string{"interrupted with 0 of 2 settings finished", "interrupted with 1 of 2 settings finished", "interrupted before test images confirmed p99-v0-none"} {
		if err := k.interrupted(context.Canceled); !errors.Is(err, errInterrupted) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if i := k.Finished(); i < 2 {
			k.Results[i] = &eval.Result{Images: 1, Timesteps: 1, Latency: 1, SpikingTop1: []float64{1}, ACsPerImage: []float64{1}}
		}
	}
}

// Ctrl-C stops soon and keeps the finished settings; the same command
// goes on with the others and chooses what an uninterrupted sweep would.
func TestSweepInterrupted(t *testing.T) {
	digits := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, digits)
	call := func(ctx context.Context, out string) (code int, stdout, stderr string) {
		return sresnet(t, ctx, "sweep", model, "--data", "mnist:"+digits, "--calibrate", "mnist:"+digits+"?images=20", "--selection-images", "20",
			"--images", "5", "--timesteps", "40", "--compensation", "none", "--json", "--out", out)
	}
	dir := filepath.Join(t.TempDir(), "sweep")
	ctx := when(t, filepath.Join(dir, "p99-v0-none", "manifest.json"), 0)
	code, stdout, stderr := call(ctx, dir)
	if code != exitInterrupted || !strings.Contains(stderr, "of 8 settings finished") || !strings.Contains(stderr, "resumes from what is kept in "+dir) {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r := parseSweep(t, stdout)
	if r.Complete || r.Chosen != "" || r.Confirmation != nil || len(r.Settings) == 0 || len(r.Settings) == 8 {
		t.Errorf("after Ctrl-C: %d settings, chosen %q, complete %t", len(r.Settings), r.Chosen, r.Complete)
	}
	if _, err := os.Stat(filepath.Join(dir, sweep.Confirmation)); err == nil {
		t.Error("test images were presented before the choice")
	}

	code, again, stderr := call(t.Context(), dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	code, whole, stderr := call(t.Context(), dir+"-whole")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if again != whole {
		t.Errorf("with an interruption:\n%s\nwithout:\n%s", again, whole)
	}
	if r := parseSweep(t, whole); !r.Complete || len(r.Settings) != 8 || r.Confirmation == nil {
		t.Errorf("%d settings, complete %t", len(r.Settings), r.Complete)
	}
}

func parseSweep(t *testing.T, stdout string) *sweep.Report {
	t.Helper()
	r := new(sweep.Report)
	if err := json.Unmarshal([]byte(stdout), r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return r
}
