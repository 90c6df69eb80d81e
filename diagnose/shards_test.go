package diagnose_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/diagnose"
	"sresnet/shard"
	"sresnet/snn"
)

// few returns the subject of other tests with few images.
func few(t *testing.T, n int) diagnose.Subject {
	t.Helper()
	g, m := residual(t)
	s := subject(t, g, m, 99)
	s.Images = &images{shape: m.shape, pixels: m.pixels[:n], labels: m.labels[:n]}
	return s
}

func newDiagnoser(t *testing.T, s diagnose.Subject, o diagnose.Options) *diagnose.Diagnoser {
	t.Helper()
	d, err := diagnose.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func networks(p *diagnose.Trials) func(i int) (*snn.Network, error) {
	return func(i int) (*snn.Network, error) { return p.Networks[i], nil }
}

// inShards does all of w in some shards and processes, each with some of the shards and
// stopped somewhere; then two at once finish it.
func inShards[S shard.Sum[S]](t *testing.T, rt *rapid.T, kind string, w func(workers int) shard.Work[S]) S {
	n := w(1).Images
	r, err := shard.Create(t.TempDir(), shard.Plan{Kind: kind, Images: n, Shards: rapid.IntRange(1, min(n, 9)).Draw(rt, "shards"), Config: json.RawMessage(`{}`)})
	if err != nil {
		rt.Fatal(err)
	}
	for n := rapid.IntRange(0, 4).Draw(rt, "processes"); n > 0; n-- {
		mine := rapid.SliceOfDistinct(rapid.IntRange(0, r.Shards()-1), rapid.ID[int]).Draw(rt, "mine")
		stop := rapid.IntRange(1, 60).Draw(rt, "stop")
		ctx, cancel := context.WithCancel(t.Context())
		before := -1
		err := w(rapid.IntRange(1, 3).Draw(rt, "workers")).Do(ctx, r, mine, func(done, _ int) {
			if before < 0 {
				before = done
			}
			if done-before >= stop {
				cancel()
			}
		})
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			rt.Fatal(err)
		}
		parts, _ := filepath.Glob(filepath.Join(r.Dir(), "shards", "*.part"))
		if len(parts) > 0 && rapid.Bool().Draw(rt, "torn") { // As a machine that fails does.
			name := rapid.SampledFrom(parts).Draw(rt, "part")
			info, err := os.Stat(name)
			if err != nil {
				rt.Fatal(err)
			}
			if err := os.Truncate(name, int64(rapid.IntRange(0, int(info.Size())).Draw(rt, "length"))); err != nil {
				rt.Fatal(err)
			}
		}
	}
	all := make([]int, r.Shards())
	for i := range all {
		all[i] = i
	}
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		wg.Go(func() { errs[i] = w(2).Do(t.Context(), r, all, nil) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		rt.Fatal(err)
	}
	sum, _, err := w(1).Gather(r)
	if err != nil {
		rt.Fatal(err)
	}
	return sum
}

// A diagnosis whose work is stopped anywhere, any number of times, with any number of
// workers, shards and attempts at once, has the bytes of one that is not.
func TestShardsStoppedAnywhere(t *testing.T) {
	t.Run("synchronous", func(t *testing.T) { stoppedAnywhere(t, few(t, 24), diagnose.Options{Timesteps: []int{3, 8}}) })
	t.Run("phased", func(t *testing.T) {
		s := few(t, 24)
		stoppedAnywhere(t, tuned(t, s, snn.FirstSpike, 4), diagnose.Options{Timesteps: []int{4}})
	})
}

func stoppedAnywhere(t *testing.T, s diagnose.Subject, o diagnose.Options) {
	want, err := json.Marshal(run(t, s, o))
	if err != nil {
		t.Fatal(err)
	}
	with := func(workers int) *diagnose.Diagnoser {
		o := o
		o.Workers = workers
		return newDiagnoser(t, s, o)
	}
	p, err := with(2).Plan(t.Context(), whole(t, with(2).Measuring()))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.List) < 10 || len(p.Networks) < 5 {
		t.Fatalf("%d trials of %d networks: too few for a test", len(p.List), len(p.Networks))
	}
	// The list goes through a file.
	b, err := json.Marshal(p.List)
	if err != nil {
		t.Fatal(err)
	}
	p.List = nil
	if err := json.Unmarshal(b, &p.List); err != nil {
		t.Fatal(err)
	}
	// Each takes some tenths of a second, most of them for the disk.
	checks := flag.Lookup("rapid.checks").Value
	before := checks.String()
	if err := checks.Set("15"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checks.Set(before) }()
	rapid.Check(t, func(rt *rapid.T) {
		m := inShards(t, rt, "measure", func(workers int) shard.Work[*diagnose.Measurement] { return with(workers).Measuring() })
		outcomes := inShards(t, rt, "trials", func(workers int) shard.Work[*diagnose.Outcomes] {
			w, err := with(workers).Trying(p.List, networks(p))
			if err != nil {
				rt.Fatal(err)
			}
			return w
		})
		got, err := json.Marshal(with(1).Diagnosis(m, p, outcomes))
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			rt.Fatalf("diagnosis (-whole +in shards):\n%s", diff)
		}
	})
}

