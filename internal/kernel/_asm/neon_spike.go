package main

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// neonSpike generates the kernels of spiking layers for arm64. Lanes are output
// channels, and channels come in multiples of 16, so none has a tail.
func neonSpike(f *armFile) {
	t := newNeonTables(f)
	neonEvents(f)
	neonAddSpikes(f, t)
	neonScatter(f)
	neonGather(f)
	neonFire(f, t)
}

// neonTables are what turns bits of a mask into lanes and back.
type neonTables struct {
	words string // Bit i in lane i of sixteen 32-bit numbers: four vectors.
	halfs string // The same in 16-bit numbers: two vectors.
	bytes string // Bit i%8 in byte i of sixteen.
}

func newNeonTables(f *armFile) neonTables {
	var words, halfs, bytes []byte
	for i := range 16 {
		words = binary.LittleEndian.AppendUint32(words, 1<<i)
		halfs = binary.LittleEndian.AppendUint16(halfs, 1<<i)
		bytes = append(bytes, 1<<(i%8))
	}
	return neonTables{words: f.table("bitOfWord", words), halfs: f.table("bitOfHalf", halfs), bytes: f.table("bitOfByte", bytes)}
}

// neonEvents turns eight bits of a mask at a time into events. A table has the
// channels of every byte, packed to the front; eight events are stored whatever
// their number, and the next ones overwrite what was too much.
func neonEvents(f *armFile) {
	var channels, counts []byte
	for b := range 256 {
		var list [8]byte
		n := 0
		for c := range 8 {
			if b>>c&1 != 0 {
				list[n] = byte(c)
				n++
			}
		}
		channels, counts = append(channels, list[:]...), append(counts, byte(bits.OnesCount8(uint8(b))))
	}
	channelsOf, countOf := f.table("channelsOfByte", channels), f.table("countOfByte", counts)
	f.function("eventsNEON", "eventsGeneric for n channels a position.", "func(dst []uint32, start []int32, mask []uint64, words, n int) int", func(a *armFunc) {
		dst, start, mask, end := a.arg("dst_base"), a.arg("start_base"), a.arg("mask_base"), a.arg("mask_len")
		words, n := a.arg("words"), a.arg("n")
		a.ins("ADD", fmt.Sprintf("%v<<3", end), mask, end)
		a.shiftLeft(3, words)         // Bytes a position of the mask.
		a.ins("LSR", imm(3), n, n)    // Bytes of it in use.
		a.ins("SUB", n, words, words) // Bytes of it that are not.
		first, channels, counts := a.gp(), a.gp(), a.gp()
		a.ins("MOVD", dst, first)
		a.ins("MOVD", channelsOf, channels)
		a.ins("MOVD", countOf, counts)
		position, next, eight := a.gp(), a.gp(), a.vec()
		a.ins("MOVD", "ZR", position)
		a.ins("MOVD", imm(1<<16), next)
		left, b := a.gp(), a.gp()
		a.ins("MOVD", imm(8), b)
		a.ins("VDUP", b, eight.s4())
		base, x, low, high := a.vec(), a.vec(), a.vec(), a.vec()

		a.label("position")
		count := a.gp()
		a.ins("SUB", first, dst, count)
		a.ins("LSR", imm(2), count, count)
		a.ins("MOVW.P", count, mem(start, 4))
		a.ins("CMP", end, mask)
		a.ins("BHS", "done")
		a.ins("VDUP", position, base.s4())
		a.ins("ADD", next, position)
		a.ins("MOVD", n, left)
		a.label("channels")
		a.per("8 channels of a position", func() {
			a.ins("MOVBU.P", mem(mask, 1), b)
			a.ins("FMOVD", fmt.Sprintf("(%v)(%v<<3)", channels, b), x.f())
			a.ins("MOVBU", ptr(counts, b), b)
			a.ins("VUXTL", x.b8(), x.h8())
			a.ins("VUXTL", x.h4(), low.s4())
			a.ins("VUXTL2", x.h8(), high.s4())
			a.ins("VADD", base.s4(), low.s4(), low.s4())
			a.ins("VADD", base.s4(), high.s4(), high.s4())
			a.stp("", low, high, ptr(dst))
			a.ins("ADD", fmt.Sprintf("%v<<2", b), dst, dst)
			a.ins("VADD", eight.s4(), base.s4(), base.s4())
			a.ins("SUBS", imm(1), left)
			a.ins("BNE", "channels")
		})
		a.ins("ADD", words, mask)
		a.ins("B", "position")
		a.label("done")
		a.result(count)
	})
}

