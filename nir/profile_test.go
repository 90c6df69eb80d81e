package nir

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/snn"
	"sresnet/tensor"
)

// emulation is the file that does what readers do.
var emulation = filepath.Join("testdata", "readers.py")

// TestReadersTakeFiles gives random networks, written for every reader, to nir's check
// of types and to what the reader asserts.
func TestReadersTakeFiles(t *testing.T) {
	networks := 40
	if testing.Short() {
		networks = 15
	}
	for _, p := range profiles {
		if p.Reader == "" {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			dir := t.TempDir()
			args := []string{emulation, "check"}
			var square []bool // As nir takes kernels to be.
			for seed := range uint64(networks) {
				g := inProfile(t, randomNetwork(seed), p)
				if g == nil {
					continue
				}
				square = append(square, !slices.ContainsFunc(g.Nodes, func(n *Node) bool {
					s := n.Data.Arrays["weight"].Shape
					return n.Type == "Conv2d" && s[2] != s[3]
				}))
				file := filepath.Join(dir, fmt.Sprint(seed, ".nir"))
				if err := WriteFile(file, g); err != nil {
					t.Fatal(err)
				}
				args = append(args, file)
			}
			var got []struct{ Types, Reader string }
			if err := json.Unmarshal([]byte(python(t, args...)), &got); err != nil {
				t.Fatal(err)
			}
			checked := 0
			for i, v := range got {
				if v.Reader != "" {
					t.Errorf("%s: the reader refuses it: %s", filepath.Base(args[i+2]), v.Reader)
				}
				if !square[i] {
					continue // A warning says so.
				}
				checked++
				if v.Types != "" {
					t.Errorf("%s: nir refuses it: %s", filepath.Base(args[i+2]), v.Types)
				}
			}
			if checked < networks/10 {
				t.Errorf("types of %d files checked, too few", checked)
			}
		})
	}
}

// gentle is a residual network whose neurons get so little current that those of all
// readers agree on them if they reset alike: never two thresholds at once, nor much
// below zero. Potentials begin at 0 and never meet a threshold exactly. With scaled,
// it has shortcuts with a scale and a stride as well.
func gentle(seed uint64, reset snn.Reset, scaled bool) *snn.Network {
	rnd := rand.New(rand.NewPCG(seed, 11))
	net := &snn.Network{Name: "gentle", Input: snn.Input{Shape: tensor.Shape{2, 6, 6}}}
	weights := func(shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		fanIn := float32(len(w.Data) / shape[0])
		for i := range w.Data {
			w.Data[i] = (rnd.Float32()*1.2 - 0.2) * 0.8 / fanIn
		}
		return w
	}
	add := func(name string, s tensor.Shape, bias bool, syn ...snn.Synapse) int {
		l := snn.Layer{Name: name, Shape: s, Charge: 1, Lambda: 1, Synapses: syn, Neuron: snn.Neuron{Threshold: []float32{1}, Reset: reset}}
		if bias {
			for range s[0] {
				l.Bias = append(l.Bias, 0.05+rnd.Float32()/10)
			}
		}
		net.Layers = append(net.Layers, l)
		return len(net.Layers) - 1
	}
	conv := func(from, in, out, stride int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Groups: 1, Window: tensor.Square(3, stride, 1), Weight: weights(out, in, 3, 3)}}
	}
	s, small := tensor.Shape{4, 6, 6}, tensor.Shape{6, 3, 3}
	a := add("conv", s, true, conv(snn.FromInput, 2, 4, 1))
	b := add("block1/relu", s, true, conv(a, 4, 4, 1))
	c := add("block1/sum", s, true, conv(b, 4, 4, 1), snn.Synapse{From: a, Connection: snn.Identity(1, s)})
	// A threshold a channel, and spikes that carry another charge.
	net.Layers[b].Neuron.Threshold = []float32{0.9, 1.1, 1, 1.3}
	net.Layers[b].Charge = 0.95
	net.Layers[c].Neuron.Threshold = []float32{2} // Two spikes may come at once.
	d := add("block2/relu", small, true, conv(c, 4, 6, 2))
	e := d
	if scaled {
		option := &snn.Shortcut{Scale: 0.75, Stride: [2]int{2, 2}, Offset: 1, Shape: small}
		e = add("block2/sum", small, true, conv(d, 6, 6, 1), snn.Synapse{From: c, Connection: option})
		net.Layers[e].Neuron.Threshold = []float32{2}
		f := add("block3/relu", small, true, conv(e, 6, 6, 1))
		e = add("block3/sum", small, true, conv(f, 6, 6, 1), snn.Synapse{From: e, Connection: snn.Identity(0.625, small)})
		net.Layers[e].Neuron.Threshold = []float32{1.9, 1.8, 2, 2, 2.2, 2}
	}
	p := add("pool", tensor.Shape{6, 1, 1}, false, snn.Synapse{From: e, Connection: &snn.AveragePool{Window: tensor.Square(3, 1, 0), Scale: 0.93}})
	add("fc", tensor.Shape{5, 1, 1}, true, snn.Synapse{From: p, Connection: &snn.Dense{Weight: weights(5, 6)}})
	return net
}

