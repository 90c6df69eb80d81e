package sim

import (
	"math/rand/v2"

	"sresnet/snn"
	"sresnet/tensor"
)

// randomNetwork builds a network from random choices: a convolution of the image,
// then layers of every kind, with shortcuts of every kind, odd sizes and strides.
// choose(n) returns a number in [0, n); weights come from rnd, on a coarse grid so
// that potentials meet their threshold exactly often enough to tell >= from >.
func randomNetwork(choose func(n int) int, rnd *rand.Rand) *snn.Network {
	return newRandom(choose, rnd).net
}

// randomScheduled is randomNetwork with any schedule, and with what calibration for T does.
func randomScheduled(choose func(n int) int, rnd *rand.Rand) *snn.Network {
	b := newRandom(choose, rnd)
	b.schedule(choose(4))
	b.calibrated()
	b.remainders()
	return b.net
}

func newRandom(choose func(n int) int, rnd *rand.Rand) *builder {
	b := &builder{choose: choose, rnd: rnd}
	in := tensor.Shape{1 + choose(3), 3 + choose(7), 3 + choose(7)}
	b.net = &snn.Network{Name: "random", Input: snn.Input{Shape: in}}
	if choose(3) == 0 {
		b.net.Input.Encoding, b.net.Input.Amplitude = snn.Poisson, 1.5
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
	s := b.net.ShapeOf(last)
	k := 1 + choose(20)
	b.add(tensor.Shape{k, 1, 1}, snn.Synapse{From: last, Connection: &snn.Dense{Weight: b.weights(s.Len(), k, s.Len())}})
	b.net.Output().Charge = 1
	return b
}

// schedule makes the network a phased one of either coding, or leaves it synchronous.
func (b *builder) schedule(kind int) {
	if kind < 2 {
		return
	}
	b.net.Schedule, b.net.Coding = snn.Phased, snn.Coding(kind-2)
	for i := range b.net.Layers {
		n := &b.net.Layers[i].Neuron
		n.Model, n.Reset = nil, snn.ResetSubtract
	}
}

// calibrated gives some layers what calibration for T does: start potentials of their own
// for neurons, scales per channel for shortcuts and pools.
func (b *builder) calibrated() {
	for i := range b.net.Layers {
		l := &b.net.Layers[i]
		if l.IsGate() || b.choose(3) > 0 {
			continue
		}
		if b.choose(2) == 0 {
			l.Start = b.weights(1, l.Neurons()).Data
		}
		for j, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *snn.Shortcut:
				c := *k
				c.Scales = b.weights(1, b.net.ShapeOf(s.From)[0]).Data
				l.Synapses[j].Connection = &c
			case *snn.AveragePool:
				c := *k
				c.Scales = b.weights(1, b.net.ShapeOf(s.From)[0]).Data
				l.Synapses[j].Connection = &c
			}
		}
	}
}

// remainders lets identity shortcuts of a phased network bring what their sources have left.
func (b *builder) remainders() {
	if b.net.Schedule != snn.Phased {
		return
	}
	for i := range b.net.Layers {
		l := &b.net.Layers[i]
		for j, s := range l.Synapses {
			k, ok := s.Connection.(*snn.Shortcut)
			if !ok || i == len(b.net.Layers)-1 || b.choose(8) == 0 || b.net.Layers[s.From].IsGate() {
				continue
			}
			c := *k
			c.Remainder = true
			if _, err := c.Out(b.net.ShapeOf(s.From)); err != nil { // No identity.
				continue
			}
			l.Synapses[j].Connection = &c
			b.ordinary(s.From)
			b.ordinary(i)
		}
	}
}

// ordinary gives layer i neurons of threshold and charge 1.
func (b *builder) ordinary(i int) {
	l := &b.net.Layers[i]
	l.Charge, l.Neuron.Threshold, l.Start = 1, []float32{1}, nil
	for j := range b.net.Layers {
		if g := &b.net.Layers[j]; g.IsGate() && g.Synapses[0].From == i {
			b.ordinary(j)
		}
	}
}

type builder struct {
	choose func(int) int
	rnd    *rand.Rand
	net    *snn.Network
}

// weights draws from a grid of eighths, scaled down for a wide fan-in so that
// rates neither vanish nor saturate; the scale is a power of two.
func (b *builder) weights(fanIn int, shape ...int) *tensor.Tensor {
	w := tensor.New(shape...)
	scale := float32(1)
	for n := fanIn; n > 8; n /= 4 {
		scale /= 2
	}
	fine := b.choose(2) == 0 // Also weights whose sums round.
	for i := range w.Data {
		w.Data[i] = float32(b.rnd.IntN(17)-6) / 8 * scale
		if fine {
			w.Data[i] += b.rnd.Float32() / 16 * scale
		}
	}
	return w
}

// channels prefers numbers around the widths at which the engine changes its ways.
func (b *builder) channels() int {
	return []int{1, 2, 5, 15, 16, 17, 32, 33, 64, 65, 70}[b.choose(11)]
}

