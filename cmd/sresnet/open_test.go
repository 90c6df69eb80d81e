package main

import (
	"strings"
	"testing"
)

// A spec that makes no sense is an error of the command line; one that names what
// is not there is not.
func TestDataExitCode(t *testing.T) {
	for spec, want := range map[string]int{"tulips:here": exitUsage, "mnist:": exitUsage, "cifar10": exitUsage, "mnist:nowhere": exitError} {
		for _, args := range [][]string{{"--data", spec}, {"--data", "mnist", "--calibrate", spec}} {
			code, _, stderr := sresnet(t, t.Context(), append([]string{"eval", model}, args...)...)
			if code != want || !strings.Contains(stderr, "sresnet: hint: ") {
				t.Errorf("%v: exit code %d, want %d: %s", args, code, want, stderr)
			}
		}
	}
}

// An activation that is not finite names the file, the node and what to do.
func TestActivationNotFinite(t *testing.T) {
	file := tiny{weight: 3e38}.write(t)
	code, _, stderr := sresnet(t, t.Context(), "eval", file, "--data", "mnist", "--images", "1", "--calibrate", "mnist?images=1")
	if code != exitError || !strings.Contains(stderr, "error: "+file+": calibrate: image 0: node \"conv\" (Conv): an activation is ") ||
		!strings.Contains(stderr, "hint: give with --normalize how pixels were normalised in training; if mnist is right, ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
