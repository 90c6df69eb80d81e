package convert

import (
	"slices"
	"strings"

	"sresnet/ann"
	"sresnet/tensor"
)

// onceAnImage is how much synapses count that take the image, which is a constant current:
// they are computed once, and not at every timestep.
const onceAnImage = 1. / 8

// maxWork bounds the multiplications that composing two of them takes.
const maxWork = 1 << 33

// moveMean moves the mean of an image behind a convolution of one position before the
// convolution, where it is of spikes; also the means of windows, where more than a ReLU
// takes them.
func moveMean(g *folding) {
	nodes, consumers, known := g.ByName(), g.Consumers(), nonNegative(g.Graph)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		switch op := n.Op.(type) {
		case *ann.GlobalAveragePool:
		case *ann.AveragePool:
			if op.Window.Pad != [4]int{} || len(consumers[n.Name]) < 2 {
				continue
			}
		default:
			continue
		}
		source := nodes[n.Inputs[0]]
		if source == nil || !g.only(consumers, source.Name) || !known[source.Inputs[0]] {
			continue
		}
		conv, ok := source.Op.(*ann.Conv)
		if !ok || conv.Window != tensor.Square(1, 1, 0) {
			continue
		}
		g.swap(source, n)
		return
	}
}

// compose makes one linear map of two in a row:
//
//	W = W2 W1     b = b2 + W2 b1
//
// of fully connected layers, and of convolutions without padding of the second, or with
// it if the first has one position and no offset. An average pool is a convolution. What
// several linear maps take is composed with each of them. It is done where it takes no
// more synapses than ON and OFF populations of what the first gives, see [onOff]. With
// MACs m1 and m2 of the two and m of the one in their place, into r populations,
//
//	r m <= 2 m1 + r 2 m2
//
// summed over those behind the first.
func compose(g *folding) {
	c := composer{folding: g, nodes: g.ByName(), consumers: g.Consumers(), reach: reach(g.Graph), at: make(map[string]int, len(g.Nodes))}
	for i := range g.Nodes {
		c.at[g.Nodes[i].Name] = i
	}
	for i := range g.Nodes {
		first := &g.Nodes[i]
		if _, ok := first.Op.(ann.Weighted); !ok {
			continue
		}
		if links := c.behind(first); len(links) > 0 && c.replace(first, links) {
			g.changed = true
		}
	}
	dropUnused(g)
}

// composer is the work of [compose].
type composer struct {
	*folding
	nodes     map[string]*ann.Node
	consumers map[string][]int
	reach     map[string]float64
	at        map[string]int // Of the nodes, by name.
}

// link is a linear map behind another.
type link struct {
	n    *ann.Node
	view *ann.Node     // The Flatten between that stays, else n.
	macs int64         // Of both in one.
	both func() ann.Op // That.
}

// behind returns the linear maps behind first, if there is one map for both of each, and
// these are no more work than the populations that they save.
func (c *composer) behind(first *ann.Node) []link {
	var links []link
	neurons, macs, image := float64(first.Shape.Len()), float64(ann.MACs(first)), 1.0
	if c.nodes[first.Inputs[0]] == nil {
		image = onceAnImage
	}
	macs *= image
	one, two := 0.0, 2*macs // Synapses of the composed maps, and of ON and OFF populations.
	other := func(r float64) { one, two = one+r*macs, two+2*r*neurons }
	if first.Name == c.Output {
		other(1)
	}
	for _, i := range c.consumers[first.Name] {
		n := &c.Nodes[i]
		if _, rectifies := n.Op.(ann.Rectifier); rectifies {
			other(1)
			continue
		}
		switch n.Op.(type) {
		case *ann.LeakyRelu:
			other(2)
			continue
		case *ann.Add, *ann.BatchNormalization, *ann.Scale:
			other(c.reach[n.Name])
			continue
		}
		l := c.link(first, n)
		if l.both == nil {
			return nil
		}
		r := c.reach[l.n.Name]
		links = append(links, l)
		one, two = one+r*image*float64(l.macs), two+2*r*float64(operations(l.n, c.shapeBefore(l.n)))
	}
	if one > two {
		return nil
	}
	return links
}

