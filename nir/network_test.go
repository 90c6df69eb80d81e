package nir

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// maker builds random networks with every kind of layer, on a coarse grid of
// weights, so that potentials meet their threshold exactly.
type maker struct {
	rnd *rand.Rand
	net *snn.Network
}

func randomNetwork(seed uint64) *snn.Network {
	m := &maker{rnd: rand.New(rand.NewPCG(seed, 5))}
	in := tensor.Shape{1 + m.rnd.IntN(3), 3 + m.rnd.IntN(7), 3 + m.rnd.IntN(7)}
	m.net = &snn.Network{Name: fmt.Sprintf("random %d", seed), Input: snn.Input{Shape: in}}
	if m.rnd.IntN(3) == 0 {
		m.net.Input.Encoding, m.net.Input.Amplitude = snn.Poisson, 1.5
	}
	last := m.conv(snn.FromInput)
	for range m.rnd.IntN(6) {
		switch m.rnd.IntN(7) {
		case 0:
			last = m.gate(last)
		case 1:
			last = m.average(last)
		case 2, 3:
			last = m.residual(last)
		case 4:
			last = m.dense(last)
		default:
			last = m.conv(last)
		}
	}
	m.dense(last)
	rnd := rand.New(rand.NewPCG(seed, 9))
	for i := range m.net.Layers {
		if n := &m.net.Layers[i].Neuron; !m.net.Layers[i].IsGate() && rnd.IntN(4) == 0 {
			n.Model = snn.LIF{Leak: 0.5 + rnd.Float32()/2, Refractory: rnd.IntN(3)}
			n.Gain, n.Offset = rnd.Float32(), rnd.Float32()
		}
	}
	m.tune(rand.New(rand.NewPCG(seed, 12)))
	return m.net
}

// tune does what calibration for T does, in some layers of every second network; every
// third one gets windows.
func (m *maker) tune(rnd *rand.Rand) {
	random := func(n int, least float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = least + rnd.Float32()
		}
		return x
	}
	if kind := rnd.IntN(6); kind < 2 {
		m.net.Schedule, m.net.Coding = snn.Phased, snn.Coding(kind)
		for i := range m.net.Layers {
			n := &m.net.Layers[i].Neuron
			n.Model, n.Reset, n.Gain, n.Offset = nil, snn.ResetSubtract, 0, 0
		}
	}
	if rnd.IntN(2) == 0 {
		return
	}
	m.net.TunedFor = []int{0, 12, 1}[rnd.IntN(3)]
	for i := range m.net.Layers {
		l := &m.net.Layers[i]
		if rnd.IntN(2) == 0 {
			l.Lambdas = random(l.Shape[0], 0.1)
			l.Lambda = slices.Max(l.Lambdas)
		}
		for j, s := range l.Synapses {
			scales := random(m.net.ShapeOf(s.From)[0], 0.5)
			switch k := s.Connection.(type) {
			case *snn.Shortcut:
				c := *k
				c.Scales = scales
				l.Synapses[j].Connection = &c
			case *snn.AveragePool:
				c := *k
				c.Scales = scales
				l.Synapses[j].Connection = &c
			}
		}
		if l.IsGate() {
			continue
		}
		if rnd.IntN(2) == 0 {
			l.Start = random(l.Neurons(), -0.5)
		}
		if l.Bias != nil && rnd.IntN(2) == 0 {
			l.Shift = random(l.Shape[0], -0.5)
		}
		l.Refit = rnd.IntN(3) == 0
	}
}

// plain takes out of net what no target has: leaks and windows.
func plain(net *snn.Network) *snn.Network {
	net.Schedule, net.Coding = snn.Synchronous, snn.Rate
	for i := range net.Layers {
		if m, ok := net.Layers[i].Neuron.Model.(snn.LIF); ok {
			net.Layers[i].Neuron.Model = snn.LIF{Leak: 1, Refractory: m.Refractory}
		}
	}
	return net
}

