package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
)

func newMerge() *cobra.Command {
	var (
		o       where
		missing bool
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "merge RUN",
		Short: "Make the result of a run from its shards",
		Long: `merge proves that the shards of a run are all there, as they were written and with
every image once, and makes the files that 'sresnet eval --out RUN' makes where one
process does it all: the same bytes, but for the times. It prints the result.

Whatever was stopped, started again, done twice or spread over machines does not
show in it.

A sweep is done in two steps, as the run on test images follows from the choice. Once
all settings are done, merge plans that run, and the exit code is 76: more shards are
to do. Once they are done, too, it makes the result. Likewise of a diagnosis: what is
tried follows from what was measured.`,
		Example: `  sresnet merge RUN
  sresnet merge RUN --allow-missing`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(cmd, args[0], o, missing, asJSON) },
	}
	cmd.Flags().BoolVar(&missing, "allow-missing", false, "show what there is so far, even if shards are missing")
	o.flags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().SortFlags = false
	completeFolders(cmd)
	return cmd
}

func runMerge(cmd *cobra.Command, dir string, o where, allowMissing, asJSON bool) error {
	g, err := openGroup(dir)
	if err != nil {
		return err
	}
	missing, err := g.Missing()
	if err != nil {
		return err
	}
	several := g.Command() != nil
	if len(missing) > 0 && (several || !allowMissing) {
		err := fmt.Errorf("%s is not complete: %d of %d shards are missing: %s", dir, len(missing), g.Shards(), launch.Ranges(missing))
		if several {
			return hint.Error(err, "'sresnet run %s' does them; the folders in it are runs, of which --allow-missing shows what there is", shell.Quote(dir))
		}
		return hint.Error(err, "'sresnet run %s' does them; --allow-missing shows what there is", shell.Quote(dir))
	}
	if several {
		return mergeGroup(cmd, g, dir, o, asJSON)
	}
	if err := o.absolute(); err != nil {
		return err
	}
	r := g.Split([]int{0})[0].Run
	if kind := r.Plan().Kind; kind != eval.PlanKind {
		return hint.Error(fmt.Errorf("%s is a part of a diagnosis and has no result of its own", dir), "give the folder above it")
	}
	op := &opener{command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}, where: o}
	k, err := op.open(cmd.Context(), r)
	if err != nil {
		return err
	}
	e, err := k.evaluator()
	if err != nil {
		return err
	}
	got, err := k.gather(e)
	if err != nil {
		return err
	}
	if got == nil {
		return hint.Error(fmt.Errorf("%s holds no image yet", dir), "'sresnet run %s' presents them", shell.Quote(dir))
	}
	return k.publish(cmd.OutOrStdout(), got, asJSON)
}
