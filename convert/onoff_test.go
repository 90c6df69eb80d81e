package convert_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/tensor"
)

// TestOnOff checks that linear values convert, and which populations they take.
func TestOnOff(t *testing.T) {
	relu, add, flat := &ann.Relu{}, &ann.Add{}, &ann.Flatten{}
	bn := &ann.BatchNormalization{Scale: []float32{2, -1}, Bias: []float32{0.25, 1}, Mean: []float32{0.5, 0}, Var: []float32{1, 1}}
	rnd := rand.New(rand.NewPCG(5, 6))
	floats := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64()) * 0.7
		}
		return x
	}
	conv3 := func() *ann.Conv {
		return &ann.Conv{Weight: tensor.Of(floats(36), 2, 2, 3, 3), Bias: floats(2), Window: tensor.Square(3, 1, 1), Groups: 1}
	}
	mean := &ann.AveragePool{Window: tensor.Square(2, 2, 0)}
	for _, tt := range []struct {
		name  string
		nodes []ann.Node // Of r, and up to r2.
		want  []string   // Populations between them.
	}{
		{"convolution after convolution", []ann.Node{node("a", conv3(), "r"), node("b", conv3(), "a"), node("r2", relu, "b")}, []string{"a/on", "a/off"}},
		{"linear bottleneck", []ann.Node{
			node("a", conv3(), "r"), node("r1", relu, "a"), node("b", conv3(), "r1"), node("sum", add, "b", "r"), node("d", conv3(), "sum"), node("r2", relu, "d"),
		}, []string{"r1", "sum/on", "sum/off"}},
		{"pre-activation block", []ann.Node{
			node("a", conv3(), "r"), node("sum", add, "a", "r"), node("n", bn, "sum"), node("r1", relu, "n"), node("b", conv3(), "r1"),
			node("sum2", add, "b", "sum"), node("n2", bn, "sum2"), node("r2", relu, "n2"),
		}, []string{"r1"}},
		{"a long stream", []ann.Node{
			node("a0", conv3(), "r"), node("s0", add, "a0", "r"),
			node("n1", bn, "s0"), node("q1", relu, "n1"), node("a1", conv3(), "q1"), node("s1", add, "a1", "s0"),
			node("q2", relu, "s1"), node("a2", conv3(), "q2"), node("s2", add, "a2", "s1"),
			node("n3", bn, "s2"), node("q3", relu, "n3"), node("a3", conv3(), "q3"), node("s3", add, "a3", "s2"), node("r2", relu, "s3"),
		}, []string{"s0/on", "s0/off", "q1", "s1/on", "s1/off", "q3"}},
		{"mean of a convolution", []ann.Node{node("a", conv3(), "r"), node("p", mean, "a"), node("b", conv3(), "p"), node("r2", relu, "b")}, []string{"p/on", "p/off"}},
		{"mean of a convolution in a sum", []ann.Node{
			node("a", conv3(), "r"), node("p", mean, "a"), node("q", mean, "r"), node("sum", add, "p", "q"), node("r2", relu, "sum"),
		}, nil},
		{"slice and pad of a convolution", []ann.Node{
			node("a", conv3(), "r"), node("sl", &ann.Slice{Step: [3]int{1, 2, 2}, Size: [3]int{2, 2, 2}}, "a"), node("pad", &ann.Pad{Before: [3]int{1}, After: [3]int{1}}, "sl"),
			node("r2", relu, "pad"),
		}, []string{"a/on", "a/off"}},
		{"slice before a convolution", []ann.Node{
			node("sl", &ann.Slice{Step: [3]int{1, 2, 2}, Size: [3]int{2, 2, 2}}, "r"), node("a", conv3(), "sl"), node("r2", relu, "a"),
		}, []string{"sl/on"}},
		{"sum that is never negative", []ann.Node{
			node("a", conv3(), "r"), node("q", relu, "a"), node("sum", add, "q", "r"), node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "sum"),
			node("b", conv3(), "p"), node("r2", relu, "b"),
		}, []string{"q", "sum/Relu", "p"}},
		{"LeakyRelu", []ann.Node{
			node("a", conv3(), "r"), node("l", &ann.LeakyRelu{Slope: []float32{0.25}}, "a"), node("b", conv3(), "l"), node("r2", relu, "b"),
		}, []string{"l/on", "l/off"}},
		{"LeakyRelu of what is never negative", []ann.Node{
			node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "r"), node("l", &ann.LeakyRelu{Slope: []float32{0.25}}, "p"), node("b", conv3(), "l"), node("r2", relu, "b"),
		}, []string{"p"}},
		{"LeakyRelu of a sum that is never negative", []ann.Node{
			node("a", conv3(), "r"), node("q", relu, "a"), node("sum", add, "q", "r"), node("l", &ann.LeakyRelu{Slope: []float32{0.25, -2}}, "sum"), node("b", conv3(), "l"), node("r2", relu, "b"),
		}, []string{"q", "sum/Relu"}},
		{"LeakyRelu of a magnitude", []ann.Node{
			node("a", conv3(), "r"), node("abs", &ann.LeakyRelu{Slope: []float32{-1}}, "a"), node("l", &ann.LeakyRelu{Slope: []float32{0.25}}, "abs"), node("b", conv3(), "l"), node("r2", relu, "b"),
		}, []string{"abs/on", "abs/off", "l"}},
		{"PRelu in a residual block", []ann.Node{
			node("a", conv3(), "r"), node("l", &ann.LeakyRelu{Slope: []float32{0.25, -0.5}}, "a"), node("b", conv3(), "l"),
			node("sum", add, "b", "l", "r"), node("m", &ann.LeakyRelu{Slope: []float32{0.5, 2}}, "sum"), node("p", mean, "m"), node("d", conv3(), "p"), node("r2", relu, "d"),
		}, []string{"l/on", "l/off", "m/on", "m/off", "p/1", "p/2"}},
		{"rectified and not", []ann.Node{
			node("a", conv3(), "r"), node("s", add, "a", "r"), node("q", relu, "s"), node("b", conv3(), "q"), node("d", conv3(), "s"), node("sum", add, "b", "d"), node("r2", relu, "sum"),
		}, []string{"s/on", "s/off"}},
		{"ReLU6 of a linear value", []ann.Node{
			node("a", conv3(), "r"), node("q", &ann.Clip{Max: 1}, "a"), node("b", conv3(), "q"), node("d", conv3(), "a"), node("sum", add, "b", "d"), node("r2", relu, "sum"),
		}, []string{"a/on", "a/off", "q"}},
		{"LeakyRelu of a magnitude in a residual block", []ann.Node{
			node("a", conv3(), "r"), node("abs", &ann.LeakyRelu{Slope: []float32{-1}}, "a"), node("l", &ann.LeakyRelu{Slope: []float32{0.25}}, "abs"), node("b", conv3(), "l"),
			node("sum", add, "b", "l"), node("r2", relu, "sum"),
		}, []string{"abs/on", "abs/off", "l"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			first := &ann.Conv{Weight: tensor.Of([]float32{1, -1}, 2, 1, 1, 1), Bias: []float32{0.5, 0.25}, Window: tensor.Square(1, 1, 0), Groups: 1}
			nodes := slices.Concat([]ann.Node{node("c", first, "x"), node("r", relu, "c")}, tt.nodes, []ann.Node{node("g", &ann.GlobalAveragePool{}, "r2"), node("f", flat, "g")})
			n := graph(t, tensor.Shape{1, 4, 4}, slices.Clone(nodes)...).Node("f").Shape[0]
			g := graph(t, tensor.Shape{1, 4, 4}, append(nodes, node("logits", &ann.Gemm{Weight: tensor.Of(floats(3*n), 3, n), Bias: []float32{9, 9, 9}}, "f"))...)
			rnd = rand.New(rand.NewPCG(7, 8)) // Whatever cases are before this one.
			image := floats(16)
			folded, err := convert.Fold(g)
			if err != nil {
				t.Fatal(err)
			}
			sameNodes(t, g, folded, image)
			simple := mustSimplify(t, g)
			s := mustCalibrate(t, simple, images{image}, calibrate100)
			net := mustConvert(t, g, s, convert.DefaultOptions())
			checkFates(t, g, net)
			sameRates(t, simple, net, image)
			var got []string
			for i := range net.Layers {
				l := &net.Layers[i]
				if on := l.Name[:max(0, len(l.Name)-4)] + "/on"; i > 0 && l.Name == on[:len(on)-3]+"/off" && find(t, net, on).Lambda != l.Lambda {
					t.Errorf("%s has lambda %v, the ON population %v", l.Name, l.Lambda, find(t, net, on).Lambda)
				}
				if name := l.Name; name != "r" && name != "r2" && name != "g" && name != "logits" {
					got = append(got, name)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got populations %v, want %v\n%v", got, tt.want, net)
			}
		})
	}
}

