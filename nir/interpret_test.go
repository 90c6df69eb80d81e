package nir

import (
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

	"sresnet/snn"
	"sresnet/tensor"
)

// TestStatedMeaning takes the metadata from graphs of ours whose networks are what
// NIR says, and compares spikes.
func TestStatedMeaning(t *testing.T) {
	read, leaky, scaled := 0, 0, 0
	for seed := range uint64(300) {
		net := randomNetwork(seed)
		net.Input.Encoding = snn.Direct
		net.Schedule, net.Coding = snn.Synchronous, snn.Rate
		for i := range net.Layers {
			l := &net.Layers[i]
			l.Charge = 1
			l.Neuron.VInit, l.Neuron.Reset, l.Start = nil, snn.ResetZero, nil
			if m, ok := l.Neuron.Model.(snn.LIF); ok {
				l.Neuron.Model = snn.LIF{Leak: m.Leak}
				leaky++
			}
			for _, s := range l.Synapses {
				if k, ok := s.Connection.(*snn.AveragePool); ok {
					k.Scale = 1
				}
			}
		}
		g, _, err := FromNetwork(net, Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := readRecord(g)
		if err != nil {
			t.Fatal(err)
		}
		g.Metadata = nil
		got, err := decode(t, encode(t, g)).Network()
		var unsupported *UnsupportedError
		if errors.As(err, &unsupported) {
			continue // A gate, or a scale for each place.
		}
		if err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, net)
		}
		if slices.ContainsFunc(net.Layers, func(l snn.Layer) bool { return l.IsGate() }) {
			continue
		}
		read++
		for _, l := range got.Layers {
			for _, s := range l.Synapses {
				switch k := s.Connection.(type) {
				case *snn.Shortcut:
					scaled += len(k.Scales)
				case *snn.AveragePool:
					scaled += len(k.Scales)
				}
			}
		}
		for i := range net.Layers { // NIR fires above the threshold.
			th := slices.Clone(net.Layers[i].Neuron.Threshold)
			for c := range th {
				th[c] = math.Nextafter32(th[c], 10)
			}
			net.Layers[i].Neuron.Threshold = th
		}
		image := randomImage(net.Input.Shape, rand.New(rand.NewPCG(seed, 8)))
		a, b := present(t, got, image), present(t, net, image)
		for i, l := range r.Layers {
			j := slices.IndexFunc(got.Layers, func(g snn.Layer) bool { return g.Name == l.Node })
			if j < 0 && i < len(net.Layers)-1 { // Nothing reads it, perhaps.
				t.Fatalf("seed %d: no layer %q in\n%v", seed, l.Node, got)
			}
			if !slices.Equal(a.Spikes[j], b.Spikes[i]) {
				t.Fatalf("seed %d: layer %q: spikes %v, want %v\n%v", seed, l.Node, a.Spikes[j], b.Spikes[i], net)
			}
		}
		if !slices.Equal(a.Counts, b.Counts) {
			t.Fatalf("seed %d: counts %v, want %v", seed, a.Counts, b.Counts)
		}
	}
	if scaled < 30 {
		t.Errorf("only %d channels have a scale of their own", scaled)
	}
	if leaky < 50 {
		t.Errorf("only %d layers leak", leaky)
	}
	if read < 50 {
		t.Errorf("only %d networks were read", read)
	}
}

