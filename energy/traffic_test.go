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
	var sum energy.Traffic
	for i := range got.Entries {
		to, from := reflect.ValueOf(&sum).Elem(), reflect.ValueOf(*rounded(&got.Entries[i].Traffic, images))
		for f := range to.NumField() {
			to.Field(f).SetFloat(to.Field(f).Float() + from.Field(f).Float())
		}
	}
	compareEntry(t, what, &energy.Entry{Kind: "sum", Traffic: got.Traffic}, &sum, images)
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
			kinds[fmt.Sprintf("%v %v %s", net.Schedule, net.Coding, e.Kind)]++
		}
	}
	for _, way := range []string{"synchronous rate", "phased rate", "phased first-spike"} {
		for _, kind := range []string{"max pool", "average pool"} {
			if kinds[way+" "+kind] < 2 {
				t.Errorf("no %s in networks that are %s; there are %v", kind, way, kinds)
			}
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
