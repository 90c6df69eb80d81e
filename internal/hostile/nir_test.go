//go:build linux

package hostile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sresnet/internal/hdf5"
	"sresnet/nir"
)

var little = binary.LittleEndian

// nirFiles are bad NIR files, m.nir each: as HDF5, as NIR, and as networks.
func nirFiles() []hostile {
	show := func(name string, make func(f *files), want ...string) hostile {
		return hostile{name: name, args: "nir m.nir", want: append(want, "m.nir"), make: make}
	}
	raw := func(name string, bytes func(f *files) []byte, want ...string) hostile {
		return show(name, func(f *files) { f.write("m.nir", bytes(f)) }, want...)
	}
	// edited is the file of sresnet convert with bytes changed.
	edited := func(name string, change func(f *files, b []byte) []byte, want ...string) hostile {
		return raw(name, func(f *files) []byte { return change(f, f.read("model.nir")) }, want...)
	}
	// built is an HDF5 file, perhaps edited behind it.
	built := func(name string, build func(root *hdf5.GroupWriter), change func(f *files, b []byte) []byte, want ...string) hostile {
		return show(name, func(f *files) {
			w, err := hdf5.Create(f.path("m.nir"))
			f.check(err)
			build(w.Root())
			f.check(w.Close())
			if change != nil {
				f.edit("m.nir", func(b []byte) []byte { return change(f, b) })
			}
		}, want...)
	}
	// run is a graph that NIR allows to write down and nothing can run.
	run := func(name string, g func() *nir.Graph, want ...string) hostile {
		return hostile{
			name: name, args: "eval m.nir --data mnist:BASE/digits --timesteps 4", want: append(want, "m.nir"),
			make: func(f *files) { f.check(nir.WriteFile(f.path("m.nir"), g())) },
		}
	}
	chunks := hdf5.Storage{Chunk: []int{1, 1}, Deflate: 6}
	weights := func(root *hdf5.GroupWriter, shape []int, s hdf5.Storage) {
		g := root.Group("node")
		g.Dataset("type", nil, "Linear", hdf5.Storage{})
		n := 1
		for _, d := range shape {
			n *= d
		}
		g.Dataset("weight", shape, make([]float64, n), s)
	}
	groups := func(root *hdf5.GroupWriter) { root.Group("node").Group("inner") }
	list := []hostile{
		raw("empty", func(*files) []byte { return nil }),
		raw("text", func(*files) []byte { return []byte("a spiking network") }),
		raw("ONNX", func(f *files) []byte { return f.read("model.onnx") }),
		raw("signature alone", func(f *files) []byte { return f.read("model.nir")[:8] }),
		raw("zeros behind the signature", func(f *files) []byte { return append(f.read("model.nir")[:8:8], make([]byte, 1<<16)...) }),
		raw("ones behind the signature", func(f *files) []byte {
			return append(f.read("model.nir")[:8:8], bytes.Repeat([]byte{0xff}, 1<<16)...)
		}),
		edited("half a download", func(_ *files, b []byte) []byte { return b[:len(b)/2] }),
		edited("one byte short", func(_ *files, b []byte) []byte { return b[:len(b)-1] }),
		edited("half, with a length that fits", func(_ *files, b []byte) []byte {
			b = b[:len(b)/2]
			little.PutUint64(b[40:], uint64(len(b)))
			return b
		}),
		edited("superblock of version 99", func(_ *files, b []byte) []byte { b[8] = 99; return b }),
		edited("addresses of 3 bytes", func(_ *files, b []byte) []byte { b[13] = 3; return b }),
		edited("root outside the file", func(_ *files, b []byte) []byte { little.PutUint64(b[64:], 1<<60); return b }),
		edited("root that is the superblock", func(_ *files, b []byte) []byte { little.PutUint64(b[64:], 0); return b }),
		edited("trees that are damaged", func(_ *files, b []byte) []byte {
			return replaceAfter(b, "TREE", 4, bytes.Repeat([]byte{0xff}, 16))
		}),
		edited("trees of themselves", func(_ *files, b []byte) []byte { return treesOfThemselves(b) }),
		edited("heaps that are damaged", func(_ *files, b []byte) []byte { return replaceAfter(b, "GCOL", 8, bytes.Repeat([]byte{0xff}, 8)) }),
		edited("heaps of nothing", func(_ *files, b []byte) []byte { return replaceAfter(b, "GCOL", 16, make([]byte, 64)) }),
		edited("heap objects of 2^63 bytes", func(_ *files, b []byte) []byte {
			return replaceAfter(b, "GCOL", 24, []byte{0, 0, 0, 0, 0, 0, 0, 0x80})
		}),
		built("no node", func(root *hdf5.GroupWriter) { root.Group("weights") }, nil, "node"),
		built("node that is an array", func(root *hdf5.GroupWriter) { root.Dataset("node", nil, 1, hdf5.Storage{}) }, nil, "node"),
		built("node without type", groups, nil, "type"),
		built("type that is a number", func(root *hdf5.GroupWriter) { root.Group("node").Dataset("type", nil, 7, hdf5.Storage{}) }, nil, "type"),
		built("type of two words", func(root *hdf5.GroupWriter) {
			root.Group("node").Dataset("type", []int{2}, []string{"IF", "LI"}, hdf5.Storage{})
		}, nil, "type"),
		built("graph without nodes", func(root *hdf5.GroupWriter) {
			root.Group("node").Dataset("type", nil, "NIRGraph", hdf5.Storage{})
		}, nil, "nodes"),
		built("edges of numbers", func(root *hdf5.GroupWriter) {
			g := root.Group("node")
			g.Dataset("type", nil, "NIRGraph", hdf5.Storage{})
			g.Dataset("edges", []int{1, 2}, []int64{1, 2}, hdf5.Storage{})
			g.Group("nodes")
		}, nil, "edges"),
		built("edges of three ends", func(root *hdf5.GroupWriter) {
			g := root.Group("node")
			g.Dataset("type", nil, "NIRGraph", hdf5.Storage{})
			g.Dataset("edges", []int{1, 3}, []string{"a", "b", "c"}, hdf5.Storage{})
			g.Group("nodes")
		}, nil, "edges"),
		built("version that is a number", func(root *hdf5.GroupWriter) {
			g := root.Group("node")
			g.Dataset("type", nil, "IF", hdf5.Storage{})
			root.Dataset("version", nil, 1, hdf5.Storage{})
		}, nil, "version"),
		built("groups in a circle", groups, func(f *files, b []byte) []byte {
			return relink(f, b, "inner", target(f, b, "node"))
		}, "node"),
		built("groups in a circle through the root", groups, func(f *files, b []byte) []byte {
			return relink(f, b, "inner", little.Uint64(b[64:]))
		}),
		built("a thousand groups in each other", func(g *hdf5.GroupWriter) {
			for range 2000 {
				g = g.Group("node")
			}
		}, nil, "node"),
		built("graphs in graphs", func(g *hdf5.GroupWriter) {
			for range 500 {
				g = g.Group("node")
				g.Dataset("type", nil, "NIRGraph", hdf5.Storage{})
				g.Dataset("edges", []int{0}, []float64{}, hdf5.Storage{})
				g = g.Group("nodes")
			}
		}, nil, "node"),
		built("chunks of terabytes that are not there", func(root *hdf5.GroupWriter) { weights(root, []int{3, 1}, chunks) }, func(f *files, b []byte) []byte {
			return extents(f, b, []uint64{3, 1}, []uint64{3, 1 << 40})
		}, "weight"),
		built("chunks of megabytes that are not there", func(root *hdf5.GroupWriter) { weights(root, []int{3, 1}, chunks) }, func(f *files, b []byte) []byte {
			return extents(f, b, []uint64{3, 1}, []uint64{3, 1 << 22})
		}, "weight"),
		built("bomb", func(root *hdf5.GroupWriter) {
			g := root.Group("node")
			g.Dataset("type", nil, "Linear", hdf5.Storage{})
			for i := range 40 { // A megabyte each, in the file a thousandth.
				g.Dataset(fmt.Sprint("weight", i), []int{1 << 18}, make([]float32, 1<<18), hdf5.Storage{Deflate: 9})
			}
		}, nil, "weight"),
		built("array longer than the file", func(root *hdf5.GroupWriter) { weights(root, []int{3, 1}, hdf5.Storage{}) }, func(f *files, b []byte) []byte {
			return extents(f, b, []uint64{3, 1}, []uint64{3, 1 << 20})
		}, "weight"),
		built("shape that overflows", func(root *hdf5.GroupWriter) { weights(root, []int{3, 1}, hdf5.Storage{}) }, func(f *files, b []byte) []byte {
			return extents(f, b, []uint64{3, 1}, []uint64{1 << 33, 1 << 33})
		}),
		built("chunk that is no deflate", func(root *hdf5.GroupWriter) { weights(root, []int{64, 64}, hdf5.Storage{Deflate: 6}) }, func(f *files, b []byte) []byte {
			return replaceAfter(b, "\x78\x9c", 0, bytes.Repeat([]byte{0xff}, 8))
		}, "weight"),
		built("filter of another kind", func(root *hdf5.GroupWriter) { weights(root, []int{64, 64}, hdf5.Storage{Deflate: 6}) }, func(f *files, b []byte) []byte {
			return replaceAfter(b, "\x01\x00\x00\x00\x01\x00\x01\x00", 0, []byte{0x04, 0x7d}) // LZ4, whose number is 32004.
		}, "weight"),

		run("no edges", func() *nir.Graph { g := spiking(); g.Edges = nil; return g }),
		run("no nodes", func() *nir.Graph { return &nir.Graph{} }),
		run("no input", func() *nir.Graph { return without(spiking(), "in") }),
		run("no output", func() *nir.Graph { return without(spiking(), "out") }),
		run("two inputs", func() *nir.Graph {
			g := spiking()
			g.Nodes = append(g.Nodes, node("in2", "Input", "shape", nir.Ints(1, 28, 28)))
			g.Edges = append(g.Edges, nir.Edge{From: "in2", To: "flat"})
			return g
		}),
		run("edge to nowhere", func() *nir.Graph {
			g := spiking()
			g.Edges = append(g.Edges, nir.Edge{From: "if", To: "moon"})
			return g
		}, "moon"),
		run("loop", func() *nir.Graph { g := spiking(); g.Edges = append(g.Edges, nir.Edge{From: "if", To: "fc"}); return g }),
		run("loop of one", func() *nir.Graph { g := spiking(); g.Edges = append(g.Edges, nir.Edge{From: "if", To: "if"}); return g }),
		run("node that NIR does not know", func() *nir.Graph { g := spiking(); g.Node("if").Type = "Quantum"; return g }, `"if"`, "Quantum"),
		run("neuron that leaks", func() *nir.Graph {
			g := spiking()
			g.Node("if").Type = "LIF"
			return g
		}, `"if"`),
		run("input without shape", func() *nir.Graph { g := spiking(); g.Node("in").Data = nir.Tree{}; return g }, `"in"`),
		run("input of negative shape", func() *nir.Graph { g := spiking(); g.Node("in").Data.Set("shape", nir.Ints(-1, 28, 28)); return g }),
		run("input that overflows", func() *nir.Graph {
			g := spiking()
			g.Node("in").Data.Set("shape", nir.Ints(1<<31, 1<<31, 1<<31))
			return g
		}),
		run("input of text", func() *nir.Graph { g := spiking(); g.Node("in").Data.Set("shape", nir.Text("28")); return g }),
		run("no weight", func() *nir.Graph { g := spiking(); g.Node("fc").Data = nir.Tree{}; return g }, `"fc"`),
		run("weight of another shape", func() *nir.Graph {
			g := spiking()
			g.Node("fc").Data.Set("weight", nir.Floats(make([]float32, 70), 10, 7))
			return g
		}, `"fc"`),
		run("weight of text", func() *nir.Graph { g := spiking(); g.Node("fc").Data.Set("weight", nir.Text("heavy")); return g }, `"fc"`),
		run("threshold of another shape", func() *nir.Graph {
			g := spiking()
			g.Node("if").Data.Set("v_threshold", nir.Floats(make([]float32, 3), 3))
			return g
		}, `"if"`),
		run("threshold of 0", func() *nir.Graph {
			g := spiking()
			g.Node("if").Data.Set("v_threshold", nir.Floats(make([]float32, 10), 10))
			g.Node("if").Data.Set("r", nir.Floats(make([]float32, 10), 10))
			return g
		}, `"if"`),
		run("threshold that is NaN", func() *nir.Graph {
			g := spiking()
			g.Node("if").Data.Set("v_threshold", nir.Floats(slices.Repeat([]float32{nan}, 10), 10))
			return g
		}, `"if"`),
		run("flattened from axis 99", func() *nir.Graph { g := spiking(); g.Node("flat").Data.Set("start_dim", nir.Int(99)); return g }, `"flat"`),
		run("convolution of strides of 0", func() *nir.Graph { return convolved("stride", nir.Ints(0, 0)) }, `"conv"`),
		run("convolution of pads above 64 bits", func() *nir.Graph { return convolved("padding", nir.Ints(1<<62, 1<<62)) }, `"conv"`),
		run("convolution of pads of gigabytes", func() *nir.Graph { return convolved("padding", nir.Ints(30000, 30000)) }, `"fc"`),
		run("convolution of groups of -1", func() *nir.Graph { return convolved("groups", nir.Int(-1)) }, `"conv"`),
		run("convolution of no window", func() *nir.Graph { return convolved("weight", nir.Floats(nil, 4, 1, 0, 0)) }, `"conv"`),
		run("images of another size", func() *nir.Graph { return flat(16) }, "1x16x16"),
		run("classes of another number", func() *nir.Graph { g := spiking(); return narrow(g, 3) }, "10 classes"),
		run("names with slashes", func() *nir.Graph {
			g := spiking()
			g.Edges = append(g.Edges, nir.Edge{From: "../../if", To: "out"})
			return g
		}, "../../if"),
		run("names that draw on terminals", func() *nir.Graph {
			g := spiking()
			g.Nodes = append(g.Nodes, node("\x1b[2J\a", "\x1b]0;owned\a", "x", nir.Int(1)))
			g.Edges = append(g.Edges, nir.Edge{From: "\x1b[2J\a", To: "if"})
			return g
		}),
		run("ten thousand nodes that NIR does not know", func() *nir.Graph {
			g := spiking()
			for i := range 10000 {
				g.Nodes = append(g.Nodes, node(fmt.Sprint("n", i), "Quantum", "x", nir.Int(1)))
				g.Edges = append(g.Edges, nir.Edge{From: "in", To: fmt.Sprint("n", i)}, nir.Edge{From: fmt.Sprint("n", i), To: "if"})
			}
			return g
		}, "Quantum"),
		run("edges a hundred thousand times", func() *nir.Graph {
			g := spiking()
			for range 100000 {
				g.Edges = append(g.Edges, nir.Edge{From: "if", To: "fc"})
			}
			return g
		}),
	}
	// A network of sresnet with what it says of itself changed.
	for _, m := range []struct{ name, value string }{
		{"record that is no JSON", "{"},
		{"record of another type", "[1,2]"},
		{"record of null", "null"},
		{"record of giant numbers", `{"layers":[{"neurons":1e400}]}`},
		{"record in itself", ""},
	} {
		list = append(list, hostile{
			name: m.name, args: "eval m.nir --data mnist:BASE/digits --timesteps 4", want: []string{"m.nir"},
			make: func(f *files) {
				g, err := nir.ReadFile(good + "/model.nir")
				f.check(err)
				value := m.value
				if value == "" {
					value = string(bytes.Repeat([]byte("["), 1<<20))
				}
				g.Metadata.Set("sresnet_network", nir.Text(value))
				f.check(nir.WriteFile(f.path("m.nir"), g))
			},
		})
	}
	return append(list,
		hostile{name: "not there", args: "nir m.nir", want: []string{"m.nir"}},
		hostile{name: "folder", args: "nir m.nir", want: []string{"m.nir"}, make: func(f *files) { f.folder("m.nir") }},
		hostile{name: "pipe", args: "nir m.nir", want: []string{"m.nir"}, make: func(f *files) { f.pipe("m.nir") }},
		hostile{name: "device", args: "nir m.nir", want: []string{"m.nir"}, make: func(f *files) { f.link("/dev/zero", "m.nir") }},
		hostile{name: "hole of a terabyte", args: "nir m.nir", want: []string{"m.nir"}, make: func(f *files) { f.sparse("m.nir", 1<<40) }},
		hostile{name: "where a trained network is wanted", args: "sweep m.nir --data mnist:BASE/digits", want: []string{"m.nir"}, make: func(f *files) { f.write("m.nir", f.read("model.nir")) }},
	)
}

