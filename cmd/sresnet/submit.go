package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/internal/hint"
	"sresnet/internal/shell"
	"sresnet/launch"
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
	shards     int

	sbatch string
	rounds int
	poll   time.Duration
	noWait bool
	dryRun bool

	image, claim, mount, memory string
	cpus                        int

	where where
}

// engineFlags names the engines of the flags that not all have.
var engineFlags = map[string][]string{
	"max-running": {onSlurm, onKubernetes, onParallel},
	"sbatch":      {onSlurm}, "rounds": {onSlurm}, "poll": {onSlurm}, "no-wait": {onSlurm}, "dry-run": {onSlurm},
	"image": {onKubernetes}, "pvc": {onKubernetes}, "mount": {onKubernetes}, "cpus": {onKubernetes}, "memory": {onKubernetes},
}

func newSubmit() *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit RUN",
		Short: "Have a cluster do the shards of a run",
		Long: `submit has many machines do what is missing of a run that 'sresnet eval --out RUN
--plan-only' has planned, or of the runs of a sweep or a diagnosis. They must share the
folder RUN, this program, the model and the data.

With Slurm, it submits an array of jobs, one a shard, waits, submits again what
failed, for as many rounds as you say, and makes the result. Where further shards
follow from those, such as the test run of a sweep, it has them done, too. A job whose time is
nearly over keeps what it did and goes back into the queue; so does one whose node
is lost. Stop submit whenever you like: the jobs go on, and the same command waits
for them again.

The other engines print what to give to somebody else: a manifest for Kubernetes, or
a command line of GNU parallel or mpirun. Then 'sresnet merge RUN' makes the result.

docs/cluster.md has a page about each, and what to do about trouble.`,
		Example: `  sresnet eval resnet18.onnx --data folder:imagenet/val --calibrate folder:imagenet/train \
      --out RUN --plan-only --shards 200
  sresnet submit RUN --dry-run
  sresnet submit RUN --sbatch "-p cpu -A project -t 2:00:00 -c 8 --mem 4G" --max-running 50
  sresnet submit RUN --no-wait; sresnet status RUN
  sresnet submit RUN --engine k8s --image registry.example.org/sresnet:1 --pvc shared --mount /data | kubectl apply -f -
  sresnet submit RUN --engine parallel | sh
  sresnet submit RUN --engine mpi`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSubmit(cmd, args[0], o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.engine, "engine", onSlurm, "who starts the jobs: "+strings.Join(submitEngines, ", "))
	f.IntVar(&o.maxRunning, "max-running", 0, "do `M` shards at a time; 0 means as many as there is room for, with parallel one a machine")
	f.StringVar(&o.sbatch, "sbatch", "", "slurm: further `OPTIONS` of sbatch, such as partition, account, time, CPUs and memory of a job")
	f.IntVar(&o.rounds, "rounds", 3, "slurm: submit a shard up to `N` times")
	f.DurationVar(&o.poll, "poll", 10*time.Second, "slurm: look at the files and the queue every `TIME`")
	f.BoolVar(&o.noWait, "no-wait", false, "slurm: only submit, once")
	f.BoolVar(&o.dryRun, "dry-run", false, "slurm: print what would be submitted, and do nothing")
	f.StringVar(&o.image, "image", "", "k8s: `NAME` of a container image whose entry point is sresnet")
	f.StringVar(&o.claim, "pvc", "", "k8s: `NAME` of the persistent volume claim with the run, the model and the data")
	f.StringVar(&o.mount, "mount", "", "k8s: `DIR` where the claim is mounted, so that its files have the paths that they have here; default: the folder that RUN is in")
	f.IntVar(&o.cpus, "cpus", 1, "k8s: `N` CPUs a pod")
	f.StringVar(&o.memory, "memory", "2Gi", "k8s: `AMOUNT` of memory a pod")
	f.IntVar(&o.shards, "shards", 0, "divide the run into `N` shards, if no work on it has begun; 0 leaves it as it was planned")
	o.where.flags(f)
	f.SortFlags = false
	completeFolders(cmd)
	_ = cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(submitEngines, cobra.ShellCompDirectiveNoFileComp)) // Fails only for unknown flags.
	return cmd
}

