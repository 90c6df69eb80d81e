package ann

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Add is the sum of two or more inputs of one shape; it ends a residual block.
type Add struct{}

// Type returns "Add".
func (*Add) Type() string { return "Add" }

// Infer implements [Op].
func (*Add) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) < 2 {
		return nil, fmt.Errorf("takes two or more inputs, not %d", len(in))
	}
	for _, s := range in[1:] {
		if !s.Equal(in[0]) {
			return nil, fmt.Errorf("inputs of different shapes, %v and %v", in[0], s)
		}
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Add) Linear() bool { return true }

// Kind implements [Summer].
func (*Add) Kind() string { return "shortcut" }

// Fan implements [Summer].
func (*Add) Fan(tensor.Shape) tensor.Fan { return tensor.Fan{Channels: 1} }

func (*Add) clone() Op { return &Add{} }

// Slice takes every Step-th row and column from Start on, and a range of
// channels; the option-A shortcut uses it to halve rows and columns.
//
//	y[c, r, k] = x[Start[0] + c Step[0], Start[1] + r Step[1], Start[2] + k Step[2]]
type Slice struct {
	Start [3]int // Per axis of (C, H, W); never negative.
	Step  [3]int // At least 1.
	Size  [3]int // Of the output.
}

// Type returns "Slice".
func (*Slice) Type() string { return "Slice" }

// Infer implements [Op].
func (op *Slice) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if _, _, _, err := oneImage(in); err != nil {
		return nil, err
	}
	for i, n := range in[0] {
		start, step, size := op.Start[i], op.Step[i], op.Size[i]
		if start < 0 || start >= n || step < 1 || size < 1 || size-1 > (n-1-start)/step {
			return nil, fmt.Errorf("slice of axis %d, %d elements from %d in steps of %d, leaves the input %v", i, size, start, step, in[0])
		}
	}
	return slices.Clone(op.Size[:]), nil
}

// Linear implements [Op].
func (*Slice) Linear() bool { return true }

// Source implements [Mover].
func (op *Slice) Source(axis, i int) int { return op.Start[axis] + i*op.Step[axis] }

func (op *Slice) clone() Op { c := *op; return &c }

// Pad puts zeros around an image; the option-A shortcut uses it to add channels,
// whether the file spelled it Pad or Concat with zeros.
type Pad struct {
	Before, After [3]int // Per axis of (C, H, W); never negative.
}

// Type returns "Pad".
func (*Pad) Type() string { return "Pad" }

// Infer implements [Op].
func (op *Pad) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if _, _, _, err := oneImage(in); err != nil {
		return nil, err
	}
	out := slices.Clone(in[0])
	for i := range out {
		if op.Before[i] < 0 || op.After[i] < 0 || op.Before[i] > tensor.MaxLen || op.After[i] > tensor.MaxLen {
			return nil, fmt.Errorf("padding %v and %v must not be negative", op.Before, op.After)
		}
		out[i] += op.Before[i] + op.After[i]
	}
	return out, nil
}

// Linear implements [Op].
func (*Pad) Linear() bool { return true }

// Source implements [Mover].
func (op *Pad) Source(axis, i int) int { return i - op.Before[axis] }

// Into returns the operator that takes what op pads, of shape in, and does by its own
// padding what op and next do one after the other. nonNegative says that no element
// of its input is negative. There may be no such operator.
func (op *Pad) Into(next Op, in tensor.Shape, nonNegative bool) (Op, bool) {
	p, ok := next.(Padder)
	if !ok || op.Before[0] != 0 || op.After[0] != 0 {
		return nil, false
	}
	merged, ok := p.Padded([4]int{op.Before[1], op.Before[2], op.After[1], op.After[2]}, nonNegative)
	if !ok {
		return nil, false
	}
	_, err := merged.Infer(in) // A pool may have a window wholly in the padding.
	return merged, err == nil
}

func (op *Pad) clone() Op { c := *op; return &c }
