package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/dataset"
	"sresnet/snn"
	"sresnet/tensor"
)

func TestFits(t *testing.T) {
	// Two CIFAR-100 records: coarse label, fine label, pixels.
	name := filepath.Join(t.TempDir(), "test.bin")
	if err := os.WriteFile(name, make([]byte, 2*3074), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open("cifar100:"+name, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		input   tensor.Shape
		outputs int
		want    string // Part of the error; empty for none.
	}{
		{tensor.Shape{3, 32, 32}, 100, ""},
		{tensor.Shape{3, 32, 32}, 10, "has 10 outputs, cifar100:" + name + " has 100 classes"},
		{tensor.Shape{1, 28, 28}, 100, "takes images of 1x28x28, those of cifar100:" + name + " are 3x32x32"},
	} {
		p := &pipeline{graph: &ann.Graph{
			Input: ann.Input{Name: "image", Shape: tt.input}, Output: "fc",
			Nodes: []ann.Node{{Name: "fc", Shape: tensor.Shape{tt.outputs}}},
		}}
		err := p.fits(d)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("input %v, %d outputs: got error %v, want %q", tt.input, tt.outputs, err, tt.want)
		}
		if err != nil && len(hints(err)) == 0 {
			t.Errorf("no hint for %v", err)
		}
	}
}

// Of labels in a file, the one that the network has no output for is named.
func TestFitsLabels(t *testing.T) {
	dir := t.TempDir()
	array := func(name, shape string, data ...byte) {
		header := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n", shape)
		b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
		if err := os.WriteFile(filepath.Join(dir, name), append(append(b, header...), data...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	array("x.npy", "(3, 2, 2, 1)", make([]byte, 12)...)
	array("y.npy", "(3,)", 4, 5, 11)
	d, err := dataset.Open("npy:"+filepath.Join(dir, "x.npy")+","+filepath.Join(dir, "y.npy"), dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	for outputs, want := range map[int]string{10: "image 2 of ", 5: "image 1 of ", 12: "", 100: ""} {
		p := &pipeline{network: &snn.Network{
			Input:  snn.Input{Shape: tensor.Shape{1, 2, 2}},
			Layers: []snn.Layer{{Shape: tensor.Shape{outputs, 1, 1}}},
		}}
		if err := p.fits(d); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d outputs: got error %v, want %q", outputs, err, want)
		}
	}
}

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
	code, _, stderr := sresnet(t, t.Context(), "eval", file, "--data", "mnist", "--images", "1", "--calibration-images", "1")
	if code != exitError || !strings.Contains(stderr, "error: "+file+": calibrate: image 0: node \"conv\" (Conv): an activation is ") ||
		!strings.Contains(stderr, "hint: give with --normalize how pixels were normalised in training; if mnist is right, ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
