package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/diagnose/study"
)

// After Ctrl-C, in whatever step, the same command goes on and ends as one that was
// not interrupted: also where real weights are kept beside those of an integer network.
func TestDiagnoseInterrupted(t *testing.T) {
	for _, bits := range []string{"0", "4"} {
		t.Run(bits+" bits", func(t *testing.T) { testDiagnoseInterrupted(t, bits) })
	}
}

func testDiagnoseInterrupted(t *testing.T, bits string) {
	digits := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, digits)
	args := []string{model, "--data", "mnist:" + digits, "--calibrate", "mnist:" + digits + "?images=10", "--images", "8", "--timesteps", "20", "--bits", bits}
	diagnose := func(ctx context.Context, more ...string) (code int, stdout, stderr string) {
		return sresnet(t, ctx, append(append([]string{"diagnose"}, args...), more...)...)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := sresnet(t, t.Context(), append(append([]string{"eval"}, args...), "--out", dir)...); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, step := range []string{study.Measurement, study.Trials} {
		ctx := when(t, filepath.Join(dir, study.Folder, step, "shards", "*.part"), 0)
		code, stdout, stderr := diagnose(ctx, "--out", dir)
		if code == 0 {
			continue // It was done before anyone looked.
		}
		if code != exitInterrupted || stdout != "" || !strings.Contains(stderr, "what is done is kept in "+filepath.Join(dir, study.Folder)) {
			t.Fatalf("%s: exit code %d: %s%s", step, code, stdout, stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "diagnosis.json")); err == nil {
			t.Fatalf("%s: there is a result of a part", step)
		}
	}
	code, _, stderr := diagnose(t.Context(), "--out", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	got, err := os.ReadFile(filepath.Join(dir, "diagnosis.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, want, stderr := diagnose(t.Context(), "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if bits != "0" && !strings.Contains(want, `"rounding":{`) {
		t.Errorf("rounding is no part in %s", want)
	}
	if string(got) != want {
		t.Errorf("with interruptions:\n%s\nwithout:\n%s", got, want)
	}
}
