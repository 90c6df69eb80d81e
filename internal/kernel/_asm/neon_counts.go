package main

import (
	"fmt"
	"math/bits"
)

// neonCounts generates the kernels of spike counts for arm64.
func neonCounts(f *armFile) {
	neonConvolver{name: "countConv8DotNEON", size: 1, most: 4, dot: true}.generate(f)
	neonConvolver{name: "countConv8NEON", size: 1, most: 2}.generate(f)
	neonConvolver{name: "countConv16NEON", size: 2, most: 2}.generate(f)
	for _, size := range []int{1, 2} {
		neonFireCounts(f, size)
		neonAddCounts(f, size)
		neonMaxCounts(f, size)
	}
	neonAddRemainders(f)
}

// neonConvolver emits one function that adds products of counts and weights, to 16 output channels.
//
// Lanes are output channels. A lane takes 32 bits of counts at a time, four or two source
// channels, which meet as many weights of every output. Sums of some positions stay in registers
// while the window is walked, and each vector of weights meets them all.
//
// With SDOT, one instruction does that for four outputs, and takes its counts from a lane of a
// vector that holds four groups of them. Without it products are added in pairs: an output has
// two sums, or the other two of its four products are added as they are widened, and the sums of
// an output are added at the end. Counts have a sign here, so that those of 8 bits are 127 at most.
type neonConvolver struct {
	name string
	size int  // Bytes of a count.
	most int  // Positions of a tile.
	dot  bool // Whether one instruction multiplies and adds.
}

func (c neonConvolver) generate(f *armFile) {
	// All lengths and steps are in bytes. n positions lie step apart in the source; a window is rows times runs
	// times groups of counts.
	const signature = "func(v *int32, src, weight *byte, n, step, vStep, rows, rowStep, runs, runStep, groups, weightStep int)"
	f.function(c.name, fmt.Sprintf("CountConv.Rows for 16 output channels of n positions, %d at a time.", c.most), signature, func(a *armFunc) {
		r := make(map[string]gpr)
		for _, name := range []string{"v", "src", "weight", "n", "step", "vStep", "rowStep", "runStep", "weightStep"} {
			r[name] = a.arg(name)
		}
		for n := c.most; n > 0; n /= 2 {
			a.scope(func() { c.tile(a, n, r) })
		}
	})
}

func (c neonConvolver) tile(a *armFunc, n int, r map[string]gpr) {
	label := fmt.Sprintf("n%d", n)
	a.label(label)
	a.ins("CMP", imm(n), r["n"])
	a.ins("BLT", label+"_end")
	at := make([]gpr, n)
	for i := range at {
		at[i] = a.gp()
	}
	weight, row, run, rows, runs, groups := a.gp(), a.gp(), a.gp(), a.gp(), a.gp(), a.gp()
	sums, w, x := make([][]vec, n), a.vecs(4), a.vecs(n)
	for i := range sums {
		sums[i] = a.vecs(4)
		if !c.dot {
			sums[i] = append(sums[i], a.vecs(4)...)
		}
		for _, s := range sums[i] {
			a.zero(s)
		}
	}
	var product []vec
	if !c.dot && c.size == 1 {
		product = a.vecs(2)
	}
	// group is one group of counts of all positions, in that lane of x.
	group := func(lane int) {
		a.ldp("", mem(weight, 0), w[0], w[1])
		a.ldp("", mem(weight, 32), w[2], w[3])
		a.ins("ADD", r["weightStep"], weight)
		for i := range n {
			for j := range w {
				switch {
				case c.dot:
					a.sdot(x[i], lane, w[j], sums[i][j])
				case c.size == 2:
					a.smlal(x[i], w[j], sums[i][2*j])
					a.smlal2(x[i], w[j], sums[i][2*j+1])
				default:
					a.smull(x[i], w[j], product[0])
					a.smull2(x[i], w[j], product[1])
					a.sadalp(product[0], sums[i][2*j])
					a.sadalp(product[1], sums[i][2*j+1])
				}
			}
		}
	}
	a.ins("MOVD", r["weight"], weight)
	a.ins("MOVD", r["src"], row)
	a.argTo("rows", rows)
	a.label(label + "_row")
	a.ins("MOVD", row, run)
	a.argTo("runs", runs)
	a.label(label + "_run")
	for i := range at {
		if i == 0 {
			a.ins("MOVD", run, at[0])
		} else {
			a.ins("ADD", r["step"], at[i-1], at[i])
		}
	}
	a.argTo("groups", groups)
	if c.dot {
		a.ins("CMP", imm(4), groups)
		a.ins("BLT", label+"_group")
		a.label(label + "_four")
		a.per(fmt.Sprintf("4 groups of counts of %s, 16 outputs", positionsOf(n)), func() {
			for i := range at {
				a.ins("FMOVQ.P", mem(at[i], 16), x[i].f())
			}
			for lane := range 4 {
				group(lane)
			}
			a.ins("SUB", imm(4), groups)
			a.ins("CMP", imm(4), groups)
			a.ins("BGE", label+"_four")
		})
	}
	a.label(label + "_group")
	a.ins("CBZ", groups, label+"_next")
	one := func() {
		for i := range at {
			if c.dot {
				a.ins("FMOVS.P", mem(at[i], 4), x[i].f())
			} else {
				a.ins("VLD1R.P", mem(at[i], 4), "["+x[i].s4()+"]")
			}
		}
		group(0)
		a.ins("SUB", imm(1), groups)
		a.ins("B", label+"_group")
	}
	if c.dot {
		one()
	} else {
		a.per(fmt.Sprintf("a group of counts of %s, 16 outputs", positionsOf(n)), one)
	}
	a.label(label + "_next")
	a.ins("ADD", r["runStep"], run)
	a.ins("SUB", imm(1), runs)
	a.ins("CBNZ", runs, label+"_run")
	a.ins("ADD", r["rowStep"], row)
	a.ins("SUB", imm(1), rows)
	a.ins("CBNZ", rows, label+"_row")
	for i := range sums {
		s := sums[i]
		if !c.dot {
			for j := range w {
				a.addp(s[2*j+1], s[2*j], s[2*j])
			}
			s = []vec{s[0], s[2], s[4], s[6]}
		}
		a.ldp("", ptr(r["v"]), w[0], w[1])
		for j := range 2 {
			a.addInt(w[j], s[j], s[j])
		}
		a.ldp("", mem(r["v"], 32), w[2], w[3])
		for j := 2; j < 4; j++ {
			a.addInt(w[j], s[j], s[j])
		}
		a.stp("", s[0], s[1], ptr(r["v"]))
		a.stp("", s[2], s[3], mem(r["v"], 32))
		a.ins("ADD", r["vStep"], r["v"])
		a.ins("ADD", r["step"], r["src"])
	}
	a.ins("SUB", imm(n), r["n"])
	a.ins("B", label)
	a.label(label + "_end")
}

