package watch

import (
	"fmt"
	"io"
	"strings"

	"sresnet/eval"
	"sresnet/internal/terminal"
	"sresnet/sim"
)

// noAnswer is the class of a phased network before the end. Its output neurons have all of
// their input when their window opens, and fire until it is used up: how many have fired
// half-way tells nothing.
const noAnswer = -1

// phased reports whether the network was a phased one, whose layers fire one after the
// other.
func (th *Thought) phased() bool { return th.Schedule != "" }

// evidenceAt returns the evidence of the classes at step t of the window of the output,
// which is below zero before that opens. In a phased network current comes in the T
// timesteps before.
func evidenceAt(rec *sim.Record, readout eval.Readout, t int, phased bool) []float64 {
	evidence := make([]float64, rec.Classes)
	if readout == eval.Potential {
		if phased {
			t = min(t+rec.Timesteps, rec.Timesteps-1)
		}
		if t >= 0 {
			_, _, current := rec.At(t)
			for c, x := range current {
				evidence[c] = float64(x)
			}
		}
		return evidence
	}
	if t >= 0 {
		counts, _, _ := rec.At(t)
		for c, n := range counts {
			evidence[c] = float64(n)
		}
	}
	return evidence
}

// windows returns how many windows there are, that of the image among them.
func (th *Thought) windows() int { return th.Latency / th.Timesteps }

// firing returns the short names of the layers whose window is open at window k.
func (th *Thought) firing(k int) string {
	var names []string
	for i := range th.Layers {
		if th.Layers[i].Opens == k*th.Timesteps {
			names = append(names, th.Layers[i].short)
		}
	}
	if len(names) == 0 {
		return "the image enters"
	}
	verb := " fire"
	if len(names) == 1 {
		verb = " fires"
	}
	return strings.Join(names, ", ") + verb
}

// window says which window is open after timestep t, from 1, of a phased network, and who
// fires in it.
func (th *Thought) window(t int) string {
	k := (t - 1) / th.Timesteps
	return fmt.Sprintf("window %d of %d, T = %d: %s", k+1, th.windows(), th.Timesteps, th.firing(k))
}

// printWindows prints what happens in each window of a phased network, and everything after
// the last.
func (th *Thought) printWindows(w io.Writer) {
	for k := range th.windows() {
		var spikes uint64
		for i := range th.Layers {
			for _, n := range th.Layers[i].Spikes[k*th.Timesteps : (k+1)*th.Timesteps] {
				spikes += uint64(n)
			}
		}
		says := th.firing(k)
		if k > 0 {
			says += fmt.Sprintf(", %s spikes", terminal.Count(float64(spikes)))
		}
		terminal.Printf(w, "t = %d to %d: %s\n", k*th.Timesteps+1, (k+1)*th.Timesteps, says)
	}
	fmt.Fprintln(w)
}
