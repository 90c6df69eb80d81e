package kernel

// Add stores the sum of two slices:
//
//	dst[i] = x[i] + y[i]
//
// All slices must have the same length. dst may be x or y.
func Add(dst, x, y []float32) {
	if len(x) != len(dst) || len(y) != len(dst) {
		panic("kernel: Add: length mismatch")
	}
	if len(dst) > 0 {
		add(dst, x, y)
	}
}

func addGeneric(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// MulAdd adds a product, rounded on its own:
//
//	dst[i] += float32(x[i] * w[i])
//
// All slices must have the same length and not overlap.
func MulAdd(dst, x, w []float32) {
	if len(x) != len(dst) || len(w) != len(dst) {
		panic("kernel: MulAdd: length mismatch")
	}
	if len(dst) > 0 {
		mulAdd(dst, x, w)
	}
}

func mulAddGeneric(dst, x, w []float32) {
	x, w = x[:len(dst)], w[:len(dst)]
	for i := range dst {
		dst[i] += float32(x[i] * w[i])
	}
}

// ScaleShift applies an affine function of its own to every element:
//
//	dst[i] = float32(x[i]*scale[i]) + shift[i]
//
// All slices must have the same length. dst may be x.
func ScaleShift(dst, x, scale, shift []float32) {
	if len(x) != len(dst) || len(scale) != len(dst) || len(shift) != len(dst) {
		panic("kernel: ScaleShift: length mismatch")
	}
	if len(dst) > 0 {
		scaleShift(dst, x, scale, shift)
	}
}

func scaleShiftGeneric(dst, x, scale, shift []float32) {
	x, scale, shift = x[:len(dst)], scale[:len(dst)], shift[:len(dst)]
	for i := range dst {
		dst[i] = float32(x[i]*scale[i]) + shift[i]
	}
}

// Clip bounds every element by zero and by limit, which is positive; with a
// limit of +Inf it is the rectifier. NaN stays NaN.
//
//	u := x[i]
//	if u < 0 {
//		u = 0
//	}
//	if u > limit {
//		u = limit
//	}
//	dst[i] = u
//
// Both slices must have the same length. dst may be x.
func Clip(dst, x []float32, limit float32) {
	if len(x) != len(dst) {
		panic("kernel: Clip: length mismatch")
	}
	if len(dst) > 0 {
		clip(dst, x, limit)
	}
}

func clipGeneric(dst, x []float32, limit float32) {
	x = x[:len(dst)]
	for i, u := range x {
		if u < 0 {
			u = 0
		}
		if u > limit {
			u = limit
		}
		dst[i] = u
	}
}
