package calibrate

import (
	"math"
	"testing"
)

func TestRank(t *testing.T) {
	for _, tt := range []struct {
		p    float64
		n    uint64
		want uint64
	}{
		{99.9, 1000, 999},
		{99.9, 999, 998}, // floor(998.001)
		{99.9, 1001, 999},
		{99.99, 10000, 9999},
		{64.1, 1000, 641}, // The nearest float64 is below 64.1.
		{0.7, 1000, 7},    // 0.7 * 1000 / 100 is 6.999... in float64.
		{100, 7, 7},
		{50, 7, 3},
		{0.1, 7, 1}, // At least the first.
		{99.9, 1, 1},
		{100, math.MaxUint64, math.MaxUint64},
		{50, 1 << 60, 1 << 59},
		{math.NaN(), 7, 1},
	} {
		if got := Rank(tt.p, tt.n); got != tt.want {
			t.Errorf("Rank(%v, %d): got %d, want %d", tt.p, tt.n, got, tt.want)
		}
	}
}
