package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/run"
	"sresnet/shard"
	"sresnet/sweep"
)

func newSweep() *cobra.Command {
	var (
		o      = sweep.Options{Experiment: experiment.DefaultOptions()}
		plan   planning
		asJSON bool
		values = make(map[string]*[]string)
	)
	o.Experiment.Readout = sweep.Default("readout")[0]
	for _, name := range sweep.Axes() {
		list := sweep.Default(name)
		values[name] = &list
	}
	cmd := &cobra.Command{
		Use:   "sweep MODEL --data SPEC",
		Short: "Compare settings on training images, confirm one on test images",
		Long: `sweep converts the network with every combination of the listed values and
measures each on images of the training set. The best one is then measured once
on the test images.

The three sets of images never overlap: the first training images shape the
networks (scales and compensation), the next ones decide between them, the test
images confirm. If the training set is too small for both parts, it is divided
in proportion.

The best setting is the one with the most images classified correctly at
timestep --at. Those that the images do not tell apart from it (McNemar's test,
Holm's correction) tie with it, and the one of fewest operations is chosen; the
command that writes it is printed. One simulation covers every T from 1 to
--timesteps, but for networks that are for one T, phased or calibrated for it:
each T is a setting then, judged at its T, and the table has the latency.
--preset has values of its own for what is not listed.

With --out, every setting becomes a folder like that of 'sresnet eval --out',
the test run becomes the folder confirmed, and all numbers a table, sweep.csv.
After Ctrl-C or a crash, the same command resumes where it stopped. Such a sweep
can be spread over machines that share the folder: --plan plans the runs of all
settings, 'sresnet run' or 'sresnet submit' computes their shards, and 'sresnet
merge' plans the test run of the best one and, once that is done as well, makes
the result.`,
		Example: `  sresnet sweep resnet20.onnx --data cifar10:cifar10 -o sweeps/resnet20
  sresnet sweep resnet20.onnx --data cifar10:cifar10 --at 64 \
      --percentile 99,99.5,99.9 --v-init 0.5 --compensation none
  sresnet sweep resnet20.onnx --data cifar10:cifar10 -o sweeps/resnet20 --plan
  sresnet sweep mnist.onnx --data mnist --preset few-steps -T 4,8,16
  sresnet sweep mnist.onnx --data mnist --reset subtract,zero --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPlan(&plan, o.Out, asJSON); err != nil {
				return err
			}
			o.Values, o.Shards = make(map[string][]string), plan.shards
			if f := cmd.Flag("apply"); f.Changed {
				if err := o.Apply(f.Value.String()); err != nil {
					return err
				}
			}
			for name, list := range values {
				if cmd.Flags().Changed(name) {
					o.Values[name] = *list
				}
			}
			if err := complete(cmd, &o.Experiment, args[0]); err != nil {
				return err
			}
			if o.Experiment.Data == "" {
				return missingData()
			}
			if _, err := sweep.Grid(o.Values); err != nil { // Before anything is opened.
				return &usageError{err}
			}
			defer run.Prepare(o.Out, &o.Experiment)()
			sw, err := sweep.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			k := &keptSweep{sw, o.Out}
			if plan.only {
				return k.interrupted(planStudy(cmd, k))
			}
			return k.finish(cmd, asJSON)
		},
	}
	optionFlags(cmd, &o.Experiment, imageOptions)
	listFlags(cmd, append(slices.Clone(networkOptions), "timesteps", "readout"), values)
	optionFlags(cmd, &o.Experiment, []string{"workers", "selection-images"})
	adviceFlags(cmd, &o.Experiment)
	cmd.Flags().IntVar(&o.At, "at", 0, "choose by the accuracy after `T` timesteps; 0 means the last")
	cmd.Flags().Lookup("images").Usage = "confirm on the first `N` test images; 0 means all"
	outFlag(cmd, &o.Out, "keep all runs in the folder `DIR`, and resume from what is there")
	planFlag(cmd, &plan)
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// keptSweep is a sweep with the folder that it is kept in, "" for none.
type keptSweep struct {
	*sweep.Sweep
	out string
}

func (k *keptSweep) dir() string { return k.out }

func (k *keptSweep) summary(g *shard.Group) string {
	s := fmt.Sprintf("%s on %s", terminal.Plural(len(k.Settings), "setting", "settings"), images(k.Selection.Len()))
	if best := k.Chosen(); !g.More() && best >= 0 {
		s += fmt.Sprintf(" and the best, %s, on %d test images", k.Settings[best].Name(), k.Test.Len())
	}
	return s
}

func (k *keptSweep) next() string {
	return fmt.Sprintf("the run of the best setting on %d test images", k.Test.Len())
}

// finish runs what is missing and shows the result.
func (k *keptSweep) finish(cmd *cobra.Command, asJSON bool) error {
	runErr := k.Run(cmd.Context())
	if runErr != nil && k.Finished() == 0 {
		return k.interrupted(runErr)
	}
	if err := k.WriteTable(); err != nil {
		return err
	}
	if asJSON {
		if err := json.NewEncoder(cmd.OutOrStdout()).Encode(k.Report()); err != nil {
			return err
		}
	} else {
		k.Print(cmd.OutOrStdout())
	}
	return k.interrupted(runErr)
}

// interrupted says how far a sweep came that ended early; nil for nil, and errors
// of other kinds as they are.
func (k *keptSweep) interrupted(err error) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	advice := "add --out DIR to keep what is finished and resume from there"
	if k.out != "" {
		advice = "the same command resumes from what is kept in " + k.out
	}
	if best := k.Chosen(); best >= 0 {
		return hint.Error(fmt.Errorf("%w before test images confirmed %s", errInterrupted, k.Settings[best].Name()), "%s", advice)
	}
	return hint.Error(fmt.Errorf("%w with %d of %d settings finished", errInterrupted, k.Finished(), len(k.Settings)), "%s", advice)
}
