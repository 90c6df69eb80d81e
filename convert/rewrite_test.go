package convert_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/tensor"
)

// roundabout draws networks that convert in another form only.
func (b *builder) roundabout() *ann.Graph {
	b.input = tensor.Shape{1 + b.choose(3, "channels"), 5 + b.choose(5, "rows"), 5 + b.choose(5, "columns")}
	scale := func(from string, positive bool) string {
		c := b.shape(from)[0]
		n := &ann.BatchNormalization{Scale: b.floats(c, 0.5, 1), Bias: b.floats(c, 0.5, 0.1), Mean: b.floats(c, 0.2, 0), Var: b.floats(c, 0.5, 1), Epsilon: 1e-3}
		if !positive && b.choose(2, "sign") == 0 {
			n.Scale[0] *= -1
		}
		if b.choose(4, "offset") == 0 {
			clear(n.Bias)
			clear(n.Mean)
		}
		return b.add(n, from)
	}
	conv := func(from string, k, stride, pad int) string {
		in, out := b.shape(from)[0], 1+b.choose(4, "width")
		n := in * k * k
		op := &ann.Conv{Weight: tensor.Of(b.floats(out*n, 2/float32(math.Sqrt(float64(n))), 0), out, in, k, k), Window: tensor.Square(k, stride, pad), Groups: 1}
		if b.choose(2, "bias") == 0 {
			op.Bias = b.floats(out, 0.3, 0.1)
		}
		if in%2 == 0 && out%2 == 0 && b.choose(3, "groups") == 0 {
			op.Groups, op.Weight = 2, tensor.Of(op.Weight.Data[:out*n/2], out, in/2, k, k)
		}
		return b.add(op, from)
	}
	pool := func(from string, largest bool) string {
		if largest {
			return b.add(&ann.MaxPool{Window: tensor.Square(2, 1+b.choose(2, "stride"), b.choose(2, "pool pad"))}, from)
		}
		return b.add(&ann.AveragePool{Window: tensor.Square(2, 1, 0)}, from)
	}
	last := "x"
	if b.choose(4, "pooled image") == 0 {
		last = pool(last, false)
	}
	for range 1 + b.choose(2, "norms") {
		last = scale(last, false)
	}
	last = b.relu(conv(last, 3, 1, b.choose(2, "pad")))
	for range 1 + b.choose(3, "parts") {
		if s := b.shape(last); min(s[1], s[2]) < 4 {
			break
		}
		switch b.choose(7, "part") {
		case 0: // Batch norm behind a ReLU.
			last = b.relu(conv(scale(last, false), 3, 1, b.choose(2, "pad")))
		case 1: // And a pool between.
			largest := b.choose(2, "largest") == 0
			last = b.relu(conv(pool(scale(last, largest), largest), 2, 1, b.choose(2, "pad")))
		case 2: // ReLU behind a pool.
			last = b.relu(pool(conv(last, 3, 1, 1), true))
		case 3:
			last = b.relu(pool(conv(last, 3, 1, 1), false))
		case 4: // Batch norm and ReLU behind a pool.
			last = b.relu(scale(pool(conv(last, 3, 1, 1), true), true))
		case 5: // Convolutions in a row.
			first := b.add(&ann.Conv{Weight: tensor.Of(b.floats(2*b.shape(last)[0], 1, 0), 2, b.shape(last)[0], 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}, last)
			last = b.relu(conv(first, 3, 1, b.choose(2, "pad")))
		case 6: // A sum that cannot be negative.
			inner := b.relu(conv(last, 1, 1, 0))
			back := b.add(&ann.Conv{Weight: tensor.Of(b.floats(b.shape(last)[0]*b.shape(inner)[0], 1, 0), b.shape(last)[0], b.shape(inner)[0], 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}, inner)
			last = b.relu(conv(b.add(&ann.Add{}, last, b.relu(back)), 2, 1, 0))
		}
	}
	switch b.choose(3, "end") {
	case 0:
		last = b.add(&ann.GlobalAveragePool{}, conv(last, 1, 1, 0))
	case 1:
		last = b.add(&ann.GlobalAveragePool{}, scale(last, false))
	}
	last = b.add(&ann.Flatten{}, last)
	for range 1 + b.choose(2, "layers") {
		n := b.shape(last)[0]
		last = b.add(&ann.Gemm{Weight: tensor.Of(b.floats(4*n, 2/float32(math.Sqrt(float64(n))), 0), 4, n), Bias: b.floats(4, 0.2, 0)}, last)
	}
	return graph(b.T, b.input, b.nodes...)
}

// TestSimplify checks that networks which convert in another form only are brought into
// it, compute the same there and convert exactly.
func TestSimplify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &builder{T: t, rnd: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		g := b.roundabout()
		before := g.Clone()
		s, err := convert.Simplify(g)
		if err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		if diff := cmp.Diff(before, g); diff != "" {
			t.Fatalf("Simplify changed the graph it was given:\n%s", diff)
		}
		if err := convert.Check(s); err != nil {
			t.Fatalf("%v\n%v", err, g)
		}
		if again, err := convert.Simplify(s); err != nil || again != s {
			t.Fatalf("of a simple network: not itself, %v", err)
		}
		image := b.floats(b.input.Len(), 1, 0)
		sameNodes(t, g, s, image)
		stats := mustCalibrate(t, s, images{image}, calibrate.Options{Percentile: 100})
		for i := range stats.Nodes {
			if l := &stats.Nodes[i].Lambda; !(*l > 0) {
				*l = 1
			}
		}
		net := mustConvert(t, s, stats, convert.DefaultOptions())
		sameRates(t, s, net, image)
		checkFates(t, g, net)
		for i := range net.Layers {
			l := &net.Layers[i]
			if i := slices.IndexFunc(s.Nodes, func(n ann.Node) bool { return n.Name == l.Name }); i < 0 {
				t.Errorf("layer %q is no node of the simple network", l.Name)
			}
		}
	})
}

