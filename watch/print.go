package watch

import (
	"fmt"
	"io"
	"math"
	"strings"

	"sresnet/internal/terminal"
)

// Print writes the state after a few timesteps and what came out, for output that is
// not a terminal.
func (th *Thought) Print(w io.Writer) {
	th.printSteps(w)
	th.printSummary(w)
}

// steps are the timesteps that are printed where nothing moves: powers of two and
// the last.
func (th *Thought) steps() []int {
	var list []int
	for t := 1; t < th.Timesteps; t *= 2 {
		list = append(list, t)
	}
	return append(list, th.Timesteps)
}

// printSteps prints the evidence after a few timesteps, and everything after the
// last.
func (th *Thought) printSteps(w io.Writer) {
	for _, t := range th.steps() {
		lines := append([]terminal.Line{{terminal.Plain.Span(fmt.Sprintf("t = %d: %s", t, terminal.Clean(th.className(th.Classes[t-1]))))}}, th.evidence(t, terminal.Columns)...)
		if t == th.Timesteps {
			lines = th.frame(t, terminal.Columns, math.MaxInt, terminal.NoColours)
		}
		for _, l := range lines {
			fmt.Fprintln(w, strings.TrimRight(l.Render(terminal.Columns, terminal.NoColours), " "))
		}
		fmt.Fprintln(w)
	}
}

// printSummary says what came out.
func (th *Thought) printSummary(w io.Writer) {
	var spikes uint64
	for i := range th.Layers {
		for _, n := range th.Layers[i].Spikes {
			spikes += uint64(n)
		}
	}
	name := func(class int) string { return terminal.Clean(th.className(class)) }
	answer := fmt.Sprintf("%s from timestep %d of %d on", name(th.Class), th.Settled, th.Timesteps)
	if th.Label != nil {
		answer += "; the label is " + name(*th.Label)
	}
	if th.ANN != nil {
		answer += "; the trained network says " + name(*th.ANN)
	}
	terminal.Printf(w, "answer:  %s\n", answer)
	terminal.Printf(w, "spikes:  %s, which caused %s additions\n", terminal.Count(float64(spikes)), terminal.Count(float64(th.additions)))
}
