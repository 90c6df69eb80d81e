package nir

import (
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// gain is what the currents into a layer and its thresholds are multiplied by, which
// changes no spike: one number for all channels, or one per channel; nil for 1.
type gain []float64

// gain returns that of layer i: what makes its thresholds one number where the
// profile asks for that, or what saves a pool that is all that ends on the layer a
// node of its own for its weight.
func (e *exporter) gain(i int) gain {
	l := &e.net.Layers[i]
	if l.IsGate() {
		return nil
	}
	r := &e.record.Layers[i]
	if g, ok := e.poolGain(l); ok {
		if g != nil {
			r.Threshold, r.Thresholds = l.Neuron.Threshold, 0
		}
		return g
	}
	if th := l.Neuron.Threshold; e.profile.Uniform && slices.ContainsFunc(th, func(v float32) bool { return v != th[0] }) {
		var g gain
		for _, v := range th {
			g = append(g, 1/float64(v))
		}
		r.Threshold, r.Thresholds = th, 0
		return g
	}
	return nil
}

// of returns the gain of channel c.
func (g gain) of(c int) float64 {
	switch len(g) {
	case 0:
		return 1
	case 1:
		return g[0]
	}
	return g[c]
}

// allOne reports whether synapses of weight w(c) into channel c have the weight 1 in all
// channels.
func (g gain) allOne(w func(c int) float32, channels int) bool {
	for c := range channels {
		if float64(w(c))*g.of(c) != 1 {
			return false
		}
	}
	return true
}

// threshold returns that of channel c. Where the gain is its inverse, that is 1.
func (g gain) threshold(l *snn.Layer, c int) float32 { return g.times(l.Neuron.ThresholdOf(c), c) }

// times returns x times the gain of channel c, rounded once.
func (g gain) times(x float32, c int) float32 {
	if g == nil {
		return x
	}
	return float32(float64(x) * g.of(c))
}

// weights returns w, with output channels first, times the charge q of a spike and
// the gain. Without a gain each product is rounded once, as an engine that has the
// charge apart rounds it.
func (g gain) weights(w *tensor.Tensor, q float32) ([]float32, error) {
	y := make([]float32, len(w.Data))
	each := len(y) / w.Shape[0]
	for i, v := range w.Data {
		if y[i] = q * v; g != nil {
			y[i] = float32(float64(q) * float64(v) * g.of(i/each))
		}
	}
	if err := tensor.CheckFinite(y); err != nil {
		return nil, fmt.Errorf("weights times the charge %v of a spike overflow: %w", q, err)
	}
	return y, nil
}

// grouped places kernels of a convolution in groups among those of one with fewer
// groups, or none: input channel i of output o has there the number it has among
// all channels.
type grouped struct{ out, in, groups, wide int }

// kernel returns the number that kernel n, output * in + input, has among the wide ones.
func (p grouped) kernel(n int) int {
	if p.wide == p.in {
		return n
	}
	o, i := n/p.in, n%p.in
	return o*p.wide + o/(p.out/p.groups)*p.in + i
}
