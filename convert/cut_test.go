package convert_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// dense returns a convolution in groups without a weight of zero.
func dense(rnd *rand.Rand, in, out, k, groups int) *ann.Conv {
	w := tensor.New(out, in/groups, k, k)
	for i := range w.Data {
		w.Data[i] = float32(1+rnd.IntN(16)) / 16
		if rnd.IntN(2) == 0 {
			w.Data[i] = -w.Data[i]
		}
	}
	bias := make([]float32, out)
	for i := range bias {
		bias[i] = float32(rnd.IntN(8)) / 8
	}
	return &ann.Conv{Weight: w, Bias: bias, Window: tensor.Square(k, 1, k/2), Groups: groups}
}

// shuffled returns the shuffle of c channels in groups.
func shuffled(c, groups int) *ann.Gather {
	op := &ann.Gather{}
	for i := range c {
		op.Index = append(op.Index, i%groups*(c/groups)+i/groups)
	}
	return op
}

// TestCut checks that no spike meets a weight that is only there to be zero: where
// channels are taken and shuffled, the spiking network has the weights of the trained one,
// each once.
func TestCut(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	relu, add, concat := &ann.Relu{}, &ann.Add{}, &ann.Concat{}
	half := func(first, n int) *ann.Slice {
		return &ann.Slice{Start: [3]int{first}, Step: [3]int{1, 1, 1}, Size: [3]int{n, 3, 3}}
	}
	odd := &ann.Gather{Index: []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31}}
	for _, tt := range []struct {
		name   string
		nodes  []ann.Node // Of r, with 32 channels.
		pieces []string   // Populations, in order, behind r.
	}{
		{
			"halves",
			[]ann.Node{
				node("a", half(0, 16), "r"), node("b", half(16, 16), "r"), node("c", dense(rnd, 16, 16, 3, 1), "b"), node("q", relu, "c"),
				node("k", concat, "a", "q"), node("d", dense(rnd, 32, 8, 1, 1), "k"), node("last", relu, "d"),
			},
			[]string{"r/1", "r/2", "q", "last"},
		},
		{
			"a half that alternates with the other, behind a pool",
			[]ann.Node{
				node("p", &ann.MaxPool{Window: tensor.Square(3, 1, 1)}, "r"), node("o", odd, "p"), node("c", dense(rnd, 16, 16, 3, 1), "o"), node("q", relu, "c"),
				node("k", concat, "q", "p"), node("d", dense(rnd, 48, 8, 1, 1), "k"), node("last", relu, "d"),
			},
			[]string{"r/1", "r/2", "p/1", "p/2", "q", "last"},
		},
		{
			"units of ShuffleNet V2",
			[]ann.Node{
				node("a", half(0, 16), "r"), node("b", half(16, 16), "r"), node("c", dense(rnd, 16, 16, 1, 1), "b"), node("q", relu, "c"),
				node("k", concat, "a", "q"), node("s", shuffled(32, 2), "k"),
				node("a2", half(0, 16), "s"), node("b2", half(16, 16), "s"), node("c2", dense(rnd, 16, 16, 1, 1), "b2"), node("q2", relu, "c2"),
				node("k2", concat, "a2", "q2"), node("d", dense(rnd, 32, 8, 1, 1), "k2"), node("last", relu, "d"),
			},
			[]string{"r/1", "r/2", "r/3", "q/1", "q/2", "q2", "last"},
		},
		{
			"groups that are shuffled",
			[]ann.Node{
				node("c", dense(rnd, 32, 32, 1, 2), "r"), node("q", relu, "c"), node("s", shuffled(32, 2), "q"), node("e", dense(rnd, 32, 32, 1, 2), "s"),
				node("sum", add, "r", "e"), node("u", relu, "sum"), node("d", dense(rnd, 32, 8, 1, 1), "u"), node("last", relu, "d"),
			},
			[]string{"r/1", "r/2", "q/1", "q/2", "q/3", "q/4", "u/1", "u/2", "last"},
		},
		{
			"channels of a Res2Net",
			[]ann.Node{
				node("a", half(0, 16), "r"), node("b", half(16, 16), "r"), node("c", dense(rnd, 16, 16, 3, 1), "a"), node("q", relu, "c"),
				node("sum", add, "q", "b"), node("e", dense(rnd, 16, 16, 3, 1), "sum"), node("u", relu, "e"),
				node("k", concat, "q", "u"), node("d", dense(rnd, 32, 8, 1, 1), "k"), node("last", relu, "d"),
			},
			[]string{"r/1", "r/2", "q", "sum/Relu", "u", "last"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := append([]ann.Node{node("first", dense(rnd, 2, 32, 3, 1), "x"), node("r", relu, "first")}, tt.nodes...)
			nodes = append(nodes, node("g", &ann.GlobalAveragePool{}, "last"), node("f", &ann.Flatten{}, "g"), node("logits", gemm(8, 1, 0.5), "f"))
			g := graph(t, tensor.Shape{2, 3, 3}, nodes...)
			image := make([]float32, 18)
			for i := range image {
				image[i] = float32(i%5) / 4
			}
			folded, err := convert.Fold(g)
			if err != nil {
				t.Fatal(err)
			}
			sameNodes(t, g, folded, image)
			simple := mustSimplify(t, g)
			s := mustCalibrate(t, simple, images{image}, calibrate100)
			for i := range s.Nodes {
				s.Nodes[i].Lambda = 1
			}
			net := mustConvert(t, g, s, convert.DefaultOptions())
			checkFates(t, g, net)
			sameRates(t, simple, net, image)
			var got []string
			weights := 0
			for i := range net.Layers {
				l := &net.Layers[i]
				got = append(got, l.Name)
				for _, y := range l.Synapses {
					if k, ok := y.Connection.(snn.Weighted); ok {
						weights += len(k.Weights().Data)
						if slices.Contains(k.Weights().Data, 0) {
							t.Errorf("a weight of zero in the synapses into %s", l.Name)
						}
					}
				}
			}
			if want := append(tt.pieces, "g", "logits"); !slices.Equal(got, want) {
				t.Errorf("populations %q, want %q", got, want)
			}
			want := 0
			for i := range g.Nodes {
				if op, ok := g.Nodes[i].Op.(ann.Weighted); ok {
					w, _ := op.Weights()
					want += len(w.Data)
				}
			}
			if weights != want {
				t.Errorf("%d weights, the trained network has %d", weights, want)
			}
		})
	}
}

