package onnx

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/tensor"
)

// imports are models and what becomes of them: the operators in order with
// their output shapes.
var imports = []struct {
	name  string
	model build
	want  string
}{
	{"residual", resnet(), "Conv 4x2x2, BatchNormalization 4x2x2, Relu 4x2x2, Slice 2x2x2, Pad 4x2x2, Add 4x2x2, " +
		"Clip 4x2x2, MaxPool 4x1x1, GlobalAveragePool 4x1x1, Flatten 4, Gemm 3, Softmax 3"},
	{
		"out of order",
		build{nodes: []msg{op("Relu", "y", ins("a")), op("Identity", "b", ins("x")), op("Relu", "a", ins("b"))}},
		"Relu 2x4x4, Relu 2x4x4",
	},
	{"dead nodes", build{nodes: []msg{op("Relu", "y", ins("x")), op("LSTM", "z", ins("x")), op("Relu", "w", ins("nowhere"))}}, "Relu 2x4x4"},
	{"unused outputs", build{nodes: []msg{op("Dropout", "d", ins("x")).Str(2, "mask"), op("Relu", "y", ins("d"))}}, "Relu 2x4x4"},
	{"vector", build{
		in: []msg{input("x", 0, 4)}, nodes: []msg{op("Gemm", "y", ins("x", "w"), attrI("transB", 1))},
		inits: []msg{f32("w", dims(1, 4), 1, 2, 3, 4)},
	}, "Gemm 1"},
	{"fixed batch", build{
		in: []msg{input("x", 8, 2, 4, 4)}, nodes: []msg{op("GlobalAveragePool", "g", ins("x")), op("Reshape", "y", ins("g", "s"))},
		inits: []msg{i64("s", 8, -1)},
	}, "GlobalAveragePool 2x1x1, Flatten 2"},
	{"initializer as input", build{
		in: []msg{input("x", 0, 4), input("w", 4, 1)}, nodes: []msg{op("MatMul", "y", ins("x", "w"))},
		inits: []msg{f32("w", dims(4, 1), 1, 2, 3, 4)},
	}, "Gemm 1"},
	{"computed shape", build{nodes: []msg{
		op("Shape", "s", ins("x")), op("Constant", "z", nil, attrI("value_int", 0)), op("Gather", "n", ins("s", "z")),
		op("Unsqueeze", "u", ins("n", "zero")), op("Concat", "t", ins("u", "m1"), attrI("axis", 0)), op("Reshape", "y", ins("x", "t")),
	}, inits: []msg{i64("zero", 0), i64("m1", -1)}}, "Flatten 32"},
	{"relu6 by two nodes", build{opset: 9, nodes: []msg{
		op("Relu", "r", ins("x")), op("Clip", "y", ins("r"), attrF("max", 6)),
	}}, "Clip 2x4x4"},
	{"relu6 of a shared relu", build{opset: 9, nodes: []msg{
		op("Relu", "r", ins("x")), op("Clip", "c", ins("r"), attrF("max", 6)), op("Add", "y", ins("r", "c")),
	}}, "Relu 2x4x4, Clip 2x4x4, Add 2x4x4"},
	{"clip without bounds", build{nodes: []msg{op("Clip", "c", ins("x")), op("Relu", "y", ins("c"))}}, "Relu 2x4x4"},
	{"zeros by difference", build{nodes: []msg{
		op("Sub", "z", ins("x", "x")), op("Concat", "y", ins("z", "x", "z"), attrI("axis", 1)),
	}}, "Pad 6x4x4"},
	{"images side by side", build{nodes: []msg{
		op("Relu", "r", ins("x")), op("Concat", "y", ins("x", "r", "x"), attrI("axis", -3)),
	}}, "Relu 2x4x4, Concat 6x4x4"},
	{"vectors side by side", build{nodes: []msg{
		op("Flatten", "f", ins("x")), op("GlobalAveragePool", "g", ins("x")), op("Squeeze", "s", ins("g"), attrList("axes", 2, 3)),
		op("Concat", "y", ins("f", "s"), attrI("axis", 1)),
	}, opset: 11}, "GlobalAveragePool 2x1x1, Flatten 32, Flatten 2, Concat 34"},
	{"channels last side by side", build{nodes: []msg{
		op("Relu", "r", ins("x")), op("Transpose", "t", ins("r"), attrList("perm", 0, 2, 3, 1)),
		op("Concat", "c", ins("t", "t"), attrI("axis", 3)), op("Transpose", "y", ins("c"), attrList("perm", 0, 3, 1, 2)),
	}}, "Relu 2x4x4, Concat 4x4x4"},
	{"squeezed output", build{nodes: []msg{op("GlobalAveragePool", "g", ins("x")), op("Squeeze", "y", ins("g"))}}, "GlobalAveragePool 2x1x1, Flatten 2"},
	{"channels last", build{
		in: []msg{input("x", 0, 4, 4, 2)},
		nodes: []msg{
			op("Mul", "s", ins("x", "half")), op("Transpose", "t", ins("s"), attrList("perm", 0, 3, 1, 2)),
			op("Conv", "c", ins("t", "w")), op("Transpose", "b", ins("c"), attrList("perm", 0, 2, 3, 1)),
			op("Relu", "r", ins("b")), op("ReduceMean", "y", ins("r"), attrList("axes", 1, 2), attrI("keepdims", 0)),
		},
		inits: []msg{f32("w", dims(3, 2, 1, 1), 1, 2, 3, 4, 5, 6), f32("half", dims(1), 0.5)},
	}, "BatchNormalization 2x4x4, Conv 3x4x4, Relu 3x4x4, GlobalAveragePool 3x1x1, Flatten 3"},
	{"pad before pool", build{nodes: []msg{
		op("Relu", "r", ins("x")), op("Pad", "p", ins("r", "pads")), op("MaxPool", "y", ins("p"), attrList("kernel_shape", 3, 3), attrList("strides", 2, 2)),
	}, inits: []msg{i64("pads", 0, 0, 1, 1, 0, 0, 1, 1)}}, "Relu 2x4x4, MaxPool 2x2x2"},
	{"pad before pool of negatives", build{nodes: []msg{
		op("Pad", "p", ins("x", "pads")), op("MaxPool", "y", ins("p"), attrList("kernel_shape", 3, 3), attrList("strides", 2, 2)),
	}, inits: []msg{i64("pads", 0, 0, 1, 1, 0, 0, 1, 1)}}, "Pad 2x6x6, MaxPool 2x2x2"},
	{"mean whose last window leaves the padding that counts", build{nodes: []msg{
		op("Relu", "r", ins("x")), op("AveragePool", "y", ins("r"), attrList("kernel_shape", 3, 3), attrList("strides", 2, 2), attrList("pads", 1, 1, 1, 1), attrI("ceil_mode", 1), attrI("count_include_pad", 1)),
	}}, "Relu 2x4x4, Conv 2x6x6, Relu 2x6x6, AveragePool 2x3x3"},
	{"bias of a convolution", build{
		nodes: []msg{op("Conv", "c", ins("x", "w")), op("Add", "y", ins("c", "b"))},
		inits: []msg{f32("w", dims(1, 2, 1, 1), 1, 2), f32("b", dims(1, 1, 1), 3)},
	}, "Conv 1x4x4"},
	{"mean of rows and columns as one axis, channels last", build{
		nodes: []msg{
			op("Transpose", "t", ins("x"), attrList("perm", 0, 2, 3, 1)), op("Relu", "q", ins("t")), op("Reshape", "r", ins("q", "s")),
			op("ReduceMean", "y", ins("r"), attrList("axes", 1), attrI("keepdims", 0)),
		},
		in: []msg{input("x", 0, 2, 4, 4)}, inits: []msg{i64("s", 0, 16, 2)},
	}, "Relu 2x4x4, GlobalAveragePool 2x1x1, Flatten 2"},
	{"maximum of rows and columns", build{nodes: []msg{op("ReduceMax", "m", ins("x"), attrList("axes", 2, 3)), op("Flatten", "y", ins("m"))}}, "MaxPool 2x1x1, Flatten 2"},
	{"maximum of columns", build{nodes: []msg{op("ReduceMax", "y", ins("x"), attrList("axes", 3))}}, "MaxPool 2x4x1"},
	{"global max pool", build{opset: 24, nodes: []msg{op("GlobalMaxPool", "m", ins("x")), op("Flatten", "y", ins("m"))}}, "MaxPool 2x1x1, Flatten 2"},
	{"batch norm as MXNet writes it", build{
		opset: 8, nodes: []msg{op("BatchNormalization", "y", ins("x", "s", "s", "s", "s"), attrI("spatial", 0))},
		inits: []msg{f32("s", dims(2), 1, 1)},
	}, "BatchNormalization 2x4x4"},
	{"one channel, channels last", build{
		in: []msg{input("x", 0, 1, 4, 4)},
		nodes: []msg{
			op("Relu", "q", ins("x")), op("Transpose", "t", ins("q"), attrList("perm", 0, 2, 3, 1)), op("Pad", "p", ins("t", "pads")),
			op("Mul", "m", ins("p", "s")), op("Concat", "c", ins("m", "m"), attrI("axis", 3)), op("ReduceMean", "y", ins("c"), attrList("axes", 1, 2), attrI("keepdims", 0)),
		},
		inits: []msg{i64("pads", 0, 1, 0, 0, 0, 1, 0, 0), f32("s", dims(1, 1, 1, 1), 2)},
	}, "Relu 1x4x4, Pad 1x6x4, BatchNormalization 1x6x4, Concat 2x6x4, GlobalAveragePool 2x1x1, Flatten 2"},
	{"one position, channels last", build{nodes: []msg{
		op("Transpose", "t", ins("x"), attrList("perm", 0, 2, 3, 1)), op("ReduceMean", "m", ins("t"), attrList("axes", 1, 2)), op("Mul", "s", ins("m", "each")),
		op("Transpose", "b", ins("s"), attrList("perm", 0, 3, 1, 2)), op("Conv", "y", ins("b", "w")),
	}, inits: []msg{f32("each", dims(1, 1, 1, 2), 1, 2), f32("w", dims(1, 2, 1, 1), 1, 2)}}, "GlobalAveragePool 2x1x1, BatchNormalization 2x1x1, Conv 1x1x1"},
	{"slopes of every element alike", build{
		nodes: []msg{op("PRelu", "p", ins("x", "same")), op("PRelu", "y", ins("p", "rows"))},
		inits: []msg{f32("same", dims(2, 4, 4), repeat(0.5, 32)...), f32("rows", dims(2, 4, 1), 1, 1, 1, 1, 2, 2, 2, 2)},
	}, "LeakyRelu 2x4x4, PRelu 2x4x4"},
	{"a number reshaped from a vector", build{
		nodes: []msg{op("Constant", "none", nil, attrList("value_ints")), op("Reshape", "s", ins("one", "none")), op("Mul", "y", ins("x", "s"))},
		inits: []msg{f32("one", dims(1), 2)},
	}, "BatchNormalization 2x4x4"},
	{"two ReLUs of one value added, in two spellings", build{nodes: []msg{
		op("Mul", "m", ins("x", "half")), op("Min", "n", ins("m", "one")), op("Max", "a", ins("n", "zero")),
		op("Add", "s", ins("x", "one")), op("Max", "b", ins("s", "zero")), op("Add", "y", ins("a", "b")),
	}, inits: []msg{f32("half", dims(), 0.5), f32("one", dims(), 1), f32("zero", dims(), 0)}}, "BatchNormalization 2x4x4, Clip 2x4x4, BatchNormalization 2x4x4, Relu 2x4x4, Add 2x4x4"},
	{"slopes of one value added, in two spellings", build{nodes: []msg{
		op("Mul", "m", ins("x", "half")), op("Max", "a", ins("x", "m")), op("Add", "s", ins("x", "one")), op("Mul", "n", ins("s", "half")), op("Max", "b", ins("s", "n")),
		op("Add", "y", ins("a", "b")),
	}, inits: []msg{f32("half", dims(), 0.5), f32("one", dims(), 1)}}, "LeakyRelu 2x4x4, BatchNormalization 2x4x4, LeakyRelu 2x4x4, Add 2x4x4"},
	{"a ReLU of which a channel ends below zero", build{nodes: []msg{
		op("Min", "r", ins("x", "one")), op("Relu", "c", ins("r")), op("Mul", "m", ins("c", "sign")), op("Sub", "s", ins("m", "half")), op("Min", "n", ins("s", "one")),
		op("Relu", "y", ins("n")),
	}, inits: []msg{f32("half", dims(), 0.5), f32("one", dims(), 1), f32("sign", dims(2, 1, 1), 1, -1)}}, "Clip 2x4x4, BatchNormalization 2x4x4, BatchNormalization 2x4x4, Clip 2x4x4"},
	{"bias of a shared convolution", build{nodes: []msg{
		op("Conv", "c", ins("x", "w")), op("Add", "d", ins("c", "b")), op("Add", "y", ins("c", "d")),
	}, inits: []msg{f32("w", dims(1, 2, 1, 1), 1, 2), f32("b", dims(1, 1, 1), 3)}}, "Conv 1x4x4, BatchNormalization 1x4x4, Add 1x4x4"},
}

