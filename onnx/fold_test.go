package onnx

import (
	"math"
	"testing"

	"sresnet/tensor"
)

// TestHalved compares the rounding to 16 bits with what 16 bits stand for: numbers between
// two of them go to the nearer one, and from the middle to the even one.
func TestHalved(t *testing.T) {
	for _, tt := range []struct {
		typ    elemType
		number func(uint16) float32
		last   uint16 // Of the finite numbers.
	}{{typeFloat16, tensor.Float16, 0x7bff}, {typeBFloat16, tensor.BFloat16, 0x7f7f}} {
		for i := range tt.last {
			a, b := tt.number(i), tt.number(i+1)
			even := a
			if i%2 == 1 {
				even = b
			}
			for _, sign := range []float32{1, -1} {
				for _, c := range []struct{ x, want float64 }{
					{float64(a), float64(a)},
					{float64(a) + 0.25*float64(b-a), float64(a)},
					{float64(a) + 0.5*float64(b-a), float64(even)},
					{float64(a) + 0.75*float64(b-a), float64(b)},
				} {
					if x := float32(c.x); float64(x) == c.x { // Denormal numbers of bfloat16 have no middle.
						if got := halved(sign*x, tt.typ); got != sign*float32(c.want) {
							t.Fatalf("type %d: %v becomes %v, want %v", tt.typ, sign*x, got, sign*float32(c.want))
						}
					}
				}
			}
		}
	}
	if y := halved(1e5, typeFloat16); !math.IsInf(float64(y), 1) {
		t.Errorf("100000 becomes %v", y)
	}
	if y := halved(0.1, 1); y != 0.1 {
		t.Errorf("0.1 stays no float: %v", y)
	}
}
