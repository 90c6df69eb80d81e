// Package infer runs a trained network, an [ann.Graph], on one image at a time in
// float32: for its accuracy, and for the activations that calibration looks at.
// It knows nothing of spikes, files or data sets.
//
// # Layout
//
// Images enter in CHW order, and the network's output leaves in that order.
// Inside, and in [Runner.Activation], images are channels last: element (c, h, w)
// of an activation of shape (C, H, W) is at (h*W + w)*C + c.
//
// # Numbers
//
// The order of every sum of a convolution, pool or fully connected layer is
// fixed: kernel rows, kernel columns, then channels, each ascending, starting at
// +0, every product rounded before it is added, the bias last. Results are the
// same bits on every machine; see package internal/kernel.
//
// NaN and infinite activations are computed with, not looked for.
package infer

import (
	"fmt"

	"sresnet/ann"
	"sresnet/tensor"
)

// MaxActivations is the largest number of elements that all activations of a
// network may have together; a [Runner] keeps every one of them. It is some
// eight times what a ResNet-50 for ImageNet needs.
const MaxActivations = 1 << 28

// Model is a network compiled for running. It is immutable and keeps nothing of
// the graph it came from, so that any number of runners may share it.
type Model struct {
	input  tensor.Shape
	steps  []step
	slots  []int          // Length of every buffer of a runner; 0 is the input's.
	names  map[string]int // From a node or the input to its buffer.
	seen   []seen         // The input and every node, in the order of the graph.
	out    int            // Buffer of the network's output.
	outLay layout
	work   int // Length of the scratch that steps share.
}

// seen is an activation that a [Watcher] sees: of a node, or of the input, once the steps
// before it are done.
type seen struct {
	name  string
	buf   int
	steps int
}

// step is one operator with the buffers it reads and writes.
type step struct {
	op  op
	dst int
	src []int
}

// op computes an activation. Its slices never overlap; scratch holds at least
// scratchLen elements of no particular value.
type op interface {
	run(dst []float32, src [][]float32, scratch []float32)
	scratchLen() int
}

// New compiles g, which must be valid with its shapes inferred. Errors about a
// node are of type [*ann.NodeError].
func New(g *ann.Graph) (*Model, error) {
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("infer: %w", err)
	}
	total := g.Input.Shape.Len()
	for i := range g.Nodes {
		total += g.Nodes[i].Shape.Len()
		if total > MaxActivations {
			return nil, fmt.Errorf("infer: the activations up to node %q have more than %d elements; is the input shape %v right?",
				g.Nodes[i].Name, MaxActivations, g.Input.Shape)
		}
	}
	m := &Model{
		input: append(tensor.Shape(nil), g.Input.Shape...),
		slots: []int{g.Input.Shape.Len()},
		names: map[string]int{g.Input.Name: 0},
		seen:  []seen{{name: g.Input.Name}},
	}
	layouts := map[string]layout{g.Input.Name: layoutOf(g.Input.Shape)}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		in := make([]layout, len(n.Inputs))
		src := make([]int, len(n.Inputs))
		for j, name := range n.Inputs {
			in[j], src[j] = layouts[name], m.names[name]
		}
		if _, ok := n.Op.(*ann.Flatten); ok {
			// The same numbers seen as a vector; their order stays.
			m.names[n.Name], layouts[n.Name] = src[0], in[0].flat()
			m.seen = append(m.seen, seen{n.Name, src[0], len(m.steps)})
			continue
		}
		op, lay, err := compile(n, in)
		if err != nil {
			return nil, fmt.Errorf("infer: %w", &ann.NodeError{Node: n.Name, Op: n.Op.Type(), Err: err})
		}
		m.names[n.Name], layouts[n.Name] = len(m.slots), lay
		m.steps = append(m.steps, step{op: op, dst: len(m.slots), src: src})
		m.slots = append(m.slots, n.Shape.Len())
		m.seen = append(m.seen, seen{n.Name, m.names[n.Name], len(m.steps)})
		m.work = max(m.work, op.scratchLen())
	}
	m.out, m.outLay = m.names[g.Output], layouts[g.Output]
	return m, nil
}

// compile returns the operator of a node for inputs that lie in memory as in,
// and how its output lies there.
func compile(n *ann.Node, in []layout) (op, layout, error) {
	out := layoutOf(n.Shape)
	switch a := n.Op.(type) {
	case *ann.Conv:
		return newConv(a, in[0], out), out, nil
	case *ann.BatchNormalization:
		return newBatchNormalization(a, len(n.Shape), in[0]), in[0], nil
	case *ann.Clip:
		return clip{a.Max, float32(a.Levels)}, in[0], nil
	case ann.Rectifier:
		return clip{limit: a.Limit()}, in[0], nil
	case *ann.Add:
		return newAdd(in), in[0], nil
	case *ann.LeakyRelu:
		return newLeakyRelu(a, len(n.Shape), in[0]), in[0], nil
	case *ann.Scale:
		return scale{a.Factor}, in[0], nil
	case *ann.Concat:
		return newConcat(in, n.Shape), out, nil
	case *ann.Gather:
		return newGather(a.Index, len(n.Shape) == 1, in[0], out), out, nil
	case *ann.MaxPool:
		return maxPool{pool{a.Window, in[0], out}}, out, nil
	case *ann.AveragePool:
		return averagePool{pool{a.Window, in[0], out}, a.CountPad}, out, nil
	case *ann.GlobalAveragePool:
		return globalAveragePool{}, out, nil
	case *ann.Gemm:
		return newGemm(a, in[0]), out, nil
	case *ann.Slice:
		return slice{*a, in[0], out}, out, nil
	case *ann.Pad:
		return pad{*a, in[0], out}, out, nil
	case *ann.Softmax:
		return softmax{log: a.Log}, in[0], nil
	}
	return nil, layout{}, fmt.Errorf("operator of type %T is unknown here", n.Op)
}
