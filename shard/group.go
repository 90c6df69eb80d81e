package shard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"sresnet/internal/atomic"
	"sresnet/internal/regular"
)

// Group is one run, or several in folders below one, whose shards are numbered
// through: those of the first run, then those of the next. Runs may follow, after the
// others, so that a shard keeps its number.
type Group struct {
	dir  string
	list *list // Nil for one run.
	runs []*Run
}

// groupFile lists the runs of a group.
const groupFile = "runs.json"

// list is the form of groupFile.
type list struct {
	Format int      `json:"format"` // [Format]
	Study  Study    `json:"study"`
	More   bool     `json:"more"` // Whether runs are to follow once these are finished.
	Runs   []string `json:"runs"` // Names of their folders.
}

// Study is what plans the runs of a group, and makes its result from them.
type Study struct {
	Kind string `json:"kind"` // Such as "sweep".

	// Config is all that it depends on, in the form of its kind.
	Config json.RawMessage `json:"config"`
}

func (l *list) check() error {
	if l.Study.Kind == "" {
		return errors.New("it does not say what study it is of")
	}
	if len(l.Runs) == 0 || len(l.Runs) > MaxShards {
		return fmt.Errorf("%d runs; from 1 to %d are possible", len(l.Runs), MaxShards)
	}
	for i, name := range l.Runs {
		if !plain(name) || slices.Contains(l.Runs[:i], name) {
			return fmt.Errorf("run %q", name)
		}
	}
	return nil
}

// OpenGroup opens the run, or the runs, in the folder dir. If there is none, the error
// is an fs.ErrNotExist.
func OpenGroup(dir string) (*Group, error) {
	name := filepath.Join(dir, groupFile)
	b, err := regular.ReadFile(name, maxPlan)
	if errors.Is(err, fs.ErrNotExist) {
		r, err := Open(dir)
		if err != nil {
			return nil, err
		}
		return &Group{dir: dir, runs: []*Run{r}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	if err := CheckFormat(dir, b); err != nil {
		return nil, err
	}
	g := &Group{dir: dir, list: new(list)}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := cmp.Or(d.Decode(g.list), g.list.check()); err != nil {
		return nil, fmt.Errorf("shard: %s is not a list of runs: %w", name, err)
	}
	var config bytes.Buffer
	if len(g.list.Study.Config) > 0 { // As it was before the file was made for people.
		if err := json.Compact(&config, g.list.Study.Config); err != nil {
			return nil, fmt.Errorf("shard: %s is not a list of runs: %w", name, err)
		}
		g.list.Study.Config = config.Bytes()
	}
	return g, g.open()
}

// open opens the runs of the list.
func (g *Group) open() error {
	for _, name := range g.list.Runs {
		r, err := Open(filepath.Join(g.dir, name))
		var other *FormatError
		if errors.As(err, &other) {
			return err
		}
		if err != nil {
			// Not an fs.ErrNotExist: there is a group.
			return fmt.Errorf("shard: %s names %s, which cannot be opened: %v", filepath.Join(g.dir, groupFile), name, err)
		}
		g.runs = append(g.runs, r)
	}
	if n := g.Shards(); n > MaxShards {
		return fmt.Errorf("shard: the runs in %s have %d shards, more than %d", g.dir, n, MaxShards)
	}
	return nil
}

// Enlist makes the named folders in dir, which must hold a run each, those of its
// group, after the ones that it has, and s the study of the group. more says whether
// runs are to follow once these are finished.
func Enlist(dir string, s Study, more bool, names ...string) (*Group, error) {
	if _, err := os.Lstat(filepath.Join(dir, planFile)); err == nil {
		return nil, fmt.Errorf("shard: %s holds a run; several runs need a folder of their own", dir)
	}
	l := &list{}
	g, err := OpenGroup(dir)
	if err == nil {
		l = g.list
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	next := list{Format: Format, Study: s, More: more, Runs: slices.Clone(l.Runs)}
	for _, name := range names {
		if !slices.Contains(next.Runs, name) {
			next.Runs = append(next.Runs, name)
		}
	}
	if err := next.check(); err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	g = &Group{dir: dir, list: &next}
	if err := g.open(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(&next, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	err = atomic.WriteFile(filepath.Join(dir, groupFile), func(w io.Writer) error { _, err := w.Write(append(b, '\n')); return err })
	if err != nil {
		return nil, fmt.Errorf("shard: cannot keep the list of runs: %w", err)
	}
	atomic.SyncDir(dir)
	return g, nil
}

// Dir returns the folder of the group.
func (g *Group) Dir() string { return g.dir }

// Study returns the study that the runs are of, nil for one run.
func (g *Group) Study() *Study {
	if g.list == nil {
		return nil
	}
	return &g.list.Study
}

// More reports whether runs are to follow once these are finished.
func (g *Group) More() bool { return g.list != nil && g.list.More }

// Shards returns how many shards the runs have together.
func (g *Group) Shards() (n int) {
	for _, r := range g.runs {
		n += r.Shards()
	}
	return n
}

// RunShards are shards of one run, ascending.
type RunShards struct {
	Run    *Run
	Shards []int
}

// Split returns the shards of the given numbers, ascending and of those that there
// are, by runs.
func (g *Group) Split(shards []int) (list []RunShards) {
	first := 0
	for _, r := range g.runs {
		var own []int
		for len(shards) > 0 && shards[0] < first+r.Shards() {
			own = append(own, shards[0]-first)
			shards = shards[1:]
		}
		if len(own) > 0 {
			list = append(list, RunShards{r, own})
		}
		first += r.Shards()
	}
	return list
}

// Missing returns the shards that are not finished, in order.
func (g *Group) Missing() ([]int, error) {
	var missing []int
	first := 0
	for _, r := range g.runs {
		own, err := r.Missing()
		if err != nil {
			return nil, err
		}
		missing = append(missing, shifted(own, first)...)
		first += r.Shards()
	}
	return missing, nil
}

func shifted(list []int, by int) []int {
	for i := range list {
		list[i] += by
	}
	return list
}

// Status looks at the files of the runs. The rate is that of all together.
func (g *Group) Status() (*Status, error) {
	sum := &Status{Running: []int{}, Waiting: []int{}}
	for _, r := range g.runs {
		s, err := r.Status()
		if err != nil {
			return nil, err
		}
		sum.Running = append(sum.Running, shifted(s.Running, sum.Shards)...)
		sum.Waiting = append(sum.Waiting, shifted(s.Waiting, sum.Shards)...)
		sum.Shards += s.Shards
		sum.Finished += s.Finished
		sum.Images += s.Images
		sum.Done += s.Done
		sum.Rate += s.Rate
	}
	return sum, nil
}
