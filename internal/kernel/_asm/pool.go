package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pool generates the kernels of the max-pool gate. Lanes are channels; counts are
// 16-bit numbers, so that a turn takes 16 channels with AVX2 and 32 with AVX-512.
func pool() {
	bitOfWord = GLOBL("bitOfWord", RODATA|NOPTR)
	for i := range 16 {
		DATA(2*i, U16(1<<i))
	}
	for _, v := range []vector{avx2, avx512} {
		countSpikes(v)
		gate(v)
	}
}

// bitOfWord has bit i in lane i of sixteen.
var bitOfWord Mem

// spread sets the lanes of x, of which there are sixteen, whose bit is set in bits.
func spread(bits reg.GPVirtual, selects, x reg.VecVirtual) {
	VMOVD(bits.As32(), x.AsX())
	VPBROADCASTW(x.AsX(), x)
	VPAND(selects, x, x)
	VPCMPEQW(selects, x, x)
}

// countSpikes adds the bits of a mask to counters.
func countSpikes(v vector) {
	lanes := v.bytes / 2
	function("count"+v.name, fmt.Sprintf("countGeneric for len(mask) > 0 and a number of channels that is a multiple of %d.", lanes),
		"func(n []uint16, mask []uint64, words, channels int)")
	n := Load(Param("n").Base(), GP64())
	mask := Load(Param("mask").Base(), GP64())
	end := Load(Param("mask").Len(), GP64())
	words := Load(Param("words"), GP64())
	channels := Load(Param("channels"), GP64())
	LEAQ(Mem{Base: mask, Index: end, Scale: 8}, end)
	SHLQ(U8(3), words)
	SHRQ(U8(3), channels) // Bytes of the mask.
	bits, i, x := GP64(), GP64(), v.new()
	one, selects := v.new(), v.new()
	if v.bytes == 64 {
		MOVL(U32(1), bits.As32())
		VPBROADCASTW(bits.As32(), one)
	} else {
		VMOVDQU(bitOfWord, selects)
	}
	Label("position")
	XORQ(i, i)
	Label("channels")
	if v.bytes == 64 {
		k := K()
		KMOVD(Mem{Base: mask, Index: i, Scale: 1}, k)
		VMOVDQU16(Mem{Base: n}, x)
		VPADDW(one, x, k, x)
		VMOVDQU16(x, Mem{Base: n})
	} else {
		had := v.new()
		MOVWLZX(Mem{Base: mask, Index: i, Scale: 1}, bits.As32())
		spread(bits, selects, x)
		VMOVDQU(Mem{Base: n}, had)
		VPSUBW(x, had, had) // Minus -1.
		VMOVDQU(had, Mem{Base: n})
	}
	ADDQ(U8(v.bytes), n)
	ADDQ(U8(lanes/8), i)
	CMPQ(i, channels)
	JLT(LabelRef("channels"))
	ADDQ(words, mask)
	CMPQ(mask, end)
	JLT(LabelRef("position"))
	VZEROUPPER()
	RET()
}

