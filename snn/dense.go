package snn

import (
	"fmt"

	"sresnet/tensor"
)

// Dense connects every neuron of the source, flattened in CHW order, to every
// neuron of the layer. With q the charge of a spike z,
//
//	I[o] = sum over rows, columns and channels i of (q W[o, i]) z[i]
//
// summed in that order (channels-last, channels ascending innermost), in float32,
// starting at the current that the layer's earlier synapses gave.
type Dense struct {
	Weight *tensor.Tensor // (out, in), the inputs in CHW order.
}

// Kind returns "dense".
func (*Dense) Kind() string { return "dense" }

// Out implements [Connection].
func (k *Dense) Out(in tensor.Shape) (tensor.Shape, error) {
	if err := k.Weight.Check(); err != nil {
		return nil, fmt.Errorf("weight: %w", err)
	}
	if len(k.Weight.Shape) != 2 || k.Weight.Shape[1] != in.Len() {
		return nil, fmt.Errorf("weight of shape %v for %d inputs", k.Weight.Shape, in.Len())
	}
	return tensor.Shape{k.Weight.Shape[0], 1, 1}, nil
}

// Fan implements [Connection].
func (k *Dense) Fan(out tensor.Shape) tensor.Fan { return tensor.Fan{Channels: out.Len()} }

// Scaled implements [Connection].
func (k *Dense) Scaled(factor float64) Connection {
	return k.WithWeights(scaledTensor(k.Weight, factor))
}

// Parameters implements [Connection].
func (k *Dense) Parameters() int { return k.Weight.Shape.Len() }

// Weights implements [Weighted].
func (k *Dense) Weights() *tensor.Tensor { return k.Weight }

// WithWeights implements [Weighted].
func (k *Dense) WithWeights(w *tensor.Tensor) Connection { return &Dense{Weight: w} }

// String returns "dense".
func (*Dense) String() string { return "dense" }
