package diagnose

import (
	"math"
	"slices"
	"testing"

	"sresnet/eval"
)

func TestHolm(t *testing.T) {
	for _, tt := range []struct {
		p    []float64
		want []bool
	}{
		{nil, []bool{}},
		{[]float64{0.04}, []bool{true}},
		{[]float64{0.03, 0.01, 0.04}, []bool{false, true, false}}, // 0.01 < 0.05 / 3, but 0.03 > 0.05 / 2.
		{[]float64{0.02, 0.01, 0.06}, []bool{true, true, false}},
	} {
		if got := holm(tt.p, 0.05); !slices.Equal(got, tt.want) {
			t.Errorf("holm(%v) = %v, want %v", tt.p, got, tt.want)
		}
	}
}

// Five heads of five coins come once in 32 times, and four or more six times.
func TestBetter(t *testing.T) {
	for _, tt := range []struct {
		p    eval.Pairs
		want float64
	}{
		{eval.Pairs{Images: 9, Gained: 5}, 1.0 / 32},
		{eval.Pairs{Images: 9, Gained: 4, Lost: 1}, 6.0 / 32},
		{eval.Pairs{Images: 9, Gained: 1, Lost: 4}, 1},
		{eval.Pairs{Images: 9}, 1},
	} {
		if got := better(tt.p); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%+v: %v, want %v", tt.p, got, tt.want)
		}
	}
}
