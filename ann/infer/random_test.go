package infer

import (
	"fmt"
	"math/rand/v2"

	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/tensor"
)

// grower draws a valid graph node by node.
type grower struct {
	t   *rapid.T
	rnd *rand.Rand
	g   *ann.Graph
}

func newGrower(t *rapid.T) *grower {
	gr := &grower{t: t, rnd: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
	gr.g = &ann.Graph{Name: "random", Input: ann.Input{
		Name:  "image",
		Shape: tensor.Shape{gr.int(1, 20, "channels"), gr.int(1, 9, "rows"), gr.int(1, 9, "cols")},
	}}
	return gr
}

func (gr *grower) int(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(gr.t, label) }

func (gr *grower) floats(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(gr.rnd.NormFloat64())
	}
	return s
}

// add appends a node and returns its name, or "" if op cannot take the inputs.
func (gr *grower) add(op ann.Op, inputs ...string) string {
	var in []tensor.Shape
	for _, name := range inputs {
		s, _ := gr.g.Shape(name)
		in = append(in, s)
	}
	shape, err := op.Infer(in...)
	if err != nil || shape.Len() > 20_000 {
		return ""
	}
	name := fmt.Sprintf("n%d", len(gr.g.Nodes))
	gr.g.Nodes = append(gr.g.Nodes, ann.Node{Name: name, Inputs: inputs, Op: op, Shape: shape})
	return name
}

func (gr *grower) window() tensor.Window {
	var w tensor.Window
	for i := range 2 {
		w.Kernel[i], w.Stride[i], w.Dilation[i] = gr.int(1, 4, "kernel"), gr.int(1, 3, "stride"), gr.int(1, 2, "dilation")
		w.Pad[i], w.Pad[i+2] = gr.int(0, 2, "before"), gr.int(0, 2, "after")
	}
	return w
}

// image returns an operator on an image of shape s; it may not fit.
func (gr *grower) image(s tensor.Shape) ann.Op {
	switch gr.int(0, 8, "operator") {
	case 0, 1:
		groups := 1
		if gr.int(0, 2, "grouped") == 0 {
			groups = []int{1, 2, 3, s[0]}[gr.int(0, 3, "groups")]
		}
		out := groups * gr.int(1, 18, "out")
		if groups == s[0] && gr.int(0, 1, "depthwise") == 0 {
			out = groups
		}
		w := gr.window()
		op := &ann.Conv{Window: w, Groups: groups, Weight: tensor.Of(gr.floats(out*max(1, s[0]/groups)*w.Kernel[0]*w.Kernel[1]), out, max(1, s[0]/groups), w.Kernel[0], w.Kernel[1])}
		if gr.int(0, 1, "bias") == 1 {
			op.Bias = gr.floats(out)
		}
		return op
	case 2:
		return &ann.MaxPool{Window: gr.window()}
	case 3:
		return &ann.AveragePool{Window: gr.window(), CountPad: gr.int(0, 1, "count pad") == 1}
	case 4:
		return &ann.GlobalAveragePool{}
	case 5:
		var op ann.Slice
		for i, n := range s {
			op.Start[i], op.Step[i] = gr.int(0, n-1, "start"), gr.int(1, 3, "step")
			op.Size[i] = gr.int(1, (n-1-op.Start[i])/op.Step[i]+1, "size")
		}
		return &op
	case 6:
		var op ann.Pad
		for i := range s {
			op.Before[i], op.After[i] = gr.int(0, 3, "before"), gr.int(0, 3, "after")
		}
		return &op
	default:
		return gr.elementwise(s[0])
	}
}

// elementwise returns an operator for anything of n channels, which keeps the shape.
func (gr *grower) elementwise(n int) ann.Op {
	switch gr.int(0, 6, "elementwise") {
	case 6:
		index := make([]int, n)
		for i := range index {
			index[i] = gr.int(0, n-1, "index")
		}
		return &ann.Gather{Index: index}
	case 3:
		return &ann.LeakyRelu{Slope: gr.floats(1)}
	case 4:
		return &ann.LeakyRelu{Slope: gr.floats(n)}
	case 5:
		return &ann.Scale{Factor: -0.75}
	case 0:
		return &ann.Relu{}
	case 1:
		return &ann.Clip{Max: 1.5}
	default:
		v := gr.floats(n)
		for i := range v {
			v[i] *= v[i]
		}
		return &ann.BatchNormalization{Scale: gr.floats(n), Bias: gr.floats(n), Mean: gr.floats(n), Var: v, Epsilon: 1e-5}
	}
}

// grow draws a graph of images, and at times the vectors that follow them.
func (gr *grower) grow(vectors bool) *ann.Graph {
	names := []string{gr.g.Input.Name}
	pick := func() string { return names[gr.int(0, len(names)-1, "from")] }
	for range gr.int(1, 8, "nodes") {
		from := pick()
		s, _ := gr.g.Shape(from)
		var name string
		if gr.int(0, 4, "side by side") == 0 {
			name = gr.add(&ann.Concat{}, from, gr.add(&ann.Relu{}, from), from)
		} else if gr.int(0, 4, "sum") == 0 {
			name = gr.add(&ann.Add{}, from, gr.add(&ann.Relu{}, from), from)
		} else {
			name = gr.add(gr.image(s), from)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if len(gr.g.Nodes) == 0 {
		names = append(names, gr.add(&ann.Relu{}, pick()))
	}
	last := names[len(names)-1]
	if vectors {
		last = gr.growVectors(gr.add(&ann.Flatten{}, last))
	}
	gr.g.Output = last
	return gr.g
}

// growVectors continues from a flattened image. It sums vectors that lie in
// memory in different orders.
func (gr *grower) growVectors(flat string) string {
	n := func(name string) int { s, _ := gr.g.Shape(name); return s[0] }
	gemm := func(from string, out int) string {
		return gr.add(&ann.Gemm{Weight: tensor.Of(gr.floats(out*n(from)), out, n(from)), Bias: gr.floats(out)}, from)
	}
	v := flat
	if gr.int(0, 1, "elementwise before") == 1 {
		v = gr.add(gr.elementwise(n(v)), v)
	}
	if n(v) <= 200 && gr.int(0, 1, "sum of orders") == 1 {
		square := gemm(v, n(v))
		if gr.int(0, 1, "swap") == 1 {
			v = gr.add(&ann.Add{}, square, v)
		} else {
			v = gr.add(&ann.Add{}, v, square, flat)
		}
	}
	if gr.int(0, 2, "end to end") == 0 {
		if long := gr.add(&ann.Concat{}, gemm(v, 3), v, flat); long != "" {
			v = long
		}
	}
	if gr.int(0, 2, "gemm") > 0 {
		v = gemm(v, gr.int(1, 20, "out"))
	}
	if gr.int(0, 2, "softmax") == 0 {
		v = gr.add(&ann.Softmax{Log: gr.int(0, 1, "log") == 1}, v)
	}
	return v
}
