package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/shard"
)

// open opens the experiment of a command. A MODEL that is the folder of a run stands for
// the options of that run, where the command line has no others.
func open(cmd *cobra.Command, o *experiment.Options, model string) (*experiment.Experiment, error) {
	if err := complete(cmd, o, model); err != nil {
		return nil, err
	}
	return experiment.Open(cmd.Context(), *o)
}

// complete fills in the options that no flag sets.
func complete(cmd *cobra.Command, o *experiment.Options, model string) error {
	o.Model = model
	o.Progress = terminal.Progress{W: cmd.ErrOrStderr()}.Bar
	o.Warn = func(text string) { fmt.Fprintf(cmd.ErrOrStderr(), "sresnet: warning: %s\n", terminal.Clean(text)) }
	given := func(name string) bool { f := cmd.Flags().Lookup(name); return f != nil && f.Changed }
	kept := *o
	kept.OwnT, kept.AskedReset = !given("timesteps"), given("reset")
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		if kept, err = run.OptionsOf(model); err != nil {
			return noRun(model, err)
		}
	}
	if err := kept.Override(o, given); err != nil {
		return err
	}
	kept.Workers, kept.Progress, kept.Warn, kept.Glance, kept.Unlabelled, kept.Trained, kept.Moved = o.Workers, o.Progress, o.Warn, o.Glance, o.Unlabelled, o.Trained, o.Moved
	*o = kept
	return nil
}

// opener opens runs for work on this machine.
func opener(cmd *cobra.Command, workers int, moved moves) *run.Opener {
	var o experiment.Options
	_ = complete(cmd, &o, "") // Cannot fail without a model.
	return &run.Opener{Workers: workers, Progress: o.Progress, Warn: o.Warn, Moved: moved}
}

// moves is the value of --map.
type moves []experiment.Move

func (m *moves) String() string { return "" }
func (m *moves) Type() string   { return "FROM=TO" }

func (m *moves) Set(s string) error {
	from, to, ok := strings.Cut(s, "=")
	if !ok || from == "" || to == "" {
		return errors.New("give two folders, FROM=TO")
	}
	var move experiment.Move
	var err error
	if move.From, err = filepath.Abs(from); err == nil {
		move.To, err = filepath.Abs(to)
	}
	*m = append(*m, move)
	return err
}

// mapFlag adds the flag that says where files lie on this machine.
func mapFlag(cmd *cobra.Command, m *moves) {
	cmd.Flags().Var(m, "map", "`FROM=TO`: files that were below folder FROM when the run was planned are below TO here; may be repeated")
}

// openGroup opens the run, or the runs, in a folder.
func openGroup(dir string) (*shard.Group, error) {
	g, err := shard.OpenGroup(dir)
	if err != nil {
		return nil, noRun(dir, err)
	}
	return g, nil
}

// interrupted says how far work on the images came that Ctrl-C ended, and what would have
// helped; errors of other kinds as they are.
func interrupted(err error, done, of int, advice string) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return hint.Error(fmt.Errorf("%w after %d of %d images", errInterrupted, done, of), "%s", advice)
}

// noRun is the error of a folder that holds no run.
func noRun(dir string, err error) error {
	if hint.Of(err) != "" {
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return hint.Error(err, "if the file is damaged, plan the run again in another folder")
	}
	return hint.Error(fmt.Errorf("%s holds no run: %w", dir, err), "keep one with 'sresnet eval MODEL --data SPEC -o %s'", shell.Quote(dir))
}

// printHowToDo says what to do with what is planned in a folder.
func printHowToDo(w io.Writer, dir string) {
	dir = shell.Quote(dir)
	terminal.Printf(w, "'sresnet run %s --shard K' computes one, 'sresnet submit %s' all of them on a cluster; 'sresnet merge %s' makes the result.\n", dir, dir, dir)
}
