package benchmark

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"sresnet/internal/kernel"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// newNetwork returns two layers of IF neurons. Shown ones, of the two neurons of the first one
// fires at every timestep and one at every second; that of the other fires with the former.
func newNetwork(t *testing.T) *snn.Network {
	t.Helper()
	layer := func(name string, from int, weights *tensor.Tensor) snn.Layer {
		l := snn.Layer{
			Name: name, Shape: tensor.Shape{weights.Shape[0], 1, 1}, Charge: 1, Lambda: 1,
			Synapses: []snn.Synapse{{From: from, Connection: &snn.Dense{Weight: weights}}},
		}
		l.Neuron.Threshold = []float32{1}
		return l
	}
	net := &snn.Network{
		Name:  "net",
		Input: snn.Input{Shape: tensor.Shape{2, 1, 1}},
		Layers: []snn.Layer{
			layer("a", snn.FromInput, tensor.Of([]float32{1, 0, 0, 0.5}, 2, 2)),
			layer("b", 0, tensor.Of([]float32{1, 0}, 1, 2)),
		},
	}
	if err := net.Validate(); err != nil {
		t.Fatal(err)
	}
	return net
}

// What is counted follows from the network; what is measured is above nothing.
func TestRun(t *testing.T) {
	images := make([][]float32, 3)
	for i := range images {
		images[i] = []float32{1, 1}
	}
	var progress []int
	r, err := Run(t.Context(), Options{
		Network: newNetwork(t), Images: images, Sim: sim.Options{Timesteps: 4}, Workers: 2, Rounds: 3,
		Progress: func(done, total int) { progress = append(progress, done, total) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 3, 2, 3, 3, 3}; !slices.Equal(progress, want) {
		t.Errorf("progress: got %v, want %v", progress, want)
	}
	if r.Images != 3 || r.Timesteps != 4 || r.Workers != 2 || r.Rounds != 3 || r.Implementation != kernel.Implementation() || r.DenseMACs != 0 || r.DenseMillis != 0 {
		t.Errorf("got %+v", r)
	}
	if r.Latency != 4 || r.Schedule != "" {
		t.Errorf("latency %d, schedule %q", r.Latency, r.Schedule)
	}
	if r.SpikesPerStep != 2.5 || r.Rate != 2.5/3 || r.ACsPerStep != 1.5 {
		t.Errorf("%v spikes and %v additions per step, rate %v", r.SpikesPerStep, r.ACsPerStep, r.Rate)
	}
	if r.One.Workers != 1 || r.All.Workers != 2 || r.Shared.Workers != 2 || r.One.PerDensePass != 0 || len(r.Layers) != 2 || r.Layers[0].Rate != 0.75 {
		t.Errorf("got %+v, all %+v, one image %+v", r, r.All, r.Shared)
	}
	b, err := json.Marshal(r)
	if err != nil || strings.Contains(string(b), "dense_ms") || !strings.Contains(string(b), `"one_image":{"workers":2,`) {
		t.Errorf("JSON: error %v, %s", err, b)
	}
	for _, o := range []Options{{Workers: 1, Rounds: 1}, {Images: images, Rounds: 1}, {Images: images, Workers: 1}, {Images: images, Workers: 1, Rounds: MaxRounds + 1}} {
		if _, err := Run(t.Context(), o); err == nil {
			t.Errorf("no error for %d images, %d workers, %d rounds", len(o.Images), o.Workers, o.Rounds)
		}
	}
}

// A phased network has as many image-steps as a synchronous one of the same T, and says
// how many more timesteps its answer takes.
func TestRunPhased(t *testing.T) {
	net := newNetwork(t)
	net.Schedule, net.Coding = snn.Phased, snn.FirstSpike
	r, err := Run(t.Context(), Options{Network: net, Images: [][]float32{{1, 1}}, Sim: sim.Options{Timesteps: 4}, Workers: 2, Rounds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Latency != 12 || r.Schedule != "phased" || r.Coding != "first-spike" || r.Timesteps != 4 || r.SpikesPerStep != 0.75 || !(r.One.Speed > 0) {
		t.Errorf("got %+v", r)
	}
}

// Figures are those of times that are known: 24 image-steps in a median of 12 ms.
func TestFinish(t *testing.T) {
	b := &bench{
		Options: Options{Network: newNetwork(t), Images: make([][]float32, 6), Sim: sim.Options{Timesteps: 4}, Workers: 2, Rounds: 3},
		conv:    []float64{1, 9, 2}, one: []float64{0.012, 0.012, 1}, all: []float64{0.006, 0.001, 0.1}, together: []float64{0.008, 0.008, 0.008},
		shared: new(sim.Engine), methods: []sim.Method{{Layer: "a", Name: "dense"}, {Layer: "b"}},
		spikes: []float64{2, 0}, acs: []float64{0, 6}, spent: []time.Duration{9 * time.Millisecond, 27 * time.Millisecond},
	}
	r := &Result{SpikesPerStep: 5, ACsPerStep: 10}
	b.finish(r)
	near := func(name string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	near("convolution", r.ConvGFLOPS, 2)
	near("speed", r.One.Speed, 2000)
	near("a step", r.One.StepMicros, 500)
	near("a spike", r.One.SpikeNanos, 100_000)
	near("additions", r.One.GSynAdd, 10/500e-6/1e9)
	near("a spike with two workers", r.All.SpikeNanos, 100_000)
	near("two workers", r.All.SpeedUp, 2)
	near("one image", r.Shared.SpeedUp, 1.5)
	near("share", r.Layers[1].Share, 0.75)
	near("step of a layer", r.Layers[0].StepMicros, 125)
	near("additions of a layer", r.Layers[1].GSynAdd, 6/375e-6/1e9)
}

// Random images are the same ones whenever they are made.
func TestRandom(t *testing.T) {
	r := Random{tensor.Shape{1, 2, 3}, 2}
	x, y, z := make([]float32, 6), make([]float32, 6), make([]float32, 6)
	for i, dst := range [][]float32{x, y} {
		if err := r.Image(i, dst); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Image(0, z); err != nil || r.Len() != 2 || slices.Equal(x, y) || !slices.Equal(x, z) {
		t.Errorf("error %v, %d images: %v, %v, %v", err, r.Len(), x, y, z)
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{5}, 5},
		{[]float64{4, 1}, 2.5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{9, 1, 4, 2}, 3},
	} {
		x := slices.Clone(tt.x)
		if got := Median(x); got != tt.want {
			t.Errorf("Median(%v): got %v, want %v", tt.x, got, tt.want)
		}
		if !slices.Equal(x, tt.x) {
			t.Errorf("Median(%v) changed it to %v", tt.x, x)
		}
	}
}
