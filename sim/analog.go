package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// analog is a synapse that carries the image itself.
type analog struct {
	index int // Of the synapse in its layer.
	conv  *kernel.Conv
	taps  []uint64 // Products that each position of each input channel takes part in.
}

func newAnalog(index int, connection snn.Connection, in, out tensor.Shape) analog {
	conv := newProduct(connection, in, out)
	if conv == nil {
		panic("sim: only Conv and Dense carry the image") // Validate allows no others.
	}
	return analog{index: index, taps: reached(connection, newGrid(in), newGrid(out)), conv: conv}
}

// newProduct returns a connection as a dense product; nil if it is none of weights.
func newProduct(connection snn.Connection, in, out tensor.Shape) *kernel.Conv {
	gi, gout := newGrid(in), newGrid(out)
	switch k := connection.(type) {
	case *snn.Conv:
		return newKernelConv(k, gi, gout, k.Weight.Data)
	case *snn.Dense:
		return kernel.PackDense(gi.c, gi.h, gi.w, gout.c, k.Weight.Data, nil)
	}
	return nil
}

// newKernelConv returns the convolution k with other weights as a dense product.
func newKernelConv(k *snn.Conv, in, out grid, weight []float32) *kernel.Conv {
	return kernel.PackConv(kernel.Geometry{
		Channels: in.c, Rows: in.h, Cols: in.w,
		OutChannels: out.c, OutRows: out.h, OutCols: out.w,
		Kernel: k.Window.Kernel, Stride: k.Window.Stride, Dilation: k.Window.Dilation,
		PadTop: k.Window.Pad[0], PadLeft: k.Window.Pad[1], Groups: k.Groups,
	}, weight, nil)
}

// products counts the products of the image x, channels last, with weights: none
// for pixels that are zero.
func (a *analog) products(x []float32) (n uint64) {
	channels := len(x) / len(a.taps)
	for i, v := range x {
		if v != 0 {
			n += a.taps[i/channels]
		}
	}
	return n
}
