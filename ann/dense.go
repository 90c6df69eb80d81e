package ann

import (
	"fmt"
	"slices"

	"sresnet/tensor"
)

// Gemm is a fully connected layer, y = W x + b, whether the file spelled it Gemm
// or MatMul and Add.
type Gemm struct {
	Weight *tensor.Tensor // (out, in)
	Bias   []float32      // Length out, or nil for none.
}

// Type returns "Gemm".
func (*Gemm) Type() string { return "Gemm" }

// Infer implements [Op].
func (op *Gemm) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 1 {
		return nil, fmt.Errorf("takes one vector, not %v", in)
	}
	if err := op.Weight.Check(); err != nil {
		return nil, fmt.Errorf("weight: %w", err)
	}
	ws := op.Weight.Shape
	if len(ws) != 2 || ws[1] != in[0][0] {
		return nil, fmt.Errorf("weight of shape %v for a vector of %v, want (out, in)", ws, in[0])
	}
	if err := checkVector("bias", op.Bias, ws[0], true); err != nil {
		return nil, err
	}
	return tensor.Shape{ws[0]}, nil
}

func (op *Gemm) clone() Op { return &Gemm{Weight: op.Weight.Clone(), Bias: slices.Clone(op.Bias)} }

// Flatten turns (C, H, W) into a vector in that order, whether the file spelled
// it Flatten, Reshape, Squeeze or ReduceMean without keepdims.
type Flatten struct{}

// Type returns "Flatten".
func (*Flatten) Type() string { return "Flatten" }

// Infer implements [Op].
func (*Flatten) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	return tensor.Shape{in[0].Len()}, nil
}

func (*Flatten) clone() Op { return &Flatten{} }

// Softmax ends a classifier: exp(x) / sum(exp(x)), or the logarithm of that.
type Softmax struct {
	Log bool // LogSoftmax.
}

// Type returns "Softmax" or "LogSoftmax".
func (op *Softmax) Type() string {
	if op.Log {
		return "LogSoftmax"
	}
	return "Softmax"
}

// Infer implements [Op].
func (*Softmax) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 1 {
		return nil, fmt.Errorf("takes one vector, not %v", in)
	}
	return slices.Clone(in[0]), nil
}

func (op *Softmax) clone() Op { c := *op; return &c }
