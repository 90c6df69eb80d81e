package watch

import (
	"fmt"
	"reflect"
	"testing"

	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

func TestThought(t *testing.T) {
	// Class 1, 0, 2, 2, 2: it settles at the third timestep.
	one := &snn.Network{Layers: make([]snn.Layer, 1)}
	rec := &sim.Record{
		Timesteps: 5, Classes: 3,
		Counts:    []uint32{0, 1, 0, 2, 1, 0, 2, 1, 3, 2, 1, 4, 2, 1, 5},
		Potential: make([]float32, 15),
		Current:   []float32{-1, -2, -3, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0},
		ACs:       [][]uint64{{1, 2}, {3, 4}},
	}
	th := newThought(rec, eval.CountPotential, one)
	if th.Settled != 3 || th.Class != 2 || th.additions != 10 || !reflect.DeepEqual(th.Classes, []int{1, 0, 2, 2, 2}) {
		t.Errorf("settled at %d on %d of %v, %d additions", th.Settled, th.Class, th.Classes, th.additions)
	}
	if want := []float64{2, 1, 3}; !reflect.DeepEqual(th.Evidence[2], want) {
		t.Errorf("evidence: got %v, want %v", th.Evidence[2], want)
	}
	th = newThought(rec, eval.Potential, one)
	if th.Settled != 2 || th.Class != 1 {
		t.Errorf("by current: settled at %d on %d", th.Settled, th.Class)
	}
	if got, want := th.above(1), []float64{2, 1, 0}; !reflect.DeepEqual(got, want) {
		t.Errorf("above the least: got %v, want %v", got, want)
	}
}

// newTestThought is one of any size.
func newTestThought(T, classes, layers int, shape tensor.Shape) *Thought {
	th := &Thought{
		Model: "model", Image: "image", Timesteps: T, Latency: T, Settled: 1, ANN: new(int), shape: shape, pixels: make([]float32, shape.Len()),
		className: func(k int) string { return fmt.Sprint("class ", k) },
	}
	for t := range T {
		e := make([]float64, classes)
		e[t%classes] = float64(t)
		th.Evidence, th.Classes = append(th.Evidence, e), append(th.Classes, t%classes)
	}
	for i := range layers {
		l := Layer{Name: fmt.Sprintf("/block%d/block%d.1/Relu", i, i), Neurons: 7, Spikes: make([]uint32, T)}
		for t := range T {
			l.Spikes[t] = uint32((t + i) % 7)
		}
		th.Layers = append(th.Layers, l)
	}
	shortNames(th.Layers)
	return th
}

func TestShortNames(t *testing.T) {
	var layers []Layer
	for _, name := range []string{"relu/Relu", "/layer1/layer1.0/Relu", "/layer1/layer1.0/Relu_1", "fc", "/pool/GlobalAveragePool", "a\x1b[2Jb"} {
		layers = append(layers, Layer{Name: name})
	}
	shortNames(layers)
	var got []string
	for _, l := range layers {
		got = append(got, l.short)
	}
	if want := []string{"relu", "layer1.0 1", "layer1.0 2", "fc", "pool", "a?[2Jb"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
