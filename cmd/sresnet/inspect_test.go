package main

import (
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
