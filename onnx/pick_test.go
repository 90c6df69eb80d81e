package onnx

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"sresnet/tensor"
)

// with adds outputs to a node.
func with(m msg, outs ...string) msg {
	for _, out := range outs {
		m = m.Str(2, out)
	}
	return m
}

// TestPicked checks, for every way to take or move channels, which of them the network
// has, and that it takes no other node than Gather, Slice and Concat for it.
func TestPicked(t *testing.T) {
	split := func(typ, out string, attrs ...msg) msg { return op(typ, out, ins("r"), attrs...) }
	shuffle := func(view, back string) []msg {
		return []msg{
			op("Reshape", "v", ins("r", view)), op("Transpose", "t", ins("v"), attrList("perm", 0, 2, 1, 3, 4)), op("Reshape", "y", ins("t", back)),
		}
	}
	axis := attrI("axis", 1)
	shuffled := []int{0, 3, 1, 4, 2, 5}
	for _, tt := range []struct {
		name  string
		nodes []msg
		want  []int // Channels of six; nil if it is not supported.
		why   string
	}{
		{"split, the first", []msg{with(split("Split", "y", axis), "b")}, []int{0, 1, 2}, ""},
		{"split, the second", []msg{with(split("Split", "a", axis), "y")}, []int{3, 4, 5}, ""},
		{"split, counted from the end", []msg{with(split("Split", "a", attrI("axis", -3)), "y")}, []int{3, 4, 5}, ""},
		{"split in sizes", []msg{with(op("Split", "a", ins("r", "sizes"), axis), "b", "y")}, []int{3, 4, 5}, ""},
		{"split in sizes as before opset 13", []msg{with(split("Split", "a", axis, attrList("split", 1, 2, 3)), "y", "c")}, []int{1, 2}, ""},
		{"split in four", []msg{with(split("Split", "a", axis, attrI("num_outputs", 4)), "b", "y", "d")}, nil, "sizes"},
		{"split, and one part in reverse order", []msg{with(split("Split", "a", axis), "b"), op("Slice", "y", ins("b", "m1", "min", "one", "m1"))}, []int{5, 4, 3}, ""},
		{"split of a part", []msg{with(split("Split", "a", axis), "b"), with(op("Split", "c", ins("b", "two one"), axis), "y")}, []int{5}, ""},
		{"split into wrong sizes", []msg{with(op("Split", "y", ins("r", "two one"), axis), "b")}, nil, "sizes"},
		{"split of rows", []msg{with(split("Split", "y", attrI("axis", 2)), "b")}, nil, "only channels"},
		{"a part that is not used", []msg{with(split("Split", "y", axis), "")}, []int{0, 1, 2}, ""},
		{"slice", []msg{op("Slice", "y", ins("r", "two", "max", "one"))}, []int{2, 3, 4, 5}, ""},
		{"slice in steps", []msg{op("Slice", "y", ins("r", "one", "max", "one", "two"))}, []int{1, 3, 5}, ""},
		{"slice backwards in steps", []msg{op("Slice", "y", ins("r", "m1", "min", "one", "m2"))}, []int{5, 3, 1}, ""},
		{"one channel", []msg{op("Gather", "g", ins("r", "number"), axis), op("Unsqueeze", "y", ins("g", "one"))}, []int{4}, ""},
		{"channels", []msg{op("Gather", "y", ins("r", "list"), axis)}, []int{5, 0, 0, 3}, ""},
		{"channels of a stack", []msg{
			op("Reshape", "v", ins("r", "1 2 3")), op("Gather", "g", ins("v", "number1"), axis), op("Relu", "y", ins("g")),
		}, []int{3, 4, 5}, ""},
		{"shuffle", shuffle("1 2 3", "image"), shuffled, ""},
		{"shuffle of open sizes", shuffle("0 2 -1", "0 -1"), shuffled, ""},
		{"shuffle back", shuffle("1 3 2", "image"), []int{0, 2, 4, 1, 3, 5}, ""},
		{"shuffle in computed sizes", []msg{
			op("Shape", "s", ins("r")), op("Gather", "n", ins("s", "number0")), op("Gather", "c", ins("s", "number1")),
			op("Div", "per", ins("c", "groups")), op("Unsqueeze", "n1", ins("n", "zero")), op("Unsqueeze", "per1", ins("per", "zero")),
			op("Concat", "view", ins("n1", "two", "per1", "rows"), attrI("axis", 0)),
			op("Reshape", "v", ins("r", "view")), op("Transpose", "t", ins("v"), attrList("perm", 0, 2, 1, 3, 4)), op("Reshape", "y", ins("t", "0 -1")),
		}, shuffled, ""},
		{"shuffle with rows and columns as one axis", []msg{
			op("Reshape", "v", ins("r", "1 2 3 6")), op("Transpose", "t", ins("v"), attrList("perm", 0, 2, 1, 3)), op("Reshape", "y", ins("t", "image")),
		}, shuffled, ""},
		{"shuffle by the batch", []msg{
			op("Reshape", "v", ins("r", "3 2 6")), op("Transpose", "t", ins("v"), attrList("perm", 1, 0, 2)), op("Reshape", "w", ins("t", "2 1 3")), op("Gather", "y", ins("w", "number1")),
		}, []int{1, 3, 5}, ""},
		{"shuffle, and a half of it", append(shuffle("1 2 3", "image")[:2],
			op("Reshape", "w", ins("t", "image")), op("Slice", "y", ins("w", "three", "max", "one"))), []int{4, 2, 5}, ""},
		{"a half of the view", append(shuffle("1 2 3", "image")[:2],
			with(op("Split", "a", ins("t", "two one"), axis), "b"), op("Reshape", "y", ins("b", "0 -1"))), []int{2, 5}, ""},
		{"stacked, so that channels alternate", []msg{
			with(split("Split", "a", axis), "b"), op("Unsqueeze", "a1", ins("a", "two")), op("Unsqueeze", "b1", ins("b", "two")),
			op("Concat", "k", ins("a1", "b1"), attrI("axis", 2)), op("Reshape", "y", ins("k", "image")),
		}, shuffled, ""},
		{"shuffle with channels last", []msg{
			op("Transpose", "n", ins("r"), attrList("perm", 0, 2, 3, 1)), op("Reshape", "v", ins("n", "last 2 3")), op("Transpose", "t", ins("v"), attrList("perm", 0, 1, 2, 4, 3)),
			op("Reshape", "w", ins("t", "last 6")), op("Transpose", "y", ins("w"), attrList("perm", 0, 3, 1, 2)),
		}, shuffled, ""},
		{"halves of a shuffle with channels last, joined", []msg{
			op("Transpose", "n", ins("r"), attrList("perm", 0, 2, 3, 1)), op("Reshape", "v", ins("n", "last 2 3")), op("Transpose", "t", ins("v"), attrList("perm", 0, 1, 2, 4, 3)),
			op("Reshape", "w", ins("t", "last 6")), with(op("Split", "a", ins("w"), attrI("axis", 3)), "b"), op("Concat", "c", ins("b", "a", "b"), attrI("axis", -1)),
			op("Transpose", "y", ins("c"), attrList("perm", 0, 3, 1, 2)),
		}, []int{4, 2, 5, 0, 3, 1, 4, 2, 5}, ""},
		{"shuffled and rectified", append(shuffle("1 2 3", "image")[:2], op("Reshape", "w", ins("t", "image")), op("Relu", "u", ins("w")), op("MaxPool", "y", ins("u"), attrList("kernel_shape", 1, 1))), shuffled, ""},
		{"positions among channels", []msg{op("Reshape", "v", ins("r", "1 6 6")), op("Transpose", "t", ins("v"), attrList("perm", 0, 2, 1)), op("Reshape", "w", ins("t", "image")), op("Conv", "y", ins("w", "kernel"))}, nil, "takes an image"},
		{"columns among rows", []msg{op("Transpose", "t", ins("r"), attrList("perm", 0, 1, 3, 2)), op("Reshape", "w", ins("t", "image")), op("Conv", "y", ins("w", "kernel"))}, nil, "in another order"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			view := func(d ...int64) []int64 { return append(d, 2, 3) }
			b := build{in: []msg{input("x", 0, 6, 2, 3)}, nodes: append([]msg{op("Relu", "r", ins("x"))}, tt.nodes...), inits: []msg{
				i64("m1", -1), i64("m2", -2), i64("min", math.MinInt64), i64("max", math.MaxInt64), i64("zero", 0), i64("one", 1), i64("two", 2), i64("three", 3),
				i64("sizes", 1, 2, 3), i64("two one", 2, 1), i64("list", 5, 0, -6, 3), i64("rows", 2, 3), i64("image", 1, 6, 2, 3),
				i64("1 2 3", view(1, 2, 3)...), i64("1 3 2", view(1, 3, 2)...), i64("0 2 -1", view(0, 2, -1)...), i64("0 -1", view(0, -1)...),
				i64("1 2 3 6", 1, 2, 3, 6), i64("last 2 3", 1, 2, 3, 2, 3), i64("last 6", 1, 2, 3, 6), i64("3 2 6", 3, 2, 6), i64("2 1 3", view(2, 1, 3)...), i64("1 6 6", 1, 6, 6),
				tensorOf("number", 7, nil).Bytes(7, []byte{4}), tensorOf("number0", 7, nil).Bytes(7, []byte{0}), tensorOf("number1", 7, nil).Bytes(7, []byte{1}),
				tensorOf("groups", 7, nil).Bytes(7, []byte{2}), f32("kernel", dims(1, 6, 1, 1), repeat(1, 6)...),
			}}
			g, err := Parse(b.encode())
			if tt.want == nil {
				if err == nil || !strings.Contains(err.Error(), tt.why) {
					t.Fatalf("error %v, want one with %q", err, tt.why)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range g.Nodes {
				if !slices.Contains([]string{"Relu", "Gather", "Slice", "Concat", "MaxPool"}, n.Op.Type()) {
					t.Errorf("node %q is a %s", n.Name, n.Op.Type())
				}
			}
			const area = 6
			image := make([]float32, 6*area)
			for i := range image {
				image[i] = float32(i)
			}
			y := run(t, g, image)
			if s, _ := g.Shape(g.Output); fmt.Sprint(s) != fmt.Sprintf("%dx2x3", len(tt.want)) {
				t.Fatalf("output %v, want channels %v", s, tt.want)
			}
			for i, v := range y {
				if want := image[tt.want[i/area]*area+i%area]; v != want {
					t.Fatalf("element %d is %v, want %v\n%v", i, v, want, g)
				}
			}
		})
	}
}

// TestPickedLast checks the channels that are taken of an image whose file has them last,
// before its transpose, as Keras' preprocessing does it.
func TestPickedLast(t *testing.T) {
	axis := attrI("axis", 3)
	reversed := []int{2, 1, 0}
	parts := with(op("Split", "r", ins("x"), axis), "g", "b")
	for _, tt := range []struct {
		name  string
		input int // Channels.
		nodes []msg
		want  []int
	}{
		{"slice backwards", 3, []msg{op("Slice", "p", ins("x", "m1", "min", "three", "m1"))}, reversed},
		{"slice backwards, counted from the end", 3, []msg{op("Slice", "p", ins("x", "m1", "min", "m1", "m1"))}, reversed},
		{"the first two", 3, []msg{op("Slice", "p", ins("x", "zero", "two", "three", "one"))}, []int{0, 1}},
		{"gather", 3, []msg{op("Gather", "p", ins("x", "list"), axis)}, reversed},
		{"gather, counted from the end", 3, []msg{op("Gather", "p", ins("x", "list"), attrI("axis", -1))}, reversed},
		{"split and joined", 3, []msg{parts, op("Concat", "p", ins("b", "g", "r"), axis)}, reversed},
		{"split, scaled and joined", 3, []msg{parts, op("Add", "o", ins("g", "nothing")), op("Concat", "p", ins("b", "o", "r"), axis)}, reversed},
		{"one by one, stacked", 3, []msg{
			op("Gather", "g0", ins("x", "number0"), axis), op("Gather", "g1", ins("x", "number1"), axis),
			op("Unsqueeze", "u0", ins("g0", "three")), op("Unsqueeze", "u1", ins("g1", "three")), op("Concat", "p", ins("u1", "u0"), axis),
		}, []int{1, 0}},
		{"after a shift", 3, []msg{op("Sub", "s", ins("x", "nothing")), op("Slice", "p", ins("s", "m1", "min", "three", "m1"))}, reversed},
		{"grey, joined", 1, []msg{op("Concat", "p", ins("x", "x", "x"), axis)}, []int{0, 0, 0}},
		{"grey, tiled", 1, []msg{op("Tile", "p", ins("x", "tiles"))}, []int{0, 0, 0}},
		{"grey, expanded", 1, []msg{op("Expand", "p", ins("x", "tiles"))}, []int{0, 0, 0}},
		{"beside its shape", 3, []msg{op("Shape", "s", ins("x")), op("Slice", "p", ins("x", "m1", "min", "three", "m1"))}, reversed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{in: []msg{input("x", 0, 2, 5, int64(tt.input))}, nodes: append(slices.Clone(tt.nodes),
				op("Transpose", "t", ins("p"), attrList("perm", 0, 3, 1, 2)), op("Relu", "y", ins("t"))), inits: []msg{
				i64("m1", -1), i64("min", math.MinInt64), i64("zero", 0), i64("one", 1), i64("two", 2), i64("three", 3), i64("list", 2, 1, 0), i64("tiles", 1, 1, 1, 3),
				tensorOf("number0", 7, nil).Bytes(7, []byte{0}), tensorOf("number1", 7, nil).Bytes(7, []byte{1}), f32("nothing", dims(), 0),
			}}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			const area = 10
			if want := (tensor.Shape{tt.input, 2, 5}); !slices.Equal(g.Input.Shape, want) {
				t.Fatalf("input %v, want %v", g.Input.Shape, want)
			}
			image := make([]float32, tt.input*area)
			for i := range image {
				image[i] = float32(i)
			}
			y := run(t, g, image)
			if len(y) != len(tt.want)*area {
				t.Fatalf("%d elements, want channels %v", len(y), tt.want)
			}
			for i, v := range y {
				if want := image[tt.want[i/area]*area+i%area]; v != want {
					t.Fatalf("element %d is %v, want %v\n%v", i, v, want, g)
				}
			}
		})
	}
}
