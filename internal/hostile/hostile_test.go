//go:build linux

package hostile

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What the program may take for an input that it refuses.
const (
	mostTime   = time.Second // Of processors, since other programs may take their share.
	mostMemory = 64 << 20    // And fourTimes the size of the input, resident.
	fourTimes  = 4
	mostText   = 16 << 10 // Of an error, which people are to read.

	hopeless = 2 * time.Minute // On the clock: a case that takes so long hangs.
)

// hostile is one bad input: files, and a command that is given them.
type hostile struct {
	name string
	make func(f *files) // Nil if the command alone is bad.
	args string         // Words of the command line; "BASE/" is the folder of good files.
	want []string       // What the error must name.
	code int            // Exit code; 0 stands for 1.
	argv []string       // In place of args, for words with spaces or none.
}

// files makes the files of a case in a folder that the command is run in.
type files struct {
	t    testing.TB
	dir  string
	base string
}

func (f *files) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

func (f *files) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *files) folder(name string) { f.check(os.MkdirAll(f.path(name), 0o755)) }

func (f *files) write(name string, content []byte) {
	f.folder(filepath.Dir(name))
	f.check(os.WriteFile(f.path(name), content, 0o644))
}

// read returns a good file.
func (f *files) read(name string) []byte {
	b, err := os.ReadFile(filepath.Join(f.base, name))
	f.check(err)
	return b
}

// copy copies a good folder.
func (f *files) copy(from, to string) {
	f.check(os.CopyFS(f.path(to), os.DirFS(filepath.Join(f.base, from))))
}

// edit changes a file.
func (f *files) edit(name string, change func([]byte) []byte) {
	b, err := os.ReadFile(f.path(name))
	f.check(err)
	f.write(name, change(b))
}

func (f *files) link(target, name string) {
	f.folder(filepath.Dir(name))
	f.check(os.Symlink(target, f.path(name)))
}

func (f *files) pipe(name string) {
	f.folder(filepath.Dir(name))
	f.check(syscall.Mkfifo(f.path(name), 0o644))
}

// sparse makes a file of that size that takes no room.
func (f *files) sparse(name string, size int64) {
	f.write(name, nil)
	f.check(os.Truncate(f.path(name), size))
}

var program, good string // The binary, and the folder of good files.

func TestMain(m *testing.M) {
	if os.Getenv(measuring) != "" {
		runtime.LockOSThread() // What it starts dies with this thread.
		if err := measure(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "hostile")
		if err == nil {
			defer os.RemoveAll(dir)
			program, good = filepath.Join(dir, "sresnet"), filepath.Join(dir, "good")
			err = setUp()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// setUp builds the program and makes the good files: model.onnx, digits (a data set
// of MNIST's form), model.nir, and run, which eval has kept.
func setUp() error {
	run := func(dir, name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Join(good, "digits"), 0o755); err != nil {
		return err
	}
	if err := run(".", "go", "build", "-buildvcs=false", "-o", program, "sresnet/cmd/sresnet"); err != nil {
		return err
	}
	model, err := os.ReadFile("../../models/resnet8_mnist.onnx")
	if err != nil {
		return err
	}
	write := func(name string, b []byte) {
		err = errors.Join(err, os.WriteFile(filepath.Join(good, name), b, 0o644))
	}
	write("model.onnx", model)
	r := rand.New(rand.NewPCG(1, 2))
	for prefix, n := range map[string]int{"train": 40, "t10k": 10} {
		images, labels := make([]byte, n*28*28), make([]byte, n)
		for i := range images {
			images[i] = byte(r.Uint32())
		}
		for i := range labels {
			labels[i] = byte(i % 10)
		}
		write("digits/"+prefix+"-images-idx3-ubyte", idx(0x803, images, n, 28, 28))
		write("digits/"+prefix+"-labels-idx1-ubyte", idx(0x801, labels, n))
	}
	if err != nil {
		return err
	}
	if err := run(good, program, "eval", "model.onnx", "--out", "run", "--images", "6", "--timesteps", "8", "--data", "mnist:digits", "--calibrate", "mnist:digits?images=20"); err != nil {
		return err
	}
	return run(good, program, "convert", "model.onnx", "-o", "model.nir", "--calibrate", "mnist:digits?images=20")
}

// idx is a file of MNIST's form.
func idx(magic uint32, data []byte, dims ...int) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

// outcome is what came of a command.
type outcome struct {
	Code           int // -1 if it was killed.
	stdout, stderr string
	took           time.Duration // On the clock.
	Worked         time.Duration // All processors together.
	Memory         int64         // Resident bytes at most.
}

// measuring is set in the environment of this program where it is to measure another.
const measuring = "HOSTILE_MEASURE"

var warned = regexp.MustCompile(`^(sresnet: warning: .*\n)+`)

// measure runs the command in its arguments and writes what it took, as JSON, into file
// 3. This is a process of its own since the most resident memory of a process, as the
// system counts it, begins with that of its parent, which here is small.
func measure() error {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); cmd.ProcessState == nil {
		return err
	}
	p := cmd.ProcessState
	o := outcome{Code: p.ExitCode(), Worked: p.UserTime() + p.SystemTime()}
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		o.Memory = u.Maxrss << 10 // In kB on Linux.
	}
	return json.NewEncoder(os.NewFile(3, "outcome")).Encode(o)
}

// start runs the program in a folder.
func start(t testing.TB, dir string, args []string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hopeless)
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, os.Args[0], append([]string{program}, args...)...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = dir, append(os.Environ(), measuring+"=1"), []*os.File{w}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err = cmd.Run()
	took := time.Since(began)
	w.Close()
	o := outcome{Code: -1}
	if err == nil {
		err = json.NewDecoder(r).Decode(&o)
	}
	if err != nil && ctx.Err() == nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	o.stdout, o.stderr, o.took = stdout.String(), stderr.String(), took
	return o
}

