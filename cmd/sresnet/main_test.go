package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sresnet/dataset"
	"sresnet/run"
)

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"sresnet": func() {
		run.KeepEvery, _ = time.ParseDuration(os.Getenv(testKeepEvery)) // Unset: the default.
		main()
	}})
}

// tests are those of this package, in whose process the width of what is printed is that of
// a pipe. Scripts set it where they look for long lines.
type tests struct{ m *testing.M }

func (t tests) Run() int {
	os.Unsetenv("COLUMNS")
	return t.m.Run()
}

// testKeepEvery is the environment variable that sets run.KeepEvery in processes of tests.
const testKeepEvery = "SRESNET_TEST_KEEP_EVERY"

// model is the network that the demo uses, as a file.
const model = "../../models/resnet8_mnist.onnx"

// TestScript runs the scripts of testdata/script, which are also a manual: each
// shows one command, with what it prints and what it says of bad input. In them,
// resnet8.onnx is the network of the demo, resnet20.safetensors are weights of a
// ResNet-20 for MNIST that has learnt nothing, and digits is a folder with the first
// 300 training and 100 test images of MNIST.
func TestScript(t *testing.T) {
	network, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	weights := randomWeights(t)
	digits := filepath.Join(t.TempDir(), "digits")
	writeDigits(t, digits)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// The module cache, where all of MNIST is, is found as outside.
			for _, name := range []string{"HOME", "USERPROFILE", "GOMODCACHE", "GOPATH"} {
				env.Setenv(name, os.Getenv(name))
			}
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			if err := os.WriteFile(filepath.Join(env.WorkDir, "resnet8.onnx"), network, 0o644); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(env.WorkDir, "resnet20.safetensors"), weights, 0o644); err != nil {
				return err
			}
			return os.CopyFS(filepath.Join(env.WorkDir, "digits"), os.DirFS(digits))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"bytes": writeBytes, "truncate": truncate, "pictures": pictures, "frames": frames, "pack": pack, "rest": rest},
	})
}

// writeDigits makes a folder of idx files with few images, which open faster than
// all of MNIST.
func writeDigits(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		split  dataset.Split
		prefix string
		n      int
	}{{dataset.Train, "train", 300}, {dataset.Test, "t10k", 100}} {
		d, err := dataset.Open("mnist", part.split)
		if err != nil {
			t.Skipf("no MNIST: %v", err)
		}
		images := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, n := range []int{part.n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(n))
		}
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		labels = binary.BigEndian.AppendUint32(labels, uint32(part.n))
		pixels := make([]float32, 28*28)
		for i := range part.n {
			if err := d.Pixels(i, pixels); err != nil {
				t.Fatal(err)
			}
			for _, p := range pixels {
				images = append(images, byte(p))
			}
			labels = append(labels, byte(d.Label(i)))
		}
		for name, b := range map[string][]byte{"images-idx3-ubyte": images, "labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, part.prefix+"-"+name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// writeBytes is the command "bytes FILE N [TEXT]" of the scripts: it writes a file
// of N bytes that begins with TEXT and goes on with zeros.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bytes FILE N [TEXT]")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	copy(b, strings.Join(args[2:], " "))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// pictures is the command "pictures DIR SPEC SPLIT N" of the scripts: it writes the first
// N images of a data set as PNG files, in one folder a class.
func pictures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: pictures DIR SPEC SPLIT N")
	}
	split := dataset.Test
	if args[2] == dataset.Train.String() {
		split = dataset.Train
	}
	kind, path, _ := strings.Cut(args[1], ":")
	d, err := dataset.Open(kind+":"+ts.MkAbs(path), split)
	ts.Check(err)
	n, err := strconv.Atoi(args[3])
	ts.Check(err)
	ts.Check(writePictures(ts.MkAbs(args[0]), d, n))
}

func writePictures(dir string, d *dataset.Dataset, n int) error {
	_, h, w := d.Shape().CHW()
	pixels := make([]float32, d.Shape().Len())
	for i := range n {
		if err := d.Pixels(i, pixels); err != nil {
			return err
		}
		m := image.NewGray(image.Rect(0, 0, w, h))
		for j := range m.Pix {
			m.Pix[j] = byte(pixels[j])
		}
		class := filepath.Join(dir, strconv.Itoa(d.Label(i)))
		if err := os.MkdirAll(class, 0o755); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(class, fmt.Sprintf("%03d.png", i)))
		if err != nil {
			return err
		}
		if err := errors.Join(png.Encode(f, m), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// pack is the command "pack FILE.tar DIR" of the scripts: it packs what pictures wrote,
// as WebDataset does.
func pack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pack FILE.tar DIR")
	}
	ts.Check(packPictures(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

func packPictures(name, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, content []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		base := filepath.Base(file)
		label := strings.TrimSuffix(base, filepath.Ext(base)) + ".cls"
		if err := errors.Join(add(base, content), add(label, []byte(filepath.Base(filepath.Dir(file))))); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

// rest is the command "rest DIR" of the scripts: it makes all files in a folder an hour old.
func rest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rest DIR")
	}
	past := time.Now().Add(-time.Hour)
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Chtimes(path, past, past))
	}))
}

