package main

import "fmt"

// neonGemm generates kernel.Gemm16 for arm64. A tile of up to four rows and all 16
// columns keeps its sums in registers while k runs. Four elements of each row of a
// are loaded at a time, as a multiplication can take one lane for all.
func neonGemm(f *armFile) {
	f.function("gemm16NEON", "gemm16Generic for m, k > 0.", "func(m, k int, a []float32, lda int, b, c []float32, ldc int)", func(a *armFunc) {
		m, k := a.arg("m"), a.arg("k")
		pa, lda := a.arg("a_base"), a.arg("lda")
		pb := a.arg("b_base")
		pc, ldc := a.arg("c_base"), a.arg("ldc")
		a.shiftLeft(2, lda)
		a.shiftLeft(2, ldc)
		for _, rows := range []int{4, 2, 1} {
			a.scope(func() { neonGemmTile(a, rows, m, k, pa, lda, pb, pc, ldc) })
		}
	})
}

func neonGemmTile(a *armFunc, rows int, m, k, pa, lda, pb, pc, ldc gpr) {
	label := fmt.Sprintf("rows%d", rows)
	a.label(label)
	a.ins("CMP", imm(rows), m)
	a.ins("BLT", label+"_end")
	// The rows of a and c; afterwards pa and pc are the next tile's.
	row := func(p, stride gpr) []gpr {
		s := make([]gpr, rows)
		for i := range s {
			s[i] = a.gp()
			a.ins("MOVD", p, s[i])
			a.ins("ADD", stride, p)
		}
		return s
	}
	rowA, rowC := row(pa, lda), row(pc, ldc)
	at, left := a.gp(), a.gp()
	a.ins("MOVD", pb, at)
	a.ins("MOVD", k, left)
	acc, x, w := make([][]vec, rows), a.vecs(rows), a.vecs(4)
	for i := range acc {
		acc[i] = a.vecs(4)
		a.ldp("", ptr(rowC[i]), acc[i][0], acc[i][1])
		a.ldp("", mem(rowC[i], 32), acc[i][2], acc[i][3])
	}
	product := [2][]vec{a.vecs(4), a.vecs(4)}
	// step is one step of k: products of a row are made while those of the row before
	// are added.
	step := func(lane int) {
		a.ldp(".P", mem(at, 32), w[0], w[1])
		a.ldp(".P", mem(at, 32), w[2], w[3])
		for i := range rows + 1 {
			for j := range 4 {
				if i < rows {
					a.fmulLane(x[i], lane, w[j], product[i%2][j])
				}
			}
			for j := range 4 {
				if i > 0 {
					a.fadd(product[(i-1)%2][j], acc[i-1][j], acc[i-1][j])
				}
			}
		}
	}
	a.ins("CMP", imm(4), left)
	a.ins("BLT", label+"_single")
	a.label(label + "_unrolled")
	a.per(fmt.Sprintf("4 steps of k, rows: %d", rows), func() {
		for i := range rows {
			a.ins("FMOVQ.P", mem(rowA[i], 16), x[i].f())
		}
		for lane := range 4 {
			step(lane)
		}
		a.ins("SUB", imm(4), left)
		a.ins("CMP", imm(4), left)
		a.ins("BGE", label+"_unrolled")
	})
	a.label(label + "_single")
	a.ins("CBZ", left, label+"_store")
	for i := range rows {
		a.ins("FMOVS.P", mem(rowA[i], 4), x[i].f())
	}
	step(0)
	a.ins("SUB", imm(1), left)
	a.ins("B", label+"_single")
	a.label(label + "_store")
	for i := range acc {
		a.stp("", acc[i][0], acc[i][1], ptr(rowC[i]))
		a.stp("", acc[i][2], acc[i][3], mem(rowC[i], 32))
	}
	a.ins("SUB", imm(rows), m)
	a.ins("B", label)
	a.label(label + "_end")
}
