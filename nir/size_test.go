package nir

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/snn"
	"sresnet/tensor"
)

var long = flag.Bool("long", false, "write a ResNet-18 for every target, which takes a minute or two")

// resNet18 is a spiking ResNet-18 for images of 224x224 with random weights; with
// average in place of the max pool.
func resNet18(average bool) *snn.Network {
	rnd := rand.New(rand.NewPCG(18, 18))
	net := &snn.Network{Name: "resnet18", Input: snn.Input{Shape: tensor.Shape{3, 224, 224}}}
	normal := func(fanIn int, shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64() / math.Sqrt(float64(fanIn)))
		}
		return w
	}
	add := func(name string, bias bool, syn ...snn.Synapse) int {
		s, err := syn[0].Connection.Out(net.ShapeOf(syn[0].From))
		if err != nil {
			panic(err)
		}
		l := snn.Layer{Name: name, Shape: s, Synapses: syn, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}}
		if bias {
			l.Bias = normal(16, s[0]).Data
		}
		if l.IsGate() {
			l.Neuron = snn.Neuron{}
		}
		net.Layers = append(net.Layers, l)
		return len(net.Layers) - 1
	}
	conv := func(from, out, kernel, stride int) snn.Synapse {
		in := net.ShapeOf(from)[0]
		return snn.Synapse{From: from, Connection: &snn.Conv{Groups: 1, Window: tensor.Square(kernel, stride, kernel/2), Weight: normal(in*kernel*kernel, out, in, kernel, kernel)}}
	}
	last := add("relu", true, conv(snn.FromInput, 64, 7, 2))
	pool := snn.Connection(&snn.MaxPool{Window: tensor.Square(3, 2, 1)})
	if average {
		pool = &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scale: 1}
	}
	last = add("pool", false, snn.Synapse{From: last, Connection: pool})
	for i := range 8 {
		out, stride := 64<<(i/2), 1
		shortcut := snn.Synapse{From: last, Connection: snn.Identity(0.8+0.4*rnd.Float32(), net.ShapeOf(last))}
		if i > 0 && i%2 == 0 {
			stride = 2
			shortcut = conv(last, out, 1, 2)
		}
		inner := add("relu", true, conv(last, out, 3, stride))
		last = add("sum", true, conv(inner, out, 3, 1), shortcut)
	}
	last = add("average", false, snn.Synapse{From: last, Connection: &snn.AveragePool{Window: tensor.Square(7, 1, 0), Scale: 1}})
	add("fc", true, snn.Synapse{From: last, Connection: &snn.Dense{Weight: normal(512, 1000, 512)}})
	for i := range net.Layers {
		net.Layers[i].Name += string(rune('a' + i))
	}
	return net
}

// TestSizes writes a ResNet-18 for every target: files stay below the size of the
// weights in float32, whatever nodes there are beside them.
func TestSizes(t *testing.T) {
	if !*long {
		t.Skip("takes a minute or two; run with -long")
	}
	for _, p := range profiles {
		net := resNet18(p.Gate == "")
		g, _, err := FromNetwork(net, p, Info{})
		if err != nil {
			t.Fatal(err)
		}
		weights := 0
		for _, l := range net.Layers {
			weights += len(l.Bias)
			for _, s := range l.Synapses {
				switch k := s.Connection.(type) {
				case *snn.Conv:
					weights += len(k.Weight.Data)
				case *snn.Dense:
					weights += len(k.Weight.Data)
				}
			}
		}
		size := len(encode(t, g))
		t.Logf("%-12s %d neurons, %.1f MB of weights and biases, %.1f MB of arrays, file of %.1f MB", p.Name, net.Neurons(), float64(4*weights)/1e6, float64(4*g.elements())/1e6, float64(size)/1e6)
		if size > 4*weights {
			t.Errorf("%s: %d bytes for %d weights and biases", p.Name, size, weights)
		}
	}
}
