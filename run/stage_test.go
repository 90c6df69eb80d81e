package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/run"
	"sresnet/shard"
)

// twoStages returns a study of two runs and, once these are finished, a third one. asked
// counts how often the second stage is asked for.
func twoStages(t *testing.T, dir string, asked *int) *run.Study {
	t.Helper()
	o := experiment.DefaultOptions()
	o.Model, o.Data, o.Images, o.CalibrationImages, o.Timesteps = experiment.Builtin, "mnist", 4, 10, 4
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Skip(err) // No MNIST.
	}
	order := func(name string, percentile float64) *run.Order {
		o := o
		o.Percentile = percentile
		return &run.Order{Dir: filepath.Join(dir, name), Kind: eval.PlanKind, Experiment: e.With(o, e.Test), Shards: 2}
	}
	return &run.Study{Dir: dir, About: shard.Study{Kind: "test", Config: json.RawMessage(`{}`)}, First: &run.Stage{
		Orders: []*run.Order{order("a", 99), order("b", 90)},
		Next: func(context.Context) (*run.Stage, error) {
			*asked++
			last := order("aa", 99)
			last.Like, _ = shard.Open(filepath.Join(dir, "a"))
			return &run.Stage{Orders: []*run.Order{last}}, nil
		},
	}}
}

// What is wrong with the files of a run is written again from its shards, where they are
// there; only without them is the run to be made again.
func TestRemedies(t *testing.T) {
	dir := t.TempDir()
	o := twoStages(t, dir, new(int)).First.Orders[0]
	k, err := o.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	refused := func(want string) {
		t.Helper()
		var e *run.Error
		if _, err := run.Read(o.Dir); !errors.As(err, &e) || !strings.Contains(e.Hint(), want) {
			t.Errorf("got error %v, hint %q, want %q", err, hint.Of(err), want)
		}
	}
	refused("give 'sresnet run " + o.Dir + "', which computes what is missing, and then 'sresnet merge " + o.Dir + "'")
	for _, file := range []string{"manifest.json", "result.json", "accuracy.csv"} {
		if _, err := k.Complete(t.Context()); err != nil { // As merge does.
			t.Fatal(err)
		}
		if _, err := run.Read(o.Dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Dir, file), []byte("{"), 0o644); err != nil {
			t.Fatal(err)
		}
		refused("give 'sresnet merge " + o.Dir + "', which writes its files again")
	}
	if err := os.Remove(filepath.Join(o.Dir, "plan.json")); err != nil {
		t.Fatal(err)
	}
	refused("make the run again in a new folder")
}

// present does the shards of a group that are missing.
func present(t *testing.T, g *shard.Group) {
	t.Helper()
	missing, err := g.Missing()
	if err != nil {
		t.Fatal(err)
	}
	var op run.Opener
	for _, s := range g.Split(missing) {
		k, err := op.Open(t.Context(), s.Run)
		if err != nil {
			t.Fatal(err)
		}
		e, err := k.Evaluator(t.Context())
		if err == nil {
			err = k.Present(t.Context(), e, s.Shards)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A stage is planned when the one before is finished and not sooner, shards keep their
// numbers, and processes that share the work end where one process does.
func TestStudy(t *testing.T) {
	shared, alone := t.TempDir(), t.TempDir()
	plan := func(shards int, missing []int, more bool, want int) *shard.Group {
		t.Helper()
		asked := 0
		g, err := twoStages(t, shared, &asked).Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.Missing()
		if err != nil || g.Shards() != shards || !slices.Equal(got, missing) || g.More() != more || asked != want {
			t.Fatalf("%d shards, missing %v, more %t, asked %d times, error %v; want %d, %v, %t, %d", g.Shards(), got, g.More(), asked, err, shards, missing, more, want)
		}
		return g
	}
	plan(4, []int{0, 1, 2, 3}, true, 0)
	g := plan(4, []int{0, 1, 2, 3}, true, 0) // Again, with nothing done.
	present(t, g)
	g = plan(6, []int{4, 5}, false, 1)
	present(t, g)
	plan(6, nil, false, 1)
	if _, err := run.Read(shared); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it holds several runs, of a test") || hint.Of(err) != "give the folder of one run" {
		t.Errorf("the folder above the runs: error %v, hint %q", err, hint.Of(err))
	}

	asked := 0
	var done []string
	err := twoStages(t, alone, &asked).Do(t.Context(), func(ctx context.Context, o *run.Order, k *run.Kept) error {
		done = append(done, filepath.Base(o.Dir))
		_, err := k.Complete(ctx)
		return err
	})
	if err != nil || asked != 1 || !slices.Equal(done, []string{"a", "b", "aa"}) {
		t.Fatalf("did %v, asked %d times, error %v", done, asked, err)
	}
	for _, name := range done {
		k, err := (&run.Opener{}).Open(t.Context(), member(t, shared, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.Complete(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want, err := run.Read(filepath.Join(alone, name))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.SpikingTop1, want.Result.SpikingTop1) || !slices.Equal(got.SpikesPerImage, want.Result.SpikesPerImage) {
			t.Errorf("%s: shared %v, %v; alone %v, %v", name, got.SpikingTop1, got.SpikesPerImage, want.Result.SpikingTop1, want.Result.SpikesPerImage)
		}
	}
}

func member(t *testing.T, dir, name string) *shard.Run {
	t.Helper()
	r, err := shard.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
