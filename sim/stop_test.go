package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// A run that is stopped leaves the beginning of the record of one that is not, whatever
// the blocks, the workers and the engine, and the next run is as if it had not been.
func TestStop(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		net := spiking.Scheduled(func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }, rnd)
		frames := 1
		if !net.Input.Encoding.Spikes() {
			frames = rapid.IntRange(1, 3).Draw(rt, "frames")
		}
		image := spiking.Frames(net.Input.Shape, frames, rnd)
		T := rapid.IntRange(1, 40).Draw(rt, "timesteps")
		at := rapid.IntRange(0, T-1).Draw(rt, "stop")
		engine := func(o Options) *Engine {
			p, err := Compile(net, o)
			if err != nil {
				rt.Fatal(err)
			}
			return p.NewEngine()
		}
		run := func(e *Engine) *Record {
			present := e.Run
			if frames > 1 {
				present = e.RunFrames
			}
			rec, err := present(t.Context(), image, 3)
			if err != nil {
				rt.Fatal(err)
			}
			return rec
		}
		full := run(engine(Options{Timesteps: T}))
		want := copied(full)
		if net.Schedule != snn.Phased {
			want.end(at+1, newEncoder(&net.Input, image, 0, 3))
		}

		e := engine(Options{
			Timesteps: T, Block: rapid.IntRange(0, T).Draw(rt, "block"), Workers: rapid.IntRange(1, 4).Draw(rt, "workers"),
			Reference: rapid.Bool().Draw(rt, "reference"),
		})
		var asked []int
		e.Stop = func(step int, rec *Record) bool {
			asked = append(asked, step)
			if counts, potential, current := rec.At(step); !slices.Equal(counts, full.Counts[step*full.Classes:][:full.Classes]) ||
				!slices.Equal(potential, full.Potential[step*full.Classes:][:full.Classes]) || !slices.Equal(current, full.Current[step*full.Classes:][:full.Classes]) {
				rt.Errorf("step %d is not there when Stop is asked", step)
			}
			return step == at
		}
		if diff := cmp.Diff(want, copied(run(e))); diff != "" {
			rt.Fatalf("stopped after %d of %d timesteps (-want +got):\n%s", at+1, T, diff)
		}
		for i, step := range asked {
			if step != i {
				rt.Fatalf("asked about steps %v", asked)
			}
		}
		if n := len(asked); n != at+1 && net.Schedule != snn.Phased || n != 0 && net.Schedule == snn.Phased {
			rt.Fatalf("asked %d times, to stop after %d timesteps of a %s network", n, at+1, net.Schedule)
		}
		e.Stop = nil
		if diff := cmp.Diff(copied(full), copied(run(e))); diff != "" {
			rt.Fatalf("the next run (-want +got):\n%s", diff)
		}
	})
}

// copied returns a record of its own.
func copied(r *Record) *Record {
	c := *r
	c.Counts, c.Potential, c.Current = slices.Clone(r.Counts), slices.Clone(r.Potential), slices.Clone(r.Current)
	c.Spikes, c.ACs = clones(r.Spikes), clones(r.ACs)
	c.SynapseACs, c.SynapseMACs = clones(r.SynapseACs), clones(r.SynapseMACs)
	return &c
}

func clones[T any](lists [][]T) [][]T {
	c := make([][]T, len(lists))
	for i := range lists {
		c[i] = slices.Clone(lists[i])
	}
	return c
}

// What comes after the block of the stop is not computed.
func TestStopEnds(t *testing.T) {
	net := single(snn.Neuron{Threshold: []float32{1}})
	for _, o := range []Options{{Timesteps: 100, Block: 10}, {Timesteps: 100, Reference: true}} {
		p, err := Compile(net, o)
		if err != nil {
			t.Fatal(err)
		}
		e := p.NewEngine()
		last := 0
		e.Probe = func(s Spikes) { last = s.Step }
		e.Stop = func(step int, _ *Record) bool { return step == 33 }
		rec, err := e.Run(t.Context(), []float32{0.5}, 0)
		if err != nil || rec.Timesteps != 34 {
			t.Errorf("%+v: got %d timesteps, %v, want 34", o, rec.Timesteps, err)
		}
		if want := 39; last > want {
			t.Errorf("%+v: went on to step %d, want %d", o, last, want)
		}
	}
}
