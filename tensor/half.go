package tensor

import "math"

// Float16 widens the bits of an IEEE 754 half, exactly.
func Float16(bits uint16) float32 {
	sign, exp, frac := uint32(bits>>15)<<31, uint32(bits>>10)&31, uint32(bits)&0x3ff
	switch exp {
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case 0: // Zero or subnormal: frac * 2^-24.
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// BFloat16 widens the bits of a bfloat16, the upper half of a float32.
func BFloat16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }
