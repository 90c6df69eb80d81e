package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/diagnose"
	"sresnet/eval"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/run"
)

func newDiagnose() *cobra.Command {
	var (
		s settings
		o diagnoseOptions
	)
	cmd := &cobra.Command{
		Use:   "diagnose MODEL --data SPEC",
		Short: "Say why accuracy is lost, in which layer, and what returns it",
		Long: `diagnose converts a network and splits the error of every neuron, between what its
rate stands for and the trained network's activation, into four parts:

  clipping      the activation exceeds lambda, and no rate can show it
  inherited     the layers before are wrong
  quantisation  T timesteps only have so many rates
  unevenness    spikes came in an order that later input would have changed

Then it tries what could help, one thing at a time, and ranks what that returns in
accuracy: layers replaced by the trained network's, the lambda of the worst ones raised
and lowered, more timesteps, other start potentials, other percentiles, compensation,
another read-out.

A NIR file is diagnosed beside the trained network that it was converted from, which
--ann names; the file says how it was converted.

The images are test images: what a diagnosis recommends must be confirmed on others.

With --out, the work is kept in DIR/diagnosis: after Ctrl-C or a crash the same command
goes on where it was, and machines that share the folder can divide it. --plan-only
plans the measurement, 'sresnet run DIR/diagnosis' or 'sresnet submit DIR/diagnosis'
does its shards, and 'sresnet merge DIR/diagnosis' plans what to try, and once that is
done, too, makes the result. Another diagnosis of the run takes the place of one that
is finished.`,
		Example: `  sresnet diagnose resnet20.onnx --data cifar10:cifar-10-batches-bin --normalize imagenet
  sresnet diagnose resnet20.onnx --data cifar10:cifar-10-batches-bin --timesteps 64 --images 500
  sresnet diagnose mnist.onnx --data mnist --out runs/mnist    # beside what eval --out kept there
  sresnet diagnose mnist.onnx --data mnist --out runs/mnist --plan-only --shards 20
  sresnet diagnose mnist.nir --ann mnist.onnx --data mnist`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			if err := o.check(cmd.CommandPath()); err != nil {
				return err
			}
			return runDiagnose(cmd, args[0], &s, o)
		},
	}
	s.weightsFlags(cmd)
	s.dataFlags(cmd.Flags(), 100)
	s.networkFlags(cmd.Flags())
	s.compensationFlag(cmd.Flags())
	s.runFlags(cmd.Flags(), 350)
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.readoutFlags(all)
	cmd.Flags().AddFlag(all.Lookup("readout"))
	cmd.Flags().StringVar(&o.ann, "ann", "", "the trained network, an ONNX `FILE`, of a MODEL that is a NIR file")
	o.flags(cmd.Flags(), "keep diagnosis.json in the folder `DIR`, where eval --out has kept a run, and go on from what is there")
	cmd.Flags().SortFlags = false
	completions(cmd)
	_ = cmd.RegisterFlagCompletionFunc("ann", cobra.FixedCompletions([]string{"onnx"}, cobra.ShellCompDirectiveFilterFileExt))
	return cmd
}

type diagnoseOptions struct {
	keepOptions
	ann string // The trained network beside a NIR file.
}

func runDiagnose(cmd *cobra.Command, model string, s *settings, o diagnoseOptions) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
	ctx, w := cmd.Context(), cmd.OutOrStdout()
	switch {
	case isNIR(model):
		if err := p.openBeside(cmd, model, o.ann); err != nil {
			return err
		}
	case o.ann != "":
		return &usageError{p.command, fmt.Errorf("--ann: %s is the trained network; the option is for NIR files", model)}
	default:
		if err := p.open(ctx, model); err != nil {
			return err
		}
	}
	if o.out != "" {
		k, err := p.openDiagnosis(cmd, o)
		if err != nil {
			return err
		}
		if o.planOnly {
			return k.interrupted(k.planNext(ctx, w))
		}
		d, err := k.diagnosis(ctx)
		if err != nil {
			return k.interrupted(err)
		}
		return showDiagnosis(w, d, o.asJSON)
	}
	if err := p.subjected(ctx); err != nil {
		return err
	}
	do, err := p.diagnoseOptions()
	if err != nil {
		return err
	}
	update, stop := p.progress.Bar("diagnosing")
	do.Progress = update
	d, err := diagnose.Run(ctx, p.subject(), do)
	stop()
	if err != nil {
		return err
	}
	return showDiagnosis(w, d, o.asJSON)
}

