package ann

import (
	"fmt"
	"math"
	"slices"

	"sresnet/tensor"
)

// Relu is max(x, 0).
type Relu struct{}

// Type returns "Relu".
func (*Relu) Type() string { return "Relu" }

// Infer implements [Op].
func (*Relu) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Relu) Linear() bool { return false }

// Limit returns infinity.
func (*Relu) Limit() float32 { return float32(math.Inf(1)) }

func (*Relu) clone() Op { return &Relu{} }

// Clip is min(max(x, 0), Max): ONNX's Clip with a minimum of zero, such as ReLU6.
type Clip struct {
	Max float32 // Positive and finite; a Clip without a maximum is a [Relu].
}

// Type returns "Clip".
func (*Clip) Type() string { return "Clip" }

// Infer implements [Op].
func (op *Clip) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 {
		return nil, fmt.Errorf("takes one input, not %d", len(in))
	}
	if !(op.Max > 0) || tensor.CheckFinite([]float32{op.Max}) != nil {
		return nil, fmt.Errorf("maximum %v must be positive and finite", op.Max)
	}
	return slices.Clone(in[0]), nil
}

// Linear implements [Op].
func (*Clip) Linear() bool { return false }

// Limit returns Max.
func (op *Clip) Limit() float32 { return op.Max }

func (op *Clip) clone() Op { c := *op; return &c }
