package eval

import (
	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// operations is what there is to count in a pair of networks, or in a spiking network
// by itself. It is made once and shared by all workers, each of which gathers [counts] in its order.
type operations struct {
	synapses  []connection // Of the spiking network, by layer and then by synapse.
	trained   []connection // Of the trained network, in the order of its nodes.
	depth     []int        // Of every spiking layer: the most synapses between it and the image.
	rectified []string     // Nodes whose zeros make the trained network's activation sparsity.
	units     uint64       // Elements of these.
}

// connection is a bundle of synapses, or the same in the trained network: weights
// between one activation and the next.
type connection struct {
	layer, from int    // Of the spiking network; snn.FromInput, or unknown.
	node        string // Of the trained network; empty for a synapse.
	kind        string // As snn.Connection.Kind says.
	weighted    bool   // Its operations are multiply-accumulates in the trained network, not additions.
	dense       uint64 // Weights that lie inside the border: operations if every input were there.

	// counter counts what an activation causes, nil for synapses of spikes, which
	// sim counts.
	counter *counter
}

// unknown is the index of a layer that the spiking network does not have.
const unknown = -2

// counter counts operations that the elements of an activation cause which are not
// zero. It is exact: a tap over the border counts nothing.
type counter struct {
	source   string   // Node of the trained network whose activation it looks at, or the input; empty for a synapse from the image.
	channels int      // Of the source, which lies channels last.
	taps     []uint64 // By position: windows that see it. Nil for one each.
	fan      uint64   // Channels that each tap ends on.
}

func (c *counter) count(x []float32) (n uint64) {
	if c.taps == nil {
		return c.fan * nonzero(x)
	}
	for p, taps := range c.taps {
		n += taps * nonzero(x[p*c.channels:][:c.channels])
	}
	return c.fan * n
}

func nonzero(x []float32) (n uint64) {
	for _, v := range x {
		if v != 0 {
			n++
		}
	}
	return n
}

// windowTaps returns, for each of n rows (axis 0) or columns (axis 1) of a source,
// how many of the outputs have it under the window.
func windowTaps(w tensor.Window, axis, n, outputs int) []uint64 {
	taps := make([]uint64, n)
	for o := range outputs {
		lo, hi := w.Inside(axis, o, n)
		for k := lo; k < hi; k++ {
			taps[o*w.Stride[axis]+k*w.Dilation[axis]-w.Pad[axis]]++
		}
	}
	return taps
}

// positionTaps is windowTaps for every position, row by row.
func positionTaps(w tensor.Window, in, out tensor.Shape) []uint64 {
	rows, cols := windowTaps(w, 0, in[1], out[1]), windowTaps(w, 1, in[2], out[2])
	taps := make([]uint64, 0, len(rows)*len(cols))
	for _, r := range rows {
		for _, c := range cols {
			taps = append(taps, r*c)
		}
	}
	return taps
}

func sum(x []uint64) (n uint64) {
	for _, v := range x {
		n += v
	}
	return n
}

// newOperations lists what there is to count in g and its conversion net; g is nil
// without a trained network.
func newOperations(g *ann.Graph, net *snn.Network) *operations {
	ops := &operations{depth: make([]int, len(net.Layers))}
	for i := range net.Layers {
		for _, s := range net.Layers[i].Synapses {
			ops.depth[i] = max(ops.depth[i], ops.depthOf(s.From)+1)
			c := synapse(net.ShapeOf(s.From), net.Layers[i].Shape, s.Connection)
			c.layer, c.from = i, s.From
			if s.From != snn.FromInput || net.Input.Encoding.Spikes() {
				c.counter = nil
			}
			ops.synapses = append(ops.synapses, c)
		}
	}
	if g == nil {
		return ops
	}
	w := newWalker(g, net)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		switch n.Op.(type) {
		case *ann.Relu, *ann.Clip:
			ops.rectified = append(ops.rectified, n.Name)
			ops.units += uint64(n.Shape.Len())
		}
		ops.trained = append(ops.trained, w.connections(n)...)
	}
	return ops
}

// depthOf returns the depth of layer i, and 0 for the image.
func (ops *operations) depthOf(i int) int {
	if i < 0 {
		return 0
	}
	return ops.depth[i]
}

