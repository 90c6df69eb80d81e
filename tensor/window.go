package tensor

import "fmt"

// Window is the sliding window of a convolution or a pool over (H, W).
type Window struct {
	Kernel   [2]int // Rows and columns of the kernel.
	Stride   [2]int // Rows and columns from one output to the next.
	Dilation [2]int // Rows and columns from one tap to the next.
	Pad      [4]int // Rows on top, columns at the left, rows at the bottom, columns at the right (as ONNX orders them).
}

// Square returns a window with a k x k kernel, one stride and one padding on all
// four sides, and no dilation.
func Square(k, stride, pad int) Window {
	return Window{
		Kernel: [2]int{k, k}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1},
		Pad: [4]int{pad, pad, pad, pad},
	}
}

// maxExtent bounds every number of a window, so that sums of a few of them
// cannot overflow.
const maxExtent = 1 << 24

// Check returns an error unless kernel, stride and dilation are at least 1,
// padding is not negative, and all are of a sane size.
func (w Window) Check() error {
	for i := range 2 {
		if w.Kernel[i] < 1 || w.Stride[i] < 1 || w.Dilation[i] < 1 {
			return fmt.Errorf("kernel %v, stride %v, dilation %v: each must be at least 1", w.Kernel, w.Stride, w.Dilation)
		}
		if w.Kernel[i] > maxExtent || w.Stride[i] > maxExtent || w.Dilation[i] > maxExtent {
			return fmt.Errorf("kernel %v, stride %v, dilation %v: too large", w.Kernel, w.Stride, w.Dilation)
		}
	}
	for _, p := range w.Pad {
		if p < 0 || p > maxExtent {
			return fmt.Errorf("padding %v out of range", w.Pad)
		}
	}
	return nil
}

// Out returns the number of output rows and columns for an input of h rows and
// w columns, or an error if the window does not fit.
func (w Window) Out(h, wd int) (oh, ow int, err error) {
	if err := w.Check(); err != nil {
		return 0, 0, err
	}
	in := [2]int{h + w.Pad[0] + w.Pad[2], wd + w.Pad[1] + w.Pad[3]}
	var out [2]int
	for i := range 2 {
		span := (w.Kernel[i]-1)*w.Dilation[i] + 1
		if span > in[i] {
			return 0, 0, fmt.Errorf("kernel %v with dilation %v is larger than the padded input %v", w.Kernel, w.Dilation, in)
		}
		out[i] = (in[i]-span)/w.Stride[i] + 1
	}
	return out[0], out[1], nil
}

// Row returns the input row under tap ky of output row oy; it is outside the
// input, where there is only padding, if it is negative or at least h.
func (w Window) Row(oy, ky int) int { return oy*w.Stride[0] + ky*w.Dilation[0] - w.Pad[0] }

// Col is [Window.Row] for columns.
func (w Window) Col(ox, kx int) int { return ox*w.Stride[1] + kx*w.Dilation[1] - w.Pad[1] }

// Inside returns the kernel rows (axis 0) or columns (axis 1) whose taps for
// output o lie inside an input of n rows or columns: lo <= k < hi, none if lo is
// not less than hi. Its time does not grow with the kernel.
func (w Window) Inside(axis, o, n int) (lo, hi int) {
	d := w.Dilation[axis]
	first := o*w.Stride[axis] - w.Pad[axis] // Of tap 0.
	if first < 0 {
		lo = (-first + d - 1) / d
	}
	if first < n {
		hi = min(w.Kernel[axis], (n-1-first)/d+1)
	}
	return lo, hi
}

// Padded returns w with so much more padding, ordered as Pad.
func (w Window) Padded(by [4]int) Window {
	for i, n := range by {
		w.Pad[i] += n
	}
	return w
}

// Taps returns, for each of n input rows (axis 0) or columns (axis 1), how many taps
// of that many outputs lie on it.
func (w Window) Taps(axis, n, outputs int) []uint64 {
	taps := make([]uint64, n)
	for o := range outputs {
		lo, hi := w.Inside(axis, o, n)
		for k := lo; k < hi; k++ {
			taps[o*w.Stride[axis]+k*w.Dilation[axis]-w.Pad[axis]]++
		}
	}
	return taps
}

// String formats w as "3x3/2" (kernel and stride), with dilation and padding
// where there are any.
func (w Window) String() string {
	s := fmt.Sprintf("%dx%d", w.Kernel[0], w.Kernel[1])
	if w.Stride != [2]int{1, 1} {
		if w.Stride[0] == w.Stride[1] {
			s += fmt.Sprintf("/%d", w.Stride[0])
		} else {
			s += fmt.Sprintf("/%dx%d", w.Stride[0], w.Stride[1])
		}
	}
	if w.Dilation != [2]int{1, 1} {
		s += fmt.Sprintf(" dilation %dx%d", w.Dilation[0], w.Dilation[1])
	}
	if w.Pad != [4]int{} {
		if p := w.Pad[0]; w.Pad == [4]int{p, p, p, p} {
			s += fmt.Sprintf(" pad %d", p)
		} else {
			s += fmt.Sprintf(" pad %d,%d,%d,%d", w.Pad[0], w.Pad[1], w.Pad[2], w.Pad[3])
		}
	}
	return s
}
