package convert_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// builder draws residual networks with everything that converts: batch norm,
// groups, strides, pads apart from windows, shortcuts of all kinds, pools, hidden
// fully connected layers.
type builder struct {
	*rapid.T
	rnd   *rand.Rand
	nodes []ann.Node
	input tensor.Shape
}

func (b *builder) choose(n int, label string) int { return rapid.IntRange(0, n-1).Draw(b.T, label) }

func (b *builder) add(op ann.Op, inputs ...string) string {
	name := fmt.Sprintf("%s%d", op.Type(), len(b.nodes))
	b.nodes = append(b.nodes, node(name, op, inputs...))
	return name
}

// shape returns the shape of a node so far.
func (b *builder) shape(name string) tensor.Shape {
	if name == "x" {
		return b.input
	}
	s, _ := graph(b.T, b.input, slices.Clone(b.nodes)...).Shape(name)
	return s
}

func (b *builder) floats(n int, scale, shift float32) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = scale*(2*b.rnd.Float32()-1) + shift
	}
	return x
}

// norm sometimes adds a batch norm.
func (b *builder) norm(name string) string {
	if b.choose(2, "norm") == 0 {
		return name
	}
	c := b.shape(name)[0]
	return b.add(&ann.BatchNormalization{
		Scale: b.floats(c, 0.5, 1), Bias: b.floats(c, 0.2, 0.1), Mean: b.floats(c, 0.2, 0), Var: b.floats(c, 0.5, 1), Epsilon: 1e-3,
	}, name)
}

// conv adds a convolution with a kernel of k x k that keeps rows and columns, or
// with a stride divides them, rounding up.
func (b *builder) conv(from string, out, k, stride int) string {
	in := b.shape(from)[0]
	groups := 1
	if in%2 == 0 && out%2 == 0 && b.choose(4, "groups") == 0 {
		groups = 2
	}
	n := in / groups * k * k
	op := &ann.Conv{Weight: tensor.Of(b.floats(out*n, 2/float32(math.Sqrt(float64(n))), 0), out, in/groups, k, k), Window: tensor.Square(k, stride, k/2), Groups: groups}
	if b.choose(2, "bias") == 0 {
		op.Bias = b.floats(out, 0.2, 0.1)
	}
	if k > 1 && b.choose(4, "pad apart") == 0 {
		op.Window.Pad = [4]int{1, 0, 0, 1}
		from = b.add(&ann.Pad{Before: [3]int{0, 0, 1}, After: [3]int{0, 1, 0}}, from)
	}
	return b.norm(b.add(op, from))
}

func (b *builder) relu(from string) string {
	if b.choose(10, "clip") == 0 {
		return b.add(&ann.Clip{Max: 1.5}, from)
	}
	return b.add(&ann.Relu{}, from)
}

// block adds a residual block.
func (b *builder) block(from string) string {
	s := b.shape(from)
	out, stride := s[0], 1
	kind := b.choose(5, "shortcut")
	if kind > 0 {
		out, stride = s[0]+b.choose(4, "wider"), 1+b.choose(2, "stride")
	}
	inner := b.relu(b.conv(from, out, 3, stride))
	if b.choose(3, "bottleneck") == 0 {
		inner = b.relu(b.conv(inner, 3, 1, 1))
	}
	branches := []string{b.conv(inner, out, 3, 1)}
	switch kind {
	case 0:
		branches = append(branches, from)
	case 1:
		branches = append(branches, b.conv(from, out, 1, stride))
	default:
		slice := &ann.Slice{Step: [3]int{1, stride, stride}, Size: [3]int{s[0], (s[1]-1)/stride + 1, (s[2]-1)/stride + 1}}
		pad := &ann.Pad{Before: [3]int{(out - s[0]) / 2}, After: [3]int{out - s[0] - (out-s[0])/2}}
		last := from
		switch kind {
		case 2:
			last = b.add(pad, b.add(slice, last))
		case 3:
			slice.Size[0] = out
			last = b.add(slice, b.add(pad, last))
		case 4:
			pool := &ann.AveragePool{Window: tensor.Square(stride, stride, 0)}
			pool.Window.Pad[2], pool.Window.Pad[3] = slice.Size[1]*stride-s[1], slice.Size[2]*stride-s[2]
			last = b.add(pool, last)
			if out > s[0] {
				last = b.add(pad, last)
			}
		}
		branches = append(branches, last)
	}
	if b.choose(2, "order") == 0 {
		slices.Reverse(branches)
	}
	sum := b.add(&ann.Add{}, branches...)
	if b.choose(4, "third branch") == 0 {
		sum = b.add(&ann.Add{}, sum, b.conv(from, out, 1, stride))
	}
	return b.relu(sum)
}

