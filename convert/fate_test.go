package convert_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// checkFates checks that every node of g, of which net was made, has a fate, and that
// the neurons of all are those of net.
func checkFates(t rapid.TB, g *ann.Graph, net *snn.Network) {
	t.Helper()
	fates, err := convert.Fates(g)
	if err != nil || len(fates) != len(g.Nodes) {
		t.Fatalf("Fates: got %d of %d nodes, error %v", len(fates), len(g.Nodes), err)
	}
	neurons := 0
	for i, f := range fates {
		if f.Unsupported || f.Becomes == "" || strings.Contains(f.Becomes, "need") {
			t.Errorf("Fates: node %q becomes %+v", g.Nodes[i].Name, f)
		}
		neurons += f.Neurons
		for _, words := range strings.Split(f.Becomes, "; ") {
			checkNames(t, g, g.Nodes[i].Name, words)
		}
	}
	if neurons != net.Neurons() {
		t.Errorf("Fates: got %d neurons, the network has %d\n%v\n%v", neurons, net.Neurons(), g, net)
	}
}

// checkNames checks that what becomes of the named node speaks of nodes of g.
func checkNames(t rapid.TB, g *ann.Graph, name, words string) {
	t.Helper()
	if n := g.Node(name); strings.Contains(words, "branches are currents") && n.Op.Type() != (&ann.Add{}).Type() {
		t.Errorf("Fates: node %q, which is no sum, becomes %q\n%v", name, words, g)
	}
	for _, start := range []string{"folded into ", "synapses into ", "synapses of one weight into ", "part of the shortcut into ", "padding of ", "shortcut from ", "the ON population of "} {
		_, names, ok := strings.Cut(words, start)
		if !ok {
			continue
		}
		names, _, _ = strings.Cut(names, ", weight lambda")
		for _, to := range strings.FieldsFunc(strings.NewReplacer(" and ", ",", ", ", ",").Replace(names), func(r rune) bool { return r == ',' }) {
			if g.Node(to) == nil && !strings.HasSuffix(to, " more") {
				t.Errorf("Fates: node %q becomes %q, but there is no node %q\n%v", name, words, to, g)
			}
		}
	}
}

