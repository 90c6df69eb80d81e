package convert

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// normToConv makes synapses of batch normalisations between spikes and the ReLUs, or
// sums, behind them: one weight per channel, a convolution of one tap in as many groups.
func normToConv(g *folding) {
	consumers, known := g.Consumers(), rectified{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		known.see(n)
		bn, ok := n.Op.(*ann.BatchNormalization)
		if !ok || len(n.Shape) != 3 || !known[n.Inputs[0]] || n.Name == g.Output {
			continue
		}
		for _, t := range consumers[n.Name] {
			_, rectifies := g.Nodes[t].Op.(ann.Rectifier)
			ok = ok && (rectifies || isSum(&g.Nodes[t]) || isScale(&g.Nodes[t]))
		}
		if ok {
			scale, shift := bn.Affine()
			n.Op, g.changed = diagonal(scale, shift), true
		}
	}
}

// spreadNorm folds batch normalisations of sums into the branches: with the
// normalisation y = a x + s per channel,
//
//	a (W u + b + v) + s = (a W) u + (a b + s) + a v
//
// where v is spikes, to which the normalisation gives a weight per channel.
func spreadNorm(g *folding) {
	nodes, known := g.ByName(), rectified{}
	list := make([]ann.Node, 0, len(g.Nodes))
	for _, n := range g.Nodes {
		known.see(&n)
		bn, ok := n.Op.(*ann.BatchNormalization)
		if source := nodes[n.Inputs[0]]; ok && isSum(source) {
			if branches, ok := currents(nodes, known, source); ok {
				scale, shift := bn.Affine()
				var inputs []string
				for _, b := range branches {
					part := normed(nodes, b, g.newPart(n.Name), n.Shape, scale, shift)
					if _, ok := nodes[b].Op.(ann.Weighted); ok {
						g.owner[part.Name] = g.does(b)
					}
					inputs, list = append(inputs, part.Name), append(list, part)
					shift = make([]float64, len(scale)) // Once is enough.
				}
				g.fates[source.Name], g.changed = "nothing: its branches are currents", true
				n.Op, n.Inputs = &ann.Add{}, inputs
			}
		}
		list = append(list, n)
	}
	g.Nodes = list
	dropUnused(g)
}

// currents returns the branches of a sum, and of the sums among them, if each is
// weights or the spikes of an image.
func currents(nodes map[string]*ann.Node, known rectified, sum *ann.Node) (list []string, ok bool) {
	for _, in := range sum.Inputs {
		n := nodes[in]
		if n == nil {
			return nil, false
		}
		_, weighted := n.Op.(ann.Weighted)
		switch {
		case isSum(n):
			more, ok := currents(nodes, known, n)
			if !ok {
				return nil, false
			}
			list = append(list, more...)
		case weighted || known[in] && len(n.Shape) == 3, channelPad(n) && known[n.Inputs[0]], isScale(n) && known[n.Inputs[0]] && len(n.Shape) == 3:
			list = append(list, in)
		default:
			return nil, false
		}
	}
	return list, true
}

// channelPad reports whether n adds channels of zeros and nothing else.
func channelPad(n *ann.Node) bool {
	op, ok := n.Op.(*ann.Pad)
	return ok && op.Before[1] == 0 && op.Before[2] == 0 && op.After[1] == 0 && op.After[2] == 0
}

func float32s(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// normed returns a node of that name and shape that multiplies the channels of a branch
// by scale and adds shift.
func normed(nodes map[string]*ann.Node, branch, name string, shape tensor.Shape, scale, shift []float64) ann.Node {
	n := nodes[branch]
	if op, ok := n.Op.(ann.Weighted); ok {
		return ann.Node{Name: name, Op: op.WithWeights(scaled(op, scale, shift)), Inputs: slices.Clone(n.Inputs), Shape: shape}
	}
	if op, ok := n.Op.(*ann.Pad); ok {
		first := op.Before[0]
		at := countTo(shape[0] - op.After[0] - first)
		for i := range at {
			at[i] += first
		}
		w := rows(diagonal(scale[first:shape[0]-op.After[0]], nil), at, shape[0])
		weights, _ := w.Weights()
		return ann.Node{Name: name, Op: w.WithWeights(weights, float32s(shift)), Inputs: slices.Clone(n.Inputs), Shape: shape}
	}
	if op, ok := n.Op.(*ann.Scale); ok {
		branch, scale = n.Inputs[0], slices.Clone(scale)
		for i := range scale {
			scale[i] *= float64(op.Factor)
		}
	}
	return ann.Node{Name: name, Op: diagonal(scale, shift), Inputs: []string{branch}, Shape: shape}
}

// scaled returns the weights and the bias of op with its outputs times scale, plus shift.
func scaled(op ann.Weighted, scale, shift []float64) (*tensor.Tensor, []float32) {
	w, bias := op.Weights()
	f, b, any := tensor.New(w.Shape...), make([]float32, len(scale)), bias != nil
	per := len(w.Data) / len(scale)
	for o := range b {
		for i := o * per; i < (o+1)*per; i++ {
			f.Data[i] = float32(float64(w.Data[i]) * scale[o])
		}
		sum := shift[o]
		if bias != nil {
			sum += scale[o] * float64(bias[o])
		}
		b[o] = float32(sum)
		any = any || b[o] != 0
	}
	if !any {
		return f, nil
	}
	return f, b
}

// diagonal returns the convolution that multiplies channels by scale and adds shift,
// nil for none.
func diagonal(scale, shift []float64) *ann.Conv {
	n := len(scale)
	c := &ann.Conv{Weight: tensor.New(n, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: n}
	for i, v := range scale {
		c.Weight.Data[i] = float32(v)
	}
	if slices.ContainsFunc(shift, func(v float64) bool { return v != 0 }) {
		c.Bias = float32s(shift)
	}
	return c
}
