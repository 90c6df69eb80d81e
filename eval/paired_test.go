package eval

import (
	"math"
	"math/big"
	"testing"
)

// Bounds are the losses d of which the counts are z standard errors away, where the share of
// gained images is the likeliest one of all that have this loss: found by search, not by the
// formula.
func TestPairsInterval(t *testing.T) {
	likeliest := func(p Pairs, d float64) float64 {
		likelihood := func(q float64) float64 {
			sum := float64(p.Images-p.Lost-p.Gained) * math.Log(1-2*q-d)
			if p.Lost > 0 {
				sum += float64(p.Lost) * math.Log(q+d)
			}
			if p.Gained > 0 {
				sum += float64(p.Gained) * math.Log(q)
			}
			return sum
		}
		low, high := max(0, -d), (1-d)/2
		for range 200 {
			a, b := low+(high-low)/3, high-(high-low)/3
			if likelihood(a) < likelihood(b) {
				low = a
			} else {
				high = b
			}
		}
		return (low + high) / 2
	}
	for _, p := range []Pairs{{44, 0, 1}, {44, 1, 0}, {50, 12, 2}, {200, 4, 1}, {200, 0, 0}, {10000, 120, 100}, {10, 9, 1}} {
		low, high := p.Interval()
		for _, b := range []struct{ d, z float64 }{{low, z975}, {high, -z975}, {p.AtMost(), -z95}} {
			q := likeliest(p, b.d)
			got := (p.Loss() - b.d) / math.Sqrt((2*q+b.d-b.d*b.d)/float64(p.Images))
			if math.Abs(got-b.z) > 1e-5 {
				t.Errorf("%+v: the bound %v is %v standard errors away, want %v", p, b.d, got, b.z)
			}
		}
		if at := p.AtMost(); !p.Within(at+1e-9) || p.Within(at-1e-9) || low > p.Loss() || high < p.Loss() {
			t.Errorf("%+v: loss %v, %v to %v, at most %v", p, p.Loss(), low, high, at)
		}
	}
}

// Of all that may be counted of images whose loss is known, the bound is below it in about
// one case out of 20.
func TestPairsCoverage(t *testing.T) {
	for _, tt := range []struct {
		n            int
		lost, gained float64
	}{{200, 0.03, 0.01}, {200, 0.01, 0.005}, {500, 0.02, 0.01}, {1000, 0.012, 0.007}, {1000, 0.03, 0.03}} {
		below, log := 0.0, func(k int) float64 { v, _ := math.Lgamma(float64(k) + 1); return v }
		for b := range tt.n / 8 {
			for c := range tt.n / 8 {
				p := Pairs{tt.n, b, c}
				if !p.Within(tt.lost - tt.gained - 1e-12) {
					continue
				}
				below += math.Exp(log(tt.n) - log(b) - log(c) - log(tt.n-b-c) +
					float64(b)*math.Log(tt.lost) + float64(c)*math.Log(tt.gained) + float64(tt.n-b-c)*math.Log(1-tt.lost-tt.gained))
			}
		}
		t.Logf("%+v: %.4f", tt, below)
		if below > 0.06 || below < 0.03 {
			t.Errorf("%+v: the bound is below the loss with probability %.4f", tt, below)
		}
	}
}

// McNemar's test by its definition: a sum of binomial coefficients, which is exact.
func TestPairsPValue(t *testing.T) {
	for _, p := range []Pairs{{10, 0, 0}, {10, 1, 0}, {10, 0, 5}, {50, 12, 2}, {50, 2, 12}, {100, 30, 30}, {1000, 131, 100}, {100, 7, 8}} {
		n, sum := p.Lost+p.Gained, new(big.Int)
		for k := range min(p.Lost, p.Gained) + 1 {
			sum.Add(sum, new(big.Int).Binomial(int64(n), int64(k)))
		}
		want, _ := new(big.Rat).SetFrac(sum.Lsh(sum, 1), new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
		if got := p.PValue(); math.Abs(got-min(want, 1)) > 1e-9 {
			t.Errorf("%+v: got %v, want %v", p, got, min(want, 1))
		}
	}
}

// So many images exclude the loss that they resolve in about four draws of five in which both
// networks are equally good.
func TestResolves(t *testing.T) {
	for _, tt := range []struct {
		p      Pairs
		points float64
		enough int
	}{
		{Pairs{200, 1, 2}, 3.7, 4100},
		{Pairs{1000, 0, 0}, 0.7, 1300},
		{Pairs{10000, 100, 90}, 0.4, 5000},
	} {
		points, enough := tt.p.resolves()
		if points != tt.points || enough != tt.enough {
			t.Errorf("%+v: got %v points, %d images, want %v, %d", tt.p, points, enough, tt.points, tt.enough)
		}
		many := float64(enough) / float64(tt.p.Images)
		more := Pairs{enough, int(float64(tt.p.Lost) * many), int(float64(tt.p.Gained) * many)}
		if points, _ := more.resolves(); points != half {
			t.Errorf("%+v: %d images resolve %v points", tt.p, enough, points)
		}
	}
}
