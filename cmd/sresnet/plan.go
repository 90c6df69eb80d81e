package main

import (
	"encoding/json"
	"fmt"
	"io"

	"sresnet/internal/terminal"
	"sresnet/sim"
	"sresnet/snn"
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

// showPlan prints how the engine computes a spiking network.
func showPlan(w io.Writer, net *snn.Network, asJSON bool) error {
	plan, err := sim.Compile(net, sim.Options{Timesteps: 1})
	if err != nil {
		return err
	}
	var layers []planLayer
	for i, m := range plan.Methods() {
		l := &net.Layers[i]
		layers = append(layers, planLayer{Name: l.Name, Shape: l.Shape, Neurons: l.Neurons(), Method: m.Name, Tile: m.Tile, Rate: m.Rate})
	}
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"model": net.Name, "plan": layers})
	}
	printPlan(w, layers)
	return nil
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
dense    a dense product, for a source that is rarely silent
image    the constant current of the image, computed once per image
`)
}
