package main

import "fmt"

// neonSweep generates kernel.Sweep for arm64. What sweep and sweep2 say of the way that
// it goes and of the roles of registers holds here, too. Thirty-two registers hold the
// nine sums of eight channels, or with a stride of two the four sums of sixteen; the
// caller makes a turn for each eight or sixteen channels.
func neonSweep(f *armFile) {
	t := newNeonTables(f)
	for _, n := range []int{16, 32} {
		neonSweepFor(f, t, n)
	}
	for _, n := range []int{16, 32, 64} {
		neonSweep2For(f, t, n)
	}
}

const neonSweepSignature = "func(out, shortcut *byte, src []uint64, v, part, w, constant, threshold, weight *float32, rows, cols, words, outBytes, shortcutBytes, vBytes int) int"

// neonSweeper emits one function of the family.
type neonSweeper struct {
	*neonNeurons
	taps neonTaps
	nv   int // Vectors of a position that the function computes.

	// In registers throughout.
	src, w, words, strip, wordBytes, top gpr
	cols, part                           gpr
	at, x, y                             gpr // In part; columns and rows to go.
	fired                                int // Labels so far.
}

func newNeonSweeper(a *armFunc, t neonTables, n, nv int) *neonSweeper {
	s := &neonSweeper{neonNeurons: newNeurons(a, t, nv), taps: neonTaps{a: a, tap: 4 * n}, nv: nv}
	s.steps = true
	s.out, s.shortcut, s.src, s.pot, s.part, s.w = a.arg("out"), a.arg("shortcut"), a.arg("src_base"), a.arg("v"), a.arg("part"), a.arg("w")
	s.cols, s.words, s.y = a.arg("cols"), a.arg("words"), a.arg("rows")
	s.outStep, s.shortcutStep, s.potStep = a.arg("outBytes"), a.arg("shortcutBytes"), a.arg("vBytes")
	s.strip, s.wordBytes, s.top, s.at, s.x = a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
	a.ins("ADD", imm(s.taps.middle()), s.w)
	a.ins("MOVD", imm(9*s.taps.tap), s.strip)
	a.ins("MOVD", imm(64*9*s.taps.tap), s.wordBytes)
	a.ins("MOVD", "$1<<63", s.top)
	return s
}

// position is the size of the partial sums of a position in bytes.
func (s *neonSweeper) position() int { return 16 * s.nv }

// walk takes the spikes of the source position at hand, one after the other, and lets
// taps add the weights of each, the middle ones of which begin at r. It goes to the
// next position.
func (s *neonSweeper) walk(label, what string, taps func(r gpr)) {
	a := s.a
	a.scope(func() {
		base, words, b, r, bit := a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
		s.taps.tmp = [][]vec{a.vecs(2), a.vecs(2)}
		a.ins("MOVD", s.w, base)
		a.ins("MOVD", s.words, words)
		a.label(label + "_word")
		a.ins("MOVD.P", mem(s.src, 8), b)
		a.ins("CBZ", b, label+"_silent")
		a.ins("RBIT", b, b) // So that the first spike is the highest bit.
		a.label(label + "_spike")
		a.per(fmt.Sprintf("a spike, %s of %d channels", what, 4*s.nv), func() {
			a.ins("CLZ", b, r)
			a.ins("LSR", r, s.top, bit)
			a.ins("MADD", s.strip, base, r, r)
			a.ins("BIC", bit, b, b)
			taps(r)
			a.ins("CBNZ", b, label+"_spike")
		})
		a.label(label + "_silent")
		a.ins("ADD", s.wordBytes, base)
		a.ins("SUBS", imm(1), words)
		a.ins("BNE", label+"_word")
	})
}

// advance lets neurons fire.
func (s *neonSweeper) advance(u []vec) {
	s.fired++
	s.a.per(fmt.Sprintf("%d neurons", 4*s.nv), func() { s.fire(fmt.Sprintf("no_shortcut%d", s.fired), u) })
}