// link returns what first and its taker n are as one map; with neither if there is none.
func (c *composer) link(first, n *ann.Node) link {
	in, view := c.shapeBefore(first), n
	for flat(n) && c.only(c.consumers, n.Name) {
		n = &c.Nodes[c.consumers[n.Name][0]]
	}
	switch b := n.Op.(type) {
	case *ann.Gemm:
		switch a := first.Op.(type) {
		case *ann.Gemm:
			if out := b.Weight.Shape[0]; len(a.Weight.Data) <= maxWork/out {
				return link{n, n, int64(out) * int64(in.Len()), func() ann.Op { return composedDense(a, b) }}
			}
		case *ann.Conv:
			if out := b.Weight.Shape[0]; view != n && out <= maxWork/8/in.Len() && len(a.Weight.Data) <= maxWork/(out*first.Shape[1]*first.Shape[2]) {
				return link{n, view, int64(out) * int64(in.Len()), func() ann.Op { return flattened(a, b, in, first.Shape) }}
			}
		}
	default:
		a, ok := first.Op.(*ann.Conv)
		if !ok || view != n {
			break
		}
		if b := asConv(n, first.Shape); b != nil && len(a.Weight.Data)/a.Weight.Shape[0] <= maxWork/len(b.Weight.Data) {
			if win, ok := composedWindow(a, b, in); ok {
				macs := int64(n.Shape.Len()) * int64(in[0]) * int64(win.Kernel[0]) * int64(win.Kernel[1])
				return link{n, n, macs, func() ann.Op { return convolved(a, b, in, win) }}
			}
		}
	}
	return link{}
}

// replace puts the maps of the links in the places of those behind first, and reports
// whether it could.
func (c *composer) replace(first *ann.Node, links []link) bool {
	ops := make([]ann.Op, len(links))
	for i, l := range links {
		ops[i] = l.both()
		taken := c.shapeBefore(first)
		if l.view != l.n {
			taken = tensor.Shape{taken.Len()}
		}
		if out, err := ops[i].Infer(taken); err != nil || !out.Equal(l.n.Shape) {
			return false
		}
		if w, bias := ops[i].(ann.Weighted).Weights(); !finite(w.Data) || !finite(bias) {
			return false
		}
	}
	from := first.Inputs[0]
	var into []string
	for i, l := range links {
		l.n.Op = ops[i]
		l.view.Inputs = []string{from}
		into = append(into, c.does(l.n.Name))
		c.consumers[first.Name] = slices.DeleteFunc(c.consumers[first.Name], func(j int) bool { return j == c.at[l.view.Name] })
		c.consumers[from] = append(c.consumers[from], c.at[l.view.Name])
	}
	if len(c.consumers[first.Name]) == 0 && first.Name != c.Output {
		if text := "folded into " + enumerate(slices.Compact(into)); !strings.HasPrefix(c.fates[first.Name], text) { // It may say more.
			c.fates[first.Name] = text
		}
		c.consumers[from] = slices.DeleteFunc(c.consumers[from], func(j int) bool { return j == c.at[first.Name] })
	}
	return true
}

// shapeBefore returns the shape of what n takes.
func (c *composer) shapeBefore(n *ann.Node) tensor.Shape {
	if source := c.nodes[n.Inputs[0]]; source != nil {
		return source.Shape
	}
	return c.Input.Shape
}

// operations returns the synapses of n, weights or a pool of an input of shape in.
func operations(n *ann.Node, in tensor.Shape) int64 {
	if op := asConv(n, in); op != nil {
		return ann.MACs(&ann.Node{Op: op, Shape: n.Shape})
	}
	return ann.MACs(n)
}

// composedDense returns the fully connected layer that is a and then b, in float64.
func composedDense(a, b *ann.Gemm) *ann.Gemm {
	in, mid, out := a.Weight.Shape[1], a.Weight.Shape[0], b.Weight.Shape[0]
	w, row := tensor.New(out, in), make([]float64, in)
	bias := make([]float32, out)
	for o := range out {
		clear(row)
		var sum float64
		if b.Bias != nil {
			sum = float64(b.Bias[o])
		}
		for m, v := range b.Weight.Data[o*mid : (o+1)*mid] {
			for i, u := range a.Weight.Data[m*in : (m+1)*in] {
				row[i] += float64(v) * float64(u)
			}
			if a.Bias != nil {
				sum += float64(v) * float64(a.Bias[m])
			}
		}
		for i, v := range row {
			w.Data[o*in+i] = float32(v)
		}
		bias[o] = float32(sum)
	}
	return &ann.Gemm{Weight: w, Bias: bias}
}

// flattened returns the fully connected layer that is a, from an image of shape in to one
// of shape mid, and then b.
func flattened(a *ann.Conv, b *ann.Gemm, in, mid tensor.Shape) ann.Op {
	as, out := a.Weight.Shape, b.Weight.Shape[0]
	w, row, bias := tensor.New(out, in.Len()), make([]float64, in.Len()), make([]float32, out)
	for o := range out {
		clear(row)
		var sum float64
		if b.Bias != nil {
			sum = float64(b.Bias[o])
		}
		for i, v := range b.Weight.Data[o*mid.Len() : (o+1)*mid.Len()] {
			m, p := i/(mid[1]*mid[2]), i%(mid[1]*mid[2])
			if a.Bias != nil {
				sum += float64(v) * float64(a.Bias[m])
			}
			for c := range as[1] {
				from := m/(as[0]/a.Groups)*as[1] + c
				for ky := range as[2] {
					y := a.Window.Row(p/mid[2], ky)
					for kx := range as[3] {
						x := a.Window.Col(p%mid[2], kx)
						if y >= 0 && y < in[1] && x >= 0 && x < in[2] {
							row[(from*in[1]+y)*in[2]+x] += float64(v) * float64(a.Weight.Data[((m*as[1]+c)*as[2]+ky)*as[3]+kx])
						}
					}
				}
			}
		}
		for i, v := range row {
			w.Data[o*in.Len()+i] = float32(v)
		}
		bias[o] = float32(sum)
	}
	return &ann.Gemm{Weight: w, Bias: bias}
}