// node is a node of one array.
func node(name, typ, key string, a nir.Array) *nir.Node {
	n := &nir.Node{Name: name, Type: typ}
	n.Data.Set(key, a)
	return n
}

// spiking is a small network that runs.
func spiking() *nir.Graph { return flat(28) }

func flat(size int) *nir.Graph {
	fc := node("fc", "Linear", "weight", nir.Floats(make([]float32, 10*size*size), 10, size*size))
	f := node("flat", "Flatten", "start_dim", nir.Int(0))
	f.Data.Set("end_dim", nir.Int(-1))
	f.Data.Set("input_type", nir.Ints(1, size, size))
	ones := nir.Floats(slices.Repeat([]float32{1}, 10), 10)
	neurons := node("if", "IF", "r", ones)
	neurons.Data.Set("v_threshold", ones)
	return &nir.Graph{
		Nodes: []*nir.Node{node("in", "Input", "shape", nir.Ints(1, size, size)), f, fc, neurons, node("out", "Output", "shape", nir.Ints(10))},
		Edges: []nir.Edge{{From: "in", To: "flat"}, {From: "flat", To: "fc"}, {From: "fc", To: "if"}, {From: "if", To: "out"}},
	}
}

// narrow gives the network that many classes.
func narrow(g *nir.Graph, n int) *nir.Graph {
	ones := nir.Floats(slices.Repeat([]float32{1}, n), n)
	g.Node("fc").Data.Set("weight", nir.Floats(make([]float32, n*28*28), n, 28*28))
	g.Node("if").Data.Set("r", ones)
	g.Node("if").Data.Set("v_threshold", ones)
	g.Node("out").Data.Set("shape", nir.Ints(n))
	return g
}

