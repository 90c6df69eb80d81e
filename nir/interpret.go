package nir

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"sresnet/snn"
	"sresnet/tensor"
)

// UnsupportedError names all that keeps a graph from being an snn.Network.
type UnsupportedError struct{ Nodes []Unsupported }

// Unsupported is a node with the reason.
type Unsupported struct{ Node, Type, Reason string }

// Error lists all nodes, one per line where there are several.
func (e *UnsupportedError) Error() string {
	var lines []string
	for _, u := range e.Nodes {
		if u.Node == "" {
			lines = append(lines, u.Reason)
			continue
		}
		lines = append(lines, fmt.Sprintf("node %q (%s): %s", u.Node, u.Type, u.Reason))
	}
	return "nir: not a network that can be simulated: " + strings.Join(lines, "\n  ")
}

// interpret returns the network that a graph means by NIR's definitions and a rule. Where
// neurons fire above their threshold, those of package snn at it, thresholds become the next
// larger number.
func interpret(g *Graph, rule Rule) (*snn.Network, error) {
	p := &interpreter{g: g, rule: rule, named: make(map[string]bool), values: make(map[string]*linear), into: make(map[string][]string)}
	p.left = 4*g.elements() + maxSpread
	net := p.network()
	if len(p.bad) > 0 {
		return nil, &UnsupportedError{p.bad}
	}
	if err := net.Validate(); err != nil {
		return nil, fmt.Errorf("nir: %w", err)
	}
	return net, nil
}

// interpreter walks a graph from the input on.
type interpreter struct {
	g      *Graph
	rule   Rule
	net    snn.Network
	into   map[string][]string // Where the edges into a node come from.
	values map[string]*linear  // What nodes give, where it is known.
	bad    []Unsupported
	named  map[string]bool // Nodes in bad.
	nodes  map[string]*Node
	r      float32 // Of all IF neurons; 0 before the first.
	left   int     // Weights that may still be made.
}

// linear is what a node gives: the spikes of a population, or the image, through
// at most one connection.
type linear struct {
	from    int // Layer or snn.FromInput.
	shape   tensor.Shape
	flat    bool           // It is a vector for NIR, in spite of its shape.
	through snn.Connection // Nil for the spikes as they are.
	source  tensor.Shape   // Of what a pool takes.
	scale   []float64      // Of the spikes as they are: one number, or one per channel.
	bias    []float64      // Per channel of the connection; nil for none.
}

// one is the scale of spikes that are not scaled.
var one = []float64{1}

func (p *interpreter) fail(n *Node, format string, args ...any) {
	if !p.named[n.Name] {
		p.named[n.Name] = true
		p.bad = append(p.bad, Unsupported{n.Name, n.Type, fmt.Sprintf(format, args...)})
	}
}

func (p *interpreter) network() *snn.Network {
	p.nodes = make(map[string]*Node)
	for _, n := range p.g.Nodes {
		p.nodes[n.Name] = n
	}
	for _, e := range p.g.Edges {
		if p.nodes[e.From] == nil || p.nodes[e.To] == nil {
			p.bad = append(p.bad, Unsupported{Reason: fmt.Sprintf("the edge from %q to %q has no node at one end", e.From, e.To)})
			continue
		}
		p.into[e.To] = append(p.into[e.To], e.From)
	}
	p.checkTypes()
	order := p.order()
	if len(p.bad) > 0 {
		return nil
	}
	p.net.Name = p.g.Metadata.Text("name")
	for _, n := range order {
		p.node(n)
	}
	if len(p.bad) == 0 {
		p.output()
	}
	return &p.net
}

// checkTypes names the nodes that no graph can have here.
func (p *interpreter) checkTypes() {
	inputs, outputs := 0, 0
	for _, n := range p.g.Nodes {
		switch n.Type {
		case "Input":
			inputs++
		case "Output":
			outputs++
		case "Conv2d", "Affine", "Linear", "Scale", "SumPool2d", "AvgPool2d", "Flatten":
			if len(p.into[n.Name]) == 0 {
				p.fail(n, "nothing goes into it")
			}
		case "CubaLIF":
			p.fail(n, "currents that decay; only IF and LIF neurons can be simulated")
		case "I", "LI", "CubaLI":
			p.fail(n, "an integrator without spikes; only IF and LIF neurons can be simulated")
		case "Conv1d":
			p.fail(n, "convolutions in one dimension cannot be simulated")
		case "Delay":
			p.fail(n, "delays cannot be simulated")
		case "Threshold":
			p.fail(n, "a threshold without a potential cannot be simulated")
		case "NIRGraph":
			p.fail(n, "graphs within graphs cannot be simulated")
		default:
			switch {
			case !slices.Contains(populations, n.Type):
				p.fail(n, "NIR does not know the type")
			case len(p.into[n.Name]) == 0:
				p.fail(n, "nothing goes into it")
			}
		}
	}
	if inputs != 1 || outputs != 1 {
		p.bad = append(p.bad, Unsupported{Reason: fmt.Sprintf("%d Input and %d Output nodes; a network has one of each", inputs, outputs)})
	}
}

