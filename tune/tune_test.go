package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// residual returns an unscaled network of everything that calibration meets: convolutions,
// a block with an identity shortcut and one with zero channels, a projection, a max pool, a
// mean, and a fully connected output.
func residual(rnd *rand.Rand) *snn.Network {
	c := 2 + rnd.IntN(20)
	weights := func(fan int, shape ...int) *tensor.Tensor {
		w := tensor.New(shape...)
		for i := range w.Data {
			w.Data[i] = float32(rnd.NormFloat64() * math.Sqrt(2/float64(fan)))
		}
		return w
	}
	conv := func(from, in, out, kernel, stride int) snn.Synapse {
		return snn.Synapse{From: from, Connection: &snn.Conv{Weight: weights(in*kernel*kernel, out, in, kernel, kernel), Window: tensor.Square(kernel, stride, kernel/2), Groups: 1}}
	}
	n := &snn.Network{Name: "residual", Input: snn.Input{Shape: tensor.Shape{3, 8, 8}}}
	add := func(shape tensor.Shape, s ...snn.Synapse) int {
		l := snn.Layer{Name: fmt.Sprint("layer", len(n.Layers)), Shape: shape, Synapses: s, Charge: 1, Lambda: 1}
		if _, gate := s[0].Connection.(*snn.MaxPool); !gate {
			l.Neuron = snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}
			l.Bias = weights(20, shape[0]).Data
		}
		n.Layers = append(n.Layers, l)
		return len(n.Layers) - 1
	}
	wide, small := tensor.Shape{c, 8, 8}, tensor.Shape{c + 3, 4, 4}
	stem := add(wide, conv(snn.FromInput, 3, c, 3, 1))
	h := add(wide, conv(stem, c, c, 3, 1))
	block := add(wide, conv(h, c, c, 3, 1), snn.Synapse{From: stem, Connection: snn.Identity(1, wide)})
	pool := add(wide, snn.Synapse{From: block, Connection: &snn.MaxPool{Window: tensor.Square(3, 1, 1)}})
	h = add(small, conv(pool, c, c+3, 3, 2))
	a := add(small, conv(h, c+3, c+3, 3, 1), snn.Synapse{From: pool, Connection: &snn.Shortcut{Scale: 1, Stride: [2]int{2, 2}, Offset: 2, Shape: small}})
	b := add(small, conv(a, c+3, c+3, 3, 1), conv(pool, c, c+3, 1, 2))
	mean := add(tensor.Shape{c + 3, 1, 1}, snn.Synapse{From: b, Connection: &snn.AveragePool{Window: tensor.Square(4, 4, 0), Scale: 1}})
	add(tensor.Shape{5, 1, 1}, snn.Synapse{From: mean, Connection: &snn.Dense{Weight: weights(c+3, 5, c+3)}})
	return n
}

// images are random ones.
type images struct {
	shape tensor.Shape
	data  [][]float32
}

func (x images) Len() int { return len(x.data) }

func (x images) Image(i int, dst []float32) error {
	copy(dst, x.data[i])
	return nil
}

func randomImages(rnd *rand.Rand, n int) images {
	x := images{shape: tensor.Shape{3, 8, 8}}
	for range n {
		image := make([]float32, x.shape.Len())
		for i := range image {
			image[i] = float32(rnd.NormFloat64())
		}
		x.data = append(x.data, image)
	}
	return x
}

func options(net *snn.Network, T int) Options {
	o := Options{Timesteps: T, Lambda: make([]float32, len(net.Layers)), Lambdas: true, Bias: true, Workers: 2}
	for i := range o.Lambda {
		o.Lambda[i] = 3
	}
	return o
}

// counts presents an image and returns the spikes of every layer, CHW.
func counts(t testing.TB, net *snn.Network, image []float32, o sim.Options) [][]int {
	t.Helper()
	p, err := sim.Compile(net, o)
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	n := make([][]int, len(net.Layers))
	for i := range n {
		n[i] = make([]int, net.Layers[i].Neurons())
	}
	e.Probe = func(s sim.Spikes) {
		shape := net.Layers[s.Layer].Shape
		positions := shape[1] * shape[2]
		for j := range n[s.Layer] {
			c, p := j/positions, j%positions
			n[s.Layer][j] += int(s.Bits[p*s.Words+c/64] >> (c % 64) & 1)
		}
	}
	if _, err := e.Run(t.Context(), image, 0); err != nil {
		t.Fatal(err)
	}
	return n
}