// synapse returns a connection of spikes from a layer of shape in to one of shape
// out, with a counter for the case that it carries the image.
func synapse(in, out tensor.Shape, k snn.Connection) connection {
	c := connection{kind: k.Kind(), counter: &counter{channels: in[0], fan: 1}}
	switch k := k.(type) {
	case *snn.Conv:
		c.counter.taps, c.counter.fan = positionTaps(k.Window, in, out), uint64(out[0]/k.Groups)
		c.dense = sum(c.counter.taps) * uint64(in[0]) * c.counter.fan
	case *snn.Dense:
		c.counter.fan = uint64(out.Len())
		c.dense = uint64(in.Len()) * c.counter.fan
	case *snn.Shortcut:
		c.dense = uint64(in[0] * out[1] * out[2])
	case *snn.AveragePool:
		c.dense = sum(positionTaps(k.Window, in, out)) * uint64(in[0])
	}
	return c // A max-pool gate has no weights.
}

// walker finds the spiking layers that the nodes of a graph belong to.
type walker struct {
	g         *ann.Graph
	nodes     map[string]*ann.Node
	consumers map[string][]int
	layers    map[string]int
}

func newWalker(g *ann.Graph, net *snn.Network) *walker {
	w := &walker{g: g, nodes: make(map[string]*ann.Node), consumers: g.Consumers(), layers: map[string]int{g.Input.Name: snn.FromInput}}
	for i := range g.Nodes {
		w.nodes[g.Nodes[i].Name] = &g.Nodes[i]
	}
	for i := range net.Layers {
		w.layers[net.Layers[i].Name] = i
	}
	return w
}

// connections returns what is to count at a node of the trained network, by the
// rules of the spiking one: a product with a weight for each element that is not
// zero, an addition without a weight where a shortcut or an average pool takes it.
// Comparisons, biases and batch norms, which fold into weights, count nothing.
func (w *walker) connections(n *ann.Node) []connection {
	in := func(i int) tensor.Shape { s, _ := w.g.Shape(n.Inputs[i]); return s }
	c := connection{node: n.Name, layer: w.layerOf(n.Name), from: w.sourceOf(n.Inputs[0])}
	switch op := n.Op.(type) {
	case *ann.Conv:
		c.kind, c.weighted = (*snn.Conv)(nil).Kind(), true
		c.counter = &counter{source: n.Inputs[0], channels: in(0)[0], taps: positionTaps(op.Window, in(0), n.Shape), fan: uint64(n.Shape[0] / op.Groups)}
		c.dense = w.windowed(n.Inputs[0], op.Window, n.Shape) * c.counter.fan
	case *ann.Gemm:
		c.kind, c.weighted = (*snn.Dense)(nil).Kind(), true
		c.counter = &counter{source: n.Inputs[0], fan: uint64(n.Shape[0])}
		c.dense = uint64(in(0).Len()) * c.counter.fan
	case *ann.AveragePool:
		c.kind = (*snn.AveragePool)(nil).Kind()
		c.counter = &counter{source: n.Inputs[0], channels: in(0)[0], taps: positionTaps(op.Window, in(0), n.Shape), fan: 1}
		c.dense = w.windowed(n.Inputs[0], op.Window, n.Shape)
	case *ann.GlobalAveragePool:
		c.kind = (*snn.AveragePool)(nil).Kind()
		c.counter = &counter{source: n.Inputs[0], fan: 1}
		c.dense = w.elements(n.Inputs[0])
	case *ann.Add:
		var list []connection
		for _, input := range n.Inputs {
			if !w.summed(input) {
				s := c
				s.kind, s.from = (*snn.Shortcut)(nil).Kind(), w.sourceOf(input)
				s.counter = &counter{source: input, fan: 1}
				s.dense = w.elements(input)
				list = append(list, s)
			}
		}
		return list
	default:
		return nil
	}
	return []connection{c}
}

// summed reports whether the named value is a sum whose operations are counted
// where it is made, so that adding it to another one continues that sum and takes
// nothing more. What is a layer of its own is a value that is handed on instead.
func (w *walker) summed(name string) bool {
	n := w.nodes[name]
	if _, layer := w.layers[name]; layer || n == nil {
		return false
	}
	switch n.Op.(type) {
	case *ann.Conv, *ann.Gemm, *ann.Add, *ann.AveragePool, *ann.GlobalAveragePool:
		return true
	case *ann.BatchNormalization, *ann.Slice, *ann.Pad, *ann.Flatten:
		return w.summed(n.Inputs[0])
	}
	return false
}

