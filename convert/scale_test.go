package convert_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// synapse is what the equations say of one synapse.
type synapse struct {
	From   string
	Weight float32
}

// layer is what the equations say of one layer.
type layer struct {
	Name      string
	Lambda    float32
	Threshold float32 // 0 for a gate.
	Charge    float32
	Bias      []float32
	Synapses  []synapse
}

func layersOf(t *testing.T, net *snn.Network) (list []layer) {
	for i := range net.Layers {
		l := &net.Layers[i]
		s := layer{Name: l.Name, Lambda: l.Lambda, Charge: l.Charge, Bias: l.Bias}
		if !l.IsGate() {
			s.Threshold = l.Neuron.Threshold[0]
		}
		for j, syn := range l.Synapses {
			w := float32(0)
			if !l.IsGate() {
				w = weight(t, l, j)
			}
			from := "x"
			if syn.From != snn.FromInput {
				from = net.Layers[syn.From].Name
			}
			s.Synapses = append(s.Synapses, synapse{from, w})
		}
		list = append(list, s)
	}
	return list
}

// TestEquations checks every equation of the method with numbers done by hand, in
// both forms. Scales are powers of two, so that nothing rounds.
func TestEquations(t *testing.T) {
	image := tensor.Shape{1, 2, 2}
	relu, add, flat := &ann.Relu{}, &ann.Add{}, &ann.Flatten{}
	for _, tt := range []struct {
		name     string
		nodes    []ann.Node
		lambdas  []any
		want     []layer
		balanced []layer
	}{
		{
			name: "plain layers and classifier",
			nodes: []ann.Node{
				node("c1", conv(3, 8), "x"), node("r1", relu, "c1"),
				node("c2", conv(3, 8), "r1"), node("r2", relu, "c2"),
				node("f", flat, "r2"), node("logits", gemm(4, 3, 8), "f"), node("softmax", &ann.Softmax{}, "logits"),
			},
			lambdas: []any{"r1", 4., "r2", 2., "logits", 16.},
			want: []layer{
				{"r1", 4, 1, 1, []float32{2}, []synapse{{"x", 0.75}}},
				{"r2", 2, 1, 1, []float32{4}, []synapse{{"r1", 6}}},
				{"logits", 16, 1, 1, []float32{0.5}, []synapse{{"r2", 0.375}}},
			},
			balanced: []layer{
				{"r1", 4, 4, 4, []float32{8}, []synapse{{"x", 3}}},
				{"r2", 2, 2, 2, []float32{8}, []synapse{{"r1", 3}}},
				{"logits", 16, 16, 16, []float32{8}, []synapse{{"r2", 3}}},
			},
		},
		{
			name: "hidden fully connected layer",
			nodes: []ann.Node{
				node("f", flat, "x"), node("g", gemm(4, 3), "f"), node("r", relu, "g"), node("logits", gemm(1, 3), "r"),
			},
			lambdas: []any{"r", 4., "logits", 2.},
			want: []layer{
				{"r", 4, 1, 1, nil, []synapse{{"x", 0.75}}},
				{"logits", 2, 1, 1, nil, []synapse{{"r", 6}}},
			},
			balanced: []layer{
				{"r", 4, 4, 4, nil, []synapse{{"x", 3}}},
				{"logits", 2, 2, 2, nil, []synapse{{"r", 3}}},
			},
		},
		{
			name: "basic block, identity shortcut",
			nodes: []ann.Node{
				node("c0", conv(1), "x"), node("in", relu, "c0"),
				node("c1", conv(3, 8), "in"), node("r1", relu, "c1"),
				node("c2", conv(3, 8), "r1"), node("sum", add, "c2", "in"), node("out", relu, "sum"),
				node("f", flat, "out"), node("logits", gemm(4, 1), "f"),
			},
			lambdas: []any{"in", 8., "r1", 4., "out", 16., "logits", 1.},
			want: []layer{
				{"in", 8, 1, 1, nil, []synapse{{"x", 0.125}}},
				{"r1", 4, 1, 1, []float32{2}, []synapse{{"in", 6}}},
				{"out", 16, 1, 1, []float32{0.5}, []synapse{{"r1", 0.75}, {"in", 0.5}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 16}}},
			},
			balanced: []layer{
				{"in", 8, 8, 8, nil, []synapse{{"x", 1}}},
				{"r1", 4, 4, 4, []float32{8}, []synapse{{"in", 3}}},
				{"out", 16, 16, 16, []float32{8}, []synapse{{"r1", 3}, {"in", 1}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 1}}},
			},
		},
		{
			name: "bottleneck block, projection shortcut",
			nodes: []ann.Node{
				node("c0", conv(1), "x"), node("in", &ann.Clip{Max: 6}, "c0"),
				node("c1", conv(3), "in"), node("r1", relu, "c1"),
				node("c2", conv(3), "r1"), node("r2", relu, "c2"),
				node("c3", conv(3, 8), "r2"), node("p", conv(5, 16), "in"),
				node("sum", add, "p", "c3"), node("out", relu, "sum"),
				node("f", flat, "out"), node("logits", gemm(4, 1), "f"),
			},
			lambdas: []any{"in", 8., "r1", 4., "r2", 2., "out", 16., "logits", 1.},
			want: []layer{
				{"in", 8, 1, 1, nil, []synapse{{"x", 0.125}}},
				{"r1", 4, 1, 1, nil, []synapse{{"in", 6}}},
				{"r2", 2, 1, 1, nil, []synapse{{"r1", 6}}},
				{"out", 16, 1, 1, []float32{1.5}, []synapse{{"in", 2.5}, {"r2", 0.375}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 16}}},
			},
			balanced: []layer{
				{"in", 8, 8, 8, nil, []synapse{{"x", 1}}},
				{"r1", 4, 4, 4, nil, []synapse{{"in", 3}}},
				{"r2", 2, 2, 2, nil, []synapse{{"r1", 3}}},
				{"out", 16, 16, 16, []float32{24}, []synapse{{"in", 5}, {"r2", 3}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 1}}},
			},
		},
		{
			name: "sums of sums, of more than two, and of one thing twice",
			nodes: []ann.Node{
				node("c0", conv(1), "x"), node("in", relu, "c0"),
				node("c1", conv(3, 8), "in"), node("c2", conv(5), "in"), node("c3", conv(7, 8), "in"),
				node("inner", add, "c2", "c3", "in"), node("sum", add, "c1", "inner", "in"), node("out", relu, "sum"),
				node("f", flat, "out"), node("logits", gemm(4, 1), "f"),
			},
			lambdas: []any{"in", 4., "out", 2., "logits", 1.},
			want: []layer{
				{"in", 4, 1, 1, nil, []synapse{{"x", 0.25}}},
				{"out", 2, 1, 1, []float32{8}, []synapse{{"in", 6}, {"in", 10}, {"in", 14}, {"in", 2}, {"in", 2}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 2}}},
			},
			balanced: []layer{
				{"in", 4, 4, 4, nil, []synapse{{"x", 1}}},
				{"out", 2, 2, 2, []float32{16}, []synapse{{"in", 3}, {"in", 5}, {"in", 7}, {"in", 1}, {"in", 1}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 1}}},
			},
		},
		{
			name: "pools keep the scale of their source",
			nodes: []ann.Node{
				node("c0", conv(1), "x"), node("in", relu, "c0"),
				node("max", &ann.MaxPool{Window: tensor.Square(2, 1, 1)}, "in"),
				node("mean", &ann.AveragePool{Window: tensor.Square(2, 1, 0)}, "max"),
				node("global", &ann.GlobalAveragePool{}, "mean"), node("again", relu, "global"),
				node("f", flat, "again"), node("logits", gemm(1, 3), "f"),
			},
			lambdas: []any{"in", 4., "again", 99., "logits", 2.},
			want: []layer{
				{"in", 4, 1, 1, nil, []synapse{{"x", 0.25}}},
				{"max", 4, 0, 1, nil, []synapse{{"in", 0}}},
				{"mean", 4, 1, 1, nil, []synapse{{"max", 1}}},
				{"global", 4, 1, 1, nil, []synapse{{"mean", 1}}},
				{"logits", 2, 1, 1, nil, []synapse{{"global", 6}}},
			},
			balanced: []layer{
				{"in", 4, 4, 4, nil, []synapse{{"x", 1}}},
				{"max", 4, 0, 4, nil, []synapse{{"in", 0}}},
				{"mean", 4, 4, 4, nil, []synapse{{"max", 1}}},
				{"global", 4, 4, 4, nil, []synapse{{"mean", 1}}},
				{"logits", 2, 2, 2, nil, []synapse{{"global", 3}}},
			},
		},
		{
			name: "average pool as shortcut",
			nodes: []ann.Node{
				node("c0", conv(1), "x"), node("in", relu, "c0"),
				node("c1", &ann.Conv{Weight: tensor.Of([]float32{3, 3, 3, 3}, 1, 1, 2, 2), Window: tensor.Square(2, 2, 0), Groups: 1}, "in"),
				node("mean", &ann.AveragePool{Window: tensor.Square(2, 2, 0)}, "in"),
				node("sum", add, "c1", "mean"), node("out", relu, "sum"),
				node("f", flat, "out"), node("logits", gemm(1, 1), "f"),
			},
			lambdas: []any{"in", 4., "out", 2., "logits", 1.},
			want: []layer{
				{"in", 4, 1, 1, nil, []synapse{{"x", 0.25}}},
				{"out", 2, 1, 1, nil, []synapse{{"in", 6}, {"in", 2}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 2}}},
			},
			balanced: []layer{
				{"in", 4, 4, 4, nil, []synapse{{"x", 1}}},
				{"out", 2, 2, 2, nil, []synapse{{"in", 3}, {"in", 1}}},
				{"logits", 1, 1, 1, nil, []synapse{{"out", 1}}},
			},
		},
		{
			name: "batch norm",
			nodes: []ann.Node{
				// sigma 2, so W 3 becomes 3 and b = 5 + (7 - 1); lambda 4.
				node("c", conv(3, 7), "x"),
				node("bn", &ann.BatchNormalization{Scale: []float32{2}, Bias: []float32{5}, Mean: []float32{1}, Var: []float32{3.5}, Epsilon: 0.5}, "c"),
				node("r", relu, "bn"),
				node("f", flat, "r"), node("g", gemm(4, 3), "f"),
				// W 3 becomes 12, b = 1 - 4 2.
				node("bn2", &ann.BatchNormalization{Scale: []float32{2}, Bias: []float32{1}, Mean: []float32{2}, Var: []float32{0.25}}, "g"),
			},
			lambdas: []any{"r", 4., "bn2", 2.},
			want: []layer{
				{"r", 4, 1, 1, []float32{2.75}, []synapse{{"x", 0.75}}},
				{"bn2", 2, 1, 1, []float32{-3.5}, []synapse{{"r", 24}}},
			},
			balanced: []layer{
				{"r", 4, 4, 4, []float32{11}, []synapse{{"x", 3}}},
				{"bn2", 2, 2, 2, []float32{-7}, []synapse{{"r", 12}}},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, s := graph(t, image, tt.nodes...), lambdas(tt.lambdas...)
			if diff := cmp.Diff(tt.want, layersOf(t, mustConvert(t, g, s, convert.DefaultOptions()))); diff != "" {
				t.Errorf("normalised weights (-want +got):\n%s", diff)
			}
			o := convert.DefaultOptions()
			o.ThresholdBalanced = true
			if diff := cmp.Diff(tt.balanced, layersOf(t, mustConvert(t, g, s, o))); diff != "" {
				t.Errorf("balanced thresholds (-want +got):\n%s", diff)
			}
		})
	}
}