func positionsOf(n int) string {
	if n == 1 {
		return "1 position"
	}
	return fmt.Sprintf("%d positions", n)
}

// neonPositions walks len(v) potentials with what lies beside them, sixteen at a time: counts at n, and arrays of
// channels, which begin again at every position. emit gets registers that point to each; it moves none.
func neonPositions(a *armFunc, size int, arrays []string, widths []int, emit func(v, n gpr, at []gpr)) {
	v, left, n, channels := a.arg("v_base"), a.arg("v_len"), a.arg("n"), a.arg("channels")
	base, at := make([]gpr, len(arrays)), make([]gpr, len(arrays))
	for i, name := range arrays {
		base[i], at[i] = a.arg(name), a.gp()
	}
	c := a.gp()
	a.label("position")
	for i := range arrays {
		a.ins("MOVD", base[i], at[i])
	}
	a.ins("MOVD", channels, c)
	a.label("channels")
	a.per("16 neurons", func() {
		emit(v, n, at)
		a.ins("ADD", imm(64), v)
		a.ins("ADD", imm(16*size), n)
		for i := range at {
			a.ins("ADD", imm(16*widths[i]), at[i])
		}
		a.ins("SUBS", imm(16), c)
		a.ins("BGT", "channels")
	})
	a.ins("SUBS", channels, left)
	a.ins("BGT", "position")
}

// neonFireCounts divides potentials by thresholds. A product with the reciprocal, which
// is rounded down, gives the quotient or one less; what remains tells.
func neonFireCounts(f *armFile, size int) {
	f.function(fmt.Sprintf("fireCounts%dNEON", 8*size), "fireCountsGeneric for len(v) > 0.", "func(v []int32, n *byte, floor, threshold *int32, reciprocal *float32, channels, t int)", func(a *armFunc) {
		zero, t, limit := a.vec(), a.vec(), a.vec()
		a.zero(zero)
		a.scope(func() { a.ins("VDUP", a.arg("t"), t.s4()) })
		a.unary(0x4e21d800, "scvtf", "4s", "4s", t, limit)
		q := a.vecs(4)
		u, th, x, more := a.vec(), a.vec(), a.vec(), a.vec()
		neonPositions(a, size, []string{"floor", "threshold", "reciprocal"}, []int{4, 4, 4}, func(v, n gpr, at []gpr) {
			for j := range q {
				a.ins("FMOVQ", mem(v, 16*j), u.f())
				a.ins("FMOVQ", mem(at[0], 16*j), x.f())
				a.three(0x4ea06400, "smax", "4s", x, u, u)
				a.ins("FMOVQ", mem(at[1], 16*j), th.f())
				a.ins("FMOVQ", mem(at[2], 16*j), x.f())
				a.unary(0x4e21d800, "scvtf", "4s", "4s", u, q[j])
				a.fmul(x, q[j], q[j])
				a.three(0x4e20f400, "fmax", "4s", zero, q[j], q[j])
				a.three(0x4ea0f400, "fmin", "4s", limit, q[j], q[j])
				a.unary(0x4ea1b800, "fcvtzs", "4s", "4s", q[j], q[j])
				a.three(0x6ea09400, "mls", "4s", th, q[j], u)
				a.three(0x4ea03c00, "cmge", "4s", th, u, more) // u >= th.
				a.three(0x4ea03400, "cmgt", "4s", q[j], t, x)  // t > q.
				a.and(x, more, more)
				a.subInt(more, q[j], q[j])
				a.and(th, more, more)
				a.subInt(more, u, u)
				a.ins("FMOVQ", u.f(), mem(v, 16*j))
			}
			for j := 0; j < 4; j += 2 {
				a.unary(0x0e612800, "xtn", "4s", "4h", q[j], q[j])
				a.unary(0x4e612800, "xtn2", "4s", "8h", q[j+1], q[j])
			}
			if size == 2 {
				a.stp("", q[0], q[2], ptr(n))
				return
			}
			a.unary(0x0e212800, "xtn", "8h", "8b", q[0], q[0])
			a.unary(0x4e212800, "xtn2", "8h", "16b", q[2], q[0])
			a.ins("FMOVQ", q[0].f(), ptr(n))
		})
	})
}