// subjected makes the network that is diagnosed, with all that is to say of how.
func (p *pipeline) subjected(ctx context.Context) error {
	if p.file != nil {
		return p.reconvert(ctx)
	}
	return p.prepare(ctx)
}

// subject is what is diagnosed.
func (p *pipeline) subject() diagnose.Subject {
	s := diagnose.Subject{
		Graph: p.graph, Statistics: p.statistics, Convert: p.convertOptions(), Network: p.network, Factors: p.factors.factors, Images: p.test,
	}
	if p.calibration != nil {
		s.Calibration = p.calibration
	}
	return s
}

// diagnoseOptions are the options of the diagnosis that the user asked for.
func (p *pipeline) diagnoseOptions() (diagnose.Options, error) {
	readout, err := eval.ParseReadout(p.readout)
	return diagnose.Options{Timesteps: lengths(p.timesteps), Readout: readout, Seed: p.seed, Workers: p.workers}, err
}

// showDiagnosis prints a diagnosis as JSON or as text.
func showDiagnosis(w io.Writer, d *diagnose.Diagnosis, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(d)
	}
	printDiagnosis(w, d)
	return nil
}

// folderOf opens the folder of a run of one of the files, nil for "".
func (p *pipeline) folderOf(out string, files []string) (*run.Folder, error) {
	if out == "" {
		return nil, nil
	}
	m, err := run.ReadManifest(out)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Error(fmt.Errorf("there is no run in %s to add a diagnosis to", out), "keep one first: sresnet eval %s --data %s --out %s", files[len(files)-1], p.data, out)
	case err != nil:
		return nil, err
	}
	for _, name := range files {
		hash, err := regular.Hash(name)
		if err != nil {
			return nil, err
		}
		if m.Model.SHA256 == hash {
			folder, err := run.OpenFolder(out)
			return folder, hint.Error(err, "make room in the folder, or leave --out away")
		}
	}
	return nil, hint.Error(fmt.Errorf("the run in %s is of another network, %s", out, m.Model.Name), "give the folder of a run of %s with --out", files[len(files)-1])
}

// lengths returns the numbers of timesteps at which errors are split.
func lengths(T int) []int {
	var list []int
	for _, t := range []int{8, 32, 128} {
		if t < T {
			list = append(list, t)
		}
	}
	return append(list, T)
}

func printDiagnosis(w io.Writer, d *diagnose.Diagnosis) {
	last := len(d.Timesteps) - 1
	var spiking strings.Builder
	for k, T := range d.Timesteps {
		fmt.Fprintf(&spiking, ", T = %d %s %%", T, terminal.Percent(d.SNNTop1[k]))
	}
	terminal.Printf(w, "%s on %d images: trained %s %%%s\n\n", d.Model, d.Images, terminal.Percent(d.ANNTop1), spiking.String())
	terminal.Printf(w, "Errors after %d timesteps, root mean square, in percent of lambda; shares of neurons in percent:\n\n", d.Timesteps[last])
	t := terminal.NewTable("lrrrrrrrrrrr", "layer", "lambda", "whole", "clipping", "inherited", "quantisation", "unevenness", "bias", "correlation", "clipped", "dead", "saturated")
	for _, l := range d.Layers {
		e := l.At[last]
		t.Append(
			l.Name, fmt.Sprintf("%.4g", l.Lambda), terminal.Percent(e.Total.RMS), terminal.Percent(e.Clipping.RMS), terminal.Percent(e.Inherited.RMS), terminal.Percent(e.Quantisation.RMS),
			terminal.Percent(e.Unevenness.RMS), terminal.Percent(e.Total.Bias), fmt.Sprintf("%.4f", e.Correlation), terminal.Percent(l.Clipped), terminal.Percent(l.Dead), terminal.Percent(l.Saturated),
		)
	}
	t.Print(w)

	fmt.Fprintln(w, "Verdict, what buys most first:")
	for i, f := range d.Verdict {
		terminal.Printf(w, "%3d. %s\n", i+1, f.Text)
	}
	fmt.Fprintln(w)
	if len(d.Counterfactuals) == 0 {
		return
	}
	terminal.Printf(w, "Tried on these %d images, where one is worth %.2f points:\n\n", d.Images, 100/float64(d.Images))
	t = terminal.NewTable("trrrrr", "change", "T", "spiking %", "points", "images regained", "lost")
	for _, c := range d.Counterfactuals {
		t.Append(c.Change, c.Timesteps, terminal.Percent(c.Top1), fmt.Sprintf("%+.2f", c.Gain), c.Regained, c.Lost)
	}
	t.Print(w)
}
