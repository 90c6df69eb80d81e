package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/shard"
)

func newEvaluator(t testing.TB, images Images, o Options) *Evaluator {
	t.Helper()
	tt, ok := t.(*testing.T)
	if !ok {
		t.Fatal("not a test")
	}
	g, net := testNetworks(tt)
	e, err := New(g, net, images, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func newShards(t testing.TB, images, shards int) *shard.Run {
	t.Helper()
	r, err := shard.Create(t.TempDir(), shard.Plan{Kind: PlanKind, Images: images, Shards: shards, Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func allShards(r *shard.Run) []int {
	list := make([]int, r.Shards())
	for i := range list {
		list[i] = i
	}
	return list
}

// A run that is stopped anywhere, any number of times, with any number of workers,
// shards and attempts at once, has the result of one that is not, and files of
// shards with the same bytes but for the times.
func TestShardsStoppedAnywhere(t *testing.T) {
	images := newTestImages(60)
	o := Options{Workers: 2}
	o.Sim.Timesteps = 20
	want := evaluate(t, images, o)
	rapid.Check(t, func(rt *rapid.T) {
		r := newShards(t, 60, rapid.IntRange(1, 9).Draw(rt, "shards"))
		// Each process has some of the shards, or all, and is stopped after some images.
		for n := rapid.IntRange(0, 6).Draw(rt, "processes"); n > 0; n-- {
			mine := rapid.SliceOfDistinct(rapid.IntRange(0, r.Shards()-1), rapid.ID[int]).Draw(rt, "mine")
			stop := rapid.IntRange(1, 40).Draw(rt, "stop")
			ctx, cancel := context.WithCancel(t.Context())
			o := o
			o.Workers = rapid.IntRange(1, 4).Draw(rt, "workers")
			before := -1
			progress := func(done, _ int) {
				if before < 0 {
					before = done
				}
				if done-before >= stop {
					cancel()
				}
			}
			if err := newEvaluator(t, images, o).PresentShards(ctx, r, mine, progress); err != nil && !errors.Is(err, context.Canceled) {
				rt.Fatal(err)
			}
			cancel()
			if rapid.Bool().Draw(rt, "torn") {
				tear(rt, r)
			}
		}
		// Then two at once finish it.
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			wg.Go(func() { errs[i] = newEvaluator(t, images, o).PresentShards(t.Context(), r, allShards(r), nil) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			rt.Fatal(err)
		}
		got, err := newEvaluator(t, images, o).GatherShards(r)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got, ignoreTime); diff != "" {
			rt.Fatalf("result (-one run +got):\n%s", diff)
		}
		if missing, err := r.Missing(); err != nil || len(missing) > 0 {
			rt.Fatalf("missing %v, error %v", missing, err)
		}
		if parts, _ := filepath.Glob(filepath.Join(r.Dir(), "shards", "*.part")); len(parts) > 0 {
			rt.Fatalf("left behind: %v", parts)
		}
	})
}

// tear cuts a part file of r short, as a machine that fails does.
func tear(t *rapid.T, r *shard.Run) {
	parts, _ := filepath.Glob(filepath.Join(r.Dir(), "shards", "*.part"))
	if len(parts) == 0 {
		return
	}
	name := rapid.SampledFrom(parts).Draw(t, "part")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b[:rapid.IntRange(0, len(b)).Draw(t, "length")], 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is done when a run is stopped is in its result, and is not done again.
func TestShardsGoOn(t *testing.T) {
	images := newTestImages(30)
	seen := make(map[int]int)
	var mu sync.Mutex
	images.before = func(i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		return nil
	}
	r := newShards(t, 30, 3)
	o := Options{Workers: 1}
	o.Sim.Timesteps = 8
	ctx, cancel := context.WithCancel(t.Context())
	progress := func(done, total int) {
		if total != 30 {
			t.Errorf("%d of %d", done, total)
		}
		if done == 17 {
			cancel()
		}
	}
	if err := newEvaluator(t, images, o).PresentShards(ctx, r, allShards(r), progress); !errors.Is(err, context.Canceled) {
		t.Fatalf("got error %v", err)
	}
	e := newEvaluator(t, images, o)
	got, err := e.GatherShards(r)
	if err != nil || got.Images != 17 || got.Complete {
		t.Fatalf("%+v, error %v", got, err)
	}
	if err := e.PresentShards(t.Context(), r, allShards(r), nil); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if seen[i] != 1 {
			t.Errorf("image %d was presented %d times", i, seen[i])
		}
	}
	if got, err = e.GatherShards(r); err != nil || got.Images != 30 || !got.Complete {
		t.Fatalf("%+v, error %v", got, err)
	}
}

func TestShardsErrors(t *testing.T) {
	images := newTestImages(12)
	r := newShards(t, 12, 2)
	o := Options{Workers: 1}
	o.Sim.Timesteps = 8
	e := newEvaluator(t, images, o)
	if got, err := e.GatherShards(r); got != nil || err != nil {
		t.Errorf("nothing done: %v, %v", got, err)
	}
	if err := newEvaluator(t, newTestImages(13), o).PresentShards(t.Context(), r, []int{0}, nil); err == nil || !strings.Contains(err.Error(), "12 images") {
		t.Errorf("other images: got error %v", err)
	}
	broken := errors.New("broken")
	images.before = func(i int) error {
		if i == 4 {
			return fmt.Errorf("image %d: %w", i, broken)
		}
		return nil
	}
	if err := e.PresentShards(t.Context(), r, []int{0}, nil); !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
	images.before = nil
	if err := e.PresentShards(t.Context(), r, []int{1, 0}, nil); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(r.Dir(), "shards", "shard-00001-of-00002.jsonl")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, whole[:len(whole)-1], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := e.GatherShards(r); !errors.Is(err, shard.ErrDamaged) || !strings.Contains(err.Error(), name) {
		t.Errorf("a damaged file: got error %v", err)
	}
	if err := os.Chmod(filepath.Join(r.Dir(), "shards"), 0o500); err == nil && os.Geteuid() != 0 {
		_ = os.Remove(name)
		if err := e.PresentShards(t.Context(), r, []int{1}, nil); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a folder that cannot be written: got error %v", err)
		}
	}
}

// Counts of other networks, options or images are refused.
func TestReadTally(t *testing.T) {
	images := newTestImages(9)
	o := Options{Workers: 1}
	o.Sim.Timesteps = 8
	e := newEvaluator(t, images, o)
	sum, i := e.NewTally(), -1
	next := func() (int, bool, error) { i++; return i, i < 9, nil }
	if err := e.Present(t.Context(), 9, next, func(t *Tally) error { sum.Merge(t); return nil }); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(sum)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.ReadTally(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Result(sum, 0), e.Result(again, 0)); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if c, _ := json.Marshal(again); !slices.Equal(b, c) {
		t.Error("written again it is another")
	}
	o.Sim.Timesteps = 7
	if _, err := newEvaluator(t, images, o).ReadTally(b); err == nil {
		t.Error("other timesteps: no error")
	}
	images.labels[3]++
	if _, err := e.ReadTally(b); err == nil || !strings.Contains(err.Error(), "image 3") {
		t.Errorf("another label: got error %v", err)
	}
}

func FuzzReadTally(f *testing.F) {
	f.Add([]byte(`{"correct":[1,1],"agree":[1,1],"spikes":[[1,2],[3,4]],"acs":[[1,2],[3,4]],"macs":3,"counts":{"synapses":[1,2],"trained":[1,2],"zeros":4},"predictions":[[0,1,1,0,1]]}`))
	f.Add([]byte(`{"correct":[],"predictions":[[0,1,1,0]]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o := Options{Workers: 1}
		o.Sim.Timesteps = 2
		e := newEvaluator(t, newTestImages(4), o)
		if a, err := e.ReadTally(b); err == nil {
			if _, err := json.Marshal(a); err != nil {
				t.Error(err)
			}
			if a.images > 0 {
				e.Result(a, 1)
			}
		}
	})
}