func TestImport(t *testing.T) {
	for _, tt := range imports {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Parse(tt.model.encode())
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Validate(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range g.Nodes {
				got = append(got, n.Op.Type()+" "+n.Shape.String())
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %s\nwant %s", s, tt.want)
			}
		})
	}
}

// TestOptions reads a model whose sizes are open, and one with two outputs.
func TestOptions(t *testing.T) {
	open := build{in: []msg{input("x", 0, 3, 0, 0)}, nodes: []msg{op("Relu", "y", ins("x"))}}.encode()
	g, err := Options{InputShape: tensor.Shape{3, 5, 6}}.Parse(open)
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := g.Shape("y"); !s.Equal(tensor.Shape{3, 5, 6}) {
		t.Errorf("shape %v, want 3x5x6", s)
	}
	if _, err := (Options{InputShape: tensor.Shape{4, 5, 6}}).Parse(open); err == nil {
		t.Error("no error for an input shape with 4 channels where the file has 3")
	}
	two := build{out: ins("y", "z"), nodes: []msg{op("Relu", "y", ins("x")), op("GlobalAveragePool", "z", ins("x"))}}.encode()
	if g, err = (Options{Output: "z"}).Parse(two); err != nil {
		t.Fatal(err)
	}
	if g.Output != "z" || len(g.Nodes) != 1 {
		t.Errorf("output %s of %d nodes, want z of one", g.Output, len(g.Nodes))
	}
	for _, o := range []Options{{}, {Output: "w"}} {
		var several *OutputError
		if _, err := o.Parse(two); !errors.As(err, &several) || several.Missing != o.Output || !slices.Equal(several.Outputs, ins("y", "z")) {
			t.Errorf("output %q: error %v, want one that names both outputs", o.Output, err)
		}
	}
}

