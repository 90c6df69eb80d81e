package energy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// randomGraph draws a residual network: convolutions with strides, borders, groups
// and pads apart, shortcuts of every kind, pools, and a classifier.
type randomGraph struct {
	rnd *rand.Rand
	g   *ann.Graph
}

func (b *randomGraph) add(op ann.Op, inputs ...string) string {
	name := fmt.Sprintf("%s%d", op.Type(), len(b.g.Nodes))
	b.g.Nodes = append(b.g.Nodes, ann.Node{Name: name, Op: op, Inputs: inputs})
	if err := b.g.InferShapes(); err != nil {
		panic(err)
	}
	return name
}

func (b *randomGraph) shape(name string) tensor.Shape { s, _ := b.g.Shape(name); return s }

func (b *randomGraph) conv(from string, out, k, stride int) string {
	in, groups := b.shape(from)[0], 1
	if in%2 == 0 && out%2 == 0 && b.rnd.IntN(3) == 0 {
		groups = 2
	}
	w := tensor.New(out, in/groups, k, k)
	for i := range w.Data {
		if b.rnd.IntN(8) > 0 {
			w.Data[i] = b.rnd.Float32() - 0.4
		}
	}
	op := &ann.Conv{Weight: w, Window: tensor.Square(k, stride, k/2), Groups: groups}
	if k > 1 && b.rnd.IntN(3) == 0 {
		op.Window.Pad = [4]int{1, 0, 0, 1}
		from = b.add(&ann.Pad{Before: [3]int{0, 0, 1}, After: [3]int{0, 1, 0}}, from)
	}
	return b.add(op, from)
}

func (b *randomGraph) block(from string) string {
	s := b.shape(from)
	stride, out := 1+b.rnd.IntN(2), s[0]+b.rnd.IntN(3)
	kind := b.rnd.IntN(4)
	if kind == 0 {
		stride, out = 1, s[0]
	}
	inner := b.conv(b.add(&ann.Relu{}, b.conv(from, out, 3, stride)), out, 3, 1)
	shortcut := from
	slice := &ann.Slice{Step: [3]int{1, stride, stride}, Size: [3]int{s[0], (s[1]-1)/stride + 1, (s[2]-1)/stride + 1}}
	pad := &ann.Pad{Before: [3]int{(out - s[0]) / 2}, After: [3]int{out - s[0] - (out-s[0])/2}}
	switch kind {
	case 1:
		shortcut = b.conv(from, out, 1, stride)
	case 2:
		shortcut = b.add(pad, b.add(slice, from))
	case 3:
		pool := &ann.AveragePool{Window: tensor.Square(stride, stride, 0)}
		pool.Window.Pad[2], pool.Window.Pad[3] = slice.Size[1]*stride-s[1], slice.Size[2]*stride-s[2]
		shortcut = b.add(pool, from)
		if out > s[0] {
			shortcut = b.add(pad, shortcut)
		}
	}
	return b.add(&ann.Relu{}, b.add(&ann.Add{}, inner, shortcut))
}

func newRandomGraph(seed uint64) *ann.Graph {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := &randomGraph{rnd, &ann.Graph{Name: "random", Input: ann.Input{Name: "image", Shape: tensor.Shape{1 + rnd.IntN(3), 5 + rnd.IntN(5), 5 + rnd.IntN(5)}}}}
	last := b.add(&ann.Relu{}, b.conv("image", 2+rnd.IntN(4), 3, 1+rnd.IntN(2)))
	for range 1 + rnd.IntN(3) {
		last = b.block(last)
	}
	switch rnd.IntN(3) {
	case 0:
		last = b.add(&ann.MaxPool{Window: tensor.Square(2, 1, 1)}, last)
	case 1:
		last = b.add(&ann.AveragePool{Window: tensor.Square(2, 2, 1)}, last)
	}
	if rnd.IntN(2) == 0 {
		last = b.add(&ann.GlobalAveragePool{}, last)
	}
	last = b.add(&ann.Flatten{}, last)
	w := tensor.New(3, b.shape(last)[0])
	for i := range w.Data {
		w.Data[i] = rnd.Float32() - 0.4
	}
	b.g.Output = b.add(&ann.Gemm{Weight: w}, last)
	return b.g
}

// someImages are random images of any shape, a third of their pixels zero.
type someImages struct {
	shape  tensor.Shape
	pixels [][]float32
}

