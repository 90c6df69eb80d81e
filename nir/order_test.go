package nir

import (
	"slices"
	"testing"
)

// Edges go forward, and a node in a loop is there all the same.
func TestAlongEdges(t *testing.T) {
	for seed := range uint64(20) {
		g, _, err := FromNetwork(randomNetwork(seed), Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		order := decode(t, encode(t, g)).AlongEdges()
		at := func(name string) int {
			return slices.IndexFunc(order, func(n *Node) bool { return n.Name == name })
		}
		if len(order) != len(g.Nodes) {
			t.Fatalf("seed %d: %d of %d nodes", seed, len(order), len(g.Nodes))
		}
		for _, e := range g.Edges {
			if at(e.From) >= at(e.To) {
				t.Errorf("seed %d: %q comes before %q", seed, e.To, e.From)
			}
		}
		g.Edges = append(g.Edges, Edge{g.Edges[len(g.Edges)-1].From, g.Edges[0].To})
		if n := len(g.AlongEdges()); n != len(g.Nodes) {
			t.Errorf("seed %d: with a loop, %d of %d nodes", seed, n, len(g.Nodes))
		}
	}
}
