package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// A leaky neuron that is reset to zero fires, for a constant current I > θ (1 - A), at
// every k-th timestep, k being the first for which the geometric series
// I (1 - A^k) / (1 - A) reaches θ; below that it never fires. Rest comes on top.
func TestLeakyRate(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	const T = 200
	for _, a := range []float32{0.5, 0.75, 0.9} {
		for _, rest := range []int{0, 1, 5} {
			for _, i := range []float32{0.01, 0.0625, 0.11, 0.2, 0.26, 0.4, 0.51, 0.7, 0.99, 1, 3} {
				var want uint32
				if i > 1-a {
					k := max(math.Ceil(math.Log(1-(1-float64(a))/float64(i))/math.Log(float64(a))), 1)
					if i >= 1 {
						k = 1 // The logarithm has no value at 1 - A, and none is needed.
					}
					want = uint32((T + float64(rest)) / (k + float64(rest)))
				}
				net := single(snn.Neuron{Model: snn.LIF{Leak: a, Refractory: rest}, Threshold: []float32{1}, Reset: snn.ResetZero})
				if got := agree(t, net, T, []float32{i}, 0).Record.Counts[T-1]; got != want {
					t.Errorf("leak %v, %d refractory, current %v: %d spikes, want %d", a, rest, i, got, want)
				}
			}
		}
	}
}

// While a neuron rests its potential stays, and its current is lost.
func TestRefractory(t *testing.T) {
	net := single(snn.Neuron{Model: snn.LIF{Leak: 0.5, Refractory: 2}, Threshold: []float32{1}})
	got := agree(t, net, 7, []float32{1.25}, 0).Record
	want := []float32{0.25, 0.25, 0.25, 0.375, 0.375, 0.375, 0.4375} // 0.25/2 + 1.25 - 1 = 0.375.
	if d := cmp.Diff(want, got.Potential); d != "" {
		t.Errorf("potentials (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]uint32{1, 1, 1, 2, 2, 2, 3}, got.Counts); d != "" {
		t.Errorf("spikes (-want +got):\n%s", d)
	}
}

// Without a leak and without rest a leaky network is the one without, in every number.
func TestLeakOfOneIsIF(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		net := spiking.Network(rnd.IntN, rnd)
		image := spiking.Image(net.Input.Shape, rnd)
		for i := range net.Layers {
			net.Layers[i].Neuron.Model = nil
		}
		o := Options{Timesteps: 20, Seed: 7, Marks: []int{10}}
		want := run(t, net, o, image, 0)
		for i := range net.Layers {
			net.Layers[i].Neuron.Model = snn.LIF{Leak: 1}
		}
		if d := cmp.Diff(want, run(t, net, o, image, 0)); d != "" {
			t.Fatalf("seed %d (-IF +LIF):\n%s", seed, d)
		}
	}
}

func TestLIFChecks(t *testing.T) {
	for _, m := range []snn.LIF{{}, {Leak: -0.5}, {Leak: 1.5}, {Leak: float32(math.NaN())}, {Leak: 1, Refractory: -1}, {Leak: 1, Refractory: snn.MaxRefractory + 1}} {
		if _, err := Compile(single(snn.Neuron{Model: m, Threshold: []float32{1}}), Options{Timesteps: 1}); err == nil {
			t.Errorf("%v: no error", fmt.Sprintf("%#v", m))
		}
	}
}
