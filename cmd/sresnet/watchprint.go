package main

import (
	"fmt"
	"io"
	"math"
	"strings"
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
		lines := append([]line{{{plain, fmt.Sprintf("t = %d: %s", t, clean(th.className(th.Classes[t-1])))}}}, th.evidence(t, plainWidth)...)
		if t == th.Timesteps {
			lines = th.frame(t, plainWidth, math.MaxInt, noColours)
		}
		for _, l := range lines {
			fmt.Fprintln(w, strings.TrimRight(l.render(plainWidth, noColours), " "))
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
	fmt.Fprintf(w, "answer:  %s from timestep %d of %d on", clean(th.className(th.Class)), th.Settled, th.Timesteps)
	if th.Label != nil {
		fmt.Fprintf(w, "; the label is %s", clean(th.className(*th.Label)))
	}
	if th.ANN != nil {
		fmt.Fprintf(w, "; the trained network says %s", clean(th.className(*th.ANN)))
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "spikes:  %s, which caused %s additions\n", short(float64(spikes)), short(float64(th.additions)))
}
