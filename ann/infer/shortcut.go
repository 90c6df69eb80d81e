package infer

import (
	"sresnet/ann"
	"sresnet/internal/kernel"
)

// add is [ann.Add], the inputs summed from left to right.
type add struct {
	// order gives, for every input that lies in memory unlike the first one, where
	// to find each element; nil for the others, and that is the usual case: only a
	// flattened image and a vector that never was an image differ.
	order [][]int
}

func newAdd(in []layout) add {
	o := add{order: make([][]int, len(in))}
	for j, l := range in {
		if l == in[0] {
			continue
		}
		o.order[j] = make([]int, l.len())
		for i := range l.len() {
			o.order[j][in[0].index(i)] = l.index(i)
		}
	}
	return o
}

func (o add) run(dst []float32, src [][]float32, _ []float32) {
	sum := src[0]
	for j := 1; j < len(src); j++ {
		x := src[j]
		if o.order[j] == nil {
			kernel.Add(dst, sum, x)
		} else {
			for i, at := range o.order[j] {
				dst[i] = sum[i] + x[at]
			}
		}
		sum = dst
	}
}

func (add) scratchLen() int { return 0 }

// slice is [ann.Slice].
type slice struct {
	ann.Slice
	in, out layout
}

func (o slice) run(dst []float32, src [][]float32, _ []float32) {
	for r := range o.out.h {
		for c := range o.out.w {
			y, x := o.Start[1]+r*o.Step[1], o.Start[2]+c*o.Step[2]
			from := src[0][(y*o.in.w+x)*o.in.c+o.Start[0]:]
			to := dst[(r*o.out.w+c)*o.out.c:][:o.out.c]
			if o.Step[0] == 1 {
				copy(to, from)
				continue
			}
			for i := range to {
				to[i] = from[i*o.Step[0]]
			}
		}
	}
}

func (slice) scratchLen() int { return 0 }

// pad is [ann.Pad].
type pad struct {
	ann.Pad
	in, out layout
}

func (o pad) run(dst []float32, src [][]float32, _ []float32) {
	clear(dst)
	for r := range o.in.h {
		for c := range o.in.w {
			to := dst[((r+o.Before[1])*o.out.w+c+o.Before[2])*o.out.c+o.Before[0]:]
			copy(to[:o.in.c], src[0][(r*o.in.w+c)*o.in.c:])
		}
	}
}

func (pad) scratchLen() int { return 0 }