// layer adds a layer of random neurons.
func (m *maker) layer(shape tensor.Shape, s ...snn.Synapse) int {
	rnd := m.rnd
	// Names as exporters give them: with slashes and dots, and twice the same after cleaning.
	name := fmt.Sprintf("/block%d%c0/relu", len(m.net.Layers)/2, "./"[rnd.IntN(2)])
	for i := range m.net.Layers {
		if m.net.Layers[i].Name == name {
			name += "'"
		}
	}
	l := snn.Layer{Name: name, Shape: shape, Synapses: s, Charge: 1, Lambda: 1 + rnd.Float32(), Rate: rnd.Float32()}
	if rnd.IntN(3) > 0 {
		l.Bias = m.weights(1, shape[0]).Data
	}
	l.Neuron = snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	switch rnd.IntN(4) {
	case 0: // Balanced thresholds: any number.
		l.Charge = 0.1 + 3*rnd.Float32()
		l.Neuron.Threshold = []float32{l.Charge}
	case 1:
		l.Neuron.Threshold = make([]float32, shape[0])
		for i := range l.Neuron.Threshold {
			l.Neuron.Threshold[i] = float32(1+rnd.IntN(8)) / 4
		}
		l.Neuron.VInit = make([]float32, shape[0])
		for i := range l.Neuron.VInit {
			l.Neuron.VInit[i] = rnd.Float32()
		}
	case 2:
		l.Neuron.VInit = nil
	}
	if rnd.IntN(4) == 0 {
		l.Neuron.Reset = snn.ResetZero
	}
	m.net.Layers = append(m.net.Layers, l)
	return len(m.net.Layers) - 1
}

func (m *maker) weights(fanIn int, shape ...int) *tensor.Tensor {
	w := tensor.New(shape...)
	scale := float32(1)
	for ; fanIn > 8; fanIn /= 4 {
		scale /= 2
	}
	for i := range w.Data {
		w.Data[i] = float32(m.rnd.IntN(17)-6) / 8 * scale
		if m.rnd.IntN(2) == 0 {
			w.Data[i] += m.rnd.Float32() / 16 * scale
		}
	}
	return w
}

func (m *maker) window(s tensor.Shape) tensor.Window {
	for range 10 {
		w := tensor.Window{Kernel: [2]int{1 + m.rnd.IntN(4), 1 + m.rnd.IntN(4)}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}
		for i := range w.Pad {
			w.Pad[i] = m.rnd.IntN(w.Kernel[i%2])
		}
		if m.rnd.IntN(2) == 0 {
			w.Stride = [2]int{1 + m.rnd.IntN(3), 1 + m.rnd.IntN(3)}
		}
		if m.rnd.IntN(2) == 0 {
			w.Dilation = [2]int{1 + m.rnd.IntN(3), 1 + m.rnd.IntN(3)}
		}
		if m.rnd.IntN(3) == 0 {
			w = tensor.Square(2+m.rnd.IntN(2), 1+m.rnd.IntN(2), m.rnd.IntN(2))
		}
		if _, _, err := w.Out(s[1], s[2]); err == nil {
			return w
		}
	}
	return tensor.Square(1, 1, 0)
}

func must(shape tensor.Shape, err error) tensor.Shape {
	if err != nil {
		panic(err)
	}
	return shape
}

func (m *maker) conv(from int) int {
	s := m.net.ShapeOf(from)
	out, groups := 1+m.rnd.IntN(6), 1
	if m.rnd.IntN(4) == 0 {
		out, groups = 2*s[0], s[0]
	}
	w := m.window(s)
	j := s[0] / groups
	k := &snn.Conv{Window: w, Groups: groups, Weight: m.weights(j*w.Kernel[0]*w.Kernel[1], out, j, w.Kernel[0], w.Kernel[1])}
	return m.layer(must(k.Out(s)), snn.Synapse{From: from, Connection: k})
}

func (m *maker) gate(from int) int {
	k := &snn.MaxPool{Window: m.window(m.net.ShapeOf(from))}
	i := m.layer(must(k.Out(m.net.ShapeOf(from))), snn.Synapse{From: from, Connection: k})
	l := &m.net.Layers[i]
	l.Bias, l.Neuron, l.Charge = nil, snn.Neuron{}, m.net.Layers[from].Charge
	return i
}

func (m *maker) average(from int) int {
	k := &snn.AveragePool{Window: m.window(m.net.ShapeOf(from)), CountPad: m.rnd.IntN(2) == 0, Scale: 1}
	if s := m.net.ShapeOf(from); m.rnd.IntN(2) == 0 { // As networks have them.
		k.Window = tensor.Square(1, 1+m.rnd.IntN(2), 0)
		k.Window.Kernel = [2]int{1 + m.rnd.IntN(s[1]), 1 + m.rnd.IntN(s[2])}
	}
	if m.rnd.IntN(2) == 0 {
		k.Scale = m.rnd.Float32() * 3
	}
	return m.layer(must(k.Out(m.net.ShapeOf(from))), snn.Synapse{From: from, Connection: k})
}

