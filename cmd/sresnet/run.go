package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/shard"
)

// errCheckpoint says that a worker was told to stop, and has kept what it did.
var errCheckpoint = errors.New("stopped by a signal")

// runOptions are those of run.
type runOptions struct {
	shard     int
	shardFrom string
	shardBase int
	workers   int
	where     where
}

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run RUN [--shard K]",
		Short: "Do one shard of a run, or all that are missing",
		Long: `run presents the images of one shard of a run that 'sresnet eval --out RUN' has
planned, or one of those that 'sresnet sweep --out RUN' has, or 'sresnet diagnose' in
RUN/diagnosis, and keeps what they give in that folder. It is what a cluster, or a list
of machines, calls once a shard; they share the folder, the model and the data. Without
a shard, it does all that are missing. 'sresnet merge' then makes the result.

It may be stopped anywhere, by whatever, and goes on from there when it is called
again, on any machine. Two that do the same shard at once only waste work. A shard
that is finished costs a look.

On SIGTERM, SIGINT or SIGUSR1 (which Slurm is told to send near the end of the
walltime), what is done is kept, and the exit code is 75. It is 0 if the shard is
finished, whoever finished it. On SIGUSR1, a task of a job array of Slurm also asks to
be put back into the queue.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:cifar-10-batches-bin --out RUN --plan-only --shards 40
  sresnet run RUN --shard 7
  sresnet run RUN --shard-from SLURM_ARRAY_TASK_ID
  seq 0 39 | parallel sresnet run RUN --shard {}
  sresnet merge RUN`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			one := cmd.Flags().Changed("shard")
			if o.shardFrom != "" {
				if one {
					return &usageError{cmd.CommandPath(), errors.New("--shard and --shard-from both say which shard: give one of them")}
				}
				value := os.Getenv(o.shardFrom)
				k, err := strconv.Atoi(value)
				if err != nil {
					return &usageError{cmd.CommandPath(), fmt.Errorf("--shard-from %s: that variable is %q, not the number of a shard", o.shardFrom, value)}
				}
				o.shard, one = k, true
			}
			if o.workers < 0 {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--workers %d: give a number of workers, or 0 for one a core", o.workers)}
			}
			return runShards(cmd, args[0], o, one)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.shard, "shard", 0, "do shard `K`, counted from 0 (default: all that are missing)")
	f.StringVar(&o.shardFrom, "shard-from", "", "take K from the environment variable `NAME`, such as SLURM_ARRAY_TASK_ID")
	f.IntVar(&o.shardBase, "shard-base", 0, "`NUMBER` that K counts from: 1 where a scheduler does")
	f.IntVar(&o.workers, "workers", 0, "`N` images run at a time; 0 means one a core; never changes a result")
	o.where.flags(f)
	f.SortFlags = false
	completeFolders(cmd)
	return cmd
}

func (o *where) flags(f *pflag.FlagSet) {
	f.StringVar(&o.model, "model", "", "the `FILE` of the model, where it lies elsewhere on this machine")
	f.StringVar(&o.data, "data", "", "the `SPEC` of the images, where they lie elsewhere on this machine")
	f.StringVar(&o.calibrate, "calibrate", "", "the `SPEC` of the training images, where these lie elsewhere, and not in --data")
}

// completeFolders lets the shell complete a folder as the argument.
func completeFolders(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

func runShards(cmd *cobra.Command, dir string, o runOptions, one bool) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), walltimeSignals...)
	defer stop()
	g, err := openGroup(dir)
	if err != nil {
		return err
	}
	var shards []int
	if one {
		k := o.shard - o.shardBase
		if k < 0 || k >= g.Shards() {
			return &usageError{cmd.CommandPath(), fmt.Errorf("there is no shard %d: %s has those from %d to %d", o.shard, dir, o.shardBase, o.shardBase+g.Shards()-1)}
		}
		shards = []int{k}
		if s := g.Split(shards)[0]; s.Run.Done(s.Shards[0]) {
			terminal.Printf(cmd.OutOrStdout(), "shard %d is finished already\n", o.shard)
			return nil
		}
	} else if shards, err = g.Missing(); err != nil {
		return err
	}
	if len(shards) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "all shards are finished already")
		return nil
	}
	if err := o.where.absolute(); err != nil {
		return err
	}
	op := &opener{command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}, workers: o.workers, where: o.where}
	for _, s := range g.Split(shards) {
		if err := op.work(ctx, s); err != nil {
			return stopped(cmd, ctx, err)
		}
	}
	if one {
		terminal.Printf(cmd.OutOrStdout(), "shard %d is finished\n", o.shard)
	} else {
		what := "shards are"
		if len(shards) == 1 {
			what = "shard is"
		}
		terminal.Printf(cmd.OutOrStdout(), "%d %s finished; 'sresnet merge' makes the result\n", len(shards), what)
	}
	return nil
}

// work does shards of a run.
func (op *opener) work(ctx context.Context, s shard.RunShards) error {
	k, err := op.open(ctx, s.Run)
	if err != nil {
		return err
	}
	if s.Run.Plan().Kind != eval.PlanKind {
		return k.diagnose(ctx, s.Shards)
	}
	e, err := k.evaluator()
	if err != nil {
		return err
	}
	return k.present(ctx, e, s.Shards)
}

// openGroup opens the run, or the runs, in a folder, wherever the process goes.
func openGroup(dir string) (*shard.Group, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	g, err := shard.OpenGroup(path)
	if err != nil {
		return nil, noRun(dir, err)
	}
	return g, nil
}

// stopped makes the end of work by a signal what the caller of a worker is told.
// Near the end of the walltime, a task of Slurm asks for another turn before.
func stopped(cmd *cobra.Command, ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cmd.Context().Err() == nil { // The walltime it was, and nobody who wants the work to end.
		switch again, err := launch.Requeue(cmd.Context()); {
		case err != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "sresnet: warning: Slurm does not take this task back into the queue: %v\n", err)
		case again:
			fmt.Fprintln(cmd.ErrOrStderr(), "the time of this job is nearly over: Slurm has taken its task back into the queue")
		}
	}
	return hint.Error(errCheckpoint, "what is done is kept: the same command goes on from there")
}

func noRun(dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return hint.Error(err, "if the file is damaged, plan the run again in another folder")
	}
	return hint.Error(fmt.Errorf("%s holds no run: %w", dir, err), "plan one with 'sresnet eval MODEL --data SPEC --out %s --plan-only'", shell.Quote(dir))
}
