package verify

import (
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/snn"
	"sresnet/tensor"
)

// The yardstick of rounded weights holds what rounding does to a sum of sources that all
// fire, whatever the connections, and is no more than it must be: six standard deviations,
// with weights of zero taken for rounded ones.
func TestRoundings(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64())
		}
		return x
	}
	means := func(out, channels, places int) *tensor.Tensor { // A mean composed with what is behind it.
		var x []float32
		for _, w := range random(out * channels) {
			for range places {
				x = append(x, w/float32(places))
			}
		}
		return tensor.Of(x, out, channels*places)
	}
	window := func(k int) tensor.Window {
		return tensor.Window{Kernel: [2]int{k, k}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
	}
	in, out := tensor.Shape{6, 8, 8}, tensor.Shape{40, 1, 1}
	for _, tt := range []struct {
		name     string
		least    float64 // Of the yardstick, that rounding takes on average.
		synapses func() []snn.Synapse
	}{
		{"dense", 1. / 8, func() []snn.Synapse {
			return []snn.Synapse{{Connection: &snn.Dense{Weight: tensor.Of(random(40*6*64), 40, 6*64)}}}
		}},
		{"means", 1. / 8, func() []snn.Synapse {
			return []snn.Synapse{{Connection: &snn.Dense{Weight: means(40, 6, 64)}}}
		}},
		{"means and the image", 1. / 8, func() []snn.Synapse {
			return []snn.Synapse{
				{Connection: &snn.Dense{Weight: means(40, 6, 64)}},
				{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.Of(random(40*6*64), 40, 6*64)}},
			}
		}},
		{"few weights and the image", 1. / 80, func() []snn.Synapse {
			k := &snn.Conv{Window: window(8), Groups: 1, Weight: tensor.New(40, 6, 8, 8)}
			for c := range 40 {
				copy(k.Weight.Data[c*6*64:], random(5))
			}
			return []snn.Synapse{
				{Connection: k},
				{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.Of(random(40*6*64), 40, 6*64)}},
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			most, squares, n := 0.0, 0.0, 0.0
			for range 20 {
				net := &snn.Network{
					Input: snn.Input{Shape: in},
					Layers: []snn.Layer{
						{Name: "source", Shape: in, Charge: 1, Neuron: snn.Neuron{Threshold: []float32{1}}},
						{Name: "layer", Shape: out, Charge: 1, Neuron: snn.Neuron{Threshold: []float32{1}}, Synapses: tt.synapses(), Bias: random(40)},
					},
				}
				rounded := net.Exact()
				units := roundingsOf(rounded, &rounded.Layers[1]).spikes
				for c := range out[0] {
					off := float64(net.Layers[1].Bias[c]) - float64(rounded.Layers[1].Bias[c])
					for s := range net.Layers[1].Synapses {
						w := net.Layers[1].Synapses[s].Connection.(snn.Weighted).Weights().Data
						r := rounded.Layers[1].Synapses[s].Connection.(snn.Weighted).Weights().Data
						each := len(w) / out[0]
						for j := c * each; j < (c+1)*each; j++ {
							off += float64(w[j]) - float64(r[j])
						}
					}
					share := math.Abs(off) / (units[c] * MaxRelative)
					most, squares, n = max(most, share), squares+share*share, n+1
				}
			}
			if rms := math.Sqrt(squares / n); most > 1 || rms < tt.least {
				t.Errorf("of the yardstick, rounding takes %.2f at most and %.2f on average; want at most 1, and %.2f", most, rms, tt.least)
			} else {
				t.Logf("at most %.2f, on average %.2f", most, rms)
			}
		})
	}
}
