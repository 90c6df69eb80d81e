package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/internal/spiking"
	"sresnet/snn"
	"sresnet/tensor"
)

// behind is a network behind a layer that an image takes the place of; nil where the
// first layers or their connections do not allow that.
func behind(net *snn.Network) *snn.Network {
	out := *net
	out.Input = snn.Input{Shape: net.Layers[0].Shape}
	out.Layers = nil
	for i := range net.Layers[1:] {
		l := net.Layers[1+i]
		l.Synapses = nil
		for _, s := range net.Layers[1+i].Synapses {
			switch s.Connection.(type) {
			case *snn.Conv, *snn.Dense:
			default:
				if s.From <= 0 {
					return nil
				}
			}
			if s.From == snn.FromInput {
				return nil
			}
			s.From-- // The first layer becomes the image.
			l.Synapses = append(l.Synapses, s)
		}
		out.Layers = append(out.Layers, l)
	}
	return &out
}

// A layer that is replaced by rates is to those behind it what an image of the same numbers is,
// whatever kernels they have, and the layers before it are left out.
func TestReplace(t *testing.T) {
	methods := make(map[string]int)
	for seed := range uint64(250) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		const T = 9
		net := spiking.Scheduled(rnd.IntN, rnd)
		net.Layers[0].Charge = 1
		alone := behind(net)
		if alone == nil {
			continue
		}
		rates := make([]float32, net.Layers[0].Neurons())
		for j := range rates {
			rates[j] = float32(rnd.IntN(6)) / 4 // Above one, too.
		}
		out := func(net *snn.Network, x []float32, replaced bool) []float32 {
			p, err := Compile(net, Options{Timesteps: T, Workers: 1 + int(seed%3)})
			if err != nil {
				t.Fatal(err)
			}
			e := p.NewEngine()
			if replaced {
				for _, m := range p.Methods()[1:] {
					methods[m.Name]++
				}
				if _, err := e.Run(t.Context(), x, 3); err != nil { // Which leaves spikes.
					t.Fatal(err)
				}
				if err := e.Replace(0, rates); err != nil {
					t.Fatal(err)
				}
			}
			rec, err := e.Run(t.Context(), x, 3)
			if err != nil {
				t.Fatal(err)
			}
			if replaced && !e.omits(0) {
				t.Error("a layer that is replaced is not left out")
			}
			return rec.Current
		}
		got, want := out(net, spiking.Image(net.Input.Shape, rnd), true), out(alone, rates, false)
		off, largest := 0.0, 1.0
		for j := range want {
			off, largest = max(off, math.Abs(float64(want[j]-got[j]))), max(largest, math.Abs(float64(want[j])))
		}
		if off > 1e-4*largest {
			t.Errorf("seed %d: the currents into the output differ by %v of %v\n%v", seed, off, largest, net)
		}
	}
	for _, m := range []string{"sweep", "gather", "groups", "pool"} {
		if methods[m] < 5 {
			t.Errorf("only %d layers behind are computed by %s: %v", methods[m], m, methods)
		}
	}
}

// Replaced layers change nothing later, and a network of whole numbers answers as it
// did before its weights were rounded, but for the rounding.
func TestReplaceEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	counted := 0
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 6))
		const T = 9
		net := spiking.Integers(rnd.IntN, spiking.Scheduled(rnd.IntN, rnd), T)
		p, err := Compile(net, Options{Timesteps: T, Workers: 1 + rnd.IntN(3)})
		if err != nil {
			t.Fatal(err)
		}
		image := spiking.Image(net.Input.Shape, rnd)
		e := p.NewEngine()
		of := func() string {
			rec, err := e.Run(t.Context(), image, 3)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%+v", *rec)
		}
		free := of()
		for i := range net.Layers[:len(net.Layers)-1] {
			if rnd.IntN(2) == 0 {
				rates := make([]float32, net.Layers[i].Neurons())
				for j := range rates {
					rates[j] = rnd.Float32()
				}
				if err := e.Replace(i, rates); err != nil {
					t.Fatal(err)
				}
			}
		}
		replaced := of()
		if again := of(); again != replaced {
			t.Fatalf("seed %d: replaced twice:\n%s\n%s\n%v", seed, replaced, again, net)
		}
		for i := range net.Layers[:len(net.Layers)-1] {
			if p.layers[i].layer != nil {
				counted++
			}
			if err := e.Replace(i, nil); err != nil {
				t.Fatal(err)
			}
		}
		if again := of(); again != free {
			t.Fatalf("seed %d: before layers were replaced\n%s\nand after\n%s", seed, free, again)
		}
	}
	if counted < 10 {
		t.Errorf("only %d layers are counted", counted)
	}
}

