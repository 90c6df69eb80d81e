package launch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sresnet/shard"
)

// programWorker is the program itself, built for the test, with digits of MNIST.
func programWorker(t *testing.T) worker {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sresnet")
	if out, err := exec.Command("go", "build", "-o", program, "sresnet/cmd/sresnet").CombinedOutput(); errors.Is(err, exec.ErrNotFound) {
		t.Skip("the go command is needed")
	} else if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return worker{
		program: program, plan: planProgram(program), release: func(*testing.T, Run) {}, underWay: underWayProgram,
		digest: digestProgram(program),
	}
}

// planProgram plans shards of a few images, or, since nothing can hold them, of so
// many that there is time to do something to them.
func planProgram(program string) func(t *testing.T, dir string, shards int, held bool) Run {
	return func(t *testing.T, dir string, shards int, held bool) Run {
		t.Helper()
		images, timesteps := 3, 20
		if held {
			images, timesteps = 80, 350
		}
		sresnet(t, program, "eval", "../models/resnet8_mnist.onnx", "--data", "mnist", "--calibrate", "mnist?images=20",
			"--images", strconv.Itoa(images*shards), "--timesteps", strconv.Itoa(timesteps), "--out", dir, "--plan="+strconv.Itoa(shards))
		run, err := shard.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
}

func underWayProgram(run Run, k int) bool {
	parts, _ := filepath.Glob(filepath.Join(run.Dir(), "shards", fmt.Sprintf("shard-%05d-of-*.part", k)))
	return len(parts) > 0
}

// digestProgram merges a run.
func digestProgram(program string) func(t *testing.T, run Run) string {
	return func(t *testing.T, run Run) string {
		t.Helper()
		sresnet(t, program, "merge", run.Dir())
		return digestFiles(t, run.Dir())
	}
}

// digestFiles returns a sum of the files of a result that have no times in them.
func digestFiles(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	for _, name := range []string{"accuracy.csv", "layers.csv", "predictions.csv", "energy.json", "spikes.csv", "changed.json"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// sresnet runs the program and returns what it prints.
func sresnet(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sresnet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// testStopped looks at a run of which most tasks wait, and presses Ctrl-C.
func (s *suite) testStopped(t *testing.T) {
	run := s.w.plan(t, filepath.Join(t.TempDir(), "it's a run"), 3, true)
	cmd := exec.CommandContext(t.Context(), s.w.program, "submit", run.Dir(), "--max-running", "1", "--sbatch", "--exclude=n4")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	task := s.underWay(t, run)
	if out := sresnet(t, s.w.program, "status", run.Dir()); !strings.Contains(out, "\nqueue:     ") || !strings.Contains(out, " pending (JobArrayTaskLimit)") {
		t.Errorf("nothing of what waits in\n%s", out)
	}
	err := cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait() // Its error is the exit code.
	if code := cmd.ProcessState.ExitCode(); err != nil || code != 130 || !strings.Contains(stderr.String(), "the jobs continue\n") || !strings.Contains(stderr.String(), "--name="+JobName(run.Dir())+"'") {
		t.Errorf("error %v, exit code %d, stderr:\n%s", err, code, &stderr)
	}
	if tasks, err := SlurmTasks(t.Context(), run.Dir()); len(tasks) == 0 || err != nil {
		t.Errorf("tasks %v, error %v", tasks, err)
	}
	s.c.ask(t, "scancel", task.Job)
}

// testCommand has the program submit a run and make its result, which is that of
// the program without any cluster.
func (s *suite) testCommand(t *testing.T) {
	dir := t.TempDir()
	eval := []string{"eval", "../models/resnet8_mnist.onnx", "--data", "mnist", "--calibrate", "mnist?images=20", "--images", "23", "--timesteps", "20", "--out"}
	sresnet(t, s.w.program, append(eval, filepath.Join(dir, "alone"))...)
	sresnet(t, s.w.program, append(eval, filepath.Join(dir, "cluster"), "--plan=5")...)
	out := sresnet(t, s.w.program, "submit", filepath.Join(dir, "cluster"), "--sbatch", "--exclude=n4 --comment 'a test'")
	for _, want := range []string{": job ", ", 5 shards: 0-4\n", "\nround 1: 5 of 5 shards are finished\n", " on 23 images of mnist, "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if out := sresnet(t, s.w.program, "status", filepath.Join(dir, "cluster")); strings.Contains(out, "queue:") {
		t.Errorf("the queue is not empty:\n%s", out)
	}
	if got, want := digestFiles(t, filepath.Join(dir, "cluster")), digestFiles(t, filepath.Join(dir, "alone")); got != want {
		t.Errorf("digest %s, without a cluster %s", got, want)
	}
}

// submitStages has the program submit runs of which the second shards follow from the
// first.
func (s *suite) submitStages(t *testing.T, dir, first, second string) {
	t.Helper()
	out := sresnet(t, s.w.program, "submit", dir, "--sbatch", "--exclude=n4")
	for _, want := range []string{first, "\nmore shards are to do: ", second} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// onDigits returns a command line on few images, but for the folder at its end.
func onDigits(command string, options ...string) []string {
	return slices.Concat([]string{command, "../models/resnet8_mnist.onnx", "--data", "mnist", "--calibrate", "mnist?images=20", "--timesteps", "10"}, options, []string{"--out"})
}

// testSweep has the program submit a sweep: its settings, then the test run of the best.
func (s *suite) testSweep(t *testing.T) {
	dir := t.TempDir()
	alone, cluster := filepath.Join(dir, "alone"), filepath.Join(dir, "cluster")
	sweep := onDigits("sweep", "--percentile", "99,99.9", "--v-init", "0.5", "--compensation", "none", "--selection-images", "6", "--images", "5")
	sresnet(t, s.w.program, append(sweep, alone)...)
	sresnet(t, s.w.program, append(sweep, cluster, "--plan=2")...)
	s.submitStages(t, cluster, ", 4 shards: 0-3\n", ", 2 shards: 4-5\n")
	sameFile(t, filepath.Join(alone, "sweep.csv"), filepath.Join(cluster, "sweep.csv"))
	if got, want := digestFiles(t, filepath.Join(cluster, "confirmed")), digestFiles(t, filepath.Join(alone, "confirmed")); got != want {
		t.Errorf("digest of the test run %s, without a cluster %s", got, want)
	}
}

// testDiagnosis has the program submit a diagnosis: a measurement, then what is tried.
func (s *suite) testDiagnosis(t *testing.T) {
	dir := t.TempDir()
	alone, cluster := filepath.Join(dir, "alone"), filepath.Join(dir, "cluster")
	evaluation, diagnosis := onDigits("eval", "--images", "2"), onDigits("diagnose", "--images", "4")
	sresnet(t, s.w.program, append(evaluation, alone)...)
	sresnet(t, s.w.program, append(evaluation, cluster)...)
	sresnet(t, s.w.program, append(diagnosis, alone)...)
	sresnet(t, s.w.program, append(diagnosis, cluster, "--plan=2")...)
	s.submitStages(t, filepath.Join(cluster, "diagnosis"), ", 2 shards: 0-1\n", ", 2 shards: 2-3\n")
	sameFile(t, filepath.Join(alone, "diagnosis.json"), filepath.Join(cluster, "diagnosis.json"))
}

func sameFile(t *testing.T, a, b string) {
	t.Helper()
	was, err := os.ReadFile(a)
	is, err2 := os.ReadFile(b)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, is) {
		t.Errorf("%s and %s differ", a, b)
	}
}
