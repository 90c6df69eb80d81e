package convert

import (
	"fmt"
	"math"
	"slices"

	"sresnet/ann"
	"sresnet/snn"
	"sresnet/tensor"
)

// population is a layer of the spiking network before it is scaled.
type population struct {
	node    *ann.Node
	shape   tensor.Shape // (C, H, W)
	terms   []term       // What arrives, in the order of the sum.
	neurons bool         // With a scale of its own; unset for pools, which keep their source's.
	on      int          // Of an OFF population that of the ON one, whose scale it has; else -1.
}

// term is a synapse before it is scaled.
type term struct {
	from       int            // Index of a population, or snn.FromInput.
	connection snn.Connection // With the trained weights, which it may share with the graph.
	bias       []float32
}

// populator finds the populations of a folded graph.
type populator struct {
	g         *ann.Graph
	nodes     map[string]*ann.Node
	consumers map[string][]int
	list      []population
	index     map[string]int // From a node that is a population, or the input, to its index.
	bad       []*UnsupportedError
	named     map[string]bool // Nodes in bad.

	rectified rectified // The nodes so far.

	into    string              // The population whose currents are looked at.
	fates   map[string]Fate     // Of the nodes that were seen.
	targets map[string][]string // Populations that nodes are synapses into.

	shortcuts map[string][]string // Populations that are branches of a sum.
}

// populate finds the populations of g in topological order, the last being the
// output, or all nodes that keep g from having them.
func populate(g *ann.Graph) *populator {
	p := &populator{
		g: g, nodes: g.ByName(), consumers: g.Consumers(),
		index: map[string]int{g.Input.Name: snn.FromInput}, named: make(map[string]bool), rectified: rectified{}, fates: make(map[string]Fate), targets: make(map[string][]string), shortcuts: make(map[string][]string),
	}
	last := g.Output
	for flat(p.nodes[last]) {
		last = p.nodes[last].Inputs[0]
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		p.rectified.see(n)
		p.into = n.Name
		if r, ok := n.Op.(ann.Rectifier); ok {
			p.note(n, n.Shape.Len(), "%spopulation of %d IF neurons%s", p.sign(n), n.Shape.Len(), limited(r))
			p.add(n, true, p.sum(n, n.Inputs[0]))
			continue
		}
		switch k, _ := p.connection(n); {
		case k != nil && snn.IsPool(k):
			if _, gate := k.(*snn.MaxPool); gate {
				p.note(n, 0, "max-pool gate of %d units", n.Shape.Len())
			} else if n.Name != last && p.onlySummed(n) {
				continue // Synapses of another population.
			} else {
				p.note(n, n.Shape.Len(), "synapses of one weight, and a population of %d IF neurons", n.Shape.Len())
			}
			p.add(n, false, p.single(n, k))
		case n.Name == last:
			p.add(n, true, p.sum(nil, n.Name))
		}
	}
	p.checkOutput(last)
	return p
}

// limited puts the bound of a rectifier into words.
func limited(r ann.Rectifier) string {
	if op, ok := r.(*ann.Clip); ok && op.Levels > 0 {
		most := ""
		if !op.Few() {
			most = "at most "
		}
		return fmt.Sprintf(", lambda %s%v; rounded to %d levels in the file, to T levels here", most, op.Max, op.Levels)
	}
	if limit := r.Limit(); !math.IsInf(float64(limit), 1) {
		return fmt.Sprintf(", lambda at most %v", limit)
	}
	return ""
}

func flat(n *ann.Node) bool {
	if n == nil {
		return false
	}
	_, ok := n.Op.(*ann.Flatten)
	return ok
}

func isSum(n *ann.Node) bool {
	if n == nil {
		return false
	}
	_, ok := n.Op.(*ann.Add)
	return ok
}

func isScale(n *ann.Node) bool {
	if n == nil {
		return false
	}
	_, ok := n.Op.(*ann.Scale)
	return ok
}

