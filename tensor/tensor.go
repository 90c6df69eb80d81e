// Package tensor holds the values that every other package passes around: dense
// float32 arrays, their shapes, and the sliding window of convolutions and
// pools. It knows nothing of networks, files or images.
//
// # Layout
//
// Arrays are row-major. Images and activations are CHW with a contiguous W axis;
// weights of convolutions are OIHW, of fully connected layers (out, in). There
// is no batch axis anywhere: a batch is a slice of tensors.
package tensor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxLen is the largest number of elements a tensor may have. A shape that
// claims more is taken for an error in a file rather than for a network.
const MaxLen = 1 << 31

// Shape is the length of every axis, outermost first.
type Shape []int

// Len returns the number of elements of a tensor of shape s, 1 for a scalar.
// Call [Shape.Check] first on a shape that came from a file.
func (s Shape) Len() int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// Check returns an error unless every axis is at least 1 and the number of
// elements is at most [MaxLen]; products that overflow are caught.
func (s Shape) Check() error {
	n := 1
	for _, d := range s {
		if d < 1 {
			return fmt.Errorf("shape %v: every axis must be at least 1", s)
		}
		if d > MaxLen/n {
			return fmt.Errorf("shape %v: more than %d elements", s, MaxLen)
		}
		n *= d
	}
	return nil
}

// Equal reports whether s and t have the same axes.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// CHW returns s as channels, rows and columns; a vector of n elements is (n, 1, 1).
// It panics on any other number of axes.
func (s Shape) CHW() (c, h, w int) {
	switch len(s) {
	case 1:
		return s[0], 1, 1
	case 3:
		return s[0], s[1], s[2]
	}
	panic(fmt.Sprintf("tensor: shape %v is neither (C, H, W) nor (N)", s))
}

// String formats s as "16x32x32".
func (s Shape) String() string {
	if len(s) == 0 {
		return "scalar"
	}
	var b strings.Builder
	for i, d := range s {
		if i > 0 {
			b.WriteByte('x')
		}
		b.WriteString(strconv.Itoa(d))
	}
	return b.String()
}

// Tensor is a dense array. len(Data) is always Shape.Len().
type Tensor struct {
	Shape Shape
	Data  []float32
}

// New returns a tensor of zeros.
func New(shape ...int) *Tensor {
	return &Tensor{Shape: shape, Data: make([]float32, Shape(shape).Len())}
}

// Of returns a tensor over data, which it keeps. It panics if the lengths differ.
func Of(data []float32, shape ...int) *Tensor {
	if len(data) != Shape(shape).Len() {
		panic(fmt.Sprintf("tensor: %d elements for shape %v", len(data), Shape(shape)))
	}
	return &Tensor{Shape: shape, Data: data}
}

// Clone returns a copy that shares nothing with t; nil for nil.
func (t *Tensor) Clone() *Tensor {
	if t == nil {
		return nil
	}
	return &Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

// Check returns an error unless the shape is sound, fits the data, and every
// element is finite.
func (t *Tensor) Check() error {
	if t == nil {
		return fmt.Errorf("missing tensor")
	}
	if err := t.Shape.Check(); err != nil {
		return err
	}
	if len(t.Data) != t.Shape.Len() {
		return fmt.Errorf("%d elements for shape %v", len(t.Data), t.Shape)
	}
	return CheckFinite(t.Data)
}

// ChannelsLast copies src, an image (C, H, W), to dst as (H, W, C).
func ChannelsLast(dst, src []float32, channels int) {
	positions := len(src) / channels
	for c := range channels {
		for p, v := range src[c*positions:][:positions] {
			dst[p*channels+c] = v
		}
	}
}

// ArgMax returns the index of the first largest element of x; 0 if there is none.
func ArgMax[T uint32 | float32](x []T) int {
	best := 0
	for k, v := range x {
		if v > x[best] {
			best = k
		}
	}
	return best
}

// CheckFinite returns an error that names the first NaN or infinity in x.
func CheckFinite(x []float32) error {
	for i, v := range x {
		if v-v != 0 { // NaN for both.
			return fmt.Errorf("element %d is %v", i, v)
		}
	}
	return nil
}
