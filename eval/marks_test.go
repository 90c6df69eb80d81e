package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/sim"
	"sresnet/snn"
)

// A synchronous network has an answer after every timestep, a phased one at its end.
func TestMarks(t *testing.T) {
	for _, tt := range []struct {
		schedule string
		want     []int
	}{{"", []int{1, 2, 3}}, {"phased", []int{3}}} {
		r := &Result{Timesteps: 3, Schedule: tt.schedule}
		if got := r.Marks(); !slices.Equal(got, tt.want) {
			t.Errorf("%q: marks %v, want %v", tt.schedule, got, tt.want)
		}
		for T := range 5 {
			if got, want := r.Mark(T), slices.Index(tt.want, T); got != want {
				t.Errorf("%q: mark of %d is %d, want %d", tt.schedule, T, got, want)
			}
		}
	}
}

// What is said of a phased network is of the end of its window: one accuracy, one line of
// the table, one T to choose, which are those of its record. Tallies and results survive
// their files, and parts add up to the whole.
func TestPhased(t *testing.T) {
	const T = 12
	images := newTestImages(60)
	g, net := testNetworks(t)
	net.Schedule = snn.Phased
	for _, net.Coding = range []snn.Coding{snn.Rate, snn.FirstSpike} {
		o := Options{Sim: sim.Options{Timesteps: T}, Workers: 3}
		r, err := Run(t.Context(), g, net, images, o)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := sim.Compile(net, o.Sim)
		if err != nil {
			t.Fatal(err)
		}
		engine, pixels, right, spikes := plan.NewEngine(), make([]float32, images.Shape().Len()), 0, 0
		for i := range images.Len() {
			if err := images.Image(i, pixels); err != nil {
				t.Fatal(err)
			}
			rec, err := engine.Present(t.Context(), images, i, pixels)
			if err != nil {
				t.Fatal(err)
			}
			if CountPotential.Class(rec.At(T-1)) == images.Label(i) {
				right++
			}
			for _, layer := range rec.Spikes {
				for _, n := range layer {
					spikes += int(n)
				}
			}
		}
		if want := float64(right) / 60; len(r.SpikingTop1) != 1 || r.Final() != want || len(r.Agreement) != 1 {
			t.Errorf("%v: accuracies %v, want one of %v", net.Coding, r.SpikingTop1, want)
		}
		if p := r.Point(T); p.Top1 != r.Final() || p.Spikes != float64(spikes)/60 || p.ACs != r.ACsPerImage[T-1] {
			t.Errorf("%v: point %+v, want %v spikes", net.Coding, p, float64(spikes)/60)
		}
		if r.Latency != 3*T || r.Schedule != "phased" || r.Coding != net.Coding.String() {
			t.Errorf("%v: %s, %s, latency %d", net.Coding, r.Schedule, r.Coding, r.Latency)
		}
		if c := r.Choose(); c.Recommended != T || c.Best != T || !slices.Equal(c.Pareto, []int{T}) || len(c.Within) != 0 || !strings.Contains(c.Reason, "at the end of its window") {
			t.Errorf("%v: choice %+v", net.Coding, c)
		}
		var table bytes.Buffer
		if err := r.WriteAccuracy(&table); err != nil || strings.Count(table.String(), "\n") != 2 || !strings.Contains(table.String(), "\n12,") {
			t.Errorf("%v: error %v, table\n%s", net.Coding, err, table.String())
		}
		if at := r.EvidenceAt(); len(r.Changed) == 0 || !slices.Equal(at, []int{T}) || len(r.Changed[0].Evidence) != 1 {
			t.Errorf("%v: %d images changed, evidence at %v", net.Coding, len(r.Changed), at)
		}

		var file bytes.Buffer
		if err := r.WriteJSON(&file); err != nil {
			t.Fatal(err)
		}
		again, err := ReadResult(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		again.Changed = r.Changed // Which are in a file of their own.
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("%v: read again (-want +got):\n%s", net.Coding, diff)
		}
		for _, damaged := range []string{`"latency":37`, `"latency":11`, `"schedule":"serial"`, `"schedule":"synchronous"`} {
			key, _, _ := strings.Cut(damaged, ":")
			was := map[string]string{`"latency"`: `"latency":36`, `"schedule"`: `"schedule":"phased"`}[key]
			if _, err := ReadResult(strings.NewReader(strings.Replace(file.String(), was, damaged, 1))); err == nil {
				t.Errorf("%v: no error for %s", net.Coding, damaged)
			}
		}

		// In parts, through their files.
		e, err := New(g, net, images, o)
		if err != nil {
			t.Fatal(err)
		}
		sum, next := e.NewTally(), -1
		err = e.Present(t.Context(), 60, func() (int, bool, error) { next++; return next, next < 60, nil }, func(part *Tally) error {
			b, err := json.Marshal(part)
			if err != nil {
				return err
			}
			if part, err = e.ReadTally(b); err == nil {
				sum.Merge(part)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, e.Result(sum, 0), ignoreTime); diff != "" {
			t.Errorf("%v: from parts (-want +got):\n%s", net.Coding, diff)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Run(ctx, g, net, images, Options{Sim: sim.Options{Timesteps: T}}); err == nil || r != nil {
		t.Errorf("cancelled: %v, %v", r, err)
	}
}
