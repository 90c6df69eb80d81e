package tune

import (
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// scale makes layer i of the result from the unscaled one: with lambda_in of a source's
// channel and lambda_out of its own,
//
//	W~ = W lambda_in / lambda_out     b~ = b / lambda_out     threshold 1
//
// and the identity shortcut becomes one weight per channel.
func (t *tuner) scale(i int) {
	unit, l := &t.net.Layers[i], &t.out.Layers[i]
	*l = *unit
	out := t.lambda[i]
	l.Lambda, l.Lambdas = slices.Max(out), nil
	if slices.Min(out) != l.Lambda {
		l.Lambdas = slices.Clone(out)
	}
	l.Rate = t.rate(i)
	l.Synapses = slices.Clone(unit.Synapses)
	for j, s := range l.Synapses {
		in := []float32{1}
		if s.From != snn.FromInput {
			in = t.lambda[s.From]
		}
		l.Synapses[j].Connection = scaled(s.Connection, t.net.ShapeOf(s.From), in, out)
	}
	l.Bias, l.Shift = divided(unit.Bias, out), divided(unit.Shift, out)
}

// rate returns the mean rate to expect of layer i.
func (t *tuner) rate(i int) float32 {
	sum := 0.0
	for c, lambda := range t.lambda[i] {
		sum += t.trained[i].meanA(c) / float64(lambda)
	}
	return float32(min(sum/float64(len(t.lambda[i])), 1))
}

// divided returns x over lambda, channel by channel; nil for nil.
func divided(x, lambda []float32) []float32 {
	if x == nil {
		return nil
	}
	y := make([]float32, len(x))
	for c, v := range x {
		y[c] = float32(float64(v) / float64(lambda[c]))
	}
	return y
}

// scaled returns the connection of a source of shape with its lambdas in, one for all of an
// image, into a layer with the lambdas out.
func scaled(k snn.Connection, shape tensor.Shape, in, out []float32) snn.Connection {
	ratio := func(o, i int) float64 {
		if len(in) == 1 {
			i = 0
		}
		return float64(in[i]) / float64(out[o])
	}
	switch k := k.(type) {
	case *snn.Conv:
		c, ws := *k, k.Weight.Shape
		c.Weight = tensor.New(ws...)
		area, perGroup := ws[2]*ws[3], ws[0]/k.Groups
		for j, w := range k.Weight.Data {
			o, i := j/(ws[1]*area), j/area%ws[1]
			c.Weight.Data[j] = float32(float64(w) * ratio(o, o/perGroup*ws[1]+i))
		}
		return &c
	case *snn.Dense:
		c, n, plane := *k, k.Weight.Shape[1], shape[1]*shape[2]
		c.Weight = tensor.New(k.Weight.Shape...)
		for j, w := range k.Weight.Data {
			c.Weight.Data[j] = float32(float64(w) * ratio(j/n, j%n/plane))
		}
		return &c
	case *snn.Shortcut:
		c := *k
		c.Scale, c.Scales = uniform(scales(shape[0], func(i int) float64 { return float64(k.ScaleOf(i)) * ratio(i+k.Offset, i) }))
		return &c
	case *snn.AveragePool:
		c := *k
		c.Scale, c.Scales = uniform(scales(shape[0], func(i int) float64 { return float64(k.ScaleOf(i)) * ratio(i, i) }))
		return &c
	}
	return k
}

func scales(channels int, of func(c int) float64) []float32 {
	s := make([]float32, channels)
	for c := range s {
		s[c] = float32(of(c))
	}
	return s
}

// uniform returns scales as one for all, if they are the same, or as the largest and all.
func uniform(s []float32) (float32, []float32) {
	most := slices.Max(s)
	if slices.Min(s) == most {
		return most, nil
	}
	return most, s
}
