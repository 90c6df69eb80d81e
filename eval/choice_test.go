package eval

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// some are images of which both networks do the same.
type some struct {
	images  int
	trained bool  // Whether the trained network is right.
	turns   []int // When the spiking network becomes right and wrong in turn.
}

// right reports whether the spiking network is right after T timesteps.
func (x *some) right(T int) bool {
	is := false
	for _, t := range x.turns {
		is = is != (t <= T)
	}
	return is
}

// overTime is the result of T timesteps, each of as many additions.
func overTime(T int, list ...some) *Result {
	r := &Result{Timesteps: T, Latency: T, SpikingTop1: make([]float64, T), Agreement: make([]float64, T), Lost: make([]int, T), Gained: make([]int, T)}
	for _, x := range list {
		r.Images += x.images
	}
	one := func(x *some) float64 { return float64(x.images) / float64(r.Images) }
	for _, x := range list {
		for range x.images {
			r.Predictions.Turns = append(r.Predictions.Turns, x.turns)
		}
		if x.trained {
			r.TrainedTop1 += one(&x)
		}
		for t := range T {
			switch right := x.right(t + 1); {
			case right == x.trained:
				r.Agreement[t] += one(&x)
			case right:
				r.Gained[t] += x.images
			default:
				r.Lost[t] += x.images
			}
			if x.right(t + 1) {
				r.SpikingTop1[t] += one(&x)
			}
		}
	}
	for t := range T {
		r.SpikesPerImage, r.ACsPerImage = append(r.SpikesPerImage, float64(t+1)), append(r.ACsPerImage, float64(10*(t+1)))
	}
	return r
}

// Wilson's bounds are the shares q from which k of n images are just 1.96 standard
// deviations away: |k/n - q| = z sqrt(q(1-q)/n).
func TestWilson(t *testing.T) {
	for _, tt := range []struct{ k, n int }{{0, 10}, {1, 10}, {8, 10}, {10, 10}, {0, 1}, {1, 1}, {9157, 10000}} {
		low, high := Wilson(tt.k, tt.n)
		p := float64(tt.k) / float64(tt.n)
		if low < 0 || low > p || high < p || high > 1 || low == high {
			t.Errorf("Wilson(%d, %d): got %v to %v", tt.k, tt.n, low, high)
		}
		for _, q := range []float64{low, high} {
			if z := math.Abs(p-q) / math.Sqrt(q*(1-q)/float64(tt.n)); q > 0 && q < 1 && math.Abs(z-1.959964) > 1e-6 {
				t.Errorf("Wilson(%d, %d): bound %v is %v standard deviations away", tt.k, tt.n, q, z)
			}
		}
	}
	if low, high := Wilson(8, 10); math.Abs(low-0.4902) > 1e-4 || math.Abs(high-0.9433) > 1e-4 {
		t.Errorf("Wilson(8, 10): got %v to %v, want 0.4902 to 0.9433", low, high)
	}
}

