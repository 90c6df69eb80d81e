package main

import (
	"slices"
	"testing"

	"sresnet/experiment"
	"sresnet/report"
	"sresnet/run"
)

// The command that a report gives to repeat a run is one that eval takes, and makes that
// run.
func TestReportCommandLine(t *testing.T) {
	cmd := newEval()
	for _, p := range experiment.Table() {
		line := report.CommandLine(&run.Manifest{Model: run.Source{Name: "net"}, Options: map[string]any{p.Key(): "different"}})
		gone := []string{"workers", "calibration-images", "compensation-images", "selection-images", "engine", "shared-lambda"}
		if has := cmd.Flags().Lookup(p.Name) != nil; !has && !slices.Contains(gone, p.Name) || !has && line != "sresnet eval net" {
			t.Errorf("eval has no flag for the option %s: %s", p.Name, line)
		}
	}
	for want, options := range map[string]map[string]any{
		"sresnet eval 'a b.onnx' --data mnist --v-init 0.25":                 {"v_init": 0.25, "percentile": 99.9, "workers": 3.0, "data": "mnist", "calibrate": "mnist", "calibration_images": 1000.0, "x; rm": "y", "engine": "event"},
		"sresnet eval 'a b.onnx' --data mnist --calibrate 'mnist?images=50'": {"data": "mnist", "calibrate": "mnist", "calibration_images": 50.0},
		"sresnet eval 'a b.onnx' --data a --calibrate 'b?crop=3&images=50'":  {"data": "a", "calibrate": "b?crop=3", "calibration_images": 50.0},
		"sresnet eval 'a b.onnx' --seed 3":                                   {"seed": 3.0},
	} {
		if line := report.CommandLine(&run.Manifest{Model: run.Source{Name: "a b.onnx"}, Options: options}); line != want {
			t.Errorf("got %s, want %s", line, want)
		}
	}
}
