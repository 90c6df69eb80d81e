package eval

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sresnet/ann"
	"sresnet/energy"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// testImages are random images of 1x4x4 with labels 0..2.
type testImages struct {
	pixels [][]float32
	labels []int
	before func(i int) error // Called before an image is handed out, if set.
}

func newTestImages(n int) *testImages {
	rnd := rand.New(rand.NewPCG(5, 6))
	im := &testImages{}
	for range n {
		im.pixels = append(im.pixels, randomFloats(rnd, 16))
		im.labels = append(im.labels, rnd.IntN(3))
	}
	return im
}

func randomFloats(rnd *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rnd.IntN(33)-16) / 16
	}
	return x
}

func (im *testImages) Len() int            { return len(im.pixels) }
func (im *testImages) Shape() tensor.Shape { return tensor.Shape{1, 4, 4} }
func (im *testImages) Label(i int) int     { return im.labels[i] }
func (im *testImages) Image(i int, dst []float32) error {
	if im.before != nil {
		if err := im.before(i); err != nil {
			return err
		}
	}
	copy(dst, im.pixels[i])
	return nil
}

// testNetworks returns a network of two fully connected layers, 16-8-3, and the
// spiking network with the same weights.
func testNetworks(t *testing.T) (*ann.Graph, *snn.Network) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 8))
	w1, w2 := tensor.Of(randomFloats(rnd, 8*16), 8, 16), tensor.Of(randomFloats(rnd, 3*8), 3, 8)
	b1 := randomFloats(rnd, 8)
	g := &ann.Graph{
		Name: "tiny", Input: ann.Input{Name: "image", Shape: tensor.Shape{1, 4, 4}}, Output: "fc2",
		Nodes: []ann.Node{
			{Name: "flat", Inputs: []string{"image"}, Op: &ann.Flatten{}},
			{Name: "fc1", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: w1, Bias: b1}},
			{Name: "relu", Inputs: []string{"fc1"}, Op: &ann.Relu{}},
			{Name: "fc2", Inputs: []string{"relu"}, Op: &ann.Gemm{Weight: w2}},
		},
	}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	// Activations reach about 8; one spike stands for that.
	const lambda = 8
	scaled := func(w *tensor.Tensor, f float32) *tensor.Tensor {
		s := w.Clone()
		for i := range s.Data {
			s.Data[i] *= f
		}
		return s
	}
	neuron := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	bias := scaled(tensor.Of(b1, 8), 1./lambda).Data
	net := &snn.Network{
		Name: "tiny", Input: snn.Input{Shape: tensor.Shape{1, 4, 4}},
		Layers: []snn.Layer{
			{
				Name: "relu", Shape: tensor.Shape{8, 1, 1}, Bias: bias, Neuron: neuron, Charge: 1, Lambda: lambda,
				Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: scaled(w1, 1./lambda)}}},
			},
			{
				Name: "fc2", Shape: tensor.Shape{3, 1, 1}, Neuron: neuron, Charge: 1, Lambda: lambda,
				Synapses: []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: w2}}},
			},
		},
	}
	return g, net
}

