package convert_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// synapses returns how many a network has, over padding too.
func synapses(n *snn.Network) (sum int) {
	for i := range n.Layers {
		l := &n.Layers[i]
		for _, s := range l.Synapses {
			switch k := s.Connection.(type) {
			case *snn.Conv:
				sum += len(k.Weight.Data) * l.Shape[1] * l.Shape[2]
			case *snn.Dense:
				sum += len(k.Weight.Data)
			case *snn.AveragePool:
				sum += l.Neurons() * k.Window.Kernel[0] * k.Window.Kernel[1]
			case *snn.Shortcut:
				sum += l.Neurons()
			}
		}
	}
	return sum
}

// network is a network in the making, of random weights.
type network struct {
	t     *testing.T
	rnd   *rand.Rand
	nodes []ann.Node
}

func (n *network) floats(count int, by float64) []float32 {
	x := make([]float32, count)
	for i := range x {
		x[i] = float32(n.rnd.NormFloat64() * by)
	}
	return x
}

func (n *network) add(name string, op ann.Op, inputs ...string) string {
	n.nodes = append(n.nodes, node(name, op, inputs...))
	return name
}

func (n *network) conv(name, from string, in, out, k int) string {
	w := tensor.Of(n.floats(out*in*k*k, 1/math.Sqrt(float64(in*k*k))), out, in, k, k)
	return n.add(name, &ann.Conv{Weight: w, Bias: n.floats(out, 0.1), Window: tensor.Square(k, 1, k/2), Groups: 1}, from)
}

// finish ends the network behind an image of that many channels.
func (n *network) finish(from string, channels int) {
	n.add("logits", &ann.Gemm{Weight: tensor.Of(n.floats(3*channels, 1), 3, channels), Bias: []float32{5, 5, 5}}, n.add("f", &ann.Flatten{}, n.add("g", &ann.GlobalAveragePool{}, from)))
}

// count returns the synapses of the network as it is converted, which it checks.
func (n *network) count(size int) (*ann.Graph, *snn.Network, int) {
	n.t.Helper()
	g := graph(n.t, tensor.Shape{1, size, size}, n.nodes...)
	simple := mustSimplify(n.t, g)
	image := n.floats(size*size, 1)
	sameNodes(n.t, g, simple, image)
	net := mustConvert(n.t, simple, calibrate.Unmeasured(simple), convert.DefaultOptions())
	checkFates(n.t, g, net)
	return g, net, synapses(net)
}

// TestComposeOrNot checks, on linear maps of all proportions, one or two behind another,
// that they become one map or get ON and OFF populations between them, whichever takes
// fewer synapses.
func TestComposeOrNot(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	composed, apart := 0, 0
	for i := range 60 {
		n := &network{t: t, rnd: rnd}
		const size = 4
		a, b, c, d := 1+rnd.IntN(8), 1+rnd.IntN(8), 1+rnd.IntN(8), 1+rnd.IntN(8)
		r := n.add("r", &ann.Relu{}, n.conv("c0", "x", 1, a, 1))
		x := n.conv("x1", r, a, b, 1) // Linear.
		ys := n.conv("y", x, b, c, 1)
		m1, m2, m, others := a*b, b*c, a*c, a+c
		ys = n.add("ry", &ann.Relu{}, ys)
		if i%2 == 1 {
			z := n.add("rz", &ann.Relu{}, n.conv("z", x, b, d, 1))
			ys = n.add("sum", &ann.Add{}, n.conv("z1", z, d, c, 1), ys)
			ys = n.add("rs", &ann.Relu{}, ys)
			m2, m, others = m2+b*d, m+a*d, others+c*d+c
		}
		n.finish(ys, c)
		_, net, got := n.count(size)
		want := size*size*(min(m, 2*m1+2*m2)+others) + 3*c
		if got != want {
			t.Errorf("widths %d, %d, %d and %d: %d synapses, want %d\n%v", a, b, c, d, got, want, net)
		}
		if m < 2*m1+2*m2 {
			composed++
		} else if m > 2*m1+2*m2 {
			apart++
		}
	}
	if composed < 10 || apart < 3 {
		t.Errorf("%d composed, %d not", composed, apart)
	}
}