// The rounded float pass knows what every neuron of a phased network does: its counts are
// those of the simulation, but where a potential is a rounding error from its threshold.
// Rates of a synchronous one are those that were simulated layer by layer.
func TestCountsAreThoseOfTheNetwork(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		net := residual(rnd)
		net.Schedule = snn.Schedule(seed % 2)
		x := randomImages(rnd, 6)
		o := options(net, 4+int(seed))
		o.Start = seed%4 == 0
		tn, err := newTuner(t.Context(), net, x, withWorkers(o))
		if err != nil {
			t.Fatal(err)
		}
		for i := range tn.last {
			tn.last[i] = len(net.Layers) // All are kept.
		}
		for i := range net.Layers {
			if err := tn.layer(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		differ, all := 0, 0
		for image := range x.data {
			got := counts(t, tn.out, x.data[image], sim.Options{Timesteps: o.Timesteps})
			for i, n := range got {
				before := differ
				c := net.Layers[i].Shape[0]
				said := make([]float32, len(n))
				tn.read(said, i, image)
				for j, n := range n {
					positions := len(got[i]) / c
					want := int(math.Round(float64(said[j%positions*c+j/positions] / tn.lambda[i][j/positions] * float32(o.Timesteps))))
					all++
					if n == want {
						continue
					}
					differ++
					if net.Schedule == snn.Synchronous || n-want > 1 || want-n > 1 {
						t.Fatalf("seed %d, layer %d, neuron %d: %d spikes, calibration has %d", seed, i, j, n, want)
					}
				}
				if differ > before { // What follows gets something else.
					break
				}
			}
		}
		if differ > all/2000 {
			t.Errorf("seed %d: %d of %d neurons differ", seed, differ, all)
		}
	}
}

func withWorkers(o Options) Options {
	o.Workers = max(o.Workers, 1)
	return o
}

// Calibration does not depend on the order of the images and on the workers.
func TestOrderAndWorkers(t *testing.T) {
	defer func(n int) { fewest = n }(fewest)
	fewest = 2 // Of a few images.
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		net := residual(rnd)
		net.Schedule = snn.Schedule(rapid.IntRange(0, 1).Draw(rt, "schedule"))
		x := randomImages(rnd, 1+rapid.IntRange(0, 7).Draw(rt, "images"))
		o := options(net, rapid.IntRange(1, 20).Draw(rt, "T"))
		o.Start, o.Lambdas = rapid.Bool().Draw(rt, "start"), rapid.Bool().Draw(rt, "lambdas")
		o.Bits, o.InputMax = rapid.SampledFrom([]int{0, 8, 12}).Draw(rt, "bits"), 4
		want, _, err := Network(t.Context(), net, x, o)
		if err != nil {
			rt.Fatal(err)
		}
		rnd.Shuffle(len(x.data), func(i, j int) { x.data[i], x.data[j] = x.data[j], x.data[i] })
		o.Workers = rapid.IntRange(1, 4).Draw(rt, "workers")
		got, _, err := Network(t.Context(), net, x, o)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatalf("another order and %d workers (-want +got):\n%s", o.Workers, d)
		}
	})
}

// Scaling changes no activation: rates times lambda are those of the unscaled network.
func TestScaling(t *testing.T) {
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		net := residual(rnd)
		x := randomImages(rnd, 3)
		o := options(net, 8)
		o.Bias = false
		got, _, err := Network(t.Context(), net, x, o)
		if err != nil {
			t.Fatal(err)
		}
		if got.TunedFor != 8 || got.Layers[2].Lambdas == nil || got.Layers[2].Synapses[1].Connection.(*snn.Shortcut).Scales == nil {
			t.Errorf("seed %d: no lambdas per channel", seed)
		}
		plain, err := sim.Rates(t.Context(), net, x.data[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		scaled, err := sim.Rates(t.Context(), got, x.data[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range plain {
			l := &got.Layers[i]
			for j, a := range plain[i] {
				b := scaled[i][j] * float64(l.LambdaOf(j/(l.Shape[1]*l.Shape[2])))
				if math.Abs(a-b) > 1e-4*(1+math.Abs(a)) {
					t.Fatalf("seed %d, layer %d, neuron %d: %v, want %v", seed, i, j, b, a)
				}
			}
		}
	}
}

// With biases matched the mean of what every channel's spikes say is that of the trained
// network, and the loss of the output is less than without.
func TestMatchedMeans(t *testing.T) {
	for _, schedule := range []snn.Schedule{snn.Synchronous, snn.Phased} {
		rnd := rand.New(rand.NewPCG(7, 1))
		net := residual(rnd)
		net.Schedule = schedule
		x := randomImages(rnd, 40)
		o := options(net, 8)
		loss := func(bias bool) (most, error float64) {
			o := o
			o.Bias = bias
			got, _, err := Network(t.Context(), net, x, o)
			if err != nil {
				t.Fatal(err)
			}
			lacks := make([]float64, net.Layers[2].Shape[0])
			for _, image := range x.data {
				want, err := sim.Rates(t.Context(), net, image, nil)
				if err != nil {
					t.Fatal(err)
				}
				l := &got.Layers[2]
				positions := l.Shape[1] * l.Shape[2]
				for j, n := range counts(t, got, image, sim.Options{Timesteps: o.Timesteps})[2] {
					d := (want[2][j] - float64(l.LambdaOf(j/positions))*float64(n)/float64(o.Timesteps)) / float64(positions*x.Len())
					lacks[j/positions] += d
					error += d * d
				}
			}
			for _, d := range lacks {
				most = max(most, math.Abs(d))
			}
			return most, error
		}
		was, _ := loss(false)
		now, _ := loss(true)
		t.Logf("%v: the mean of a channel of the block lacks up to %.4f, with biases matched %.4f", schedule, was, now)
		if now > was/4 {
			t.Errorf("%v: the mean of a channel still lacks up to %v of %v", schedule, now, was)
		}
	}
}

// The lambda that is chosen costs hardly more than the best one of a dense scan, whatever
// the currents look like.
func TestLambda(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		spread, mean := math.Exp(rapid.Float64Range(-6, 6).Draw(rt, "spread")), rapid.Float64Range(-2, 2).Draw(rt, "mean")
		q, power := quantiser{T: rapid.IntRange(1, 64).Draw(rt, "T"), vInit: 0.5}, 2.0
		if q.cubed = rapid.Bool().Draw(rt, "cubed"); q.cubed {
			power = 3
		}
		x := make([]float64, 1000)
		most := 0.0
		for i := range x {
			x[i] = spread * (mean + rnd.NormFloat64()*(1+9*float64(rnd.IntN(50)/49)))
			most = max(most, x[i])
		}
		h := newHistogram(max(most, spread/64))
		for _, v := range x {
			h.add(float32(v))
			h.sum.add(v)
			h.n++
		}
		lambda, ok := q.lambda(h, 0)
		if !ok {
			if most > h.width {
				rt.Fatalf("no lambda for currents up to %v", most)
			}
			return
		}
		cost := func(lambda float64) (sum float64) {
			for _, v := range x {
				sum += math.Pow(math.Abs(max(v, 0)-lambda/float64(q.T)*level(v, lambda, q.vInit, q.T)), power)
			}
			return sum
		}
		best := math.Inf(1)
		for i := range 1000 {
			best = min(best, cost(most*float64(i+1)/1000))
		}
		if got := cost(lambda); got > best*1.15+1e-9*math.Pow(spread, power) {
			rt.Errorf("T = %d: lambda %v costs %v, the best %v", q.T, lambda, got, best)
		}
	})
}

// A channel that no image makes positive has the largest lambda of the others, and is told;
// a layer of such channels keeps the lambda of the options.
func TestSilentChannels(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	net := residual(rnd)
	net.Schedule = snn.Phased
	net.Layers[1].Bias[1] = -1e4
	for c := range net.Layers[4].Bias {
		net.Layers[4].Bias[c] = -1e4
	}
	got, r, err := Network(t.Context(), net, randomImages(rnd, 5), options(net, 8))
	if err != nil {
		t.Fatal(err)
	}
	if l := &got.Layers[1]; l.LambdaOf(1) != slices.Max(l.Lambdas) || r.Silent[l.Name] != 1 {
		t.Errorf("lambdas %v, silent %v", l.Lambdas, r.Silent)
	}
	if l := &got.Layers[4]; l.Lambda != 3 || l.Lambdas != nil || r.Silent[l.Name] != l.Shape[0] {
		t.Errorf("a silent layer has lambdas %v, %v; silent %v", l.Lambda, l.Lambdas, r.Silent)
	}
}

// Levels that timesteps have are kept as they are, and computed without any error.
func TestFixedLevels(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	net := residual(rnd)
	net.Schedule = snn.Phased
	o := options(net, 4)
	o.Activations = map[string]Activation{"layer0": {Max: 2, Levels: 4, Fixed: true}, "layer1": {Max: 1}}
	got, _, err := Network(t.Context(), net, randomImages(rnd, 5), o)
	if err != nil {
		t.Fatal(err)
	}
	if l := &got.Layers[0]; l.Lambda != 2 || l.Lambdas != nil {
		t.Errorf("lambdas %v, %v of a layer of four levels", l.Lambda, l.Lambdas)
	}
	if l := &got.Layers[1]; l.Lambda > 1.1 {
		t.Errorf("lambda %v of activations of at most 1", l.Lambda)
	}
	if a := o.Activations["layer0"]; a.value(0.8) != 1 || a.value(0.7) != 0.5 || a.value(9) != 2 || a.value(-1) != 0 {
		t.Error("levels of a trained activation")
	}
}

// Fitting weights anew finds a change that is there.
func TestSolve(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	const k, c, rows = 37, 5, 600
	want := make([]float64, k*c)
	for j := range want {
		want[j] = rnd.NormFloat64()
	}
	z := sample{rows: rows}
	for range rows {
		x := make([]float32, k)
		for j := range x {
			x[j] = float32(rnd.NormFloat64())
		}
		z.x = append(z.x, x...)
		for o := range c {
			r := 0.0
			for j, v := range x {
				r += float64(v) * want[j*c+o]
			}
			z.r = append(z.r, float32(r))
		}
	}
	for j, d := range newNormal(k, c).multiply(z).solve() {
		if math.Abs(d-want[j]) > 0.06 { // The ridge pulls towards zero by a hundredth.
			t.Fatalf("unknown %d, channel %d: %v, want %v", j/c, j%c, d, want[j])
		}
	}
}

func TestRefit(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 1))
	net := residual(rnd)
	net.Schedule = snn.Phased
	x := randomImages(rnd, MinRefit)
	o := options(net, 3)
	o.Refit = true
	var all []*snn.Network
	for _, o.Workers = range []int{1, 3} {
		got, r, err := Network(t.Context(), net, x, o)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for _, f := range r.Refit {
			if f.Kept != (f.After < f.Before) {
				t.Errorf("%+v", f)
			}
			if f.Kept {
				kept++
			}
		}
		t.Logf("%+v", r.Refit)
		if kept == 0 {
			t.Error("no weights were fitted")
		}
		all = append(all, got)
	}
	if d := cmp.Diff(all[0], all[1]); d != "" {
		t.Errorf("three workers in place of one:\n%s", d)
	}
	if !slices.ContainsFunc(all[0].Layers, func(l snn.Layer) bool { return l.Refit }) {
		t.Error("no layer says that its weights were fitted")
	}
}

