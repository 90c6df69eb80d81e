package energy_test

import (
	"math/rand/v2"
	"testing"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
)

// framedImages are images of frames, whose mean Image gives.
type framedImages struct {
	*someImages
	frames [][]float32
	n      int
}

func newFramedImages(images *someImages, n int, binary bool) *framedImages {
	rnd := rand.New(rand.NewPCG(8, 9))
	f := &framedImages{someImages: images, n: n}
	for i := range images.pixels {
		x := make([]float32, n*images.shape.Len())
		for j := range x {
			if x[j] = float32(rnd.IntN(2)); !binary {
				x[j] = float32(rnd.IntN(4))
			}
		}
		for p := range images.pixels[i] {
			images.pixels[i][p] = 0
			for k := range n {
				images.pixels[i][p] += x[k*len(images.pixels[i])+p] / float32(n)
			}
		}
		f.frames = append(f.frames, x)
	}
	return f
}

func (f *framedImages) Frames() int                         { return f.n }
func (f *framedImages) Sequence(i int, dst []float32) error { copy(dst, f.frames[i]); return nil }

// Numbers of frames are multiplied with weights at every timestep, spikes add weights, and
// zeros cost nothing.
func TestEnergyOfFrames(t *testing.T) {
	const T, n = 8, 3
	done := 0
	for seed := range uint64(20) {
		binary := seed%2 == 0
		g := newRandomGraph(seed)
		images := newFramedImages(newSomeImages(g.Input.Shape, 3), n, binary)
		stats, err := calibrate.Run(t.Context(), g, images, calibrate.Options{Percentile: 100})
		if err != nil {
			t.Fatal(err)
		}
		net, err := convert.Convert(g, stats, convert.DefaultOptions())
		if err != nil {
			continue
		}
		done++
		r, err := eval.Run(t.Context(), g, net, images, eval.Options{Sim: sim.Options{Timesteps: T}, Workers: 2, Device: testDevice(t)})
		if err != nil {
			t.Fatal(err)
		}
		for l := range net.Layers {
			for j, s := range net.Layers[l].Synapses {
				if s.From != snn.FromInput {
					continue
				}
				var effective, dense uint64
				for p, fan := range fans(net.Input.Shape, net.Layers[l].Shape, s.Connection) {
					dense += fan
					for _, x := range images.frames {
						for step := range T {
							if x[step%n*net.Input.Shape.Len()+p] != 0 {
								effective += fan
							}
						}
					}
				}
				want := energy.Operations{MACs: float64(effective) / 3, DenseMACs: float64(T * dense)}
				if binary {
					want = energy.Operations{ACs: want.MACs, DenseACs: want.DenseMACs}
				}
				got := contribution(t, r.Energy, net.Layers[l].Name, j)
				if got != want {
					t.Errorf("seed %d, binary %v: %+v, want %+v", seed, binary, got, want)
				}
			}
		}
		e := r.Energy
		if e.SNN.ACs != r.ACsPerImage[T-1] || e.SNN.MACs != r.MACsPerImage || binary != (r.MACsPerImage == 0) {
			t.Errorf("seed %d: %v ACs and %v MACs, the result has %v and %v", seed, e.SNN.ACs, e.SNN.MACs, r.ACsPerImage[T-1], r.MACsPerImage)
		}
		if e.MACsAt(T) != e.SNN.MACs || !binary && e.MACsAt(T/2) != e.SNN.MACs/2 {
			t.Errorf("seed %d: MACs %v at T/2 and %v at T of %v", seed, e.MACsAt(T/2), e.MACsAt(T), e.SNN.MACs)
		}
		if c := r.Candidate(T); c.Operations != e.SNN.ACs+e.SNN.MACs || r.Candidate(T/2).Operations >= c.Operations {
			t.Errorf("seed %d: operations %v at T/2 and %v at T", seed, r.Candidate(T/2), c)
		}
	}
	if done < 10 {
		t.Errorf("only %d of 20 networks convert", done)
	}
}

// contribution returns the operations of one synapse of a layer.
func contribution(t *testing.T, a *energy.Accounts, layer string, synapse int) energy.Operations {
	t.Helper()
	for _, c := range a.SNN.Contributions {
		if c.Layer == layer {
			if synapse == 0 {
				return c.Operations
			}
			synapse--
		}
	}
	t.Fatalf("no synapse %d of %s", synapse, layer)
	return energy.Operations{}
}

func testDevice(t *testing.T) *energy.Device {
	t.Helper()
	d, err := energy.OpenDevice(energy.DeviceNames()[0])
	if err != nil {
		t.Fatal(err)
	}
	return d
}
