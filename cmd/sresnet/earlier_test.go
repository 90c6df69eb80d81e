package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What is in testdata/old was written by the last version that kept runs in format 1: a
// run, the list of a sweep, and net.nir, a network of two convolutions and a shortcut,
// with net.json, in which are its classes of the first 20 test images of MNIST and spikes
// and additions after 16 timesteps.
const old = "testdata/old"

// NIR files of earlier versions are read, and are the same networks.
func TestEarlierNIR(t *testing.T) {
	digits := t.TempDir()
	writeDigits(t, digits)
	b, err := os.ReadFile(filepath.Join(old, "net.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Classes []int              `json:"spiking_class"`
		Spikes  map[string]float64 `json:"spikes_per_image"`
		ACs     map[string]float64 `json:"acs_per_image"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := sresnet(t, t.Context(), "eval", filepath.Join(old, "net.nir"), "--data", "mnist:"+digits, "--images", "20", "-T", "16", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r struct {
		Predictions struct {
			Classes []int `json:"spiking_class"`
		}
		Layers []struct {
			Layer  string
			Spikes float64 `json:"spikes_per_image"`
			ACs    float64 `json:"acs_per_image"`
		}
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Predictions.Classes, want.Classes) {
		t.Errorf("classes %v, want %v", r.Predictions.Classes, want.Classes)
	}
	spikes, acs := make(map[string]float64), make(map[string]float64)
	for _, l := range r.Layers {
		spikes[l.Layer], acs[l.Layer] = l.Spikes, l.ACs
	}
	if !maps.Equal(spikes, want.Spikes) || !maps.Equal(acs, want.ACs) {
		t.Errorf("spikes %v, additions %v per image, want %v and %v", spikes, acs, want.Spikes, want.ACs)
	}
}

// Runs of earlier versions are named as such by every command that is given one.
func TestEarlierRuns(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	run, sweep := filepath.Join(dir, "run"), filepath.Join(dir, "sweep")
	for _, args := range [][]string{
		{"run", run},
		{"submit", run, "--dry-run"},
		{"merge", run},
		{"status", run},
		{"report", run, "-o", filepath.Join(dir, "page.html")},
		{"eval", run},
		{"inspect", run},
		{"convert", run, "-o", filepath.Join(dir, "x.nir")},
		{"sweep", run},
		{"eval", model, "--data", "mnist", "--images", "2", "--out", run},
		{"diagnose", model, "--data", "mnist", "--images", "2", "--out", run},
		{"run", sweep},
		{"submit", sweep, "--dry-run"},
		{"merge", sweep},
		{"status", sweep},
	} {
		code, stdout, stderr := sresnet(t, t.Context(), args...)
		name := run
		if slices.Contains(args, sweep) {
			name = sweep
		}
		want := fmt.Sprintf("sresnet: error: %s was kept by an earlier version of sresnet (format 1); this one reads format 2\n"+
			"sresnet: hint: make the run again in a new folder, or use the version of sresnet that kept it\n", name)
		if code != exitError || stdout != "" || stderr != want {
			t.Errorf("%v: exit code %d: %s%s", args, code, stdout, stderr)
		}
	}
}
