package nir

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
		"Sinabs, Speck": "it has no Scale, AvgPool2d", "Spyx": "it has no AvgPool2d", "Norse": "it has no Scale",
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
	if r := judge()["Norse"]; !r.Reads || len(r.Notes) != 2 || !strings.Contains(r.Notes[1], "loses the charge") {
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
		"lif_norse.nir":                          "Sinabs, Speck; SpiNNaker2; Norse; snnTorch; SpikingJelly; Spyx; Lava-DL; Nengo; Rockpool",
		"lif_rockpool.nir":                       "SpiNNaker2; Norse; snnTorch; SpikingJelly; Spyx; Lava-DL; Rockpool",
		"cnn_sinabs.nir":                         "Sinabs, Speck; SpiNNaker2; Norse; Spyx; Lava-DL",
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
