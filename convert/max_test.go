package convert_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/tensor"
)

// TestMaxOfLinear checks that max pools of what may be negative convert exactly, with as
// many neurons as the rows and columns of their windows need.
func TestMaxOfLinear(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	floats := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64()) * 0.7
		}
		return x
	}
	conv3 := func() *ann.Conv {
		return &ann.Conv{Weight: tensor.Of(floats(36), 2, 2, 3, 3), Bias: floats(2), Window: tensor.Square(3, 1, 1), Groups: 1}
	}
	wide := tensor.Window{Kernel: [2]int{2, 3}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{0, 1, 1, 2}}
	for _, w := range []struct {
		win     tensor.Window
		neurons int // Of the pool alone, for an image of 2x6x6.
	}{
		{tensor.Square(2, 2, 0), 2*3*6 + 2*3*3},
		{tensor.Square(3, 2, 0), 2 * (2*2*6 + 2*2*2)},
		{tensor.Square(3, 2, 1), 2 * (5*6 + 5*3)},   // Over the padding, there are none.
		{tensor.Square(3, 1, 1), 2 * (10*6 + 6*10)}, // Likewise.
		{tensor.Square(6, 1, 0), 2 * (5*6 + 5)},
		{tensor.Square(1, 2, 0), 0},
		{tensor.Window{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{6, 6}, Pad: [4]int{6, 6, 6, 6}}, 0}, // Only over padding.
		{wide, -1},
	} {
		for _, s := range []struct {
			name  string
			nodes []ann.Node // Up to v.
			own   int        // Neurons of v.
		}{
			{"convolution", []ann.Node{node("v", conv3(), "r")}, -1},
			{"sum", []ann.Node{node("a", conv3(), "r"), node("v", &ann.Add{}, "a", "r")}, 2 * 72},
			{"LeakyRelu", []ann.Node{node("a", conv3(), "r"), node("v", &ann.LeakyRelu{Slope: []float32{0.25}}, "a")}, -1},
			{"PRelu of negative slope", []ann.Node{node("a", conv3(), "r"), node("v", &ann.LeakyRelu{Slope: []float32{0.25, -0.5}}, "a")}, 2 * 72},
			{"mean", []ann.Node{node("a", conv3(), "r"), node("v", &ann.AveragePool{Window: tensor.Square(3, 1, 1)}, "a")}, -1},
		} {
			t.Run(fmt.Sprint(w.win, " of ", s.name), func(t *testing.T) {
				first := &ann.Conv{Weight: tensor.Of([]float32{1, -1}, 2, 1, 1, 1), Bias: []float32{0.5, 0.25}, Window: tensor.Square(1, 1, 0), Groups: 1}
				nodes := slices.Concat([]ann.Node{node("c", first, "x"), node("r", &ann.Relu{}, "c")}, slices.Clone(s.nodes), []ann.Node{
					node("p", &ann.MaxPool{Window: w.win}, "v"), node("b", conv3(), "p"), node("sum", &ann.Add{}, "b", "p"), node("r2", &ann.Relu{}, "sum"),
					node("g", &ann.GlobalAveragePool{}, "r2"), node("f", &ann.Flatten{}, "g"), node("logits", &ann.Gemm{Weight: tensor.Of(floats(6), 3, 2), Bias: []float32{9, 9, 9}}, "f"),
				})
				for i := range nodes {
					nodes[i].Inputs = slices.Clone(nodes[i].Inputs)
				}
				g := graph(t, tensor.Shape{1, 6, 6}, nodes...)
				image := floats(36)
				simple := mustSimplify(t, g)
				sameNodes(t, g, simple, image)
				net := mustConvert(t, simple, mustCalibrate(t, simple, images{image}, calibrate100), convert.DefaultOptions())
				checkFates(t, g, net)
				sameRates(t, simple, net, image)
				fates, err := convert.Fates(g)
				if err != nil {
					t.Fatal(err)
				}
				p := slices.IndexFunc(g.Nodes, func(n ann.Node) bool { return n.Name == "p" })
				// What the pool gives may need ON and OFF populations, too.
				if got, pair := fates[p].Neurons, 2*g.Nodes[p].Shape.Len(); w.neurons >= 0 && s.own >= 0 && got != w.neurons && got != w.neurons+pair {
					t.Errorf("the pool has %d neurons, want %d, and perhaps %d", got, w.neurons, pair)
				}
				if got := fates[p-1].Neurons; s.own >= 0 && w.win.Kernel != [2]int{1, 1} && got != s.own {
					t.Errorf("what it takes has %d neurons, want %d", got, s.own)
				}
			})
		}
	}
}