func newSomeImages(shape tensor.Shape, n int) *someImages {
	rnd := rand.New(rand.NewPCG(2, 3))
	im := &someImages{shape: shape}
	for range n {
		x := make([]float32, shape.Len())
		for i := range x {
			x[i] = float32(max(rnd.IntN(9)-3, 0)) / 4
		}
		im.pixels = append(im.pixels, x)
	}
	return im
}

func (im *someImages) Len() int                         { return len(im.pixels) }
func (im *someImages) Shape() tensor.Shape              { return im.shape }
func (im *someImages) Label(i int) int                  { return i % 3 }
func (im *someImages) Image(i int, dst []float32) error { copy(dst, im.pixels[i]); return nil }

// forTaps calls f with the output channel, input channel and input position of every
// tap of a window that lies inside an input, output by output: what the equations of
// a convolution sum over.
func forTaps(w tensor.Window, in, out tensor.Shape, channels func(o int) []int, f func(i, y, x int)) {
	for o := range out[0] {
		for _, i := range channels(o) {
			for r := range out[1] {
				for c := range out[2] {
					for ky := range w.Kernel[0] {
						for kx := range w.Kernel[1] {
							if y, x := w.Row(r, ky), w.Col(c, kx); y >= 0 && y < in[1] && x >= 0 && x < in[2] {
								f(i, y, x)
							}
						}
					}
				}
			}
		}
	}
}

// group returns the input channels that each output channel sees.
func group(in, out, groups int) func(int) []int {
	return func(o int) (list []int) {
		for i := range in / groups {
			list = append(list, o/(out/groups)*(in/groups)+i)
		}
		return list
	}
}

func itself(o int) []int { return []int{o} }

// fans returns, for every neuron of the source, CHW, how many weights a spike of it
// meets on a synapse.
func fans(in, out tensor.Shape, k snn.Connection) []uint64 {
	n := make([]uint64, in.Len())
	count := func(i, y, x int) { n[(i*in[1]+y)*in[2]+x]++ }
	switch k := k.(type) {
	case *snn.Conv:
		forTaps(k.Window, in, out, group(in[0], out[0], k.Groups), count)
	case *snn.AveragePool:
		forTaps(k.Window, in, out, itself, count)
	case *snn.Dense:
		for i := range n {
			n[i] = uint64(out.Len())
		}
	case *snn.Shortcut:
		for c := range in[0] {
			for r := range out[1] {
				for x := range out[2] {
					count(c, k.Start[0]+r*k.Stride[0], k.Start[1]+x*k.Stride[1])
				}
			}
		}
	}
	return n
}

// bruteSNN counts, for every layer and synapse, dense and effective operations of all
// images, spike by spike.
func bruteSNN(t *testing.T, net *snn.Network, images *someImages, o sim.Options) (dense, effective [][]uint64) {
	fan := make([][][]uint64, len(net.Layers))
	for l := range net.Layers {
		dense, effective = append(dense, make([]uint64, len(net.Layers[l].Synapses))), append(effective, make([]uint64, len(net.Layers[l].Synapses)))
		for j, s := range net.Layers[l].Synapses {
			fan[l] = append(fan[l], fans(net.ShapeOf(s.From), net.Layers[l].Shape, s.Connection))
			for _, n := range fan[l][j] {
				dense[l][j] += n
			}
		}
	}
	from := func(source, neuron int) {
		for l := range net.Layers {
			for j, s := range net.Layers[l].Synapses {
				if s.From == source {
					effective[l][j] += fan[l][j][neuron]
				}
			}
		}
	}
	plan, err := sim.Compile(net, o)
	if err != nil {
		t.Fatal(err)
	}
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		shape := net.Layers[s.Layer].Shape
		for c := range shape[0] {
			for p := range shape[1] * shape[2] {
				if s.Bits[p*s.Words+c/64]>>(c%64)&1 != 0 {
					from(s.Layer, c*shape[1]*shape[2]+p)
				}
			}
		}
	}
	for i, x := range images.pixels {
		if _, err := e.Run(t.Context(), x, i); err != nil {
			t.Fatal(err)
		}
		for p, v := range x {
			if v != 0 {
				from(snn.FromInput, p)
			}
		}
	}
	return dense, effective
}

