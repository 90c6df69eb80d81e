package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/internal/steps"
	"sresnet/tensor"
)

func TestInspectOpenShape(t *testing.T) {
	file := tiny{open: true, weight: 0.1}.write(t)
	code, _, stderr := sresnet(t, t.Context(), "inspect", file)
	if code != exitError || !strings.Contains(stderr, "1xrowsxcolumns has open sizes") || !strings.Contains(stderr, "hint: give channels, rows and columns of one image after the file, or the length of a vector: "+file+"?input=3x32x32, or ?input=784\n") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", file+"?input=1x28x28")
	if code != 0 || !strings.Contains(stdout, "The network converts.") {
		t.Errorf("with input: exit code %d: %s%s", code, stdout, stderr)
	}
}

// A layer that is too large for the engine is told before anything is calibrated:
// with a context that has ended, calibration would not begin.
func TestTooLarge(t *testing.T) {
	t.Setenv("COLUMNS", "300") // Reasons in one line.
	file := tiny{weight: 0.1, pad: 120}.write(t)
	const reason = "its 1 channels of 266x266 positions are too many"
	code, stdout, stderr := sresnet(t, t.Context(), "inspect", file)
	if code != exitError || !strings.Contains(stdout, "unsupported: "+reason) || strings.Contains(stdout, "The network converts") || !strings.Contains(stderr, "1 of 5 nodes of "+file+" cannot be converted") {
		t.Errorf("inspect: exit code %d: %s%s", code, stdout, stderr)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"eval", "verify"} {
		code, _, stderr := sresnet(t, ended, command, file, "--data", "mnist")
		if code != exitError || !strings.Contains(stderr, `node "relu": Relu is not supported: `+reason) || !strings.Contains(stderr, "hint: use smaller images") {
			t.Errorf("%s: exit code %d: %s", command, code, stderr)
		}
	}
}

// The work of an inspection grows with the number of nodes, not with its square.
func TestInspectLong(t *testing.T) {
	steps.New(t, "sresnet/cmd/sresnet", "sresnet/convert", "sresnet/ann").Linear(t, 200, func(n int) {
		one := &ann.Conv{Weight: tensor.Of([]float32{1}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
		g := &ann.Graph{Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 1, 1}}, Nodes: []ann.Node{
			{Name: "conv", Inputs: []string{"x"}, Op: one},
			{Name: "first", Inputs: []string{"conv"}, Op: &ann.Relu{}},
		}}
		add := func(name string, op ann.Op, inputs ...string) string {
			g.Nodes = append(g.Nodes, ann.Node{Name: name, Inputs: inputs, Op: op})
			return name
		}
		last := "first"
		for i := range n {
			last = add(fmt.Sprintf("sum%d", i), &ann.Add{}, "first", last)
		}
		last = add("flat", &ann.Flatten{}, add("last", &ann.Relu{}, last))
		g.Output = add("logits", &ann.Gemm{Weight: tensor.Of([]float32{1}, 1, 1)}, last)
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		in, err := inspectGraph(g)
		if err != nil || !in.Converts {
			t.Fatalf("%+v, error %v", in, err)
		}
		const want = "nothing: its branches are currents; shortcut from first, weight lambda(from)/lambda(to)"
		if got := in.Nodes[n].Becomes; got != want {
			t.Errorf("a sum becomes %q, want %q", got, want)
		}
	})
}
