package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// window generates kernel.FireWindow and kernel.FireOnce.
//
// A vector of channels is taken through the window at eight positions, whose
// potentials stay in registers: what one step has to wait for, the others do
// meanwhile, and their bits mostly are one line of each mask, which then is in the
// first cache once only. As soon as none of them will fire again, what is left of
// the masks is cleared.
func window() {
	for _, v := range []vector{avx2, avx512} {
		windowFor(v, false, 8)
	}
	windowFor(avx2, true, 4) // All that sixteen registers hold.
	windowFor(avx512, true, 8)
}

// firer emits one function of the family.
type firer struct {
	v    vector
	once bool

	// In registers throughout.
	maskStep, vStep  reg.GPVirtual
	pot, bit         reg.GPVirtual // Of the position and the channels at hand: their potentials, their byte of the masks.
	th               reg.VecVirtual
	last, one, never reg.VecVirtual // T, 1 and a potential that does not fire, for those that fire once.
}

func windowFor(v vector, once bool, block int) {
	f := &firer{v: v, once: once}
	name := "fireWindow"
	if once {
		name = "fireOnce"
	}
	function(name+v.name, name+"Generic for len(masks) > 0 and positions > 0; first is the byte of a mask where the first channel's bits are, n and all steps are in bytes, and last is len(masks).",
		"func(masks [][]uint64, spikes *uint32, v, threshold *float32, last float32, first, n, positions, maskStep, vStep int)")
	channel, left := AllocLocal(8), AllocLocal(8) // Bytes of potentials; positions.
	f.maskStep, f.vStep, f.pot, f.bit, f.th = GP64(), GP64(), GP64(), GP64(), v.new()
	Load(Param("maskStep"), f.maskStep)
	Load(Param("vStep"), f.vStep)
	Load(Param("v"), f.pot)
	Load(Param("first"), f.bit)
	if once {
		f.constants()
	}
	at := GP64()
	Load(Param("positions"), at)
	MOVQ(at, left)
	for _, positions := range []int{block, 1} {
		label := fmt.Sprintf("positions%d", positions)
		Label(label)
		CMPQ(left, U8(positions))
		JLT(LabelRef(label + "_end"))
		MOVQ(U32(0), channel)
		Label(label + "_channels")
		i, n := GP64(), GP64()
		MOVQ(channel, i)
		Load(Param("threshold"), n)
		VMOVUPS(Mem{Base: n, Index: i, Scale: 1}, f.th)
		f.fire(label, positions)
		ADDQ(U8(v.bytes), f.pot)
		ADDQ(U8(v.bytes/32), f.bit)
		ADDQ(U8(v.bytes), channel)
		Load(Param("n"), n)
		CMPQ(channel, n)
		JLT(LabelRef(label + "_channels"))
		SUBQ(n, f.pot)
		SHRQ(U8(5), n)
		SUBQ(n, f.bit)
		LEAQ(Mem{Base: f.pot, Index: f.vStep, Scale: uint8(positions)}, f.pot)
		LEAQ(Mem{Base: f.bit, Index: f.maskStep, Scale: uint8(positions)}, f.bit)
		SUBQ(U8(positions), left)
		JMP(LabelRef(label))
		Label(label + "_end")
	}
	VZEROUPPER()
	RET()
}

func (f *firer) constants() {
	f.last, f.one, f.never = f.v.new(), f.v.new(), f.v.new()
	VBROADCASTSS(memory(Param("last")), f.last)
	broadcast := func(bits int, to reg.VecVirtual) {
		b := GP32()
		MOVL(U32(bits), b)
		VMOVD(b, to.AsX())
		VBROADCASTSS(to.AsX(), to)
	}
	broadcast(0x3f800000, f.one)
	if f.v.name == avx512.name {
		broadcast(0xff800000, f.never) // Minus infinity.
	}
}

