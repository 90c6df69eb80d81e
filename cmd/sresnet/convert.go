package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/internal/hint"
	"sresnet/internal/regular"
	"sresnet/internal/terminal"
	"sresnet/nir"
)

func newConvert() *cobra.Command {
	s := settings{dataOptional: true}
	var out, target string
	cmd := &cobra.Command{
		Use:   "convert MODEL --calibrate SPEC [--target READER] -o FILE.nir",
		Short: "Convert a network and write the spiking one as a NIR file",
		Long: `convert turns the trained network of an ONNX file into a spiking network and
writes it as a NIR file, which the tools of the field read (docs/nir.md). What NIR
cannot say, such as reset by subtraction, is kept as metadata, from which sresnet
has the same network again; what readers will do otherwise is printed and kept,
too.

--target writes the form that one tool reads, which differ in the nodes they have,
and names what this tool will get wrong all the same. Most have no node that
multiplies, and take convolutions for the scales of identity shortcuts; with
--shared-lambda there are none.

Scales come from training images: those of --calibrate, or those in the folder of
--data.`,
		Example: `  sresnet convert resnet20.onnx --calibrate cifar10:cifar-10-batches-bin -o resnet20.nir
  sresnet convert resnet20.onnx --calibrate cifar10:cifar-10-batches-bin \
      --target spinnaker2 --v-init 0 -o resnet20.nir
  sresnet convert mnist.onnx --calibrate mnist --percentile 99.99 --compensation global -o mnist.nir
  sresnet nir resnet20.nir`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := func(format string, a ...any) error {
				return &usageError{cmd.CommandPath(), fmt.Errorf(format, a...)}
			}
			switch {
			case s.data == "" && s.calibrate == "":
				return bad("training images are missing: give %s with --calibrate", dataset.Specs)
			case out == "":
				return bad("--output is missing: give the name of the file to write, such as -o net.nir")
			}
			if err := s.check(cmd.CommandPath()); err != nil {
				return err
			}
			profile, err := nir.ProfileNamed(target)
			if err != nil {
				return bad("--target %q: give %s", target, strings.Join(nir.Profiles(), ", "))
			}
			return runConvert(cmd, args[0], &s, profile, out)
		},
	}
	s.weightsFlags(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the NIR file `FILE`")
	cmd.Flags().StringVar(&target, "target", nir.Generic.Name, "tool that is to read the file, a `READER`: "+strings.Join(nir.Profiles(), ", "))
	s.dataFlags(cmd.Flags(), 0)
	s.networkFlags(cmd.Flags())
	s.compensationFlag(cmd.Flags())
	s.runFlags(cmd.Flags(), 350)
	s.readoutFlags(cmd.Flags())
	for name, usage := range map[string]string{
		"data":      "a folder whose training images to calibrate on; `SPEC` as for --calibrate",
		"timesteps": "length `T` of a presentation in the search of --compensation",
	} {
		cmd.Flags().Lookup(name).Usage = usage
	}
	_ = cmd.Flags().MarkHidden("images") // There are no test images. Fails only for unknown flags.
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

func runConvert(cmd *cobra.Command, model string, s *settings, profile nir.Profile, out string) error {
	p := &pipeline{settings: s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() { // Before the work.
		return hint.Error(fmt.Errorf("there is no folder %s to write %s into", filepath.Dir(out), filepath.Base(out)), "make it first")
	}
	if err := replaceable(out); err != nil {
		return err
	}
	if err := p.openCalibration(cmd.Context(), model); err != nil {
		return err
	}
	hash, err := regular.Hash(model)
	if err != nil {
		return err
	}
	if err := p.prepare(cmd.Context()); err != nil {
		return err
	}
	g, warnings, err := nir.FromNetwork(p.network, profile, p.nirInfo(hash))
	var refused *nir.RefusedError
	if errors.As(err, &refused) {
		return hint.Error(err, "--target %s takes every network", nir.Generic.Name)
	}
	if err != nil {
		return err
	}
	if err := nir.WriteFile(out, g); err != nil {
		return hint.Error(err, "give another file with -o, or make room for this one")
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	terminal.Printf(w, "%s: %d neurons in %d layers, %.1f kB\n", out, p.network.Neurons(), len(p.network.Layers), float64(info.Size())/1000)
	terminal.Printf(w, "nodes: %s\n", countTypes(g))
	who := "readers"
	if profile.Reader != "" {
		who = profile.Reader
	}
	printList(w, fmt.Sprintf("What %s will do otherwise than sresnet:", who), warnings)
	terminal.Printf(w, "'sresnet nir %s' shows the nodes and which tools read them.\n", out)
	return nil
}

// nirInfo is what the file of a network says of where it comes from.
func (p *pipeline) nirInfo(modelHash string) nir.Info {
	return nir.Info{
		Version: version(), Model: filepath.Base(p.model), ModelSHA256: modelHash,
		Normalization: p.normalize, Readout: p.readout,
		Percentile: p.percentile, Compensation: p.factors.factors,
		Conversion: fmt.Sprintf("%s, from %d images of %s, V[0] %v, compensation %v", p.scales(), p.calibration.Len(), p.calibrate, p.vInit, p.factors.String()),
	}
}

// openCalibration is open without test images: what --data names is there for the
// training images beside them.
func (p *pipeline) openCalibration(ctx context.Context, model string) error {
	p.model = model
	if p.calibrate == "" {
		test, err := p.openDataset(p.data, dataset.Test, "--data")
		if err != nil {
			return err
		}
		if err := p.chooseCalibration(test); err != nil {
			return err
		}
	}
	train, err := p.openDataset(p.calibrate, dataset.Train, "--calibrate")
	if err != nil {
		return err
	}
	if err := p.load(model, train); err != nil {
		return err
	}
	if _, train, err = p.resized(train, train); err != nil {
		return err
	}
	if err := p.fits(train); err != nil {
		return err
	}
	if err := p.chooseCalibrationImages(ctx, train); err != nil {
		return err
	}
	return convert.Check(p.graph)
}

// countTypes says how many nodes there are of each type, the most frequent first.
func countTypes(g *nir.Graph) string {
	counts := make(map[string]int)
	for _, n := range g.Nodes {
		counts[n.Type]++
	}
	var words []string
	for _, t := range byCount(counts) {
		words = append(words, fmt.Sprintf("%d %s", counts[t], t))
	}
	return strings.Join(words, ", ")
}

// printList prints lines under a heading, if there are any, and an empty line.
func printList(w io.Writer, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(w, heading)
	for _, l := range lines {
		terminal.Printf(w, "  - %s\n", terminal.Clean(l))
	}
	fmt.Fprintln(w)
}

// readNIR reads a NIR file, with advice if that fails.
func readNIR(name string) (*nir.Graph, error) {
	g, err := nir.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		err = hint.Error(err, "if the file is damaged or no NIR file, write or download it again")
	}
	return g, err
}