// neonAddSpikes adds the weights under a mask, 16 channels a turn, without a branch
// that depends on the spikes.
func neonAddSpikes(f *armFile, t neonTables) {
	f.function("addSpikesNEON", "addSpikesGeneric for len(mask) > 0; n is the length of weight.", "func(cur []float32, mask []uint64, words, n int, weight *float32)", func(a *armFunc) {
		cur, mask, end, words, n, weight := a.arg("cur_base"), a.arg("mask_base"), a.arg("mask_len"), a.arg("words"), a.arg("n"), a.arg("weight")
		a.ins("ADD", fmt.Sprintf("%v<<3", end), mask, end)
		a.shiftLeft(3, words)         // Bytes a position of the mask.
		a.ins("LSR", imm(3), n, n)    // Bytes of it in use.
		a.ins("SUB", n, words, words) // Bytes of it that are not.
		w, left := a.gp(), a.gp()
		spikes, selects, u, x := a.vec(), a.vecs(4), a.vecs(4), a.vecs(4)
		a.loadTable(t.words, selects...)
		a.label("position")
		a.ins("MOVD", weight, w)
		a.ins("MOVD", n, left)
		a.label("channels")
		a.per("16 neurons", func() {
			a.ldp("", ptr(cur), u[0], u[1])
			a.ldp("", mem(cur, 32), u[2], u[3])
			a.ldp(".P", mem(w, 32), x[0], x[1])
			a.ldp(".P", mem(w, 32), x[2], x[3])
			a.loadSpikes(".P", mem(mask, 2), spikes, 4)
			a.addUnder(spikes, selects, x, u)
			a.stp(".P", u[0], u[1], mem(cur, 32))
			a.stp(".P", u[2], u[3], mem(cur, 32))
			a.ins("SUBS", imm(2), left)
			a.ins("BNE", "channels")
		})
		a.ins("ADD", words, mask)
		a.ins("CMP", end, mask)
		a.ins("BLO", "position")
	})
}

// nextEvent loads an event and gives its position and its channel.
func (a *armFunc) nextEvent(ev, position, channel gpr) {
	a.ins("MOVWU.P", mem(ev, 4), position)
	a.ins("AND", imm(0xffff), position, channel)
	a.ins("LSR", imm(16), position, position)
}

// neonScatter generates kernel.Scatter: one function for any shape, and one for
// three rows of three taps, which keeps sums in registers.
func neonScatter(f *armFile) {
	f.function("scatterNEON", "scatterGeneric for len(ev) > 0; strip is Cols*N, and step what a position and stride what a row is in bytes.",
		"func(cur, w []float32, ev []uint32, first, rows, strip, step, stride int)", func(a *armFunc) {
			cur, w, ev, end, first := a.arg("cur_base"), a.arg("w_base"), a.arg("ev_base"), a.arg("ev_len"), a.arg("first")
			rows, strip, step, stride := a.arg("rows"), a.arg("strip"), a.arg("step"), a.arg("stride")
			a.ins("ADD", fmt.Sprintf("%v<<2", end), ev, end)
			a.shiftLeft(2, strip)                // Bytes.
			a.ins("MSUB", first, cur, step, cur) // Where position 0 would be.
			a.ins("SUB", strip, stride)          // From the end of a strip to the next.
			channelBytes, o, r, j, left := a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			a.ins("MUL", rows, strip, channelBytes)
			u, x := a.vecs(4), a.vecs(4)
			a.label("event")
			a.nextEvent(ev, o, r)
			a.ins("MADD", step, cur, o, o)
			a.ins("MADD", channelBytes, w, r, r)
			a.ins("MOVD", rows, j)
			a.label("row")
			a.ins("MOVD", strip, left)
			a.label("strip")
			a.per("16 additions of a spike", func() {
				a.ldp(".P", mem(r, 32), x[0], x[1])
				a.ldp(".P", mem(r, 32), x[2], x[3])
				a.ldp("", ptr(o), u[0], u[1])
				a.ldp("", mem(o, 32), u[2], u[3])
				for i := range u {
					a.fadd(x[i], u[i], u[i])
				}
				a.stp(".P", u[0], u[1], mem(o, 32))
				a.stp(".P", u[2], u[3], mem(o, 32))
				a.ins("SUBS", imm(64), left)
				a.ins("BNE", "strip")
			})
			a.ins("ADD", stride, o)
			a.ins("SUBS", imm(1), j)
			a.ins("BNE", "row")
			a.ins("CMP", end, ev)
			a.ins("BLO", "event")
		})
	for _, n := range []int{16, 32, 48, 64} {
		neonScatter3x3(f, n)
	}
}

