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
			Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}, Charge: 1, Lambda: 1,
		})
		// Balance the threshold, and shift the bias so that half of the neurons rest.
		l := net.Output()
		l.Bias = make([]float32, shape[0])
		rates, _ := reference.Rates(context.Background(), net, image, nil) // Fails at the end of a context only.
		r := rates[len(rates)-1]                                           // Currents still, as the last layer is not rectified.
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
	for _, T := range []int{16, 64} {
		b.Run(fmt.Sprintf("synchronous_T_%d", T), func(b *testing.B) { benchmarkNetwork(b, net, image, T) })
		b.Run(fmt.Sprintf("synchronous_T_%d_bits_8", T), func(b *testing.B) {
			whole, err := net.Quantised(snn.Integers{Bits: 8, Timesteps: T, InputMax: 4})
			if err != nil {
				b.Fatal(err)
			}
			benchmarkNetwork(b, whole, image, T)
		})
		for _, coding := range []snn.Coding{snn.Rate, snn.FirstSpike} {
			phased := *net
			phased.Schedule, phased.Coding = snn.Phased, coding
			b.Run(fmt.Sprintf("phased_%s_T_%d", coding, T), func(b *testing.B) { benchmarkNetwork(b, &phased, image, T) })
			for _, bits := range []int{8, 16} {
				b.Run(fmt.Sprintf("phased_%s_T_%d_bits_%d", coding, T, bits), func(b *testing.B) {
					whole, err := phased.Quantised(snn.Integers{Bits: bits, Timesteps: T, InputMax: 4})
					if err != nil {
						b.Fatal(err)
					}
					benchmarkNetwork(b, whole, image, T)
				})
			}
		}
	}
}

func benchmarkNetwork(b *testing.B, net *snn.Network, image []float32, T int) {
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
	b.ReportMetric(float64(T)/seconds, "image-steps/s")
	b.ReportMetric(acs/seconds/1e9, "GSynAdd/s")
	b.ReportMetric(spikes/neurons/float64(T), "rate")
}

// BenchmarkRates measures a 3x3 layer over the rate of its source, spike by spike
// and as a dense product: how cost grows with spikes, and where dense takes over.
func BenchmarkRates(b *testing.B) {
	for _, s := range []struct{ channels, size int }{{16, 32}, {32, 16}, {64, 8}, {64, 56}, {128, 28}, {256, 14}, {512, 7}} {
		for _, rate := range []float64{0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1} {
			for _, method := range []string{"sweep", "dense"} {
				if method == "dense" && rate < 0.6 {
					continue // It takes the same time for any.
				}
				b.Run(fmt.Sprintf("%dx%dx%d/rate_%v/%s", s.channels, s.size, s.size, rate, method), func(b *testing.B) {
					benchmarkRate(b, s.channels, s.size, rate, method)
				})
			}
		}
	}
}

func benchmarkRate(b *testing.B, channels, size int, rate float64, method string) {
	rnd := rand.New(rand.NewPCG(1, 2))
	shape := tensor.Shape{channels, size, size}
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64()) / float32(channels)
		}
		return w
	}
	layer := func(name string, shape tensor.Shape, syn snn.Synapse) snn.Layer {
		return snn.Layer{Name: name, Shape: shape, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}}, Synapses: []snn.Synapse{syn}}
	}
	net := &snn.Network{Name: "layer", Input: snn.Input{Shape: tensor.Shape{1, size, size}}, Layers: []snn.Layer{
		layer("source", shape, snn.Synapse{From: snn.FromInput, Connection: &snn.Conv{Weight: weights(channels, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}),
		layer("layer", shape, snn.Synapse{From: 0, Connection: &snn.Conv{Weight: weights(channels, channels, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}}),
		layer("out", tensor.Shape{1, 1, 1}, snn.Synapse{From: 1, Connection: &snn.Dense{Weight: weights(1, shape.Len())}}),
	}}
	if method == "dense" {
		net.Layers[0].Rate = 1
	}
	const T = 16
	p, err := Compile(net, Options{Timesteps: T})
	if err != nil {
		b.Fatal(err)
	}
	if method == "dense" && denseFrom(channels) > 1 {
		l := &p.layers[1] // The plan would not do it.
		l.sweep, l.current = nil, plainBuffer(l.grid)
		l.synapses = []source{{0, 0, newDenseConv(net.Layers[1].Synapses[0].Connection.(*snn.Conv), 1, p.layers[0].grid, l)}}
	}
	e := p.NewEngine()
	spikes := 0
	for t := range T {
		for c := range shape.Len() {
			if rnd.Float64() < rate {
				position, channel := c/channels, c%channels
				e.layers[0].mask[t][position*p.layers[0].words+channel/64] |= 1 << (channel % 64)
				e.record.Spikes[0][t]++
				spikes++
			}
		}
	}
	for b.Loop() {
		e.advance(&e.workers[0], 1, block{n: T})
	}
	seconds := b.Elapsed().Seconds() / float64(b.N) / T
	var acs float64
	for _, n := range e.record.ACs[1] {
		acs += float64(n) / T
	}
	b.ReportMetric(1e6*seconds, "us/step")
	b.ReportMetric(acs/seconds/1e9, "GSynAdd/s")
}
