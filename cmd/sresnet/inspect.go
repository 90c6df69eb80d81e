package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/internal/terminal"
	"sresnet/onnx"
	"sresnet/tensor"
)

// inspection is what inspect knows of a network.
type inspection struct {
	Model      string       `json:"model"`
	Input      tensor.Shape `json:"input"`
	Nodes      []nodeInfo   `json:"nodes"`
	Parameters int          `json:"parameters"`
	MACs       int64        `json:"macs"`
	Neurons    int          `json:"neurons"` // Of the spiking network.
	Converts   bool         `json:"converts"`
}

// nodeInfo is one operator of the trained network and what becomes of it.
type nodeInfo struct {
	Name       string       `json:"name"`
	Op         string       `json:"op"`
	Shape      tensor.Shape `json:"shape"` // Of the output.
	Parameters int          `json:"parameters"`
	MACs       int64        `json:"macs"`
	Becomes    string       `json:"becomes"`
}

func newInspect() *cobra.Command {
	var (
		asJSON, plan bool
		input        string
		s            = settings{dataOptional: true}
	)
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Show a network, operator by operator, and what each becomes with spikes",
		Long: `inspect reads an ONNX file, or weights without operators (.safetensors, see
--arch), and prints every operator with the shape of its output, its parameters,
its multiply-accumulates (MACs), and what it becomes in the spiking network. It
needs no images: scales appear as lambda(LAYER), which calibration measures.
Operators that cannot be expressed with spikes are named, all of them, with
the reason. Of a NIR file it prints the layers of the spiking network that is in it.

With --plan it prints instead how the engine computes each layer of the spiking
network. That follows shapes and, if --data gives images to calibrate on, the rates
to expect; it never changes a spike. A file of 'sresnet convert' has these rates.`,
		Example: `  sresnet inspect resnet20.onnx
  sresnet inspect resnet20.onnx --json
  sresnet inspect resnet50.safetensors
  sresnet inspect resnet50.onnx --input 3x224x224
  sresnet inspect resnet20.onnx --plan --data cifar10:cifar-10-batches-bin --normalize imagenet
  sresnet inspect resnet20.nir --plan`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			shape, err := parseShape(input)
			if err != nil {
				return &usageError{cmd.CommandPath(), fmt.Errorf("--input %q: %w", input, err)}
			}
			if isNIR(args[0]) {
				return runInspectNIR(cmd, args[0], &s, plan, asJSON)
			}
			if plan {
				if err := s.check(cmd.CommandPath()); err != nil {
					return err
				}
				p := &pipeline{settings: &s, command: cmd.CommandPath(), progress: terminal.Progress{W: cmd.ErrOrStderr()}}
				if err := p.convertForPlan(cmd.Context(), args[0], shape); err != nil {
					return err
				}
				return p.showPlan(cmd, asJSON)
			}
			g, err := s.readModel(args[0], onnx.Options{InputShape: shape})
			if err != nil {
				return err
			}
			in, err := inspectGraph(g)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(in)
			}
			in.print(cmd.OutOrStdout())
			return nil
		},
	}
	s.weightsFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object and nothing else")
	cmd.Flags().StringVar(&input, "input", "", "`SHAPE` of one image, such as 3x224x224, where the file leaves it open")
	cmd.Flags().BoolVar(&plan, "plan", false, "print how the engine computes each layer instead")
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	s.dataFlags(all, 0)
	s.networkFlags(all)
	s.runFlags(all, 1)
	all.Lookup("data").Usage = "with --plan: test images beside which calibration images lie; `SPEC` as for eval"
	for _, name := range []string{"data", "calibrate", "calibration-images", "normalize", "percentile", "shared-lambda"} {
		cmd.Flags().AddFlag(all.Lookup(name))
	}
	cmd.Flags().SortFlags = false
	completions(cmd)
	return cmd
}

// parseShape reads a shape such as "3x224x224"; nil for "".
func parseShape(s string) (tensor.Shape, error) {
	if s == "" {
		return nil, nil
	}
	var shape tensor.Shape
	for axis := range strings.SplitSeq(s, "x") {
		n, err := strconv.Atoi(axis)
		if err != nil {
			return nil, errors.New("want channels, rows and columns, such as 3x224x224")
		}
		shape = append(shape, n)
	}
	if len(shape) != 3 && len(shape) != 1 {
		return nil, errors.New("want channels, rows and columns, such as 3x224x224")
	}
	return shape, shape.Check()
}

func inspectGraph(g *ann.Graph) (*inspection, error) {
	fates, err := convert.Fates(g)
	if err != nil {
		return nil, err
	}
	in := &inspection{Model: g.Name, Input: g.Input.Shape, Parameters: parameters(g), MACs: g.MACs(), Converts: true}
	for i := range g.Nodes {
		n, fate := &g.Nodes[i], fates[i]
		in.Neurons += fate.Neurons
		in.Converts = in.Converts && !fate.Unsupported
		in.Nodes = append(in.Nodes, nodeInfo{
			Name: n.Name, Op: n.Op.Type(), Shape: n.Shape,
			Parameters: ann.Parameters(n.Op), MACs: ann.MACs(n), Becomes: fate.Becomes,
		})
	}
	return in, nil
}

// parameters returns the number of trained numbers of g.
func parameters(g *ann.Graph) int {
	sum := 0
	for i := range g.Nodes {
		sum += ann.Parameters(g.Nodes[i].Op)
	}
	return sum
}

func (in *inspection) print(w io.Writer) {
	terminal.Printf(w, "%s: takes images of %v\n\n", in.Model, in.Input)
	t := terminal.NewTable("lllrrt", "layer", "operator", "output", "parameters", "MACs", "becomes")
	for _, n := range in.Nodes {
		t.Append(n.Name, n.Op, n.Shape, orBlank(int64(n.Parameters)), orBlank(n.MACs), n.Becomes)
	}
	t.Footer("total", "", "", in.Parameters, in.MACs, fmt.Sprintf("%d neurons", in.Neurons))
	t.Print(w)
	if in.Converts {
		fmt.Fprintln(w, "The network converts.")
		return
	}
	fmt.Fprintln(w, "The network does not convert: see the lines marked \"unsupported\".")
}

// orBlank leaves zeros out of a table.
func orBlank(n int64) any {
	if n == 0 {
		return ""
	}
	return n
}
