package nir

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"sresnet/snn"
	"sresnet/tensor"
)

// ErrChanged is the error of a graph that sresnet wrote and that has been changed
// since.
var ErrChanged = errors.New("the graph is not the one that sresnet wrote")

// Network returns the spiking network of a graph. One that [FromNetwork] made is
// restored so that it runs identically, spike for spike: its metadata has what
// its nodes cannot express, and a graph that differs in any number from what its
// metadata describe is [ErrChanged].
//
// Other graphs are read by the meaning that NIR gives to their nodes, if package snn
// has it: one Input, convolutions, fully connected layers, pools, uniform scales, and
// IF and LIF neurons that reset to zero, without loops. All other nodes are named in
// an [*UnsupportedError].
func (g *Graph) Network() (*snn.Network, error) { return g.NetworkBy(Rule{Reset: snn.ResetZero}) }

// Rule is what NIR leaves to tools: how neurons reset, and when they fire. NIR's own is to
// reset to zero, and to fire above the threshold, not at it.
type Rule struct {
	Reset snn.Reset
	At    bool // They fire when the potential reaches the threshold.
}

// String returns the rule in words: "reset zero, fire above the threshold".
func (r Rule) String() string {
	fires := "above"
	if r.At {
		fires = "at"
	}
	return fmt.Sprintf("reset %v, fire %s the threshold", r.Reset, fires)
}

// Foreign reports whether another tool wrote the graph, so that it does not say by which [Rule]
// its neurons go.
func (g *Graph) Foreign() bool {
	r, err := readRecord(g)
	return err == nil && r == nil
}

// NetworkBy is [Graph.Network] for neurons of a graph of others that go by that rule. Graphs
// of sresnet have theirs.
func (g *Graph) NetworkBy(rule Rule) (*snn.Network, error) {
	r, err := readRecord(g)
	if err != nil {
		return nil, fmt.Errorf("nir: %w", err)
	}
	if r == nil {
		return interpret(g, rule)
	}
	net, err := r.restore(g)
	if err != nil {
		return nil, fmt.Errorf("nir: %w: %w", ErrChanged, err)
	}
	return net, nil
}

// maxKernel bounds the rows and columns of kernels in files, and so the time that
// a file can take.
const maxKernel = 4096

// restore returns the network of the record, with the weights of the graph.
func (r *record) restore(g *Graph) (*snn.Network, error) {
	from := &store{nodes: make(map[string]*Node, len(g.Nodes)), left: g.elements(), square: r.Profile != nil && r.Profile.Square}
	for _, n := range g.Nodes {
		from.nodes[n.Name] = n
	}
	net := &snn.Network{Name: r.Name, Input: r.Input}
	if err := r.schedule(net); err != nil {
		return nil, err
	}
	if len(r.Input.Shape) != 3 {
		return nil, fmt.Errorf("input of shape %v", r.Input.Shape)
	}
	if err := r.Input.Shape.Check(); err != nil {
		return nil, err
	}
	for i := range r.Layers {
		l, err := r.layer(net, i, from)
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", r.Layers[i].Name, err)
		}
		net.Layers = append(net.Layers, l)
	}
	if err := net.Validate(); err != nil {
		return nil, err
	}
	// The proof that the record is of this graph: it gives every node of it again.
	err := r.gives(net, g, false)
	if err != nil && r.gives(net, g, true) == nil {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return net, nil
}

// gives returns an error unless the record makes g of net; averaged is that of the exporter.
func (r *record) gives(net *snn.Network, g *Graph, averaged bool) error {
	e := &exporter{net: net, profile: Generic, limit: g.elements(), averaged: averaged}
	if r.Profile != nil {
		e.profile = *r.Profile
	}
	if err := e.run(); err != nil {
		return err
	}
	return e.g.same(g)
}