// TestFates checks the words for everything that a node may become.
func TestFates(t *testing.T) {
	bn := &ann.BatchNormalization{Scale: []float32{1}, Bias: []float32{1}, Mean: []float32{0}, Var: []float32{1}}
	relu, add, pool := &ann.Relu{}, &ann.Add{}, &ann.AveragePool{Window: tensor.Square(2, 2, 0)}
	padded := &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, 0), Groups: 1}
	nodes := []struct {
		ann.Node
		want    string
		neurons int
	}{
		{node("c", conv(1), "x"), "synapses into r", 0},
		{node("n", bn, "c"), "folded into c", 0},
		{node("r", relu, "n"), "population of 16 IF neurons", 16},
		{node("pad", &ann.Pad{Before: [3]int{0, 1, 1}, After: [3]int{0, 1, 1}}, "r"), "padding of d", 0},
		{node("d", padded, "pad"), "synapses into e", 0},
		{node("sum", add, "d", "r"), "nothing: its branches are currents; shortcut from r, weight lambda(from)/lambda(to)", 0},
		{node("e", &ann.Clip{Max: 6}, "sum"), "population of 16 IF neurons, lambda at most 6", 16},
		{node("ahead", bn, "e"), "folded into one and two", 0},
		{node("one", conv(1), "ahead"), "synapses into q", 0},
		{node("two", conv(1), "ahead"), "synapses into q", 0},
		{node("s2", add, "one", "two"), "nothing: its branches are currents", 0},
		{node("q", relu, "s2"), "population of 16 IF neurons", 16},
		{node("max", &ann.MaxPool{Window: tensor.Square(1, 1, 0)}, "q"), "max-pool gate of 16 units", 0},
		{node("idle", relu, "max"), "dropped: its input is never negative", 0},
		{node("branch", pool, "idle"), "synapses of one weight into u", 0},
		{node("slice", &ann.Slice{Step: [3]int{1, 2, 2}, Size: [3]int{1, 2, 2}}, "idle"), "part of the shortcut into u", 0},
		{node("s3", add, "branch", "slice"), "nothing: its branches are currents; shortcut from max, weight lambda(from)/lambda(to)", 0},
		{node("u", relu, "s3"), "population of 4 IF neurons", 4},
		{node("mean", &ann.GlobalAveragePool{}, "u"), "synapses of one weight, and a population of 1 IF neurons", 1},
		{node("f", &ann.Flatten{}, "mean"), "nothing: the neurons stay in order", 0},
		{node("g", gemm(1, 1), "f"), "synapses, and the output population of 1 IF neurons", 1},
		{node("p", &ann.Softmax{}, "g"), "dropped: the class is read from spikes", 0},
	}
	var list []ann.Node
	for _, n := range nodes {
		list = append(list, n.Node)
	}
	g := graph(t, tensor.Shape{1, 4, 4}, list...)
	fates, err := convert.Fates(g)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		if d := cmp.Diff(convert.Fate{Becomes: n.want, Neurons: n.neurons}, fates[i]); d != "" {
			t.Errorf("node %q (-want +got):\n%s", n.Name, d)
		}
	}

	// A convolution that something takes with a batch norm behind it and something without.
	g = graph(t, tensor.Shape{1, 4, 4}, node("c", conv(1), "x"), node("n", bn, "c"), node("r", relu, "n"), node("d", conv(1), "r"),
		node("sum", add, "d", "c"), node("q", relu, "sum"), node("f", &ann.Flatten{}, "q"), node("g", gemm(16, 1), "f"))
	if fates, err = convert.Fates(g); err != nil {
		t.Fatal(err)
	}
	if want := "synapses into q; with n, synapses into r"; fates[0].Becomes != want || fates[1].Becomes != "folded into c" {
		t.Errorf("got %q and %q, want %q and the fold", fates[0].Becomes, fates[1].Becomes, want)
	}

	// A network that does not convert has the reason where it is, and words for the rest.
	over := &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
	g = graph(t, tensor.Shape{1, 4, 4}, node("a", conv(1, 1), "x"), node("b", &ann.MaxPool{Window: tensor.Square(2, 1, 1)}, "a"), node("q", over, "b"),
		node("r", relu, "q"), node("f", &ann.Flatten{}, "r"), node("g", gemm(25, 1), "f"))
	if fates, err = convert.Fates(g); err != nil {
		t.Fatal(err)
	}
	if !fates[0].Unsupported || !strings.HasPrefix(fates[0].Becomes, "unsupported: its result goes into MaxPool \"b\"") {
		t.Errorf("a convolution before a max pool becomes %+v", fates[0])
	}
	if fates[2] != (convert.Fate{Becomes: "synapses into r"}) {
		t.Errorf("the convolution behind it becomes %+v", fates[2])
	}

	// A convolution before another has an ON and an OFF population.
	g = graph(t, tensor.Shape{1, 4, 4}, node("a", conv(1, 1), "x"), node("b", over, "a"), node("r", relu, "b"),
		node("f", &ann.Flatten{}, "r"), node("g", gemm(16, 1), "f"))
	if fates, err = convert.Fates(g); err != nil {
		t.Fatal(err)
	}
	want := []convert.Fate{
		{Becomes: "synapses; ON and OFF populations of 16 IF neurons each", Neurons: 32}, {Becomes: "synapses into r"},
	}
	if d := cmp.Diff(want, fates[:2]); d != "" {
		t.Errorf("convolutions in a row (-want +got):\n%s", d)
	}
	g.Output = "gone"
	if _, err := convert.Fates(g); err == nil {
		t.Error("Fates of an invalid graph: no error")
	}
}