// whole does all of w.
func whole[S shard.Sum[S]](t testing.TB, w shard.Work[S]) S {
	t.Helper()
	sum, i := w.New(), -1
	next := func() (int, bool, error) { i++; return i, i < w.Images, nil }
	if err := w.Present(t.Context(), w.Images, next, func(part S) error { sum.Merge(part); return nil }); err != nil {
		t.Fatal(err)
	}
	return sum
}

// What is kept says the same when it is read, and what cannot be of this subject is
// refused.
func TestRead(t *testing.T) {
	s := few(t, 9)
	d := newDiagnoser(t, s, diagnose.Options{Timesteps: []int{4, 8}})
	m := whole(t, d.Measuring())
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Measuring().Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := json.Marshal(again); err != nil || !slices.Equal(b, c) {
		t.Errorf("written again it is another, error %v", err)
	}
	for name, other := range map[string]*diagnose.Diagnoser{
		"fewer images":    newDiagnoser(t, few(t, 8), diagnose.Options{Timesteps: []int{4, 8}}),
		"other timesteps": newDiagnoser(t, s, diagnose.Options{Timesteps: []int{8}}),
	} {
		if _, err := other.Measuring().Read(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}

	p, err := d.Plan(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Trying(p.List, networks(p))
	if err != nil {
		t.Fatal(err)
	}
	outcomes := whole(t, w)
	if b, err = json.Marshal(outcomes); err != nil {
		t.Fatal(err)
	}
	o, err := w.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Diagnosis(m, p, outcomes), d.Diagnosis(again, p, o)); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if w, err = d.Trying(p.List[1:], networks(p)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Read(b); err == nil {
		t.Error("fewer trials: no error")
	}
	for _, bad := range []string{`{"done":[[0,2]],"right":[[1,3]]}`, `{"done":[[-1,2]]}`, `{"done":[[2,1]]}`, `{"done":[[0,2],[1,3]]}`, `{"done":[[0,9223372036854775807]]}`} {
		if _, err := w.Read([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// A list of trials from a file may hold anything.
func TestTryingErrors(t *testing.T) {
	s := few(t, 2)
	d := newDiagnoser(t, s, diagnose.Options{Timesteps: []int{4}})
	for _, list := range []string{
		`[{"change":"a","timesteps":0,"index":-1}]`,
		`[{"change":"a","timesteps":1000000000,"index":-1}]`,
		`[{"change":"a","timesteps":4,"network":-1,"index":-1}]`,
		`[{"change":"a","timesteps":4,"index":-2}]`,
		`[{"change":"a","timesteps":4,"index":99,"layer":"relu1"}]`,
		`[{"change":"a","timesteps":4,"index":1,"layer":"relu1"}]`,
		`[{"change":"a","timesteps":4,"index":-1,"kind":"replaced"}]`,
	} {
		var trials []diagnose.Trial
		if err := json.Unmarshal([]byte(list), &trials); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Trying(trials, nil); err == nil || !strings.Contains(err.Error(), `trial 0, "a"`) {
			t.Errorf("%s: error %v", list, err)
		}
	}
	broken := errors.New("broken")
	w, err := d.Trying([]diagnose.Trial{{Timesteps: 4, Index: -1, Network: 7}}, func(int) (*snn.Network, error) { return nil, broken })
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	next := func() (int, bool, error) { i++; return i - 1, i <= 2, nil }
	if err := w.Present(t.Context(), 2, next, func(*diagnose.Outcomes) error { return nil }); !errors.Is(err, broken) {
		t.Errorf("a network that cannot be had: error %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"images":[{"index":0,"ann":true,"correct":[true],"layers":[]}],"fired":["AAAAAAAAAAA="]}`))
	f.Add([]byte(`{"done":[[0,2]],"right":[[1,2]]}`))
	f.Add([]byte(`null`))
	var d *diagnose.Diagnoser
	f.Fuzz(func(t *testing.T, b []byte) {
		if d == nil {
			d = newDiagnoser(t, few(t, 2), diagnose.Options{Timesteps: []int{4}})
		}
		if m, err := d.Measuring().Read(b); err == nil {
			if _, err := json.Marshal(m); err != nil {
				t.Error(err)
			}
		}
		w, err := d.Trying([]diagnose.Trial{{Timesteps: 4, Index: -1}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if o, err := w.Read(b); err == nil {
			if _, err := json.Marshal(o); err != nil {
				t.Error(err)
			}
		}
	})
}