// TestStreamSynapses checks that the stream of a pre-activation network has ON and OFF
// populations where that takes fewer synapses: of all choices of sums, the one that is
// made is within a tenth of the best.
func TestStreamSynapses(t *testing.T) {
	const size, width = 4, 3
	m, one := size*size*width*width*9, size*size*width // Synapses of a convolution, and one to one.
	for blocks := 1; blocks <= 7; blocks++ {
		n := &network{t: t, rnd: rand.New(rand.NewPCG(uint64(blocks), 2))}
		norm := func(name, from string) string {
			bn := &ann.BatchNormalization{Scale: n.floats(width, 1), Bias: n.floats(width, 0.3), Mean: n.floats(width, 0.3), Var: []float32{1, 2, 0.5}}
			return n.add(name+"r", &ann.Relu{}, n.add(name, bn, from))
		}
		s := n.add("r", &ann.Relu{}, n.conv("c0", "x", 1, width, 3))
		for i := range blocks {
			inner := s
			if i > 0 {
				inner = norm(fmt.Sprint("n", i), s)
			}
			inner = n.conv(fmt.Sprint("b", i), n.add(fmt.Sprint("q", i), &ann.Relu{}, n.conv(fmt.Sprint("a", i), inner, width, width, 3)), width, width, 3)
			s = n.add(fmt.Sprint("s", i), &ann.Add{}, inner, s)
		}
		n.finish(norm("end", s), width)
		_, net, got := n.count(size)
		best := math.MaxInt
		for choice := range 1 << blocks {
			sum, bring := m/width+m*blocks, one // The first convolution and the first of each block; what the stream takes to bring.
			for i := range blocks {
				bring += m
				if choice>>i&1 != 0 {
					sum, bring = sum+2*bring, 2*one
				}
				sum += bring // For the ReLU behind it.
			}
			best = min(best, sum+one+3*width)
		}
		if got > best+best/10 {
			t.Errorf("%d blocks: %d synapses, %d are enough\n%v", blocks, got, best, net)
		}
		pairs := 0
		for i := range net.Layers {
			if strings.HasSuffix(net.Layers[i].Name, "/on") {
				pairs++
			}
		}
		if blocks <= 2 && pairs > 0 || blocks >= 5 && pairs == 0 {
			t.Errorf("%d blocks: %d pairs of populations", blocks, pairs)
		}
	}
}

// A convolution that the batch norms of many later layers take, as in a DenseNet, has one
// pair of populations and not synapses into each.
func TestDenseBlockSynapses(t *testing.T) {
	const size, grow, layers = 4, 2, 6
	n := &network{t: t, rnd: rand.New(rand.NewPCG(3, 2))}
	all := []string{n.add("r", &ann.Relu{}, n.conv("c0", "x", 1, grow, 3))}
	for i := range layers {
		from := all[0]
		if i > 0 {
			from = n.add(fmt.Sprint("cat", i), &ann.Concat{}, all...)
		}
		c := grow * len(all)
		bn := &ann.BatchNormalization{Scale: n.floats(c, 1), Bias: n.floats(c, 0.3), Mean: n.floats(c, 0.3), Var: make([]float32, c), Epsilon: 1}
		wide := n.conv(fmt.Sprint("a", i), n.add(fmt.Sprint("q", i), &ann.Relu{}, n.add(fmt.Sprint("n", i), bn, from)), c, 8, 1)
		all = append(all, n.conv(fmt.Sprint("b", i), n.add(fmt.Sprint("p", i), &ann.Relu{}, wide), 8, grow, 3))
	}
	n.finish(n.add("end", &ann.Relu{}, n.add("cat", &ann.Concat{}, all...)), grow*len(all))
	g, net, got := n.count(size)
	// Each convolution of spikes twice at most, and one-to-one synapses.
	most := 2*int(g.MACs()) + 2*layers*layers*size*size*grow*2
	if got > most {
		t.Errorf("%d synapses, %d are enough\n%v", got, most, net)
	}
}