func (m *maker) dense(from int) int {
	n, k := m.net.ShapeOf(from).Len(), 2+m.rnd.IntN(6)
	syn := []snn.Synapse{{From: from, Connection: &snn.Dense{Weight: m.weights(n, k, n)}}}
	if other := m.rnd.IntN(len(m.net.Layers)); m.rnd.IntN(3) == 0 {
		n := m.net.ShapeOf(other).Len()
		syn = append(syn, snn.Synapse{From: other, Connection: &snn.Dense{Weight: m.weights(n, k, n)}})
	}
	return m.layer(tensor.Shape{k, 1, 1}, syn...)
}

// residual adds a layer of several synapses: a convolution and a shortcut or two
// that keep the shape, or subsample and pad it, or are pooled.
func (m *maker) residual(from int) int {
	s, rnd := m.net.ShapeOf(from), m.rnd
	scale := func() float32 { return []float32{1, 0.625, 0.1 + rnd.Float32()}[rnd.IntN(3)] }
	if rnd.IntN(2) == 0 {
		square := func() snn.Connection {
			return &snn.Conv{Window: tensor.Square(3, 1, 1), Groups: 1, Weight: m.weights(s[0]*9, s[0], s[0], 3, 3)}
		}
		inner := from
		for range rnd.IntN(3) { // Which the shortcut goes around.
			inner = m.layer(s, snn.Synapse{From: inner, Connection: square()})
		}
		syn := []snn.Synapse{{From: from, Connection: snn.Identity(scale(), s)}, {From: inner, Connection: square()}}
		if rnd.IntN(3) == 0 {
			syn[1].Connection = snn.Identity(scale(), s) // The same twice.
		}
		if rnd.IntN(3) == 0 {
			syn = append(syn, snn.Synapse{From: from, Connection: &snn.AveragePool{Window: tensor.Square(3, 1, 1), Scale: 1}})
		}
		rnd.Shuffle(len(syn), func(i, j int) { syn[i], syn[j] = syn[j], syn[i] })
		return m.layer(s, syn...)
	}
	k := &snn.Shortcut{Scale: scale(), Stride: [2]int{1 + rnd.IntN(3), 1 + rnd.IntN(2)}, Offset: rnd.IntN(3)}
	k.Shape = tensor.Shape{s[0] + k.Offset + rnd.IntN(3), 0, 0}
	for a := range 2 {
		k.Start[a] = rnd.IntN(min(2, s[a+1]))
		k.Shape[a+1] = 1 + rnd.IntN((s[a+1]-1-k.Start[a])/k.Stride[a]+1)
	}
	return m.layer(must(k.Out(s)), snn.Synapse{From: from, Connection: k})
}

// present runs a network on an image and returns all that is recorded.
func present(t *testing.T, net *snn.Network, image []float32) *sim.Record {
	t.Helper()
	return presentFor(t, net, image, 12)
}