// check returns a usage error for options that make no sense, alone or together.
func (o *submitOptions) check(flags *pflag.FlagSet) error {
	if !slices.Contains(submitEngines, o.engine) {
		return fmt.Errorf("--engine %q: give %s", o.engine, strings.Join(submitEngines, ", "))
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
	case o.shards < 0 || o.shards > shard.MaxShards:
		return fmt.Errorf("--shards %d: give a number up to %d, or 0 for those that were planned", o.shards, shard.MaxShards)
	case o.maxRunning < 0:
		return fmt.Errorf("--max-running %d: give a number, or 0 for as many as there is room for", o.maxRunning)
	case o.rounds < 1:
		return fmt.Errorf("--rounds %d: give 1 or more", o.rounds)
	case o.poll < time.Second:
		return fmt.Errorf("--poll %v: give 1s or more", o.poll)
	case o.cpus < 1:
		return fmt.Errorf("--cpus %d: give 1 or more", o.cpus)
	case o.engine == onKubernetes && (o.image == "" || o.claim == ""):
		return errors.New("--engine k8s wants --image and --pvc")
	case o.noWait && o.dryRun:
		return errors.New("--dry-run submits nothing: leave --no-wait away")
	case o.shards > 0 && o.dryRun:
		return errors.New("--dry-run changes nothing: leave --shards away")
	}
	return nil
}

func runSubmit(cmd *cobra.Command, dir string, o submitOptions) error {
	usage := func(err error) error { return &usageError{cmd.CommandPath(), err} }
	if err := o.check(cmd.Flags()); err != nil {
		return usage(err)
	}
	r, err := openGroup(dir)
	if err != nil {
		return err
	}
	if o.shards > 0 {
		if r, err = divideRun(dir, o.shards); err != nil {
			return err
		}
	}
	if err := o.where.absolute(); err != nil {
		return err
	}
	worker, err := o.worker(r.Dir())
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	switch o.engine {
	case onKubernetes:
		k := launch.Kubernetes{
			Image: o.image, Worker: worker, Claim: o.claim, Mount: o.mount, CPUs: o.cpus, Memory: o.memory,
			MaxRunning: o.maxRunning, UID: os.Getuid(), GID: os.Getgid(),
		}
		if k.Mount == "" {
			k.Mount = filepath.Dir(r.Dir())
		}
		manifest, err := k.Manifest(r)
		if err != nil {
			return usage(err)
		}
		if err := o.warnUnmounted(cmd.ErrOrStderr(), r, k.Mount); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s", manifest)
		return nil
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
			fmt.Fprintln(w, line)
		}
		return err
	}
	options, err := shell.Split(o.sbatch)
	if err == nil {
		err = launch.CheckSbatch(options)
	}
	if err != nil {
		return usage(fmt.Errorf("--sbatch: %w", err))
	}
	s := launch.SlurmOptions{Worker: worker, Sbatch: options, MaxRunning: o.maxRunning, Rounds: o.rounds, Poll: o.poll, NoWait: o.noWait}
	if o.dryRun {
		missing, err := r.Missing()
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			allFinished(cmd, dir)
			return nil
		}
		fmt.Fprintf(w, "%s\n%s\n", launch.JobScript(r, s), shell.Join(launch.SbatchLine(r, missing, s)))
		return nil
	}
	return submitSlurm(cmd, dir, r, s, o.where)
}

