package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sresnet/internal/host"
	"sresnet/internal/terminal"
)

// comparison is everything that was measured.
type comparison struct {
	Model             string            `json:"model"`
	Data              string            `json:"data"` // Files by name, without their folders.
	Normalize         string            `json:"normalize"`
	Images            int               `json:"images"`
	CalibrationImages int               `json:"calibration_images"`
	Timesteps         int               `json:"timesteps"`       // T of sresnet.
	DenseTimesteps    int               `json:"dense_timesteps"` // T of PyTorch in the rounds.
	Rounds            int               `json:"rounds"`
	Processor         string            `json:"processor"`
	Bound             bool              `json:"bound"`    // Whether programs were bound to their cores.
	Versions          map[string]string `json:"versions"` // By program.
	Missing           map[string]string `json:"missing"`  // Why a program was left out.

	Trained   float64   `json:"trained"` // Accuracy of the trained network, as sresnet runs it.
	Top1      []float64 `json:"top1"`    // Accuracy of sresnet, over time.
	EqualWork *sample   `json:"equal_work,omitempty"`
	Samples   []sample  `json:"samples"`

	variants []variant
}

// measure runs all programs in turn. It says on progress what it does.
func measure(ctx context.Context, o options, progress io.Writer) (*comparison, error) {
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c := &comparison{
		Model: filepath.Base(o.model), Data: filepath.Base(path(o.data)), Normalize: o.normalize, Images: o.images, CalibrationImages: o.calibrationImages,
		Timesteps: o.timesteps, DenseTimesteps: o.denseTimesteps, Rounds: o.rounds,
		Processor: host.Processor(), Bound: len(o.allowed) >= slices.Max(o.cores), Versions: map[string]string{}, Missing: map[string]string{},
	}
	say := func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }
	if err := c.first(ctx, o, dir, say); err != nil {
		return nil, err
	}
	for round := 1; round <= o.rounds; round++ {
		for _, cores := range o.cores {
			say("round %d of %d, %s", round, o.rounds, terminal.Plural(cores, "core", "cores"))
			outs, err := c.round(ctx, o, cores)
			if err != nil {
				return nil, err
			}
			for _, out := range outs {
				for _, s := range out.samples {
					s.Round = round
					c.Samples = append(c.Samples, s)
					say("  %-11s %-45s %9.0f image-steps/s", s.Program, s.Setting, s.Speed)
				}
			}
		}
	}
	return c, nil
}

// first finds out what can be run; without sresnet, nothing. PyTorch shows that it
// does the same work: all timesteps, once.
func (c *comparison) first(ctx context.Context, o options, dir string, say func(string, ...any)) error {
	cores := slices.Max(o.cores)
	leaveOut := func(name string, err error) {
		c.Missing[name] = err.Error()
		say("left out: %v; bench/README.md says what %s needs", err, name)
	}
	own, err := o.runSresnet(ctx, cores)
	if err != nil {
		return err
	}
	c.Trained, c.Top1 = own.trained, own.top1
	if out, err := o.runONNXRuntime(ctx, cores, 0.01); err == nil {
		c.Versions[onnxruntime] = out.version
	} else {
		leaveOut(onnxruntime, err)
	}
	say("PyTorch, once with T = %d on %s", o.timesteps, terminal.Plural(cores, "core", "cores"))
	largest := torchBatches[strings.LastIndex(torchBatches, ",")+1:]
	if out, err := o.runTorch(ctx, cores, o.timesteps, largest); err == nil {
		c.Versions[pytorch] = out.version
		c.EqualWork = &out.samples[0]
	} else {
		leaveOut(pytorch, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(c.Versions) == 0 {
		return errNothing
	}
	return c.makeVariants(ctx, o, dir, say)
}

// round measures each program once on that many cores.
func (c *comparison) round(ctx context.Context, o options, cores int) ([]*output, error) {
	own, err := o.runSresnet(ctx, cores)
	if err != nil {
		return nil, err
	}
	outs := []*output{own}
	for _, v := range c.variants {
		out, err := o.runVariant(ctx, v, cores)
		if err != nil {
			return nil, err
		}
		outs = append(outs, out)
	}
	if _, ok := c.Versions[pytorch]; ok {
		for _, run := range []func(context.Context, int, int, string) (*output, error){o.runTorch, o.runTorchAVX2} {
			out, err := run(ctx, cores, o.denseTimesteps, torchBatches)
			if err != nil {
				return nil, err
			}
			outs = append(outs, out)
		}
	}
	if _, ok := c.Versions[onnxruntime]; ok {
		out, err := o.runONNXRuntime(ctx, cores, o.seconds)
		if err != nil {
			return nil, err
		}
		outs = append(outs, out)
	}
	return outs, nil
}

// writeFile writes c as JSON.
func (c *comparison) writeFile(name string) error {
	b, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}
