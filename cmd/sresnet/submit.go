package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/nearest"
	"sresnet/internal/shell"
	"sresnet/internal/terminal"
	"sresnet/launch"
	"sresnet/run"
	"sresnet/shard"
)

// Engines of submit.
const (
	onSlurm      = "slurm"
	onKubernetes = "k8s"
	onParallel   = "parallel"
	onMPI        = "mpi"
)

var submitEngines = []string{onSlurm, onKubernetes, onParallel, onMPI}

// submitOptions are those of submit.
type submitOptions struct {
	engine     string
	maxRunning int

	sbatch string
	noWait bool
	dryRun bool

	pod   string
	moved moves
}

// podOptions are the options of --pod.
var podOptions = []string{"image", "pvc", "mount", "cpus", "memory"}

// engineFlags names the engines of those flags that not all engines have.
var engineFlags = map[string][]string{
	"max-running": {onSlurm, onKubernetes, onParallel},
	"sbatch":      {onSlurm}, "no-wait": {onSlurm}, "dry-run": {onSlurm},
	"pod": {onKubernetes},
}

func newSubmit() *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit RUN",
		Short: "Compute the missing shards of a run on a cluster",
		Long: `submit has many machines compute what is missing of a run that 'sresnet eval
--out RUN --plan' has planned, or of the runs of a sweep or a diagnosis. They
must share the folder RUN, this program, the model and the data.

With Slurm, it submits an array of jobs, one per shard, waits, resubmits what
failed, up to three times, and makes the result. If further shards follow from
those, such as the test run of a sweep, it has them computed as well. A job
whose time is nearly over keeps what it did and is requeued, as is one whose
node is lost. You can stop submit at any time: the jobs continue, and the same
command waits for them again.

The other engines print what to give to another program: a manifest for
Kubernetes, or a command line of GNU parallel or mpirun. Then 'sresnet merge
RUN' makes the result.

docs/cluster.md has a page about each, and about troubleshooting.`,
		Example: `  sresnet eval resnet18.onnx --data folder:imagenet/val \
      --calibrate folder:imagenet/train -o RUN --plan=200
  sresnet submit RUN --dry-run
  sresnet submit RUN --sbatch "-p cpu -A project -t 2:00:00 -c 8 --mem 4G" \
      --max-running 50
  sresnet submit RUN --no-wait; sresnet status RUN
  sresnet submit RUN --engine k8s \
      --pod image=registry.example.org/sresnet:1,pvc=shared,mount=/data |
      kubectl apply -f -
  sresnet submit RUN --engine parallel | sh
  sresnet submit RUN --engine mpi`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSubmit(cmd, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.engine, "engine", onSlurm, "what starts the jobs; `WORD` is "+experiment.Either(submitEngines))
	f.IntVar(&o.maxRunning, "max-running", 0, "run at most `M` shards at a time; 0 means no limit, and with parallel one per machine")
	f.StringVar(&o.sbatch, "sbatch", "", "slurm: further `OPTIONS` of sbatch, such as partition, account, time, CPUs and memory per job")
	f.BoolVar(&o.noWait, "no-wait", false, "slurm: only submit, once")
	f.BoolVar(&o.dryRun, "dry-run", false, "slurm: print what would be submitted, and submit nothing")
	f.StringVar(&o.pod, "pod", "", "k8s: what a pod has; `LIST` is image=NAME (of a container whose entry point is sresnet), pvc=NAME (the volume claim with the run, the model and the data), mount=DIR (where it is mounted, so that its files have the paths that they have here; default: the folder that RUN is in), cpus=N, memory=AMOUNT")
	mapFlag(cmd, &o.moved)
	cmd.ValidArgsFunction = completeFolder
	_ = cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(submitEngines, cobra.ShellCompDirectiveNoFileComp)) // Fails only for unknown flags.
	finish(cmd)
	return cmd
}

// check returns a usage error for options that make no sense, alone or together.
func (o *submitOptions) check(flags *pflag.FlagSet) error {
	if !slices.Contains(submitEngines, o.engine) {
		return oneOf("engine", o.engine, submitEngines)
	}
	var wrong error
	flags.Visit(func(f *pflag.Flag) {
		if engines := engineFlags[f.Name]; engines != nil && !slices.Contains(engines, o.engine) && wrong == nil {
			wrong = fmt.Errorf("--%s is for --engine %s", f.Name, strings.Join(engines, " or "))
		}
	})
	switch {
	case wrong != nil:
		return wrong
	case o.maxRunning < 0:
		return fmt.Errorf("--max-running %d: give a number, or 0 for no limit", o.maxRunning)
	case o.noWait && o.dryRun:
		return errors.New("--dry-run submits nothing: omit --no-wait")
	}
	return nil
}

// kubernetes reads --pod.
func (o *submitOptions) kubernetes() (*launch.Kubernetes, error) {
	k := &launch.Kubernetes{CPUs: 1, Memory: "2Gi", MaxRunning: o.maxRunning, UID: os.Getuid(), GID: os.Getgid()}
	for part := range strings.SplitSeq(o.pod, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "":
		case "image":
			k.Image = value
		case "pvc":
			k.Claim = value
		case "mount":
			k.Mount = value
		case "memory":
			k.Memory = value
		case "cpus":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return nil, fmt.Errorf("--pod cpus=%s: give a number from 1 on", value)
			}
			k.CPUs = n
		default:
			return nil, fmt.Errorf("--pod %s: give image=NAME, pvc=NAME, mount=DIR, cpus=N and memory=AMOUNT%s", part, nearest.DidYouMean(name, podOptions))
		}
	}
	if k.Image == "" || k.Claim == "" {
		return nil, errors.New("--engine k8s needs --pod image=NAME,pvc=NAME")
	}
	return k, nil
}

