//go:build !amd64 || purego

package kernel

func gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	gemm16Generic(m, k, a, lda, b, c, ldc)
}

func add(dst, x, y []float32) { addGeneric(dst, x, y) }

func mulAdd(dst, x, w []float32) { mulAddGeneric(dst, x, w) }

func scaleShift(dst, x, scale, shift []float32) { scaleShiftGeneric(dst, x, scale, shift) }

func clip(dst, x []float32, limit float32) { clipGeneric(dst, x, limit) }
