// Package ann describes a trained artificial neural network: a graph of the few
// ONNX operators that multilayer perceptrons, plain CNNs and residual networks
// are made of. A Graph is a plain value: it holds weights, no state, and runs
// nothing. Package onnx reads one from a file, package ann/infer runs it,
// package convert turns it into a spiking network. This package knows nothing of
// spikes, files or images.
//
// # Layout
//
// A node's output has the shape (C, H, W), or (N) after Flatten; there is no
// batch axis. Weights are laid out as in ONNX: OIHW for Conv, (out, in) for Gemm.
package ann

import (
	"fmt"
	"slices"
	"strings"

	"sresnet/tensor"
)

// Graph is a trained network with one input and one output.
type Graph struct {
	Name   string // Of the network, for people: the file's or the exporter's name.
	Input  Input
	Nodes  []Node // In topological order: a node follows all of its inputs.
	Output string // Name of the node whose output is the network's.
}

// Input is what the network takes: one image, already normalised.
type Input struct {
	Name  string
	Shape tensor.Shape // (C, H, W), or (N) for a network without convolutions.
}

// Node is one operator with its inputs and the shape of its output.
type Node struct {
	Name   string       // Unique in the graph; also the name of its output.
	Inputs []string     // Names of nodes, or of the graph's input.
	Op     Op           // With its parameters.
	Shape  tensor.Shape // Of the output; [Graph.InferShapes] fills it.

	// Spelled is the operator as the file spells it, such as "Sub" for an offset, where it
	// is another than that of Op; else "".
	Spelled string

	// Of is the node of the file's network whose work several nodes share, of which this is
	// one; else "". Their activations are alike in size.
	Of string
}

// Type returns the operator as the file spells it.
func (n *Node) Type() string {
	if n.Spelled != "" {
		return n.Spelled
	}
	return n.Op.Type()
}

// Node returns the node of that name, or nil. For many, use [Graph.ByName].
func (g *Graph) Node(name string) *Node {
	for i := range g.Nodes {
		if g.Nodes[i].Name == name {
			return &g.Nodes[i]
		}
	}
	return nil
}

// ByName returns every node under its name, as long as g.Nodes is not reallocated.
func (g *Graph) ByName() map[string]*Node {
	m := make(map[string]*Node, len(g.Nodes))
	for i := range g.Nodes {
		m[g.Nodes[i].Name] = &g.Nodes[i]
	}
	return m
}

// Shape returns the shape of the named node's output, or of the graph's input.
func (g *Graph) Shape(name string) (tensor.Shape, bool) {
	if name == g.Input.Name {
		return g.Input.Shape, true
	}
	if n := g.Node(name); n != nil {
		return n.Shape, true
	}
	return nil, false
}

// Consumers returns, for every name, the indices of the nodes that take it as an
// input, in order; a node that takes it twice is listed twice.
func (g *Graph) Consumers() map[string][]int {
	m := make(map[string][]int)
	for i, n := range g.Nodes {
		for _, in := range n.Inputs {
			m[in] = append(m[in], i)
		}
	}
	return m
}

// Clone returns a copy that shares nothing with g.
func (g *Graph) Clone() *Graph {
	c := *g
	c.Input.Shape = slices.Clone(g.Input.Shape)
	c.Nodes = make([]Node, len(g.Nodes))
	for i, n := range g.Nodes {
		c.Nodes[i] = Node{Name: n.Name, Inputs: slices.Clone(n.Inputs), Op: n.Op.clone(), Shape: slices.Clone(n.Shape), Spelled: n.Spelled, Of: n.Of}
	}
	return &c
}

// InferShapes fills the shape of every node from the shape of the input. Errors
// are of type [*NodeError].
func (g *Graph) InferShapes() error {
	shapes := map[string]tensor.Shape{g.Input.Name: g.Input.Shape}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		in := make([]tensor.Shape, len(n.Inputs))
		for j, name := range n.Inputs {
			s, ok := shapes[name]
			if !ok {
				return n.errorf("input %q is not an earlier node", name)
			}
			in[j] = s
		}
		out, err := n.Op.Infer(in...)
		if err != nil {
			return n.errorf("%w", err)
		}
		if err := out.Check(); err != nil {
			return n.errorf("output: %w", err)
		}
		n.Shape = out
		shapes[n.Name] = out
	}
	return nil
}

// Validate returns an error unless names are unique, inputs precede their use,
// shapes are what [Graph.InferShapes] finds, parameters are sound and finite,
// and the output exists. Errors about a node are of type [*NodeError].
func (g *Graph) Validate() error {
	if len(g.Input.Shape) != 1 && len(g.Input.Shape) != 3 {
		return fmt.Errorf("ann: input %q: shape %v is neither (C, H, W) nor (N)", g.Input.Name, g.Input.Shape)
	}
	if err := g.Input.Shape.Check(); err != nil {
		return fmt.Errorf("ann: input %q: %w", g.Input.Name, err)
	}
	if len(g.Nodes) == 0 {
		return fmt.Errorf("ann: the graph has no nodes")
	}
	seen := map[string]bool{g.Input.Name: true}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if seen[n.Name] {
			return n.errorf("the name is used twice")
		}
		seen[n.Name] = true
		if n.Op == nil {
			return n.errorf("no operator")
		}
	}
	c := *g
	c.Nodes = slices.Clone(g.Nodes) // InferShapes writes shapes; keep g's.
	if err := c.InferShapes(); err != nil {
		return err
	}
	for i := range g.Nodes {
		if !c.Nodes[i].Shape.Equal(g.Nodes[i].Shape) {
			return g.Nodes[i].errorf("shape is %v, want %v", g.Nodes[i].Shape, c.Nodes[i].Shape)
		}
	}
	if g.Node(g.Output) == nil {
		return fmt.Errorf("ann: output %q is not a node", g.Output)
	}
	return nil
}

// String returns one line per node: name, operator, output shape and inputs.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: input %s %v\n", g.Name, g.Input.Name, g.Input.Shape)
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%-28s %-20s %-10v <- %s\n", n.Name, n.Op.Type(), n.Shape, strings.Join(n.Inputs, ", "))
	}
	fmt.Fprintf(&b, "output %s\n", g.Output)
	return b.String()
}

// NodeError is an error about one node of a graph.
type NodeError struct {
	Node string // Name of the node.
	Op   string // ONNX operator.
	Err  error
}

// Error names the node before the error.
func (e *NodeError) Error() string { return fmt.Sprintf("node %q (%s): %v", e.Node, e.Op, e.Err) }

// Unwrap returns the error without the node.
func (e *NodeError) Unwrap() error { return e.Err }

func (n *Node) errorf(format string, args ...any) error {
	op := "?"
	if n.Op != nil {
		op = n.Op.Type()
	}
	return &NodeError{Node: n.Name, Op: op, Err: fmt.Errorf(format, args...)}
}