func presentFor(t *testing.T, net *snn.Network, image []float32, steps int) *sim.Record {
	t.Helper()
	p, err := sim.Compile(net, sim.Options{Timesteps: steps})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.NewEngine().Run(context.Background(), image, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func randomImage(s tensor.Shape, rnd *rand.Rand) []float32 {
	x := make([]float32, s.Len())
	for i := range x {
		x[i] = float32(rnd.IntN(17)-6) / 8
	}
	return x
}

// inProfile makes the graph of a network in the form of a profile; nil if the reader
// cannot have it, which is right for max-pool gates and pools whose padding does not
// count only.
func inProfile(t *testing.T, net *snn.Network, p Profile) *Graph {
	t.Helper()
	if p.Name != Generic.Name {
		plain(net)
	}
	g, _, err := FromNetwork(net, p, Info{})
	var refused *RefusedError
	if !errors.As(err, &refused) {
		if err != nil {
			t.Fatalf("%s: %v\n%v", p.Name, err, net)
		}
		return g
	}
	for _, r := range refused.Layers {
		i := slices.IndexFunc(net.Layers, func(l snn.Layer) bool { return l.Name == r.Layer })
		l := &net.Layers[i]
		uncounted := slices.ContainsFunc(l.Synapses, func(s snn.Synapse) bool {
			k, ok := s.Connection.(*snn.AveragePool)
			return ok && !k.CountPad && k.Window.Pad != [4]int{}
		})
		if !(l.IsGate() && p.Name == "sinabs") && !uncounted || refused.Reader != p.Reader {
			t.Fatalf("%s: %v\n%v", p.Name, err, net)
		}
	}
	return nil
}

// TestNetworksComeBack checks that random networks, written in the form of every
// profile and read again, run spike for spike the same, and that the table of
// readers has the reader of the profile read them.
func TestNetworksComeBack(t *testing.T) {
	networks := 400
	if testing.Short() {
		networks = 60
	}
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			types := make(map[string]int)
			spikes, written := uint32(0), 0
			for seed := range uint64(networks) {
				net := randomNetwork(seed)
				if err := net.Validate(); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if seed%4 == 0 {
					c, err := net.Compensated(net.UniformFactors(1.05))
					if err == nil { // Not of gates.
						net = c
					}
				}
				g := inProfile(t, net, p)
				if g == nil {
					continue
				}
				written++
				if bad := g.Check(); bad != nil {
					t.Fatalf("seed %d: %q", seed, bad)
				}
				edges := slices.Clone(g.Edges)
				slices.SortFunc(edges, func(a, b Edge) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
				if len(slices.Compact(edges)) < len(g.Edges) {
					t.Fatalf("seed %d: an edge is there twice, which some readers take for once\n%v", seed, net)
				}
				for _, r := range Readers(g) {
					if r.Reader == p.Reader && !r.Reads {
						t.Fatalf("seed %d: %s does not read it: %s", seed, r.Reader, r.Why)
					}
				}
				for _, n := range g.Nodes {
					types[n.Type]++
				}
				again, err := decode(t, encode(t, g)).Network()
				if err != nil {
					t.Fatalf("seed %d: %v\n%v", seed, err, net)
				}
				if a, b := again.String(), net.String(); a != b {
					t.Fatalf("seed %d: got\n%s,\nwant\n%s", seed, a, b)
				}
				for i := range net.Layers {
					if a, b := again.Layers[i].Neuron, net.Layers[i].Neuron; !reflect.DeepEqual(a, b) {
						t.Fatalf("seed %d: layer %q: got %+v, want %+v", seed, net.Layers[i].Name, a, b)
					}
				}
				sameTuning(t, again, net)
				image := randomImage(net.Input.Shape, rand.New(rand.NewPCG(seed, 6)))
				got, want := present(t, again, image), present(t, net, image)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: the networks run differently\n%v", seed, net)
				}
				for _, n := range want.Spikes[len(want.Spikes)-1] {
					spikes += n
				}
			}
			t.Log(written, "networks,", types, spikes, "spikes of outputs")
			wanted := []string{"Affine", "Conv2d", "Flatten", "IF"}
			for typ, has := range map[string]bool{"Delay": p.Name == Generic.Name, "AvgPool2d": p.AvgPool, "SumPool2d": p.SumPool, "Scale": p.Scale, "LIF": p.Gate == "LIF" || p.Name == Generic.Name} {
				if has {
					wanted = append(wanted, typ)
				} else if types[typ] > 0 {
					t.Errorf("%d nodes of type %s, which it has not", types[typ], typ)
				}
			}
			for _, typ := range wanted {
				if types[typ] < 10*networks/400 {
					t.Errorf("only %d nodes of type %s", types[typ], typ)
				}
			}
			if spikes == 0 || written < networks/3 {
				t.Errorf("%d spikes of outputs, of %d networks", spikes, written)
			}
		})
	}
}

// sameTuning checks that the schedule of a network, and what calibration for T chose, have
// come back.
func sameTuning(t *testing.T, got, want *snn.Network) {
	t.Helper()
	if got.Schedule != want.Schedule || got.Coding != want.Coding || got.TunedFor != want.TunedFor {
		t.Errorf("%s: %v, %v, T = %d, want %v, %v, %d", want.Name, got.Schedule, got.Coding, got.TunedFor, want.Schedule, want.Coding, want.TunedFor)
	}
	for i := range want.Layers {
		a, b := &got.Layers[i], &want.Layers[i]
		if !reflect.DeepEqual([]any{a.Lambdas, a.Start, a.Shift, a.Refit}, []any{b.Lambdas, b.Start, b.Shift, b.Refit}) {
			t.Errorf("%s, layer %q: what was calibrated differs", want.Name, b.Name)
		}
		for j, s := range b.Synapses {
			if _, weighted := s.Connection.(snn.Weighted); !weighted && !reflect.DeepEqual(a.Synapses[j], s) {
				t.Errorf("%s, layer %q: got %+v, want %+v", want.Name, b.Name, a.Synapses[j].Connection, s.Connection)
			}
		}
	}
}