// TestSinabs reads a network of Sinabs, which has sum pools between neurons and
// convolutions, and computes its currents by the meaning of the nodes.
func TestSinabs(t *testing.T) {
	g, err := ReadFile(filepath.Join(shared, "cnn_sinabs.nir"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("no files in " + shared)
	}
	if err != nil {
		t.Fatal(err)
	}
	net, err := g.Network()
	if err != nil {
		t.Fatal(err)
	}
	if len(net.Layers) != 5 {
		t.Fatalf("%d layers, want 5:\n%v", len(net.Layers), net)
	}
	m := &meaning{g: g, given: make(map[string]value)}
	rnd := rand.New(rand.NewPCG(1, 9))
	given := func(n *Node, shape []int) {
		x := make([]float64, tensor.Shape(shape).Len())
		for i := range x {
			x[i] = float64(rnd.IntN(2))
		}
		m.given[n.Name] = value{shape, x}
	}
	given(g.Node("input"), net.Input.Shape)
	for _, n := range g.Nodes {
		if n.Type == "IF" {
			given(n, n.Data.Arrays["v_threshold"].Shape)
		}
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		got, err := m.into(l.Name)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, l.Shape.Len())
		for j := range want {
			if l.Bias != nil {
				want[j] = float64(l.Bias[j/(l.Shape[1]*l.Shape[2])])
			}
		}
		for _, s := range l.Synapses {
			src := m.given["input"]
			if s.From != snn.FromInput {
				src = m.given[net.Layers[s.From].Name]
			}
			current(want, value{net.ShapeOf(s.From), src.x}, 1, s.Connection, l.Shape)
		}
		for j := range want {
			if math.Abs(got.x[j]-want[j]) > 1e-4 {
				t.Fatalf("layer %q, neuron %d: current %v, NIR's is %v", l.Name, j, want[j], got.x[j])
			}
		}
	}
}

// TestPoolsMerge checks pools before weights against pools and weights apart.
func TestPoolsMerge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3))
	merged := 0
	for range 300 {
		in := tensor.Shape{2, 3 + rnd.IntN(6), 3 + rnd.IntN(6)}
		pool := &snn.AveragePool{Window: tensor.Square(1+rnd.IntN(3), 1+rnd.IntN(3), rnd.IntN(2)), CountPad: true, Scale: 2}
		if rnd.IntN(2) == 0 {
			pool.Scales = []float32{0.5, 3}
		}
		mid, err := pool.Out(in)
		if err != nil {
			continue
		}
		m := &maker{rnd: rnd}
		conv := &snn.Conv{Window: tensor.Square(1+rnd.IntN(3), 1+rnd.IntN(2), rnd.IntN(2)), Groups: 1 + rnd.IntN(2)}
		conv.Window.Dilation = [2]int{1 + rnd.IntN(2), 1}
		conv.Weight = m.weights(4, 4, 2/conv.Groups, conv.Window.Kernel[0], conv.Window.Kernel[1])
		out, err := conv.Out(mid)
		if err != nil {
			continue
		}
		x := make([]float64, in.Len())
		for i := range x {
			x[i] = float64(rnd.IntN(2))
		}
		pooled := value{mid, make([]float64, mid.Len())}
		current(pooled.x, value{in, x}, 1, pool, mid)
		check := func(k snn.Connection, apart snn.Connection, out tensor.Shape) {
			t.Helper()
			if s, err := k.Out(in); err != nil || !s.Equal(out) {
				t.Fatalf("%v behind %v of %v: shape %v, %v, want %v", apart, pool, in, s, err, out)
			}
			got, want := make([]float64, out.Len()), make([]float64, out.Len())
			current(got, value{in, x}, 1, k, out)
			current(want, pooled, 1, apart, out)
			for i := range got {
				if math.Abs(got[i]-want[i]) > 1e-4 {
					t.Fatalf("%v behind %v of %v, output %d: %v, want %v", apart, pool, in, i, got[i], want[i])
				}
			}
		}
		if k, err := merge(conv, pool, in, mid); err == nil {
			merged++
			check(k, conv, out)
		}
		w := m.weights(4, 3, mid.Len())
		k, err := spread(w, pool, in)
		if err != nil {
			t.Fatal(err)
		}
		check(k, &snn.Dense{Weight: w}, tensor.Shape{3, 1, 1})
	}
	if merged < 30 {
		t.Errorf("only %d convolutions were merged", merged)
	}
}