// fire takes some positions through the window.
func (f *firer) fire(label string, positions int) {
	u := make([]reg.VecVirtual, positions)
	compared := make([]reg.VecVirtual, positions) // With thresholds: u, or a copy of it for those that fire once.
	sum, bits := GP64(), GP64()
	for i, from := range f.each(positions, f.pot, f.vStep) {
		u[i] = f.v.new()
		compared[i] = u[i]
		VMOVUPS(from, u[i])
	}
	mask, spikes, steps, willFire := GP64(), GP64(), GP64(), GP64()
	Load(Param("masks").Base(), mask)
	Load(Param("masks").Len(), steps)
	th, factor := f.th, f.v.new()
	if f.once {
		XORL(willFire.As32(), willFire.As32())
		for i := range u {
			compared[i] = f.v.new()
			VMOVAPS(u[i], compared[i])
			f.bits(f.compare(f.th, u[i]), bits) // Who will fire: at the last step, if not before.
			POPCNTL(bits.As32(), bits.As32())
			ADDL(bits.As32(), willFire.As32())
		}
		TESTL(willFire.As32(), willFire.As32())
		JZ(LabelRef(label + "_clear"))
		VMOVAPS(f.last, factor)
		th = f.v.new()
	}
	Load(Param("spikes"), spikes)
	at := GP64()
	maskBits := func() []Mem { // Of the step at hand.
		MOVQ(Mem{Base: mask}, at)
		ADDQ(f.bit, at)
		return f.each(positions, at, f.maskStep)
	}
	Label(label + "_step")
	if f.once {
		VMULPS(f.th, factor, th)
		VSUBPS(f.one, factor, factor)
	}
	for i, to := range maskBits() {
		z := f.compare(th, compared[i])
		f.subtract(th, u[i], z)
		if f.once {
			f.retire(compared[i], z)
		}
		f.bits(z, bits)
		f.store(bits, to)
		if i == 0 {
			POPCNTL(bits.As32(), sum.As32())
		} else {
			POPCNTL(bits.As32(), bits.As32())
			ADDL(bits.As32(), sum.As32())
		}
	}
	ADDL(sum.As32(), Mem{Base: spikes})
	ADDQ(U8(24), mask) // A slice.
	ADDQ(U8(4), spikes)
	DECQ(steps)
	JZ(LabelRef(label + "_done"))
	if f.once {
		SUBL(sum.As32(), willFire.As32())
	} else {
		TESTL(sum.As32(), sum.As32())
	}
	JNZ(LabelRef(label + "_step"))

	Label(label + "_clear")
	XORL(bits.As32(), bits.As32())
	Label(label + "_clear_step")
	for _, to := range maskBits() {
		f.store(bits, to)
	}
	ADDQ(U8(24), mask)
	DECQ(steps)
	JNZ(LabelRef(label + "_clear_step"))
	Label(label + "_done")
	for i, to := range f.each(positions, f.pot, f.vStep) {
		VMOVUPS(u[i], to)
	}
}

// each returns the addresses of one position, or of four or eight.
func (f *firer) each(positions int, at, step reg.GPVirtual) []Mem {
	if positions == 1 {
		return []Mem{{Base: at}}
	}
	var list []Mem
	for i := range positions {
		switch i {
		case 0:
			list = append(list, Mem{Base: at})
		case 1, 3:
			next := GP64()
			LEAQ(list[i-1].Idx(step, 1), next)
			list = append(list, Mem{Base: next})
		case 2:
			next := GP64()
			LEAQ(Mem{Base: at, Index: step, Scale: 2}, next)
			list = append(list, Mem{Base: next})
		default:
			list = append(list, list[i-4].Idx(step, 4))
		}
	}
	return list
}

// compare returns a mask of the lanes of u that reach th.
func (f *firer) compare(th, u reg.VecVirtual) reg.Register {
	if f.v.name == avx512.name {
		k := K()
		VCMPPS(U8(geOQ), th, u, k)
		return k
	}
	m := YMM()
	VCMPPS(U8(geOQ), th, u, m)
	return m
}

// subtract is u -= th for the lanes of z.
func (f *firer) subtract(th, u reg.VecVirtual, z reg.Register) {
	if f.v.name == avx512.name {
		VSUBPS(th, u, z, u)
		return
	}
	x := YMM()
	VANDPS(z, th, x)
	VSUBPS(x, u, u)
}

// retire replaces the lanes of z by what is below every threshold.
func (f *firer) retire(u reg.VecVirtual, z reg.Register) {
	if f.v.name == avx512.name {
		VMOVAPS(f.never, z, u)
	} else {
		VORPS(z, u, u) // All bits are set: not a number.
	}
}

// bits turns the lanes of z into bits.
func (f *firer) bits(z reg.Register, to reg.GPVirtual) {
	if f.v.name == avx512.name {
		KMOVW(z, to.As32())
	} else {
		VMOVMSKPS(z, to.As32())
	}
}

// store stores the bits of a vector.
func (f *firer) store(bits reg.GPVirtual, to Mem) {
	if f.v.name == avx512.name {
		MOVW(bits.As16(), to)
	} else {
		MOVB(bits.As8(), to)
	}
}
