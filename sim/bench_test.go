package sim

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sresnet/sim/internal/reference"
	"sresnet/snn"
	"sresnet/tensor"
)

// resnet20 is a network of the shape of the ResNet-20 for CIFAR-10 with random
// weights, its thresholds balanced on one image, which gives rates near those of
// a trained one.
func resnet20(image []float32) *snn.Network {
	rnd := rand.New(rand.NewPCG(1, 2))
	net := &snn.Network{Name: "resnet20", Input: snn.Input{Shape: tensor.Shape{3, 32, 32}}}
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		std := math.Sqrt(2 / float64(len(w.Data)/shape[0]))
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64() * std)
		}
		return w
	}
	add := func(shape tensor.Shape, syn ...snn.Synapse) int {
		net.Layers = append(net.Layers, snn.Layer{
			Name: fmt.Sprint("layer", len(net.Layers)), Shape: shape, Synapses: syn,
			Neuron: snn.IF{Threshold: []float32{1}, VInit: []float32{0.5}}, Charge: 1, Lambda: 1,
		})
		// Balance the threshold, and shift the bias so that half of the neurons rest.
		l := net.Output()
		l.Bias = make([]float32, shape[0])
		rates := reference.Rates(net, image)
		r := rates[len(rates)-1] // Currents still, as the last layer is not rectified.
		slices.Sort(r)
		for i := range l.Bias {
			l.Bias[i] = -float32(r[len(r)*6/10])
		}
		th := float32(r[len(r)*999/1000]) + l.Bias[0]
		l.Neuron.Threshold[0], l.Charge = max(th, 1e-3), max(th, 1e-3)
		return len(net.Layers) - 1
	}
	conv := func(from, in, out, stride int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(out, in, 3, 3), Window: tensor.Square(3, stride, 1), Groups: 1}}
	}
	x := add(tensor.Shape{16, 32, 32}, conv(snn.FromInput, 3, 16, 1))
	for stage := range 3 {
		for block := range 3 {
			s := net.ShapeOf(x)
			c, stride := 16<<stage, 1
			if stage > 0 && block == 0 {
				stride = 2
			}
			shape := tensor.Shape{c, s[1] / stride, s[2] / stride}
			h := add(shape, conv(x, s[0], c, stride))
			x = add(shape, conv(h, c, c, 1), snn.Synapse{From: x, Connection: &snn.Shortcut{
				Scale: 1, Stride: [2]int{stride, stride}, Offset: (c - s[0]) / 2, Shape: shape,
			}})
		}
	}
	p := add(tensor.Shape{64, 1, 1}, snn.Synapse{From: x, Connection: &snn.AveragePool{Window: tensor.Square(8, 8, 0), Scale: 1}})
	add(tensor.Shape{10, 1, 1}, snn.Synapse{From: p, Connection: &snn.Dense{Weight: weights(10, 64)}})
	return net
}

func BenchmarkResNet20(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	image := make([]float32, 3*32*32)
	for i := range image {
		image[i] = float32(rnd.NormFloat64())
	}
	net := resnet20(image)
	const T = 64
	p, err := Compile(net, Options{Timesteps: T})
	if err != nil {
		b.Fatal(err)
	}
	e := p.NewEngine()
	var rec *Record
	for b.Loop() {
		if rec, err = e.Run(context.Background(), image, 0); err != nil {
			b.Fatal(err)
		}
	}
	var spikes, acs, neurons float64
	for i := range rec.Spikes {
		neurons += float64(net.Layers[i].Neurons())
		for t := range T {
			spikes += float64(rec.Spikes[i][t])
			acs += float64(rec.ACs[i][t])
		}
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(T/seconds, "image-steps/s")
	b.ReportMetric(acs/seconds/1e9, "GSynAdd/s")
	b.ReportMetric(spikes/neurons/T, "rate")
}
