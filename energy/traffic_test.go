package energy_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// chip does what the spiking network does, one read, addition and spike after the other,
// and counts each.
type chip struct {
	net      *snn.Network
	T        int
	spikes   [][][]int          // Neurons, CHW, by layer and step of its window.
	image    [][]float32        // As presented at each timestep.
	constant bool               // It is the same at all of them, and no spikes.
	binary   bool               // It is spikes.
	traffic  [][]energy.Traffic // By layer and synapse, and last the neurons.
	updates  []float64          // By layer: additions to potentials in steps of integration.
}

// pairs calls f for every weight that lies inside the border: from which element of the
// source, CHW, at which position of the output, and whether it is the first channel there.
func pairs(in, out tensor.Shape, k snn.Connection, f func(from, position int, first bool)) {
	at := func(c, y, x int) int { return (c*in[1]+y)*in[2] + x }
	taps := func(w tensor.Window, outputs func(c int) []int) {
		for c := range in[0] {
			for i, o := range outputs(c) {
				_ = o
				for r := range out[1] {
					for x := range out[2] {
						for ky := range w.Kernel[0] {
							for kx := range w.Kernel[1] {
								if row, col := w.Row(r, ky), w.Col(x, kx); row >= 0 && row < in[1] && col >= 0 && col < in[2] {
									f(at(c, row, col), r*out[2]+x, i == 0)
								}
							}
						}
					}
				}
			}
		}
	}
	switch k := k.(type) {
	case *snn.Conv:
		taps(k.Window, func(c int) (list []int) {
			for o := range out[0] {
				if o/(out[0]/k.Groups) == c/(in[0]/k.Groups) {
					list = append(list, o)
				}
			}
			return list
		})
	case *snn.AveragePool:
		taps(k.Window, func(c int) []int { return []int{c} })
	case *snn.Shortcut:
		for c := range in[0] {
			for r := range out[1] {
				for x := range out[2] {
					f(at(c, k.Start[0]+r*k.Stride[0], k.Start[1]+x*k.Stride[1]), r*out[2]+x, true)
				}
			}
		}
	case *snn.Dense:
		for i := range in.Len() {
			for range out.Len() {
				f(i, 0, true)
			}
		}
	}
}

// run counts one image.
func (c *chip) run() {
	for l := range c.net.Layers {
		layer := &c.net.Layers[l]
		if layer.IsGate() {
			c.gate(l)
			continue
		}
		held, current := c.current(l)
		for t := range c.T {
			for j := range layer.Synapses {
				c.arrive(l, j, t, held)
			}
			c.integrate(l, t, held, current)
		}
		if c.net.Schedule == snn.Phased {
			c.open(l)
		}
		n := &c.traffic[l][len(layer.Synapses)]
		for range layer.Neurons() {
			if held {
				n.CurrentWrites++ // Cleared for the next image.
			}
		}
		for _, fired := range c.spikes[l] {
			n.EventWrites += float64(len(fired))
		}
	}
}

func (c *chip) gate(l int) {
	x := &c.traffic[l][0]
	for _, fired := range c.spikes[c.net.Layers[l].Synapses[0].From] {
		for range fired {
			x.EventReads++
			x.SpikesMoved++
			x.PotentialReads++
			x.Additions++
			x.PotentialWrites++
			x.Comparisons++
		}
	}
	for _, fired := range c.spikes[l] {
		x.EventWrites += float64(len(fired))
	}
}

// current computes the current of a constant image into memory, and says whether the
// neurons hold one of spikes, and one of the image.
func (c *chip) current(l int) (held, current bool) {
	layer := &c.net.Layers[l]
	n := &c.traffic[l][len(layer.Synapses)]
	for j, s := range layer.Synapses {
		if s.From != snn.FromInput {
			held = held || c.net.Coding == snn.FirstSpike
			continue
		}
		if c.constant {
			current = true
			c.multiply(l, j)
		}
	}
	for range layer.Neurons() {
		if !current {
			break
		}
		if layer.Bias != nil {
			n.BiasReads++
			n.Additions++
		}
		n.CurrentWrites++
	}
	return held, current
}

// multiply takes in an image of numbers, as any network does.
func (c *chip) multiply(l, j int) {
	layer := &c.net.Layers[l]
	k, x := layer.Synapses[j].Connection, &c.traffic[l][j]
	_, dense := k.(*snn.Dense)
	pairs(c.net.Input.Shape, layer.Shape, k, func(int, int, bool) {
		x.WeightReads++
		x.Products++
		if dense {
			x.AddressAdditions++
		} else {
			x.ValueReads++
		}
	})
	for range c.net.Input.Shape.Len() {
		x.ValuesMoved++
		if dense {
			x.ValueReads++
		} else {
			x.AddressAdditions++
		}
	}
	if conv, ok := k.(*snn.Conv); ok {
		for range layer.Neurons() {
			x.AddressAdditions++
		}
		for range layer.Shape[0] * conv.Window.Kernel[0] * conv.Window.Kernel[1] {
			x.AddressAdditions++
		}
	}
}

// arrive takes in what synapse j brings at step t of the window of its source.
func (c *chip) arrive(l, j, t int, held bool) {
	layer := &c.net.Layers[l]
	s, x := layer.Synapses[j], &c.traffic[l][j]
	var fired []int
	switch {
	case s.From != snn.FromInput:
		fired = c.spikes[s.From][t]
	case c.constant:
		return
	case !c.binary:
		c.multiply(l, j)
		return
	default:
		held = false
		for i, v := range c.image[t] {
			if v != 0 {
				fired = append(fired, i)
			}
		}
	}
	first := true
	for _, before := range layer.Synapses[:j] {
		first = first && before.From != s.From
	}
	_, dense := s.Connection.(*snn.Dense)
	spiked := make(map[int]bool)
	for _, i := range fired {
		spiked[i] = true
		if first {
			x.EventReads++
			x.SpikesMoved++
		}
		if !dense { // Row and column.
			x.AddressProducts++
			x.AddressProducts++
		}
	}
	pairs(c.net.ShapeOf(s.From), layer.Shape, s.Connection, func(from, _ int, channel bool) {
		if !spiked[from] {
			return
		}
		if channel {
			x.AddressAdditions++
		}
		x.WeightReads++
		if held {
			x.CurrentReads++
			x.CurrentWrites++
		} else {
			x.PotentialReads++
			x.PotentialWrites++
		}
		x.Additions++
	})
}

// integrate advances the neurons by a timestep in which they take in current.
func (c *chip) integrate(l, t int, held, current bool) {
	layer := &c.net.Layers[l]
	n := &c.traffic[l][len(layer.Synapses)]
	a, ok := layer.Neuron.Decay()
	for range layer.Neurons() {
		n.PotentialReads++
		if !ok || a != 1 {
			n.Products++
		}
		switch {
		case current:
			n.CurrentReads++
		case layer.Bias != nil:
			n.BiasReads++
		}
		n.Additions++
		c.updates[l]++
		if held {
			n.CurrentReads++
			n.Additions++
			c.updates[l]++
		}
		if c.net.Schedule == snn.Synchronous {
			n.Comparisons++
		}
		n.PotentialWrites++
	}
	if c.net.Schedule == snn.Synchronous && layer.Neuron.Reset == snn.ResetSubtract {
		for range c.spikes[l][t] {
			n.Additions++
		}
	}
}

// open goes through the window in which phased neurons fire.
func (c *chip) open(l int) {
	n := &c.traffic[l][len(c.net.Layers[l].Synapses)]
	for t := range c.T {
		for range c.net.Layers[l].Neurons() {
			n.PotentialReads++
			n.Comparisons++
		}
		for range c.spikes[l][t] {
			n.Additions++
			n.PotentialWrites++
		}
	}
}

// bruteTraffic counts what the spiking network does on all images, by the spikes of the
// reference engine.
func bruteTraffic(t *testing.T, net *snn.Network, images eval.Images, o sim.Options) *chip {
	t.Helper()
	o.Reference = true
	plan, err := sim.Compile(net, o)
	if err != nil {
		t.Fatal(err)
	}
	c := &chip{net: net, T: o.Timesteps, updates: make([]float64, len(net.Layers)), traffic: make([][]energy.Traffic, len(net.Layers)), spikes: make([][][]int, len(net.Layers))}
	for l := range net.Layers {
		c.traffic[l] = make([]energy.Traffic, len(net.Layers[l].Synapses)+1)
	}
	e := plan.NewEngine()
	e.Probe = func(s sim.Spikes) {
		shape := net.Layers[s.Layer].Shape
		var fired []int
		for p := range shape[1] * shape[2] {
			for ch := range shape[0] {
				if s.Bits[p*s.Words+ch/64]>>(ch%64)&1 != 0 {
					fired = append(fired, ch*shape[1]*shape[2]+p)
				}
			}
		}
		c.spikes[s.Layer][s.Step] = fired
	}
	for i := range images.Len() {
		for l := range c.spikes {
			c.spikes[l] = make([][]int, o.Timesteps)
		}
		n := net.Input.Shape.Len()
		frames, framed := images.(*framedImages)
		x := make([]float32, n)
		c.constant, c.binary = !net.Input.Encoding.Spikes(), net.Input.Encoding.Spikes()
		if framed {
			x = frames.frames[i]
			c.constant, c.binary = false, true
			for _, v := range x {
				c.binary = c.binary && (v == 0 || v == 1)
			}
			_, err = e.RunFrames(t.Context(), x, i)
		} else {
			if err := images.Image(i, x); err != nil {
				t.Fatal(err)
			}
			_, err = e.Run(t.Context(), x, i)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.image = nil
		rnd, out := rand.New(rand.NewPCG(o.Seed, uint64(i))), make([]float32, n)
		for step := range o.Timesteps {
			frame := x[step%(len(x)/n)*n:][:n]
			c.image = append(c.image, append([]float32(nil), net.Input.Encode(out, frame, rnd)...))
		}
		c.run()
	}
	return c
}

// compareTraffic compares every count of every part with what was counted one by one.
func compareTraffic(t *testing.T, what string, net *snn.Network, got *energy.Ledger, want [][]energy.Traffic, images int) {
	t.Helper()
	i := 0
	for l := range net.Layers {
		n := len(net.Layers[l].Synapses) + 1
		if net.Layers[l].IsGate() {
			n = 1
		}
		for j := range n {
			if i == len(got.Entries) {
				t.Fatalf("%s: %d entries", what, i)
			}
			compareEntry(t, what, &got.Entries[i], &want[l][j], images)
			i++
		}
	}
	if i != len(got.Entries) {
		t.Errorf("%s: %d entries, want %d", what, len(got.Entries), i)
	}
}

// compareOperations compares the operations of layers and of neurons with those counted.
func compareOperations(t *testing.T, what string, c *chip, got *energy.Account, images int) {
	t.Helper()
	i := 0
	for l := range c.net.Layers {
		layer := &c.net.Layers[l]
		if layer.IsGate() {
			continue
		}
		for j, s := range layer.Synapses {
			k := &got.Contributions[i]
			i++
			if s.From == snn.FromInput {
				continue
			}
			most := 0.0 // Additions if every neuron spiked as often as it can.
			pairs(c.net.ShapeOf(s.From), layer.Shape, s.Connection, func(int, int, bool) {
				if most++; c.net.Coding == snn.Rate {
					most += float64(c.T - 1)
				}
			})
			if math.Round(k.ACs*float64(images)) != c.traffic[l][j].Additions || k.DenseACs != most || k.ACs > k.DenseACs {
				t.Errorf("%s, synapse %d of %s: %+v, counted %v of at most %v", what, j, layer.Name, k.Operations, c.traffic[l][j].Additions, most)
			}
		}
		if n := got.Contributions[i].Updates * float64(images); n != c.updates[l] {
			t.Errorf("%s, neurons of %s: %v updates, counted %v", what, layer.Name, n, c.updates[l])
		}
		i++
	}
}

// rounded returns the counts of so many images, of which t has the means.
func rounded(t *energy.Traffic, images int) *energy.Traffic {
	var sum energy.Traffic
	from, to := reflect.ValueOf(*t), reflect.ValueOf(&sum).Elem()
	for f := range from.NumField() {
		to.Field(f).SetFloat(math.Round(from.Field(f).Float() * float64(images)))
	}
	return &sum
}

func compareEntry(t *testing.T, what string, e *energy.Entry, want *energy.Traffic, images int) {
	t.Helper()
	g, w := reflect.ValueOf(e.Traffic), reflect.ValueOf(*want)
	for f := range g.NumField() {
		if n := math.Round(g.Field(f).Float() * float64(images)); n != w.Field(f).Float() {
			t.Errorf("%s, %s from %q to %s: %s is %v in all images, counted %v", what, e.Kind, e.From, e.Layer, g.Type().Field(f).Name, n, w.Field(f).Float())
		}
	}
}

// form is a way in which a random network is run.
type form struct {
	name     string
	encoding snn.Encoding
	frames   int
	binary   bool
	change   func(net *snn.Network)
}

var forms = []form{
	{name: "direct", encoding: snn.Direct},
	{name: "poisson", encoding: snn.Poisson},
	{name: "frames of numbers", encoding: snn.Direct, frames: 3},
	{name: "frames of spikes", encoding: snn.Direct, frames: 3, binary: true},
	{name: "reset to zero", encoding: snn.Direct, change: func(net *snn.Network) {
		for l := range net.Layers {
			net.Layers[l].Neuron.Reset = snn.ResetZero
		}
	}},
	{name: "leaky", encoding: snn.Direct, change: func(net *snn.Network) {
		for l := range net.Layers {
			if !net.Layers[l].IsGate() {
				net.Layers[l].Neuron.Model = snn.LIF{Leak: 0.9}
			}
		}
	}},
	{name: "phased", encoding: snn.Direct, change: phased(snn.Rate)},
	{name: "phased poisson", encoding: snn.Poisson, change: phased(snn.Rate)},
	{name: "phased frames of spikes", encoding: snn.Direct, frames: 3, binary: true, change: phased(snn.Rate)},
	{name: "first spike", encoding: snn.Direct, change: phased(snn.FirstSpike)},
	{name: "first spike poisson", encoding: snn.Poisson, change: phased(snn.FirstSpike)},
	{name: "first spike frames of numbers", encoding: snn.Direct, frames: 3, change: phased(snn.FirstSpike)},
}

// twoBranches draws a network in which two convolutions of one layer end on another.
func twoBranches(rnd *rand.Rand) *ann.Graph {
	b := &randomGraph{rnd, &ann.Graph{Name: "branches", Input: ann.Input{Name: "image", Shape: tensor.Shape{2, 6, 5}}}}
	from := b.add(&ann.Relu{}, b.conv("image", 3, 3, 1))
	sum := b.add(&ann.Relu{}, b.add(&ann.Add{}, b.conv(from, 4, 3, 1), b.conv(from, 4, 3, 1)))
	flat := b.add(&ann.Flatten{}, sum)
	w := tensor.New(3, b.shape(flat)[0])
	for i := range w.Data {
		w.Data[i] = rnd.Float32() - 0.4
	}
	b.g.Output = b.add(&ann.Gemm{Weight: w}, flat)
	return b.g
}

func phased(c snn.Coding) func(*snn.Network) {
	return func(net *snn.Network) { net.Schedule, net.Coding = snn.Phased, c }
}

// Traffic is exact: on random residual networks it is that of a chip which does one thing
// after the other.
func TestTrafficIsExact(t *testing.T) {
	const T = 7
	kinds, rnd := make(map[string]int), rand.New(rand.NewPCG(4, 5))
	for seed := range uint64(96) {
		f := forms[seed%uint64(len(forms))]
		g := newRandomGraph(seed)
		if rnd.IntN(4) == 0 {
			g = twoBranches(rnd)
		}
		some := newSomeImages(g.Input.Shape, 3)
		var images eval.Images = some
		if f.frames > 0 {
			images = newFramedImages(some, f.frames, f.binary)
		}
		stats, err := calibrate.Run(t.Context(), g, some, calibrate.Options{Percentile: 100})
		if err != nil {
			t.Fatal(err)
		}
		o := convert.DefaultOptions()
		o.Encoding = f.encoding
		net, err := convert.Convert(g, stats, o)
		if err != nil { // Such as a layer that is dead with these weights.
			continue
		}
		if f.change != nil {
			f.change(net)
		}
		for l := range net.Layers {
			if layer := &net.Layers[l]; !layer.IsGate() && rnd.IntN(2) == 0 {
				layer.Bias = make([]float32, layer.Shape[0])
			}
		}
		so := sim.Options{Timesteps: T, Seed: 3}
		r, err := eval.Run(t.Context(), g, net, images, eval.Options{Sim: so, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("seed %d, %s", seed, f.name)
		c := bruteTraffic(t, net, images, so)
		compareTraffic(t, what, net, &r.Energy.Memory.Spiking, c.traffic, 3)
		compareOperations(t, what, c, &r.Energy.SNN, 3)
		compareFormal(t, what, g, net, r.Energy.Memory.Trained)
		m, trained := r.Energy.Memory, r.Energy.ANN
		skipped := m.Trained.Traffic
		skipped.Products -= trained.DenseMACs - trained.MACs
		skipped.WeightReads -= trained.DenseMACs - trained.MACs
		skipped.Additions -= trained.DenseACs - trained.ACs
		compareEntry(t, what+", zeros skipped", &energy.Entry{Traffic: m.Skipping.Traffic}, rounded(&skipped, 3), 3)
		for _, e := range r.Energy.Memory.Spiking.Entries {
			kinds[f.name+" "+e.Kind]++
		}
	}
	for _, f := range forms {
		for _, kind := range []string{"conv", "shortcut", "dense", "neurons"} {
			if kinds[f.name+" "+kind] == 0 {
				t.Errorf("no %s with %s: the networks drawn do not test it; there are %v", kind, f.name, kinds)
			}
		}
	}
}

// compareFormal compares the traffic of the trained network with loops over its products.
func compareFormal(t *testing.T, what string, g *ann.Graph, net *snn.Network, got *energy.Ledger) {
	t.Helper()
	real := realElements(g)
	layers := make(map[string]*snn.Layer)
	for l := range net.Layers {
		layers[net.Layers[l].Name] = &net.Layers[l]
	}
	moved := make(map[string]bool)
	for i := range got.Entries {
		e := &got.Entries[i]
		var want energy.Traffic
		if e.Node != "" {
			n := g.Node(e.Node)
			input := 0
			if i > 0 && got.Entries[i-1].Node == e.Node {
				input = 1
			}
			want = formalNode(g, real, n, sourceOf(n, e, g, input))
			if pair := e.From + " " + e.Layer; moved[pair] {
				want.ValuesMoved = 0
			} else {
				moved[pair] = true
			}
		} else {
			want = formalValues(g, net, layers[e.Layer])
		}
		compareEntry(t, what+", trained", e, &want, 1)
	}
}

// sourceOf returns the input of a node which an entry is about: of a sum the one that is
// not a sum itself.
func sourceOf(n *ann.Node, e *energy.Entry, g *ann.Graph, nth int) string {
	if len(n.Inputs) == 1 {
		return n.Inputs[0]
	}
	var list []string
	for _, name := range n.Inputs {
		at := name
		for at != e.From && at != g.Input.Name && len(g.Node(at).Inputs) == 1 && (g.Node(at).Op.Type() == "Pad" || g.Node(at).Op.Type() == "Slice") {
			at = g.Node(at).Inputs[0]
		}
		if at == e.From || at == g.Input.Name {
			list = append(list, name)
		}
	}
	return list[min(nth, len(list)-1)]
}

func formalNode(g *ann.Graph, real map[string][]bool, n *ann.Node, source string) (x energy.Traffic) {
	s, _ := g.Shape(source)
	c, h, w := s.CHW()
	elements := 0
	for _, is := range real[source] {
		if is {
			elements++
			x.ValuesMoved++
		}
	}
	addresses := func() { x.AddressAdditions += float64(elements + n.Shape.Len()) }
	switch op := n.Op.(type) {
	case *ann.Conv:
		forTaps(op.Window, tensor.Shape{c, h, w}, n.Shape, group(c, n.Shape[0], op.Groups), func(i, y, col int) {
			if real[source][(i*h+y)*w+col] {
				x.ValueReads++
				x.WeightReads++
				x.Products++
			}
		})
		addresses()
		for range n.Shape[0] * op.Window.Kernel[0] * op.Window.Kernel[1] {
			x.AddressAdditions++
		}
	case *ann.Gemm:
		for range n.Shape.Len() {
			for range elements {
				x.WeightReads++
				x.Products++
				x.AddressAdditions++
			}
		}
		x.ValueReads = float64(elements)
	case *ann.AveragePool:
		forTaps(op.Window, tensor.Shape{c, h, w}, n.Shape, itself, func(i, y, col int) {
			if real[source][(i*h+y)*w+col] {
				x.ValueReads++
				x.Additions++
			}
		})
		addresses()
	default: // Sums and means take each element once.
		x.ValueReads, x.Additions = float64(elements), float64(elements)
		addresses()
	}
	return x
}

func formalValues(g *ann.Graph, net *snn.Network, l *snn.Layer) (x energy.Traffic) {
	for range l.Neurons() {
		x.ValueWrites++
		if l.Bias != nil {
			x.BiasReads++
			x.Additions++
		}
		if n := g.Node(l.Name); n != nil && n.Op.Type() == "Relu" {
			x.Comparisons++
		}
	}
	if l.IsGate() {
		in := net.ShapeOf(l.Synapses[0].From)
		forTaps(l.Synapses[0].Connection.(*snn.MaxPool).Window, in, l.Shape, itself, func(int, int, int) {
			x.Comparisons++
			x.ValueReads++
		})
		x.ValuesMoved = float64(in.Len())
		x.AddressAdditions = float64(in.Len() + l.Neurons())
	}
	return x
}
