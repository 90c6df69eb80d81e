package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"sresnet/eval"
)

// printAlone shows the result of a spiking network by itself.
func (p *pipeline) printAlone(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "%s on %d images of %s, pixels normalised as %s\n", r.Model, r.Images, p.data, p.normalize)
	fmt.Fprintf(w, "spiking network of %s, read-out %s\n\n", p.model, p.readout)
	t := newTable("rrrr", "T", "spiking %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r.Timesteps) {
		t.AppendRow(table.Row{T, percent(r.SpikingTop1[T-1]), short(r.SpikesPerImage[T-1]), short(r.ACsPerImage[T-1])})
	}
	printTable(w, t)
	c := r.Choose()
	printChoice(w, r, &c)
	printLayers(w, r)
	printEnergy(w, r.Energy)
	p.printTime(w, r)
}