// order returns the nodes so that every edge goes forward.
func (p *interpreter) order() []*Node {
	waits := make(map[string]int)
	behind := make(map[string][]string)
	for to, list := range p.into {
		waits[to] = len(list)
		for _, from := range list {
			behind[from] = append(behind[from], to)
		}
	}
	var order []*Node
	var ready []string
	for _, n := range p.g.Nodes {
		if waits[n.Name] == 0 {
			ready = append(ready, n.Name)
		}
	}
	for len(ready) > 0 {
		name := ready[0]
		ready = ready[1:]
		order = append(order, p.nodes[name])
		next := behind[name]
		slices.Sort(next) // The order of edges in a file says nothing.
		for _, to := range next {
			if waits[to]--; waits[to] == 0 {
				ready = append(ready, to)
			}
		}
	}
	for _, n := range p.g.Nodes {
		if waits[n.Name] > 0 {
			p.fail(n, "it is in a loop, or follows one; recurrent networks cannot be simulated")
		}
	}
	return order
}

// node works out what one node gives. Nodes after one that failed are left out.
func (p *interpreter) node(n *Node) {
	var inputs []*linear
	for _, from := range p.into[n.Name] {
		v := p.values[from]
		if v == nil {
			return
		}
		inputs = append(inputs, v)
	}
	switch n.Type {
	case "Input":
		p.input(n)
		return
	case "Output":
		return
	}
	if slices.Contains(populations, n.Type) {
		p.neurons(n, inputs)
		return
	}
	if len(inputs) > 1 {
		p.fail(n, "a sum goes into it; sums can only be the current of neurons")
		return
	}
	v, err := inputs[0].behind(n)
	if err != nil {
		p.fail(n, "%v", err)
		return
	}
	if v.through != nil && v.through != inputs[0].through {
		if p.left -= weights(v.through); p.left < 0 {
			p.fail(n, "the weights so far are far more than the file holds")
			return
		}
	}
	p.values[n.Name] = v
}

// weights returns how many weights k has.
func weights(k snn.Connection) int {
	switch k := k.(type) {
	case *snn.Conv:
		return len(k.Weight.Data)
	case *snn.Dense:
		return len(k.Weight.Data)
	}
	return 1
}

func (p *interpreter) input(n *Node) {
	s, err := n.shapeField("shape")
	if err != nil {
		p.fail(n, "%v", err)
		return
	}
	p.net.Input.Shape = s
	p.values[n.Name] = &linear{from: snn.FromInput, shape: s, scale: one}
}

// shapeField returns an array as (C, H, W), a vector as (N, 1, 1).
func (n *Node) shapeField(field string) (tensor.Shape, error) {
	s, err := n.Data.Arrays[field].Ints()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return populationShape(s)
}

func populationShape(s []int) (tensor.Shape, error) {
	if len(s) == 1 {
		s = []int{s[0], 1, 1}
	}
	if len(s) != 3 {
		return nil, fmt.Errorf("shape %v; only (N) and (C, H, W) can be simulated", s)
	}
	return tensor.Shape(slices.Clone(s)), tensor.Shape(s).Check()
}