// convolved has a convolution before the neurons, with one array of it changed.
func convolved(key string, a nir.Array) *nir.Graph {
	g := spiking()
	c := node("conv", "Conv2d", "weight", nir.Floats(make([]float32, 36), 4, 1, 3, 3))
	c.Data.Set("bias", nir.Floats(make([]float32, 4), 4))
	c.Data.Set("input_shape", nir.Ints(28, 28))
	c.Data.Set("stride", nir.Ints(1, 1))
	c.Data.Set("padding", nir.Ints(1, 1))
	c.Data.Set("dilation", nir.Ints(1, 1))
	c.Data.Set("groups", nir.Int(1))
	c.Data.Set(key, a)
	g.Nodes = append(g.Nodes, c)
	g.Edges[0].To = "conv"
	g.Edges = append(g.Edges, nir.Edge{From: "conv", To: "flat"})
	return g
}

func without(g *nir.Graph, name string) *nir.Graph {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *nir.Node) bool { return n.Name == name })
	g.Edges = slices.DeleteFunc(g.Edges, func(e nir.Edge) bool { return e.From == name || e.To == name })
	return g
}

// replaceAfter writes over what comes so many bytes after each mark.
func replaceAfter(b []byte, mark string, behind int, with []byte) []byte {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(mark))
		if i < 0 {
			return b
		}
		at += i
		copy(b[min(at+behind, len(b)):], with)
		at += len(mark)
	}
}

