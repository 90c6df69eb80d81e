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

// Linear implements [Op].
func (*Gemm) Linear() bool { return true }

// Kind implements [Summer].
func (*Gemm) Kind() string { return "dense" }

// Fan implements [Summer].
func (*Gemm) Fan(out tensor.Shape) tensor.Fan { return tensor.Fan{Channels: out.Len()} }

// Weights implements [Weighted].
func (op *Gemm) Weights() (*tensor.Tensor, []float32) { return op.Weight, op.Bias }

// WithWeights implements [Weighted].
func (*Gemm) WithWeights(w *tensor.Tensor, bias []float32) Weighted {
	return &Gemm{Weight: w, Bias: bias}
}

// Channel implements [Weighted].
func (op *Gemm) Channel(i, channels int) int {
	in := op.Weight.Shape[1]
	return i % in / (in / channels)
}

func (op *Gemm) parameters() int { return len(op.Weight.Data) + len(op.Bias) }

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

// Linear implements [Op].
func (*Flatten) Linear() bool { return true }

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

// Linear implements [Op].
func (*Softmax) Linear() bool { return false }

func (op *Softmax) clone() Op { c := *op; return &c }
