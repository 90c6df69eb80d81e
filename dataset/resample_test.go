package dataset

import (
	"bytes"
	"testing"

	"sresnet/tensor"
)

func TestResize(t *testing.T) {
	for _, tt := range []struct {
		name  string
		x     []float32
		shape tensor.Shape
		h, w  int
		want  []byte
	}{
		{"the same size", []float32{1, 2, 3, 4}, tensor.Shape{1, 2, 2}, 2, 2, []byte{1, 2, 3, 4}},
		{"one pixel grows", []float32{5}, tensor.Shape{1, 1, 1}, 2, 2, []byte{5, 5, 5, 5}},
		{"between two pixels", []float32{0, 4}, tensor.Shape{1, 1, 2}, 1, 4, []byte{0, 1, 3, 4}},
		{"the mean of all", []float32{0, 2, 4, 6}, tensor.Shape{1, 2, 2}, 1, 1, []byte{3}},
		{"columns", []float32{0, 4}, tensor.Shape{1, 2, 1}, 4, 1, []byte{0, 1, 3, 4}},
		{"channels", []float32{7, 9, 1, 1}, tensor.Shape{2, 1, 2}, 1, 1, []byte{8, 1}},
		{"out of range", []float32{-5, 254.6, 300}, tensor.Shape{1, 1, 3}, 1, 3, []byte{0, 255, 255}},
	} {
		if got := Resize(tt.x, tt.shape, tt.h, tt.w); !bytes.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
