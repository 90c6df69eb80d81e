package snn

import (
	"testing"

	"sresnet/tensor"
)

// whole is an integer network of two populations of one channel, and one of two.
func whole(weights []float32, pool *AveragePool) *Network {
	neuron := Neuron{Threshold: []float32{10}, VInit: []float32{0.5}}
	in := tensor.Shape{1, 4, 4}
	pooled, err := pool.Out(in)
	if err != nil {
		panic(err)
	}
	return &Network{
		Name: "whole", Bits: 16, Input: Input{Shape: in, Unit: 1, Levels: 3},
		Layers: []Layer{
			{Name: "a", Shape: in, Charge: 1, Lambda: 1, Neuron: neuron, Bias: []float32{-7}, Synapses: []Synapse{{FromInput, &Conv{Weight: tensor.Of(weights, 1, 1, 1, 2), Window: tensor.Window{Kernel: [2]int{1, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Pad: [4]int{0, 0, 0, 1}}, Groups: 1}}}},
			{Name: "b", Shape: pooled, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []Synapse{{0, pool}}},
			{Name: "gate", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Synapses: []Synapse{{1, &MaxPool{Window: tensor.Window{Kernel: [2]int{pooled[1], pooled[2]}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}}}}},
			{Name: "c", Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: neuron, Synapses: []Synapse{{2, &Dense{Weight: tensor.Of([]float32{3, -64}, 2, 1)}}}},
		},
	}
}

func TestWeightBits(t *testing.T) {
	for _, tt := range []struct {
		weights        []float32
		pool           AveragePool
		whole, shifted [4]int
	}{
		{[]float32{5, -3}, AveragePool{Window: tensor.Square(2, 2, 0), Scale: 28}, [4]int{4, 4, 0, 8}, [4]int{4, 4, 0, 3}}, // 28 / 4 is 7.
		{[]float32{96, -40}, AveragePool{Window: tensor.Square(2, 2, 0), Scale: 32}, [4]int{8, 5, 0, 8}, [4]int{5, 2, 0, 3}},
		{[]float32{0, 0}, AveragePool{Window: tensor.Square(3, 3, 1), Scale: 36}, [4]int{1, 5, 0, 8}, [4]int{1, 5, 0, 3}}, // Means of 4, 6 and 9: weights 9, 6 and 4.
		{[]float32{-127, 127}, AveragePool{Window: tensor.Square(3, 3, 1), Scale: 36, CountPad: true}, [4]int{8, 4, 0, 8}, [4]int{8, 2, 0, 3}},
	} {
		net := whole(tt.weights, &tt.pool)
		if err := net.Validate(); err != nil {
			t.Fatal(err)
		}
		for i := range net.Layers {
			if w, s := net.WeightBits(i, 0); w != tt.whole[i] || s != tt.shifted[i] {
				t.Errorf("%v, layer %d: weights take %d bits, %d with a shift, want %d and %d", tt.weights, i, w, s, tt.whole[i], tt.shifted[i])
			}
		}
	}
}

func TestReaches(t *testing.T) {
	net := whole([]float32{5, -3}, &AveragePool{Window: tensor.Square(2, 2, 0), Scale: 28})
	const T = 4
	reach := net.Reaches(T)
	// A threshold, half of one to begin with, and T times what comes.
	want := [][]float64{{10 + 5 + T*(3*8+7)}, {10 + 5 + T*28}, nil, {10 + 5 + T*3, 10 + 5 + T*64}}
	for i := range want {
		if len(reach[i]) != len(want[i]) {
			t.Fatalf("layer %d: potentials reach %v, want %v", i, reach[i], want[i])
		}
		for c, v := range want[i] {
			if reach[i][c] != v {
				t.Errorf("layer %d, channel %d: potentials reach %v, want %v", i, c, reach[i][c], v)
			}
		}
	}
}
