package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// Frame t enters at step t, and after the last the first again.
func TestFramesEnterInOrder(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	for _, reference := range []bool{false, true} {
		tr := run(t, net, Options{Timesteps: 7, Reference: reference}, []float32{1, 0, 0}, 0)
		if want := [][]uint32{{1, 0, 0, 1, 0, 0, 1}}; !cmp.Equal(tr.Record.Spikes, want) {
			t.Errorf("spikes %v, want %v", tr.Record.Spikes, want)
		}
		tr = run(t, net, Options{Timesteps: 2, Reference: reference}, []float32{0, 1, 1}, 0) // Cut off.
		if want := [][]uint32{{0, 1}}; !cmp.Equal(tr.Record.Spikes, want) {
			t.Errorf("spikes %v, want %v", tr.Record.Spikes, want)
		}
	}
}

// Frames that are all alike cause the spikes of the image, but enter at every timestep:
// products with numbers, or additions of spikes.
func TestEqualFrames(t *testing.T) {
	const T = 12
	for seed := range uint64(40) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		net := spiking.Network(rnd.IntN, rnd)
		net.Input.Encoding = snn.Direct
		image := spiking.Image(net.Input.Shape, rnd)
		binary := seed%2 == 0
		if binary {
			for i := range image {
				image[i] = float32(rnd.IntN(3)-1) / 2
			}
		}
		o := Options{Timesteps: T, Workers: 1 + rnd.IntN(3)}
		want, got := run(t, net, o, image, 0), run(t, net, o, slices.Repeat(image, 1+1+rnd.IntN(3)), 0)
		if d := cmp.Diff(want.Bits, got.Bits); d != "" {
			t.Fatalf("seed %d: spikes of an image and of equal frames:\n%s", seed, d)
		}
		macs, acs := T*want.Record.MACs, uint64(0)
		if binary {
			macs, acs = 0, macs
		}
		var more uint64
		for l := range got.Record.SynapseACs {
			for j := range got.Record.SynapseACs[l] {
				more += got.Record.SynapseACs[l][j] - want.Record.SynapseACs[l][j]
			}
		}
		if got.Record.MACs != macs || more != acs {
			t.Errorf("seed %d: %d MACs and %d ACs of frames, want %d and %d", seed, got.Record.MACs, more, macs, acs)
		}
		if got.Record.Binary != binary || got.Record.Frames < 2 || want.Record.Frames != 1 {
			t.Errorf("seed %d: frames %d, binary %v", seed, got.Record.Frames, got.Record.Binary)
		}
	}
}

// An engine that has run frames runs images as a new one, and the other way round.
func TestFramesAndImages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 2))
	net := spiking.Network(rnd.IntN, rnd)
	net.Input.Encoding = snn.Direct
	framesAndImages(t, net, rnd)
	for _, k := range imageNetworks(rnd) {
		framesAndImages(t, quantised(t, k, 8, 9), rnd)
	}
}

func framesAndImages(t *testing.T, net *snn.Network, rnd *rand.Rand) {
	t.Helper()
	p, err := Compile(net, Options{Timesteps: 9})
	if err != nil {
		t.Fatal(err)
	}
	image, frames := spiking.Image(net.Input.Shape, rnd), spiking.Frames(net.Input.Shape, 3, rnd)
	used := p.NewEngine()
	for range 2 {
		for _, x := range [][]float32{image, frames} {
			of := func(e *Engine) string {
				present := e.Run
				if len(x) > len(image) {
					present = e.RunFrames
				}
				rec, err := present(t.Context(), x, 0)
				if err != nil {
					t.Fatal(err)
				}
				return fmt.Sprintf("%+v", *rec)
			}
			if a, b := of(used), of(p.NewEngine()); a != b {
				t.Errorf("a used engine differs from a new one:\n%s\n%s", a, b)
			}
		}
	}
}

func TestRunFramesErrors(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	net.Input.Encoding, net.Input.Amplitude = snn.Poisson, 1
	for _, reference := range []bool{false, true} {
		p, err := Compile(net, Options{Timesteps: 4, Reference: reference})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.NewEngine().RunFrames(t.Context(), []float32{1, 0}, 0); err == nil {
			t.Error("frames for Poisson spikes: no error")
		}
	}
	rnd := rand.New(rand.NewPCG(5, 2))
	wide := spiking.Network(rnd.IntN, rnd)
	wide.Input.Encoding = snn.Direct
	p, err := Compile(wide, Options{Timesteps: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, wide.Input.Shape.Len() + 1} {
		if _, err := p.NewEngine().RunFrames(t.Context(), make([]float32, n), 0); err == nil {
			t.Errorf("%d elements for frames of %d: no error", n, wide.Input.Shape.Len())
		}
	}
}

// sequences are images of frames, each of one number.
type sequences struct{ frames, read int }

func (s *sequences) Frames() int                { return s.frames }
func (s *sequences) Image(int, []float32) error { panic("the pixels are there") }
func (s *sequences) Sequence(i int, x []float32) error {
	s.read++
	for f := range x {
		x[f] = float32((f + i) % 2)
	}
	return nil
}

// Present takes the frames of images that have several, and else the pixels given.
func TestPresent(t *testing.T) {
	p, err := Compile(single(snn.Neuron{Threshold: []float32{1}}), Options{Timesteps: 3})
	if err != nil {
		t.Fatal(err)
	}
	e := p.NewEngine()
	for _, tt := range []struct {
		frames, i int
		want      []uint32
	}{{1, 0, []uint32{1, 1, 1}}, {2, 0, []uint32{0, 1, 0}}, {2, 1, []uint32{1, 0, 1}}, {3, 0, []uint32{0, 1, 0}}} {
		images := &sequences{frames: tt.frames}
		rec, err := e.Present(t.Context(), images, tt.i, []float32{1})
		if err != nil || !slices.Equal(rec.Spikes[0], tt.want) || (images.read > 0) != (tt.frames > 1) {
			t.Errorf("%d frames, image %d: %v, want %v; error %v", tt.frames, tt.i, rec.Spikes[0], tt.want, err)
		}
	}
}
