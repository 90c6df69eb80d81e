package shard

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// member makes a run in a folder of dir.
func member(t *testing.T, dir, name string, images, shards int) *Run {
	t.Helper()
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := Create(dir, Plan{Kind: "test", Images: images, Shards: shards, Config: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// done finishes a shard.
func done(t *testing.T, r *Run, k int) {
	t.Helper()
	a, _ := begin(t, r, k)
	first, end := r.plan.Range(k)
	var images []int
	for i := first; i < end; i++ {
		images = append(images, i)
	}
	if err := a.Finish(block(t, images...)); err != nil {
		t.Fatal(err)
	}
}

func TestGroup(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenGroup(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no group: got error %v", err)
	}
	a, b := member(t, dir, "a", 10, 2), member(t, dir, "b", 5, 3)
	study := Study{Kind: "sweep", Config: json.RawMessage(`{"out":"x"}`)}
	if _, err := Enlist(dir, study, true, "a", "b"); err != nil {
		t.Fatal(err)
	}
	done(t, a, 1)
	done(t, b, 0)
	check := func(shards int, missing []int, more bool) *Group {
		t.Helper()
		g, err := OpenGroup(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.Missing()
		if err != nil || !slices.Equal(got, missing) || g.Shards() != shards || g.More() != more || g.Dir() != dir {
			t.Errorf("missing %v of %d, more %t, error %v; want %v of %d, %t", got, g.Shards(), g.More(), err, missing, shards, more)
		}
		if diff := cmp.Diff(&study, g.Study()); diff != "" {
			t.Errorf("study (-want +got):\n%s", diff)
		}
		return g
	}
	check(5, []int{0, 3, 4}, true)

	// What follows comes after the others, whatever it is called and however it is named.
	member(t, dir, "aa", 4, 1)
	study.Config = json.RawMessage(`{"out":"x","at":3}`)
	if _, err := Enlist(dir, study, false, "aa", "b"); err != nil {
		t.Fatal(err)
	}
	g := check(6, []int{0, 3, 4, 5}, false)
	var split []string
	for _, s := range g.Split([]int{0, 1, 4, 5}) {
		b, _ := json.Marshal(s.Shards)
		split = append(split, filepath.Base(s.Run.Dir())+string(b))
	}
	if want := []string{"a[0,1]", "b[2]", "aa[0]"}; !slices.Equal(split, want) {
		t.Errorf("split: got %v, want %v", split, want)
	}
	got, err := g.Status()
	if err != nil {
		t.Fatal(err)
	}
	want := &Status{Shards: 6, Finished: 2, Running: []int{}, Waiting: []int{0, 3, 4, 5}, Images: 19, Done: 6}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}

	// One run is a group, too.
	if g, err = OpenGroup(a.Dir()); err != nil || g.Shards() != 2 || g.Study() != nil || g.More() {
		t.Errorf("one run: %+v, error %v", g, err)
	}
	if _, err := Enlist(a.Dir(), study, true, "a"); err == nil || !strings.Contains(err.Error(), "holds a run") {
		t.Errorf("a list where a run is: got error %v", err)
	}
	if _, err := Enlist(dir, study, true, "none"); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a run that is not there: got error %v", err)
	}
	for _, name := range []string{"c", "d"} {
		member(t, dir, name, 600, 600)
	}
	if _, err := Enlist(dir, study, true, "c", "d"); err == nil || !strings.Contains(err.Error(), "1206 shards, more than 1000") {
		t.Errorf("too many shards: got error %v", err)
	}
	check(6, []int{0, 3, 4, 5}, false)
	if err := os.Remove(filepath.Join(dir, "b", planFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenGroup(dir); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "names b") {
		t.Errorf("a run is gone: got error %v", err)
	}
}

func TestBadGroups(t *testing.T) {
	for name, file := range map[string]string{
		"empty":       ``,
		"no JSON":     `runs: a`,
		"unknown key": `{"format":2,"study":{"kind":"sweep","config":{"at":3}},"run":["a"]}`,
		"no study":    `{"format":2,"runs":["a"]}`,
		"no runs":     `{"format":2,"study":{"kind":"sweep","config":{"at":3}},"runs":[]}`,
		"twice":       `{"format":2,"study":{"kind":"sweep","config":{"at":3}},"runs":["a","a"]}`,
		"way out":     `{"format":2,"study":{"kind":"sweep","config":{"at":3}},"runs":["../a"]}`,
		"hidden":      `{"format":2,"study":{"kind":"sweep","config":{"at":3}},"runs":[".a"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			member(t, dir, "a", 1, 1)
			if err := os.WriteFile(filepath.Join(dir, groupFile), []byte(file), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenGroup(dir); err == nil || !strings.Contains(err.Error(), groupFile) {
				t.Errorf("got error %v", err)
			}
		})
	}
}

// Whatever a list of runs says, it is read without a panic and names folders in its own.
func FuzzOpenGroup(f *testing.F) {
	f.Add([]byte(`{"format":2,"study":{"kind":"sweep","config":{"at":3}},"more":true,"runs":["a"]}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, groupFile), file, 0o644); err != nil {
			t.Fatal(err)
		}
		if g, err := OpenGroup(dir); err == nil {
			t.Errorf("opened %+v, where there are no runs", g)
		}
	})
}
