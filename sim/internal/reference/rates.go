package reference

import (
	"fmt"

	"sresnet/snn"
)

// Rates returns what every layer's spike rate tends to as T grows, if no neuron
// saturates: the network with a rectifier in place of its neurons, in float64.
// Multiplied by Lambda they are the trained network's activations, which is what
// tells a wrong conversion from a merely spiking one. Values are CHW, and those
// of the last layer are not rectified.
func Rates(net *snn.Network, image []float32) [][]float64 {
	x := make([]float64, len(image))
	for i, v := range image {
		x[i] = float64(v)
	}
	rates := make([][]float64, len(net.Layers))
	for li := range net.Layers {
		l := &net.Layers[li]
		y := make([]float64, l.Shape.Len())
		plane := l.Shape[1] * l.Shape[2]
		for _, syn := range l.Synapses {
			src, in, q := x, net.ShapeOf(syn.From), 1.0
			if syn.From != snn.FromInput {
				src, q = rates[syn.From], float64(net.Layers[syn.From].Charge)
			}
			switch k := syn.Connection.(type) {
			case *snn.Conv:
				forTaps(k, in, l.Shape, func(o, i, w int) { y[o] += src[i] * float64(k.Weight.Data[w]) * q })
			case *snn.Dense:
				forInputs(k, in, func(o, i, w int) { y[o] += src[i] * float64(k.Weight.Data[w]) * q })
			case *snn.Shortcut:
				for o := range y {
					c, r, col := o/plane-k.Offset, o%plane/l.Shape[2], o%l.Shape[2]
					if c >= 0 && c < in[0] {
						y[o] += src[(c*in[1]+k.Start[0]+r*k.Stride[0])*in[2]+k.Start[1]+col*k.Stride[1]] * float64(k.Scale) * q
					}
				}
			case *snn.AveragePool:
				for o := range y {
					r, col := o%plane/l.Shape[2], o%l.Shape[2]
					w := float64(k.WeightAt(r, col, in[1], in[2])) * q
					forWindow(k.Window, in, o/plane, r, col, func(i int) { y[o] += src[i] * w })
				}
			case *snn.MaxPool:
				for o := range y {
					forWindow(k.Window, in, o/plane, o%plane/l.Shape[2], o%l.Shape[2], func(i int) { y[o] = max(y[o], src[i]) })
				}
			default:
				panic(fmt.Sprintf("reference: connection %T", k))
			}
		}
		if !l.IsGate() {
			for o := range y {
				if l.Bias != nil {
					y[o] += float64(l.Bias[o/plane])
				}
				y[o] /= float64(l.Neuron.ThresholdOf(o / plane))
				if li < len(net.Layers)-1 {
					y[o] = max(y[o], 0)
				}
			}
		}
		rates[li] = y
	}
	return rates
}
