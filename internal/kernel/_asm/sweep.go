package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sweep generates kernel.Sweep for layers of 16 and of 32 channels.
//
// It goes along the rows of the source and holds the sums of the 3x3 outputs that
// a position reaches in registers. Going one column on, three sums are complete
// as far as this row goes: the upper one is complete altogether, and its neurons
// are advanced at once; the other two wait in part, two rows of partial sums that
// stay in the first cache. Three registers for a new column take the place of the
// old one's; they change roles instead of contents, so the loop over the columns
// is unrolled three times. Nothing but potentials and masks goes through memory
// for every output.
func sweep() {
	bitOfLane = GLOBL("bitOfLaneOfSweep", RODATA|NOPTR) // One a file.
	for i := range 8 {
		DATA(4*i, U32(1<<i))
	}
	sweepFor(avx512, 16, 1)
	sweepFor(avx512, 32, 2)
	// Sixteen registers hold the nine sums of eight channels only: the caller makes
	// a turn for each eight.
	sweepFor(avx2, 16, 1)
	sweepFor(avx2, 32, 1)
	sweep2()
}

// sweeper emits one function of the family.
type sweeper struct {
	v    vector
	n    int // Channels of a row of weights.
	nv   int // Vectors of a position that the function computes.
	name string

	// In registers throughout.
	src, out, shortcut, pot, count reg.GPVirtual
	weight                         []reg.VecVirtual // Of the shortcut.

	// AVX-512: thresholds and constants. AVX2 reads them from memory, through r.
	th, constant []reg.VecVirtual
	select8      reg.VecVirtual // AVX2: bit i in lane i.
}

// tap is the size of one tap of a channel's weights in bytes, strip that of all
// nine, and position that of the partial sums of a position.
func (s *sweeper) tap() int      { return 4 * s.n }
func (s *sweeper) strip() int    { return 9 * s.tap() }
func (s *sweeper) position() int { return s.nv * s.v.bytes }

func sweepFor(v vector, n, nv int) {
	s := &sweeper{v: v, n: n, nv: nv, name: fmt.Sprintf("sweep%d%s", n, v.name)}
	function(s.name, fmt.Sprintf("sweepGeneric for %d channels of a layer whose weights come in rows of %d; outBytes, shortcutBytes and vBytes are the steps from one position to the next.", nv*v.bytes/4, n),
		"func(out, shortcut *byte, src []uint64, v, part, w, constant, threshold, weight *float32, rows, cols, words, outBytes, shortcutBytes, vBytes int) int")
	y, limit := AllocLocal(8), AllocLocal(8)
	s.out, s.shortcut = GP64(), GP64()
	Load(Param("out"), s.out)
	Load(Param("shortcut"), s.shortcut)
	s.src = GP64()
	Load(Param("src").Base(), s.src)
	s.pot, s.count = GP64(), GP64()
	Load(Param("v"), s.pot)
	XORQ(s.count, s.count)
	s.loadNeurons()

	at, row, x := GP64(), GP64(), GP64() // In part: the position behind, and from one row to the other.
	r, b := GP64(), GP64()
	Load(Param("cols"), row)
	ADDQ(U8(2), row)
	IMUL3Q(U32(s.position()), row, row)
	Load(Param("rows"), r)
	MOVQ(r, y)
	MOVQ(U32(0), limit) // The first row completes no outputs.

	var acc [3][3][]reg.VecVirtual // [column mod 3][row][vector]
	for c := range acc {
		for j := range acc[c] {
			for range nv {
				acc[c][j] = append(acc[c][j], v.new())
			}
		}
	}
	slot := func(j, ahead, i int) Mem { // Of row j = 0 or 1 of part.
		m := Mem{Base: at, Disp: ahead*s.position() + i*v.bytes}
		if j > 0 {
			m.Index, m.Scale = row, 1
		}
		return m
	}
	enter := func(c, ahead int) { // A new column: its lowest sums begin here.
		for i := range nv {
			VMOVUPS(slot(0, ahead, i), acc[c][0][i])
			VMOVUPS(slot(1, ahead, i), acc[c][1][i])
			VXORPS(acc[c][2][i].AsX(), acc[c][2][i].AsX(), acc[c][2][i].AsX())
		}
	}
	leave := func(c int) {
		for i := range nv {
			VMOVUPS(acc[c][1][i], slot(0, 0, i))
			VMOVUPS(acc[c][2][i], slot(1, 0, i))
		}
	}

	Label("row")
	Load(Param("part"), at)
	Load(Param("cols"), x)
	enter(0, 0)
	enter(1, 1)
	Label("column")
	for phase := range 3 {
		label := fmt.Sprintf("phase%d", phase)
		enter((phase+2)%3, 2)
		s.walk(label, r, b, func() {
			for j := range 3 {
				for i := range 3 {
					for k := range nv {
						sum := acc[(phase+i)%3][j][k]
						VADDPS(Mem{Base: r, Disp: (3*j+i)*s.tap() + k*v.bytes}, sum, sum)
					}
				}
			}
		})
		CMPQ(x, limit)
		JGE(LabelRef(label + "_fired"))
		s.fire(acc[phase][0], r, b)
		Label(label + "_fired")
		leave(phase)
		ADDQ(U32(s.position()), at)
		DECQ(x)
		JZ(LabelRef(label + "_end"))
	}
	JMP(LabelRef("column"))
	for phase := range 3 {
		label := fmt.Sprintf("phase%d_end", phase)
		last := (phase + 1) % 3
		Label(label)
		CMPQ(limit, U8(0))
		JE(LabelRef(label + "_fired"))
		s.fire(acc[last][0], r, b)
		Label(label + "_fired")
		leave(last)
		JMP(LabelRef("row_end"))
	}
	Label("row_end")
	Load(Param("cols"), r)
	MOVQ(r, limit) // From now on, all but the column before the first.
	DECQ(y)
	JNZ(LabelRef("row"))

	// The last row of outputs: no source row lies below it.
	Load(Param("part"), at)
	Load(Param("cols"), x)
	Label("flush")
	ADDQ(U32(s.position()), at)
	for i := range nv {
		VMOVUPS(slot(0, 0, i), acc[0][0][i])
	}
	s.fire(acc[0][0], r, b)
	DECQ(x)
	JNZ(LabelRef("flush"))
	VZEROUPPER()
	Store(s.count, ReturnIndex(0))
	RET()
}

