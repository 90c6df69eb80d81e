package eval

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/exit"
	"sresnet/sim"
	"sresnet/snn"
)

// cascaded returns the trained network, a phased one, and options of a cascade of it, of
// T = 3 and then T = 16.
func cascaded(t *testing.T) (*ann.Graph, *snn.Network, Options) {
	t.Helper()
	g, net := testNetworks(t)
	net.Schedule = snn.Phased
	return g, net, Options{Sim: sim.Options{Timesteps: 16}, First: &First{Network: net, Timesteps: 3}}
}

// spikesOf returns all spikes of a record.
func spikesOf(rec *sim.Record) (n float64) {
	for _, layer := range rec.Spikes {
		for _, k := range layer {
			n += float64(k)
		}
	}
	return n
}

// A cascade adds up what both networks do where the first one is not sure, held here
// against evaluations of each by itself and against the records of the images.
func TestCascade(t *testing.T) {
	for _, coding := range []snn.Coding{snn.Rate, snn.FirstSpike} {
		images := newTestImages(150)
		g, net, o := cascaded(t)
		net.Coding = coding
		run := func(o Options) *Result {
			r, err := Run(t.Context(), g, net, images, o)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		alone := o
		alone.First = nil
		plain := run(alone)
		alone.Sim.Timesteps = 3
		small := run(alone)
		rule, err := LearnExit(t.Context(), g, net, newTestImages(120), 0.1, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(rule.Beta) != 2 || rule.Stops[0] == 0 || rule.Stops[1] == 0 {
			t.Errorf("%v: rule %+v, by which nothing is tested", coding, rule)
		}
		o.Exit = rule
		r := run(o)
		got := r.Exit
		if r.Exit = nil; !cmp.Equal(plain, r, ignoreTime) {
			t.Errorf("%v: a cascade changes the rest of the result:\n%s", coding, cmp.Diff(plain, r, ignoreTime))
		}

		e, err := New(g, net, images, o)
		if err != nil {
			t.Fatal(err)
		}
		w := e.newWorker(e.plan)
		stops := make([]int, 2)
		var top1, spikes float64
		for i := range images.Len() {
			_, rec, err := w.run(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			class := o.Readout.Class(rec.At(15))
			again := spikesOf(rec)
			first, err := w.first.Run(t.Context(), images.pixels[i], i)
			if err != nil {
				t.Fatal(err)
			}
			spikes += spikesOf(first)
			k, gap := o.Readout.Answer(first.At(2))
			if gap > rule.Beta[0] {
				stops[0]++
				class = k
			} else {
				stops[1]++
				spikes += again
			}
			if class == images.labels[i] {
				top1++
			}
		}
		if !cmp.Equal(got.StopsAt, stops) || got.Top1 != top1/150 || got.SpikesPerImage != spikes/150 || !cmp.Equal(got.Answers, []int{3, 19}) {
			t.Errorf("%v: got %+v, want stops %v, top-1 %v, %v spikes", coding, got, stops, top1/150, spikes/150)
		}
		if want := float64(3*stops[0]+19*stops[1]) / 150; got.MeanT != want {
			t.Errorf("%v: mean T %v, want %v", coding, got.MeanT, want)
		}
		if got.Loss != float64(r.right(plain.Final())-int(top1))/150 {
			t.Errorf("%v: loss %v of %v", coding, got.Loss, plain.Final())
		}

		// Where all images or none stop, it is one network or both.
		o.Exit = &exit.Rule{Images: 100, Beta: []float32{-1, 0}, Stops: []int{100, 0}}
		if x := run(o).Exit; x.Top1 != small.Final() || x.SpikesPerImage != small.SpikesPerImage[2] || x.ACsPerImage != small.ACsPerImage[2] || x.MeanT != 3 || x.Agreement != small.Agreement[0] {
			t.Errorf("%v, all stop: got %+v, want %+v", coding, x, small)
		}
		o.Exit.Beta[0] = 1e9
		if x := run(o).Exit; x.Top1 != plain.Final() || x.Loss != 0 || x.Same != 1 || x.Early != 0 || x.MeanT != 19 ||
			math.Abs(x.ACsPerImage-small.ACsPerImage[2]-plain.ACsPerImage[15]) > 1e-9 || x.Agreement != plain.Agreement[0] {
			t.Errorf("%v, none stops: got %+v, want %+v and %+v", coding, x, small, plain)
		}
	}
}

// What a cascade learns and gives depends on images and networks alone, in shards too.
func TestCascadeEverywhereTheSame(t *testing.T) {
	images, calibration := newTestImages(40), newTestImages(110)
	g, net, o := cascaded(t)
	o.Workers = 1
	rule, err := LearnExit(t.Context(), g, net, calibration, 0.1, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Exit = rule
	want, err := Run(t.Context(), g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := want.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if back, err := ReadResult(strings.NewReader(b.String())); err != nil || !cmp.Equal(back.Exit, want.Exit) {
		t.Errorf("read back: %v, %+v", err, back)
	}
	rapid.Check(t, func(rt *rapid.T) {
		o := o
		o.Workers = rapid.IntRange(1, 100).Draw(rt, "workers")
		o.Sim.Reference = rapid.Bool().Draw(rt, "reference")
		again, err := LearnExit(t.Context(), g, net, calibration, 0.1, o)
		if err != nil || !cmp.Equal(again, rule) {
			rt.Fatalf("the rule: %v\n%s", err, cmp.Diff(rule, again))
		}
		e, err := New(g, net, images, o)
		if err != nil {
			rt.Fatal(err)
		}
		r := newShards(t, 40, rapid.IntRange(1, 9).Draw(rt, "shards"))
		if err := e.PresentShards(t.Context(), r, allShards(r), nil); err != nil {
			rt.Fatal(err)
		}
		got, err := e.GatherShards(r)
		if err != nil || !cmp.Equal(got.Exit, want.Exit) {
			rt.Fatalf("in shards: %v\n%s", err, cmp.Diff(want.Exit, got.Exit))
		}
	})
}

func TestCascadeErrors(t *testing.T) {
	g, net, good := cascaded(t)
	_, synchronous := testNetworks(t)
	images := newTestImages(100)
	for name, tt := range map[string]struct {
		net   *snn.Network
		first *First
		want  string
	}{
		"none":               {net, nil, "takes another one of fewer timesteps before it"},
		"of one that stops":  {synchronous, good.First, "a synchronous one stops by itself"},
		"of another kind":    {net, &First{synchronous, 3}, "a cascade is of phased networks"},
		"none smaller":       {net, &First{net, 16}, "T = 16 after T = 16"},
		"no timestep at all": {net, &First{net, 0}, "T = 16 after T = 0"},
	} {
		o := good
		o.First = tt.first
		if _, err := LearnExit(t.Context(), g, tt.net, images, 0.1, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("learning, %s: got error %v, want %q", name, err, tt.want)
		}
		o.Exit = &exit.Rule{Beta: make([]float32, 2)}
		if _, err := New(g, tt.net, images, o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want %q", name, err, tt.want)
		}
	}
}