func (b *builder) add(shape tensor.Shape, syn ...snn.Synapse) int {
	l := snn.Layer{Name: string(rune('a' + len(b.net.Layers))), Shape: shape, Synapses: syn, Charge: 1, Lambda: 1}
	if b.choose(3) > 0 {
		l.Bias = b.weights(1, shape[0]).Data
		for i := range l.Bias {
			l.Bias[i] /= 4
		}
	}
	l.Neuron = snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	switch b.choose(4) {
	case 0:
		l.Neuron.Threshold = make([]float32, shape[0])
		for i := range l.Neuron.Threshold {
			l.Neuron.Threshold[i] = float32(1+b.rnd.IntN(8)) / 4
		}
		l.Charge = 0.75
	case 1:
		l.Neuron.VInit = nil
	}
	if b.choose(4) == 0 {
		l.Neuron.Reset = snn.ResetZero
	}
	switch leak := []float32{0.5, 0.9, 0.99, 1}[b.choose(4)]; b.choose(4) {
	case 2:
		l.Neuron.Model = snn.LIF{Leak: leak}
	case 3:
		l.Neuron.Model = snn.LIF{Leak: leak, Refractory: 1 + b.choose(3)}
	}
	l.Rate = []float32{0, 0.1, 1}[b.choose(3)] // The engine may believe it.
	b.net.Layers = append(b.net.Layers, l)
	return len(b.net.Layers) - 1
}

// window returns a window that fits the shape, often with padding, strides and
// dilation, not always symmetric.
func (b *builder) window(s tensor.Shape) tensor.Window {
	for range 10 { // Not for ever: a fuzzer's choices run dry.
		w := tensor.Window{
			Kernel: [2]int{1 + b.choose(4), 1 + b.choose(4)}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
		}
		if b.choose(2) == 0 {
			w.Kernel = [2]int{3, 3}
		}
		for i := range w.Pad {
			w.Pad[i] = b.choose(w.Kernel[i%2])
		}
		switch b.choose(4) {
		case 0:
			w.Stride = [2]int{1 + b.choose(3), 1 + b.choose(3)}
		case 1:
			w.Dilation = [2]int{1 + b.choose(2), 1 + b.choose(2)}
		}
		if _, _, err := w.Out(s[1], s[2]); err == nil {
			return w
		}
	}
	return tensor.Square(1, 1, 0)
}

// convolution returns a convolution from the layer into out channels.
func (b *builder) convolution(from, out int, w tensor.Window) (snn.Synapse, tensor.Shape) {
	s := b.net.ShapeOf(from)
	groups := 1
	if b.choose(4) == 0 {
		for g := min(s[0], out); g > 1; g-- {
			if s[0]%g == 0 && out%g == 0 {
				groups = g
				break
			}
		}
	}
	j := s[0] / groups
	k := &snn.Conv{Window: w, Groups: groups, Weight: b.weights(j*w.Kernel[0]*w.Kernel[1], out, j, w.Kernel[0], w.Kernel[1])}
	shape, err := k.Out(s)
	if err != nil {
		panic(err)
	}
	return snn.Synapse{From: from, Connection: k}, shape
}

func (b *builder) conv(from int) int {
	syn, shape := b.convolution(from, b.channels(), b.window(b.net.ShapeOf(from)))
	return b.add(shape, syn)
}

func (b *builder) pool(from int, gate bool) int {
	s := b.net.ShapeOf(from)
	if gate {
		return b.layer(snn.Synapse{From: from, Connection: &snn.MaxPool{Window: b.window(s)}})
	}
	k := &snn.AveragePool{Window: b.window(s), CountPad: b.choose(2) == 0, Scale: 1}
	return b.layer(snn.Synapse{From: from, Connection: k})
}

func (b *builder) gate(shape tensor.Shape, syn snn.Synapse) int {
	b.net.Layers = append(b.net.Layers, snn.Layer{
		Name: string(rune('a' + len(b.net.Layers))), Shape: shape, Lambda: 1, Charge: b.net.Layers[syn.From].Charge, Synapses: []snn.Synapse{syn},
	})
	return len(b.net.Layers) - 1
}

