package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/tensor"
)

// TestFold checks which rewrites happen and which must not.
func TestFold(t *testing.T) {
	relu, flat := &ann.Relu{}, &ann.Flatten{}
	bn := func(channels int) *ann.BatchNormalization {
		b := &ann.BatchNormalization{Epsilon: 1}
		for range channels {
			b.Scale, b.Bias = append(b.Scale, 2), append(b.Bias, 3)
			b.Mean, b.Var = append(b.Mean, 1), append(b.Var, 3)
		}
		return b
	}
	conv3 := func(pad int) *ann.Conv {
		c := &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, pad), Groups: 1}
		c.Weight.Data[4] = 5
		return c
	}
	rows := &ann.Pad{Before: [3]int{0, 1, 0}, After: [3]int{0, 0, 1}}
	big := &ann.Pad{Before: [3]int{0, 3, 0}}
	mean := func(pad int, count bool) *ann.AveragePool {
		return &ann.AveragePool{Window: tensor.Square(2, 1, pad), CountPad: count}
	}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node
		want  []string // Name and operator of what is left.
	}{
		{
			"softmax of softmax",
			[]ann.Node{node("f", flat, "x"), node("g", gemm(16, 1), "f"), node("s", &ann.Softmax{}, "g"), node("t", &ann.Softmax{Log: true}, "s")},
			[]string{"f Flatten", "g Gemm"},
		},
		{
			"batch norm twice",
			[]ann.Node{node("c", conv3(1), "x"), node("b", bn(1), "c"), node("b2", bn(1), "b"), node("r", relu, "b2")},
			[]string{"b2 Conv", "r Relu"},
		},
		{
			"batch norm of what others take too",
			[]ann.Node{node("c", conv3(1), "x"), node("b", bn(1), "c"), node("r", relu, "b"), node("q", relu, "c"), node("s", &ann.Add{}, "r", "q")},
			[]string{"c Conv", "b Conv", "r Relu", "q Relu", "s Add"},
		},
		{
			"batch norm of a convolution that is padded and shared",
			[]ann.Node{node("p", rows, "x"), node("c", conv3(0), "p"), node("b", bn(1), "c"), node("s", &ann.Add{}, "c", "b")},
			[]string{"c Conv", "b Conv", "s Add"},
		},
		{
			"batch norm before a fully connected layer",
			[]ann.Node{node("r", relu, "x"), node("b", bn(1), "r"), node("f", flat, "b"), node("g", gemm(16, 1, 1), "f"), node("h", gemm(16, 2), "f"), node("s", &ann.Add{}, "g", "h")},
			[]string{"r Relu", "f Flatten", "g Gemm", "h Gemm", "s Add"},
		},
		{
			"batch norm before a convolution without padding",
			[]ann.Node{node("r", relu, "x"), node("b", bn(1), "r"), node("c", conv3(0), "b")},
			[]string{"r Relu", "c Conv"},
		},
		{
			"batch norm before one with padding",
			[]ann.Node{node("r", relu, "x"), node("b", bn(1), "r"), node("c", conv3(1), "b")},
			[]string{"c/one Conv", "c/ones Relu", "r Relu", "c/scaled Conv", "c/offset Conv", "c Add"},
		},
		{
			"not where others take it",
			[]ann.Node{node("r", relu, "x"), node("b", bn(1), "r"), node("c", conv(1), "b"), node("s", &ann.Add{}, "c", "b")},
			[]string{"r Relu", "b Conv", "b/on Relu", "b/minus Mul", "b/off Relu", "c/1 Conv", "c/2 Conv", "c Add", "s/1 Mul", "s/2 Add", "s Add"},
		},
		{
			"not at the end",
			[]ann.Node{node("r", relu, "x"), node("b", bn(1), "r"), node("f", flat, "b")},
			[]string{"r Relu", "b BatchNormalization", "f Flatten"},
		},
		{
			"pad and convolution",
			[]ann.Node{node("p", rows, "x"), node("c", conv3(1), "p")},
			[]string{"c Conv"},
		},
		{
			"pad of a pad",
			[]ann.Node{node("p", rows, "x"), node("p2", rows, "p"), node("c", conv3(1), "p2")},
			[]string{"c Conv"},
		},
		{
			"pad and max pool of a ReLU",
			[]ann.Node{node("r", relu, "x"), node("p", rows, "r"), node("m", &ann.MaxPool{Window: tensor.Square(2, 1, 0)}, "p")},
			[]string{"r Relu", "m MaxPool"},
		},
		{
			"not of what is negative, too",
			[]ann.Node{node("p", rows, "x"), node("m", &ann.MaxPool{Window: tensor.Square(2, 1, 0)}, "p")},
			[]string{"p Pad", "m MaxPool"},
		},
		{
			"not where a window is all padding",
			[]ann.Node{node("r", relu, "x"), node("p", big, "r"), node("m", &ann.MaxPool{Window: tensor.Square(2, 1, 0)}, "p")},
			[]string{"r Relu", "p Pad", "p/on Relu", "m MaxPool"},
		},
		{
			"pad and average pool",
			[]ann.Node{node("r", relu, "x"), node("p", rows, "r"), node("m", mean(0, false), "p"), node("m2", &ann.AveragePool{Window: tensor.Square(3, 1, 1), CountPad: true}, "p"), node("gm", &ann.GlobalAveragePool{}, "m"), node("gm2", &ann.GlobalAveragePool{}, "m2"), node("s", &ann.Add{}, "gm", "gm2")},
			[]string{"r Relu", "m AveragePool", "m2 AveragePool", "gm GlobalAveragePool", "gm2 GlobalAveragePool", "s Add"},
		},
		{
			"not where padding counts and does not",
			[]ann.Node{node("p", rows, "x"), node("m", mean(1, false), "p")},
			[]string{"p Pad", "m AveragePool"},
		},
		{
			"not of channels",
			[]ann.Node{node("p", &ann.Pad{Before: [3]int{1, 1, 1}}, "x"), node("c", &ann.Conv{Weight: tensor.New(1, 2, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}, "p")},
			[]string{"p Pad", "c Conv"},
		},
		{
			"idle ReLU",
			[]ann.Node{node("r", &ann.Clip{Max: 1}, "x"), node("p", mean(0, false), "r"), node("q", relu, "p"), node("f", flat, "q"), node("o", relu, "f")},
			[]string{"r Clip", "p AveragePool", "f Flatten"},
		},
		{
			"busy ReLU",
			[]ann.Node{node("p", mean(0, false), "x"), node("q", relu, "p"), node("c", &ann.Clip{Max: 1}, "q")},
			[]string{"p Conv", "q Relu", "c Clip"},
		},
		{
			"single average pool in a shortcut",
			[]ann.Node{node("m", &ann.AveragePool{Window: tensor.Square(1, 2, 0)}, "x"), node("p", &ann.Pad{After: [3]int{1}}, "m"), node("s", &ann.Add{}, "p", "p")},
			[]string{"m Slice", "p Pad", "s Add"},
		},
		{
			"single average pool elsewhere",
			[]ann.Node{node("m", &ann.AveragePool{Window: tensor.Square(1, 2, 0)}, "x"), node("r", relu, "m")},
			[]string{"m Conv", "r Relu"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := graph(t, tensor.Shape{1, 4, 4}, tt.nodes...)
			before := g.Clone()
			f, err := convert.Fold(g)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, g); diff != "" {
				t.Errorf("Fold changed the graph it was given:\n%s", diff)
			}
			var got []string
			for _, n := range f.Nodes {
				got = append(got, n.Name+" "+n.Op.Type())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Fold: nodes (-want +got):\n%s", diff)
			}
			image := make([]float32, 16)
			for i := range image {
				image[i] = float32(i%5) - 2
			}
			sameNodes(t, g, f, image)
		})
	}
}

