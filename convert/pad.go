package convert

import "sresnet/ann"

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
			g.fates[source.Name] = "padding of " + g.does(n.Name)
		}
		known.see(n)
	}
	dropUnused(g)
}

// sliceSingle turns average pools over a single tap into the slices that they
// are, where they are part of a shortcut.
func sliceSingle(g *folding) {
	consumers := g.Consumers()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		pool, ok := n.Op.(*ann.AveragePool)
		if !ok || pool.Window.Kernel != [2]int{1, 1} || pool.Window.Pad != [4]int{} || n.Name == g.Output {
			continue
		}
		inShortcut := true
		for _, j := range consumers[n.Name] {
			_, moves := g.Nodes[j].Op.(ann.Mover)
			inShortcut = inShortcut && (moves || isSum(&g.Nodes[j]))
		}
		if inShortcut {
			n.Op = &ann.Slice{
				Step: [3]int{1, pool.Window.Stride[0], pool.Window.Stride[1]},
				Size: [3]int{n.Shape[0], n.Shape[1], n.Shape[2]},
			}
		}
	}
}