func (r *record) layer(net *snn.Network, i int, from *store) (snn.Layer, error) {
	lr := &r.Layers[i]
	l := snn.Layer{
		Name: lr.Name, Shape: lr.Shape, Charge: lr.Charge, Lambda: lr.Lambda, Rate: lr.Rate,
		Lambdas: lr.Lambdas, Shift: lr.Shift, Refit: lr.Refit,
	}
	if len(lr.Shape) != 3 {
		return l, fmt.Errorf("shape %v", lr.Shape)
	}
	if err := lr.Shape.Check(); err != nil {
		return l, err
	}
	if lr.Shape[1]*lr.Shape[2] > snn.MaxPositions {
		return l, fmt.Errorf("shape %v has too many positions", lr.Shape)
	}
	if lr.Thresholds > 0 {
		th, err := from.floats(lr.Node, "v_threshold", lr.Shape.Len())
		if err != nil {
			return l, err
		}
		if lr.Thresholds != 1 && lr.Thresholds != lr.Shape[0] {
			return l, fmt.Errorf("%d thresholds", lr.Thresholds)
		}
		l.Neuron = lr.neuron()
		for c := range lr.Thresholds {
			l.Neuron.Threshold = append(l.Neuron.Threshold, th[c*lr.Shape[1]*lr.Shape[2]])
		}
	}
	if lr.Threshold != nil {
		l.Neuron = lr.neuron()
		l.Neuron.Threshold = lr.Threshold
	}
	if lr.Start {
		v, err := from.start(lr.Node, lr.Shape.Len())
		if err != nil {
			return l, err
		}
		l.Start = slices.Clone(v)
	}
	if lr.BiasNode != "" {
		b, err := from.floats(lr.BiasNode, "bias", lr.Shape[0])
		if err != nil {
			return l, err
		}
		l.Bias = slices.Clone(b)
	}
	for j, sr := range lr.Synapses {
		if sr.From < snn.FromInput || sr.From >= i {
			return l, fmt.Errorf("synapse %d comes from layer %d", j, sr.From)
		}
		k, err := sr.connection(net, lr, from)
		if err != nil {
			return l, fmt.Errorf("synapse %d: %w", j, err)
		}
		l.Synapses = append(l.Synapses, snn.Synapse{From: sr.From, Connection: k})
	}
	return l, nil
}

// connection returns the connection of a synapse that ends on layer l.
func (sr *synapseRecord) connection(net *snn.Network, l *layerRecord, from *store) (snn.Connection, error) {
	in, q := net.ShapeOf(sr.From), float32(1)
	if sr.From != snn.FromInput {
		q = net.Layers[sr.From].Charge
	}
	var w tensor.Window
	if sr.Window != nil {
		w = *sr.Window
		if err := w.Check(); err != nil {
			return nil, err
		}
		if max(w.Kernel[0], w.Kernel[1]) > maxKernel {
			return nil, fmt.Errorf("a kernel of %v", w.Kernel)
		}
	}
	switch sr.Kind {
	case (*snn.Conv)(nil).Kind():
		shape := tensor.Shape{sr.Channels[0], sr.Channels[1], w.Kernel[0], w.Kernel[1]}
		weight, err := from.kernels(sr.Node, shape, w, in, sr.Groups, q)
		if err != nil {
			return nil, err
		}
		return &snn.Conv{Weight: weight, Window: w, Groups: sr.Groups}, nil
	case (*snn.Dense)(nil).Kind():
		n := tensor.Shape{sr.Channels[0], sr.Channels[1]}
		if err := n.Check(); err != nil {
			return nil, err
		}
		if node := from.nodes[sr.Node]; node != nil && node.Type == "Conv2d" { // Of the whole source.
			if n[1] != in.Len() {
				return nil, fmt.Errorf("weight of shape %v does not fit a source of %v", n, in)
			}
			w = tensor.Square(1, 1, 0)
			w.Kernel = [2]int{in[1], in[2]}
			weight, err := from.kernels(sr.Node, tensor.Shape{n[0], in[0], in[1], in[2]}, w, in, 1, q)
			if err != nil {
				return nil, err
			}
			return &snn.Dense{Weight: tensor.Of(weight.Data, n...)}, nil
		}
		x, err := from.floats(sr.Node, "weight", n.Len())
		if err != nil {
			return nil, err
		}
		x = slices.Clone(x)
		if !from.kept(sr.Node, "weight") {
			unfold(x, q)
		}
		return &snn.Dense{Weight: tensor.Of(x, n...)}, nil
	case (*snn.Shortcut)(nil).Kind():
		return &snn.Shortcut{Scale: sr.Scale, Scales: sr.Scales, Stride: sr.Stride, Start: sr.Start, Offset: sr.Offset, Remainder: sr.Remainder, Shape: l.Shape}, nil
	case (*snn.AveragePool)(nil).Kind():
		return &snn.AveragePool{Window: w, CountPad: sr.CountPad, Scale: sr.Scale, Scales: sr.Scales}, nil
	case (*snn.MaxPool)(nil).Kind():
		return &snn.MaxPool{Window: w}, nil
	}
	return nil, fmt.Errorf("unknown kind %q", sr.Kind)
}

