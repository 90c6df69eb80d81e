package infer

import "sresnet/internal/kernel"

// clip is [ann.Clip], and with an infinite limit [ann.Relu]. NaN stays NaN.
type clip struct{ limit float32 }

func (o clip) run(dst []float32, src [][]float32, _ []float32) { kernel.Clip(dst, src[0], o.limit) }

func (clip) scratchLen() int { return 0 }