// A piece that was silent has the largest scale of the other pieces of its node; there is
// none if all were.
func TestSilentPiece(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	piece := func(first int) *ann.Slice {
		return &ann.Slice{Start: [3]int{first}, Step: [3]int{1, 1, 1}, Size: [3]int{4, 1, 1}}
	}
	g := graph(t, tensor.Shape{1, 1, 1},
		node("c", dense(rnd, 1, 12, 1, 1), "x"), node("r", &ann.Relu{}, "c"), node("a", piece(0), "r"), node("b", piece(4), "r"), node("d", piece(8), "r"),
		node("ca", dense(rnd, 4, 1, 1, 1), "a"), node("ra", &ann.Relu{}, "ca"), node("cb", dense(rnd, 4, 1, 1, 1), "b"), node("rb", &ann.Relu{}, "cb"),
		node("cd", dense(rnd, 4, 1, 1, 1), "d"), node("rd", &ann.Relu{}, "cd"), node("k", &ann.Concat{}, "ra", "rb", "rd"),
		node("f", &ann.Flatten{}, "k"), node("logits", gemm(3, 1), "f"))
	for _, tt := range []struct{ r, want [3]float64 }{
		{[3]float64{2, 0, 3}, [3]float64{2, 3, 3}},
		{[3]float64{0, 1, 0}, [3]float64{1, 1, 1}},
		{[3]float64{0, 0, 0}, [3]float64{}},
	} {
		net, err := convert.Convert(g, lambdas("r/1", tt.r[0], "r/2", tt.r[1], "r/3", tt.r[2], "ra", 1., "rb", 1., "rd", 1., "logits", 1.), convert.DefaultOptions())
		if tt.want[0] == 0 {
			if dead := (*convert.DeadLayerError)(nil); !errors.As(err, &dead) || dead.Node != "r/1" {
				t.Errorf("all silent: error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"r/1", "r/2", "r/3"} {
			if got := find(t, net, name).Lambda; float64(got) != tt.want[i] {
				t.Errorf("lambdas %v: %s has %v, want %v", tt.r, name, got, tt.want[i])
			}
		}
	}
	// Branches that are nodes of their own do not help each other.
	if _, err := convert.Convert(g, lambdas("r/1", 1., "r/2", 1., "r/3", 1., "ra", 0., "rb", 1., "rd", 1., "logits", 1.), convert.DefaultOptions()); err == nil {
		t.Error("a silent node has the scale of another node")
	}
}

// Values that are joined with themselves and shuffled again and again, which a small file
// can ask for, do not convert, and take neither time nor memory to say so.
func TestCutDoubling(t *testing.T) {
	nodes := []ann.Node{node("c", conv(1), "x"), node("r", &ann.Relu{}, "c")}
	last, n := "r", 1
	for i := range 13 {
		name := fmt.Sprint("k", i)
		nodes = append(nodes, node(name, &ann.Concat{}, last, last))
		last, n = name, 2*n
	}
	for i := range 6 {
		index := make([]int, n)
		for j := range index {
			index[j] = (7*j + i) % n
		}
		name, sum := fmt.Sprint("g", i), fmt.Sprint("s", i)
		nodes = append(nodes, node(name, &ann.Gather{Index: index}, last), node(sum, &ann.Add{}, name, last))
		last = sum
	}
	nodes = append(nodes, node("one", &ann.Gather{Index: []int{5}}, last), node("d", conv(1), "one"), node("q", &ann.Relu{}, "d"), node("f", &ann.Flatten{}, "q"), node("logits", gemm(1, 1), "f"))
	g := graph(t, tensor.Shape{1, 1, 1}, nodes...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	bad, err := convert.Unsupported(g)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if len(bad) == 0 || !strings.Contains(bad[0].Reason, "too many synapses") {
		t.Errorf("Unsupported: %v", bad)
	}
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 600 {
		t.Errorf("took %d MB", used)
	}
}