// TestSimplifyRefused checks what must stay as it is: where a rewrite would not be exact.
func TestSimplifyRefused(t *testing.T) {
	relu, flat := &ann.Relu{}, &ann.Flatten{}
	norm := func(scale, bias float32) *ann.BatchNormalization {
		return &ann.BatchNormalization{Scale: []float32{scale}, Bias: []float32{bias}, Mean: []float32{0}, Var: []float32{1}}
	}
	over := func(pad int) *ann.Conv {
		c := &ann.Conv{Weight: tensor.New(1, 1, 3, 3), Window: tensor.Square(3, 1, pad), Groups: 1}
		c.Weight.Data[4] = 1
		return c
	}
	most := func(pad int) *ann.MaxPool { return &ann.MaxPool{Window: tensor.Square(2, 1, pad)} }
	mean := func(count bool) *ann.AveragePool {
		return &ann.AveragePool{Window: tensor.Square(2, 1, 1), CountPad: count}
	}
	for _, tt := range []struct {
		name     string
		converts bool
		nodes    []ann.Node // From r to q.
	}{
		{"negative scale under a max pool", false, []ann.Node{node("n", norm(-1, 1), "r"), node("p", most(0), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"scale of zero under a max pool", false, []ann.Node{node("n", norm(0, 1), "r"), node("p", most(0), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"positive scale under a max pool", true, []ann.Node{node("n", norm(2, 1), "r"), node("p", most(1), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"offset under a mean that counts padding, which becomes ON and OFF populations", true, []ann.Node{node("n", norm(1, 1), "r"), node("p", mean(true), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"offset under a mean that does not", true, []ann.Node{node("n", norm(1, 1), "r"), node("p", mean(false), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"scale under a mean that counts padding", true, []ann.Node{node("n", norm(2, 0), "r"), node("p", mean(true), "n"), node("c2", over(0), "p"), node("q", relu, "c2")}},
		{"padding between convolutions, with an offset, which becomes ON and OFF populations", true, []ann.Node{node("c1", conv(1, 1), "r"), node("c2", over(1), "c1"), node("q", relu, "c2")}},
		{"padding between convolutions, without", true, []ann.Node{node("c1", conv(1), "r"), node("c2", over(1), "c1"), node("q", relu, "c2")}},
		{"padding between larger ones, which becomes ON and OFF populations", true, []ann.Node{node("c1", over(1), "r"), node("c2", over(1), "c1"), node("q", relu, "c2")}},
		{"a mean near the border of a convolution, which becomes ON and OFF populations", true, []ann.Node{node("c1", over(1), "r"), node("p", mean(false), "c1"), node("q", relu, "p")}},
		{"a max pool that others take, which becomes neurons for differences", true, []ann.Node{
			node("c1", over(1), "r"), node("p", most(0), "c1"), node("q1", relu, "p"), node("c2", over(1), "p"), node("s", &ann.Add{}, "q1", "c2"), node("q", relu, "s"),
		}},
		{"a sum that may be negative, which becomes ON and OFF populations", true, []ann.Node{node("c1", over(1), "r"), node("s", &ann.Add{}, "c1", "r"), node("c2", over(1), "s"), node("q", relu, "c2")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := append([]ann.Node{node("c", over(1), "x"), node("r", relu, "c")}, tt.nodes...)
			g := graph(t, tensor.Shape{1, 6, 6}, append(nodes, node("m", &ann.GlobalAveragePool{}, "q"), node("f", flat, "m"), node("l", gemm(1, 1), "f"))...)
			s, err := convert.Simplify(g)
			if err != nil {
				t.Fatal(err)
			}
			if got := convert.Check(s) == nil; got != tt.converts {
				t.Errorf("converts: %v, want %v\n%v", got, tt.converts, s)
			}
			if !tt.converts && s != g {
				t.Errorf("changed, but does not convert\n%v", s)
			}
			image := make([]float32, 36)
			for i := range image {
				image[i] = float32(i%7) - 3
			}
			sameNodes(t, g, s, image)
		})
	}
}

// What a division leaves is simple as a whole: with nothing between them any more, a ReLU
// behind a pool of a ReLU goes, and then the network ends in a gate.
func TestSimplifyTwice(t *testing.T) {
	g := graph(t, tensor.Shape{1, 1, 1}, node("c", conv(1), "x"), node("r", &ann.Relu{}, "c"), node("ga", &ann.Gather{Index: []int{0}}, "r"),
		node("p", &ann.MaxPool{Window: tensor.Square(1, 1, 0)}, "ga"), node("r2", &ann.Relu{}, "p"))
	s, err := convert.Simplify(g)
	if err != nil {
		t.Fatal(err)
	}
	list, err := convert.Unsupported(g)
	if again, err2 := convert.Unsupported(s); err != nil || err2 != nil || len(list) != 1 || len(again) != 1 || list[0].Node != "p" {
		t.Errorf("got %v, %v, then %v, %v, want the pool", list, err, again, err2)
	}
}