// tiny is the smallest network: a convolution, a ReLU and a classifier.
func tiny(t rapid.TB) *ann.Graph {
	return graph(t, tensor.Shape{1, 1, 1}, node("c", conv(1), "x"), node("r", &ann.Relu{}, "c"), node("f", &ann.Flatten{}, "r"), node("logits", gemm(1, 1), "f"))
}

func TestOptions(t *testing.T) {
	s := lambdas("r", 4., "logits", 2.)
	net := mustConvert(t, tiny(t), s, convert.DefaultOptions())
	want := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}, Reset: snn.ResetSubtract}
	for _, l := range net.Layers {
		if diff := cmp.Diff(want, l.Neuron); diff != "" {
			t.Errorf("default neuron of %q:\n%s", l.Name, diff)
		}
	}
	if net.Input.Encoding != snn.Direct {
		t.Errorf("default encoding: %v", net.Input.Encoding)
	}

	o := convert.Options{VInit: 0.25, Reset: snn.ResetZero, Encoding: snn.Poisson, ThresholdBalanced: true}
	net = mustConvert(t, tiny(t), s, o)
	want = snn.Neuron{Threshold: []float32{4}, VInit: []float32{0.25}, Reset: snn.ResetZero}
	if diff := cmp.Diff(want, net.Layers[0].Neuron); diff != "" {
		t.Errorf("neuron:\n%s", diff)
	}
	if net.Input.Encoding != snn.Poisson || net.Input.Amplitude != s.InputMax {
		t.Errorf("Poisson: encoding %v of amplitude %v, want %v of the largest pixel", net.Input.Encoding, net.Input.Amplitude, s.InputMax)
	}
	if net = mustConvert(t, tiny(t), s, convert.Options{}); net.Layers[0].Neuron.VInit != nil {
		t.Errorf("V[0] of the zero options: %v", net.Layers[0].Neuron.VInit)
	}
}

