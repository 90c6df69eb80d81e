package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise generates kernels that treat every element on its own. They wait
// for memory rather than for arithmetic, so that wider vectors would not help.
func elementwise() {
	each("addAVX2", "func(dst, x, y []float32)", []string{"x", "y"}, func(o ops, v, _ []reg.VecVirtual) reg.VecVirtual {
		o.add(v[1], v[0], v[0])
		return v[0]
	})
	each("mulAddAVX2", "func(dst, x, w []float32)", []string{"dst", "x", "w"}, func(o ops, v, _ []reg.VecVirtual) reg.VecVirtual {
		o.mul(v[2], v[1], v[1])
		o.add(v[1], v[0], v[0])
		return v[0]
	})
	each("scaleShiftAVX2", "func(dst, x, scale, shift []float32)", []string{"x", "scale", "shift"}, func(o ops, v, _ []reg.VecVirtual) reg.VecVirtual {
		o.mul(v[1], v[0], v[0])
		o.add(v[2], v[0], v[0])
		return v[0]
	})
	// MAXPS and MINPS give their second operand (the first here, as the Go
	// assembler counts from the other end) if a comparison is false, be it for
	// equality or for NaN: what the generic code's ifs do.
	each("clipAVX2", "func(dst, x []float32, limit float32)", []string{"x"}, func(o ops, v, k []reg.VecVirtual) reg.VecVirtual {
		o.max(v[0], k[0], v[0])
		o.min(v[0], k[1], v[0])
		return v[0]
	}, "", "limit")
}

// ops are the instructions of one element or of eight.
type ops struct{ add, mul, max, min func(...Op) }

var (
	packed = ops{VADDPS, VMULPS, VMAXPS, VMINPS}
	scalar = ops{VADDSS, VMULSS, VMAXSS, VMINSS}
)

// each emits a loop over the named slices, eight elements a turn and then one a
// turn. compute takes the elements and the constants, which are parameters by
// name or, for an empty name, zero, and returns what goes to dst.
func each(name, signature string, slices []string, compute func(o ops, v, k []reg.VecVirtual) reg.VecVirtual, constants ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is %sGeneric for slices that are not empty.", name, name[:len(name)-len("AVX2")]))
	dst := Load(Param("dst").Base(), GP64())
	n := Load(Param("dst").Len(), GP64())
	base := make([]reg.Register, len(slices))
	for i, s := range slices {
		base[i] = dst
		if s != "dst" {
			base[i] = Load(Param(s).Base(), GP64())
		}
	}
	k := make([]reg.VecVirtual, len(constants))
	for i, c := range constants {
		k[i] = YMM()
		if c == "" {
			VXORPS(k[i], k[i], k[i])
			continue
		}
		at, err := Param(c).Resolve()
		if err != nil {
			panic(err)
		}
		VBROADCASTSS(at.Addr, k[i])
	}
	i := GP64()
	XORQ(i, i)
	at := func(p reg.Register) Mem { return Mem{Base: p, Index: i, Scale: 4} }

	Label("vector")
	CMPQ(n, U8(8))
	JLT(LabelRef("tail"))
	v := make([]reg.VecVirtual, len(slices))
	for j := range v {
		v[j] = YMM()
		VMOVUPS(at(base[j]), v[j])
	}
	VMOVUPS(compute(packed, v, k), at(dst))
	ADDQ(U8(8), i)
	SUBQ(U8(8), n)
	JMP(LabelRef("vector"))

	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	low := make([]reg.VecVirtual, len(k))
	for j := range k {
		low[j] = k[j].AsX().(reg.VecVirtual)
	}
	for j := range v {
		v[j] = XMM()
		VMOVSS(at(base[j]), v[j])
	}
	VMOVSS(compute(scalar, v, low), at(dst))
	INCQ(i)
	DECQ(n)
	JMP(LabelRef("tail"))
	Label("done")
	VZEROUPPER()
	RET()
}
