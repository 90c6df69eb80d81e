package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeRun is a run whose shards are finished by a fakeSlurm.
type fakeRun struct {
	dir      string
	shards   int
	finished map[int]bool
}

func (r *fakeRun) Dir() string { return r.dir }
func (r *fakeRun) Shards() int { return r.shards }
func (r *fakeRun) Missing() ([]int, error) {
	var list []int
	for k := range r.shards {
		if !r.finished[k] {
			list = append(list, k)
		}
	}
	return list, nil
}

// fakeSlurm answers the commands of Slurm. At every look at the queue one step
// goes by, in which the first task that can run does.
type fakeSlurm struct {
	t     *testing.T
	run   *fakeRun
	queue []Task
	jobs  int
	calls []string // sbatch and scancel, without the words that are always the same.

	outcome map[int][]string        // Per shard, what its attempts come to: ok if there is none left.
	before  func(name string) error // May stand for a controller that is away.
	after   func(name string) error
}

// Outcomes of an attempt.
const (
	ok      = "ok"      // Finishes its shard and leaves the queue.
	fail    = "fail"    // Leaves the queue.
	hold    = "hold"    // Is put on hold by Slurm.
	phantom = "phantom" // Finishes its shard and stays in the queue.
)

func (f *fakeSlurm) command(_ context.Context, name string, args ...string) (out string, err error) {
	if f.before != nil {
		if err := f.before(name); err != nil {
			return "", err
		}
	}
	switch name {
	case "scontrol":
		out = "ClusterName             = fake\nMaxArraySize            = 1001\n"
	case "squeue":
		f.step()
		for _, t := range f.queue {
			out += fmt.Sprintf("%s %d %s %s\n", t.Job, t.Shard, t.State, t.Reason)
		}
	case "sbatch":
		f.jobs++
		job := strconv.Itoa(f.jobs)
		for _, a := range args {
			if list, ok := strings.CutPrefix(a, "--array="); ok {
				f.calls = append(f.calls, "sbatch "+list)
				list, _, _ = strings.Cut(list, "%")
				for _, k := range numbers(f.t, list) {
					f.queue = append(f.queue, Task{job, k, "PENDING", "Priority"})
				}
			}
		}
		out = job + "\n"
	case "scancel":
		f.calls = append(f.calls, "scancel "+strings.Join(args, " "))
		f.queue = slices.DeleteFunc(f.queue, func(t Task) bool {
			return slices.Contains(args, t.Job) || slices.Contains(args, fmt.Sprintf("%s_%d", t.Job, t.Shard))
		})
	default:
		f.t.Errorf("unexpected command %s %q", name, args)
	}
	if f.after != nil {
		err = f.after(name)
	}
	return out, err
}

func (f *fakeSlurm) step() {
	for i, t := range f.queue {
		if t.State != "PENDING" || t.Reason != "Priority" {
			continue
		}
		outcome := ok
		if list := f.outcome[t.Shard]; len(list) > 0 {
			outcome, f.outcome[t.Shard] = list[0], list[1:]
		}
		if outcome == ok || outcome == phantom {
			f.run.finished[t.Shard] = true
		}
		switch outcome {
		case hold:
			f.queue[i].Reason = "launch failed requeued held"
		case phantom:
			f.queue[i].State = "RUNNING"
		default:
			f.queue = slices.Delete(f.queue, i, i+1)
		}
		return
	}
}

// numbers reads what ranges wrote.
func numbers(t *testing.T, list string) []int {
	t.Helper()
	var shards []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, isSpan := strings.Cut(part, "-")
		if !isSpan {
			last = first
		}
		a, err1 := strconv.Atoi(first)
		b, err2 := strconv.Atoi(last)
		if err := errors.Join(err1, err2); err != nil || b < a {
			t.Fatalf("%q is no list of shards: %v", list, err)
		}
		for k := a; k <= b; k++ {
			shards = append(shards, k)
		}
	}
	return shards
}

// launched is what a call of Slurm did.
type launched struct {
	err   error
	calls []string
	said  []string
	took  time.Duration
}

// launchFake runs the launcher on a fake Slurm that change has set up, in a time
// of its own.
func launchFake(t *testing.T, shards int, o SlurmOptions, change func(*fakeSlurm)) launched {
	t.Helper()
	var l launched
	synctest.Test(t, func(t *testing.T) {
		run := &fakeRun{dir: t.TempDir(), shards: shards, finished: map[int]bool{}}
		f := &fakeSlurm{t: t, run: run, outcome: map[int][]string{}}
		if change != nil {
			change(f)
		}
		o.Worker = Worker("/opt/sresnet", run.dir)
		o.Say = func(text string) { l.said = append(l.said, text) }
		s := &slurm{run: run, SlurmOptions: o.withDefaults(), name: JobName(run.dir), command: f.command}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour) // None of the tests below is to come near it.
		defer cancel()
		start := time.Now()
		l.err = s.launch(ctx)
		l.took, l.calls = time.Since(start), f.calls
		if l.err == nil && !o.NoWait {
			if missing, _ := run.Missing(); len(missing) > 0 {
				t.Errorf("no error, and shards %v are missing", missing)
			}
		}
	})
	return l
}

