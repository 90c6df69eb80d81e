package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The gap is that of the scores which the read-outs are stated with.
func TestAnswer(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		n := 2 + rnd.IntN(6)
		counts, potential, current := make([]uint32, n), make([]float32, n), make([]float32, n)
		for k := range n {
			counts[k] = uint32(rnd.IntN(4))
			potential[k], current[k] = float32(rnd.NormFloat64()*2), float32(rnd.NormFloat64()*9)
		}
		var sum float64
		for _, v := range potential {
			sum += math.Exp(float64(v))
		}
		for r, score := range map[Readout]func(k int) float64{
			CountPotential: func(k int) float64 { return float64(counts[k]) + math.Exp(float64(potential[k]))/sum },
			Count:          func(k int) float64 { return float64(counts[k]) },
			Potential:      func(k int) float64 { return float64(current[k]) },
		} {
			var all []float64
			for k := range n {
				all = append(all, score(k))
			}
			slices.Sort(all)
			want := all[n-1] - all[n-2]
			class, gap := r.Answer(counts, potential, current)
			if class != r.Class(counts, potential, current) || math.Abs(float64(gap)-want) > 1e-5 {
				t.Fatalf("%v of %v, %v, %v: class %d, gap %v, want %d, %v", r, counts, potential, current, class, gap, r.Class(counts, potential, current), want)
			}
		}
	}
	for _, r := range []Readout{CountPotential, Count, Potential} {
		if class, gap := r.Answer([]uint32{3}, []float32{1}, []float32{2}); class != 0 || gap != 0 {
			t.Errorf("%v of one output: class %d, gap %v", r, class, gap)
		}
	}
}

func TestExp(t *testing.T) {
	for x := 0.0; x > -720; x -= 0.0371 {
		want := math.Exp(x)
		if x < -700 {
			want = 0
		}
		if got := exp(x); math.Abs(got-want) > 1e-14*want {
			t.Fatalf("exp(%v): got %v, want %v", x, got, want)
		}
	}
}
