package main

import "fmt"

// neonWindow generates kernel.FireWindow and kernel.FireOnce for arm64, as window does
// for amd64: eight channels, a byte of a mask, are taken through the window at several
// positions.
func neonWindow(f *armFile) {
	t := newNeonTables(f)
	neonWindowFor(f, t, false, 8)
	neonWindowFor(f, t, true, 4) // All that the registers hold.
}

// neonFirer emits one function of the family.
type neonFirer struct {
	a    *armFunc
	once bool

	// In registers throughout.
	maskStep, vStep gpr
	pot, bit        gpr // Of the position and the channels at hand: their potentials, their byte of the masks.
	th              []vec
	pack            vec // Bit i in lane i.
	last, one       vec // T and 1, for those that fire once.
}

func neonWindowFor(f *armFile, t neonTables, once bool, block int) {
	name := "fireWindow"
	if once {
		name = "fireOnce"
	}
	f.function(name+"NEON", name+"Generic for len(masks) > 0 and positions > 0; first is the byte of a mask where the first channel's bits are, n and all steps are in bytes, and last is len(masks).",
		"func(masks [][]uint64, spikes *uint32, v, threshold *float32, last float32, first, n, positions, maskStep, vStep int)", func(a *armFunc) {
			s := &neonFirer{a: a, once: once, th: a.vecs(2), pack: a.vec()}
			s.maskStep, s.vStep, s.pot, s.bit = a.arg("maskStep"), a.arg("vStep"), a.arg("v"), a.arg("first")
			n, positions, th, left := a.arg("n"), a.arg("positions"), a.gp(), a.gp()
			a.loadTable(t.halfs, s.pack)
			if once {
				s.last, s.one = a.vec(), a.vec()
				a.ins("FMOVS", a.frame("last"), s.last.f())
				a.ins("VDUP", s.last.lane("S", 0), s.last.s4())
				a.ins("FMOVS", "$1.0", s.one.f())
				a.ins("VDUP", s.one.lane("S", 0), s.one.s4())
			}
			for _, at := range []int{block, 1} {
				label := fmt.Sprintf("positions%d", at)
				a.label(label)
				a.ins("CMP", imm(at), positions)
				a.ins("BLT", label+"_end")
				a.argTo("threshold", th)
				a.ins("MOVD", n, left)
				a.label(label + "_channels")
				a.ldp(".P", mem(th, 32), s.th[0], s.th[1])
				a.scope(func() { s.fire(label, at) })
				a.ins("ADD", imm(32), s.pot)
				a.ins("ADD", imm(1), s.bit)
				a.ins("SUBS", imm(32), left)
				a.ins("BNE", label+"_channels")
				// To the position after these.
				a.ins("SUB", n, s.pot)
				a.ins("SUB", fmt.Sprintf("%v>>5", n), s.bit, s.bit)
				a.ins("MOVD", imm(at), left)
				a.ins("MADD", left, s.pot, s.vStep, s.pot)
				a.ins("MADD", left, s.bit, s.maskStep, s.bit)
				a.ins("SUB", imm(at), positions)
				a.ins("B", label)
				a.label(label + "_end")
			}
		})
}

