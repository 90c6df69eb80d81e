package onnx

import (
	"errors"
	"fmt"
	"slices"
)

// strides returns the distance of neighbours along every axis of a row-major array.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// walk calls f for every element of an array of that shape, in order, with its
// number and the offset start + sum of index*stride of some other array.
func walk(shape []int, start int, stride []int, f func(i, offset int)) {
	if n, _ := size(shape); n == 0 {
		return
	}
	index := make([]int, len(shape))
	offset := start
	for i := 0; ; i++ {
		f(i, offset)
		a := len(shape) - 1
		for ; a >= 0; a-- {
			offset += stride[a]
			if index[a]++; index[a] < shape[a] {
				break
			}
			offset -= stride[a] * shape[a]
			index[a] = 0
		}
		if a < 0 {
			return
		}
	}
}

// gather returns a value of that shape, whose elements are those of v that walk visits.
func (im *importer) gather(v *value, shape []int, start int, stride []int) (*value, error) {
	out, err := im.tensors.budget.newValue(v.kind, shape)
	if err != nil {
		return nil, err
	}
	out.typ = v.typ
	walk(shape, start, stride, func(i, offset int) { out.copyElement(i, v, offset) })
	return out, nil
}

func (im *importer) foldTranspose(n *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	v := in[0]
	perm, err := permutation(n, len(v.shape))
	if err != nil {
		return nil, err
	}
	from := strides(v.shape)
	shape, stride := make([]int, len(perm)), make([]int, len(perm))
	for i, a := range perm {
		shape[i], stride[i] = v.shape[a], from[a]
	}
	return im.gather(v, shape, 0, stride)
}

func (im *importer) foldSlice(n *node, in []*value) (*value, error) {
	if _, err := need(in, 1); err != nil {
		return nil, err
	}
	v := in[0]
	cs, err := cuts(n, in, v.shape)
	if err != nil {
		return nil, err
	}
	shape, stride := make([]int, len(cs)), strides(v.shape)
	start := 0
	for i, c := range cs {
		shape[i] = c.size
		start += c.start * stride[i]
		stride[i] *= c.step
	}
	return im.gather(v, shape, start, stride)
}

func (im *importer) foldGather(n *node, in []*value) (*value, error) {
	in, err := need(in, 2)
	if err != nil {
		return nil, err
	}
	v, indices := in[0], in[1]
	if indices.kind == floats {
		return nil, errors.New("indices are floats")
	}
	k, err := n.int("axis", 0)
	if err != nil {
		return nil, err
	}
	axis, err := normalAxis(k, len(v.shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Concat(v.shape[:axis], indices.shape, v.shape[axis+1:])
	out, err := im.tensors.budget.newValue(v.kind, shape)
	if err != nil {
		return nil, err
	}
	d := v.shape[axis]
	block := strides(v.shape)[axis] // Elements that stay together.
	i := 0
	for outer := 0; i < out.len(); outer += d * block {
		for _, j := range indices.i {
			if j < 0 {
				j += int64(d)
			}
			if j < 0 || j >= int64(d) {
				return nil, fmt.Errorf("index out of range for an axis of %d", d)
			}
			for e := range block {
				out.copyElement(i, v, outer+int(j)*block+e)
				i++
			}
		}
	}
	return out, nil
}

func (im *importer) foldConcat(n *node, in []*value) (*value, error) {
	in, err := need(in, max(1, len(in)))
	if err != nil {
		return nil, err
	}
	k, err := n.int("axis", 1)
	if err != nil {
		return nil, err
	}
	axis, err := normalAxis(k, len(in[0].shape))
	if err != nil {
		return nil, err
	}
	shape := slices.Clone(in[0].shape)
	shape[axis] = 0
	for _, v := range in {
		if len(v.shape) != len(shape) || v.kind != in[0].kind {
			return nil, errors.New("concatenates values of different rank or type")
		}
		for i, d := range v.shape {
			if i != axis && d != shape[i] {
				return nil, fmt.Errorf("concatenates shapes %v and %v on axis %d", in[0].shape, v.shape, axis)
			}
		}
		shape[axis] += v.shape[axis]
	}
	out, err := im.tensors.budget.newValue(in[0].kind, shape)
	if err != nil {
		return nil, err
	}
	stride := strides(shape)
	start := 0
	for _, v := range in {
		walk(v.shape, start, stride, func(i, offset int) { out.copyElement(offset, v, i) })
		start += v.shape[axis] * stride[axis]
	}
	return out, nil
}

// broadcast returns the common shape of some values, and for each of them the
// strides that repeat it to that shape.
func broadcast(in []*value) (shape []int, stride [][]int, err error) {
	for _, v := range in {
		if len(v.shape) > len(shape) {
			shape = make([]int, len(v.shape))
		}
	}
	for i := range shape {
		shape[i] = 1
	}
	for _, v := range in {
		skip := len(shape) - len(v.shape)
		for i, d := range v.shape {
			if d != 1 && shape[skip+i] != 1 && shape[skip+i] != d {
				return nil, nil, fmt.Errorf("shapes %v and %v do not match", in[0].shape, v.shape)
			}
			if d != 1 {
				shape[skip+i] = d
			}
		}
	}
	for _, v := range in {
		s := make([]int, len(shape))
		skip := len(shape) - len(v.shape)
		for i, d := range strides(v.shape) {
			if v.shape[i] != 1 {
				s[skip+i] = d
			}
		}
		stride = append(stride, s)
	}
	return shape, stride, nil
}

func (im *importer) foldExpand(n *node, in []*value) (*value, error) {
	in, err := need(in, 2)
	if err != nil {
		return nil, err
	}
	target, err := in[1].intList()
	if err != nil {
		return nil, err
	}
	dims, err := toInts(target)
	if err != nil {
		return nil, err
	}
	shape, stride, err := broadcast([]*value{in[0], {shape: dims}})
	if err != nil {
		return nil, err
	}
	return im.gather(in[0], shape, 0, stride[0])
}

func (im *importer) foldWhere(n *node, in []*value) (*value, error) {
	in, err := need(in, 3)
	if err != nil {
		return nil, err
	}
	cond, x, y := in[0], in[1], in[2]
	if cond.kind == floats || x.kind != y.kind {
		return nil, errors.New("condition is not bool, or the values are of different types")
	}
	shape, stride, err := broadcast(in)
	if err != nil {
		return nil, err
	}
	out, err := im.gather(y, shape, 0, stride[2])
	if err != nil {
		return nil, err
	}
	if err := im.tensors.budget.charge(out.len(), 8); err != nil {
		return nil, err
	}
	which := make([]bool, out.len())
	walk(shape, 0, stride[0], func(i, offset int) { which[i] = cond.i[offset] != 0 })
	walk(shape, 0, stride[1], func(i, offset int) {
		if which[i] {
			out.copyElement(i, x, offset)
		}
	})
	return out, nil
}
