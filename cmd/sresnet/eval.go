package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/shard"
	"sresnet/sim"
)

func newEval() *cobra.Command {
	var (
		s settings
		o keepOptions
	)
	cmd := &cobra.Command{
		Use:   "eval MODEL --data SPEC",
		Short: "Convert a network and measure it on test images",
		Long: `eval converts the trained network of an ONNX file into a spiking network and
presents test images to both. One simulation gives the accuracy after every
timestep, the agreement of the two networks, spikes and synaptic operations. It
recommends a T, and itemises what both networks compute; --device turns that into
an estimate of energy by a published table, or by one of yours.

Scales come from training images only. With --data a folder, those are the
training images in it; with a single file, name them with --calibrate. Image files
are all read once before the work, so that a damaged one is found at once; further
runs read only those that are new or changed.

MODEL may also be weights without operators, a .safetensors file of a ResNet from
torchvision, timm or the common code for CIFAR: resnet18, resnet50, resnet20-cifar
and the like, see --arch.

A file of 'sresnet convert', or another .nir that can be simulated, is taken as it
is: with its own normalisation and read-out, if it has them, and alone, as there is
no trained network beside it.

Ctrl-C prints what is done so far. With --out it is kept, and the same command goes
on from there, as it does after a crash. So kept, a run can be spread over machines
that share the folder: see 'sresnet run' and 'sresnet submit'.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:cifar-10-batches-bin
  sresnet eval resnet20.onnx --data cifar10:test_batch.bin --calibrate cifar10:data_batch_1.bin \
      --normalize 0.485,0.456,0.406:0.229,0.224,0.225 --images 1000 --timesteps 128
  sresnet eval mnist.onnx --data mnist --device 45nm --out runs/mnist
  sresnet eval resnet18.onnx --data folder:imagenet/val --calibrate folder:imagenet/train
  sresnet eval resnet18.onnx --data 'tar:val-{000000..000049}.tar' --calibrate tar:train-000000.tar
  sresnet eval mnist.onnx --data npz:test.npz --calibrate npz:train.npz --json
  sresnet eval --arch resnet56-cifar --weights resnet56.safetensors --data cifar10:cifar-10-batches-bin
  sresnet eval mnist.nir --data mnist`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			if err := o.check(cmd.CommandPath()); err != nil {
				return err
			}
			if isNIR(args[0]) {
				if err := refuse(cmd, args[0], conversionFlags...); err != nil {
					return err
				}
			}
			return runEval(cmd, args[0], &s, o)
		},
	}
	s.weightsFlags(cmd)
	s.dataFlags(cmd.Flags(), 0)
	s.networkFlags(cmd.Flags())
	s.compensationFlag(cmd.Flags())
	s.runFlags(cmd.Flags(), 350)
	s.readoutFlags(cmd.Flags())
	s.deviceFlag(cmd.Flags())
	o.flags(cmd.Flags(), "keep the run in the folder `DIR`, and go on from what is there: manifest.json and tables as CSV")
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

// keepOptions are about what a command keeps and shows.
type keepOptions struct {
	out      string
	shards   int
	planOnly bool
	asJSON   bool
}

func (o *keepOptions) flags(f *pflag.FlagSet, out string) {
	f.StringVar(&o.out, "out", "", out)
	f.IntVar(&o.shards, "shards", 0, "with --out: divide the images of a run into `N` shards, of which machines can take one each; 0 means one every 250 images")
	f.BoolVar(&o.planOnly, "plan-only", false, "with --out: only plan the work, for 'sresnet run' or 'sresnet submit'")
	f.BoolVar(&o.asJSON, "json", false, "print one JSON object and nothing else")
}

// check returns a usage error for options that do not go together.
func (o *keepOptions) check(command string) error {
	bad := func(format string, args ...any) error { return &usageError{command, fmt.Errorf(format, args...)} }
	switch {
	case o.shards < 0 || o.shards > shard.MaxShards:
		return bad("--shards %d: give a number up to %d, or 0 for one every %d images", o.shards, shard.MaxShards, imagesPerShard)
	case o.out == "" && o.planOnly:
		return bad("--plan-only plans a run that is kept: name its folder with --out")
	case o.out == "" && o.shards > 0:
		return bad("--shards divides a run that is kept: name its folder with --out")
	case o.planOnly && o.asJSON:
		return bad("--plan-only has no result to print as JSON")
	}
	return nil
}

