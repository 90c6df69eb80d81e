package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// wide returns a convolution of one tap with these weights, rows of in each.
func wide(in int, w []float32, bias ...float32) *ann.Conv {
	return &ann.Conv{Weight: tensor.Of(w, len(w)/in, in, 1, 1), Bias: bias, Window: tensor.Square(1, 1, 0), Groups: 1}
}

// TestConcat checks which branch gets which weights, behind concatenations of
// concatenations, pools and rectifiers, in groups, and beside shortcuts.
func TestConcat(t *testing.T) {
	relu, add, concat := &ann.Relu{}, &ann.Add{}, &ann.Concat{}
	bn := &ann.BatchNormalization{Scale: []float32{2, 4, 8}, Bias: []float32{1, 2, 3}, Mean: make([]float32, 3), Var: []float32{1, 1, 1}}
	bn1 := &ann.BatchNormalization{Scale: []float32{2}, Bias: []float32{1}, Mean: make([]float32, 1), Var: []float32{1}}
	grouped := &ann.Conv{Weight: tensor.Of([]float32{1, 2, 3}, 3, 1, 1, 1), Bias: []float32{4, 5, 6}, Window: tensor.Square(1, 1, 0), Groups: 3}
	halves := &ann.Conv{Weight: tensor.Of([]float32{1, 2, 3, 4}, 2, 2, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 2}
	type synapse struct {
		From string
		W    []float32 // Of a shortcut its weight and its offset.
	}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node // Of a, with one channel, and b, with two.
		want  map[string][]synapse
	}{
		{
			"convolution",
			[]ann.Node{node("k", concat, "a", "b"), node("c", wide(3, []float32{1, 2, 3, 4, 5, 6}, 7, 8), "k"), node("r", relu, "c")},
			map[string][]synapse{"r": {{"a", []float32{1, 4}}, {"b", []float32{2, 3, 5, 6}}}},
		},
		{
			"concatenation of a concatenation",
			[]ann.Node{node("k", concat, "b", "a"), node("l", concat, "k", "b"), node("c", wide(5, []float32{1, 2, 3, 4, 5}), "l"), node("r", relu, "c")},
			map[string][]synapse{"r": {{"b", []float32{1, 2}}, {"a", []float32{3}}, {"b", []float32{4, 5}}}},
		},
		{
			"pools",
			[]ann.Node{
				node("k", concat, "a", "b"), node("m", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "k"),
				node("c", wide(3, []float32{1, 2, 3}), "m"), node("r", relu, "c"),
			},
			map[string][]synapse{"r": {{"m/1", []float32{1}}, {"m/2", []float32{2, 3}}}, "m/1": {{"a", nil}}, "m/2": {{"b", nil}}},
		},
		{
			"batch norm and rectifier of spikes",
			[]ann.Node{node("k", concat, "a", "b"), node("n", bn, "k"), node("q", relu, "n"), node("c", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "c")},
			map[string][]synapse{
				"q/1": {{"a", []float32{2}}}, "q/2": {{"b", []float32{4, 8}}},
				"r": {{"q/1", []float32{1}}, {"q/2", []float32{2, 3}}},
			},
		},
		{
			"rectifier of convolutions",
			[]ann.Node{
				node("d", wide(1, []float32{3}), "a"), node("e", wide(2, []float32{1, 2, 3, 4}), "b"), node("k", concat, "d", "e"), node("n", bn, "k"),
				node("q", relu, "n"), node("c", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "c"),
			},
			map[string][]synapse{"q/1": {{"a", []float32{6}}}, "q/2": {{"b", []float32{4, 8, 24, 32}}}},
		},
		{
			"groups within branches",
			[]ann.Node{node("k", concat, "a", "b"), node("c", grouped, "k"), node("q", relu, "c"), node("d", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "d")},
			map[string][]synapse{"q/1": {{"a", []float32{1}}}, "q/2": {{"b", []float32{2, 3}}}},
		},
		{
			"groups across branches",
			[]ann.Node{node("k", concat, "a", "b", "a"), node("c", halves, "k"), node("r", relu, "c")},
			map[string][]synapse{"r": {{"a", []float32{1, 0}}, {"b", []float32{2, 0, 0, 3}}, {"a", []float32{0, 4}}}},
		},
		{
			"slice",
			[]ann.Node{
				node("k", concat, "b", "a", "b"), node("s", &ann.Slice{Start: [3]int{2}, Step: [3]int{1, 1, 1}, Size: [3]int{3, 2, 2}}, "k"),
				node("c", wide(3, []float32{1, 2, 3}), "s"), node("r", relu, "c"),
			},
			map[string][]synapse{"r": {{"a", []float32{1}}, {"b", []float32{2, 3}}}},
		},
		{
			"channels in another order, and one again",
			[]ann.Node{node("k", concat, "a", "b"), node("s", &ann.Gather{Index: []int{2, 0, 1, 2}}, "k"), node("c", wide(4, []float32{1, 2, 3, 4, 5, 6, 7, 8}), "s"), node("r", relu, "c")},
			map[string][]synapse{"r": {{"b", []float32{3, 1, 7, 5}}, {"a", []float32{2, 6}}, {"b", []float32{0, 4, 0, 8}}}},
		},
		{
			"too few channels to cut",
			[]ann.Node{
				node("s", &ann.Gather{Index: []int{1}}, "b"), node("n", bn1, "s"), node("c", wide(1, []float32{3}), "n"), node("q", relu, "c"),
				node("k", concat, "q", "b", "a"), node("d", wide(4, []float32{1, 2, 3, 4}), "k"), node("r", relu, "d"),
			},
			map[string][]synapse{"q": {{"b", []float32{0, 6}}}, "r": {{"q", []float32{1}}, {"b", []float32{2, 3}}, {"a", []float32{4}}}},
		},
		{
			"depthwise, in another order",
			[]ann.Node{
				node("k", concat, "a", "b"), node("s", &ann.Gather{Index: []int{1, 2, 0}}, "k"), node("c", grouped, "s"), node("q", relu, "c"),
				node("d", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "d"),
			},
			map[string][]synapse{
				"q/1": {{"b", []float32{1, 2}}}, "q/2": {{"a", []float32{3}}}, "r": {{"q/1", []float32{1, 2}}, {"q/2", []float32{3}}},
			},
		},
		{
			"groups in another order",
			[]ann.Node{node("k", concat, "a", "b", "a"), node("s", &ann.Gather{Index: []int{2, 1, 0, 3}}, "k"), node("c", halves, "s"), node("r", relu, "c")},
			map[string][]synapse{"r": {{"b", []float32{2, 1, 0, 0}}, {"a", []float32{0, 3}}, {"a", []float32{0, 4}}}},
		},
		{
			"sum of values in another order",
			[]ann.Node{
				node("s", &ann.Gather{Index: []int{1, 0}}, "b"), node("c", wide(2, []float32{1, 2, 3, 4}), "b"), node("t", add, "s", "c"), node("q", relu, "t"),
				node("k", concat, "q", "a"), node("d", wide(3, []float32{1, 2, 3}), "k"), node("r", relu, "d"),
			},
			map[string][]synapse{"q": {{"b", []float32{0, 1, 1, 0}}, {"b", []float32{1, 2, 3, 4}}}},
		},
		{
			"vectors in another order",
			[]ann.Node{
				node("p", &ann.GlobalAveragePool{}, "b"), node("v", &ann.Flatten{}, "p"), node("s", &ann.Gather{Index: []int{1, 0, 1}}, "v"),
				node("m", &ann.GlobalAveragePool{}, "a"), node("w", &ann.Flatten{}, "m"), node("k", concat, "s", "w"),
				node("h", &ann.Gemm{Weight: tensor.Of([]float32{1, 2, 3, 4}, 1, 4)}, "k"), node("r", relu, "h"),
			},
			map[string][]synapse{"r": {{"p", []float32{2, 1}}, {"p", []float32{0, 3}}, {"m", []float32{4}}}},
		},
		{
			"shortcut",
			[]ann.Node{
				node("k", concat, "a", "b"), node("c", wide(1, []float32{1, 2, 3}), "a"), node("s", add, "c", "k"), node("q", relu, "s"),
				node("d", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "d"),
			},
			map[string][]synapse{"q": {{"a", []float32{1, 2, 3}}, {"a", []float32{1, 0}}, {"b", []float32{1, 1}}}},
		},
		{
			"sum of branches",
			[]ann.Node{
				node("k", concat, "a", "b"), node("l", concat, "a", "b"), node("s", add, "l", "k"), node("q", relu, "s"),
				node("d", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "d"),
			},
			map[string][]synapse{"q/1": {{"a", []float32{1, 0}}, {"a", []float32{1, 0}}}, "q/2": {{"b", []float32{1, 0}}, {"b", []float32{1, 0}}}},
		},
		{
			"shortcut of a convolution",
			[]ann.Node{
				node("d", wide(2, []float32{1, 2, 3, 4}, 1, 2), "b"), node("k", concat, "a", "d"), node("c", wide(1, []float32{1, 2, 3}), "a"),
				node("s", add, "k", "c"), node("q", relu, "s"), node("e", wide(3, []float32{1, 2, 3}), "q"), node("r", relu, "e"),
			},
			map[string][]synapse{"q": {{"a", []float32{1, 0}}, {"b", []float32{0, 0, 1, 2, 3, 4}}, {"a", []float32{1, 2, 3}}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := append([]ann.Node{
				node("ca", wide(1, []float32{1}, 0.5), "x"), node("a", relu, "ca"), node("cb", wide(1, []float32{1, -1}, 0.5, 1), "x"), node("b", relu, "cb"),
			}, tt.nodes...)
			if len(graph(t, tensor.Shape{1, 2, 2}, nodes...).Node("r").Shape) == 3 {
				nodes = append(nodes, node("g", &ann.GlobalAveragePool{}, "r"))
			}
			nodes = append(nodes, node("f", &ann.Flatten{}, nodes[len(nodes)-1].Name))
			nodes = append(nodes, node("logits", gemm(graph(t, tensor.Shape{1, 2, 2}, nodes...).Node("f").Shape[0], 1, 0.5), "f"))
			g := graph(t, tensor.Shape{1, 2, 2}, nodes...)
			folded, err := convert.Fold(g)
			if err != nil {
				t.Fatal(err)
			}
			image := []float32{1, -1, 0.5, 0.25}
			sameNodes(t, g, folded, image)
			simple := mustSimplify(t, g)
			s := mustCalibrate(t, simple, images{image}, calibrate100)
			for i := range s.Nodes {
				s.Nodes[i].Lambda = 1
			}
			net := mustConvert(t, g, s, convert.DefaultOptions())
			checkFates(t, g, net)
			sameRates(t, simple, net, image)
			for name, want := range tt.want {
				var got []synapse
				for _, s := range find(t, net, name).Synapses {
					y := synapse{From: net.Layers[s.From].Name}
					switch k := s.Connection.(type) {
					case snn.Weighted:
						y.W = k.Weights().Data
					case *snn.Shortcut:
						y.W = []float32{k.Scale, float32(k.Offset)}
					}
					got = append(got, y)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("synapses into %s (-want +got):\n%s", name, d)
				}
			}
		})
	}
}
