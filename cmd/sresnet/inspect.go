package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/experiment"
	"sresnet/internal/terminal"
	"sresnet/resnet"
	"sresnet/snn"
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
	Normalises string       `json:"normalises,omitempty"` // In a sentence, what it does by itself.

	unsupported int // Nodes.
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
	var plan, asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect MODEL",
		Short: "Show the operators of a network and what each becomes with spikes",
		Long: terminal.Wrap(`inspect reads an ONNX file, or weights without operators (.safetensors or .pt),
and prints every operator with the shape of its output, its parameters, its
multiply-accumulates (MACs) and what it becomes in the spiking network. It needs
no images: scales appear as lambda(LAYER), which calibration measures. All
operators that cannot be expressed with spikes are named, with the reason, and
the exit code is 1. For a NIR file it prints the layers of the spiking network
in it.

If an ONNX file does not fix the shape of an image, net.onnx?input=3x224x224
gives it. If weights fit several architectures, weights.safetensors?arch=NAME
gives theirs:
`+architectures()+`.

With --plan it prints how the engine computes each layer of the spiking network
instead. This depends on shapes and on expected rates, which a file of 'sresnet
convert' has; it never changes a spike.`, terminal.Columns),
		Example: `  sresnet inspect resnet20.onnx
  sresnet inspect resnet20.onnx --json
  sresnet inspect resnet50.safetensors
  sresnet inspect 'resnet50.onnx?input=3x224x224'
  sresnet inspect resnet20.nir --plan`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			o := experiment.DefaultOptions()
			if err := complete(cmd, &o, args[0]); err != nil {
				return err
			}
			o.Data, o.Calibrate = "", "" // Of a run's folder: it needs no images.
			e, err := experiment.Open(cmd.Context(), o)
			if err != nil {
				return err
			}
			return runInspect(cmd, e, plan, asJSON)
		},
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "print how the engine computes each layer instead")
	jsonFlag(cmd, &asJSON)
	finish(cmd)
	return cmd
}

// architectures lists the architectures that weights can be of.
func architectures() string { return strings.Join(resnet.Architectures(), ", ") }

func runInspect(cmd *cobra.Command, e *experiment.Experiment, plan, asJSON bool) error {
	w := cmd.OutOrStdout()
	if plan || e.Graph == nil {
		net, err := networkToShow(cmd.Context(), e)
		if err != nil {
			return err
		}
		if plan {
			return showPlan(w, net, asJSON)
		}
		return showNetwork(w, net, asJSON)
	}
	in, err := inspectGraph(e.Original)
	if err != nil {
		return err
	}
	in.Normalises = flagWords(e.Normalises())
	if asJSON {
		err = json.NewEncoder(w).Encode(in)
	} else {
		in.print(w)
	}
	if err == nil && !in.Converts {
		err = fmt.Errorf("%d of %d nodes of %s cannot be converted", in.unsupported, len(in.Nodes), e.Options.Model)
	}
	return err
}

// networkToShow returns the spiking network: that of a NIR file, or one for which only
// shapes matter.
func networkToShow(ctx context.Context, e *experiment.Experiment) (*snn.Network, error) {
	if e.Graph == nil {
		return e.Network(ctx)
	}
	return convert.Convert(e.Graph, calibrate.Unmeasured(e.Graph), e.Options.Convert())
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
		if fate.Unsupported {
			in.Converts = false
			in.unsupported++
		}
		in.Nodes = append(in.Nodes, nodeInfo{n.Name, n.Type(), n.Shape, ann.Parameters(n.Op), ann.MACs(n), fate.Becomes})
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
	if in.Converts { // What is unsupported is an error, told after the table.
		terminal.Printf(w, "%s\n", strings.TrimSpace("The network converts. "+in.Normalises))
	}
}

// orBlank leaves zeros out of a table.
func orBlank(n int64) any {
	if n == 0 {
		return ""
	}
	return n
}
