package nir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"sresnet/internal/hint"
)

// sample is a graph of every primitive and one that is none, with a graph in it,
// metadata everywhere and every type of array.
func sample() *Graph {
	g := &Graph{Version: "1.0.7", Metadata: &Tree{}}
	names := slices.Sorted(maps.Keys(Primitives))
	for i, typ := range names {
		n := &Node{Name: fmt.Sprintf("node %d", i), Type: typ}
		if typ == "NIRGraph" {
			n.Graph = &Graph{
				Nodes:    []*Node{{Name: "in", Type: "Input"}, {Name: "ünïcode", Type: "Scale"}},
				Edges:    []Edge{{"in", "ünïcode"}},
				Metadata: &Tree{},
			}
			n.Graph.Node("in").Data.Set("shape", Ints(2))
			n.Graph.Node("ünïcode").Data.Set("scale", Floats([]float32{1, 0.5}, 2))
			n.Graph.Metadata.Set("inner", Text("yes"))
		}
		for j, f := range Primitives[typ] {
			x := make([]float32, 60)
			for k := range x {
				x[k] = float32(k*j) / 8
			}
			n.Data.Set(f, Floats(x, 3, 4, 5))
		}
		g.Nodes = append(g.Nodes, n)
		if i > 0 {
			g.Edges = append(g.Edges, Edge{g.Nodes[i-1].Name, n.Name})
		}
	}
	odd := &Node{Name: "zz odd", Type: "Reset", Metadata: &Tree{}}
	odd.Data.Set("f64", Array{[]int{2}, []float64{1e300, -0.1}})
	odd.Data.Set("i64", Int(-5))
	odd.Data.Set("large", Floats(slices.Repeat([]float32{1, 0.5}, smallArray), smallArray, 2)) // Is compressed.
	odd.Data.Set("u64", Array{[]int{1}, []uint64{1 << 63}})
	odd.Data.Set("bool", Array{[]int{2, 1}, []bool{true, false}})
	odd.Data.Set("text", Array{[]int{2}, []string{"a", ""}})
	sub := &Tree{}
	sub.Set("x", Text("y"))
	odd.Data.SetTree("tree", sub)
	odd.Metadata.SetTree("deep", sub)
	g.Nodes = append(g.Nodes, odd)
	g.Metadata.Set("tool", Text("test"))
	return g
}

// memory is a file in memory.
type memory struct {
	b  []byte
	at int64
}

func (m *memory) Write(p []byte) (int, error) {
	if end := int(m.at) + len(p); end > len(m.b) {
		m.b = append(m.b, make([]byte, end-len(m.b))...)
	}
	copy(m.b[m.at:], p)
	m.at += int64(len(p))
	return len(p), nil
}

func (m *memory) Seek(offset int64, whence int) (int64, error) {
	m.at = offset + []int64{0, m.at, int64(len(m.b))}[whence]
	return m.at, nil
}

var _ io.WriteSeeker = (*memory)(nil)

func encode(t testing.TB, g *Graph) []byte {
	t.Helper()
	var m memory
	if err := Write(&m, g); err != nil {
		t.Fatal(err)
	}
	return m.b
}

func decode(t testing.TB, b []byte) *Graph {
	t.Helper()
	g, err := Read(bytes.NewReader(b), int64(len(b)), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestRoundTrip(t *testing.T) {
	g := sample()
	b := encode(t, g)
	if again := encode(t, g); !bytes.Equal(b, again) {
		t.Error("the same graph gave different bytes")
	}
	got := decode(t, b)
	slices.SortFunc(g.Nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	if !reflect.DeepEqual(got, g) {
		t.Errorf("got %s,\nwant %s", describe(got), describe(g))
	}
	want := []string{`node "zz odd" is of type "Reset", which NIR does not know`}
	if bad := got.Check(); !slices.Equal(bad, want) {
		t.Errorf("Check: %q, want %q", bad, want)
	}
}

// describe prints all there is in a graph.
func describe(g *Graph) string {
	s := fmt.Sprintf("version %q edges %v data %v", g.Version, g.Edges, describeTree(&g.Data))
	for _, n := range g.Nodes {
		s += fmt.Sprintf("\n%q %s %v", n.Name, n.Type, describeTree(&n.Data))
		if n.Graph != nil {
			s += " (" + describe(n.Graph) + ")"
		}
		s += describeTree(n.Metadata)
	}
	return s + describeTree(g.Metadata)
}

func describeTree(t *Tree) (s string) {
	if t == nil {
		return " none"
	}
	for _, k := range sorted(t.Arrays) {
		s += fmt.Sprintf(" %s=%v%v%s", k, t.Arrays[k].Shape, t.Arrays[k].Data, t.Arrays[k].Kind())
	}
	for _, k := range sorted(t.Trees) {
		s += fmt.Sprintf(" %s={%s}", k, describeTree(t.Trees[k]))
	}
	return s
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(g *Graph)
	}{
		{"slash", `node "a/b": a name must not`, func(g *Graph) { g.Nodes[0].Name = "a/b" }},
		{"twice", `there are two of that name`, func(g *Graph) { g.Nodes[0].Name = g.Nodes[1].Name }},
		{"shape", `x: 1 elements of float32 for shape [2]`, func(g *Graph) { g.Nodes[0].Data.Set("x", Floats([]float32{1}, 2)) }},
		{"type", `"type" cannot be the name of data`, func(g *Graph) { g.Nodes[0].Data.Set("type", Int(1)) }},
	} {
		g := sample()
		tt.change(g)
		if err := Write(&memory{}, g); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := Read(strings.NewReader("no"), 2, ReadOptions{}); !strings.Contains(hint.Of(err), "download") {
		t.Errorf("a file of two bytes: %v, hint %q, want that of a damaged file", err, hint.Of(err))
	}
	if _, err := Read(strings.NewReader("no such thing"), 13, ReadOptions{}); hint.Of(err) != "give the path of a NIR file" {
		t.Errorf("a file of another kind: %v, hint %q", err, hint.Of(err))
	}
	whole := encode(t, sample())
	if _, err := Read(bytes.NewReader(whole), int64(len(whole)-1), ReadOptions{}); !strings.Contains(hint.Of(err), "download") {
		t.Errorf("a file that was cut off: %v, hint %q, want that of a damaged file", err, hint.Of(err))
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.nir")); !errors.Is(err, os.ErrNotExist) || hint.Of(err) != "" {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadFile(t.TempDir()); err == nil || hint.Of(err) != "" {
		t.Errorf("a folder: %v", err)
	}
}

// shared is the folder of files that others wrote.
const shared = "../../shared/data/nir"

func TestForeignFiles(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(shared, "*.nir"))
	if len(files) == 0 {
		t.Skip("no files in " + shared)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copy.nir")
			if err := WriteFile(copied, g); err != nil {
				t.Fatal(err)
			}
			again, err := ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again, g) {
				t.Errorf("got %s,\nwant %s", describe(again), describe(g))
			}
			for _, n := range g.Nodes {
				if !n.Known() {
					t.Errorf("node %q of type %q", n.Name, n.Type)
				}
			}
			if a, b := judged(t, file), judged(t, copied); a != b {
				t.Errorf("h5py reads of the copy\n%s,\nwant\n%s", b, a)
			}
		})
	}
}