// Rates of one reach layers that are counted as spikes at every timestep do.
func TestReplaceCounted(t *testing.T) {
	for _, coding := range []snn.Coding{snn.Rate, snn.FirstSpike} {
		const T = 8
		one := tensor.Shape{20, 4, 4}
		rnd := rand.New(rand.NewPCG(3, 6))
		weights := func(shape ...int) *tensor.Tensor {
			w := tensor.New(shape...)
			for i := range w.Data {
				w.Data[i] = float32(rnd.NormFloat64()) / 10
			}
			return w
		}
		conv := func(from int) snn.Synapse {
			return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(20, 20, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}}
		}
		way := snn.Identity(20, one)
		way.Remainder = true
		neuron := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
		net := &snn.Network{Name: "stream", Schedule: snn.Phased, Coding: coding, Input: snn.Input{Shape: one}, Layers: []snn.Layer{
			{Name: "a", Shape: one, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []snn.Synapse{conv(snn.FromInput)}},
			{Name: "b", Shape: one, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []snn.Synapse{conv(0)}},
			{Name: "c", Shape: one, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []snn.Synapse{conv(1), {From: 0, Connection: way}}},
			{Name: "d", Shape: tensor.Shape{5, 1, 1}, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []snn.Synapse{{From: 2, Connection: &snn.Dense{Weight: weights(5, 320)}}}},
		}}
		net, err := net.Quantised(snn.Integers{Bits: 8, Timesteps: T, InputMax: 2})
		if err != nil {
			t.Fatal(err)
		}
		// A neuron that gets its threshold and no more at every step fires at all of them.
		saturated := *net
		saturated.Layers = append([]snn.Layer(nil), net.Layers...)
		l := &saturated.Layers[0]
		l.Synapses = []snn.Synapse{{From: snn.FromInput, Connection: &snn.Conv{Weight: tensor.New(20, 20, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}}
		l.Bias = nil
		for c := range 20 {
			l.Bias = append(l.Bias, l.Neuron.ThresholdOf(c))
		}
		var currents [2]string
		for k, net := range []*snn.Network{net, &saturated} {
			p := compiled(t, net, T)
			e := p.NewEngine()
			if k == 0 {
				rates := make([]float32, 320)
				for j := range rates {
					rates[j] = 1
				}
				if err := e.Replace(0, rates); err != nil {
					t.Fatal(err)
				}
			}
			rec, err := e.Run(t.Context(), spiking.Image(one, rnd), 0)
			if err != nil {
				t.Fatal(err)
			}
			currents[k] = fmt.Sprint(rec.Current[(T-1)*5:])
		}
		if currents[0] != currents[1] {
			t.Errorf("%v: the output gets %s from rates of one, and %s from spikes", coding, currents[0], currents[1])
		}
	}
}

func TestReplaceErrors(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	e := compiled(t, net, 3).NewEngine()
	for _, i := range []int{-1, len(net.Layers) - 1, len(net.Layers)} {
		if e.Replace(i, nil) == nil {
			t.Errorf("Replace(%d): no error", i)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	e = compiled(t, spiking.Network(rnd.IntN, rnd), 3).NewEngine()
	if e.Replace(0, make([]float32, 1)) == nil {
		t.Error("too few rates: no error")
	}
}
