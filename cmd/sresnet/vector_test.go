package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"sresnet/nir"
	"sresnet/snn"
	"sresnet/tensor"
)

// A NIR file whose network takes a vector, as those of other tools do, takes images of as
// many pixels, in one process and in shards.
func TestVectorNIR(t *testing.T) {
	dir := t.TempDir()
	digits := filepath.Join(dir, "digits")
	writeDigits(t, digits)
	w := tensor.New(10, 784)
	for i := range w.Data {
		w.Data[i] = float32(i*i%17-8) / 256
	}
	net := &snn.Network{
		Name: "vector", Input: snn.Input{Shape: tensor.Shape{784, 1, 1}},
		Layers: []snn.Layer{{
			Name: "fc", Shape: tensor.Shape{10, 1, 1}, Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: w}}},
			Neuron: snn.Neuron{Threshold: []float32{1}}, Charge: 1, Lambda: 1,
		}},
	}
	g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{Normalization: "mnist"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "vector.nir")
	if err := nir.WriteFile(file, g); err != nil {
		t.Fatal(err)
	}
	one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
	for _, args := range [][]string{
		{"eval", file, "--data", "mnist:" + digits, "-T", "5", "-o", one},
		{"eval", file, "--data", "mnist:" + digits, "-T", "5", "--plan=3", "-o", many},
		{"run", many, "--shard", "1"},
		{"run", many},
		{"merge", many},
		{"verify", file, "--data", "mnist:" + digits, "-T", "5", "--images", "3"},
		{"record", file, "--data", "mnist:" + digits, "-T", "5", "--images", "3", "-o", filepath.Join(dir, "x.npz")},
	} {
		if code, _, stderr := sresnet(t, t.Context(), args...); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	for _, name := range []string{"accuracy.csv", "layers.csv", "predictions.csv"} {
		a, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(many, name))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs in shards; error %v", name, err)
		}
	}
}