func TestH5pyReadsWhatWeWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ours.nir")
	if err := WriteFile(file, sample()); err != nil {
		t.Fatal(err)
	}
	out := judged(t, file)
	for _, want := range []string{
		"/node/nodes/zz odd/f64 float64 (2,) [1e+300, -0.1]\n",
		"/node/nodes/zz odd/bool bool (2, 1) [[True], [False]]\n",
		"/node/nodes/zz odd/u64 uint64 (1,) [9223372036854775808]\n",
		"/node/metadata/tool text () test\n",
		"/version text () 1.0.7\n",
		"/node/nodes/node 14/nodes/ünïcode/scale float32 (2,) [1.0, 0.5]\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("h5py reads\n%s, which lacks %q", out, want)
		}
	}
}

// python runs a script of testdata with h5py, or skips the test where it is missing.
func python(t *testing.T, args ...string) string {
	t.Helper()
	p := pythonWithH5py()
	if p == "" {
		t.Skip("no python3 with h5py to compare with")
	}
	cmd := exec.Command(p, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", p, args, err, &stderr)
	}
	return string(out)
}

// pythonWithH5py returns a Python that has h5py, or "".
var pythonWithH5py = sync.OnceValue(func() string {
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's h5py.
		if exec.Command(p, "-c", "import h5py, numpy").Run() == nil {
			return p
		}
	}
	return ""
})

// judged lists what h5py reads in a file, without how it is stored.
func judged(t *testing.T, file string) string {
	t.Helper()
	return python(t, filepath.Join("testdata", "list.py"), file)
}

// FuzzRead looks for bytes that make reading panic, hang or take memory without
// bound, and for graphs that cannot be written again.
func FuzzRead(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Add(encode(f, &Graph{}))
	large := &Graph{Nodes: []*Node{{Name: "fc", Type: "Linear"}}} // In chunks.
	large.Nodes[0].Data.Set("weight", Floats(make([]float32, 2*smallArray), 2, smallArray))
	f.Add(encode(f, large))
	files, _ := filepath.Glob(filepath.Join(shared, "*.nir"))
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && len(b) < 100e3 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Read(bytes.NewReader(data), int64(len(data)), ReadOptions{MaxBytes: 1 << 22})
		if err != nil {
			return
		}
		g.Check()
		_, _ = g.Network()
		var m memory
		if err := Write(&m, g); err != nil {
			return // Names that HDF5 allows and this package does not write.
		}
		again := decode(t, m.b)
		if g.Version == "" {
			g.Version = Version
		}
		if a, b := describe(again), describe(g); a != b {
			t.Errorf("got %.2000s,\nwant %.2000s", a, b)
		}
	})
}

// TestRepeated writes a graph that is one number again and again, which deflate makes
// a thousandth of, and a file of noise. Both can be read back.
func TestRepeated(t *testing.T) {
	const n = 8 << 20
	name := filepath.Join(t.TempDir(), "large.nir")
	for what, tt := range map[string]struct {
		at         func(i int) float32
		compressed bool
	}{
		"repeated": {func(int) float32 { return 1 }, false},
		"mixed": {func(i int) float32 { // As a network of whole numbers of 8 bits is.
			if i%64 < 60 {
				return 1
			}
			return float32(uint32(i)*2654435761>>25) - 64
		}, true},
		"noise": {func(i int) float32 { return float32(uint32(i)*2654435761>>12) / (1 << 20) }, true},
	} {
		x := make([]float32, n)
		for i := range x {
			x[i] = tt.at(i)
		}
		g := &Graph{Nodes: []*Node{{Name: "if", Type: "IF"}}}
		g.Nodes[0].Data.Set("v_threshold", Floats(x, n))
		if err := WriteFile(name, g); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Size() < 4*n; got != tt.compressed {
			t.Errorf("%s: a file of %d bytes for %d", what, info.Size(), 4*n)
		}
		if _, err := ReadFile(name); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
