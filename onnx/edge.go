package onnx

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// edge is what the importer knows of one ONNX value: it is a constant, an
// activation, or unknown because the node that computes it is not supported.
//
// An activation is the output of a node of the ann.Graph seen through a shape:
// Flatten, Reshape, Squeeze and the like change dims alone, and become an
// ann.Flatten when an operator needs the vector.
type edge struct {
	c       *value // Of a constant, else nil.
	unknown bool
	blind   bool // Unknown, and no constant: it is computed from the image.

	node string // Of the ann.Graph, or its input.
	dims []int  // As in ONNX, batch first.
	last bool   // Elements have channels last, though they are first in the ann.Graph.
	perm []int  // Of elements in any other order, or some of them: that of one image in dims is this one of node.
	view *node  // The node that changed dims, which names the Flatten.
	flat string // That Flatten, once there is one.

	pending *pending // What remains to be done to it.
	above   *mask    // Of a comparison with zero, which is no activation: what it tells apart.

	settled *edge // The same with a node of its own for its order, once there is one.
}

func constant(v *value) *edge { return &edge{c: v} }

// known reports whether e is an activation of which all is known.
func (e *edge) known() bool { return e != nil && e.c == nil && !e.unknown && e.above == nil }

// ofImage reports whether e is computed from the image.
func (e *edge) ofImage() bool { return e.known() || e != nil && (e.blind || e.above != nil) }

// activation returns the edge for a node of the ann.Graph.
func (im *importer) activation(name string, dims []int, last bool) *edge {
	return &edge{node: name, dims: dims, last: im.layout(name, dims, last)}
}

// layout returns whether elements of a node seen in dims have channels last. Where that is
// the same sequence as channels first, the shape tells; without one, they are first.
func (im *importer) layout(name string, dims []int, last bool) bool {
	if !im.alike(name) {
		return last
	}
	return slices.Equal(dims, im.imageDims(name, true)) && !slices.Equal(dims, im.imageDims(name, false))
}

// alike reports whether channels last and channels first are the same sequence of the
// elements of a node.
func (im *importer) alike(name string) bool {
	s := im.shapes[name]
	return len(s) == 3 && (s[0] == 1 || s[1]*s[2] == 1)
}

// emit appends a node to the ann.Graph and returns its name and output shape.
func (im *importer) emit(n *node, op ann.Op, inputs ...string) (string, error) {
	in := make([]tensor.Shape, len(inputs))
	for i, name := range inputs {
		in[i] = im.shapes[name]
	}
	if err := im.tensors.budget.charge(ann.Parameters(op), 4); err != nil {
		return "", err
	}
	out, err := op.Infer(in...)
	if err != nil {
		return "", err
	}
	if err := out.Check(); err != nil {
		return "", err
	}
	if err := im.claim(out); err != nil {
		return "", err
	}
	name := im.unique(n.label())
	im.g.Nodes = append(im.g.Nodes, ann.Node{Name: name, Inputs: inputs, Op: op, Shape: out, Spelled: spelled(n.op, op)})
	im.shapes[name], im.ops[name], im.spans[name] = out, op, im.spanOf(op, inputs)
	if len(inputs) == 1 {
		im.via[name] = inputs[0]
		_, scales := op.(*ann.BatchNormalization)
		im.scaled[name] = scales && im.scaled[inputs[0]]
		im.noteMix(name, op, inputs[0])
	}
	return name, nil
}

// spelled returns the operator of the file where op is called otherwise.
func spelled(file string, op ann.Op) string {
	if file == op.Type() {
		return ""
	}
	return file
}

// elementwise emits an operator that keeps the shape of e.
func (im *importer) elementwise(n *node, op ann.Op, e *edge) (*edge, error) {
	name, err := im.emit(n, op, e.node)
	if err != nil {
		return nil, err
	}
	out := *e
	out.node, out.flat = name, ""
	return &out, nil
}

// imageDims returns the ONNX shape of an ann.Graph's node.
func (im *importer) imageDims(name string, last bool) []int {
	s := im.shapes[name]
	if last {
		return []int{im.batch, s[1], s[2], s[0]}
	}
	return append([]int{im.batch}, s...)
}

// isImage reports whether e is an image, in either layout.
func (im *importer) isImage(e *edge) bool {
	return e.perm == nil && len(im.shapes[e.node]) == 3 && slices.Equal(e.dims, im.imageDims(e.node, e.last))
}