// residual adds a block: convolution, convolution, and a shortcut that keeps the
// shape, projects it, subsamples and pads it, or is pooled.
func (b *builder) residual(from int) int {
	s := b.net.ShapeOf(from)
	h := b.conv(from)
	hs := b.net.ShapeOf(h)
	kind := b.choose(4)
	if kind == 0 { // Identity: the second convolution comes back to the shape of the source.
		k := &snn.Conv{Window: tensor.Square(1, 1, 0), Groups: 1}
		if hs[1] != s[1] || hs[2] != s[2] { // If the first did not keep the size, around one behind it.
			from, s = h, hs
			w := &snn.Conv{Window: tensor.Square(3, 1, 1), Groups: 1, Weight: b.weights(s[0]*9, s[0], s[0], 3, 3)}
			h = b.add(s, snn.Synapse{From: from, Connection: w})
		}
		if b.choose(2) == 0 {
			k.Window = tensor.Square(3, 1, 1)
		}
		k.Weight = b.weights(hs[0]*k.Window.Kernel[0]*k.Window.Kernel[1], s[0], hs[0], k.Window.Kernel[0], k.Window.Kernel[1])
		syn := []snn.Synapse{{From: h, Connection: k}, {From: from, Connection: snn.Identity(0.625, s)}}
		if b.choose(2) == 0 {
			syn[0], syn[1] = syn[1], syn[0]
		}
		last := b.add(s, syn...)
		for range b.choose(3) { // More blocks of the stage.
			w := &snn.Conv{Window: tensor.Square(3, 1, 1), Groups: 1, Weight: b.weights(s[0]*9, s[0], s[0], 3, 3)}
			h = b.add(s, snn.Synapse{From: last, Connection: w})
			last = b.add(s, snn.Synapse{From: h, Connection: w}, snn.Synapse{From: last, Connection: snn.Identity(1, s)})
		}
		return last
	}
	stride := 1 + b.choose(2)
	rows, cols := (s[1]-1)/stride+1, (s[2]-1)/stride+1
	out := s[0] + b.choose(20)
	shape := tensor.Shape{out, rows, cols}
	w := tensor.Square(3, stride, 1)
	main := snn.Synapse{From: from, Connection: &snn.Conv{Window: w, Groups: 1, Weight: b.weights(s[0]*9, out, s[0], 3, 3)}}
	var shortcut snn.Synapse
	switch kind {
	case 1:
		shortcut = snn.Synapse{From: from, Connection: &snn.Conv{Window: tensor.Square(1, stride, 0), Groups: 1, Weight: b.weights(s[0], out, s[0], 1, 1)}}
	case 2:
		shortcut = snn.Synapse{From: from, Connection: &snn.Shortcut{Scale: 0.375, Stride: [2]int{stride, stride}, Offset: b.choose(out - s[0] + 1), Shape: shape}}
	default:
		// The image itself enters a deeper layer, beside spikes.
		in := b.net.Input.Shape
		if in[1] != s[1] || in[2] != s[2] {
			return b.add(shape, main)
		}
		shortcut = snn.Synapse{From: snn.FromInput, Connection: &snn.Conv{Window: w, Groups: 1, Weight: b.weights(in[0]*9, out, in[0], 3, 3)}}
	}
	if b.choose(3) == 0 {
		return b.add(shape, shortcut, main)
	}
	return b.add(shape, main, shortcut)
}

// projection adds a block as the stages of residual networks begin with one: a
// convolution with a stride or none, and then its output through a second one beside
// its source through one of 1x1. Most are wide enough for several tiles of channels.
func (b *builder) projection(from int) int {
	stride := 1 + b.choose(2)
	channels, out := b.channels(), []int{130, 65, 80, 112, 64, 40}[b.choose(6)]
	h := b.layer(b.square(from, channels, 3, stride))
	main, shortcut := b.square(h, out, 3, 1), b.square(from, out, 1, stride)
	if b.choose(3) == 0 {
		return b.layer(shortcut, main)
	}
	return b.layer(main, shortcut)
}

// square returns a convolution from the layer into out channels that keeps the size
// but for its stride.
func (b *builder) square(from, out, kernel, stride int) snn.Synapse {
	c := b.net.ShapeOf(from)[0]
	return snn.Synapse{From: from, Connection: &snn.Conv{
		Weight: b.weights(c*kernel*kernel, out, c, kernel, kernel), Window: tensor.Square(kernel, stride, kernel/2), Groups: 1,
	}}
}

// layer adds a layer of the shape that its first synapse gives it.
func (b *builder) layer(syn ...snn.Synapse) int {
	shape, err := syn[0].Connection.Out(b.net.ShapeOf(syn[0].From))
	if err != nil {
		panic(err)
	}
	if _, gate := syn[0].Connection.(*snn.MaxPool); gate {
		return b.gate(shape, syn[0])
	}
	return b.add(shape, syn...)
}

// randomImage draws an image on the grid of the weights, with zeros among it.
func randomImage(s tensor.Shape, rnd *rand.Rand) []float32 {
	x := make([]float32, s.Len())
	for i := range x {
		x[i] = float32(rnd.IntN(17)-6) / 8
	}
	return x
}

// randomFrames draws frames, which are spikes as often as numbers; one is an image.
func randomFrames(s tensor.Shape, n int, rnd *rand.Rand) []float32 {
	var x []float32
	for range n {
		x = append(x, randomImage(s, rnd)...)
	}
	if n > 1 && rnd.IntN(2) == 0 {
		for i := range x {
			x[i] = float32(rnd.IntN(2))
		}
	}
	return x
}
