package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Names of what is compared, in the order of the table.
const (
	sresnet     = "sresnet"
	sresnetAVX2 = sresnet + ", AVX2"
	pytorch     = "PyTorch"
	pytorchAVX2 = "PyTorch, AVX2" // On a processor without AVX-512, as far as it can be told.
	onnxruntime = "onnxruntime"
)

// The scripts, seen from the root of the repository.
var (
	torchScript       = filepath.Join("bench", "dense_torch.py")
	onnxruntimeScript = filepath.Join("bench", "dense_onnxruntime.mjs")
)

// torchBatches are the sizes of PyTorch's batches. Of one image it is far slower.
const torchBatches = "8,64"

// sample is one measurement of one program.
type sample struct {
	Round     int     `json:"round"` // From 1; 0 is before the rounds.
	Program   string  `json:"program"`
	Setting   string  `json:"setting"` // How it used the cores.
	Cores     int     `json:"cores"`
	Timesteps int     `json:"timesteps"` // Of a presentation; 1 for a trained network's pass.
	Accuracy  float64 `json:"accuracy"`  // On the images, at the end of the presentation; a fraction of 1.
	Seconds   float64 `json:"seconds"`
	Speed     float64 `json:"image_steps_per_second"`
}

// output is what a program printed.
type output struct {
	version string // Empty for sresnet.
	images  int
	samples []sample // One a setting; Round and Cores are left to the caller.

	// Of sresnet only.
	top1    []float64 // Accuracy over time.
	trained float64   // Accuracy of the trained network.
}

// sresnetArgs is the command line of "sresnet eval".
func (o options) sresnetArgs(cores int) []string {
	return []string{
		o.sresnet, "eval", o.model, "--data", o.data, "--calibrate", o.calibrate + "?images=" + strconv.Itoa(o.calibrationImages), "--normalize", o.normalize,
		"--images", strconv.Itoa(o.images), "--percentile", o.percentile,
		"--timesteps", strconv.Itoa(o.timesteps), "--workers", strconv.Itoa(cores), "--json",
	}
}

func (o options) torchArgs(cores, timesteps int) []string {
	return []string{
		o.python, torchScript, o.model, "--data", path(o.data), "--calibrate", path(o.calibrate), "--normalize", o.normalize,
		"--images", strconv.Itoa(o.images), "--calibration-images", strconv.Itoa(o.calibrationImages), "--percentile", o.percentile,
		"--timesteps", strconv.Itoa(timesteps), "--threads", strconv.Itoa(cores), "--json", "-",
	}
}

func (o options) onnxruntimeArgs(cores int, seconds float64) []string {
	return []string{
		o.node, onnxruntimeScript, o.model, "--data", path(o.data), "--normalize", o.normalize,
		"--images", strconv.Itoa(o.images), "--threads", strconv.Itoa(cores), "--seconds", fmt.Sprint(seconds),
	}
}

