package infer

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/tensor"
)

// inCHW returns an activation of a runner in CHW order. image is the shape of
// the image that a vector was flattened from.
func inCHW(got []float32, image tensor.Shape) []float32 {
	dst := make([]float32, len(got))
	layoutOf(image).toCHW(dst, got)
	return dst
}

// same reports whether all elements are the same numbers; a NaN equals any other,
// and so do the two zeros, as Relu may keep a negative one.
func same(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
			return false
		}
	}
	return true
}

func TestRunEqualsReferenceBitForBit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gr := newGrower(t)
		g := gr.grow(false)
		m, err := New(g)
		if err != nil {
			t.Fatalf("New: %v\n%v", err, g)
		}
		r := m.NewRunner()
		var want map[string]*tensor.Tensor
		var seen []string
		w := m.NewWatcher(func(node string, x []float32) {
			seen = append(seen, node)
			if node == g.Input.Name {
				return
			}
			if got := inCHW(x, want[node].Shape); !same(got, want[node].Data) {
				t.Fatalf("seen of %q is %v, want %v\n%v", node, got, want[node].Data, g)
			}
		})
		names := []string{g.Input.Name}
		for i := range g.Nodes {
			names = append(names, g.Nodes[i].Name)
		}
		for range 2 { // The second image must not see the first.
			image := gr.floats(g.Input.Shape.Len())
			want = reference(g, image)
			seen = nil
			if out, err := w.Run(image); err != nil || !same(out, want[g.Output].Data) {
				t.Fatalf("Run of a watcher = %v, %v, want %v\n%v", out, err, want[g.Output].Data, g)
			}
			if !slices.Equal(seen, names) {
				t.Fatalf("seen were %v, want %v", seen, names)
			}
			out, err := r.Run(image)
			if err != nil {
				t.Fatal(err)
			}
			if !same(out, want[g.Output].Data) {
				t.Fatalf("Run = %v, want %v\n%v", out, want[g.Output].Data, g)
			}
			for name, w := range want {
				if got := inCHW(r.Activation(name), w.Shape); !same(got, w.Data) {
					t.Fatalf("Activation(%q) = %v, want %v\n%v", name, got, w.Data, g)
				}
			}
		}
	})
}

func TestRunOfVectors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gr := newGrower(t)
		g := gr.grow(true)
		m, err := New(g)
		if err != nil {
			t.Fatalf("New: %v\n%v", err, g)
		}
		image := gr.floats(g.Input.Shape.Len())
		want := reference(g, image)[g.Output].Data
		out, err := m.NewRunner().Run(image)
		if err != nil {
			t.Fatal(err)
		}
		scale := 1.0
		for _, x := range reference(g, image) {
			for _, v := range x.Data {
				scale = math.Max(scale, math.Abs(float64(v)))
			}
		}
		for i := range want {
			if d := math.Abs(float64(out[i]) - float64(want[i])); !(d <= 2e-5*scale) {
				t.Fatalf("Run = %v, want %v\n%v", out, want, g)
			}
		}
	})
}

// tiny returns a network with a residual block and a classifier.
func tiny() *ann.Graph {
	rnd := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(rnd.NormFloat64())
		}
		return s
	}
	g := &ann.Graph{
		Name:  "tiny",
		Input: ann.Input{Name: "image", Shape: tensor.Shape{3, 8, 8}},
		Nodes: []ann.Node{
			{Name: "conv1", Inputs: []string{"image"}, Op: &ann.Conv{Weight: tensor.Of(draw(16*3*9), 16, 3, 3, 3), Bias: draw(16), Window: tensor.Square(3, 1, 1), Groups: 1}},
			{Name: "relu1", Inputs: []string{"conv1"}, Op: &ann.Relu{}},
			{Name: "conv2", Inputs: []string{"relu1"}, Op: &ann.Conv{Weight: tensor.Of(draw(16*16*9), 16, 16, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}},
			{Name: "bn2", Inputs: []string{"conv2"}, Op: &ann.BatchNormalization{Scale: draw(16), Bias: draw(16), Mean: draw(16), Var: make([]float32, 16), Epsilon: 1}},
			{Name: "sum", Inputs: []string{"bn2", "relu1"}, Op: &ann.Add{}},
			{Name: "relu2", Inputs: []string{"sum"}, Op: &ann.Clip{Max: 6}},
			{Name: "max", Inputs: []string{"relu2"}, Op: &ann.MaxPool{Window: tensor.Square(2, 2, 0)}},
			{Name: "mean", Inputs: []string{"max"}, Op: &ann.AveragePool{Window: tensor.Square(2, 2, 0)}},
			{Name: "flat", Inputs: []string{"mean"}, Op: &ann.Flatten{}},
			{Name: "fc", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.Of(draw(10*64), 10, 64), Bias: draw(10)}},
			{Name: "prob", Inputs: []string{"fc"}, Op: &ann.Softmax{}},
		},
		Output: "prob",
	}
	if err := g.InferShapes(); err != nil {
		panic(err)
	}
	return g
}

