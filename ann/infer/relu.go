package infer

import (
	"math"

	"sresnet/internal/kernel"
)

// clip is [ann.Clip], and with an infinite limit [ann.Relu]. NaN stays NaN.
type clip struct{ limit, levels float32 }

func (o clip) run(dst []float32, src [][]float32, _ []float32) {
	kernel.Clip(dst, src[0], o.limit)
	if o.levels == 0 {
		return
	}
	up, down := o.levels/o.limit, o.limit/o.levels
	for i, x := range dst {
		dst[i] = float32(math.Floor(float64(x*up)+0.5)) * down
	}
}

func (clip) scratchLen() int { return 0 }