func TestErrors(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 1))
	for want, spoil := range map[string]func(n *snn.Network, x *images, o *Options){
		"T must be between":         func(_ *snn.Network, _ *images, o *Options) { o.Timesteps = 0 },
		"no images":                 func(_ *snn.Network, x *images, _ *Options) { x.data = nil },
		"at least 500 calibration":  func(_ *snn.Network, _ *images, o *Options) { o.Refit = true },
		"1 lambdas for 9 layers":    func(_ *snn.Network, _ *images, o *Options) { o.Lambda = o.Lambda[:1] },
		`"layer1": lambda NaN must`: func(_ *snn.Network, _ *images, o *Options) { o.Lambda[1] = float32(math.NaN()) },
		"not signed Poisson": func(n *snn.Network, _ *images, _ *Options) {
			n.Input.Encoding, n.Input.Amplitude = snn.Poisson, 1
		},
		`"layer0" is scaled already`:     func(n *snn.Network, _ *images, _ *Options) { n.Layers[0].Lambda = 2 },
		`"layer1": calibration for T`:    func(n *snn.Network, _ *images, _ *Options) { n.Layers[1].Neuron.Reset = snn.ResetZero },
		`"layer1": thresholds and start`: func(n *snn.Network, _ *images, _ *Options) { n.Layers[1].Neuron.Threshold[0] = 2 },
		`image 2`:                        func(_ *snn.Network, x *images, _ *Options) { x.data[2][5] = float32(math.Inf(1)) },
		`layer "layer0", image 0: element `: func(n *snn.Network, x *images, _ *Options) {
			for i := range x.data[0] {
				x.data[0][i] = 3e38
			}
		},
	} {
		net, x := residual(rnd), randomImages(rnd, 3)
		o := options(net, 4)
		spoil(net, &x, &o)
		if _, _, err := Network(t.Context(), net, x, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want error %q, got %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	net := residual(rnd)
	if _, _, err := Network(ctx, net, randomImages(rnd, 3), options(net, 4)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A mean that only the classifier takes is composed with it, whatever its windows, and no
// other.
func TestComposedMeans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		net := residual(rnd)
		mean := &net.Layers[len(net.Layers)-2]
		k := &snn.AveragePool{Window: tensor.Square(3, 1+rnd.IntN(2), rnd.IntN(2)), CountPad: rnd.IntN(2) == 0, Scale: 0.5}
		if rnd.IntN(2) == 0 {
			k.Scales = make([]float32, mean.Shape[0])
			for c := range k.Scales {
				k.Scales[c] = rnd.Float32()
			}
		}
		shape, err := k.Out(net.ShapeOf(mean.Synapses[0].From))
		if err != nil {
			rt.Fatal(err)
		}
		mean.Shape, mean.Bias = shape, nil
		mean.Synapses[0].Connection = k
		w := tensor.New(5, shape.Len())
		for j := range w.Data {
			w.Data[j] = float32(rnd.NormFloat64())
		}
		net.Output().Synapses[0].Connection = &snn.Dense{Weight: w}
		o := options(net, 8)
		got, lambda := composeMeans(net, &o)
		if err := got.Validate(); err != nil {
			rt.Fatal(err)
		}
		if len(got.Layers) != len(net.Layers)-1 || len(lambda) != len(got.Layers) {
			rt.Fatalf("%d layers and %d lambdas of %d", len(got.Layers), len(lambda), len(net.Layers))
		}
		image := make([]float32, net.Input.Shape.Len())
		for j := range image {
			image[j] = rnd.Float32()
		}
		last := func(n *snn.Network) []float64 {
			r, err := sim.Rates(t.Context(), n, image, nil)
			if err != nil {
				rt.Fatal(err)
			}
			return r[len(r)-1]
		}
		a, b := last(net), last(got)
		for c := range a {
			if d := math.Abs(a[c] - b[c]); d > 1e-5*(1+math.Abs(a[c])) {
				rt.Errorf("class %d: %v, and %v composed", c, a[c], b[c])
			}
		}
		for why, change := range map[string]func(n *snn.Network, o *Options){
			"a bias":  func(n *snn.Network, _ *Options) { n.Layers[7].Bias = slices.Repeat([]float32{1}, shape[0]) },
			"a bound": func(n *snn.Network, o *Options) { o.Activations = map[string]Activation{n.Layers[7].Name: {Max: 1}} },
			"another source": func(n *snn.Network, _ *Options) {
				n.Layers[7].Synapses = append(n.Layers[7].Synapses, n.Layers[7].Synapses[0])
			},
		} {
			other, o := cloned(net), o
			change(other, &o)
			if kept, _ := composeMeans(other, &o); len(kept.Layers) != len(net.Layers) {
				rt.Errorf("a mean with %s is composed", why)
			}
		}
	})
}