// TestUnsupported checks that every reason is said, all at once.
func TestUnsupported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(g *Graph)
		want   []string
	}{
		{"types", func(g *Graph) {
			for i, typ := range []string{"LIF", "CubaLIF", "Delay", "Conv1d", "NIRGraph", "Reset"} {
				g.Nodes = append(g.Nodes, &Node{Name: fmt.Sprint("extra", i), Type: typ})
			}
		}, []string{
			`node "extra0" (LIF): nothing goes into it`, `node "extra1" (CubaLIF): currents that decay`, `node "extra2" (Delay): delays`,
			`node "extra3" (Conv1d): convolutions in one`, `node "extra4" (NIRGraph): graphs within`, `node "extra5" (Reset): NIR does not know`,
		}},
		{"loop", func(g *Graph) { g.Edges = append(g.Edges, Edge{"fc", "block_0_sum"}) }, []string{`node "block_0_sum" (IF): it is in a loop`}},
		{"inputs", func(g *Graph) { g.Nodes = append(g.Nodes, &Node{Name: "in2", Type: "Input"}) }, []string{"2 Input and 1 Output nodes"}},
		{"edge", func(g *Graph) { g.Edges = append(g.Edges, Edge{"fc", "nowhere"}) }, []string{`edge from "fc" to "nowhere"`}},
		{"reset", func(g *Graph) { first(g, "IF").Data.Arrays["v_reset"].Data.([]float32)[1] = 1 }, []string{"(IF): v_reset is not 0"}},
		{"r", func(g *Graph) { first(g, "IF").Data.Arrays["r"].Data.([]float32)[1] = 2 }, []string{"(IF): r is not one"}},
		{"threshold", func(g *Graph) { first(g, "IF").Data.Arrays["v_threshold"].Data.([]float32)[1] = 2 }, []string{"(IF): v_threshold: values differ"}},
		{"scale", func(g *Graph) { first(g, "Scale").Data.Arrays["scale"].Data.([]float32)[1] = 2 }, []string{"(Scale): scale: values differ"}},
		{"weight", func(g *Graph) { first(g, "Affine").Data.Set("weight", Floats(make([]float32, 5), 5, 1)) }, []string{"(Affine): weight of shape 5x1 for 6 inputs"}},
		{"flatten", func(g *Graph) { first(g, "Flatten").Data.Set("start_dim", Int(1)) }, []string{"(Flatten): start_dim is not 0"}},
		{"two", func(g *Graph) {
			n := &Node{Name: "extra", Type: "Linear"}
			n.Data.Set("weight", Floats(make([]float32, 25), 5, 5))
			g.Nodes = append(g.Nodes, n)
			g.Edges = append(g.Edges[:len(g.Edges)-2], Edge{"fc_affine", "extra"}, Edge{"extra", "fc"}, Edge{"fc", "output"})
		}, []string{"(Linear): there are no neurons between"}},
	} {
		g, _, err := FromNetwork(pooled(), Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		g.Metadata = nil
		tt.change(g)
		_, err = g.Network()
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) {
			t.Errorf("%s: error %v is none of unsupported nodes", tt.name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q in it", tt.name, err, want)
			}
		}
	}
	// The networks of others that need more than IF and LIF neurons of a known dt.
	for _, file := range []string{"lif_norse", "two_lif_neurons", "braille_noDelay_noBias_subtract", "braille_noDelay_bias_zero_subgraph"} {
		g, err := ReadFile(filepath.Join(shared, file+".nir"))
		if err != nil {
			continue
		}
		var unsupported *UnsupportedError
		if _, err := g.Network(); !errors.As(err, &unsupported) || len(unsupported.Nodes) == 0 {
			t.Errorf("%s: error %v, want nodes that are not supported", file, err)
		}
	}
}

