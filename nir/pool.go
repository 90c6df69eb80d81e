package nir

import (
	"sresnet/snn"
	"sresnet/tensor"
)

// gateThreshold is that of the IF node that stands for a max-pool gate behind
// sums of spikes. With v_reset 0 it fires whenever a neuron under the window does,
// which is the gate but for its cap: the gate emits no more spikes than the
// busiest neuron under the window.
const gateThreshold = 0.5

// plainPool reports whether w is a window of NIR's pools as PyTorch has them.
func plainPool(w tensor.Window) bool {
	return isSymmetric(w) && w.Dilation == [2]int{1, 1} && 2*w.Pad[0] <= w.Kernel[0] && 2*w.Pad[1] <= w.Kernel[1]
}

// pool adds a pool of that type behind the named node.
func (e *exporter) pool(i int, from, typ string, w tensor.Window) string {
	n := e.add(e.name(e.node(i)+"_pool"), typ)
	n.Data.Set("kernel_size", Ints(w.Kernel[:]...))
	n.Data.Set("stride", Ints(w.Stride[:]...))
	n.Data.Set("padding", Ints(w.Pad[:2]...))
	e.connect(from, n.Name)
	return n.Name
}

// sums adds what counts the spikes under each window: a SumPool2d node, or a
// convolution of ones for windows that NIR's pools do not have.
func (e *exporter) sums(i, source int, w tensor.Window) (string, error) {
	if plainPool(w) {
		return e.pool(i, e.node(source), "SumPool2d", w), nil
	}
	in := e.net.ShapeOf(source)
	s, err := newSymmetric(w, in[1], in[2])
	if err != nil {
		return "", err
	}
	shape := []int{in[0], 1, s.window.Kernel[0], s.window.Kernel[1]}
	weight, err := e.floats(shape...)
	if err != nil {
		return "", err
	}
	ones := make([]float32, in[0]*w.Kernel[0]*w.Kernel[1])
	for i := range ones {
		ones[i] = 1
	}
	s.enlarge(weight, ones, w.Kernel)
	return e.addConv(e.name(e.node(i)+"_pool"), e.node(source), Floats(weight, shape...), s.window, in[0], in, nil)
}

// averagePool adds the nodes of an average pool: AvgPool2d and, where a spike
// does not carry 1, Scale; or sums and a Scale node with a weight for each output.
func (e *exporter) averagePool(i, source int, k *snn.AveragePool, bias []float32) (end string, err error) {
	in, q := e.net.ShapeOf(source), e.charge(source)
	out, err := k.Out(in)
	if err != nil {
		return "", err
	}
	name := e.node(i) + "_scale"
	if plainPool(k.Window) && (k.CountPad || k.Window.Pad == [4]int{}) {
		end = e.pool(i, e.node(source), "AvgPool2d", k.Window)
		if factor := k.Scale * q; factor != 1 {
			end, err = e.scale(name, end, out, func(int) float32 { return factor })
		}
	} else {
		if end, err = e.sums(i, source, k.Window); err != nil {
			return "", err
		}
		at := make([]float32, 0, out[1]*out[2])
		for r := range out[1] {
			for c := range out[2] {
				at = append(at, k.WeightAt(r, c, in[1], in[2])*q)
			}
		}
		end, err = e.scale(name, end, out, func(i int) float32 { return at[i%len(at)] })
	}
	if err != nil || bias == nil {
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
	r := &e.record.Layers[i]
	r.BiasNode = e.name(e.node(i) + "_bias")
	return e.addConv(r.BiasNode, end, Floats(weight, out[0], out[0], 1, 1), tensor.Square(1, 1, 0), 1, out, bias)
}
