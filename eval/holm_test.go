package eval

import (
	"slices"
	"testing"
)

// The smallest p-value is compared with alpha over all of them, the next with alpha over one
// fewer, up to the first that is larger.
func TestHolm(t *testing.T) {
	for _, tt := range []struct {
		p    []float64
		want []bool
	}{
		{nil, []bool{}},
		{[]float64{0.05}, []bool{true}},
		{[]float64{0.03, 0.02}, []bool{true, true}},
		{[]float64{0.03, 0.03}, []bool{false, false}},
		{[]float64{0.04, 0.001, 0.03, 0.012}, []bool{false, true, false, true}},
	} {
		if got := Holm(tt.p, 0.05); !slices.Equal(got, tt.want) {
			t.Errorf("Holm(%v): got %v, want %v", tt.p, got, tt.want)
		}
	}
}

// Equals in operations go to the more accurate, and those that are not among to nobody.
func TestCheapest(t *testing.T) {
	list := []Candidate{{90, 5}, {95, 3}, {96, 3}, {10, 1}}
	if got := Cheapest(list, func(i int) bool { return i < 3 }); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
	if got := Cheapest(list, func(int) bool { return false }); got != -1 {
		t.Errorf("of none: got %d", got)
	}
}
