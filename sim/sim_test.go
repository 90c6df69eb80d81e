package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/internal/spiking"
	"sresnet/snn"
	"sresnet/tensor"
)

// trace is everything a run shows: the record and all spikes.
type trace struct {
	Record *Record
	Bits   []string // layer, step and mask words, in order of layers and steps.
	V      []string // layer, steps and potentials at the marks, in that order.
	Steps  []string // layer, step, currents and potentials of traced layers.
}

func run(t testing.TB, net *snn.Network, o Options, image []float32, index int) trace {
	t.Helper()
	return runProbed(t, net, o, image, index, true)
}

// runProbed leaves spikes out unless probed: an engine may then never have them.
func runProbed(t testing.TB, net *snn.Network, o Options, image []float32, index int, probed bool) trace {
	t.Helper()
	p, err := Compile(net, o)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	e := p.NewEngine()
	var tr trace
	e.Probe = func(s Spikes) { tr.Bits = append(tr.Bits, fmt.Sprintf("%03d %05d %x", s.Layer, s.Step, s.Bits)) }
	e.Potentials = func(p Potentials) { tr.V = append(tr.V, fmt.Sprintf("%03d %05d %v %v", p.Layer, p.Steps, p.V, p.I)) }
	e.Trace = func(s Trace) { tr.Steps = append(tr.Steps, fmt.Sprintf("%03d %05d %v %v", s.Layer, s.Step, s.I, s.V)) }
	if !probed {
		e.Probe = nil
	}
	present := e.Run
	if len(image) > net.Input.Shape.Len() {
		present = e.RunFrames
	}
	tr.Record, err = present(context.Background(), image, index)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	slices.Sort(tr.Bits)
	slices.Sort(tr.V)
	slices.Sort(tr.Steps)
	return tr
}

// agreeBlock is a block size of agree that numbers of timesteps often do not divide by.
const agreeBlock = 4

// agree checks that both engines give the same spikes, records and operation
// counts on one network, for several block sizes and numbers of workers, and with
// blocks that are cut short by marks and by the number of timesteps.
func agree(t testing.TB, net *snn.Network, timesteps int, image []float32, index int) trace {
	t.Helper()
	var marks []int // 1, 3, 6, 10, ...: blocks of every length.
	for at, n := 1, 2; at < timesteps; at, n = at+n, n+1 {
		marks = append(marks, at)
	}
	if marks = append(marks, timesteps); net.Schedule == snn.Phased {
		marks = marks[len(marks)-1:]
	}
	traced := slices.DeleteFunc([]int{0, len(net.Layers) / 2, len(net.Layers) - 1}, func(i int) bool { return net.Layers[i].IsGate() })
	traced = slices.Compact(traced)
	want := run(t, net, Options{Timesteps: timesteps, Seed: 7, Marks: marks, Traced: traced, Reference: true}, image, index)
	const block = agreeBlock
	for _, o := range []Options{
		{Block: 1},
		{Block: block},
		{Block: 16},
		{Block: block, Traced: traced},
		{Block: 16, Marks: marks},
		{Workers: 2},
		{Block: block, Workers: 2, Traced: traced},
		{Block: 1, Workers: 3, Marks: marks},
		{Block: block, Workers: 3, Marks: marks},
	} {
		o.Timesteps, o.Seed = timesteps, 7
		got := run(t, net, o, image, index)
		if d := cmp.Diff(want.Bits, got.Bits); d != "" {
			t.Fatalf("%+v: spikes differ (-reference +event):\n%s\n%v", o, d, net)
		}
		if d := cmp.Diff(want.Record, got.Record); d != "" {
			t.Fatalf("%+v: records differ (-reference +event):\n%s\n%v", o, d, net)
		}
		if d := cmp.Diff(want.V, got.V); o.Marks != nil && d != "" {
			t.Fatalf("%+v: potentials differ (-reference +event):\n%s\n%v", o, d, net)
		}
		if d := cmp.Diff(want.Steps, got.Steps); o.Traced != nil && d != "" {
			t.Fatalf("%+v: traces differ (-reference +event):\n%s\n%v", o, d, net)
		}
		if o.Workers > 1 || o.Block == 1 {
			continue
		}
		got = runProbed(t, net, o, image, index, false)
		if d := cmp.Diff(want.Record, got.Record); d != "" {
			t.Fatalf("%+v: records differ where nobody looks at spikes (-reference +event):\n%s\n%v", o, d, net)
		}
	}
	return want
}

