package paired

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The example of airway responses of Fagerland, Lydersen and Laake (2014, Statistics in Medicine
// 33, 2850-2875), whose McNemar exact p is 0.070 and whose Tango interval is -0.517 to -0.026; and
// what has a closed form: without differences the interval reaches to z^2 / (n + z^2).
func TestKnown(t *testing.T) {
	for _, tt := range []struct {
		t         Table
		p         float64
		low, high float64
	}{
		{Table{N: 21, Gained: 1, Lost: 7}, 0.0703, -51.7, -2.6},
		{Table{N: 100, Gained: 0, Lost: 0}, 1, -3.70, 3.70},
	} {
		if p := tt.t.P(); math.Abs(p-tt.p) > 1e-3 {
			t.Errorf("%+v: p = %v, want %v", tt.t, p, tt.p)
		}
		low, high := tt.t.Interval(Z95)
		if math.Abs(low-tt.low) > 0.1 || math.Abs(high-tt.high) > 0.1 {
			t.Errorf("%+v: from %.2f to %.2f, want %v to %v", tt.t, low, high, tt.low, tt.high)
		}
	}
}

// Intervals hold as often as they say.
func TestCoverage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tt := range []struct {
		n            int
		gained, lost float64
	}{{100, 0.02, 0.02}, {250, 0.10, 0.02}, {500, 0.01, 0.05}, {250, 0.3, 0.1}} {
		const rounds = 2000
		holds, better := 0, 0
		for range rounds {
			var a Table
			for range tt.n {
				switch x := rnd.Float64(); {
				case x < tt.gained:
					a.Add(false, true)
				case x < tt.gained+tt.lost:
					a.Add(true, false)
				default:
					a.Add(true, true)
				}
			}
			low, high := a.Interval(Z95)
			if d := 100 * (tt.gained - tt.lost); low <= d && d <= high {
				holds++
			}
			if a.Better() <= 0.05 {
				better++
			}
		}
		if share := float64(holds) / rounds; share < 0.93 {
			t.Errorf("%+v: an interval of 95 %% holds %.3f of the time", tt, share)
		}
		if share := float64(better) / rounds; tt.gained <= tt.lost && share > 0.06 {
			t.Errorf("%+v: better on %.3f of the samples", tt, share)
		}
	}
}

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
		if got := Holm(tt.p, 0.05); !slices.Equal(got, tt.want) {
			t.Errorf("Holm(%v) = %v, want %v", tt.p, got, tt.want)
		}
	}
}
