package diagnose_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/diagnose"
	"sresnet/snn"
	"sresnet/tensor"
)

// images are pixels, labelled as the trained network classifies them.
type images struct {
	shape  tensor.Shape
	pixels [][]float32
	labels []int
}

func (m *images) Len() int            { return len(m.pixels) }
func (m *images) Shape() tensor.Shape { return m.shape }
func (m *images) Label(i int) int     { return m.labels[i] }
func (m *images) Image(i int, dst []float32) error {
	copy(dst, m.pixels[i])
	return nil
}

// label gives every image the class that g sees in it, and leaves out those that g
// is not sure of.
func label(t *testing.T, g *ann.Graph, pixels [][]float32) *images {
	t.Helper()
	model, err := infer.New(g)
	if err != nil {
		t.Fatal(err)
	}
	m := &images{shape: g.Input.Shape}
	r := model.NewRunner()
	for _, x := range pixels {
		logits, err := r.Run(x)
		if err != nil {
			t.Fatal(err)
		}
		best, second := 0, -1
		for k := 1; k < len(logits); k++ {
			switch {
			case logits[k] > logits[best]:
				best, second = k, best
			case second < 0 || logits[k] > logits[second]:
				second = k
			}
		}
		if logits[best]-logits[second] > 0.1 {
			m.pixels, m.labels = append(m.pixels, x), append(m.labels, best)
		}
	}
	return m
}

// conv is a 1x1 convolution.
func conv(name, from string, out int, w, b []float32) ann.Node {
	return ann.Node{Name: name, Inputs: []string{from}, Op: &ann.Conv{
		Weight: tensor.Of(w, out, len(w)/out, 1, 1), Bias: b, Window: tensor.Square(1, 1, 0), Groups: 1,
	}}
}

func node(name string, op ann.Op, inputs ...string) ann.Node {
	return ann.Node{Name: name, Op: op, Inputs: inputs}
}

func graph(t *testing.T, channels int, nodes ...ann.Node) *ann.Graph {
	t.Helper()
	g := &ann.Graph{Name: "built", Input: ann.Input{Name: "x", Shape: tensor.Shape{channels, 1, 1}}, Nodes: nodes, Output: nodes[len(nodes)-1].Name}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	return g
}

func random(rnd *rand.Rand, n int, scale float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rnd.NormFloat64()) * scale
	}
	return x
}

// residual is a network with a residual block, and images for it.
func residual(t *testing.T) (*ann.Graph, *images) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	g := graph(
		t, 4,
		conv("conv1", "x", 8, random(rnd, 32, 0.7), nil), node("relu1", &ann.Relu{}, "conv1"),
		conv("conv2", "relu1", 8, random(rnd, 64, 0.35), nil), node("relu2", &ann.Relu{}, "conv2"),
		conv("conv3", "relu2", 8, random(rnd, 64, 0.35), nil), node("sum", &ann.Add{}, "conv3", "relu1"), node("relu3", &ann.Relu{}, "sum"),
		node("flat", &ann.Flatten{}, "relu3"),
		node("fc", &ann.Gemm{Weight: tensor.Of(random(rnd, 32, 0.5), 4, 8), Bias: []float32{0.3, 0.3, 0.3, 0.3}}, "flat"),
	)
	var pixels [][]float32
	for range 600 {
		pixels = append(pixels, random(rnd, 4, 1))
	}
	return g, label(t, g, pixels)
}

// subject converts g after a calibration on its own images.
func subject(t *testing.T, g *ann.Graph, m *images, percentile float64) diagnose.Subject {
	t.Helper()
	s, err := calibrate.Run(t.Context(), g, m, calibrate.Options{Percentile: percentile})
	if err != nil {
		t.Fatal(err)
	}
	return reconvert(t, diagnose.Subject{Graph: g, Statistics: s, Convert: convert.DefaultOptions(), Images: m, Calibration: m})
}

