// Package spiking draws spiking networks of every kind at random, with images for them: for
// tests of what runs, writes and reads networks.
package spiking

import (
	"math/rand/v2"

	"sresnet/snn"
	"sresnet/tensor"
)

// Network builds a network from random choices: a convolution of the image,
// then layers of every kind, with shortcuts of every kind, odd sizes and strides.
// choose(n) returns a number in [0, n); weights come from rnd, on a coarse grid so
// that potentials meet their threshold exactly often enough to tell >= from >.
func Network(choose func(n int) int, rnd *rand.Rand) *snn.Network {
	return New(choose, rnd).Net
}

// Scheduled is [Network] with any schedule, and with what calibration for T does.
func Scheduled(choose func(n int) int, rnd *rand.Rand) *snn.Network {
	b := New(choose, rnd)
	b.Schedule(choose(4))
	b.Calibrated()
	b.remainders()
	return b.Net
}

// New returns a Builder that has built a [Network].
func New(choose func(n int) int, rnd *rand.Rand) *Builder {
	b := &Builder{Choose: choose, Rand: rnd}
	in := tensor.Shape{1 + choose(3), 3 + choose(7), 3 + choose(7)}
	b.Net = &snn.Network{Name: "random", Input: snn.Input{Shape: in}}
	if choose(3) == 0 {
		b.Net.Input.Encoding, b.Net.Input.Amplitude = snn.Poisson, 1.5
	}
	last := b.conv(snn.FromInput)
	for range choose(5) {
		switch choose(6) {
		case 0:
			last = b.pool(last, true)
		case 1:
			last = b.pool(last, false)
		case 2:
			last = b.residual(last)
		case 3:
			last = b.projection(last)
		default:
			last = b.conv(last)
		}
	}
	s := b.Net.ShapeOf(last)
	k := 1 + choose(20)
	b.Add(tensor.Shape{k, 1, 1}, snn.Synapse{From: last, Connection: &snn.Dense{Weight: b.Weights(s.Len(), k, s.Len())}})
	b.Net.Output().Charge = 1
	return b
}

// Schedule makes the network a phased one of either coding, or leaves it synchronous.
func (b *Builder) Schedule(kind int) {
	if kind < 2 {
		return
	}
	b.Net.Schedule, b.Net.Coding = snn.Phased, snn.Coding(kind-2)
	for i := range b.Net.Layers {
		n := &b.Net.Layers[i].Neuron
		n.Model, n.Reset = nil, snn.ResetSubtract
	}
}

// Calibrated gives some layers what calibration for T does: start potentials of their own
// for neurons, scales per channel for shortcuts and pools.
func (b *Builder) Calibrated() {
	for i := range b.Net.Layers {
		l := &b.Net.Layers[i]
		if l.IsGate() || b.Choose(3) > 0 {
			continue
		}
		if b.Choose(2) == 0 {
			l.Start = b.Weights(1, l.Neurons()).Data
		}
		for j, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *snn.Shortcut:
				c := *k
				c.Scales = b.Weights(1, b.Net.ShapeOf(s.From)[0]).Data
				l.Synapses[j].Connection = &c
			case *snn.AveragePool:
				c := *k
				c.Scales = b.Weights(1, b.Net.ShapeOf(s.From)[0]).Data
				l.Synapses[j].Connection = &c
			}
		}
	}
}

// remainders lets identity shortcuts of a phased network bring what their sources have left.
func (b *Builder) remainders() {
	if b.Net.Schedule != snn.Phased {
		return
	}
	for i := range b.Net.Layers {
		l := &b.Net.Layers[i]
		for j, s := range l.Synapses {
			k, ok := s.Connection.(*snn.Shortcut)
			if !ok || i == len(b.Net.Layers)-1 || b.Choose(8) == 0 || b.Net.Layers[s.From].IsGate() {
				continue
			}
			c := *k
			c.Remainder = true
			if _, err := c.Out(b.Net.ShapeOf(s.From)); err != nil { // No identity.
				continue
			}
			l.Synapses[j].Connection = &c
			b.ordinary(s.From)
			b.ordinary(i)
		}
	}
}

