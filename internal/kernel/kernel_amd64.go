//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

var (
	useAVX2   = cpu.X86.HasAVX2
	useAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL
)

func init() {
	if useAVX2 {
		register("avx2", &useAVX2)
	}
	if useAVX512 {
		register("avx512", &useAVX512)
	}
}

func gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	switch {
	case useAVX512:
		gemm16AVX512(m, k, a, lda, b, c, ldc)
	case useAVX2:
		gemm16AVX2(m, k, a, lda, b, c, ldc)
	default:
		gemm16Generic(m, k, a, lda, b, c, ldc)
	}
}

func add(dst, x, y []float32) {
	if useAVX2 {
		addAVX2(dst, x, y)
		return
	}
	addGeneric(dst, x, y)
}

func mulAdd(dst, x, w []float32) {
	if useAVX2 {
		mulAddAVX2(dst, x, w)
		return
	}
	mulAddGeneric(dst, x, w)
}

func scaleShift(dst, x, scale, shift []float32) {
	if useAVX2 {
		scaleShiftAVX2(dst, x, scale, shift)
		return
	}
	scaleShiftGeneric(dst, x, scale, shift)
}

func clip(dst, x []float32, limit float32) {
	if useAVX2 {
		clipAVX2(dst, x, limit)
		return
	}
	clipGeneric(dst, x, limit)
}
