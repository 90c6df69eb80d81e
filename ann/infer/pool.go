package infer

import (
	"sresnet/internal/kernel"
	"sresnet/tensor"
)

// pool walks a window over an image.
type pool struct {
	win     tensor.Window
	in, out layout
}

func (pool) scratchLen() int { return 0 }

// each calls f for every output position with its channels, and tap for every
// position under its window, rows then columns; tap gets the number of taps
// before it. Taps in the padding are left out.
func (o pool) each(dst, src []float32, tap func(acc, x []float32, n int), end func(acc []float32, taps int)) {
	for r := range o.out.h {
		top, bottom := o.win.Inside(0, r, o.in.h)
		for c := range o.out.w {
			acc := dst[(r*o.out.w+c)*o.out.c:][:o.out.c]
			left, right := o.win.Inside(1, c, o.in.w)
			n := 0
			for ky := top; ky < bottom; ky++ {
				for kx := left; kx < right; kx++ {
					y, x := o.win.Row(r, ky), o.win.Col(c, kx)
					tap(acc, src[(y*o.in.w+x)*o.in.c:][:o.in.c], n)
					n++
				}
			}
			if n == 0 {
				clear(acc) // Which had another activation, perhaps.
			}
			end(acc, n)
		}
	}
}

// maxPool is [ann.MaxPool]. NaN wins over every number.
type maxPool struct{ pool }

func (o maxPool) run(dst []float32, src [][]float32, _ []float32) {
	o.each(dst, src[0], func(acc, x []float32, n int) {
		if n == 0 {
			copy(acc, x)
			return
		}
		for i, v := range x {
			acc[i] = max(acc[i], v)
		}
	}, func([]float32, int) {})
}

// averagePool is [ann.AveragePool]: the sum over the taps in their order,
// divided by their number.
type averagePool struct {
	pool
	countPad bool
}

func (o averagePool) run(dst []float32, src [][]float32, _ []float32) {
	o.each(dst, src[0], func(acc, x []float32, n int) {
		if n == 0 {
			copy(acc, x)
			return
		}
		kernel.Add(acc, acc, x)
	}, func(acc []float32, taps int) {
		if o.countPad {
			taps = o.win.Kernel[0] * o.win.Kernel[1]
		}
		for i := range acc {
			acc[i] /= float32(taps)
		}
	})
}

// globalAveragePool is [ann.GlobalAveragePool]: the sum over rows and columns,
// divided by their number.
type globalAveragePool struct{}

func (globalAveragePool) scratchLen() int { return 0 }

func (globalAveragePool) run(dst []float32, src [][]float32, _ []float32) {
	clear(dst)
	c := len(dst)
	for x := src[0]; len(x) > 0; x = x[c:] {
		kernel.Add(dst, dst, x[:c])
	}
	for i := range dst {
		dst[i] /= float32(len(src[0]) / c)
	}
}
