package sim

import (
	"math/rand/v2"
	"testing"

	"sresnet/internal/spiking"
	"sresnet/snn"
	"sresnet/tensor"
)

// imageNetworks are phased networks that an image of three and of four channels enters
// by a convolution, one in groups, a fully connected layer, and two convolutions at a time.
func imageNetworks(rnd *rand.Rand) (list []*snn.Network) {
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64()) / 8
		}
		return w
	}
	for _, c := range []int{3, 4} {
		in := tensor.Shape{c, 6, 7}
		conv := func(size, stride, pad, groups int) snn.Synapse {
			return snn.Synapse{From: snn.FromInput, Connection: &snn.Conv{Weight: weights(24, c/groups, size, size), Window: tensor.Square(size, stride, pad), Groups: groups}}
		}
		dense := snn.Synapse{From: snn.FromInput, Connection: &snn.Dense{Weight: weights(24, in.Len())}}
		for _, first := range []struct {
			shape    tensor.Shape
			synapses []snn.Synapse
		}{
			{tensor.Shape{24, 6, 7}, []snn.Synapse{conv(3, 1, 1, 1)}},
			{tensor.Shape{24, 3, 4}, []snn.Synapse{conv(5, 2, 2, 1), conv(1, 2, 0, 1)}},
			{tensor.Shape{24, 1, 1}, []snn.Synapse{dense}},
			{tensor.Shape{24, 4, 5}, []snn.Synapse{conv(3, 1, 0, c)}},
		} {
			neuron := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
			net := &snn.Network{Name: "pixels", Schedule: snn.Phased, Input: snn.Input{Shape: in}, Layers: []snn.Layer{
				{Name: "first", Shape: first.shape, Synapses: first.synapses, Neuron: neuron, Charge: 1, Lambda: 1, Bias: weights(24).Data},
				{Name: "output", Shape: tensor.Shape{7, 1, 1}, Synapses: []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: weights(7, first.shape.Len())}}}, Neuron: neuron, Charge: 1, Lambda: 1, Bias: weights(7).Data},
			}}
			list = append(list, net)
		}
	}
	return list
}

func quantised(t *testing.T, net *snn.Network, bits, T int) *snn.Network {
	t.Helper()
	q, err := net.Quantised(snn.Integers{Bits: bits, Timesteps: T, InputMax: 3})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Images enter as whole numbers, whose products with weights may not fit 16 bits when they are
// taken T times, and as frames.
func TestPixels(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	rnd := rand.New(rand.NewPCG(4, 2))
	for _, net := range imageNetworks(rnd) {
		for i, tt := range []struct{ bits, T int }{{2, 16}, {8, 1}, {8, 16}, {8, 130}, {16, 7}, {16, 16}} {
			net.Coding = snn.Coding(i % 2)
			q := quantised(t, net, tt.bits, tt.T)
			if name, _ := compiled(t, q, tt.T).layers[0].method(); name != "counts" {
				t.Fatalf("%v: the first layer is computed by %s", net, name)
			}
			for frames := range 2 {
				agree(t, q, tt.T, spiking.Frames(net.Input.Shape, 1+frames, rnd), 3)
			}
		}
	}
}

func compiled(t *testing.T, net *snn.Network, T int) *Plan {
	t.Helper()
	p, err := Compile(net, Options{Timesteps: T})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
