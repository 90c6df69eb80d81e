package main

import (
	"fmt"
	"io"

	"sresnet/eval"
	"sresnet/internal/terminal"
)

// printAlone shows the result of a spiking network by itself.
func (p *pipeline) printAlone(w io.Writer, r *eval.Result) {
	fmt.Fprintf(w, "%s on %d images of %s, pixels normalised as %s\n", r.Model, r.Images, p.data, p.normalize)
	fmt.Fprintf(w, "spiking network of %s, read-out %s\n\n", p.model, p.readout)
	t := terminal.NewTable("rrrr", "T", "spiking %", "spikes/image", "ACs/image")
	for _, T := range timestepsToShow(r.Timesteps) {
		t.Append(T, terminal.Percent(r.SNN.Top1[T-1]), terminal.Count(r.SpikesUpTo[T-1]), terminal.Count(r.ACsUpTo[T-1]))
	}
	t.Print(w)
	c := r.Choose()
	printChoice(w, r, &c)
	printLayers(w, r)
	printEnergy(w, r.Energy)
	p.printTime(w, r)
}
