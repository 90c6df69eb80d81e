package ann

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Gather takes channels of an image, or elements of a vector, in any order, some of
// them several times perhaps:
//
//	y[c] = x[Index[c]]
//
// Split, a Slice of some channels, and the shuffled channels of a ShuffleNet are such.
type Gather struct {
	Index []int // At least one; never negative.
}

// Type returns "Gather".
func (*Gather) Type() string { return "Gather" }

// Infer implements [Op].
func (op *Gather) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 1 && len(in[0]) != 3 {
		return nil, fmt.Errorf("takes one input of shape (C, H, W) or (N), not %v", in)
	}
	for _, c := range op.Index {
		if c < 0 || c >= in[0][0] {
			return nil, fmt.Errorf("takes channel %d of %d", c, in[0][0])
		}
	}
	out := slices.Clone(in[0])
	out[0] = len(op.Index)
	return out, nil
}

// Linear implements [Op].
func (*Gather) Linear() bool { return true }

// Source implements [Mover].
func (op *Gather) Source(axis, i int) int {
	if axis > 0 {
		return i
	}
	return op.Index[i]
}

func (op *Gather) clone() Op { return &Gather{slices.Clone(op.Index)} }
