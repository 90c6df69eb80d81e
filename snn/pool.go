package snn

import (
	"fmt"

	"sresnet/tensor"
)

// AveragePool is synapses of one weight from every neuron under the window. With
// q the charge of a spike,
//
//	I[c, r, k] = (q Weight) n      n = number of spikes under the window
//
// as one product, rounded once, added to the current that the layer's earlier
// synapses gave. Weight is Scale over the size of the kernel, or, with CountPad
// unset, over the number of taps inside the source where that is smaller: for a plain
// mean the product is then (q / taps) n.
type AveragePool struct {
	Window   tensor.Window
	CountPad bool      // Padding counts as taps (ONNX's count_include_pad).
	Scale    float32   // Multiplies every weight; 1 for a plain mean.
	Scales   []float32 // Per channel, in place of Scale; nil for one for all.
}

// ScaleOf returns what multiplies the weights of channel c.
func (k *AveragePool) ScaleOf(c int) float32 {
	if k.Scales == nil {
		return k.Scale
	}
	return k.Scales[c]
}

// Kind returns "average pool".
func (*AveragePool) Kind() string { return "average pool" }

// Out implements [Connection].
func (k *AveragePool) Out(in tensor.Shape) (tensor.Shape, error) {
	if err := tensor.CheckFinite([]float32{k.Scale}); err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	if err := tensor.CheckFinite(k.Scales); err != nil {
		return nil, fmt.Errorf("scales: %w", err)
	}
	if k.Scales != nil && len(k.Scales) != in[0] {
		return nil, fmt.Errorf("%d scales for %d channels", len(k.Scales), in[0])
	}
	return pooled(k.Window, in)
}

// WeightAt returns the weight of the synapses that end on row r and column c of channel
// ch, for a source of h rows and w columns: its scale over the number of taps.
func (k *AveragePool) WeightAt(ch, r, c, h, w int) float32 {
	return k.ScaleOf(ch) / float32(k.Taps(r, c, h, w))
}

// Taps returns how many neurons the mean on row r and column c is over, for a source of h
// rows and w columns: what the scale is divided by.
func (k *AveragePool) Taps(r, c, h, w int) int {
	taps := k.Window.Kernel[0] * k.Window.Kernel[1]
	if !k.CountPad {
		rows, cols := 0, 0
		for ky := range k.Window.Kernel[0] {
			if y := k.Window.Row(r, ky); y >= 0 && y < h {
				rows++
			}
		}
		for kx := range k.Window.Kernel[1] {
			if x := k.Window.Col(c, kx); x >= 0 && x < w {
				cols++
			}
		}
		taps = max(rows*cols, 1)
	}
	return taps
}

// Fan implements [Connection].
func (k *AveragePool) Fan(tensor.Shape) tensor.Fan {
	return tensor.Fan{Window: &k.Window, Channels: 1}
}

// Scaled implements [Connection].
func (k *AveragePool) Scaled(factor float64) Connection {
	c := *k
	c.Scale, c.Scales = float32(float64(k.Scale)*factor), scaled(k.Scales, factor)
	return &c
}

// Parameters implements [Connection].
func (k *AveragePool) Parameters() int { return max(len(k.Scales), 1) }

// String formats k as "average pool 8x8".
func (k *AveragePool) String() string { return fmt.Sprintf("average pool %v", k.Window) }

// MaxPool is the gate of a max pool. Per output, with inputs i under its window,
//
//	N_i += z_i             counts up to and including this timestep
//	out = max_i z_i
//	if max_i N_i <= M then out = 0
//	M += out
//
// M counts the spikes that the output has emitted, so it follows the count of the
// busiest input with at most one spike per timestep.
type MaxPool struct {
	Window tensor.Window
}

// Kind returns "max pool".
func (*MaxPool) Kind() string { return "max pool" }

// Out implements [Connection].
func (k *MaxPool) Out(in tensor.Shape) (tensor.Shape, error) { return pooled(k.Window, in) }

// Fan implements [Connection].
func (*MaxPool) Fan(tensor.Shape) tensor.Fan { return tensor.Fan{} }

// Scaled implements [Connection].
func (k *MaxPool) Scaled(float64) Connection { return k }

// Parameters implements [Connection].
func (*MaxPool) Parameters() int { return 0 }

// String formats k as "max pool 3x3/2 pad 1".
func (k *MaxPool) String() string { return fmt.Sprintf("max pool %v", k.Window) }

// IsPool reports whether k is a pool, whose layer has the scale of its source.
func IsPool(k Connection) bool {
	switch k.(type) {
	case *AveragePool, *MaxPool:
		return true
	}
	return false
}

func pooled(w tensor.Window, in tensor.Shape) (tensor.Shape, error) {
	h, wd, err := w.Out(in[1], in[2])
	if err != nil {
		return nil, err
	}
	return tensor.Shape{in[0], h, wd}, nil
}
