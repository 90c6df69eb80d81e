package tensor

import (
	"slices"
	"testing"
)

func TestChannelsLast(t *testing.T) {
	got := make([]float32, 6)
	ChannelsLast(got, []float32{1, 2, 3, 10, 20, 30}, 2)
	if want := []float32{1, 10, 2, 20, 3, 30}; !slices.Equal(got, want) {
		t.Errorf("ChannelsLast: got %v, want %v", got, want)
	}
}

func TestArgMax(t *testing.T) {
	for _, tt := range []struct {
		x    []float32
		want int
	}{{nil, 0}, {[]float32{-1}, 0}, {[]float32{1, 3, 3, 2}, 1}, {[]float32{-3, -2}, 1}} {
		if got := ArgMax(tt.x); got != tt.want {
			t.Errorf("ArgMax(%v): got %d, want %d", tt.x, got, tt.want)
		}
	}
}
