package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sresnet/internal/spiking"
	"sresnet/snn"
	"sresnet/tensor"
)

// A potential that reaches what it saturates at is kept; one that would go beyond is counted,
// on both sides, in both engines, and however long it takes to get there.
func TestSaturation(t *testing.T) {
	for _, tt := range []struct {
		weight    float32
		start     float32
		reset     snn.Reset
		T         int
		saturated uint64
		v         float32
	}{
		{-127, 0, snn.ResetSubtract, 1, 0, -127}, // As far as it goes.
		{-127, 0, snn.ResetSubtract, 3, 2, -127},
		{127, 0, snn.ResetSubtract, 1, 0, 77}, // It fires, and 50 are gone.
		{127, 0, snn.ResetSubtract, 3, 2, 77},
		{-9, 0, snn.ResetSubtract, 14, 0, -126},
		{-9, 0, snn.ResetSubtract, 16, 2, -127},
		{51, 0, snn.ResetSubtract, 127, 50, 77}, // One more stays every time, until 77 and 51 are too much.
		{127, 9, snn.ResetSubtract, 1, 1, 77},
		{127, 9, snn.ResetZero, 1, 0, 0}, // It fires, and nothing is kept.
		{127, 9, snn.ResetZero, 3, 0, 0},
		{-127, -9, snn.ResetZero, 2, 2, -127},
	} {
		net := single(snn.Neuron{Threshold: []float32{50}, Reset: tt.reset})
		net.Bits, net.StateBits, net.Input.Unit, net.Input.Levels = 8, 8, 1, 1
		net.Layers[0].Start = []float32{tt.start}
		net.Layers[0].Synapses[0].Connection = &snn.Dense{Weight: tensor.Of([]float32{tt.weight}, 1, 1)}
		for _, reference := range []bool{false, true} {
			p, err := Compile(net, Options{Timesteps: tt.T, Reference: reference, Marks: []int{tt.T}})
			if err != nil {
				t.Fatal(err)
			}
			e := p.NewEngine()
			var v float32
			e.Potentials = func(p Potentials) { v = p.V[0] }
			rec, err := e.Run(t.Context(), []float32{1}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if v != tt.v || rec.Saturated[0] != tt.saturated {
				t.Errorf("weight %v, start %v, reset %v, T = %d, reference %v: potential %v, saturated %d times; want %v and %d", tt.weight, tt.start, tt.reset, tt.T, reference, v, rec.Saturated[0], tt.v, tt.saturated)
			}
		}
	}
}

// Layers that are swept in whole numbers saturate as the reference does, in all of their tiles.
func TestSweptSaturation(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	rnd := rand.New(rand.NewPCG(8, 2))
	conv := func(from, in, stride int) snn.Synapse {
		w := tensor.New(40, in, 3, 3)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64()) / 6
		}
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: w, Window: tensor.Square(3, stride, 1), Groups: 1}}
	}
	net := &snn.Network{Name: "swept", Input: snn.Input{Shape: tensor.Shape{2, 6, 5}}}
	for i, c := range []snn.Synapse{conv(snn.FromInput, 2, 1), conv(0, 40, 1), conv(1, 40, 1), conv(2, 40, 2)} {
		l := snn.Layer{Name: fmt.Sprint("layer", i), Shape: tensor.Shape{40, 6, 5}, Synapses: []snn.Synapse{c}, Neuron: snn.Neuron{Threshold: []float32{1}}, Charge: 1, Lambda: 1, Bias: make([]float32, 40)}
		for j := range l.Bias {
			l.Bias[j] = float32(rnd.NormFloat64()) / 2
		}
		if i == 2 {
			l.Synapses = append(l.Synapses, snn.Synapse{From: 0, Connection: &snn.Shortcut{Scale: 1, Stride: [2]int{1, 1}, Shape: l.Shape}})
		}
		if i == 3 {
			l.Shape = tensor.Shape{40, 3, 3}
		}
		net.Layers = append(net.Layers, l)
	}
	net.Layers = append(net.Layers, snn.Layer{Name: "output", Shape: tensor.Shape{3, 1, 1}, Neuron: snn.Neuron{Threshold: []float32{1}}, Charge: 1, Lambda: 1, Synapses: []snn.Synapse{
		{From: 3, Connection: &snn.Dense{Weight: tensor.New(3, 360)}},
	}})
	for i := range net.Output().Synapses[0].Connection.(*snn.Dense).Weight.Data {
		net.Output().Synapses[0].Connection.(*snn.Dense).Weight.Data[i] = float32(rnd.NormFloat64()) / 20
	}
	shortcut := net.Layers[2].Synapses[1].Connection.(*snn.Shortcut)
	for _, tt := range []struct {
		bits, state int
		scale       float32 // Of the shortcut, whose weights may not fit 16 bits.
	}{{4, 15, 1}, {4, 16, 1}, {8, 0, 200}} {
		const T = 40
		shortcut.Scale = tt.scale
		q, err := net.Quantised(snn.Integers{Bits: tt.bits, StateBits: tt.state, Timesteps: T, InputMax: 2})
		if err != nil {
			t.Fatal(err)
		}
		p := compiled(t, q, T)
		rec := agree(t, q, T, spiking.Frames(net.Input.Shape, 1, rnd), 3).Record
		for i := 1; i < 4; i++ {
			if name, _ := p.layers[i].method(); name != "sweep" || p.layers[i].sweepWhole == nil || len(p.layers[i].sweepWhole.tiles) < 2 {
				t.Errorf("%+v: layer %d is computed by %s", tt, i, name)
			} else if large := len(p.layers[i].sweepWhole.large); large > 0 != (tt.scale > 1 && i == 2) {
				t.Errorf("%+v: layer %d has %d large weights", tt, i, large)
			}
			if tt.scale == 1 && rec.Saturated[i] == 0 {
				t.Errorf("%+v: layer %d does not saturate", tt, i)
			}
		}
	}
}