func reconvert(t *testing.T, s diagnose.Subject) diagnose.Subject {
	t.Helper()
	var err error
	if s.Network, err = convert.Convert(s.Graph, s.Statistics, s.Convert); err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s diagnose.Subject, o diagnose.Options) *diagnose.Diagnosis {
	t.Helper()
	d, err := diagnose.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// first checks that the verdict begins with that cause in that layer.
func first(t *testing.T, d *diagnose.Diagnosis, cause, layer, text string) {
	t.Helper()
	f := d.Verdict[0]
	if f.Cause != cause || f.Layer != layer || !strings.Contains(f.Text, text) || f.Points <= 0 {
		t.Errorf("trained %v, spiking %v: the verdict begins with %+v; want cause %q in layer %q, and %q said\nall: %+v\ntried: %+v",
			d.ANNTop1, d.SNNTop1, f, cause, layer, text, d.Verdict, d.Counterfactuals)
	}
}

// The networks below have one thing wrong with them each.

func TestVerdictClipping(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	g, m := residual(t)
	s := subject(t, g, m, 100)
	s.Statistics.Node("relu2").Lambda *= 0.1 // As a percentile far too low would.
	s = reconvert(t, s)
	s.Statistics.Percentile = 99.9 // So that the maximum is tried.
	d := run(t, s, diagnose.Options{Timesteps: []int{64, 512}})
	first(t, d, diagnose.CauseClipping, "relu2", "clipping takes")
	for i, l := range d.Layers {
		if clipped := l.Clipped > 0.1; clipped != (l.Name == "relu2") && i < len(d.Layers)-1 {
			t.Errorf("layer %s: a share of %v is clipped", l.Name, l.Clipped)
		}
	}
}

func TestVerdictTimesteps(t *testing.T) {
	g, m := residual(t)
	d := run(t, subject(t, g, m, 100), diagnose.Options{Timesteps: []int{2}})
	found(t, d, diagnose.CauseQuantisation, "", "T = 4 in place of 2")
	if e := d.Layers[0].At[0]; e.Quantisation.RMS < 0.05 || e.Clipping.RMS != 0 || e.Inherited.RMS > 1e-6 || e.Unevenness.RMS > 1e-6 {
		t.Errorf("errors of the first layer: %+v; want quantisation alone", e)
	}
}

// Channel b fires late and takes back what channel a has given, but h has fired by
// then.
func TestVerdictUnevenness(t *testing.T) {
	g := graph(
		t, 2,
		conv("conv1", "x", 2, []float32{1, 0, 0, 1}, nil), node("relu1", &ann.Relu{}, "conv1"),
		conv("conv2", "relu1", 1, []float32{1, -30}, nil), node("h", &ann.Relu{}, "conv2"),
		node("flat", &ann.Flatten{}, "h"),
		node("fc", &ann.Gemm{Weight: tensor.Of([]float32{4, 0}, 2, 1), Bias: []float32{0, 0.2}}, "flat"),
	)
	rnd := rand.New(rand.NewPCG(1, 2))
	var pixels [][]float32
	for i := range 40 {
		x := []float32{0.9 + 0.1*rnd.Float32(), 0}
		if i%2 == 0 {
			x[1] = 0.04 + 0.02*rnd.Float32()
		}
		pixels = append(pixels, x)
	}
	m := label(t, g, pixels)
	d := run(t, subject(t, g, m, 100), diagnose.Options{Timesteps: []int{32}})
	found(t, d, diagnose.CauseUnevenness, "h", "Up to relu1: 50.00 points") // By when its spikes come.
	// The schedule takes it away, at its price.
	found(t, d, diagnose.CauseUnevenness, "", "the phased schedule at the same T")
	found(t, d, diagnose.CauseUnevenness, "", "128 timesteps in place of 32: T = 32 in each of 4 windows")
	if c := d.Counterfactuals[2]; c.Latency != 128 || c.Timesteps != 32 || c.Top1 < 0.9 {
		t.Errorf("the schedule was tried as %+v", c)
	}
	if d.Latency != 0 || d.Schedule != "" {
		t.Errorf("a synchronous network has the schedule %q and a latency of %d", d.Schedule, d.Latency)
	}
}

func TestVerdictBrokenShortcut(t *testing.T) {
	g, m := residual(t)
	s := subject(t, g, m, 100)
	l := &s.Network.Layers[2]
	l.Synapses[1].Connection.(*snn.Shortcut).Scale *= 4
	d := run(t, s, diagnose.Options{Timesteps: []int{256}})
	first(t, d, diagnose.CauseConversion, "relu3", "shortcut")
}

func TestVerdictNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	g, m := residual(t)
	d := run(t, subject(t, g, m, 100), diagnose.Options{Timesteps: []int{1024}})
	if f := d.Verdict[0]; f.Cause != diagnose.CauseNone || d.SNNTop1[0] != 1 {
		t.Errorf("spiking %v: the verdict begins with %+v", d.SNNTop1, f)
	}
}

