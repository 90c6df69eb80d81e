package convert_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/tensor"
)

// wildGraph draws a valid graph of any operators in any order, most of which no
// one would train.
func wildGraph(t *rapid.T) *ann.Graph {
	choose := func(n int, label string) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	g := &ann.Graph{Name: "wild", Input: ann.Input{Name: "x", Shape: tensor.Shape{1 + choose(2, "channels"), 1 + choose(4, "rows"), 1 + choose(4, "columns")}}}
	if choose(6, "vector") == 0 {
		g.Input.Shape = tensor.Shape{1 + choose(6, "inputs")}
	}
	names := []string{"x"}
	for range 1 + choose(12, "nodes") {
		pick := func() string {
			return names[len(names)-1-min(choose(len(names), "input"), choose(len(names), "input"))]
		}
		from := pick()
		s, _ := g.Shape(from)
		c := s[0]
		w := tensor.Square(1+choose(3, "kernel"), 1+choose(2, "stride"), choose(2, "pad"))
		fill := func(shape ...int) *tensor.Tensor {
			x := tensor.New(shape...)
			for i := range x.Data {
				x.Data[i] = float32(i%5) - 2
			}
			return x
		}
		vector := func(v float32) []float32 {
			x := make([]float32, c)
			for i := range x {
				x[i] = v
			}
			return x
		}
		var op ann.Op
		inputs := []string{from}
		switch choose(18, "op") {
		case 14:
			op, inputs = &ann.Concat{}, []string{from, pick(), from}[:1+choose(3, "joined")]
		case 15, 16:
			index := make([]int, 1+choose(min(2*c, 12), "index"))
			for i := range index {
				index[i] = choose(c, "channel")
			}
			op = &ann.Gather{Index: index}
		case 17: // In groups, of one channel or two.
			groups := c
			if c%2 == 0 && choose(2, "groups of two") == 0 {
				groups = c / 2
			}
			op = &ann.Conv{Weight: fill(c, c/groups, w.Kernel[0], w.Kernel[1]), Window: w, Groups: groups}
		case 0, 1:
			out := 1 + choose(2, "out")
			op = &ann.Conv{Weight: fill(out, c, w.Kernel[0], w.Kernel[1]), Window: w, Groups: 1}
		case 2:
			op = &ann.BatchNormalization{Scale: vector(float32(2 - 3*choose(2, "negative"))), Bias: vector(1), Mean: vector(-1), Var: vector(1)}
		case 3:
			op = &ann.Relu{}
		case 4:
			op = &ann.LeakyRelu{Slope: [][]float32{{0.5}, {-1}, vector(0.25)}[choose(3, "slope")]}
		case 5:
			op = &ann.Clip{Max: 2}
		case 6:
			op, inputs = &ann.Add{}, []string{from, pick()}
		case 7:
			op = &ann.MaxPool{Window: w}
		case 8:
			op = &ann.AveragePool{Window: w, CountPad: choose(2, "count") == 0}
		case 9:
			op = &ann.GlobalAveragePool{}
		case 10:
			op = &ann.Flatten{}
		case 11:
			op = &ann.Gemm{Weight: fill(1+choose(3, "out"), c)}
		case 12:
			k := &ann.Slice{Step: [3]int{1, 1 + choose(2, "step"), 1}, Size: [3]int{c, 1, 1}}
			if len(s) == 3 {
				k.Start[0] = choose(c, "first")
				k.Size = [3]int{c - k.Start[0] - choose(c-k.Start[0], "fewer"), (s[1]-1)/k.Step[1] + 1, s[2]}
			}
			op = k
		case 13:
			if op = (&ann.Pad{Before: [3]int{choose(2, "before")}, After: [3]int{0, choose(2, "below")}}); choose(4, "softmax") == 0 {
				op = &ann.Softmax{}
			}
		}
		n := node(fmt.Sprintf("%s%d", op.Type(), len(g.Nodes)), op, inputs...)
		g.Nodes = append(g.Nodes, n)
		if err := g.InferShapes(); err != nil {
			g.Nodes = g.Nodes[:len(g.Nodes)-1] // It does not fit there.
			continue
		}
		n = g.Nodes[len(g.Nodes)-1] // With its shape.
		names = append(names, n.Name)
		if choose(2, "rectify") == 0 { // Or hardly any graph would convert.
			r := node("r"+n.Name, &ann.Relu{}, n.Name)
			r.Shape = n.Shape
			g.Nodes = append(g.Nodes, r)
			names = append(names, r.Name)
		}
	}
	last := names[len(names)-1]
	if s, _ := g.Shape(last); len(s) == 3 && choose(3, "head") > 0 {
		gemm := &ann.Gemm{Weight: tensor.New(2, s[0])}
		gemm.Weight.Data[0] = 1
		g.Nodes = append(g.Nodes, node("r", &ann.Relu{}, last), node("p", &ann.GlobalAveragePool{}, "r"), node("f", &ann.Flatten{}, "p"), node("logits", gemm, "f"))
		last = "logits"
	}
	if len(g.Nodes) == 0 {
		t.Skip("no operator fits")
	}
	g.Output = last
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// wild checks that a graph either converts or has nodes that are named as the
// reason, and that folding keeps what nodes compute.
func wild(t *rapid.T) {
	g := wildGraph(t)
	list, err := convert.Unsupported(g)
	if err != nil {
		t.Fatalf("Unsupported: %v\n%v", err, g)
	}
	for _, e := range list {
		if g.Node(e.Node) == nil || e.Reason == "" {
			t.Errorf("Unsupported: %v: no such node or no reason\n%v", e, g)
		}
	}
	image := make([]float32, g.Input.Shape.Len())
	for i := range image {
		image[i] = float32(i%3) - 1
	}
	folded, err := convert.Fold(g)
	if err != nil {
		t.Fatalf("Fold: %v\n%v", err, g)
	}
	sameNodes(t, g, folded, image)
	fates, err := convert.Fates(g)
	if err != nil {
		t.Fatalf("Fates: %v\n%v", err, g)
	}
	for i, f := range fates {
		if f.Becomes == "" {
			t.Errorf("Fates: node %q becomes nothing", g.Nodes[i].Name)
		}
		for _, words := range strings.Split(f.Becomes, "; ") {
			if !f.Unsupported {
				checkNames(t, g, g.Nodes[i].Name, words)
			}
		}
	}
	if len(list) > 0 {
		return
	}
	if g, err = convert.Simplify(g); err != nil {
		t.Fatalf("Simplify: %v\n%v", err, g)
	}
	s := mustCalibrate(t, g, images{image}, calibrate.Options{Percentile: 100})
	for i := range s.Nodes {
		s.Nodes[i].Lambda = 1 // Silent or not.
	}
	for _, balanced := range []bool{false, true} {
		sameRates(t, g, mustConvert(t, g, s, convert.Options{ThresholdBalanced: balanced}), image)
	}
}

func TestWild(t *testing.T) { rapid.Check(t, wild) }

func FuzzConvert(f *testing.F) { f.Fuzz(rapid.MakeFuzz(wild)) }
