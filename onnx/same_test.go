package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
)

// run returns what g computes for an image.
func run(t testing.TB, g *ann.Graph, image []float32) []float32 {
	t.Helper()
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	y, err := m.NewRunner().Run(image)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// TestRectifiers has every spelling of a ReLU, and those that are none.
func TestRectifiers(t *testing.T) {
	const relu, relu6 = "Relu 2x4x4", "Clip 2x4x4"
	for _, tt := range []struct {
		name  string
		want  string // Or part of the error.
		nodes []msg
	}{
		{"max", relu, []msg{op("Max", "y", ins("x", "zero"))}},
		{"max, swapped", relu, []msg{op("Max", "y", ins("zero", "x"))}},
		{"max with zeros of every channel", relu, []msg{op("Max", "y", ins("x", "zeros"))}},
		{"max of a max", relu, []msg{op("Max", "m", ins("x", "zero")), op("Max", "y", ins("m", "less"))}},
		{"min of max", relu6, []msg{op("Max", "m", ins("x", "zero")), op("Min", "y", ins("m", "six"))}},
		{"max of min", relu6, []msg{op("Min", "m", ins("six", "x")), op("Max", "y", ins("m", "zero"))}},
		{"relu of min", relu6, []msg{op("Min", "m", ins("x", "six")), op("Relu", "y", ins("m"))}},
		{"relu of clip from above", relu6, []msg{op("Clip", "m", ins("x", "", "six")), op("Relu", "y", ins("m"))}},
		{"min of relu", relu6, []msg{op("Relu", "m", ins("x")), op("Min", "y", ins("m", "six"))}},
		{"leaky", relu, []msg{op("LeakyRelu", "y", ins("x"), attrF("alpha", 0))}},
		{"elu", relu, []msg{op("Elu", "y", ins("x"), attrF("alpha", 0))}},
		{"prelu", relu, []msg{op("PRelu", "y", ins("x", "zeros"))}},
		{"thresholded", relu, []msg{op("ThresholdedRelu", "y", ins("x"), attrF("alpha", 0))}},
		{"where greater", relu, []msg{op("Greater", "g", ins("x", "zero")), op("Where", "y", ins("g", "x", "zero"))}},
		{"where zero is less", relu, []msg{op("LessOrEqual", "g", ins("zero", "x")), op("Where", "y", ins("g", "x", "zero"))}},
		{"where less", relu, []msg{op("Less", "g", ins("x", "zero")), op("Where", "y", ins("g", "zero", "x"))}},
		{"where not less", relu, []msg{op("Less", "g", ins("x", "zero")), op("Not", "n", ins("g")), op("Where", "y", ins("n", "x", "zeros"))}},
		{"masked", relu, []msg{op("GreaterOrEqual", "g", ins("x", "zero")), op("Cast", "m", ins("g"), attrI("to", 1)), op("Mul", "y", ins("m", "x"))}},
		{"where another is greater", "other values", []msg{
			op("Relu", "r", ins("x")), op("Conv", "c", ins("r", "w")), op("Greater", "g", ins("c", "zero")), op("Where", "y", ins("g", "x", "zero")),
		}},
		{"another value below", "jumps from 6 to 0", []msg{op("Greater", "g", ins("x", "zero")), op("Where", "y", ins("g", "x", "six"))}},
		{"a mask itself", "a comparison", []msg{op("Greater", "y", ins("x", "zero"))}},
		{"a mask in a convolution", "a comparison", []msg{op("Greater", "g", ins("x", "zero")), op("Conv", "y", ins("g", "w"))}},
		{"a mask that is scaled", "a comparison", []msg{op("Greater", "g", ins("x", "zero")), op("Mul", "y", ins("g", "six"))}},
		{"min below the max", "is a constant", []msg{op("Min", "m", ins("x", "six")), op("Max", "y", ins("m", "more"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{nodes: tt.nodes, inits: []msg{
				f32("zero", dims(), 0), f32("zeros", dims(2, 1, 1), 0, 0), f32("six", dims(1), 6), f32("less", dims(), -2), f32("more", dims(), 7),
				f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1),
			}}
			g, err := Parse(b.encode())
			if err != nil {
				if strings.Contains(tt.want, "4x4") || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want %q", err, tt.want)
				}
				return
			}
			last := g.Nodes[len(g.Nodes)-1]
			if got := fmt.Sprintf("%s %v", last.Op.Type(), last.Shape); got != tt.want {
				t.Fatalf("got %s, want %s\n%v", got, tt.want, g)
			}
			image := make([]float32, 32)
			for i := range image {
				image[i] = float32(i) - 16
			}
			bound := float32(math.Inf(1))
			if tt.want == relu6 {
				bound = 6
			}
			for i, y := range run(t, g, image) {
				if want := min(max(image[i], 0), bound); y != want {
					t.Fatalf("of %v: got %v, want %v", image[i], y, want)
				}
			}
		})
	}
}

// TestHeads checks that what keeps the order of the classes at the end is dropped, and
// nothing else.
func TestHeads(t *testing.T) {
	const kept = "GlobalAveragePool 2x1x1, Flatten 2, Gemm 3"
	for _, tt := range []struct {
		name  string
		want  string
		nodes []msg
	}{
		{"sigmoid", kept, []msg{op("Sigmoid", "y", ins("l"))}},
		{"tanh", kept, []msg{op("Tanh", "y", ins("l"))}},
		{"softplus", kept, []msg{op("Softplus", "y", ins("l"))}},
		{"log of softmax", kept + ", Softmax 3", []msg{op("Softmax", "s", ins("l")), op("Log", "y", ins("s"))}},
		{"argmax", kept, []msg{op("ArgMax", "y", ins("l"), attrI("axis", 1))}},
		{"argmax of softmax, cast and squeezed", kept + ", Softmax 3", []msg{
			op("Softmax", "s", ins("l")), op("ArgMax", "a", ins("s"), attrI("axis", -1)), op("Cast", "c", ins("a"), attrI("to", 6)), op("Squeeze", "y", ins("c", "one")),
		}},
		{"sigmoid, then argmax", kept, []msg{op("Sigmoid", "s", ins("l")), op("Identity", "i", ins("s")), op("ArgMax", "y", ins("i"), attrI("axis", 1))}},
		{"argmax over the batch", "is not over all the logits", []msg{op("ArgMax", "y", ins("l"), attrI("axis", 0))}},
		{"normalised to one", kept, []msg{op("ReduceL2", "r", ins("l"), attrList("axes", 1)), op("Clip", "c", ins("r"), attrF("min", 1e-12)), op("Div", "y", ins("l", "c"))}},
		{"less the largest", kept, []msg{op("ReduceMax", "r", ins("l"), attrList("axes", 1)), op("Sub", "y", ins("l", "r"))}},
		{"less the log of the sum", kept, []msg{op("ReduceLogSumExp", "r", ins("l"), attrList("axes", 1)), op("Sub", "y", ins("l", "r"))}},
		{"less numbers that a file computes", kept + ", Relu 3, BatchNormalization 3", []msg{op("Relu", "q", ins("l")), op("ReduceSum", "r", ins("six", "zero")), op("Sub", "y", ins("q", "r"))}},
		{"by numbers that a file computes", kept + ", BatchNormalization 3", []msg{op("ReduceL1", "r", ins("six"), attrList("axes", 0)), op("Div", "y", ins("l", "r"))}},
		{"less the mean of the batch", "ReduceMean", []msg{op("ReduceMean", "r", ins("l"), attrList("axes", 0)), op("Sub", "y", ins("l", "r"))}},
		{"less itself", "Sub", []msg{op("ReduceMean", "r", ins("l"), attrI("noop_with_empty_axes", 1)), op("Sub", "y", ins("l", "r"))}},
		{"less the mean of others", "ReduceMean", []msg{op("Gemm", "o", ins("f", "w"), attrI("transB", 1)), op("ReduceMean", "r", ins("o"), attrList("axes", 1)), op("Sub", "y", ins("l", "r"))}},
		{"softmax written out", kept, []msg{
			op("ReduceMax", "r", ins("l"), attrList("axes", 1)), op("Sub", "s", ins("l", "r")), op("Exp", "e", ins("s")),
			op("ReduceSum", "t", ins("e", "one")), op("Div", "y", ins("e", "t")),
		}},
		{"log of a softmax that is kept from zero", kept + ", Softmax 3", []msg{
			op("Softmax", "s", ins("l")), op("Clip", "c", ins("s"), attrF("min", 1e-7), attrF("max", 0.9999)), op("Log", "y", ins("c")),
		}},
		{"log of a softmax that is cut", "not supported", []msg{
			op("Softmax", "s", ins("l")), op("Clip", "c", ins("s"), attrF("min", 0.1)), op("Log", "y", ins("c")),
		}},
		{"elu", kept, []msg{op("Elu", "y", ins("l"))}},
		{"elu that is flat", "ReLU", []msg{op("Selu", "y", ins("l"), attrF("alpha", 0))}},
		{"the best five", kept, []msg{op("TopK", "y", ins("l", "one"))}},
		{"the worst five", "logits", []msg{op("TopK", "y", ins("l", "one"), attrI("largest", 0))}},
		{"divided by the largest", "divides by activations", []msg{op("ReduceMax", "r", ins("l"), attrList("axes", 1)), op("Div", "y", ins("l", "r"))}},
		{"log of logits", "not supported", []msg{op("Log", "y", ins("l"))}},
		{"rounded", "rounds", []msg{op("Sigmoid", "s", ins("l")), op("Cast", "y", ins("s"), attrI("to", 7))}},
		{"negated", "train the network with ReLU", []msg{op("Sigmoid", "s", ins("l")), op("Neg", "y", ins("s"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{
				nodes: append([]msg{op("GlobalAveragePool", "p", ins("x")), op("Flatten", "f", ins("p")), op("Gemm", "l", ins("f", "w"), attrI("transB", 1))}, tt.nodes...),
				inits: []msg{f32("w", dims(3, 2), 1, 2, 3, 4, 5, 6), f32("six", dims(2, 3), 1, 2, 3, 4, 5, 6), i64("zero", 0), i64("one", 1)},
			}
			g, err := Parse(b.encode())
			got := fmt.Sprint(err)
			if err == nil {
				got = operators(g)
			}
			if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// operators lists those of g with their shapes.
func operators(g *ann.Graph) string {
	var list []string
	for _, n := range g.Nodes {
		list = append(list, fmt.Sprintf("%s %v", n.Op.Type(), n.Shape))
	}
	return strings.Join(list, ", ")
}

// TestOrders checks, for random chains of views, that a fully connected layer, a batch
// norm and an offset behind them take the elements that they take in the file.
func TestOrders(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	moved, refused := 0, 0
	for i := range 600 {
		c, h, w := 1+rnd.IntN(4), 1+rnd.IntN(4), 1+rnd.IntN(4)
		n := c * h * w
		shape, order := []int{1, c, h, w}, make([]int, n)
		for i := range order {
			order[i] = i
		}
		b := build{in: []msg{input("x", 0, int64(c), int64(h), int64(w))}}
		last := "x"
		emit := func(typ string, more []string, attrs ...msg) {
			out := fmt.Sprintf("v%d", len(b.nodes))
			b.nodes, last = append(b.nodes, op(typ, out, append([]string{last}, more...), attrs...)), out
		}
		emit("Relu", nil) // A transpose of the input itself would be taken for channels last.
		for range 1 + rnd.IntN(6) {
			switch rnd.IntN(6) {
			case 4, 5: // Some of an axis.
				axis := 1 + rnd.IntN(len(shape)-1)
				index := make([]int64, 1+rnd.IntN(shape[axis]))
				start := rnd.IntN(shape[axis] - len(index) + 1)
				list := rnd.IntN(2) == 0
				for j := range index {
					if index[j] = int64(start + j); list {
						index[j] = int64(rnd.IntN(shape[axis]))
					}
				}
				name := fmt.Sprintf("s%d", len(b.nodes))
				if list {
					b.inits = append(b.inits, i64(name, index...))
					emit("Gather", []string{name}, attrI("axis", int64(axis)))
				} else {
					b.inits = append(b.inits, i64(name, int64(start)), i64(name+"e", int64(start+len(index))), i64(name+"a", int64(axis)))
					emit("Slice", []string{name, name + "e", name + "a"})
				}
				out := slices.Clone(shape)
				out[axis] = len(index)
				var next []int
				walk(out[1:], 0, make([]int, len(out)-1), func(to, _ int) {
					at, of := strides(shape[1:]), strides(out[1:])
					from := 0
					for k := range of {
						i := to / of[k] % out[k+1]
						if k+1 == axis {
							i = int(index[i])
						}
						from += i * at[k]
					}
					next = append(next, order[from])
				})
				shape, order = out, next
			case 0, 1:
				perm := rnd.Perm(len(shape) - 1)
				list, out, stride := []int64{0}, []int{1}, make([]int, len(perm))
				for j, a := range perm {
					list, out, stride[j] = append(list, int64(a+1)), append(out, shape[a+1]), strides(shape[1:])[a]
				}
				next := make([]int, len(order))
				walk(out[1:], 0, stride, func(to, from int) { next[to] = order[from] })
				shape, order = out, next
				emit("Transpose", nil, attrList("perm", list...))
			case 2:
				k := 1
				for len(order)%(k+1) == 0 {
					k++
				}
				shape = []int{1, k, len(order) / k}
				name := fmt.Sprintf("s%d", len(b.nodes))
				b.inits = append(b.inits, i64(name, 0, int64(k), -1))
				emit("Reshape", []string{name})
			default:
				emit("Relu", nil)
			}
		}
		emit("Flatten", nil)
		image := make([]float32, n)
		n = len(order)
		scale, weight := make([]float32, n), make([]float32, 2*n)
		for i := range scale {
			scale[i] = float32(1 + rnd.IntN(5))
		}
		for i := range weight {
			weight[i] = float32(rnd.IntN(9) - 4)
		}
		b.inits = append(b.inits, f32("scale", dims(n), scale...), f32("w", dims(n, 2), weight...), f32("zeros", dims(n), make([]float32, n)...), f32("ones", dims(n), repeat(1, n)...))
		scaled := rnd.IntN(3)
		switch scaled {
		case 0:
			emit("Mul", ins("scale"))
		case 1:
			emit("BatchNormalization", ins("scale", "zeros", "zeros", "ones"), attrF("epsilon", 0))
		}
		emit("MatMul", ins("w"))
		b.nodes = append(b.nodes, op("Identity", "y", ins(last)))
		g, err := Parse(b.encode())
		if err != nil && strings.Contains(err.Error(), "only channels can be taken") {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("model %d: %v", i, err)
		}
		want := make([]float32, 2)
		for i := range image {
			image[i] = float32(rnd.IntN(16)) // Not negative, so that ReLUs do nothing.
		}
		for i, from := range order {
			x := image[from]
			if scaled < 2 {
				x *= scale[i]
			}
			for o := range want {
				want[o] += x * weight[2*i+o]
			}
			if i != from {
				moved++
			}
		}
		for o, y := range run(t, g, image) {
			if y != want[o] { // Whole numbers that floats hold exactly.
				t.Fatalf("model %d: output %d is %v, want %v\n%v", i, o, y, want[o], g)
			}
		}
	}
	if moved < 1000 || refused > 200 {
		t.Errorf("only %d elements were in another place, and %d models were refused", moved, refused)
	}
}

// TestJoinedOrders checks vectors that are joined, each with its elements in another order
// than its node, and slopes for them.
func TestJoinedOrders(t *testing.T) {
	slopes, weight := make([]float32, 40), make([]float32, 40)
	for i := range slopes {
		slopes[i], weight[i] = float32(i%5), float32(i%7-3)
	}
	b := build{in: []msg{input("x", 0, 2, 2, 5)}, nodes: []msg{
		op("Add", "r", ins("x", "zero")), op("Transpose", "t", ins("r"), attrList("perm", 0, 2, 3, 1)), op("Flatten", "f", ins("t")), op("Flatten", "g", ins("r")),
		op("Concat", "c", ins("g", "f"), attrI("axis", 1)), op("PRelu", "p", ins("c", "slopes")), op("MatMul", "y", ins("p", "w")),
	}, inits: []msg{f32("slopes", dims(40), slopes...), f32("w", dims(40, 1), weight...), f32("zero", dims(), 0)}}
	g, err := Parse(b.encode())
	if err != nil {
		t.Fatal(err)
	}
	image, want := make([]float32, 20), float32(0)
	for i := range image {
		image[i] = float32(i*7%11 - 5)
	}
	for i, w := range weight {
		x := image[i%20]
		if i >= 20 {
			x = image[channelsLast([]int{2, 2, 5})[i-20]]
		}
		if x < 0 {
			x *= slopes[i]
		}
		want += x * w
	}
	if y := run(t, g, image)[0]; y != want {
		t.Errorf("got %v, want %v\n%v", y, want, g)
	}
}

// TestViews checks that an input which is an image in another shape is taken for the
// image, in the order of its pixels.
func TestViews(t *testing.T) {
	channelsLast := func(c int) []int64 { return []int64{0, 4, 5, int64(c)} }
	for _, tt := range []struct {
		name   string
		c      int
		in     []int64
		before []msg // From x to i.
		shape  []int64
	}{
		{"vector", 2, []int64{0, 40}, []msg{op("Reshape", "i", ins("x", "shape"))}, []int64{-1, 2, 4, 5}},
		{"vector, scaled", 1, []int64{0, 20}, []msg{op("Div", "d", ins("x", "two")), op("Reshape", "i", ins("d", "shape"))}, []int64{0, 1, 4, 5}},
		{"rows and columns", 1, []int64{0, 4, 5}, []msg{op("Unsqueeze", "i", ins("x", "one"))}, nil},
		{"channels last, one channel", 1, []int64{0, 4, 5, 1}, []msg{op("Reshape", "i", ins("x", "shape"))}, []int64{-1, 1, 4, 5}},
		{"column", 1, []int64{0, 20, 1}, []msg{op("Reshape", "i", ins("x", "shape"))}, []int64{-1, 1, 4, 5}},
		{"without batch", 2, []int64{2, 4, 5}, []msg{op("Unsqueeze", "i", ins("x", "zero"))}, nil},
		{"without batch, scaled", 2, []int64{2, 4, 5}, []msg{op("Div", "d", ins("x", "two")), op("Unsqueeze", "i", ins("d", "zero"))}, nil},
		{"one axis", 2, []int64{40}, []msg{op("Reshape", "i", ins("x", "shape"))}, []int64{1, 2, 4, 5}},
		{"batch of three", 2, []int64{3, 40}, []msg{op("Reshape", "i", ins("x", "shape"))}, []int64{3, 2, 4, 5}},
		{"batch of two, shifted by nothing", 1, []int64{2, 4, 5}, []msg{op("Sub", "s", ins("x", "none")), op("Unsqueeze", "i", ins("s", "one"))}, nil},
		{"channels of a view, shifted by nothing", 2, []int64{0, 40}, []msg{
			op("Reshape", "r", ins("x", "shape")), op("Split", "a", ins("r"), attrI("axis", 1)).Str(2, "b"),
			op("Concat", "j", ins("a", "b"), attrI("axis", 1)), op("Sub", "i", ins("j", "nones")),
		}, []int64{-1, 2, 4, 5}},
		{"rows and columns, of which a channel is taken", 1, []int64{0, 4, 5}, []msg{
			op("Unsqueeze", "u", ins("x", "one")), op("Gather", "i", ins("u", "zero"), attrI("axis", 1)),
		}, nil},
		{"vector with channels last", 2, []int64{0, 40}, []msg{op("Reshape", "r", ins("x", "shape")), op("Transpose", "i", ins("r"), attrList("perm", 0, 3, 1, 2))}, channelsLast(2)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := tt.c * 20
			weight := make([]float32, 3*n)
			for i := range weight {
				weight[i] = float32(i%7 - 3)
			}
			b := build{
				in:    []msg{input("x", tt.in...)},
				nodes: append(tt.before, op("Conv", "c", ins("i", "k")), op("Flatten", "f", ins("c")), op("MatMul", "y", ins("f", "w"))),
				inits: []msg{
					f32("k", dims(1, tt.c, 1, 1), repeat(1, tt.c)...), f32("w", dims(20, 3), weight[:60]...),
					i64("shape", tt.shape...), i64("one", 1), i64("zero", 0), f32("two", dims(1), 2), f32("none", dims(), 0), f32("nones", dims(2, 1, 1), 0, 0),
				},
			}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			if want := []int{tt.c, 4, 5}; fmt.Sprint([]int(g.Input.Shape)) != fmt.Sprint(want) {
				t.Fatalf("takes images of %v, want %v", g.Input.Shape, want)
			}
			image, want := make([]float32, n), make([]float32, 3)
			for i := range image {
				image[i] = float32(2 * i)
				x := image[i]
				if len(tt.before) == 2 && strings.Contains(tt.name, "scaled") {
					x /= 2
				}
				for o := range want {
					want[o] += x * weight[i%20*3+o]
				}
			}
			for o, y := range run(t, g, image) {
				if y != want[o] {
					t.Errorf("output %d is %v, want %v\n%v", o, y, want[o], g)
				}
			}
		})
	}
	// What is not an image under any view.
	b := build{in: []msg{input("x", 0, 4, 4)}, nodes: []msg{op("Reshape", "r", ins("x", "s")), op("Conv", "y", ins("r", "w"))}, inits: []msg{
		i64("s", 1, 4, 4), f32("w", dims(1, 1, 1, 1), 1),
	}}
	if _, err := Parse(b.encode()); err == nil || !strings.Contains(err.Error(), "takes an image") {
		t.Errorf("error %v, want that of no image", err)
	}
}

// TestMixes checks that what is made of the input's channels becomes a convolution of
// one position that computes it.
func TestMixes(t *testing.T) {
	const c, area = 2, 16
	one := func(x []float32, p int) float32 { return x[p] }
	two := func(x []float32, p int) float32 { return x[area+p] }
	for _, tt := range []struct {
		name  string
		nodes []msg
		want  []func(x []float32, p int) float32 // By channel; nil where it is not supported.
	}{
		{"swapped by gather", []msg{op("Gather", "y", ins("x", "swap"), attrI("axis", 1))}, []func([]float32, int) float32{two, one}},
		{"swapped by slice", []msg{op("Slice", "y", ins("x", "m1", "min", "one", "m1"))}, []func([]float32, int) float32{two, one}},
		{"swapped by concat", []msg{
			op("Slice", "a", ins("x", "zero", "one", "one")), op("Slice", "b", ins("x", "one", "two", "one")), op("Concat", "y", ins("b", "a"), attrI("axis", 1)),
		}, []func([]float32, int) float32{two, one}},
		{"tiled", []msg{op("Tile", "y", ins("x", "twice"))}, []func([]float32, int) float32{one, two, one, two}},
		{"one channel expanded", []msg{op("Slice", "a", ins("x", "one", "two", "one")), op("Expand", "y", ins("a", "three"))}, []func([]float32, int) float32{two, two, two}},
		{"each channel with its own scale", []msg{
			op("Gather", "a", ins("x", "first"), attrI("axis", 1)), op("Gather", "b", ins("x", "second"), attrI("axis", 1)),
			op("Mul", "s", ins("a", "half")), op("Sub", "d", ins("b", "half")), op("Concat", "y", ins("s", "d"), attrI("axis", 1)),
		}, []func([]float32, int) float32{
			func(x []float32, p int) float32 { return x[p] / 2 }, func(x []float32, p int) float32 { return x[area+p] - 0.5 },
		}},
		{"itself", []msg{op("Concat", "y", ins("x", "x"), attrI("axis", 1))}, []func([]float32, int) float32{one, two, one, two}},
		{"expanded to what it is", []msg{op("Expand", "e", ins("x", "same")), op("Relu", "y", ins("e"))}, []func([]float32, int) float32{one, two}},
		{"rows repeated", []msg{op("Tile", "y", ins("x", "rows"))}, nil},
		{"rows joined", []msg{op("Concat", "y", ins("x", "x"), attrI("axis", 2))}, nil},
		{"more than one channel expanded", []msg{op("Expand", "y", ins("x", "three"))}, nil},
		{"rows taken", []msg{op("Gather", "y", ins("x", "swap"), attrI("axis", 2))}, nil},
		{"of a ReLU", []msg{op("Relu", "r", ins("x")), op("Tile", "y", ins("r", "twice"))}, nil},
		{"a channel that is not there", []msg{op("Gather", "y", ins("x", "far"), attrI("axis", 1))}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{nodes: tt.nodes, inits: []msg{
				i64("swap", 1, 0), i64("first", 0), i64("second", -1), i64("far", 2), i64("m1", -1), i64("min", math.MinInt64), i64("zero", 0), i64("one", 1), i64("two", 2),
				i64("twice", 1, 2, 1, 1), i64("rows", 1, 1, 2, 1), i64("three", 1, 3, 4, 4), i64("same", 2, 1, 4), f32("half", dims(), 0.5),
			}}
			g, err := Parse(b.encode())
			if tt.want == nil {
				if err == nil {
					t.Errorf("no error, but\n%v", g)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			image := make([]float32, c*area)
			for i := range image {
				image[i] = float32(i)
			}
			for i, y := range run(t, g, image) {
				if want := tt.want[i/area](image, i%area); y != want {
					t.Fatalf("element %d is %v, want %v\n%v", i, y, want, g)
				}
			}
		})
	}
}

// TestReduced compares means and sums over channels and positions with plain ones.
func TestReduced(t *testing.T) {
	image := make([]float32, 32)
	for i := range image {
		image[i] = float32(i*i%17) - 6
	}
	for _, tt := range []struct {
		kind string
		axes []int64
		last bool // Channels are.
		keep int64
	}{
		{"ReduceMean", []int64{1}, false, 1},
		{"ReduceMean", []int64{-3}, false, 1},
		{"ReduceMean", []int64{1}, false, 0},
		{"ReduceSum", []int64{1}, false, 1},
		{"ReduceSum", []int64{3}, true, 1},
		{"ReduceSum", []int64{2, 3}, false, 1},
		{"ReduceSum", []int64{2, 3}, false, 0},
		{"ReduceSum", []int64{1, 2}, true, 1},
		{"ReduceSum", []int64{-1}, false, 1},
		{"ReduceMean", []int64{2}, false, 1},
	} {
		nodes := []msg{op("Transpose", "t", ins("x"), attrList("perm", 0, 2, 3, 1)), op(tt.kind, "y", ins("t"), attrList("axes", tt.axes...), attrI("keepdims", tt.keep))}
		if !tt.last {
			nodes = []msg{op(tt.kind, "y", ins("x"), attrList("axes", tt.axes...), attrI("keepdims", tt.keep))}
		}
		g, err := Parse(build{nodes: nodes, opset: 11}.encode())
		if err != nil {
			t.Errorf("%s over %v: %v", tt.kind, tt.axes, err)
			continue
		}
		over := [3]bool{} // Of channels, rows and columns.
		for _, a := range tt.axes {
			k := (a+4)%4 - 1
			if tt.last {
				k = []int64{1, 2, 0}[k]
			}
			over[k] = true
		}
		// Here results have channels first, since one channel or one position has no layout.
		dims, size := [3]int{2, 4, 4}, 1
		for k, o := range over {
			if o {
				size *= dims[k]
				dims[k] = 1
			}
		}
		want := make([]float32, dims[0]*dims[1]*dims[2])
		for i, v := range image {
			at := [3]int{i / 16, i / 4 % 4, i % 4}
			for k, o := range over {
				if o {
					at[k] = 0
				}
			}
			if tt.kind == "ReduceMean" {
				v /= float32(size)
			}
			want[(at[0]*dims[1]+at[1])*dims[2]+at[2]] += v
		}
		got := run(t, g, image)
		if len(got) != len(want) {
			t.Fatalf("%s over %v: %d numbers, want %d", tt.kind, tt.axes, len(got), len(want))
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-4 {
				t.Errorf("%s over %v: got %v, want %v", tt.kind, tt.axes, got, want)
				break
			}
		}
	}
}

// Each step of what is done to the image's channels keeps its own name.
func TestMixNames(t *testing.T) {
	g, err := Parse(build{nodes: []msg{
		op("Gather", "swapped", ins("x", "order"), attrI("axis", 1)), op("Sub", "centred", ins("swapped", "mean")), op("Div", "scaled", ins("centred", "std")),
		op("Conv", "y", ins("scaled", "w")),
	}, inits: []msg{i64("order", 1, 0), f32("mean", dims(2, 1, 1), 1, 2), f32("std", dims(), 4), f32("w", dims(1, 2, 1, 1), 1, 2)}}.encode())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Name+" "+n.Spelled)
	}
	if got, want := strings.Join(names, ", "), "swapped Gather, centred Sub, scaled Div, y "; got != want {
		t.Errorf("nodes %q, want %q", got, want)
	}
}
