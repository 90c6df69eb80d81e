package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/snn"
	"sresnet/verify"
)

func newVerify() *cobra.Command {
	var (
		s      settings
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "verify MODEL --data SPEC",
		Short: "Check that every step of the conversion kept the network's function",
		Long: fmt.Sprintf(`verify converts a network and compares, on test images:

  imported = folded                         logits, within %g of the largest
  folded = normalised                       every layer's activations against lambda times
                                            its rate in the limit of many timesteps, were no
                                            neuron to saturate but at the bound of a Clip
                                            (ReLU6), within %g
  weight-normalised = threshold-balanced    the same rates; every spike, with scales rounded
                                            to powers of two, where both forms are exact; and
                                            the spikes with calibrated scales, which rounding
                                            moves: a few times what moving the last bit of
                                            every weight moves is accepted
  event engine = reference engine           every spike, on the first two images

Of a NIR file it compares, on the test images, what needs no trained network:

  network = written and read again          every spike
  event engine = reference engine           every spike, on the first two images

It exits with 1 if one of them fails. Ctrl-C prints what the finished images showed.`, verify.MaxRelative, verify.MaxRelative),
		Example: `  sresnet verify resnet20.onnx --data cifar10:cifar-10-batches-bin
  sresnet verify resnet20.onnx --data cifar10:cifar-10-batches-bin --images 3 --timesteps 256
  sresnet verify resnet20.nir --data cifar10:cifar-10-batches-bin`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			return runVerify(cmd, args[0], &s, asJSON)
		},
	}
	s.weightsFlags(cmd)
	s.dataFlags(cmd.Flags(), 10)
	s.networkFlags(cmd.Flags())
	s.runFlags(cmd.Flags(), 64)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

func runVerify(cmd *cobra.Command, model string, s *settings, asJSON bool) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
	if err := p.openModel(cmd, model); err != nil {
		return err
	}
	stages, runErr := p.verify(cmd.Context())
	if len(stages) == 0 {
		return runErr
	}
	name, _, _ := p.takes()
	images, failed := stages[0].Images, 0
	for _, st := range stages {
		if !st.OK {
			failed++
		}
	}
	if asJSON {
		err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
			"model": name, "images": images, "complete": runErr == nil, "timesteps": s.timesteps, "stages": stages, "ok": failed == 0,
		})
		if err != nil {
			return err
		}
	} else {
		terminal.Printf(cmd.OutOrStdout(), "%s, %d images of %s, pixels normalised as %s, T = %d\n\n", name, images, s.data, s.normalize, s.timesteps)
		printStages(cmd.OutOrStdout(), stages)
	}
	var err error
	if failed > 0 {
		err = hint.Error(fmt.Errorf("%d of %d stages changed the function of %s", failed, len(stages), name),
			"a failed stage is an error of this program, not of the network: please report it with the model")
	}
	return errors.Join(p.interrupted(runErr, images, "--images N and --timesteps T make less to do"), err)
}

// verify compares what there is to compare: all stages of a conversion, or of a NIR
// file the network alone.
func (p *pipeline) verify(ctx context.Context) ([]verify.Stage, error) {
	o := verify.Options{Convert: p.convertOptions(), Timesteps: p.timesteps, Seed: p.seed, Workers: p.workers}
	if p.file == nil {
		if err := p.calibrateGraph(ctx); err != nil {
			return nil, err
		}
	}
	var stop func()
	o.Progress, stop = p.progress.Bar("verifying")
	defer stop()
	if p.file == nil {
		return verify.Run(ctx, p.graph, p.statistics, p.test, o)
	}
	again, err := writtenAndRead(p.network, nir.InfoOf(p.file))
	if err != nil {
		return nil, err
	}
	return verify.Spiking(ctx, p.network, again, p.test, o)
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

func printStages(w io.Writer, stages []verify.Stage) {
	t := terminal.NewTable("ttrll", "stage", "largest difference", "accepted", "where", "verdict")
	for _, s := range stages {
		verdict := "ok"
		if !s.OK {
			verdict = "FAILED"
		}
		t.Append(s.Name, strconv.FormatFloat(s.Difference, 'g', 3, 64)+" "+s.Unit, strconv.FormatFloat(s.Bound, 'g', 3, 64), s.Where, verdict)
	}
	t.Print(w)
}
