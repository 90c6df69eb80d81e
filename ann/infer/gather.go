package infer

// gather is [ann.Gather].
type gather struct {
	in, out layout
	index   []int // Where each channel of the output lies in a position of the input.
}

func newGather(index []int, vector bool, in, out layout) gather {
	o := gather{in: in, out: out, index: index}
	if vector { // Of one position; what it takes may be an image seen as one.
		o.index = make([]int, len(index))
		for i, c := range index {
			o.index[i] = in.index(c)
		}
	}
	return o
}

func (o gather) run(dst []float32, src [][]float32, _ []float32) {
	for p := range o.out.h * o.out.w {
		from, to := src[0][p*o.in.c:], dst[p*o.out.c:][:o.out.c]
		for i, c := range o.index {
			to[i] = from[c]
		}
	}
}

func (gather) scratchLen() int { return 0 }