// bruteANN counts the same at a node of the trained network. real says which elements
// of each value, CHW, are no padding.
func bruteANN(g *ann.Graph, real map[string][]bool, runners []*infer.Runner, n *ann.Node, input int) (dense, effective uint64) {
	source := n.Inputs[input]
	s, _ := g.Shape(source)
	c, h, w := s.CHW()
	in := tensor.Shape{c, h, w}
	f := func(i, y, x int) {
		if real[source][(i*h+y)*w+x] {
			dense++
		}
		for _, r := range runners {
			if r.Activation(source)[(y*w+x)*c+i] != 0 {
				effective++
			}
		}
	}
	all := func() {
		for i := range c {
			for y := range h {
				for x := range w {
					f(i, y, x)
				}
			}
		}
	}
	switch op := n.Op.(type) {
	case *ann.Conv:
		forTaps(op.Window, in, n.Shape, group(c, n.Shape[0], op.Groups), f)
	case *ann.AveragePool:
		forTaps(op.Window, in, n.Shape, itself, f)
	case *ann.Gemm:
		for range n.Shape[0] {
			all()
		}
	case *ann.GlobalAveragePool, *ann.Add:
		all()
	}
	return dense, effective
}

// realElements follows padding through the graph, element by element.
func realElements(g *ann.Graph) map[string][]bool {
	real := make(map[string][]bool)
	whole := func(name string, n int) { real[name] = slices.Repeat([]bool{true}, n) }
	whole(g.Input.Name, g.Input.Shape.Len())
	for i := range g.Nodes {
		n := &g.Nodes[i]
		whole(n.Name, n.Shape.Len())
		at := func(c, y, x int) bool {
			s, _ := g.Shape(n.Inputs[0])
			return c >= 0 && c < s[0] && y >= 0 && y < s[1] && x >= 0 && x < s[2] && real[n.Inputs[0]][(c*s[1]+y)*s[2]+x]
		}
		for j := range real[n.Name] {
			if len(n.Shape) != 3 {
				break
			}
			c, y, x := j/(n.Shape[1]*n.Shape[2]), j/n.Shape[2]%n.Shape[1], j%n.Shape[2]
			switch op := n.Op.(type) {
			case *ann.Pad:
				real[n.Name][j] = at(c-op.Before[0], y-op.Before[1], x-op.Before[2])
			case *ann.Slice:
				real[n.Name][j] = at(op.Start[0]+c*op.Step[0], op.Start[1]+y*op.Step[1], op.Start[2]+x*op.Step[2])
			}
		}
	}
	return real
}

