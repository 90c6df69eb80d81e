package dataset

import (
	"math"
	"testing"
)

func TestResize(t *testing.T) {
	for _, tt := range []struct {
		name         string
		x            []float32
		h, w, th, tw int
		want         []float32
	}{
		{"the same size", []float32{1, 2, 3, 4}, 2, 2, 2, 2, []float32{1, 2, 3, 4}},
		{"one pixel grows", []float32{5}, 1, 1, 2, 2, []float32{5, 5, 5, 5}},
		{"between two pixels", []float32{0, 4}, 1, 2, 1, 4, []float32{0, 1, 3, 4}},
		{"the mean of all", []float32{0, 2, 4, 6}, 2, 2, 1, 1, []float32{3}},
		{"columns", []float32{0, 4}, 2, 1, 4, 1, []float32{0, 1, 3, 4}},
	} {
		got := Resize(tt.x, tt.h, tt.w, tt.th, tt.tw)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		for i := range got {
			if math.Abs(float64(got[i]-tt.want[i])) > 1e-5 {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				break
			}
		}
	}
}
