package main

import (
	"io"

	"github.com/spf13/cobra"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/run"
)

func newEval() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		out    string
		plan   planning
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "eval MODEL --data SPEC",
		Short: "Convert a network and measure it on test images",
		Long: `eval converts a trained network into a spiking one and presents test images to
both. One simulation gives the accuracy after every timestep, the agreement of
the two networks, spikes and synaptic operations. It recommends the smallest T
from which, with 95 % confidence, at most half a point of accuracy is lost, or
what so few images can tell, and itemises what both networks compute; --device
turns that into an estimate of energy, from a published table or your own.

Scales come from training images only. If --data is a folder, these are the
training images in it; if it is a single file, name them with --calibrate. All
image files are read once before the work starts, so that a damaged one is found
at once; later runs read only those that are new or changed.

MODEL is an ONNX file; weights without operators, a .safetensors, .pt or .pth
file of a ResNet from torchvision, transformers, timm or the common code for
CIFAR; the folder of a run, which stands for that run's options; or a file of
'sresnet convert' or another .nir file that can be simulated. A NIR file is taken
as it is, with its own normalisation and read-out if it has them, and without a
trained network to compare it with.

Options of a data set follow it: folder:DIR?resize=256&crop=224&skip-bad=3
resizes and crops image files and leaves out up to three that cannot be read;
--calibrate 'SPEC?images=500' calibrates on 500 images instead of 1,000.

Ctrl-C prints what is done so far. With --out it is kept, and the same command
resumes from there, after a crash as well. Such a run can be spread over
machines that share the folder: see 'sresnet run' and 'sresnet submit'.`,
		Example: `  sresnet eval resnet20.onnx --data cifar10:cifar10
  sresnet eval resnet20.onnx --data cifar10:test_batch.bin \
      --calibrate cifar10:data_batch_1.bin --images 1000 -T 128 \
      --normalize 0.485,0.456,0.406:0.229,0.224,0.225
  sresnet eval mnist.onnx --data mnist --device 45nm -o runs/mnist
  sresnet eval resnet18.onnx --data folder:imagenet/val \
      --calibrate folder:imagenet/train
  sresnet eval resnet18.onnx --data 'tar:val-{000000..000049}.tar' \
      --calibrate tar:train-000000.tar
  sresnet eval mnist.onnx --data npz:test.npz --calibrate npz:train.npz --json
  sresnet eval 'weights.safetensors?arch=resnet56-cifar' --data cifar10:cifar10
  sresnet eval mnist.onnx --data mnist --neuron lif --leak 0.99
  sresnet eval mnist.nir --data mnist`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPlan(&plan, out, asJSON); err != nil {
				return err
			}
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			defer run.Prepare(out, &o)()
			e, err := experiment.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			if out == "" {
				return runEval(cmd, e, asJSON)
			}
			return runKept(cmd, e, out, &plan, asJSON)
		},
	}
	optionFlags(cmd, &o, imageOptions, networkOptions, runOptions, []string{"seed", "readout", "exit", "device"})
	adviceFlags(cmd, &o)
	outFlag(cmd, &out, "keep the run in the folder `DIR`, and resume from what is there")
	planFlag(cmd, &plan)
	mapFlag(cmd, (*moves)(&o.Moved))
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// checkPlan returns an error for options of a plan that do not go together.
func checkPlan(p *planning, out string, asJSON bool) error {
	switch {
	case p.only && out == "":
		return usage("--plan plans work that is kept: name a folder for it with --out")
	case p.only && asJSON:
		return usage("--plan has no result to print as JSON")
	}
	return nil
}

// runEval evaluates, and keeps nothing.
func runEval(cmd *cobra.Command, e *experiment.Experiment, asJSON bool) error {
	if e.Test == nil {
		return missingData()
	}
	r, err := e.EvaluateLast(cmd.Context())
	if r == nil {
		return err
	}
	if err := showResult(cmd.OutOrStdout(), e, experiment.SourceOf(e.Options.Data), r, asJSON); err != nil {
		return err
	}
	return interrupted(err, r.Images, e.Test.Len(), "add --out DIR to keep what is done")
}

// runKept starts or resumes the run in a folder, or plans it.
func runKept(cmd *cobra.Command, e *experiment.Experiment, out string, plan *planning, asJSON bool) error {
	if e.Test == nil {
		return missingData()
	}
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	k, err := (&run.Order{Dir: out, Kind: eval.PlanKind, Experiment: e, Shards: plan.shards}).Open(ctx)
	if err != nil {
		return err
	}
	if plan.only {
		return describe(w, k)
	}
	r, err := k.Complete(ctx)
	if r == nil {
		return err
	}
	if err := showKept(w, k, r, asJSON); err != nil { // The work is done: at least show it.
		return err
	}
	return interrupted(err, r.Images, k.Test.Len(), "what is done is kept in "+out+": the same command resumes from there")
}

// describe says what was planned and what to do with it.
func describe(w io.Writer, k *run.Kept) error {
	missing, err := k.Run.Missing()
	if err != nil {
		return err
	}
	terminal.Printf(w, "%s: %s in %s, %d of them to do\n", k.Run.Dir(), images(k.Test.Len()), terminal.Plural(k.Run.Shards(), "shard", "shards"), len(missing))
	printHowToDo(w, k.Run.Dir())
	return nil
}
