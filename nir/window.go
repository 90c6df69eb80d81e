package nir

import (
	"fmt"

	"sresnet/tensor"
)

// maxExtent bounds kernels and padding; no layer that can be simulated has more
// rows or columns.
const maxExtent = 1 << 16

// symmetric is a window whose padding is the same on opposite sides, as NIR's must
// be, with a kernel that holds that of another window and zeros: tap k of the
// other is tap at + k step.
type symmetric struct {
	window   tensor.Window
	at, step [2]int
}

// newSymmetric returns the smallest such window that gives the outputs of w over
// sources of h rows and wd columns.
//
// With square, the kernel has as many rows as columns where some zeros more make it so.
func newSymmetric(w tensor.Window, h, wd int, square bool) (symmetric, error) {
	oh, ow, err := w.Out(h, wd)
	if err != nil {
		return symmetric{}, err
	}
	s := symmetric{window: w, step: [2]int{1, 1}}
	for axis, out := range [2]int{oh, ow} {
		k, d := w.Kernel[axis], w.Dilation[axis]
		before, after := w.Pad[axis], w.Pad[axis+2]
		if max((k-1)*d+1, before, after) > maxExtent {
			return symmetric{}, fmt.Errorf("a %v window is too large for NIR", w)
		}
		n := [2]int{h, wd}[axis]
		zeros, trailing, ok := extension(n, out, k, w.Stride[axis], d, before, after)
		if !ok { // With taps one apart there is a kernel for every padding.
			s.step[axis] = d
			k, d = (k-1)*d+1, 1
			zeros, trailing, _ = extension(n, out, k, w.Stride[axis], d, before, after)
		}
		s.at[axis] = zeros
		s.window.Kernel[axis] = k + zeros + trailing
		s.window.Dilation[axis] = d
		s.window.Pad[axis] = before + zeros*d
		s.window.Pad[axis+2] = s.window.Pad[axis]
	}
	if square && s.window.Kernel[0] != s.window.Kernel[1] {
		s.square([2]int{h, wd}, [2]int{oh, ow})
	}
	return s, nil
}

// maxSquaring is how many rows and columns more than the longer side of a kernel may make it
// square: an odd number of zeros does not fit with the same padding on both sides, one more
// does.
const maxSquaring = 2

// square puts zeros around the kernel so that it has as many rows as columns, and the outputs
// stay what they are, if there is a way.
func (s *symmetric) square(in, out [2]int) {
	most := max(s.window.Kernel[0], s.window.Kernel[1])
	for side := most; side <= most+maxSquaring; side++ {
		var zeros [2]int
		fits := true
		for axis := range 2 {
			w := &s.window
			var ok bool
			zeros[axis], ok = around(in[axis], out[axis], w.Kernel[axis], side, w.Stride[axis], w.Dilation[axis], w.Pad[axis])
			fits = fits && ok
		}
		if !fits {
			continue
		}
		for axis, z := range zeros {
			s.at[axis] += z
			s.window.Kernel[axis] = side
			s.window.Pad[axis] += z * s.window.Dilation[axis]
			s.window.Pad[axis+2] = s.window.Pad[axis]
		}
		return
	}
}

// around returns how many of the zeros that make a kernel of k taps, d apart, one of side taps
// come before it, so that with the same padding on both sides, pad and more for these zeros, it
// gives out outputs from n inputs.
func around(n, out, k, side, stride, d, pad int) (zeros int, ok bool) {
	for z := range side - k + 1 {
		room := n + 2*(pad+z*d) - (side-1)*d - 1
		if room >= (out-1)*stride && room < out*stride {
			return z, true
		}
	}
	return 0, false
}

// extension returns how many zeros to put before and after a kernel of k taps, d
// apart, so that with the same padding on both sides it gives out outputs from n
// inputs, at the places where padding of before and after gave them; as few as
// can be.
func extension(n, out, k, stride, d, before, after int) (zeros, trailing int, ok bool) {
	for a := 0; a == 0 || before+(a-1)*d < after; a++ {
		pad := before + a*d
		// Outputs are (room - b d) / stride + 1 for b trailing zeros, rounded down.
		room := n + 2*pad - (k+a-1)*d - 1
		b := max(0, (room-out*stride+d)/d)
		if room-b*d >= (out-1)*stride && room-b*d < out*stride && (!ok || a+b < zeros+trailing) {
			zeros, trailing, ok = a, b, true
		}
	}
	return zeros, trailing, ok
}

// isSymmetric reports whether the padding of w is the same on opposite sides.
func isSymmetric(w tensor.Window) bool { return w.Pad[0] == w.Pad[2] && w.Pad[1] == w.Pad[3] }

// enlarge copies the kernels of weight, OIHW, into the larger ones of s, kernel i
// into number place(i); shrink is the way back.
func (s symmetric) enlarge(dst, src []float32, kernel [2]int, place func(i int) int) {
	s.copyTaps(dst, src, kernel, place, false)
}

func (s symmetric) shrink(dst, src []float32, kernel [2]int, place func(i int) int) {
	s.copyTaps(src, dst, kernel, place, true)
}

func (s symmetric) copyTaps(large, small []float32, kernel [2]int, place func(i int) int, back bool) {
	rows, cols := s.window.Kernel[0], s.window.Kernel[1]
	for i := range len(small) / (kernel[0] * kernel[1]) {
		to := place(i)
		for ky := range kernel[0] {
			for kx := range kernel[1] {
				l := &large[(to*rows+s.at[0]+ky*s.step[0])*cols+s.at[1]+kx*s.step[1]]
				w := &small[(i*kernel[0]+ky)*kernel[1]+kx]
				if back {
					*w = *l
				} else {
					*l = *w
				}
			}
		}
	}
}
