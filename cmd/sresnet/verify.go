package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sresnet/eval"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/snn"
	"sresnet/verify"
)

func newVerify() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		asJSON bool
	)
	o.Images, o.Timesteps, o.Unlabelled = 10, 64, true
	cmd := &cobra.Command{
		Use:   "verify MODEL --data SPEC",
		Short: "Check that every conversion step keeps the network's function",
		Long: fmt.Sprintf(`verify converts a network and compares, on test images:

  imported = folded                       logits, within %g of the largest
  folded = normalised                     activations of every layer against
                                          lambda times its rate in the limit of
                                          many timesteps, if no neuron saturates
                                          except at the bound of a Clip (ReLU6),
                                          within %g
  weight-normalised = threshold-balanced  the same rates; every spike, with
                                          scales rounded to powers of two, where
                                          both forms are exact; and the spikes
                                          with calibrated scales, every layer
                                          from the same spikes: all but those
                                          from potentials within rounding of
                                          the threshold, and the potentials
  event engine = reference engine         every spike, on the first two images

A network that is phased or calibrated for T is compared as it is:

  imported = folded                       as above
  folded = converted                      activations, without what calibration
                                          added to biases; not those of layers
                                          whose weights --refit has changed
  phased = quantised float pass           the spikes of every neuron, or what
                                          its one spike is worth, but for
                                          potentials within rounding of a level
  event engine = reference engine         as above

For a NIR file it compares, on the test images, what needs no trained network:
the last two of these, and

  network = written and read again        every spike

The exit code is 1 if a comparison fails. Ctrl-C prints what the finished images
showed.`, verify.MaxRelative, verify.MaxRelative),
		Example: `  sresnet verify resnet20.onnx --data cifar10:cifar10
  sresnet verify resnet20.onnx --data cifar10:cifar10 --images 3 -T 256
  sresnet verify resnet20.nir --data cifar10:cifar10`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := open(cmd, &o, args[0])
			if err != nil {
				return err
			}
			if e.Test == nil {
				return missingData()
			}
			return runVerify(cmd, e, asJSON)
		},
	}
	optionFlags(cmd, &o, imageOptions, without(networkOptions, "compensation"), runOptions) // Which changes the function.
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

func runVerify(cmd *cobra.Command, e *experiment.Experiment, asJSON bool) error {
	stages, runErr := verifyStages(cmd.Context(), e)
	if len(stages) == 0 {
		return runErr
	}
	name, _, _ := e.Takes()
	images, failed := stages[0].Images, 0
	for _, st := range stages {
		if !st.OK {
			failed++
		}
	}
	w, o := cmd.OutOrStdout(), &e.Options
	timing, latency := eval.Timing("", "", o.Timesteps, 0), o.Timesteps
	if e.Graph == nil || o.OneT() { // The network itself was verified.
		if net, err := e.Network(cmd.Context()); err == nil {
			latency = net.Latency(o.Timesteps)
			timing = eval.Timing(net.Schedule.String(), net.Coding.String(), o.Timesteps, latency)
		}
	}
	if asJSON {
		err := json.NewEncoder(w).Encode(map[string]any{
			"model": name, "images": images, "complete": runErr == nil, "timesteps": o.Timesteps, "latency": latency, "stages": stages, "ok": failed == 0,
		})
		if err != nil {
			return err
		}
	} else {
		terminal.Printf(w, "%s, %s of %s, pixels normalised as %s, %s\n\n", name, terminal.Plural(images, "image", "images"), experiment.SourceOf(o.Data), o.Normalize, timing)
		verify.Print(w, stages)
	}
	var err error
	if failed > 0 {
		err = hint.Error(fmt.Errorf("%d of %d stages changed the function of %s", failed, len(stages), name),
			"a failed stage is an error of this program, not of the network: please report it with the model")
	}
	return errors.Join(interrupted(runErr, images, e.Test.Len(), "use fewer images (--images N) or timesteps (--timesteps T)"), err)
}

// verifyStages compares all stages of a conversion or, for a NIR file, the network alone.
func verifyStages(ctx context.Context, e *experiment.Experiment) ([]verify.Stage, error) {
	opts := &e.Options
	o := verify.Options{Convert: opts.Convert(), Timesteps: opts.Timesteps, Seed: opts.Seed, Workers: opts.Workers, Original: e.Original}
	var stop func()
	if e.Graph != nil && !opts.OneT() {
		s, err := e.Statistics(ctx)
		if err != nil {
			return nil, err
		}
		o.Progress, stop = opts.Step("verifying")
		defer stop()
		return verify.Run(ctx, e.Graph, s, e.Test, o)
	}
	net, err := e.Network(ctx)
	if err != nil {
		return nil, err
	}
	if e.Graph != nil {
		o.Progress, stop = opts.Step("verifying")
		defer stop()
		return verify.Made(ctx, e.Graph, net, e.Test, o)
	}
	again, err := writtenAndRead(net, nir.InfoOf(e.File))
	if err != nil {
		return nil, err
	}
	o.Progress, stop = opts.Step("verifying")
	defer stop()
	return verify.Spiking(ctx, net, again, e.Test, o)
}

// writtenAndRead returns a network as a NIR file of it has it.
func writtenAndRead(net *snn.Network, info nir.Info) (*snn.Network, error) {
	dir, err := os.MkdirTemp("", "sresnet")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	g, _, err := nir.FromNetwork(net, nir.Generic, info)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "again.nir")
	if err := nir.WriteFile(name, g); err != nil {
		return nil, hint.Error(err, "the network is written to the folder for temporary files; make room there")
	}
	if g, err = nir.ReadFile(name); err != nil {
		return nil, err
	}
	return g.Network()
}