// TestNIRMeans computes random networks once more from the nodes alone, by the
// meaning that NIR gives them, and compares the current that enters each layer.
func TestNIRMeans(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			for seed := range uint64(60) {
				net := randomNetwork(seed)
				g := inProfile(t, net, p)
				if g == nil {
					continue
				}
				if err := compareCurrents(net, g, rand.New(rand.NewPCG(seed, 7))); err != nil {
					t.Errorf("seed %d: %v\n%v", seed, err, net)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	var seen []string
	for seed := range uint64(100) {
		info := Info{Model: "m.onnx", Readout: "count", Percentile: 99.5, Compensation: []float32{1, 1.25}}
		if seed%2 > 0 {
			info.Percentile, info.Compensation = 0, nil
		}
		g, warnings, err := FromNetwork(randomNetwork(seed), Generic, info)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, warnings...)
		if kept := g.Metadata.Arrays["warnings"].Data; !reflect.DeepEqual(kept, warnings) {
			t.Fatalf("metadata has the warnings %q, want %q", kept, warnings)
		}
		if got := InfoOf(g); !reflect.DeepEqual(got, info) {
			t.Fatalf("InfoOf: got %+v, want %+v", got, info)
		}
	}
	for _, w := range []string{warnReset, warnVInit, warnCompare, fmt.Sprintf(warnEncoding, snn.Poisson.Note()), warnGate, warnGroups, warnSquare, warnScale, warnUniform, warnLeak, warnRest} {
		if !slices.ContainsFunc(seen, func(s string) bool { return strings.HasPrefix(s, w) }) {
			t.Errorf("no network has the warning %q", w)
		}
	}
}

// TestChanged changes what sresnet wrote in every way, and wants to be told.
func TestChanged(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(g *Graph)
	}{
		{"pool", "kernel_size of node", func(g *Graph) { first(g, "AvgPool2d").Data.Set("kernel_size", Ints(2, 2)) }},
		{"scale", "scale of node", func(g *Graph) {
			n := first(g, "Scale")
			n.Data.Arrays["scale"].Data.([]float32)[0]++
		}},
		{"type", "is of type Linear, was Affine", func(g *Graph) { first(g, "Affine").Type = "Linear" }},
		{"reset", "v_reset of node", func(g *Graph) { first(g, "IF").Data.Arrays["v_reset"].Data.([]float32)[0] = 1 }},
		{"missing", "there is no node", func(g *Graph) { g.Nodes = g.Nodes[:1] }},
		{"new", `node "new" is new`, func(g *Graph) { g.Nodes = append(g.Nodes, &Node{Name: "new", Type: "Output"}) }},
		{"edge", `edge from`, func(g *Graph) { g.Edges[3].From = "input" }},
		{"edges", `more edges`, func(g *Graph) { g.Edges = append(g.Edges, g.Edges[0]) }},
		{"weight", "weight of node", func(g *Graph) { first(g, "Affine").Data.Set("weight", Floats([]float32{1}, 1, 1)) }},
	} {
		g, _, err := FromNetwork(pooled(), Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		g = decode(t, encode(t, g))
		tt.change(g)
		_, err = g.Network()
		if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
	// Weights may be others: they are the weights then.
	g, _, err := FromNetwork(pooled(), Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	first(g, "Affine").Data.Arrays["weight"].Data.([]float32)[0] = 0.25
	net, err := g.Network()
	if err != nil {
		t.Fatal(err)
	}
	if w := net.Output().Synapses[0].Connection.(*snn.Dense).Weight.Data[0]; w != 0.25 {
		t.Errorf("weight %v, want the one of the file, 0.25", w)
	}
}

func first(g *Graph, typ string) *Node {
	for _, n := range g.Nodes {
		if n.Type == typ {
			return n
		}
	}
	panic("no " + typ)
}

// pooled is a small residual network: convolution, sum with a scaled shortcut,
// pool, classifier. Weights are multiples of 1/64, so that every sum is exact.
func pooled() *snn.Network {
	rnd := rand.New(rand.NewPCG(1, 1))
	m := &maker{rnd: rnd, net: &snn.Network{Name: "pooled", Input: snn.Input{Shape: tensor.Shape{2, 8, 8}}}}
	neuron := snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
	weights := func(fanIn int, shape ...int) *tensor.Tensor {
		w := m.weights(fanIn, shape...)
		for i, v := range w.Data {
			w.Data[i] = float32(math.Round(float64(v)*64)) / 64
		}
		return w
	}
	add := func(name string, s tensor.Shape, bias bool, syn ...snn.Synapse) int {
		l := snn.Layer{Name: name, Shape: s, Neuron: neuron, Charge: 1, Lambda: 1, Synapses: syn}
		if bias {
			l.Bias = weights(1, s[0]).Data
		}
		m.net.Layers = append(m.net.Layers, l)
		return len(m.net.Layers) - 1
	}
	conv := func(from, in, out, stride int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Groups: 1, Window: tensor.Square(3, stride, 1), Weight: weights(in*9, out, in, 3, 3)}}
	}
	s, small := tensor.Shape{4, 8, 8}, tensor.Shape{6, 4, 4}
	a := add("conv1/relu", s, true, conv(snn.FromInput, 2, 4, 1))
	b := add("block.0/relu", s, true, conv(a, 4, 4, 1))
	c := add("block.0/sum", s, true, conv(b, 4, 4, 1), snn.Synapse{From: a, Connection: snn.Identity(0.625, s)})
	d := add("block.1/relu", small, true, conv(c, 4, 6, 2))
	option := &snn.Shortcut{Scale: 0.75, Stride: [2]int{2, 2}, Offset: 1, Shape: small}
	f := add("block.1/sum", small, true, conv(d, 6, 6, 1), snn.Synapse{From: c, Connection: option})
	h := add("block.2/sum", small, true, conv(f, 6, 6, 1), snn.Synapse{From: f, Connection: snn.Identity(1, small)})
	p := add("pool", tensor.Shape{6, 1, 1}, false, snn.Synapse{From: h, Connection: &snn.AveragePool{Window: tensor.Square(4, 1, 0), Scale: 1}})
	add("fc", tensor.Shape{5, 1, 1}, true, snn.Synapse{From: p, Connection: &snn.Dense{Weight: weights(6, 5, 6)}})
	return m.net
}

// TestPython simulates a residual network with h5py and numpy alone, from the file
// that this package writes, and compares spikes.
func TestPython(t *testing.T) {
	net := pooled()
	net.Layers[2].Neuron.Threshold = []float32{0.5, 1, 2, 1.25}
	net.Layers[3].Neuron.Reset = snn.ResetZero
	net.Layers[4].Charge = 0.5
	simulatedAs(t, net, Generic)

	net.Layers[0].Neuron.Model = snn.LIF{Leak: 1, Refractory: 1}
	net.Layers[2].Neuron.Model = snn.LIF{Leak: 0.75}
	net.Layers[3].Neuron.Model = snn.LIF{Leak: 0.875, Refractory: 2}
	net.Layers[6].Neuron.Model = snn.LIF{Leak: 0.5}
	simulatedAs(t, net, Generic)

	for i := range snn.Codings() {
		for _, net := range []*snn.Network{phased(), stream()} {
			net.Coding = snn.Coding(i)
			simulatedAs(t, net, Generic)
		}
	}
}

// phased is pooled with windows of 12 timesteps, and with what calibration for that T may
// choose; the image goes into a deeper layer as well. Every sum is exact.
func phased() *snn.Network {
	net := pooled()
	net.Schedule, net.TunedFor = snn.Phased, 12
	eighths := func(n, least int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(least+i%5) / 8
		}
		return x
	}
	sum := &net.Layers[2]
	sum.Lambdas, sum.Lambda = eighths(4, 1), 0.5
	sum.Start, sum.Shift = eighths(sum.Neurons(), -2), eighths(4, -1)
	k := snn.Identity(1, sum.Shape)
	k.Scales = eighths(4, 3)
	sum.Synapses[1].Connection = k
	sum.Synapses = append(sum.Synapses, snn.Synapse{From: snn.FromInput, Connection: net.Layers[0].Synapses[0].Connection})
	option := net.Layers[4].Synapses[1].Connection.(*snn.Shortcut)
	option.Scales = eighths(4, 5)
	net.Layers[6].Synapses[0].Connection.(*snn.AveragePool).Scales = eighths(6, 6)
	return net
}

