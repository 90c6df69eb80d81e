package calibrate

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// chain returns a network of three one-to-one layers of two units and its
// conversion with lambda 1 everywhere and V[0] = 0.
func chain(t *testing.T) (*ann.Graph, *snn.Network) {
	eye := func() *tensor.Tensor { return tensor.Of([]float32{1, 0, 0, 1}, 2, 2) }
	g := &ann.Graph{Name: "chain", Input: ann.Input{Name: "x", Shape: tensor.Shape{2}}, Output: "c", Nodes: []ann.Node{
		{Name: "fa", Inputs: []string{"x"}, Op: &ann.Gemm{Weight: eye()}},
		{Name: "a", Inputs: []string{"fa"}, Op: &ann.Relu{}},
		{Name: "fb", Inputs: []string{"a"}, Op: &ann.Gemm{Weight: eye()}},
		{Name: "b", Inputs: []string{"fb"}, Op: &ann.Relu{}},
		{Name: "c", Inputs: []string{"b"}, Op: &ann.Gemm{Weight: eye()}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	net := &snn.Network{Name: "chain", Input: snn.Input{Shape: tensor.Shape{2, 1, 1}}}
	for i, name := range []string{"a", "b", "c"} {
		net.Layers = append(net.Layers, snn.Layer{
			Name: name, Shape: tensor.Shape{2, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
			Synapses: []snn.Synapse{{From: i - 1, Connection: &snn.Dense{Weight: eye()}}},
		})
	}
	return g, net
}

func largestCount(counts []uint32, _, _ []float32) int {
	if counts[1] > counts[0] {
		return 1
	}
	return 0
}

// TestLayerFactors checks factors against sums done by hand: of the input 0.625
// and T = 4, layer a fires twice (0.625, 1.25, 0.875, 1.5), a rate of 0.5 for an
// activation of 0.625. With 1.25 times the weight it fires at steps 2, 3 and 4
// (0.78, 1.56, 1.34, 1.13), and b, which gets 3/4, should have 0.625.
func TestLayerFactors(t *testing.T) {
	g, net := chain(t)
	o := Compensation{Sim: sim.Options{Timesteps: 4}}
	got, err := LayerFactors(context.Background(), g, net, list{{0.625, 0}}, o)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{1.25, float32(0.625 / 0.75)}
	if !slices.Equal(got[:2], want) {
		t.Errorf("LayerFactors: got %v, want %v", got[:2], want)
	}

	// What exceeds lambda cannot be followed: 3 counts as 1, which is reached.
	if got, err = LayerFactors(context.Background(), g, net, list{{3, 0}}, o); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("LayerFactors of a saturated network: got %v, want %v", got, want)
	}
	// Silent layers keep 1, and the factor of one that hardly fires is bounded.
	if got, err = LayerFactors(context.Background(), g, net, list{{0.125, 0}}, o); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("LayerFactors of a silent network: got %v, want %v", got, want)
	}
	net.Layers[0].Neuron.VInit = []float32{0.99}
	if got, err = LayerFactors(context.Background(), g, net, list{{0.015625, 0}}, o); err != nil {
		t.Fatal(err)
	}
	if got[0] != 0.5 {
		t.Errorf("LayerFactors: got %v for a rate 16 times the activation, want the bound 0.5", got[0])
	}
}

// TestGlobalFactor uses an image whose two outputs differ in activation, 0.99 and
// 0.98, but both fire three times in four timesteps, a tie that goes to the wrong
// class, until a factor of 1.0102 and more lifts the first to four.
func TestGlobalFactor(t *testing.T) {
	g, net := chain(t)
	images := list{{0.98, 0.99}}
	var done []int
	o := Compensation{Sim: sim.Options{Timesteps: 4}, Readout: largestCount, Workers: 2, Progress: func(d, _ int) { done = append(done, d) }}
	c, curve, err := GlobalFactor(context.Background(), g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	if !(c > 1.0101 && c < 1.0204) {
		t.Errorf("GlobalFactor: got %v, want one of those that tell the classes apart\n%v", c, curve)
	}
	if len(curve) != 14 || !slices.IsSortedFunc(curve, func(p, q FactorPoint) int { return int(math.Copysign(1, float64(p.Factor-q.Factor))) }) {
		t.Errorf("GlobalFactor: curve of %d points %v, want 14 by factor", len(curve), curve)
	}
	for _, p := range curve {
		want := 0.0
		if p.Factor == c {
			want = 1
		}
		if p.Factor == 1 && p.Agreement != 0 || p.Factor == c && p.Agreement != want {
			t.Errorf("curve at %v: agreement %v", p.Factor, p.Agreement)
		}
	}
	if len(done) != 14 {
		t.Errorf("progress was told %d times, want 14", len(done))
	}
	again, _, err := GlobalFactor(context.Background(), g, net, images, o)
	if err != nil || again != c {
		t.Errorf("GlobalFactor again: got %v, %v, want %v", again, err, c)
	}
}

func TestCompensationErrors(t *testing.T) {
	g, net := chain(t)
	ctx := context.Background()
	o := Compensation{Sim: sim.Options{Timesteps: 4}, Readout: largestCount}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := LayerFactors(canceled, g, net, list{{1, 1}}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("LayerFactors, canceled: error %v", err)
	}
	if _, _, err := GlobalFactor(canceled, g, net, list{{1, 1}}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("GlobalFactor, canceled: error %v", err)
	}
	check := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	_, _, err := GlobalFactor(ctx, g, net, list{}, o)
	check(err, "no images")
	_, _, err = GlobalFactor(ctx, g, net, list{nil}, o)
	check(err, "image 0: unreadable")
	_, _, err = GlobalFactor(ctx, g, net, list{{1, 1}}, Compensation{Sim: o.Sim})
	check(err, "read-out")
	_, err = LayerFactors(ctx, g, net, list{{1, 1}}, Compensation{})
	check(err, "0 timesteps")
	net.Layers[1].Name = "other"
	_, err = LayerFactors(ctx, g, net, list{{1, 1}}, o)
	check(err, `layer "other"`)
}
