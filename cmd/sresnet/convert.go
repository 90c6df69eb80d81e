package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/run"
	"sresnet/target"
)

func newConvert() *cobra.Command {
	var (
		o         = experiment.DefaultOptions()
		out, name string
		asJSON    bool
	)
	o.Unlabelled = true
	cmd := &cobra.Command{
		Use:   "convert MODEL --calibrate SPEC [--target READER] -o FILE",
		Short: "Convert a network and write the spiking one as a NIR file or for PyTorch",
		Long: `convert turns a trained network into a spiking network and writes it as a NIR
file, which the tools of the field read (docs/nir.md). What NIR cannot express,
such as reset by subtraction, is kept as metadata, from which sresnet restores
the same network; what other readers will do differently is printed, and kept as
well.

Without --target, the file has the form that most tools read. With it, one tool
runs the file spike for spike, but for rounding, or the reason is given why it
cannot. Potentials begin at 0 then, as in those tools; what is to be set there
after loading is printed. Given a chip, it says what fits (see --bits).
With torch, FILE.py and FILE.safetensors are a module for PyTorch, which needs
nothing else and does all that sresnet does: schedules, gates, read-outs
(docs/torch.md).

Scales come from training images, those of --calibrate; SPEC?images=500 takes
the first 500 instead of 1,000. If MODEL is the folder of a run, the network is
converted as it was for that run.`,
		Example: `  sresnet convert resnet20.onnx --calibrate cifar10:cifar10 -o resnet20.nir
  sresnet convert resnet20.onnx --calibrate cifar10:cifar10 \
      --target sinabs -o resnet20.nir
  sresnet convert mnist.onnx --calibrate mnist --percentile 99.99 \
      --compensation global -o mnist.nir
  sresnet convert resnet20.onnx --calibrate cifar10:cifar10 --bits 8 \
      --target torch -o resnet20
  sresnet convert runs/resnet20 -o resnet20.nir`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing: give the name of the file to write, such as -o net.nir")
			}
			if !target.Known(name) {
				return oneOf("target", name, target.Names())
			}
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			if target.StartsAtZero(name) && !cmd.Flags().Changed("v-init") {
				o.VInit = 0
			}
			if o.Calibrate == "" {
				return usage("--calibrate is missing: give training images, %s", dataset.Specs)
			}
			o.Data, o.Images = "", 0 // Test images play no part in it.
			return runConvert(cmd, o, name, out, asJSON)
		},
	}
	outFlag(cmd, &out, "write the NIR file, or for torch the two files, `FILE`")
	cmd.Flags().StringVar(&name, "target", target.Default, "write for the tool or chip `READER`: "+experiment.Either(target.Names()))
	optionFlags(cmd, &o, []string{"calibrate", "normalize"}, networkOptions, []string{"shared-lambda"}, runOptions)
	cmd.Flags().Lookup("calibrate").Usage = "calibration images; `SPEC` is " + dataset.Specs
	cmd.Flags().Lookup("timesteps").Usage = "present each image for `T` timesteps in the search for --compensation"
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

func runConvert(cmd *cobra.Command, o experiment.Options, name, out string, asJSON bool) error {
	if experiment.IsNIR(o.Model) {
		return experiment.WantsTrained(o.Model, "only that can be converted")
	}
	if err := target.Check(name, out, o.Schedule); err != nil { // Before the work.
		return err
	}
	e, err := experiment.Open(cmd.Context(), o)
	if err != nil {
		return err
	}
	net, err := e.Network(cmd.Context())
	if err != nil {
		return err
	}
	info, err := e.Info(run.Version())
	if err != nil {
		return err
	}
	w, err := target.Write(name, out, net, info, o.Timesteps)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(w)
	}
	w.Print(cmd.OutOrStdout(), spell)
	return nil
}