// neonScatter3x3 is scatter for three rows of three taps, eight channels after the
// other. It goes along the row with the sums of the nine outputs that a position
// reaches in registers. Going one column on, three sums are done and stored, and
// three new ones are loaded; the registers change roles instead of contents, so the
// loop over the columns is unrolled three times. A spike costs its loads and
// additions, but no store.
func neonScatter3x3(f *armFile, n int) {
	f.function(fmt.Sprintf("scatter3x3N%dNEON", n), fmt.Sprintf("scatterGeneric for 3x3 taps on %d channels, over all cols positions of a row; start holds where the events of each begin in ev, and ends with where those of the last end.", n),
		"func(cur, w []float32, ev []uint32, start []int32, cols, stride int)", func(a *armFunc) {
			taps := neonTaps{a: a, tap: 4 * n}
			cur, w, stride, left := a.arg("cur_base"), a.arg("w_base"), a.arg("stride"), a.gp()
			a.shiftLeft(2, stride)
			a.ins("ADD", imm(taps.middle()), w)
			a.ins("MOVD", imm(n), left)
			ev, start, cols, base, end, channelBytes, r := a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			row := []gpr{a.gp(), a.gp(), a.gp()} // Where the position at hand is in three rows of currents.
			a.ins("MOVD", imm(9*taps.tap), channelBytes)
			var acc [3][3][]vec // [column mod 3][row][vector]
			for c := range acc {
				for j := range acc[c] {
					acc[c][j] = a.vecs(2)
				}
			}
			load := func(c, ahead int) {
				for j := range 3 {
					a.ldp("", mem(row[j], ahead*taps.tap), acc[c][j][0], acc[c][j][1])
				}
			}
			store := func(c int) {
				for j := range 3 {
					a.stp(".P", acc[c][j][0], acc[c][j][1], mem(row[j], taps.tap))
				}
			}
			a.label("block")
			a.argTo("ev_base", ev)
			a.argTo("start_base", start)
			a.argTo("cols", cols)
			a.ins("MOVW.P", mem(start, 4), r)
			a.ins("SUB", fmt.Sprintf("%v<<2", r), ev, base) // Where event 0 of the layer is.
			a.ins("MOVD", cur, row[0])
			a.ins("ADD", stride, row[0], row[1])
			a.ins("ADD", stride, row[1], row[2])
			load(0, 0)
			load(1, 1)
			a.label("column")
			for phase := range 3 {
				label := fmt.Sprintf("phase%d", phase)
				load((phase+2)%3, 2)
				a.ins("MOVW.P", mem(start, 4), end)
				a.ins("ADD", fmt.Sprintf("%v<<2", end), base, end)
				a.ins("CMP", end, ev)
				a.ins("BHS", label+"_done")
				a.label(label)
				a.per("a spike, 9 taps of 8 channels", func() {
					a.ins("MOVHU.P", mem(ev, 4), r) // The channel.
					a.ins("MADD", channelBytes, w, r, r)
					for j := range 3 {
						for i := range 3 {
							taps.add(r, 3*j+i, acc[(phase+i)%3][j])
						}
					}
					a.ins("CMP", end, ev)
					a.ins("BLO", label)
				})
				a.label(label + "_done")
				store(phase)
				a.ins("SUBS", imm(1), cols)
				a.ins("BEQ", label+"_end")
			}
			a.ins("B", "column")
			for phase := range 3 {
				a.label(fmt.Sprintf("phase%d_end", phase))
				store((phase + 1) % 3)
				store((phase + 2) % 3)
				a.ins("B", "next")
			}
			a.label("next")
			a.ins("ADD", imm(32), cur)
			a.ins("ADD", imm(32), w)
			a.ins("SUBS", imm(8), left)
			a.ins("BNE", "block")
		})
}