// stream returns a phased network of three blocks whose sums take over what is left.
func stream() *snn.Network {
	rnd := rand.New(rand.NewPCG(5, 5))
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.IntN(17)-7) / 32
		}
		return w
	}
	shape := tensor.Shape{5, 4, 3}
	net := &snn.Network{Name: "stream", Input: snn.Input{Shape: tensor.Shape{2, 4, 3}}, Schedule: snn.Phased, TunedFor: 12}
	add := func(name string, shape tensor.Shape, syn ...snn.Synapse) int {
		net.Layers = append(net.Layers, snn.Layer{Name: name, Shape: shape, Synapses: syn, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}})
		return len(net.Layers) - 1
	}
	conv := func(from, in int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(5, in, 3, 3), Window: tensor.Square(3, 1, 1), Groups: 1}}
	}
	last := add("stem", shape, conv(snn.FromInput, 2))
	for i := range 3 {
		k := snn.Identity(1, shape)
		k.Remainder = true
		if i == 1 {
			k.Scales = []float32{0.5, 0.75, 1, 1.25, 1.5}
			k.Scale = 1.5
		}
		mid := add(fmt.Sprint("mid", i), shape, conv(last, 5))
		last = add(fmt.Sprint("sum", i), shape, conv(mid, 5), snn.Synapse{From: last, Connection: k})
	}
	add("out", tensor.Shape{4, 1, 1}, snn.Synapse{From: last, Connection: &snn.Dense{Weight: weights(4, 60)}})
	return net
}

