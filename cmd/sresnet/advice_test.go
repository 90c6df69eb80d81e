package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/diagnose"
)

// What a diagnosis advises can be followed: eval, convert and sweep take it from the file, and
// eval gets the accuracy that the diagnosis promised on the same images.
func TestAdviceIsFollowed(t *testing.T) {
	dir := t.TempDir()
	digits, advice := filepath.Join(dir, "digits"), filepath.Join(dir, "lambdas.json")
	writeDigits(t, digits)
	data := []string{"--images", "40", "--data", "mnist:" + digits, "--calibrate", "mnist:" + digits + "?images=20"}
	do := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := sresnet(t, t.Context(), args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		return stdout
	}
	eval := func(more ...string) (accuracy float64) {
		t.Helper()
		var r struct {
			SpikingTop1 []float64 `json:"spiking_top1"`
		}
		if err := json.Unmarshal([]byte(do(append(append([]string{"eval", model}, data...), append(more, "--json")...)...)), &r); err != nil {
			t.Fatal(err)
		}
		return r.SpikingTop1[len(r.SpikingTop1)-1]
	}
	var layers map[string]any // Whose lambdas are advised.
	for name, setting := range map[string][]string{
		"lambdas": {"-T", "12", "--lambda", "block1/relu1/Relu=x8", "--lambda", "block2/relu2/Relu=x8"},
		"phased":  {"--schedule", "phased", "-T", "2"},
	} {
		advice := filepath.Join(dir, name+".json")
		args := append(append([]string{"diagnose", model}, data...), append(setting, "--remedy", "-o", advice)...)
		if shown := do(args...); !strings.Contains(shown, "Verdict") {
			t.Errorf("%s: %s", name, shown)
		}
		b, err := os.ReadFile(advice)
		if err != nil {
			t.Fatal(err)
		}
		d, err := diagnose.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if d.Advice == nil {
			if name == "lambdas" {
				t.Errorf("%s: no advice: %+v\n%+v", name, d.Verdict, d.Counterfactuals)
			}
			continue
		}
		want, advised := -1.0, text(t, followed(d).Options)
		if name == "lambdas" {
			layers = d.Advice["lambda"].(map[string]any)
		}
		for _, c := range d.Counterfactuals {
			if c.Options != nil && text(t, c.Options) == advised {
				want = c.Top1
			}
		}
		if got := eval("--apply", advice); got != want {
			t.Errorf("%s: the diagnosis promises %v with %s, eval --apply gets %v", name, want, advised, got)
		}
	}
	do("convert", model, "--calibrate", data[5], "--apply", advice, "-o", filepath.Join(dir, "net.nir"))
	sweep := do(append(append([]string{"sweep", model}, data[2:]...), "--apply", advice, "--percentile", "99.9", "--v-init", "0.5", "--compensation", "none", "--selection-images", "10", "--images", "5")...)
	if !strings.Contains(sweep, "--lambda") {
		t.Errorf("the command that a sweep prints has not what was advised: %s", sweep)
	}
	// The last word is the command line's.
	plain, lambda := eval("-T", "6"), []string{"--apply", advice, "-T", "6", "--match", "none"}
	for layer := range layers {
		lambda = append(lambda, "--lambda", layer+"=p99.9")
	}
	if got := eval(lambda...); got != plain {
		t.Errorf("with every option of the command line %v, without advice %v", got, plain)
	}
	for args, want := range map[string]string{
		"--apply " + digits:                           "--apply " + digits,
		"--lambda conv/Conv=2":                        "no layer of that name with a lambda",
		"--lambda relu/Relu=2 --lambdas channel":      "lambdas of channels",
		"--lambda relu/Relu=x2 --bits 8 --match bias": "whole numbers",
	} {
		code, _, stderr := sresnet(t, t.Context(), append(append([]string{"eval", model}, data...), strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %q", args, code, stderr, want)
		}
	}
}

// followed is the finding that the advice of d is of.
func followed(d *diagnose.Diagnosis) diagnose.Finding {
	var first diagnose.Finding
	for _, f := range d.Verdict {
		switch {
		case f.Searched:
			return f
		case f.Options != nil && (first.Options == nil || first.Options["timesteps"] != nil && f.Options["timesteps"] == nil):
			first = f
		}
	}
	return first
}

func text(t *testing.T, x any) string {
	t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
