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
// where v is spikes, moved perhaps, to which the normalisation gives a weight per channel.
func spreadNorm(g *folding) {
	nodes, known := g.ByName(), rectified{}
	list := make([]ann.Node, 0, len(g.Nodes))
	away := make(map[string]string) // Fates of nodes that nothing needs any more, perhaps.
	for _, n := range g.Nodes {
		known.see(&n)
		bn, ok := n.Op.(*ann.BatchNormalization)
		if source := nodes[n.Inputs[0]]; ok && isSum(source) {
			if branches, ok := currents(nodes, known, source); ok {
				scale, shift := bn.Affine()
				var inputs, into []string
				away[source.Name] = "nothing: " + areCurrents
				for _, b := range branches {
					op := b.op.WithWeights(scaled(b.op, scale, shift))
					part := ann.Node{Name: g.newPart(n.Name), Op: op, Inputs: []string{b.from}, Shape: n.Shape}
					if b.name != b.from {
						g.owner[part.Name] = g.does(b.name)
						into = append(into, g.does(b.name))
						for m := nodes[b.name]; m.Inputs[0] != b.from; m = nodes[m.Inputs[0]] {
							away[m.Inputs[0]] = "folded into " + g.does(b.name)
						}
					}
					inputs, list = append(inputs, part.Name), append(list, part)
					shift = make([]float64, len(scale)) // Once is enough.
				}
				if len(into) > 0 {
					slices.Sort(into)
					g.fates[n.Name] = "folded into " + enumerate(slices.Compact(into))
				}
				g.changed = true
				n.Op, n.Inputs = &ann.Add{}, inputs
			}
		}
		list = append(list, n)
	}
	g.Nodes = list
	dropUnused(g)
	nodes = g.ByName()
	for name, words := range away {
		if nodes[name] == nil {
			g.fates[name] = words
		}
	}
}

// branch is a branch of a sum as weights.
type branch struct {
	name string // Of the node that it is, which moves spikes perhaps, or is their population.
	op   ann.Weighted
	from string // What the weights take.
}

// currents returns the branches of a sum, and of the sums among them, if each is
// weights or the spikes of an image.
func currents(nodes map[string]*ann.Node, known rectified, sum *ann.Node) (list []branch, ok bool) {
	for _, in := range sum.Inputs {
		if isSum(nodes[in]) {
			more, ok := currents(nodes, known, nodes[in])
			if !ok {
				return nil, false
			}
			list = append(list, more...)
			continue
		}
		b, ok := asWeights(nodes, known, in)
		if !ok {
			return nil, false
		}
		list = append(list, b)
	}
	return list, true
}

// asWeights returns the named value as weights of what they take, if it is weights, or
// the spikes of an image, those moved or a multiple.
func asWeights(nodes map[string]*ann.Node, known rectified, name string) (b branch, ok bool) {
	n := nodes[name]
	if n == nil {
		return branch{}, false
	}
	if op, ok := n.Op.(ann.Weighted); ok {
		return branch{name, op, n.Inputs[0]}, true
	}
	if known[name] && len(n.Shape) == 3 {
		return branch{name, diagonal(slices.Repeat([]float64{1}, n.Shape[0]), nil), name}, true
	}
	switch m := n.Op.(type) {
	case *ann.Scale:
		if b, ok = asWeights(nodes, known, n.Inputs[0]); ok {
			w, _ := b.op.Weights()
			by := slices.Repeat([]float64{float64(m.Factor)}, w.Shape[0])
			b.op = b.op.WithWeights(scaled(b.op, by, make([]float64, len(by))))
			return b, true
		}
	case *ann.Pad:
		if m.Before[1] == 0 && m.Before[2] == 0 && m.After[1] == 0 && m.After[2] == 0 {
			if b, ok = asWeights(nodes, known, n.Inputs[0]); ok {
				at := countTo(n.Shape[0] - m.Before[0] - m.After[0])
				for i := range at {
					at[i] += m.Before[0]
				}
				return branch{name, rows(b.op, at, n.Shape[0]), b.from}, true
			}
		}
	case *ann.Slice:
		v := summand{step: [2]int{1, 1}}
		for of := n; of != nil; of = nodes[v.from] {
			m, ok := of.Op.(*ann.Slice)
			if !ok || m.Start[0] != 0 || m.Size[0] != n.Shape[0] || m.Step[0] != 1 {
				break
			}
			for i := range 2 { // What is taken of what of takes.
				v.at[i] = m.Start[i+1] + v.at[i]*m.Step[i+1]
				v.step[i] *= m.Step[i+1]
			}
			v.from = of.Inputs[0]
		}
		if source := nodes[v.from]; known[v.from] && source.Shape[0] == n.Shape[0] {
			return branch{name, taken(source.Shape, n.Shape, v, 1), v.from}, true
		}
	}
	return branch{}, false
}

func float32s(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
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