// leaky adds a LeakyRelu or PRelu.
func (b *builder) leaky(from string) string {
	n := 1
	if b.choose(2, "slopes") == 0 {
		n = b.shape(from)[0]
	}
	return b.add(&ann.LeakyRelu{Slope: b.floats(n, 0.5, 0.1)}, from)
}

// stream adds blocks between which values are linear, or rectified with a slope.
func (b *builder) stream(from string) string {
	width := b.shape(from)[0]
	x := from
	if b.choose(2, "stem") == 0 {
		x = b.conv(from, width, 3, 1)
	}
	for range 1 + b.choose(3, "stream") {
		inner := b.norm(x)
		switch b.choose(4, "before") {
		case 0:
		case 1:
			inner = b.leaky(inner)
		default:
			inner = b.relu(inner)
		}
		inner = b.conv(inner, width, 1+2*b.choose(2, "kernel"), 1)
		switch b.choose(6, "after") {
		case 5:
			x = b.add(&ann.MaxPool{Window: tensor.Square(3, 1, 1)}, b.add(&ann.Add{}, x, inner))
		case 0:
			x = inner
		case 1:
			x = b.leaky(inner)
		case 2:
			x = b.add(&ann.AveragePool{Window: tensor.Square(3, 1, 1)}, b.add(&ann.Add{}, x, inner))
		default:
			x = b.add(&ann.Add{}, x, inner)
		}
	}
	if b.choose(3, "side by side") == 0 {
		x = b.add(&ann.Concat{}, x, b.relu(b.conv(from, 2, 1, 1)))
	}
	return b.relu(b.norm(x))
}

// branches adds branches side by side.
func (b *builder) branches(from string) string {
	var list []string
	rectified := true
	for range 2 + b.choose(2, "branches") {
		switch b.choose(5, "branch") {
		case 0:
			list = append(list, from)
		case 1:
			list = append(list, b.add(&ann.MaxPool{Window: tensor.Square(3, 1, 1)}, from))
		case 2:
			list = append(list, b.add(&ann.AveragePool{Window: tensor.Square(3, 1, 1)}, from))
		case 3:
			rectified = false
			list = append(list, b.conv(from, 1+b.choose(3, "width"), 1, 1))
		default:
			list = append(list, b.relu(b.conv(from, 1+b.choose(3, "width"), 3, 1)))
		}
	}
	last := b.add(&ann.Concat{}, list...)
	if rectified && b.choose(3, "side by side again") == 0 {
		last = b.add(&ann.Concat{}, last, from)
	}
	if !rectified || b.choose(3, "norm of branches") == 0 {
		last = b.relu(b.norm(last))
	}
	switch b.choose(5, "behind branches") {
	case 0:
		last = b.add(&ann.MaxPool{Window: tensor.Square(2, 1, 1)}, last)
	case 1:
		last = b.add(&ann.AveragePool{Window: tensor.Square(2, 1, 0)}, last)
	case 2:
		last = b.relu(b.conv(last, 4, 3, 1))
	}
	return last
}

// take adds a Gather, or where it can be one at times a Slice, of some channels.
func (b *builder) take(from string, index ...int) string {
	s := b.shape(from)
	if len(s) == 3 && b.choose(2, "slice") == 0 && index[len(index)-1]-index[0] == len(index)-1 && slices.IsSorted(index) {
		return b.add(&ann.Slice{Start: [3]int{index[0]}, Step: [3]int{1, 1, 1}, Size: [3]int{len(index), s[1], s[2]}}, from)
	}
	return b.add(&ann.Gather{Index: index}, from)
}

