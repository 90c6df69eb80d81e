package onnx

import (
	"errors"
	"math"
	"slices"
)

// monotone has the operators whose outputs have the order of their inputs, so that at
// the end of a network they decide nothing.
var monotone = map[string]bool{
	"Sigmoid": true, "Softplus": true, "Softsign": true, "Tanh": true, "Erf": true, "Exp": true, "Atan": true, "Sinh": true,
}

// positives are the operators whose results Log keeps in order.
var positives = map[string]bool{"Softmax": true, "Sigmoid": true, "Softplus": true, "Exp": true}

// shared are operators that make of the logits one number for all of them, so that to
// subtract it, or to divide by it where it is positive, keeps their order.
var shared = map[string]bool{"ReduceMax": true, "ReduceMean": true, "ReduceLogSumExp": true, "ReduceL1": true, "ReduceL2": true, "ReduceSum": true}

// byShared reports whether n subtracts a number that all logits share, or divides by one
// that is positive, as softmax and normalisation do where they are written out.
func (im *importer) byShared(n *node, maker map[string]*node) bool {
	if len(n.in) != 2 {
		return false
	}
	by := maker[behind(n.in[1], maker, "Identity", "Clip", "Expand", "Unsqueeze", "Reshape")]
	if by == nil || by.domain != "" || !shared[by.op] || len(by.in) == 0 || !im.overAll(by, maker) {
		return false
	}
	views := []string{"Identity", "Dropout", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}
	of := behind(by.in[0], maker, views...)
	if of != behind(n.in[0], maker, views...) { // Another value, or constants, of which each class may have its own.
		return false
	}
	if n.op == "Sub" {
		return true
	}
	exp := maker[of]
	return by.op == "ReduceL1" || by.op == "ReduceL2" || by.op == "ReduceSum" && exp != nil && exp.op == "Exp"
}

// behind returns the value that a few of these operators in a row have made the named one of.
func behind(name string, maker map[string]*node, ops ...string) string {
	for range maxViews { // A cycle is found later.
		n := maker[name]
		if n == nil || len(n.in) == 0 || !slices.Contains(ops, n.op) {
			break
		}
		name = n.in[0]
	}
	return name
}

// maxViews bounds how far [behind] looks.
const maxViews = 16

// overAll reports whether n, which reduces the logits, does so over the classes: all axes, or
// any but the batch.
func (im *importer) overAll(n *node, maker map[string]*node) bool {
	axes, err := n.ints("axes")
	if err == nil && axes == nil && len(n.in) > 1 && n.in[1] != "" {
		var v *value
		if v, err = im.written(n.in[1], maker); err == nil {
			axes, err = v.intList()
		}
	}
	noop, bad := n.int("noop_with_empty_axes", 0)
	if err != nil || bad != nil || len(axes) == 0 && noop != 0 {
		return false
	}
	return len(axes) == 0 || slices.ContainsFunc(axes, func(a int64) bool { return a != 0 && a != -2 && a != -4 })
}

// written returns a constant that stands in the file.
func (im *importer) written(name string, maker map[string]*node) (*value, error) {
	if m := maker[name]; m != nil && m.op == "Constant" && m.domain == "" {
		return im.foldConstant(m, nil)
	} else if b, ok := im.graph.inits[name]; ok && m == nil {
		return im.tensors.decode(b)
	}
	return nil, errors.New("it is no constant")
}

// spares reports whether n, a Clip of probabilities, leaves the largest the largest:
// only one is above one half, and of many none is as small as a thousandth.
func (im *importer) spares(n *node, maker map[string]*node) bool {
	at := func(i int, name string, def float32) float32 {
		if i >= len(n.in) || n.in[i] == "" {
			x, err := n.float(name, def)
			if err != nil {
				return float32(math.NaN())
			}
			return x
		}
		v, err := im.written(n.in[i], maker)
		if err != nil {
			return float32(math.NaN())
		}
		x, err := v.scalar()
		if err != nil {
			return float32(math.NaN())
		}
		return x
	}
	return at(1, "min", 0) < 1e-3 && at(2, "max", 1) > 0.5
}

// largest reports whether n, a TopK, looks for the largest.
func largest(n *node) bool {
	v, err := n.int("largest", 1)
	return err == nil && v != 0
}

// rises reports whether n, Elu or one of its relatives, does so everywhere.
func rises(n *node) bool {
	alpha, err := n.float("alpha", 1)
	gamma, bad := n.float("gamma", 1)
	return err == nil && bad == nil && alpha > 0 && gamma > 0
}

// trim returns the value that decides what output does: that before operators at the
// end which keep the order of the classes, and before an ArgMax, of which it notes the
// axis. Views between them go as well.
func (im *importer) trim(output string) string {
	maker := make(map[string]*node, len(im.graph.nodes))
	for i := range im.graph.nodes {
		n := &im.graph.nodes[i]
		maker[n.out[0]] = n
		if n.op == "TopK" && len(n.out) > 1 {
			maker[n.out[1]] = n
		}
	}
	at, rounded := output, false // Rounding decides.
	levels := false              // Those of a pair do not.
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
		case (n.op == "Sub" || n.op == "Div") && !rounded && im.byShared(n, maker), (n.op == "Elu" || n.op == "Selu" || n.op == "Celu") && !rounded && rises(n):
			output = n.in[0]
		case n.op == "Clip" && from.op == "Softmax" && !rounded && im.spares(n, maker):
			output = n.in[0]
		case n.op == "Log" && from.op == "Clip" && len(from.in) > 0 && maker[from.in[0]] != nil && maker[from.in[0]].op == "Softmax" && !rounded && im.spares(from, maker):
			output = n.in[0]
		case n.op == "ArgMax", n.op == "TopK" && largest(n):
			output, rounded = n.in[0], false
			im.argMax = n
		case n.op == "Cast":
			_, to, err := castTo(n)
			if err != nil {
				return output // Which is an error where it is read.
			}
			rounded = rounded || to != floats
		case n.op == "QuantizeLinear" && !levels: // The logits, in integers.
			output = n.in[0]
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
	def := int64(0)
	if n.op == "TopK" {
		def = -1
	}
	a, err := n.int("axis", def)
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