// The random networks reach what makes a layer hold the spikes of a block: several
// tiles of channels, and two convolutions, the second of which has more to hold.
func TestRandomNetworks(t *testing.T) {
	const networks = 200
	wide, larger := 0, 0
	for seed := range uint64(networks) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		p, err := Compile(spiking.Network(rnd.IntN, rnd), Options{Timesteps: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.layers {
			if g := p.layers[i].tiled; g != nil && len(g.tiles) > 1 && len(g.convs) > 1 && g.convs[0].from != g.convs[1].from {
				wide++
				if a, b := g.convs[0].in, g.convs[1].in; b.positions()*b.n > a.positions()*a.n {
					larger++
				}
			}
		}
	}
	if wide < networks/10 || larger < networks/20 {
		t.Errorf("%d random networks have %d layers of several tiles and sources, the second source of %d the larger one", networks, wide, larger)
	}
}

func TestEnginesAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }
		net, T := spiking.Scheduled(choose, rnd), 1+rapid.IntRange(0, 20).Draw(rt, "timesteps")
		net = spiking.Integers(choose, net, T)
		frames := 1
		if !net.Input.Encoding.Spikes() {
			frames = rapid.IntRange(1, 4).Draw(rt, "frames")
		}
		agree(fatal{t, rt}, net, T, spiking.Frames(net.Input.Shape, frames, rnd), 3)
	})
}

// fatal lets helpers of testing.TB fail a rapid check, which then shrinks.
type fatal struct {
	testing.TB
	rt *rapid.T
}

func (f fatal) Helper()                           {}
func (f fatal) Fatalf(format string, args ...any) { f.rt.Fatalf(format, args...) }

func FuzzEnginesAgree(f *testing.F) {
	f.Add([]byte("residual"), uint64(1), byte(9))
	f.Add([]byte{11: 1, 21: 1, 3, 1, 33: 1}, uint64(0), byte(1)) // Several tiles, two sources and a short block.
	f.Add([]byte{2, 4, 4, 1, 4, 1, 2, 0, 3, 9, 1, 0, 5, 200, 17, 3, 2, 2, 1}, uint64(2), byte(30))
	f.Fuzz(func(t *testing.T, choices []byte, seed uint64, timesteps byte) {
		choose := func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := int(choices[0]) % n
			choices = choices[1:]
			return c
		}
		rnd := rand.New(rand.NewPCG(seed, 2))
		T := 1 + int(timesteps)%40
		net := spiking.Integers(choose, spiking.Scheduled(choose, rnd), T)
		frames := 1
		if !net.Input.Encoding.Spikes() {
			frames += choose(3)
		}
		agree(t, net, T, spiking.Frames(net.Input.Shape, frames, rnd), 3)
	})
}

// single returns a network of one neuron driven by the image.
func single(neuron snn.Neuron) *snn.Network {
	return &snn.Network{
		Name: "single", Input: snn.Input{Shape: tensor.Shape{1, 1, 1}},
		Layers: []snn.Layer{{
			Name: "out", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: neuron,
			Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.Of([]float32{1}, 1, 1)}}},
		}},
	}
}