// walk takes the spikes of the source position at hand, one after the other, and
// lets taps add the weights of each, which begin at r. It goes to the next position.
func (s *sweeper) walk(label string, r, b reg.GPVirtual, taps func()) {
	base, words := GP64(), GP64()
	Load(Param("w"), base)
	Load(Param("words"), words)
	Label(label + "_word")
	MOVQ(Mem{Base: s.src}, b)
	ADDQ(U8(8), s.src)
	TESTQ(b, b)
	JZ(LabelRef(label + "_silent"))
	Label(label + "_spike")
	TZCNTQ(b, r)
	IMUL3Q(U32(s.strip()), r, r)
	ADDQ(base, r)
	taps()
	BLSRQ(b, b)
	JNZ(LabelRef(label + "_spike"))
	Label(label + "_silent")
	ADDQ(U32(64*s.strip()), base)
	DECQ(words)
	JNZ(LabelRef(label + "_word"))
}

func (s *sweeper) loadNeurons() {
	weight := GP64()
	Load(Param("weight"), weight)
	for i := range s.nv {
		w := s.v.new()
		VMOVUPS(Mem{Base: weight, Disp: s.v.bytes * i}, w)
		s.weight = append(s.weight, w)
	}
	if s.v.name == avx2.name {
		s.select8 = YMM()
		VMOVDQU(bitOfLane, s.select8)
		return
	}
	th, constant := GP64(), GP64()
	Load(Param("threshold"), th)
	Load(Param("constant"), constant)
	for i := range s.nv {
		t, c := ZMM(), ZMM()
		VMOVUPS(Mem{Base: th, Disp: 64 * i}, t)
		VMOVUPS(Mem{Base: constant, Disp: 64 * i}, c)
		s.th, s.constant = append(s.th, t), append(s.constant, c)
	}
}

// fire advances the neurons of one position, whose currents are u, and goes to
// the next one. r and b are free.
func (s *sweeper) fire(u []reg.VecVirtual, r, b reg.GPVirtual) {
	if s.v.name == avx2.name {
		s.fireAVX2(u[0], r, b)
	} else {
		s.fireAVX512(u, b)
	}
	POPCNTQ(b, b)
	ADDQ(b, s.count)
	ADDQ(memory(Param("outBytes")), s.out)
	ADDQ(memory(Param("shortcutBytes")), s.shortcut)
	ADDQ(memory(Param("vBytes")), s.pot)
}

func (s *sweeper) fireAVX512(u []reg.VecVirtual, b reg.GPVirtual) {
	k := make([]reg.OpmaskVirtual, len(u))
	for i, x := range u {
		k[i] = K()
		KMOVW(Mem{Base: s.shortcut, Disp: 2 * i}, k[i])
		VADDPS(s.weight[i], x, k[i], x)
		VADDPS(s.constant[i], x, x)
		at := Mem{Base: s.pot, Disp: 64 * i}
		VADDPS(at, x, x)
		VCMPPS(U8(geOQ), s.th[i], x, k[i])
		VSUBPS(s.th[i], x, k[i], x)
		VMOVUPS(x, at)
	}
	switch len(u) {
	case 1:
		KMOVW(k[0], b.As32())
		MOVW(b.As16(), Mem{Base: s.out})
	case 2:
		KUNPCKWD(k[0], k[1], k[0])
		KMOVD(k[0], b.As32())
		MOVL(b.As32(), Mem{Base: s.out})
	case 4:
		KUNPCKWD(k[0], k[1], k[0])
		KUNPCKWD(k[2], k[3], k[2])
		KUNPCKDQ(k[0], k[2], k[0])
		KMOVQ(k[0], b)
		MOVQ(b, Mem{Base: s.out})
	}
}

func (s *sweeper) fireAVX2(u reg.VecVirtual, r, b reg.GPVirtual) {
	m, t := YMM(), YMM()
	MOVBLZX(Mem{Base: s.shortcut}, b.As32())
	VMOVD(b.As32(), m.AsX())
	VPBROADCASTD(m.AsX(), m)
	VPAND(s.select8, m, m)
	VPCMPEQD(s.select8, m, m)
	VADDPS(s.weight[0], u, t)
	VBLENDVPS(m, t, u, u)
	Load(Param("constant"), r)
	VADDPS(Mem{Base: r}, u, u)
	VADDPS(Mem{Base: s.pot}, u, u)
	Load(Param("threshold"), r)
	VMOVUPS(Mem{Base: r}, t)
	VCMPPS(U8(geOQ), t, u, m)
	VANDPS(m, t, t)
	VSUBPS(t, u, u)
	VMOVUPS(u, Mem{Base: s.pot})
	VMOVMSKPS(m, b.As32())
	MOVB(b.As8(), Mem{Base: s.out})
}
