package convert

import (
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// foldBatchNorm replaces every batch normalisation behind a convolution or fully
// connected layer by that layer with
//
//	W_f = (gamma / sigma) W     b_f = beta + (gamma / sigma) (b - mu)     sigma = sqrt(var + eps)
//
// per output channel, in float64 and rounded once.
func foldBatchNorm(g *ann.Graph) {
	nodes := g.ByName()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		bn, ok := n.Op.(*ann.BatchNormalization)
		if !ok {
			continue
		}
		source := nodes[n.Inputs[0]]
		if source == nil {
			continue
		}
		// The source itself stays for others that take it, if there are any.
		switch op := source.Op.(type) {
		case *ann.Conv:
			f := &ann.Conv{Window: op.Window, Groups: op.Groups}
			f.Weight, f.Bias = normalised(op.Weight, op.Bias, bn)
			n.Op, n.Inputs = f, slices.Clone(source.Inputs)
		case *ann.Gemm:
			f := &ann.Gemm{}
			f.Weight, f.Bias = normalised(op.Weight, op.Bias, bn)
			n.Op, n.Inputs = f, slices.Clone(source.Inputs)
		}
	}
	dropUnused(g)
}

// affine returns bn as y = a x + b per channel, in float64.
func affine(bn *ann.BatchNormalization) (a, b []float64) {
	a, b = make([]float64, len(bn.Scale)), make([]float64, len(bn.Scale))
	for c := range a {
		a[c] = float64(bn.Scale[c]) / math.Sqrt(float64(bn.Var[c])+float64(bn.Epsilon))
		b[c] = float64(bn.Bias[c]) - a[c]*float64(bn.Mean[c])
	}
	return a, b
}

// normalised returns weights, output channels outermost, and bias with bn behind.
func normalised(w *tensor.Tensor, bias []float32, bn *ann.BatchNormalization) (*tensor.Tensor, []float32) {
	scale, shift := affine(bn)
	f, b := tensor.New(w.Shape...), make([]float32, len(scale))
	per := len(w.Data) / len(scale)
	for o := range b {
		for i := o * per; i < (o+1)*per; i++ {
			f.Data[i] = float32(float64(w.Data[i]) * scale[o])
		}
		if bias != nil {
			shift[o] += scale[o] * float64(bias[o])
		}
		b[o] = float32(shift[o])
	}
	return f, b
}

// foldAhead folds a batch normalisation that stands behind something else into
// the layers that follow, if all of them are fully connected, perhaps with a
// Flatten between, or convolutions without padding: over padding, where the
// normalised value is zero and not what zero becomes, there is no such weight.
//
//	W_f = W a     b_f = b + W s     for the normalisation y = a x + s per input channel
func foldAhead(g *ann.Graph) {
	consumers, dropped := g.Consumers(), redirection{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		dropped.apply(n)
		bn, ok := n.Op.(*ann.BatchNormalization)
		if !ok || n.Name == g.Output {
			continue
		}
		area := n.Shape.Len() / n.Shape[0]
		takers, ok := linearTakers(g, consumers, n.Name)
		if !ok {
			continue
		}
		for _, t := range takers {
			foldInput(t.Op, bn, area)
		}
		dropped[n.Name] = n.Inputs[0]
	}
	dropUnused(g)
}

// linearTakers returns the fully connected layers and convolutions without
// padding that take name, and whether nothing else does.
func linearTakers(g *ann.Graph, consumers map[string][]int, name string) (takers []*ann.Node, ok bool) {
	for _, i := range consumers[name] {
		n := &g.Nodes[i]
		switch op := n.Op.(type) {
		case *ann.Gemm:
			takers = append(takers, n)
		case *ann.Conv:
			if op.Window.Pad != [4]int{} {
				return nil, false
			}
			takers = append(takers, n)
		case *ann.Flatten:
			if n.Name == g.Output {
				return nil, false
			}
			more, ok := linearTakers(g, consumers, n.Name)
			if !ok {
				return nil, false
			}
			takers = append(takers, more...)
		default:
			return nil, false
		}
	}
	return takers, true
}

// foldInput folds bn, which normalises the input of op, into op. An input channel
// of a Gemm is area inputs.
func foldInput(op ann.Op, bn *ann.BatchNormalization, area int) {
	scale, shift := affine(bn)
	switch op := op.(type) {
	case *ann.Gemm:
		out, in := op.Weight.Shape[0], op.Weight.Shape[1]
		op.Bias = folded(op.Weight.Data, op.Bias, out, func(_, i int) int { return i % in / area }, scale, shift)
	case *ann.Conv:
		s := op.Weight.Shape
		taps := s[2] * s[3]
		op.Bias = folded(op.Weight.Data, op.Bias, s[0], func(o, i int) int {
			return o/(s[0]/op.Groups)*s[1] + i%(s[1]*taps)/taps
		}, scale, shift)
	}
}

// folded scales weights in place and returns the new bias. channel gives the
// input channel of weight i, which belongs to output o.
func folded(w, bias []float32, out int, channel func(o, i int) int, scale, shift []float64) []float32 {
	b := make([]float32, out)
	per := len(w) / out
	for o := range b {
		sum := 0.0
		if bias != nil {
			sum = float64(bias[o])
		}
		for i := o * per; i < (o+1)*per; i++ {
			c := channel(o, i)
			sum += float64(w[i]) * shift[c]
			w[i] = float32(float64(w[i]) * scale[c])
		}
		b[o] = float32(sum)
	}
	return b
}
