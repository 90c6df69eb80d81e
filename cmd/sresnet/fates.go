package main

import (
	"fmt"

	"sresnet/ann"
	"sresnet/convert"
)

// fates says what becomes of each operator of a trained network. It reads the
// graph as package convert does, but puts into words what that package does, and
// has something to say of every node of a graph that does not convert.
type fates struct {
	kept        map[string]*ann.Node // Nodes of the folded graph.
	unsupported map[string]string    // Reason by node.

	// Of every node; see [fates.ahead] and [fates.behind].
	target   map[string]string
	summed   map[string]bool
	output   map[string]bool
	shortcut map[string]string
}

func newFates(g *ann.Graph) (*fates, error) {
	bad, err := convert.Unsupported(g)
	if err != nil {
		return nil, err
	}
	folded, err := convert.Fold(g)
	if err != nil {
		return nil, err
	}
	f := &fates{
		kept: folded.ByName(), unsupported: make(map[string]string),
		target: make(map[string]string), summed: make(map[string]bool), output: make(map[string]bool), shortcut: make(map[string]string),
	}
	for _, u := range bad {
		f.unsupported[u.Node] = u.Reason
	}
	consumers := g.Consumers()
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		f.output[n.Name] = n.Name == g.Output
		if c := consumers[n.Name]; len(c) > 0 {
			f.ahead(n.Name, &g.Nodes[c[0]])
		}
	}
	for i := range g.Nodes {
		f.behind(&g.Nodes[i])
	}
	return f, nil
}

// ahead finds, of a node and the first one that takes it, of which all is known:
//   - target, the population that its output is a current of;
//   - summed, whether its output goes straight into a residual sum;
//   - output, whether nothing but a softmax follows it.
func (f *fates) ahead(name string, next *ann.Node) {
	f.target[name] = next.Name
	switch next.Op.(type) {
	case *ann.Add:
		f.summed[name] = true
	case *ann.Slice, *ann.Pad, *ann.BatchNormalization:
		f.summed[name] = f.summed[next.Name]
	case *ann.Flatten, *ann.Softmax:
		f.output[name] = f.output[name] || f.output[next.Name]
	}
	switch next.Op.(type) {
	case *ann.BatchNormalization, *ann.Add, *ann.Slice, *ann.Pad, *ann.Flatten:
		f.target[name] = f.target[next.Name]
	}
}

// behind finds, of a node, shortcut: the population whose spikes arrive at it
// through nothing but one-to-one synapses; none if a convolution lies between.
func (f *fates) behind(n *ann.Node) {
	switch n.Op.(type) {
	case *ann.Slice, *ann.Pad:
		f.shortcut[n.Name] = f.shortcut[n.Inputs[0]]
	case *ann.Relu, *ann.Clip, *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool:
		f.shortcut[n.Name] = n.Name
	}
}

// of returns what becomes of n.
func (f *fates) of(n *ann.Node) string {
	if reason, ok := f.unsupported[n.Name]; ok {
		return "unsupported: " + reason
	}
	switch op := n.Op.(type) {
	case *ann.Conv, *ann.Gemm:
		if f.output[n.Name] {
			return fmt.Sprintf("synapses, and the output population of %d IF neurons", n.Shape.Len())
		}
		return "synapses into " + f.into(n)
	case *ann.BatchNormalization:
		return "folded into " + n.Inputs[0]
	case *ann.Relu:
		if f.kept[n.Name] == nil {
			return "dropped: its input is never negative"
		}
		return fmt.Sprintf("population of %d IF neurons", n.Shape.Len())
	case *ann.Clip:
		return fmt.Sprintf("population of %d IF neurons, lambda at most %v", n.Shape.Len(), op.Max)
	case *ann.Add:
		return f.sum(n)
	case *ann.MaxPool:
		return fmt.Sprintf("max-pool gate of %d units", n.Shape.Len())
	case *ann.AveragePool, *ann.GlobalAveragePool:
		if f.summed[n.Name] {
			return "synapses of one weight into " + f.into(n)
		}
		return fmt.Sprintf("synapses of one weight, and a population of %d IF neurons", n.Shape.Len())
	case *ann.Slice, *ann.Pad:
		return "part of the shortcut into " + f.into(n)
	case *ann.Flatten:
		return "nothing: the neurons stay in order"
	case *ann.Softmax:
		return "dropped: the class is read from spikes"
	}
	return ""
}

// sum describes a residual sum: nothing of its own, but for identity shortcuts.
func (f *fates) sum(n *ann.Node) string {
	text := "nothing: its branches are currents"
	for _, in := range n.Inputs {
		if source := f.shortcut[in]; source != "" {
			text += fmt.Sprintf("; shortcut from %s, weight lambda(from)/lambda(to)", source)
		}
	}
	return text
}

// into returns the population that the output of n is a current of.
func (f *fates) into(n *ann.Node) string {
	if to := f.target[n.Name]; to != "" {
		return to
	}
	return "what follows"
}

// neurons returns how many neurons n becomes.
func (f *fates) neurons(n *ann.Node) int {
	switch n.Op.(type) {
	case *ann.Relu, *ann.Clip:
		if f.kept[n.Name] != nil {
			return n.Shape.Len()
		}
	case *ann.AveragePool, *ann.GlobalAveragePool:
		if !f.summed[n.Name] {
			return n.Shape.Len()
		}
	case *ann.Conv, *ann.Gemm:
		if f.output[n.Name] {
			return n.Shape.Len()
		}
	}
	return 0
}
