package snn

import (
	"fmt"

	"sresnet/tensor"
)

// IF is the integrate-and-fire neuron, without leak, refractory period or lower
// bound:
//
//	v[0] = VInit θ
//	v[t] = v[t-1] + I[t]
//	z[t] = v[t] >= θ
//	v[t] = v[t] - θ z[t]   (ResetSubtract)
//	v[t] = v[t] (1 - z[t]) (ResetZero)
//
// With ResetSubtract its firing rate approximates a clipped ReLU of its mean
// current [rueckauer2017], which is why conversion uses it.
//
// References:
//
//	[rueckauer2017]  Bodo Rueckauer et al. Conversion of Continuous-Valued Deep Networks
//	                 to Efficient Event-Driven Networks for Image Classification.
//	                 Frontiers in Neuroscience 11:682. 2017.
type IF struct {
	Threshold []float32 // θ, per channel; length 1 stands for all channels.
	VInit     []float32 // Potential before the first timestep in units of θ, in [0, 1); per channel, length 1 for all, nil for zero.
	Reset     Reset
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

// ThresholdOf returns θ of channel c.
func (n *IF) ThresholdOf(c int) float32 { return broadcast(n.Threshold, c) }

// VInitOf returns the start potential of channel c, in the unit of the
// potential: VInit times θ, rounded once.
func (n *IF) VInitOf(c int) float32 {
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
func (n IF) String() string {
	per := func(x []float32) string {
		switch len(x) {
		case 0:
			return "0"
		case 1:
			return fmt.Sprint(x[0])
		}
		return "per channel"
	}
	return fmt.Sprintf("IF threshold %s, V[0] %s, reset %v", per(n.Threshold), per(n.VInit), n.Reset)
}

func (n *IF) check(channels int) error {
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
	return nil
}
