package sim

import (
	"testing"

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
