package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"sresnet/ann"
	"sresnet/calibrate"
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

// plan returns how the spiking network of a model is computed. With images, rates
// are what calibration makes expect; without, nothing is known of them. It also
// returns the trained network.
func (s *settings) plan(ctx context.Context, p *pipeline, model string, input tensor.Shape) ([]planLayer, error) {
	if s.data == "" {
		g, err := s.readModel(model, onnx.Options{InputShape: input})
		if err != nil {
			return nil, err
		}
		p.graph, p.statistics = g, unknownStatistics(g)
	} else {
		p.glance = true
		if err := p.open(ctx, model); err != nil {
			return nil, err
		}
		if err := p.calibrateGraph(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.convertGraph(); err != nil {
		return nil, err
	}
	plan, err := sim.Compile(p.network, sim.Options{Timesteps: 1})
	if err != nil {
		return nil, err
	}
	var layers []planLayer
	for i, m := range plan.Methods() {
		l := &p.network.Layers[i]
		layers = append(layers, planLayer{Name: l.Name, Shape: l.Shape, Neurons: l.Neurons(), Method: m.Name, Tile: m.Tile, Rate: m.Rate})
	}
	return layers, nil
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
	t := newTable("llrlrr", "layer", "shape", "neurons", "method", "tile", "expected rate")
	for _, l := range layers {
		tile, rate := "all", "unknown"
		if l.Tile > 0 {
			tile = fmt.Sprint(l.Tile)
		}
		if l.Rate > 0 {
			rate = fmt.Sprintf("%.4f", l.Rate)
		}
		t.AppendRow(table.Row{l.Name, l.Shape, l.Neurons, l.Method, tile, rate})
	}
	printTable(w, t)
	fmt.Fprint(w, `sweep    each spike adds its weights to the outputs around it, whose sums are in registers,
         and finished sums go into their neurons; a tile of channels at a time
gather   each output adds the weights of the spikes under its window
scatter  each spike adds its weights to a buffer of currents
dense    a dense product, where the source hardly ever rests
image    the constant current of the image, computed once an image
`)
}
