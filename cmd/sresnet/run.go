package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"

	"github.com/spf13/cobra"

	"sresnet/diagnose/study"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/run"
	"sresnet/shard"
)

// errCheckpoint says that a worker was told to stop, and has kept what it did.
var errCheckpoint = errors.New("stopped by a signal")

// workOptions are those of run.
type workOptions struct {
	experiment.Options // Of which workers count.
	shard              int
	one                bool // Whether one shard is asked for.
	moved              moves
}

func newRun() *cobra.Command {
	o := workOptions{Options: experiment.DefaultOptions()}
	cmd := &cobra.Command{
		Use:   "run RUN [--shard K]",
		Short: "Compute one shard of a run, or all that are missing",
		Long: `run presents the images of one shard of a run and keeps the results in its
folder. 'sresnet eval --out RUN --plan' plans such a run; 'sresnet sweep --out
RUN --plan' plans several, and 'sresnet diagnose' those in RUN/diagnosis. A
cluster, or a list of machines, calls it once per shard; the machines share the
folder, the model and the data. Without --shard, it computes all shards that are
missing. 'sresnet merge' then makes the result.

It can be stopped at any point and in any way, and resumes from there when it is
called again, on any machine. Two that compute the same shard at once only waste
work. A shard that is finished already takes no time.

On SIGTERM, SIGINT or SIGUSR1 (which Slurm is told to send near the end of the
walltime), what is done is kept, and the exit code is 75. It is 0 if the shard
is finished, by this process or another. On SIGUSR1, a task of a Slurm job array
also asks to be requeued.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:cifar10 -o RUN --plan=40
  sresnet run RUN --shard 7
  sresnet run RUN --shard $SLURM_ARRAY_TASK_ID
  seq 0 39 | parallel sresnet run RUN --shard {}
  sresnet merge RUN`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.one = cmd.Flags().Changed("shard")
			if err := o.Check(); err != nil {
				return err
			}
			return runShards(cmd, args[0], &o)
		},
	}
	cmd.Flags().IntVar(&o.shard, "shard", 0, "compute shard `K`, counted from 0 (default: all that are missing)")
	optionFlags(cmd, &o.Options, []string{"workers"})
	mapFlag(cmd, &o.moved)
	cmd.ValidArgsFunction = completeFolder
	finish(cmd)
	return cmd
}

func runShards(cmd *cobra.Command, dir string, o *workOptions) error {
	ctx, stop := signal.NotifyContext(cmd.Context(), walltimeSignals...)
	defer stop()
	g, err := openGroup(dir)
	if err != nil {
		return err
	}
	var shards []int
	if o.one {
		k := o.shard
		if k < 0 || k >= g.Shards() {
			return usage("there is no shard %d: %s has those from 0 to %d", k, dir, g.Shards()-1)
		}
		shards = []int{k}
		if s := g.Split(shards)[0]; s.Run.Done(s.Shards[0]) {
			fmt.Fprintf(cmd.OutOrStdout(), "shard %d is finished already\n", k)
			return nil
		}
	} else if shards, err = g.Missing(); err != nil {
		return err
	}
	if len(shards) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "all shards are finished already")
		return nil
	}
	op := opener(cmd, o.Workers, o.moved)
	for _, s := range g.Split(shards) {
		if err := workOn(ctx, op, s); err != nil {
			return stopped(cmd, ctx, err)
		}
	}
	if o.one {
		fmt.Fprintf(cmd.OutOrStdout(), "shard %d is finished\n", o.shard)
	} else {
		terminal.Printf(cmd.OutOrStdout(), "%s finished; 'sresnet merge' makes the result\n", terminal.Plural(len(shards), "shard is", "shards are"))
	}
	return nil
}

// workOn does shards of a run.
func workOn(ctx context.Context, op *run.Opener, s shard.RunShards) error {
	k, err := op.Open(ctx, s.Run)
	if err != nil {
		return err
	}
	if study.Is(s.Run.Plan().Kind) {
		return study.Work(ctx, k, s.Shards)
	}
	e, err := k.Evaluator(ctx)
	if err != nil {
		return err
	}
	return k.Present(ctx, e, s.Shards)
}

// stopped turns work that a signal ended into what the caller of a worker is told.
// Near the end of the walltime, a task of Slurm first asks to be requeued.
func stopped(cmd *cobra.Command, ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cmd.Context().Err() == nil { // It was the walltime, not a user who wants the work to end.
		switch again, err := launch.Requeue(cmd.Context()); {
		case err != nil:
			fmt.Fprintf(cmd.ErrOrStderr(), "sresnet: warning: Slurm does not requeue this task: %v\n", err)
		case again:
			fmt.Fprintln(cmd.ErrOrStderr(), "the time of this job is nearly over: Slurm has requeued its task")
		}
	}
	return hint.Error(errCheckpoint, "what is done is kept: the same command resumes from there")
}
