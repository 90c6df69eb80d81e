//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"sresnet/internal/hint"
	"sresnet/models/public"
)

// The tests in this file do to runs what happens to them: kills, full disks, damaged
// and missing files, doubled processes, wrong clocks, data that change. After each,
// the merged result must be that of a run that was left alone, byte for byte, or the
// error must name the file. docs/reliability.md has the figures; with -long, 1,000
// processes are killed.

// faulty is a run that faults happen to.
type faulty struct {
	t    *testing.T
	dir  string   // Working directory, with resnet8.onnx and digits.
	exe  string   // This program.
	args []string // Of eval, but for --out.
	want map[string][]byte
}

// compared are the files of a run that do not have times in them.
var compared = []string{"accuracy.csv", "layers.csv", "predictions.csv", "energy.json", "spikes.csv", "activations.json", "changed.json", "network.nir"}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	t.Parallel() // Much of it is waiting.
	network, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{t: t, dir: t.TempDir(), want: make(map[string][]byte), args: []string{
		"eval", "resnet8.onnx", "--data", "mnist:digits", "--calibrate", "mnist:digits?images=50", "--timesteps", "60", "--workers", "2",
	}}
	if err := os.WriteFile(filepath.Join(f.dir, "resnet8.onnx"), network, 0o644); err != nil {
		t.Fatal(err)
	}
	writeDigits(t, filepath.Join(f.dir, "digits"))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Under this name the test binary is the program.
	f.exe = filepath.Join(t.TempDir(), "sresnet")
	if err := os.Symlink(self, f.exe); err != nil {
		t.Fatal(err)
	}
	f.must("undisturbed", f.eval("undisturbed"))
	for _, name := range compared {
		if f.want[name], err = os.ReadFile(f.path("undisturbed", name)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *faulty) path(elem ...string) string {
	return filepath.Join(append([]string{f.dir}, elem...)...)
}

// command is the program in the working directory, keeping what is done ten times a
// second.
func (f *faulty) command(args ...string) *exec.Cmd {
	cmd := exec.Command(f.exe, args...)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), testKeepEvery+"=20ms")
	return cmd
}

func (f *faulty) eval(out string) *exec.Cmd { return f.command(append(f.args, "--out", out)...) }

