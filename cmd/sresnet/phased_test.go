package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/nir"
	"sresnet/snn"
	"sresnet/tensor"
)

// phasedDigits is a residual network for digits with firing windows, and with all that
// calibration for T = 6 may choose.
func phasedDigits(c snn.Coding) *snn.Network {
	rnd := rand.New(rand.NewPCG(7, 7))
	random := func(n int, least, most float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = least + (most-least)*rnd.Float32()
		}
		return x
	}
	s := tensor.Shape{8, 14, 14}
	net := &snn.Network{Name: "phased", Input: snn.Input{Shape: tensor.Shape{1, 28, 28}}, Schedule: snn.Phased, Coding: c, TunedFor: 6}
	add := func(name string, shape tensor.Shape, syn ...snn.Synapse) {
		l := snn.Layer{Name: name, Shape: shape, Synapses: syn, Charge: 1, Lambda: 1, Lambdas: random(shape[0], 0.1, 1), Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}}
		l.Lambdas[0] = 1
		l.Start, l.Bias, l.Shift = random(l.Neurons(), -0.25, 0.75), random(shape[0], -0.1, 0.1), random(shape[0], -0.1, 0.1)
		net.Layers = append(net.Layers, l)
	}
	conv := func(from, in, out, stride int) snn.Synapse {
		w := tensor.Of(random(out*in*9, -0.3, 0.4), out, in, 3, 3)
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: w, Window: tensor.Square(3, stride, 1), Groups: 1}}
	}
	add("first", s, conv(snn.FromInput, 1, 8, 2))
	add("inner", s, conv(0, 8, 8, 1))
	k := snn.Identity(1, s)
	k.Scales = random(8, 0.2, 1)
	add("sum", s, conv(1, 8, 8, 1), snn.Synapse{From: 0, Connection: k})
	add("pool", tensor.Shape{8, 7, 7}, snn.Synapse{From: 2, Connection: &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scales: random(8, 0.5, 2)}})
	add("fc", tensor.Shape{10, 1, 1}, snn.Synapse{From: 3, Connection: &snn.Dense{Weight: tensor.Of(random(10*392, -0.1, 0.1), 10, 392)}})
	return net
}

// A NIR file with firing windows keeps them wherever it goes: in one process, in shards,
// in the folder of a run, through inspect and nir, and into a recording.
func TestPhasedNIR(t *testing.T) {
	dir := t.TempDir()
	digits := filepath.Join(dir, "digits")
	writeDigits(t, digits)
	data := "mnist:" + digits
	for i, word := range snn.Codings() {
		net := phasedDigits(snn.Coding(i))
		g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{Normalization: "mnist"})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, word+".nir")
		if err := nir.WriteFile(file, g); err != nil {
			t.Fatal(err)
		}
		one, many := filepath.Join(dir, word+"1"), filepath.Join(dir, word+"3")
		for _, args := range [][]string{
			{"eval", file, "--data", data, "-o", one, "--json"},
			{"eval", file, "--data", data, "-T", "6", "--plan=3", "-o", many},
			{"run", many, "--shard", "1"},
			{"run", many},
			{"merge", many, "--json"},
		} {
			if code, _, stderr := sresnet(t, t.Context(), args...); code != 0 {
				t.Fatalf("%v: exit code %d: %s", args, code, stderr)
			}
		}
		for _, name := range []string{"accuracy.csv", "layers.csv", "predictions.csv", "network.nir"} {
			a, err := os.ReadFile(filepath.Join(one, name))
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(many, name))
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("%s differs in shards; error %v", name, err)
			}
		}
		kept, err := nir.ReadFile(filepath.Join(many, "network.nir"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := kept.Network()
		if err != nil || again.Schedule != snn.Phased || again.Coding.String() != word || again.TunedFor != 6 {
			t.Errorf("the run has kept %v, error %v", again, err)
		}
		for want, args := range map[string][]string{
			"6 timesteps a window, 6 windows, a latency of 36 timesteps": {"inspect", file},
			`"latency":36,"timing":"phased schedule`:                     {"inspect", file, "--json"},
			"sresnet runs it: phased schedule":                           {"nir", file},
			"firing windows need a layer-by-layer schedule or microcode": {"nir", file},
			`"schedule":"phased","latency":36}`:                          {"record", file, "--data", data, "-T", "6", "--images", "2", "-o", filepath.Join(dir, word+".npz"), "--json"},
		} {
			code, stdout, stderr := sresnet(t, t.Context(), args...)
			if words := strings.Join(strings.Fields(stdout), " "); code != 0 || !strings.Contains(words, want) {
				t.Errorf("%v: exit code %d, %s, output\n%s\nwant %q in it", args, code, stderr, stdout, want)
			}
		}
	}
}
