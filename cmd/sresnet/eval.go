package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"sresnet/eval"
	"sresnet/sim"
)

func newEval() *cobra.Command {
	var (
		s      settings
		out    string
		asJSON bool
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
are all read once before the work, so that a damaged one is found at once.

A file of 'sresnet convert', or another .nir that can be simulated, is taken as it
is: with its own normalisation and read-out, if it has them, and alone, as there is
no trained network beside it.

Ctrl-C prints what is done so far, and keeps it with --out.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:cifar-10-batches-bin
  sresnet eval resnet20.onnx --data cifar10:test_batch.bin --calibrate cifar10:data_batch_1.bin \
      --normalize 0.485,0.456,0.406:0.229,0.224,0.225 --images 1000 --timesteps 128
  sresnet eval mnist.onnx --data mnist --device 45nm --out runs/mnist
  sresnet eval resnet18.onnx --data folder:imagenet/val --calibrate folder:imagenet/train
  sresnet eval mnist.onnx --data npz:test.npz --calibrate npz:train.npz --json
  sresnet eval mnist.nir --data mnist`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			if isNIR(args[0]) {
				return runEvalNIR(cmd, args[0], &s, asJSON)
			}
			return runEval(cmd, args[0], &s, out, asJSON)
		},
	}
	s.dataFlags(cmd.Flags(), 0)
	s.networkFlags(cmd.Flags())
	s.compensationFlag(cmd.Flags())
	s.runFlags(cmd.Flags(), 350)
	s.readoutFlags(cmd.Flags())
	s.deviceFlag(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "keep the run in the folder `DIR`: manifest.json and tables as CSV")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

func runEval(cmd *cobra.Command, model string, s *settings, out string, asJSON bool) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: progress{w: cmd.ErrOrStderr()}}
	started := time.Now()
	if err := p.open(cmd.Context(), model); err != nil {
		return err
	}
	hash, err := eval.HashFile(model)
	if err != nil {
		return err
	}
	var folder *eval.Folder
	if out != "" { // Before the work, so that a folder that cannot be written costs none.
		if folder, err = eval.OpenFolder(out); err != nil {
			return hinted(err, "give another folder with --out, or make room in this one")
		}
	}
	ctx := cmd.Context()
	if err := p.prepare(ctx); err != nil {
		return err
	}
	r, runErr := p.evaluate(ctx)
	if r == nil {
		return runErr
	}
	kept := "add --out DIR to keep what is done"
	if folder != nil {
		m := p.manifest(started)
		m.Model = eval.Source{Name: model, SHA256: hash}
		if err := p.keep(folder, m, r); err != nil {
			return errors.Join(err, p.show(cmd.OutOrStdout(), r, asJSON)) // The work is done: at least show it.
		}
		kept = "what is done is kept in " + out
	}
	if err := p.show(cmd.OutOrStdout(), r, asJSON); err != nil {
		return err
	}
	return p.interrupted(runErr, r.Images, kept)
}

// keep writes a run with all its tables.
func (p *pipeline) keep(folder *eval.Folder, m eval.Manifest, r *eval.Result) error {
	return folder.Write(m, r, append(p.compensationFiles(), p.reportFiles(r)...)...)
}

// show prints a result as JSON or as text.
func (p *pipeline) show(w io.Writer, r *eval.Result, asJSON bool) error {
	if asJSON {
		return r.WriteJSON(w)
	}
	p.print(w, r)
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
	readout, err := eval.ParseReadout(p.readout)
	if err != nil {
		return nil, err
	}
	update, stop := p.progress.bar("simulating")
	defer stop()
	r, err := eval.Run(ctx, p.graph, p.network, p.test, eval.Options{
		Sim: p.simOptions(), Readout: readout, Device: p.table, Workers: p.workers, Progress: update,
	})
	if r != nil {
		r.Skipped = p.test.Skipped()
	}
	return r, err
}

// simOptions are the options of the simulation that the user asked for.
func (p *pipeline) simOptions() sim.Options {
	return sim.Options{Timesteps: p.timesteps, Seed: p.seed, Reference: p.engine == "reference"}
}

// manifest says what the run was made from, but for the model.
func (p *pipeline) manifest(started time.Time) eval.Manifest {
	return eval.Manifest{
		Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Started: started.UTC(), Finished: time.Now().UTC(),
		Data:        eval.Source{Name: p.data, SHA256: p.test.Hash(), Skipped: p.test.Skipped()},
		Calibration: eval.Source{Name: p.calibrate, SHA256: p.calibration.Hash(), Skipped: p.calibration.Skipped()},
		Classes:     p.test.ClassNames(),
		Options:     p.values(),
	}
}

// interrupted says how far work on the test images came that ended early; nil for
// nil.
func (p *pipeline) interrupted(err error, images int, hint string) error {
	if err == nil {
		return nil
	}
	return hinted(fmt.Errorf("%w after %d of %d images", errInterrupted, images, p.test.Len()), "%s", hint)
}
