package reference

import (
	"context"
	"fmt"

	"sresnet/snn"
	"sresnet/tensor"
)

// Rates returns what every layer's spike rate tends to as T grows, if no neuron
// saturates and all rate curves are lines, see [snn.Neuron]: the network with a
// rectifier in place of its neurons, in float64.
// Multiplied by Lambda they are the trained network's activations, which is what
// tells a wrong conversion from a merely spiking one. Values are CHW, and those
// of the last layer are not rectified.
//
// most, unless nil, has the largest activation of every layer, where the trained network
// bounds them: rates end at it over their lambda. If ctx ends, Rates returns its
// error within an output channel of a layer.
func Rates(ctx context.Context, net *snn.Network, image []float32, most []float64) ([][]float64, error) {
	x := make([]float64, len(image))
	for i, v := range image {
		x[i] = float64(v)
	}
	rates := make([][]float64, len(net.Layers))
	for li := range net.Layers {
		l := &net.Layers[li]
		y, err := Currents(ctx, net, li, rates, x)
		if rates[li] = y; err != nil {
			return nil, err
		}
		if l.IsGate() {
			continue
		}
		gain, offset := l.Neuron.Line()
		plane := l.Shape[1] * l.Shape[2]
		for o := range y {
			c := o / plane
			y[o] = (y[o]/float64(l.Neuron.ThresholdOf(c)) - offset) / gain
			if li < len(net.Layers)-1 {
				y[o] = max(y[o], 0)
			}
			if most != nil {
				y[o] = min(y[o], most[li]/float64(l.LambdaOf(c)))
			}
		}
	}
	return rates, nil
}

// Currents returns the mean current into every neuron of layer li, CHW, in float64: what
// synapses bring from those mean spikes per timestep of the layers before it and from the
// image x, and the bias. Of a gate it is what it hands on. It ends as [Rates] does.
func Currents(ctx context.Context, net *snn.Network, li int, rates [][]float64, x []float64) ([]float64, error) {
	sum, err := Brought(ctx, net, li, rates, x)
	l := &net.Layers[li]
	if err != nil || l.Bias == nil {
		return sum, err
	}
	plane := l.Shape[1] * l.Shape[2]
	for o := range sum {
		sum[o] += float64(l.Bias[o/plane])
	}
	return sum, nil
}

// Brought returns what of [Currents] synapses bring, of those layers that have rates and of
// the image unless it is nil.
func Brought(ctx context.Context, net *snn.Network, li int, rates [][]float64, x []float64) ([]float64, error) {
	l := &net.Layers[li]
	sum, plane := make([]float64, l.Shape.Len()), l.Shape[1]*l.Shape[2]
	for c := range l.Shape[0] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		y := sum[c*plane:][:plane]
		for _, syn := range l.Synapses {
			src, in, q := x, net.ShapeOf(syn.From), 1.0
			if syn.From != snn.FromInput {
				src, q = rates[syn.From], float64(net.Layers[syn.From].Charge)
			}
			if src != nil {
				current(y, c, l.Shape, syn.Connection, src, in, q)
			}
		}
	}
	return sum, nil
}

// current adds to y, channel c of a layer of shape out, what connection k brings
// from the rates src of a layer of shape in, whose spikes carry q.
func current(y []float64, c int, out tensor.Shape, k snn.Connection, src []float64, in tensor.Shape, q float64) {
	switch k := k.(type) {
	case *snn.Conv:
		currentOfConv(y, c, out, k, src, in, q)
	case *snn.Dense:
		row := k.Weight.Data[c*len(src):][:len(src)]
		for i, w := range row {
			y[0] += float64(src[i] * float64(w) * q)
		}
	case *snn.Shortcut:
		from := c - k.Offset
		if from < 0 || from >= in[0] {
			return
		}
		for o := range y {
			row, col := k.Start[0]+o/out[2]*k.Stride[0], k.Start[1]+o%out[2]*k.Stride[1]
			y[o] += float64(src[(from*in[1]+row)*in[2]+col] * float64(k.ScaleOf(from)) * q)
		}
	case *snn.AveragePool:
		for o := range y {
			r, col := o/out[2], o%out[2]
			w := float64(k.WeightAt(c, r, col, in[1], in[2])) * q
			forWindow(k.Window, in, c, r, col, func(i int) { y[o] += float64(src[i] * w) })
		}
	case *snn.MaxPool:
		for o := range y {
			forWindow(k.Window, in, c, o/out[2], o%out[2], func(i int) { y[o] = max(y[o], src[i]) })
		}
	default:
		panic(fmt.Sprintf("reference: connection %T", k))
	}
}

// currentOfConv is current for a convolution: weight after weight, each times all
// of the source that it meets. Unlike the sums of [Run], this one has no order to
// keep, and the loop over a row is a short one.
func currentOfConv(y []float64, c int, out tensor.Shape, k *snn.Conv, src []float64, in tensor.Shape, q float64) {
	win, ws := k.Window, k.Weight.Shape
	first := c / (out[0] / k.Groups) * ws[1] // First source channel of the group.
	for i := range ws[1] {
		plane := src[(first+i)*in[1]*in[2]:][:in[1]*in[2]]
		for ky := range ws[2] {
			for kx := range ws[3] {
				w := float64(k.Weight.Data[((c*ws[1]+i)*ws[2]+ky)*ws[3]+kx]) * q
				for r := range out[1] {
					row := win.Row(r, ky)
					if row < 0 || row >= in[1] {
						continue
					}
					line, sum := plane[row*in[2]:][:in[2]], y[r*out[2]:][:out[2]]
					x := win.Col(0, kx)
					for col := range sum {
						if x >= 0 && x < len(line) {
							sum[col] += float64(line[x] * w)
						}
						x += win.Stride[1]
					}
				}
			}
		}
	}
}