// neurons makes a layer of a node of [populations]. There are as many neurons as its
// parameters have elements or, if these are single numbers, as Norse and snnTorch write
// them, as the current has.
func (p *interpreter) neurons(n *Node, inputs []*linear) {
	th := n.Data.Arrays["v_threshold"]
	s, err := inputs[0].shape, error(nil)
	if tensor.Shape(th.Shape).Len() != 1 {
		s, err = populationShape(th.Shape)
	}
	if err != nil {
		p.fail(n, "v_threshold: %v", err)
		return
	}
	l := snn.Layer{Name: n.Name, Shape: s, Charge: 1, Lambda: 1}
	l.Neuron.Reset = p.rule.Reset
	if l.Neuron.Threshold, err = perChannel(th, s); err != nil {
		p.fail(n, "v_threshold: %v", err)
		return
	}
	model, k, bias, err := p.neuron(n, s)
	if err != nil {
		p.fail(n, "%v", err)
		return
	}
	l.Neuron.Model = model
	for c, v := range l.Neuron.Threshold {
		v = float32(float64(v) / k)
		if !p.rule.At {
			l.Neuron.Threshold[c] = math.Nextafter32(v, float32(math.Inf(1)))
		} else if l.Neuron.Threshold[c] = v; v == 0 {
			p.fail(n, "threshold 0; neurons that fire at it, and not above it, always do")
			return
		}
		if !(v >= 0) {
			p.fail(n, "threshold %v; only neurons with one of at least 0 can be simulated", v)
			return
		}
	}
	if same := l.Neuron.Threshold; !slices.ContainsFunc(same, func(v float32) bool { return v != same[0] }) {
		l.Neuron.Threshold = same[:1]
	}
	if reset, ok := n.Data.Arrays["v_reset"]; ok && p.rule.Reset == snn.ResetZero { // Older files have none.
		v, err := reset.Float32s()
		if err != nil || slices.ContainsFunc(v, func(v float32) bool { return v != 0 }) {
			p.fail(n, "v_reset is not 0 everywhere; only neurons that reset to 0 can be simulated")
			return
		}
	}
	for _, in := range inputs {
		if in.flat {
			p.fail(n, "it follows a Flatten node, where only a fully connected one can be simulated")
			return
		}
		k, err := in.connection(s)
		if err != nil {
			p.fail(n, "%v", err)
			return
		}
		l.Synapses = append(l.Synapses, snn.Synapse{From: in.from, Connection: k})
		if in.bias != nil && bias == nil {
			bias = make([]float64, s[0])
		}
		for c, b := range in.bias {
			bias[c] += b
		}
	}
	for _, b := range bias {
		l.Bias = append(l.Bias, float32(b))
	}
	p.values[n.Name] = &linear{from: len(p.net.Layers), shape: s, scale: one}
	p.net.Layers = append(p.net.Layers, l)
}

// perChannel returns the elements of a, which has a value for each neuron or one for
// all, one a channel.
func perChannel(a Array, s tensor.Shape) ([]float32, error) {
	x, err := a.Float32s()
	if err != nil {
		return nil, err
	}
	if len(x) == 1 {
		return slices.Repeat(x, s[0]), nil
	}
	if len(x) != s.Len() {
		return nil, fmt.Errorf("%d elements for neurons of shape %v", len(x), s)
	}
	positions := s[1] * s[2]
	list := make([]float32, s[0])
	for i, v := range x {
		c := i / positions
		if list[c] = x[c*positions]; v != list[c] {
			return nil, fmt.Errorf("values differ within channel %d", c)
		}
	}
	return list, nil
}

// output makes the layer that goes into the Output node the last one.
func (p *interpreter) output() {
	var out *Node
	for _, n := range p.g.Nodes {
		if n.Type == "Output" {
			out = n
		}
	}
	from := p.into[out.Name]
	if len(from) != 1 {
		p.fail(out, "%d nodes go into it; give it one population of neurons", len(from))
		return
	}
	if p.values[from[0]] == nil {
		return // Named already.
	}
	last := slices.IndexFunc(p.net.Layers, func(l snn.Layer) bool { return l.Name == from[0] })
	if last < 0 {
		p.fail(p.nodes[from[0]], "the network ends in it, but only a population of neurons can be read out")
		return
	}
	for i := range p.net.Layers {
		for _, s := range p.net.Layers[i].Synapses {
			if s.From == last {
				p.fail(p.nodes[from[0]], "the network ends in it, but %q takes its spikes", p.net.Layers[i].Name)
				return
			}
		}
	}
	// Nothing comes from it, so that it can go to the end.
	layers := p.net.Layers
	moved := layers[last]
	copy(layers[last:], layers[last+1:])
	layers[len(layers)-1] = moved
	for i := range layers {
		for j, s := range layers[i].Synapses {
			if s.From > last {
				layers[i].Synapses[j].From--
			}
		}
	}
}