// simulatedAs writes a network in the form of a profile and compares its spikes with
// those of the simulation in Python.
func simulatedAs(t *testing.T, net *snn.Network, p Profile) {
	t.Helper()
	g, _, err := FromNetwork(net, p, Info{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, text := filepath.Join(dir, "net.nir"), filepath.Join(dir, "image.txt")
	if err := WriteFile(file, g); err != nil {
		t.Fatal(err)
	}
	image := randomImage(net.Input.Shape, rand.New(rand.NewPCG(2, 2)))
	if err := os.WriteFile(text, []byte(strings.Trim(fmt.Sprint(image), "[]")), 0o600); err != nil {
		t.Fatal(err)
	}
	var got map[string][]uint32
	if err := json.Unmarshal([]byte(python(t, filepath.Join("testdata", "simulate.py"), file, text, "12")), &got); err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(g)
	if err != nil {
		t.Fatal(err)
	}
	total := uint32(0)
	for i, want := range present(t, net, image).Spikes {
		if name := r.Layers[i].Node; !slices.Equal(got[name], want) {
			t.Errorf("layer %q: spikes %v in Python, want %v", name, got[name], want)
		}
		for _, n := range want {
			total += n
		}
	}
	t.Log(total, "spikes")
}

// TestUnfold checks, for charges and weights of any size, that the weight found has
// the same product.
func TestUnfold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for range 200000 {
		q, w := math.Float32frombits(rnd.Uint32()&math.MaxInt32), math.Float32frombits(rnd.Uint32())
		y := q * w
		if rnd.IntN(2) == 0 { // Of usual sizes.
			q, w = 0.1+3*rnd.Float32(), rnd.Float32()-0.5
			y = q * w
		}
		if !(q > 0) || math.IsInf(float64(q), 0) || math.IsInf(float64(y), 0) || y != y {
			continue
		}
		x := []float32{y}
		unfold(x, q)
		if q*x[0] != y {
			t.Fatalf("unfold(%v, %v) = %v, whose product is %v; that of %v is right", y, q, x[0], q*x[0], w)
		}
	}
}

func TestDeterministicFile(t *testing.T) {
	dir := t.TempDir()
	var files [2][]byte
	for i := range files {
		g, _, err := FromNetwork(pooled(), Generic, Info{Model: "x"})
		if err != nil {
			t.Fatal(err)
		}
		files[i] = encode(t, g)
		if err := WriteFile(filepath.Join(dir, "x.nir"), g); err != nil {
			t.Fatal(err)
		}
	}
	if string(files[0]) != string(files[1]) {
		t.Error("the same network gave different bytes")
	}
}

// TestSharedNode has one node be the weights of many layers, which must not take
// memory for each.
func TestSharedNode(t *testing.T) {
	g, _, err := FromNetwork(pooled(), Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(g)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		l := r.Layers[0]
		l.Name = fmt.Sprint("again ", i)
		r.Layers = append(r.Layers, l)
	}
	a, err := r.array()
	if err != nil {
		t.Fatal(err)
	}
	g.Metadata.Set(recordKey, a)
	if _, err := g.Network(); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "is taken for several layers") {
		t.Errorf("error %v, want one about a node for several layers", err)
	}
}

