package main

import (
	"context"
	"strings"
	"testing"
)

func TestInspectOpenShape(t *testing.T) {
	file := tiny{open: true, weight: 0.1}.write(t)
	code, _, stderr := sresnet(t, t.Context(), "inspect", file)
	if code != exitError || !strings.Contains(stderr, "1xrowsxcolumns has open sizes") || !strings.Contains(stderr, "hint: give channels, rows and columns of one image with --input, ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", file, "--input", "1x28x28")
	if code != 0 || !strings.Contains(stdout, "The network converts.") {
		t.Errorf("with --input: exit code %d: %s%s", code, stdout, stderr)
	}
}

// A layer that is too large for the engine is told before anything is calibrated:
// with a context that has ended, calibration would not begin.
func TestTooLarge(t *testing.T) {
	file := tiny{weight: 0.1, pad: 120}.write(t)
	const reason = "its 1 channels of 266x266 positions are too many"
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", file)
	if code != 0 || !strings.Contains(stdout, "unsupported: "+reason) || !strings.Contains(stdout, "The network does not convert") {
		t.Errorf("inspect: exit code %d: %s%s", code, stdout, stderr)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"eval", "verify"} {
		code, _, stderr := sresnet(t, ended, command, file, "--data", "mnist")
		if code != exitError || !strings.Contains(stderr, `node "relu": Relu is not supported: `+reason) || !strings.Contains(stderr, "hint: take smaller images") {
			t.Errorf("%s: exit code %d: %s", command, code, stderr)
		}
	}
}
