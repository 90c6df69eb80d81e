package kernel

// Lanes is the number of output columns that one call of [Gemm16] computes, and
// the width to which packed weights are padded.
const Lanes = 16

// Gemm16 adds to a matrix c of m rows and 16 columns the product of a matrix a
// of m rows and k columns and a packed matrix b of k rows and 16 columns:
//
//	for i := range m {
//		for j := range 16 {
//			acc := c[i*ldc+j]
//			for p := range k {
//				acc += float32(a[i*lda+p] * b[p*16+j])
//			}
//			c[i*ldc+j] = acc
//		}
//	}
//
// lda may be less than k, so that rows overlap or, with 0, are one row. ldc must
// be at least 16. c must not overlap a or b.
func Gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	if m <= 0 || k <= 0 {
		return
	}
	if lda < 0 || ldc < Lanes || len(a) < (m-1)*lda+k || len(b) < k*Lanes || len(c) < (m-1)*ldc+Lanes {
		panic("kernel: Gemm16: slice too short")
	}
	gemm16(m, k, a, lda, b, c, ldc)
}

// gemm16Generic is the reference: every other implementation must produce the
// same bits. The sixteen sums of a row advance together, in four groups that fit
// into registers.
func gemm16Generic(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	for i := range m {
		x := a[i*lda:][:k]
		y := (*[Lanes]float32)(c[i*ldc:])
		for j := 0; j < Lanes; j += 4 {
			c0, c1, c2, c3 := y[j], y[j+1], y[j+2], y[j+3]
			w := b[j:]
			for p, v := range x {
				q := (*[4]float32)(w[p*Lanes:])
				c0 += float32(v * q[0])
				c1 += float32(v * q[1])
				c2 += float32(v * q[2])
				c3 += float32(v * q[3])
			}
			y[j], y[j+1], y[j+2], y[j+3] = c0, c1, c2, c3
		}
	}
}
