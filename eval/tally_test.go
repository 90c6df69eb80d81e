package eval

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// twoLayers is a network that only names its layers; nothing runs it.
func twoLayers() *snn.Network {
	return &snn.Network{Name: "tiny", Layers: []snn.Layer{
		{Name: "relu", Shape: tensor.Shape{4, 1, 1}, Lambda: 2, Synapses: []snn.Synapse{{Connection: &snn.Conv{}}, {Connection: &snn.Shortcut{}}}},
		{Name: "fc", Shape: tensor.Shape{2, 1, 1}, Lambda: 3, Synapses: []snn.Synapse{{Connection: &snn.Dense{}}}},
	}}
}

// Three timesteps of two classes: class 0 by potential, then 1, then 1.
func threeSteps() *sim.Record {
	return &sim.Record{
		Timesteps: 3, Classes: 2,
		Counts:    []uint32{0, 0, 0, 1, 1, 2},
		Potential: []float32{0.5, 0.25, 0.75, 0, 0, 0},
		Current:   []float32{1, 0, 2, 1, 3, 2},
		Spikes:    [][]uint32{{1, 2, 3}, {0, 1, 2}},
		ACs:       [][]uint64{{10, 20, 30}, {1, 2, 3}},
		MACs:      7,
	}
}

func TestTally(t *testing.T) {
	a := newTally(CountPotential, snn.Synchronous, 3, 2)
	a.add(0, 1, 1, threeSteps()) // Both networks are right in the end.
	a.add(1, 0, 1, threeSteps()) // The spiking one is right at first only; the trained one never.
	r := a.result(twoLayers(), 3*time.Second)
	want := &Result{
		Model: "tiny", Images: 2, Timesteps: 3, Latency: 3,
		TrainedTop1: 0.5,
		SpikingTop1: []float64{0.5, 0.5, 0.5},
		Agreement:   []float64{0, 1, 1},
		Lost:        []int{1, 0, 0},
		Gained:      []int{1, 0, 0},
		Layers: []Layer{
			{Name: "relu", Kind: "conv+shortcut", Neurons: 4, Lambda: 2, Rate: 0.5, SpikesPerImage: 6, ACsPerImage: 60, SpikesAt: []float64{1, 2, 3}, ACsAt: []float64{10, 20, 30}},
			{Name: "fc", Kind: "dense", Neurons: 2, Lambda: 3, Rate: 0.5, SpikesPerImage: 3, ACsPerImage: 6, SpikesAt: []float64{0, 1, 2}, ACsAt: []float64{1, 2, 3}},
		},
		SpikesPerImage: []float64{1, 4, 9}, ACsPerImage: []float64{11, 33, 66}, MACsPerImage: 7,
		Seconds:     3,
		Predictions: Predictions{Image: []int{0, 1}, Label: []int{1, 0}, Trained: []int{1, 1}, Spiking: []int{1, 1}, Turns: [][]int{{2}, {1, 2}}},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestPredictionAt(t *testing.T) {
	p := prediction{Changes: []change{{0, 7}, {3, 1}, {5, 7}}}
	for step, want := range []int{7, 7, 7, 1, 1, 7, 7} {
		if got := p.At(step); got != want {
			t.Errorf("At(%d): got %d, want %d", step, got, want)
		}
	}
	if got := p.SNN(); got != 7 {
		t.Errorf("SNN: got %d, want 7", got)
	}
}

// Any split of the images over workers, in any order, gives the same result.
func TestMergeIsIndependentOfSplit(t *testing.T) {
	const images, T = 40, 12
	rnd := rand.New(rand.NewPCG(3, 4))
	records := make([]*sim.Record, images)
	for i := range records {
		records[i] = randomRecord(rnd, T)
	}
	gather := func(workers int, order []int) *Result {
		tallies := make([]*Tally, workers)
		for i := range tallies {
			tallies[i] = newTally(CountPotential, snn.Synchronous, T, 2)
		}
		for _, i := range order {
			tallies[rnd.IntN(workers)].add(i, i%2, i%3%2, records[i])
		}
		for _, b := range tallies[1:] {
			tallies[0].Merge(b)
		}
		return tallies[0].result(twoLayers(), time.Second)
	}
	inOrder := make([]int, images)
	for i := range inOrder {
		inOrder[i] = i
	}
	want := gather(1, inOrder)
	for workers := 1; workers < 6; workers++ {
		if diff := cmp.Diff(want, gather(workers, rnd.Perm(images))); diff != "" {
			t.Errorf("%d workers (-one +got):\n%s", workers, diff)
		}
	}
}

func randomRecord(rnd *rand.Rand, T int) *sim.Record {
	r := &sim.Record{Timesteps: T, Classes: 2, Spikes: make([][]uint32, 2), ACs: make([][]uint64, 2)}
	for range 2 * T {
		r.Counts = append(r.Counts, rnd.Uint32N(4))
		r.Potential = append(r.Potential, float32(rnd.IntN(17)-8)/8)
		r.Current = append(r.Current, float32(rnd.IntN(17)-8)/8)
	}
	for l := range 2 {
		for range T {
			r.Spikes[l] = append(r.Spikes[l], rnd.Uint32N(100))
			r.ACs[l] = append(r.ACs[l], rnd.Uint64N(1000))
		}
	}
	return r
}

// tinyResult is that of two layers on two images.
func tinyResult() *Result {
	a := newTally(CountPotential, snn.Synchronous, 3, 2)
	a.add(0, 1, 1, threeSteps())
	a.add(1, 0, 1, threeSteps())
	r := a.result(twoLayers(), 3*time.Second)
	r.Complete = true
	return r
}