// PRelu of a vector has a slope for each of its elements, wherever the result goes.
func TestVectorPRelu(t *testing.T) {
	n := &network{t: t, rnd: rand.New(rand.NewPCG(4, 2))}
	gemm := func(name, from string, in, out int) string {
		return n.add(name, &ann.Gemm{Weight: tensor.Of(n.floats(in*out, 0.5), out, in), Bias: n.floats(out, 0.3)}, from)
	}
	x := gemm("a", n.add("f0", &ann.Flatten{}, "x"), 16, 6)
	y := n.add("p", &ann.LeakyRelu{Slope: n.floats(6, 1)}, x)
	z := n.add("q", &ann.LeakyRelu{Slope: n.floats(6, 1)}, n.add("s", &ann.Add{}, gemm("b", y, 6, 6), y, x))
	n.add("logits", &ann.Add{}, gemm("c", z, 6, 6), z)
	g, net, _ := n.count(4)
	if got := net.Neurons(); got != 4*6+6 {
		t.Errorf("%d neurons, want ON and OFF populations of 6, twice, and the output\n%v", got, net)
	}
	image := n.floats(16, 1)
	simple := mustSimplify(t, g)
	sameRates(t, simple, mustConvert(t, simple, mustCalibrate(t, simple, images{image}, calibrate100), convert.DefaultOptions()), image)
}

// A node that became several is named once, by its own name, where these do not convert.
func TestUnsupportedPartsAreOne(t *testing.T) {
	relu := &ann.Relu{}
	bn := &ann.BatchNormalization{Scale: []float32{-1, -2}, Bias: []float32{1, 0}, Mean: []float32{0, 1}, Var: []float32{1, 1}}
	wide := &ann.Conv{Weight: tensor.New(1, 2, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}
	g := graph(t, tensor.Shape{1, 4, 4}, node("a", conv(1), "x"), node("ra", relu, "a"), node("b", conv(2), "x"), node("rb", relu, "b"),
		node("cat", &ann.Concat{}, "ra", "rb"), node("n", bn, "cat"), node("p", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "n"),
		node("d", wide, "p"), node("r", relu, "d"), node("g", &ann.GlobalAveragePool{}, "r"), node("f", &ann.Flatten{}, "g"), node("logits", gemm(1, 1), "f"))
	list, err := convert.Unsupported(g)
	if err != nil || len(list) != 1 || list[0].Node != "n" || list[0].Op != "BatchNormalization" || strings.Contains(list[0].Error(), "/") {
		t.Errorf("got %v, error %v", list, err)
	}
	fates, err := convert.Fates(g)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range fates {
		if f.Unsupported != (g.Nodes[i].Name == "n") || strings.Contains(f.Becomes, "/") {
			t.Errorf("%s becomes %+v", g.Nodes[i].Name, f)
		}
	}
}

// Channels that are made of the image's, with an offset, go into convolutions with padding:
// the offset takes a neuron a position, and the image itself none.
func TestMixOfImage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 3))
	for i := range 12 {
		n := &network{t: t, rnd: rnd}
		const size, c = 5, 3
		x := n.conv("mix", "x", 1, c, 1)
		n.nodes[0].Spelled = "Expand"
		y := n.add("r", &ann.Relu{}, n.conv("a", x, c, 4, 3))
		neurons := 4
		if i%2 == 1 {
			y = n.add("s", &ann.Relu{}, n.add("sum", &ann.Add{}, n.conv("b", x, c, 4, 1+2*(i/2%2)), y))
			neurons += 4
		}
		n.finish(y, 4)
		g, net, _ := n.count(size)
		if got, want := net.Neurons(), size*size*(neurons+1)+4+3; got != want {
			t.Errorf("%d neurons, want %d\n%v", got, want, net)
		}
		fates, err := convert.Fates(g)
		if err != nil {
			t.Fatal(err)
		}
		if f := fates[0].Becomes; !strings.HasPrefix(f, "folded into ") || !strings.HasSuffix(f, "; its offset, which padding does not have, comes from 25 neurons that fire at every timestep") {
			t.Errorf("mix becomes %q", f)
		}
	}
}
