package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"sresnet/dataset"
	"sresnet/internal/host"
	"sresnet/internal/kernel"
	"sresnet/internal/regular"
	"sresnet/run"
)

// Files that this command adds to the folder of a run.
const (
	machineFile = "machine.json"
	failureFile = "failure.txt"
)

// planFile is in the folder of a run from its calibration to its end.
const planFile = "plan.json"

// machine is where a run took place and how much of it the run got.
type machine struct {
	Processor      string  `json:"processor"`
	Cores          int     `json:"cores"`
	Implementation string  `json:"implementation"` // Of the kernels.
	Workers        int     `json:"workers"`
	Seconds        float64 `json:"processor_seconds"` // User and system time of the run, calibration included.
	Resumed        bool    `json:"resumed,omitempty"` // The run was begun by another process, which calibrated.
}

// runOne runs one configuration.
func runOne(ctx context.Context, o options, c configuration) error {
	dir := filepath.Join(o.runs, c.name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"manifest.json", machineFile, failureFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	_, err := os.Stat(filepath.Join(dir, planFile))
	resumed := err == nil
	args := append(c.arguments(o), "--workers", strconv.Itoa(o.workers), "--out", dir)
	cmd := exec.CommandContext(ctx, o.program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		reason, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		reason = strings.TrimPrefix(reason, "sresnet: error: ")
		if reason == "" {
			reason = err.Error()
		}
		return errors.Join(errors.New(reason), os.WriteFile(filepath.Join(dir, failureFile), []byte(reason+"\n"), 0o644))
	}
	// What the run goes on from when it is stopped is large, and no number is in it.
	for _, name := range []string{planFile, "network.nir", "first.nir", "shards"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	m := machine{
		Processor: host.Processor(), Cores: runtime.NumCPU(), Implementation: kernel.Implementation(), Workers: o.workers,
		Seconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), Resumed: resumed,
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, machineFile), append(b, '\n'), 0o644)
}

// hashes remembers the hashes of data sets and files.
type hashes map[string]string

func newHashes() hashes { return make(hashes) }

// file returns the SHA-256 of a file, or "" if it cannot be read.
func (h hashes) file(name string) string {
	if _, ok := h[name]; !ok {
		h[name], _ = regular.Hash(name)
	}
	return h[name]
}

// images returns the hash of the first n images of a data set (0 for all), as a
// manifest has it, or "" if they cannot be read.
func (h hashes) images(spec string, split dataset.Split, n int) string {
	key := fmt.Sprint(spec, split, n)
	if _, ok := h[key]; !ok {
		h[key] = ""
		if d, err := dataset.Open(spec, split); err == nil {
			if n > 0 {
				d, err = d.First(n)
			}
			if err == nil {
				h[key] = d.Hash()
			}
		}
	}
	return h[key]
}

// outcome is a run that was kept, and where it took place.
type outcome struct {
	*run.Run
	machine machine
}

// partial reports whether the run is on fewer images than c asks for.
func (r *outcome) partial(c configuration) bool {
	return c.images == 0 && fmt.Sprint(r.Manifest.Options["images"]) != "0"
}

// load reads a complete run of c, or says why there is none.
func load(o options, c configuration) (*outcome, error) {
	dir := filepath.Join(o.runs, c.name())
	kept, err := run.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if reason, err := os.ReadFile(filepath.Join(dir, failureFile)); err == nil {
			return nil, errors.New("failed: " + strings.TrimSpace(string(reason)))
		}
		return nil, errors.New("not run")
	}
	if err != nil {
		return nil, err
	}
	if !kept.Result.Complete {
		return nil, errors.New("not finished")
	}
	for key, want := range c.values() {
		if got := kept.Manifest.Options[key]; fmt.Sprint(got) != fmt.Sprint(want) {
			return nil, fmt.Errorf("run with %s %v instead of %v", key, got, want)
		}
	}
	if kept.Result.Timesteps != c.timesteps() {
		return nil, fmt.Errorf("result.json has %d timesteps", kept.Result.Timesteps)
	}
	r := outcome{Run: kept}
	if b, err := os.ReadFile(filepath.Join(dir, machineFile)); err == nil { // Missing after a kill: then it is unknown.
		_ = json.Unmarshal(b, &r.machine)
	}
	return &r, nil
}

// finished reports whether c has been run on the model and the images that are
// there now.
func finished(o options, c configuration, h hashes) bool {
	r, err := load(o, c)
	if err != nil {
		return false
	}
	test, calibration := c.network.specs(o)
	return r.Manifest.Model.SHA256 == h.file(c.network.model(o)) &&
		r.Manifest.Data.SHA256 == h.images(test, dataset.Test, c.images) &&
		r.Manifest.Calibration.SHA256 == h.images(calibration, dataset.Train, c.calibrationImages())
}
