package launch

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSlurm runs the launcher on a real Slurm, and breaks one thing after the
// other. Whatever happens, the result is that of all shards computed in turn.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	c := startCluster(t)
	suites := map[string]*suite{"stand-in": {c: c, w: standinWorker(t)}}
	overtime := suites["stand-in"].startOvertime(t)
	for name, s := range suites {
		t.Run(name, func(t *testing.T) {
			t.Run("together", s.testTogether)
			t.Run("node lost", s.testNodeLost)
		})
	}
	t.Run("overtime", overtime)
	for name, s := range suites {
		t.Run(name, func(t *testing.T) { t.Run("controller lost", s.testControllerLost) })
	}
}

// suite is the tests of one worker. All tasks stay off node n4, which startOvertime
// has for itself.
type suite struct {
	c      *cluster
	w      worker
	serial serialDigests
}

// testTogether does the tests that leave the cluster as it is.
func (s *suite) testTogether(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"whole": s.testWhole, "failing once": s.testFailingOnce, "poison": s.testPoison, "cancelled": s.testCancelled,
		"two attempts": s.testTwoAttempts, "two launchers": s.testTwoLaunchers, "signal": s.testSignal,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// launcher is a launcher at work.
type launcher struct {
	run  Run
	done chan error
	stop context.CancelFunc

	mu   sync.Mutex
	said []string
}

// launch starts the launcher on a new run.
func (s *suite) launch(t *testing.T, shards int, held bool, o SlurmOptions) *launcher {
	t.Helper()
	return s.launchOn(t, s.w.plan(t, filepath.Join(t.TempDir(), "it's a run"), shards, held), o)
}

func (s *suite) launchOn(t *testing.T, run Run, o SlurmOptions) *launcher {
	t.Helper()
	if o.Worker == nil {
		o.Worker = Worker(s.w.program, run.Dir())
	}
	if o.Sbatch == nil {
		o.Sbatch = []string{"--exclude=n4"}
	}
	o.Poll = 200 * time.Millisecond
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	l := &launcher{run: run, done: make(chan error, 1), stop: stop}
	o.Say = func(text string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.said = append(l.said, text)
	}
	go func() { l.done <- Slurm(ctx, run, o) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the launcher said %q", l.lines())
			t.Logf("its tasks said %q", l.logs())
		}
		stop()
	})
	return l
}

// lines returns what the launcher has said so far.
func (l *launcher) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.said)
}

// submissions counts the jobs of the launcher.
func (l *launcher) submissions() int {
	n := 0
	for _, line := range l.lines() {
		if strings.Contains(line, ": job ") {
			n++
		}
	}
	return n
}

// logs returns what the tasks wrote.
func (l *launcher) logs() string {
	var all strings.Builder
	for k := range l.run.Shards() {
		b, _ := os.ReadFile(logFile(l.run.Dir(), k))
		all.Write(b)
	}
	return all.String()
}

// exact waits for the launcher, and compares the result with the serial one.
func (l *launcher) exact(t *testing.T, s *suite, submissions int) {
	t.Helper()
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	if n := l.submissions(); n != submissions {
		t.Errorf("%d jobs were submitted, want %d", n, submissions)
	}
	s.exact(t, l.run)
}

func (s *suite) exact(t *testing.T, run Run) {
	t.Helper()
	if got, want := s.w.digest(t, run), s.serial.get(t, s.w, run.Shards()); got != want {
		t.Errorf("digest %s, in turn %s", got, want)
	}
}

// underWay waits until a task of run has done some of its shard, and returns it.
func underWay(t *testing.T, run Run) Task {
	t.Helper()
	var task Task
	eventually(t, "a shard is under way", func() bool {
		tasks, err := SlurmTasks(t.Context(), run.Dir())
		if err != nil {
			t.Fatal(err)
		}
		for _, task = range tasks {
			parts, _ := filepath.Glob(filepath.Join(run.Dir(), "shards", "shard-*"+strconv.Itoa(task.Shard)+"-of-*.part"))
			for _, p := range parts {
				if b, err := os.ReadFile(p); err == nil && bytes.Count(b, []byte("\n")) > 1 && task.State == "RUNNING" {
					return true
				}
			}
		}
		return false
	})
	return task
}

func (s *suite) testWhole(t *testing.T) {
	s.launch(t, 12, false, SlurmOptions{MaxRunning: 2}).exact(t, s, 1)
}

func (s *suite) testFailingOnce(t *testing.T) {
	run := s.w.plan(t, t.TempDir(), 6, false)
	l := s.launchOn(t, run, SlurmOptions{Worker: Worker(faulty(t, s.w, failingOnce("1", "4")), run.Dir())})
	l.exact(t, s, 2)
	if said := strings.Join(l.lines(), "\n"); !strings.Contains(said, "round 1 left 2 shards without a result: 1,4\n") || !strings.Contains(said, "made-up failure of shard 1") {
		t.Errorf("said %q", said)
	}
}

