package main

import "fmt"

// neonNeurons advances neurons whose currents are complete: eight of them, which are
// a byte of the mask, or sixteen, which are two.
type neonNeurons struct {
	a *armFunc

	// out is where the bits go, shortcut where those of the shortcut are, pot where the
	// potentials are. They move on to the next neurons of the position or, if there are
	// steps, to the next position. shortcutStep is zero if there is no shortcut.
	out, shortcut, pot             gpr
	steps                          bool
	outStep, shortcutStep, potStep gpr

	// constants, thresholds and weights of the shortcut return the i-th pair of vectors,
	// which is in registers or is loaded into x.
	constants, thresholds, weights func(i int, x []vec) []vec

	resetZero bool
	selects   []vec // Bit i in lane i.
	pack      vec   // Bit i in lane i, of 16 bits for eight neurons, of 8 and twice for sixteen.
	count     vec   // Spikes as a negative number, in four parts.
}

// newNeurons loads what is needed throughout, for two or four vectors of channels.
func newNeurons(a *armFunc, t neonTables, vectors int) *neonNeurons {
	s := &neonNeurons{a: a, selects: a.vecs(vectors), pack: a.vec(), count: a.vec()}
	a.loadTable(t.words, s.selects...)
	if vectors == 2 {
		a.loadTable(t.halfs, s.pack)
	} else {
		a.loadTable(t.bytes, s.pack)
	}
	a.zero(s.count)
	return s
}

// fire advances the neurons whose currents are u. label is of its own.
func (s *neonNeurons) fire(label string, u []vec) {
	a := s.a
	a.ins("CBZ", s.shortcutStep, label)
	a.per(fmt.Sprintf("the shortcut of %d neurons", 4*len(u)), func() { s.addShortcut(u) })
	a.label(label)
	a.scope(func() {
		x, y := a.vecs(len(u)), a.vecs(len(u))
		for i, c := range pairs(s.constants, x) {
			a.fadd(c, u[i], u[i])
		}
		for i := 0; i < len(u); i += 2 {
			a.ldp("", mem(s.pot, 16*i), x[i], x[i+1])
		}
		for i := range u {
			a.fadd(x[i], u[i], u[i])
		}
		th := pairs(s.thresholds, x)
		for i := range u {
			a.fcmge(th[i], u[i], y[i])
		}
		for i := range u {
			if s.resetZero {
				a.bic(y[i], u[i], u[i])
				continue
			}
			a.and(y[i], th[i], x[i])
			a.fsub(x[i], u[i], u[i])
		}
		for i := 0; i < len(u); i += 2 {
			if s.steps {
				a.stp("", u[i], u[i+1], mem(s.pot, 16*i))
			} else {
				a.stp(".P", u[i], u[i+1], mem(s.pot, 32))
			}
		}
		if s.steps {
			a.ins("ADD", s.potStep, s.pot)
		}
		s.spikes(y)
	})
}

// addShortcut adds the shortcut's weights to the currents u.
func (s *neonNeurons) addShortcut(u []vec) {
	next := mem(s.shortcut, len(u)/2)
	if s.steps {
		next = ptr(s.shortcut, s.shortcutStep)
	}
	s.a.scope(func() {
		spikes := s.a.vec()
		s.a.loadSpikes(".P", next, spikes, len(u))
		for i := 0; i < len(u); i += 2 {
			s.a.scope(func() {
				var x []vec
				if s.weights(i/2, nil) == nil {
					x = s.a.vecs(2)
				}
				s.a.addUnder(spikes, s.selects[i:], s.weights(i/2, x), u[i:i+2])
			})
		}
	})
}

// spikes writes and counts the bits of the neurons whose lanes are set in y.
func (s *neonNeurons) spikes(y []vec) {
	a := s.a
	a.ins("VUZP1", y[1].h8(), y[0].h8(), y[0].h8())
	if len(y) == 2 {
		a.sadalp(y[0], s.count)
		a.and(s.pack, y[0], y[0])
		a.ins("VADDV", y[0].h8(), y[0].bits())
		if s.steps {
			a.ins("VST1.P", y[0].lane("B", 0), ptr(s.out, s.outStep))
		} else {
			a.ins("VST1.P", y[0].lane("B", 0), mem(s.out, 1))
		}
		return
	}
	a.ins("VUZP1", y[3].h8(), y[2].h8(), y[2].h8())
	a.ins("VADD", y[0].h8(), y[2].h8(), y[1].h8())
	a.sadalp(y[1], s.count)
	a.ins("VUZP1", y[2].b16(), y[0].b16(), y[0].b16())
	a.and(s.pack, y[0], y[0])
	for range 3 { // The eight bits of a byte; the other bytes are copies.
		a.ins("VADDP", y[0].b16(), y[0].b16(), y[0].b16())
	}
	if s.steps {
		a.ins("VST1.P", y[0].lane("H", 0), ptr(s.out, s.outStep))
	} else {
		a.ins("VST1.P", y[0].lane("H", 0), mem(s.out, 2))
	}
}

// total gives the number of spikes.
func (s *neonNeurons) total(r gpr) {
	s.a.ins("VADDV", s.count.s4(), s.count.bits())
	s.a.ins("VMOV", s.count.lane("S", 0), r)
	s.a.ins("NEGW", r, r)
}

// pairs lists vectors that come in pairs, in registers of their own or in x.
func pairs(f func(i int, x []vec) []vec, x []vec) []vec {
	var all []vec
	for i := 0; i < len(x); i += 2 {
		all = append(all, f(i/2, x[i:i+2])...)
	}
	return all
}

// loadSpikes loads the bits of two or four vectors of channels, to every lane.
func (a *armFunc) loadSpikes(next, from string, spikes vec, vectors int) {
	to := spikes.b16()
	if vectors == 4 {
		to = spikes.h8()
	}
	a.ins("VLD1R"+next, from, "["+to+"]")
}

// addUnder adds weights w to the lanes of u whose bit is set in spikes. It takes those
// that are not set as they are: adding zero would turn -0 into 0.
func (a *armFunc) addUnder(spikes vec, selects, w, u []vec) {
	a.scope(func() {
		sum, m := a.vec(), a.vec()
		for i := range u {
			a.ins("VCMTST", selects[i].s4(), spikes.s4(), m.s4())
			a.fadd(w[i], u[i], sum)
			a.bit(m, sum, u[i])
		}
	})
}