// ordinary gives layer i neurons of threshold and charge 1.
func (b *Builder) ordinary(i int) {
	l := &b.Net.Layers[i]
	l.Charge, l.Neuron.Threshold, l.Start = 1, []float32{1}, nil
	for j := range b.Net.Layers {
		if g := &b.Net.Layers[j]; g.IsGate() && g.Synapses[0].From == i {
			b.ordinary(j)
		}
	}
}

// Builder makes a network layer by layer.
type Builder struct {
	Choose func(int) int // Returns a number below n.
	Rand   *rand.Rand    // Of weights.
	Net    *snn.Network  // So far.
}

// Weights draws from a grid of eighths, scaled down for a wide fan-in so that
// rates neither vanish nor saturate; the scale is a power of two.
func (b *Builder) Weights(fanIn int, shape ...int) *tensor.Tensor {
	w := tensor.New(shape...)
	scale := float32(1)
	for n := fanIn; n > 8; n /= 4 {
		scale /= 2
	}
	fine := b.Choose(2) == 0 // Also weights whose sums round.
	for i := range w.Data {
		w.Data[i] = float32(b.Rand.IntN(17)-6) / 8 * scale
		if fine {
			w.Data[i] += b.Rand.Float32() / 16 * scale
		}
	}
	return w
}

// channels prefers numbers around the widths at which the engine changes its ways.
func (b *Builder) channels() int {
	return []int{1, 2, 5, 15, 16, 17, 32, 33, 64, 65, 70}[b.Choose(11)]
}

// Add adds a layer of that shape with neurons of any kind, and returns its index.
func (b *Builder) Add(shape tensor.Shape, syn ...snn.Synapse) int {
	l := snn.Layer{Name: string(rune('a' + len(b.Net.Layers))), Shape: shape, Synapses: syn, Charge: 1, Lambda: 1}
	if b.Choose(3) > 0 {
		l.Bias = b.Weights(1, shape[0]).Data
		for i := range l.Bias {
			l.Bias[i] /= 4
		}
	}
	l.Neuron = snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	switch b.Choose(4) {
	case 0:
		l.Neuron.Threshold = make([]float32, shape[0])
		for i := range l.Neuron.Threshold {
			l.Neuron.Threshold[i] = float32(1+b.Rand.IntN(8)) / 4
		}
		l.Charge = 0.75
	case 1:
		l.Neuron.VInit = nil
	}
	if b.Choose(4) == 0 {
		l.Neuron.Reset = snn.ResetZero
	}
	switch leak := []float32{0.5, 0.9, 0.99, 1}[b.Choose(4)]; b.Choose(4) {
	case 2:
		l.Neuron.Model = snn.LIF{Leak: leak}
	case 3:
		l.Neuron.Model = snn.LIF{Leak: leak, Refractory: 1 + b.Choose(3)}
	}
	l.Rate = []float32{0, 0.1, 1}[b.Choose(3)] // The engine may believe it.
	b.Net.Layers = append(b.Net.Layers, l)
	return len(b.Net.Layers) - 1
}

// window returns a window that fits the shape, often with padding, strides and
// dilation, not always symmetric.
func (b *Builder) window(s tensor.Shape) tensor.Window {
	for range 10 { // Not for ever: a fuzzer's choices run dry.
		w := tensor.Window{
			Kernel: [2]int{1 + b.Choose(4), 1 + b.Choose(4)}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
		}
		if b.Choose(2) == 0 {
			w.Kernel = [2]int{3, 3}
		}
		for i := range w.Pad {
			w.Pad[i] = b.Choose(w.Kernel[i%2])
		}
		switch b.Choose(4) {
		case 0:
			w.Stride = [2]int{1 + b.Choose(3), 1 + b.Choose(3)}
		case 1:
			w.Dilation = [2]int{1 + b.Choose(2), 1 + b.Choose(2)}
		}
		if _, _, err := w.Out(s[1], s[2]); err == nil {
			return w
		}
	}
	return tensor.Square(1, 1, 0)
}