func evaluate(t *testing.T, images Images, o Options) *Result {
	t.Helper()
	g, net := testNetworks(t)
	r, err := Run(t.Context(), g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tallied returns what was counted on all images.
func tallied(t *testing.T, images Images, o Options) *Tally {
	t.Helper()
	g, net := testNetworks(t)
	e, err := New(g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	i, sum := -1, e.NewTally()
	next := func() (int, bool, error) { i++; return i, i < images.Len(), nil }
	if err := e.Present(t.Context(), images.Len(), next, func(x *Tally) error { sum.Merge(x); return nil }); err != nil {
		t.Fatal(err)
	}
	return sum
}

// ignoreTime leaves out what a clock decides.
var ignoreTime = cmpopts.IgnoreFields(Result{}, "Seconds")

func TestRun(t *testing.T) {
	images := newTestImages(60)
	const T = 64
	calls := 0
	r := evaluate(t, images, Options{Sim: sim.Options{Timesteps: T}, Workers: 1, Progress: func(done, total int) {
		calls++
		if done != calls || total != 60 {
			t.Errorf("progress %d of %d at call %d", done, total, calls)
		}
	}})
	if calls != 60 || r.Images != 60 || !r.Complete || r.Timesteps != T || len(r.SpikingTop1) != T || len(r.Agreement) != T {
		t.Fatalf("%d calls of progress, result %+v", calls, r)
	}
	// The conversion is right, so that most images agree in the end, and the
	// accuracies are those of the predictions.
	if r.Agreement[T-1] < 0.9 {
		t.Errorf("agreement at T: got %v, want at least 0.9", r.Agreement[T-1])
	}
	predictions := tallied(t, images, Options{Sim: sim.Options{Timesteps: T}}).predictions
	slices.SortFunc(predictions, byIndex)
	for step := range T {
		right, agree := 0, 0
		for i := range predictions {
			p := &predictions[i]
			if p.Index != i || p.Label != images.labels[i] {
				t.Fatalf("prediction %d is %+v", i, p)
			}
			if p.At(step) == p.Label {
				right++
			}
			if p.At(step) == p.ANN {
				agree++
			}
		}
		if got, want := r.SpikingTop1[step], float64(right)/60; got != want {
			t.Errorf("top-1 at step %d: got %v, predictions say %v", step, got, want)
		}
		if got, want := r.Agreement[step], float64(agree)/60; got != want {
			t.Errorf("agreement at step %d: got %v, predictions say %v", step, got, want)
		}
	}
	// Every spike of the first layer meets the three weights of its neuron; the
	// image meets eight weights a pixel that is not zero.
	first := r.Layers[0]
	if first.SpikesPerImage == 0 || r.ACsPerImage[T-1] != 3*first.SpikesPerImage {
		t.Errorf("ACs per image: got %v for %v spikes into 3 neurons", r.ACsPerImage[T-1], first.SpikesPerImage)
	}
	nonzero := 0
	for _, x := range images.pixels {
		for _, v := range x {
			if v != 0 {
				nonzero++
			}
		}
	}
	if want := float64(8*nonzero) / 60; r.MACsPerImage != want {
		t.Errorf("MACs per image: got %v, want %v", r.MACsPerImage, want)
	}
	if r.DenseMACsPerImage != 8*16+3*8 || r.Energy.SNN.Updates != 11*T {
		t.Errorf("dense MACs %v, membrane updates %v", r.DenseMACsPerImage, r.Energy.SNN.Updates)
	}
	if want := first.SpikesPerImage / (8 * T); first.Rate != want {
		t.Errorf("rate: got %v, want %v", first.Rate, want)
	}
}

// Nothing but the time depends on workers, blocks or the engine.
func TestRunIsIndependentOfWorkers(t *testing.T) {
	images := newTestImages(30)
	o := Options{Sim: sim.Options{Timesteps: 20}, Workers: 1}
	want := evaluate(t, images, o)
	for _, workers := range []int{2, 3, 7, 100} {
		o.Workers, o.Sim.Block = workers, workers
		o.Sim.Reference = workers == 3
		if diff := cmp.Diff(want, evaluate(t, images, o), ignoreTime); diff != "" {
			t.Errorf("%d workers (-one +got):\n%s", workers, diff)
		}
	}
}

// An evaluation that is canceled keeps the images that were finished.
func TestRunCanceled(t *testing.T) {
	images := newTestImages(40)
	ctx, cancel := context.WithCancel(t.Context())
	images.before = func(i int) error {
		if i == 25 {
			cancel()
		}
		return nil
	}
	g, net := testNetworks(t)
	r, err := Run(ctx, g, net, images, Options{Sim: sim.Options{Timesteps: 20}, Workers: 2})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v", err)
	}
	if r == nil || r.Complete || r.Images < 20 || r.Images > 26 || len(r.Predictions.Image) != r.Images {
		t.Fatalf("got result %+v", r)
	}
	// What is kept is what a whole run says of the same images.
	images.before = nil
	whole := evaluate(t, images, Options{Sim: sim.Options{Timesteps: 20}})
	p, all := &r.Predictions, &whole.Predictions
	for i, image := range p.Image {
		if all.Image[image] != image || p.Label[i] != all.Label[image] || p.Trained[i] != all.Trained[image] || p.Spiking[i] != all.Spiking[image] {
			t.Errorf("image %d: got label %d, classes %d and %d, not those of a whole run", image, p.Label[i], p.Trained[i], p.Spiking[i])
		}
	}
}

func TestRunCanceledBeforeTheFirstImage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g, net := testNetworks(t)
	r, err := Run(ctx, g, net, newTestImages(3), Options{Sim: sim.Options{Timesteps: 4}})
	if r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestRunErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*testImages, *ann.Graph, *Options)
		want   string
	}{
		{"no images", func(im *testImages, _ *ann.Graph, _ *Options) { im.pixels = nil }, "no images"},
		{"no timesteps", func(_ *testImages, _ *ann.Graph, o *Options) { o.Sim.Timesteps = 0 }, "0 timesteps"},
		{"label out of range", func(im *testImages, _ *ann.Graph, _ *Options) { im.labels[2] = 3 }, "image 2 has label 3"},
		{"unreadable image", func(im *testImages, _ *ann.Graph, _ *Options) {
			im.before = func(i int) error {
				if i == 1 {
					return errors.New("image 1 is torn")
				}
				return nil
			}
		}, "image 1 is torn"},
		{"other shape", func(_ *testImages, g *ann.Graph, _ *Options) { g.Input.Shape = tensor.Shape{1, 2, 8} }, "takes 1x2x8"},
		{"infinite logits", func(_ *testImages, g *ann.Graph, _ *Options) {
			w := g.Nodes[3].Op.(*ann.Gemm).Weight
			for i := range w.Data {
				w.Data[i] = 3e38
			}
		}, "output of the trained network: element 0 is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, net := testNetworks(t)
			images, o := newTestImages(5), Options{Sim: sim.Options{Timesteps: 4}, Workers: 2}
			tt.change(images, g, &o)
			r, err := Run(t.Context(), g, net, images, o)
			if r != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want one with %q", r, err, tt.want)
			}
		})
	}
}

