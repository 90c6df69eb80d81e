package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sresnet/internal/steps"

	"sresnet/internal/hint"
)

// resnet is a small residual network, most of whose constants are computed.
func resnet() build {
	return build{
		nodes: []msg{
			op("Conv", "c1", ins("x", "w1", "b1"), attrList("pads", 1, 1, 1, 1), attrList("strides", 2, 2)),
			op("BatchNormalization", "n1", ins("c1", "b1", "b1", "b1", "v1")),
			op("Relu", "r1", ins("n1")),
			op("Slice", "s1", ins("x", "from", "to", "axes", "steps")),
			op("Constant", "two", nil, attrT("value", i64("", 2))),
			op("ConstantOfShape", "none", ins("two")),
			op("Concat", "pads", ins("head", "more", "none", "head", "more", "none"), attrI("axis", 0)),
			op("Cast", "ipads", ins("pads"), attrI("to", 7)),
			op("Pad", "p1", ins("s1", "ipads"), attrS("mode", "constant")),
			op("Add", "a1", ins("r1", "p1")),
			op("Clip", "r2", ins("a1", "zero", "six")),
			op("MaxPool", "m", ins("r2"), attrList("kernel_shape", 2, 2)),
			op("ReduceMean", "g", ins("m"), attrList("axes", 2, 3), attrI("keepdims", 0)),
			op("MatMul", "mm", ins("g", "w2")),
			op("Add", "l", ins("mm", "b2")),
			op("Softmax", "y", ins("l")),
		},
		inits: []msg{
			f32("w1", dims(4, 2, 3, 3), repeat(0.125, 72)...), f32("b1", dims(4), repeat(0.5, 4)...),
			f32("v1", dims(4), repeat(1, 4)...),
			i64("from", 0, 0), i64("to", math.MaxInt64, 4), i64("axes", 2, -1), i64("steps", 2, 2),
			f32("head", dims(1), 0), f32("more", dims(1), 1), f32("zero", dims(), 0), f32("six", dims(), 6),
			f32("w2", dims(4, 3), repeat(0.25, 12)...), f32("b2", dims(3), 1, 2, 3),
		},
	}
}

// relu has one node and, unlike resnet, room for others.
func relu(nodes ...msg) build { return build{nodes: nodes} }

