package main

import "fmt"

// neonPool generates the kernels of the max-pool gate for arm64. Lanes are channels,
// sixteen of them in two vectors of 16-bit counts.
func neonPool(f *armFile) {
	t := newNeonTables(f)
	neonCount(f, t)
	neonGate(f, t)
}

// neonCount adds the bits of a mask to counters.
func neonCount(f *armFile, t neonTables) {
	f.function("countNEON", "countGeneric for len(mask) > 0.", "func(n []uint16, mask []uint64, words, channels int)", func(a *armFunc) {
		n, mask, end, words, channels := a.arg("n_base"), a.arg("mask_base"), a.arg("mask_len"), a.arg("words"), a.arg("channels")
		a.ins("ADD", fmt.Sprintf("%v<<3", end), mask, end)
		a.shiftLeft(3, words)                    // Bytes a position of the mask.
		a.ins("LSR", imm(3), channels, channels) // Bytes of it in use.
		a.ins("SUB", channels, words, words)     // Bytes of it that are not.
		left := a.gp()
		selects, x, had, bits := a.vecs(2), a.vecs(2), a.vecs(2), a.vec()
		a.loadTable(t.halfs, selects...)
		a.label("position")
		a.ins("MOVD", channels, left)
		a.label("channels")
		a.per("16 channels", func() {
			a.loadSpikes(".P", mem(mask, 2), bits, 4)
			a.ldp("", ptr(n), had[0], had[1])
			for i := range x {
				a.ins("VCMTST", selects[i].h8(), bits.h8(), x[i].h8())
				a.ins("VSUB", x[i].h8(), had[i].h8(), had[i].h8()) // Minus -1.
			}
			a.stp(".P", had[0], had[1], mem(n, 32))
			a.ins("SUBS", imm(2), left)
			a.ins("BNE", "channels")
		})
		a.ins("ADD", words, mask)
		a.ins("CMP", end, mask)
		a.ins("BLO", "position")
	})
}

// neonGate passes spikes through the windows of one row of outputs, as gate does.
func neonGate(f *armFile, t neonTables) {
	f.function("gateNEON", "gateGeneric for len(out) > 0 and rows > 0.",
		"func(out []uint64, m []uint16, src []uint64, n []uint16, rows, cols, kernel, x, stride, words, channels int)", func(a *armFunc) {
			out, end, m := a.arg("out_base"), a.arg("out_len"), a.arg("m_base")
			cols, kernel, x, words, channels := a.arg("cols"), a.arg("kernel"), a.arg("x"), a.arg("words"), a.arg("channels")
			a.ins("ADD", fmt.Sprintf("%v<<3", end), out, end)
			a.shiftLeft(3, words)    // Bytes a position of the masks.
			a.shiftLeft(1, channels) // Bytes a position of the counts.
			from, to, i, left, any, bits := a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			s, c, ps, pc, row, step := a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
			selects, most, had, y, v := a.vecs(2), a.vecs(2), a.vecs(2), a.vecs(2), a.vec()
			a.loadTable(t.halfs, selects...)

			a.label("output")
			// Columns from <= column < to lie under the window.
			a.ins("CMP", imm(0), x)
			a.ins("CSEL", "GT", x, "ZR", from)
			a.ins("ADD", kernel, x, to)
			a.ins("CMP", cols, to)
			a.ins("CSEL", "GT", cols, to, to)
			a.ins("SUB", from, to) // Their number; not positive for a window in the padding.
			a.ins("MOVD", "ZR", i) // Bytes of the mask.
			a.label("channels")
			a.ins("MOVD", "ZR", any)
			a.zero(most[0])
			a.zero(most[1])
			a.ins("CMP", imm(0), to)
			a.ins("BLE", "empty")
			// s and c are where the first column's mask and counts lie for these channels.
			a.argTo("src_base", s)
			a.ins("MADD", from, s, words, s)
			a.ins("ADD", i, s)
			a.argTo("n_base", c)
			a.ins("MADD", from, c, channels, c)
			a.ins("ADD", fmt.Sprintf("%v<<4", i), c, c) // Eight channels a byte of the mask.
			a.argTo("rows", row)
			a.label("row")
			a.ins("MOVD", to, left)
			a.ins("MOVD", s, ps)
			a.ins("MOVD", c, pc)
			a.label("column")
			a.per("16 channels of a source", func() {
				a.ins("MOVHU", ptr(ps), bits)
				a.ins("ORR", bits, any)
				a.ldp("", ptr(pc), y[0], y[1])
				a.ins("VUMAX", y[0].h8(), most[0].h8(), most[0].h8())
				a.ins("VUMAX", y[1].h8(), most[1].h8(), most[1].h8())
				a.ins("ADD", words, ps)
				a.ins("ADD", channels, pc)
				a.ins("SUBS", imm(1), left)
				a.ins("BNE", "column")
			})
			a.ins("MUL", words, cols, step)
			a.ins("ADD", step, s)
			a.ins("MUL", channels, cols, step)
			a.ins("ADD", step, c)
			a.ins("SUBS", imm(1), row)
			a.ins("BNE", "row")
			a.label("empty")
			a.per("16 channels of an output", func() {
				a.ldp("", ptr(m), had[0], had[1])
				a.ins("VDUP", any, v.h8())
				for j := range y {
					a.ins("VCMTST", selects[j].h8(), v.h8(), y[j].h8())
					a.cmhi(had[j], most[j], most[j])
					a.and(most[j], y[j], y[j])
					a.ins("VSUB", y[j].h8(), had[j].h8(), had[j].h8()) // Minus -1.
					a.and(selects[j], y[j], y[j])
				}
				a.stp(".P", had[0], had[1], mem(m, 32))
				a.ins("VADD", y[0].h8(), y[1].h8(), v.h8())
				a.ins("VADDV", v.h8(), v.bits())
				a.ins("VST1.P", v.lane("H", 0), mem(out, 2))
				a.ins("ADD", imm(2), i)
				a.ins("CMP", fmt.Sprintf("%v>>4", channels), i)
				a.ins("BLT", "channels")
			})
			a.ins("SUB", i, words, step) // Bytes of the mask that are not in use.
			a.ins("ADD", step, out)
			a.argTo("stride", step)
			a.ins("ADD", step, x)
			a.ins("CMP", end, out)
			a.ins("BLO", "output")
		})
}
