package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"sresnet/internal/terminal"
)

// steps are the timesteps that are printed where nothing moves: powers of two and
// the last.
func (th *thought) steps() []int {
	var list []int
	for t := 1; t < th.Timesteps; t *= 2 {
		list = append(list, t)
	}
	return append(list, th.Timesteps)
}

// plainWidth is the width of what is printed where nothing moves.
const plainWidth = 80

// printSteps prints the evidence after a few timesteps, and everything after the
// last.
func (th *thought) printSteps(w io.Writer) {
	for _, t := range th.steps() {
		lines := append([]terminal.Line{{terminal.Plain.Span(fmt.Sprintf("t = %d: %s", t, terminal.Clean(th.className(th.Classes[t-1]))))}}, th.evidence(t, plainWidth)...)
		if t == th.Timesteps {
			lines = th.frame(t, plainWidth, math.MaxInt, terminal.NoColours)
		}
		for _, l := range lines {
			fmt.Fprintln(w, strings.TrimRight(l.Render(plainWidth, terminal.NoColours), " "))
		}
		fmt.Fprintln(w)
	}
}

// printSummary says what came out.
func (th *thought) printSummary(w io.Writer) {
	var spikes uint64
	for i := range th.Layers {
		for _, n := range th.Layers[i].Spikes {
			spikes += uint64(n)
		}
	}
	fmt.Fprintf(w, "answer:  %s from timestep %d of %d on", terminal.Clean(th.className(th.Class)), th.Settled, th.Timesteps)
	if th.Label != nil {
		fmt.Fprintf(w, "; the label is %s", terminal.Clean(th.className(*th.Label)))
	}
	if th.ANN != nil {
		fmt.Fprintf(w, "; the trained network says %s", terminal.Clean(th.className(*th.ANN)))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "spikes:  %s, which caused %s additions\n", terminal.Count(float64(spikes)), terminal.Count(float64(th.additions)))
}