// layerOf returns the spiking layer on which a node's operations end: its own or
// that of the first node after it that has one.
func (w *walker) layerOf(name string) int {
	for {
		if i, ok := w.layers[name]; ok {
			return i
		}
		next := w.consumers[name]
		if len(next) == 0 {
			return unknown
		}
		name = w.g.Nodes[next[0]].Name
	}
}

// sourceOf returns the spiking layer from which a node's input comes: its own or
// that of the first node before it that has one.
func (w *walker) sourceOf(name string) int {
	for {
		if i, ok := w.layers[name]; ok {
			return i
		}
		n := w.nodes[name]
		if n == nil || len(n.Inputs) != 1 {
			return unknown
		}
		name = n.Inputs[0]
	}
}

// inside returns the channels, rows and columns of a value that are no zeros which
// a Pad put there: padding is border, whether the file has it apart or not.
func (w *walker) inside(name string) [3][]bool {
	var in [3][]bool
	if n := w.nodes[name]; n != nil {
		switch op := n.Op.(type) {
		case *ann.Pad:
			before := w.inside(n.Inputs[0])
			for i := range in {
				in[i] = make([]bool, n.Shape[i])
				copy(in[i][op.Before[i]:], before[i])
			}
			return in
		case *ann.Slice:
			before := w.inside(n.Inputs[0])
			for i := range in {
				for j := range op.Size[i] {
					in[i] = append(in[i], before[i][op.Start[i]+j*op.Step[i]])
				}
			}
			return in
		}
	}
	s, _ := w.g.Shape(name)
	c, h, wd := s.CHW()
	for i, n := range [3]int{c, h, wd} {
		for range n {
			in[i] = append(in[i], true)
		}
	}
	return in
}

// elements returns the number of elements of a value that are inside.
func (w *walker) elements(name string) uint64 {
	inside := w.inside(name)
	return trues(inside[0]) * trues(inside[1]) * trues(inside[2])
}

func trues(x []bool) (n uint64) {
	for _, v := range x {
		if v {
			n++
		}
	}
	return n
}

// windowed returns the taps of a window over the named value that lie inside the
// border, for one output channel a group.
func (w *walker) windowed(name string, win tensor.Window, out tensor.Shape) uint64 {
	inside := w.inside(name)
	axis := func(a int) (n uint64) {
		for i, taps := range windowTaps(win, a, len(inside[a+1]), out[a+1]) {
			if inside[a+1][i] {
				n += taps
			}
		}
		return n
	}
	return trues(inside[0]) * axis(0) * axis(1)
}

// channelsLast writes src, an image (C, H, W), as (H, W, C).
func channelsLast(dst, src []float32, channels int) {
	positions := len(src) / channels
	for c := range channels {
		for p, v := range src[c*positions:][:positions] {
			dst[p*channels+c] = v
		}
	}
}

// counts gathers operations over images. It holds integers only, so that those of
// several workers, or of several parts of a data set, add up the same in any order.
type counts struct {
	synapses []uint64 // In the order of operations.synapses.
	trained  []uint64 // In the order of operations.trained.
	zeros    uint64   // Of rectified activations.
}

func (ops *operations) newCounts() *counts {
	return &counts{synapses: make([]uint64, len(ops.synapses)), trained: make([]uint64, len(ops.trained))}
}

// add counts one image, channels last: what the spiking network recorded, and what the
// trained network, if there is one, computed last.
func (c *counts) add(ops *operations, image []float32, rec *sim.Record, trained *infer.Runner) {
	i := 0
	for _, layer := range rec.SynapseACs {
		for _, acs := range layer {
			c.synapses[i] += acs
			if counter := ops.synapses[i].counter; counter != nil {
				c.synapses[i] += counter.count(image)
			}
			i++
		}
	}
	for i := range ops.trained {
		counter := ops.trained[i].counter
		c.trained[i] += counter.count(trained.Activation(counter.source))
	}
	for _, name := range ops.rectified {
		x := trained.Activation(name)
		c.zeros += uint64(len(x)) - nonzero(x)
	}
}

// merge adds what b gathered.
func (c *counts) merge(b *counts) {
	addTo(c.synapses, b.synapses)
	addTo(c.trained, b.trained)
	c.zeros += b.zeros
}