func TestScaleErrors(t *testing.T) {
	good := lambdas("r", 4., "logits", 2.)
	black := lambdas("r", 4., "logits", 2.)
	black.InputMax = 0
	for _, tt := range []struct {
		name string
		s    *calibrate.Statistics
		o    convert.Options
		want string
	}{
		{"V[0] of a whole threshold", good, convert.Options{VInit: 1}, "V[0] of 1 thresholds is outside [0, 1)"},
		{"V[0] below zero", good, convert.Options{VInit: -0.1}, "V[0] of -0.1 thresholds is outside [0, 1)"},
		{"unknown reset", good, convert.Options{Reset: 9}, "unknown reset"},
		{"unknown encoding", good, convert.Options{Encoding: 9}, "unknown encoding"},
		{"another network", lambdas("r", 1.), convert.Options{}, `layer "logits": the statistics do not include it`},
		{"black images", black, convert.Options{Encoding: snn.Poisson}, "all zero"},
		{"overflow", lambdas("r", 1e-44, "logits", 2.), convert.Options{}, `layer "r": its weights overflow`},
	} {
		if _, err := convert.Convert(tiny(t), tt.s, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	g := tiny(t)
	g.Output = "nothing"
	if _, err := convert.Convert(g, good, convert.Options{}); err == nil || !strings.Contains(err.Error(), `output "nothing"`) {
		t.Errorf("invalid graph: error %v", err)
	}
}

func TestDeadLayer(t *testing.T) {
	for _, tt := range []struct {
		r, logits, largest float64
		dead, hint         string
	}{
		{0, 2, 3, "r", "raise the percentile"},
		{0, 2, 0, "r", "died in training"},
		{1, -2, -1, "logits", "calibrate on more images"},
	} {
		s := lambdas("r", tt.r, "logits", tt.logits)
		for i := range s.Nodes {
			s.Nodes[i].Max = float32(tt.largest)
		}
		_, err := convert.Convert(tiny(t), s, convert.DefaultOptions())
		var dead *convert.DeadLayerError
		if !errors.As(err, &dead) {
			t.Fatalf("Convert with lambdas %v and %v: error %v, want a DeadLayerError", tt.r, tt.logits, err)
		}
		if dead.Node != tt.dead || !strings.Contains(err.Error(), `layer "`+tt.dead+`" is dead: percentile 99.9`) || !strings.Contains(dead.Hint(), tt.hint) {
			t.Errorf("Convert: error %v, hint %q, want layer %q, hint %q", err, dead.Hint(), tt.dead, tt.hint)
		}
	}
}