// span returns the numbers from first up to last.
func span(first, last int) (index []int) {
	for i := first; i < last; i++ {
		index = append(index, i)
	}
	return index
}

// shuffle adds the shuffle of a ShuffleNet.
func (b *builder) shuffle(from string, groups int) string {
	c := b.shape(from)[0]
	var index []int
	for i := range c / groups {
		for g := range groups {
			index = append(index, g*(c/groups)+i)
		}
	}
	return b.add(&ann.Gather{Index: index}, from)
}

// inGroups adds a convolution in groups.
func (b *builder) inGroups(from string, out, k, groups int) string {
	n := b.shape(from)[0] / groups * k * k
	op := &ann.Conv{Weight: tensor.Of(b.floats(out*n, 2/float32(math.Sqrt(float64(n))), 0), out, n/k/k, k, k), Window: tensor.Square(k, 1, k/2), Groups: groups}
	if b.choose(2, "bias") == 0 {
		op.Bias = b.floats(out, 0.2, 0.1)
	}
	return b.norm(b.add(op, from))
}

// channels adds what takes some channels, or brings them into another order.
func (b *builder) channels(from string) string {
	c := 8 + 4*b.choose(3, "wide")
	x := b.relu(b.conv(from, c, 1, 1))
	half := c / 2
	for range 1 + b.choose(3, "of channels") {
		switch b.choose(9, "channels") {
		case 0: // ShuffleNet V2.
			left, right := b.take(x, span(0, half)...), b.take(x, span(half, c)...)
			inner := b.relu(b.conv(right, half, 1, 1))
			if b.choose(2, "depthwise") == 0 {
				inner = b.inGroups(inner, half, 3, half)
			}
			x = b.add(&ann.Concat{}, left, b.relu(b.conv(inner, half, 1, 1)))
			x = b.shuffle(x, 2)
		case 1: // ShuffleNet V1.
			groups := []int{2, 4}[b.choose(2, "groups")]
			inner := b.shuffle(b.relu(b.inGroups(x, c, 1, groups)), groups)
			if b.choose(2, "depthwise") == 0 {
				inner = b.inGroups(inner, c, 3, c)
			}
			inner = b.inGroups(inner, c, 1, groups)
			if b.choose(2, "order") == 0 {
				inner = b.shuffle(inner, 2)
			}
			x = b.relu(b.add(&ann.Add{}, x, inner))
		case 2: // Res2Net.
			list := []string{b.take(x, span(0, c/4)...)}
			z := list[0]
			for i := 1; i < 4; i++ {
				part := b.take(x, span(i*c/4, (i+1)*c/4)...)
				if b.choose(3, "sum") > 0 {
					part = b.add(&ann.Add{}, part, z)
				}
				z = b.relu(b.conv(part, c/4, 3, 1))
				list = append(list, z)
			}
			x = b.add(&ann.Concat{}, list...)
		case 3: // Any, and some again.
			index := make([]int, 1+b.choose(12, "index"))
			for i := range index {
				index[i] = b.choose(c, "channel")
			}
			y := b.take(x, index...)
			switch b.choose(5, "behind channels") {
			case 0:
				y = b.relu(b.norm(y))
			case 1:
				y = b.leaky(y)
			case 2:
				y = b.add(&ann.MaxPool{Window: tensor.Square(3, 1, 1)}, y)
			case 3:
				y = b.add(&ann.AveragePool{Window: tensor.Square(3, 1, 1)}, y)
			}
			x = b.relu(b.conv(b.add(&ann.Concat{}, y, x), c, 1, 1))
		case 4:
			x = b.relu(b.add(&ann.Add{}, b.shuffle(x, 2), b.conv(x, c, 3, 1)))
		case 5: // A shuffled sum of shuffled values.
			x = b.relu(b.shuffle(b.add(&ann.Add{}, b.shuffle(x, 4), b.shuffle(x, 2)), 2))
		case 6: // Channels of linear values.
			y := b.conv(x, c, 1, 1)
			x = b.relu(b.norm(b.add(&ann.Concat{}, b.take(y, span(2, c)...), b.take(x, 1, 0))))
		case 7: // Rows and columns, too.
			s := b.shape(x)
			y := b.add(&ann.Slice{
				Start: [3]int{1, 0, s[2] / 2}, Step: [3]int{1, 1, 1}, Size: [3]int{c - 1, (s[1] + 1) / 2, s[2] - s[2]/2},
			}, x)
			if b.choose(2, "rectified") == 0 {
				y = b.conv(y, c, 1, 1)
			} else {
				y = b.shuffle(b.add(&ann.Concat{}, y, b.take(y, 0)), 2)
			}
			x = b.relu(y)
		default:
			x = b.shuffle(x, []int{2, 4, c}[b.choose(3, "groups")])
		}
	}
	return x
}