func TestChoose(t *testing.T) {
	never := []int{}
	for _, tt := range []struct {
		name        string
		r           *Result
		within      []Within
		best        int
		rises       bool
		recommended int
		against     string
		reason      string
		pareto      []int
	}{
		{ // One point short until T = 40: exactly one of these images, but perhaps more of others.
			"rises", overTime(100, some{9000, true, []int{10}}, some{100, true, []int{40}}, some{900, false, never}),
			[]Within{{2, 10, 10}, {1, 10, 40}, {0.5, 40, 40}},
			40, false, 40, Trained, "the smallest T from which the loss against the trained network stays within 0.5 points, with 95 % confidence",
			[]int{1, 10, 40},
		},
		{ // The same of few images: they tell no more than 3 points.
			"few images", overTime(100, some{180, true, []int{10}}, some{2, true, []int{40}}, some{18, false, never}),
			[]Within{{2, 10, 40}, {1, 10, 0}, {0.5, 40, 0}},
			40, false, 10, Trained, "stays within 3 points, with 95 % confidence; 200 images resolve 3 points, 0.5 takes about 1300",
			[]int{1, 10, 40},
		},
		{
			"in the last timesteps", overTime(100, some{9000, true, []int{10}}, some{200, true, []int{95}}, some{800, false, never}),
			[]Within{{2, 10, 95}, {1, 95, 95}, {0.5, 95, 95}},
			95, true, 0, "", "run longer, such as T = 200; the loss against the trained network is within 0.5 points from T = 95 on, which is too near the end",
			[]int{1, 10, 95},
		},
		{
			"far below", overTime(100, some{8000, true, []int{10}}, some{300, true, []int{30}}, some{700, true, never}, some{1000, false, never}),
			[]Within{{2, 0, 0}, {1, 0, 0}, {0.5, 0, 0}},
			30, false, 30, Itself, "within 0.5 points of its own best, with 95 % confidence; at T = 100 it is 7.00 points below the trained network, 95 % interval 6.5",
			[]int{1, 10, 30},
		},
		{ // As good before it dips: what costs more is not worth it.
			"dips", overTime(200, some{7500, true, []int{10}}, some{140, true, []int{26, 27, 127}}, some{2360, false, never}),
			[]Within{{2, 10, 10}, {1, 127, 127}, {0.5, 127, 127}},
			26, false, 26, Trained, "as accurate as T = 127, the smallest T from which",
			[]int{1, 10, 26},
		},
		{ // By 0.3 points in the last tenth: little, but no chance.
			"rises slowly", overTime(100, some{8000, true, []int{10}}, some{30, true, []int{95}}, some{1000, true, never}, some{970, false, never}),
			[]Within{{2, 0, 0}, {1, 0, 0}, {0.5, 0, 0}},
			95, true, 10, Itself, "; accuracy still rises at the end: run longer, such as T = 200",
			[]int{1, 10, 95},
		},
		{
			"falls", overTime(100, some{7000, true, []int{10}}, some{1000, true, []int{20, 50}}, some{2000, false, never}),
			[]Within{{2, 0, 0}, {1, 0, 0}, {0.5, 0, 0}},
			20, false, 20, Itself, "its own best",
			[]int{1, 10, 20},
		},
		{
			"better", overTime(50, some{9000, true, []int{2}}, some{100, false, []int{2}}, some{900, false, never}),
			[]Within{{2, 2, 2}, {1, 2, 2}, {0.5, 2, 2}},
			2, false, 2, Trained, "within 0.5",
			[]int{1, 2},
		},
		{
			"one timestep", overTime(1, some{10000, true, []int{1}}),
			[]Within{{2, 1, 1}, {1, 1, 1}, {0.5, 1, 1}},
			1, true, 0, "", "run longer, such as T = 2",
			[]int{1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.r.Choose()
			if !slices.Equal(c.Within, tt.within) {
				t.Errorf("within: got %v, want %v", c.Within, tt.within)
			}
			if c.Best != tt.best || c.Rises != tt.rises || c.Recommended != tt.recommended || c.Against != tt.against || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("got best %d, rises %v, recommended %d, against %q (%s), want %d, %v, %d, %q (%s)",
					c.Best, c.Rises, c.Recommended, c.Against, c.Reason, tt.best, tt.rises, tt.recommended, tt.against, tt.reason)
			}
			if !slices.Equal(c.Pareto, tt.pareto) {
				t.Errorf("Pareto: got %v, want %v", c.Pareto, tt.pareto)
			}
			// By its definition: no other T has at least the accuracy for fewer operations.
			for T := 1; T <= tt.r.Timesteps; T++ {
				dominated := false
				for other := range tt.r.Timesteps {
					dominated = dominated || tt.r.SpikingTop1[other] >= tt.r.SpikingTop1[T-1] && tt.r.ACsPerImage[other] < tt.r.ACsPerImage[T-1]
				}
				if dominated == slices.Contains(c.Pareto, T) {
					t.Errorf("T = %d: dominated %v, in the table %v", T, dominated, !dominated)
				}
			}
		})
	}
}

