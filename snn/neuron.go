package snn

import (
	"fmt"

	"sresnet/tensor"
)

// Neuron is the neurons of a population: a model of what current does to the
// potential, and what all models share, a threshold, a start potential and a reset.
// v[0] is VInit θ; what [Model.Step] does takes v[t-1] to v[t] and gives the spike z[t].
type Neuron struct {
	Model     Model     // Nil is [IF].
	Threshold []float32 // θ, per channel; length 1 stands for all channels.
	VInit     []float32 // Potential before the first timestep in units of θ, in [0, 1); per channel, length 1 for all, nil for zero.
	Reset     Reset

	// Gain and Offset describe the rate curve as a line, at the rates that occur: a
	// constant current of θ (Gain r + Offset) makes a neuron fire at about the rate r.
	// A Gain of zero stands for the line of IF, r itself. No engine needs them.
	Gain, Offset float32
}

// Model is a neuron model with its parameters: a comparable value that has no state.
// Code that runs a network asks it and needs no list of models. An engine may have a
// faster way for a model than calling Step for every neuron, if it gives the same bits.
type Model interface {
	// Kind returns the word for people, options and files, such as "if".
	Kind() string

	// String returns the word and the parameters.
	String() string

	// Step advances a neuron of threshold th by one timestep with the current i. It
	// returns the state after it, reset included, and whether the neuron fired.
	Step(s State, i, th float32, r Reset) (State, bool)

	// Decay reports whether Step is that of [IF] on a potential which has been
	// multiplied by a and rounded, so that an engine may multiply all potentials and
	// then take its way for IF, whose a is 1.
	Decay() (a float32, ok bool)

	// Period returns the least number of timesteps from one spike to the next, at
	// least 1: no rate exceeds its inverse.
	Period() int

	// check returns an error unless the parameters are in their range.
	check() error
}

// State is that of one neuron between two timesteps.
type State struct {
	V    float32 // Potential.
	Rest uint8   // Timesteps for which it will not fire.
}

// Reset is what happens to the potential of a neuron that fires.
type Reset uint8

// Resets.
const (
	ResetSubtract Reset = iota // Subtract the threshold ("soft reset").
	ResetZero                  // Set the potential to zero ("hard reset").
)

// String returns "subtract" or "zero".
func (r Reset) String() string {
	switch r {
	case ResetSubtract:
		return "subtract"
	case ResetZero:
		return "zero"
	}
	return fmt.Sprintf("Reset(%d)", uint8(r))
}

// of returns the potential v of a neuron of threshold th after it has fired.
func (r Reset) of(v, th float32) float32 {
	if r == ResetZero {
		return 0
	}
	return v - th
}

// model returns the model of n, which is never nil.
func (n *Neuron) model() Model {
	if n.Model == nil {
		return IF{}
	}
	return n.Model
}

// Kind returns the word of the model; see [Model].
func (n *Neuron) Kind() string { return n.model().Kind() }

// Decay is that of the model; see [Model].
func (n *Neuron) Decay() (a float32, ok bool) { return n.model().Decay() }

// Period is that of the model; see [Model].
func (n *Neuron) Period() int { return n.model().Period() }

// Line returns the gain and the offset of the line that describes the rate curve.
func (n *Neuron) Line() (gain, offset float64) {
	if n.Gain == 0 {
		return 1, float64(n.Offset)
	}
	return float64(n.Gain), float64(n.Offset)
}

// Start returns the state of a neuron of channel c before the first timestep.
func (n *Neuron) Start(c int) State { return State{V: n.VInitOf(c)} }

// Step advances a neuron of channel c by one timestep with the current i; see [Model].
func (n *Neuron) Step(c int, s State, i float32) (State, bool) {
	return n.model().Step(s, i, n.ThresholdOf(c), n.Reset)
}

// ThresholdOf returns θ of channel c.
func (n *Neuron) ThresholdOf(c int) float32 { return broadcast(n.Threshold, c) }

// VInitOf returns the start potential of channel c, in the unit of the
// potential: VInit times θ, rounded once.
func (n *Neuron) VInitOf(c int) float32 {
	if n.VInit == nil {
		return 0
	}
	return broadcast(n.VInit, c) * n.ThresholdOf(c)
}

func broadcast(x []float32, c int) float32 {
	if len(x) == 1 {
		return x[0]
	}
	return x[c]
}

// String formats n as "IF threshold 1, V[0] 0.5, reset subtract".
func (n Neuron) String() string {
	per := func(x []float32) string {
		switch len(x) {
		case 0:
			return "0"
		case 1:
			return fmt.Sprint(x[0])
		}
		return "per channel"
	}
	return fmt.Sprintf("%v threshold %s, V[0] %s, reset %v", n.model(), per(n.Threshold), per(n.VInit), n.Reset)
}

// Check returns an error unless the parameters of n are sound for a layer of that many
// channels.
func (n *Neuron) Check(channels int) error {
	if len(n.Threshold) != 1 && len(n.Threshold) != channels {
		return fmt.Errorf("%d thresholds for %d channels", len(n.Threshold), channels)
	}
	if n.VInit != nil && len(n.VInit) != 1 && len(n.VInit) != channels {
		return fmt.Errorf("%d start potentials for %d channels", len(n.VInit), channels)
	}
	if err := tensor.CheckFinite(n.Threshold); err != nil {
		return fmt.Errorf("threshold: %w", err)
	}
	for c, th := range n.Threshold {
		if !(th > 0) {
			return fmt.Errorf("threshold %v of channel %d must be positive", th, c)
		}
	}
	for c, v := range n.VInit {
		if !(v >= 0 && v < 1) {
			return fmt.Errorf("start potential %v of channel %d is outside [0, 1)", v, c)
		}
	}
	if n.Reset != ResetSubtract && n.Reset != ResetZero {
		return fmt.Errorf("unknown reset %v", n.Reset)
	}
	if !(n.Gain >= 0) || tensor.CheckFinite([]float32{n.Gain, n.Offset}) != nil {
		return fmt.Errorf("gain %v and offset %v of the rate curve: they must be finite, and the gain not negative", n.Gain, n.Offset)
	}
	return n.model().check()
}

// Resets lists the names of the resets, the default first.
func Resets() []string { return []string{ResetSubtract.String(), ResetZero.String()} }

// ResetNamed returns the reset of that name.
func ResetNamed(word string) (Reset, error) {
	for i, name := range Resets() {
		if word == name {
			return Reset(i), nil
		}
	}
	return 0, fmt.Errorf("snn: there is no reset %q, only %v", word, Resets())
}