// fire takes some positions through the window.
func (s *neonFirer) fire(label string, positions int) {
	a := s.a
	at, mask, steps, spikes, bits := a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
	u := make([][]vec, positions)
	compared := make([][]vec, positions) // With thresholds: u, or a copy of it for those that fire once.
	a.ins("MOVD", s.pot, at)
	for i := range u {
		u[i] = a.vecs(2)
		compared[i] = u[i]
		a.ldp("", ptr(at), u[i][0], u[i][1])
		a.ins("ADD", s.vStep, at)
	}
	a.argTo("masks_base", mask)
	a.argTo("masks_len", steps)
	th, factor, sum, willFire := s.th, vec(0), a.vec(), a.gp()
	count := func(to gpr) {
		a.ins("VADDV", sum.h8(), sum.bits())
		a.ins("VMOV", sum.lane("H", 0), to)
	}
	if s.once {
		factor, th = a.vec(), a.vecs(2)
		a.zero(sum)
		for i := range u {
			compared[i] = a.vecs(2)
			a.scope(func() {
				z := a.vecs(2)
				for j := range z {
					a.ins("VMOV", u[i][j].b16(), compared[i][j].b16())
					a.fcmge(s.th[j], u[i][j], z[j]) // Who will fire: at the last step, if not before.
				}
				a.ins("VUZP1", z[1].h8(), z[0].h8(), z[0].h8())
				a.ins("VSUB", z[0].h8(), sum.h8(), sum.h8()) // Minus -1.
			})
		}
		count(willFire)
		a.ins("CBZ", willFire, label+"_clear")
		a.ins("VMOV", s.last.b16(), factor.b16())
	}
	a.argTo("spikes", spikes)
	// maskBits goes to the bits of the step at hand.
	maskBits := func() {
		a.ins("MOVD", ptr(mask), at)
		a.ins("ADD", imm(24), mask) // A slice.
		a.ins("ADD", s.bit, at)
	}
	what := fmt.Sprintf("a step of %d neurons", 8*positions)
	a.label(label + "_step")
	a.per(what, func() {
		if s.once {
			a.fmul(factor, s.th[0], th[0])
			a.fmul(factor, s.th[1], th[1])
			a.fsub(s.one, factor, factor)
		}
		maskBits()
		a.zero(sum)
		// One vector of eight lanes per position, then pairs of lanes added until a lane
		// has the bits of a position.
		var rows func(first, n int) vec
		rows = func(first, n int) vec {
			if n > 1 {
				low := rows(first, n/2)
				high := rows(first+n/2, n/2)
				a.ins("VADDP", high.h8(), low.h8(), low.h8())
				a.freeVec = append([]vec{high}, a.freeVec...)
				return low
			}
			z := a.vec()
			a.scope(func() {
				y, x := a.vec(), a.vecs(2)
				for j, m := range []vec{z, y} {
					a.fcmge(th[j], compared[first][j], m)
					a.and(m, th[j], x[j])
					a.fsub(x[j], u[first][j], u[first][j])
					if s.once { // All bits are set: not a number.
						a.ins("VORR", m.b16(), compared[first][j].b16(), compared[first][j].b16())
					}
				}
				a.ins("VUZP1", y.h8(), z.h8(), z.h8())
				a.ins("VSUB", z.h8(), sum.h8(), sum.h8())
				a.and(s.pack, z, z)
			})
			return z
		}
		a.scope(func() {
			z := rows(0, positions)
			for n := positions; n < 8; n *= 2 {
				a.ins("VADDP", z.h8(), z.h8(), z.h8())
			}
			for i := range positions {
				a.ins("VST1.P", z.lane("B", 2*i), ptr(at, s.maskStep))
			}
		})
		count(bits)
		a.scope(func() {
			had := a.gp()
			a.ins("MOVWU", ptr(spikes), had)
			a.ins("ADDW", bits, had)
			a.ins("MOVW.P", had, mem(spikes, 4))
		})
		a.ins("SUBS", imm(1), steps)
		a.ins("BEQ", label+"_done")
		if s.once {
			a.ins("SUB", bits, willFire)
			a.ins("CBNZ", willFire, label+"_step")
		} else {
			a.ins("CBNZ", bits, label+"_step")
		}
	})

	a.label(label + "_clear")
	maskBits()
	for range positions {
		a.ins("MOVB", "ZR", ptr(at))
		a.ins("ADD", s.maskStep, at)
	}
	a.ins("SUBS", imm(1), steps)
	a.ins("BNE", label+"_clear")
	a.label(label + "_done")
	a.ins("MOVD", s.pot, at)
	for i := range u {
		a.stp("", u[i][0], u[i][1], ptr(at))
		a.ins("ADD", s.vStep, at)
	}
}