// treesOfThemselves makes every B-tree its own child.
func treesOfThemselves(b []byte) []byte {
	for at := 0; ; at += 4 {
		i := bytes.Index(b[at:], []byte("TREE"))
		if i < 0 {
			return b
		}
		at += i
		b[at+5]++ // The level.
		for p := at + 24; p+40 < len(b) && p < at+400; p += 8 {
			if little.Uint64(b[p:]) > 0 && little.Uint64(b[p:]) < uint64(at) && p > at+40 {
				little.PutUint64(b[p:], uint64(at))
			}
		}
	}
}

// link is how a group has its member of that name; the address comes behind it.
func link(f *files, b []byte, name string) int {
	mark := append([]byte{1, 0x11, 1, byte(len(name)), 0}, name...)
	if n := bytes.Count(b, mark); n != 1 {
		f.t.Fatalf("%d links called %q", n, name)
	}
	return bytes.Index(b, mark) + len(mark)
}

func relink(f *files, b []byte, name string, to uint64) []byte {
	little.PutUint64(b[link(f, b, name):], to)
	return b
}

func target(f *files, b []byte, name string) uint64 { return little.Uint64(b[link(f, b, name):]) }

// extents changes the shape of the array that has this one.
func extents(f *files, b []byte, from, to []uint64) []byte {
	space := func(d []uint64) []byte {
		s := []byte{1, byte(len(d)), 0, 0, 0, 0, 0, 0}
		for _, x := range d {
			s = little.AppendUint64(s, x)
		}
		return s
	}
	if n := bytes.Count(b, space(from)); n != 1 {
		f.t.Fatalf("%d arrays of shape %v", n, from)
	}
	copy(b[bytes.Index(b, space(from)):], space(to))
	return b
}

var nan = float32(math.NaN())