// TestNames checks that nodes get unique names that people know.
func TestNames(t *testing.T) {
	named := func(typ, name, out, in string) msg { return msg{}.Str(1, in).Str(2, out).Str(3, name).Str(4, typ) }
	g, err := Parse(build{nodes: []msg{
		named("Relu", "/layer1/Relu", "a", "x"), named("Relu", "layer1/Relu", "b", "a"),
		named("Relu", "", "12", "b"), named("Relu", "", "/out", "12"), named("Relu", "x\n", "y", "/out"),
	}}.encode())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range g.Nodes {
		got = append(got, n.Name)
	}
	if want := "layer1/Relu layer1/Relu_2 Relu_12 out x_"; strings.Join(got, " ") != want {
		t.Errorf("names %q, want %q", got, want)
	}
}

// TestParameters checks values that import changes: merged biases, scales, alpha.
func TestParameters(t *testing.T) {
	g, err := Parse(build{
		in: []msg{input("x", 0, 2)},
		nodes: []msg{
			op("Gemm", "g", ins("x", "w", "c"), attrF("alpha", 2), attrF("beta", 3)),
			op("Sub", "s", ins("one", "g")), op("Div", "y", ins("s", "four")),
		},
		inits: []msg{f32("w", dims(2, 2), 1, 2, 3, 4), f32("c", dims(1, 2), 5, 6), f32("one", dims(), 1), f32("four", dims(2), 4, 2)},
	}.encode())
	if err != nil {
		t.Fatal(err)
	}
	gemm := g.Node("g").Op.(*ann.Gemm)
	equal(t, "weight", gemm.Weight.Data, 2, 6, 4, 8)
	equal(t, "bias", gemm.Bias, 15, 18)
	neg := g.Nodes[1].Op.(*ann.BatchNormalization)
	equal(t, "negated scale", neg.Scale, -1, -1)
	div := g.Node("y").Op.(*ann.BatchNormalization)
	equal(t, "scale", div.Scale, 0.25, 0.5)
	equal(t, "offset", div.Bias, 0, 0)
}

func equal(t *testing.T, what string, got []float32, want ...float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s %v, want %v", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s %v, want %v", what, got, want)
			return
		}
	}
}
