package ann

import "sresnet/tensor"

// Op is an operator with its parameters: a pointer type of this package. Some
// operators tell more about themselves as a [Rectifier], [Summer], [Weighted],
// [Padder] or [Mover], so that code that walks through a graph asks what they are
// like, not which they are.
type Op interface {
	// Type returns the ONNX operator, such as "Conv".
	Type() string

	// Infer returns the shape of the output for the shapes of the inputs, or an
	// error if the operator cannot take them or its parameters do not fit.
	Infer(in ...tensor.Shape) (tensor.Shape, error)

	// Linear reports whether the output is a linear function of the inputs, with a
	// constant added to it perhaps.
	Linear() bool

	clone() Op
}

// Rectifier is an operator that is min(max(x, 0), Limit): what neurons approximate.
type Rectifier interface {
	Op

	// Limit returns the largest output; infinity if there is none.
	Limit() float32
}

// Summer is an operator that adds up products of inputs with weights, or the inputs
// themselves: what takes operations.
type Summer interface {
	Op

	// Kind returns a word for people, such as "conv": that of the synapses it becomes.
	Kind() string

	// Fan returns what an element of an input reaches in an output of shape out.
	Fan(out tensor.Shape) tensor.Fan
}

// Weighted is a [Summer] with trained weights, a row of them for each output channel.
type Weighted interface {
	Summer

	// Weights returns the weights, output channels outermost, and the bias of each
	// channel; nil for none. Neither is a copy.
	Weights() (w *tensor.Tensor, bias []float32)

	// WithWeights returns a copy with other weights of the same shape and another
	// bias, which it keeps.
	WithWeights(w *tensor.Tensor, bias []float32) Weighted

	// Channel returns which of so many channels of the input weight i is for. A
	// vector has as many elements in a row for each channel as there are.
	Channel(i, channels int) int
}

// Padder is an operator with a window that has padding of its own.
type Padder interface {
	Op

	// Padded returns the operator that does by its own padding, rows on top, columns
	// at the left, rows at the bottom, columns at the right, what this one does with
	// zeros there. nonNegative says that no input is negative. There may be none.
	Padded(by [4]int, nonNegative bool) (op Op, ok bool)
}

// Mover is an operator that moves elements of an image along its axes, and puts
// zeros where none come from.
type Mover interface {
	Op

	// Source returns the index on an axis of (C, H, W) that index i of the output
	// comes from; it is outside of the input where there are zeros.
	Source(axis, i int) int
}

// Parameters returns the number of trained numbers of op.
func Parameters(op Op) int {
	if p, ok := op.(interface{ parameters() int }); ok {
		return p.parameters()
	}
	return 0
}

// MACs returns the multiply-accumulate operations of n for one image, counted
// densely, as is usual: every tap of a convolution, those over the padding too;
// none for biases, pools, sums and activations.
func MACs(n *Node) int64 {
	op, ok := n.Op.(Weighted)
	if !ok {
		return 0
	}
	w, _ := op.Weights()
	_, rows, cols := n.Shape.CHW()
	return int64(rows) * int64(cols) * int64(len(w.Data))
}

// MACs returns the multiply-accumulate operations of the whole graph for one image.
func (g *Graph) MACs() int64 {
	var sum int64
	for i := range g.Nodes {
		sum += MACs(&g.Nodes[i])
	}
	return sum
}