// kernels returns the weights, OIHW, of a convolution with window w of a source of shape in, from
// the node that holds them among zeros, times the charge q.
func (s *store) kernels(node string, shape tensor.Shape, w tensor.Window, in tensor.Shape, groups int, q float32) (*tensor.Tensor, error) {
	sym, err := newSymmetric(w, in[1], in[2], s.square)
	if err != nil {
		return nil, err
	}
	if err := shape.Check(); err != nil {
		return nil, err
	}
	if s.kept(node, "weight") {
		x, err := s.floats(node, "weight", shape.Len())
		if err != nil {
			return nil, err
		}
		return tensor.Of(slices.Clone(x), shape...), nil
	}
	// The node may have fewer groups, of more channels.
	if groups < 1 || in[0]%groups != 0 || shape[0]%groups != 0 || shape[1] != in[0]/groups {
		return nil, fmt.Errorf("weight of shape %v does not fit %d channels in %d groups", shape, in[0], groups)
	}
	n := tensor.Shape{shape[0], in[0] / s.groups(node, groups), sym.window.Kernel[0], sym.window.Kernel[1]}
	if err := n.Check(); err != nil {
		return nil, err
	}
	large, err := s.floats(node, "weight", n.Len())
	if err != nil {
		return nil, err
	}
	small := tensor.New(shape...)
	place := grouped{out: shape[0], in: shape[1], groups: groups, wide: n[1]}
	sym.shrink(small.Data, large, w.Kernel, place.kernel)
	unfold(small.Data, q)
	return small, nil
}

// store hands out the arrays of a graph. In sum that is no more than there is, as
// every array is of one layer.
type store struct {
	nodes  map[string]*Node
	left   int  // Elements.
	square bool // Kernels were made square.
}

// kept reports whether the metadata of a node have the array of that name as it was
// in the network.
func (s *store) kept(name, field string) bool {
	n := s.nodes[name]
	if n == nil || n.Metadata == nil {
		return false
	}
	_, ok := n.Metadata.Arrays[field]
	return ok
}

// groups returns in how many groups the convolution of a node is; all those of the
// network, or one.
func (s *store) groups(name string, all int) int {
	if n := s.nodes[name]; n != nil && allAre(n.Data.Arrays["groups"], 1) {
		return 1
	}
	return all
}

// floats returns an array of a node, which must have n elements: the one of its
// metadata, if there is one.
func (s *store) floats(name, field string, n int) ([]float32, error) {
	node := s.nodes[name]
	if node == nil {
		return nil, fmt.Errorf("there is no node %q", name)
	}
	a := node.Data.Arrays[field]
	if s.kept(name, field) {
		a = node.Metadata.Arrays[field]
	}
	x, err := a.Float32s()
	if err != nil {
		return nil, fmt.Errorf("%s of node %q: %w", field, name, err)
	}
	if len(x) != n {
		return nil, fmt.Errorf("%s of node %q has %d elements, not %d", field, name, len(x), n)
	}
	if s.left -= n; s.left < 0 {
		return nil, fmt.Errorf("node %q is taken for several layers", name)
	}
	return x, nil
}

// unfold replaces each y = q w, rounded, by a w of which that is true. Since y is
// such a product, one is near y / q; often there are several, and one will do:
// engines use the product alone.
func unfold(x []float32, q float32) {
	if q == 1 {
		return
	}
	for i, y := range x {
		w := y / q
		up, down := w, w
		for range 3 {
			if q*up == y {
				w = up
				break
			}
			if q*down == y {
				w = down
				break
			}
			up, down = math.Nextafter32(up, 2*up), math.Nextafter32(down, 0)
		}
		x[i] = w
	}
}

// same returns an error that names a difference between g, just made, and other,
// which was read: nodes, types, parameters, edges. Other metadata is no difference,
// nor are types of elements.
func (g *Graph) same(other *Graph) error {
	byName := make(map[string]*Node, len(other.Nodes))
	for _, n := range other.Nodes {
		byName[n.Name] = n
	}
	for _, n := range g.Nodes {
		o := byName[n.Name]
		if o == nil {
			return fmt.Errorf("node %q is missing", n.Name)
		}
		if o.Type != n.Type {
			return fmt.Errorf("node %q is of type %s, was %s", n.Name, o.Type, n.Type)
		}
		for _, f := range sorted(n.Data.Arrays) {
			if !n.Data.Arrays[f].equal(o.Data.Arrays[f]) {
				return fmt.Errorf("%s of node %q is another", f, n.Name)
			}
		}
	}
	if len(other.Nodes) != len(g.Nodes) {
		for _, n := range g.Nodes {
			delete(byName, n.Name)
		}
		for _, o := range other.Nodes {
			if byName[o.Name] != nil {
				return fmt.Errorf("node %q is new", o.Name)
			}
		}
		return errors.New("there are other nodes")
	}
	edges := make(map[Edge]int)
	for _, e := range other.Edges {
		edges[e]++
	}
	for _, e := range g.Edges {
		edges[e]--
		if edges[e] < 0 {
			return fmt.Errorf("the edge from %q to %q is missing", e.From, e.To)
		}
	}
	if len(other.Edges) != len(g.Edges) {
		return errors.New("there are more edges")
	}
	return nil
}

// equal reports whether both are the same numbers in the same shape.
func (a Array) equal(b Array) bool {
	if !slices.Equal(a.Shape, b.Shape) {
		return false
	}
	x, err1 := a.Float32s()
	y, err2 := b.Float32s()
	return err1 == nil && err2 == nil && slices.Equal(x, y)
}
