package eval

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// overTime is a result over 1000 images with the given numbers of images that are
// right, and one more addition an image at every timestep.
func overTime(trained int, correct ...int) *Result {
	r := &Result{Images: 1000, Timesteps: len(correct), TrainedTop1: float64(trained) / 1000}
	for t, n := range correct {
		r.SpikingTop1 = append(r.SpikingTop1, float64(n)/1000)
		r.Agreement = append(r.Agreement, 1)
		r.SpikesPerImage = append(r.SpikesPerImage, float64(t+1))
		r.ACsPerImage = append(r.ACsPerImage, float64(10*(t+1)))
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
	for _, tt := range []struct {
		name        string
		r           *Result
		within      [3]int // 2, 1 and 0.5 points.
		best        int
		recommended int
		reason      string
		pareto      []int
	}{
		{
			"rises", overTime(900, 100, 880, 890, 895, 900, 900),
			[3]int{2, 3, 4},
			5, 4,
			"within 0.5 points of the trained network's",
			[]int{1, 2, 3, 4, 5},
		},
		{ // Exactly 20, 10 and 5 images short is within; one more is not.
			"limits", overTime(900, 879, 880, 889, 890, 894, 895),
			[3]int{2, 4, 6},
			6, 6,
			"within 0.5",
			[]int{1, 2, 3, 4, 5, 6},
		},
		{ // Close at T = 2, but it does not stay so.
			"comes and goes", overTime(900, 500, 899, 880, 896, 896),
			[3]int{2, 4, 4},
			2, 4,
			"within 0.5",
			[]int{1, 2},
		},
		{
			"never close", overTime(900, 300, 700, 796, 800, 799),
			[3]int{},
			4, 3,
			"its own best",
			[]int{1, 2, 3, 4},
		},
		{
			"falls in the end", overTime(900, 300, 800, 700),
			[3]int{},
			2, 2,
			"where the accuracy is best",
			[]int{1, 2},
		},
		{ // Better than the trained network is within, too.
			"better", overTime(900, 950), [3]int{1, 1, 1}, 1, 1, "within 0.5", []int{1},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.r.Choose()
			for i, w := range c.Within {
				if w.T != tt.within[i] || w.Points != []float64{2, 1, 0.5}[i] {
					t.Errorf("within %v points: got T = %d, want %d", w.Points, w.T, tt.within[i])
				}
			}
			if c.Best != tt.best || c.Recommended != tt.recommended || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("got best %d, recommended %d (%s), want %d, %d (%s)", c.Best, c.Recommended, c.Reason, tt.best, tt.recommended, tt.reason)
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
