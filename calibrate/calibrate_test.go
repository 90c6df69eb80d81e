package calibrate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/tensor"
)

// list is images in memory.
type list [][]float32

func (l list) Len() int { return len(l) }

func (l list) Image(i int, dst []float32) error {
	if l[i] == nil {
		return errors.New("unreadable")
	}
	copy(dst, l[i])
	return nil
}

// smallGraph is conv, relu, clip, dense and a softmax, in float weights from rnd.
func smallGraph(t testing.TB, rnd *rand.Rand) *ann.Graph {
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = rnd.Float32() - 0.5
		}
		return w
	}
	g := &ann.Graph{Name: "small", Input: ann.Input{Name: "image", Shape: tensor.Shape{2, 5, 5}}, Output: "softmax", Nodes: []ann.Node{
		{Name: "conv", Inputs: []string{"image"}, Op: &ann.Conv{Weight: weights(3, 2, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}},
		{Name: "relu", Inputs: []string{"conv"}, Op: &ann.Relu{}},
		{Name: "conv2", Inputs: []string{"relu"}, Op: &ann.Conv{Weight: weights(4, 3, 3, 3), Window: tensor.Square(3, 2, 0), Groups: 1}},
		{Name: "clip", Inputs: []string{"conv2"}, Op: &ann.Clip{Max: 0.25}},
		{Name: "flat", Inputs: []string{"clip"}, Op: &ann.Flatten{}},
		{Name: "logits", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: weights(3, 16)}},
		{Name: "softmax", Inputs: []string{"logits"}, Op: &ann.Softmax{}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func randomImages(rnd *rand.Rand, n, size int) list {
	l := make(list, n)
	for i := range l {
		l[i] = make([]float32, size)
		for j := range l[i] {
			l[i][j] = 2*rnd.Float32() - 1
		}
	}
	return l
}

// TestRun compares with a sort of all activations, in several orders and on
// several workers.
func TestRun(t *testing.T) {
	for _, n := range []int{30, 64, 200} {
		t.Run(strconv.Itoa(n), func(t *testing.T) { testRun(t, n) })
	}
}

func testRun(t *testing.T, n int) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g := smallGraph(t, rnd)
	images := randomImages(rnd, n, 50)
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	r := m.NewRunner()
	all := make(map[string][]float32)
	for _, x := range images {
		if _, err := r.Run(x); err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"relu", "clip", "logits"} {
			all[n] = append(all[n], r.Activation(n)...)
		}
	}
	for _, x := range all {
		slices.Sort(x)
	}
	for _, p := range []float64{100, 99.9, 99, 50, 10, 0.01} {
		first, err := Run(context.Background(), g, images, Options{Percentile: p, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(first.Nodes) != len(all) {
			t.Fatalf("%d nodes measured, want %d", len(first.Nodes), len(all))
		}
		for _, s := range first.Nodes {
			x := all[s.Node]
			if want := x[Rank(p, uint64(len(x)))-1]; s.Lambda != want {
				t.Errorf("percentile %v of %q: got %v, want %v", p, s.Node, s.Lambda, want)
			}
			if want := x[len(x)-1]; s.Max != want {
				t.Errorf("largest of %q: got %v, want %v", s.Node, s.Max, want)
			}
		}
		for workers := range 4 {
			rnd.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
			again, err := Run(context.Background(), g, images, Options{Percentile: p, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("percentile %v: %d workers and another order change the result:\n%s", p, workers, diff)
			}
		}
	}
	s, err := Run(context.Background(), g, images, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Percentile != 99.9 || s.Images != n {
		t.Errorf("defaults: percentile %v of %d images, want 99.9 of %d", s.Percentile, s.Images, n)
	}
	if c := s.Node("clip"); c.Max != 0.25 || c.Lambda != 0.25 {
		t.Errorf("clip: lambda %v, largest %v, want its bound of 0.25", c.Lambda, c.Max)
	}
}

func TestInputMax(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g, images := smallGraph(t, rnd), randomImages(rnd, 3, 50)
	images[1][7] = -4.5
	s, err := Run(context.Background(), g, images, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.InputMax != 4.5 {
		t.Errorf("InputMax: got %v, want 4.5", s.InputMax)
	}
}

// TestUnspoken moves the logits down image by image until none is positive.
func TestUnspoken(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g, images := smallGraph(t, rnd), randomImages(rnd, 9, 50)
	m, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	r := m.NewRunner()
	var best []float32
	for _, x := range images {
		if _, err := r.Run(x); err != nil {
			t.Fatal(err)
		}
		best = append(best, slices.Max(r.Activation("logits")))
	}
	slices.Sort(best)
	for _, n := range []int{0, 1, 5, 9} {
		shift := -best[0] + 1
		if n > 0 {
			shift = -best[n-1] // Exactly zero is not positive.
		}
		c := g.Clone()
		op := c.Node("logits").Op.(*ann.Gemm)
		op.Bias = []float32{shift, shift, shift}
		s, err := Run(context.Background(), c, images, Options{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if s.Unspoken != n {
			t.Errorf("logits moved by %v: Unspoken is %d, want %d", shift, s.Unspoken, n)
		}
	}
}

func TestRunErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name   string
		change func(g *ann.Graph, l list) list
		o      Options
		want   string
	}{
		{"no images", func(*ann.Graph, list) list { return nil }, Options{}, "no images"},
		{"percentile above 100", nil, Options{Percentile: 100.1}, "percentile 100.1 is outside (0, 100]"},
		{"percentile NaN", nil, Options{Percentile: math.NaN()}, "percentile NaN is outside"},
		{"percentile below 0", nil, Options{Percentile: -1}, "percentile -1 is outside"},
		{"unreadable image", func(_ *ann.Graph, l list) list { l[3] = nil; return l }, Options{}, "image 3: unreadable"},
		{"NaN pixel", func(_ *ann.Graph, l list) list { l[2][4] = nan; return l }, Options{}, "image 2: element 4 is NaN"},
		{"infinite pixel", func(_ *ann.Graph, l list) list { l[2][4] = inf; return l }, Options{}, "image 2: element 4 is +Inf"},
		{"overflow", func(g *ann.Graph, l list) list {
			for i := range l[5] {
				l[5][i] = 1
			}
			w := g.Node("conv2").Op.(*ann.Conv).Weight.Data
			for i := range w {
				w[i] = math.MaxFloat32
			}
			for _, x := range l[:5] {
				clear(x)
			}
			return l
		}, Options{Workers: 3}, `image 5: node "conv2" (Conv): an activation is +Inf`},
		{"not a graph", func(g *ann.Graph, l list) list { g.Nodes[0].Inputs[0] = "x"; return l }, Options{}, `node "conv"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			g, images := smallGraph(t, rnd), randomImages(rnd, 8, 50)
			for i, w := range g.Node("conv").Op.(*ann.Conv).Weight.Data {
				g.Node("conv").Op.(*ann.Conv).Weight.Data[i] = float32(math.Abs(float64(w)))
			}
			if tt.change != nil {
				images = tt.change(g, images)
			}
			_, err := Run(context.Background(), g, images, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: error %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestPasses checks how often images are presented: the first few twice, unless what is
// near the percentile was not kept. Every image brings a thousand of its own size.
func TestPasses(t *testing.T) {
	g := &ann.Graph{Name: "relu", Input: ann.Input{Name: "image", Shape: tensor.Shape{1000}}, Output: "relu", Nodes: []ann.Node{
		{Name: "relu", Inputs: []string{"image"}, Op: &ann.Relu{}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name  string
		size  func(i int) float32
		twice int
	}{
		{"alike", func(int) float32 { return 1 }, 12},
		{"growing", func(i int) float32 { return 1 + float32(i) }, 12},
		{"large where the first are", func(i int) float32 {
			for j := range first(800) {
				if i == j*800/first(800) {
					return 10000
				}
			}
			return 1
		}, 800},
	} {
		images := randomImages(rnd, 800, 1000)
		var all []float32
		for i, x := range images {
			for j := range x {
				x[j] *= tt.size(i)
				all = append(all, max(x[j], 0))
			}
		}
		slices.Sort(all)
		seen := 0
		s, err := Run(context.Background(), g, images, Options{Percentile: 90, Progress: func(done, _ int) { seen = done }})
		if err != nil {
			t.Fatal(err)
		}
		if want := all[Rank(90, uint64(len(all)))-1]; s.Nodes[0].Lambda != want {
			t.Errorf("%s: lambda %v, want %v", tt.name, s.Nodes[0].Lambda, want)
		}
		if seen != 800+tt.twice {
			t.Errorf("%s: %d images presented twice, want %d", tt.name, seen-800, tt.twice)
		}
	}
}

func TestRunProgressAndCancel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g, images := smallGraph(t, rnd), randomImages(rnd, 20, 50)
	for _, tt := range []struct {
		percentile float64
		total      int
	}{{99, 40}, {100, 20}} {
		var seen []int
		_, err := Run(context.Background(), g, images, Options{Percentile: tt.percentile, Workers: 3, Progress: func(done, total int) {
			if total != tt.total {
				t.Errorf("percentile %v: total %d, want %d", tt.percentile, total, tt.total)
			}
			seen = append(seen, done)
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) != tt.total || !slices.IsSorted(seen) || seen[0] != 1 || seen[len(seen)-1] != tt.total {
			t.Errorf("percentile %v: progress %v, want 1 to %d", tt.percentile, seen, tt.total)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	last := 0
	_, err := Run(ctx, g, images, Options{Workers: 2, Progress: func(done, _ int) {
		if last = done; done == 5 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run after cancel: error %v, want %v", err, context.Canceled)
	}
	if last > 7 {
		t.Errorf("Run after cancel at image 5 went on to image %d", last)
	}
}

func TestClassifier(t *testing.T) {
	g := smallGraph(t, rand.New(rand.NewPCG(1, 2)))
	if got := Classifier(g); got != "logits" {
		t.Errorf("Classifier: got %q, want the node before the softmax", got)
	}
	g.Output = "flat"
	if got := Classifier(g); got != "clip" {
		t.Errorf("Classifier: got %q, want the node before the flattening", got)
	}
}

// The scale of a Clip of few levels is its bound, of many a percentile, as of others.
func TestLevels(t *testing.T) {
	for levels, want := range map[int]float32{0: 1, 4: 8, 32: 8, 255: 1} {
		g := &ann.Graph{
			Name: "g", Input: ann.Input{Name: "x", Shape: tensor.Shape{1, 1, 100}}, Output: "fc",
			Nodes: []ann.Node{
				{Name: "clip", Inputs: []string{"x"}, Op: &ann.Clip{Max: 8, Levels: levels}},
				{Name: "flat", Inputs: []string{"clip"}, Op: &ann.Flatten{}},
				{Name: "fc", Inputs: []string{"flat"}, Op: &ann.Gemm{Weight: tensor.New(2, 100)}},
			},
		}
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		g.Nodes[2].Op.(*ann.Gemm).Weight.Data[0] = 1
		image := make([]float32, 100)
		for i := range image {
			image[i] = 1
		}
		image[99] = 7.9
		s, err := Run(context.Background(), g, list{image}, Options{Percentile: 90})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Node("clip").Lambda; math.Abs(float64(got-want)) > 0.02 {
			t.Errorf("%d levels: lambda %v, want %v", levels, got, want)
		}
	}
}
