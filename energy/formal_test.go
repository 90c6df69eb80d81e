package energy_test

import (
	"testing"

	"sresnet/ann"
	"sresnet/energy"
	"sresnet/snn"
	"sresnet/tensor"
)

// compareFormal compares the traffic of the trained network with loops over its products.
func compareFormal(t *testing.T, what string, g *ann.Graph, net *snn.Network, got *energy.Ledger) {
	t.Helper()
	real := realElements(g)
	layers := make(map[string]*snn.Layer)
	for l := range net.Layers {
		layers[net.Layers[l].Name] = &net.Layers[l]
	}
	moved := make(map[string]bool)
	for i := range got.Entries {
		e := &got.Entries[i]
		var want energy.Traffic
		if e.Node != "" {
			n := g.Node(e.Node)
			input := 0
			if i > 0 && got.Entries[i-1].Node == e.Node {
				input = 1
			}
			want = formalNode(g, real, n, sourceOf(n, e, g, input))
			if pair := e.From + " " + e.Layer; moved[pair] {
				want.ValuesMoved = 0
			} else {
				moved[pair] = true
			}
		} else {
			want = formalValues(g, net, layers[e.Layer])
		}
		compareEntry(t, what+", trained", e, &want, 1)
	}
}

// sourceOf returns the input of a node which an entry is about: of a sum the one that is
// not a sum itself.
func sourceOf(n *ann.Node, e *energy.Entry, g *ann.Graph, nth int) string {
	if len(n.Inputs) == 1 {
		return n.Inputs[0]
	}
	var list []string
	for _, name := range n.Inputs {
		at := name
		for at != e.From && at != g.Input.Name && len(g.Node(at).Inputs) == 1 && (g.Node(at).Op.Type() == "Pad" || g.Node(at).Op.Type() == "Slice") {
			at = g.Node(at).Inputs[0]
		}
		if at == e.From || at == g.Input.Name {
			list = append(list, name)
		}
	}
	return list[min(nth, len(list)-1)]
}

func formalNode(g *ann.Graph, real map[string][]bool, n *ann.Node, source string) (x energy.Traffic) {
	s, _ := g.Shape(source)
	c, h, w := s.CHW()
	elements := 0
	for _, is := range real[source] {
		if is {
			elements++
			x.ValuesMoved++
		}
	}
	addresses := func() { x.AddressAdditions += float64(elements + n.Shape.Len()) }
	switch op := n.Op.(type) {
	case *ann.Conv:
		forTaps(op.Window, tensor.Shape{c, h, w}, n.Shape, group(c, n.Shape[0], op.Groups), func(i, y, col int) {
			if real[source][(i*h+y)*w+col] {
				x.ValueReads++
				x.WeightReads++
				x.Products++
			}
		})
		addresses()
		for range n.Shape[0] * op.Window.Kernel[0] * op.Window.Kernel[1] {
			x.AddressAdditions++
		}
	case *ann.Gemm:
		for range n.Shape.Len() {
			for range elements {
				x.WeightReads++
				x.Products++
				x.AddressAdditions++
			}
		}
		x.ValueReads = float64(elements)
	case *ann.AveragePool:
		forTaps(op.Window, tensor.Shape{c, h, w}, n.Shape, itself, func(i, y, col int) {
			if real[source][(i*h+y)*w+col] {
				x.ValueReads++
				x.Additions++
			}
		})
		addresses()
	default: // Sums and means take each element once.
		x.ValueReads, x.Additions = float64(elements), float64(elements)
		addresses()
	}
	return x
}

func formalValues(g *ann.Graph, net *snn.Network, l *snn.Layer) (x energy.Traffic) {
	for range l.Neurons() {
		x.ValueWrites++
		if l.Bias != nil {
			x.BiasReads++
			x.Additions++
		}
		if n := g.Node(l.Name); n != nil && n.Op.Type() == "Relu" {
			x.Comparisons++
		}
	}
	if l.IsGate() {
		in := net.ShapeOf(l.Synapses[0].From)
		forTaps(l.Synapses[0].Connection.(*snn.MaxPool).Window, in, l.Shape, itself, func(int, int, int) {
			x.Comparisons++
			x.ValueReads++
		})
		x.ValuesMoved = float64(in.Len())
		x.AddressAdditions = float64(in.Len() + l.Neurons())
	}
	return x
}