func TestSlurmLoop(t *testing.T) {
	away := &Error{Err: errors.New("squeue: Unable to contact slurm controller (connect failure)")}
	for _, tt := range []struct {
		name   string
		shards int
		o      SlurmOptions
		change func(*fakeSlurm)
		calls  []string
		said   string // Part of what was said.
		failed []int  // Shards of a FailedError.
	}{
		{name: "all goes well", shards: 5, calls: []string{"sbatch 0-4"}, said: "round 1: job 1, 5 shards: 0-4"},
		{
			name: "at most two at a time", shards: 3, o: SlurmOptions{MaxRunning: 2},
			calls: []string{"sbatch 0-2%2"},
		},
		{
			name: "only what is missing", shards: 8,
			change: func(f *fakeSlurm) { f.run.finished = map[int]bool{0: true, 3: true, 4: true, 7: true} },
			calls:  []string{"sbatch 1-2,5-6"},
		},
		{
			name: "nothing is missing, and Slurm not asked", shards: 1,
			change: func(f *fakeSlurm) {
				f.run.finished[0] = true
				f.before = func(name string) error { return errors.New(name + ": must not be called") }
			},
		},
		{
			name: "what fails comes again", shards: 4,
			change: func(f *fakeSlurm) { f.outcome = map[int][]string{1: {fail}, 3: {fail, fail}} },
			calls:  []string{"sbatch 0-3", "sbatch 1,3", "sbatch 3"},
			said:   "round 1 left 2 shards without a result: 1,3",
		},
		{
			name: "a poison shard is named", shards: 4,
			change: func(f *fakeSlurm) { f.outcome[2] = []string{fail, fail, fail, fail} },
			calls:  []string{"sbatch 0-3", "sbatch 2", "sbatch 2"},
			failed: []int{2},
		},
		{
			name: "as many rounds as asked for", shards: 2, o: SlurmOptions{Rounds: 1},
			change: func(f *fakeSlurm) { f.outcome[0] = []string{fail} },
			calls:  []string{"sbatch 0-1"},
			failed: []int{0},
		},
		{
			name: "tasks that ended and are still shown are cancelled", shards: 3,
			change: func(f *fakeSlurm) { f.outcome[1] = []string{phantom} },
			calls:  []string{"sbatch 0-2", "scancel 1"},
		},
		{
			name: "nor do they keep a failed one waiting", shards: 3,
			change: func(f *fakeSlurm) { f.outcome = map[int][]string{1: {phantom}, 2: {fail}} },
			calls:  []string{"sbatch 0-2", "sbatch 2", "scancel 1"},
		},
		{
			name: "tasks that Slurm cannot start are taken from it", shards: 3,
			change: func(f *fakeSlurm) { f.outcome[0] = []string{hold} },
			calls:  []string{"sbatch 0-2", "scancel 1_0", "sbatch 0"},
			said:   "Slurm failed to start tasks and holds them; cancelling 1_0",
		},
		{
			name: "tasks of an earlier call are waited for", shards: 4,
			change: func(f *fakeSlurm) {
				f.queue = []Task{{"77", 1, "PENDING", "Priority"}, {"77", 2, "PENDING", "Priority"}}
				f.outcome[2] = []string{fail}
				f.run.finished[0] = true
			},
			calls: []string{"sbatch 3", "sbatch 2"},
			said:  "round 1: 1 shard of an earlier job still in the queue",
		},
		{
			name: "no wait", shards: 4, o: SlurmOptions{NoWait: true},
			calls: []string{"sbatch 0-3"},
		},
		{
			name: "the controller is away for a while", shards: 3,
			change: func(f *fakeSlurm) {
				looks := 0
				f.before = func(name string) error {
					if name == "squeue" {
						if looks++; looks > 2 && looks < 100 {
							return away
						}
					}
					return nil
				}
				f.outcome[2] = []string{fail}
			},
			calls: []string{"sbatch 0-2", "sbatch 2"},
			said:  "Slurm answers again",
		},
		{
			name: "the controller forgets the job", shards: 3,
			change: func(f *fakeSlurm) {
				looks := 0
				f.before = func(name string) error {
					if name == "squeue" {
						if looks++; looks == 3 {
							f.queue = nil
						}
					}
					return nil
				}
			},
			calls: []string{"sbatch 0-2", "sbatch 1-2"},
		},
		{
			name: "the answer of sbatch is lost, but not the job", shards: 3,
			change: func(f *fakeSlurm) {
				f.after = func(name string) error {
					if name == "sbatch" {
						f.after = nil
						return errors.New("sbatch: Batch job submission failed: Socket timed out on send/recv operation")
					}
					return nil
				}
			},
			calls: []string{"sbatch 0-2"},
			said:  "still in the queue",
		},
		{
			name: "sbatch does not reach the controller", shards: 2,
			change: func(f *fakeSlurm) {
				f.before = func(name string) error {
					if name == "sbatch" {
						f.before = nil
						return errors.New("sbatch: Batch job submission failed: Unable to contact slurm controller (connect failure)")
					}
					return nil
				}
			},
			calls: []string{"sbatch 0-1"},
			said:  "trying again",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := launchFake(t, tt.shards, tt.o, tt.change)
			var failed *FailedError
			switch {
			case tt.failed == nil && l.err != nil:
				t.Errorf("error %v", l.err)
			case tt.failed != nil && (!errors.As(l.err, &failed) || !slices.Equal(failed.Shards, tt.failed)):
				t.Errorf("error %v, want one of shards %v", l.err, tt.failed)
			}
			if !slices.Equal(l.calls, tt.calls) {
				t.Errorf("commands %q, want %q", l.calls, tt.calls)
			}
			if !strings.Contains(strings.Join(l.said, "\n"), tt.said) {
				t.Errorf("said %q, want %q", l.said, tt.said)
			}
		})
	}
}

