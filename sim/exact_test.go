package sim

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// TestExact holds that no sum of spikes is rounded in a network whose weights are whole
// numbers of a unit: after its window every neuron holds the sum in float64 of what its
// sources' spikes say, less its own, bit for bit, and in both codings.
func TestExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		b := spiking.New(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }, rnd)
		b.Net.Input.Encoding = snn.Direct
		b.Schedule(2)
		b.Calibrated()
		for i := range b.Net.Layers {
			l := &b.Net.Layers[i]
			l.Charge, l.Neuron.Threshold, l.Start = 1, []float32{1}, nil
			if ofImage(l) && len(l.Synapses) > 1 {
				rt.Skip("a current of the image is what it is, and no whole number of a unit")
			}
		}
		T := 1 + rapid.IntRange(0, 70).Draw(rt, "T")
		b.Net.TunedFor = T
		image := spiking.Frames(b.Net.Input.Shape, 1, rnd)
		net := b.Net.Exact()
		if err := net.Validate(); err != nil {
			rt.Fatal(err)
		}
		v, counts := windowed(rt, net, image, T)
		rates := make([][]float64, len(net.Layers))
		presented := Presented(&net.Input, image, T, 0, 0)
		for i := range net.Layers {
			l := &net.Layers[i]
			if !l.IsGate() && !ofImage(l) {
				mean, err := Currents(context.Background(), net, i, rates, presented)
				if err != nil {
					rt.Fatal(err)
				}
				for j, m := range mean {
					// The mean may round where T is no power of two; the sum is far coarser.
					want := float64(l.StartOf(j)) + math.Round(m*float64(T)*0x1p30)*0x1p-30 - counts[i][j]
					if float64(v[i][j]) != want {
						rt.Fatalf("layer %q, neuron %d: potential %v after %v spikes, and %v as one sum", l.Name, j, v[i][j], counts[i][j], want)
					}
				}
			}
			rates[i] = make([]float64, len(counts[i]))
			for j, n := range counts[i] {
				rates[i][j] = n / float64(T)
			}
		}
		first := *net
		first.Coding = snn.FirstSpike
		w, worth := windowed(rt, &first, image, T)
		for i := range net.Layers {
			if !slices.Equal(v[i], w[i]) || !slices.Equal(counts[i], worth[i]) {
				rt.Fatalf("layer %q: first spikes say something else than spikes that are counted", net.Layers[i].Name)
			}
		}
	})
}

// ofImage reports whether the image enters l.
func ofImage(l *snn.Layer) bool {
	return slices.ContainsFunc(l.Synapses, func(s snn.Synapse) bool { return s.From == snn.FromInput })
}

// windowed returns the potentials of all layers after their windows, and what their spikes
// say, CHW.
func windowed(t rapid.TB, net *snn.Network, image []float32, T int) (v [][]float32, counts [][]float64) {
	p, err := Compile(net, Options{Timesteps: T, Marks: []int{T}})
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	v, counts = make([][]float32, len(net.Layers)), make([][]float64, len(net.Layers))
	for i := range counts {
		counts[i] = make([]float64, net.Layers[i].Neurons())
	}
	e.Potentials = func(q Potentials) { v[q.Layer] = slices.Clone(q.V) }
	e.Probe = func(s Spikes) {
		shape := net.Layers[s.Layer].Shape
		worth, positions := 1.0, shape[1]*shape[2]
		if net.Coding == snn.FirstSpike {
			worth = float64(T - s.Step)
		}
		for p := range positions {
			for c := range shape[0] {
				if s.Bits[p*s.Words+c/64]>>(c%64)&1 != 0 {
					counts[s.Layer][c*positions+p] += worth
				}
			}
		}
	}
	if _, err := e.Run(context.Background(), image, 0); err != nil {
		t.Fatal(err)
	}
	return v, counts
}
