package convert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

var calibrate100 = calibrate.Options{Percentile: 100}

// TestUnsupported checks that everything without a spiking counterpart is named,
// and all of it at once.
func TestUnsupported(t *testing.T) {
	relu, add, flat := &ann.Relu{}, &ann.Add{}, &ann.Flatten{}
	bn := &ann.BatchNormalization{Scale: []float32{1}, Bias: []float32{0}, Mean: []float32{0}, Var: []float32{1}}
	scaled := func(a float32) *ann.BatchNormalization {
		return &ann.BatchNormalization{Scale: []float32{a}, Bias: []float32{1}, Mean: []float32{0}, Var: []float32{1}}
	}
	head := func(from string) []ann.Node {
		return []ann.Node{node("g", &ann.GlobalAveragePool{}, from), node("f", flat, "g"), node("logits", gemm(1, 1), "f")}
	}
	conv3 := func() *ann.Conv {
		return &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
	}
	wide := func(channels, pad int) *ann.Conv {
		return &ann.Conv{Weight: tensor.New(channels, 1, 1, 1), Window: tensor.Square(1, 1, pad), Groups: 1}
	}
	narrow := func(channels int) *ann.Conv {
		return &ann.Conv{Weight: tensor.New(1, channels, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
	}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node
		want  []string // Of each error, in order: node, then part of the reason.
	}{
		{
			"convolution after convolution",
			[]ann.Node{node("a", conv(1), "r"), node("b", conv(1), "a"), node("r2", relu, "b")},
			nil,
		},
		{
			"convolution after convolutions",
			[]ann.Node{node("a", conv(1), "r"), node("b", conv(1), "a"), node("c3", conv(1), "b"), node("r2", relu, "c3")},
			nil,
		},
		{
			"convolution before a batch norm that cannot be folded",
			[]ann.Node{
				node("a", conv(1), "r"), node("b", conv(1), "a"), node("sum", add, "b", "r"), node("bn", bn, "sum"), node("r2", relu, "bn"),
			},
			nil,
		},
		{
			"linear bottleneck",
			[]ann.Node{
				node("a", conv(1), "r"), node("r1", relu, "a"), node("b", conv(1), "r1"), node("sum", add, "b", "r"),
				node("d", conv(1), "sum"), node("r2", relu, "d"),
			},
			nil,
		},
		{
			"pre-activation block",
			[]ann.Node{
				node("a", conv(1), "r"), node("sum", add, "a", "r"), node("r1", relu, "sum"), node("b", conv(1), "r1"),
				node("sum2", add, "b", "sum"), node("r2", relu, "sum2"),
			},
			nil,
		},
		{
			"batch norm of a sum",
			[]ann.Node{node("a", conv(1), "r"), node("sum", add, "a", "r"), node("bn", bn, "sum"), node("r2", relu, "bn")},
			nil,
		},
		{
			"batch norm before padding",
			[]ann.Node{node("bn", bn, "r"), node("b", conv3(), "bn"), node("r2", relu, "b")},
			nil,
		},
		{
			"max pool of a batch norm that changes the order",
			[]ann.Node{node("n", scaled(-2), "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "n"), node("b", conv(1), "p"), node("r2", relu, "b")},
			[]string{"n", `it has a scale of -2, and behind the max pool`},
		},
		{
			"max pool of a batch norm with a scale of zero",
			[]ann.Node{node("n", scaled(0), "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "n"), node("b", conv(1), "p"), node("r2", relu, "b")},
			[]string{"n", `it has a scale of 0, and behind the max pool`},
		},
		{
			"average pool of a convolution",
			[]ann.Node{node("a", conv(1), "r"), node("p", &ann.AveragePool{Window: tensor.Square(2, 2, 0)}, "a"), node("r2", relu, "p")},
			nil,
		},
		{
			"max pool before the ReLU",
			[]ann.Node{node("a", conv(1), "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "a"), node("r2", relu, "p")},
			nil,
		},
		{
			"the image in a sum",
			[]ann.Node{node("a", conv(1), "r"), node("sum", add, "a", "x"), node("r2", relu, "sum")},
			[]string{"sum", "the image itself is one of its branches"},
		},
		{
			"a slice of the image in a sum",
			[]ann.Node{node("sl", &ann.Slice{Step: [3]int{1, 1, 1}, Size: [3]int{1, 4, 4}}, "x"), node("sum", add, "sl", "r"), node("r2", relu, "sum")},
			[]string{"sl", "it takes the image itself"},
		},
		{
			"rectified image",
			[]ann.Node{node("i", relu, "x"), node("sum", add, "i", "r"), node("r2", relu, "sum")},
			[]string{"i", "it takes the image itself"},
		},
		{
			"pooled image",
			[]ann.Node{node("p", &ann.MaxPool{Window: tensor.Square(1, 1, 0)}, "x"), node("sum", add, "p", "r"), node("r2", relu, "sum")},
			[]string{"p", "it pools the image itself"},
		},
		{
			"slice before a convolution",
			[]ann.Node{node("sl", &ann.Slice{Step: [3]int{1, 2, 2}, Size: [3]int{1, 2, 2}}, "r"), node("b", conv(1), "sl"), node("r2", relu, "b")},
			nil,
		},
		{
			"slice of a convolution",
			[]ann.Node{node("a", conv(1), "r"), node("sl", &ann.Slice{Step: [3]int{1, 1, 1}, Size: [3]int{1, 4, 4}}, "a"), node("sum", add, "sl", "r"), node("r2", relu, "sum")},
			nil,
		},
		{
			"rows padded in a shortcut",
			[]ann.Node{
				node("sl", &ann.Slice{Step: [3]int{1, 1, 1}, Size: [3]int{1, 3, 4}}, "r"), node("pad", &ann.Pad{After: [3]int{0, 1}}, "sl"),
				node("sum", add, "pad", "r"), node("r2", relu, "sum"),
			},
			[]string{"pad", "pads rows or columns"},
		},
		{
			"none, for nothing takes it",
			[]ann.Node{node("a", conv(1), "r"), node("b", conv(1), "a"), node("r2", relu, "r")},
			nil,
		},
		{
			"ends in a max pool",
			[]ann.Node{node("r2", relu, "r"), node("last", &ann.MaxPool{Window: tensor.Square(4, 1, 0)}, "r2")},
			[]string{"last", "a gate has no neurons to read"},
		},
		{
			"ends in an image",
			[]ann.Node{node("last", conv(1), "r")},
			[]string{"last", "is not a vector of classes"},
		},
		{
			"as many positions as a layer may have",
			[]ann.Node{node("a", wide(1, 126), "r"), node("r2", relu, "a")},
			nil,
		},
		{
			"more positions",
			[]ann.Node{node("a", wide(1, 127), "r"), node("r1", relu, "a"), node("b", conv(1), "r1"), node("r2", relu, "b")},
			[]string{"r1", "its 1 channels of 258x258 positions are too many", "r2", "its 1 channels of 258x258 positions"},
		},
		{
			"as many channels as a layer may have",
			[]ann.Node{node("a", wide(1<<16, 0), "r"), node("r1", relu, "a"), node("b", narrow(1<<16), "r1"), node("r2", relu, "b")},
			nil,
		},
		{
			"more channels",
			[]ann.Node{node("a", wide(1<<16+1, 0), "r"), node("r1", relu, "a"), node("b", narrow(1<<16+1), "r1"), node("r2", relu, "b")},
			[]string{"r1", "its 65537 channels of 4x4 positions are too many"},
		},
		{
			"several at once",
			[]ann.Node{
				node("a", conv(1), "r"), node("r1", relu, "a"), node("p2", &ann.MaxPool{Window: tensor.Square(2, 1, 1)}, "a"), node("sl", &ann.Slice{Step: [3]int{1, 1, 1}, Size: [3]int{1, 4, 4}}, "p2"),
				node("b", conv(1), "r1"), node("sum", add, "b", "x", "sl"), node("r2", relu, "sum"),
			},
			[]string{"a", `goes into MaxPool "p2" without a ReLU`, "sum", "the image itself"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := append([]ann.Node{node("c", conv(1), "x"), node("r", relu, "c")}, tt.nodes...)
			if nodes[len(nodes)-1].Name != "last" {
				nodes = append(nodes, head("r2")...)
			}
			g := graph(t, tensor.Shape{1, 4, 4}, nodes...)
			list, err := convert.Unsupported(g)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != len(tt.want)/2 {
				t.Fatalf("Unsupported: got %v, want %q", list, tt.want)
			}
			g, err = convert.Simplify(g)
			if err != nil {
				t.Fatal(err)
			}
			_, err = convert.Convert(g, mustCalibrate(t, g, images{make([]float32, 16)}, calibrate100), convert.DefaultOptions())
			for i, e := range list {
				if e.Node != tt.want[2*i] || !strings.Contains(e.Reason, tt.want[2*i+1]) {
					t.Errorf("Unsupported: got %v, want node %q, %q", e, tt.want[2*i], tt.want[2*i+1])
				}
				if e.Op != g.Node(e.Node).Op.Type() {
					t.Errorf("Unsupported: node %q has operator %q, want %q", e.Node, e.Op, g.Node(e.Node).Op.Type())
				}
				if want := fmt.Sprintf("\n  node %q: %s: %s", e.Node, e.Op, e.Reason); len(list) > 1 && !strings.Contains(err.Error(), want) || len(list) == 1 && err.Error() != e.Error() {
					t.Errorf("Convert: error %v, want %v in it", err, e)
				}
			}
			if got := convert.Check(g); len(list) == 0 && got != nil || len(list) > 0 && (got == nil || got.Error() != err.Error()) {
				t.Errorf("Check: got %v, Convert says %v", got, err)
			}
			var first *convert.UnsupportedError
			if len(list) > 0 && (!errors.As(err, &first) || first.Node != tt.want[0]) {
				t.Errorf("Convert: error %v is no UnsupportedError about %q", err, tt.want[0])
			}
		})
	}

	if snn.MaxChannels != kernel.MaxChannels || snn.MaxPositions != kernel.MaxPositions {
		t.Error("package snn and the kernels differ in how large a layer may be")
	}

	// A softmax whose value goes on.
	g := graph(t, tensor.Shape{4}, node("a", gemm(4, 1), "x"), node("r", relu, "a"), node("s", &ann.Softmax{}, "r"), node("b", gemm(1, 1), "s"))
	if list, err := convert.Unsupported(g); err != nil || len(list) != 1 || list[0].Node != "s" {
		t.Errorf("Unsupported: got %v, %v, want the softmax", list, err)
	}
	// Nothing at all between image and output.
	g = graph(t, tensor.Shape{1, 1, 4}, node("f", flat, "x"))
	if list, err := convert.Unsupported(g); err != nil || len(list) != 1 || list[0].Node != "f" {
		t.Errorf("Unsupported: got %v, %v, want the flattening", list, err)
	}
	g.Output = "gone"
	if _, err := convert.Unsupported(g); err == nil {
		t.Error("Unsupported of an invalid graph: no error")
	}
}

// TestRemedy checks that to train again is advised where nothing else helps, and
// nowhere else.
func TestRemedy(t *testing.T) {
	relu, add, flat := &ann.Relu{}, &ann.Add{}, &ann.Flatten{}
	conv3 := &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
	const again, none = "train again", ""
	for _, tt := range []struct {
		name  string
		nodes []ann.Node
		want  string
	}{
		{"product of convolutions of one position", []ann.Node{node("a", conv(1), "r"), node("b", conv(1), "a"), node("r2", relu, "b")}, none},
		{"convolutions with borders", []ann.Node{node("a", conv3, "r"), node("b", conv3, "a"), node("r2", relu, "b")}, none},
		{"a convolution and a mean", []ann.Node{node("a", conv(1), "r"), node("b", &ann.AveragePool{Window: tensor.Square(2, 1, 0)}, "a"), node("r2", relu, "b")}, none},
		{"max pool before the ReLU", []ann.Node{node("a", conv(1), "r"), node("b", &ann.MaxPool{Window: tensor.Square(2, 1, 0)}, "a"), node("r2", relu, "b")}, none},
		{"sum of what is rectified", []ann.Node{node("a", conv(1), "r"), node("q", relu, "a"), node("s", add, "q", "r"), node("b", conv(1), "s"), node("r2", relu, "b")}, none},
		{"sum of what is not", []ann.Node{node("a", conv(1), "r"), node("s", add, "a", "r"), node("b", conv(1), "s"), node("r2", relu, "b")}, none},
		{"sum that goes into two", []ann.Node{node("a", conv(1), "r"), node("s", add, "a", "r"), node("q", relu, "s"), node("s2", add, "q", "s"), node("r2", relu, "s2")}, none},
		{"max pool of a sum", []ann.Node{
			node("a", conv(1), "r"), node("s", add, "a", "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 1, 0)}, "s"), node("b", conv(1), "p"), node("r2", relu, "b"),
		}, none},
		{"max pool of a sum that has no tap inside everywhere", []ann.Node{
			node("a", conv(1), "r"), node("s", add, "a", "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 1, 1)}, "s"), node("b", conv(1), "p"), node("r2", relu, "b"),
		}, again},
		{"max pool of a sum with too large a window", []ann.Node{
			node("a", conv(1), "r"), node("s", add, "a", "r"),
			node("z", &ann.Conv{Weight: tensor.New(1, 1, 1, 1), Window: tensor.Square(1, 1, 20), Groups: 1}, "s"),
			node("p", &ann.MaxPool{Window: tensor.Square(33, 1, 0)}, "z"), node("b", conv(1), "p"), node("r2", relu, "b"),
		}, again},
		{"product of fully connected layers", []ann.Node{node("f0", flat, "r"), node("a", gemm(16, 1), "f0"), node("b", gemm(1, 1), "a"), node("r2", relu, "b")}, none},
	} {
		nodes := append([]ann.Node{node("c", conv(1), "x"), node("r", relu, "c")}, tt.nodes...)
		if last := nodes[len(nodes)-2]; last.Op.Type() != "Gemm" {
			nodes = append(nodes, node("g", &ann.GlobalAveragePool{}, "r2"), node("f", flat, "g"), node("logits", gemm(1, 1), "f"))
		}
		list, err := convert.Unsupported(graph(t, tensor.Shape{1, 4, 4}, nodes...))
		if tt.want == none {
			if err != nil || len(list) != 0 {
				t.Errorf("%s: got %v, error %v, want none", tt.name, list, err)
			}
			continue
		}
		if err != nil || len(list) != 1 || !strings.Contains(list[0].Hint(), tt.want) {
			t.Errorf("%s: got %v, error %v, want one with a hint of %q", tt.name, list, err, tt.want)
		}
	}
}
