package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sweepWhole generates kernel.SweepWhole, which goes the ways of kernel.Sweep with
// twice as many channels in a vector.
func sweepWhole() {
	bitOfLane = GLOBL("bitOfLaneOfSweepWhole", RODATA|NOPTR)
	for i := range 16 {
		DATA(2*i, U16(1<<i))
	}
	half := vector{avx512.name, 32, YMM, avx512.load}
	for _, s := range []sweeper{
		{v: half, n: 16, nv: 1},
		{v: avx512, n: 32, nv: 1},
		{v: avx512, n: 64, nv: 2},
		{v: avx2, n: 16, nv: 1},
		{v: avx2, n: 32, nv: 2},
		{v: avx2, n: 64, nv: 2}, // The caller makes two turns.
	} {
		s.whole = true
		one, two := s, s
		sweepFor(&one)
		sweep2For(&two)
		if s.n == 64 {
			continue
		}
		s.sets = true
		one, two = s, s
		sweepFor(&one)
		sweep2For(&two)
	}
}

// walkSets adds up 16 channels, a set of them at a time, whichever have spikes: there
// is nothing to foretell.
func (s *sweeper) walkSets(r, b reg.GPVirtual, taps func(at Mem)) {
	MOVQ(Mem{Base: s.src}, b)
	ADDQ(U8(8), s.src)
	for i := range 16 / setBits {
		MOVL(b.As32(), r.As32())
		if i < 16/setBits-1 {
			ANDL(U32(1<<setBits-1), r.As32())
			SHRL(U8(setBits), b.As32())
		}
		IMUL3Q(U32(s.strip()), r, r)
		ADDQ(s.w, r)
		taps(Mem{Base: r, Disp: i << setBits * s.strip()})
	}
}

// setBits is the number of channels of a set, as in package kernel.
const setBits = 8

// fireWholeAVX512 widens sums from 16 bits to 32, sixteen at a time.
func (s *sweeper) fireWholeAVX512(u []reg.VecVirtual, b reg.GPVirtual) {
	var fired []reg.OpmaskVirtual
	for i, x := range u {
		k := K()
		if s.v.bytes == 32 {
			KMOVW(Mem{Base: s.shortcut}, k)
		} else {
			KMOVD(Mem{Base: s.shortcut, Disp: 4 * i}, k)
		}
		VPADDW(Mem{Base: s.weightAt, Disp: s.v.bytes * i}, x, k, x)
		for h := range s.v.bytes / 32 {
			y, wide, th := x.AsY(), ZMM(), ZMM()
			if h > 0 {
				upper := YMM()
				VEXTRACTI64X4(U8(h), x, upper)
				VPMOVSXWD(upper, wide)
			} else {
				VPMOVSXWD(y, wide)
			}
			at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Disp: 64 * len(fired)} }
			VPADDD(at(s.constantAt), wide, wide)
			VPADDD(at(s.pot), wide, wide)
			VMOVDQU32(at(s.thAt), th)
			k := K()
			VPCMPD(U8(notLess), th, wide, k)
			VPSUBD(th, wide, k, wide)
			VMOVDQU32(wide, at(s.pot))
			fired = append(fired, k)
		}
	}
	s.bits(fired, b)
}

// notLess is a comparison of integers, >=.
const notLess = 5

// fireWholeAVX2 widens eight sums at a time.
func (s *sweeper) fireWholeAVX2(u []reg.VecVirtual, r, b reg.GPVirtual) {
	s.fires++
	alone := fmt.Sprintf("alone%d", s.fires)
	m, t := YMM(), YMM()
	CMPQ(memory(Param("shortcutBytes")), U8(0))
	JE(LabelRef(alone))
	VMOVDQU(bitOfLane, t)
	for i, u := range u {
		MOVWLZX(Mem{Base: s.shortcut, Disp: 2 * i}, r.As32())
		VMOVD(r.As32(), m.AsX())
		VPBROADCASTW(m.AsX(), m)
		VPAND(t, m, m)
		VPCMPEQW(t, m, m)
		VPAND(Mem{Base: s.weightAt, Disp: 32 * i}, m, m)
		VPADDW(m, u, u)
	}
	Label(alone)
	for i, u := range u {
		for h := range 2 {
			wide := YMM()
			if h > 0 {
				VEXTRACTI128(U8(1), u, t.AsX())
				VPMOVSXWD(t.AsX(), wide)
			} else {
				VPMOVSXWD(u.AsX(), wide)
			}
			at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Disp: 64*i + 32*h} }
			VPADDD(at(s.constantAt), wide, wide)
			VPADDD(at(s.pot), wide, wide)
			VMOVDQU(at(s.thAt), t)
			VPCMPGTD(wide, t, m) // Those that do not fire.
			VPANDN(t, m, t)
			VPSUBD(t, wide, wide)
			VMOVDQU(wide, at(s.pot))
			if i+h == 0 {
				VMOVMSKPS(m, b.As32())
				continue
			}
			VMOVMSKPS(m, r.As32())
			SHLL(U8(16*i+8*h), r.As32())
			ORL(r.As32(), b.As32())
		}
	}
	out := Mem{Base: s.out}
	if len(u) == 1 {
		XORL(U32(1<<16-1), b.As32())
		MOVW(b.As16(), out)
	} else {
		NOTL(b.As32())
		MOVL(b.As32(), out)
	}
}
