package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/internal/terminal"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/tensor"
)

// planLayer is how the engine computes one layer of the spiking network.
type planLayer struct {
	Name    string       `json:"name"`
	Shape   tensor.Shape `json:"shape"`
	Neurons int          `json:"neurons"`
	Method  string       `json:"method"`
	Tile    int          `json:"tile"` // Channels computed together; 0 for all.
	Rate    float32      `json:"rate"` // Expected; 0 if nothing is known of it.
}

// convertForPlan makes the spiking network of a model. With images, rates are what
// calibration makes expect; without, nothing is known of them.
func (p *pipeline) convertForPlan(ctx context.Context, model string, input tensor.Shape) error {
	if p.data == "" {
		g, err := p.readModel(model, onnx.Options{InputShape: input})
		if err != nil {
			return err
		}
		p.graph, p.statistics = g, unknownStatistics(g)
	} else {
		p.glance = true
		if err := p.open(ctx, model); err != nil {
			return err
		}
		if err := p.calibrateGraph(ctx); err != nil {
			return err
		}
	}
	return p.convertGraph()
}

// showPlan prints how the engine computes the spiking network.
func (p *pipeline) showPlan(cmd *cobra.Command, asJSON bool) error {
	plan, err := sim.Compile(p.network, sim.Options{Timesteps: 1})
	if err != nil {
		return err
	}
	var layers []planLayer
	for i, m := range plan.Methods() {
		l := &p.network.Layers[i]
		layers = append(layers, planLayer{Name: l.Name, Shape: l.Shape, Neurons: l.Neurons(), Method: m.Name, Tile: m.Tile, Rate: m.Rate})
	}
	if asJSON {
		name, _, _ := p.takes()
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"model": name, "plan": layers})
	}
	printPlan(cmd.OutOrStdout(), layers)
	return nil
}

// unknownStatistics stands in for a calibration where only shapes matter.
func unknownStatistics(g *ann.Graph) *calibrate.Statistics {
	s := &calibrate.Statistics{InputMax: 1}
	for i := range g.Nodes {
		s.Nodes = append(s.Nodes, calibrate.NodeStatistics{Node: g.Nodes[i].Name, Lambda: 1})
	}
	return s
}

func printPlan(w io.Writer, layers []planLayer) {
	t := terminal.NewTable("llrlrr", "layer", "shape", "neurons", "method", "tile", "expected rate")
	for _, l := range layers {
		tile, rate := "all", "unknown"
		if l.Tile > 0 {
			tile = fmt.Sprint(l.Tile)
		}
		if l.Rate > 0 {
			rate = fmt.Sprintf("%.4f", l.Rate)
		}
		t.Append(terminal.Clean(l.Name), l.Shape, l.Neurons, l.Method, tile, rate)
	}
	t.Print(w)
	terminal.Printf(w, `sweep    each spike adds its weights to the outputs around it, whose sums are in registers, and finished sums go into their neurons; a tile of channels at a time
gather   each output adds the weights of the spikes under its window
scatter  each spike adds its weights to a buffer of currents
dense    a dense product, where the source hardly ever rests
image    the constant current of the image, computed once an image
`)
}