// An ON or an OFF population that is silent has the lambda of the other; two are dead.
func TestOnOffSilent(t *testing.T) {
	g := graph(t, tensor.Shape{1, 1, 1},
		node("c", conv(1), "x"), node("r", &ann.Relu{}, "c"), node("a", conv(1), "r"), node("l", &ann.LeakyRelu{Slope: []float32{0.5}}, "a"),
		node("f", &ann.Flatten{}, "l"), node("logits", gemm(1, 1), "f"))
	for _, tt := range []struct{ on, off, want float64 }{{2, 0, 2}, {0, 3, 3}, {2, 3, 3}, {0, 0, 0}} {
		net, err := convert.Convert(g, lambdas("r", 1., "l/on", tt.on, "l/off", tt.off, "logits", 1.), convert.DefaultOptions())
		var dead *convert.DeadLayerError
		if tt.want == 0 {
			if !errors.As(err, &dead) {
				t.Errorf("both silent: error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"l/on", "l/off"} {
			if got := find(t, net, name).Lambda; float64(got) != tt.want {
				t.Errorf("lambdas %v and %v: %s has %v, want %v", tt.on, tt.off, name, got, tt.want)
			}
		}
	}
}

// Sums of sums that each go into several nodes are a sum of that many branches; neither
// time nor memory may grow so.
func TestOnOffDoubling(t *testing.T) {
	nodes := []ann.Node{node("c", conv(1), "x"), node("r", &ann.Relu{}, "c"), node("a", conv(1), "r")}
	last := "a"
	for i := range 60 {
		name := fmt.Sprint("s", i)
		nodes = append(nodes, node(name, &ann.Add{}, last, last))
		last = name
	}
	nodes = append(nodes, node("q", &ann.Relu{}, last), node("f", &ann.Flatten{}, "q"), node("logits", gemm(1, 1), "f"))
	g := graph(t, tensor.Shape{1, 1, 1}, nodes...)
	if _, err := convert.Unsupported(g); err != nil {
		t.Fatal(err)
	}
	p := mustSimplify(t, g)
	net, err := convert.Convert(g, calibrate.Unmeasured(p), convert.DefaultOptions())
	if err != nil {
		return // Refused is as good.
	}
	for _, l := range net.Layers {
		if len(l.Synapses) > 1010 {
			t.Errorf("layer %q has %d synapses", l.Name, len(l.Synapses))
		}
	}
}