// must runs a command that has to succeed.
func (f *faulty) must(what string, cmd *exec.Cmd) {
	f.t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

// fails runs a command that has to end in an error, not in a crash, that says so.
func (f *faulty) fails(what string, cmd *exec.Cmd, says ...string) {
	f.t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() < 1 || bytes.Contains(out, []byte("goroutine ")) {
		f.t.Fatalf("%s: %v\n%s", what, err, out)
	}
	for _, s := range append(says, "sresnet: error: ", "sresnet: hint: ") {
		if !bytes.Contains(out, []byte(s)) {
			f.t.Errorf("%s: the error does not say %q:\n%s", what, s, out)
		}
	}
}

// planning plans a run, with small shards.
func (f *faulty) planning(out string) *exec.Cmd {
	return f.command(append(f.args, "--out", out, "--plan=10")...)
}

func (f *faulty) plan(out string) {
	f.t.Helper()
	f.must("plan", f.planning(out))
}

// finish goes on with a run until it is merged, and compares it with the one that
// was left alone.
func (f *faulty) finish(out string) {
	f.t.Helper()
	f.must("finish "+out, f.eval(out))
	f.must("merge "+out, f.command("merge", out))
	for _, name := range compared {
		got, err := os.ReadFile(f.path(out, name))
		if err != nil {
			f.t.Fatal(err)
		}
		if !bytes.Equal(got, f.want[name]) {
			f.t.Errorf("%s: %s is not that of a run that was left alone", out, name)
		}
	}
	left, _ := filepath.Glob(f.path(out, "shards", "*.part"))
	temporary, _ := filepath.Glob(f.path(out, ".*.tmp"))
	if len(left) > 0 {
		f.t.Errorf("%s: left behind: %v", out, left)
	}
	if len(temporary) > 0 { // Of a kill; younger than an hour, so that they may be in use.
		f.t.Logf("%s: %d temporary files are left, for the next run after an hour to remove", out, len(temporary))
	}
}

func (f *faulty) parts(out string) []string {
	f.t.Helper()
	parts, err := filepath.Glob(f.path(out, "shards", "*.part"))
	if err != nil {
		f.t.Fatal(err)
	}
	return parts
}

// Processes are killed at random moments, again and again. Whatever they were doing,
// nothing is lost but what the last one had not kept, and nothing is there twice.
func TestFaultKill(t *testing.T) {
	f := newFaulty(t)
	kills := 25
	if *long {
		kills = 1000
	}
	rnd := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	killed, ended, runs, torn := 0, 0, 0, 0
	for killed < kills {
		out := fmt.Sprintf("killed%d", runs)
		runs++
		for n := rnd.IntN(40); n > 0 && killed < kills; n-- {
			cmd, last := f.planning(out), false
			if fileExists(f.path(out, "plan.json")) {
				cmd, last = f.eval(out), true
				if rnd.IntN(2) == 0 {
					cmd = f.command("run", out)
				}
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rnd.Float64() * rnd.Float64() * float64(800*time.Millisecond)))
			_ = cmd.Process.Kill()
			if err := cmd.Wait(); err == nil && !last {
				continue // It was planned.
			} else if err == nil {
				ended++
				break // All was done.
			}
			killed++
			for _, part := range f.parts(out) {
				if b, err := os.ReadFile(part); err == nil && !bytes.HasSuffix(b, []byte("\n")) {
					torn++
				}
			}
		}
		f.finish(out)
		if err := os.RemoveAll(f.path(out)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d processes killed in %d runs, %d had ended before; %d lines were torn", killed, runs, ended, torn)
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// A process that is told to stop keeps what it has done and says that it goes on.
func TestFaultSignals(t *testing.T) {
	f := newFaulty(t)
	f.plan("stopped")
	checkpoints := 0
	for i, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM} {
		cmd := f.command("run", "stopped")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(100+100*i) * time.Millisecond)
		_ = cmd.Process.Signal(s)
		err := cmd.Wait()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit) && exit.ExitCode() == exitCheckpoint:
			checkpoints++
		case err != nil && !strings.Contains(err.Error(), "signal"): // Before it listens, or when it is done.
			t.Errorf("%v: %v", s, err)
		}
	}
	f.finish("stopped")
	t.Logf("%d checkpoints", checkpoints)
}