// A network that is calibrated for T is at its best there: it is no curve that still rises.
func TestChooseTuned(t *testing.T) {
	r := overTime(32, some{9000, true, []int{10}}, some{200, true, []int{31}}, some{800, false, []int{}})
	if c := r.Choose(); c.Recommended != 0 || !c.Rises {
		t.Errorf("not calibrated for T: recommended %d, rises %v", c.Recommended, c.Rises)
	}
	r.TunedFor = 32
	if c := r.Choose(); c.Recommended != 31 || c.Rises || !strings.HasPrefix(c.Reason, "as accurate on these images as T = 32, the one that the network is calibrated for") {
		t.Errorf("recommended %d, rises %v: %s", c.Recommended, c.Rises, c.Reason)
	}
}

// Without a trained network, the network is compared with itself; results that do not tell which
// images are right have more pairs than there were, never fewer.
func TestChooseOlder(t *testing.T) {
	list := []some{{900, true, []int{10}}, {30, true, []int{40}}, {20, false, []int{40}}, {50, false, []int{}}}
	r := overTime(100, list...)
	r.TrainedTop1, r.Agreement, r.Lost, r.Gained = 0, nil, nil, nil
	if c := r.Choose(); c.Recommended != 40 || c.Against != Itself || c.Tolerance != 0.7 || len(c.Within) > 0 || strings.Contains(c.Reason, "trained") {
		t.Errorf("alone: %+v", c)
	}
	whole, older := overTime(100, list...), overTime(100, list...)
	older.Lost, older.Gained, older.Predictions.Turns = nil, nil, nil
	for T := 1; T <= 100; T++ {
		p, q := whole.Paired(T), older.Paired(T)
		if p.Lost-p.Gained != q.Lost-q.Gained || q.Lost < p.Lost {
			t.Errorf("T = %d: got %+v, want %+v or more", T, q, p)
		}
	}
	if c, d := whole.Choose(), older.Choose(); c.Recommended != 40 || d.Recommended < c.Recommended {
		t.Errorf("recommended %d, of an older one %d", c.Recommended, d.Recommended)
	}
}

// Whatever happens: nothing is recommended that costs more than an earlier T that is as
// accurate, nor, but for a network that is for its T, of which too little was seen, and what
// is promised of a T holds of these images with room to spare.
func TestChooseAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		T := rapid.IntRange(1, 30).Draw(t, "T")
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) some {
			turns := rapid.SliceOfNDistinct(rapid.IntRange(1, T), 0, 4, rapid.ID[int]).Draw(t, "turns")
			slices.Sort(turns)
			return some{rapid.SampledFrom([]int{1, 3, 10, 100, 2000}).Draw(t, "images"), rapid.Bool().Draw(t, "trained"), turns}
		}), 1, 8).Draw(t, "images")
		r := overTime(T, list...)
		r.TunedFor = rapid.SampledFrom([]int{0, 0, T}).Draw(t, "tuned for")
		c := r.Choose()
		if c.Recommended == 0 {
			if r.TunedFor > 0 || c.Against != "" || c.Tolerance != 0 {
				t.Fatalf("nothing recommended: %+v", c)
			}
			return
		}
		for t0 := 1; t0 < c.Recommended; t0++ {
			if r.right(r.SpikingTop1[t0-1]) >= r.right(r.SpikingTop1[c.Recommended-1]) {
				t.Fatalf("T = %d is as good as %d: %+v", t0, c.Recommended, c)
			}
		}
		if r.TunedFor == 0 && c.Recommended > T-max(T/10, 1) {
			t.Fatalf("T = %d is the last: %+v", c.Recommended, c)
		}
		if c.Against == Trained && !r.Paired(c.Recommended).Within(c.Tolerance/100) {
			t.Fatalf("loss %+v is not within the tolerance: %+v", r.Paired(c.Recommended), c)
		}
	})
}
