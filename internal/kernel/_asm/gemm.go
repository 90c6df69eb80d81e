package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm generates the micro-kernels of kernel.Gemm16.
//
// A tile of a few rows and all 16 columns keeps its sums in registers while k
// runs; every element of a is broadcast and meets one packed row of b. Product
// and sum are two instructions, since a fused one would round differently from
// the generic code. On processors that multiply and add on ports of their own
// that costs no time.
func gemm() {
	// Two vectors a row: 12 sums, 2 rows of b, a broadcast and a product fill the
	// 16 registers.
	gemm16("gemm16AVX2", []int{6, 4, 2, 1}, avx2Tile)

	// One vector a row. Twelve sums hide the latency of the addition.
	gemm16("gemm16AVX512", []int{12, 4, 2, 1}, avx512Tile)
}

// tile hands out the addresses of one tile. The rows of c need registers only
// before and after the loop, those of a only in it, and together they would be
// too many.
type tile struct {
	label string
	rows  int
	c     func() []Mem  // Emits the addresses of the rows of c.
	start func() cursor // Emits the addresses of a and b at k = 0.
}

// cursor is the state of the loop over k.
type cursor struct {
	a       []Mem // One operand a row.
	b       Mem
	left    reg.Register // Steps of k to go.
	advance func(n int)  // Emits the advance of a and b by n steps.
}

// unroll is the number of steps of k in a turn of the main loop.
const unroll = 4

// gemm16 emits a function that covers m rows with tiles of the given heights,
// each as often as it fits, and lets emit write the arithmetic of a tile.
func gemm16(name string, heights []int, emit func(tile)) {
	TEXT(name, NOSPLIT, "func(m, k int, a []float32, lda int, b, c []float32, ldc int)")
	Pragma("noescape")
	Doc(name + " is gemm16Generic for m, k > 0.")
	m := Load(Param("m"), GP64())
	k := Load(Param("k"), GP64())
	a := Load(Param("a").Base(), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b").Base(), GP64())
	c := Load(Param("c").Base(), GP64())
	ldc := Load(Param("ldc"), GP64())
	SHLQ(U8(2), lda)
	SHLQ(U8(2), ldc)
	for _, rows := range heights {
		label := fmt.Sprintf("rows%d", rows)
		Label(label)
		CMPQ(m, U8(rows))
		JLT(LabelRef(label + "_end"))

		emit(tile{
			label: label,
			rows:  rows,
			c:     func() []Mem { return rowOperands(c, ldc, rows).mem },
			start: func() cursor {
				row := rowOperands(a, lda, rows)
				pb, left := GP64(), GP64()
				MOVQ(b, pb)
				MOVQ(k, left)
				return cursor{a: row.mem, b: Mem{Base: pb}, left: left, advance: func(n int) {
					for _, p := range row.base {
						ADDQ(U8(4*n), p)
					}
					ADDQ(U32(64*n), pb)
				}}
			},
		})

		for range rows {
			ADDQ(lda, a)
			ADDQ(ldc, c)
		}
		SUBQ(U8(rows), m)
		JMP(LabelRef(label))
		Label(label + "_end")
	}
	VZEROUPPER()
	RET()
}

// operands addresses a few rows at a time: one base register for three rows, as
// an address can add the stride once or twice to it.
type operands struct {
	base []reg.Register
	mem  []Mem
}

func rowOperands(first, stride reg.Register, rows int) operands {
	var o operands
	for i := range rows {
		if i%3 == 0 {
			p := GP64()
			if i == 0 {
				MOVQ(first, p)
			} else {
				LEAQ(Mem{Base: o.base[len(o.base)-1], Index: stride, Scale: 2}, p)
				ADDQ(stride, p)
			}
			o.base = append(o.base, p)
		}
		at := Mem{Base: o.base[i/3]}
		if i%3 > 0 {
			at.Index, at.Scale = stride, uint8(i%3)
		}
		o.mem = append(o.mem, at)
	}
	return o
}

// loop emits step for every step of k: unrolled turns, then single ones.
func (t tile) loop(step func(cur cursor, p int)) {
	cur := t.start()
	Label(t.label + "_unrolled")
	CMPQ(cur.left, U8(unroll))
	JLT(LabelRef(t.label + "_single"))
	for p := range unroll {
		step(cur, p)
	}
	cur.advance(unroll)
	SUBQ(U8(unroll), cur.left)
	JMP(LabelRef(t.label + "_unrolled"))
	Label(t.label + "_single")
	TESTQ(cur.left, cur.left)
	JZ(LabelRef(t.label + "_store"))
	step(cur, 0)
	cur.advance(1)
	DECQ(cur.left)
	JMP(LabelRef(t.label + "_single"))
	Label(t.label + "_store")
}

func avx2Tile(t tile) {
	acc := make([][2]reg.VecVirtual, t.rows)
	for i, row := range t.c() {
		for j := range 2 {
			acc[i][j] = YMM()
			VMOVUPS(row.Offset(32*j), acc[i][j])
		}
	}
	w := [2]reg.VecVirtual{YMM(), YMM()}
	x, prod := YMM(), YMM()
	t.loop(func(cur cursor, p int) {
		for j := range 2 {
			VMOVUPS(cur.b.Offset(64*p+32*j), w[j])
		}
		for i := range acc {
			VBROADCASTSS(cur.a[i].Offset(4*p), x)
			VMULPS(w[0], x, prod)
			VADDPS(prod, acc[i][0], acc[i][0])
			VMULPS(w[1], x, x)
			VADDPS(x, acc[i][1], acc[i][1])
		}
	})
	for i, row := range t.c() {
		for j := range 2 {
			VMOVUPS(acc[i][j], row.Offset(32*j))
		}
	}
}

func avx512Tile(t tile) {
	acc := make([]reg.VecVirtual, t.rows)
	for i, row := range t.c() {
		acc[i] = ZMM()
		VMOVUPS(row, acc[i])
	}
	w := ZMM()
	prod := []reg.VecVirtual{ZMM(), ZMM(), ZMM(), ZMM()}
	t.loop(func(cur cursor, p int) {
		VMOVUPS(cur.b.Offset(64*p), w)
		for i := range acc {
			VMULPS_BCST(cur.a[i].Offset(4*p), w, prod[i%len(prod)])
			VADDPS(prod[i%len(prod)], acc[i], acc[i])
		}
	})
	for i, row := range t.c() {
		VMOVUPS(acc[i], row)
	}
}
