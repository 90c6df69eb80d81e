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
	if th.phased() {
		th.printWindows(w)
	}
	th.printSteps(w)
	th.printSummary(w)
}

// steps are the timesteps that are printed where nothing moves: powers of two and
// the last.
func (th *Thought) steps() []int {
	var list []int
	if th.phased() { // No answer before.
		return []int{th.Latency}
	}
	for t := 1; t < th.Latency; t *= 2 {
		list = append(list, t)
	}
	return append(list, th.Latency)
}

// printSteps prints the evidence after a few timesteps, and everything after the
// last.
func (th *Thought) printSteps(w io.Writer) {
	for _, t := range th.steps() {
		lines := append([]terminal.Line{{terminal.Plain.Span(fmt.Sprintf("t = %d: %s", t, terminal.Clean(th.className(th.Classes[t-1]))))}}, th.evidence(t, terminal.Columns, th.bars())...)
		if t == th.Latency {
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
	answer := fmt.Sprintf("%s from timestep %d of %d on", name(th.Class), th.Settled, th.Latency)
	if th.phased() {
		answer = fmt.Sprintf("%s at timestep %d, T = %d in each of %d windows", name(th.Class), th.Latency, th.Timesteps, th.windows())
	}
	if th.Label != nil {
		answer += "; the label is " + name(*th.Label)
	}
	if th.ANN != nil {
		answer += "; the trained network says " + name(*th.ANN)
	}
	terminal.Printf(w, "answer:  %s\n", answer)
	terminal.Printf(w, "spikes:  %s, which caused %s additions\n", terminal.Count(float64(spikes)), terminal.Count(float64(th.additions)))
}
