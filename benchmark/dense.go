package benchmark

import (
	"time"

	"sresnet/internal/kernel"
)

// densePass returns the seconds that the trained network takes per image.
func (b *bench) densePass() (float64, error) {
	start := time.Now()
	for _, x := range b.Images {
		if _, err := b.runner.Run(x); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Seconds() / float64(len(b.Images)), nil
}

// measureConv returns the GFLOP/s of the dense convolution that convolutions are
// compared by.
func measureConv() float64 {
	const c, size, turns = 64, 32, 20
	k := kernel.PackConv(kernel.Geometry{
		Channels: c, Rows: size, Cols: size, OutChannels: c, OutRows: size, OutCols: size,
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, PadTop: 1, PadLeft: 1, Groups: 1,
	}, make([]float32, c*c*9), nil)
	dst, src, scratch := make([]float32, size*size*c), make([]float32, size*size*c), make([]float32, k.ScratchLen())
	k.Run(dst, src, scratch)
	start := time.Now()
	for range turns {
		k.Run(dst, src, scratch)
	}
	return 2 * turns * size * size * c * c * 9 / time.Since(start).Seconds() / 1e9
}