func neonSweepFor(f *armFile, t neonTables, n int) {
	doc := fmt.Sprintf("sweepGeneric for 8 channels of a layer whose weights come in rows of %d; outBytes, shortcutBytes and vBytes are the steps from one position to the next, and shortcutBytes is zero if there is no shortcut.", n)
	f.function(fmt.Sprintf("sweep%dNEON", n), doc, neonSweepSignature, func(a *armFunc) {
		s := newNeonSweeper(a, t, n, 2)
		limit, at1 := a.gp(), a.gp() // at1 is at in the second row of part.
		inRegisters := func(name string) func(int, []vec) []vec {
			v := a.vecs(2)
			a.scope(func() {
				r := a.arg(name)
				a.ldp("", ptr(r), v[0], v[1])
			})
			return func(int, []vec) []vec { return v }
		}
		s.constants, s.thresholds, s.weights = inRegisters("constant"), inRegisters("threshold"), inRegisters("weight")
		a.ins("MOVD", "ZR", limit) // The first row completes no outputs.

		var acc [3][3][]vec // [column mod 3][row][vector]
		for c := range acc {
			for j := range acc[c] {
				acc[c][j] = a.vecs(2)
			}
		}
		enter := func(c, ahead int) { // A new column: its lowest sums begin here.
			a.ldp("", mem(s.at, ahead*s.position()), acc[c][0][0], acc[c][0][1])
			a.ldp("", mem(at1, ahead*s.position()), acc[c][1][0], acc[c][1][1])
			a.zero(acc[c][2][0])
			a.zero(acc[c][2][1])
		}
		leave := func(c int) {
			a.stp(".P", acc[c][1][0], acc[c][1][1], mem(s.at, s.position()))
			a.stp(".P", acc[c][2][0], acc[c][2][1], mem(at1, s.position()))
		}

		a.label("row")
		a.ins("MOVD", s.part, s.at)
		a.ins("ADD", imm(2), s.cols, at1)
		a.ins("ADD", fmt.Sprintf("%v<<5", at1), s.part, at1)
		a.ins("MOVD", s.cols, s.x)
		enter(0, 0)
		enter(1, 1)
		a.label("column")
		for phase := range 3 {
			a.per("a position of the source", func() {
				label := fmt.Sprintf("phase%d", phase)
				enter((phase+2)%3, 2)
				s.walk(label, "9 taps", func(r gpr) {
					for j := range 3 {
						for i := range 3 {
							s.taps.add(r, 3*j+i, acc[(phase+i)%3][j])
						}
					}
				})
				a.ins("CMP", limit, s.x)
				a.ins("BGE", label+"_fired")
				s.advance(acc[phase][0])
				a.label(label + "_fired")
				leave(phase)
				a.ins("SUBS", imm(1), s.x)
				a.ins("BEQ", label+"_end")
			})
		}
		a.ins("B", "column")
		for phase := range 3 {
			label := fmt.Sprintf("phase%d_end", phase)
			last := (phase + 1) % 3
			a.label(label)
			a.ins("CBZ", limit, label+"_fired")
			s.advance(acc[last][0])
			a.label(label + "_fired")
			leave(last)
			a.ins("B", "row_end")
		}
		a.label("row_end")
		a.ins("MOVD", s.cols, limit) // From now on, all but the column before the first.
		a.ins("SUBS", imm(1), s.y)
		a.ins("BNE", "row")

		// The last row of outputs: no source row lies below it.
		a.ins("ADD", imm(s.position()), s.part, s.at)
		a.label("flush")
		a.ldp(".P", mem(s.at, s.position()), acc[0][0][0], acc[0][0][1])
		s.advance(acc[0][0])
		a.ins("SUBS", imm(1), s.cols)
		a.ins("BNE", "flush")
		s.total(s.x)
		a.result(s.x)
	})
}

