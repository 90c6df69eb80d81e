package energy_test

import (
	"math/rand/v2"
	"testing"

	"sresnet/ann"
	"sresnet/eval"
	"sresnet/snn"
	"sresnet/tensor"
)

// newTestImages returns n random images of 1x4x4.
func newTestImages(n int) *someImages {
	rnd := rand.New(rand.NewPCG(5, 6))
	im := &someImages{shape: tensor.Shape{1, 4, 4}}
	for range n {
		im.pixels = append(im.pixels, randomFloats(rnd, 16))
	}
	return im
}

func randomFloats(rnd *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rnd.IntN(33)-16) / 16
	}
	return x
}

// testNetworks returns a network of two fully connected layers, 16-8-3, and the
// spiking network with the same weights.
func testNetworks(t *testing.T) (*ann.Graph, *snn.Network) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 8))
	w1, w2 := tensor.Of(randomFloats(rnd, 8*16), 8, 16), tensor.Of(randomFloats(rnd, 3*8), 3, 8)
	b1 := randomFloats(rnd, 8)
	g := &ann.Graph{
		Name: "tiny", Input: ann.Input{Name: "image", Shape: tensor.Shape{1, 4, 4}}, Output: "fc2",
		Nodes: []ann.Node{
			{Name: "flat", Inputs: []string{"image"}, Op: &ann.Flatten{}},
			{Name: "fc1", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: w1, Bias: b1}},
			{Name: "relu", Inputs: []string{"fc1"}, Op: &ann.Relu{}},
			{Name: "fc2", Inputs: []string{"relu"}, Op: &ann.Gemm{Weight: w2}},
		},
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	// Activations reach about 8; one spike stands for that.
	const lambda = 8
	scaled := func(w *tensor.Tensor, f float32) *tensor.Tensor {
		s := w.Clone()
		for i := range s.Data {
			s.Data[i] *= f
		}
		return s
	}
	neuron := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	bias := scaled(tensor.Of(b1, 8), 1./lambda).Data
	net := &snn.Network{
		Name: "tiny", Input: snn.Input{Shape: tensor.Shape{1, 4, 4}},
		Layers: []snn.Layer{
			{
				Name: "relu", Shape: tensor.Shape{8, 1, 1}, Bias: bias, Neuron: neuron, Charge: 1, Lambda: lambda,
				Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: scaled(w1, 1./lambda)}}},
			},
			{
				Name: "fc2", Shape: tensor.Shape{3, 1, 1}, Neuron: neuron, Charge: 1, Lambda: lambda,
				Synapses: []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: w2}}},
			},
		},
	}
	return g, net
}

func evaluate(t *testing.T, images eval.Images, o eval.Options) *eval.Result {
	t.Helper()
	g, net := testNetworks(t)
	r, err := eval.Run(t.Context(), g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
