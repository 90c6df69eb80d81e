package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// TestShortcut checks the synapses that slices and pads become.
func TestShortcut(t *testing.T) {
	relu := &ann.Relu{}
	slice := func(size int, start, step int) *ann.Slice {
		return &ann.Slice{Start: [3]int{0, start, start}, Step: [3]int{1, step, step}, Size: [3]int{1, size, size}}
	}
	// half is a 1x1 convolution with a stride that leaves the same shape.
	half := func(channels, stride int) *ann.Conv {
		w := tensor.Square(1, stride, 0)
		return &ann.Conv{Weight: tensor.New(channels, 1, 1, 1), Window: w, Groups: 1}
	}
	pad := &ann.Pad{Before: [3]int{1}, After: [3]int{2}}
	for _, tt := range []struct {
		name     string
		channels int
		stride   int
		chain    []ann.Op
		want     *snn.Shortcut
	}{
		{"slice, then pad", 4, 2, []ann.Op{slice(4, 0, 2), pad}, &snn.Shortcut{Stride: [2]int{2, 2}, Offset: 1}},
		{"pad, then slice", 4, 2, []ann.Op{pad, &ann.Slice{Step: [3]int{1, 2, 2}, Size: [3]int{4, 4, 4}}}, &snn.Shortcut{Stride: [2]int{2, 2}, Offset: 1}},
		{"slice alone", 1, 2, []ann.Op{slice(4, 1, 2)}, &snn.Shortcut{Stride: [2]int{2, 2}, Start: [2]int{1, 1}}},
		{"slice of a slice", 1, 4, []ann.Op{slice(4, 0, 2), slice(2, 1, 2)}, &snn.Shortcut{Stride: [2]int{4, 4}, Start: [2]int{2, 2}}},
		{"slice of every axis its own", 1, 0, []ann.Op{
			&ann.Slice{Start: [3]int{0, 1, 0}, Step: [3]int{1, 3, 2}, Size: [3]int{1, 2, 2}},
			&ann.Slice{Start: [3]int{0, 0, 1}, Step: [3]int{1, 1, 1}, Size: [3]int{1, 2, 1}},
		}, &snn.Shortcut{Stride: [2]int{3, 2}, Start: [2]int{1, 2}}},
		{"pad alone", 4, 1, []ann.Op{pad}, &snn.Shortcut{Stride: [2]int{1, 1}, Offset: 1}},
		{"pad of a pad", 7, 1, []ann.Op{pad, pad}, &snn.Shortcut{Stride: [2]int{1, 1}, Offset: 2}},
		{"single average pool, then pad", 4, 2, []ann.Op{&ann.AveragePool{Window: tensor.Square(1, 2, 0)}, pad}, &snn.Shortcut{Stride: [2]int{2, 2}, Offset: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := []ann.Node{node("c0", conv(1), "x"), node("in", relu, "c0")}
			last := "in"
			for i, op := range tt.chain {
				name := string(rune('A' + i))
				nodes = append(nodes, node(name, op, last))
				last = name
			}
			// Beside a convolution, or twice itself where none gives that shape.
			main := last
			if tt.stride > 0 {
				nodes = append(nodes, node("c1", half(tt.channels, tt.stride), "in"))
				main = "c1"
			}
			nodes = append(nodes, node("sum", &ann.Add{}, main, last), node("out", relu, "sum"), node("g", &ann.GlobalAveragePool{}, "out"),
				node("f", &ann.Flatten{}, "g"), node("logits", gemm(tt.channels, 1), "f"))
			g := graph(t, tensor.Shape{1, 8, 8}, nodes...)
			net := mustConvert(t, g, lambdas("in", 4., "out", 2., "logits", 1.), convert.DefaultOptions())
			l := find(t, net, "out")
			tt.want.Scale, tt.want.Shape = 2, g.Node(last).Shape
			if diff := cmp.Diff(snn.Connection(tt.want), l.Synapses[1].Connection); diff != "" {
				t.Errorf("shortcut (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConnections checks windows and groups, and which way a pool goes.
func TestConnections(t *testing.T) {
	relu := &ann.Relu{}
	grouped := &ann.Conv{
		Weight: tensor.New(4, 1, 3, 1), Groups: 2,
		Window: tensor.Window{Kernel: [2]int{3, 1}, Stride: [2]int{2, 1}, Dilation: [2]int{1, 2}, Pad: [4]int{0, 0, 1, 0}},
	}
	g := graph(t, tensor.Shape{2, 6, 6},
		node("c", grouped, "x"), node("r", relu, "c"),
		node("mean", &ann.AveragePool{Window: tensor.Square(3, 1, 1), CountPad: true}, "r"),
		node("sum", &ann.Add{}, "mean", "mean", "r"), node("out", relu, "sum"),
		node("mean2", &ann.AveragePool{Window: tensor.Square(3, 3, 0)}, "out"),
		node("global", &ann.GlobalAveragePool{}, "out"),
		node("f", &ann.Flatten{}, "global"), node("logits", gemm(4, 1), "f"),
	)
	net := mustConvert(t, g, lambdas("r", 4., "out", 2., "logits", 1.), convert.DefaultOptions())
	if len(net.Layers) != 4 {
		t.Fatalf("layers other than r, out, global and logits; what nothing takes should be dropped:\n%v", net)
	}
	if diff := cmp.Diff(snn.Connection(&snn.Conv{Weight: tensor.New(4, 1, 3, 1), Window: grouped.Window, Groups: 2}), find(t, net, "r").Synapses[0].Connection); diff != "" {
		t.Errorf("grouped convolution (-want +got):\n%s", diff)
	}
	pool := &snn.AveragePool{Window: tensor.Square(3, 1, 1), CountPad: true, Scale: 2}
	for i := range 2 {
		if diff := cmp.Diff(snn.Connection(pool), find(t, net, "out").Synapses[i].Connection); diff != "" {
			t.Errorf("average pool as a shortcut (-want +got):\n%s", diff)
		}
	}
	w := tensor.Square(1, 1, 0)
	w.Kernel = [2]int{3, 6}
	if diff := cmp.Diff(snn.Connection(&snn.AveragePool{Window: w, Scale: 18}), find(t, net, "global").Synapses[0].Connection); diff != "" {
		t.Errorf("global average pool (-want +got):\n%s", diff)
	}
}

// TestOutputs checks the ends of networks other than a fully connected layer.
func TestOutputs(t *testing.T) {
	relu, flat, global := &ann.Relu{}, &ann.Flatten{}, &ann.GlobalAveragePool{}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node
		want  string
	}{
		{"convolution", []ann.Node{node("p", global, "r"), node("last", conv(1), "p"), node("f", flat, "last")}, "last"},
		{"rectified", []ann.Node{node("f", flat, "r"), node("g", gemm(4, 1), "f"), node("last", relu, "g"), node("s", &ann.Softmax{}, "last")}, "last"},
		{"pool", []ann.Node{node("last", global, "r"), node("f", flat, "last"), node("s", &ann.Softmax{Log: true}, "f")}, "last"},
		{"sum", []ann.Node{node("f", flat, "r"), node("g", gemm(4, 1), "f"), node("h", gemm(4, 1), "f"), node("last", &ann.Add{}, "g", "h")}, "last"},
		{"idle rectifier", []ann.Node{node("p", global, "r"), node("last", relu, "p")}, "p"},
	} {
		g := graph(t, tensor.Shape{1, 2, 2}, append([]ann.Node{node("c", conv(1), "x"), node("r", relu, "c")}, tt.nodes...)...)
		im := images{{1, 2, 3, 4}}
		net := mustConvert(t, g, mustCalibrate(t, g, im, calibrate100), convert.DefaultOptions())
		if got := net.Output().Name; got != tt.want {
			t.Errorf("%s: output layer %q, want %q", tt.name, got, tt.want)
		}
	}
}
