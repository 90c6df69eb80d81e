package main

import (
	"fmt"
	"io"
	"strings"

	"sresnet/eval"
	"sresnet/internal/terminal"
	"sresnet/report"
)

// printChoice shows the values of T to choose from, and the recommended one.
func printChoice(w io.Writer, r *eval.Result) {
	c := r.Choose()
	header, align := []string{"T", "spiking %", "95 % interval", "spikes/image", "ACs/image"}, "rrrrr"
	priced := r.Energy != nil && r.Energy.Device != nil
	if priced {
		header, align = append(header, "energy/image"), align+"r"
	}
	if r.Phased() {
		p := r.Point(r.Timesteps)
		terminal.Printf(w, "T = %d per window is %s.\n95 %% interval of the accuracy: %s to %s %%; differences within it mean little on %s\n\n", p.T, c.Reason, terminal.Percent(p.Low), terminal.Percent(p.High), images(r.Images))
		return
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

	var within []string
	for i, x := range c.Within {
		from, of := "not reached", ""
		if x.T > 0 {
			from = fmt.Sprintf("from T = %d on", x.T)
		}
		if i == 0 {
			of = " points of the trained network"
		}
		within = append(within, fmt.Sprintf("within %v%s: %s", x.Points, of, from))
	}
	if len(within) > 0 {
		terminal.Printf(w, "%s\n", strings.Join(within, "; "))
	}
	if c.Best < r.Timesteps {
		terminal.Printf(w, "accuracy peaks at T = %d\n", c.Best)
	} else if r.Timesteps > 1 { // The last timestep is better than every one before it.
		terminal.Printf(w, "accuracy still rises at the end, T = %d\n", c.Best)
	}
	p := r.Point(c.Recommended)
	takes := terminal.Count(p.ACs) + " ACs"
	if priced {
		takes += ", " + p.Joules.String()
	}
	terminal.Printf(w, "recommended: T = %d, %s\n", c.Recommended, c.Reason)
	terminal.Printf(w, "             %s %% for %s per image; 95 %% interval %s to %s: differences within it mean little on %s\n\n",
		terminal.Percent(p.Top1), takes, terminal.Percent(p.Low), terminal.Percent(p.High), images(r.Images))
}

// printExit shows what an early exit costs and brings.
func printExit(w io.Writer, r *eval.Result) {
	if words := report.ExitWords(r); words != nil {
		terminal.Printf(w, "early exit: %s\n\n", strings.Join(words, "\n            "))
	}
}
