package main

import (
	"strings"
	"testing"

	"sresnet/nir"
)

// TestNIRNames shows a file whose names would disturb a terminal.
func TestNIRNames(t *testing.T) {
	n := &nir.Node{Name: "a\x1b[31m", Type: "\x1b]0;x\a"}
	n.Data.Set("x\x1b", nir.Text("\x1b[2J"))
	g := &nir.Graph{Nodes: []*nir.Node{n}, Edges: []nir.Edge{{From: n.Name, To: n.Name}}, Metadata: &nir.Tree{}}
	g.Metadata.Set("warnings", nir.Array{Shape: []int{1}, Data: []string{"\x1b[1m"}})
	var b strings.Builder
	newNIRFile("f", g).print(&b)
	if strings.ContainsAny(b.String(), "\x1b\a") {
		t.Errorf("control characters in %q", b.String())
	}
	if !strings.Contains(b.String(), "a?[31m") {
		t.Errorf("no node in %q", b.String())
	}
}