// wild makes neurons get more current than one spike a timestep takes away, and less than none,
// for readers that are set up for it. Powers of two leave sums as exact as they were.
func wild(net *snn.Network) {
	for i := range net.Layers {
		for j, s := range net.Layers[i].Synapses {
			if k, ok := s.Connection.(*snn.Conv); ok {
				w := k.WithWeights(tensor.Of(slices.Clone(k.Weight.Data), k.Weight.Shape...)).(*snn.Conv)
				for n := range w.Weight.Data {
					w.Weight.Data[n] *= 4
					if n%3 == 0 {
						w.Weight.Data[n] *= -1
					}
				}
				net.Layers[i].Synapses[j].Connection = w
			}
		}
	}
}

// emulated is what a reader simulates.
type emulated struct {
	Counts                   map[string][]uint32
	Late                     []string
	Last                     string // The node whose output is returned.
	Several, Floored, Waited int
}

// emulate runs a network as the reader of a profile does, with more arguments.
func emulate(t *testing.T, net *snn.Network, p Profile, steps int, more ...string) (*Graph, *emulated, []float32) {
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
	rnd := rand.New(rand.NewPCG(3, 3))
	image := make([]float32, net.Input.Shape.Len())
	for i := range image {
		image[i] = rnd.Float32()
	}
	if err := os.WriteFile(text, []byte(strings.Trim(fmt.Sprint(image), "[]")), 0o600); err != nil {
		t.Fatal(err)
	}
	got := &emulated{}
	if err := json.Unmarshal([]byte(python(t, append([]string{emulation, "run", file, text, fmt.Sprint(steps)}, more...)...)), got); err != nil {
		t.Fatal(err)
	}
	return g, got, image
}

// TestReadersRunFiles compares the spikes of a residual network with those of the
// readers it is written for, whose neurons reset as the network's do: in releases that sort
// nodes, and in those that run them depth first.
func TestReadersRunFiles(t *testing.T) {
	for _, p := range profiles {
		if p.Reader == "" {
			continue
		}
		for _, order := range [][]string{nil, {"depth-first"}} {
			if order != nil && !p.DepthFirst {
				continue
			}
			t.Run(strings.Join(append([]string{p.Name}, order...), " "), func(t *testing.T) {
				reset := snn.ResetSubtract
				if readerNamed(p.Reader).reset == "zero" {
					reset = snn.ResetZero
				}
				const steps = 40
				net := gentle(1, reset, true)
				if g, _, _ := emulate(t, net, p, 1); AfterLoading(g) != "" {
					wild(net)
				}
				if err := p.Suits(net); err != nil {
					t.Fatal(err)
				}
				g, got, image := emulate(t, net, p, steps, order...)
				if got.Several+got.Floored+got.Waited+len(got.Late) > 0 || got.Last != "output" {
					t.Fatalf("the network is not gentle enough, or nodes are late: %+v", got)
				}
				r, err := readRecord(g)
				if err != nil {
					t.Fatal(err)
				}
				for i, want := range presentFor(t, net, image, steps).Spikes {
					if name := r.Layers[i].Node; !slices.Equal(got.Counts[name], want) {
						t.Errorf("layer %q: spikes %v in the reader, want %v", name, got.Counts[name], want)
					}
					if slices.Max(want) == 0 {
						t.Errorf("layer %q never fired", r.Layers[i].Node)
					}
				}
			})
		}
	}
}

// TestLateNodes compares the nodes that are said to come too late depth first with
// those whose output is missing when the nodes run in that order.
func TestLateNodes(t *testing.T) {
	p, err := ProfileNamed("sinabs")
	if err != nil {
		t.Fatal(err)
	}
	p.DepthFirst = false // As files were.
	g, got, _ := emulate(t, gentle(1, snn.ResetSubtract, true), p, 1, "depth-first")
	late := lateNodes(decode(t, encode(t, g)))
	if slices.Sort(late); !slices.Equal(late, got.Late) || len(late) != 2 {
		t.Errorf("late nodes %q, want %q, two of them", late, got.Late)
	}
	warnings, _ := g.Metadata.Arrays["warnings"].Data.([]string)
	if !slices.ContainsFunc(warnings, func(w string) bool {
		return strings.HasPrefix(w, "Sinabs, Speck: runs nodes depth first") && strings.HasSuffix(w, ": block2_sum_shortcut, block3_sum_shortcut")
	}) {
		t.Errorf("warnings %q do not name them", warnings)
	}
}