// TestRunAlone checks that a spiking network does the same without the trained one
// beside it, and that nothing is said of that.
func TestRunAlone(t *testing.T) {
	g, net := testNetworks(t)
	images := newTestImages(20)
	device, err := energy.OpenDevice("45nm")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Sim: sim.Options{Timesteps: 16}, Workers: 3, Device: device}
	both, err := Run(context.Background(), g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Run(context.Background(), nil, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(both.SpikingTop1, alone.SpikingTop1); d != "" {
		t.Errorf("accuracy (-with, +without the trained network):\n%s", d)
	}
	if d := cmp.Diff(both.Layers, alone.Layers); d != "" {
		t.Errorf("layers (-with, +without the trained network):\n%s", d)
	}
	if !alone.Alone() || alone.TrainedTop1 != 0 || alone.Predictions.Trained != nil || alone.Energy.ANN != nil || alone.Changed != nil {
		t.Errorf("alone %v, agreement %v, energy of the trained network %v, changed %v; want true and nothing", alone.Alone(), alone.Agreement, alone.Energy.ANN, alone.Changed)
	}
	if d := cmp.Diff(both.Energy.SNN, alone.Energy.SNN); d != "" {
		t.Errorf("operations and joules (-with, +without the trained network):\n%s", d)
	}
	if e := alone.Energy; e.SNN.MACs == 0 || e.SNN.Joules == nil || e.BreakEven.Dense != nil || e.BreakEven.Ratio != 0 || e.BreakEven.Spikes != both.Energy.BreakEven.Spikes {
		t.Errorf("energy without a trained network: %+v", e)
	}
	if c := alone.Choose(); len(c.Within) != 0 || c.Recommended < 1 || strings.Contains(c.Reason, "trained") {
		t.Errorf("Choose: %+v", c)
	}
	var b strings.Builder
	if err := alone.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"trained_top1":null`) || !strings.Contains(b.String(), `"agreement":null`) {
		t.Errorf("JSON %s, want null for the trained network", b.String())
	}
}
