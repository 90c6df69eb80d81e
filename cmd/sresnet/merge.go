package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"sresnet/diagnose/study"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/launch"
	"sresnet/run"
	"sresnet/shard"
	"sresnet/sweep"
)

func newMerge() *cobra.Command {
	var (
		moved           moves
		missing, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "merge RUN",
		Short: "Combine the shards of a run into its result",
		Long: `merge checks that all shards of a run are there, as they were written and with
every image exactly once, and writes the files that 'sresnet eval --out RUN'
writes if one process does all the work: the same bytes, except for times. It
prints the result, which does not depend on what was stopped, started again,
done twice or spread over machines.

A sweep takes two steps, as the run on test images follows from the choice. Once
all settings are done, merge plans that run, and the exit code is 76: more
shards are to do. Once these are done as well, it makes the result. The same
holds for a diagnosis: what is tried follows from what was measured.`,
		Example: `  sresnet merge RUN
  sresnet merge RUN --allow-missing
  sresnet merge RUN --map /home/me=/scratch/me`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMerge(cmd, args[0], moved, missing, asJSON)
		},
	}
	cmd.Flags().BoolVar(&missing, "allow-missing", false, "show the result so far, even if shards are missing")
	mapFlag(cmd, &moved)
	jsonFlag(cmd, &asJSON)
	cmd.ValidArgsFunction = completeFolder
	finish(cmd)
	return cmd
}

func runMerge(cmd *cobra.Command, dir string, moved moves, allowMissing, asJSON bool) error {
	g, err := openGroup(dir)
	if err != nil {
		return err
	}
	missing, err := g.Missing()
	if err != nil {
		return err
	}
	several := g.Study() != nil
	if len(missing) > 0 && (several || !allowMissing) {
		shows := "--allow-missing shows the result so far"
		if several {
			shows = "the folders in it are runs, for each of which --allow-missing shows the result so far"
		}
		return hint.Error(fmt.Errorf("%s is not complete: %d of %d shards are missing: %s", dir, len(missing), g.Shards(), launch.Ranges(missing)),
			"'sresnet run %s' computes them; %s", shell.Quote(dir), shows)
	}
	op := opener(cmd, 0, moved)
	if several {
		return mergeStudy(cmd, g, dir, op, asJSON)
	}
	return mergeRun(cmd, g.Split([]int{0})[0].Run, dir, op, asJSON)
}

// mergeRun makes the result of one run.
func mergeRun(cmd *cobra.Command, r *shard.Run, dir string, op *run.Opener, asJSON bool) error {
	if study.Is(r.Plan().Kind) {
		return hint.Error(fmt.Errorf("%s is a part of a diagnosis and has no result of its own", dir), "give the folder above it")
	}
	k, err := op.Open(cmd.Context(), r)
	if err != nil {
		return err
	}
	e, err := k.Evaluator(cmd.Context())
	if err != nil {
		return err
	}
	got, err := k.Gather(e)
	if err != nil {
		return err
	}
	if got == nil {
		return hint.Error(fmt.Errorf("%s has no results yet", dir), "'sresnet run %s' presents the images", shell.Quote(dir))
	}
	if err := k.Write(got); err != nil {
		_ = showKept(cmd.OutOrStdout(), k, got, asJSON) // The work is done: at least show it.
		return err
	}
	return showKept(cmd.OutOrStdout(), k, got, asJSON)
}

// kept is a study that is kept: a sweep or a diagnosis.
type kept interface {
	planner
	finish(cmd *cobra.Command, asJSON bool) error // Makes and shows the result.
}

// reopen opens the study whose runs g are, in the folder that its user calls dir.
func reopen(cmd *cobra.Command, g *shard.Group, dir string, op *run.Opener) (kept, error) {
	ctx := cmd.Context()
	switch s := g.Study(); s.Kind {
	case sweep.Kind:
		sw, err := sweep.Reopen(ctx, g, dir, op)
		return &keptSweep{sw, dir}, err
	case study.Kind:
		d, err := study.Reopen(ctx, g, filepath.Join(dir, ".."), op)
		return &keptDiagnosis{d}, err
	default:
		return nil, hint.Error(fmt.Errorf("the runs in %s belong to a study that this version of sresnet does not know: %q", dir, s.Kind), "use the version that planned them")
	}
}

// mergeStudy plans the stage that follows in a folder of runs whose shards are all
// finished, or makes the result.
func mergeStudy(cmd *cobra.Command, g *shard.Group, dir string, op *run.Opener, asJSON bool) error {
	s, err := reopen(cmd, g, dir, op)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return hint.Error(err, "{map} FROM=TO says where the files lie on this machine")
		}
		return err
	}
	if g.More() {
		next, err := s.Plan(cmd.Context())
		if err != nil {
			return err
		}
		missing, err := next.Missing()
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return hint.Error(fmt.Errorf("%w: %d of %d follow from those that are done: %s", errMoreToDo, len(missing), next.Shards(), launch.Ranges(missing)),
				"compute them with 'sresnet run %s', then merge again", shell.Quote(dir))
		}
	}
	return s.finish(cmd, asJSON)
}
