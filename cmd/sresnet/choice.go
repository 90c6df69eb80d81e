package main

import (
	"io"
	"strings"

	"sresnet/eval"
	"sresnet/internal/terminal"
	"sresnet/report"
)

// printChoice shows the values of T to choose from, and the recommended one.
func printChoice(w io.Writer, r *eval.Result) {
	c := r.Choose()
	if says := r.Compared(); says != "" {
		terminal.Printf(w, "%s\n\n", says)
	}
	if r.Phased() {
		p := r.Point(r.Timesteps)
		terminal.Printf(w, "T = %d per window is %s.\n95 %% interval of the accuracy: %s to %s %%\n\n", p.T, c.Reason, terminal.Percent(p.Low), terminal.Percent(p.High))
		return
	}
	header, align := []string{"T", "spiking %", "95 % interval", "spikes/image", "ACs/image"}, "rrrrr"
	priced := r.Energy != nil && r.Energy.Device != nil
	if priced {
		header, align = append(header, "energy/image"), align+"r"
	}
	terminal.Printf(w, "choosing T: each line is more accurate than every shorter presentation\n")
	t := terminal.NewTable(align, header...)
	for _, p := range r.Steps(&c) {
		row := []any{p.T, terminal.Percent(p.Top1), terminal.Percent(p.Low) + " to " + terminal.Percent(p.High), terminal.Count(p.Spikes), terminal.Count(p.ACs)}
		if priced {
			row = append(row, p.Joules)
		}
		t.Append(row...)
	}
	t.Print(w)
	for _, line := range c.Found(r) {
		terminal.Printf(w, "%s\n", line)
	}
	if c.Recommended == 0 {
		terminal.Printf(w, "recommended: no T yet: %s\n\n", c.Reason)
		return
	}
	p := r.Point(c.Recommended)
	takes := terminal.Count(p.ACs) + " ACs"
	if priced {
		takes += ", " + p.Joules.String()
	}
	terminal.Printf(w, "recommended: T = %d, %s\n", c.Recommended, c.Reason)
	terminal.Printf(w, "             %s %% for %s per image; 95 %% interval %s to %s\n\n",
		terminal.Percent(p.Top1), takes, terminal.Percent(p.Low), terminal.Percent(p.High))
}

// printExit shows what an early exit costs and brings.
func printExit(w io.Writer, r *eval.Result) {
	if words := report.ExitWords(r); words != nil {
		terminal.Printf(w, "early exit: %s\n\n", strings.Join(words, "\n            "))
	}
}
