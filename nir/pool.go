package nir

import (
	"math"
	"math/bits"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// gateThreshold is that of the node that stands for a max-pool gate after sums of
// spikes: it fires whenever a neuron under the window does. That is the gate but
// for its cap: the gate emits no more spikes than the busiest neuron under the
// window. An IF node must forget the rest of the potential as it fires, which
// readers do that reset to zero; where they subtract, a LIF node stands for the
// gate that forgets everything within a timestep.
const gateThreshold = 0.5

// gateTau is the time constant of such a LIF node, in seconds. Readers multiply
// its potential by 1 - dt / tau, with the 1e-4 of those who count in seconds for
// dt, or by exp(-dt / tau), with 1 for dt: by 0 in both cases.
const gateTau = 1e-4

// plainPool reports whether w is a window of NIR's pools as PyTorch has them.
func plainPool(w tensor.Window) bool {
	return isSymmetric(w) && w.Dilation == [2]int{1, 1} && 2*w.Pad[0] <= w.Kernel[0] && 2*w.Pad[1] <= w.Kernel[1]
}

// hasPool reports whether the reader has w as the window of a pool.
func (e *exporter) hasPool(w tensor.Window) bool {
	return plainPool(w) && (e.profile.PaddedPools || w.Pad == [4]int{})
}

// pool adds a pool of that type after the named node.
func (e *exporter) pool(i int, from, typ string, w tensor.Window) string {
	n := e.add(e.name(e.node(i)+"_pool"), typ)
	n.Data.Set("kernel_size", Ints(w.Kernel[:]...))
	n.Data.Set("stride", Ints(w.Stride[:]...))
	n.Data.Set("padding", Ints(w.Pad[:2]...))
	e.connect(from, n.Name)
	return n.Name
}

// depthwise adds a convolution that takes every channel by itself, with the weight
// value(c) for all taps of channel c, for windows that the reader's pools do not
// have.
func (e *exporter) depthwise(b branch, w tensor.Window, value func(c int) float32) (string, error) {
	in := e.net.ShapeOf(b.from)
	s, err := newSymmetric(w, in[1], in[2], e.profile.Square)
	if err != nil {
		return "", err
	}
	groups := in[0]
	if !e.profile.Groups {
		groups = 1
	}
	shape := []int{in[0], in[0] / groups, s.window.Kernel[0], s.window.Kernel[1]}
	weight, err := e.floats(shape...)
	if err != nil {
		return "", err
	}
	taps := w.Kernel[0] * w.Kernel[1]
	small := make([]float32, in[0]*taps)
	for i := range small {
		small[i] = value(i / taps)
	}
	if err := tensor.CheckFinite(small); err != nil {
		return "", err
	}
	s.enlarge(weight, small, w.Kernel, grouped{out: in[0], in: 1, groups: in[0], wide: shape[1]}.kernel)
	n, err := e.addConv(b.start, b, Floats(weight, shape...), s.window, groups, in, "_pool")
	return n.Name, err
}

// sums adds what counts the spikes under each window: a SumPool2d node, or a
// convolution of ones.
func (e *exporter) sums(b branch, w tensor.Window) (string, error) {
	if e.hasPool(w) && e.profile.SumPool {
		return e.pool(b.layer, b.start, "SumPool2d", w), nil
	}
	b.bias = nil
	return e.depthwise(b, w, func(int) float32 { return 1 })
}

// gate adds what goes into the node that stands for a max-pool gate.
func (e *exporter) gate(b branch, k *snn.MaxPool) (string, error) {
	if e.profile.Gate == "" {
		e.refuse(b.layer, "it has no max pools, and neurons that fire several times per timestep cannot stand for them; train with average pools or strides instead")
		return b.start, nil
	}
	if e.gateAverages(k.Window) {
		return e.pool(b.layer, b.start, "AvgPool2d", k.Window), nil
	}
	return e.sums(b, k.Window)
}

// gateAverages reports whether an AvgPool2d node goes into the node that stands for
// the gate of that window.
func (e *exporter) gateAverages(w tensor.Window) bool { return !e.profile.SumPool && e.hasPool(w) }

// gateThreshold returns that of the node that stands for gate i.
func (e *exporter) gateThreshold(i int) float32 {
	w := e.net.Layers[i].Synapses[0].Connection.(*snn.MaxPool).Window
	if e.gateAverages(w) {
		return gateThreshold / float32(w.Kernel[0]*w.Kernel[1])
	}
	return gateThreshold
}

// poolNode is a node of a pool that stands for an average pool, but for a factor.
type poolNode struct {
	typ    string
	window tensor.Window
	taps   int // What it divides by: 1 for a sum.
}

// poolNode returns the node that stands for k, and whether there is one. Where every spike
// counts exactly 1 in the population, sums and averages over a power of two taps keep that;
// others would round.
func (e *exporter) poolNode(k *snn.AveragePool, from int) (n poolNode, ok bool) {
	w := k.Window
	if !e.hasPool(w) || !k.CountPad && w.Pad != [4]int{} {
		return poolNode{}, false
	}
	taps := w.Kernel[0] * w.Kernel[1]
	switch average := (poolNode{"AvgPool2d", w, taps}); {
	case !e.profile.AvgPool:
		return poolNode{"SumPool2d", w, 1}, true
	case bits.OnesCount(uint(taps)) == 1 || e.averaged || !e.countsWhole(k, from):
		return average, true
	case e.profile.SumPool:
		return poolNode{"SumPool2d", w, 1}, true
	}
	in := e.net.ShapeOf(from)
	if w.Kernel != [2]int{in[1], in[2]} || w.Pad != [4]int{} || !e.profile.PaddedPools {
		return poolNode{}, false
	}
	// A larger window over the whole source, of a power of two taps, some of them over padding.
	for i := range 2 {
		size := 1 << bits.Len(uint(in[i+1]-1))
		pad := (size - in[i+1] + 1) / 2
		w.Kernel[i], w.Stride[i], w.Pad[i], w.Pad[i+2] = size, size, pad, pad
	}
	return poolNode{"AvgPool2d", w, w.Kernel[0] * w.Kernel[1]}, true
}

// countsWhole reports whether every spike under the window of k counts exactly 1.
func (e *exporter) countsWhole(k *snn.AveragePool, from int) bool {
	taps := float32(k.Window.Kernel[0] * k.Window.Kernel[1])
	for c := range max(len(k.Scales), 1) {
		if k.ScaleOf(c)/taps*e.charge(from) != 1 {
			return false
		}
	}
	return true
}

// poolGain returns the gain of l if a pool is all that ends on it: thresholds divided by
// what the pool, written as a node, lacks make up for that; nil if it lacks nothing. It
// reports whether that can be done. That is for readers without Scale nodes.
func (e *exporter) poolGain(l *snn.Layer) (g gain, ok bool) {
	k, pool := l.Synapses[0].Connection.(*snn.AveragePool)
	if !pool || len(l.Synapses) > 1 || l.Bias != nil || e.profile.Scale {
		return nil, false
	}
	n, ok := e.poolNode(k, l.Synapses[0].From)
	if !ok {
		return nil, false
	}
	for c := range max(len(k.Scales), 1) {
		g = append(g, 1/e.lacks(n, k, l.Synapses[0].From, c))
	}
	first := g.threshold(l, 0)
	for c := range l.Shape[0] {
		th := g.threshold(l, c)
		if !(th > 0) || math.IsInf(float64(th), 0) || e.profile.Uniform && th != first {
			return nil, false
		}
	}
	if !slices.ContainsFunc(g, func(f float64) bool { return f != 1 }) {
		return nil, true
	}
	return g, true
}

// lacks returns what channel c of the output of the pool node n that stands for k must be
// multiplied by.
func (e *exporter) lacks(n poolNode, k *snn.AveragePool, from, c int) float64 {
	w := float64(k.ScaleOf(c)) * float64(e.charge(from))
	if taps := k.Window.Kernel[0] * k.Window.Kernel[1]; n.taps != taps {
		w = w / float64(taps) * float64(n.taps)
	}
	return w
}

// lacksNothing reports whether that is 1 in all channels.
func (e *exporter) lacksNothing(n poolNode, k *snn.AveragePool, from int) bool {
	for c := range max(len(k.Scales), 1) {
		if e.lacks(n, k, from, c) != 1 {
			return false
		}
	}
	return true
}

// averagePool adds the nodes of an average pool. With Scale nodes these are
// AvgPool2d and, where a spike does not carry 1, Scale; or sums and a Scale node
// with a weight for each output. Without them it is a pool alone, or a convolution.
func (e *exporter) averagePool(b branch, k *snn.AveragePool) (end string, err error) {
	l := &e.net.Layers[b.layer]
	if e.profile.Scale {
		return e.scaledPool(b, k)
	}
	if n, ok := e.poolNode(k, b.from); ok && b.bias == nil {
		if _, ok := e.poolGain(l); ok || b.gain == nil && e.lacksNothing(n, k, b.from) {
			return e.pool(b.layer, b.start, n.typ, n.window), nil
		}
	}
	taps := e.tapsOf(k, b.from, l.Shape)
	if slices.ContainsFunc(taps, func(n float32) bool { return n != taps[0] }) {
		e.refuse(b.layer, "the padding of its average pool does not count, which takes a weight for every output, and it has no Scale nodes")
		return b.start, nil
	}
	q := e.charge(b.from)
	return e.depthwise(b, k.Window, func(c int) float32 { return b.gain.times(k.ScaleOf(c)/taps[0]*q, c) })
}

// tapsOf returns, for the outputs of a channel, how many neurons their means are over.
func (e *exporter) tapsOf(k *snn.AveragePool, from int, out tensor.Shape) []float32 {
	in := e.net.ShapeOf(from)
	taps := make([]float32, 0, out[1]*out[2])
	for r := range out[1] {
		for c := range out[2] {
			taps = append(taps, float32(k.Taps(r, c, in[1], in[2])))
		}
	}
	return taps
}

// scaledPool is averagePool with Scale nodes.
func (e *exporter) scaledPool(b branch, k *snn.AveragePool) (end string, err error) {
	out, name, q := e.net.ShapeOf(b.layer), e.node(b.layer)+"_scale", e.charge(b.from)
	positions := out[1] * out[2]
	if n, ok := e.poolNode(k, b.from); ok {
		end = e.pool(b.layer, b.start, n.typ, n.window)
		factor := func(c int) float32 { return float32(e.lacks(n, k, b.from, c)) }
		if !gain(nil).allOne(factor, out[0]) {
			end, err = e.scale(name, end, out, func(i int) float32 { return factor(i / positions) })
		}
	} else {
		if end, err = e.sums(b, k.Window); err != nil {
			return "", err
		}
		taps := e.tapsOf(k, b.from, out)
		end, err = e.scale(name, end, out, func(i int) float32 { return k.ScaleOf(i/positions) / taps[i%positions] * q })
	}
	if err != nil || b.bias == nil {
		return end, err
	}
	// No pool has a bias; a convolution that changes nothing else does.
	weight, err := e.floats(out[0], out[0], 1, 1)
	if err != nil {
		return "", err
	}
	for c := range out[0] {
		weight[c*out[0]+c] = 1
	}
	n, err := e.addConv(end, b, Floats(weight, out[0], out[0], 1, 1), tensor.Square(1, 1, 0), 1, out, "_bias")
	return n.Name, err
}
