package convert

import (
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/snn"
	"sresnet/tensor"
)

// sum returns the synapses that together bring the value of the named node to
// the population of rectifier, nil for the output population, which has none:
// one for a plain layer, one a branch for a residual sum, whose sums of sums are
// one sum.
func (p *populator) sum(rectifier *ann.Node, name string) []term {
	n := p.nodes[name]
	if i, ok := p.index[name]; ok {
		if i == snn.FromInput {
			p.fail(unsupported(rectifier, "", "it takes the image itself, which must first pass through a convolution or a fully connected layer"))
			return nil
		}
		return []term{{from: i, connection: snn.Identity(1, p.shapeOf(i))}}
	}
	k, bias := p.connection(n)
	_, moves := n.Op.(ann.Mover)
	switch {
	case k != nil && snn.IsPool(k):
		p.noteSynapses(n, "synapses of one weight")
		return p.single(n, k)
	case k != nil && rectifier == nil:
		p.note(n, n.Shape.Len(), "synapses, and the output population of %d IF neurons", n.Shape.Len())
		return p.weights(n, k, bias)
	case k != nil:
		p.noteSynapses(n, "synapses")
		return p.weights(n, k, bias)
	case flat(n):
		return p.sum(rectifier, n.Inputs[0])
	case isSum(n):
		return p.branches(nil, n)
	case isScale(n):
		return p.times(rectifier, n)
	case moves:
		return p.shortcut(n)
	}
	if p.fail(p.unknown(n)) {
		p.sum(n, n.Inputs[0]) // For what is wrong before it.
	}
	return nil
}

// connection returns what n is as synapses, unless it is a sum or part of a
// shortcut, and the bias of their currents; nil if it is none.
func (p *populator) connection(n *ann.Node) (k snn.Connection, bias []float32) {
	in := p.g.Input.Shape
	if source := p.nodes[n.Inputs[0]]; source != nil {
		in = source.Shape
	}
	if bn, ok := n.Op.(*ann.BatchNormalization); ok && p.isVector(n.Inputs[0]) {
		scale, shift := bn.Affine()
		c := diagonal(scale, shift)
		return connection(c, in)
	}
	return connection(n.Op, in)
}

// isVector reports whether the named value is spikes of as many channels as it has
// elements, each of which can have a weight of its own.
func (p *populator) isVector(name string) bool {
	i, ok := p.index[name]
	return ok && i != snn.FromInput && p.list[i].shape[1] == 1 && p.list[i].shape[2] == 1 && len(p.nodes[name].Shape) == 1
}

// connection returns the synapses that op is for an input of shape in.
func connection(op ann.Op, in tensor.Shape) (k snn.Connection, bias []float32) {
	switch op := op.(type) {
	case *ann.Conv:
		return &snn.Conv{Weight: op.Weight, Window: op.Window, Groups: op.Groups}, op.Bias
	case *ann.Gemm:
		return &snn.Dense{Weight: op.Weight}, op.Bias
	case *ann.MaxPool:
		return &snn.MaxPool{Window: op.Window}, nil
	case *ann.AveragePool:
		return &snn.AveragePool{Window: op.Window, CountPad: op.CountPad, Scale: 1}, nil
	case *ann.GlobalAveragePool:
		w := tensor.Square(1, 1, 0)
		w.Kernel = [2]int{in[1], in[2]}
		return &snn.AveragePool{Window: w, Scale: 1}, nil
	}
	return nil, nil
}

// isPool reports whether n is a pool, which has the scale of its source.
func isPool(n *ann.Node) bool {
	k, _ := connection(n.Op, n.Shape)
	return k != nil && snn.IsPool(k)
}

// weights returns the synapse of a convolution or fully connected layer.
func (p *populator) weights(n *ann.Node, k snn.Connection, bias []float32) []term {
	from, ok := p.source(n, n.Inputs[0])
	if !ok {
		return nil
	}
	return []term{{from: from, connection: k, bias: bias}}
}

// times returns the synapses that bring a multiple of a value.
func (p *populator) times(rectifier *ann.Node, n *ann.Node) []term {
	factor := float64(n.Op.(*ann.Scale).Factor)
	terms := p.sum(rectifier, n.Inputs[0])
	for i := range terms {
		t := &terms[i]
		t.connection = t.connection.Scaled(factor)
		t.bias = slices.Clone(t.bias)
		for c, b := range t.bias {
			t.bias[c] = float32(float64(b) * factor)
		}
	}
	return terms
}

