package main

import (
	"strings"
	"testing"

	"sresnet/report"
	"sresnet/run"
)

// The command that a report gives to repeat a run is one that eval takes: every
// option of a manifest is a flag.
func TestReportCommandLine(t *testing.T) {
	var s settings
	cmd := newEval()
	for key := range s.values() {
		if cmd.Flags().Lookup(strings.ReplaceAll(key, "_", "-")) == nil {
			t.Errorf("eval has no flag for the option %s of a manifest", key)
		}
	}
	line := report.CommandLine(&run.Manifest{Model: run.Source{Name: "a b.onnx"}, Options: map[string]any{"v_init": 0.5, "workers": 3, "data": "mnist", "x; rm": "y"}})
	if want := "sresnet eval 'a b.onnx' --data mnist --v-init 0.5"; line != want {
		t.Errorf("got %s, want %s", line, want)
	}
}