// TestDepthFirst: in random networks no node is late, the output comes last, and nodes of zeros
// are all that was added; where a vector is in the way the file is as it was.
func TestDepthFirst(t *testing.T) {
	p, err := ProfileNamed("norse")
	if err != nil {
		t.Fatal(err)
	}
	was := p
	was.DepthFirst = false
	ordered := 0
	for seed := range uint64(300) {
		net := randomNetwork(seed)
		before, after := inProfile(t, net, was), inProfile(t, net, p)
		if before == nil {
			continue
		}
		if len(lateNodes(before)) == 0 || len(lateNodes(after)) > 0 {
			if len(before.Nodes) != len(after.Nodes) || !slices.Equal(before.Edges, after.Edges) {
				t.Errorf("network %d: nodes were added to no end", seed)
			}
			continue
		}
		ordered++
		for _, n := range after.Nodes[len(before.Nodes):] {
			if n.Type != "Conv2d" || !allAre(n.Data.Arrays["weight"], 0) || !allAre(n.Data.Arrays["bias"], 0) {
				t.Errorf("network %d: node %q of type %s was added", seed, n.Name, n.Type)
			}
		}
		kept := slices.DeleteFunc(slices.Clone(after.Edges), func(e Edge) bool {
			return before.Node(e.From) == nil || before.Node(e.To) == nil
		})
		if len(kept) != len(before.Edges) {
			t.Errorf("network %d: %d edges, were %d", seed, len(kept), len(before.Edges))
		}
		for _, e := range before.Edges {
			if !slices.Contains(kept, e) {
				t.Errorf("network %d: no edge from %q to %q", seed, e.From, e.To)
			}
		}
		if at := after.misfit(); at != "" {
			t.Errorf("network %d: %s", seed, at)
		}
	}
	if ordered < 20 {
		t.Errorf("%d networks were ordered, too few", ordered)
	}
}

// TestGates checks that what stands for a max-pool gate fires whenever a neuron under
// its window does, in every reader that takes it.
func TestGates(t *testing.T) {
	for _, p := range profiles {
		if p.Reader == "" {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			in := tensor.Shape{1, 2, 2}
			net := &snn.Network{Name: "gate", Input: snn.Input{Shape: in}}
			add := func(name string, s tensor.Shape, k snn.Connection) {
				l := snn.Layer{Name: name, Shape: s, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}}}
				if _, gate := k.(*snn.MaxPool); gate {
					l.Neuron = snn.Neuron{}
				}
				l.Synapses = []snn.Synapse{{From: len(net.Layers) - 1, Connection: k}}
				net.Layers = append(net.Layers, l)
			}
			add("relu", in, &snn.Conv{Groups: 1, Window: tensor.Square(1, 1, 0), Weight: tensor.Of([]float32{0.7}, 1, 1, 1, 1)})
			add("max", tensor.Shape{1, 1, 1}, &snn.MaxPool{Window: tensor.Square(2, 2, 0)})
			add("fc", tensor.Shape{1, 1, 1}, &snn.Dense{Weight: tensor.Of([]float32{1.5}, 1, 1)})
			if p.Gate == "" {
				_, _, err := FromNetwork(net, p, Info{})
				var refused *RefusedError
				if !errors.As(err, &refused) || len(refused.Layers) != 1 || refused.Layers[0].Layer != "max" {
					t.Errorf("error %v, want one that names the gate", err)
				}
				return
			}
			_, got, _ := emulate(t, net, p, 40)
			silent := 0
			for i, n := range got.Counts["relu"] {
				silent += int(1 - min(n, 1))
				if out := got.Counts["max"][i]; out != min(n, 1) {
					t.Fatalf("timestep %d: the gate fired %d times behind %d spikes", i+1, out, n)
				}
			}
			if silent == 0 || silent == 40 {
				t.Errorf("%d of 40 timesteps without a spike show nothing", silent)
			}
		})
	}
}

// TestSimulateProfiles runs the simulation that is there for writers of readers on the
// files of all profiles. Thresholds are powers of two, so that nothing rounds.
func TestSimulateProfiles(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.Name, func(t *testing.T) {
			net := pooled()
			net.Layers[2].Neuron.Threshold = []float32{0.5, 1, 2, 0.25}
			net.Layers[4].Charge = 0.5
			simulatedAs(t, net, p)
		})
	}
}