// A neuron with reset by subtraction fires floor(T I/θ + V[0]) times for a
// constant current 0 <= I <= θ.
func TestRate(t *testing.T) {
	const T = 64
	for _, tt := range []struct {
		current, threshold, vInit float32
		reset                     snn.Reset
		want                      uint32
	}{
		{0, 1, 0, snn.ResetSubtract, 0},
		{0.25, 1, 0, snn.ResetSubtract, 16}, // Exact in binary, so no rounding in the sum.
		{0.5, 1, 0, snn.ResetSubtract, 32},
		{1, 1, 0, snn.ResetSubtract, 64},
		{2, 1, 0, snn.ResetSubtract, 64}, // At most one spike a timestep.
		{-1, 1, 0.5, snn.ResetSubtract, 0},
		{1. / 128, 1, 0, snn.ResetSubtract, 0},
		{1. / 128, 1, 0.5, snn.ResetSubtract, 1}, // 0.5 + 64/128 meets θ in the last timestep.
		{0.5, 2, 0.5, snn.ResetSubtract, 16},     // V[0] is in units of θ.
		{0.75, 1, 0, snn.ResetSubtract, 48},
		{0.75, 1, 0, snn.ResetZero, 32}, // Loses half a threshold at every spike.
	} {
		net := single(snn.Neuron{Threshold: []float32{tt.threshold}, VInit: []float32{tt.vInit}, Reset: tt.reset})
		rec := agree(t, net, T, []float32{tt.current}, 0).Record
		if got := rec.Counts[T-1]; got != tt.want {
			t.Errorf("%+v: %d spikes, want %d", tt, got, tt.want)
		}
		if got, want := rec.Current[T-1], T*tt.current; got != want {
			t.Errorf("%+v: accumulated current %v, want %v", tt, got, want)
		}
	}
}

// The gate emits as many spikes as its busiest input, one per timestep at most.
func TestMaxPoolGate(t *testing.T) {
	net := &snn.Network{
		Name: "gate", Input: snn.Input{Shape: tensor.Shape{1, 2, 2}},
		Layers: []snn.Layer{
			{
				Name: "in", Shape: tensor.Shape{1, 2, 2}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
				Synapses: []snn.Synapse{{From: snn.FromInput, Connection: &snn.Conv{Weight: tensor.Of([]float32{1}, 1, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}}},
			},
			{Name: "pool", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Synapses: []snn.Synapse{{From: 0, Connection: &snn.MaxPool{Window: tensor.Square(2, 2, 0)}}}},
			{
				Name: "out", Shape: tensor.Shape{1, 1, 1}, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}},
				Synapses: []snn.Synapse{{From: 1, Connection: &snn.Dense{Weight: tensor.Of([]float32{1}, 1, 1)}}},
			},
		},
	}
	rec := agree(t, net, 32, []float32{0.25, 0.5, 0.125, 0.25}, 0).Record
	if got := rec.Counts[31]; got != 16 {
		t.Errorf("gate passed %d spikes, want the busiest input's 16", got)
	}
	if rec.ACs[1][31] != 0 || rec.ACs[2][31] != 1 {
		t.Errorf("ACs of gate and output: %d and %d, want 0 and 1", rec.ACs[1][31], rec.ACs[2][31])
	}
}

