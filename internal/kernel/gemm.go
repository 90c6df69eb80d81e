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
// same bits. The sixteen sums of a row advance together, in two groups that fit
// into registers.
func gemm16Generic(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	rows := lanesOf(b)[:k]
	for i := range m {
		x := a[i*lda:][:k]
		y := (*[Lanes]float32)(c[i*ldc:])
		for j := 0; j < Lanes; j += 8 {
			s := (*[8]float32)(y[j:])
			s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
			for p, v := range x {
				q := (*[8]float32)(rows[p][j&8:])
				s0 += float32(v * q[0])
				s1 += float32(v * q[1])
				s2 += float32(v * q[2])
				s3 += float32(v * q[3])
				s4 += float32(v * q[4])
				s5 += float32(v * q[5])
				s6 += float32(v * q[6])
				s7 += float32(v * q[7])
			}
			s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = s0, s1, s2, s3, s4, s5, s6, s7
		}
	}
}