// convolution returns a convolution from the layer into out channels.
func (b *Builder) convolution(from, out int, w tensor.Window) (snn.Synapse, tensor.Shape) {
	s := b.Net.ShapeOf(from)
	groups := 1
	if b.Choose(4) == 0 {
		for g := min(s[0], out); g > 1; g-- {
			if s[0]%g == 0 && out%g == 0 {
				groups = g
				break
			}
		}
	}
	j := s[0] / groups
	k := &snn.Conv{Window: w, Groups: groups, Weight: b.Weights(j*w.Kernel[0]*w.Kernel[1], out, j, w.Kernel[0], w.Kernel[1])}
	shape, err := k.Out(s)
	if err != nil {
		panic(err)
	}
	return snn.Synapse{From: from, Connection: k}, shape
}

func (b *Builder) conv(from int) int {
	syn, shape := b.convolution(from, b.channels(), b.window(b.Net.ShapeOf(from)))
	return b.Add(shape, syn)
}

func (b *Builder) pool(from int, gate bool) int {
	s := b.Net.ShapeOf(from)
	if gate {
		return b.Layer(snn.Synapse{From: from, Connection: &snn.MaxPool{Window: b.window(s)}})
	}
	k := &snn.AveragePool{Window: b.window(s), CountPad: b.Choose(2) == 0, Scale: 1}
	return b.Layer(snn.Synapse{From: from, Connection: k})
}

func (b *Builder) gate(shape tensor.Shape, syn snn.Synapse) int {
	b.Net.Layers = append(b.Net.Layers, snn.Layer{
		Name: string(rune('a' + len(b.Net.Layers))), Shape: shape, Lambda: 1, Charge: b.Net.Layers[syn.From].Charge, Synapses: []snn.Synapse{syn},
	})
	return len(b.Net.Layers) - 1
}

// residual adds a block: convolution, convolution, and a shortcut that keeps the
// shape, projects it, subsamples and pads it, or is pooled.
func (b *Builder) residual(from int) int {
	s := b.Net.ShapeOf(from)
	h := b.conv(from)
	hs := b.Net.ShapeOf(h)
	kind := b.Choose(4)
	if kind == 0 { // Identity: the second convolution comes back to the shape of the source.
		k := &snn.Conv{Window: tensor.Square(1, 1, 0), Groups: 1}
		if hs[1] != s[1] || hs[2] != s[2] { // If the first did not keep the size, around one behind it.
			from, s = h, hs
			w := &snn.Conv{Window: tensor.Square(3, 1, 1), Groups: 1, Weight: b.Weights(s[0]*9, s[0], s[0], 3, 3)}
			h = b.Add(s, snn.Synapse{From: from, Connection: w})
		}
		if b.Choose(2) == 0 {
			k.Window = tensor.Square(3, 1, 1)
		}
		k.Weight = b.Weights(hs[0]*k.Window.Kernel[0]*k.Window.Kernel[1], s[0], hs[0], k.Window.Kernel[0], k.Window.Kernel[1])
		syn := []snn.Synapse{{From: h, Connection: k}, {From: from, Connection: snn.Identity(0.625, s)}}
		if b.Choose(2) == 0 {
			syn[0], syn[1] = syn[1], syn[0]
		}
		last := b.Add(s, syn...)
		for range b.Choose(3) { // More blocks of the stage.
			w := &snn.Conv{Window: tensor.Square(3, 1, 1), Groups: 1, Weight: b.Weights(s[0]*9, s[0], s[0], 3, 3)}
			h = b.Add(s, snn.Synapse{From: last, Connection: w})
			last = b.Add(s, snn.Synapse{From: h, Connection: w}, snn.Synapse{From: last, Connection: snn.Identity(1, s)})
		}
		return last
	}
	stride := 1 + b.Choose(2)
	rows, cols := (s[1]-1)/stride+1, (s[2]-1)/stride+1
	out := s[0] + b.Choose(20)
	shape := tensor.Shape{out, rows, cols}
	w := tensor.Square(3, stride, 1)
	main := snn.Synapse{From: from, Connection: &snn.Conv{Window: w, Groups: 1, Weight: b.Weights(s[0]*9, out, s[0], 3, 3)}}
	var shortcut snn.Synapse
	switch kind {
	case 1:
		shortcut = snn.Synapse{From: from, Connection: &snn.Conv{Window: tensor.Square(1, stride, 0), Groups: 1, Weight: b.Weights(s[0], out, s[0], 1, 1)}}
	case 2:
		shortcut = snn.Synapse{From: from, Connection: &snn.Shortcut{Scale: 0.375, Stride: [2]int{stride, stride}, Offset: b.Choose(out - s[0] + 1), Shape: shape}}
	default:
		// The image itself enters a deeper layer, beside spikes.
		in := b.Net.Input.Shape
		if in[1] != s[1] || in[2] != s[2] {
			return b.Add(shape, main)
		}
		shortcut = snn.Synapse{From: snn.FromInput, Connection: &snn.Conv{Window: w, Groups: 1, Weight: b.Weights(in[0]*9, out, in[0], 3, 3)}}
	}
	if b.Choose(3) == 0 {
		return b.Add(shape, shortcut, main)
	}
	return b.Add(shape, main, shortcut)
}