// neonTaps adds taps of weights, which are tap bytes from one to the next. Registers
// point to the middle one of nine, so that most of them are near enough for an
// instruction that loads two vectors.
type neonTaps struct {
	a   *armFunc
	tap int
	at  int // Of the temporary registers, which take turns.
	tmp [][]vec
}

func (t *neonTaps) middle() int { return 4 * t.tap }

// add adds the weights of a tap, which lie around r, to sums.
func (t *neonTaps) add(r gpr, tap int, sum []vec) {
	if t.tmp == nil {
		for range 2 {
			t.tmp = append(t.tmp, t.a.vecs(2))
		}
	}
	for i := 0; i < len(sum); i += 2 {
		x := t.tmp[t.at%len(t.tmp)]
		t.at++
		t.a.ldpAt(r, tap*t.tap-t.middle()+16*i, x[0], x[1])
		t.a.fadd(x[0], sum[i], sum[i])
		t.a.fadd(x[1], sum[i+1], sum[i+1])
	}
}

// neonGather adds weight rows into sums that stay in registers, one output column
// after the other: tiles of 64 channels and what is left in tiles of 32 and 16.
func neonGather(f *armFile) {
	f.function("gatherNEON", "gatherGeneric for len(acc) > 0.",
		"func(acc, w []float32, ev []uint32, start []int32, first, x, kernel, stride, channels, n int)", func(a *armFunc) {
			acc, end := a.arg("acc_base"), a.arg("acc_len")
			a.ins("ADD", fmt.Sprintf("%v<<2", end), acc, end)
			weights, ev := a.arg("w_base"), a.arg("ev_base")
			start, cols := a.arg("start_base"), a.arg("start_len")
			a.ins("SUB", imm(1), cols)
			first, x, kernel, stride, channels, n := a.arg("first"), a.arg("x"), a.arg("kernel"), a.arg("stride"), a.arg("channels"), a.arg("n")
			a.shiftLeft(2, n)
			from, to, w, left, p, row, c := a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			a.label("column")
			// The columns under the window that lie inside: from <= column < to.
			a.ins("CMP", imm(0), x)
			a.ins("CSEL", "GT", x, "ZR", from)
			a.ins("ADD", kernel, x, to)
			a.ins("CMP", cols, to)
			a.ins("CSEL", "GT", cols, to, to)
			a.ins("MOVD", n, left)
			a.ins("CMP", to, from)
			a.ins("BGE", "next")
			a.ins("MOVW", fmt.Sprintf("(%v)(%v<<2)", start, from), from)
			a.ins("MOVW", fmt.Sprintf("(%v)(%v<<2)", start, to), to)
			a.ins("CMP", to, from)
			a.ins("BGE", "next")
			a.ins("ADD", fmt.Sprintf("%v<<2", from), ev, from)
			a.ins("ADD", fmt.Sprintf("%v<<2", to), ev, to)
			// Weights of the window's first column, moved back by the events' positions.
			a.ins("ADD", first, x, w)
			a.ins("MUL", channels, w)
			a.ins("MSUB", n, weights, w, w)
			for _, tile := range []int{64, 32, 16} {
				label := fmt.Sprintf("tile%d", tile)
				a.label(label)
				a.ins("CMP", imm(4*tile), left)
				a.ins("BLT", label+"_end")
				a.scope(func() {
					sum := a.vecs(tile / 4)
					for i := 0; i < len(sum); i += 2 {
						a.ldp("", mem(acc, 16*i), sum[i], sum[i+1])
					}
					a.ins("MOVD", from, p)
					tmp := a.vecs(8)
					a.label(label + "_event")
					a.per(fmt.Sprintf("a spike, a tap of %d channels", tile), func() {
						a.nextEvent(p, row, c)
						a.ins("MADD", channels, c, row, row)
						a.ins("MADD", n, w, row, row)
						for i := 0; i < len(sum); i += 2 {
							t0, t1 := tmp[i%len(tmp)], tmp[i%len(tmp)+1]
							a.ldp("", mem(row, 16*i), t0, t1)
							a.fadd(t0, sum[i], sum[i])
							a.fadd(t1, sum[i+1], sum[i+1])
						}
						a.ins("CMP", to, p)
						a.ins("BLO", label+"_event")
					})
					for i := 0; i < len(sum); i += 2 {
						a.stp(".P", sum[i], sum[i+1], mem(acc, 32))
					}
				})
				a.ins("ADD", imm(4*tile), w)
				a.ins("SUB", imm(4*tile), left)
				a.ins("B", label)
				a.label(label + "_end")
			}
			a.label("next")
			a.ins("ADD", left, acc) // All of it, if nothing was under the window.
			a.ins("ADD", stride, x)
			a.ins("CMP", end, acc)
			a.ins("BLO", "column")
		})
}

