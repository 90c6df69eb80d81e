package ann

import (
	"fmt"
	"math"
	"slices"

	"sresnet/tensor"
)

// Conv is a two-dimensional cross-correlation with zero padding:
//
//	y[o, r, c] = b[o] + sum over i, ky, kx of W[o, i, ky, kx] x[g*I + i, Row(r, ky), Col(c, kx)]
//
// with I input channels per group and g the group of output channel o.
type Conv struct {
	Weight *tensor.Tensor // (O, I/Groups, kernel rows, kernel columns)
	Bias   []float32      // Length O, or nil for none.
	Window tensor.Window
	Groups int
}

// Type returns "Conv".
func (*Conv) Type() string { return "Conv" }

// Infer implements [Op].
func (op *Conv) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	c, h, w, err := oneImage(in)
	if err != nil {
		return nil, err
	}
	if err := op.Weight.Check(); err != nil {
		return nil, fmt.Errorf("weight: %w", err)
	}
	ws := op.Weight.Shape
	if len(ws) != 4 || ws[2] != op.Window.Kernel[0] || ws[3] != op.Window.Kernel[1] {
		return nil, fmt.Errorf("weight of shape %v for a %v kernel, want (out, in, rows, columns)", ws, op.Window.Kernel)
	}
	if op.Groups < 1 || c%op.Groups != 0 || ws[0]%op.Groups != 0 || ws[1] != c/op.Groups {
		return nil, fmt.Errorf("weight of shape %v does not fit %d input channels in %d groups", ws, c, op.Groups)
	}
	if err := checkVector("bias", op.Bias, ws[0], true); err != nil {
		return nil, err
	}
	oh, ow, err := op.Window.Out(h, w)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{ws[0], oh, ow}, nil
}

// Linear implements [Op].
func (*Conv) Linear() bool { return true }

// Kind implements [Summer].
func (*Conv) Kind() string { return "conv" }

// Fan implements [Summer].
func (op *Conv) Fan(out tensor.Shape) tensor.Fan {
	w := op.Window // A copy, so that who keeps the fan does not keep the weights.
	return tensor.Fan{Window: &w, Channels: out[0] / op.Groups}
}

// Weights implements [Weighted].
func (op *Conv) Weights() (*tensor.Tensor, []float32) { return op.Weight, op.Bias }

// WithWeights implements [Weighted].
func (op *Conv) WithWeights(w *tensor.Tensor, bias []float32) Weighted {
	return &Conv{Weight: w, Bias: bias, Window: op.Window, Groups: op.Groups}
}

// Channel implements [Weighted].
func (op *Conv) Channel(i, _ int) int {
	s := op.Weight.Shape
	taps := s[2] * s[3]
	o, rest := i/(s[1]*taps), i%(s[1]*taps)
	return o/(s[0]/op.Groups)*s[1] + rest/taps
}

// Padded implements [Padder].
func (op *Conv) Padded(by [4]int, _ bool) (Op, bool) {
	c := *op
	c.Window = c.Window.Padded(by)
	return &c, true
}

func (op *Conv) parameters() int { return len(op.Weight.Data) + len(op.Bias) }

func (op *Conv) clone() Op {
	c := *op
	c.Weight, c.Bias = op.Weight.Clone(), slices.Clone(op.Bias)
	return &c
}

// BatchNormalization is, per channel c and with sigma = sqrt(Var + Epsilon),
//
//	y = Scale[c] (x - Mean[c]) / sigma[c] + Bias[c]
type BatchNormalization struct {
	Scale, Bias, Mean, Var []float32 // Length C each: gamma, beta, mu, sigma^2.
	Epsilon                float32
}

// Type returns "BatchNormalization".
func (*BatchNormalization) Type() string { return "BatchNormalization" }

// Infer implements [Op].
func (op *BatchNormalization) Infer(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) != 1 || len(in[0]) != 1 && len(in[0]) != 3 {
		return nil, fmt.Errorf("takes one input of shape (C, H, W) or (N), not %v", in)
	}
	c := in[0][0]
	for _, v := range []struct {
		name string
		x    []float32
	}{{"scale", op.Scale}, {"bias", op.Bias}, {"mean", op.Mean}, {"variance", op.Var}} {
		if err := checkVector(v.name, v.x, c, false); err != nil {
			return nil, err
		}
	}
	for i, v := range op.Var {
		if !(v+op.Epsilon > 0) {
			return nil, fmt.Errorf("variance of channel %d plus epsilon is %v, must be positive", i, v+op.Epsilon)
		}
	}
	return slices.Clone(in[0]), nil
}

// Affine returns op as y = a x + b per channel, in float64.
func (op *BatchNormalization) Affine() (a, b []float64) {
	a, b = make([]float64, len(op.Scale)), make([]float64, len(op.Scale))
	for c := range a {
		a[c] = float64(op.Scale[c]) / math.Sqrt(float64(op.Var[c])+float64(op.Epsilon))
		b[c] = float64(op.Bias[c]) - float64(a[c]*float64(op.Mean[c]))
	}
	return a, b
}

// Linear implements [Op].
func (*BatchNormalization) Linear() bool { return true }

func (op *BatchNormalization) parameters() int { return 4 * len(op.Scale) }

func (op *BatchNormalization) clone() Op {
	c := *op
	c.Scale, c.Bias = slices.Clone(op.Scale), slices.Clone(op.Bias)
	c.Mean, c.Var = slices.Clone(op.Mean), slices.Clone(op.Var)
	return &c
}

// oneImage returns the axes of the single (C, H, W) input that most operators take.
func oneImage(in []tensor.Shape) (c, h, w int, err error) {
	if len(in) != 1 {
		return 0, 0, 0, fmt.Errorf("takes one input, not %d", len(in))
	}
	if len(in[0]) != 3 {
		return 0, 0, 0, fmt.Errorf("takes an input of shape (C, H, W), not %v", in[0])
	}
	return in[0][0], in[0][1], in[0][2], nil
}

// checkVector returns an error unless x has n finite elements, or is nil where
// that is allowed.
func checkVector(name string, x []float32, n int, optional bool) error {
	if x == nil && optional {
		return nil
	}
	if len(x) != n {
		return fmt.Errorf("%s has %d elements, want %d", name, len(x), n)
	}
	if err := tensor.CheckFinite(x); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
