package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestElementwise(t *testing.T) {
	inf := float32(math.Inf(1))
	tests := []struct {
		name          string
		op, reference func(dst, x, y, z []float32)
	}{
		{"Add", func(dst, x, y, _ []float32) { Add(dst, x, y) }, func(dst, x, y, _ []float32) { addGeneric(dst, x, y) }},
		{"MulAdd", func(dst, x, y, _ []float32) { MulAdd(dst, x, y) }, func(dst, x, y, _ []float32) { mulAddGeneric(dst, x, y) }},
		{"ScaleShift", func(dst, x, y, z []float32) { ScaleShift(dst, x, y, z) }, func(dst, x, y, z []float32) { scaleShiftGeneric(dst, x, y, z) }},
		{"Clip at 1", func(dst, x, _, _ []float32) { Clip(dst, x, 1) }, func(dst, x, _, _ []float32) { clipGeneric(dst, x, 1) }},
		{"Clip at Inf", func(dst, x, _, _ []float32) { Clip(dst, x, inf) }, func(dst, x, _, _ []float32) { clipGeneric(dst, x, inf) }},
	}
	forEachImpl(t, func(t *testing.T) {
		for _, tt := range tests {
			rnd := rand.New(rand.NewPCG(1, 2))
			for _, draw := range []func(*rand.Rand, int) []float32{
				gridSlice, roughSlice,
				func(rnd *rand.Rand, n int) []float32 { return special(gridSlice(rnd, n)) },
			} {
				for n := range 40 {
					x, y, z, dst := draw(rnd, n), gridSlice(rnd, n), roughSlice(rnd, n), roughSlice(rnd, n)
					want := slices.Clone(dst)
					tt.reference(want, x, y, z)
					got, check := guarded(t, dst)
					tt.op(got, x, y, z)
					check()
					equalBits(t, fmt.Sprintf("%s n=%d", tt.name, n), got, want)
				}
			}
		}
	})
}

func TestClip(t *testing.T) {
	negZero, nan, inf := float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1))
	// Nine elements, so that each is seen by the wide loop and by the tail.
	for _, tt := range []struct{ x, limit, want float32 }{
		{-1, 6, 0},
		{1, 6, 1},
		{6, 6, 6},
		{7, 6, 6},
		{0, 6, 0},
		{negZero, 6, negZero},
		{inf, 6, 6},
		{-inf, 6, 0},
		{nan, 6, nan},
		{nan, inf, nan},
		{inf, inf, inf},
		{7, inf, 7},
	} {
		forEachImpl(t, func(t *testing.T) {
			x := slices.Repeat([]float32{tt.x}, 9)
			Clip(x, x, tt.limit)
			equalBits(t, fmt.Sprintf("Clip(%v, %v)", tt.x, tt.limit), x, slices.Repeat([]float32{tt.want}, 9))
		})
	}
}
