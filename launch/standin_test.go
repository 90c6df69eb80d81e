package launch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sresnet/internal/shell"
)

// TestMain makes this binary a worker, or the guard of a cluster, if it is called
// as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "guard" {
		guard(os.Args[2])
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "run" {
		os.Exit(standin(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// worker is a program that computes shards, and what tests have to know of it.
type worker struct {
	program string

	// plan makes a run in dir. If something is to happen to the run, its shards are
	// held when they are under way, until release is called.
	plan    func(t *testing.T, dir string, shards int, held bool) Run
	release func(t *testing.T, run Run)

	// underWay reports whether some of a shard has been done that was not finished
	// before.
	underWay func(run Run, shard int) bool

	// digest returns a sum of the result of a run that is whole.
	digest func(t *testing.T, run Run) string
}

// standinWorker is this binary. Its images are numbers, and it follows the rules
// for files that a worker has to.
func standinWorker(t *testing.T) worker {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return worker{program, planStandin, releaseStandin, underWayStandin, digestStandin}
}

// imagesOfShard is how many images a shard of the stand-in has.
const imagesOfShard = 20

func planStandin(t *testing.T, dir string, shards int, held bool) Run {
	t.Helper()
	return (&standinRun{dir: dir, Count: shards, Delay: 5 * time.Millisecond}).write(t, held)
}

func (r *standinRun) write(t *testing.T, held bool) Run {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(r.dir, "shards"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	err = errors.Join(err, os.WriteFile(filepath.Join(r.dir, "plan.json"), b, 0o644))
	if held {
		err = errors.Join(err, os.WriteFile(r.hold(), nil, 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func releaseStandin(t *testing.T, run Run) {
	t.Helper()
	if err := os.Remove(run.(*standinRun).hold()); err != nil {
		t.Fatal(err)
	}
}

func underWayStandin(run Run, k int) bool {
	parts, _ := filepath.Glob(run.(*standinRun).file(k) + ".*.part")
	return slices.ContainsFunc(parts, func(name string) bool {
		b, err := os.ReadFile(name)
		return err == nil && bytes.Count(b, []byte("\n")) > 1
	})
}

// standinRun is a run of the stand-in, and the content of its plan.
type standinRun struct {
	dir   string
	Count int
	Delay time.Duration // Of an image.
}

func (r *standinRun) Dir() string { return r.dir }
func (r *standinRun) Shards() int { return r.Count }
func (r *standinRun) Missing() ([]int, error) {
	var list []int
	for k := range r.Count {
		if _, err := os.Stat(r.file(k)); errors.Is(err, fs.ErrNotExist) {
			list = append(list, k)
		} else if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// hold is the file that holds shards in their middle.
func (r *standinRun) hold() string { return filepath.Join(r.dir, "hold") }

func (r *standinRun) file(k int) string {
	return filepath.Join(r.dir, "shards", fmt.Sprintf("shard-%05d-of-%05d.json", k, r.Count))
}

func digestStandin(t *testing.T, run Run) string {
	t.Helper()
	h := sha256.New()
	for k := range run.Shards() {
		b, err := os.ReadFile(run.(*standinRun).file(k))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// image is what the stand-in computes of an image.
func image(k, i int) string {
	return fmt.Sprintf("%d %x\n", i, sha256.Sum256(fmt.Append(nil, k*imagesOfShard+i)))
}

// standin is the worker without its process: it returns the exit code.
func standin(dir string, args []string) int {
	if err := computeStandin(dir, args); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		if errors.Is(err, errCheckpointed) {
			return Checkpointed
		}
		return 1
	}
	return 0
}

var errCheckpointed = errors.New("checkpointed")

func computeStandin(dir string, args []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	k := flags.Int("shard", -1, "")
	flags.Int("workers", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &standinRun{dir: dir}
	b, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err := errors.Join(err, json.Unmarshal(b, r)); err != nil {
		return err
	}
	if *k < 0 || *k >= r.Count {
		return fmt.Errorf("no shard %d of %d", *k, r.Count)
	}
	stop := make(chan os.Signal, 4)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT, nearlyOver)

	// Take over the longest part that an earlier attempt has left.
	if _, err := os.Stat(r.file(*k)); err == nil {
		fmt.Println("already finished")
		return nil
	}
	var done []string
	parts, err := filepath.Glob(r.file(*k) + ".*.part")
	for _, p := range parts {
		if b, err := os.ReadFile(p); err == nil {
			if lines := strings.SplitAfter(string(b), "\n"); len(lines)-1 > len(done) {
				done = lines[:len(lines)-1]
			}
		}
	}
	name := fmt.Sprintf("%s.%d.part", r.file(*k), time.Now().UnixNano())
	f, err2 := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	defer f.Close()
	fmt.Printf("shard %d from image %d\n", *k, len(done))
	if _, err := f.WriteString(strings.Join(done, "")); err != nil {
		return err
	}
	for i := len(done); i < imagesOfShard; i++ {
		for held := true; held; {
			select {
			case s := <-stop:
				if s == nearlyOver {
					requeued, err := Requeue(context.Background())
					fmt.Printf("requeued: %v, error: %v\n", requeued, err)
				}
				return fmt.Errorf("%w at image %d after %v", errCheckpointed, i, s)
			case <-time.After(r.Delay):
			}
			_, err := os.Stat(r.hold())
			held = err == nil && i >= imagesOfShard/2
		}
		if _, err := f.WriteString(image(*k, i)); err != nil {
			return err
		}
	}
	if err := os.Rename(name, r.file(*k)); err != nil {
		if _, err := os.Stat(r.file(*k)); err == nil {
			return nil // Another attempt was faster and has removed this one's part.
		}
		return err
	}
	for _, p := range parts {
		_ = os.Remove(p)
	}
	return nil
}

// attempt starts a worker for a shard outside of any launcher.
func attempt(t *testing.T, w worker, run Run, args ...string) *exec.Cmd {
	t.Helper()
	line := append(Worker(w.program, run.Dir()), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// serialDigests holds the digests of runs that were computed without a cluster.
type serialDigests struct {
	mu sync.Mutex
	of map[kindOfRun]string
}

// kindOfRun is what the result of a run in a test depends on.
type kindOfRun struct {
	shards int
	held   bool
}

// get computes all shards in turn, by the same worker, and returns the digest.
func (d *serialDigests) get(t *testing.T, w worker, kind kindOfRun) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.of[kind]; ok {
		return s
	}
	run := w.plan(t, t.TempDir(), kind.shards, kind.held)
	if kind.held {
		w.release(t, run)
	}
	for k := range kind.shards {
		if err := attempt(t, w, run, "--shard", strconv.Itoa(k)).Wait(); err != nil {
			t.Fatalf("shard %d: %v", k, err)
		}
	}
	if d.of == nil {
		d.of = map[kindOfRun]string{}
	}
	d.of[kind] = w.digest(t, run)
	return d.of[kind]
}

// faulty returns a program that does what script says and then what w does. In
// the script, $2 is the folder of the run and $4 the shard.
func faulty(t *testing.T, w worker, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "worker's program")
	text := "#!/bin/sh\n" + script + "\nexec " + shell.Quote(w.program) + ` "$@"` + "\n"
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// failingOnce is a script for faulty: the shards fail at their first attempt.
func failingOnce(shards ...string) string {
	return `case $4 in ` + strings.Join(shards, "|") + `) if mkdir "$2/failed-$4" 2>/dev/null; then echo "made-up failure of shard $4" >&2; exit 1; fi;; esac`
}

// The lines that Parallel and MPI return, given to a shell.
func TestLines(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the worker of this test is a shell script")
	}
	w := standinWorker(t)
	var serial serialDigests
	for _, tt := range []struct {
		tool  string
		fault string
		line  func(run Run, worker []string) (string, error)
	}{
		{"parallel", failingOnce("1", "6"), func(run Run, worker []string) (string, error) { return Parallel(run, worker, 2) }},
		{"mpirun", "", MPI},
	} {
		t.Run(tt.tool, func(t *testing.T) {
			if _, err := exec.LookPath(tt.tool); err != nil {
				t.Skipf("no %s here", tt.tool)
			}
			program := faulty(t, w, tt.fault)
			run := w.plan(t, filepath.Join(t.TempDir(), "it's a run"), 9, false)
			for _, k := range []string{"0", "3", "4"} { // The others are 1-2 and 5-8.
				if err := attempt(t, w, run, "--shard", k).Wait(); err != nil {
					t.Fatal(err)
				}
			}
			line, err := tt.line(run, Worker(program, run.Dir()))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
			cmd.Env = append(os.Environ(),
				"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1", "PARALLEL_HOME="+t.TempDir())
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s\n%v: %s", line, err, out)
			}
			if got, want := w.digest(t, run), serial.get(t, w, kindOfRun{shards: 9}); got != want {
				t.Errorf("digest %s, in turn %s", got, want)
			}
			if line, err := tt.line(run, Worker(program, run.Dir())); line != "" || err != nil {
				t.Errorf("when all is done: %q, error %v", line, err)
			}
		})
	}
}

func TestLinesText(t *testing.T) {
	run := &fakeRun{dir: "/runs/a b", shards: 10, finished: map[int]bool{}}
	for _, tt := range []struct {
		finished      map[int]bool
		parallel, mpi string
	}{
		{
			nil,
			"seq 0 9 | parallel -q --jobs 1 --retries 3 /bin/sresnet run '/runs/a b' --shard {}",
			`mpirun -n 10 sh -c 'exec /bin/sresnet run '\''/runs/a b'\'' --shard $OMPI_COMM_WORLD_RANK'`,
		},
		{
			map[int]bool{0: true, 3: true, 4: true},
			"(seq 1 2; seq 5 9) | parallel -q --jobs 1 --retries 3 /bin/sresnet run '/runs/a b' --shard {}",
			`mpirun -n 2 sh -c 'exec /bin/sresnet run '\''/runs/a b'\'' --shard $((OMPI_COMM_WORLD_RANK + 1))'` +
				` : -n 5 sh -c 'exec /bin/sresnet run '\''/runs/a b'\'' --shard $((OMPI_COMM_WORLD_RANK + 3))'`,
		},
	} {
		run.finished = tt.finished
		if got, err := Parallel(run, Worker("/bin/sresnet", run.dir), 0); got != tt.parallel || err != nil {
			t.Errorf("got %s\nwant %s\nerror %v", got, tt.parallel, err)
		}
		if got, err := MPI(run, Worker("/bin/sresnet", run.dir)); got != tt.mpi || err != nil {
			t.Errorf("got %s\nwant %s\nerror %v", got, tt.mpi, err)
		}
	}
}