// truncate is the command "truncate FILE N" of the scripts.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE N")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// sresnet runs the program in this process.
func sresnet(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// The keys of the JSON object are an interface.
func TestEvalJSON(t *testing.T) {
	code, stdout, stderr := sresnet(t, t.Context(), "eval", model, "--data", "mnist", "--images", "6", "--calibrate", "mnist?images=10", "--timesteps", "5", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r map[string]any
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	if d.More() {
		t.Error("more than one object on stdout")
	}
	for _, key := range []string{
		"model", "images", "timesteps", "trained_top1", "spiking_top1", "agreement", "layers", "spikes_per_image", "acs_per_image",
		"macs_per_image", "dense_macs_per_image", "seconds", "choice", "energy", "predictions",
	} {
		if _, ok := r[key]; !ok {
			t.Errorf("no key %q", key)
		}
	}
	if r["model"] != "resnet8_mnist" || r["images"] != 6.0 || r["timesteps"] != 5.0 {
		t.Errorf("got model %v, %v images, %v timesteps", r["model"], r["images"], r["timesteps"])
	}
	if n := len(r["agreement"].([]any)); n != 5 {
		t.Errorf("%d agreements, want 5", n)
	}
	snn, layers := r["spiking_top1"].([]any), r["layers"].([]any)
	if len(snn) != 5 || len(layers) == 0 {
		t.Fatalf("%d accuracies, %d layers", len(snn), len(layers))
	}
	var keys []string
	for k := range layers[0].(map[string]any) {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if want := []string{"acs_at", "acs_per_image", "kind", "lambda", "layer", "neurons", "rate", "spikes_at", "spikes_per_image"}; !slices.Equal(keys, want) {
		t.Errorf("keys of a layer: %v, want %v", keys, want)
	}
}

// when returns a context that ends, as by Ctrl-C, once it finds lines in a file of
// the pattern, or the file if lines is 0.
func when(t *testing.T, pattern string, lines int) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() {
		for ctx.Err() == nil {
			list, _ := filepath.Glob(pattern)
			for _, name := range list {
				if b, err := os.ReadFile(name); err == nil && bytes.Count(b, []byte("\n")) >= lines {
					cancel()
				}
			}
			time.Sleep(time.Millisecond)
		}
	}()
	return ctx
}

// countdown is a context that ends, as by Ctrl-C, when it was asked so many times
// whether it has.
type countdown struct {
	context.Context
	left atomic.Int64
	end  context.CancelFunc
}

func newCountdown(t *testing.T, n int64) *countdown {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &countdown{Context: ctx, end: cancel}
	c.left.Store(n)
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) == 0 {
		c.end()
	}
	return c.Context.Err()
}

// Ctrl-C stops soon, shows what is done and keeps it.
func TestEvalInterrupted(t *testing.T) {
	run.KeepEvery = 1 // Nanosecond: after every image.
	defer func() { run.KeepEvery = 0 }()
	dir := filepath.Join(t.TempDir(), "run")
	ctx := when(t, filepath.Join(dir, "shards", "*.part"), 2) // The first line names the shard.
	code, stdout, stderr := sresnet(t, ctx, "eval", model, "--data", "mnist", "--calibrate", "mnist?images=10", "--json", "--out", dir)
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !strings.Contains(stderr, "interrupted after ") || !strings.Contains(stderr, "what is done is kept in "+dir) {
		t.Errorf("stderr: %s", stderr)
	}
	var r struct {
		Images   int
		Complete bool
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Complete || r.Images == 0 || r.Images > 5000 {
		t.Errorf("result %+v, error %v", r, err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "predictions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")) - 1; n != r.Images {
		t.Errorf("%d predictions are kept of %d images", n, r.Images)
	}
}

// Ctrl-C stops verify soon, too, and shows what is done.
func TestVerifyInterrupted(t *testing.T) {
	ctx := newCountdown(t, 10_000)
	code, stdout, stderr := sresnet(t, ctx, "verify", model, "--data", "mnist", "--calibrate", "mnist?images=10", "--images", "10000", "--timesteps", "4", "--json")
	if again := -ctx.left.Load(); again > 50 {
		t.Errorf("went on, and asked %d times more whether it was to stop", again)
	}
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r struct {
		Images       int
		Complete, OK bool
		Stages       []struct{ Images int }
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Images == 0 || r.Complete || !r.OK || len(r.Stages) == 0 {
		t.Errorf("result %+v, error %v", r, err)
	}
	if !strings.Contains(stderr, "interrupted after "+strconv.Itoa(r.Images)+" of 10000 images") {
		t.Errorf("%d images, stderr: %s", r.Images, stderr)
	}
}
