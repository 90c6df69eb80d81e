package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

const testTimesteps = 32

// mnist returns the ResNet-8 of the demo, calibrated, and the first n test images.
func mnist(t *testing.T, n int) (*ann.Graph, *calibrate.Statistics, *dataset.Images) {
	t.Helper()
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		t.Fatal(err)
	}
	s, err := calibrate.Run(t.Context(), g, mnistImages(t, dataset.Train, 50), calibrate.Options{Percentile: 99.9})
	if err != nil {
		t.Fatal(err)
	}
	return g, s, mnistImages(t, dataset.Test, n)
}

// mnistImages returns the first n images of a split.
func mnistImages(t *testing.T, split dataset.Split, n int) *dataset.Images {
	t.Helper()
	norm, err := dataset.ParseNormalization("mnist", 1)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open("mnist", split)
	if err != nil {
		t.Skipf("no MNIST: %v", err)
	}
	if d, err = d.First(n); err != nil {
		t.Fatal(err)
	}
	im, err := dataset.NewImages(d, norm)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestRun(t *testing.T) {
	for _, model := range []snn.Model{nil, snn.LIF{Leak: 0.95}, snn.LIF{Leak: 0.99, Refractory: 2}} {
		n := snn.Neuron{Model: model}
		t.Run(n.Kind(), func(t *testing.T) { testRun(t, model) })
	}
}

func testRun(t *testing.T, model snn.Model) {
	g, s, images := mnist(t, 2)
	calls := 0
	o := Options{Convert: convert.DefaultOptions(), Timesteps: testTimesteps, Progress: func(int, int) { calls++ }}
	o.Convert.Neuron = model
	stages, err := Run(t.Context(), g, s, images, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 6 || calls != 2 {
		t.Errorf("%d stages, %d calls of progress", len(stages), calls)
	}
	for _, st := range stages {
		t.Logf("%+v", st)
		if !st.OK {
			t.Errorf("stage %q failed: %v %s", st.Name, st.Difference, st.Unit)
		}
	}
	for _, i := range []int{3, 5} {
		if stages[i].Difference != 0 || stages[i].Bound != 0 {
			t.Errorf("stage %q: %v of the spikes differ", stages[i].Name, stages[i].Difference)
		}
	}
}

// A network that is built wrongly in one place must fail every comparison that
// sees it, even where the error is as small as one shortcut being 2 % off.
func TestRunFindsErrors(t *testing.T) {
	g, s, images := mnist(t, 1)
	for _, tt := range []struct {
		name    string
		balance func(*snn.Network) // Breaks the threshold-balanced network.
		fold    func(*ann.Graph)   // Breaks the folded graph.
		both    func(*snn.Network) // Breaks both spiking networks alike.
		engine  bool               // Gives the reference engine another network, as if it had an error.
		failed  []int              // Stages that must fail, at least.
	}{
		{name: "shortcut 2 % too strong", balance: func(n *snn.Network) { scaleShortcut(t, n, 1.02) }, failed: []int{2, 3, 4}},
		{name: "bias forgotten", balance: func(n *snn.Network) { withBias(t, n).Bias = nil }, failed: []int{2, 3, 4}},
		{name: "wrong charge", balance: func(n *snn.Network) { n.Layers[1].Charge *= 1.02 }, failed: []int{2, 3, 4}},
		{name: "wrong threshold", balance: func(n *snn.Network) { n.Layers[1].Neuron.Threshold[0] *= 1.02 }, failed: []int{2, 3, 4}},
		{name: "other start potential", balance: func(n *snn.Network) { n.Layers[1].Neuron.VInit = nil }, failed: []int{3, 4}},
		{name: "weight folded wrongly", fold: func(g *ann.Graph) { firstConv(g).Weight.Data[0] += 0.01 }, failed: []int{0, 1}},
		{name: "lambda not applied", both: func(n *snn.Network) { n.Layers[0].Lambda *= 1.001 }, failed: []int{1}},
		{name: "shortcut scale forgotten", both: func(n *snn.Network) { scaleShortcut(t, n, 0.5) }, failed: []int{1}},
		{name: "engines that differ", engine: true, failed: []int{5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			folded, err := convert.Fold(g)
			if err != nil {
				t.Fatal(err)
			}
			nets, err := convertAll(t.Context(), g, s, convert.DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			if tt.balance != nil {
				tt.balance(nets.balanced)
				tt.balance(nets.exactBalanced)
			}
			if tt.fold != nil {
				tt.fold(folded)
			}
			if tt.both != nil {
				tt.both(nets.normalised)
				tt.both(nets.balanced)
			}
			opts := Options{Timesteps: testTimesteps / 4, ReferenceImages: 1}
			f, err := compile(t.Context(), g, folded, nets, opts)
			if err != nil {
				t.Fatal(err)
			}
			if tt.engine {
				scaleShortcut(t, nets.normalised, 1.02)
				f.reference, err = sim.Compile(nets.normalised, sim.Options{Timesteps: opts.Timesteps, Reference: true})
				if err != nil {
					t.Fatal(err)
				}
			}
			stages, err := f.compare(t.Context(), images, opts)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range tt.failed {
				st := stages[i]
				t.Logf("%+v", st)
				if st.OK || st.Where == "" {
					t.Errorf("stage %q passed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
				}
			}
		})
	}
}

// A ReLU6 ends activations at its bound, which calibration finds, and everything
// behind it gets the bound rather than what is above it.
func TestRunClip(t *testing.T) {
	g, s, images := mnist(t, 1)
	relus := 0
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(*ann.Relu); ok && relus < 3 {
			n.Op = &ann.Clip{Max: s.Node(n.Name).Lambda / 4}
			relus++
		}
	}
	s, err := calibrate.Run(t.Context(), g, images, calibrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stages, err := Run(t.Context(), g, s, images, Options{Convert: convert.DefaultOptions(), Timesteps: testTimesteps / 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stages {
		if !st.OK {
			t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
		}
	}
}

// A context that ends leaves the images that were finished.
func TestRunInterrupted(t *testing.T) {
	g, s, images := mnist(t, 4)
	for _, tt := range []struct{ finished, stages int }{{0, 0}, {1, 6}, {2, 6}} {
		ctx, cancel := context.WithCancel(t.Context())
		if tt.finished == 0 {
			cancel()
		}
		stages, err := Run(ctx, g, s, images, Options{
			Convert: convert.DefaultOptions(), Timesteps: 4, Workers: 1, ReferenceImages: 1,
			Progress: func(done, _ int) {
				if done == tt.finished {
					cancel()
				}
			},
		})
		if !errors.Is(err, context.Canceled) || len(stages) != tt.stages {
			t.Fatalf("after %d images: %d stages, error %v", tt.finished, len(stages), err)
		}
		for i, st := range stages {
			want := tt.finished
			if i == 5 {
				want = 1 // The engines.
			}
			if st.Images != want || !st.OK {
				t.Errorf("after %d images: stage %q on %d images, want %d: %+v", tt.finished, st.Name, st.Images, want, st)
			}
		}
	}
}

// A comparison that was made on no image is no stage, rather than one that passed.
func TestStagesWithoutEngines(t *testing.T) {
	g, s, images := mnist(t, 1)
	f, err := build(t.Context(), g, s, Options{Timesteps: 4})
	if err != nil {
		t.Fatal(err)
	}
	found := make([]findings, 1)
	if err := newWorker(f, images).compare(t.Context(), 0, false, &found[0]); err != nil {
		t.Fatal(err)
	}
	stages := f.stages(found)
	if len(stages) != 5 || stages[0].Images != 1 {
		t.Errorf("got %+v", stages)
	}
}

func TestRunWithoutImages(t *testing.T) {
	if _, err := Run(t.Context(), nil, nil, none{}, Options{}); err == nil || !strings.Contains(err.Error(), "no images") {
		t.Errorf("got error %v", err)
	}
}

type none struct{}

func (none) Len() int                   { return 0 }
func (none) Image(int, []float32) error { return nil }

// scaleShortcut multiplies the weight of the first shortcut, of whichever kind.
func scaleShortcut(t *testing.T, n *snn.Network, factor float32) {
	t.Helper()
	for i := range n.Layers {
		if syn := n.Layers[i].Synapses; len(syn) > 1 {
			switch k := syn[1].Connection.(type) {
			case *snn.Shortcut:
				k.Scale *= factor
				for c := range k.Scales {
					k.Scales[c] *= factor
				}
			case *snn.Conv:
				for j := range k.Weight.Data {
					k.Weight.Data[j] *= factor
				}
			}
			return
		}
	}
	t.Fatal("no layer with two synapses")
}

// withBias returns the first hidden layer that has a bias.
func withBias(t *testing.T, n *snn.Network) *snn.Layer {
	t.Helper()
	for i := range n.Layers {
		if i > 0 && n.Layers[i].Bias != nil {
			return &n.Layers[i]
		}
	}
	t.Fatal("no layer with a bias")
	return nil
}

func firstConv(g *ann.Graph) *ann.Conv {
	for i := range g.Nodes {
		if c, ok := g.Nodes[i].Op.(*ann.Conv); ok {
			return c
		}
	}
	return nil
}

// A network may end in a rectifier, whose activations are compared with rectified
// rates.
func TestRunEndsInRectifier(t *testing.T) {
	g, _, images := mnist(t, 2)
	for _, last := range []ann.Op{&ann.Relu{}, &ann.Clip{Max: 4}} {
		t.Run(last.Type(), func(t *testing.T) {
			g := g.Clone()
			for {
				n := g.Node(g.Output)
				if _, ok := n.Op.(*ann.Softmax); !ok {
					break
				}
				g.Output = n.Inputs[0]
			}
			g.Nodes = append(g.Nodes, ann.Node{Name: "last", Op: last, Inputs: []string{g.Output}, Shape: g.Node(g.Output).Shape})
			g.Output = "last"
			s, err := calibrate.Run(t.Context(), g, images, calibrate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			stages, err := Run(t.Context(), g, s, images, Options{Convert: convert.DefaultOptions(), Timesteps: 8, ReferenceImages: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range stages {
				if !st.OK {
					t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
				}
			}
		})
	}
}

// Right networks pass where rounding is more than a bit of one weight: of a pool over
// everything, many equal weights that meet the threshold but for their rounding; of a sum
// whose terms nearly cancel, all that is left.
func TestRunRounding(t *testing.T) {
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		floats := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rnd.NormFloat64())
			}
			return x
		}
		conv := func(w, b float32) *ann.Conv {
			return &ann.Conv{Weight: tensor.Of([]float32{w}, 1, 1, 1, 1), Bias: []float32{b}, Window: tensor.Square(1, 1, 0), Groups: 1}
		}
		images := pixels{floats(24), floats(24), floats(24)}
		most := float32(0) // Of the first layer of the second network.
		for _, im := range images {
			most = max(most, slices.Max(im)*3-1)
		}
		for kind, nodes := range map[string][]ann.Node{ // Drawn in the order of the text.
			"pool": {
				{Name: "conv", Inputs: []string{"x"}, Op: conv(floats(1)[0], floats(1)[0])},
				{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
				{Name: "pool", Inputs: []string{"relu"}, Op: &ann.GlobalAveragePool{}},
				{Name: "flat", Inputs: []string{"pool"}, Op: &ann.Flatten{}},
				{Name: "hidden", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of(floats(8), 8, 1)}},
				{Name: "relu2", Inputs: []string{"hidden"}, Op: &ann.Relu{}},
				{Name: "fc", Inputs: []string{"relu2"}, Op: &ann.Gemm{Weight: tensor.Of(floats(16), 2, 8)}},
			},
			"cancel": {
				{Name: "conv", Inputs: []string{"x"}, Op: conv(3, -1)},
				{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
				{Name: "conv2", Inputs: []string{"relu"}, Op: conv(0.7, -0.7*most*(1-1e-4))},
				{Name: "relu2", Inputs: []string{"conv2"}, Op: &ann.Relu{}},
				{Name: "flat", Inputs: []string{"relu2"}, Op: &ann.Flatten{}},
				{Name: "fc", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of(floats(48), 2, 24)}},
			},
			"offset that is taken away": {
				{Name: "conv", Inputs: []string{"x"}, Op: conv(3, -1)},
				{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
				{Name: "flat", Inputs: []string{"relu"}, Op: &ann.Flatten{}},
				{Name: "sum", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of(floats(48), 2, 24), Bias: []float32{1e5, -1e5}}},
				{Name: "fc", Inputs: []string{"sum"}, Op: &ann.BatchNormalization{Scale: floats(2), Bias: floats(2), Mean: []float32{1e5, -1e5}, Var: []float32{1.1, 0.9}, Epsilon: 1e-5}},
			},
		} {
			g := &ann.Graph{Name: kind, Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 4, 6}}, Output: "fc", Nodes: nodes}
			if err := g.InferShapes(); err != nil {
				t.Fatal(err)
			}
			s, err := calibrate.Run(t.Context(), g, images, calibrate.Options{Percentile: 99})
			if err != nil {
				t.Fatal(err)
			}
			for i := range s.Nodes { // So few images may leave a layer silent.
				if !(s.Nodes[i].Lambda > 0) {
					s.Nodes[i].Lambda = 1
				}
			}
			stages, err := Run(t.Context(), g, s, images, Options{Convert: convert.DefaultOptions(), Timesteps: 8, ReferenceImages: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range stages {
				if !st.OK {
					t.Errorf("%s %d: stage %q failed: %v %s at %q", kind, seed, st.Name, st.Difference, st.Unit, st.Where)
				}
			}
		}
	}
}

// pixels are images in memory.
type pixels [][]float32

func (p pixels) Len() int { return len(p) }

func (p pixels) Image(i int, dst []float32) error {
	copy(dst, p[i])
	return nil
}

// A right network of such pools passes.
func TestRunAveragePools(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	floats := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64()) * 0.4
		}
		return x
	}
	g := &ann.Graph{Name: "pools", Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 28, 28}}, Output: "fc", Nodes: []ann.Node{
		{Name: "conv", Inputs: []string{"x"}, Op: &ann.Conv{Weight: tensor.Of(floats(4*9), 4, 1, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}},
		{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
		{Name: "pool", Inputs: []string{"relu"}, Op: &ann.AveragePool{Window: tensor.Square(2, 2, 0)}},
		{Name: "conv2", Inputs: []string{"pool"}, Op: &ann.Conv{Weight: tensor.Of(floats(4*4*9), 4, 4, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}},
		{Name: "relu2", Inputs: []string{"conv2"}, Op: &ann.Relu{}},
		{Name: "pool2", Inputs: []string{"relu2"}, Op: &ann.AveragePool{Window: tensor.Square(2, 2, 0)}},
		{Name: "flat", Inputs: []string{"pool2"}, Op: &ann.Flatten{}},
		{Name: "fc", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of(floats(10*196), 10, 196)}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	_, _, images := mnist(t, 3)
	s, err := calibrate.Run(t.Context(), g, images, calibrate.Options{Percentile: 99.5})
	if err != nil {
		t.Fatal(err)
	}
	stages, err := Run(t.Context(), g, s, images, Options{Convert: convert.DefaultOptions(), Timesteps: testTimesteps, ReferenceImages: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stages {
		t.Logf("%+v", st)
		if !st.OK {
			t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
		}
	}
}
