package nir

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Shapes returns the shape of what every node gives, without batch and time: as its own
// parameters say it, or as it follows from what leads to it. Nodes of which it is not known are
// left out.
func (g *Graph) Shapes() map[string]tensor.Shape {
	shapes, into := make(map[string]tensor.Shape), make(map[string][]string)
	for _, e := range g.Edges {
		into[e.To] = append(into[e.To], e.From)
	}
	for _, n := range g.AlongEdges() {
		s := tensor.Shape(n.Shape())
		for _, from := range into[n.Name] {
			if in := shapes[from]; s == nil && in != nil {
				s = n.shapeOf(in)
			}
		}
		if s != nil {
			shapes[n.Name] = s
		}
	}
	return shapes
}

// shapeOf returns the shape of what a node gives that does not say it, for an input of shape in.
func (n *Node) shapeOf(in tensor.Shape) tensor.Shape {
	switch n.Type {
	case "SumPool2d", "AvgPool2d":
		w := tensor.Square(1, 1, 0)
		var err1, err2, err3 error
		w.Kernel, err1 = n.pairField("kernel_size")
		w.Stride, err2 = n.pairField("stride")
		var pad [2]int
		pad, err3 = n.pairField("padding")
		w.Pad = [4]int{pad[0], pad[1], pad[0], pad[1]}
		if err1 != nil || err2 != nil || err3 != nil || len(in) != 3 {
			return nil
		}
		rows, cols, err := w.Out(in[1], in[2])
		if err != nil {
			return nil
		}
		return tensor.Shape{in[0], rows, cols}
	case "Flatten":
		if n.flattensAll(len(in)) {
			return tensor.Shape{in.Len()}
		}
	case "Output":
		return in
	}
	return nil
}

// takes returns the shape of what goes into a node, as its parameters say it; nil where they do
// not.
func (n *Node) takes() tensor.Shape {
	switch n.Type {
	case "Affine", "Linear":
		if s := n.Data.Arrays["weight"].Shape; len(s) == 2 {
			return tensor.Shape{s[1]}
		}
	case "Flatten":
		if s, err := n.Data.Arrays["input_type"].Ints(); err == nil {
			return s
		}
	case "Conv2d":
		in, err := n.pairField("input_shape")
		w := n.Data.Arrays["weight"].Shape
		groups, err2 := n.Data.Arrays["groups"].Ints()
		if err == nil && err2 == nil && len(w) == 4 && len(groups) == 1 {
			return tensor.Shape{w[1] * groups[0], in[0], in[1]}
		}
	case "SumPool2d", "AvgPool2d", "Conv1d", "Input", "NIRGraph":
	default:
		return n.Shape()
	}
	return nil
}

// misfit says along which edge shapes do not fit, which nir.read refuses; "" if all do.
func (g *Graph) misfit() string {
	shapes, nodes := g.Shapes(), make(map[string]*Node)
	for _, n := range g.Nodes {
		nodes[n.Name] = n
	}
	for _, e := range g.Edges {
		to := nodes[e.To]
		if to == nil {
			continue
		}
		given, taken := shapes[e.From], to.takes()
		if given != nil && taken != nil && !slices.Equal(given, taken) {
			return fmt.Sprintf("shapes do not fit along the edge from %q, which gives %v, to %q, which takes %v, and nir.read refuses that", e.From, given, e.To, taken)
		}
	}
	return ""
}