func image(seed uint64, n int) []float32 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = rnd.Float32()
	}
	return x
}

func TestRunDoesNotAllocate(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	r, x := m.NewRunner(), image(1, 3*8*8)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := r.Run(x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("Run allocates %v times", n)
	}
}

func TestRunnersShareAModel(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	const workers, images = 4, 20
	var out [workers][images][]float32
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r := m.NewRunner()
			for i := range images {
				y, _ := r.Run(image(uint64(i), 3*8*8))
				out[w][i] = append([]float32(nil), y...)
			}
		})
	}
	wg.Wait()
	for w := range workers {
		for i := range images {
			if !same(out[w][i], out[0][i]) {
				t.Fatalf("worker %d, image %d: %v, worker 0 has %v", w, i, out[w][i], out[0][i])
			}
		}
	}
}

// A model must not change when the graph it was made of does.
func TestModelKeepsNothingOfTheGraph(t *testing.T) {
	g := tiny()
	m, err := New(g)
	if err != nil {
		t.Fatal(err)
	}
	x := image(1, 3*8*8)
	y, _ := m.NewRunner().Run(x)
	for i := range g.Nodes {
		switch op := g.Nodes[i].Op.(type) {
		case *ann.Conv:
			clear(op.Weight.Data)
			clear(op.Bias)
		case *ann.Gemm:
			clear(op.Weight.Data)
			clear(op.Bias)
		case *ann.BatchNormalization:
			clear(op.Scale)
		}
	}
	g.Input.Shape[0] = 1
	if got, err := m.NewRunner().Run(x); err != nil || !same(got, y) {
		t.Errorf("Run = %v, %v after the graph changed, want %v", got, err, y)
	}
}

func TestNaNReachesTheOutput(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	x := image(1, 3*8*8)
	x[0] = float32(math.NaN())
	r := m.NewRunner()
	if _, err := r.Run(x); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"conv1", "relu1", "relu2", "max", "mean", "fc", "prob"} {
		if tensor.CheckFinite(r.Activation(name)) == nil {
			t.Errorf("no NaN in the output of %s", name)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Run("image of wrong length", func(t *testing.T) {
		m, err := New(tiny())
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.NewRunner().Run(make([]float32, 28*28))
		want := "infer: an image of 784 elements for a network that takes 3x8x8 (192 elements)"
		if err == nil || err.Error() != want {
			t.Errorf("Run: %v, want %s", err, want)
		}
	})
	t.Run("unknown node", func(t *testing.T) {
		m, err := New(tiny())
		if err != nil {
			t.Fatal(err)
		}
		if got := m.NewRunner().Activation("nothing"); got != nil {
			t.Errorf("Activation = %v, want nil", got)
		}
	})
	t.Run("invalid graph", func(t *testing.T) {
		g := tiny()
		g.Node("conv2").Op.(*ann.Conv).Weight.Data[0] = float32(math.NaN())
		_, err := New(g)
		var node *ann.NodeError
		if !errors.As(err, &node) || node.Node != "conv2" {
			t.Errorf("New: %v, want an error about conv2", err)
		}
	})
	t.Run("activations beyond the bound", func(t *testing.T) {
		g := &ann.Graph{
			Input:  ann.Input{Name: "image", Shape: tensor.Shape{1, 1, 1}},
			Nodes:  []ann.Node{{Name: "huge", Inputs: []string{"image"}, Op: &ann.Pad{After: [3]int{0, 1 << 15, 1 << 15}}}},
			Output: "huge",
		}
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		if _, err := New(g); err == nil || !strings.Contains(err.Error(), `node "huge"`) {
			t.Errorf("New: %v, want an error about the node", err)
		}
	})
}
