package launch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sresnet/internal/shell"
)

// SlurmOptions adjust how [Slurm] submits and waits. All but Worker have
// defaults.
type SlurmOptions struct {
	// Worker is what [Worker] returns, with a path of the program that every node
	// has.
	Worker []string

	// Sbatch is further options of sbatch: partition, time, account, memory, CPUs.
	// See [CheckSbatch].
	Sbatch []string

	// MaxRunning is how many tasks may run at a time. Defaults to as many as Slurm
	// will run.
	MaxRunning int

	// Rounds is how often a shard is submitted before it is given up. Defaults to 3.
	Rounds int

	// Poll is the time between two looks at the files and the queue. Defaults to 10
	// seconds.
	Poll time.Duration

	// NoWait returns as soon as the tasks are in the queue.
	NoWait bool

	// Say is told, in a line without its end, what was done and what went wrong.
	Say func(text string)

	// Progress is told, after every look, the state of the round.
	Progress func(Progress)
}

// Progress is the state of a round of [Slurm].
type Progress struct {
	Round       int // From 1.
	Done, Total int // Shards, of those that were missing when the round began.

	// Queue says what the queue holds, as [Summary] does.
	Queue string
}

func (o SlurmOptions) withDefaults() SlurmOptions {
	if o.Rounds == 0 {
		o.Rounds = 3
	}
	if o.Poll == 0 {
		o.Poll = 10 * time.Second
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// Slurm computes the missing shards of run as tasks of a job array, and waits for
// them. What has no result when no task is left for it is submitted again, for as
// many rounds as the options say; then the error is a [*FailedError]. Tasks that
// an earlier call has left in the queue are waited for rather than submitted.
//
// When ctx ends, Slurm returns its error; the tasks continue.
func Slurm(ctx context.Context, run Run, o SlurmOptions) error {
	s := &slurm{run: run, SlurmOptions: o.withDefaults(), name: JobName(run.Dir()), command: command}
	return s.launch(ctx)
}

// JobName returns the name of all jobs of the run in the folder dir. It tells
// them from those of other runs.
func JobName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	sum := sha256.Sum256([]byte(dir))
	return "sresnet-" + hex.EncodeToString(sum[:4])
}

// JobScript returns what [Slurm] submits: the script of one task, whose number is
// that of its shard. Paths in it are relative to the folder of the run, where
// sbatch is told to start it.
func JobScript(run Run, o SlurmOptions) string {
	// The worker takes the place of the shell, so that signals reach it: USR1 two
	// minutes before its time is over, after which it puts itself back into the
	// queue. --requeue is for nodes that are lost, --open-mode for logs of both
	// attempts.
	return fmt.Sprintf(`#!/bin/bash
#SBATCH --job-name=%s
#SBATCH --requeue --open-mode=append --ntasks=1 --signal=B:USR1@120
#SBATCH --output=log/shard-%%a.txt
exec %s --shard "$SLURM_ARRAY_TASK_ID" --workers "$SLURM_CPUS_ON_NODE"
`, JobName(run.Dir()), shell.Join(o.Worker))
}

// SbatchLine returns the command line that submits shards.
func SbatchLine(run Run, shards []int, o SlurmOptions) []string {
	array := Ranges(shards)
	if o.MaxRunning > 0 {
		array += "%" + strconv.Itoa(o.MaxRunning)
	}
	line := append([]string{"sbatch", "--parsable"}, o.Sbatch...)
	return append(line, "--array="+array, "--chdir="+run.Dir(), ScriptFile(run.Dir()))
}

// ScriptFile returns where the script is kept of the jobs of the run in the folder
// dir: the run was submitted to Slurm if it is there.
func ScriptFile(dir string) string { return filepath.Join(dir, "job.sh") }

// taken are the options of sbatch that [Slurm] needs for itself, in both forms.
var taken = []struct{ short, long string }{
	{"-a", "--array"},
	{"-D", "--chdir"},
	{"-J", "--job-name"},
	{"-M", "--clusters"}, // squeue would have to ask the other one.
	{"-o", "--output"},
	{"-W", "--wait"},
	{"", "--parsable"},
	{"", "--test-only"},
	{"", "--wrap"},
}

// CheckSbatch returns an error if an option is among those that [Slurm] needs
// for itself.
func CheckSbatch(options []string) error {
	for _, o := range options {
		name, _, _ := strings.Cut(o, "=")
		for _, t := range taken {
			if name == t.long || t.short != "" && strings.HasPrefix(o, t.short) {
				return fmt.Errorf("%s: omit %s, which conflicts with what the launcher does", o, t.long)
			}
		}
		if !strings.HasPrefix(o, "-") && strings.HasSuffix(o, ".sh") {
			return fmt.Errorf("%s looks like a script: the launcher writes the script", o)
		}
	}
	return nil
}

// slurm is one call of [Slurm].
type slurm struct {
	run Run
	SlurmOptions
	name    string
	command func(ctx context.Context, name string, args ...string) (string, error)
	trouble string // What the last look at the queue ended with.
}

func (s *slurm) launch(ctx context.Context) error {
	missing, err := s.run.Missing()
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	queue, err := s.queue(ctx)
	if err != nil {
		return silent(err)
	}
	for round := 1; ; round++ {
		missing, err = s.submit(ctx, round, queue)
		if err != nil || s.NoWait {
			return err
		}
		if missing, queue, err = s.wait(ctx, round, missing); err != nil {
			return err
		}
		switch {
		case len(missing) == 0:
			return s.cancel(ctx, queue)
		case round == s.Rounds:
			return &FailedError{Shards: missing, Rounds: round, dir: s.run.Dir()}
		}
		s.Say(fmt.Sprintf("round %d left %s without a result: %s", round, plural(len(missing), "shard"), Ranges(missing)))
		s.Say(endOfLog(logFile(s.run.Dir(), missing[0]), 2))
	}
}

// prepare checks that Slurm takes an array of that size, and writes the script.
func (s *slurm) prepare(ctx context.Context) error {
	config, err := s.command(ctx, "scontrol", "show", "config")
	if err != nil {
		return silent(err)
	}
	if most, ok := maxArraySize(config); ok && s.run.Shards() > most {
		return &Error{
			fmt.Errorf("the run has %d shards, but this Slurm numbers the tasks of an array below %d", s.run.Shards(), most),
			fmt.Sprintf("plan the run anew with --plan=%d, in another folder if it has been started", min(most, 1000)),
		}
	}
	if err := os.MkdirAll(filepath.Join(s.run.Dir(), "log"), 0o777); err != nil {
		return err
	}
	return os.WriteFile(ScriptFile(s.run.Dir()), []byte(JobScript(s.run, s.SlurmOptions)), 0o777)
}

// maxArraySize finds, in the configuration that scontrol shows, the number that
// those of tasks must stay below.
func maxArraySize(config string) (int, bool) {
	for line := range strings.Lines(config) {
		if key, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(key) == "MaxArraySize" {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			return n, err == nil && n > 0
		}
	}
	return 0, false
}

// submit submits the missing shards that are not in the queue, which was looked at
// before, and returns all that are missing.
func (s *slurm) submit(ctx context.Context, round int, queue []Task) ([]int, error) {
	for {
		// In this order: a task that has left the queue by now has its file, if any.
		missing, err := s.run.Missing()
		if err != nil {
			return nil, err
		}
		todo := without(missing, queued(queue))
		if n := len(missing) - len(todo); n > 0 {
			s.Say(fmt.Sprintf("round %d: %s of an earlier job still in the queue", round, plural(n, "shard")))
		}
		if len(todo) == 0 {
			return missing, nil
		}
		line := SbatchLine(s.run, todo, s.SlurmOptions)
		out, err := s.command(ctx, line[0], line[1:]...)
		if err == nil {
			id, _, _ := strings.Cut(strings.TrimSpace(out), ";") // The name of the cluster may follow.
			s.Say(fmt.Sprintf("round %d: job %s, %s: %s", round, id, plural(len(todo), "shard"), Ranges(todo)))
			return missing, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !unreachable(err) {
			return nil, refused(err)
		}
		// The job may have arrived although the answer did not: look before another try.
		s.Say(fmt.Sprintf("%v; trying again", err))
		if queue, err = s.answer(ctx); err != nil {
			return nil, err
		}
	}
}

// unreachable reports whether a command failed because Slurm did not answer,
// rather than because of what it answered.
func unreachable(err error) bool {
	for _, s := range []string{"nable to contact slurm controller", "timed out", "emporarily unavailable", "onnection refused"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// refused adds what to do to an error of sbatch, where this is known.
func refused(err error) error {
	hint := "--sbatch has the options of sbatch that your cluster wants, such as \"-p PARTITION -A ACCOUNT -t 4:00:00\""
	if strings.Contains(err.Error(), "limit") {
		hint = "the cluster limits jobs: plan the run with fewer shards, or ask for less with --sbatch"
	}
	return &Error{err, hint}
}

// silent adds what to do to an error of the first commands, unless it says so
// itself.
func silent(err error) error {
	var e *Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return err
	}
	return &Error{err, "see what 'sinfo' says; submit where Slurm answers, such as on a login node of the cluster"}
}

// answer returns what the queue holds, after as many tries as it takes.
func (s *slurm) answer(ctx context.Context) ([]Task, error) {
	for {
		if err := sleep(ctx, s.Poll); err != nil {
			return nil, err
		}
		if queue, ok := s.look(ctx); ok {
			return queue, nil
		}
	}
}

// wait returns when every shard is finished, or no task is left for those that
// are not: these it returns, with what the queue holds.
func (s *slurm) wait(ctx context.Context, round int, missing []int) ([]int, []Task, error) {
	var queue []Task // As it was when there was an answer.
	total := len(missing)
	idle := false // The last look found no task.
	began := time.Now()
	for {
		s.Progress(Progress{Round: round, Done: total - len(missing), Total: total, Queue: Summary(queue)})
		// A run that takes a moment is looked at more often.
		if err := sleep(ctx, min(s.Poll, max(time.Since(began)/4, time.Second))); err != nil {
			return nil, nil, err
		}
		seen, ok := s.look(ctx)
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if ok {
			queue = s.release(ctx, seen)
		}
		var err error
		if missing, err = s.run.Missing(); err != nil { // After the queue, as in submit.
			return nil, nil, err
		}
		if len(missing) == 0 {
			s.Progress(Progress{Round: round, Done: total, Total: total})
			return nil, queue, nil
		}
		// Tasks of finished shards may stay in the queue for minutes after a controller
		// has lost its memory, so these do not count. Look twice: the file of a task that
		// has just ended may not be seen from this machine yet.
		none := ok && !slices.ContainsFunc(missing, queued(queue))
		if none && idle {
			return missing, queue, nil
		}
		idle = none || idle && !ok
	}
}

// look asks for the queue. If there is no answer it says so, once for each
// reason.
func (s *slurm) look(ctx context.Context) ([]Task, bool) {
	queue, err := s.queue(ctx)
	trouble := ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != s.trouble && ctx.Err() == nil {
		if err != nil {
			s.Say(trouble + "; asking again, as the tasks may still be running")
		} else {
			s.Say("Slurm answers again")
		}
		s.trouble = trouble
	}
	return queue, err == nil
}

// release cancels the tasks that Slurm itself has put on hold, as it does when a
// node fails to start them, and returns the others. They would wait for an
// administrator; the next round does not.
func (s *slurm) release(ctx context.Context, queue []Task) []Task {
	var held []string
	rest := slices.DeleteFunc(slices.Clone(queue), func(t Task) bool {
		if t.State != "PENDING" || !strings.Contains(t.Reason, "requeued held") && !strings.Contains(t.Reason, "MaxRequeue") {
			return false
		}
		held = append(held, fmt.Sprintf("%s_%d", t.Job, t.Shard))
		return true
	})
	if len(held) == 0 {
		return queue
	}
	s.Say("Slurm failed to start tasks and holds them; cancelling " + strings.Join(held, " "))
	if _, err := s.command(ctx, "scancel", held...); err != nil {
		s.Say(err.Error())
		return queue
	}
	return rest
}

// cancel removes from the queue what is there of a run that is finished: tasks
// that ended without the controller's knowledge, or second attempts.
func (s *slurm) cancel(ctx context.Context, queue []Task) error {
	var jobs []string
	for _, t := range queue {
		if !slices.Contains(jobs, t.Job) {
			jobs = append(jobs, t.Job)
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	if _, err := s.command(ctx, "scancel", jobs...); err != nil {
		s.Say(err.Error()) // No harm: the tasks find their shards finished.
	}
	return nil
}

// Task is a task in the queue.
type Task struct {
	Job    string // Number of the array.
	Shard  int
	State  string // As squeue names it: PENDING, RUNNING.
	Reason string // Why it is in that state, None if there is nothing to say.
}

// SlurmTasks returns what Slurm's queue holds of the run in the folder dir. Where
// there is no Slurm, the error is an [exec.ErrNotFound].
func SlurmTasks(ctx context.Context, dir string) ([]Task, error) {
	return (&slurm{name: JobName(dir), command: command}).queue(ctx)
}

func (s *slurm) queue(ctx context.Context) ([]Task, error) {
	out, err := s.command(ctx, "squeue", "--me", "--name="+s.name, "--array", "--noheader", "--format=%F %K %T %r")
	if err != nil {
		return nil, err
	}
	return parseQueue(out), nil
}

// parseQueue reads lines of job, task, state and reason. Those without the number
// of a task are no tasks of an array.
func parseQueue(out string) []Task {
	var list []Task
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		shard, err := strconv.Atoi(f[1])
		if err != nil || shard < 0 {
			continue
		}
		list = append(list, Task{Job: f[0], Shard: shard, State: f[2], Reason: strings.Join(f[3:], " ")})
	}
	return list
}

// queued returns a function that reports whether a shard is in the queue.
func queued(queue []Task) func(shard int) bool {
	in := make(map[int]bool, len(queue))
	for _, t := range queue {
		in[t.Shard] = true
	}
	return func(shard int) bool { return in[shard] }
}

// Summary counts tasks by state, and those that do not run by reason, too; most
// first: "2 running, 3 pending (Resources)".
func Summary(queue []Task) string {
	count := map[string]int{}
	for _, t := range queue {
		what := strings.ToLower(t.State)
		if t.State != "RUNNING" && t.Reason != "" && t.Reason != "None" {
			what += " (" + t.Reason + ")"
		}
		count[what]++
	}
	var list []string
	for what := range count {
		list = append(list, what)
	}
	slices.SortFunc(list, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	for i, what := range list {
		list[i] = strconv.Itoa(count[what]) + " " + what
	}
	return strings.Join(list, ", ")
}

// command runs a command of Slurm and returns what it prints. Its error has what
// the command said.
func command(ctx context.Context, name string, args ...string) (string, error) {
	patience := 2 * time.Minute
	if name == "sbatch" { // Which waits for a controller that is down.
		patience = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), unwanted)
	cmd.WaitDelay = time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case err == nil:
		return string(out), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", &Error{
			fmt.Errorf("there is no command %s here: %w", name, exec.ErrNotFound),
			"submit on a machine where Slurm's commands are, such as a login node of the cluster",
		}
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s: %w", name, ctx.Err())
	}
	said := strings.Join(strings.Fields(strings.ReplaceAll(stderr.String(), name+": error: ", "")), " ")
	if said == "" {
		said = err.Error()
	}
	return "", fmt.Errorf("%s: %s", name, said)
}

// unwanted reports whether a variable of the environment would hide tasks from
// squeue, or change what the script of a job says, over which the environment
// has precedence.
func unwanted(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	switch name {
	case "SLURM_CLUSTERS", "SBATCH_CLUSTERS", "SBATCH_ARRAY_INX", "SBATCH_JOB_NAME", "SBATCH_OUTPUT", "SBATCH_OPEN_MODE",
		"SBATCH_REQUEUE", "SBATCH_NO_REQUEUE", "SBATCH_SIGNAL", "SBATCH_WAIT":
		return true
	}
	return strings.HasPrefix(name, "SQUEUE_")
}

// sleep waits, and returns the error of ctx if this ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