// beforeNorm reports whether n is a Flatten, or a pool with a batch norm before or behind
// it, which may now stand for something not yet normalised.
func beforeNorm(g *ann.Graph, n *ann.Node) bool {
	switch n.Op.(type) {
	case *ann.Flatten:
		return true
	case *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool:
		for s := g.Node(n.Inputs[0]); s != nil; s = g.Node(s.Inputs[0]) {
			switch s.Op.(type) {
			case *ann.BatchNormalization:
				return true
			case *ann.MaxPool, *ann.AveragePool, *ann.GlobalAveragePool:
				continue
			}
			return false
		}
	}
	return false
}

// vector returns what g computes up to a node that is a vector, in its order.
func vector(t rapid.TB, g *ann.Graph, name string, image []float32) []float32 {
	t.Helper()
	to := *g
	to.Output = name
	x, err := runner(t, &to).Run(image)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// sameNodes checks that every node of the folded graph computes what the node of
// that name computes in g; a Flatten or pool may stand for something not yet normalised.
// Rounding is measured against the largest activation so far: where a layer's sums
// cancel, its own activations say nothing of the terms that were rounded.
func sameNodes(t rapid.TB, g, folded *ann.Graph, image []float32) {
	t.Helper()
	want, got := runner(t, g), runner(t, folded)
	if _, err := want.Run(image); err != nil {
		t.Fatal(err)
	}
	if _, err := got.Run(image); err != nil {
		t.Fatal(err)
	}
	largest, so := float32(0), make(map[string]float32) // So far, with the image and the nodes that are gone.
	for _, v := range image {
		largest = max(largest, v, -v)
	}
	for _, n := range g.Nodes {
		for _, v := range want.Activation(n.Name) {
			largest = max(largest, v, -v)
		}
		so[n.Name] = largest
	}
	for _, n := range folded.Nodes {
		if before := g.Node(n.Name); before == nil || n.Name != folded.Output && beforeNorm(g, before) {
			continue
		}
		w, x := want.Activation(n.Name), got.Activation(n.Name)
		if len(n.Shape) == 1 { // They may lie in memory in other orders.
			w, x = vector(t, g, n.Name, image), vector(t, folded, n.Name, image)
		}
		if len(w) != len(x) {
			t.Fatalf("node %q: %d elements after folding, %d before", n.Name, len(x), len(w))
		}
		diff, largest := float32(0), so[n.Name]
		for i := range w {
			diff = max(diff, w[i]-x[i], x[i]-w[i])
		}
		if !(diff <= 1e-5*largest) {
			t.Errorf("node %q: %v off after folding, of up to %v\n%v\n%v", n.Name, diff, largest, g, folded)
		}
	}
}
