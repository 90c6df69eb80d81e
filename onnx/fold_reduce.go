package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// reduction is how the elements of a constant that a Reduce operator joins become one:
// first, then join for each of them, then last for the sum of n.
type reduction struct {
	first float64
	join  func(sum, x float64) float64
	last  func(sum float64, n int) float64
}

func sumOf(f func(x float64) float64, last func(sum float64, n int) float64) reduction {
	return reduction{0, func(sum, x float64) float64 { return sum + f(x) }, last}
}

func itself(x float64) float64 { return x }

func square(x float64) float64 { return x * x }

// reductions are computed on constants, as weights that were normalised in the file need it.
var reductions = map[string]reduction{
	"ReduceSum":       sumOf(itself, nil),
	"ReduceMean":      sumOf(itself, func(sum float64, n int) float64 { return sum / float64(n) }),
	"ReduceL1":        sumOf(math.Abs, nil),
	"ReduceL2":        sumOf(square, func(sum float64, _ int) float64 { return math.Sqrt(sum) }),
	"ReduceSumSquare": sumOf(square, nil),
	"ReduceLogSum":    sumOf(itself, func(sum float64, _ int) float64 { return math.Log(sum) }),
	"ReduceMax":       {math.Inf(-1), func(sum, x float64) float64 { return max(sum, x) }, nil},
	"ReduceMin":       {math.Inf(1), func(sum, x float64) float64 { return min(sum, x) }, nil},
	"ReduceProd":      {1, func(sum, x float64) float64 { return sum * x }, nil},
}

// foldReduce is a Reduce operator of a constant.
func (im *importer) foldReduce(n *node, in []*value) (*value, error) {
	if _, err := need(in, 1); err != nil {
		return nil, err
	}
	v, r := in[0], reductions[n.op]
	switch {
	case v.kind == booleans || v.kind == integers && n.op != "ReduceSum" && n.op != "ReduceMax" && n.op != "ReduceMin" && n.op != "ReduceProd":
		return nil, errors.New("the input is of integers")
	case v.len() == 0:
		return nil, errors.New("the input has no elements")
	}
	shape, over, noop, err := reducedDims(n, in, v.shape)
	if err != nil || noop {
		return v, err
	}
	joined := 1
	kept := slices.Clone(v.shape)
	for _, a := range over {
		joined *= v.shape[a]
		kept[a] = 1
	}
	stride := strides(kept)
	for _, a := range over {
		stride[a] = 0
	}
	count, _ := size(kept)
	if err := im.tensors.budget.charge(count, 8); err != nil {
		return nil, err
	}
	if err := im.tensors.budget.charge(v.len(), 1); err != nil { // For the time it takes.
		return nil, err
	}
	sums := slices.Repeat([]float64{r.first}, count)
	walk(v.shape, 0, stride, func(i, to int) {
		if v.kind == floats {
			sums[to] = r.join(sums[to], float64(v.f[i]))
		} else {
			sums[to] = r.join(sums[to], float64(v.i[i]))
		}
	})
	out, err := im.tensors.budget.newValue(v.kind, shape)
	if err != nil {
		return nil, err
	}
	for i, sum := range sums {
		if r.last != nil {
			sum = r.last(sum, joined)
		}
		if v.kind == floats {
			out.f[i] = float32(sum)
		} else if out.i[i] = int64(sum); math.Abs(sum) > 1<<53 {
			return nil, fmt.Errorf("the result %v is too large", sum)
		}
	}
	return out, nil
}

// reducedDims returns what a Reduce operator leaves of dims, and the axes it goes over;
// noop if it does nothing.
func reducedDims(n *node, in []*value, dims []int) (left, axes []int, noop bool, err error) {
	list, err := list(n, in, "axes", 1)
	if err != nil {
		return nil, nil, false, err
	}
	if axes, err = normalAxes(list, len(dims)); err != nil {
		return nil, nil, false, err
	}
	keep, err := n.int("keepdims", 1)
	if err != nil {
		return nil, nil, false, err
	}
	if len(axes) == 0 {
		if noop, err := n.int("noop_with_empty_axes", 0); err != nil || noop != 0 {
			return nil, nil, noop != 0, err
		}
		for i := range dims { // By default it is over everything.
			axes = append(axes, i)
		}
	}
	for i, d := range dims {
		switch {
		case !slices.Contains(axes, i):
			left = append(left, d)
		case keep != 0:
			left = append(left, 1)
		}
	}
	return left, axes, false, nil
}

// foldMatMul is the product of two matrices.
func (im *importer) foldMatMul(_ *node, in []*value) (*value, error) {
	in, err := need(in, 2)
	if err != nil {
		return nil, err
	}
	x, y := in[0], in[1]
	if len(x.shape) != 2 || len(y.shape) != 2 || x.kind != floats || y.kind != floats {
		return nil, unsupported("multiplies constants of shapes %v and %v; only matrices of floats are supported", x.shape, y.shape)
	}
	rows, k, cols := x.shape[0], x.shape[1], y.shape[1]
	if y.shape[0] != k {
		return nil, fmt.Errorf("shapes %v and %v do not match", x.shape, y.shape)
	}
	out, err := im.tensors.budget.newValue(floats, []int{rows, cols})
	if err != nil {
		return nil, err
	}
	if k > 0 { // For the time it takes: a product is about as fast as a byte.
		if err := im.tensors.budget.charge(out.len(), k); err != nil {
			return nil, err
		}
	}
	for i := range rows {
		for j := range cols {
			sum := 0.0
			for l := range k {
				sum += float64(float64(x.f[i*k+l]) * float64(y.f[l*cols+j]))
			}
			out.f[i*cols+j] = float32(sum)
		}
	}
	return out, nil
}