// gate passes spikes through the windows of one row of outputs. The window of an
// output is walked for some channels at a time: the largest count of each, and
// whether any of its sources spikes.
func gate(v vector) {
	lanes := v.bytes / 2
	function("gate"+v.name, fmt.Sprintf("gateGeneric for len(out) > 0, rows > 0 and a number of channels that is a multiple of %d.", lanes),
		"func(out []uint64, m []uint16, src []uint64, n []uint16, rows, cols, kernel, x, stride, words, channels int)")
	out := Load(Param("out").Base(), GP64())
	end := Load(Param("out").Len(), GP64())
	m := Load(Param("m").Base(), GP64())
	x := Load(Param("x"), GP64())
	LEAQ(Mem{Base: out, Index: end, Scale: 8}, end)
	tmp, one, selects := GP64(), v.new(), v.new()
	if v.bytes == 64 {
		MOVL(U32(1), tmp.As32())
		VPBROADCASTW(tmp.As32(), one)
	} else {
		VMOVDQU(bitOfWord, selects)
	}

	Label("output")
	// Columns from <= column < to lie under the window.
	from, to, cols := GP64(), GP64(), GP64()
	Load(Param("cols"), cols)
	XORQ(from, from)
	CMPQ(x, U8(0))
	CMOVQGT(x, from)
	Load(Param("kernel"), to)
	ADDQ(x, to)
	CMPQ(to, cols)
	CMOVQGT(cols, to)
	SUBQ(from, to) // Their number; not positive for a window in the padding.
	i := GP64()    // Bytes of the mask.
	XORQ(i, i)
	Label("channels")
	any, most := GP64(), v.new()
	XORQ(any, any)
	VXORPS(most.AsX(), most.AsX(), most.AsX())
	row, s, c := GP64(), GP64(), GP64()
	Load(Param("rows"), row)
	CMPQ(to, U8(0))
	JLE(LabelRef("empty"))
	// s and c are where the first column's mask and counts lie for these channels.
	MOVQ(from, s)
	IMULQ(memory(Param("words")), s)
	SHLQ(U8(3), s)
	ADDQ(memory(Param("src").Base()), s)
	ADDQ(i, s)
	MOVQ(from, c)
	IMULQ(memory(Param("channels")), c)
	LEAQ(Mem{Base: c, Index: i, Scale: 8}, c) // 8 channels a byte of the mask.
	SHLQ(U8(1), c)
	ADDQ(memory(Param("n").Base()), c)
	Label("row")
	left, ps, pc := GP64(), GP64(), GP64()
	MOVQ(to, left)
	MOVQ(s, ps)
	MOVQ(c, pc)
	Label("column")
	if v.bytes == 64 {
		ORL(Mem{Base: ps}, any.As32())
	} else {
		ORW(Mem{Base: ps}, any.As16())
	}
	VPMAXUW(Mem{Base: pc}, most, most)
	Load(Param("words"), tmp)
	LEAQ(Mem{Base: ps, Index: tmp, Scale: 8}, ps)
	Load(Param("channels"), tmp)
	LEAQ(Mem{Base: pc, Index: tmp, Scale: 2}, pc)
	DECQ(left)
	JNZ(LabelRef("column"))
	Load(Param("words"), tmp)
	IMULQ(memory(Param("cols")), tmp)
	LEAQ(Mem{Base: s, Index: tmp, Scale: 8}, s)
	Load(Param("channels"), tmp)
	IMULQ(memory(Param("cols")), tmp)
	LEAQ(Mem{Base: c, Index: tmp, Scale: 2}, c)
	DECQ(row)
	JNZ(LabelRef("row"))
	Label("empty")
	had := v.new()
	if v.bytes == 64 {
		passed, busy := K(), K()
		KMOVD(any.As32(), busy)
		VMOVDQU16(Mem{Base: m}, had)
		VPCMPUW(U8(6), had, most, busy, passed) // 6: greater, in the order of Intel's operands.
		VPADDW(one, had, passed, had)
		VMOVDQU16(had, Mem{Base: m})
		KMOVD(passed, any.As32())
		MOVL(any.As32(), Mem{Base: out, Index: i, Scale: 1})
	} else {
		passed, high := v.new(), XMM()
		spread(any, selects, passed)
		VMOVDQU(Mem{Base: m}, had)
		VPMAXUW(had, most, most)
		VPCMPEQW(had, most, most) // Where the largest count is no greater.
		VPANDN(passed, most, passed)
		VPSUBW(passed, had, had)
		VMOVDQU(had, Mem{Base: m})
		VEXTRACTI128(U8(1), passed, high)
		VPACKSSWB(high, passed.AsX(), passed.AsX())
		VPMOVMSKB(passed.AsX(), any.As32())
		MOVW(any.As16(), Mem{Base: out, Index: i, Scale: 1})
	}
	ADDQ(U8(v.bytes), m)
	ADDQ(U8(lanes/8), i)
	Load(Param("channels"), tmp)
	SHRQ(U8(3), tmp)
	CMPQ(i, tmp)
	JLT(LabelRef("channels"))
	Load(Param("words"), tmp)
	LEAQ(Mem{Base: out, Index: tmp, Scale: 8}, out)
	ADDQ(memory(Param("stride")), x)
	CMPQ(out, end)
	JLT(LabelRef("output"))
	VZEROUPPER()
	RET()
}