// neonFire advances neurons, 16 channels a turn, which are 16 bits of the mask.
func neonFire(f *armFile, t neonTables) {
	f.function("fireNEON", "fireGeneric for len(mask) > 0; mask and shortcut are where the first channel's bits are, all steps are in bytes, and a shortcutStep of zero says that there is no shortcut.",
		"func(mask, shortcut *byte, v *float32, cur []float32, constant, threshold, weight *float32, n, maskStep, shortcutStep, vStep, constantStep int, resetZero bool) int", func(a *armFunc) {
			mask, shortcut, pot, cur, end := a.arg("mask"), a.arg("shortcut"), a.arg("v"), a.arg("cur_base"), a.arg("cur_len")
			a.ins("ADD", fmt.Sprintf("%v<<2", end), cur, end)
			constant, n, shortcutStep := a.arg("constant"), a.arg("n"), a.arg("shortcutStep")
			maskStep, vStep, constantStep := a.arg("maskStep"), a.arg("vStep"), a.arg("constantStep")
			s := newNeurons(a, t, 4)
			s.out, s.shortcut, s.pot, s.shortcutStep = a.gp(), a.gp(), a.gp(), shortcutStep
			constants, thresholds, weights, left, zero := a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			next := func(p gpr) func(i int, x []vec) []vec {
				return func(_ int, x []vec) []vec {
					if x != nil {
						a.ldp(".P", mem(p, 32), x[0], x[1])
					}
					return x
				}
			}
			s.constants, s.thresholds, s.weights = next(constants), next(thresholds), next(weights)
			a.argTo("resetZero", zero)
			none, u := a.vec(), a.vecs(4)
			a.zero(none)
			for _, reset := range []string{"subtract", "zero"} {
				s.resetZero = reset == "zero"
				if !s.resetZero {
					a.ins("CBNZ", zero, "zero")
				}
				a.label(reset)
				a.ins("MOVD", mask, s.out)
				a.ins("MOVD", shortcut, s.shortcut)
				a.ins("MOVD", pot, s.pot)
				a.ins("MOVD", constant, constants)
				a.argTo("threshold", thresholds)
				a.argTo("weight", weights)
				a.ins("MOVD", n, left)
				a.label(reset + "_channels")
				a.per("16 neurons", func() {
					a.ldp("", ptr(cur), u[0], u[1])
					a.ldp("", mem(cur, 32), u[2], u[3])
					a.stp(".P", none, none, mem(cur, 32))
					a.stp(".P", none, none, mem(cur, 32))
					s.fire(reset+"_no_shortcut", u)
					a.ins("SUBS", imm(64), left)
					a.ins("BNE", reset+"_channels")
				})
				a.ins("ADD", maskStep, mask)
				a.ins("ADD", shortcutStep, shortcut)
				a.ins("ADD", vStep, pot)
				a.ins("ADD", constantStep, constant)
				a.ins("CMP", end, cur)
				a.ins("BLO", reset)
				if !s.resetZero {
					a.ins("B", "done")
				}
			}
			a.label("done")
			s.total(left)
			a.result(left)
		})
}
