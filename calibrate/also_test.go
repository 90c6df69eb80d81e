package calibrate

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Percentiles that are measured beside others are what they are alone, for few images and many.
func TestAlso(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	g := smallGraph(t, rnd)
	list := []float64{100, 99.99, 99, 50, 1}
	for _, n := range []int{1, 40, 300} {
		images := randomImages(rnd, n, g.Input.Shape.Len())
		for k, first := range list {
			also := append(append([]float64(nil), list[:k]...), list[k+1:]...)
			got, err := Run(t.Context(), g, images, Options{Percentile: first, Also: also})
			if err != nil {
				t.Fatal(err)
			}
			others := got.Also
			got.Also = nil
			for _, s := range append(others, got) {
				want, err := Run(t.Context(), g, images, Options{Percentile: s.Percentile})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, s); diff != "" {
					t.Errorf("%d images, percentile %v beside %v (-alone +beside):\n%s", n, s.Percentile, first, diff)
				}
			}
		}
	}
	if _, err := Run(t.Context(), g, randomImages(rnd, 1, g.Input.Shape.Len()), Options{Also: []float64{0}}); err == nil {
		t.Error("percentile 0: no error")
	}
}
