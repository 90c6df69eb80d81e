package snn

import "fmt"

// LIF is the leaky integrate-and-fire neuron with an absolute refractory period, the
// target of [perezcarrasco2013]:
//
//	v[0] = VInit θ
//	v[t] = A v[t-1] + I[t]
//	z[t] = v[t] >= θ
//	v[t] = v[t] - θ z[t]   (ResetSubtract)
//	v[t] = v[t] (1 - z[t]) (ResetZero)
//
// but after a spike the neuron rests for Refractory timesteps, in which it does not
// fire, its potential stays as it is and the current is lost: "we interrupt the
// dynamics" [gerstner2002, section 4.1.1]. The product A v is rounded before the sum.
//
// A constant current below θ (1 - A) never makes it fire, and no current makes it fire
// more often than once in 1 + Refractory timesteps. With A = 1 and no rest it is [IF].
//
// References:
//
//	[perezcarrasco2013]  José Antonio Pérez-Carrasco et al. Mapping from Frame-Driven to
//	                     Frame-Free Event-Driven Vision Systems by Low-Rate Rate Coding
//	                     and Coincidence Processing. IEEE Transactions on Pattern
//	                     Analysis and Machine Intelligence 35(11). 2013.
//	[gerstner2002]       Wulfram Gerstner, Werner M. Kistler. Spiking Neuron Models.
//	                     Cambridge University Press. 2002.
type LIF struct {
	Leak       float32 // A, what is left of the potential after a timestep, in (0, 1]; 1 is no leak.
	Refractory int     // Timesteps of rest after a spike, from 0 to [MaxRefractory].
}

// MaxRefractory bounds LIF.Refractory: the rates of a neuron that rests longer carry
// little information.
const MaxRefractory = 31

// Kind returns "lif".
func (LIF) Kind() string { return "lif" }

// String formats m as "LIF leak 0.99, refractory 2".
func (m LIF) String() string {
	s := fmt.Sprintf("LIF leak %v", m.Leak)
	if m.Refractory > 0 {
		s += fmt.Sprintf(", refractory %d", m.Refractory)
	}
	return s
}

// Step implements [Model].
func (m LIF) Step(s State, i, th float32, r Reset) (State, bool) {
	if s.Rest > 0 {
		s.Rest--
		return s, false
	}
	s.V = float32(m.Leak*s.V) + i
	if !(s.V >= th) {
		return s, false
	}
	s.V, s.Rest = r.of(s.V, th), uint8(m.Refractory)
	return s, true
}

// Decay implements [Model].
func (m LIF) Decay() (float32, bool) { return m.Leak, m.Refractory == 0 }

// Period implements [Model].
func (m LIF) Period() int { return 1 + m.Refractory }

func (m LIF) check() error {
	if !(m.Leak > 0 && m.Leak <= 1) { // Also rejects NaN.
		return fmt.Errorf("leak %v is outside (0, 1]", m.Leak)
	}
	if m.Refractory < 0 || m.Refractory > MaxRefractory {
		return fmt.Errorf("%d refractory timesteps; from 0 to %d are possible", m.Refractory, MaxRefractory)
	}
	return nil
}