// What no further try would change is an error at once.
func TestSlurmRefuses(t *testing.T) {
	refusal := errors.New("sbatch: Batch job submission failed: Invalid account or account/partition combination specified")
	l := launchFake(t, 2, SlurmOptions{}, func(f *fakeSlurm) {
		f.before = func(name string) error {
			if name == "sbatch" {
				return refusal
			}
			return nil
		}
	})
	var e *Error
	if !errors.As(l.err, &e) || !errors.Is(l.err, refusal) || !strings.Contains(e.Remedy, "--sbatch") || l.took > time.Second {
		t.Errorf("error %v after %v", l.err, l.took)
	}
	l = launchFake(t, 1002, SlurmOptions{}, nil)
	if !errors.As(l.err, &e) || !strings.Contains(e.Remedy, "--plan=1000") || len(l.calls) > 0 {
		t.Errorf("error %v after %q", l.err, l.calls)
	}
	if l = launchFake(t, 1001, SlurmOptions{NoWait: true}, nil); l.err != nil {
		t.Error(l.err)
	}
	gone := errors.New("squeue: Unable to contact slurm controller")
	l = launchFake(t, 1, SlurmOptions{}, func(f *fakeSlurm) { f.before = func(string) error { return gone } })
	if !errors.Is(l.err, gone) || !errors.As(l.err, &e) || !strings.Contains(e.Remedy, "login node") || l.took > time.Second {
		t.Errorf("error %v after %v", l.err, l.took)
	}
}

// The launcher can be stopped at any moment and goes on with the same jobs.
func TestSlurmStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &fakeRun{dir: t.TempDir(), shards: 6, finished: map[int]bool{}}
		f := &fakeSlurm{t: t, run: run, outcome: map[int][]string{4: {fail}}}
		for range 20 {
			s := &slurm{run: run, SlurmOptions: SlurmOptions{Worker: Worker("/opt/sresnet", run.dir)}.withDefaults(), name: JobName(run.dir), command: f.command}
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // One look.
			err := s.launch(ctx)
			cancel()
			if err == nil {
				if want := []string{"sbatch 0-5", "sbatch 4"}; !slices.Equal(f.calls, want) {
					t.Errorf("commands %q, want %q", f.calls, want)
				}
				return
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
		}
		t.Errorf("not finished after 20 calls: %q", f.calls)
	})
}

