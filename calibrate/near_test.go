package calibrate

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNear compares what was kept in place of a second pass with a sort, for far more
// activations than can be kept.
func TestNear(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		name       string
		percentile float64
		at         func(i int) float32
		lost, low  bool
	}{
		{"normal", 99.9, func(int) float32 { return max(float32(rnd.NormFloat64()), 0) }, false, false},
		{"normal with signs", 20, func(int) float32 { return float32(rnd.NormFloat64()) }, false, false},
		{"of one size", 50, func(int) float32 { return 1 + rnd.Float32()/256 }, false, true},
		{"of one number", 50, func(int) float32 { return 3 }, false, true},
		{"zero", 50, func(i int) float32 { return float32(max(0, i%10-8)) }, false, false},
		{"drifting slowly", 90, func(i int) float32 { return rnd.Float32() * float32(1+i/100_000) / 10 }, true, false},
		{"other than the first", 90, func(i int) float32 { return rnd.Float32() * float32(1+100*min(i/10_000, 1)) }, true, false},
	} {
		h := newHistogram()
		x := make([]float32, 2_000_000)
		for i := range x {
			x[i] = tt.at(i)
		}
		first := x[:10_000]
		h.addHigh(first)
		h.aim(tt.percentile)
		for c := range slices.Chunk(x[len(first):], 100_000) {
			h.addHigh(c)
		}
		if n := cap(h.near.kept); n > nearMost+nearTurn {
			t.Errorf("%s: room for %d activations", tt.name, n)
		}
		low := h.near.low != nil
		h.chooseHigh(tt.percentile)
		if lost := !h.recall(); lost != tt.lost || low != tt.low {
			t.Errorf("%s: lost %v, counted by low bits %v, want %v and %v", tt.name, lost, low, tt.lost, tt.low)
		} else if lost {
			continue
		}
		h.addLow(first)
		slices.Sort(x)
		if s, want := h.statistics("x"), x[Rank(tt.percentile, uint64(len(x)))-1]; s.Lambda != want {
			t.Errorf("%s: lambda %v, want %v", tt.name, s.Lambda, want)
		}
	}
}