// TestBadInput checks that every kind of damage is told in a sentence that names
// what is wrong and where.
func TestBadInput(t *testing.T) {
	conv := func(w msg, attrs ...msg) build {
		return build{nodes: []msg{op("Conv", "y", ins("x", "w"), attrs...)}, inits: []msg{w}}
	}
	ok := f32("w", dims(1, 2, 1, 1), 1, 2)
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("hello, world\n"), "not an ONNX model, or a damaged one"},
		{"checkpoint", []byte("PK\x03\x04....."), "torch.onnx.export"},
		{"lfs", []byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
		{"no graph", build{noGraph: true}.encode(), "no graph in it"},
		{"no nodes", build{}.encode(), "no nodes"},
		{"no operator set", build{opset: -1, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "too old"},
		{"old operator set", build{opset: 6, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "operator set 6 is too old; export"},
		{"new operator set", build{opset: 25, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "operator set 25 is newer"},
		{"no output", build{out: []string{}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "no output"},
		{"two outputs", build{out: []string{"a", "y"}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "2 outputs (a, y)"},
		{"unknown output", build{out: []string{"z"}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), `no node computes the output "z"`},
		{"two inputs", build{
			in: []msg{input("x", 1, 2, 4, 4), input("z", 1, 2, 4, 4)}, nodes: []msg{op("Add", "y", ins("x", "z"))},
		}.encode(), "2 inputs (x, z)"},
		{"symbolic size", build{in: []msg{input("x", 0, 3, 0, 8)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "Nx3xNx8 has open sizes"},
		{"image without batch", build{in: []msg{input("x", 3, 8, 8)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "ends with a value of shape [3 8 8]"},
		{"huge input", build{in: []msg{input("x", 1, 1<<30, 1<<30, 1<<30)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "more than"},
		{"large input", build{in: []msg{input("x", 1, 3, 20000, 20000)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), "too large to run"},
		{"missing input", relu(op("Relu", "y", ins("nowhere"))).encode(), `node "y": Relu: its input "nowhere" is neither computed nor given`},
		{"no input at all", relu(op("Relu", "y", nil)).encode(), "does not depend on any input"},
		{"left out input", relu(op("Relu", "z", ins("x")), op("Add", "y", ins("z", ""))).encode(), "left out"},
		{"cycle", relu(op("Add", "a", ins("x", "b")), op("Relu", "b", ins("a")), op("Relu", "y", ins("b"))).encode(), "cycle"},
		{"self", relu(op("Add", "y", ins("x", "y"))).encode(), "cycle"},
		{"duplicate output", relu(op("Relu", "y", ins("x")), op("Relu", "y", ins("x"))).encode(), "same output"},
		{"output is input", relu(op("Relu", "x", ins("y")), op("Relu", "y", ins("x"))).encode(), "also an input"},
		{"duplicate initializer", build{nodes: []msg{op("Relu", "y", ins("x"))}, inits: []msg{ok, ok}}.encode(), "two initializers"},
		{"constant output", relu(op("Constant", "y", nil, attrT("value", f32("", dims(1), 1)))).encode(), "does not depend on any input"},
		{"shape as output", relu(op("Shape", "y", ins("x"))).encode(), "does not depend on the input"},

		{"short data", conv(f32("w", dims(1, 2, 1, 1), 1)).encode(), "4 bytes of data for float of shape [1 2 1 1], want 8"},
		{"long data", conv(f32("w", dims(1, 2, 1, 1), 1, 2, 3)).encode(), "12 bytes of data"},
		{"no data", conv(tensorOf("w", 1, dims(1, 2, 1, 1))).encode(), "0 elements of data"},
		{"unknown type", conv(tensorOf("w", 99, dims(1, 2, 1, 1)).Bytes(9, make([]byte, 8))).encode(), "data type 99"},
		{"overflowing shape", conv(tensorOf("w", 1, []int64{1 << 32, 1 << 32, 1, 1}).Bytes(9, nil)).encode(), "too many elements"},
		{"negative shape", conv(f32("w", []int64{-1, -2, 1, 1}, 1, 2)).encode(), "negative"},
		{"NaN", conv(f32("w", dims(1, 2, 1, 1), 1, float32(math.NaN()))).encode(), `node "y": Conv: weight: element 1 is NaN`},
		{"external without folder", conv(tensorOf("w", 1, dims(1, 2, 1, 1)).Num(14, 1).Bytes(13, msg{}.Str(1, "location").Str(2, "w.bin"))).encode(), `in another file, "w.bin"`},

		{"wrong channels", conv(f32("w", dims(1, 3, 1, 1), 1, 2, 3)).encode(), `node "y": Conv: weight of shape 1x3x1x1 does not fit 2 input channels`},
		{"no weight", relu(op("Conv", "y", ins("x"))).encode(), "no weight"},
		{"groups", conv(ok, attrI("group", 0)).encode(), "0 groups"},
		{"stride 0", conv(ok, attrList("strides", 0, 1)).encode(), "strides: 0 is out of range"},
		{"huge pads", conv(ok, attrList("pads", math.MaxInt64, 0, 0, 0)).encode(), "out of range"},
		{"large pads", conv(ok, attrList("pads", 20000, 20000, 20000, 20000)).encode(), "too large to run"},
		{"kernel_shape", conv(ok, attrList("kernel_shape", 3, 3)).encode(), "kernel_shape [3 3]"},
		{"auto_pad", conv(ok, attrS("auto_pad", "SOME")).encode(), `auto_pad "SOME"`},
		{"kernel larger than image", relu(op("MaxPool", "y", ins("x"), attrList("kernel_shape", 5, 5))).encode(), "larger than the padded input"},
		{"window in the padding", relu(op("MaxPool", "y", ins("x"), attrList("kernel_shape", 2, 2), attrList("pads", 1<<20, 0, 0, 0))).encode(), "padding"},

		{"gigabytes by ConstantOfShape", build{
			nodes: []msg{op("ConstantOfShape", "z", ins("s")), op("Concat", "y", ins("x", "z"))}, inits: []msg{i64("s", 1, 1<<20, 30, 30)},
		}.encode(), `node "z": ConstantOfShape: 943718400 elements need more memory`},
		{"gigabytes by Range", build{
			nodes: []msg{op("Range", "z", ins("a", "b", "c")), op("Reshape", "y", ins("x", "z"))},
			inits: []msg{i64("a", 0), i64("b", 1<<30), i64("c", 1)},
		}.encode(), "need more memory"},
		{"endless Range", build{
			nodes: []msg{op("Range", "z", ins("a", "b", "c")), op("Reshape", "y", ins("x", "z"))},
			inits: []msg{i64("a", math.MinInt64), i64("b", math.MaxInt64), i64("c", 1)},
		}.encode(), "a range of"},
		{"gigabytes by Expand", build{
			nodes: []msg{op("Expand", "z", ins("a", "s")), op("Add", "y", ins("x", "z"))},
			inits: []msg{f32("a", dims(1), 1), i64("s", 1<<15, 1<<15)},
		}.encode(), "need more memory"},
		{"reshape", build{nodes: []msg{op("Reshape", "y", ins("x", "s"))}, inits: []msg{i64("s", 3, -1)}}.encode(), "cannot reshape [1 2 4 4] to [3 -1]"},
		{"division by zero", build{
			nodes: []msg{op("Div", "z", ins("a", "b")), op("Reshape", "y", ins("x", "z"))}, inits: []msg{i64("a", 1), i64("b", 0)},
		}.encode(), "divides by zero"},
		{"permutation", relu(op("Transpose", "y", ins("x"), attrList("perm", 0, 1, 1, 2))).encode(), "permutation [0 1 1 2]"},
		{"transposed vector", build{
			in: []msg{input("x", 0, 2)}, nodes: []msg{op("Transpose", "y", ins("x"), attrList("perm", 0, 3, 1, 2))},
		}.encode(), "permutation [0 3 1 2] of 2 axes"},
		{"infinite factor", build{nodes: []msg{op("Div", "y", ins("x", "z"))}, inits: []msg{f32("z", dims(1), 0)}}.encode(), "+Inf"},
		{"deep nesting", build{nodes: []msg{op("Relu", "y", ins("x")), msg(bytes.Repeat([]byte{0x0b}, 100000))}}.encode(), "wire type 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Parse(tt.data)
			if err == nil {
				t.Fatalf("no error, but\n%v", g)
			}
			told := err.Error()
			if h := hint.Of(err); h != "" {
				told += "; " + h
			} else if !errors.Is(err, ErrOpenShape) {
				t.Errorf("error %q does not say what to do", err)
			}
			if !strings.HasPrefix(told, "onnx: ") || !strings.Contains(told, tt.want) {
				t.Errorf("error %q, want one with %q", told, tt.want)
			}
		})
	}
}

// TestUnsupported checks that all nodes are named, those behind others too.
func TestUnsupported(t *testing.T) {
	b := build{
		nodes: []msg{
			op("Elu", "a", ins("x")),
			op("Conv", "c", ins("a", "w")),
			op("Softplus", "b", ins("c")),
			op("LSTM", "l", ins("b")),
			op("Relu", "r", ins("l")),
			op("Sigmoid", "s", ins("r")),
			op("FancyConv", "y", ins("s")).Str(7, "com.example"),
			op("Tanh", "dead", ins("x")),
		},
		inits: []msg{f32("w", dims(1, 2, 1, 1), 1, 2)},
	}
	_, err := Parse(b.encode())
	var u *UnsupportedError
	if !errors.As(err, &u) {
		t.Fatalf("error %v, want an UnsupportedError", err)
	}
	var got []string
	for _, n := range u.Nodes {
		got = append(got, n.Name+" "+n.Op)
		if !strings.Contains(err.Error(), n.Name) || n.Reason == "" || !strings.Contains(err.Error(), n.Reason) {
			t.Errorf("%q does not tell of %+v", err, n)
		}
	}
	if want := "a Elu, b Softplus, l LSTM, s Sigmoid, y FancyConv"; strings.Join(got, ", ") != want {
		t.Errorf("unsupported: %s, want %s", strings.Join(got, ", "), want)
	}
}

// TestUnsupportedAll checks that every node is named that has no counterpart: of
// several behind each other, whether what stands between can be told or not, those
// that fold on constants alone and those that take one activation, not two.
func TestUnsupportedAll(t *testing.T) {
	for _, tt := range []struct {
		name  string
		nodes []msg
		want  string
	}{
		{"roots", []msg{
			op("Sqrt", "f1", ins("x")), op("Conv", "c", ins("f1", "w")), op("Sqrt", "f2", ins("c")), op("Softplus", "b", ins("f2")),
			op("Sqrt", "y", ins("b")),
		}, "f1 Sqrt, f2 Sqrt, b Softplus, y Sqrt"},
		{"what is pending on activations", []msg{
			op("Floor", "f", ins("x")), op("Conv", "c", ins("f", "w")), op("Conv", "d", ins("f", "w")), op("Add", "s", ins("c", "d")), op("Sqrt", "y", ins("s")),
		}, "f Floor, y Sqrt"},
		{"concatenations of known shape", []msg{
			op("Relu", "r", ins("x")), op("Concat", "c1", ins("x", "r"), attrI("axis", 1)), op("Softplus", "b", ins("c1")),
			op("Concat", "c2", ins("b", "x"), attrI("axis", 1)), op("Conv", "y", ins("c2", "w6"), attrList("pads", -1, 0, 0, 0)),
		}, "b Softplus, y Conv"},
		{"behind what cannot be told", []msg{
			op("LSTM", "l", ins("x")), op("Sqrt", "f", ins("l")), op("Concat", "c", ins("f", "l"), attrI("axis", 1)), op("Mul", "m", ins("c", "x")),
			op("Relu", "r", ins("m")), op("Sqrt", "q", ins("r")), op("Sub", "s", ins("q", "r")), op("Div", "y", ins("s", "x")),
		}, "l LSTM, f Sqrt, m Mul, q Sqrt, y Div"},
		{"constants of a shape that cannot be told", []msg{
			op("LSTM", "l", ins("x")), op("Shape", "s", ins("l")), op("Gather", "g", ins("s", "one")), op("Floor", "f", ins("g")),
			op("Sub", "z", ins("l", "l")), op("Concat", "c", ins("l", "z"), attrI("axis", 1)), op("Reshape", "y", ins("c", "f")),
		}, "l LSTM"},
		{"parts of what cannot be told", []msg{
			op("LSTM", "l", ins("x")), op("Split", "s", ins("l"), attrI("axis", 1)).Str(2, "t"), op("Concat", "c", ins("t", "s"), attrI("axis", 1)), op("Relu", "y", ins("c")),
		}, "l LSTM"},
		{"what is rounded, subtracted", []msg{
			op("Conv", "c", ins("x", "w")), op("Relu", "r", ins("x")), op("Floor", "f", ins("r")), op("Sub", "y", ins("c", "f")),
		}, "f Floor"},
		{"what is less an unknown function of itself", []msg{
			op("Conv", "c", ins("x", "w")), op("Tanh", "t", ins("c")), op("Sub", "s", ins("c", "t")), op("Relu", "y", ins("s")),
		}, "t Tanh"},
		{"what is less an unknown product of itself", []msg{
			op("Conv", "c", ins("x", "w")), op("Sigmoid", "t", ins("c")), op("Mul", "m", ins("c", "t")), op("Sub", "s", ins("m", "c")), op("Relu", "y", ins("s")),
		}, "t Sigmoid, m Mul"},
		{"a softmax that goes on, too", []msg{
			op("Flatten", "a", ins("x")), op("Softmax", "s", ins("a")), op("Gemm", "g", ins("s", "w32")), op("Floor", "y", ins("g")),
		}, "y Floor, s Softmax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(build{nodes: tt.nodes, inits: []msg{
				f32("w", dims(2, 2, 1, 1), 1, 2, 3, 4), f32("w6", dims(1, 6, 1, 1), repeat(1, 6)...), f32("w32", dims(32, 3), repeat(1, 96)...), i64("one", 1),
			}}.encode())
			var u *UnsupportedError
			if !errors.As(err, &u) {
				t.Fatalf("error %v, want an UnsupportedError", err)
			}
			var got []string
			for _, n := range u.Nodes {
				got = append(got, n.Name+" "+n.Op)
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("unsupported: %s, want %s", got, tt.want)
			}
		})
	}
}

// An activation function that decides something needs other training.
func TestUnsupportedHead(t *testing.T) {
	for _, tt := range []struct {
		nodes []msg
		want  string
	}{
		{[]msg{op("Gelu", "y", ins("x"))}, rectifier},
		{[]msg{op("Sigmoid", "s", ins("x")), op("Relu", "y", ins("s"))}, rectifier},
	} {
		_, err := Parse(relu(tt.nodes...).encode())
		var u *UnsupportedError
		if !errors.As(err, &u) || len(u.Nodes) != 1 || u.Nodes[0].Reason != tt.want {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

// TestUnsupportedReasons has one node each that package ann cannot express.
func TestUnsupportedReasons(t *testing.T) {
	w := f32("w", dims(2, 2, 1, 1), 1, 2, 3, 4)
	full := f32("k", dims(1, 2, 4, 4), append([]float32{1}, make([]float32, 31)...)...)
	for _, tt := range []struct {
		node msg
		want string
	}{
		{op("Conv", "y", ins("x", "r")), "must be constant"},
		{op("Conv", "y", ins("x", "v")), "rows and columns"},
		{op("Conv", "y", ins("x", "w"), attrList("pads", -1, 0, 0, 0)), "crops"},
		{op("Clip", "y", ins("x"), attrF("min", 0), attrF("max", -1)), "is a constant"},
		{op("Add", "y", ins("x", "k")), "differs between positions"},
		{op("Add", "y", ins("x", "m")), "branches of a block"},
		{op("Mul", "y", ins("x", "r")), "multiplies activations"},
		{op("Div", "y", ins("v2", "x")), "divides by activations"},
		{op("Concat", "y", ins("x", "r"), attrI("axis", 2)), "joins images on axis 2"},
		{op("Concat", "y", ins("x", "r"), attrI("axis", 0)), "joins images on axis 0"},
		{op("Concat", "y", ins("x", "r", "k"), attrI("axis", 1)), "with constants"},
		{op("Concat", "y", ins("f", "f"), attrI("axis", 0)), "on axis 0"},
		{op("Concat", "y", ins("x", "k"), attrI("axis", 1)), "with zeros"},
		{op("Gather", "y", ins("r", "one"), attrI("axis", 2)), "only channels can be taken"},
		{op("Gather", "y", ins("r", "square"), attrI("axis", 1)), "one number or a list"},
		{op("Expand", "y", ins("r", "two")), "not on other activations"},
		{op("Transpose", "y", ins("x"), attrList("perm", 2, 1, 0, 3)), "transposes"},
		{op("Celu", "y", ins("x"), attrF("alpha", 0)), "train the network with ReLU"},
		{op("PRelu", "y", ins("x", "k")), "only one for each channel, or for all"},
		{op("ThresholdedRelu", "y", ins("x")), "jumps from 0 to 1"},
		{op("Max", "y", ins("x", "m4")), "with each other"},
		{op("Less", "y", ins("x", "m4")), "with each other"},
		{op("Round", "y", ins("r")), "no bounds on both sides"},
		{op("Floor", "y", ins("x")), "no bounds on both sides"},
		{op("Max", "y", ins("x", "k")), "differs between positions"},
		{op("Where", "y", ins("r", "x", "v1")), "chooses by something else"},
		{op("GlobalMaxPool", "y", ins("f")), "takes an image"},
		{op("ReduceMax", "y", ins("x"), attrList("axes", 1)), "rows and columns"},
		{op("ArgMin", "y", ins("x")), "not supported"},
		{op("Pad", "y", ins("x", "p", "v1")), "pads with 5"},
		{op("Pad", "y", ins("x", "p"), attrS("mode", "reflect")), `mode "reflect"`},
		{op("Pad", "y", ins("x", "pb")), "pads the batch"},
		{op("Slice", "y", ins("x", "m1", "min", "two", "m1")), "reverses axis 2"},
		{op("ReduceMean", "y", ins("x"), attrList("axes", 0)), "rows and columns"},
		{op("ReduceMean", "y", ins("x")), "rows and columns"},
		{op("MatMul", "y", ins("k", "x")), "constant by activations"},
		{op("Gemm", "y", ins("f", "w"), attrI("transA", 1)), "transA"},
		{op("Softmax", "y", ins("x"), attrI("axis", 1)), "all the logits"},
		{op("BatchNormalization", "y", ins("x", "v", "v", "v", "v"), attrI("spatial", 0)), "spatial"},
		{op("Cast", "y", ins("x"), attrI("to", 7)), "integers"},
		{op("MaxPool", "y", ins("x"), attrList("kernel_shape", 2)), "1 spatial axes"},
		{op("If", "y", ins("x")), "control flow"},
	} {
		b := build{
			nodes: []msg{
				op("Relu", "r", ins("x")), op("Flatten", "f", ins("x")),
				op("GlobalAveragePool", "m", ins("x")), op("MaxPool", "m4", ins("x"), attrList("kernel_shape", 1, 1)), tt.node,
			},
			inits: []msg{
				w, full, f32("v", dims(2, 2, 1), 1, 2, 3, 4), f32("v1", dims(), 5), f32("v2", dims(), -1), i64("one", 1), i64("p", 0, 0, 1, 1, 0, 0, 1, 1),
				i64("pb", 1, 0, 0, 0, 0, 0, 0, 0), i64("m1", -1), i64("min", math.MinInt64), i64("two", 2), f32("s", dims(2), 1, 1),
				tensorOf("square", 7, dims(1, 1)).Bytes(7, []byte{1}),
			},
		}
		_, err := Parse(b.encode())
		var u *UnsupportedError
		if !errors.As(err, &u) || len(u.Nodes) != 1 || u.Nodes[0].Name != "y" || !strings.Contains(u.Nodes[0].Reason, tt.want) {
			t.Errorf("error %v, want an UnsupportedError about y with %q", err, tt.want)
		}
	}
}

// TestDamage cuts a model at every byte and flips every bit of it. There must
// be no panic, and never much memory.
func TestDamage(t *testing.T) {
	data := resnet().encode()
	if _, err := Parse(data); err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Parse(data[:n]); err == nil && n < len(data)-4 {
			t.Errorf("no error for the first %d bytes of %d", n, len(data))
		}
	}
	bad := 0
	for i := range data {
		for bit := range 8 {
			b := bytes.Clone(data)
			b[i] ^= 1 << bit
			g, err := Parse(b)
			if err != nil {
				bad++
			} else if err := g.Validate(); err != nil {
				t.Errorf("byte %d, bit %d: an unsound graph: %v", i, bit, err)
			}
		}
	}
	if bad == 0 {
		t.Error("no flipped bit was noticed")
	}
}

// TestDamagedError checks that a file which was cut off or is something else is told
// from one that is sound and not accepted.
func TestDamagedError(t *testing.T) {
	var d *DamagedError
	data := resnet().encode()
	sound := 0 // Cuts between two fields, which leave a whole file of fewer fields.
	for n := range data {
		if _, err := Parse(data[:n]); err != nil && !errors.As(err, &d) {
			sound++
		}
	}
	if sound > 3 {
		t.Errorf("%d of %d files that were cut off are called sound", sound, len(data))
	}
	lstm := op("LSTM", "y", ins("x"))
	for _, tt := range []struct {
		name    string
		data    []byte
		damaged bool
	}{
		{"empty", nil, true},
		{"text", []byte("hello, world\n"), true},
		{"short data", build{nodes: []msg{op("Conv", "y", ins("x", "w"))}, inits: []msg{f32("w", dims(1, 2, 1, 1), 1)}}.encode(), true},
		{"checkpoint", []byte("PK\x03\x04....."), false}, // Exporting it again would give another.
		{"new operator set", build{opset: 99, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), false},
		{"two outputs", build{out: []string{"a", "y"}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), false},
		{"open size", build{in: []msg{input("x", 0, 3, 0, 8)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode(), false},
		{"unsupported", relu(lstm).encode(), false},
		{"too many attributes", relu(op("Relu", "y", ins("x"), slices.Repeat([]msg{attrI("a", 1)}, maxAttributes+1)...)).encode(), false},
		{"large pads", build{
			nodes: []msg{op("Conv", "y", ins("x", "w"), attrList("pads", 20000, 20000, 20000, 20000))}, inits: []msg{f32("w", dims(1, 2, 1, 1), 1, 2)},
		}.encode(), false},
	} {
		_, err := Parse(tt.data)
		if err == nil || errors.As(err, &d) != tt.damaged {
			t.Errorf("%s: error %v, damaged %v, want %v", tt.name, err, !tt.damaged, tt.damaged)
		}
	}
}

// TestMemory reads small files that ask for much, and looks at what is allocated.
func TestMemory(t *testing.T) {
	nodes := []msg{op("Expand", "a0", ins("one", "s"))}
	for i := range 200 { // 4 MB of zeros doubled, again and again.
		prev, next := "a"+string(rune('0'+i)), "a"+string(rune('1'+i))
		nodes = append(nodes, op("Add", next, ins(prev, prev)))
	}
	nodes = append(nodes, op("Add", "y", ins("x", "a"+string(rune('0'+200)))))
	grown := []msg{op("DequantizeLinear", "a0", ins("q", "half"))}
	for i := range 100 { // A constant of four bits that is dequantised, quantised, and so on.
		a, b, c := fmt.Sprint("a", i), fmt.Sprint("b", i), fmt.Sprint("a", i+1)
		grown = append(grown, op("QuantizeLinear", b, ins(a, "half")), op("DequantizeLinear", c, ins(b, "half")))
	}
	grown = append(grown, op("Add", "y", ins("x", "a100")))
	var scales []msg
	last := "x"
	for i := range 2000 { // Each looks at all scales.
		scales = append(scales, op("QuantizeLinear", fmt.Sprint("q", i), ins(last, "many")), op("DequantizeLinear", fmt.Sprint("d", i), ins(fmt.Sprint("q", i), "many")))
		last = fmt.Sprint("d", i)
	}
	scales = append(scales, op("Relu", "y", ins(last)))
	for name, data := range map[string][]byte{
		"scales":    build{nodes: scales, inits: []msg{f32("many", dims(1<<16), repeat(1, 1<<16)...)}}.encode(),
		"constants": build{nodes: nodes, inits: []msg{f32("one", dims(1), 1), i64("s", 1<<20)}}.encode(),
		"nodes":     msg{}.Bytes(7, bytes.Repeat([]byte{0x0a, 0}, 1<<20)),
		"inputs":    msg{}.Bytes(7, msg{}.Bytes(1, bytes.Repeat([]byte{0x0a, 0}, 1<<20))),
		"attributes": msg{}.Bytes(7, msg{}.Bytes(1, append(
			op("Relu", "y", ins("x")), bytes.Repeat([]byte{0x2a, 0}, 1<<20)...))),
		"quantised": build{nodes: grown, inits: []msg{f32("half", dims(), 0.5), ints("q", typeInt4, 0, dims(1<<21), make([]int64, 1<<21)...)}}.encode(),
		"dims": build{nodes: []msg{op("Conv", "y", ins("x", "w"))}, inits: []msg{
			msg{}.Bytes(1, make([]byte, 1<<20)).Str(8, "w"),
		}}.encode(),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Parse(data); err == nil {
			t.Errorf("%s: no error", name)
		}
		runtime.ReadMemStats(&after)
		size := len(data)
		if name == "quantised" { // What counts is the floats that they stand for.
			size = 4 << 21
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > budgetBase*5/4+16*uint64(size) {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, got, len(data))
		}
	}
}

// The work of reading grows with the number of nodes, which have one name and any
// order, not with its square.
func TestMany(t *testing.T) {
	many := func(n int) []byte {
		b := build{in: []msg{input("x", 1, 1)}}
		prev := "x"
		for i := range n {
			next := fmt.Sprint("v", i)
			if i == n-1 {
				next = "y"
			}
			b.nodes = append(b.nodes, msg{}.Str(1, prev).Str(2, next).Str(3, "relu").Str(4, "Relu"))
			prev = next
		}
		slices.Reverse(b.nodes)
		return b.encode()
	}
	steps.New(t, "sresnet/onnx", "sresnet/ann").Linear(t, 500, func(n int) {
		g, err := Parse(many(n))
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Nodes) != n {
			t.Errorf("%d nodes, want %d", len(g.Nodes), n)
		}
	})
	if _, err := Parse(many(maxNodes)); err != nil {
		t.Error(err)
	}
	if _, err := Parse(many(maxNodes + 1)); err == nil || !strings.Contains(err.Error(), "more than 65536 nodes") {
		t.Errorf("error %v, want one about too many nodes", err)
	}
}

// TestExternal checks that data is taken from beside the model and from nowhere else.
func TestExternal(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "models")
	if err := os.MkdirAll(filepath.Join(inside, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	data := []byte{0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64} // 0, 1, 2.
	for _, p := range []string{filepath.Join(dir, "w.bin"), filepath.Join(inside, "w.bin"), filepath.Join(inside, "sub", "w.bin")} {
		if err := os.WriteFile(p, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join("..", "w.bin"), filepath.Join(inside, "link.bin")); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	for _, tt := range []struct {
		location, offset, length string
		want                     string // Of the error; empty for none.
	}{
		{"w.bin", "4", "8", ""},
		{"w.bin", "4", "", ""},
		{"sub/w.bin", "4", "8", ""},
		{"./sub/../w.bin", "4", "8", ""},
		{"../w.bin", "4", "8", "is not a file beside the model"},
		{filepath.Join(dir, "w.bin"), "4", "8", "is not a file beside the model"},
		{"link.bin", "4", "8", "escapes"},
		{"sub", "4", "8", "is not a file"},
		{"", "4", "8", "is not a file beside the model"},
		{"none.bin", "4", "8", "no file"},
		{"w.bin", "8", "8", "too few"},
		{"w.bin", "-4", "8", "too few"},
		{"w.bin", "9223372036854775807", "8", "too few"},
		{"w.bin", "4", "4", "length 4"},
		{"w.bin", "four", "8", "not a number"},
	} {
		w := tensorOf("w", 1, dims(1, 2, 1, 1)).Num(14, 1)
		for _, kv := range [][2]string{{"location", tt.location}, {"offset", tt.offset}, {"length", tt.length}} {
			if kv[1] != "" {
				w = w.Bytes(13, msg{}.Str(1, kv[0]).Str(2, kv[1]))
			}
		}
		b := build{nodes: []msg{op("Conv", "y", ins("x", "w"))}, inits: []msg{w}}
		name := filepath.Join(inside, "model.onnx")
		if err := os.WriteFile(name, b.encode(), 0o644); err != nil {
			t.Fatal(err)
		}
		g, err := ReadFile(name)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%q: %v", tt.location, err)
		case tt.want == "":
			if w := weights(g); len(w) != 2 || w[0] != 1 || w[1] != 2 {
				t.Errorf("%q: weights %v, want 1 and 2", tt.location, w)
			}
		case err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), name):
			t.Errorf("%q, offset %s, length %s: error %v, want one with %q", tt.location, tt.offset, tt.length, err, tt.want)
		}
	}
}

// TestHeadCycle has a value at the end that is made of itself, which is an error, not a hang.
func TestHeadCycle(t *testing.T) {
	for _, nodes := range [][]msg{
		{op("Identity", "c", ins("c")), op("Relu", "r", ins("x")), op("Sub", "y", ins("r", "c"))},
		{op("Reshape", "c", ins("d")), op("Identity", "d", ins("c")), op("Relu", "r", ins("x")), op("ReduceMax", "m", ins("c")), op("Sub", "y", ins("r", "m"))},
	} {
		if _, err := Parse(build{nodes: nodes}.encode()); err == nil || !strings.Contains(err.Error(), "cycle") {
			t.Errorf("error %v, want one about a cycle", err)
		}
	}
}

// TestReductionsTakeTime has a small file ask for many passes over a large constant.
func TestReductionsTakeTime(t *testing.T) {
	b := build{nodes: []msg{op("ConstantOfShape", "c", ins("shape"))}, inits: []msg{i64("shape", 1<<20)}}
	last := "x"
	for i := range 1000 {
		sum, next := fmt.Sprint("s", i), fmt.Sprint("a", i)
		b.nodes = append(b.nodes, op("ReduceSum", sum, ins("c")), op("Add", next, ins(last, sum)))
		last = next
	}
	b.nodes = append(b.nodes, op("Relu", "y", ins(last)))
	if _, err := Parse(b.encode()); err == nil || !strings.Contains(err.Error(), "more memory than a model file of this size can ask for") {
		t.Errorf("error %v, want one about the budget", err)
	}
}