// Leaky neurons, whose weights conversion has scaled for them, lose next to nothing
// either, those that rest some of what comes in meanwhile; what is wrong with their
// network is found as with others.
func TestVerdictLeaky(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	for _, tt := range []struct {
		neuron                  snn.LIF
		top1, total, unevenness float64
	}{
		{snn.LIF{Leak: 0.99}, 0.97, 0.02, 0.02},
		{snn.LIF{Leak: 0.99, Refractory: 1}, 0.9, 0.1, 0.05},
	} {
		neuron := tt.neuron
		g, m := residual(t)
		s := subject(t, g, m, 100)
		s.Convert.Neuron = neuron
		s = reconvert(t, s)
		d := run(t, s, diagnose.Options{Timesteps: []int{1024}})
		if d.SNNTop1[0] < tt.top1 {
			t.Errorf("%v: accuracy %v", neuron, d.SNNTop1)
		}
		for _, l := range d.Layers {
			e := l.At[0]
			if sum := e.Clipping.Bias + e.Inherited.Bias + e.Quantisation.Bias + e.Leak.Bias + e.Unevenness.Bias; sum-e.Total.Bias > 1e-9 || sum-e.Total.Bias < -1e-9 {
				t.Errorf("%v, layer %s: the parts add up to %v, the whole is %v", neuron, l.Name, sum, e.Total.Bias)
			}
			if e.Total.RMS > tt.total || e.Unevenness.RMS > tt.unevenness {
				t.Errorf("%v, layer %s: errors %+v", neuron, l.Name, e)
			}
		}
		s.Network.Layers[2].Synapses[1].Connection.(*snn.Shortcut).Scale *= 4
		first(t, run(t, s, diagnose.Options{Timesteps: []int{256}}), diagnose.CauseConversion, "relu3", "shortcut")
	}
}

// Nothing depends on the workers, and the parts add up in the means, too.
func TestRunIsIndependentOfWorkers(t *testing.T) {
	g, m := residual(t)
	s := subject(t, g, m, 99)
	var want *diagnose.Diagnosis
	for _, workers := range []int{1, 2, 5} {
		var steps []string
		d := run(t, s, diagnose.Options{Timesteps: []int{5, 17, 64}, Workers: workers, Step: func(name string) (func(done, total int), func()) {
			last, whole := 0, 0
			return func(done, total int) {
					if done > total || done != last+1 {
						t.Errorf("%s: progress %d of %d after %d", name, done, total, last)
					}
					last, whole = done, total
				}, func() {
					if last != whole || whole == 0 {
						t.Errorf("%s: ends after %d of %d", name, last, whole)
					}
					steps = append(steps, name)
				}
		}})
		if len(steps) != 2 {
			t.Errorf("progress of %v, want of two steps", steps)
		}
		if want == nil {
			want = d
		} else if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%d workers (-one +got):\n%s", workers, diff)
		}
	}
	for _, l := range want.Layers {
		for _, e := range l.At {
			sum := e.Clipping.Bias + e.Inherited.Bias + e.Quantisation.Bias + e.Unevenness.Bias
			if d := sum - e.Total.Bias; d > 1e-9 || d < -1e-9 {
				t.Errorf("layer %s, T = %d: the parts add up to %v, the whole is %v", l.Name, e.Timesteps, sum, e.Total.Bias)
			}
		}
		if len(l.Scatter) == 0 || len(l.At) != 3 {
			t.Errorf("layer %s: %d points and %d lengths", l.Name, len(l.Scatter), len(l.At))
		}
	}
}

