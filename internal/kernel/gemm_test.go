package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveGemm16 is the loop in the comment of Gemm16.
func naiveGemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	for i := range m {
		for j := range 16 {
			acc := c[i*ldc+j]
			for p := range k {
				acc += float32(a[i*lda+p] * b[p*16+j])
			}
			c[i*ldc+j] = acc
		}
	}
}

func TestGemm16(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		// Past the highest tile twice and past the unrolled loop, every remainder
		// has been seen.
		for m := range 30 {
			for _, k := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 27, 144} {
				lda, ldc := k+rnd.IntN(3), 16+rnd.IntN(20)
				a := roughSlice(rnd, max(m-1, 0)*lda+k)
				b := roughSlice(rnd, k*16)
				c := roughSlice(rnd, max(m-1, 0)*ldc+16)
				want := slices.Clone(c)
				naiveGemm16(m, k, a, lda, b, want, ldc)

				got, check := guarded(t, c)
				Gemm16(m, k, a, lda, b, got, ldc)
				check()
				equalBits(t, fmt.Sprintf("m=%d k=%d lda=%d ldc=%d", m, k, lda, ldc), got, want)
			}
		}
	})
}

func TestGemm16OneRowForAll(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(3, 4))
		b, c := roughSlice(rnd, 16), roughSlice(rnd, 13*16)
		got := slices.Clone(c)
		Gemm16(13, 1, []float32{1}, 0, b, got, 16)
		for i := range c {
			if want := c[i] + b[i%16]; got[i] != want {
				t.Fatalf("element %d is %v, want %v", i, got[i], want)
			}
		}
	})
}

// A product that is rounded before it is added gives 0 here; a fused
// multiply-add would keep the part of the product that does not fit.
func TestGemm16RoundsProducts(t *testing.T) {
	x := float32(1 + 1.0/4096)
	forEachImpl(t, func(t *testing.T) {
		for m := 1; m < 25; m++ {
			a, b, c := make([]float32, m), make([]float32, 16), make([]float32, m*16)
			for i := range a {
				a[i] = x
			}
			for i := range b {
				b[i] = x
			}
			for i := range c {
				c[i] = -float32(x * x)
			}
			Gemm16(m, 1, a, 1, b, c, 16)
			for i, v := range c {
				if math.Float32bits(v) != 0 {
					t.Fatalf("m=%d: element %d is %v, want 0", m, i, v)
				}
			}
		}
	})
}

func TestGemm16Panics(t *testing.T) {
	ok := func(n int) []float32 { return make([]float32, n) }
	for name, f := range map[string]func(){
		"short a":   func() { Gemm16(2, 3, ok(5), 3, ok(48), ok(32), 16) },
		"short b":   func() { Gemm16(2, 3, ok(6), 3, ok(47), ok(32), 16) },
		"short c":   func() { Gemm16(2, 3, ok(6), 3, ok(48), ok(31), 16) },
		"small ldc": func() { Gemm16(2, 3, ok(6), 3, ok(48), ok(32), 15) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func BenchmarkGemm16(b *testing.B) {
	const m, k = 24, 576
	rnd := rand.New(rand.NewPCG(1, 2))
	x, w, c := roughSlice(rnd, m*k), roughSlice(rnd, k*16), make([]float32, m*16)
	for i, impl := range implementations {
		b.Run(impl.name, func(b *testing.B) {
			for _, faster := range implementations[:i] {
				*faster.enabled = false
				defer func() { *faster.enabled = true }()
			}
			for b.Loop() {
				Gemm16(m, k, x, k, w, c, 16)
			}
			b.ReportMetric(2*m*k*16*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}