func (s *suite) testPoison(t *testing.T) {
	run := s.w.plan(t, t.TempDir(), 5, false)
	poison := faulty(t, s.w, `[ $4 != 3 ] || { echo "poison: $2"; exit 1; }`)
	l := s.launchOn(t, run, SlurmOptions{Worker: Worker(poison, run.Dir()), Rounds: 2})
	var failed *FailedError
	if err := <-l.done; !errors.As(err, &failed) || !slices.Equal(failed.Shards, []int{3}) || !strings.Contains(err.Error(), "shard-3.txt ends:\n    poison: ") {
		t.Fatalf("error %v", err)
	}
	if missing, err := l.run.Missing(); !slices.Equal(missing, []int{3}) || err != nil {
		t.Errorf("missing %v, error %v", missing, err)
	}
	s.launchOn(t, l.run, SlurmOptions{}).exact(t, s, 1) // With a program that is well.
}

// Cancelled tasks save their work and go on when the launcher is started again.
func (s *suite) testCancelled(t *testing.T) {
	l := s.launch(t, 2, true, SlurmOptions{})
	task := underWay(t, l.run)
	l.stop()
	if err := <-l.done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	s.c.ask(t, "scancel", task.Job)
	eventually(t, "the queue is empty", func() bool {
		tasks, err := SlurmTasks(t.Context(), l.run.Dir())
		return err == nil && len(tasks) == 0
	})
	s.w.release(t, l.run)
	s.launchOn(t, l.run, SlurmOptions{}).exact(t, s, 1)
}

// A shard is computed twice at once.
func (s *suite) testTwoAttempts(t *testing.T) {
	l := s.launch(t, 2, true, SlurmOptions{})
	task := underWay(t, l.run)
	other := attempt(t, s.w, l.run, "--shard", strconv.Itoa(task.Shard))
	s.w.release(t, l.run)
	l.exact(t, s, 1)
	if err := other.Wait(); err != nil {
		t.Errorf("the other attempt: %v", err)
	}
	s.exact(t, l.run)
}

// The second launcher waits for the tasks of the first.
func (s *suite) testTwoLaunchers(t *testing.T) {
	first := s.launch(t, 3, true, SlurmOptions{MaxRunning: 1})
	underWay(t, first.run)
	second := s.launchOn(t, first.run, SlurmOptions{})
	eventually(t, "the second launcher waits", func() bool { return len(second.lines()) > 0 })
	s.w.release(t, first.run)
	second.exact(t, s, 0)
	first.exact(t, s, 1)
}

// A worker that hears that its time is nearly over puts its own task back into
// the queue, and no other.
func (s *suite) testSignal(t *testing.T) {
	l := s.launch(t, 2, true, SlurmOptions{Rounds: 1})
	task := underWay(t, l.run)
	s.c.ask(t, "scancel", "--signal=USR1", "--batch", task.Job+"_"+strconv.Itoa(task.Shard))
	s.w.release(t, l.run)
	l.exact(t, s, 1)
	if n := strings.Count(l.logs(), "requeued: true"); n != 1 {
		t.Errorf("%d tasks were put back, want 1", n)
	}
}

// startOvertime starts a run whose shard is not finished before Slurm tells its
// task that its time is nearly over, and returns what waits for that. Slurm looks
// at the clock every half a minute, so that other tests have their turn meanwhile.
func (s *suite) startOvertime(t *testing.T) func(*testing.T) {
	t.Helper()
	l := s.launch(t, 1, true, SlurmOptions{Rounds: 1, Sbatch: []string{"--nodelist=n4", "--time=1", "--signal=B:USR1@59"}})
	return func(t *testing.T) {
		eventually(t, "the task is told to end", func() bool { return strings.Contains(l.logs(), "requeued: true") })
		s.w.release(t, l.run)
		l.exact(t, s, 1)
	}
}

// A node is lost with all that runs there. Slurm starts its tasks on another.
func (s *suite) testNodeLost(t *testing.T) {
	l := s.launch(t, 6, true, SlurmOptions{Rounds: 1})
	task := underWay(t, l.run)
	node := strings.TrimSpace(s.c.ask(t, "squeue", "--noheader", "--jobs="+task.Job+"_"+strconv.Itoa(task.Shard), "--format=%N"))
	s.c.killNode(t, node)
	s.c.ask(t, "scontrol", "update", "nodename="+node, "state=down", "reason=test") // Which Slurm finds out after half a minute.
	s.w.release(t, l.run)
	l.exact(t, s, 1)
	s.c.startNode(t, node)
	eventually(t, node+" is back", func() bool {
		return strings.Contains(s.c.ask(t, "sinfo", "--noheader", "--nodes="+node, "--format=%T"), "idle")
	})
}

// The controller is lost, and comes back when some tasks have ended.
func (s *suite) testControllerLost(t *testing.T) {
	l := s.launch(t, 9, true, SlurmOptions{})
	underWay(t, l.run)
	eventually(t, "the controller has saved the job", func() bool {
		b, err := os.ReadFile(filepath.Join(s.c.dir, "state", "job_state"))
		return err == nil && bytes.Contains(b, []byte(JobName(l.run.Dir())))
	})
	kill(s.c.controller)
	s.w.release(t, l.run)
	eventually(t, "a shard is finished", func() bool {
		missing, err := l.run.Missing()
		return err == nil && len(missing) < 9
	})
	s.c.startController(t)
	l.exact(t, s, 1)
}
