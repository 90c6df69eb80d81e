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
		"Sinabs, Speck": "it has no Scale; it has no AvgPool2d", "Spyx": "it has no AvgPool2d", "Norse": "it has no Scale",
		"SpikingJelly": "it has no Scale; it wants r = 1/dt, such as 10000", "Nengo, Rockpool, hxtorch, jaxsnn": "it has no IF neurons",
		"Lava-DL":    "it refuses convolutions with a bias",
		"SpiNNaker2": `it has no edges from neurons right into neurons, such as from "block_1_sum" to "block_2_sum"; it drops Flatten nodes right behind neurons, such as "fc_flatten"`,
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
	first(g, "IF").Type = "LIF"
	if r := judge()["Norse"]; r.Reads || r.Why != "not known of nodes of type LIF" {
		t.Errorf("Norse: %+v", r)
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
