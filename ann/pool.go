package ann

import (
	"fmt"

	"sresnet/tensor"
)

// MaxPool takes the largest value under the window; padding never wins.
type MaxPool struct {
	Window tensor.Window
}

// Type returns "MaxPool".
func (*MaxPool) Type() string { return "MaxPool" }

// Infer implements [Op].
func (op *MaxPool) Infer(in ...tensor.Shape) (tensor.Shape, error) { return pooled(op.Window, in) }

// Linear implements [Op].
func (*MaxPool) Linear() bool { return false }

// Padded implements [Padder]: a zero wins against nothing that is not negative.
func (op *MaxPool) Padded(by [4]int, nonNegative bool) (Op, bool) {
	return &MaxPool{Window: op.Window.Padded(by)}, nonNegative
}

func (op *MaxPool) clone() Op { c := *op; return &c }

// AveragePool takes the mean of the values under the window: their sum divided
// by the size of the kernel if CountPad, else by the number of taps that lie
// inside the input.
type AveragePool struct {
	Window   tensor.Window
	CountPad bool // ONNX's count_include_pad.
}

// Type returns "AveragePool".
func (*AveragePool) Type() string { return "AveragePool" }

// Infer implements [Op].
func (op *AveragePool) Infer(in ...tensor.Shape) (tensor.Shape, error) { return pooled(op.Window, in) }

// Linear implements [Op].
func (*AveragePool) Linear() bool { return true }

// Kind implements [Summer].
func (*AveragePool) Kind() string { return "average pool" }

// Fan implements [Summer].
func (op *AveragePool) Fan(tensor.Shape) tensor.Fan {
	return tensor.Fan{Window: &op.Window, Channels: 1}
}

// Padded implements [Padder]: the zeros are taps, so that there is none if its own
// padding is not.
func (op *AveragePool) Padded(by [4]int, _ bool) (Op, bool) {
	return &AveragePool{Window: op.Window.Padded(by), CountPad: true}, op.CountPad || op.Window.Pad == [4]int{}
}

func (op *AveragePool) clone() Op { c := *op; return &c }

// GlobalAveragePool takes the mean over rows and columns: (C, H, W) to (C, 1, 1).
type GlobalAveragePool struct{}

// Type returns "GlobalAveragePool".
func (*GlobalAveragePool) Type() string { return "GlobalAveragePool" }

// Infer implements [Op].
func (*GlobalAveragePool) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	c, _, _, err := oneImage(in)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{c, 1, 1}, nil
}

// Linear implements [Op].
func (*GlobalAveragePool) Linear() bool { return true }

// Kind implements [Summer].
func (*GlobalAveragePool) Kind() string { return "average pool" }

// Fan implements [Summer].
func (*GlobalAveragePool) Fan(tensor.Shape) tensor.Fan { return tensor.Fan{Channels: 1} }

func (*GlobalAveragePool) clone() Op { return &GlobalAveragePool{} }

// pooled returns the shape after a pool. Every window must hold at least one
// element of the input, or its maximum and mean would not exist.
func pooled(win tensor.Window, in []tensor.Shape) (tensor.Shape, error) {
	c, h, w, err := oneImage(in)
	if err != nil {
		return nil, err
	}
	oh, ow, err := win.Out(h, w)
	if err != nil {
		return nil, err
	}
	for axis, out := range [2]int{oh, ow} {
		for o := range out {
			if lo, hi := win.Inside(axis, o, [2]int{h, w}[axis]); lo >= hi {
				return nil, fmt.Errorf("window %v at output %d lies wholly in the padding", win, o)
			}
		}
	}
	return tensor.Shape{c, oh, ow}, nil
}