func TestRunErrors(t *testing.T) {
	g, m := residual(t)
	s := subject(t, g, m, 99)
	for name, tt := range map[string]struct {
		change func(s *diagnose.Subject, o *diagnose.Options)
		want   string
	}{
		"no images":  {func(s *diagnose.Subject, _ *diagnose.Options) { s.Images = &images{shape: m.shape} }, "no images"},
		"no length":  {func(_ *diagnose.Subject, o *diagnose.Options) { o.Timesteps = nil }, "at least one length"},
		"descending": {func(_ *diagnose.Subject, o *diagnose.Options) { o.Timesteps = []int{8, 4} }, "ascending"},
		"zero":       {func(_ *diagnose.Subject, o *diagnose.Options) { o.Timesteps = []int{0, 4} }, "ascending timesteps from 1"},
		"reset":      {func(s *diagnose.Subject, _ *diagnose.Options) { s.Convert.Reset = snn.ResetZero; *s = reconvert(t, *s) }, "resets to zero"},
		"label": {func(s *diagnose.Subject, _ *diagnose.Options) {
			bad := *m
			bad.labels = make([]int, m.Len())
			bad.labels[3] = 4
			s.Images = &bad
		}, "image 3 has label 4"},
		"other images": {func(s *diagnose.Subject, _ *diagnose.Options) {
			s.Images = &images{shape: tensor.Shape{1, 2, 2}, pixels: m.pixels}
		}, "images are 1x2x2"},
	} {
		t.Run(name, func(t *testing.T) {
			s, o := s, diagnose.Options{Timesteps: []int{8}}
			tt.change(&s, &o)
			if _, err := diagnose.Run(t.Context(), s, o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := diagnose.Run(ctx, s, diagnose.Options{Timesteps: []int{8}}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: error %v", err)
	}
}

// A network that ends in a rectifier is converted correctly: negative logits are
// compared as what the rectifier makes of them.
func TestVerdictEndsInRectifier(t *testing.T) {
	g, m := residual(t)
	for _, last := range []ann.Op{&ann.Relu{}, &ann.Clip{Max: 1}} {
		g := g.Clone()
		g.Nodes = append(g.Nodes, node("last", last, "fc"))
		g.Output = "last"
		if err := g.InferShapes(); err != nil {
			t.Fatal(err)
		}
		for _, f := range run(t, subject(t, g, m, 100), diagnose.Options{Timesteps: []int{64}}).Verdict {
			if f.Cause == diagnose.CauseConversion {
				t.Errorf("%s: the verdict says %+v", last.Type(), f)
			}
		}
	}
}

// What most networks have is split in a loop of its own, as everything else is: a shift of nothing
// changes nothing.
func TestSplitPlain(t *testing.T) {
	g, m := residual(t)
	s := subject(t, g, m, 100)
	o := diagnose.Options{Timesteps: []int{5, 24}}
	plain := run(t, s, o)
	for i := range s.Network.Layers {
		if l := &s.Network.Layers[i]; !l.IsGate() {
			l.Shift = make([]float32, l.Shape[0])
		}
	}
	if shifted := run(t, s, o); !reflect.DeepEqual(plain.Layers, shifted.Layers) || len(plain.Layers) == 0 || len(plain.Layers[0].Scatter) == 0 {
		t.Errorf("got %+v\nwant %+v", plain.Layers, shifted.Layers)
	}
}