func TestJobScript(t *testing.T) {
	run := &fakeRun{dir: "/data/it's a run/%a", shards: 3}
	o := SlurmOptions{Worker: Worker("/opt/my tools/sresnet", run.dir), Sbatch: []string{"-p", "cpu"}, MaxRunning: 7}
	script := JobScript(run, o)
	for _, line := range []string{
		"#!/bin/bash\n#SBATCH --job-name=" + JobName(run.dir) + "\n",
		"\n#SBATCH --requeue --open-mode=append --ntasks=1 --signal=B:USR1@120\n",
		"\n#SBATCH --output=log/shard-%a.txt\n",
		"\n" + `exec '/opt/my tools/sresnet' run '/data/it'\''s a run/%a' --shard "$SLURM_ARRAY_TASK_ID" --workers "$SLURM_CPUS_ON_NODE"` + "\n",
	} {
		if !strings.Contains("\n"+script, line) {
			t.Errorf("no line %q in\n%s", line, script)
		}
	}
	want := []string{"sbatch", "--parsable", "-p", "cpu", "--array=0-1,3%7", "--chdir=" + run.dir, filepath.Join(run.dir, "job.sh")}
	if got := SbatchLine(run, []int{0, 1, 3}, o); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJobName(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if a, b := JobName(dir), JobName(link); a != b {
		t.Errorf("%s, and through a link %s", a, b)
	}
	if a, b := JobName(dir), JobName(dir+"2"); a == b {
		t.Errorf("two folders have the name %s", a)
	}
	t.Chdir(dir)
	if a, b := JobName(dir), JobName("."); a != b {
		t.Errorf("%s, and by a relative path %s", a, b)
	}
}

func TestCheckSbatch(t *testing.T) {
	for _, good := range []string{"-p cpu -t 4:00:00 -A proj --mem 4G -c 8", "--partition=cpu --exclude n[1-3]", "--signal=B:USR1@600", "--ntasks=1 --arch=x"} {
		if err := CheckSbatch(strings.Fields(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"-a 1-3", "-a1-3", "--array=1", "-p cpu -J mine", "--job-name mine", "--wrap true", "--wait", "-W", "--output=x", "-M other", "mine.sh"} {
		if err := CheckSbatch(strings.Fields(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestParseQueue(t *testing.T) {
	got := parseQueue("12 0 RUNNING None\n12 7 PENDING launch failed requeued held\n13 N/A PENDING Priority\n\n12\n")
	want := []Task{{"12", 0, "RUNNING", "None"}, {"12", 7, "PENDING", "launch failed requeued held"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := Summary(append(got, got[1], Task{"12", 8, "PENDING", "None"})), "2 pending (launch failed requeued held), 1 pending, 1 running"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever squeue prints, tasks are of shards, and states are words.
func FuzzParseQueue(f *testing.F) {
	f.Add("12 0 RUNNING None\n12 7 PENDING launch failed requeued held\n13 N/A PENDING Priority\n12 -1 x\n")
	f.Fuzz(func(t *testing.T, out string) {
		for _, task := range parseQueue(out) {
			if task.Shard < 0 || task.Job == "" || task.State == "" {
				t.Errorf("%q: task %+v", out, task)
			}
		}
	})
}

func TestRanges(t *testing.T) {
	for _, tt := range []struct {
		shards []int
		want   string
	}{{nil, ""}, {[]int{4}, "4"}, {[]int{0, 1}, "0-1"}, {[]int{0, 1, 2, 5, 7, 8}, "0-2,5,7-8"}} {
		if got := Ranges(tt.shards); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.shards, got, tt.want)
		} else if tt.want != "" && !slices.Equal(numbers(t, got), tt.shards) {
			t.Errorf("%q does not come back", got)
		}
	}
}

func TestFailedError(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "log"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("so far all is well\n", 1000) + "sresnet: error: \x1b[31mno space\x1b[0m\n"
	if err := os.WriteFile(logFile(dir, 3), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := (&FailedError{Shards: []int{3, 7, 8, 9, 10}, Rounds: 2, dir: dir}).Error()
	for _, want := range []string{
		"5 shards without a result after 2 rounds: 3,7-10\n",
		"shard-3.txt ends:\n    so far all is well\n", "\n    sresnet: error:  [31mno space [0m\n",
		"shard-7.txt cannot be read: ", "\nand 2 more, ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Count(got, "so far") != shownLines-1 {
		t.Errorf("too much of the log:\n%s", got)
	}
}

// What users have in their environment for themselves is kept from Slurm's
// commands, and what their site wants is not.
func TestUnwanted(t *testing.T) {
	for _, bad := range []string{"SQUEUE_STATES=RUNNING", "SQUEUE_FORMAT=%i", "SBATCH_JOB_NAME=mine", "SBATCH_WAIT=1"} {
		if !unwanted(bad) {
			t.Errorf("%s is passed on", bad)
		}
	}
	for _, good := range []string{"SLURM_CONF=/etc/slurm.conf", "SBATCH_ACCOUNT=project", "SBATCH_PARTITION=cpu", "PATH=/bin"} {
		if unwanted(good) {
			t.Errorf("%s is not passed on", good)
		}
	}
}
