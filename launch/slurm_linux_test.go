package launch

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
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
	standin := &suite{c: c, w: standinWorker(t)}
	program := &suite{c: c, w: programWorker(t)}
	overtime := standin.startOvertime(t)
	t.Run("together", func(t *testing.T) { // They leave the cluster as it is.
		for name, test := range map[string]func(*testing.T){
			"stand-in/whole": standin.testWhole, "stand-in/failing once": standin.testFailingOnce, "stand-in/poison": standin.testPoison,
			"stand-in/cancelled": standin.testCancelled, "stand-in/two attempts": standin.testTwoAttempts,
			"stand-in/two launchers": standin.testTwoLaunchers, "stand-in/signal": standin.testSignal,
			"program/failing once": program.testFailingOnce, "program/poison": program.testPoison,
			"program/signal": program.testSignal, "program/command": program.testCommand, "program/stopped": program.testStopped,
			"program/sweep": program.testSweep, "program/diagnosis": program.testDiagnosis,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("node lost/stand-in", standin.testNodeLost)
	t.Run("node lost/program", program.testNodeLost)
	t.Run("overtime", overtime)
	t.Run("controller lost/stand-in", standin.testControllerLost)
	t.Run("controller lost/program", program.testControllerLost)
}

// suite is the tests of one worker. All tasks stay off node n4, which startOvertime
// has for itself.
type suite struct {
	c      *cluster
	w      worker
	serial serialDigests
}

// launcher is a launcher at work.
type launcher struct {
	run  Run
	held bool // When it was planned.
	done chan error
	stop context.CancelFunc

	mu   sync.Mutex
	said []string
}

// launch starts the launcher on a new run.
func (s *suite) launch(t *testing.T, shards int, held bool, o SlurmOptions) *launcher {
	t.Helper()
	l := s.launchOn(t, s.w.plan(t, filepath.Join(t.TempDir(), "it's a run"), shards, held), o)
	l.held = held
	return l
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
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
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
	if got, want := s.w.digest(t, l.run), s.serial.get(t, s.w, kindOfRun{l.run.Shards(), l.held}); got != want {
		t.Errorf("digest %s, without a cluster %s", got, want)
	}
}

// underWay waits until a task of run has done some of its shard, and returns it.
func (s *suite) underWay(t *testing.T, run Run) Task {
	t.Helper()
	var task Task
	eventually(t, "a shard is under way", func() bool {
		tasks, err := SlurmTasks(t.Context(), run.Dir())
		if err != nil {
			t.Fatal(err)
		}
		for _, task = range tasks {
			if task.State == "RUNNING" && s.w.underWay(run, task.Shard) {
				return true
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
	task := s.underWay(t, l.run)
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
	task := s.underWay(t, l.run)
	other := attempt(t, s.w, l.run, "--shard", strconv.Itoa(task.Shard))
	s.w.release(t, l.run)
	if err := other.Wait(); err != nil {
		t.Errorf("the other attempt: %v", err)
	}
	l.exact(t, s, 1)
}

// The second launcher waits for the tasks of the first.
func (s *suite) testTwoLaunchers(t *testing.T) {
	first := s.launch(t, 3, true, SlurmOptions{MaxRunning: 1})
	s.underWay(t, first.run)
	second := s.launchOn(t, first.run, SlurmOptions{})
	eventually(t, "the second launcher waits", func() bool { return len(second.lines()) > 0 })
	s.w.release(t, first.run)
	second.exact(t, s, 0)
	first.exact(t, s, 1)
}

// A worker that hears that its time is nearly over puts its own task back into
// the queue, and no other.
func (s *suite) testSignal(t *testing.T) {
	l := s.launch(t, 3, true, SlurmOptions{Rounds: 1})
	task := s.underWay(t, l.run)
	s.signalOnce(t, l.run, task)
	s.w.release(t, l.run)
	l.exact(t, s, 1)
	want := map[int]int{0: 0, 1: 0, 2: 0}
	want[task.Shard] = 1
	if got := s.restarts(t, l.run); !maps.Equal(got, want) {
		t.Errorf("restarts by shard: %v, want %v", got, want)
	}
}

// signalOnce sends USR1 to a task, and waits until that has put it back into the queue.
// Slurm's scancel sends again, some seconds later, what finds its task on the way there:
// it is ended before.
func (s *suite) signalOnce(t *testing.T, run Run, task Task) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = command(ctx, "scancel", "--signal=USR1", "--batch", task.Job+"_"+strconv.Itoa(task.Shard))
	}()
	eventually(t, "the task is back in the queue", func() bool { return s.restarts(t, run)[task.Shard] > 0 })
	stop()
	<-done
}

// restarts returns how often Slurm has put the task of each shard back into the queue.
// The task itself may not live to say so, as Slurm ends it meanwhile.
func (s *suite) restarts(t *testing.T, run Run) map[int]int {
	t.Helper()
	out := s.c.ask(t, "squeue", "--noheader", "--array", "--states=all", "--name="+JobName(run.Dir()), "--Format=ArrayTaskID:20,RestartCnt:20")
	n := map[int]int{}
	for line := range strings.Lines(out) {
		var shard, restarts int
		if _, err := fmt.Sscan(line, &shard, &restarts); err != nil {
			t.Fatalf("squeue says %q: %v", line, err)
		}
		n[shard] = restarts
	}
	return n
}

// startOvertime starts a run whose shard is not finished before Slurm tells its
// task that its time is nearly over, and returns what waits for that. Slurm looks
// at the clock every half a minute, so that other tests have their turn meanwhile.
func (s *suite) startOvertime(t *testing.T) func(*testing.T) {
	t.Helper()
	l := s.launch(t, 1, true, SlurmOptions{Rounds: 1, Sbatch: []string{"--nodelist=n4", "--time=1", "--signal=B:USR1@59"}})
	return func(t *testing.T) {
		eventually(t, "the task is told to end", func() bool { return s.restarts(t, l.run)[0] > 0 })
		s.w.release(t, l.run)
		l.exact(t, s, 1)
	}
}

// A node is lost with all that runs there. Slurm starts its tasks on another.
func (s *suite) testNodeLost(t *testing.T) {
	l := s.launch(t, 3, true, SlurmOptions{Rounds: 1})
	task := s.underWay(t, l.run)
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
	l := s.launch(t, 3, true, SlurmOptions{MaxRunning: 2})
	s.underWay(t, l.run)
	eventually(t, "the controller has saved the job", func() bool {
		b, err := os.ReadFile(filepath.Join(s.c.dir, "state", "job_state"))
		return err == nil && bytes.Contains(b, []byte(JobName(l.run.Dir())))
	})
	kill(s.c.controller)
	s.w.release(t, l.run)
	eventually(t, "a shard is finished", func() bool {
		missing, err := l.run.Missing()
		return err == nil && len(missing) < 3
	})
	s.c.startController(t)
	l.exact(t, s, 1)
}

var measure = flag.Bool("measure", false, "measure how the time of a run falls with the nodes")

// TestSlurmNodes measures what Slurm and the launcher cost: shards that only sleep
// are computed on one, two and four nodes. docs/cluster.md has the result.
func TestSlurmNodes(t *testing.T) {
	if !*measure {
		t.Skip("-v -args -measure measures how the time of a run falls with the nodes")
	}
	s := &suite{c: startCluster(t), w: standinWorker(t)}
	for _, nodes := range []int{1, 2, 4} {
		options := map[int][]string{1: {"--exclude=n[2-4]"}, 2: {"--exclude=n[3-4]"}, 4: {}}[nodes]
		run := (&standinRun{dir: t.TempDir(), Count: 48, Delay: 100 * time.Millisecond}).write(t, false)
		start := time.Now()
		l := s.launchOn(t, run, SlurmOptions{Sbatch: options})
		if err := <-l.done; err != nil {
			t.Fatal(err)
		}
		t.Logf("48 shards of 2 s, two at a time on each of %d nodes: %.1f s", nodes, time.Since(start).Seconds())
	}
}
