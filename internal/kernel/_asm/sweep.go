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
	for i := range 16 {
		DATA(4*i, U32(1<<i))
	}
	sweepFor(&sweeper{v: avx512, n: 16, nv: 1})
	sweepFor(&sweeper{v: avx512, n: 32, nv: 2})
	// Sixteen registers hold almost all of the eighteen sums of 16 channels; the caller
	// makes two turns for 32.
	sweepFor(&sweeper{v: avx2, n: 16, nv: 2})
	sweepFor(&sweeper{v: avx2, n: 32, nv: 2})
	for _, n := range []int{16, 32, 64} {
		sweep2For(&sweeper{v: avx512, n: n, nv: n / 16})
		sweep2For(&sweeper{v: avx2, n: n, nv: 2})
	}
}

// sweeper emits one function of the family.
type sweeper struct {
	v     vector
	n     int  // Channels of a row of weights.
	nv    int  // Vectors of a position that the function computes.
	whole bool // Weights and sums of 16 bits instead of float32.
	sets  bool // With sums of weights made before: see SweepWholeLayer.Prepare.

	// In registers throughout.
	src, w, out, shortcut, pot, count reg.GPVirtual
	ahead                             reg.GPVirtual // The source's next word.

	// AVX-512, float32: of the vectors. Others read them from memory, where these point to.
	weight, th, constant       []reg.VecVirtual
	weightAt, thAt, constantAt reg.GPVirtual

	end   Mem      // On the stack: the source's end.
	words Mem      // On the stack: words that are left.
	more  []func() // Code out of the way, for sources of more than one word.
	fires int      // Calls of fire, for its labels.
}

// number is the size of a weight or sum in bytes, tap that of one tap of a channel's
// weights, strip that of all nine, and position that of the partial sums of a position.
func (s *sweeper) number() int {
	if s.whole {
		return 2
	}
	return 4
}
func (s *sweeper) tap() int      { return s.number() * s.n }
func (s *sweeper) strip() int    { return 9 * s.tap() }
func (s *sweeper) position() int { return s.nv * s.v.bytes }

// function begins a function of this variant, and loads what stays in registers.
func (s *sweeper) function(variant, stride string) {
	name, numbers := "sweep", "v, part, w, constant, threshold, weight *float32"
	if s.whole {
		name, numbers = "sweepWhole", "v *int32, part, w *int16, constant, threshold *int32, weight *int16"
	}
	if s.sets {
		variant = "Sets" + variant
	}
	function(fmt.Sprintf("%s%s%d%s", name, variant, s.n, s.v.name),
		fmt.Sprintf("%sGeneric%s for %d channels of a layer whose weights come in rows of %d; outBytes, shortcutBytes and vBytes are the steps from one output to the next.",
			name, stride, s.position()/s.number(), s.n),
		"func(out, shortcut *byte, src []uint64, "+numbers+", rows, cols, words, outBytes, shortcutBytes, vBytes int) int")
	s.load()
}

// add adds to sums.
func (s *sweeper) add(x, y, to Op) {
	if s.whole {
		VPADDW(x, y, to)
	} else {
		VADDPS(x, y, to)
	}
}

