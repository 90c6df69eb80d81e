package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// The functions here compute shapes for constants and activations alike.

// list returns a list of integers that is an attribute in older operator sets
// and input i in newer ones; nil if it is neither, not if it is empty.
func list(n *node, in []*value, name string, i int) ([]int64, error) {
	if v, err := n.ints(name); v != nil || err != nil {
		return v, err
	}
	if i >= len(in) || in[i] == nil {
		return nil, nil
	}
	v, err := in[i].intList()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if v == nil {
		v = []int64{}
	}
	return v, nil
}

// constants returns the constant inputs behind the first, for [list].
func constants(in []*edge) ([]*value, error) {
	vs := make([]*value, len(in))
	for i := 1; i < len(in); i++ {
		v, err := optional(in, i, "parameter")
		if err != nil {
			return nil, err
		}
		vs[i] = v
	}
	return vs, nil
}

// normalAxis turns an axis that may count from the end into one that does not.
func normalAxis(a int64, rank int) (int, error) {
	if a < 0 {
		a += int64(rank)
	}
	if a < 0 || a >= int64(rank) {
		return 0, fmt.Errorf("axis out of range for %d axes", rank)
	}
	return int(a), nil
}

// normalAxes is [normalAxis] for a list without repetitions.
func normalAxes(axes []int64, rank int) ([]int, error) {
	var out []int
	for _, a := range axes {
		k, err := normalAxis(a, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, k) {
			return nil, fmt.Errorf("axis %d is listed twice", k)
		}
		out = append(out, k)
	}
	slices.Sort(out)
	return out, nil
}

// reshapeDims returns the shape that Reshape makes of dims: 0 copies an axis
// unless allowZero, one -1 takes what is left.
func reshapeDims(dims []int, target []int64, allowZero bool) ([]int, error) {
	total, err := size(dims)
	if err != nil {
		return nil, err
	}
	if len(target) > maxAxes {
		return nil, fmt.Errorf("%d axes are more than %d", len(target), maxAxes)
	}
	out := make([]int, len(target))
	open := -1
	for i, d := range target {
		switch {
		case d == 0 && !allowZero:
			if i >= len(dims) {
				return nil, fmt.Errorf("shape %v copies an axis that the input %v does not have", target, dims)
			}
			out[i] = dims[i]
		case d == -1 && open < 0:
			open, out[i] = i, 1
		case d < 0 || d > math.MaxInt32:
			return nil, fmt.Errorf("%v is not a shape", target)
		default:
			out[i] = int(d)
		}
	}
	n, err := size(out)
	if err != nil {
		return nil, err
	}
	if open >= 0 && n > 0 {
		out[open] = total / n
		n *= out[open]
	}
	if n != total {
		return nil, fmt.Errorf("cannot reshape %v to %v", dims, target)
	}
	return out, nil
}

func flattenDims(dims []int, axis int64) ([]int, error) {
	if axis < 0 {
		axis += int64(len(dims))
	}
	if axis < 0 || axis > int64(len(dims)) {
		return nil, fmt.Errorf("axis out of range for %d axes", len(dims))
	}
	if _, err := size(dims); err != nil {
		return nil, err
	}
	a, b := 1, 1
	for i, d := range dims {
		if i < int(axis) {
			a *= d
		} else {
			b *= d
		}
	}
	return []int{a, b}, nil
}

// squeezeDims removes axes of length 1; all of them if axes is nil.
func squeezeDims(dims []int, axes []int64) ([]int, error) {
	drop, err := normalAxes(axes, len(dims))
	if err != nil {
		return nil, err
	}
	out := []int{}
	for i, d := range dims {
		listed := slices.Contains(drop, i)
		if listed && d != 1 {
			return nil, fmt.Errorf("cannot squeeze axis %d of %v", i, dims)
		}
		if !listed && (axes != nil || d != 1) {
			out = append(out, d)
		}
	}
	return out, nil
}

func unsqueezeDims(dims []int, axes []int64) ([]int, error) {
	if axes == nil {
		return nil, errors.New("no axes")
	}
	rank := len(dims) + len(axes)
	if rank > maxAxes {
		return nil, fmt.Errorf("%d axes are more than %d", rank, maxAxes)
	}
	add, err := normalAxes(axes, rank)
	if err != nil {
		return nil, err
	}
	var out []int
	for i := range rank {
		if slices.Contains(add, i) {
			out = append(out, 1)
		} else {
			out = append(out, dims[0])
			dims = dims[1:]
		}
	}
	return out, nil
}

// permutation returns the attribute perm, which by default reverses the axes.
func permutation(n *node, rank int) ([]int, error) {
	p, err := n.ints("perm")
	if err != nil {
		return nil, err
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = rank - 1 - i
	}
	if p == nil {
		return out, nil
	}
	seen := make([]bool, rank)
	if len(p) != rank {
		return nil, fmt.Errorf("permutation %v of %d axes", p, rank)
	}
	for i, a := range p {
		if a < 0 || a >= int64(rank) || seen[a] {
			return nil, fmt.Errorf("permutation %v of %d axes", p, rank)
		}
		seen[a] = true
		out[i] = int(a)
	}
	return out, nil
}

// cut is a slice of one axis: size elements from start, step apart. The step may
// be negative.
type cut struct{ start, step, size int }

// cuts returns what Slice takes of every axis of dims.
func cuts(n *node, in []*value, dims []int) ([]cut, error) {
	var lists [4][]int64
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		var err error
		if lists[i], err = list(n, in, name, i+1); err != nil {
			return nil, err
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if len(starts) != len(ends) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, errors.New("starts, ends, axes and steps differ in length")
	}
	out := make([]cut, len(dims))
	for i, d := range dims {
		out[i] = cut{0, 1, d}
	}
	seen := make([]bool, len(dims))
	for i := range starts {
		a, err := i, error(nil)
		if axes != nil {
			a, err = normalAxis(axes[i], len(dims))
		}
		if err != nil || a >= len(dims) || seen[a] {
			return nil, fmt.Errorf("slices axes %v of %d", axes, len(dims))
		}
		seen[a] = true
		step := int64(1)
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return nil, errors.New("a step of 0")
		}
		out[a] = newCut(starts[i], ends[i], step, int64(dims[a]))
	}
	return out, nil
}

// newCut applies ONNX's rules: negative positions count from the end, and those
// outside are moved to the nearest edge.
func newCut(start, end, step, d int64) cut {
	step = max(-math.MaxInt32, min(step, math.MaxInt32))
	if start < 0 {
		start += d
	}
	if end < 0 {
		end += d
	}
	if step > 0 {
		start, end = max(0, min(start, d)), max(0, min(end, d))
		return cut{int(start), int(step), int(max(0, (end-start+step-1)/step))}
	}
	start, end = max(-1, min(start, d-1)), max(-1, min(end, d-1))
	return cut{int(start), int(step), int(max(0, (start-end-step-1)/-step))}
}
