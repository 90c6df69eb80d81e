package nir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"sresnet/internal/hdf5"
	"sresnet/internal/hint"
)

// maxDepth bounds graphs within graphs and trees within trees.
const maxDepth = 64

// ErrNotNIR is the error of a file that may be HDF5 but is not a NIR file.
var ErrNotNIR = errors.New("not a NIR file")

// withRemedy adds to err, of a file, what to do about it, unless it is about opening the
// file by its name. damaged says that no file that is whole gives it.
func withRemedy(err error, damaged bool) error {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return err
	case errors.Is(err, hdf5.ErrUnsupported):
		return hint.Error(err, "write the file in another way, with h5py for instance")
	case errors.Is(err, ErrNotNIR), errors.Is(err, hdf5.ErrNotHDF5):
		return hint.Error(err, "give the path of a NIR file")
	case damaged:
		return hint.Error(err, "write or download the file again")
	}
	return hint.Error(err, "write the file again, perhaps with another version of the tool that wrote it")
}

// ReadOptions adjusts reading. The zero value is a good default.
type ReadOptions struct {
	// MaxBytes bounds the arrays of a file, together and decoded, which a file of
	// a thousandth of that may hold. Defaults to 24 MiB and, up to a gigabyte, 32 times
	// the file, or three times the file if that is more.
	MaxBytes int64
}

// ReadFile reads the file of that name.
func ReadFile(name string) (*Graph, error) { return ReadOptions{}.ReadFile(name) }

// ReadFile reads the file of that name.
func (o ReadOptions) ReadFile(name string) (*Graph, error) {
	f, err := hdf5.OpenFile(name, hdf5.Options{MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, fmt.Errorf("nir: %w", withRemedy(err, true))
	}
	defer f.Close()
	g, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("nir: %s: %w", name, withRemedy(err, false))
	}
	return g, nil
}

// Read reads the NIR file of that size in r. Nodes come in order of their names,
// which is the only order that the format keeps; edges as they are in the file. A
// root that is a node other than a graph becomes a graph of one node, "node".
func Read(r io.ReaderAt, size int64, o ReadOptions) (*Graph, error) {
	f, err := hdf5.Open(r, size, hdf5.Options{MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, fmt.Errorf("nir: %w", withRemedy(err, true))
	}
	g, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("nir: %w", withRemedy(err, false))
	}
	return g, nil
}

func read(f *hdf5.File) (*Graph, error) {
	root, err := f.Root().Group("node")
	if errors.Is(err, hdf5.ErrNotFound) {
		return nil, fmt.Errorf(`%w: it has no group "node"`, ErrNotNIR)
	}
	if err != nil {
		return nil, err
	}
	n, err := readNode("node", root, 0)
	if err != nil {
		return nil, err
	}
	g := n.Graph
	if g == nil {
		g = &Graph{Nodes: []*Node{n}}
	}
	if f.Root().Has("version") {
		d, err := f.Root().Dataset("version")
		if err != nil {
			return nil, err
		}
		if g.Version, err = d.Text(); err != nil {
			return nil, fmt.Errorf("version: %w", err)
		}
	}
	return g, nil
}

// readNode reads the node in group h.
func readNode(name string, h *hdf5.Group, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: more than %d graphs within each other", h.Path(), maxDepth)
	}
	n := &Node{Name: name}
	d, err := h.Dataset("type")
	if err != nil {
		return nil, fmt.Errorf("%w: node %s has no readable type: %w", ErrNotNIR, h.Path(), err)
	}
	if n.Type, err = d.Text(); err != nil {
		return nil, fmt.Errorf("type of node %s: %w", h.Path(), err)
	}
	skip := []string{"type", "metadata"}
	if n.Type == "NIRGraph" {
		skip = append(skip, "nodes", "edges")
	}
	data, err := readTree(h, depth, skip...)
	if err != nil {
		return nil, err
	}
	n.Data = *data
	if h.Has("metadata") {
		m, err := h.Group("metadata")
		if err != nil {
			return nil, err
		}
		if n.Metadata, err = readTree(m, depth+1); err != nil {
			return nil, err
		}
	}
	if n.Type != "NIRGraph" {
		return n, nil
	}
	n.Graph = &Graph{Data: n.Data, Metadata: n.Metadata}
	n.Data, n.Metadata = Tree{}, nil
	return n, n.Graph.readInner(h, depth)
}

// readInner reads the nodes and edges of a graph in group h.
func (g *Graph) readInner(h *hdf5.Group, depth int) error {
	nodes, err := h.Group("nodes")
	if err != nil {
		return fmt.Errorf("graph %s: %w", h.Path(), err)
	}
	names, err := nodes.Children()
	if err != nil {
		return err
	}
	for _, name := range names {
		c, err := nodes.Group(name)
		if err != nil {
			return err
		}
		n, err := readNode(name, c, depth+1)
		if err != nil {
			return err
		}
		g.Nodes = append(g.Nodes, n)
	}
	d, err := h.Dataset("edges")
	if err != nil {
		return fmt.Errorf("graph %s: %w", h.Path(), err)
	}
	if d.Len() == 0 {
		return nil
	}
	shape := d.Shape()
	ends, err := d.Strings()
	if err != nil {
		return fmt.Errorf("edges of graph %s: %w", h.Path(), err)
	}
	if len(shape) != 2 || shape[1] != 2 {
		return fmt.Errorf("edges of graph %s have the shape %v, not (n, 2)", h.Path(), shape)
	}
	for e := range slices.Chunk(ends, 2) {
		g.Edges = append(g.Edges, Edge{e[0], e[1]})
	}
	return nil
}

// readTree reads the children of h but those named.
func readTree(h *hdf5.Group, depth int, skip ...string) (*Tree, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: more than %d groups within each other", h.Path(), maxDepth)
	}
	t := &Tree{}
	names, err := h.Children()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if slices.Contains(skip, name) {
			continue
		}
		o, err := h.Child(name)
		if err != nil {
			return nil, err
		}
		switch o := o.(type) {
		case *hdf5.Group:
			sub, err := readTree(o, depth+1)
			if err != nil {
				return nil, err
			}
			t.SetTree(name, sub)
		case *hdf5.Dataset:
			a, err := readArray(&o.Array)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", o.Path(), err)
			}
			t.Set(name, a)
		}
	}
	return t, nil
}

func readArray(d *hdf5.Array) (a Array, err error) {
	if d.Null() {
		return Array{Shape: []int{0}, Data: []float64{}}, nil
	}
	if s := d.Shape(); len(s) > 0 {
		a.Shape = s
	}
	switch t := d.Type(); t.Kind {
	case hdf5.Float:
		if t.Size <= 4 {
			a.Data, err = d.Float32s()
		} else {
			a.Data, err = d.Float64s()
		}
	case hdf5.Int:
		a.Data, err = d.Int64s()
	case hdf5.Uint:
		a.Data, err = d.Uint64s()
	case hdf5.Bool:
		a.Data, err = d.Bools()
	case hdf5.String:
		a.Data, err = d.Strings()
	default:
		err = fmt.Errorf("arrays of %v: %w", t, hdf5.ErrUnsupported)
	}
	return a, err
}
