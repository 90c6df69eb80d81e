package convert_test

import (
	"context"

	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// node is shorthand for a node of a test's graph.
func node(name string, op ann.Op, inputs ...string) ann.Node {
	return ann.Node{Name: name, Inputs: inputs, Op: op}
}

// graph returns the network of these nodes for the input "x"; the last node is
// the output.
func graph(t rapid.TB, in tensor.Shape, nodes ...ann.Node) *ann.Graph {
	t.Helper()
	g := &ann.Graph{Name: "test", Input: ann.Input{Name: "x", Shape: in}, Nodes: nodes, Output: nodes[len(nodes)-1].Name}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

// conv returns a 1x1 convolution of one channel of each.
func conv(w float32, bias ...float32) *ann.Conv {
	return &ann.Conv{Weight: tensor.Of([]float32{w}, 1, 1, 1, 1), Bias: bias, Window: tensor.Square(1, 1, 0), Groups: 1}
}

// gemm returns a fully connected layer of one output with all weights w.
func gemm(n int, w float32, bias ...float32) *ann.Gemm {
	t := tensor.New(1, n)
	for i := range t.Data {
		t.Data[i] = w
	}
	return &ann.Gemm{Weight: t, Bias: bias}
}

// lambdas returns statistics that say these are the scales: name, value, ...
func lambdas(pairs ...any) *calibrate.Statistics {
	s := &calibrate.Statistics{Percentile: 99.9, Images: 1, InputMax: 2.5}
	for i := 0; i < len(pairs); i += 2 {
		v := pairs[i+1].(float64)
		s.Nodes = append(s.Nodes, calibrate.NodeStatistics{Node: pairs[i].(string), Lambda: float32(v), Max: float32(v), Count: 1})
	}
	return s
}

func mustConvert(t rapid.TB, g *ann.Graph, s *calibrate.Statistics, o convert.Options) *snn.Network {
	t.Helper()
	net, err := convert.Convert(g, s, o)
	if err != nil {
		t.Fatalf("Convert: %v\n%v", err, g)
	}
	return net
}

// find returns the named layer.
func find(t rapid.TB, net *snn.Network, name string) *snn.Layer {
	t.Helper()
	for i := range net.Layers {
		if net.Layers[i].Name == name {
			return &net.Layers[i]
		}
	}
	t.Fatalf("no layer %q in\n%v", name, net)
	return nil
}

// weight returns the first weight of synapse i of l.
func weight(t rapid.TB, l *snn.Layer, i int) float32 {
	t.Helper()
	switch k := l.Synapses[i].Connection.(type) {
	case *snn.Conv:
		return k.Weight.Data[0]
	case *snn.Dense:
		return k.Weight.Data[0]
	case *snn.Shortcut:
		return k.Scale
	case *snn.AveragePool:
		return k.Scale
	}
	t.Fatalf("layer %q: synapse %d is a %s", l.Name, i, l.Synapses[i].Connection.Kind())
	return 0
}

func mustCalibrate(t rapid.TB, g *ann.Graph, im images, o calibrate.Options) *calibrate.Statistics {
	t.Helper()
	s, err := calibrate.Run(context.Background(), g, im, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustSimplify returns what is to be calibrated and compared with rates for g.
func mustSimplify(t rapid.TB, g *ann.Graph) *ann.Graph {
	t.Helper()
	p, err := convert.Simplify(g)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func runner(t rapid.TB, g *ann.Graph) *infer.Runner {
	t.Helper()
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	return m.NewRunner()
}
