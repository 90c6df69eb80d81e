package infer

import "sresnet/tensor"

// concat is [ann.Concat].
type concat struct {
	in  []layout
	out layout

	// order gives, for every input that is a vector, where to find its elements; nil
	// for one that lies in memory in their order.
	order [][]int
}

func newConcat(in []layout, shape tensor.Shape) concat {
	o := concat{in: in, out: layoutOf(shape), order: make([][]int, len(in))}
	if len(shape) == 3 {
		return o
	}
	for j, l := range in {
		if l.isPlain() {
			continue
		}
		o.order[j] = make([]int, l.len())
		for i := range o.order[j] {
			o.order[j][i] = l.index(i)
		}
	}
	return o
}

func (o concat) run(dst []float32, src [][]float32, _ []float32) {
	first := 0
	for j, l := range o.in {
		x := src[j]
		switch {
		case o.order[j] != nil:
			for i, at := range o.order[j] {
				dst[first+i] = x[at]
			}
			first += l.len()
		case o.out.h*o.out.w == 1: // Vectors.
			first += copy(dst[first:], x)
		default:
			for p := range o.out.h * o.out.w {
				copy(dst[p*o.out.c+first:], x[p*l.c:][:l.c])
			}
			first += l.c
		}
	}
}

func (concat) scratchLen() int { return 0 }
