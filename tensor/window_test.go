package tensor

import (
	"slices"
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

func TestFan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(t, label) }
		var w Window
		for axis := range 2 {
			w.Kernel[axis], w.Stride[axis], w.Dilation[axis] = n(1, 4, "kernel"), n(1, 3, "stride"), n(1, 3, "dilation")
			w.Pad[axis], w.Pad[axis+2] = n(0, 3, "before"), n(0, 3, "after")
		}
		in := Shape{2, n(1, 7, "rows"), n(1, 7, "columns")}
		oh, ow, err := w.Out(in[1], in[2])
		if err != nil {
			t.Skip(err)
		}
		want, total := make([]uint64, in[1]*in[2]), uint64(0)
		for o := range oh * ow {
			for k := range w.Kernel[0] * w.Kernel[1] {
				y, x := w.Row(o/ow, k/w.Kernel[1]), w.Col(o%ow, k%w.Kernel[1])
				if y >= 0 && y < in[1] && x >= 0 && x < in[2] {
					want[y*in[2]+x]++
					total += 2 * 3
				}
			}
		}
		f, out := Fan{Window: &w, Channels: 3}, Shape{3, oh, ow}
		if got := f.Taps(in, out); !slices.Equal(got, want) {
			t.Errorf("%v on %v: got taps %v, want %v", w, in, got, want)
		}
		if got := f.Total(in, out); got != total {
			t.Errorf("%v on %v: got a total of %d, want %d", w, in, got, total)
		}
	})
	if f := (Fan{Channels: 5}); f.Taps(Shape{4}, Shape{5}) != nil || f.Total(Shape{4}, Shape{5}) != 20 {
		t.Errorf("without a window: %v, total %d", f.Taps(Shape{4}, Shape{5}), f.Total(Shape{4}, Shape{5}))
	}
}