// asConv returns n, whose input has shape in, as a convolution; nil if it is none.
func asConv(n *ann.Node, in tensor.Shape) *ann.Conv {
	var window tensor.Window
	switch op := n.Op.(type) {
	case *ann.Conv:
		return op
	case *ann.AveragePool:
		window = op.Window
		if window.Pad != [4]int{} && !op.CountPad {
			return nil // Its divisor differs near the border.
		}
	case *ann.GlobalAveragePool:
		window = tensor.Square(1, 1, 0)
		window.Kernel = [2]int{in[1], in[2]}
	default:
		return nil
	}
	taps := window.Kernel[0] * window.Kernel[1]
	w := tensor.New(in[0], 1, window.Kernel[0], window.Kernel[1])
	for i := range w.Data {
		w.Data[i] = float32(1 / float64(taps))
	}
	return &ann.Conv{Weight: w, Window: window, Groups: in[0]}
}

// weighImage makes average pools of the image itself convolutions: an image has no spikes
// to pool, but currents, and a convolution may compose with the next.
func weighImage(g *folding) {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !isPool(n) || n.Inputs[0] != g.Input.Name {
			continue
		}
		if op := asConv(n, g.Input.Shape); op != nil {
			n.Op = op
			g.changed = true
		}
	}
}

// composedWindow returns the window of the convolution that is a, of an input of shape
// in, and then b, if there is one.
func composedWindow(a, b *ann.Conv, in tensor.Shape) (win tensor.Window, ok bool) {
	one := a.Window == tensor.Square(1, 1, 0)
	if b.Window.Pad != [4]int{} && (!one || slices.ContainsFunc(a.Bias, func(v float32) bool { return v != 0 })) {
		return win, false
	}
	win = tensor.Square(1, 1, 0)
	for i := range 2 {
		win.Stride[i] = a.Window.Stride[i] * b.Window.Stride[i]
		win.Kernel[i] = (a.Window.Kernel[i]-1)*a.Window.Dilation[i] + a.Window.Stride[i]*(b.Window.Kernel[i]-1)*b.Window.Dilation[i] + 1
	}
	win.Pad = a.Window.Pad
	if one {
		win = b.Window
	}
	channels, out := in[0], b.Weight.Shape[0]
	const most = 1 << 26 // Elements of the weight.
	if out > most/channels || win.Kernel[0] > most/(out*channels) || win.Kernel[1] > most/(out*channels*win.Kernel[0]) {
		return win, false
	}
	return win, true
}

// convolved returns the convolution of that window that is a, of an input of shape in,
// and then b.
func convolved(a, b *ann.Conv, in tensor.Shape, win tensor.Window) ann.Op {
	as, bs := a.Weight.Shape, b.Weight.Shape
	channels, out := in[0], bs[0]
	dilation, area, taps := win.Dilation, win.Kernel[0]*win.Kernel[1], as[2]*as[3]
	w, bias := make([]float64, out*channels*area), make([]float32, out)
	for o := range out {
		var sum float64
		if b.Bias != nil {
			sum = float64(b.Bias[o])
		}
		for m := range bs[1] {
			mid := o/(out/b.Groups)*bs[1] + m // Channel between the two.
			for ky := range bs[2] {
				for kx := range bs[3] {
					v := float64(b.Weight.Data[((o*bs[1]+m)*bs[2]+ky)*bs[3]+kx])
					if a.Bias != nil {
						sum += v * float64(a.Bias[mid])
					}
					first := mid / (as[0] / a.Groups) * as[1]
					for tap := range taps {
						y := tap/as[3]*a.Window.Dilation[0] + ky*a.Window.Stride[0]*b.Window.Dilation[0]
						x := tap%as[3]*a.Window.Dilation[1] + kx*a.Window.Stride[1]*b.Window.Dilation[1]
						to := w[(o*channels+first)*area+y/dilation[0]*win.Kernel[1]+x/dilation[1]:]
						from := a.Weight.Data[mid*as[1]*taps+tap:]
						for c := range as[1] {
							to[c*area] += v * float64(from[c*taps])
						}
					}
				}
			}
		}
		bias[o] = float32(sum)
	}
	t := tensor.New(out, channels, win.Kernel[0], win.Kernel[1])
	for i, v := range w {
		t.Data[i] = float32(v)
	}
	return &ann.Conv{Weight: t, Bias: bias, Window: win, Groups: 1}
}
