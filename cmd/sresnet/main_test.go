package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"sresnet": main}) }

// model is the network that the demo uses, as a file.
const model = "../../models/resnet8_mnist.onnx"

// TestScript runs the scripts of testdata/script, which are also a manual: each
// shows one command, with what it prints and what it says of bad input.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// The Go tool finds the module cache, where MNIST is, as outside.
			for _, name := range []string{"HOME", "GOMODCACHE", "GOPATH", "GOCACHE", "GOFLAGS", "GOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB"} {
				if v, ok := os.LookupEnv(name); ok {
					env.Setenv(name, v)
				}
			}
			b, err := os.ReadFile(model)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "resnet8.onnx"), b, 0o644)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"bytes": writeBytes},
	})
}

// writeBytes is the command "bytes FILE N [TEXT]" of the scripts: it writes a file
// of N bytes that begins with TEXT and goes on with zeros.
func writeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: bytes FILE N [TEXT]")
	}
	var n int
	if err := json.Unmarshal([]byte(args[1]), &n); err != nil {
		ts.Fatalf("bytes: %v", err)
	}
	b := make([]byte, n)
	copy(b, strings.Join(args[2:], " "))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// sresnet runs the program in this process.
func sresnet(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// The keys of the JSON object are an interface.
func TestEvalJSON(t *testing.T) {
	code, stdout, stderr := sresnet(t, t.Context(), "eval", model, "--data", "mnist", "--images", "6", "--calibration-images", "10", "--timesteps", "5", "--json")
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
	for _, key := range []string{"model", "images", "timesteps", "ann", "snn", "agreement", "layers", "spikes_per_image", "acs_per_image",
		"macs_per_image", "dense_macs_per_image", "seconds", "image_steps_per_second"} {
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
	snn, layers := r["snn"].(map[string]any)["top1"].([]any), r["layers"].([]any)
	if len(snn) != 5 || len(layers) == 0 {
		t.Fatalf("%d accuracies, %d layers", len(snn), len(layers))
	}
	var keys []string
	for k := range layers[0].(map[string]any) {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	if want := []string{"acs_per_image", "kind", "lambda", "name", "neurons", "rate", "spikes_per_image"}; !slices.Equal(keys, want) {
		t.Errorf("keys of a layer: %v, want %v", keys, want)
	}
}

// Ctrl-C stops within a second, shows what is done and keeps it.
func TestEvalInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("takes three seconds")
	}
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	var canceled time.Time
	time.AfterFunc(3*time.Second, func() {
		canceled = time.Now()
		cancel()
	})
	code, stdout, stderr := sresnet(t, ctx, "eval", model, "--data", "mnist", "--calibration-images", "10", "--json", "--out", dir)
	if took := time.Since(canceled); took > time.Second {
		t.Errorf("took %v to stop", took)
	}
	if code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if strings.Contains(stderr, "before any image") {
		t.Skip("this machine is too slow: no image was finished")
	}
	if !strings.Contains(stderr, "interrupted after ") || !strings.Contains(stderr, "what is done is kept in "+dir) {
		t.Errorf("stderr: %s", stderr)
	}
	var r struct {
		Images   int
		Complete bool
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Complete || r.Images == 0 {
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
