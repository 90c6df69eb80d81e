package onnx

import "slices"

// monotone has the operators whose outputs have the order of their inputs, so that at
// the end of a network they decide nothing.
var monotone = map[string]bool{
	"Sigmoid": true, "Softplus": true, "Softsign": true, "Tanh": true, "Erf": true, "Exp": true, "Atan": true, "Sinh": true,
}

// positives are the operators whose results Log keeps in order.
var positives = map[string]bool{"Softmax": true, "Sigmoid": true, "Softplus": true, "Exp": true}

// trim returns the value that decides what output does: that before operators at the
// end which keep the order of the classes, and before an ArgMax, of which it notes the
// axis. Views between them go as well.
func (im *importer) trim(output string) string {
	maker := make(map[string]*node, len(im.graph.nodes))
	for i := range im.graph.nodes {
		n := &im.graph.nodes[i]
		maker[n.out[0]] = n
	}
	at, rounded := output, false // Rounding decides.
	levels := false              // Those of the logits do not.
	for range im.graph.nodes {   // A cycle is found later.
		n := maker[at]
		if n == nil || n.domain != "" || len(n.in) == 0 || n.in[0] == "" {
			break
		}
		from := maker[n.in[0]]
		if from == nil { // The network begins here.
			return output
		}
		switch {
		case monotone[n.op] && !rounded, n.op == "Log" && positives[from.op] && !rounded:
			output = n.in[0]
		case n.op == "ArgMax":
			output, rounded = n.in[0], false
			im.argMax = n
		case n.op == "Cast":
			_, to, err := castTo(n)
			if err != nil {
				return output // Which is an error where it is read.
			}
			rounded = rounded || to != floats
		case n.op == "QuantizeLinear" || n.op == "DequantizeLinear":
			levels = true
		case slices.Contains([]string{"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}, n.op):
		case n.op == "Softmax" || n.op == "LogSoftmax": // A pass of its own drops it.
			if levels {
				output, levels = n.out[0], false
			}
		default:
			return output
		}
		at = n.in[0]
	}
	return output
}

// overClasses returns an error unless the ArgMax at the end was over all the logits.
func (im *importer) overClasses(e *edge) error {
	n := im.argMax
	if n == nil {
		return nil
	}
	a, err := n.int("axis", 0)
	if err != nil {
		return nodeErr(n, err)
	}
	axis, err := normalAxis(a, len(e.dims))
	if err != nil {
		return nodeErr(n, err)
	}
	if e.dims[axis] != im.shapes[e.node].Len() || axis == 0 && len(e.dims) > 1 {
		return nodeErr(n, unsupported("is not over all the logits: axis %d of a value of shape %v", axis, e.dims))
	}
	return nil
}