func runSubmit(cmd *cobra.Command, dir string, o submitOptions) error {
	if err := o.check(cmd.Flags()); err != nil {
		return &usageError{err}
	}
	path, err := filepath.Abs(dir) // As jobs call it.
	if err != nil {
		return err
	}
	r, err := shard.OpenGroup(path)
	if err != nil {
		return noRun(dir, err)
	}
	worker, err := o.worker(path)
	if err != nil {
		return err
	}
	switch o.engine {
	case onKubernetes:
		return o.printManifest(cmd, r, worker)
	case onParallel, onMPI:
		line, err := "", error(nil)
		if o.engine == onParallel {
			line, err = launch.Parallel(r, worker, o.maxRunning)
		} else {
			line, err = launch.MPI(r, worker)
		}
		if err == nil && line == "" {
			allFinished(cmd, dir)
		} else if err == nil {
			fmt.Fprintln(cmd.OutOrStdout(), line)
		}
		return err
	}
	return o.slurm(cmd, dir, r, worker)
}

// printManifest prints what kubectl takes.
func (o *submitOptions) printManifest(cmd *cobra.Command, g *shard.Group, worker []string) error {
	k, err := o.kubernetes()
	if err != nil {
		return &usageError{err}
	}
	k.Worker = worker
	if k.Mount == "" {
		k.Mount = filepath.Dir(g.Dir())
	}
	manifest, err := k.Manifest(g)
	if err != nil {
		return &usageError{err}
	}
	if err := o.warnUnmounted(cmd.ErrOrStderr(), g, k.Mount); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s", manifest)
	return nil
}

// slurm submits to Slurm, or shows what it would submit.
func (o *submitOptions) slurm(cmd *cobra.Command, dir string, r *shard.Group, worker []string) error {
	options, err := shell.Split(o.sbatch)
	if err == nil {
		err = launch.CheckSbatch(options)
	}
	if err != nil {
		return usage("--sbatch: %w", err)
	}
	s := launch.SlurmOptions{Worker: worker, Sbatch: options, MaxRunning: o.maxRunning, NoWait: o.noWait}
	if o.dryRun {
		missing, err := r.Missing()
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			allFinished(cmd, dir)
			return nil
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", launch.JobScript(r, s), shell.Join(launch.SbatchLine(r, missing, s)))
		return nil
	}
	return submitSlurm(cmd, dir, r, s, o.moved)
}

// warnUnmounted names the files that workers need but may not see: those that are not
// below the mount point of the volume. They may be in the image.
func (o *submitOptions) warnUnmounted(w io.Writer, g *shard.Group, mount string) error {
	var warned []string
	for _, r := range g.Split(run.All(g)) {
		paths, err := (&run.Opener{Moved: o.moved}).Files(r.Run)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if rel, err := filepath.Rel(mount, path); err == nil && filepath.IsLocal(rel) || slices.Contains(warned, path) {
				continue
			}
			warned = append(warned, path)
			fmt.Fprintf(w, "sresnet: warning: %s is not below %s, where the volume is mounted: pods see it only if it is in the image\n", path, mount)
		}
	}
	return nil
}

// allFinished says that there is nothing to submit.
func allFinished(cmd *cobra.Command, dir string) {
	fmt.Fprintf(cmd.ErrOrStderr(), "all shards are finished: 'sresnet merge %s' makes the result\n", shell.Quote(dir))
}

// worker returns the command line of a worker.
func (o *submitOptions) worker(dir string) ([]string, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if strings.Contains(program, "go-build") {
		return nil, hint.Error(fmt.Errorf("%s is removed when this command ends, but jobs run later", program), "build the program with 'go build -o sresnet ./cmd/sresnet', and run that")
	}
	var options []string
	for _, m := range o.moved {
		options = append(options, "--map", m.From+"="+m.To)
	}
	return launch.Worker(program, dir, options...), nil
}

// submitSlurm has Slurm compute the run and what follows from its shards, and makes
// the result.
func submitSlurm(cmd *cobra.Command, dir string, r *shard.Group, s launch.SlurmOptions, moved moves) error {
	for {
		if err := waitSlurm(cmd, dir, r, s); err != nil {
			return err
		}
		if s.NoWait {
			quoted := shell.Quote(dir)
			terminal.Printf(cmd.OutOrStdout(), "'sresnet status %s' shows its progress; 'sresnet submit %s' waits for it and makes the result\n", quoted, quoted)
			return nil
		}
		err := runMerge(cmd, dir, moved, false, false)
		if !errors.Is(err, errMoreToDo) {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		if r, err = openGroup(r.Dir()); err != nil {
			return err
		}
	}
}

// waitSlurm has Slurm compute the missing shards.
func waitSlurm(cmd *cobra.Command, dir string, r *shard.Group, s launch.SlurmOptions) error {
	show := &submission{w: cmd.ErrOrStderr()}
	s.Say, s.Progress = show.say, show.update
	err := launch.Slurm(cmd.Context(), r, s)
	show.stop()
	name, quoted := launch.JobName(r.Dir()), shell.Quote(dir)
	var failed *launch.FailedError
	switch {
	case errors.Is(err, context.Canceled):
		return hint.Error(fmt.Errorf("%w: no longer waiting; the jobs continue", errInterrupted),
			"'sresnet submit %s' waits for them again; 'scancel --me --name=%s' cancels them and keeps what they did", quoted, name)
	case errors.As(err, &failed):
		remedy := "fix what the logs report, and 'sresnet submit %s' resumes the run"
		if r.Study() == nil {
			return hint.Error(err, remedy+"; 'sresnet merge %s --allow-missing' shows the result so far", quoted, quoted)
		}
		return hint.Error(err, remedy, quoted)
	}
	return err
}
