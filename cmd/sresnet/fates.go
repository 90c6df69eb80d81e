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
	g           *ann.Graph
	consumers   map[string][]int
	folded      *ann.Graph
	unsupported map[string]string // Reason by node.
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
	f := &fates{g: g, consumers: g.Consumers(), folded: folded, unsupported: make(map[string]string)}
	for _, u := range bad {
		f.unsupported[u.Node] = u.Reason
	}
	return f, nil
}

// of returns what becomes of n.
func (f *fates) of(n *ann.Node) string {
	if reason, ok := f.unsupported[n.Name]; ok {
		return "unsupported: " + reason
	}
	switch op := n.Op.(type) {
	case *ann.Conv, *ann.Gemm:
		if f.isOutput(n) {
			return fmt.Sprintf("synapses, and the output population of %d IF neurons", n.Shape.Len())
		}
		return "synapses into " + f.target(n.Name)
	case *ann.BatchNormalization:
		return "folded into " + n.Inputs[0]
	case *ann.Relu:
		if f.folded.Node(n.Name) == nil {
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
		if f.inShortcut(n) {
			return "synapses of one weight into " + f.target(n.Name)
		}
		return fmt.Sprintf("synapses of one weight, and a population of %d IF neurons", n.Shape.Len())
	case *ann.Slice, *ann.Pad:
		return "part of the shortcut into " + f.target(n.Name)
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
		if source := f.shortcutSource(in); source != "" {
			text += fmt.Sprintf("; shortcut from %s, weight lambda(from)/lambda(to)", source)
		}
	}
	return text
}

// shortcutSource returns the population whose spikes arrive at name through
// nothing but one-to-one synapses, or "" if a convolution lies between.
func (f *fates) shortcutSource(name string) string {
	for {
		n := f.g.Node(name)
		if n == nil {
			return ""
		}
		switch n.Op.(type) {
		case *ann.Slice, *ann.Pad:
			name = n.Inputs[0]
		case *ann.Relu, *ann.Clip, *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool:
			return name
		default:
			return ""
		}
	}
}

// inShortcut reports whether the output of n goes straight into a residual sum.
func (f *fates) inShortcut(n *ann.Node) bool {
	for n = f.only(n.Name); n != nil; n = f.only(n.Name) {
		switch n.Op.(type) {
		case *ann.Add:
			return true
		case *ann.Slice, *ann.Pad, *ann.BatchNormalization:
		default:
			return false
		}
	}
	return false
}

// target returns the population that the named node's output is a current of.
func (f *fates) target(name string) string {
	for {
		next := f.only(name)
		if next == nil {
			return "what follows"
		}
		switch next.Op.(type) {
		case *ann.BatchNormalization, *ann.Add, *ann.Slice, *ann.Pad, *ann.Flatten:
			name = next.Name
		default:
			return next.Name
		}
	}
}

// only returns the first consumer of name, or nil.
func (f *fates) only(name string) *ann.Node {
	if c := f.consumers[name]; len(c) > 0 {
		return &f.g.Nodes[c[0]]
	}
	return nil
}

// isOutput reports whether nothing but a softmax follows n.
func (f *fates) isOutput(n *ann.Node) bool {
	for {
		if n.Name == f.g.Output {
			return true
		}
		if n = f.only(n.Name); n == nil {
			return false
		}
		switch n.Op.(type) {
		case *ann.Flatten, *ann.Softmax:
		default:
			return false
		}
	}
}

// neurons returns how many neurons n becomes.
func (f *fates) neurons(n *ann.Node) int {
	switch n.Op.(type) {
	case *ann.Relu, *ann.Clip:
		if f.folded.Node(n.Name) != nil {
			return n.Shape.Len()
		}
	case *ann.AveragePool, *ann.GlobalAveragePool:
		if !f.inShortcut(n) {
			return n.Shape.Len()
		}
	case *ann.Conv, *ann.Gemm:
		if f.isOutput(n) {
			return n.Shape.Len()
		}
	}
	return 0
}
