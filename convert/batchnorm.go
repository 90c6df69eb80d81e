package convert

import (
	"slices"
	"strings"

	"sresnet/ann"
	"sresnet/tensor"
)

// foldBatchNorm replaces every batch normalisation after a convolution or fully
// connected layer by that layer with
//
//	W_f = (gamma / sigma) W     b_f = beta + (gamma / sigma) (b - mu)     sigma = sqrt(var + eps)
//
// per output channel, in float64 and rounded once.
func foldBatchNorm(g *folding) {
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
		if op, ok := source.Op.(ann.Weighted); ok {
			// The source itself stays for others that take it, if there are any.
			n.Op, n.Inputs = op.WithWeights(normalised(op, bn)), slices.Clone(source.Inputs)
			g.fates[n.Name], g.moved[source.Name] = "folded into "+source.Name, n.Name
		}
	}
	dropUnused(g)
}

// normalised returns the weights and the bias of op with bn behind.
func normalised(op ann.Weighted, bn *ann.BatchNormalization) (*tensor.Tensor, []float32) {
	w, bias := op.Weights()
	scale, shift := bn.Affine()
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

// foldAhead folds a batch normalisation that follows something else into the
// layers that follow, if all of them are fully connected, perhaps with a Flatten
// between, or convolutions without padding: over padding, where the normalised
// value is zero and not what zero becomes, there is no such weight.
//
//	W_f = W a     b_f = b + W s     for the normalisation y = a x + s per input channel
func foldAhead(g *folding) {
	consumers, dropped := g.Consumers(), redirection{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		dropped.apply(n)
		bn, ok := n.Op.(*ann.BatchNormalization)
		if !ok || n.Name == g.Output {
			continue
		}
		takers, ok := linearTakers(g.Graph, consumers, n.Name)
		if !ok {
			continue
		}
		var names []string
		for _, t := range takers {
			t.Op = withInput(t.Op.(ann.Weighted), bn)
			names = append(names, t.Name)
		}
		g.fates[n.Name] = "folded into " + strings.Join(names, " and ")
		dropped[n.Name] = n.Inputs[0]
	}
	dropUnused(g)
}

// linearTakers returns the fully connected layers and convolutions without
// padding that take name, and whether nothing else does.
func linearTakers(g *ann.Graph, consumers map[string][]int, name string) (takers []*ann.Node, ok bool) {
	for _, i := range consumers[name] {
		n := &g.Nodes[i]
		if op, ok := n.Op.(ann.Weighted); ok {
			if w := op.Fan(n.Shape).Window; w != nil && w.Pad != [4]int{} {
				return nil, false
			}
			takers = append(takers, n)
			continue
		}
		if !flat(n) || n.Name == g.Output {
			return nil, false
		}
		more, ok := linearTakers(g, consumers, n.Name)
		if !ok {
			return nil, false
		}
		takers = append(takers, more...)
	}
	return takers, true
}

// withInput returns op for an input that bn does not normalise any more.
func withInput(op ann.Weighted, bn *ann.BatchNormalization) ann.Weighted {
	scale, shift := bn.Affine()
	old, bias := op.Weights()
	w, b := old.Clone(), make([]float32, old.Shape[0])
	per := len(w.Data) / len(b)
	for o := range b {
		sum := 0.0
		if bias != nil {
			sum = float64(bias[o])
		}
		for i := o * per; i < (o+1)*per; i++ {
			c := op.Channel(i, len(scale))
			sum += float64(w.Data[i]) * shift[c]
			w.Data[i] = float32(float64(w.Data[i]) * scale[c])
		}
		b[o] = float32(sum)
	}
	return op.WithWeights(w, b)
}
