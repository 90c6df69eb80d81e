package convert

import (
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// maxGrowth is how many times the operations of two linear maps one in their place may
// have: beyond it, others are better.
const maxGrowth = 4

// maxWork bounds the multiplications that composing two of them takes.
const maxWork = 1 << 33

// moveMean moves the mean of an image behind a convolution of one position before the
// convolution, where it is of spikes.
func moveMean(g *folding) {
	nodes, consumers, known := g.ByName(), g.Consumers(), nonNegative(g.Graph)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(*ann.GlobalAveragePool); !ok {
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

// compose makes one linear map of two in a row, the first of which nothing else takes:
//
//	W = W2 W1     b = b2 + W2 b1
//
// of fully connected layers, and of convolutions without padding of the second, or with
// it if the first has one position and no offset. An average pool is a convolution.
func compose(g *folding) {
	nodes, consumers, at := g.ByName(), g.Consumers(), make(map[string]int, len(g.Nodes))
	for i := range g.Nodes {
		at[g.Nodes[i].Name] = i
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		first := nodes[n.Inputs[0]]
		for flat(first) && g.only(consumers, first.Name) && len(shapeBefore(g.Graph, nodes, first)) == 1 {
			first = nodes[first.Inputs[0]]
		}
		if first == nil || !g.only(consumers, first.Name) {
			continue
		}
		in := shapeBefore(g.Graph, nodes, first)
		var op ann.Op
		view := first // Which stays, of what the convolution before it takes.
		if b, ok := n.Op.(*ann.Gemm); ok && flat(first) && first.Name == n.Inputs[0] {
			if conv := nodes[first.Inputs[0]]; conv != nil && g.only(consumers, conv.Name) {
				if a, ok := conv.Op.(*ann.Conv); ok {
					first, in = conv, shapeBefore(g.Graph, nodes, conv)
					op = flattened(a, b, in, conv.Shape)
				}
			}
		}
		switch a := first.Op.(type) {
		case *ann.Gemm:
			if b, ok := n.Op.(*ann.Gemm); ok && len(a.Weight.Data) <= maxWork/b.Weight.Shape[0] {
				op = composedDense(a, b)
			}
		case *ann.Conv:
			if b := asConv(n, first.Shape); b != nil && first.Name == n.Inputs[0] && len(a.Weight.Data)/a.Weight.Shape[0] <= maxWork/len(b.Weight.Data) {
				op = convolved(a, b, in)
			}
		}
		if op == nil {
			continue
		}
		taken := in
		if view != first {
			taken = tensor.Shape{in.Len()}
		}
		if out, err := op.Infer(taken); err != nil || !out.Equal(n.Shape) || !cheaper(op, n, first) {
			continue
		}
		if w, bias := op.(ann.Weighted).Weights(); !finite(w.Data) || !finite(bias) {
			continue
		}
		g.fates[first.Name] = "folded into " + g.does(n.Name)
		if n.Op = op; view == first {
			view = n
		}
		view.Inputs = slices.Clone(first.Inputs)
		consumers[first.Name] = nil
		takers := consumers[first.Inputs[0]]
		for j, k := range takers {
			if &g.Nodes[k] == first {
				takers[j] = at[view.Name]
			}
		}
		g.changed = true
	}
	dropUnused(g)
}

// shapeBefore returns the shape of what n takes.
func shapeBefore(g *ann.Graph, nodes map[string]*ann.Node, n *ann.Node) tensor.Shape {
	if source := nodes[n.Inputs[0]]; source != nil {
		return source.Shape
	}
	return g.Input.Shape
}

// cheaper reports whether op in place of n and the one before takes no more than
// maxGrowth times their operations.
func cheaper(op ann.Op, n, first *ann.Node) bool {
	one := ann.MACs(&ann.Node{Op: op, Shape: n.Shape})
	both := ann.MACs(first) + ann.MACs(n)
	return one <= maxGrowth*both
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
// of shape mid, and then b; nil if that is too much work.
func flattened(a *ann.Conv, b *ann.Gemm, in, mid tensor.Shape) ann.Op {
	as, out := a.Weight.Shape, b.Weight.Shape[0]
	if size := in.Len(); out > maxWork/8/size || len(a.Weight.Data) > maxWork/(out*mid[1]*mid[2]) {
		return nil
	}
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

// convolved returns the convolution that is a, of an input of shape in, and then b; nil
// if there is none.
func convolved(a, b *ann.Conv, in tensor.Shape) ann.Op {
	one := a.Window == tensor.Square(1, 1, 0)
	if b.Window.Pad != [4]int{} && (!one || slices.ContainsFunc(a.Bias, func(v float32) bool { return v != 0 })) {
		return nil
	}
	win := tensor.Square(1, 1, 0)
	for i := range 2 {
		win.Stride[i] = a.Window.Stride[i] * b.Window.Stride[i]
		win.Kernel[i] = (a.Window.Kernel[i]-1)*a.Window.Dilation[i] + a.Window.Stride[i]*(b.Window.Kernel[i]-1)*b.Window.Dilation[i] + 1
	}
	win.Pad = a.Window.Pad
	if one {
		win = b.Window
	}
	as, bs := a.Weight.Shape, b.Weight.Shape
	channels, out := in[0], bs[0]
	const most = 1 << 26 // Elements of the weight.
	if out > most/channels || win.Kernel[0] > most/(out*channels) || win.Kernel[1] > most/(out*channels*win.Kernel[0]) {
		return nil
	}
	w := make([]float64, out*channels*win.Kernel[0]*win.Kernel[1])
	bias := make([]float32, out)
	dilation := win.Dilation
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
					for c := range as[1] {
						from := mid/(as[0]/a.Groups)*as[1] + c
						for ly := range as[2] {
							for lx := range as[3] {
								y := ly*a.Window.Dilation[0] + ky*a.Window.Stride[0]*b.Window.Dilation[0]
								x := lx*a.Window.Dilation[1] + kx*a.Window.Stride[1]*b.Window.Dilation[1]
								y, x = y/dilation[0], x/dilation[1]
								u := float64(a.Weight.Data[((mid*as[1]+c)*as[2]+ly)*as[3]+lx])
								w[((o*channels+from)*win.Kernel[0]+y)*win.Kernel[1]+x] += v * u
							}
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
