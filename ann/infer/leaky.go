package infer

import "sresnet/ann"

// leakyRelu is [ann.LeakyRelu], with the slopes as channels lie in memory, again and
// again.
type leakyRelu struct{ slope []float32 }

func newLeakyRelu(a *ann.LeakyRelu, rank int, in layout) leakyRelu {
	if rank == 3 || len(a.Slope) == 1 || in.isPlain() {
		return leakyRelu{a.Slope}
	}
	o := leakyRelu{make([]float32, len(a.Slope))}
	for i, s := range a.Slope {
		o.slope[in.index(i)] = s
	}
	return o
}

func (o leakyRelu) run(dst []float32, src [][]float32, _ []float32) {
	for i, v := range src[0] {
		if v < 0 {
			v = float32(v * o.slope[i%len(o.slope)])
		}
		dst[i] = v
	}
}

func (leakyRelu) scratchLen() int { return 0 }

// scale is [ann.Scale].
type scale struct{ factor float32 }

func (o scale) run(dst []float32, src [][]float32, _ []float32) {
	for i, v := range src[0] {
		dst[i] = float32(v * o.factor)
	}
}

func (scale) scratchLen() int { return 0 }
