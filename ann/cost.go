package ann

// Parameters returns the number of trained numbers of op.
func Parameters(op Op) int {
	switch op := op.(type) {
	case *Conv:
		return len(op.Weight.Data) + len(op.Bias)
	case *Gemm:
		return len(op.Weight.Data) + len(op.Bias)
	case *BatchNormalization:
		return 4 * len(op.Scale)
	}
	return 0
}

// MACs returns the multiply-accumulate operations of n for one image, counted
// densely, as is usual: every tap of a convolution, those over the padding too;
// none for biases, pools, sums and activations.
func MACs(n *Node) int64 {
	switch op := n.Op.(type) {
	case *Conv:
		return int64(n.Shape[1]) * int64(n.Shape[2]) * int64(len(op.Weight.Data))
	case *Gemm:
		return int64(len(op.Weight.Data))
	}
	return 0
}

// MACs returns the multiply-accumulate operations of the whole graph for one image.
func (g *Graph) MACs() int64 {
	var sum int64
	for i := range g.Nodes {
		sum += MACs(&g.Nodes[i])
	}
	return sum
}