// Part files that are torn, damaged, from the future or of another run cost what they
// held, and no more.
func TestFaultParts(t *testing.T) {
	f := newFaulty(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	for i, damage := range []func(name string, b []byte){
		func(name string, b []byte) { _ = os.WriteFile(name, b[:rnd.IntN(len(b)+1)], 0o644) },
		func(name string, b []byte) {
			if len(b) > 0 {
				b[rnd.IntN(len(b))] ^= 4
			}
			_ = os.WriteFile(name, b, 0o644)
		},
		func(name string, b []byte) { _ = os.WriteFile(name, append(b, b...), 0o644) },
		func(name string, b []byte) { // The clock of a machine is ahead,
			future := time.Now().Add(24 * time.Hour)
			_ = os.Chtimes(name, future, future)
		},
		func(name string, b []byte) { // or was.
			past := time.Now().Add(-24 * time.Hour)
			_ = os.Chtimes(name, past, past)
		},
		func(name string, b []byte) {
			_ = os.WriteFile(name, bytes.Replace(b, []byte(`"run":"`), []byte(`"run":"0`), 1), 0o644)
		},
	} {
		out := fmt.Sprintf("parts%d", i)
		f.plan(out)
		for range 3 {
			cmd := f.command("run", out)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(5 * time.Second); len(f.parts(out)) == 0 && time.Now().Before(deadline); {
				time.Sleep(2 * time.Millisecond)
			}
			time.Sleep(60 * time.Millisecond)
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			for _, part := range f.parts(out) {
				if b, err := os.ReadFile(part); err == nil {
					damage(part, b)
				}
			}
		}
		f.finish(out)
	}
}

// A damaged file of a finished shard is named; without it, its images are presented
// again.
func TestFaultShards(t *testing.T) {
	f := newFaulty(t)
	f.plan("damaged")
	f.must("run", f.command("run", "damaged"))
	short := filepath.Join("damaged", "shards", "shard-00004-of-00010.jsonl")
	name := f.path(short)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for what, b := range map[string][]byte{"cut short": whole[:len(whole)/2], "bit-flipped": flipped, "empty": nil} {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		f.fails(what, f.command("merge", "damaged"), short, ": damaged: ", "remove that file")
		f.fails(what, f.eval("damaged"), short, ": damaged: ", "remove that file")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	f.fails("missing", f.command("merge", "damaged"), "1 of 10 shards are missing: 4", "sresnet run damaged")
	f.finish("damaged")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}

	for _, file := range []string{"network.nir", "plan.json"} {
		b, err := os.ReadFile(f.path("damaged", file))
		if err != nil {
			t.Fatal(err)
		}
		c, at := slices.Clone(b), len(b)/3
		if file == "plan.json" { // Not all that it says is held against anything: the hash of the images is.
			at = bytes.Index(b, []byte(`"data": {`))
			at += bytes.Index(b[at:], []byte(`"sha256": "`)) + len(`"sha256": "`)
		}
		c[at] ^= 1
		for what, b := range map[string][]byte{"cut short": b[:len(b)/2], "changed": c} {
			if err := os.WriteFile(f.path("damaged", file), b, 0o644); err != nil {
				t.Fatal(err)
			}
			f.fails(file+" "+what, f.command("run", "damaged", "--shard", "4"))
			f.fails(file+" "+what, f.command("merge", "damaged"))
		}
		if err := os.WriteFile(f.path("damaged", file), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.finish("damaged")
}

// Any number of processes may be at one run, doubled ones and such that believe the
// clock or each other to be dead.
func TestFaultTogether(t *testing.T) {
	f := newFaulty(t)
	for i := range 3 {
		out := fmt.Sprintf("together%d", i)
		var wg sync.WaitGroup
		outputs := make([]bytes.Buffer, 4)
		errs := make([]error, len(outputs))
		if i > 0 {
			f.plan(out)
		}
		for j := range outputs {
			cmd := f.command("run", out)
			if i == 0 || j == 0 {
				cmd = f.eval(out)
			}
			cmd.Stderr = &outputs[j]
			wg.Go(func() {
				if i == 0 { // The first time, they plan it at once, too, one while another works.
					if errs[j] = f.planning(out).Run(); errs[j] != nil {
						return
					}
				}
				errs[j] = cmd.Run()
			})
		}
		stop := make(chan struct{})
		ageing := make(chan struct{})
		go func() { // Each takes the others for long dead.
			defer close(ageing)
			for past := time.Now().Add(-24 * time.Hour); i == 2; time.Sleep(10 * time.Millisecond) {
				select {
				case <-stop:
					return
				default:
				}
				for _, part := range f.parts(out) {
					_ = os.Chtimes(part, past, past)
				}
			}
		}()
		wg.Wait()
		close(stop)
		<-ageing
		for j, err := range errs {
			if err != nil {
				t.Errorf("round %d: process %d: %v\n%s", i, j, err, outputs[j].Bytes())
			}
		}
		f.finish(out)
	}
}

// Data, model and options that are not those of the plan any more are named.
func TestFaultChanges(t *testing.T) {
	f := newFaulty(t)
	f.plan("changed")
	f.must("run", f.command("run", "changed", "--shard", "0"))
	for _, tt := range []struct{ name, says string }{
		{"digits/t10k-images-idx3-ubyte", "are not those that the run was planned with"},
		{"digits/t10k-labels-idx1-ubyte", "are not those that the run was planned with"},
		{"resnet8.onnx", "is not the model that the run was planned with"},
	} {
		b, err := os.ReadFile(f.path(tt.name))
		if err != nil {
			t.Fatal(err)
		}
		c := slices.Clone(b)
		c[len(c)-7] ^= 1
		if err := os.WriteFile(f.path(tt.name), c, 0o644); err != nil {
			t.Fatal(err)
		}
		f.fails(tt.name, f.command("run", "changed", "--shard", "1"), tt.says)
		f.fails(tt.name, f.eval("changed"))
		if err := os.Remove(f.path(tt.name)); err != nil {
			t.Fatal(err)
		}
		f.fails(tt.name+" missing", f.command("run", "changed", "--shard", "1"), "--map FROM=TO says where")
		if err := os.WriteFile(f.path(tt.name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f.finish("changed")
}

// A full disk ends a run with an error and loses nothing; with room it goes on.
func TestFaultFullDisk(t *testing.T) {
	f := newFaulty(t)
	disk := f.smallDisk("size=1900k")
	full := 0
	for i, free := range []int{0, 100, 350, 380, 420, 460, 520, 700} { // kB that are left to the run.
		ballast := filepath.Join(disk, "ballast")
		out := filepath.Join(disk, fmt.Sprintf("full%d", i))
		if err := os.WriteFile(ballast, make([]byte, 1<<21), 0o644); err == nil {
			t.Fatal("2 MB fit on the disk")
		}
		if err := os.Truncate(ballast, int64(1900-free)<<10); err != nil {
			t.Fatal(err)
		}
		b, err := f.planning(out).CombinedOutput()
		if err == nil {
			b, err = f.eval(out).CombinedOutput()
		}
		if err != nil {
			full++
			for _, says := range []string{"sresnet: error: ", "no space left on device", out, "sresnet: hint: "} {
				if !bytes.Contains(b, []byte(says)) {
					t.Errorf("%d kB: the error does not say %q:\n%s", free, says, b)
				}
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		f.finishAt(out)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	if full < 4 {
		t.Errorf("the disk was full %d times only", full)
	}
	t.Logf("the disk was full %d times", full)
}

// A full disk ends a download with an error that names the file, and what came is gone on with
// once there is room.
func TestFaultDownload(t *testing.T) {
	f := &faulty{t: t}
	disk := f.smallDisk("size=64k")
	content := bytes.Repeat([]byte("weights "), 1<<14)
	sum := sha256.Sum256(content)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Range"))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer server.Close()
	m := public.Model{Name: "m", File: "m.pt", URL: server.URL, SHA256: hex.EncodeToString(sum[:])}
	get := func() error {
		cmd := new(cobra.Command)
		cmd.SetContext(t.Context())
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		return runModelGet(cmd, m, disk)
	}
	file := filepath.Join(disk, "m.pt")
	if err := get(); err == nil || err.Error() != "cannot download: write "+file+".part: no space left on device" || !strings.Contains(hint.Of(err), "there is room") {
		t.Fatalf("got error %v, hint %s", err, hint.Of(err))
	}
	if out, err := exec.Command("mount", "-o", "remount,size=1m", disk).CombinedOutput(); err != nil {
		t.Skipf("cannot give it room: %v %s", err, out)
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, content) || len(asked) != 2 || !strings.HasPrefix(asked[1], "bytes=") {
		t.Errorf("%d bytes, asked for %q, error %v", len(b), asked, err)
	}
}

// A folder that cannot be written is an error before any work.
func TestFaultReadOnly(t *testing.T) {
	f := newFaulty(t)
	disk := f.smallDisk("size=8m")
	out := filepath.Join(disk, "run")
	f.plan(out)
	f.must("run", f.command("run", out, "--shard", "3"))
	if err := exec.Command("mount", "-o", "remount,ro", disk).Run(); err != nil {
		t.Skipf("cannot make a file system read-only: %v", err)
	}
	f.fails("run", f.command("run", out, "--shard", "4"), out)
	f.fails("eval", f.eval(out), out)
	f.fails("a new run", f.eval(filepath.Join(disk, "new")), disk)
	if err := exec.Command("mount", "-o", "remount,rw", disk).Run(); err != nil {
		t.Fatal(err)
	}
	f.finishAt(out)
}

// finishAt is finish for a run that is not in the working directory.
func (f *faulty) finishAt(out string) {
	f.t.Helper()
	rel, err := filepath.Rel(f.dir, out)
	if err != nil {
		f.t.Fatal(err)
	}
	f.finish(rel)
}

// smallDisk mounts a small file system in memory for the length of the test.
func (f *faulty) smallDisk(options string) string {
	f.t.Helper()
	dir := f.t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		f.t.Skipf("a small disk can be mounted by root only, with tmpfs: %v %s", err, out)
	}
	f.t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			f.t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}
