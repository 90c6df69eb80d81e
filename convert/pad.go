package convert

import (
	"sresnet/ann"
	"sresnet/tensor"
)

// mergePad makes padding of rows and columns part of the convolution or pool
// behind it. For a max pool that takes a rectified input, whose padding of zeros
// never wins; for an average pool that then counts padding as taps.
func mergePad(g *folding) {
	nodes, known := g.ByName(), rectified{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for {
			source := nodes[n.Inputs[0]]
			if source == nil {
				break
			}
			pad, ok := source.Op.(*ann.Pad)
			if !ok {
				break
			}
			from, shape := source.Inputs[0], g.Input.Shape
			if before := nodes[from]; before != nil {
				shape = before.Shape
			}
			op, ok := pad.Into(n.Op, shape, known[from])
			if !ok {
				break
			}
			n.Op, n.Inputs[0] = op, from
			g.fates[source.Name] = "padding of " + n.Name
		}
		known.see(n)
	}
	dropUnused(g)
}

// sliceSingle turns pools over a single tap into the slices that they are: average pools
// that are part of a shortcut, and max pools of what has no spikes to choose from.
func sliceSingle(g *folding) {
	consumers, known := g.Consumers(), nonNegative(g.Graph)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		var window tensor.Window
		slice := true
		switch op := n.Op.(type) {
		case *ann.AveragePool:
			window = op.Window
			for _, j := range consumers[n.Name] {
				_, moves := g.Nodes[j].Op.(ann.Mover)
				slice = slice && (moves || isSum(&g.Nodes[j]))
			}
		case *ann.MaxPool:
			window, slice = op.Window, !known[n.Inputs[0]]
		default:
			continue
		}
		if slice && window.Kernel == [2]int{1, 1} && window.Pad == [4]int{} && n.Name != g.Output {
			n.Op = &ann.Slice{Step: [3]int{1, window.Stride[0], window.Stride[1]}, Size: [3]int{n.Shape[0], n.Shape[1], n.Shape[2]}}
		}
	}
}