// Counts are exact: on random residual networks they are those of loops over every
// output and tap, and over every spike.
func TestEnergyIsExact(t *testing.T) {
	const T = 12
	kinds := make(map[string]int)
	for seed := range uint64(40) {
		g := newRandomGraph(seed)
		images := newSomeImages(g.Input.Shape, 3)
		stats, err := calibrate.Run(t.Context(), g, images, calibrate.Options{Percentile: 100})
		if err != nil {
			t.Fatal(err)
		}
		net, err := convert.Convert(g, stats, convert.DefaultOptions())
		if err != nil { // Such as a layer that is dead with these weights.
			continue
		}
		r, err := eval.Run(t.Context(), g, net, images, eval.Options{Sim: sim.Options{Timesteps: T}, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		perImage := func(n uint64) float64 { return float64(n) / 3 }

		dense, effective := bruteSNN(t, net, images, sim.Options{Timesteps: T})
		var list []energy.Contribution
		for l := range net.Layers {
			layer := &net.Layers[l]
			for j, s := range layer.Synapses {
				if layer.IsGate() {
					continue
				}
				k := energy.Contribution{Layer: layer.Name, Kind: s.Connection.Kind(), Synapses: dense[l][j]}
				if s.From == snn.FromInput {
					k.From, k.MACs, k.DenseMACs = "input", perImage(effective[l][j]), float64(dense[l][j])
				} else {
					k.From, k.ACs, k.DenseACs = net.Layers[s.From].Name, perImage(effective[l][j]), float64(T*dense[l][j])
				}
				list = append(list, k)
			}
			if !layer.IsGate() {
				list = append(list, energy.Contribution{Layer: layer.Name, Kind: "neurons", Operations: energy.Operations{Updates: float64(T * layer.Neurons())}})
			}
		}
		compare(t, fmt.Sprintf("seed %d, spiking", seed), r.Energy.SNN.Contributions, list)
		if sum := r.Energy.SNN.Operations; sum.ACs != r.ACsPerImage[r.Timesteps-1] || sum.MACs != r.MACsPerImage || sum.Updates != float64(net.Neurons()*r.Timesteps) {
			t.Errorf("seed %d: contributions add up to %+v, the result has %v, %v and %v", seed, sum, r.ACsPerImage[r.Timesteps-1], r.MACsPerImage, float64(net.Neurons()*r.Timesteps))
		}

		model, err := infer.New(g)
		if err != nil {
			t.Fatal(err)
		}
		var runners []*infer.Runner
		for _, x := range images.pixels {
			runner := model.NewRunner()
			if _, err := runner.Run(x); err != nil {
				t.Fatal(err)
			}
			runners = append(runners, runner)
		}
		list = nil
		real := realElements(g)
		for i := range g.Nodes {
			n := &g.Nodes[i]
			for j, input := range n.Inputs {
				dense, effective := bruteANN(g, real, runners, n, j)
				k := energy.Contribution{Node: n.Name, Synapses: dense}
				switch n.Op.(type) {
				case *ann.Conv, *ann.Gemm:
					k.Kind, k.MACs, k.DenseMACs = map[bool]string{true: "conv", false: "dense"}[len(n.Shape) == 3], perImage(effective), float64(dense)
				case *ann.AveragePool, *ann.GlobalAveragePool:
					k.Kind, k.ACs, k.DenseACs = "average pool", perImage(effective), float64(dense)
				case *ann.Add: // Sums of products go on; what a layer gives is added.
					for g.Node(input).Op.Type() == "Pad" || g.Node(input).Op.Type() == "Slice" {
						input = g.Node(input).Inputs[0]
					}
					if !slices.ContainsFunc(net.Layers, func(l snn.Layer) bool { return l.Name == input }) {
						continue
					}
					k.Kind, k.ACs, k.DenseACs = "shortcut", perImage(effective), float64(dense)
				default:
					continue
				}
				list = append(list, k)
			}
		}
		compare(t, fmt.Sprintf("seed %d, trained", seed), r.Energy.ANN.Contributions, list)
		// Both networks have the same weights in the same places.
		for _, part := range []energy.Part{energy.PartInput, energy.PartLayers, energy.PartShortcuts, energy.PartPools, energy.PartClassifier} {
			if got, want := r.Energy.ANN.Sum(part).Synapses, r.Energy.SNN.Sum(part).Synapses; got != want {
				t.Errorf("seed %d, %s: %d synapses in the trained network, %d in the spiking one\n%v\n%v", seed, part, got, want, g, net)
			}
		}
		for _, k := range r.Energy.SNN.Contributions {
			kinds[string(k.Part)+" "+k.Kind]++
		}
	}
	for _, want := range []string{"input layer conv", "layers conv", "shortcuts shortcut", "shortcuts conv", "shortcuts average pool", "average pools average pool", "classifier dense", "neuron updates neurons"} {
		if kinds[want] < 3 {
			t.Errorf("%d contributions of %s: the networks drawn do not test it; there are %v", kinds[want], want, kinds)
		}
	}
}

// With Poisson encoding the image causes additions, too, and all of them are itemised.
func TestEnergyOfPoisson(t *testing.T) {
	g := newRandomGraph(0)
	images := newSomeImages(g.Input.Shape, 3)
	stats, err := calibrate.Run(t.Context(), g, images, calibrate.Options{Percentile: 100})
	if err != nil {
		t.Fatal(err)
	}
	o := convert.DefaultOptions()
	o.Encoding = snn.Poisson
	net, err := convert.Convert(g, stats, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := eval.Run(t.Context(), g, net, images, eval.Options{Sim: sim.Options{Timesteps: 12}})
	if err != nil {
		t.Fatal(err)
	}
	e := &r.Energy.SNN
	if image := e.Sum(energy.PartInput); image.ACs == 0 || image.ACs > image.DenseACs || image.MACs != 0 || image.DenseACs != float64(12*image.Synapses) {
		t.Errorf("from the image: %+v", image)
	}
	if e.ACs != r.ACsPerImage[r.Timesteps-1] || e.MACs != 0 {
		t.Errorf("contributions add up to %v ACs and %v MACs, the result has %v ACs", e.ACs, e.MACs, r.ACsPerImage[r.Timesteps-1])
	}
}

// compare compares contributions but for the part, which is a word for people, and
// the layers of the trained network's.
func compare(t *testing.T, what string, got, want []energy.Contribution) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d contributions, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		w.Part = g.Part
		if w.Node != "" {
			w.Layer, w.From = g.Layer, g.From
		}
		if g != w {
			t.Errorf("%s: got %+v, want %+v", what, g, w)
		}
	}
}
