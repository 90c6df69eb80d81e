//go:build linux

package hostile

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// models are bad ONNX files, m.onnx each.
func models() []hostile {
	raw := func(name string, make func(f *files) []byte, want ...string) hostile {
		return hostile{
			name: name, args: "inspect m.onnx", want: append(want, "m.onnx"),
			make: func(f *files) { f.write("m.onnx", make(f)) },
		}
	}
	net := func(name string, n network, want ...string) hostile {
		return raw(name, func(*files) []byte { return n.encode() }, want...)
	}
	// conv is a network of one convolution.
	conv := func(name string, weight proto, want ...string) hostile {
		return net(name, network{nodes: []proto{op("Conv", "y", ins("x", "w"))}, inits: []proto{weight}}, want...)
	}
	node := func(name string, n proto, want ...string) hostile {
		return net(name, network{nodes: []proto{n}}, want...)
	}
	nodes := func(n ...proto) network { return network{nodes: n} }
	one := floats("w", dims(1, 2, 1, 1), 1, 2)
	with := func(n network, inits ...proto) network { n.inits = append(n.inits, inits...); return n }
	list := []hostile{
		raw("empty", func(*files) []byte { return nil }, "empty"),
		raw("text", func(*files) []byte { return []byte("weights of my network\n") }, "not an ONNX model"),
		raw("checkpoint of PyTorch", func(*files) []byte { return []byte("PK\x03\x04archive/data.pkl") }),
		raw("pointer of git lfs", func(*files) []byte { return []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n") }, "git lfs pull"),
		raw("page of a server", func(*files) []byte { return []byte("<!DOCTYPE html><title>404 Not Found</title>") }, "not an ONNX model"),
		raw("zeros", func(*files) []byte { return make([]byte, 1<<16) }),
		raw("ones", func(*files) []byte { return bytes.Repeat([]byte{0xff}, 1<<16) }),
		raw("half a download", func(f *files) []byte { b := f.read("model.onnx"); return b[:len(b)/2] }),
		raw("one byte short", func(f *files) []byte { b := f.read("model.onnx"); return b[:len(b)-1] }),
		raw("a length above the file", func(*files) []byte { return []byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1} }),
		raw("a length above 64 bits", func(*files) []byte { return append([]byte{0x3a}, bytes.Repeat([]byte{0xff}, 20)...) }),
		raw("groups in groups", func(*files) []byte { return bytes.Repeat([]byte{0x0b}, 1<<18) }),
		raw("messages in messages", func(*files) []byte {
			var b []byte
			for range 2000 {
				b = proto{}.Bytes(7, b)
			}
			return b
		}),
		raw("graph that is a number", func(*files) []byte { return proto{}.Num(7, 1) }, "wire type"),
		raw("two graphs", func(*files) []byte {
			return append(nodes(op("Relu", "y", ins("x"))).encode(), proto{}.Bytes(7, nil)...)
		}, "two graphs"),
		raw("a million nodes", func(*files) []byte { return proto{}.Bytes(7, bytes.Repeat([]byte{0x0a, 0}, 1<<20)) }),
		raw("a million inputs of a node", func(*files) []byte {
			return proto{}.Bytes(7, proto{}.Bytes(1, bytes.Repeat([]byte{0x0a, 0}, 1<<20)))
		}),
		raw("a million attributes", func(*files) []byte {
			return proto{}.Bytes(7, proto{}.Bytes(1, append(op("Relu", "y", ins("x")), bytes.Repeat([]byte{0x2a, 0}, 1<<20)...)))
		}, "attributes"),
		raw("a million initializers of one name", func(*files) []byte {
			return proto{}.Bytes(7, bytes.Repeat(proto{}.Bytes(5, proto{}.Str(8, "w")), 1<<18))
		}, `"w"`),
		net("no nodes", network{}, "no nodes"),
		net("operator set 6", network{opset: 6, nodes: []proto{op("Relu", "y", ins("x"))}}, "operator set 6"),
		net("operator set 99", network{opset: 99, nodes: []proto{op("Relu", "y", ins("x"))}}, "operator set 99"),
		net("operator set below 0", network{opset: math.MinInt64, nodes: []proto{op("Relu", "y", ins("x"))}}),
		net("no output", network{out: []string{}, nodes: []proto{op("Relu", "y", ins("x"))}}, "no output"),
		net("output of no node", network{out: []string{"z"}, nodes: []proto{op("Relu", "y", ins("x"))}}, `"z"`),
		net("outputs without end", network{out: strings.Split(strings.Repeat("o ", 60000), " "), nodes: []proto{op("Relu", "y", ins("x"))}}),
		net("input of no node", nodes(op("Relu", "y", ins("nowhere"))), `"node_y"`, `"nowhere"`),
		net("cycle", nodes(op("Add", "a", ins("x", "b")), op("Relu", "b", ins("a")), op("Relu", "y", ins("b"))), "cycle"),
		net("cycle of one", nodes(op("Add", "y", ins("x", "y"))), "cycle"),
		net("long cycle", nodes(chain(50000, "y")...), "cycle"),
		net("two outputs of one name", nodes(op("Relu", "y", ins("x")), op("Relu", "y", ins("x"))), "same output"),
		net("output called as the input", nodes(op("Relu", "x", ins("y")), op("Relu", "y", ins("x"))), "also an input"),
		net("two weights of one name", with(nodes(op("Conv", "y", ins("x", "w"))), one, one), `"w"`),
		net("input of one axis", network{in: []proto{input("x", 7)}, nodes: []proto{op("Conv", "y", ins("x", "w"))}, inits: []proto{one}}),
		net("input of 9 axes", network{in: []proto{input("x", 1, 1, 1, 1, 1, 1, 1, 1, 1)}, nodes: []proto{op("Relu", "y", ins("x"))}}),
		net("input of 40000 axes", network{in: []proto{input("x", make([]int64, 40000)...)}, nodes: []proto{op("Relu", "y", ins("x"))}}, "axes"),
		net("input that overflows", network{in: []proto{input("x", 1, 1<<31, 1<<31, 1<<31)}, nodes: []proto{op("Relu", "y", ins("x"))}}),
		net("input of gigabytes", network{in: []proto{input("x", 1, 3, 30000, 30000)}, nodes: []proto{op("Relu", "y", ins("x"))}}),
		net("two images", network{in: []proto{input("x", 1, 2, 4, 4), input("z", 1, 2, 4, 4)}, nodes: []proto{op("Add", "y", ins("x", "z"))}}, "2 inputs"),
		net("activations of gigabytes", network{in: []proto{input("x", 1, 3, 4000, 4000)}, nodes: growing(20)}, "node_"),

		conv("less data than shape", floats("w", dims(1, 2, 1, 1), 1), `"w"`),
		conv("more data than shape", floats("w", dims(1, 2, 1, 1), 1, 2, 3), `"w"`),
		conv("no data", shaped("w", 1, 1, 2, 1, 1), `"w"`),
		conv("shape that overflows", shaped("w", 1, 1<<32, 1<<32, 1, 1).Bytes(9, nil), `"w"`),
		conv("shape of a terabyte", shaped("w", 1, 1<<20, 1<<18, 1, 1).Bytes(9, nil), `"w"`),
		conv("negative shape", shaped("w", 1, -1, -2, 1, 1).Bytes(9, make([]byte, 8)), `"w"`),
		conv("shape with zero", floats("w", dims(0, 2, 1, 1)), `"node_y"`),
		conv("shape without axes", floats("w", nil, 1), `"node_y"`),
		conv("weight of text", shaped("w", 8, 1, 2, 1, 1).Str(6, "a").Str(6, "b"), `"w"`),
		conv("weight of type 99", shaped("w", 99, 1, 2, 1, 1).Bytes(9, make([]byte, 8)), `"w"`),
		conv("weight of integers", int64s("w", 1, 2), `"node_y"`),
		conv("weight that is NaN", floats("w", dims(1, 2, 1, 1), 1, float32(math.NaN())), `"node_y"`, "NaN"),
		conv("weight that is infinite", floats("w", dims(1, 2, 1, 1), 1, float32(math.Inf(-1))), `"node_y"`, "Inf"),
		conv("weight of other channels", floats("w", dims(1, 3, 1, 1), 1, 2, 3), `"node_y"`),
		conv("data that is a number", shaped("w", 1, 1, 2, 1, 1).Num(9, 5), "wire type"),
		conv("floats of 3 bytes", shaped("w", 1, 1).Bytes(4, make([]byte, 3)), `"w"`),
		conv("integers that do not end", shaped("w", 7, 2).Bytes(7, bytes.Repeat([]byte{0x80}, 40)), `"w"`),
		conv("segments", shaped("w", 1, 1, 2, 1, 1).Bytes(3, nil), "segments"),
		net("sparse weight", network{nodes: []proto{op("Conv", "y", ins("x", "w"))}, more: nil, in: []proto{input("x", 0, 2, 4, 4)}, inits: []proto{proto{}.Str(8, "w").Bytes(1, []byte{0xff})}}),
		node("no weight", op("Conv", "y", ins("x")), `"node_y"`),
		net("weight that is no constant", nodes(op("Relu", "r", ins("x")), op("Conv", "y", ins("x", "r"))), "node_y"),
		net("groups of 0", with(nodes(op("Conv", "y", ins("x", "w"), attrInt("group", 0))), one), `"node_y"`, "group"),
		net("strides of 0", with(nodes(op("Conv", "y", ins("x", "w"), attrInts("strides", 0, 0))), one), `"node_y"`, "strides"),
		net("dilations below 0", with(nodes(op("Conv", "y", ins("x", "w"), attrInts("dilations", -1, -1))), one), `"node_y"`, "dilations"),
		net("pads above 64 bits", with(nodes(op("Conv", "y", ins("x", "w"), attrInts("pads", math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64))), one), `"node_y"`, "pads"),
		net("pads of gigabytes", with(nodes(op("Conv", "y", ins("x", "w"), attrInts("pads", 30000, 30000, 30000, 30000))), one), `"node_y"`),
		net("attribute of another type", with(nodes(op("Conv", "y", ins("x", "w"), attrText("strides", "two"))), one), `"node_y"`, "strides"),
		node("window above the image", op("MaxPool", "y", ins("x"), attrInts("kernel_shape", 5, 5)), `"node_y"`),
		node("window of 0", op("MaxPool", "y", ins("x"), attrInts("kernel_shape", 0, 0)), `"node_y"`),
		node("window that overflows", op("AveragePool", "y", ins("x"), attrInts("kernel_shape", 1<<40, 1<<40)), `"node_y"`),
		node("operator that nobody knows", op("Frobnicate", "y", ins("x")), "node_y", "Frobnicate"),
		node("operator of another domain", op("Relu", "y", ins("x")).Str(7, "com.example"), "node_y", "com.example"),
		node("name that draws on terminals", op("\x1b[2J\x1b]0;owned\a", "y", ins("x")), "m.onnx"),
		node("name of right to left", op("Re\u202elu", "y", ins("x")), "node_y"),
		node("name that is no UTF-8", op("\xff\xfe", "y", ins("x")), "m.onnx"),
		node("name of a megabyte", op(strings.Repeat("A", 1<<20), "y", ins("x")), "name of 1048576 bytes"),
		net("ten thousand operators that nobody knows", nodes(unknown(10000)...), "Frobnicate"),
		net("image that is a constant", nodes(op("Constant", "y", nil, attrTensor("value", floats("", dims(1), 1)))), "m.onnx"),
		net("recurrence", with(nodes(op("LSTM", "y", ins("x", "w", "w"))), one), "node_y", "LSTM"),

		net("ConstantOfShape of gigabytes", with(nodes(op("ConstantOfShape", "z", ins("s")), op("Add", "y", ins("x", "z"))), int64s("s", 1<<20, 30, 30)), `"node_z"`),
		net("ConstantOfShape that overflows", with(nodes(op("ConstantOfShape", "z", ins("s")), op("Add", "y", ins("x", "z"))), int64s("s", math.MaxInt64, math.MaxInt64)), `"node_z"`),
		net("ConstantOfShape below 0", with(nodes(op("ConstantOfShape", "z", ins("s")), op("Add", "y", ins("x", "z"))), int64s("s", -5)), `"node_z"`),
		net("Pad of gigabytes", with(nodes(op("Pad", "y", ins("x", "p"))), int64s("p", 0, 0, 30000, 30000, 0, 0, 30000, 30000)), `"node_y"`),
		net("Pad that overflows", with(nodes(op("Pad", "y", ins("x", "p"))), int64s("p", 0, 0, math.MaxInt64, math.MaxInt64, 0, 0, math.MaxInt64, math.MaxInt64)), `"node_y"`),
		net("Pad of a million axes", with(nodes(op("Pad", "y", ins("x", "p"))), int64s("p", make([]int64, 1<<20)...)), `"node_y"`),
		net("Slice to nothing", with(nodes(op("Slice", "y", ins("x", "a", "b", "axes"))), int64s("a", 4), int64s("b", 1), int64s("axes", 2)), "node_y"),
		net("Slice of steps of 0", with(nodes(op("Slice", "y", ins("x", "a", "b", "axes", "s"))), int64s("a", 0), int64s("b", 4), int64s("axes", 2), int64s("s", 0)), "node_y"),
		net("Slice of axis 99", with(nodes(op("Slice", "y", ins("x", "a", "b", "axes"))), int64s("a", 0), int64s("b", 4), int64s("axes", 99)), "node_y"),
		net("Tile of gigabytes", with(nodes(op("Tile", "z", ins("w", "s")), op("Conv", "y", ins("x", "z"))), one, int64s("s", 1<<20, 1<<10, 1, 1)), "node_z"),
		net("Expand of gigabytes", with(nodes(op("Expand", "z", ins("w", "s")), op("Add", "y", ins("x", "z"))), floats("w", dims(1), 1), int64s("s", 1<<15, 1<<15)), `"node_z"`),
		net("Range without end", with(nodes(op("Range", "z", ins("a", "b", "c")), op("Reshape", "y", ins("x", "z"))), int64s("a", 0), int64s("b", math.MaxInt64), int64s("c", 1)), `"node_z"`),
		net("Range of steps of 0", with(nodes(op("Range", "z", ins("a", "b", "c")), op("Reshape", "y", ins("x", "z"))), int64s("a", 0), int64s("b", 5), int64s("c", 0)), `"node_z"`),
		net("constants that double", with(nodes(doubling(60)...), floats("c0", dims(1), 1)), "m.onnx"),
		net("products without end", with(nodes(squares(2000)...), floats("one", dims(1), 1), int64s("s", 1<<20)), "m.onnx"),
		net("Reshape to nothing", with(nodes(op("Reshape", "y", ins("x", "s"))), int64s("s", 0, 0, 0)), `"node_y"`),
		net("Reshape of two -1", with(nodes(op("Reshape", "y", ins("x", "s"))), int64s("s", -1, -1)), `"node_y"`),
		net("Reshape below -1", with(nodes(op("Reshape", "y", ins("x", "s"))), int64s("s", math.MinInt64, 2)), `"node_y"`),
		net("integers divided by 0", with(nodes(op("Div", "z", ins("a", "b")), op("Reshape", "y", ins("x", "z"))), int64s("a", 1), int64s("b", 0)), `"node_z"`),
		net("smallest integer by -1", with(nodes(op("Div", "z", ins("a", "b")), op("Reshape", "y", ins("x", "z"))), int64s("a", math.MinInt64), int64s("b", -1)), "m.onnx"),
		net("factor that is infinite", with(nodes(op("Div", "y", ins("x", "z"))), floats("z", dims(1), 0)), `"node_y"`),
		node("permutation twice the same", op("Transpose", "y", ins("x"), attrInts("perm", 0, 1, 1, 2)), `"node_y"`),
		node("Flatten at axis 99", op("Flatten", "y", ins("x"), attrInt("axis", 99)), `"node_y"`),
		net("Gather outside", with(nodes(op("Shape", "s", ins("x")), op("Gather", "z", ins("s", "i")), op("Reshape", "y", ins("x", "z"))), int64s("i", 99)), `"node_z"`),
		net("If of graphs", nodes(op("If", "y", ins("x"), attrGraph("then_branch", nodes(op("Relu", "y", ins("x"))).encode()))), "node_y", "If"),
		net("graphs in graphs", nodes(op("Loop", "y", ins("x"), attrGraph("body", nested(3000)))), "node_y", "Loop"),
		net("negative variance", with(nodes(op("BatchNormalization", "y", ins("x", "a", "a", "a", "v"))), floats("a", dims(2), 1, 1), floats("v", dims(2), -5, -5)), "node_y"),
	}
	for _, at := range []string{"/etc/passwd", "../secret.bin", "a/../../secret.bin", `..\secret.bin`, "", ".", "w.bin/../../x", "missing.bin"} {
		c := conv(fmt.Sprintf("external data in %q", at), external("w", at, dims(1, 2, 1, 1)), `"w"`)
		c.make = func(f *files) {
			f.write("../secret.bin", make([]byte, 8))
			f.write("m.onnx", network{nodes: []proto{op("Conv", "y", ins("x", "w"))}, inits: []proto{external("w", at, dims(1, 2, 1, 1))}}.encode())
		}
		list = append(list, c)
	}
	for _, e := range []struct {
		name string
		make func(f *files)
		more []string
	}{
		{"link out of the folder", func(f *files) { f.write("../secret.bin", make([]byte, 8)); f.link("../secret.bin", "w.bin") }, nil},
		{"link to /etc/passwd", func(f *files) { f.link("/etc/passwd", "w.bin") }, nil},
		{"link to itself", func(f *files) { f.link("w.bin", "w.bin") }, nil},
		{"link to a device", func(f *files) { f.link("/dev/zero", "w.bin") }, nil},
		{"pipe", func(f *files) { f.pipe("w.bin") }, nil},
		{"folder", func(f *files) { f.folder("w.bin") }, nil},
		{"file too short", func(f *files) { f.write("w.bin", make([]byte, 7)) }, nil},
		{"offset above the file", func(f *files) { f.write("w.bin", make([]byte, 8)) }, []string{"offset", "9223372036854775807"}},
		{"offset below 0", func(f *files) { f.write("w.bin", make([]byte, 8)) }, []string{"offset", "-8"}},
		{"offset that is no number", func(f *files) { f.write("w.bin", make([]byte, 8)) }, []string{"offset", "NaN"}},
		{"length that is another", func(f *files) { f.write("w.bin", make([]byte, 8)) }, []string{"length", "4"}},
	} {
		list = append(list, hostile{
			name: "external data: " + e.name, args: "inspect m.onnx", want: []string{"m.onnx", "w.bin"},
			make: func(f *files) {
				e.make(f)
				if e.more != nil && e.more[1] == "NaN" {
					// The name of the file comes after the number that is none.
					f.write("m.onnx", network{nodes: []proto{op("Conv", "w.bin", ins("x", "w"))}, out: ins("w.bin"), inits: []proto{external("w", "w.bin", dims(1, 2, 1, 1), e.more...)}}.encode())
					return
				}
				f.write("m.onnx", network{nodes: []proto{op("Conv", "y", ins("x", "w"))}, inits: []proto{external("w", "w.bin", dims(1, 2, 1, 1), e.more...)}}.encode())
			},
		})
	}
	// Other commands than inspect take the same path to a file; each has its turn.
	for _, command := range []string{"eval", "verify", "diagnose", "bench", "sweep", "watch --image 0", "convert -o out.nir"} {
		data := " m.onnx --data mnist:BASE/digits"
		if strings.HasPrefix(command, "convert") {
			data = " m.onnx --calibrate mnist:BASE/digits"
		}
		list = append(list, hostile{
			name: "truncated, for " + strings.Fields(command)[0], args: command + data, want: []string{"m.onnx"},
			make: func(f *files) { b := f.read("model.onnx"); f.write("m.onnx", b[:len(b)*2/3]) },
		})
	}
	return append(list,
		hostile{name: "not there", args: "inspect m.onnx", want: []string{"m.onnx"}},
		hostile{name: "folder", args: "inspect m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.folder("m.onnx") }},
		hostile{name: "pipe", args: "inspect m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.pipe("m.onnx") }},
		hostile{name: "device", args: "inspect /dev/zero", want: []string{"/dev/zero"}},
		hostile{name: "link to a device", args: "inspect m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.link("/dev/zero", "m.onnx") }},
		hostile{name: "link to itself", args: "inspect m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.link("m.onnx", "m.onnx") }},
		hostile{name: "above 2 GB", args: "inspect m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.sparse("m.onnx", 3<<30) }},
		hostile{name: "name with control characters", argv: []string{"inspect", "\x1b[2J.onnx"}, want: []string{".onnx"}},
		hostile{name: "weights: empty", args: "inspect w.safetensors", want: []string{"w.safetensors"}, make: func(f *files) { f.write("w.safetensors", nil) }},
		hostile{name: "weights: folder", args: "inspect w.safetensors", want: []string{"w.safetensors"}, make: func(f *files) { f.folder("w.safetensors") }},
		hostile{name: "weights: pipe", args: "inspect w.safetensors", want: []string{"w.safetensors"}, make: func(f *files) { f.pipe("w.safetensors") }},
		hostile{name: "weights: device", args: "inspect w.safetensors", want: []string{"w.safetensors"}, make: func(f *files) { f.link("/dev/zero", "w.safetensors") }},
		hostile{name: "not writable", args: "inspect m.onnx/m.onnx", want: []string{"m.onnx"}, make: func(f *files) { f.write("m.onnx", nil) }},
	)
}

// chain is that many nodes, the first of which takes what the last gives.
func chain(n int, last string) []proto {
	list := []proto{op("Add", "c0", ins("x", last))}
	for i := range n {
		list = append(list, op("Relu", fmt.Sprint("c", i+1), ins(fmt.Sprint("c", i))))
	}
	return append(list, op("Relu", last, ins(fmt.Sprint("c", n))))
}

// growing is pads of a large image, each larger than the one before.
func growing(n int) []proto {
	var list []proto
	from := "x"
	for i := range n {
		to := fmt.Sprint("p", i)
		list = append(list, op("MaxPool", to, ins(from), attrInts("kernel_shape", 2, 2), attrInts("pads", 1, 1, 1, 1)))
		from = to
	}
	return append(list, op("Relu", "y", ins(from)))
}

func unknown(n int) []proto {
	list := []proto{op("Frobnicate", "u0", ins("x"))}
	for i := range n {
		list = append(list, op("Frobnicate", fmt.Sprint("u", i+1), ins(fmt.Sprint("u", i))))
	}
	return append(list, op("Relu", "y", ins(fmt.Sprint("u", n))))
}

// doubling is constants, each twice as long as the one before.
func doubling(n int) []proto {
	var list []proto
	for i := range n {
		c := fmt.Sprint("c", i)
		list = append(list, op("Concat", fmt.Sprint("c", i+1), ins(c, c), attrInt("axis", 0)))
	}
	return append(list, op("Add", "y", ins("x", fmt.Sprint("c", n))))
}

// squares is that many products of large constants.
func squares(n int) []proto {
	list := []proto{op("Expand", "q0", ins("one", "s"))}
	for i := range n {
		q := fmt.Sprint("q", i)
		list = append(list, op("Mul", fmt.Sprint("q", i+1), ins(q, q)))
	}
	return append(list, op("Add", "y", ins("x", fmt.Sprint("q", n))))
}

// nested is graphs in attributes of nodes of graphs.
func nested(n int) []byte {
	tag := protowire.AppendTag(nil, 1, protowire.BytesType)
	var g []byte
	for range n {
		node := op("Loop", "y", ins("x"), attrGraph("body", g))
		g = protowire.AppendBytes(append([]byte{}, tag...), node)
	}
	return g
}
