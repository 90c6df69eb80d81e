package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestVariants(t *testing.T) {
	g := grid{[]string{"99", " 99.9"}, []string{"0.5"}, []string{"none", "layer"}, []string{"zero"}, []string{"direct", "poisson"}}
	list, err := g.variants()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range list {
		names = append(names, v.name())
	}
	want := []string{
		"p99-v0.5-none-zero", "p99-v0.5-layer-zero", "p99-v0.5-none-zero-poisson", "p99-v0.5-layer-zero-poisson",
		"p99.9-v0.5-none-zero", "p99.9-v0.5-layer-zero", "p99.9-v0.5-none-zero-poisson", "p99.9-v0.5-layer-zero-poisson",
	}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestDivide(t *testing.T) {
	for _, tt := range []struct{ n, calibration, selection, wantCalibration, wantSelection int }{
		{5000, 1000, 500, 1000, 500},
		{1500, 1000, 500, 1000, 500},
		{1499, 1000, 500, 999, 500},
		{300, 1000, 1000, 150, 150},
		{2, 1000, 1, 1, 1},
		{2, 1, 1000, 1, 1},
		{10, 1 << 62, 1 << 62, 5, 5},
	} {
		c, s, err := divide(tt.n, tt.calibration, tt.selection)
		if err != nil || c != tt.wantCalibration || s != tt.wantSelection {
			t.Errorf("divide(%d, %d, %d): got %d and %d, error %v, want %d and %d", tt.n, tt.calibration, tt.selection, c, s, err, tt.wantCalibration, tt.wantSelection)
		}
	}
	if _, _, err := divide(1, 1, 1); err == nil {
		t.Error("one image: no error")
	}
}

// One bar counts all parts: it never goes back, and it is not full before the end.
func TestWork(t *testing.T) {
	var told []int
	w := &work{total: 15, update: func(done, total int) { told = append(told, done, total) }}
	first := w.part(10)
	first(1, 2)
	first(2, 2)
	last := w.part(5)
	last(1, 3)
	last(3, 3)
	if want := []int{5, 15, 10, 15, 11, 15, 14, 15}; !reflect.DeepEqual(told, want) {
		t.Errorf("got %v, want %v", told, want)
	}
}

// Ctrl-C stops soon and keeps the finished settings; the same command
// goes on with the others and chooses what an uninterrupted sweep would.
func TestSweepInterrupted(t *testing.T) {
	digits := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, digits)
	sweep := func(ctx context.Context, out string) (code int, stdout, stderr string) {
		return sresnet(t, ctx, "sweep", model, "--data", "mnist:"+digits, "--calibration-images", "20", "--selection-images", "20",
			"--images", "5", "--timesteps", "40", "--compensation", "none", "--json", "--out", out)
	}
	dir := filepath.Join(t.TempDir(), "sweep")
	ctx := when(t, filepath.Join(dir, "p99-v0-none", "manifest.json"), 0)
	code, stdout, stderr := sweep(ctx, dir)
	if code != exitInterrupted || !strings.Contains(stderr, "of 8 settings finished") || !strings.Contains(stderr, "goes on from what is kept in "+dir) {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	r := parseSweep(t, stdout)
	if r.Complete || r.Chosen != "" || r.Confirmation != nil || len(r.Settings) == 0 || len(r.Settings) == 8 {
		t.Errorf("after Ctrl-C: %d settings, chosen %q, complete %t", len(r.Settings), r.Chosen, r.Complete)
	}
	if _, err := os.Stat(filepath.Join(dir, confirmation)); err == nil {
		t.Error("test images were presented before the choice")
	}

	code, again, stderr := sweep(t.Context(), dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	code, whole, stderr := sweep(t.Context(), dir+"-whole")
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

func parseSweep(t *testing.T, stdout string) *sweepReport {
	t.Helper()
	r := new(sweepReport)
	if err := json.Unmarshal([]byte(stdout), r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	return r
}