// image returns the node behind e if it is an image with channels first.
func (im *importer) image(e *edge) (string, error) {
	switch {
	case e.perm != nil:
		return "", unsupported("takes an image, but its axes are in another order; only a fully connected layer can take them so")
	case !im.isImage(e):
		return "", unsupported("takes an image, not a value of shape %v made from %v", e.dims, im.shapes[e.node])
	case e.last:
		return "", unsupported("takes an image with channels first, but they are the last axis of its input")
	}
	return e.node, nil
}

// vector returns the node behind e as a vector of its last axis, and flattens
// it if need be. The elements must be in its order.
func (im *importer) vector(e *edge) (string, error) {
	x, order, err := im.ordered(e)
	if err == nil && order != nil {
		err = unsupported("takes a vector, but the channels of its input are last, or its axes in another order")
	}
	return x, err
}

// ordered is vector for elements in any order: it also returns which element of the
// vector each element of the file's is; nil where it is the same.
func (im *importer) ordered(e *edge) (x string, order []int, err error) {
	s := im.shapes[e.node]
	n := s.Len()
	if len(e.dims) == 0 || e.dims[len(e.dims)-1] != n {
		return "", nil, unsupported("takes a vector, not a value of shape %v", e.dims)
	}
	if order, err = im.order(e); err != nil {
		return "", nil, err
	}
	if len(s) == 1 {
		return e.node, order, nil
	}
	if e.flat == "" {
		n := e.view
		if n == nil { // An image of one row and column that was never reshaped.
			n = &node{name: e.node + "/Flatten", op: "Flatten"}
		}
		name, err := im.emit(n, &ann.Flatten{}, e.node)
		if err != nil {
			return "", nil, err
		}
		e.flat = name
	}
	return e.flat, order, nil
}

// order returns which element of its node each element of e is, for one image; nil
// where it is the same.
func (im *importer) order(e *edge) ([]int, error) {
	if !e.last || im.alike(e.node) {
		return e.perm, nil
	}
	s := im.shapes[e.node]
	if err := im.tensors.budget.charge(s.Len(), 8); err != nil {
		return nil, err
	}
	return channelsLast(s), nil
}

// channelsLast returns which element of an image of shape s each element of the same
// with channels last is.
func channelsLast(s tensor.Shape) []int {
	c, h, w := s.CHW()
	order := make([]int, 0, s.Len())
	for p := range h * w {
		for k := range c {
			order = append(order, k*h*w+p)
		}
	}
	return order
}

// permuted returns e with axes in the order perm.
func (im *importer) permuted(n *node, e *edge, perm, dims []int) (*edge, error) {
	first := 1 // Axis of one image: all, where the batch is one and not an axis of its own.
	switch {
	case perm[0] == 0 && e.dims[0] == im.batch:
	case im.batch == 1 && e.dims[0] != 1:
		first = 0
	default:
		return nil, unsupported("transposes activations by %v, the batch among them", perm)
	}
	total, err := size(e.dims[first:])
	if err != nil {
		return nil, err
	}
	order, err := im.order(e)
	if err != nil {
		return nil, err
	}
	if err := im.tensors.budget.charge(total, 8); err != nil {
		return nil, err
	}
	from, stride := strides(e.dims[first:]), make([]int, len(perm)-first)
	for i := range stride {
		stride[i] = from[perm[i+first]-first]
	}
	moved := make([]int, total)
	walk(dims[first:], 0, stride, func(i, j int) {
		if moved[i] = j; order != nil {
			moved[i] = order[j]
		}
	})
	return im.arranged(n, e, dims, moved), nil
}

func isIdentity(order []int) bool {
	for i, j := range order {
		if i != j {
			return false
		}
	}
	return true
}

// reshaped returns e in the shape dims, which has as many elements. It keeps their
// order.
func (im *importer) reshaped(n *node, e *edge, dims []int) (*edge, error) {
	if slices.Equal(dims, e.dims) {
		return e, nil
	}
	return &edge{node: e.node, dims: dims, last: im.layout(e.node, dims, e.last), perm: e.perm, view: n}, nil
}

// axis returns which axis of the ann.Graph's (C, H, W) is axis i of an image's
// dims; -1 for the batch.
func (e *edge) axis(i int) int {
	if !e.last || i == 0 {
		return i - 1
	}
	return [...]int{1, 2, 0}[i-1]
}
