package eval

import (
	"fmt"

	"sresnet/snn"
)

// Marks returns the timesteps, from 1, after which a network that is presented an image for
// T of them has an answer: a synchronous one after each, a phased one, whose output fires
// when all other layers have, at the end of the window of T alone.
func Marks(s snn.Schedule, T int) []int {
	if s != snn.Synchronous {
		return []int{T}
	}
	marks := make([]int, T)
	for t := range marks {
		marks[t] = t + 1
	}
	return marks
}

// Phased reports whether the network was a phased one, so that Timesteps is T per window
// and is not to be compared with the Latency of a synchronous one.
func (r *Result) Phased() bool { return r.Schedule == snn.Phased.String() }

// Timing says how long the network takes for an image, in a phrase: T, and where that is not
// all of it, the latency.
func (r *Result) Timing() string { return Timing(r.Schedule, r.Coding, r.Timesteps, r.Latency) }

// Timing is [Result.Timing] for the words of a schedule and a coding.
func Timing(schedule, coding string, T, latency int) string {
	if schedule != snn.Phased.String() {
		return fmt.Sprintf("T = %d", T)
	}
	return fmt.Sprintf("%s, %s coding, T = %d per window, latency %d timesteps", schedule, coding, T, latency)
}

// Marks returns the timesteps, from 1, that [Result.SpikingTop1] and [Result.Agreement] are
// of, ascending; the last is Timesteps. See [Marks].
func (r *Result) Marks() []int {
	if r.Phased() {
		return Marks(snn.Phased, r.Timesteps)
	}
	return Marks(snn.Synchronous, r.Timesteps)
}

// Mark returns the index of T in [Result.Marks]. For a T that is none it is -1.
func (r *Result) Mark(T int) int {
	switch {
	case T < 1 || T > r.Timesteps || r.Phased() && T != r.Timesteps:
		return -1
	case r.Phased():
		return 0
	}
	return T - 1
}