func (b *builder) network() *ann.Graph {
	b.input = tensor.Shape{1 + b.choose(3, "channels"), 3 + b.choose(6, "rows"), 3 + b.choose(6, "columns")}
	last := b.relu(b.conv("x", 1+b.choose(6, "width"), 3, 1))
	for range b.choose(4, "blocks") {
		switch b.choose(12, "what") {
		case 10, 11:
			last = b.channels(last)
		case 8, 9:
			last = b.stream(last)
		case 6, 7:
			if s := b.shape(last); s[1] > 2 && s[2] > 2 {
				last = b.branches(last)
			}
		case 0:
			last = b.add(&ann.MaxPool{Window: tensor.Square(2, 1+b.choose(2, "stride"), 1)}, last)
		case 1:
			last = b.add(&ann.AveragePool{Window: tensor.Square(2, 1, 1), CountPad: b.choose(2, "count") == 0}, last)
			if b.choose(2, "idle") == 0 {
				last = b.add(&ann.Relu{}, last)
			}
		default:
			last = b.block(last)
		}
	}
	if b.choose(2, "global") == 0 {
		last = b.norm(b.add(&ann.GlobalAveragePool{}, last))
	}
	last = b.add(&ann.Flatten{}, last)
	some := func() { // Elements of a vector, and some again.
		n := b.shape(last)[0]
		index := make([]int, 2+b.choose(20, "elements"))
		for i := range index {
			index[i] = b.choose(n, "element")
		}
		last = b.add(&ann.Concat{}, b.take(last, index...), last)
	}
	if b.choose(6, "some elements") == 0 {
		some()
	}
	gemm := func(out int) string {
		n := b.shape(last)[0]
		return b.norm(b.add(&ann.Gemm{Weight: tensor.Of(b.floats(out*n, 2/float32(math.Sqrt(float64(n))), 0), out, n), Bias: b.floats(out, 0.2, 0.1)}, last))
	}
	if b.choose(3, "hidden") == 0 {
		last = b.relu(gemm(8))
		if b.choose(3, "some units") == 0 {
			some()
		}
	}
	if b.choose(6, "heads") == 0 {
		last = b.add(&ann.Concat{}, gemm(2), gemm(3))
	} else {
		last = gemm(5)
	}
	if b.choose(2, "softmax") == 0 {
		b.add(&ann.Softmax{}, last)
	}
	return graph(b.T, b.input, b.nodes...)
}

