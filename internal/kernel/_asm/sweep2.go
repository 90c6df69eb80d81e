package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sweep2For emits a function for a stride of two.
//
// A source row of even number 2r only reaches the outputs of row r; one of odd
// number 2r+1 completes row r, whose neurons are advanced at once, and begins row
// r+1. Along a row, column 2c only reaches output c; column 2c+1 reaches c for the
// last time and c+1 for the first. So a row of partial sums waits in part, and the
// sums of one output column and of the next are in registers, which change roles
// from column to column.
func sweep2For(s *sweeper) {
	v, nv := s.v, s.nv
	s.function("Stride2N", " with a stride of two")
	y := AllocLocal(8)
	at, x, r, b := GP64(), GP64(), GP64(), GP64()
	Load(Param("rows"), r)
	MOVQ(r, y)

	var acc [2][2][]reg.VecVirtual // [column mod 2][row][vector]
	for c := range acc {
		for j := range acc[c] {
			for range nv {
				acc[c][j] = append(acc[c][j], v.new())
			}
		}
	}
	slot := func(ahead, i int) Mem { return Mem{Base: at, Disp: ahead*s.position() + i*v.bytes} }
	// A row of the source has taps for one row of outputs, or for two.
	row := func(name string, odd bool) {
		enter := func(c, ahead int) {
			for i := range nv {
				VMOVUPS(slot(ahead, i), acc[c][0][i])
				if odd {
					s.zero(acc[c][1][i])
				}
			}
		}
		leave := func(c int) { // The column is complete, as far as this row goes.
			if odd {
				s.fire(acc[c][0], r, b)
			}
			for i := range nv {
				VMOVUPS(acc[c][btoi(odd)][i], slot(0, i))
			}
			ADDQ(U32(s.position()), at)
		}
		// add adds the taps of column kx into a column of sums.
		add := func(at Mem, c, kx int) {
			for j := range 1 + btoi(odd) {
				ky := 1
				if odd {
					ky = 2 - 2*j
				}
				for i := range nv {
					s.add(at.Offset(((2-ky)*3+2-kx)*s.tap()+i*v.bytes), acc[c][j][i], acc[c][j][i])
				}
			}
		}
		Label(name)
		Load(Param("part"), at)
		Load(Param("cols"), x)
		enter(0, 0)
		Label(name + "_column")
		for c := range 2 {
			label := fmt.Sprintf("%s%d", name, c)
			s.walk(label+"_even", r, b, func(at Mem) { add(at, c, 1) })
			DECQ(x)
			JZ(LabelRef(label + "_last"))
			enter(1-c, 1)
			s.walk(label+"_odd", r, b, func(at Mem) { add(at, c, 2); add(at, 1-c, 0) })
			leave(c)
			DECQ(x)
			JZ(LabelRef(name + "_end"))
		}
		JMP(LabelRef(name + "_column"))
		for c := range 2 {
			Label(fmt.Sprintf("%s%d_last", name, c))
			leave(c)
			JMP(LabelRef(name + "_end"))
		}
		Label(name + "_end")
		DECQ(y)
	}
	row("even", false)
	JZ(LabelRef("flush"))
	row("odd", true)
	JNZ(LabelRef("even"))
	JMP(LabelRef("done"))

	// The last row of outputs, if no odd row of the source lies below it.
	Label("flush")
	Load(Param("part"), at)
	Load(Param("cols"), x)
	INCQ(x)
	SHRQ(U8(1), x)
	Label("flush_column")
	for i := range nv {
		VMOVUPS(slot(0, i), acc[0][0][i])
	}
	s.fire(acc[0][0], r, b)
	ADDQ(U32(s.position()), at)
	DECQ(x)
	JNZ(LabelRef("flush_column"))
	Label("done")
	VZEROUPPER()
	Store(s.count, ReturnIndex(0))
	RET()
	for _, more := range s.more {
		more()
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
