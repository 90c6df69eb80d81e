package convert

import (
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// foldBatchNorm replaces every batch normalisation after a convolution or fully
// connected layer by that layer with
//
//	W_f = (gamma / sigma) W     b_f = beta + (gamma / sigma) (b - mu)     sigma = sqrt(var + eps)
//
// per output channel, in float64 and rounded once.
//
// A layer that so many take that ON and OFF populations of it take fewer synapses than
// one for each stays as it is.
func foldBatchNorm(g *folding) {
	consumers, r := g.Consumers(), reach(g.Graph)
	foldBehind(g, func(n *ann.Node) bool {
		return len(consumers[n.Name]) == 1 || !pays(float64(ann.MACs(n)), r[n.Name], float64(n.Shape.Len()))
	})
}

// foldEvery is foldBatchNorm of all that there are.
func foldEvery(g *folding) { foldBehind(g, func(*ann.Node) bool { return true }) }

// foldBehind folds batch normalisations into the layers for which fold holds.
func foldBehind(g *folding, fold func(*ann.Node) bool) {
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
		if op, ok := source.Op.(ann.Weighted); ok && fold(source) {
			// The source itself stays for others that take it, if there are any.
			n.Op, n.Inputs = op.WithWeights(normalised(op, bn)), slices.Clone(source.Inputs)
			g.fates[n.Name], g.moved[source.Name] = "folded into "+g.does(source.Name), n.Name
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
			names = append(names, g.does(t.Name))
		}
		g.fates[n.Name] = "folded into " + enumerate(slices.Compact(names))
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

// foldThrough folds a batch norm into what is behind it, as [foldAhead], also through
// pools, into another batch norm, and a scale without offset into a convolution with
// padding, where zeros stay zero.
func foldThrough(g *folding) { g.foldOn(false) }

// offsetOverPadding folds a batch norm with an offset into convolutions with padding,
// where the offset is missing over the padding: it becomes a convolution, with the same
// padding, of a population of ones, which fire at every timestep.
//
//	conv(pad(a x + b)) = conv_{W a}(pad(x)) + conv_{sum W b}(pad(1))
func offsetOverPadding(g *folding) { g.foldOn(true) }

func (f *folding) foldOn(ones bool) {
	consumers, at := f.Consumers(), make(map[string]int, len(f.Nodes))
	for i := range f.Nodes {
		at[f.Nodes[i].Name] = i
	}
	for i := range f.Nodes {
		n := &f.Nodes[i]
		bn, ok := n.Op.(*ann.BatchNormalization)
		var mix *ann.Conv // A convolution of one position, with that behind.
		if !ok && ones {
			mix, bn = f.offsetOfMix(n)
			ok = mix != nil
		}
		if !ok || n.Name == f.Output {
			continue
		}
		a, b := bn.Affine()
		if mix != nil {
			if _, unpadded := f.affineTakers(consumers, n.Name, a, b, false); unpadded {
				continue // Composed as it is.
			}
		}
		takers, ok := f.affineTakers(consumers, n.Name, a, b, ones)
		if !ok || len(takers) == 0 || ones && len(f.Input.Shape) != 3 {
			continue
		}
		name, from := n.Name, n.Inputs[0]
		var into []string
		for _, t := range takers {
			into = append(into, f.does(t))
		}
		f.fates[name] = "folded into " + enumerate(slices.Compact(into))
		if mix != nil {
			w, _ := mix.Weights()
			n.Op = mix.WithWeights(w, nil)
		} else {
			for _, j := range consumers[name] {
				for k, in := range f.Nodes[j].Inputs {
					if in == name {
						f.Nodes[j].Inputs[k] = from
					}
				}
			}
			consumers[from] = append(slices.DeleteFunc(consumers[from], func(j int) bool { return j == i }), consumers[name]...)
			consumers[name] = nil
		}
		f.changed = true
		if !ones {
			for _, t := range takers {
				f.takeAffine(at[t], bn, b, nil)
			}
			continue
		}
		on := make(map[[2]int]string) // Populations of ones, by rows and columns.
		for _, t := range takers {
			f.takeAffine(slices.IndexFunc(f.Nodes, func(n ann.Node) bool { return n.Name == t }), bn, b, on)
		}
		neurons := 0
		for size := range on {
			neurons += size[0] * size[1]
		}
		if neurons > 0 {
			f.fates[name] += fmt.Sprintf("; its offset, which padding does not have, comes from %d neurons that fire at every timestep", neurons)
		}
		break // Nodes have moved; the rest when it is tried again.
	}
	dropUnused(f)
}

// offsetOfMix returns n, if it makes channels of the image's at each position, colours of grey
// or blue of red, as the file spells it and not by a convolution, and the batch norm that its
// bias is; nil if it does not, or has no bias.
func (f *folding) offsetOfMix(n *ann.Node) (*ann.Conv, *ann.BatchNormalization) {
	op, ok := n.Op.(*ann.Conv)
	if !ok || n.Spelled == "" || n.Inputs[0] != f.Input.Name || op.Window != tensor.Square(1, 1, 0) || op.Bias == nil {
		return nil, nil
	}
	c := len(op.Bias)
	return op, &ann.BatchNormalization{Scale: slices.Repeat([]float32{1}, c), Bias: slices.Clone(op.Bias), Mean: make([]float32, c), Var: slices.Repeat([]float32{1}, c)}
}

// affineTakers returns the names of the nodes that can take in y = a x + b, which they
// take through pools and views, and whether nothing else takes it.
func (f *folding) affineTakers(consumers map[string][]int, name string, a, b []float64, ones bool) (takers []string, ok bool) {
	for _, i := range consumers[name] {
		n := &f.Nodes[i]
		_, norm := n.Op.(*ann.BatchNormalization)
		op, weighted := n.Op.(ann.Weighted)
		switch {
		case norm:
			takers = append(takers, n.Name)
		case weighted:
			if !ones && padded(op, n) && shifts(b) {
				return nil, false
			}
			takers = append(takers, n.Name)
		case n.Name != f.Output && goesThrough(n, a, b):
			more, ok := f.affineTakers(consumers, n.Name, a, b, ones)
			if !ok {
				return nil, false
			}
			takers = append(takers, more...)
		default:
			return nil, false
		}
	}
	return slices.Compact(takers), true
}

func padded(op ann.Weighted, n *ann.Node) bool {
	w := op.Fan(n.Shape).Window
	return w != nil && w.Pad != [4]int{}
}

// takeAffine has node i take in bn, whose offset is b. Where it takes ones, it puts nodes
// before it, and notes them in on.
func (f *folding) takeAffine(i int, bn *ann.BatchNormalization, b []float64, on map[[2]int]string) {
	n := &f.Nodes[i]
	name := n.Name
	switch op := n.Op.(type) {
	case *ann.BatchNormalization:
		n.Op = composed(bn, op)
	case ann.Weighted:
		conv, ok := op.(*ann.Conv)
		if !ok || !padded(op, n) || !shifts(b) {
			n.Op = withInput(op, bn)
			return
		}
		in, _ := f.Shape(n.Inputs[0])
		size := [2]int{in[1], in[2]}
		if on[size] == "" {
			on[size] = f.ones(name, size)
			i += 2
			n = &f.Nodes[i]
		}
		unshifted := *bn
		unshifted.Bias, unshifted.Mean = make([]float32, len(b)), make([]float32, len(b))
		scaled := ann.Node{Name: f.fresh(name, "scaled"), Inputs: n.Inputs, Op: withInput(conv, &unshifted), Shape: n.Shape}
		offset := ann.Node{Name: f.fresh(name, "offset"), Inputs: []string{on[size]}, Op: offsets(conv, b), Shape: n.Shape}
		n.Op, n.Inputs = &ann.Add{}, []string{scaled.Name, offset.Name}
		f.insert(i, scaled, offset)
	}
}

// composed returns the batch norm that is one and then the other, which may be of the
// flattened image.
func composed(first, second *ann.BatchNormalization) *ann.BatchNormalization {
	a, b := first.Affine()
	c, d := second.Affine()
	out := &ann.BatchNormalization{Mean: make([]float32, len(c)), Var: slices.Repeat([]float32{1}, len(c))}
	for i := range c {
		k := i / (len(c) / len(a))
		out.Scale = append(out.Scale, float32(c[i]*a[k]))
		out.Bias = append(out.Bias, float32(float64(c[i]*b[k])+d[i]))
	}
	return out
}

// offsets returns the convolution of ones that is what op makes of the offset b of its
// input.
func offsets(op *ann.Conv, b []float64) *ann.Conv {
	s := op.Weight.Shape
	taps := s[2] * s[3]
	sum := make([]float64, s[0]*taps)
	for i, v := range op.Weight.Data {
		o, k := i/(s[1]*taps), i%taps
		sum[o*taps+k] += float64(float64(v) * b[op.Channel(i, len(b))])
	}
	w := tensor.New(s[0], 1, s[2], s[3])
	for i, v := range sum {
		w.Data[i] = float32(v)
	}
	return &ann.Conv{Weight: w, Window: op.Window, Groups: 1}
}

// ones puts a population of that many rows and columns, of which every activation is 1,
// at the beginning, and returns its name. It is a part of the named node.
func (f *folding) ones(name string, size [2]int) string {
	c, h, w := f.Input.Shape.CHW()
	win := tensor.Square(1, 1, 0)
	for i, n := range [2]int{h, w} {
		switch out := size[i]; {
		case out >= n:
			win.Pad[i+2] = out - n
		default: // The smallest kernel with which that many windows fit.
			if out > 1 {
				win.Stride[i] = (n - 1) / (out - 1)
			} else {
				win.Stride[i] = n
			}
			win.Kernel[i] = max(1, n-(out-1)*win.Stride[i]-(win.Stride[i]-1))
		}
	}
	op := &ann.Conv{Weight: tensor.New(1, c, win.Kernel[0], win.Kernel[1]), Bias: []float32{1}, Window: win, Groups: 1}
	source := ann.Node{Name: f.fresh(name, "one"), Inputs: []string{f.Input.Name}, Op: op, Shape: tensor.Shape{1, size[0], size[1]}}
	relu := ann.Node{Name: f.fresh(name, "ones"), Inputs: []string{source.Name}, Op: &ann.Relu{}, Shape: tensor.Shape{1, size[0], size[1]}}
	f.insert(0, source, relu)
	return relu.Name
}