// divideRun gives the run in a folder another number of shards.
func divideRun(dir string, shards int) (*shard.Group, error) {
	r, err := shard.Open(dir)
	if errors.Is(err, fs.ErrNotExist) { // As the other reading of the folder has found runs in it.
		return nil, hint.Error(fmt.Errorf("--shards %d: %s holds several runs, which are divided when they are planned", shards, dir), "give --shards to the command that plans them")
	}
	if err != nil {
		return nil, err
	}
	if _, err := r.Divide(shards); err != nil {
		return nil, hint.Error(err, "leave --shards away, or plan the run again in another folder")
	}
	return openGroup(dir)
}

// warnUnmounted names the files that workers need and do not see: those that do not lie
// where the volume is mounted. They may be in the image.
func (o *submitOptions) warnUnmounted(w io.Writer, g *shard.Group, mount string) error {
	var named []string
	for _, s := range g.Split(allShards(g)) {
		c, err := readConfig(s.Run)
		if err != nil {
			return err
		}
		data, _ := c.Manifest.Options["data"].(string)
		if data = cmp.Or(o.where.data, data); c.Training != nil {
			data = cmp.Or(o.where.calibrate, o.where.data, c.Training.Spec)
		}
		for _, spec := range []string{cmp.Or(o.where.model, c.Manifest.Model.Name), data} {
			_, path := specPath(spec)
			if path == "" {
				continue
			}
			if !filepath.IsAbs(path) {
				path = filepath.Join(c.Dir, path)
			}
			if rel, err := filepath.Rel(mount, path); err == nil && filepath.IsLocal(rel) || slices.Contains(named, path) {
				continue
			}
			named = append(named, path)
			fmt.Fprintf(w, "sresnet: warning: %s is not below %s, where the volume is mounted: pods see it only if the image has it\n", path, mount)
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
		return nil, hint.Error(fmt.Errorf("%s is gone when this command ends, and jobs run later", program), "build the program with 'go build -o sresnet ./cmd/sresnet', and call that")
	}
	var options []string
	for _, f := range [][]string{{"--model", o.where.model}, {"--data", o.where.data}, {"--calibrate", o.where.calibrate}} {
		if f[1] != "" {
			options = append(options, f...)
		}
	}
	return launch.Worker(program, dir, options...), nil
}

// submitSlurm has Slurm do the run and what follows from its shards, and makes the
// result.
func submitSlurm(cmd *cobra.Command, dir string, r *shard.Group, s launch.SlurmOptions, o where) error {
	for {
		if err := waitSlurm(cmd, dir, r, s); err != nil {
			return err
		}
		if s.NoWait {
			quoted := shell.Quote(dir)
			fmt.Fprintf(cmd.OutOrStdout(), "'sresnet status %s' shows how far it is; 'sresnet submit %s' waits for it and makes the result\n", quoted, quoted)
			return nil
		}
		err := runMerge(cmd, dir, o, false, false)
		if !errors.Is(err, errMoreToDo) {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		if r, err = openGroup(dir); err != nil {
			return err
		}
	}
}

// waitSlurm has Slurm do the shards that there are.
func waitSlurm(cmd *cobra.Command, dir string, r *shard.Group, s launch.SlurmOptions) error {
	show := &submission{w: cmd.ErrOrStderr()}
	s.Say, s.Progress = show.say, show.update
	err := launch.Slurm(cmd.Context(), r, s)
	show.stop()
	name, quoted := launch.JobName(r.Dir()), shell.Quote(dir)
	var failed *launch.FailedError
	switch {
	case errors.Is(err, context.Canceled):
		return hint.Error(fmt.Errorf("%w: no longer waiting; the jobs go on", errInterrupted),
			"'sresnet submit %s' waits for them again; 'scancel --me --name=%s' ends them, and what they did is kept", quoted, name)
	case errors.As(err, &failed):
		remedy := "mend what the logs tell, and 'sresnet submit %s' goes on"
		if r.Command() == nil {
			return hint.Error(err, remedy+"; 'sresnet merge %s --allow-missing' shows what there is", quoted, quoted)
		}
		return hint.Error(err, remedy, quoted)
	}
	return err
}
