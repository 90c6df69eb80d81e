package snn

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
type IF struct{}

// Kind returns "if".
func (IF) Kind() string { return "if" }

// String returns "IF".
func (IF) String() string { return "IF" }

// Step implements [Model].
func (IF) Step(s State, i, th float32, r Reset) (State, bool) {
	s.V += i
	if !(s.V >= th) {
		return s, false
	}
	s.V = r.of(s.V, th)
	return s, true
}

// Decay implements [Model].
func (IF) Decay() (float32, bool) { return 1, true }

// Period implements [Model].
func (IF) Period() int { return 1 }

func (IF) check() error { return nil }