// widen loads 16 counts as numbers of 32 bits.
func widen(a *armFunc, size int, n gpr, x []vec) {
	if size == 1 {
		a.ins("FMOVQ", ptr(n), x[3].f())
		a.ins("VUSHLL", imm(0), x[3].b8(), x[1].h8())
		a.ins("VUSHLL2", imm(0), x[3].b16(), x[3].h8())
	} else {
		a.ldp("", ptr(n), x[1], x[3])
	}
	for _, j := range []int{0, 2} {
		a.ins("VUSHLL", imm(0), x[j+1].h4(), x[j].s4())
		a.ins("VUSHLL2", imm(0), x[j+1].h8(), x[j+1].s4())
	}
}

// neonAddCounts multiplies counts by weights.
func neonAddCounts(f *armFile, size int) {
	f.function(fmt.Sprintf("addCounts%dNEON", 8*size), "addCountsGeneric for len(v) > 0.", "func(v []int32, n *byte, weight *int32, channels int)", func(a *armFunc) {
		x, u, w := a.vecs(4), a.vec(), a.vec()
		neonPositions(a, size, []string{"weight"}, []int{4}, func(v, n gpr, at []gpr) {
			widen(a, size, n, x)
			for j := range x {
				a.ins("FMOVQ", mem(v, 16*j), u.f())
				a.ins("FMOVQ", mem(at[0], 16*j), w.f())
				a.three(0x4ea09400, "mla", "4s", w, x[j], u)
				a.ins("FMOVQ", u.f(), mem(v, 16*j))
			}
		})
	})
}

// neonAddRemainders multiplies remainders in float64, as a factor has too many bits for another.
func neonAddRemainders(f *armFile) {
	f.function("addRemaindersNEON", "addRemaindersGeneric for len(v) > 0.", "func(v []int32, n, start *int32, factor *float64, channels int)", func(a *armFunc) {
		u, x, low, high, factor := a.vec(), a.vec(), a.vec(), a.vec(), a.vecs(2)
		neonPositions(a, 4, []string{"start", "factor"}, []int{4, 8}, func(v, n gpr, at []gpr) {
			for j := range 4 {
				a.ins("FMOVQ", mem(n, 16*j), u.f())
				a.ins("FMOVQ", mem(at[0], 16*j), x.f())
				a.subInt(x, u, u)
				a.ldp("", mem(at[1], 32*j), factor[0], factor[1])
				a.sxtl(u, low)
				a.sxtl2(u, high)
				for i, d := range []vec{low, high} {
					a.unary(0x4e61d800, "scvtf", "2d", "2d", d, d)
					a.three(0x6e60dc00, "fmul", "2d", factor[i], d, d)
					a.unary(0x4e61a800, "fcvtns", "2d", "2d", d, d)
				}
				a.unary(0x0ea12800, "xtn", "2d", "2s", low, low)
				a.unary(0x4ea12800, "xtn2", "2d", "4s", high, low)
				a.ins("FMOVQ", mem(v, 16*j), u.f())
				a.addInt(low, u, u)
				a.ins("FMOVQ", u.f(), mem(v, 16*j))
			}
		})
	})
}

// neonMaxCounts takes the larger of two counts.
func neonMaxCounts(f *armFile, size int) {
	f.function(fmt.Sprintf("maxCounts%dNEON", 8*size), "maxCountsGeneric for blocks > 0 times 32 bytes.", "func(dst, src *byte, blocks int)", func(a *armFunc) {
		dst, src, blocks := a.arg("dst"), a.arg("src"), a.arg("blocks")
		x, y := a.vecs(2), a.vecs(2)
		lanes := []string{"", "16b", "8h"}[size]
		a.label("block")
		a.per("32 bytes", func() {
			a.ldp("", ptr(dst), x[0], x[1])
			a.ldp(".P", mem(src, 32), y[0], y[1])
			for i := range x {
				a.three(0x6e206400|uint32(bits.TrailingZeros(uint(size)))<<22, "umax", lanes, y[i], x[i], x[i])
			}
			a.stp(".P", x[0], x[1], mem(dst, 32))
			a.ins("SUB", imm(1), blocks)
			a.ins("CBNZ", blocks, "block")
		})
	})
}