// TestKept checks that weights that are divided by thresholds come back exactly from
// the metadata, that those of the node must still be theirs, and that a file of the
// time before there were profiles is one of Generic.
func TestKept(t *testing.T) {
	p, err := ProfileNamed("snntorch")
	if err != nil {
		t.Fatal(err)
	}
	net := pooled()
	net.Layers[2].Neuron.Threshold = []float32{0.7, 1, 3, 1.1}
	g, _, err := FromNetwork(net, p, Info{})
	if err != nil {
		t.Fatal(err)
	}
	n := g.Node("block_0_sum_conv")
	want := net.Layers[2].Synapses[0].Connection.(*snn.Conv).Weight.Data
	written, _ := n.Data.Arrays["weight"].Float32s()
	kept, _ := n.Metadata.Arrays["weight"].Float32s()
	if !slices.Equal(kept, want) || slices.Equal(written, want) || written[0] != want[0]/0.7 {
		t.Errorf("weights of the network begin with %v; kept are %v, written %v", want[:2], kept[:2], written[:2])
	}
	if _, err := g.Network(); err != nil {
		t.Error(err)
	}
	written[0]++
	if _, err := g.Network(); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), `weight of node "block_0_sum_conv" is another`) {
		t.Errorf("error %v after a weight was changed", err)
	}

	g, _, err = FromNetwork(pooled(), Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(g)
	if err != nil {
		t.Fatal(err)
	}
	r.Profile = nil
	a, err := r.array()
	if err != nil {
		t.Fatal(err)
	}
	g.Metadata.Set(recordKey, a)
	if _, err := g.Network(); err != nil {
		t.Errorf("without a profile: %v", err)
	}
}

// FuzzRestore looks for records that make reading panic, hang or take memory
// without bound.
func FuzzRestore(f *testing.F) {
	network := func(seed byte) *snn.Network {
		if seed%8 > 1 {
			return randomNetwork(uint64(seed % 8))
		}
		net := phased()
		net.Coding = snn.Coding(seed % 8)
		return net
	}
	graph := func(t testing.TB, seed byte) *Graph {
		g, _, err := FromNetwork(network(seed), profiles[int(seed/8)%len(profiles)], Info{})
		var refused *RefusedError
		if errors.As(err, &refused) {
			g, _, err = FromNetwork(network(seed), Generic, Info{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	for seed := range byte(8 * len(profiles)) {
		f.Add(seed, graph(f, seed).Metadata.Text(recordKey))
	}
	f.Fuzz(func(t *testing.T, seed byte, text string) {
		g := graph(t, seed)
		g.Metadata.Set(recordKey, Text(text))
		net, err := g.Network()
		if err != nil {
			return
		}
		if err := net.Validate(); err != nil {
			t.Errorf("unsound network: %v", err)
		}
		// What it is comes back from a file of its own.
		g, _, err = FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Skip(err) // Such as charges whose products with weights overflow.
		}
		again, err := g.Network()
		if err != nil {
			t.Fatalf("its own file: %v", err)
		}
		sameTuning(t, again, net)
	})
}

// The nodes of the layers are the IF and LIF nodes of the graph, whichever way they are told.
func TestLayerNodes(t *testing.T) {
	for seed := range uint64(20) {
		net := randomNetwork(seed)
		g, _, err := FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := LayerNodes(net, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range want {
			if n := g.Node(name); n == nil || n.Type != "IF" && n.Type != "LIF" || n.Metadata.Text("layer") != net.Layers[i].Name {
				t.Fatalf("seed %d: layer %q: node %q is %+v", seed, net.Layers[i].Name, name, n)
			}
		}
		if got, err := LayerNodes(net, g); err != nil || !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %q, error %v, want %q", seed, got, err, want)
		}
		// A graph of others has the names of its nodes.
		delete(g.Metadata.Arrays, recordKey)
		other, err := g.Network()
		if err != nil {
			continue
		}
		got, err := LayerNodes(other, g)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range got {
			if n := g.Node(name); name != other.Layers[i].Name || n.Type != "IF" && n.Type != "LIF" {
				t.Errorf("seed %d: layer %q has node %q", seed, other.Layers[i].Name, name)
			}
		}
	}
	if _, err := LayerNodes(&snn.Network{Layers: []snn.Layer{{Name: "x"}}}, &Graph{}); err == nil {
		t.Error("a node that is missing: no error")
	}
}
