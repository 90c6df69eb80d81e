package tensor

import (
	"math"
	"testing"
)

// Every half is sign * (1 + frac/1024) * 2^(exp-15), or without the 1 and with
// exp 1 if exp is 0.
func TestFloat16(t *testing.T) {
	for bits := range 1 << 16 {
		sign, exp, frac := 1-2*float64(bits>>15), bits>>10&31, float64(bits&0x3ff)
		var want float64
		switch {
		case exp == 31 && frac == 0:
			want = math.Inf(int(sign))
		case exp == 31:
			want = math.NaN()
		case exp == 0:
			want = sign * math.Ldexp(frac/1024, -14)
		default:
			want = sign * math.Ldexp(1+frac/1024, exp-15)
		}
		got := float64(Float16(uint16(bits)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (sign < 0) {
			t.Fatalf("Float16(%#04x) = %v, want %v", bits, got, want)
		}
	}
}

func TestBFloat16(t *testing.T) {
	for _, tt := range []struct {
		bits uint16
		want float32
	}{{0x3f80, 1}, {0xc040, -3}, {0x0000, 0}, {0x4049, 3.140625}} {
		if got := BFloat16(tt.bits); got != tt.want {
			t.Errorf("BFloat16(%#04x) = %v, want %v", tt.bits, got, tt.want)
		}
	}
}
