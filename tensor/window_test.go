package tensor

import (
	"testing"

	"pgregory.net/rapid"
)

func TestWindowInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(t, label) }
		axis, size := n(0, 1, "axis"), n(1, 6, "size")
		w := Square(1, 1, 0)
		w.Kernel[axis], w.Stride[axis], w.Dilation[axis], w.Pad[axis] = n(1, 6, "kernel"), n(1, 4, "stride"), n(1, 4, "dilation"), n(0, 9, "pad")
		at := w.Row
		if axis == 1 {
			at = w.Col
		}
		o := n(0, 6, "output")
		lo, hi := w.Inside(axis, o, size)
		for k := range w.Kernel[axis] {
			pos := at(o, k)
			if got, want := k >= lo && k < hi, pos >= 0 && pos < size; got != want {
				t.Errorf("%v.Inside(%d, %d, %d) = %d, %d: tap %d is at %d", w, axis, o, size, lo, hi, k, pos)
			}
		}
	})
}
