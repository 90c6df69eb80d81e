package report

import "sresnet/diagnose"

// parts are the four parts of an error in the order of a stack.
var parts = []struct {
	name, says string
	of         func(*diagnose.Errors) diagnose.Size
}{
	{"clipping", "activations above lambda", func(s *diagnose.Errors) diagnose.Size { return s.Clipping }},
	{"inherited", "errors of earlier layers", func(s *diagnose.Errors) diagnose.Size { return s.Inherited }},
	{"quantisation", "T timesteps allow T+1 rates", func(s *diagnose.Errors) diagnose.Size { return s.Quantisation }},
	{"unevenness", "spikes that later input would have prevented", func(s *diagnose.Errors) diagnose.Size { return s.Unevenness }},
}
