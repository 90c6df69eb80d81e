package report

import (
	"slices"

	"sresnet/diagnose"
)

// part is a part of an error.
type part struct {
	name, says string
	style      int // Colour and hatch.
	of         func(*diagnose.Errors) diagnose.Size
}

// parts are those that there can be, in the order of a stack.
var parts = []part{
	{"clipping", "activations above lambda", 0, func(s *diagnose.Errors) diagnose.Size { return s.Clipping }},
	{"inherited", "errors of earlier layers", 1, func(s *diagnose.Errors) diagnose.Size { return s.Inherited }},
	{"rounding", "weights rounded to whole numbers", 6, func(s *diagnose.Errors) diagnose.Size { return s.Rounding }},
	{"saturation", "potentials that ran out of bits", 7, func(s *diagnose.Errors) diagnose.Size { return s.Saturation }},
	{"shift", "what calibration for T added to biases", 4, func(s *diagnose.Errors) diagnose.Size { return s.Shift }},
	{"quantisation", "T timesteps allow T+1 rates", 2, func(s *diagnose.Errors) diagnose.Size { return s.Quantisation }},
	{"leak", "potentials that faded", 4, func(s *diagnose.Errors) diagnose.Size { return s.Leak }}, // Calibration for T takes no neurons that leak.
	{"vanished", "activations below the lowest level", 5, func(s *diagnose.Errors) diagnose.Size { return s.Vanished }},
	{"unevenness", "spikes that later input would have prevented", 3, func(s *diagnose.Errors) diagnose.Size { return s.Unevenness }},
}

// partsOf returns the parts that the errors of d have: of those that only some networks
// have, where there is some. A phased network fires when it has its whole input, which is
// no unevenness.
func partsOf(d *diagnose.Diagnosis) []part {
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool {
		switch p.name {
		case "unevenness":
			return d.Latency > 0
		case "rounding", "saturation", "shift", "leak", "vanished":
			return !slices.ContainsFunc(d.Layers, func(l diagnose.Layer) bool {
				return slices.ContainsFunc(l.At, func(e diagnose.Errors) bool { return p.of(&e) != diagnose.Size{} })
			})
		}
		return false
	})
}
