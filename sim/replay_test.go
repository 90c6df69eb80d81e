package sim

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// A network whose first layers only replay what they did before answers as it would have done.
func TestReplay(t *testing.T) {
	replayed := 0
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		net := spiking.Network(rnd.IntN, rnd)
		const T = 9
		p, err := Compile(net, Options{Timesteps: T, Workers: 1 + int(seed%3)})
		if err != nil {
			t.Fatal(err)
		}
		masks := make([][][]uint64, len(net.Layers))
		e := p.NewEngine()
		e.Probe = func(s Spikes) { masks[s.Layer] = append(masks[s.Layer], append([]uint64(nil), s.Bits...)) }
		again := p.NewEngine()
		from := rnd.IntN(len(net.Layers)) // The first layer that is simulated again.
		for j := range from {
			masks[j] = make([][]uint64, T)
			words := net.Layers[j].Shape.Len() / net.Layers[j].Shape[0] * ((net.Layers[j].Shape[0] + 63) / 64)
			masks[j][0] = make([]uint64, words)
			err := again.Replay(j, masks[j])
			if refused := net.Integer() || net.Schedule != snn.Synchronous; refused != (err != nil) {
				t.Fatalf("seed %d: error %v", seed, err)
			} else if refused {
				from = 0
				break
			}
		}
		for image := range 2 {
			x := make([]float32, net.Input.Shape.Len())
			for j := range x {
				x[j] = float32(rnd.IntN(9)-4) / 4
			}
			for j := range masks {
				masks[j] = masks[j][:0]
			}
			want, err := e.Run(t.Context(), x, image)
			if err != nil {
				t.Fatal(err)
			}
			got, err := again.Run(t.Context(), x, image)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Counts, want.Counts) || !reflect.DeepEqual(got.Potential, want.Potential) {
				t.Errorf("seed %d, from layer %d of %d: another answer", seed, from, len(net.Layers))
			}
		}
		if from > 0 {
			replayed++
			if !again.omits(0) {
				t.Errorf("seed %d: the first layer is simulated again", seed)
			}
		}
	}
	if replayed < 50 {
		t.Errorf("%d networks with layers that are replayed", replayed)
	}
	if err := (&Engine{plan: &Plan{net: &snn.Network{}}}).Replay(0, nil); err == nil {
		t.Error("a layer that is not there: no error")
	}
}
