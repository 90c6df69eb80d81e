package nir

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

func TestReaders(t *testing.T) {
	g, _, err := FromNetwork(pooled(), Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	judge := func() map[string]Reading {
		m := make(map[string]Reading)
		for _, r := range Readers(g) {
			m[r.Reader] = r
		}
		return m
	}
	for name, want := range map[string]string{
		"Sinabs, Speck": "it has no Scale, AvgPool2d", "Spyx": "it has no Scale, AvgPool2d; it follows one edge", "Norse": "it has no Scale",
		"SpikingJelly": "it has no Scale; it needs r = 1/dt, such as 10000", "Nengo": "it has no Conv2d, IF, ", "jaxsnn": ", Affine",
		"Lava-DL":    "it refuses convolutions with a bias",
		"SpiNNaker2": `it does not support edges from neurons directly into neurons, such as from "block_1_sum" to "block_2_sum"; it drops Flatten nodes directly after neurons, such as "fc_flatten"`,
	} {
		if r := judge()[name]; r.Reads || slices.ContainsFunc(strings.Split(want, "; "), func(w string) bool { return !strings.Contains(r.Why, w) }) {
			t.Errorf("%s: %+v, want %q", name, r, want)
		}
	}
	// Without the Scale, more of them read it.
	n := first(g, "Scale")
	g.Nodes = slices.DeleteFunc(g.Nodes, func(m *Node) bool { return m == n })
	if r := judge()["Norse"]; !r.Reads || len(r.Notes) != 3 || !strings.Contains(r.Notes[1], "loses the charge") {
		t.Errorf("Norse: %+v", r)
	}
	if r := judge()["snnTorch"]; !r.Reads || !strings.Contains(r.Notes[0], "beta 0.9") {
		t.Errorf("snnTorch: %+v", r)
	}
	first(g, "IF").Data.Arrays["v_threshold"].Data.([]float32)[1] = 3
	if r := judge()["snnTorch"]; r.Reads || !strings.Contains(r.Why, "one threshold") {
		t.Errorf("snnTorch: %+v", r)
	}
	lif := first(g, "IF")
	lif.Type = "LIF"
	if r := judge()["Norse"]; !r.Reads || !strings.HasPrefix(r.Notes[len(r.Notes)-1], "has LIF, ") {
		t.Errorf("Norse: %+v", r)
	}
	lif.Type = "Delay"
	if r := judge()["Norse"]; r.Reads || r.Why != "it has no Delay" {
		t.Errorf("Norse: %+v", r)
	}
	lif.Type = "Resonator"
	if r := judge()["Norse"]; r.Reads || r.Why != "not known of nodes of type Resonator" {
		t.Errorf("Norse: %+v", r)
	}
	lif.Type = "IF"
	g.Edges = append(g.Edges, Edge{From: lif.Name, To: lif.Name})
	if r := judge()["Norse"]; r.Reads || r.Why != "not known of loops" {
		t.Errorf("Norse: %+v", r)
	}
}

// The networks that other tools wrote are read by these.
func TestReadersOfOthers(t *testing.T) {
	for file, want := range map[string]string{
		"lif_norse.nir":                          "Sinabs, Speck; SpiNNaker2; Norse; snnTorch; SpikingJelly; Spyx; Lava-DL; Nengo",
		"lif_rockpool.nir":                       "", // Its Output has another shape than what leads to it.
		"cnn_sinabs.nir":                         "Sinabs, Speck; SpiNNaker2; Norse; snnTorch; Spyx; Lava-DL",
		"braille_noDelay_noBias_subtract.nir":    "", // Not known: loops.
		"braille_noDelay_bias_zero_subgraph.nir": "",
	} {
		g, err := ReadFile(filepath.Join(shared, file))
		if err != nil {
			t.Skip("no files in " + shared)
		}
		var reads []string
		for _, r := range Readers(g) {
			if r.Reads {
				reads = append(reads, r.Reader)
			}
		}
		if got := strings.Join(reads, "; "); got != want {
			t.Errorf("%s is read by %s, want %s", file, got, want)
		}
	}
}

// TestClaims holds what tools were seen to do with files that they were said to read, and with
// those that they were said not to.
func TestClaims(t *testing.T) {
	node := func(name, typ string, fields map[string]Array) *Node {
		n := &Node{Name: name, Type: typ}
		for k, v := range fields {
			n.Data.Set(k, v)
		}
		return n
	}
	line := func(nodes ...*Node) *Graph {
		g := &Graph{Nodes: nodes}
		for i := range nodes[1:] {
			g.Edges = append(g.Edges, Edge{nodes[i].Name, nodes[i+1].Name})
		}
		return g
	}
	input := func(s ...int) *Node { return node("in", "Input", map[string]Array{"shape": Ints(s...)}) }
	output := func(s ...int) *Node { return node("out", "Output", map[string]Array{"shape": Ints(s...)}) }
	full := func(v float32, s ...int) Array {
		x := make([]float32, tensor.Shape(s).Len())
		for i := range x {
			x[i] = v
		}
		return Floats(x, s...)
	}
	lif := func(leak float32, s ...int) *Node {
		return node("lif", "LIF", map[string]Array{"tau": full(1, s...), "r": full(1, s...), "v_leak": full(leak, s...), "v_threshold": full(1, s...)})
	}
	spikes := func(s ...int) *Node {
		return node("if", "IF", map[string]Array{"r": full(1, s...), "v_threshold": full(1, s...)})
	}
	pool := func(typ string, kernel Array) *Node {
		return node("pool", typ, map[string]Array{"kernel_size": kernel, "stride": Ints(2, 2), "padding": Ints(0, 0)})
	}
	differs := spikes(2)
	differs.Data.Set("r", Floats([]float32{1, 2}, 2))
	conv1 := node("conv", "Conv1d", map[string]Array{"input_shape": Int(4), "weight": full(0, 2, 2, 1), "stride": Int(1), "padding": Int(0), "dilation": Int(1), "groups": Int(1), "bias": full(0, 2)})
	li := node("li", "LI", map[string]Array{"tau": full(1, 2), "r": full(1, 2), "v_leak": full(1, 2)})
	residual := line(input(2), spikes(2), output(2))
	residual.Edges = append(residual.Edges, Edge{"in", "out"})
	scaled := line(input(2), node("scale", "Scale", map[string]Array{"scale": full(1, 2)}), spikes(2), output(2))
	averaged := func(kernel Array) *Graph {
		return line(input(1, 2, 2), pool("AvgPool2d", kernel), spikes(1, 1, 1), output(1, 1, 1))
	}
	summed := line(input(1, 2, 2), pool("SumPool2d", Ints(2, 2)), spikes(1, 1, 1), output(1, 1, 1))
	summed1e4 := line(input(1, 2, 2), pool("SumPool2d", Ints(2, 2)), node("if", "IF", map[string]Array{"r": full(1e4, 1, 1, 1), "v_threshold": full(1, 1, 1, 1)}), output(1, 1, 1))
	for _, tt := range []struct {
		name, reader string
		g            *Graph
		want         string // Why it does not; "" if it does.
	}{
		{"LIF", "Rockpool", line(input(2), lif(0, 2), output(2)), "no LIF"},
		{"LIF", "Sinabs, Speck", line(input(2), lif(0, 2), output(2)), ""},
		{"LIF in three dimensions", "Sinabs, Speck", line(input(1, 2, 2), lif(0, 1, 2, 2), output(1, 2, 2)), "more than one dimension"},
		{"LIF with v_leak", "Sinabs, Speck", line(input(2), lif(1, 2), output(2)), "v_leak"},
		{"Conv1d", "Sinabs, Speck", line(input(2, 4), conv1, output(2, 4)), "no Conv1d"},
		{"LI with v_leak", "Sinabs, Speck", line(input(2), li, output(2)), "v_leak"},
		{"one number", "Norse", averaged(Int(2)), "two numbers"},
		{"one number", "snnTorch", averaged(Int(2)), "two numbers"},
		{"two numbers", "Norse", averaged(Ints(2, 2)), ""},
		{"two numbers", "snnTorch", averaged(Ints(2, 2)), ""},
		{"r differs", "snnTorch", line(input(2), differs, output(2)), "one r per population"},
		{"r differs", "SpikingJelly", line(input(2), differs, output(2)), "one r per population"},
		{"residual", "Spyx", residual, "one edge from each node"},
		{"no residual", "Spyx", line(input(2), spikes(2), output(2)), ""},
		{"Scale", "Spyx", scaled, "no Scale"},
		{"shapes", "Norse", line(input(3), spikes(2), output(2)), "shapes do not fit"},
		{"empty", "Norse", &Graph{}, "empty"},
		{"sums", "snnTorch", summed, ""},
		{"sums", "SpikingJelly", summed1e4, ""},
	} {
		for _, r := range Readers(tt.g) {
			if r.Reader == tt.reader && (r.Reads != (tt.want == "") || !strings.Contains(r.Why, tt.want) || r.Unknown) {
				t.Errorf("%s in %s: %+v, want %q", tt.name, tt.reader, r, tt.want)
			}
		}
	}
	cuba := map[string]Array{"tau_syn": full(1, 2), "tau_mem": full(1, 2), "r": full(1, 2), "v_leak": full(0, 2), "v_threshold": full(1, 2)}
	if bad := line(input(2), node("cuba", "CubaLIF", cuba), output(2)).Check(); len(bad) > 0 {
		t.Errorf("CubaLIF without w_in: %q", bad)
	}
	if s := summed.Shapes()["pool"]; !slices.Equal(s, []int{1, 1, 1}) {
		t.Errorf("a pool gives %v", s)
	}
}

func TestShapes(t *testing.T) {
	g, err := ReadFile(filepath.Join(shared, "cnn_sinabs.nir"))
	if err != nil {
		t.Skip("no files in " + shared)
	}
	for name, want := range map[string][]int{"input": {2, 34, 34}, "0": {16, 16, 16}, "1": {16, 16, 16}, "4": nil, "8": {128}, "9": {256}, "output": {10}} {
		if got := g.Node(name).Shape(); !slices.Equal(got, want) {
			t.Errorf("node %q: shape %v, want %v", name, got, want)
		}
	}
}
