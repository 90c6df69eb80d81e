package diagnose

import (
	"math"
	"testing"

	"sresnet/eval"
)

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
