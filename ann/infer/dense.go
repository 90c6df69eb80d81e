package infer

import (
	"math"

	"sresnet/ann"
	"sresnet/internal/kernel"
)

// newGemm packs the weights for the layout of the vector, which is still that of
// the image if it was flattened.
func newGemm(a *ann.Gemm, in layout) conv {
	return conv{kernel.PackDense(in.c, in.h, in.w, a.Weight.Shape[0], a.Weight.Data, a.Bias)}
}

// softmax is [ann.Softmax], computed in float64:
//
//	y = exp(x - max) / sum(exp(x - max))     or the logarithm of that
type softmax struct{ log bool }

func (o softmax) run(dst []float32, src [][]float32, _ []float32) {
	x := src[0]
	top := float64(x[0])
	for _, v := range x {
		top = math.Max(top, float64(v))
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v) - top)
	}
	for i, v := range x {
		y := float64(v) - top
		if o.log {
			dst[i] = float32(y - math.Log(sum))
		} else {
			dst[i] = float32(math.Exp(y) / sum)
		}
	}
}

func (softmax) scratchLen() int { return 0 }