// TestSingleParameters writes the parameters of neurons that are the same for all as one
// number, of no axis or of one, which is the same network.
func TestSingleParameters(t *testing.T) {
	pooled, _, err := FromNetwork(pooled(), Generic, Info{})
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*Graph{"IF": pooled, "LIF": leakyFile(20, 20, 0.5, 1)} {
		g.Metadata = nil
		want, err := g.Network()
		if err != nil {
			t.Fatal(err)
		}
		for _, shape := range [][]int{{}, {1}} {
			single := 0
			for _, n := range g.Nodes {
				if !slices.Contains(populations, n.Type) {
					continue
				}
				for field, a := range n.Data.Arrays {
					x, err := a.Float32s()
					if err != nil {
						t.Fatal(err)
					}
					n.Data.Set(field, Floats(x[:1:1], shape...))
					single++
				}
			}
			got, err := decode(t, encode(t, g)).Network()
			if err != nil {
				t.Fatalf("%s, shape %v: %v", name, shape, err)
			}
			if single == 0 || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, shape %v, %d parameters: got %v, want %v", name, shape, single, got, want)
			}
		}
	}
}

// FuzzInterpret changes numbers, types and edges of graphs without metadata, and
// looks for panics and unsound networks.
func FuzzInterpret(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 0, 0})
	f.Add(byte(3), []byte{1, 2, 3, 4, 200, 1, 0, 7})
	numbers := []float64{-1, 0, 1, 2, 3, 64, 1 << 20, math.MaxInt32, math.NaN(), math.Inf(1)}
	f.Fuzz(func(t *testing.T, seed byte, changes []byte) {
		g, _, err := FromNetwork(randomNetwork(uint64(seed%16)), Generic, Info{})
		if err != nil {
			t.Fatal(err)
		}
		g.Metadata = nil
		for c := range slices.Chunk(changes[:min(len(changes)/4*4, 16)], 4) {
			n := g.Nodes[int(c[0])%len(g.Nodes)]
			if c[1] > 200 {
				n.Type = sorted(Primitives)[int(c[2])%len(Primitives)]
				continue
			}
			if c[1] > 180 {
				g.Edges[int(c[2])%len(g.Edges)].From = n.Name
				continue
			}
			fields := sorted(n.Data.Arrays)
			if len(fields) == 0 {
				continue
			}
			a := n.Data.Arrays[fields[int(c[1])%len(fields)]]
			v := numbers[int(c[3])%len(numbers)]
			switch x := a.Data.(type) {
			case []float32:
				x[int(c[2])%len(x)] = float32(v)
			case []int64:
				x[int(c[2])%len(x)] = int64(v)
			}
		}
		net, err := g.Network()
		if err != nil {
			return
		}
		if err := net.Validate(); err != nil {
			t.Errorf("unsound network: %v", err)
		}
	})
}

// leakyFile returns what others write of one leaky neuron a channel.
func leakyFile(tau, r, leak, threshold float32) *Graph {
	g := &Graph{Edges: []Edge{{"in", "fc"}, {"fc", "lif"}, {"lif", "out"}}}
	in, fc, lif, out := &Node{Name: "in", Type: "Input"}, &Node{Name: "fc", Type: "Linear"}, &Node{Name: "lif", Type: "LIF"}, &Node{Name: "out", Type: "Output"}
	in.Data.Set("shape", Ints(1))
	fc.Data.Set("weight", Floats([]float32{1, 2}, 2, 1))
	for name, v := range map[string]float32{"tau": tau, "r": r, "v_leak": leak, "v_threshold": threshold, "v_reset": 0} {
		lif.Data.Set(name, Floats([]float32{v, v}, 2))
	}
	out.Data.Set("shape", Ints(2))
	g.Nodes = []*Node{in, fc, lif, out}
	return g
}

