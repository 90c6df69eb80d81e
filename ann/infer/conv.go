package infer

import (
	"math"

	"sresnet/ann"
	"sresnet/internal/kernel"
)

// conv is [ann.Conv], and [ann.Gemm] seen as the convolution of a whole image.
type conv struct{ k *kernel.Conv }

func newConv(a *ann.Conv, in, out layout) conv {
	w := a.Window
	return conv{kernel.PackConv(kernel.Geometry{
		Channels: in.c, Rows: in.h, Cols: in.w,
		OutChannels: out.c, OutRows: out.h, OutCols: out.w,
		Kernel: w.Kernel, Stride: w.Stride, Dilation: w.Dilation,
		PadTop: w.Pad[0], PadLeft: w.Pad[1], Groups: a.Groups,
	}, a.Weight.Data, a.Bias)}
}

func (o conv) run(dst []float32, src [][]float32, scratch []float32) {
	clear(dst)
	o.k.Run(dst, src[0], scratch)
}

func (o conv) scratchLen() int { return o.k.ScratchLen() }

// batchNormalization is [ann.BatchNormalization] as y = x*scale + shift, the two
// computed in float64 and rounded once:
//
//	sigma = sqrt(Var + Epsilon)
//	scale = Scale / sigma
//	shift = Bias - Mean * Scale / sigma
type batchNormalization struct {
	scale, shift []float32 // Of one row of an image, or of a whole vector.
}

func newBatchNormalization(a *ann.BatchNormalization, axes int, in layout) batchNormalization {
	// A row of an image repeats the channels in every column; of a vector, every
	// element is a channel, wherever it lies.
	n, repeat, index := in.len(), 1, in.index
	if axes == 3 {
		n, repeat, index = in.c, in.w, func(i int) int { return i }
	}
	o := batchNormalization{make([]float32, n*repeat), make([]float32, n*repeat)}
	for i := range n {
		scale := float64(a.Scale[i]) / math.Sqrt(float64(a.Var[i])+float64(a.Epsilon))
		shift := float64(a.Bias[i]) - float64(float64(a.Mean[i])*scale)
		for r := range repeat {
			o.scale[r*n+index(i)], o.shift[r*n+index(i)] = float32(scale), float32(shift)
		}
	}
	return o
}

func (o batchNormalization) run(dst []float32, src [][]float32, _ []float32) {
	n := len(o.scale)
	for x := src[0]; len(x) > 0; x, dst = x[n:], dst[n:] {
		kernel.ScaleShift(dst[:n], x[:n], o.scale, o.shift)
	}
}

func (batchNormalization) scratchLen() int { return 0 }
