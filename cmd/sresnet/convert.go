package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/chip"
	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/internal/hint"
	"sresnet/internal/terminal"
	"sresnet/nir"
	"sresnet/run"
)

func newConvert() *cobra.Command {
	var (
		o           = experiment.DefaultOptions()
		out, target string
		asJSON      bool
	)
	o.Unlabelled = true
	cmd := &cobra.Command{
		Use:   "convert MODEL --calibrate SPEC [--target READER] -o FILE.nir",
		Short: "Convert a network and write the spiking one as a NIR file",
		Long: `convert turns a trained network into a spiking network and writes it as a NIR
file, which the tools of the field read (docs/nir.md). What NIR cannot express,
such as reset by subtraction, is kept as metadata, from which sresnet restores
the same network; what other readers will do differently is printed, and kept as
well.

--target writes the form that one tool reads, as tools support different nodes,
and names what that tool will still get wrong. Most have no node that
multiplies, so that the scales of identity shortcuts become convolutions; with
--shared-lambda there are none. Given a chip, it says what fits (see --bits).

Scales come from training images, those of --calibrate; SPEC?images=500 takes
the first 500 instead of 1,000. If MODEL is the folder of a run, the network is
converted as it was for that run.`,
		Example: `  sresnet convert resnet20.onnx --calibrate cifar10:cifar10 -o resnet20.nir
  sresnet convert resnet20.onnx --calibrate cifar10:cifar10 \
      --target spinnaker2 --v-init 0 -o resnet20.nir
  sresnet convert mnist.onnx --calibrate mnist --percentile 99.99 \
      --compensation global -o mnist.nir
  sresnet convert runs/resnet20 -o resnet20.nir`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing: give the name of the file to write, such as -o net.nir")
			}
			profile, err := nir.ProfileNamed(chip.Profile(target))
			if err != nil {
				return oneOf("target", target, targets())
			}
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			if o.Calibrate == "" {
				return usage("--calibrate is missing: give training images, %s", dataset.Specs)
			}
			o.Data, o.Images = "", 0 // Test images play no part in it.
			return runConvert(cmd, o, profile, target, out, asJSON)
		},
	}
	outFlag(cmd, &out, "write the NIR file `FILE`")
	cmd.Flags().StringVar(&target, "target", nir.Generic.Name, "write for the tool or chip `READER`: "+experiment.Either(targets()))
	optionFlags(cmd, &o, []string{"calibrate", "normalize"}, networkOptions, []string{"shared-lambda"}, runOptions)
	cmd.Flags().Lookup("calibrate").Usage = "calibration images; `SPEC` is " + dataset.Specs
	cmd.Flags().Lookup("timesteps").Usage = "present each image for `T` timesteps in the search for --compensation"
	adviceFlags(cmd, &o)
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// converted is what convert has written.
type converted struct {
	File     string         `json:"file"`
	Bytes    int64          `json:"bytes"`
	Neurons  int            `json:"neurons"`
	Layers   int            `json:"layers"`
	Nodes    map[string]int `json:"nodes"` // By type.
	Reader   string         `json:"reader,omitempty"`
	Warnings []string       `json:"warnings"`       // What readers will do differently from sresnet.
	Chip     *chip.Report   `json:"chip,omitempty"` // Nil for a target that is none.
}

// targets are the words of --target: forms of NIR files, and chips, one of which is both.
func targets() []string { return slices.Compact(append(nir.Profiles(), chip.Names()...)) }

func runConvert(cmd *cobra.Command, o experiment.Options, profile nir.Profile, target, out string, asJSON bool) error {
	if experiment.IsNIR(o.Model) {
		return experiment.WantsTrained(o.Model, "only that can be converted")
	}
	if info, err := os.Stat(filepath.Dir(out)); err != nil || !info.IsDir() { // Before the work.
		return hint.Error(fmt.Errorf("there is no folder %s to write %s into", filepath.Dir(out), filepath.Base(out)), "make it first")
	}
	if err := replaceable(out); err != nil {
		return err
	}
	if err := profile.CheckSchedule(o.Schedule); err != nil && profile.Name == target {
		return hint.Error(err, "give --preset calibrated, which is synchronous, or --target %s, which takes every network", nir.Generic.Name)
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
	g, warnings, err := nir.FromNetwork(net, profile, info)
	var refused *nir.RefusedError
	if errors.As(err, &refused) && profile.Name != target { // What a chip is told does not depend on its reader.
		profile = nir.Generic
		g, warnings, err = nir.FromNetwork(net, profile, info)
	}
	if errors.As(err, &refused) {
		return hint.Error(err, "--target %s takes every network", nir.Generic.Name)
	}
	if err != nil {
		return err
	}
	if err := nir.WriteFile(out, g); err != nil {
		return hint.Error(err, "give another file with -o, or make room for this one")
	}
	file, err := os.Stat(out)
	if err != nil {
		return err
	}
	c := converted{File: out, Bytes: file.Size(), Neurons: net.Neurons(), Layers: len(net.Layers), Nodes: countTypes(g), Reader: profile.Reader, Warnings: append([]string{}, warnings...), Chip: chip.Fit(net, target, o.Timesteps)}
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(c)
	}
	c.print(cmd.OutOrStdout())
	return nil
}

func (c *converted) print(w io.Writer) {
	terminal.Printf(w, "%s: %d neurons in %d layers, %s\n", c.File, c.Neurons, c.Layers, terminal.Bytes(c.Bytes))
	var words []string
	for _, t := range byCount(c.Nodes) {
		words = append(words, fmt.Sprintf("%d %s", c.Nodes[t], t))
	}
	terminal.Printf(w, "nodes: %s\n", strings.Join(words, ", "))
	c.Chip.Print(w, spell)
	printList(w, fmt.Sprintf("What %s will do differently from sresnet:", cmp.Or(c.Reader, "readers")), c.Warnings)
	terminal.Printf(w, "'sresnet nir %s' shows the nodes and which tools read them.\n", c.File)
}

// countTypes says how many nodes there are of each type.
func countTypes(g *nir.Graph) map[string]int {
	counts := make(map[string]int)
	for _, n := range g.Nodes {
		counts[n.Type]++
	}
	return counts
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