// projection adds a block as the stages of residual networks begin with one: a
// convolution with a stride or none, and then its output through a second one beside
// its source through one of 1x1. Most are wide enough for several tiles of channels.
func (b *Builder) projection(from int) int {
	stride := 1 + b.Choose(2)
	channels, out := b.channels(), []int{130, 65, 80, 112, 64, 40}[b.Choose(6)]
	h := b.Layer(b.Square(from, channels, 3, stride))
	main, shortcut := b.Square(h, out, 3, 1), b.Square(from, out, 1, stride)
	if b.Choose(3) == 0 {
		return b.Layer(shortcut, main)
	}
	return b.Layer(main, shortcut)
}

// Square returns a convolution from the layer into out channels that keeps the size
// but for its stride.
func (b *Builder) Square(from, out, kernel, stride int) snn.Synapse {
	c := b.Net.ShapeOf(from)[0]
	return snn.Synapse{From: from, Connection: &snn.Conv{
		Weight: b.Weights(c*kernel*kernel, out, c, kernel, kernel), Window: tensor.Square(kernel, stride, kernel/2), Groups: 1,
	}}
}

// Layer adds a layer of the shape that its first synapse gives it.
func (b *Builder) Layer(syn ...snn.Synapse) int {
	shape, err := syn[0].Connection.Out(b.Net.ShapeOf(syn[0].From))
	if err != nil {
		panic(err)
	}
	if _, gate := syn[0].Connection.(*snn.MaxPool); gate {
		return b.gate(shape, syn[0])
	}
	return b.Add(shape, syn...)
}

// Image draws an image on the grid of the weights, with zeros among it.
func Image(s tensor.Shape, rnd *rand.Rand) []float32 {
	x := make([]float32, s.Len())
	for i := range x {
		x[i] = float32(rnd.IntN(17)-6) / 8
	}
	return x
}

// Frames draws n frames, which are spikes as often as numbers; one is an image.
func Frames(s tensor.Shape, n int, rnd *rand.Rand) []float32 {
	var x []float32
	for range n {
		x = append(x, Image(s, rnd)...)
	}
	if n > 1 && rnd.IntN(2) == 0 {
		for i := range x {
			x[i] = float32(rnd.IntN(2))
		}
	}
	return x
}

// Integers makes an integer network of one network in three, for T timesteps. Where a channel
// cannot be told in so few bits it has more.
func Integers(choose func(n int) int, net *snn.Network, T int) *snn.Network {
	if choose(3) > 0 {
		return net
	}
	for i := range net.Layers {
		net.Layers[i].Neuron.Model = nil
	}
	state := choose(40)
	for bits := snn.MinBits + choose(snn.MaxBits-1); ; bits++ {
		o := snn.Integers{Bits: bits, Timesteps: T, InputMax: 2}
		if state > 0 && bits < snn.MaxBits {
			o.StateBits = snn.MinStateBits + state%(snn.MaxStateBits-snn.MinStateBits+1)
		}
		q, err := net.Quantised(o)
		if err == nil || bits == snn.MaxBits {
			if err != nil {
				panic(err)
			}
			return q
		}
	}
}