// TestHostile holds the promise on every case.
func TestHostile(t *testing.T) {
	groups := []struct {
		name  string
		cases []hostile
	}{
		{"model", models()},
		{"pickle", pickles()},
		{"nir", nirFiles()},
		{"data", dataSets()},
		{"image", images()},
		{"run", runs()},
		{"table", tables()},
		{"option", options()},
	}
	var tally sync.Mutex
	cases := make(map[string]int) // By group.
	var took, worked time.Duration
	var memory int64
	t.Cleanup(func() {
		n := 0
		for _, g := range groups {
			t.Logf("%-6s %3d bad inputs", g.name, cases[g.name])
			n += cases[g.name]
		}
		t.Logf("%-6s %3d; at most %v on the clock, %v of processors, %d MB", "all", n, took.Round(time.Millisecond), worked.Round(time.Millisecond), memory>>20)
	})
	seen := make(map[string]bool)
	for _, g := range groups {
		for _, c := range g.cases {
			name := g.name + "/" + c.name
			if seen[name] {
				t.Errorf("two cases are called %s", name)
			}
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := hold(t, c)
				tally.Lock()
				defer tally.Unlock()
				cases[g.name]++
				took, worked, memory = max(took, o.took), max(worked, o.Worked), max(memory, o.Memory)
			})
		}
	}
}

// hold runs a case and checks what came of it.
func hold(t *testing.T, c hostile) outcome {
	outer := t.TempDir() // What escapes by one ".." lands here.
	f := &files{t, filepath.Join(outer, "here"), good}
	f.folder(".")
	if c.make != nil {
		c.make(f)
	}
	args := slices.Clone(c.argv)
	for word := range strings.FieldsSeq(c.args) {
		args = append(args, strings.ReplaceAll(word, "BASE/", good+"/"))
	}
	before, size := list(t, outer)
	o := start(t, f.dir, args)
	for i := 0; i < 2 && o.Worked > mostTime; i++ { // Who shares caches and cores with others works longer.
		o.Worked = min(o.Worked, start(t, f.dir, args).Worked)
	}
	show := func(s string) string { return s[:min(len(s), 600)] }
	var broken []string
	fail := func(format string, a ...any) { broken = append(broken, fmt.Sprintf(format, a...)) }
	if c.code == 0 {
		c.code = 1
	}
	switch {
	case o.Code == -1:
		fail("killed after %v", o.took)
	case o.Code != c.code:
		fail("exit code %d, want %d, stdout %q", o.Code, c.code, show(o.stdout))
	case o.stdout != "":
		fail("stdout %q", show(o.stdout))
	}
	for _, word := range []string{"panic", "goroutine ", "fatal error", "runtime error", "internal error"} {
		if strings.Contains(o.stderr, word) {
			fail("it broke")
		}
	}
	if !strings.HasPrefix(warned.ReplaceAllString(o.stderr, ""), "sresnet: error: ") {
		fail("no error first, but for warnings")
	}
	if !strings.Contains(o.stderr, "\nsresnet: hint: ") {
		fail("no hint")
	}
	for _, w := range c.want {
		if !strings.Contains(o.stderr, w) {
			fail("the error does not say %q", w)
		}
	}
	if len(o.stderr) > mostText {
		fail("an error of %d bytes", len(o.stderr))
	}
	if i := strings.IndexFunc(o.stderr, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 }); i >= 0 {
		fail("the control character %q in an error", o.stderr[i])
	}
	if o.Worked > mostTime {
		fail("took %v of processors", o.Worked)
	}
	if most := mostMemory + fourTimes*size; o.Memory > most {
		fail("took %d MB of memory for an input of %d bytes, more than %d", o.Memory>>20, size, most>>20)
	}
	if after, _ := list(t, outer); !slices.Equal(before, after) {
		fail("files were %q before and are %q", before, after)
	}
	if broken != nil {
		t.Errorf("sresnet %s\n%s\nstderr: %s", show(strings.Join(args, " ")), strings.Join(broken, "\n"), show(o.stderr))
	}
	return o
}

// list returns the names of all files below dir with their sizes, and the sizes'
// sum.
func list(t testing.TB, dir string) (names []string, sum int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size := int64(0)
		if info.Mode().IsRegular() {
			size = info.Size()
			sum += size
		}
		name := fmt.Sprintf("%s %v", path, info.Mode())
		if info.Mode().IsRegular() {
			name += fmt.Sprintf(" %d %d", size, info.ModTime().UnixNano())
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, sum
}