// parseSresnet reads what "sresnet eval --json" prints.
func parseSresnet(b []byte) (*output, error) {
	var r struct {
		Images    int
		Timesteps int
		Trained   float64   `json:"trained_top1"`
		Spiking   []float64 `json:"spiking_top1"`
		Seconds   float64
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	if len(r.Spiking) != r.Timesteps || r.Timesteps == 0 || r.Images == 0 || !(r.Seconds > 0) {
		return nil, fmt.Errorf("accuracy at %d of %d timesteps on %d images in %v s", len(r.Spiking), r.Timesteps, r.Images, r.Seconds)
	}
	return &output{
		images: r.Images, top1: r.Spiking, trained: r.Trained,
		samples: []sample{{
			Program: sresnet, Setting: "event-driven, one image per core", Timesteps: r.Timesteps,
			Accuracy: r.Spiking[r.Timesteps-1], Seconds: r.Seconds, Speed: float64(r.Images) * float64(r.Timesteps) / r.Seconds,
		}},
	}, nil
}

// parseTorch reads what "dense_torch.py --json -" prints.
func parseTorch(b []byte) (*output, error) {
	var r struct {
		Version   string
		Images    int
		Timesteps int
		Runs      []struct {
			Batch    int
			Seconds  float64
			Speed    float64 `json:"image_steps_per_second"`
			Accuracy float64
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	out := &output{version: r.Version, images: r.Images}
	for _, run := range r.Runs {
		out.samples = append(out.samples, sample{
			Program: pytorch, Setting: fmt.Sprintf("clocked dense loop, batches of up to %d", run.Batch), Timesteps: r.Timesteps,
			Accuracy: run.Accuracy, Seconds: run.Seconds, Speed: run.Speed,
		})
	}
	return out, out.check()
}

// parseONNXRuntime reads what dense_onnxruntime.mjs prints. A pass counts as one
// timestep.
func parseONNXRuntime(b []byte) (*output, error) {
	var r struct {
		Version string
		Images  int
		Runs    []struct {
			Batch    int
			Sessions int
			Seconds  float64
			Speed    float64 `json:"images_per_second"`
			Accuracy float64
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	out := &output{version: r.Version, images: r.Images}
	for _, run := range r.Runs {
		setting := fmt.Sprintf("trained network, batches of %d", run.Batch)
		if run.Sessions > 1 {
			setting += ", one session per core"
		}
		out.samples = append(out.samples, sample{
			Program: onnxruntime, Setting: setting, Timesteps: 1,
			Accuracy: run.Accuracy, Seconds: run.Seconds, Speed: run.Speed,
		})
	}
	return out, out.check()
}

func (o *output) check() error {
	if len(o.samples) == 0 {
		return errors.New("nothing was measured")
	}
	for _, s := range o.samples {
		if !(s.Speed > 0) {
			return fmt.Errorf("%s: %v image-steps/s", s.Setting, s.Speed)
		}
	}
	return nil
}

// call runs a command line on that many cores and returns what it prints.
func (o options) call(ctx context.Context, cores int, args []string) ([]byte, error) {
	return o.callWith(ctx, cores, args, nil)
}

// callWith is call with more in the environment.
func (o options) callWith(ctx context.Context, cores int, args, env []string) ([]byte, error) {
	args = bind(o.allowed, cores, args)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	n := strconv.Itoa(cores)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+n, "OMP_NUM_THREADS="+n, "OPENBLAS_NUM_THREADS="+n, "MKL_NUM_THREADS="+n)
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, failure(err, stderr.String())
	}
	return out, nil
}

// failure is the error of a program that ended with err, after it wrote to stderr.
func failure(err error, stderr string) error {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if len(lines) > 2 { // More than an error and a hint: a trace, which ends with the error.
		lines = lines[len(lines)-1:]
	}
	if said := strings.TrimSpace(strings.Join(lines, "; ")); said != "" {
		return fmt.Errorf("%w: %s", err, said)
	}
	return err
}

// measureWith runs a command line and reads what it prints.
func (o options) measureWith(ctx context.Context, name string, cores int, args, env []string, parse func([]byte) (*output, error)) (*output, error) {
	b, err := o.callWith(ctx, cores, args, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	out, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: unexpected output: %w", name, err)
	}
	if out.images != o.images {
		return nil, fmt.Errorf("%s: presented %d images, not %d; give fewer with --images", name, out.images, o.images)
	}
	for i := range out.samples {
		out.samples[i].Cores = cores
	}
	return out, nil
}

func (o options) runSresnet(ctx context.Context, cores int) (*output, error) {
	return o.measureWith(ctx, sresnet, cores, o.sresnetArgs(cores), nil, parseSresnet)
}

func (o options) runTorch(ctx context.Context, cores, timesteps int, batches string) (*output, error) {
	return o.measureWith(ctx, pytorch, cores, append(o.torchArgs(cores, timesteps), "--batch", batches), nil, parseTorch)
}

// withoutAVX512 has PyTorch, its convolutions (oneDNN) and its products (OpenBLAS) use AVX2 at most.
var withoutAVX512 = []string{"ATEN_CPU_CAPABILITY=avx2", "ONEDNN_MAX_CPU_ISA=AVX2", "DNNL_MAX_CPU_ISA=AVX2", "OPENBLAS_CORETYPE=Haswell"}

// runTorchAVX2 is runTorch without AVX-512.
func (o options) runTorchAVX2(ctx context.Context, cores, timesteps int, batches string) (*output, error) {
	out, err := o.measureWith(ctx, pytorchAVX2, cores, append(o.torchArgs(cores, timesteps), "--batch", batches), withoutAVX512, parseTorch)
	if err != nil {
		return nil, err
	}
	for i := range out.samples {
		out.samples[i].Program = pytorchAVX2
	}
	return out, nil
}

func (o options) runONNXRuntime(ctx context.Context, cores int, seconds float64) (*output, error) {
	return o.measureWith(ctx, onnxruntime, cores, o.onnxruntimeArgs(cores, seconds), nil, parseONNXRuntime)
}
