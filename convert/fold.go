package convert

import (
	"fmt"
	"math"

	"sresnet/ann"
)

// pass is one rewrite of a graph, which it modifies in place.
type pass struct {
	name string
	run  func(*folding)
}

// folding is a graph on its way through the passes, which note what became of the
// nodes that they take away.
type folding struct {
	*ann.Graph
	fates map[string]string // In words, by node.
	moved map[string]string // From a node to the one that does its work now.

	parts     map[string]int    // How many parts of a node have numbers in place of names.
	owner     map[string]string // From a node to the node of the network whose work it does, where that is not its own name's.
	names     map[string]bool   // Taken so far, once there is a new one.
	changed   bool              // By the rewrite that ran last.
	rewritten bool              // By any.
	tries     int               // Of rewrites so far.
}

// passes are the rewrites that prepare a graph for spikes, in order. Each may
// rely on what those above it established.
var passes = []pass{
	{"dropSoftmax", dropSoftmax},      // Leaves no Softmax at the end.
	{"foldBatchNorm", foldBatchNorm},  // Leaves no BatchNormalization behind a Conv or Gemm,
	{"foldBatchNormAhead", foldAhead}, // or before one that needs no padding.
	{"mergePad", mergePad},            // Leaves no Pad of rows and columns before a window.
	{"sliceSingle", sliceSingle},      // Leaves no 1x1 average pool in a shortcut.
	{"dropIdleRelu", dropIdleRelu},    // Leaves no Relu of what is a population already.
	{"dropUnused", dropUnused},        // Leaves only nodes that the output needs.
}

// divisions let several populations do the work of one node. They come last, where the
// network has no spiking counterpart otherwise, or one of more synapses; the rewrites
// are tried after each list.
var divisions = [][]pass{
	{
		{"splitConcat", splitConcat},      // Leaves no Concat.
		{"foldBatchNormAhead", foldAhead}, // As above, of the branches.
		{"mergePad", mergePad},
		{"sliceSingle", sliceSingle},
	},
	{
		{"spreadMax", spreadMax}, // Leaves no max pool of a linear value.
	},
	{
		{"onOff", onOff}, // Leaves no weights or pool behind a linear value, no LeakyRelu,
		{"foldBatchNorm", foldEvery},
		{"spreadNorm", spreadNorm},     // no BatchNormalization behind a sum,
		{"normToConv", normToConv},     // and none between spikes and a Relu.
		{"dropIdleRelu", dropIdleRelu}, // Leaves no Relu of what is a population already.
		{"dropUnused", dropUnused},
	},
}

// Fold returns the network that g is without softmax at the end and batch
// normalisation, with padding merged into the windows it is for. It computes the
// same logits up to float rounding, and a node of it what the node of that name
// computes in g, except a Flatten or a pool that a batch normalisation now follows. What
// cannot be folded stays; [Convert] names it. g is not modified.
func Fold(g *ann.Graph) (*ann.Graph, error) {
	f, err := fold(g)
	if err != nil {
		return nil, err
	}
	return f.Graph, nil
}

func fold(g *ann.Graph) (*folding, error) {
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("convert: %w", err)
	}
	f := &folding{Graph: g.Clone(), fates: make(map[string]string), moved: make(map[string]string), parts: make(map[string]int), owner: make(map[string]string)}
	if err := f.run(passes); err != nil {
		return nil, err
	}
	if err := f.rewrite(); err != nil {
		return nil, err
	}
	return f, f.divide()
}

// run runs a list of passes, each of which leaves a graph that is sound.
func (f *folding) run(list []pass) error {
	for _, p := range list {
		p.run(f)
		if err := f.InferShapes(); err != nil {
			return fmt.Errorf("convert: internal error: after %s: %w", p.name, err)
		}
		if err := f.Validate(); err != nil {
			return fmt.Errorf("convert: internal error: after %s: %w", p.name, err)
		}
	}
	return nil
}

// dropSoftmax ends the network with its logits: the class is the largest of them.
func dropSoftmax(g *folding) {
	nodes := g.ByName()
	for {
		n := nodes[g.Output]
		if _, ok := n.Op.(*ann.Softmax); !ok || nodes[n.Inputs[0]] == nil {
			return
		}
		g.fates[n.Name] = "dropped: the class is read from spikes"
		g.Output = n.Inputs[0]
	}
}

// dropIdleRelu drops rectifiers, leaky ones among them, of what is not negative and becomes
// a population without them, such as a pool of a ReLU.
func dropIdleRelu(g *folding) {
	known, dropped := rectified{}, redirection{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		dropped.apply(n)
		r, idle := n.Op.(ann.Rectifier)
		if idle = idle && math.IsInf(float64(r.Limit()), 1); !idle {
			_, idle = n.Op.(*ann.LeakyRelu)
		}
		if idle && known[n.Inputs[0]] {
			g.fates[n.Name] = "dropped: its input is never negative"
			dropped[n.Name] = n.Inputs[0]
		}
		known.see(n)
	}
	if to, ok := dropped[g.Output]; ok {
		g.Output = to
	}
}

// rectified holds the nodes that are a ReLU or handed on from one by pools and the
// like.
type rectified map[string]bool

// see takes in a node. Those before it must have been seen.
func (r rectified) see(n *ann.Node) {
	if _, ok := n.Op.(ann.Rectifier); ok {
		r[n.Name] = true
	} else if flat(n) || isPool(n) {
		r[n.Name] = r[n.Inputs[0]]
	}
}

// redirection holds, for nodes that are dropped, what those that take them take
// instead. Passes fill it as they walk through the graph.
type redirection map[string]string

// apply redirects the inputs of n. Nodes before it must have been redirected.
func (r redirection) apply(n *ann.Node) {
	for i, in := range n.Inputs {
		if to, ok := r[in]; ok {
			n.Inputs[i] = to
		}
	}
}

// dropUnused drops nodes that the output does not need.
func dropUnused(g *folding) {
	needed := map[string]bool{g.Output: true}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		if needed[g.Nodes[i].Name] {
			for _, in := range g.Nodes[i].Inputs {
				needed[in] = true
			}
		}
	}
	kept := g.Nodes[:0]
	for _, n := range g.Nodes {
		if needed[n.Name] {
			kept = append(kept, n)
		}
	}
	g.Nodes = kept
}
