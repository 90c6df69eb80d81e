package snn

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Rescaled returns n with the lambdas of the channels of layer i multiplied by factors, one
// per channel or one for all: the weights and biases into the layer are divided by them, and
// those that leave it multiplied, also those of max-pool gates that hand its spikes on. In
// the limit of many timesteps it is the same network, up to float rounding; with few of them
// activations are rounded to other levels, and end elsewhere. Layers that do not change
// share their weights with n.
//
// The layer must be one of integrate-and-fire neurons and not the output.
func (n *Network) Rescaled(i int, factors []float32) (*Network, error) {
	fail := func(err error) (*Network, error) {
		return nil, fmt.Errorf("snn: layer %q: other lambdas: %w", n.Layers[i].Name, err)
	}
	l := &n.Layers[i]
	f := slices.Clone(factors)
	if len(f) == 1 {
		f = slices.Repeat(f, l.Shape[0])
	}
	a, ok := l.Neuron.Decay()
	switch {
	case l.IsGate() || i == len(n.Layers)-1:
		return fail(errors.New("a max-pool gate has those of its source, and the output none to change"))
	case !ok || a != 1:
		return fail(fmt.Errorf("%v neurons have rates that are not proportional to their current", l.Neuron.model()))
	case len(f) != l.Shape[0]:
		return fail(fmt.Errorf("%d factors for %d channels", len(factors), l.Shape[0]))
	case tensor.CheckFinite(f) != nil || slices.Min(f) <= 0:
		return fail(errors.New("factors must be positive and finite"))
	}
	c := *n
	c.Layers = slices.Clone(n.Layers)
	inverse := make([]float64, len(f))
	by := make([]float64, len(f))
	for ch, x := range f {
		by[ch], inverse[ch] = float64(x), 1/float64(x)
	}
	to := &c.Layers[i]
	to.Synapses, to.Bias, to.Shift = slices.Clone(l.Synapses), perChannel(l.Bias, inverse), perChannel(l.Shift, inverse)
	for j, s := range to.Synapses {
		to.Synapses[j].Connection = scaledInto(s.Connection, n.ShapeOf(s.From), inverse)
	}
	to.relambda(by)
	same := map[int]bool{i: true} // The layer and what hands its spikes on.
	for k := i + 1; k < len(c.Layers); k++ {
		after := &c.Layers[k]
		if after.IsGate() {
			if same[after.Synapses[0].From] {
				same[k] = true
				after.relambda(by)
			}
			continue
		}
		cloned := false
		for j, s := range after.Synapses {
			if !same[s.From] {
				continue
			}
			if !cloned {
				after.Synapses, cloned = slices.Clone(after.Synapses), true
			}
			after.Synapses[j].Connection = scaledFrom(s.Connection, n.ShapeOf(s.From), by)
		}
	}
	return &c, nil
}

// relambda multiplies the lambdas of the channels of l.
func (l *Layer) relambda(by []float64) {
	if slices.Min(by) == slices.Max(by) && l.Lambdas == nil {
		l.Lambda = float32(float64(l.Lambda) * by[0])
		return
	}
	lambdas := make([]float32, len(by))
	for c := range by {
		lambdas[c] = float32(float64(l.LambdaOf(c)) * by[c])
	}
	l.Lambdas, l.Lambda = lambdas, slices.Max(lambdas)
}

// perChannel returns x times by; nil for nil.
func perChannel(x []float32, by []float64) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for c := range x {
		y[c] = float32(float64(x[c]) * by[c])
	}
	return y
}

// scaledInto returns k, from a source of that shape, with the weights of every channel that
// it ends on multiplied.
func scaledInto(k Connection, in tensor.Shape, by []float64) Connection {
	switch k := k.(type) {
	case Weighted:
		w := k.Weights()
		each := len(w.Data) / len(by)
		return k.WithWeights(weightsTimes(w, func(j int) float64 { return by[j/each] }))
	case *Shortcut:
		return k.perSource(in[0], func(c int) float64 { return by[c+k.Offset] })
	case *AveragePool:
		return k.perSource(in[0], func(c int) float64 { return by[c] })
	}
	panic(fmt.Sprintf("snn: connection %T", k))
}

// scaledFrom returns k with the weights of every channel of its source, of that shape,
// multiplied.
func scaledFrom(k Connection, in tensor.Shape, by []float64) Connection {
	switch k := k.(type) {
	case *Conv:
		ws := k.Weight.Shape
		group := (ws[0] + k.Groups - 1) / k.Groups
		area := ws[2] * ws[3]
		return k.WithWeights(weightsTimes(k.Weight, func(j int) float64 {
			o, i := j/(ws[1]*area), j/area%ws[1]
			return by[o/group*ws[1]+i]
		}))
	case *Dense:
		inputs, positions := in.Len(), in[1]*in[2]
		return k.WithWeights(weightsTimes(k.Weight, func(j int) float64 { return by[j%inputs/positions] }))
	case *Shortcut:
		return k.perSource(in[0], func(c int) float64 { return by[c] })
	case *AveragePool:
		return k.perSource(in[0], func(c int) float64 { return by[c] })
	}
	panic(fmt.Sprintf("snn: connection %T", k))
}

// weightsTimes returns w with every element j multiplied by by(j).
func weightsTimes(w *tensor.Tensor, by func(j int) float64) *tensor.Tensor {
	y := tensor.New(w.Shape...)
	for j, x := range w.Data {
		y.Data[j] = float32(float64(x) * by(j))
	}
	return y
}

// perSource returns k with the scale of every source channel multiplied.
func (k *Shortcut) perSource(channels int, by func(c int) float64) *Shortcut {
	s := *k
	s.Scale, s.Scales = times(channels, k.ScaleOf, by)
	return &s
}

// perSource returns k with the scale of every channel multiplied.
func (k *AveragePool) perSource(channels int, by func(c int) float64) *AveragePool {
	s := *k
	s.Scale, s.Scales = times(channels, k.ScaleOf, by)
	return &s
}

// times returns scales times factors: one for all channels if they are equal.
func times(channels int, scale func(c int) float32, by func(c int) float64) (one float32, each []float32) {
	for c := range channels {
		each = append(each, float32(float64(scale(c))*by(c)))
	}
	if slices.Min(each) == slices.Max(each) {
		return each[0], nil
	}
	return slices.Max(each), each
}