func TestProfileNamed(t *testing.T) {
	for _, name := range Profiles() {
		p, err := ProfileNamed(name)
		if err != nil || p.Name != name || p.Reader != "" && readerNamed(p.Reader) == nil {
			t.Errorf("ProfileNamed(%q): %+v, %v", name, p, err)
		}
	}
	if _, err := ProfileNamed("lava"); err == nil || !strings.Contains(err.Error(), "generic, spikingjelly") {
		t.Errorf("error %v does not list the profiles", err)
	}
}

// TestSuits: what a reader does otherwise is refused with what to do about it.
func TestSuits(t *testing.T) {
	made := func(change func(*snn.Network)) *snn.Network {
		net := gentle(1, snn.ResetSubtract, true)
		change(net)
		return net
	}
	all := func(f func(*snn.Layer)) func(*snn.Network) {
		return func(net *snn.Network) {
			for i := range net.Layers {
				f(&net.Layers[i])
			}
		}
	}
	zero := all(func(l *snn.Layer) { l.Neuron.Reset = snn.ResetZero })
	for _, tt := range []struct {
		name   string
		change func(*snn.Network)
		want   map[string]string // By profile: why it is refused.
	}{
		{"subtract", func(*snn.Network) {}, map[string]string{"norse": "reset zero"}},
		{"zero", zero, map[string]string{"sinabs": "reset subtract", "snntorch": "reset subtract"}},
		{"mixed", func(net *snn.Network) { net.Layers[1].Neuron.Reset = snn.ResetZero }, map[string]string{
			"spikingjelly": `layer "block1/relu": its neurons all reset alike`, "sinabs": "reset subtract", "snntorch": "reset subtract", "norse": "reset zero", "spinnaker2": "reset alike",
		}},
		{"V[0]", all(func(l *snn.Layer) { l.Neuron.Reset, l.Neuron.VInit = snn.ResetZero, []float32{0.5} }), map[string]string{
			"spikingjelly": "V[0] of 0", "sinabs": "V[0] of 0", "snntorch": "V[0] of 0", "norse": "V[0] of 0", "spinnaker2": "V[0] of 0",
		}},
		{"rest", all(func(l *snn.Layer) { l.Neuron.Model = snn.LIF{Leak: 1, Refractory: 2} }), map[string]string{
			"spikingjelly": "refractory timesteps", "sinabs": "refractory timesteps", "snntorch": "refractory timesteps", "norse": "refractory timesteps", "spinnaker2": "refractory timesteps",
		}},
		{"phased", func(net *snn.Network) { net.Schedule = snn.Phased }, map[string]string{
			"spikingjelly": "firing windows", "sinabs": "firing windows", "snntorch": "firing windows", "norse": "firing windows", "spinnaker2": "firing windows",
		}},
		{"gate", func(net *snn.Network) {
			net.Layers = net.Layers[:1]
			net.Layers = append(net.Layers, snn.Layer{Name: "max", Shape: tensor.Shape{4, 3, 3}, Charge: 1, Lambda: 1, Synapses: []snn.Synapse{{Connection: &snn.MaxPool{Window: tensor.Square(2, 2, 0)}}}})
			net.Layers = append(net.Layers, snn.Layer{Name: "fc", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}}, Synapses: []snn.Synapse{{From: 1, Connection: &snn.Dense{Weight: tensor.New(1, 36)}}}})
		}, map[string]string{"spikingjelly": "max pools", "sinabs": "max pools", "snntorch": "max pools", "norse": "max pools", "spinnaker2": "max pools"}},
	} {
		for _, p := range profiles {
			net := made(tt.change)
			err := p.Suits(net)
			want := tt.want[p.Name]
			var refused *RefusedError
			if want == "" && err != nil || want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s for %s: error %v, want %q", tt.name, p.Name, err, want)
			}
		}
	}
}

// TestAfterLoading: only networks that subtract have something to be set, and files hold it.
func TestAfterLoading(t *testing.T) {
	for _, p := range profiles {
		for _, reset := range []snn.Reset{snn.ResetSubtract, snn.ResetZero} {
			g, _, err := FromNetwork(gentle(1, reset, true), p, Info{})
			if err != nil {
				t.Fatal(err)
			}
			code := AfterLoading(decode(t, encode(t, g)))
			wanted := reset == snn.ResetSubtract && slices.Contains([]string{"spikingjelly", "sinabs", "snntorch"}, p.Name)
			if (code != "") != wanted {
				t.Errorf("%s, reset %v: %q", p.Name, reset, code)
			}
			if code != "" {
				python(t, "-c", "import ast, sys; ast.parse(sys.argv[1]); print()", code)
			}
		}
	}
}