// add makes n a population of those terms. Where they are faulty it is one all
// the same, so that what follows is looked at as well.
func (p *populator) add(n *ann.Node, neurons bool, terms []term) {
	pop := population{node: n, terms: terms, neurons: neurons, on: p.onOf(n)}
	for i, t := range terms {
		shape, err := t.connection.Out(p.shapeOf(t.from))
		switch {
		case err != nil:
			p.fail(unsupported(n, "", "%v", err))
		case i == 0:
			pop.shape = shape
		case !shape.Equal(pop.shape):
			p.fail(unsupported(n, "", "its branches have the shapes %v and %v before they are flattened", pop.shape, shape))
		}
	}
	if pop.shape == nil {
		c, h, w := n.Shape.CHW()
		pop.shape = tensor.Shape{c, h, w}
	}
	if c, h, w := pop.shape.CHW(); c > snn.MaxChannels || h*w > snn.MaxPositions {
		p.fail(unsupported(n, hintSize, "its %d channels of %dx%d positions are too many: a layer may have up to %d channels and %d positions",
			c, h, w, snn.MaxChannels, snn.MaxPositions))
	}
	p.index[n.Name] = len(p.list)
	p.list = append(p.list, pop)
}

// sign says which population of a pair n is, if it is one.
func (p *populator) sign(n *ann.Node) string {
	if isScale(p.nodes[n.Inputs[0]]) {
		return "OFF "
	}
	for _, i := range p.consumers[n.Inputs[0]] {
		if m := &p.g.Nodes[i]; isScale(m) && len(p.consumers[m.Name]) == 1 && p.g.Nodes[p.consumers[m.Name][0]].Op.Type() == n.Op.Type() {
			return "ON "
		}
	}
	return ""
}

// onOf returns the ON population of an OFF one, -1 if n is none.
func (p *populator) onOf(n *ann.Node) int {
	if _, ok := n.Op.(ann.Rectifier); !ok {
		return -1
	}
	minus := p.nodes[n.Inputs[0]]
	if !isScale(minus) || minus.Op.(*ann.Scale).Factor != -1 {
		return -1
	}
	for _, i := range p.consumers[minus.Inputs[0]] {
		m := &p.g.Nodes[i]
		if _, ok := m.Op.(ann.Rectifier); !ok {
			continue
		}
		if on, ok := p.index[m.Name]; ok {
			return on
		}
	}
	return -1
}

// SameScale returns the rectifiers of g that have the scale of the named one: that of the same
// value with the other sign, an OFF population if it is the ON one.
func SameScale(g *ann.Graph, name string) []string {
	n := g.Node(name)
	if _, ok := n.Op.(ann.Rectifier); !ok {
		return nil
	}
	value := func(n *ann.Node) (string, bool) { // That it rectifies, and whether with the other sign.
		if m := g.Node(n.Inputs[0]); m != nil && isScale(m) && m.Op.(*ann.Scale).Factor == -1 {
			return m.Inputs[0], true
		}
		return n.Inputs[0], false
	}
	of, minus := value(n)
	var list []string
	for i := range g.Nodes {
		m := &g.Nodes[i]
		if _, ok := m.Op.(ann.Rectifier); !ok {
			continue
		}
		if other, sign := value(m); other == of && sign != minus {
			list = append(list, m.Name)
		}
	}
	return list
}

func (p *populator) checkOutput(last string) {
	if i, ok := p.index[last]; !ok || i == snn.FromInput {
		n := p.nodes[last]
		if n == nil {
			n = p.nodes[p.g.Output]
		}
		p.fail(unsupported(n, "", "the network ends in it, but it makes no neurons"))
		return
	}
	out := p.list[p.index[last]]
	if _, ok := out.node.Op.(*ann.MaxPool); ok {
		p.fail(unsupported(out.node, "", "the network ends in it, but a gate has no neurons to read"))
	}
	if out.shape[1] != 1 || out.shape[2] != 1 {
		p.fail(unsupported(out.node, "end the network in a vector of one number per class",
			"the network ends in it with shape %v, which is not a vector of classes", out.shape))
	}
}

