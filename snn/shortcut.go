package snn

import (
	"fmt"

	"sresnet/tensor"
)

// Shortcut is a bundle of one-to-one synapses of one weight: the identity
// shortcut of a residual block, or with a stride and an offset the option-A
// shortcut [he2016]. With q the charge of a spike z,
//
//	I[c + Offset, r, k] += (q Scale) z[c, Start[0] + r Stride[0], Start[1] + k Stride[1]]
//
// Scales, unless nil, has the Scale of every source channel c, where populations have a
// lambda per channel. Output channels below Offset or past the last source channel get nothing.
//
// With Remainder, which is of identity shortcuts in phased networks, the neuron it ends on
// takes over what the source neuron has left: of its input, a, the spikes have said only the
// whole thresholds, n θ, and with them the shortcut brings the rest. See [Phased].
//
// References:
//
//	[he2016]  Kaiming He et al. Deep Residual Learning for Image Recognition. CVPR 2016.
type Shortcut struct {
	Scale  float32
	Scales []float32 // Per source channel, in place of Scale; nil for one for all.
	Stride [2]int    // Rows and columns; 1 for an identity shortcut.
	Start  [2]int    // First source row and column; usually 0.
	Offset int       // Zero channels before the first one; 0 for an identity shortcut.

	Remainder bool // What the source has left after its window is taken over.

	Shape tensor.Shape // Of the layer it ends on.
}

// Identity returns the shortcut between two layers of the same shape.
func Identity(scale float32, shape tensor.Shape) *Shortcut {
	return &Shortcut{Scale: scale, Stride: [2]int{1, 1}, Shape: shape}
}

// ScaleOf returns the weight of the synapses that leave source channel c.
func (k *Shortcut) ScaleOf(c int) float32 {
	if k.Scales == nil {
		return k.Scale
	}
	return k.Scales[c]
}

// Kind returns "shortcut".
func (*Shortcut) Kind() string { return "shortcut" }

// Out implements [Connection].
func (k *Shortcut) Out(in tensor.Shape) (tensor.Shape, error) {
	if len(k.Shape) != 3 {
		return nil, fmt.Errorf("shape %v is not (C, H, W)", k.Shape)
	}
	if err := tensor.CheckFinite([]float32{k.Scale}); err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	if err := tensor.CheckFinite(k.Scales); err != nil {
		return nil, fmt.Errorf("scales: %w", err)
	}
	if k.Scales != nil && len(k.Scales) != in[0] {
		return nil, fmt.Errorf("%d scales for %d channels", len(k.Scales), in[0])
	}
	if k.Remainder && !(in.Equal(k.Shape) && k.Stride == [2]int{1, 1} && k.Start == [2]int{} && k.Offset == 0) {
		return nil, fmt.Errorf("a shortcut that takes over remainders must be the identity")
	}
	if k.Offset < 0 || k.Offset+in[0] > k.Shape[0] {
		return nil, fmt.Errorf("%d channels at offset %d do not fit into %d", in[0], k.Offset, k.Shape[0])
	}
	for i := range 2 {
		n, out := in[i+1], k.Shape[i+1]
		if k.Start[i] < 0 || k.Start[i] >= n || k.Stride[i] < 1 || out < 1 || out-1 > (n-1-k.Start[i])/k.Stride[i] {
			return nil, fmt.Errorf("%d outputs from %d in strides of %d leave the source of %d", out, k.Start[i], k.Stride[i], n)
		}
	}
	return k.Shape, nil
}

// Fan implements [Connection].
func (k *Shortcut) Fan(tensor.Shape) tensor.Fan {
	return tensor.Fan{Channels: 1, Window: &tensor.Window{
		Kernel: [2]int{1, 1}, Stride: k.Stride, Dilation: [2]int{1, 1}, Pad: [4]int{-k.Start[0], -k.Start[1]},
	}}
}

// Scaled implements [Connection].
func (k *Shortcut) Scaled(factor float64) Connection {
	c := *k
	c.Scale, c.Scales = float32(float64(k.Scale)*factor), scaled(k.Scales, factor)
	return &c
}

// Parameters implements [Connection].
func (k *Shortcut) Parameters() int { return max(len(k.Scales), 1) }

// String formats k as "shortcut x0.83".
func (k *Shortcut) String() string {
	s := fmt.Sprintf("shortcut x%.4g", k.Scale)
	if k.Scales != nil {
		s = "shortcut x per channel"
	}
	if k.Remainder {
		s += " with remainder"
	}
	if k.Stride != [2]int{1, 1} {
		s += fmt.Sprintf(" stride %d", k.Stride[0])
	}
	if k.Offset > 0 {
		s += fmt.Sprintf(" offset %d", k.Offset)
	}
	return s
}
