package calibrate

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestBins compares with a look at every value: the bins of equal width come from
// counts of high bits, and no value may land in another bin than its own.
func TestBins(t *testing.T) {
	value := rapid.OneOf(
		rapid.SampledFrom([]float32{0, 1, 2, -1, 0.5, math.Nextafter32(2, 0), math.Nextafter32(-2, 0), math.SmallestNonzeroFloat32}),
		rapid.Float32Range(0, 3),
		rapid.Float32Range(-100, 100),
		rapid.Float32Range(7, 7.0001),
	)
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(value, 1, 200).Draw(t, "x")
		h := newHistogram()
		h.addHigh(x)
		h.chooseHigh(99.9)
		got := h.statistics("x").Histogram

		n := len(got.Counts)
		if n > maxBins {
			t.Fatalf("%d bins", n)
		}
		want := make([]uint64, n)
		var zeros int
		for _, v := range x {
			if v == 0 {
				zeros++
				continue
			}
			width := got.Edges[1] - got.Edges[0]
			i := math.Floor((float64(v) - got.Edges[0]) / width)
			if v < 0 {
				i = math.Ceil((float64(v)-got.Edges[0])/width) - 1 // On an edge: away from zero.
			}
			want[min(max(int(i), 0), n-1)]++
		}
		if zeros == len(x) {
			if n != 0 {
				t.Fatalf("%d bins of zeros only", n)
			}
			return
		}
		if len(got.Edges) != n+1 {
			t.Fatalf("%d edges of %d bins", len(got.Edges), n)
		}
		for i, c := range got.Counts {
			if c != want[i] {
				t.Fatalf("bin %d from %v to %v: %d, want %d", i, got.Edges[i], got.Edges[i+1], c, want[i])
			}
		}
	})
}

// A layer's usual activations make good use of the bins.
func TestBinsAreMany(t *testing.T) {
	for _, largest := range []float32{0.001, 1, 1.01, 1.5, 1.99, 2, 100} {
		h := newHistogram()
		for i := range 1000 {
			h.addHigh([]float32{largest * float32(i) / 999})
		}
		h.chooseHigh(99.9)
		got := h.statistics("x").Histogram
		if n := len(got.Counts); n < 40 || n > maxBins || got.Edges[0] != 0 || got.Edges[n] < float64(largest) || got.Edges[n-1] > float64(largest) {
			t.Errorf("largest %v: %d bins from %v to %v", largest, n, got.Edges[0], got.Edges[n])
		}
	}
}
