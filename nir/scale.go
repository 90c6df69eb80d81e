package nir

import (
	"fmt"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// scales returns the scale of spikes as package snn has it: one for all channels, or one
// per channel.
func (v *linear) scales() (float32, []float32) {
	if len(v.scale) == 1 {
		return float32(v.scale[0]), nil
	}
	return 1, cast[float32](v.scale)
}

// multiplied returns weights of spikes times their scale; channel is that of the spikes
// which weight i takes.
func (v *linear) multiplied(t *tensor.Tensor, channel func(i int) int) *tensor.Tensor {
	if len(v.scale) == 1 && v.scale[0] == 1 {
		return t
	}
	m := tensor.New(t.Shape...)
	for i, x := range t.Data {
		f := v.scale[0]
		if len(v.scale) > 1 {
			f = v.scale[channel(i)]
		}
		m.Data[i] = float32(float64(x) * f)
	}
	return m
}

// sourceChannel returns the channel of the source that weight i of k takes.
func sourceChannel(k *snn.Conv, i int) int {
	ws := k.Weight.Shape
	o, in := i/(ws[1]*ws[2]*ws[3]), i/(ws[2]*ws[3])%ws[1]
	return o/(ws[0]/k.Groups)*ws[1] + in
}

// scaled multiplies by a Scale node: one number, or one per channel.
func (v *linear) scaled(n *Node) (*linear, error) {
	x, err := perChannel(n.Data.Arrays["scale"], v.shape)
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	c := *v
	var weight *tensor.Tensor
	switch k := v.through.(type) {
	case nil:
		c.scale = times(v.scale, x)
		return &c, nil
	case *snn.AveragePool:
		before := []float64{float64(k.Scale)}
		if k.Scales != nil {
			before = cast[float64](k.Scales)
		}
		p := *k
		p.Scale, p.Scales = (&linear{scale: times(before, x)}).scales()
		c.through = &p
		return &c, nil
	case *snn.Conv:
		weight = k.Weight.Clone()
		c.through = &snn.Conv{Weight: weight, Window: k.Window, Groups: k.Groups}
	case *snn.Dense:
		weight = k.Weight.Clone()
		c.through = &snn.Dense{Weight: weight}
	}
	per := len(weight.Data) / len(x)
	for i := range weight.Data {
		weight.Data[i] *= x[i/per]
	}
	c.bias = slices.Clone(v.bias)
	for i := range c.bias {
		c.bias[i] *= float64(x[i])
	}
	return &c, nil
}

// times returns scales times those of a Scale node, as one number if they are the same in
// all channels.
func times(scale []float64, x []float32) []float64 {
	list := make([]float64, len(x))
	for c, f := range x {
		list[c] = scale[min(c, len(scale)-1)] * float64(f)
	}
	if !slices.ContainsFunc(list, func(f float64) bool { return f != list[0] }) {
		return list[:1]
	}
	return list
}
