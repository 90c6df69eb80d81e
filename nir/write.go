package nir

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sresnet/internal/hdf5"
)

// Version is the version of the NIR package whose format this package writes.
const Version = "1.0.7"

// compressed is how arrays of numbers are stored, those of up to smallArray elements
// plainly: the index of chunks takes some thousand bytes. Every reader of HDF5
// knows both filters. Higher levels take up to twice the time, for one percent.
var compressed = hdf5.Storage{Deflate: 4, Shuffle: true}

const smallArray = 1024

// WriteFile writes g to the file of that name, replacing an old one only when the
// new one is complete.
//
// Arrays are compressed, unless so much of the graph is one number repeated that a
// reader would have to take the file for one that is to exhaust its memory.
func WriteFile(name string, g *Graph) error {
	if err := writeFile(name, g, compressed); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("nir: %w", err)
	}
	if g.bytes() > hdf5.DefaultMaxBytes(info.Size()) {
		return writeFile(name, g, hdf5.Storage{})
	}
	return nil
}

func writeFile(name string, g *Graph, large hdf5.Storage) error {
	w, err := hdf5.Create(name)
	if err != nil {
		return fmt.Errorf("nir: %w", err)
	}
	defer w.Abort()
	if err := write(w, g, large); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("nir: %w", err)
	}
	return nil
}

// Write writes g to out, which must be empty, compressed. The same graph gives the
// same bytes.
func Write(out io.WriteSeeker, g *Graph) error {
	w := hdf5.NewWriter(out)
	if err := write(w, g, compressed); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("nir: %w", err)
	}
	return nil
}

// write writes g, with large arrays of numbers stored as large says.
func write(w *hdf5.Writer, g *Graph, large hdf5.Storage) error {
	version := g.Version
	if version == "" {
		version = Version
	}
	w.Root().Dataset("version", nil, version, hdf5.Storage{})
	if err := writeGraph(w.Root().Group("node"), g, large); err != nil {
		return fmt.Errorf("nir: %w", err)
	}
	return nil
}

func writeGraph(h *hdf5.GroupWriter, g *Graph, large hdf5.Storage) error {
	h.Dataset("type", nil, "NIRGraph", hdf5.Storage{})
	if len(g.Edges) == 0 {
		h.Dataset("edges", []int{0}, []float64{}, hdf5.Storage{}) // As nir.write does.
	} else {
		ends := make([]string, 0, 2*len(g.Edges))
		for _, e := range g.Edges {
			ends = append(ends, e.From, e.To)
		}
		h.Dataset("edges", []int{len(g.Edges), 2}, ends, hdf5.Storage{})
	}
	nodes := h.Group("nodes")
	list := slices.SortedFunc(slices.Values(g.Nodes), func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	for i, n := range list {
		if n.Name == "" || n.Name == "." || strings.Contains(n.Name, "/") {
			return fmt.Errorf("node %q: a name must not be empty, \".\" or have a slash", n.Name)
		}
		if i > 0 && n.Name == list[i-1].Name {
			return fmt.Errorf("node %q: there are two of that name", n.Name)
		}
		if err := writeNode(nodes.Group(n.Name), n, large); err != nil {
			return fmt.Errorf("node %q: %w", n.Name, err)
		}
	}
	return writeData(h, &g.Data, g.Metadata, large, "type", "edges", "nodes", "metadata")
}

func writeNode(h *hdf5.GroupWriter, n *Node, large hdf5.Storage) error {
	if n.Graph != nil {
		return writeGraph(h, n.Graph, large)
	}
	h.Dataset("type", nil, n.Type, hdf5.Storage{})
	return writeData(h, &n.Data, n.Metadata, large, "type", "metadata")
}

// writeData writes what a node has beside what the taken names are for.
func writeData(h *hdf5.GroupWriter, data, metadata *Tree, large hdf5.Storage, taken ...string) error {
	for _, name := range taken {
		_, array := data.Arrays[name]
		if _, tree := data.Trees[name]; array || tree {
			return fmt.Errorf("%q cannot be the name of data", name)
		}
	}
	if err := writeTree(h, data, large); err != nil {
		return err
	}
	if metadata.Empty() {
		return nil
	}
	return writeTree(h.Group("metadata"), metadata, large)
}

func writeTree(h *hdf5.GroupWriter, t *Tree, large hdf5.Storage) error {
	for _, name := range sorted(t.Arrays) {
		a := t.Arrays[name]
		if err := a.check(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		var s hdf5.Storage
		if _, text := a.Data.([]string); !text && len(a.Shape) > 0 && a.Len() > smallArray {
			s = large
		}
		h.Dataset(name, a.Shape, a.Data, s)
	}
	for _, name := range sorted(t.Trees) {
		if err := writeTree(h.Group(name), t.Trees[name], large); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
