package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// spike generates the kernels of spiking layers. Lanes are output channels, and
// channels come in multiples of 16, so none has a tail.
func spike() {
	bitOfLane = GLOBL("bitOfLane", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(1<<i))
	}
	eventsAVX512()
	addSpikesAVX512()
	sweepAVX512()
	for _, v := range []vector{avx2, avx512} {
		scatter(v)
		gather(v)
		fire(v)
	}
}

// vector is a set of instructions with its vector length.
type vector struct {
	name  string
	bytes int // Of a vector.
	new   func() reg.VecVirtual
	load  func(from, to Op)
}

var (
	avx2   = vector{"AVX2", 32, YMM, func(a, b Op) { VMOVUPS(a, b) }}
	avx512 = vector{"AVX512", 64, ZMM, func(a, b Op) { VMOVUPS(a, b) }}
)

// function begins an assembly function with its declaration.
func function(name, doc, signature string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + " is " + doc)
}

// eventsAVX512 turns 16 bits of a mask at a time into a dense run of events: the
// channels whose bit is set are compressed to the front of a vector, all of it is
// stored, and the next vector overwrites what was too much.
func eventsAVX512() {
	function("eventsAVX512", "eventsGeneric for n channels a position.", "func(dst []uint32, start []int32, mask []uint64, words, n int) int")
	dst := Load(Param("dst").Base(), GP64())
	start := Load(Param("start").Base(), GP64())
	mask := Load(Param("mask").Base(), GP64())
	end := Load(Param("mask").Len(), GP64())
	words := Load(Param("words"), GP64())
	n := Load(Param("n"), GP64())
	LEAQ(Mem{Base: mask, Index: end, Scale: 8}, end)
	SHLQ(U8(3), words) // Bytes a position of the mask.
	SHRQ(U8(3), n)     // Bytes of it in use.
	first := GP64()
	MOVQ(dst, first)

	// position holds p<<16 | 0..15, event the same for the 16 channels at hand.
	position, event, ch16, next := ZMM(), ZMM(), ZMM(), ZMM()
	iota := GLOBL("channels", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	VMOVDQU32(iota, position)
	bcst := GP32()
	MOVL(U32(16), bcst)
	VPBROADCASTD(bcst, ch16)
	MOVL(U32(1<<16), bcst)
	VPBROADCASTD(bcst, next)

	i, bits, k := GP64(), GP32(), K()
	count := GP64()
	packed := ZMM()
	Label("position")
	CMPQ(mask, end)
	JGE(LabelRef("done"))
	MOVQ(dst, count)
	SUBQ(first, count)
	SHRQ(U8(2), count)
	MOVL(count.As32(), Mem{Base: start})
	VMOVDQA32(position, event)
	XORQ(i, i)
	Label("channels")
	MOVWLZX(Mem{Base: mask, Index: i, Scale: 1}, bits)
	KMOVW(bits, k)
	VPCOMPRESSD_Z(event, k, packed)
	VMOVDQU32(packed, Mem{Base: dst})
	POPCNTL(bits, bits)
	LEAQ(Mem{Base: dst, Index: bits.As64(), Scale: 4}, dst)
	VPADDD(ch16, event, event)
	ADDQ(U8(2), i)
	CMPQ(i, n)
	JLT(LabelRef("channels"))
	VPADDD(next, position, position)
	ADDQ(U8(4), start)
	ADDQ(words, mask)
	JMP(LabelRef("position"))
	Label("done")
	MOVQ(dst, count)
	SUBQ(first, count)
	SHRQ(U8(2), count)
	MOVL(count.As32(), Mem{Base: start})
	VZEROUPPER()
	Store(count, ReturnIndex(0))
	RET()
}

// addSpikesAVX512 adds the weights under a mask, 16 channels a turn, without a
// branch that depends on the spikes.
func addSpikesAVX512() {
	function("addSpikesAVX512", "addSpikesGeneric for len(mask) > 0; n is the length of weight.", "func(cur []float32, mask []uint64, words, n int, weight *float32)")
	cur := Load(Param("cur").Base(), GP64())
	mask := Load(Param("mask").Base(), GP64())
	end := Load(Param("mask").Len(), GP64())
	words := Load(Param("words"), GP64())
	n := Load(Param("n"), GP64())
	weight := Load(Param("weight"), GP64())
	LEAQ(Mem{Base: mask, Index: end, Scale: 8}, end)
	SHLQ(U8(3), words) // Bytes a position of the mask.
	SHRQ(U8(3), n)     // Bytes of it in use.

	i, w, k, x := GP64(), GP64(), K(), ZMM()
	Label("position")
	XORQ(i, i)
	MOVQ(weight, w)
	Label("channels")
	KMOVW(Mem{Base: mask, Index: i, Scale: 1}, k)
	VMOVUPS(Mem{Base: cur}, x)
	VADDPS(Mem{Base: w}, x, k, x)
	VMOVUPS(x, Mem{Base: cur})
	ADDQ(U8(64), cur)
	ADDQ(U8(64), w)
	ADDQ(U8(2), i)
	CMPQ(i, n)
	JLT(LabelRef("channels"))
	ADDQ(words, mask)
	CMPQ(mask, end)
	JLT(LabelRef("position"))
	VZEROUPPER()
	RET()
}

// scatter adds strips of weights to the current of a neighbourhood. Three rows of
// three taps on 16 or 32 channels are what residual networks have in their wide,
// early layers: those are unrolled. Other shapes take a loop.
func scatter(v vector) {
	function("scatter"+v.name, "scatterGeneric for len(ev) > 0; strip is Cols*N, and step what a position and stride what a row is in bytes.",
		"func(cur, w []float32, ev []uint32, first, rows, strip, step, stride int)")
	cur := Load(Param("cur").Base(), GP64())
	w := Load(Param("w").Base(), GP64())
	ev := Load(Param("ev").Base(), GP64())
	n := Load(Param("ev").Len(), GP64())
	first := Load(Param("first"), GP64())
	rows := Load(Param("rows"), GP64())
	strip := Load(Param("strip"), GP64())
	step := Load(Param("step"), GP64())
	stride := Load(Param("stride"), GP64())
	SHLQ(U8(2), strip) // Bytes.
	IMULQ(step, first)
	SUBQ(first, cur) // Where position 0 would be.
	chanBytes := GP64()
	MOVQ(strip, chanBytes)
	IMULQ(rows, chanBytes)
	LEAQ(Mem{Base: ev, Index: n, Scale: 4}, n)

	// next computes the addresses of the event at ev.
	next := func(o, r reg.GPVirtual) {
		MOVL(Mem{Base: ev}, o.As32())
		MOVWLZX(o.As16(), r.As32())
		SHRL(U8(16), o.As32())
		IMULQ(step, o)
		IMULQ(chanBytes, r)
		ADDQ(cur, o)
		ADDQ(w, r)
	}
	addTo := func(from, to Mem) {
		x := v.new()
		v.load(from, x)
		VADDPS(to, x, x)
		VMOVUPS(x, to)
	}

	for _, channels := range []int{16, 32} {
		bytes := 3 * channels * 4
		label := fmt.Sprintf("rows3x%d", channels)
		CMPQ(rows, U8(3))
		JNE(LabelRef(label + "_not"))
		CMPQ(strip, U32(bytes))
		JNE(LabelRef(label + "_not"))
		Label(label)
		o, r := GP64(), GP64()
		next(o, r)
		for j := range 3 {
			to := Mem{Base: o}
			if j > 0 {
				to.Index, to.Scale = stride, uint8(j)
			}
			for i := 0; i < bytes; i += v.bytes {
				addTo(Mem{Base: r, Disp: j*bytes + i}, to.Offset(i))
			}
		}
		ADDQ(U8(4), ev)
		CMPQ(ev, n)
		JLT(LabelRef(label))
		VZEROUPPER()
		RET()
		Label(label + "_not")
	}

	Label("event")
	o, r := GP64(), GP64()
	next(o, r)
	j := GP64()
	MOVQ(rows, j)
	Label("row")
	i := GP64()
	XORQ(i, i)
	Label("strip")
	for k := 0; k < 64; k += v.bytes {
		addTo(Mem{Base: r, Index: i, Scale: 1, Disp: k}, Mem{Base: o, Index: i, Scale: 1, Disp: k})
	}
	ADDQ(U8(64), i)
	CMPQ(i, strip)
	JLT(LabelRef("strip"))
	ADDQ(stride, o)
	ADDQ(strip, r)
	DECQ(j)
	JNZ(LabelRef("row"))
	ADDQ(U8(4), ev)
	CMPQ(ev, n)
	JLT(LabelRef("event"))
	VZEROUPPER()
	RET()
}

// sweepAVX512 is scatter for three rows of three taps with the sums of the nine
// outputs that a position reaches in registers, for 32 channels at a time. Going
// one column on, three sums are done and stored, and three new ones are loaded;
// the registers change roles instead of contents, so the loop over the columns is
// unrolled three times. A spike costs its loads and additions, but no store.
func sweepAVX512() {
	function("sweepAVX512", "scatterGeneric for 3x3 taps on n channels, 16 or a multiple of 32, over all cols positions of a row; start holds where the events of each begin in ev, and ends with where those of the last end.",
		"func(cur, w []float32, ev []uint32, start []int32, cols, n, stride int)")
	for _, block := range []int{16, 32} {
		label := fmt.Sprintf("n%d", block)
		nv := block / 16
		Label(label)
		cur := Load(Param("cur").Base(), GP64())
		w := Load(Param("w").Base(), GP64())
		n := Load(Param("n"), GP64())
		stride := Load(Param("stride"), GP64())
		if block == 16 {
			CMPQ(n, U8(16))
			JNE(LabelRef("n32"))
		}
		SHLQ(U8(2), stride)
		SHLQ(U8(2), n) // Bytes a position.
		tap3 := GP64() // Bytes of a kernel row of weights.
		LEAQ(Mem{Base: n, Index: n, Scale: 2}, tap3)
		left := GP64()
		MOVQ(n, left)

		Label(label + "_block")
		ev := Load(Param("ev").Base(), GP64())
		start := Load(Param("start").Base(), GP64())
		cols := Load(Param("cols"), GP64())
		base, s := GP64(), GP64()
		MOVQ(ev, base)
		MOVLQSX(Mem{Base: start}, s)
		SHLQ(U8(2), s)
		SUBQ(s, base) // Where event 0 of the layer is.
		at := GP64()
		MOVQ(cur, at)

		var acc [3][3][]reg.VecVirtual // [column mod 3][row][vector]
		row := func(j, v int) Mem {    // Of the column at hand.
			m := Mem{Base: at, Disp: 64 * v}
			if j > 0 {
				m.Index, m.Scale = stride, uint8(j)
			}
			return m
		}
		name := func(column int) {
			for j := range 3 {
				acc[column][j] = make([]reg.VecVirtual, nv)
				for v := range nv {
					acc[column][j][v] = ZMM()
				}
			}
		}
		for column := range 3 {
			name(column)
		}
		move := func(column int, store bool) {
			for j := range 3 {
				for v := range nv {
					if store {
						VMOVUPS(acc[column][j][v], row(j, v))
					} else {
						VMOVUPS(row(j, v), acc[column][j][v])
					}
				}
			}
		}
		move(0, false)
		ADDQ(n, at)
		move(1, false)
		ADDQ(n, at)
		end := GP64()
		Label(label + "_sweep")
		for phase := range 3 {
			here := fmt.Sprintf("%s_phase%d", label, phase)
			// at is two columns ahead of the position.
			move((phase+2)%3, false)
			ADDQ(U8(4), start)
			MOVLQSX(Mem{Base: start}, end)
			LEAQ(Mem{Base: base, Index: end, Scale: 4}, end)
			CMPQ(ev, end)
			JGE(LabelRef(here + "_done"))
			Label(here)
			r := GP64()
			MOVWLZX(Mem{Base: ev}, r.As32())
			LEAQ(Mem{Base: r, Index: r, Scale: 2}, r)
			IMULQ(tap3, r)
			ADDQ(w, r)
			for j := range 3 {
				if j > 0 {
					ADDQ(tap3, r)
				}
				for i := range 3 {
					for v := range nv {
						from := Mem{Base: r, Disp: 64 * v}
						if i > 0 {
							from.Index, from.Scale = n, uint8(i)
						}
						sum := acc[(phase+i)%3][j][v]
						VADDPS(from, sum, sum)
					}
				}
			}
			ADDQ(U8(4), ev)
			CMPQ(ev, end)
			JLT(LabelRef(here))
			Label(here + "_done")
			// Store the column of the position: two behind at.
			SUBQ(n, at)
			SUBQ(n, at)
			move(phase, true)
			LEAQ(Mem{Base: at, Index: n, Scale: 2}, at)
			ADDQ(n, at)
			DECQ(cols)
			JZ(LabelRef(here + "_end"))
		}
		JMP(LabelRef(label + "_sweep"))
		for phase := range 3 {
			Label(fmt.Sprintf("%s_phase%d_end", label, phase))
			SUBQ(n, at)
			SUBQ(n, at)
			move((phase+1)%3, true)
			ADDQ(n, at)
			move((phase+2)%3, true)
			JMP(LabelRef(label + "_next"))
		}
		Label(label + "_next")
		ADDQ(U32(4*block), cur)
		ADDQ(U32(4*block), w)
		SUBQ(U32(4*block), left)
		JNZ(LabelRef(label + "_block"))
		VZEROUPPER()
		RET()
	}
}

// gather adds weight rows into sums that stay in registers, one output column
// after the other: tiles of 64 channels and what is left in tiles of 32 and 16.
func gather(v vector) {
	function("gather"+v.name, "gatherGeneric for len(acc) > 0.",
		"func(acc, w []float32, ev []uint32, start []int32, first, x, kernel, stride, channels, n int)")
	at := Load(Param("acc").Base(), GP64())
	ev := Load(Param("ev").Base(), GP64())
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(U8(2), n)
	Label("column")
	// The columns under the window that lie inside: from <= column < to.
	from, to, s := GP64(), GP64(), GP64()
	cols := Load(Param("start").Len(), GP64())
	DECQ(cols)
	XORQ(from, from)
	CMPQ(x, U8(0))
	CMOVQGT(x, from)
	Load(Param("kernel"), to)
	ADDQ(x, to)
	CMPQ(to, cols)
	CMOVQGT(cols, to)
	CMPQ(from, to)
	JGE(LabelRef("next"))
	Load(Param("start").Base(), s)
	MOVLQSX(Mem{Base: s, Index: from, Scale: 4}, from)
	MOVLQSX(Mem{Base: s, Index: to, Scale: 4}, to)
	CMPQ(from, to)
	JGE(LabelRef("next"))
	LEAQ(Mem{Base: ev, Index: from, Scale: 4}, from)
	LEAQ(Mem{Base: ev, Index: to, Scale: 4}, to)
	// Weights of the window's first column, moved back by the events' positions.
	w, channels := Load(Param("w").Base(), GP64()), Load(Param("channels"), GP64())
	first := Load(Param("first"), GP64())
	ADDQ(x, first)
	IMULQ(channels, first)
	IMULQ(n, first)
	SUBQ(first, w)

	acc, left := GP64(), GP64()
	MOVQ(at, acc)
	MOVQ(n, left)
	for _, tile := range []int{256, 128, 64} {
		label := fmt.Sprintf("tile%d", tile)
		Label(label)
		CMPQ(left, U32(tile))
		JLT(LabelRef(label + "_end"))
		sum := make([]reg.VecVirtual, tile/v.bytes)
		for i := range sum {
			sum[i] = v.new()
			v.load(Mem{Base: acc, Disp: i * v.bytes}, sum[i])
		}
		p, row, c := GP64(), GP64(), GP64()
		MOVQ(from, p)
		Label(label + "_event")
		MOVL(Mem{Base: p}, row.As32())
		MOVWLZX(row.As16(), c.As32())
		SHRL(U8(16), row.As32())
		IMULQ(channels, row)
		ADDQ(c, row)
		IMULQ(n, row)
		ADDQ(w, row)
		for i := range sum {
			VADDPS(Mem{Base: row, Disp: i * v.bytes}, sum[i], sum[i])
		}
		ADDQ(U8(4), p)
		CMPQ(p, to)
		JLT(LabelRef(label + "_event"))
		for i := range sum {
			VMOVUPS(sum[i], Mem{Base: acc, Disp: i * v.bytes})
		}
		ADDQ(U32(tile), acc)
		ADDQ(U32(tile), w)
		SUBQ(U32(tile), left)
		JMP(LabelRef(label))
		Label(label + "_end")
	}

	Label("next")
	stride, end := Load(Param("stride"), GP64()), Load(Param("acc").Len(), GP64())
	base := Load(Param("acc").Base(), GP64())
	ADDQ(stride, x)
	ADDQ(n, at)
	LEAQ(Mem{Base: base, Index: end, Scale: 4}, end)
	CMPQ(at, end)
	JLT(LabelRef("column"))
	VZEROUPPER()
	RET()
}

const geOQ = 0x1d // VCMPPS predicate: greater or equal, ordered, as >= in Go.

// fire advances neurons, 16 channels a turn, which are 16 bits of the mask. The
// weights of the shortcut are added without a branch that depends on the spikes.
func fire(v vector) {
	function("fire"+v.name, "fireGeneric for len(mask) > 0; mask and shortcut are where the first channel's bits are, and all steps are in bytes.",
		"func(mask, shortcut *byte, v *float32, cur []float32, constant, threshold, weight *float32, n, maskStep, shortcutStep, vStep, constantStep int, resetZero bool) int")
	mask, shortcut := GP64(), GP64()
	Load(Param("mask"), mask)
	Load(Param("shortcut"), shortcut)
	pot := Load(Param("v"), GP64())
	cur := Load(Param("cur").Base(), GP64())
	end := Load(Param("cur").Len(), GP64())
	constant := Load(Param("constant"), GP64())
	th := Load(Param("threshold"), GP64())
	weight := Load(Param("weight"), GP64())
	n := Load(Param("n"), GP64())
	zero := Load(Param("resetZero"), GP8())
	LEAQ(Mem{Base: cur, Index: end, Scale: 4}, end)
	count := GP64()
	XORQ(count, count)
	none := v.new()
	VXORPS(none.AsX(), none.AsX(), none.AsX())
	var select8 reg.VecVirtual
	if v.bytes == 32 {
		select8 = YMM()
		VMOVDQU(bitOfLane, select8)
	}
	for _, reset := range []string{"subtract", "zero"} {
		if reset == "subtract" {
			TESTB(zero, zero)
			JNZ(LabelRef("zero"))
		}
		Label(reset)
		i, j := GP64(), GP64() // Bytes of potentials, and of the mask.
		XORQ(i, i)
		XORQ(j, j)
		Label(reset + "_channels")
		var spikes reg.GPVirtual // 16 bits.
		for part := 0; part < 64; part += v.bytes {
			at := func(p reg.Register) Mem { return Mem{Base: p, Index: i, Scale: 1, Disp: part} }
			sc := Mem{Base: shortcut, Index: j, Scale: 1, Disp: part / 32}
			u, t := v.new(), v.new()
			b := GP64()
			VMOVUPS(at(cur), u)
			if v.bytes == 64 {
				k := K()
				KMOVW(sc, k)
				VADDPS(at(weight), u, k, u)
			} else {
				MOVBLZX(sc, b.As32())
				VMOVD(b.As32(), t.AsX())
				VPBROADCASTD(t.AsX(), t)
				VPAND(select8, t, t)
				VPCMPEQD(select8, t, t)
				sum := YMM()
				VADDPS(at(weight), u, sum)
				VBLENDVPS(t, sum, u, u)
			}
			VADDPS(at(constant), u, u)
			VADDPS(at(pot), u, u)
			VMOVUPS(at(th), t)
			if v.bytes == 64 {
				k := K()
				VCMPPS(U8(geOQ), t, u, k)
				if reset == "subtract" {
					VSUBPS(t, u, k, u)
				} else {
					VMOVAPS(none, k, u)
				}
				KMOVW(k, b.As32())
			} else {
				m := v.new()
				VCMPPS(U8(geOQ), t, u, m)
				if reset == "subtract" {
					VANDPS(m, t, t)
					VSUBPS(t, u, u)
				} else {
					VANDNPS(u, m, u)
				}
				VMOVMSKPS(m, b.As32())
			}
			VMOVUPS(u, at(pot))
			VMOVUPS(none, at(cur))
			if part == 0 {
				spikes = b
			} else {
				SHLL(U8(8), b.As32())
				ORL(b.As32(), spikes.As32())
			}
		}
		MOVW(spikes.As16(), Mem{Base: mask, Index: j, Scale: 1})
		POPCNTL(spikes.As32(), spikes.As32())
		ADDQ(spikes, count)
		ADDQ(U8(2), j)
		ADDQ(U8(64), i)
		CMPQ(i, n)
		JLT(LabelRef(reset + "_channels"))
		ADDQ(memory(Param("maskStep")), mask)
		ADDQ(memory(Param("shortcutStep")), shortcut)
		ADDQ(memory(Param("vStep")), pot)
		ADDQ(memory(Param("constantStep")), constant)
		ADDQ(n, cur)
		CMPQ(cur, end)
		JLT(LabelRef(reset))
		JMP(LabelRef("done"))
	}
	Label("done")
	VZEROUPPER()
	Store(count, ReturnIndex(0))
	RET()
}

// bitOfLane has bit i in lane i of eight.
var bitOfLane Mem

// memory returns the address of a parameter, for what is needed too seldom to
// deserve a register.
func memory(c gotypes.Component) Op {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