// TestRandom checks, on random networks, that folding keeps what nodes compute,
// that lambda times the limit of the rates is the activation in both forms, and
// that both forms give the same spikes: exactly, because the scales here are
// powers of two, which round nothing.
func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		b := &builder{T: t, rnd: rand.New(rand.NewPCG(seed, 1))}
		g := b.network()
		im := images{b.floats(b.input.Len(), 1, 0), b.floats(b.input.Len(), 1, 0)}
		folded, err := convert.Fold(g)
		if err != nil {
			t.Fatal(err)
		}
		sameNodes(t, g, folded, im[0])
		for _, n := range folded.Nodes {
			if _, ok := n.Op.(*ann.BatchNormalization); ok {
				t.Fatalf("a batch norm is left:\n%v", folded)
			}
		}

		simple := mustSimplify(t, g)
		if again := mustSimplify(t, simple); again != simple {
			t.Fatalf("what is simple becomes something else\n%v\n%v", simple, again)
		}
		s := mustCalibrate(t, simple, im, calibrate.Options{Percentile: 99})
		for i := range s.Nodes {
			l := s.Nodes[i].Lambda
			if !(l > 0) { // Small layers do die; that is another test's.
				l = 1
			}
			s.Nodes[i].Lambda = float32(math.Exp2(math.Ceil(math.Log2(float64(l)))))
		}
		o := convert.DefaultOptions()
		o.Neuron = rapid.SampledFrom([]snn.Model{nil, snn.LIF{Leak: 0.9}, snn.LIF{Leak: 0.99, Refractory: 3}}).Draw(t, "neuron")
		normalised := mustConvert(t, g, s, o)
		o.ThresholdBalanced = true
		balanced := mustConvert(t, g, s, o)
		checkFates(t, g, normalised)
		for _, net := range []*snn.Network{normalised, balanced} {
			sameRates(t, simple, net, im[0])
		}
		if want, got := spikeTrains(t, normalised, im[0]), spikeTrains(t, balanced, im[0]); !slices.Equal(want, got) {
			t.Errorf("balanced thresholds give other spikes than normalised weights\n%v\n%v", normalised, balanced)
		}
	})
}

// sameRates checks that lambda times the rates is what g computes, with rates that
// end where a Clip does.
func sameRates(t rapid.TB, g *ann.Graph, net *snn.Network, image []float32) {
	t.Helper()
	r := runner(t, g)
	if _, err := r.Run(image); err != nil {
		t.Fatal(err)
	}
	most := make([]float64, len(net.Layers))
	for i := range net.Layers {
		l := &net.Layers[i]
		most[i] = math.Inf(1)
		if clip, ok := g.Node(l.Name).Op.(*ann.Clip); ok {
			most[i] = float64(clip.Max)
		}
	}
	rates, err := sim.Rates(context.Background(), net, image, most)
	if err != nil {
		t.Fatal(err)
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		want, area := r.Activation(l.Name), l.Shape[1]*l.Shape[2]
		if len(want) != len(rates[i]) {
			t.Fatalf("layer %q has %d neurons, node %q of the trained network %d units", l.Name, len(rates[i]), l.Name, len(want))
		}
		low := math.Inf(-1) // Rates of the output are not rectified.
		switch g.Node(l.Name).Op.(type) {
		case *ann.Clip, *ann.Relu:
			low = 0
		}
		diff, largest := 0.0, 0.0
		for j, rate := range rates[i] {
			a := float64(want[j%area*l.Shape[0]+j/area])
			diff, largest = max(diff, math.Abs(a-max(rate*float64(l.Lambda), low))), max(largest, math.Abs(a))
		}
		for j := range net.Layers { // What is rounded is as large in an ON population as in the OFF one.
			if n := g.Node(net.Layers[j].Name); n.Of != "" && n.Of == g.Node(l.Name).Of {
				for _, a := range r.Activation(n.Name) {
					largest = max(largest, math.Abs(float64(a)))
				}
			}
		}
		if !(diff <= 1e-4*largest+1e-6) {
			t.Errorf("layer %q: lambda times rate is %v off an activation, of up to %v\n%v\n%v", l.Name, diff, largest, g, net)
		}
	}
}

// spikeTrains returns the spikes of all layers at all timesteps.
func spikeTrains(t rapid.TB, net *snn.Network, image []float32) (bits []uint64) {
	t.Helper()
	plan, err := sim.Compile(net, sim.Options{Timesteps: 20})
	if err != nil {
		t.Fatal(err)
	}
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) { bits = append(bits, s.Bits...) }
	if _, err := e.Run(context.Background(), image, 0); err != nil {
		t.Fatal(err)
	}
	return bits
}
