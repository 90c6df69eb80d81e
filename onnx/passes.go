package onnx

import (
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// passes simplify the whole graph, in order. Every one keeps its function.
var passes = []func(*ann.Graph){
	dropDead,  // Leaves only what the output depends on.
	mergeBias, // MatMul and Add become one Gemm.
	mergeRelu, // Relu and Clip become one Clip.
	mergePad,  // Spatial Pads become padding of what follows.
}

func dropDead(g *ann.Graph) {
	live := map[string]bool{g.Output: true}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if n := g.Nodes[i]; live[n.Name] {
			for _, in := range n.Inputs {
				live[in] = true
			}
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n ann.Node) bool { return !live[n.Name] })
}

// merge goes through the nodes with a single input that is a node used by nothing
// else. Where join(a, b) accepts the two, one node takes their place: with
// keepFirst it is a, else b.
func merge(g *ann.Graph, keepFirst bool, join func(a, b *ann.Node) bool) {
	uses := map[string]int{g.Output: 1}
	at := make(map[string]int, len(g.Nodes))
	for i, n := range g.Nodes {
		at[n.Name] = i
		for _, in := range n.Inputs {
			uses[in]++
		}
	}
	gone := map[string]bool{}
	renamed := map[string]string{}
	for i := range g.Nodes {
		b := &g.Nodes[i]
		for j, in := range b.Inputs {
			if to, ok := renamed[in]; ok {
				b.Inputs[j] = to
			}
		}
		if len(b.Inputs) != 1 || uses[b.Inputs[0]] != 1 {
			continue
		}
		k, ok := at[b.Inputs[0]]
		if !ok {
			continue
		}
		a := &g.Nodes[k]
		if !join(a, b) {
			continue
		}
		if keepFirst {
			gone[b.Name], renamed[b.Name] = true, a.Name
			uses[a.Name] = uses[b.Name]
			if g.Output == b.Name {
				g.Output = a.Name
			}
		} else {
			gone[a.Name] = true
			b.Inputs = slices.Clone(a.Inputs)
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n ann.Node) bool { return gone[n.Name] })
}

// mergeBias turns an offset after a Gemm or Conv without bias into its bias.
func mergeBias(g *ann.Graph) {
	merge(g, true, func(a, b *ann.Node) bool {
		offset, ok := b.Op.(*ann.BatchNormalization)
		if !ok || offset.Epsilon != 0 || !all(offset.Scale, 1) || !all(offset.Mean, 0) || !all(offset.Var, 1) {
			return false
		}
		op, ok := a.Op.(ann.Weighted)
		if _, conv := a.Op.(*ann.Conv); !ok || conv && a.Spelled != "" { // Channels made of the image's: each step has its own name.
			return false
		}
		w, bias := op.Weights()
		if bias != nil {
			return false
		}
		a.Op = op.WithWeights(w, offset.Bias)
		return true
	})
}

// mergeRelu drops a Relu, or a wider Clip, that a Clip makes superfluous.
func mergeRelu(g *ann.Graph) {
	merge(g, false, func(a, b *ann.Node) bool {
		if op, rounds := a.Op.(*ann.Clip); rounds && op.Levels > 0 {
			return false
		}
		wider, ok := a.Op.(ann.Rectifier)
		clip, clips := b.Op.(ann.Rectifier)
		return ok && clips && !math.IsInf(float64(clip.Limit()), 1) && wider.Limit() >= clip.Limit()
	})
}

func all(x []float32, want float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return v != want })
}

// mergePad turns zeros around the rows and columns into padding of the
// convolution or pool behind them. For a MaxPool, whose padding never wins,
// that is the same only if no activation is negative.
func mergePad(g *ann.Graph) {
	positive, shapes := map[string]bool{}, map[string]tensor.Shape{g.Input.Name: g.Input.Shape}
	for _, n := range g.Nodes {
		shapes[n.Name] = n.Shape
		switch n.Op.(type) {
		case ann.Rectifier:
			positive[n.Name] = true
		case *ann.MaxPool:
			positive[n.Name] = positive[n.Inputs[0]]
		}
	}
	merge(g, false, func(a, b *ann.Node) bool {
		pad, ok := a.Op.(*ann.Pad)
		if !ok {
			return false
		}
		op, ok := pad.Into(b.Op, shapes[a.Inputs[0]], positive[a.Inputs[0]])
		if ok {
			b.Op = op
		}
		return ok
	})
}
