package onnx

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/tensor"
)

// value is a constant: an initializer, or what a node computes from constants.
// Values may share their elements and are never changed.
type value struct {
	shape []int // Row-major; empty for a scalar; an axis may be 0.
	kind  kind
	typ   elemType  // As the file stores it; 0 where it is not known.
	f     []float32 // If kind is floats.
	i     []int64   // Otherwise.
	zero  int8      // Whether all elements are 0: 1 yes, -1 no, 0 not looked at yet.
}

// kind is the type of a value's elements. All floats are held as float32, all
// integers as int64.
type kind uint8

const (
	floats kind = iota
	integers
	booleans
)

func (v *value) len() int {
	if v.kind == floats {
		return len(v.f)
	}
	return len(v.i)
}

// size returns the number of elements of a constant of that shape. Unlike a
// network's activations, constants may have no elements at all.
func size(shape []int) (int, error) {
	if len(shape) > maxAxes {
		return 0, fmt.Errorf("%d axes are more than %d", len(shape), maxAxes)
	}
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative axis", shape)
		}
		if d > 0 && n > tensor.MaxLen/d {
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		}
		n *= d
	}
	return n, nil
}

// newValue returns zeros, charged to the budget.
func (b *budget) newValue(k kind, shape []int) (*value, error) {
	n, err := size(shape)
	if err != nil {
		return nil, err
	}
	v := &value{shape: shape, kind: k}
	if k == floats {
		if err := b.charge(n, 4); err != nil {
			return nil, err
		}
		v.f = make([]float32, n)
		return v, nil
	}
	if err := b.charge(n, 8); err != nil {
		return nil, err
	}
	v.i = make([]int64, n)
	return v, nil
}

// vector returns a list of integers as a value.
func vector(x []int64) *value { return &value{shape: []int{len(x)}, kind: integers, i: x} }

// view returns v's elements in another shape of the same size.
func (v *value) view(shape []int) (*value, error) {
	n, err := size(shape)
	if err != nil {
		return nil, err
	}
	if n != v.len() {
		return nil, fmt.Errorf("%d elements do not fit the shape %v", v.len(), shape)
	}
	w := *v
	w.shape = shape
	return &w, nil
}

// copyElement sets element i of v to element j of w, which has the same kind.
func (v *value) copyElement(i int, w *value, j int) {
	if v.kind == floats {
		v.f[i] = w.f[j]
	} else {
		v.i[i] = w.i[j]
	}
}

// isZero reports whether every element is 0. It looks only once.
func (v *value) isZero() bool {
	if v.zero == 0 {
		v.zero = -1
		if !slices.ContainsFunc(v.f, func(x float32) bool { return x != 0 }) &&
			!slices.ContainsFunc(v.i, func(x int64) bool { return x != 0 }) {
			v.zero = 1
		}
	}
	return v.zero > 0
}

// intList returns the elements of a short list of integers: a shape, axes, paddings.
func (v *value) intList() ([]int64, error) {
	if v.kind == floats {
		return nil, errors.New("a list of integers has floats")
	}
	if len(v.i) > maxInts {
		return nil, fmt.Errorf("a list of %d integers", len(v.i))
	}
	return v.i, nil
}

// scalar returns the only element, as a float.
func (v *value) scalar() (float32, error) {
	if v.len() != 1 {
		return 0, fmt.Errorf("%d elements where one is wanted", v.len())
	}
	if v.kind == floats {
		return v.f[0], nil
	}
	return float32(v.i[0]), nil
}