// A pool of the stream that takes one tap, as Keras' ResNetV2 has it, and slices and pads
// of a stream that is normalised, are synapses.
func TestStreamMoved(t *testing.T) {
	bn := &ann.BatchNormalization{Scale: []float32{2, -1, 1}, Bias: []float32{0.25, 1, 0}, Mean: []float32{0.5, 0, 1}, Var: []float32{1, 1, 2}}
	rnd := rand.New(rand.NewPCG(5, 7))
	floats := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64()) * 0.7
		}
		return x
	}
	conv := func(in, stride int) *ann.Conv {
		return &ann.Conv{Weight: tensor.Of(floats(27*in), 3, in, 3, 3), Bias: floats(3), Window: tensor.Square(3, stride, 1), Groups: 1}
	}
	narrow := &ann.Conv{Weight: tensor.Of(floats(18), 2, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
	relu, add := &ann.Relu{}, &ann.Add{}
	slice := func(c, start int) ann.Op {
		return &ann.Slice{Start: [3]int{0, start, start}, Step: [3]int{1, 2, 2}, Size: [3]int{c, 3, 3}}
	}
	for _, tt := range []struct {
		name  string
		moved []ann.Node // Of the stream s, as m.
		width int        // Of the stream.
	}{
		{"max pool of one tap", []ann.Node{node("m", &ann.MaxPool{Window: tensor.Square(1, 2, 0)}, "s")}, 3},
		{"slice", []ann.Node{node("m", slice(3, 1), "s")}, 3},
		{"slices of rows and columns", []ann.Node{
			node("k", &ann.Slice{Start: [3]int{0, 1, 0}, Step: [3]int{1, 2, 1}, Size: [3]int{3, 3, 6}}, "s"),
			node("l", &ann.Slice{Start: [3]int{0, 0, 2}, Step: [3]int{1, 1, 1}, Size: [3]int{3, 3, 4}}, "k"),
			node("m", &ann.Slice{Start: [3]int{0, 0, 1}, Step: [3]int{1, 1, 1}, Size: [3]int{3, 3, 3}}, "l"),
		}, 3},
		{"slice and channels of zeros", []ann.Node{node("k", slice(2, 0), "s"), node("m", &ann.Pad{After: [3]int{1}}, "k")}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first, wide := ann.Op(conv(1, 1)), conv(3, 2)
			inner := ann.Op(conv(3, 1))
			if tt.width == 2 {
				first, wide = narrow, conv(2, 2)
				inner = &ann.Conv{Weight: tensor.Of(floats(36), 2, 2, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
			}
			nodes := slices.Concat([]ann.Node{
				node("c", first, "x"), node("r", relu, "c"), node("a", inner, "r"), node("s", add, "a", "r"),
				node("q", relu, "s"), node("b", wide, "q"),
			}, tt.moved, []ann.Node{
				node("s2", add, "b", "m"), node("n", bn, "s2"), node("q2", relu, "n"), node("d", conv(3, 1), "q2"), node("s3", add, "d", "s2"),
				node("n3", bn, "s3"), node("r2", relu, "n3"), node("g", &ann.GlobalAveragePool{}, "r2"), node("f", &ann.Flatten{}, "g"),
				node("logits", &ann.Gemm{Weight: tensor.Of(floats(9), 3, 3), Bias: []float32{9, 9, 9}}, "f"),
			})
			g := graph(t, tensor.Shape{1, 6, 6}, nodes...)
			image := floats(36)
			simple := mustSimplify(t, g)
			sameNodes(t, g, simple, image)
			net := mustConvert(t, simple, mustCalibrate(t, simple, images{image}, calibrate100), convert.DefaultOptions())
			checkFates(t, g, net)
			sameRates(t, simple, net, image)
		})
	}
}