func runEval(cmd *cobra.Command, model string, s *settings, o keepOptions) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
	ctx, started := cmd.Context(), time.Now()
	if err := p.openModel(cmd, model); err != nil {
		return err
	}
	if o.out == "" {
		if err := p.ready(ctx); err != nil {
			return err
		}
		r, err := p.evaluate(ctx)
		if r == nil {
			return err
		}
		if err := p.show(cmd.OutOrStdout(), r, o.asJSON); err != nil {
			return err
		}
		return p.interrupted(err, r.Images, "add --out DIR to keep what is done")
	}
	k, err := p.keptAs(ctx, o, started)
	if err != nil {
		return err
	}
	if o.planOnly {
		return k.describe(cmd.OutOrStdout())
	}
	return k.complete(ctx, cmd.OutOrStdout(), o.asJSON)
}

// keptAs opens or plans the run that the options of eval ask for.
func (p *pipeline) keptAs(ctx context.Context, o keepOptions, started time.Time) (*keptRun, error) {
	hash, err := regular.Hash(p.model)
	if err != nil {
		return nil, err
	}
	run := order{dir: o.out, kind: eval.PlanKind, shards: o.shards, manifest: p.manifest(run.Source{Name: p.model, SHA256: hash}, started)}
	if p.graph != nil {
		run.prepare = p.prepare
	}
	return p.planRun(ctx, run)
}

// show prints a result as JSON or as text.
func (p *pipeline) show(w io.Writer, r *eval.Result, asJSON bool) error {
	if asJSON {
		return r.WriteJSON(w)
	}
	if r.Alone {
		p.printAlone(w, r)
	} else {
		p.print(w, r)
	}
	return nil
}

// prepare is all steps between the images and the evaluation.
func (p *pipeline) prepare(ctx context.Context) error {
	if err := p.calibrateGraph(ctx); err != nil {
		return err
	}
	if err := p.convertGraph(); err != nil {
		return err
	}
	return p.compensate(ctx)
}

// evaluate presents the test images to both networks. As [eval.Run], it may
// return a result together with an error.
func (p *pipeline) evaluate(ctx context.Context) (*eval.Result, error) {
	o, err := p.evaluation()
	if err != nil {
		return nil, err
	}
	update, stop := p.progress.Bar("simulating")
	defer stop()
	o.Progress = update
	r, err := eval.Run(ctx, p.graph, p.network, p.test, o)
	if r != nil {
		r.Skipped = p.test.Skipped()
	}
	return r, err
}

// evaluation are the options of the evaluation that the user asked for.
func (p *pipeline) evaluation() (eval.Options, error) {
	readout, err := eval.ParseReadout(p.readout)
	return eval.Options{Sim: p.simOptions(), Readout: readout, Device: p.table, Workers: p.workers, KeepEvery: keepEvery}, err
}

// simOptions are the options of the simulation that the user asked for.
func (p *pipeline) simOptions() sim.Options {
	return sim.Options{Timesteps: p.timesteps, Seed: p.seed, Reference: p.engine == "reference"}
}

// manifest says what the run was made from.
func (p *pipeline) manifest(model run.Source, started time.Time) run.Manifest {
	m := run.Manifest{
		Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Started: started.UTC(), Finished: time.Now().UTC(), Model: model,
		Data:    run.Source{Name: p.data, SHA256: p.test.Hash(), Skipped: p.test.Skipped()},
		Classes: p.test.ClassNames(),
		Options: p.values(),
	}
	if p.calibration == nil { // The network came as a spiking one.
		for _, name := range conversionFlags {
			delete(m.Options, strings.ReplaceAll(name, "-", "_"))
		}
		return m
	}
	m.Calibration = run.Source{Name: p.calibrate, SHA256: p.calibration.Hash(), Skipped: p.calibration.Skipped()}
	return m
}

// interrupted says how far work on the test images came that ended early; nil for
// nil.
func (p *pipeline) interrupted(err error, images int, remedy string) error {
	if err == nil {
		return nil
	}
	return hint.Error(fmt.Errorf("%w after %d of %d images", errInterrupted, images, p.test.Len()), "%s", remedy)
}
