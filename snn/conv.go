package snn

import (
	"fmt"

	"sresnet/tensor"
)

// Conv is a convolution of spikes. With z the spikes of the source, q their
// charge and g the group of output channel o, the current is
//
//	I[o, r, c] = sum over ky, kx, i of (q W[o, i, ky, kx]) z[g*J + i, Row(r, ky), Col(c, kx)]
//
// with J input channels per group. The order of the sum is part of the
// definition: ky, then kx, then i, ascending, in float32, starting at the current
// that the layer's earlier synapses gave.
type Conv struct {
	Weight *tensor.Tensor // (O, J, kernel rows, kernel columns)
	Window tensor.Window
	Groups int
}

// Kind returns "conv".
func (*Conv) Kind() string { return "conv" }

// Out implements [Connection].
func (k *Conv) Out(in tensor.Shape) (tensor.Shape, error) {
	if err := k.Weight.Check(); err != nil {
		return nil, fmt.Errorf("weight: %w", err)
	}
	ws := k.Weight.Shape
	if len(ws) != 4 || ws[2] != k.Window.Kernel[0] || ws[3] != k.Window.Kernel[1] {
		return nil, fmt.Errorf("weight of shape %v for a %v kernel", ws, k.Window.Kernel)
	}
	if k.Groups < 1 || in[0]%k.Groups != 0 || ws[0]%k.Groups != 0 || ws[1] != in[0]/k.Groups {
		return nil, fmt.Errorf("weight of shape %v does not fit %d channels in %d groups", ws, in[0], k.Groups)
	}
	h, w, err := k.Window.Out(in[1], in[2])
	if err != nil {
		return nil, err
	}
	return tensor.Shape{ws[0], h, w}, nil
}

// Fan implements [Connection].
func (k *Conv) Fan(out tensor.Shape) tensor.Fan {
	w := k.Window // A copy, so that who keeps the fan does not keep the weights.
	return tensor.Fan{Window: &w, Channels: out[0] / k.Groups}
}

// Scaled implements [Connection].
func (k *Conv) Scaled(factor float64) Connection {
	return k.WithWeights(scaledTensor(k.Weight, factor))
}

// Parameters implements [Connection].
func (k *Conv) Parameters() int { return k.Weight.Shape.Len() }

// Weights implements [Weighted].
func (k *Conv) Weights() *tensor.Tensor { return k.Weight }

// WithWeights implements [Weighted].
func (k *Conv) WithWeights(w *tensor.Tensor) Connection {
	c := *k
	c.Weight = w
	return &c
}

// String formats k as "conv 3x3/2".
func (k *Conv) String() string {
	if k.Groups > 1 {
		return fmt.Sprintf("conv %v in %d groups", k.Window, k.Groups)
	}
	return fmt.Sprintf("conv %v", k.Window)
}
