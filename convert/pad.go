package convert

import (
	"sresnet/ann"
	"sresnet/tensor"
)

// mergePad makes padding of rows and columns part of the convolution or pool
// behind it. For a max pool that takes a rectified input, whose padding of zeros
// never wins; for an average pool that then counts padding as taps.
func mergePad(g *ann.Graph) {
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
			if !mergeInto(n, pad, shape, known[from]) {
				break
			}
			n.Inputs[0] = from
		}
		known.see(n)
	}
	dropUnused(g)
}

// mergeInto merges pad, which pads something of that shape, into n and reports
// whether that can be done.
func mergeInto(n *ann.Node, pad *ann.Pad, shape tensor.Shape, isRectified bool) bool {
	if pad.Before[0] != 0 || pad.After[0] != 0 {
		return false
	}
	var win *tensor.Window
	var op ann.Op
	switch o := n.Op.(type) {
	case *ann.Conv:
		c := *o
		win, op = &c.Window, &c
	case *ann.MaxPool:
		if !isRectified {
			return false
		}
		c := *o
		win, op = &c.Window, &c
	case *ann.AveragePool:
		if !o.CountPad && o.Window.Pad != [4]int{} {
			return false // Its own padding is no tap, the other is.
		}
		c := *o
		c.CountPad = true
		win, op = &c.Window, &c
	default:
		return false
	}
	win.Pad[0] += pad.Before[1]
	win.Pad[1] += pad.Before[2]
	win.Pad[2] += pad.After[1]
	win.Pad[3] += pad.After[2]
	if _, err := op.Infer(shape); err != nil {
		return false // A pool with a window wholly in the padding.
	}
	n.Op = op
	return true
}

// sliceSingle turns average pools over a single tap into the slices that they
// are, where they are part of a shortcut.
func sliceSingle(g *ann.Graph) {
	consumers := g.Consumers()
	for i := range g.Nodes {
		n := &g.Nodes[i]
		pool, ok := n.Op.(*ann.AveragePool)
		if !ok || pool.Window.Kernel != [2]int{1, 1} || pool.Window.Pad != [4]int{} || n.Name == g.Output {
			continue
		}
		inShortcut := true
		for _, j := range consumers[n.Name] {
			switch g.Nodes[j].Op.(type) {
			case *ann.Add, *ann.Pad, *ann.Slice:
			default:
				inShortcut = false
			}
		}
		if inShortcut {
			n.Op = &ann.Slice{
				Step: [3]int{1, pool.Window.Stride[0], pool.Window.Stride[1]},
				Size: [3]int{n.Shape[0], n.Shape[1], n.Shape[2]},
			}
		}
	}
}