// fail notes an error, one per node, and reports whether it is the node's first.
func (p *populator) fail(e *UnsupportedError) (first bool) {
	if p.named[e.Node] {
		return false
	}
	p.named[e.Node] = true
	p.bad = append(p.bad, e)
	return true
}

// shapeOf returns the shape of population i, or of the input as an image.
func (p *populator) shapeOf(i int) tensor.Shape {
	if i == snn.FromInput {
		c, h, w := p.g.Input.Shape.CHW()
		return tensor.Shape{c, h, w}
	}
	return p.list[i].shape
}

// onlySummed reports whether n goes into sums only, so that it is a synapse
// rather than a population.
func (p *populator) onlySummed(n *ann.Node) bool {
	for _, i := range p.consumers[n.Name] {
		if m := &p.g.Nodes[i]; !isSum(m) && !(isScale(m) && p.onlySummed(m)) {
			return false
		}
	}
	return true
}

// source returns the population whose spikes name stands for. taker, which they
// go into, is for the error if there is none.
func (p *populator) source(taker *ann.Node, name string) (from int, ok bool) {
	for {
		if i, ok := p.index[name]; ok {
			return i, true
		}
		n := p.nodes[name]
		if !flat(n) {
			if p.fail(p.notSpikes(n, taker)) {
				p.sum(taker, name) // For what is wrong before it.
			}
			return 0, false
		}
		name = n.Inputs[0]
	}
}

// notSpikes says why the output of n cannot go into taker as spikes.
func (p *populator) notSpikes(n, taker *ann.Node) *UnsupportedError {
	into := fmt.Sprintf("%s %q", taker.Type(), taker.Name)
	if isSum(n) {
		return unsupported(n, hintRectify, "the sum goes into %s without a ReLU, and only a ReLU becomes neurons", into)
	}
	if _, ok := n.Op.(ann.Mover); ok {
		return unsupported(n, hintBranch, "its result goes into %s; it has a counterpart only in a shortcut that goes into a sum", into)
	}
	if k, _ := p.connection(n); k != nil {
		return unsupported(n, hintRectify, "its result goes into %s without a ReLU, and only a ReLU becomes neurons", into)
	}
	return p.unknown(n)
}

// reorders says why n, a batch normalisation that a max pool takes, does not go behind it;
// nil if that is not what stands in the way.
func (p *populator) reorders(n *ann.Node) *UnsupportedError {
	scale, _ := n.Op.(*ann.BatchNormalization).Affine()
	c := slices.IndexFunc(scale, func(a float64) bool { return !(a > 0) })
	for _, i := range p.consumers[n.Name] {
		m := &p.g.Nodes[i]
		if _, ok := m.Op.(*ann.MaxPool); ok && c >= 0 {
			return unsupported(n, "put the pool in front of batch normalization, or that directly after a convolution",
				"it has a scale of %.4g, and behind the max pool that takes it, it would be the same only if all were above 0", scale[c])
		}
	}
	return nil
}

// unknown says why n, whose place would be right, has no counterpart at all.
func (p *populator) unknown(n *ann.Node) *UnsupportedError {
	switch n.Op.(type) {
	case *ann.BatchNormalization:
		before, hint := "the image itself", hintInput
		if s := p.nodes[n.Inputs[0]]; s != nil {
			before = fmt.Sprintf("%s %q", s.Type(), s.Name)
			hint = "put batch normalization directly after a convolution, as in the original residual blocks"
			if e := p.reorders(n); e != nil {
				return e
			}
		}
		return unsupported(n, hint, "it follows %s, where it cannot be folded into a convolution", before)
	case *ann.Concat, *ann.Gather:
		return unsupported(n, "", "what it joins or takes would make too many synapses, most of them zero")
	case *ann.Softmax:
		return unsupported(n, "", "it can only be dropped at the end of the network")
	}
	return unsupported(n, "", "no counterpart is known")
}