// Leaky neurons of others do, timestep by timestep, what Euler's rule makes of their
// equation.
func TestLeakyMeaning(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		tau, r, leak, th, dt float32 // dt is 0 where the file does not say.
		wantDT, wantLeak     float64
	}{
		{"r = tau / dt", 0.002, 20, 0, 1.1, 0, 1e-4, 0.95},
		{"dt", 0.01, 1, 0, 0.03, 1e-3, 1e-3, 0.9},
		{"resting potential", 8, 2, 0.25, 0.6, 1, 1, 0.875},
	} {
		g := leakyFile(tt.tau, tt.r, tt.leak, tt.th)
		if tt.dt > 0 {
			g.Metadata = &Tree{}
			g.Metadata.Set("dt", Array{Data: []float64{float64(tt.dt)}})
		}
		net, err := decode(t, encode(t, g)).Network()
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if m, ok := net.Layers[0].Neuron.Model.(snn.LIF); !ok || math.Abs(float64(m.Leak)-tt.wantLeak) > 1e-6 || m.Refractory != 0 {
			t.Errorf("%s: %v, want a leak of %v", tt.name, net.Layers[0].Neuron, tt.wantLeak)
		}
		rec := present(t, net, []float32{0.3})
		for c, w := range []float64{1, 2} {
			v, spikes := 0.0, uint32(0)
			for step := range rec.Timesteps {
				v += tt.wantDT / float64(tt.tau) * (float64(tt.leak) - v + float64(tt.r)*w*0.3)
				if v > float64(tt.th) {
					v = 0
					spikes++
				}
				if got := rec.Counts[step*2+c]; got != spikes {
					t.Fatalf("%s: neuron %d has fired %d times by step %d, want %d", tt.name, c, got, step, spikes)
				}
			}
			if spikes == 0 {
				t.Errorf("%s: neuron %d is silent", tt.name, c)
			}
		}
	}
	for _, g := range []*Graph{leakyFile(0.01, 1, 0, 1), leakyFile(0, 1, 0, 1), leakyFile(float32(math.NaN()), 20, 0, 1)} {
		if _, err := g.Network(); err == nil || !strings.Contains(err.Error(), "(LIF): ") {
			t.Errorf("error %v, want one of the LIF node", err)
		}
	}
}

// TestRules: neurons of another tool's file go by the rule that is asked for.
func TestRules(t *testing.T) {
	full := func(v float32) Array { return Floats([]float32{v, v}, 2) }
	g := &Graph{Edges: []Edge{{"in", "fc"}, {"fc", "if"}, {"if", "out"}}}
	for name, fields := range map[string]map[string]Array{
		"in/Input": {"shape": Ints(2)}, "fc/Linear": {"weight": Floats([]float32{1, 0, 0, 1}, 2, 2)},
		"if/IF": {"r": full(1), "v_threshold": full(2), "v_reset": full(0)}, "out/Output": {"shape": Ints(2)},
	} {
		n := &Node{}
		n.Name, n.Type, _ = strings.Cut(name, "/")
		for k, v := range fields {
			n.Data.Set(k, v)
		}
		g.Nodes = append(g.Nodes, n)
	}
	above := math.Nextafter32(2, 3)
	for rule, want := range map[Rule]snn.Neuron{
		{Reset: snn.ResetZero}:               {Threshold: []float32{above}, Reset: snn.ResetZero},
		{Reset: snn.ResetZero, At: true}:     {Threshold: []float32{2}, Reset: snn.ResetZero},
		{Reset: snn.ResetSubtract}:           {Threshold: []float32{above}},
		{Reset: snn.ResetSubtract, At: true}: {Threshold: []float32{2}},
	} {
		net, err := g.NetworkBy(rule)
		if err != nil {
			t.Fatalf("%v: %v", rule, err)
		}
		if got := net.Layers[0].Neuron; got.Threshold[0] != want.Threshold[0] || got.Reset != want.Reset {
			t.Errorf("%v: %v, want %v", rule, got, want)
		}
	}
	if !g.Foreign() {
		t.Error("sresnet is said to have written it")
	}
}