// maxTerms is to how many synapses of a population a sum that goes into several nodes
// may add its own: sums of such sums double them again and again.
const maxTerms = 1000

// branches appends the synapses of a sum to terms. If several nodes take it, each of
// them gets such synapses of its own.
func (p *populator) branches(terms []term, n *ann.Node) []term {
	if len(p.consumers[n.Name]) > 1 && len(terms) > maxTerms {
		p.fail(unsupported(n, "", "there are more than %d branches to the sum", maxTerms))
		return terms
	}
	words := "nothing: " + areCurrents
	if n.Name == p.into {
		words = fmt.Sprintf("the output population of %d IF neurons; %s", n.Shape.Len(), areCurrents)
	}
	var from []string
	for _, in := range n.Inputs {
		if i, ok := p.index[in]; ok && i == snn.FromInput {
			p.fail(unsupported(n, hintBranch, "the image itself is one of its branches, but must first pass through a convolution"))
			continue
		}
		if _, ok := p.index[in]; !ok && isSum(p.nodes[in]) {
			terms = p.branches(terms, p.nodes[in])
			continue
		}
		for _, t := range p.sum(n, in) {
			if _, ok := t.connection.(*snn.Shortcut); ok {
				from = append(from, p.list[t.from].node.Name)
			}
			terms = append(terms, t)
		}
	}
	neurons := 0
	if n.Name == p.into {
		neurons = n.Shape.Len()
	}
	if p.note(n, neurons, "%s", words) {
		p.shortcuts[n.Name] = from
	}
	return terms
}

// shortcut returns the one-to-one synapses of a chain of slices and pads that
// ends with n.
func (p *populator) shortcut(n *ann.Node) []term {
	taker := n
	var chain []*ann.Node // From the last to the first.
	for {
		if _, moves := n.Op.(ann.Mover); !moves {
			if p.fail(p.notSpikes(n, taker)) {
				p.sum(taker, n.Name) // For what is wrong before it.
			}
			return nil
		}
		p.noteSynapses(n, "part of the shortcut")
		chain = append(chain, n)
		taker = n
		if i, ok := p.index[n.Inputs[0]]; ok {
			if i == snn.FromInput {
				p.fail(unsupported(n, hintBranch, "it takes the image itself, which must first pass through a convolution"))
				return nil
			}
			return p.oneToOne(i, chain)
		}
		n = p.nodes[n.Inputs[0]]
	}
}

// oneToOne returns the synapses from population i through the chain.
func (p *populator) oneToOne(i int, chain []*ann.Node) []term {
	k := snn.Identity(1, append(tensor.Shape(nil), p.shapeOf(i)...))
	for j := len(chain) - 1; j >= 0; j-- {
		n := chain[j]
		switch op := n.Op.(type) {
		case *ann.Slice:
			if op.Start[0] != 0 || op.Size[0] != k.Shape[0] {
				p.fail(unsupported(n, hintBranch, "it takes only some of the channels"))
				return nil
			}
			for a := range 2 {
				k.Start[a] += op.Start[a+1] * k.Stride[a]
				k.Stride[a] *= op.Step[a+1]
				k.Shape[a+1] = op.Size[a+1]
			}
		case *ann.Pad:
			if op.Before[1] != 0 || op.Before[2] != 0 || op.After[1] != 0 || op.After[2] != 0 {
				p.fail(unsupported(n, hintBranch, "it pads rows or columns of a shortcut"))
				return nil
			}
			k.Offset += op.Before[0]
			k.Shape[0] += op.Before[0] + op.After[0]
		default:
			p.fail(unsupported(n, hintBranch, "it moves channels"))
			return nil
		}
	}
	return []term{{from: i, connection: k}}
}

// single returns the synapse of a pool, which takes spikes.
func (p *populator) single(n *ann.Node, k snn.Connection) []term {
	from, ok := p.source(n, n.Inputs[0])
	if !ok {
		return nil
	}
	if from == snn.FromInput {
		p.fail(unsupported(n, "", "it pools the image itself, which must first pass through a convolution"))
		return nil
	}
	return []term{{from: from, connection: k}}
}
