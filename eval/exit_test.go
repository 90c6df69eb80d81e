package eval

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/exit"
	"sresnet/sim"
	"sresnet/snn"
)

func learned(t testing.TB, images Images, epsilon float64, o Options) *exit.Rule {
	t.Helper()
	g, net := testNetworks(t.(*testing.T))
	r, err := LearnExit(t.Context(), g, net, images, epsilon, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An evaluation with a rule says what stopping by it gives, held here against the records
// of the images one by one, and is otherwise that without.
func TestExit(t *testing.T) {
	const T = 48
	images := newTestImages(150)
	for _, readout := range []Readout{CountPotential, Count, Potential} {
		o := Options{Sim: sim.Options{Timesteps: T}, Readout: readout}
		plain := evaluate(t, images, o)
		o.Exit = learned(t, newTestImages(120), 0.05, o)
		r := evaluate(t, images, o)
		got := r.Exit
		if r.Exit = nil; !cmp.Equal(plain, r, ignoreTime) {
			t.Errorf("%v: a rule changes the rest of the result:\n%s", readout, cmp.Diff(plain, r, ignoreTime))
		}

		g, net := testNetworks(t)
		e, err := New(g, net, images, o)
		if err != nil {
			t.Fatal(err)
		}
		w := e.newWorker(e.plan)
		want := &Exit{Rule: *o.Exit, Answers: Marks(snn.Synchronous, T), StopsAt: make([]int, T)}
		full := 0.
		for i := range images.Len() {
			class, rec, err := w.run(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			var classes []int
			at := -1
			for step := range T {
				k, gap := readout.Answer(rec.At(step))
				classes = append(classes, k)
				if at < 0 && (step == T-1 || gap > o.Exit.Beta[step]) {
					at = step
				}
			}
			early := 0.
			for _, k := range classes[at:] {
				if k != class && at < T-1 {
					early = 1
				}
			}
			share := func(sum *float64, is bool) {
				if is {
					*sum++
				}
			}
			want.StopsAt[at]++
			want.MeanT += float64(at + 1)
			want.Early += early
			share(&want.Top1, classes[at] == images.labels[i])
			share(&full, classes[T-1] == images.labels[i])
			share(&want.Agreement, classes[at] == class)
			share(&want.Same, classes[at] == classes[T-1])
			for l := range rec.Spikes {
				for step := range at + 1 {
					want.SpikesPerImage += float64(rec.Spikes[l][step])
					want.ACsPerImage += float64(rec.ACs[l][step])
				}
			}
		}
		want.Loss = full - want.Top1
		for _, x := range []*float64{&want.MeanT, &want.Early, &want.Top1, &want.Loss, &want.Agreement, &want.Same, &want.SpikesPerImage, &want.ACsPerImage} {
			*x /= 150
		}
		by := 0
		for step, n := range want.StopsAt {
			for q, k := range []int{38, 75, 113} { // A quarter of 150, rounded up, and so on.
				if by < k && by+n >= k {
					want.Quartiles[q] = step + 1
				}
			}
			by += n
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: exit (-want +got):\n%s", readout, diff)
		}
		if got.MeanT > 0.9*T || got.MeanT < 2 {
			t.Errorf("%v: images stop at %v of %d: nothing is tested", readout, got.MeanT, T)
		}
	}
}

// A rule that no gap reaches never stops, one that any gap does stops at once: that is the
// result at T and at 1.
func TestExitBounds(t *testing.T) {
	const T = 20
	images := newTestImages(40)
	rule := &exit.Rule{Images: 100, Beta: make([]float32, T), Stops: make([]int, T)}
	for i := range rule.Beta {
		rule.Beta[i] = float32(math.Inf(1))
	}
	o := Options{Sim: sim.Options{Timesteps: T}, Exit: rule}
	r := evaluate(t, images, o)
	if x := r.Exit; x.MeanT != T || x.Top1 != r.Final() || x.Loss != 0 || x.Same != 1 || x.SpikesPerImage != r.SpikesPerImage[T-1] || x.ACsPerImage != r.ACsPerImage[T-1] || x.Agreement != r.Agreement[T-1] || x.Quartiles != [3]int{T, T, T} {
		t.Errorf("never: got %+v beside %+v", x, r)
	}
	rule.Beta[0] = -1 // Nothing has reached the output: all gaps are 0.
	r = evaluate(t, images, o)
	if x := r.Exit; x.MeanT != 1 || x.Top1 != r.SpikingTop1[0] || x.SpikesPerImage != r.SpikesPerImage[0] || x.ACsPerImage != r.ACsPerImage[0] || x.Agreement != r.Agreement[0] {
		t.Errorf("at once: got %+v beside %+v", x, r)
	}
}

// What a rule and an evaluation with it are does not depend on workers, on blocks of
// timesteps, on the engine or on shards.
func TestExitEverywhereTheSame(t *testing.T) {
	const T = 20
	images, calibration := newTestImages(60), newTestImages(110)
	o := Options{Sim: sim.Options{Timesteps: T}, Workers: 1}
	rule := learned(t, calibration, 0.03, o)
	o.Exit = rule
	want := evaluate(t, images, o)
	rapid.Check(t, func(rt *rapid.T) {
		o := o
		o.Workers = rapid.IntRange(1, 200).Draw(rt, "workers")
		o.Sim.Block = rapid.IntRange(1, T).Draw(rt, "block")
		o.Sim.Reference = rapid.Bool().Draw(rt, "reference")
		if again := learned(t, calibration, 0.03, o); !cmp.Equal(again, rule) {
			rt.Fatalf("the rule (-want +got):\n%s", cmp.Diff(rule, again))
		}
		r := newShards(t, 60, rapid.IntRange(1, 9).Draw(rt, "shards"))
		ctx, cancel := context.WithCancel(t.Context())
		stop := rapid.IntRange(1, 60).Draw(rt, "stop")
		err := newEvaluator(t, images, o).PresentShards(ctx, r, allShards(r), func(done, _ int) {
			if done >= stop {
				cancel()
			}
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			rt.Fatal(err)
		}
		e := newEvaluator(t, images, o)
		if err := e.PresentShards(t.Context(), r, allShards(r), nil); err != nil {
			rt.Fatal(err)
		}
		got, err := e.GatherShards(r)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want.Exit, got.Exit); diff != "" {
			rt.Fatalf("in shards (-want +got):\n%s", diff)
		}
	})
}

// A result with an exit is read back as it was written, and what cannot be is not.
func TestExitJSON(t *testing.T) {
	o := Options{Sim: sim.Options{Timesteps: 12}}
	o.Exit = learned(t, newTestImages(100), 0.1, o)
	r := evaluate(t, newTestImages(30), o)
	var b strings.Builder
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	back, err := ReadResult(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Exit, back.Exit); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	for name, damage := range map[string]func(*Exit){
		"stops":     func(x *Exit) { x.StopsAt[11]++ },
		"negative":  func(x *Exit) { x.StopsAt[0], x.StopsAt[11] = -1, x.StopsAt[11]+1+x.StopsAt[0] },
		"steps":     func(x *Exit) { x.StopsAt = append(x.StopsAt, 0) },
		"quartiles": func(x *Exit) { x.Quartiles[1] = 13 },
	} {
		again, err := ReadResult(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		damage(again.Exit)
		var s strings.Builder
		if err := again.WriteJSON(&s); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadResult(strings.NewReader(s.String())); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Counts of shards that were made with a rule are not those without, nor of more images.
func TestExitTally(t *testing.T) {
	images := newTestImages(10)
	plain := Options{Sim: sim.Options{Timesteps: 12}}
	o := plain
	o.Exit = learned(t, newTestImages(100), 0.1, o)
	with, without := tallied(t, images, o), tallied(t, images, plain)
	for name, tt := range map[string]struct {
		o      Options
		t      *Tally
		change func(string) string
	}{
		"a rule is missing": {plain, with, nil},
		"there is no rule":  {o, without, nil},
		"more images":       {o, with, func(s string) string { return strings.Replace(s, `"at":[`, `"at":[1`, 1) }},
	} {
		b, err := json.Marshal(tt.t)
		if err != nil {
			t.Fatal(err)
		}
		s := string(b)
		if tt.change != nil {
			s = tt.change(s)
		}
		if _, err := newEvaluator(t, images, tt.o).ReadTally([]byte(s)); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := newEvaluator(t, images, tt.o).ReadTally(b); (err == nil) != (tt.change != nil) {
			t.Errorf("%s, unchanged: got error %v", name, err)
		}
	}
}

func TestExitErrors(t *testing.T) {
	g, net := testNetworks(t)
	images := newTestImages(100)
	o := Options{Sim: sim.Options{Timesteps: 12}}
	for want, learn := range map[string]func() error{
		"at least 100 are needed":        func() error { _, err := LearnExit(t.Context(), g, net, newTestImages(99), 0.1, o); return err },
		"from 0 to below 1":              func() error { _, err := LearnExit(t.Context(), g, net, images, 1, o); return err },
		"trained network, which is miss": func() error { _, err := LearnExit(t.Context(), nil, net, images, 0.1, o); return err },
		"thresholds of the early exit are for 3 answers, not for 12": func() error {
			_, err := New(g, net, images, Options{Sim: o.Sim, Exit: &exit.Rule{Beta: make([]float32, 3)}})
			return err
		},
		"measured against the trained network": func() error {
			_, err := New(nil, net, images, Options{Sim: o.Sim, Exit: &exit.Rule{Beta: make([]float32, 12)}})
			return err
		},
		"damaged": func() error {
			broken := newTestImages(100)
			broken.before = func(i int) error {
				if i == 77 {
					return errors.New("damaged")
				}
				return nil
			}
			_, err := LearnExit(t.Context(), g, net, broken, 0.1, o)
			return err
		},
	} {
		if err := learn(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
}

// An engine that stops by the rule stops where the evaluation says, with the same answer:
// images that do not change, frames, and random spikes.
func TestExitStopsTheEngine(t *testing.T) {
	const T = 30
	plain, calibration := newTestImages(30), newTestImages(110)
	for name, tt := range map[string]struct {
		images, calibration Images
		encoding            snn.Encoding
	}{
		"direct":  {plain, calibration, snn.Direct},
		"frames":  {framedImages{plain}, framedImages{calibration}, snn.Direct},
		"poisson": {plain, calibration, snn.Poisson},
	} {
		g, net := testNetworks(t)
		if net.Input.Encoding = tt.encoding; tt.encoding == snn.Poisson {
			net.Input.Amplitude = 1
		}
		o := Options{Sim: sim.Options{Timesteps: T, Seed: 7}}
		rule, err := LearnExit(t.Context(), g, net, tt.calibration, 0.2, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Exit = rule
		r, err := Run(t.Context(), g, net, tt.images, o)
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(g, net, tt.images, o)
		if err != nil {
			t.Fatal(err)
		}
		w := e.newWorker(e.plan)
		w.engine.Stop = func(step int, rec *sim.Record) bool {
			_, gap := o.Readout.Answer(rec.At(step))
			return rule.StopsAt(step, gap)
		}
		stops := make([]int, T)
		var spikes, right float64
		for i := range 30 {
			_, rec, err := w.run(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			stops[rec.Timesteps-1]++
			spikes += spikesOf(rec)
			if o.Readout.Class(rec.At(rec.Timesteps-1)) == plain.labels[i] {
				right++
			}
		}
		if !cmp.Equal(stops, r.Exit.StopsAt) || spikes/30 != r.Exit.SpikesPerImage || right/30 != r.Exit.Top1 {
			t.Errorf("%s: stops %v, %v spikes, %v right; the evaluation says %+v", name, stops, spikes/30, right/30, r.Exit)
		}
		if r.Exit.MeanT > 0.98*T {
			t.Errorf("%s: images stop at %v of %d: nothing is tested", name, r.Exit.MeanT, T)
		}
	}
}
