package run

import (
	"context"
	"path/filepath"
	"slices"

	"sresnet/internal/hint"
	"sresnet/shard"
)

// Stage is runs that can be worked on side by side, and what follows from them.
type Stage struct {
	Orders []*Order // In the order in which their shards are numbered; all in folders of one.

	// Next returns the stage that follows once these are finished. It is nil for the last
	// stage, and so may be what it returns.
	Next func(context.Context) (*Stage, error)
}

// Study is work that goes in stages, kept in a folder that holds a run for each order: a
// sweep, whose test run follows from its choice, or a diagnosis, where what is tried
// follows from what was measured.
type Study struct {
	Dir   string
	About shard.Study
	First *Stage
}

// Plan plans what can be planned: the runs of the first stage, and of the stages that
// follow where those before are finished. It returns the runs that exist then.
func (s *Study) Plan(ctx context.Context) (*shard.Group, error) {
	var names []string
	for stage := s.First; ; {
		if err := stage.plan(ctx); err != nil {
			return nil, err
		}
		names = stage.names(names)
		finished, err := stage.finished()
		if err != nil {
			return nil, err
		}
		var next *Stage
		if finished && stage.Next != nil {
			if next, err = stage.Next(ctx); err != nil {
				return nil, err
			}
		}
		g, err := s.enlist(names, next != nil || stage.Next != nil && !finished)
		if err != nil || next == nil {
			return g, err
		}
		stage = next
	}
}

// Do plans and does all stages in this process: each is called with every run of them, in
// order. All runs of a stage are planned before, so that other processes can help.
func (s *Study) Do(ctx context.Context, each func(context.Context, *Order, *Kept) error) error {
	var names []string
	for stage := s.First; stage != nil; {
		if err := stage.plan(ctx); err != nil {
			return err
		}
		names = stage.names(names)
		if _, err := s.enlist(names, stage.Next != nil); err != nil {
			return err
		}
		for _, o := range stage.Orders {
			k, err := o.Open(ctx)
			if err == nil {
				err = each(ctx, o, k)
			}
			if err != nil {
				return err
			}
		}
		if stage.Next == nil {
			return nil
		}
		next, err := stage.Next(ctx)
		if err != nil {
			return err
		}
		if next == nil {
			_, err = s.enlist(names, false)
			return err
		}
		stage = next
	}
	return nil
}

// plan plans the runs of the stage that are not, and divides those anew that are to have
// another number of shards: all of them, or none if one has begun.
func (s *Stage) plan(ctx context.Context) error {
	there := make([]*Kept, len(s.Orders))
	for i, o := range s.Orders {
		var err error
		if there[i], err = o.Find(); err != nil {
			return err
		}
	}
	for i, o := range s.Orders {
		var err error
		if k := there[i]; k != nil {
			err = k.divide(o)
		} else {
			_, err = o.Open(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names adds the names of the folders of the stage to those of the stages before.
func (s *Stage) names(before []string) []string {
	for _, o := range s.Orders {
		before = append(before, filepath.Base(o.Dir))
	}
	return before
}

// finished reports whether the runs of the stage are.
func (s *Stage) finished() (bool, error) {
	for _, o := range s.Orders {
		r, err := shard.Open(o.Dir)
		if err != nil {
			return false, err
		}
		if missing, err := r.Missing(); err != nil || len(missing) > 0 {
			return false, err
		}
	}
	return true, nil
}

// enlist notes in the folder that it has runs of these names, and whether others follow:
// not if these are there.
func (s *Study) enlist(names []string, more bool) (*shard.Group, error) {
	if g, err := shard.OpenGroup(s.Dir); err == nil {
		for _, r := range g.Split(All(g)) {
			more = more && slices.Contains(names, filepath.Base(r.Run.Dir()))
		}
	}
	g, err := shard.Enlist(s.Dir, s.About, more, names...)
	return g, hint.Error(err, "give another folder with {out}, or fewer shards with {plan}")
}

// All lists the shards of a run or a group.
func All(r interface{ Shards() int }) []int {
	list := make([]int, r.Shards())
	for i := range list {
		list[i] = i
	}
	return list
}