func sweepFor(s *sweeper) {
	v, nv := s.v, s.nv
	s.function("", "")
	y, limit := AllocLocal(8), AllocLocal(8)
	at, row, x := GP64(), GP64(), GP64() // In part: the position behind, and from one row to the other.
	r, b := GP64(), GP64()
	Load(Param("cols"), row)
	ADDQ(U8(2), row)
	IMUL3Q(U32(s.position()), row, row)
	Load(Param("rows"), r)
	MOVQ(r, y)
	MOVQ(U32(0), limit) // The first row completes no outputs.

	// Three of AVX2's eighteen sums find no register: the lowest ones of the second
	// vector. They stay where the others go in the end, in part. Two turns of eight
	// channels would find room for all, but pay twice for walking along the spikes:
	// how many a position has is hard to foretell, and a wrong guess costs as much as
	// the additions of a spike or two.
	inPart := func(j, i int) bool { return v.name == avx2.name && j == 2 && i == 1 }
	var acc [3][3][]reg.VecVirtual // [column mod 3][row][vector]
	for c := range acc {
		for j := range acc[c] {
			for i := range nv {
				if inPart(j, i) {
					acc[c][j] = append(acc[c][j], nil)
				} else {
					acc[c][j] = append(acc[c][j], v.new())
				}
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
			lowest := acc[c][2][i]
			if lowest == nil {
				lowest = v.new()
			}
			s.zero(lowest)
			if inPart(2, i) {
				VMOVUPS(lowest, slot(1, ahead, i))
			}
		}
	}
	leave := func(c int) {
		for i := range nv {
			VMOVUPS(acc[c][1][i], slot(0, 0, i))
			if !inPart(2, i) {
				VMOVUPS(acc[c][2][i], slot(1, 0, i))
			}
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
		s.walk(label, r, b, func(at Mem) {
			for j := range 3 {
				for i := range 3 {
					for k := range nv {
						sum, weight := acc[(phase+i)%3][j][k], at.Offset((3*j+i)*s.tap()+k*v.bytes)
						if !inPart(j, k) {
							s.add(weight, sum, sum)
							continue
						}
						sum = v.new()
						VMOVUPS(weight, sum)
						s.add(slot(1, i, k), sum, sum)
						VMOVUPS(sum, slot(1, i, k))
					}
				}
			}
		})
		if !s.inRegisters() { // Firing needs the registers.
			leave(phase)
		}
		CMPQ(x, limit)
		JGE(LabelRef(label + "_fired"))
		s.fire(acc[phase][0], r, b)
		Label(label + "_fired")
		if s.inRegisters() {
			leave(phase)
		}
		ADDQ(U32(s.position()), at)
		DECQ(x)
		JZ(LabelRef(label + "_end"))
	}
	JMP(LabelRef("column"))
	for phase := range 3 {
		label := fmt.Sprintf("phase%d_end", phase)
		last := (phase + 1) % 3
		Label(label)
		leave(last)
		CMPQ(limit, U8(0))
		JE(LabelRef("row_end"))
		s.fire(acc[last][0], r, b)
		JMP(LabelRef("row_end"))
	}
	for _, more := range s.more {
		more()
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

// zero sets a vector to zero. The allocator of registers takes the upper half of
// what is only set as a narrower register for one that is still in use.
func (s *sweeper) zero(x reg.VecVirtual) {
	switch {
	case s.v.name == avx2.name:
		VXORPS(x, x, x)
	case s.whole:
		VPXORD(x, x, x)
	default:
		VXORPS(x.AsX(), x.AsX(), x.AsX()) // Its wide form is no part of AVX512F.
	}
}

// inRegisters reports whether weights of the shortcut, thresholds and constants stay
// in registers.
func (s *sweeper) inRegisters() bool { return s.v.name == avx512.name && !s.whole }

// load loads what stays in registers.
func (s *sweeper) load() {
	s.src, s.w, s.out, s.shortcut, s.pot, s.count = GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("src").Base(), s.src)
	Load(Param("w"), s.w)
	Load(Param("out"), s.out)
	Load(Param("shortcut"), s.shortcut)
	Load(Param("v"), s.pot)
	XORQ(s.count, s.count)
	s.weightAt, s.thAt, s.constantAt = GP64(), GP64(), GP64()
	Load(Param("weight"), s.weightAt)
	Load(Param("threshold"), s.thAt)
	Load(Param("constant"), s.constantAt)
	s.end, s.words = AllocLocal(8), AllocLocal(8)
	if !s.sets {
		s.ahead = GP64()
		Load(Param("src").Len(), s.ahead)
		LEAQ(Mem{Base: s.src, Index: s.ahead, Scale: 8}, s.ahead)
		MOVQ(s.ahead, s.end)
		MOVQ(Mem{Base: s.src}, s.ahead)
	}
	if !s.inRegisters() {
		return
	}
	for i := range s.nv {
		w, t, c := ZMM(), ZMM(), ZMM()
		VMOVUPS(Mem{Base: s.weightAt, Disp: 64 * i}, w)
		VMOVUPS(Mem{Base: s.thAt, Disp: 64 * i}, t)
		VMOVUPS(Mem{Base: s.constantAt, Disp: 64 * i}, c)
		s.weight, s.th, s.constant = append(s.weight, w), append(s.th, t), append(s.constant, c)
	}
}

// walk takes the spikes of the source position at hand, one after the other, and
// lets taps add the weights of each, which begin at an address. It goes to the next
// position.
//
// How many spikes there are is hard to foretell. A wrong guess shows only when the word
// is there, so it is loaded one position ahead.
func (s *sweeper) walk(label string, r, b reg.GPVirtual, taps func(at Mem)) {
	if s.sets {
		s.walkSets(r, b, taps)
		return
	}
	// look loads the first word of the next position, or of any other behind the last.
	look := func() {
		MOVQ(s.src, r)
		ADDQ(U8(8), s.src)
		CMPQ(s.src, s.end)
		CMOVQCS(s.src, r)
		MOVQ(Mem{Base: r}, s.ahead)
	}
	word := func(label string, w reg.GPVirtual) {
		TESTQ(b, b)
		JZ(LabelRef(label + "_silent"))
		Label(label + "_spike")
		TZCNTQ(b, r)
		IMUL3Q(U32(s.strip()), r, r)
		ADDQ(w, r)
		taps(Mem{Base: r})
		BLSRQ(b, b)
		JNZ(LabelRef(label + "_spike"))
		Label(label + "_silent")
	}
	MOVQ(s.ahead, b)
	look()
	word(label, s.w)
	CMPQ(memory(Param("words")), U8(1))
	JNE(LabelRef(label + "_more"))
	Label(label + "_walked")
	s.more = append(s.more, func() {
		w, words := s.w, Op(s.words)
		Label(label + "_more")
		if s.inRegisters() { // There are some left to count words.
			n := GP64()
			w, words = GP64(), n
			MOVQ(s.w, w)
			Load(Param("words"), n)
		} else {
			Load(Param("words"), r)
			MOVQ(r, s.words)
		}
		MOVQ(s.ahead, b)
		Label(label + "_words")
		ADDQ(U32(64*s.strip()), w)
		word(label+"_more", w)
		look()
		MOVQ(s.ahead, b)
		DECQ(words)
		CMPQ(words, U8(1))
		JNE(LabelRef(label + "_words"))
		if !s.inRegisters() {
			Load(Param("w"), s.w)
		}
		JMP(LabelRef(label + "_walked"))
	})
}

// fire advances the neurons of one position, whose currents are u, and goes to
// the next one. r and b are free.
func (s *sweeper) fire(u []reg.VecVirtual, r, b reg.GPVirtual) {
	switch {
	case s.whole && s.v.name == avx2.name:
		s.fireWholeAVX2(u, r, b)
	case s.whole:
		s.fireWholeAVX512(u, b)
	case s.v.name == avx2.name:
		s.fireAVX2(u, r, b)
	default:
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
	s.bits(k, b)
}

// bits sets the neurons' own bits to k, and b as well.
func (s *sweeper) bits(k []reg.OpmaskVirtual, b reg.GPVirtual) {
	switch len(k) {
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

func (s *sweeper) fireAVX2(u []reg.VecVirtual, r, b reg.GPVirtual) {
	// A shortcut that is not there has a step of zero.
	s.fires++
	alone := fmt.Sprintf("alone%d", s.fires)
	CMPQ(memory(Param("shortcutBytes")), U8(0))
	JE(LabelRef(alone))
	spikes, m, t := YMM(), YMM(), YMM()
	MOVWLZX(Mem{Base: s.shortcut}, r.As32())
	VMOVD(r.As32(), spikes.AsX())
	VPBROADCASTD(spikes.AsX(), spikes)
	for i, u := range u {
		VMOVDQU(bitOfLane.Offset(32*i), t)
		VPAND(spikes, t, m)
		VPCMPEQD(t, m, m)
		VANDPS(Mem{Base: s.weightAt, Disp: 32 * i}, m, m)
		VADDPS(m, u, u) // Of zero where there is no spike: that changes no sum, as none is -0.
	}
	Label(alone)
	for i, u := range u {
		VADDPS(Mem{Base: s.constantAt, Disp: 32 * i}, u, u)
		VADDPS(Mem{Base: s.pot, Disp: 32 * i}, u, u)
		VMOVUPS(Mem{Base: s.thAt, Disp: 32 * i}, t)
		VCMPPS(U8(geOQ), t, u, m)
		VANDPS(m, t, t)
		VSUBPS(t, u, u)
		VMOVUPS(u, Mem{Base: s.pot, Disp: 32 * i})
		if i == 0 {
			VMOVMSKPS(m, b.As32())
			continue
		}
		VMOVMSKPS(m, r.As32())
		SHLL(U8(8*i), r.As32())
		ORL(r.As32(), b.As32())
	}
	MOVW(b.As16(), Mem{Base: s.out})
}