func TestRunErrors(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	for _, o := range []Options{{}, {Timesteps: -1}, {Timesteps: MaxTimesteps + 1}, {Timesteps: 1, Block: -1}, {Timesteps: 1, Layers: 2}, {Timesteps: 1, Traced: []int{1}}, {Timesteps: 1, Traced: []int{0, 0}}} {
		if _, err := Compile(net, o); err == nil {
			t.Errorf("Compile(%+v): no error", o)
		}
	}
	bad := single(snn.Neuron{Threshold: []float32{0}})
	if _, err := Compile(bad, Options{Timesteps: 1}); err == nil {
		t.Error("Compile with threshold 0: no error")
	}
	p, err := Compile(net, Options{Timesteps: 4})
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	if _, err := e.Run(context.Background(), []float32{1, 2}, 0); err == nil {
		t.Error("Run of an image of the wrong size: no error")
	}
	nan := float32(0)
	nan /= nan
	if _, err := e.Run(context.Background(), []float32{nan}, 0); err == nil {
		t.Error("Run of NaN: no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Run(ctx, []float32{1}, 0); err != context.Canceled {
		t.Errorf("Run with a canceled context: %v", err)
	}
}

// Records do not depend on what an engine ran before, and a run does not allocate.
func TestEngineIsReusable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	net := spiking.Network(rnd.IntN, rnd)
	net.Input.Encoding = snn.Direct
	a, b := spiking.Image(net.Input.Shape, rnd), spiking.Image(net.Input.Shape, rnd)
	p, err := Compile(net, Options{Timesteps: 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e := p.NewEngine()
	if _, err := e.Run(ctx, b, 1); err != nil {
		t.Fatal(err)
	}
	got, err := e.Run(ctx, a, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.NewEngine().Run(ctx, a, 0)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("a used engine differs from a new one:\n%s", d)
	}
	n := testing.AllocsPerRun(30, func() {
		if _, err := e.Run(ctx, a, 0); err != nil {
			t.Fatal(err)
		}
	})
	if n > 2 { // The encoder and its closure, once per image.
		t.Errorf("%v allocations per image", n)
	}
}

// Each kind of layer has its method, and the expected rate decides between adding
// spikes and a dense product; see also TestEnginesAgree, for which no choice changes
// a spike.
func TestMethods(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := &spiking.Builder{Choose: func(int) int { return 1 }, Rand: rnd}
	b.Net = &snn.Network{Name: "methods", Input: snn.Input{Shape: tensor.Shape{3, 8, 8}}}
	var want []Method
	add := func(name string, tile int, rate float32, channels, size int, syn ...snn.Synapse) int {
		i := b.Add(tensor.Shape{channels, size, size}, syn...)
		b.Net.Layers[i].Rate = rate
		want = append(want, Method{Layer: b.Net.Layers[i].Name, Name: name, Tile: tile, Rate: rate})
		return i
	}
	identity := func(from, channels, size int) snn.Synapse {
		return snn.Synapse{From: from, Connection: snn.Identity(0.5, tensor.Shape{channels, size, size})}
	}
	image := add("image", 0, 0.1, 16, 8, b.Square(snn.FromInput, 16, 3, 1))
	add("sweep", 16, 0.1, 16, 8, b.Square(image, 16, 3, 1), identity(image, 16, 8))
	add("shortcut + scatter", 0, 0.1, 16, 8, identity(image, 16, 8), b.Square(image, 16, 3, 1))
	add("scatter", 0, 0.1, 16, 8, b.Square(image, 16, 5, 1), b.Square(snn.FromInput, 16, 3, 1))
	want[len(want)-1].Name = "image + scatter"
	add("sweep", 64, 0.1, 112, 4, b.Square(image, 112, 3, 2))
	wide := add("gather", 64, 0.7, 128, 4, b.Square(image, 128, 5, 2))
	busy := add("dense", 0, 0.1, 128, 4, b.Square(wide, 128, 3, 1))
	add("sweep", 16, 0.1, 128, 4, b.Square(busy, 128, 3, 1))
	add("gather", 64, 0.1, 128, 4, b.Square(busy, 128, 1, 1), identity(busy, 128, 4))
	pool := add("pool", 0, 0, 128, 1, snn.Synapse{From: busy, Connection: &snn.AveragePool{Window: tensor.Square(4, 1, 0), Scale: 1}})
	add("gather", 0, 0, 10, 1, snn.Synapse{From: pool, Connection: &snn.Dense{Weight: b.Weights(128, 10, 128)}})

	for _, workers := range []int{1, 3} {
		p, err := Compile(b.Net, Options{Timesteps: 5, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, p.Methods()); d != "" {
			t.Errorf("%d workers (-want +got):\n%s", workers, d)
		}
	}
	pixels := spiking.Image(b.Net.Input.Shape, rnd)
	agree(t, b.Net, 6, pixels, 1)

	p, err := Compile(b.Net, Options{Timesteps: 20})
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	if n := testing.AllocsPerRun(5, func() {
		if _, err := e.Run(context.Background(), pixels, 0); err != nil {
			t.Fatal(err)
		}
	}); n > 2 { // The encoder and its closure, once per image.
		t.Errorf("%v allocations an image", n)
	}
	if spent := e.Spent(); spent[wide] <= 0 || spent[pool] <= 0 {
		t.Errorf("no time is spent: %v", spent)
	}
}

// Every method gives the spikes of the reference with any number of timesteps: a part
// of a block, whole blocks, and whole ones and a part. Each has a network of its own,
// in which no other layer makes room for what it needs.
func TestMethodsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b *spiking.Builder
	const wide, small = 0, 1 // Layers of 32 channels of 6x6, and of 8 of 3x3.
	list := func(syn ...snn.Synapse) []snn.Synapse { return syn }
	conv := func(from, out, kernel, stride int) snn.Synapse { return b.Square(from, out, kernel, stride) }
	identity := func() snn.Synapse {
		return snn.Synapse{From: wide, Connection: snn.Identity(0.5, b.Net.ShapeOf(wide))}
	}
	move := func() snn.Synapse {
		return snn.Synapse{From: wide, Connection: &snn.Shortcut{Scale: 0.5, Stride: [2]int{2, 2}, Offset: 40, Shape: tensor.Shape{80, 3, 3}}}
	}
	for _, tt := range []struct {
		name   string
		method string
		tile   int
		layer  func() []snn.Synapse
	}{
		{"image", "image", 0, func() []snn.Synapse { return list(conv(snn.FromInput, 20, 3, 2)) }},
		{"gate", "gate", 0, func() []snn.Synapse {
			return list(snn.Synapse{From: wide, Connection: &snn.MaxPool{Window: tensor.Square(3, 2, 1)}})
		}},
		{"sweep", "sweep", 32, func() []snn.Synapse { return list(conv(small, 32, 3, 1)) }},
		{"sweep and a shortcut", "sweep", 32, func() []snn.Synapse { return list(conv(wide, 32, 3, 1), identity()) }},
		{"sweep of several tiles", "sweep", 64, func() []snn.Synapse { return list(conv(wide, 80, 3, 2), move()) }},
		{"gather", "gather", 48, func() []snn.Synapse { return list(conv(wide, 40, 5, 2)) }},
		{"gather of several tiles", "gather", 64, func() []snn.Synapse { return list(conv(wide, 80, 5, 2), move()) }},
		{"gather from two layers", "gather", 48, func() []snn.Synapse { return list(conv(small, 40, 3, 1), conv(wide, 40, 1, 2)) }},
		{"gather from two layers, of several tiles", "gather", 64, func() []snn.Synapse {
			return list(conv(small, 80, 3, 1), conv(wide, 80, 1, 2))
		}},
		{"gather from two layers, of several tiles, and a shortcut", "gather", 64, func() []snn.Synapse {
			return list(conv(small, 80, 3, 1), conv(wide, 80, 1, 2), move())
		}},
		{"scatter", "image + scatter", 0, func() []snn.Synapse { return list(conv(wide, 16, 5, 1), conv(snn.FromInput, 16, 3, 1)) }},
		{"shortcut", "shortcut + scatter", 0, func() []snn.Synapse { return list(identity(), conv(wide, 32, 3, 1)) }},
		{"pool", "pool + gather", 0, func() []snn.Synapse {
			return list(snn.Synapse{From: wide, Connection: &snn.AveragePool{Window: tensor.Square(2, 2, 0), Scale: 1}}, conv(small, 32, 1, 1))
		}},
		{"groups", "groups", 0, func() []snn.Synapse {
			k := &snn.Conv{Window: tensor.Square(3, 2, 1), Groups: 4, Weight: b.Weights(8*9, 20, 8, 3, 3)}
			return list(snn.Synapse{From: wide, Connection: k})
		}},
		{"dense", "dense", 0, func() []snn.Synapse {
			b.Net.Layers[wide].Rate = 1
			return list(conv(wide, 16, 3, 2))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b = &spiking.Builder{Choose: func(int) int { return 1 }, Rand: rnd}
			b.Net = &snn.Network{Name: tt.name, Input: snn.Input{Shape: tensor.Shape{2, 6, 6}}}
			b.Layer(conv(snn.FromInput, 32, 3, 1))
			b.Layer(conv(snn.FromInput, 8, 3, 2))
			b.Layer(tt.layer()...)
			b.Layer(snn.Synapse{From: 2, Connection: &snn.Dense{Weight: b.Weights(b.Net.ShapeOf(2).Len(), 5, b.Net.ShapeOf(2).Len())}})
			p, err := Compile(b.Net, Options{Timesteps: 1})
			if err != nil {
				t.Fatal(err)
			}
			if m := p.Methods()[2]; m.Name != tt.method || m.Tile != tt.tile {
				t.Fatalf("the method is %q in tiles of %d, want %q in tiles of %d", m.Name, m.Tile, tt.method, tt.tile)
			}
			pixels := spiking.Image(b.Net.Input.Shape, rnd)
			for timesteps := 1; timesteps <= 3*agreeBlock; timesteps++ {
				if testing.Short() && timesteps%agreeBlock > 1 { // Blocks that are full, and one step more.
					continue
				}
				t.Run(fmt.Sprint(timesteps), func(t *testing.T) {
					spikes := agree(t, b.Net, timesteps, pixels, 1).Record.Spikes[2]
					if timesteps == 3*agreeBlock && slices.Max(spikes) == 0 {
						t.Error("a layer without spikes shows nothing")
					}
				})
			}
		})
	}
}

// A canceled context ends workers that share an image, too, and the engine can be
// used again.
func TestSharedRunCanceled(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	net := spiking.Network(rnd.IntN, rnd)
	image := spiking.Image(net.Input.Shape, rnd)
	p, err := Compile(net, Options{Timesteps: 2000, Workers: 3, Block: 1})
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	e.Probe = func(Spikes) {
		if steps++; steps == 50 {
			cancel()
		}
	}
	if _, err := e.Run(ctx, image, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want %v", err, context.Canceled)
	}
	if steps > 100 {
		t.Errorf("%d blocks after 50 were enough", steps)
	}
	e.Probe = nil
	got, err := e.Run(t.Context(), image, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := run(t, net, Options{Timesteps: 2000}, image, 0).Record; !cmp.Equal(want, got) {
		t.Error("after a canceled run the record differs")
	}
}

// What a probe writes to the spikes of a layer the layers behind take: a network that is
// given all spikes of another image fires those itself, where it does not see the image.
func TestProbeWrites(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	compared := 0
	for range 60 {
		net := spiking.Scheduled(rnd.IntN, rnd)
		first, second := spiking.Image(net.Input.Shape, rnd), spiking.Image(net.Input.Shape, rnd)
		for _, o := range []Options{{Timesteps: 12}, {Timesteps: 12, Block: 4}, {Timesteps: 12, Block: 3, Workers: 2}} {
			p, err := Compile(net, o)
			if err != nil {
				t.Fatal(err)
			}
			e := p.NewEngine()
			spikes := make(map[[2]int][]uint64)
			e.Probe = func(s Spikes) { spikes[[2]int{s.Layer, s.Step}] = slices.Clone(s.Bits) }
			if _, err := e.Run(t.Context(), first, 0); err != nil {
				t.Fatal(err)
			}
			e.Probe = func(s Spikes) {
				want := spikes[[2]int{s.Layer, s.Step}]
				sees := slices.ContainsFunc(net.Layers[s.Layer].Synapses, func(syn snn.Synapse) bool { return syn.From == snn.FromInput })
				if !sees {
					compared++
				}
				if !sees && !slices.Equal(s.Bits, want) {
					t.Errorf("layer %d, timestep %d: %x, want %x", s.Layer, s.Step, s.Bits, want)
				}
				copy(s.Bits, want)
			}
			if _, err := e.Run(t.Context(), second, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	if compared < 5000 {
		t.Errorf("compared %d times", compared)
	}
}

// What a phased network keeps of a window is bounded.
func TestLongWindow(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	net.Schedule = snn.Phased
	out := *net.Output()
	net.Layers = nil
	const wide = 60000
	for i := range 12 {
		l := out
		l.Name, l.Shape = fmt.Sprint("wide", i), tensor.Shape{wide, 1, 1}
		l.Synapses = []snn.Synapse{{From: snn.FromInput, Connection: &snn.Dense{Weight: tensor.New(wide, net.Input.Shape.Len())}}}
		net.Layers = append(net.Layers, l)
	}
	out.Synapses = []snn.Synapse{{From: 0, Connection: &snn.Dense{Weight: tensor.New(out.Neurons(), wide)}}}
	net.Layers = append(net.Layers, out)
	for T, ok := range map[int]bool{100: true, MaxTimesteps: false} {
		_, err := Compile(net, Options{Timesteps: T})
		if ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), "kept for a whole window: at most T = ")) {
			t.Errorf("T = %d: %v", T, err)
		}
	}
	if _, err := Compile(net, Options{Timesteps: 9, Marks: []int{4, 9}}); err == nil || !strings.Contains(err.Error(), "before the end of its window, T = 9") {
		t.Errorf("marks within a window: %v", err)
	}
}
