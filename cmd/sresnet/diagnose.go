package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sresnet/diagnose"
	"sresnet/diagnose/study"
	"sresnet/experiment"
	"sresnet/internal/atomic"
	"sresnet/internal/hint"
	"sresnet/run"
	"sresnet/shard"
)

func newDiagnose() *cobra.Command {
	var (
		o      = experiment.DefaultOptions()
		out    string
		plan   planning
		remedy bool
		asJSON bool
	)
	o.Images = 500
	cmd := &cobra.Command{
		Use:   "diagnose MODEL --data SPEC",
		Short: "Explain why accuracy is lost, in which layer, and what recovers it",
		Long: `diagnose converts a network and splits the error of every neuron, the difference
between what its rate stands for and the trained network's activation, into
parts:

  clipping      the activation exceeds lambda, which no rate can represent
  inherited     the layers before are wrong
  quantisation  T timesteps allow only so many rates
  unevenness    spikes came in an order that later input would have changed

A phased network has no unevenness; its activations below the lowest level, which
make no spike, are vanished. What calibration for T adds to biases is a part too,
shift, and so are rounding to --bits, saturation of --state-bits, and leak.

Then it finds out where accuracy is lost: all up to a layer is replaced by the
trained network, shortcuts included, one layer after the other. And it tries what
could help, one change at a time: other lambdas of the worst layers, more
timesteps, other start potentials, other percentiles, compensation, another
read-out, the phased schedule. A network that is calibrated for T is calibrated
again for each. Only what is more than chance becomes advice, and its gain is
that on images that did not choose it.

A NIR file is diagnosed against the trained network that it was converted from,
which --ann names; the file says how it was converted.

With -o FILE.json, all that was found goes into that file, which 'sresnet eval
--apply FILE.json' follows. --remedy searches the lambdas of all layers, not of
the worst ones alone, for those with which classes come nearest to the trained
network's on calibration images.

With --out DIR, the work is kept in DIR/diagnosis: after Ctrl-C or a crash the same
command resumes where it stopped, and machines that share the folder can divide
the work. --plan plans the measurement, 'sresnet run DIR/diagnosis' or 'sresnet
submit DIR/diagnosis' computes its shards, and 'sresnet merge DIR/diagnosis'
plans what to try and, once that is done as well, makes the result. Another
diagnosis of the same run replaces one that is finished.`,
		Example: `  sresnet diagnose resnet20.onnx --data cifar10:cifar10 --normalize imagenet
  sresnet diagnose resnet20.onnx --data cifar10:cifar10 -T 64 --images 2000
  sresnet diagnose resnet20.onnx --data cifar10:cifar10 -T 32 --remedy \
      -o advice.json
  sresnet diagnose mnist.onnx --data mnist -o runs/mnist
  sresnet diagnose mnist.onnx --data mnist -o runs/mnist --plan=20
  sresnet diagnose mnist.nir --ann mnist.onnx --data mnist`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := ""
			if filepath.Ext(out) == ".json" { // For --apply.
				file, out = out, ""
				if err := atomic.Replaceable(file); err != nil { // Before the work.
					return err
				}
			}
			if err := checkPlan(&plan, out, asJSON); err != nil {
				return err
			}
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			switch {
			case o.Data == "":
				return missingData()
			case experiment.IsNIR(o.Model) && o.Trained == "":
				return experiment.WantsTrained(o.Model, "errors are measured against its activations; name it with --ann")
			}
			if out != "" {
				if info, err := os.Stat(out); err == nil && info.IsDir() {
					defer run.Prepare(filepath.Join(out, study.Folder), &o)()
				}
				d, err := study.Open(cmd.Context(), study.Options{Experiment: o, Out: out, Shards: plan.shards, Remedy: remedy})
				if err != nil {
					return err
				}
				k := &keptDiagnosis{d}
				if plan.only {
					return k.interrupted(planStudy(cmd, k))
				}
				return k.finish(cmd, asJSON)
			}
			e, err := experiment.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			d, err := study.Run(cmd.Context(), e, remedy)
			if err != nil {
				return err
			}
			if err := showDiagnosis(cmd.OutOrStdout(), d, asJSON); err != nil || file == "" {
				return err
			}
			return writeTo(file, func(w io.Writer) error { return showDiagnosis(w, d, true) })
		},
	}
	optionFlags(cmd, &o, imageOptions, networkOptions, runOptions, []string{"readout"})
	adviceFlags(cmd, &o)
	cmd.Flags().StringVar(&o.Trained, "ann", "", "the trained network, an ONNX `FILE`, if MODEL is a NIR file")
	cmd.Flags().BoolVar(&remedy, "remedy", false, "search the lambdas of all layers on calibration images, and biases for them; takes minutes")
	outFlag(cmd, &out, "write what 'sresnet eval --apply' takes to `FILE.json`; or keep diagnosis.json in the folder DIR, where eval --out has kept a run, and resume from what is there")
	planFlag(cmd, &plan)
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// keptDiagnosis is a diagnosis that is kept.
type keptDiagnosis struct{ *study.Kept }

func (k *keptDiagnosis) dir() string { return k.Dir() }

func (k *keptDiagnosis) summary(*shard.Group) string {
	s := fmt.Sprintf("a measurement of %d images", k.Test.Len())
	if n := k.Trials(); n > 0 {
		s += fmt.Sprintf(" and %d trials on each", n)
	}
	return s
}

func (k *keptDiagnosis) next() string { return "what to try" }

// finish computes what is missing and shows the result.
func (k *keptDiagnosis) finish(cmd *cobra.Command, asJSON bool) error {
	d, err := k.Run(cmd.Context())
	if err != nil {
		return k.interrupted(err)
	}
	return showDiagnosis(cmd.OutOrStdout(), d, asJSON)
}

// interrupted says what to do after work that ended early; nil for nil, and errors of
// other kinds as they are.
func (k *keptDiagnosis) interrupted(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return hint.Error(errInterrupted, "what is done is kept in %s: the same command resumes from there", k.Dir())
}

// showDiagnosis prints a diagnosis as JSON or as text.
func showDiagnosis(w io.Writer, d *diagnose.Diagnosis, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(d)
	}
	d.Print(w)
	return nil
}
