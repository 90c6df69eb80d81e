package calibrate

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestHistogram compares with a sort: any floats, in any portions.
func TestHistogram(t *testing.T) {
	value := rapid.OneOf(
		rapid.SampledFrom([]float32{0, float32(math.Copysign(0, -1)), 1, math.Nextafter32(1, 2), -1, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, math.MaxFloat32, -math.MaxFloat32}),
		rapid.Float32(),
		rapid.Float32Range(0, 1),
	)
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(value, 1, 200).Draw(t, "x")
		p := rapid.OneOf(rapid.SampledFrom([]float64{100, 99.9, 50, 0.1}), rapid.Float64Range(0.01, 100)).Draw(t, "percentile")
		size := rapid.IntRange(1, len(x)).Draw(t, "portion")

		h := newHistogram()
		for c := range slices.Chunk(x, size) {
			h.addHigh(c)
		}
		h.chooseHigh(p)
		for c := range slices.Chunk(x, size) {
			h.addLow(c)
		}
		s := h.statistics("x")

		sorted := slices.Clone(x)
		slices.Sort(sorted)
		if want := sorted[Rank(p, uint64(len(x)))-1]; s.Lambda != want {
			t.Fatalf("lambda %v, want %v", s.Lambda, want)
		}
		if want := slices.Max(x); s.Max != want {
			t.Fatalf("max %v, want %v", s.Max, want)
		}
		sum, largest, zeros := new(big.Float).SetPrec(600), 0.0, uint64(0)
		for _, v := range x {
			sum.Add(sum, big.NewFloat(float64(v)))
			largest = max(largest, math.Abs(float64(v)))
			if v == 0 {
				zeros++
			}
		}
		mean, _ := sum.Quo(sum, big.NewFloat(float64(len(x)))).Float64()
		if math.Abs(s.Mean-mean) > 1e-12*largest {
			t.Fatalf("mean %v, want %v", s.Mean, mean)
		}
		if s.Zeros != zeros || s.Count != uint64(len(x)) {
			t.Fatalf("%d zeros of %d, want %d of %d", s.Zeros, s.Count, zeros, len(x))
		}
	})
}

func TestOrdered(t *testing.T) {
	x := []float32{float32(math.Inf(-1)), -math.MaxFloat32, -1, -math.SmallestNonzeroFloat32, 0, math.SmallestNonzeroFloat32, 1, math.MaxFloat32, float32(math.Inf(1))}
	for i, v := range x {
		if got := float(ordered(v)); got != v {
			t.Errorf("float(ordered(%v)): got %v", v, got)
		}
		if i > 0 && !(ordered(x[i-1]) < ordered(v)) {
			t.Errorf("ordered(%v) = %#x, not below ordered(%v) = %#x", x[i-1], ordered(x[i-1]), v, ordered(v))
		}
	}
}