func neonSweep2For(f *armFile, t neonTables, n int) {
	doc := fmt.Sprintf("sweepGeneric with a stride of two for 16 channels of a layer whose weights come in rows of %d; outBytes, shortcutBytes and vBytes are the steps from one output to the next, and shortcutBytes is zero if there is no shortcut.", n)
	f.function(fmt.Sprintf("sweepStride2N%dNEON", n), doc, neonSweepSignature, func(a *armFunc) {
		s := newNeonSweeper(a, t, n, 4)
		fromMemory := func(name string) func(int, []vec) []vec {
			r := a.arg(name)
			return func(i int, x []vec) []vec {
				if x != nil {
					a.ldp("", mem(r, 32*i), x[0], x[1])
				}
				return x
			}
		}
		s.constants, s.thresholds, s.weights = fromMemory("constant"), fromMemory("threshold"), fromMemory("weight")
		var acc [2][2][]vec // [column mod 2][row][vector]
		for c := range acc {
			for j := range acc[c] {
				acc[c][j] = a.vecs(4)
			}
		}
		// A row of the source has taps for one row of outputs, or for two.
		row := func(name string, odd bool) {
			enter := func(c, ahead int) {
				for i := 0; i < 4; i += 2 {
					a.ldp("", mem(s.at, ahead*s.position()+16*i), acc[c][0][i], acc[c][0][i+1])
					if odd {
						a.zero(acc[c][1][i])
						a.zero(acc[c][1][i+1])
					}
				}
			}
			leave := func(c int) { // The column is complete, as far as this row goes.
				if odd {
					s.advance(acc[c][0])
				}
				for i := 0; i < 4; i += 2 {
					a.stp(".P", acc[c][btoi(odd)][i], acc[c][btoi(odd)][i+1], mem(s.at, 32))
				}
			}
			// add adds the taps of column kx into a column of sums.
			add := func(r gpr, c, kx int) {
				if !odd {
					s.taps.add(r, 3+2-kx, acc[c][0])
					return
				}
				for j, ky := range []int{2, 0} {
					s.taps.add(r, (2-ky)*3+2-kx, acc[c][j])
				}
			}
			even, both := "1 tap", "2 taps"
			if odd {
				even, both = "2 taps", "4 taps"
			}
			a.label(name)
			a.ins("MOVD", s.part, s.at)
			a.ins("MOVD", s.cols, s.x)
			enter(0, 0)
			a.label(name + "_column")
			for c := range 2 {
				a.per("two positions of an "+name+" row of the source", func() {
					label := fmt.Sprintf("%s%d", name, c)
					s.walk(label+"_even", even, func(r gpr) { add(r, c, 1) })
					a.ins("SUBS", imm(1), s.x)
					a.ins("BEQ", label+"_last")
					enter(1-c, 1)
					s.walk(label+"_odd", both, func(r gpr) { add(r, c, 2); add(r, 1-c, 0) })
					leave(c)
					a.ins("SUBS", imm(1), s.x)
					a.ins("BEQ", name+"_end")
				})
			}
			a.ins("B", name+"_column")
			for c := range 2 {
				a.label(fmt.Sprintf("%s%d_last", name, c))
				leave(c)
				a.ins("B", name+"_end")
			}
			a.label(name + "_end")
			a.ins("SUBS", imm(1), s.y)
		}
		row("even", false)
		a.ins("BEQ", "flush")
		row("odd", true)
		a.ins("BNE", "even")
		a.ins("B", "done")

		// The last row of outputs, if no odd row of the source lies below it.
		a.label("flush")
		a.ins("MOVD", s.part, s.at)
		a.ins("ADD", imm(1), s.cols, s.x)
		a.ins("LSR", imm(1), s.x, s.x)
		a.label("flush_column")
		for i := 0; i < 4; i += 2 {
			a.ldp(".P", mem(s.at, 32), acc[0][0][i], acc[0][0][i+1])
		}
		s.advance(acc[0][0])
		a.ins("SUBS", imm(1), s.x)
		a.ins("BNE", "flush_column")
		a.label("done")
		s.total(s.x)
		a.result(s.x)
	})
}
