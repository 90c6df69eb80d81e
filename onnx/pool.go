package onnx

import (
	"fmt"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// poolWindow returns the image that a pool takes, its window, and the padding
// that the file asks for.
func (im *importer) poolWindow(n *node, in []*edge) (x string, win tensor.Window, pad [4]int, err error) {
	e, err := data(in)
	if err != nil {
		return
	}
	if x, err = im.image(e); err != nil {
		return
	}
	kernel, err := n.ints("kernel_shape")
	if err != nil {
		return
	}
	if kernel == nil {
		err = fmt.Errorf("no kernel_shape")
		return
	}
	_, h, w := im.shapes[x].CHW()
	win, pad, err = window(n, kernel, h, w)
	return
}

func (im *importer) maxPool(n *node, in []*edge) (*edge, error) {
	x, win, _, err := im.poolWindow(n, in)
	if err != nil {
		return nil, err
	}
	return im.emitImage(n, &ann.MaxPool{Window: win}, x)
}

// averagePool translates AveragePool. With count_include_pad, the divisor counts
// the padding that the file asks for but not what ceil_mode adds to it, which
// ann.AveragePool cannot tell apart; where there are both, the first becomes a
// Pad of its own.
func (im *importer) averagePool(n *node, in []*edge) (*edge, error) {
	x, win, pad, err := im.poolWindow(n, in)
	if err != nil {
		return nil, err
	}
	count, err := n.int("count_include_pad", 0)
	if err != nil {
		return nil, err
	}
	op := &ann.AveragePool{Window: win}
	switch {
	case count == 0 || pad == [4]int{}:
	case pad == win.Pad:
		op.CountPad = true
	default:
		explicit := &ann.Pad{Before: [3]int{0, pad[0], pad[1]}, After: [3]int{0, pad[2], pad[3]}}
		if x, err = im.emit(&node{name: n.label() + "/Pad", op: "Pad"}, explicit, x); err != nil {
			return nil, err
		}
		for i := range pad {
			op.Window.Pad[i] -= pad[i]
		}
	}
	return im.emitImage(n, op, x)
}

func (im *importer) globalAveragePool(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	x, err := im.image(e)
	if err != nil {
		return nil, err
	}
	return im.emitImage(n, &ann.GlobalAveragePool{}, x)
}

// reduceMean translates a mean over rows, columns, or both.
func (im *importer) reduceMean(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	list, err := list(n, vs, "axes", 1)
	if err != nil {
		return nil, err
	}
	axes, err := normalAxes(list, len(e.dims))
	if err != nil {
		return nil, err
	}
	keep, err := n.int("keepdims", 1)
	if err != nil {
		return nil, err
	}
	if len(axes) == 0 {
		if noop, err := n.int("noop_with_empty_axes", 0); err != nil || noop != 0 {
			return e, err
		}
		for i := range e.dims { // By default the mean is over everything.
			axes = append(axes, i)
		}
	}
	op, err := im.meanOver(e, axes)
	if err != nil {
		return nil, err
	}
	name, err := im.emit(n, op, e.node)
	if err != nil {
		return nil, err
	}
	var dims []int
	for i, d := range e.dims {
		switch {
		case !slices.Contains(axes, i):
			dims = append(dims, d)
		case keep != 0:
			dims = append(dims, 1)
		}
	}
	out := im.activation(name, dims, e.last)
	if keep == 0 {
		if out.last {
			return nil, unsupported("takes the mean over one axis of an image whose channels are last")
		}
		out.view = n
	}
	return out, nil
}

// meanOver returns the operator for the mean of e over axes.
func (im *importer) meanOver(e *edge, axes []int) (ann.Op, error) {
	s := im.shapes[e.node]
	if len(s) != 3 {
		return nil, unsupported("takes the mean over axes %v of a vector; only means over rows and columns are supported", axes)
	}
	c, h, w := s.CHW()
	if im.isImage(e) {
		over := [3]bool{}
		for _, a := range axes {
			if a == 0 || e.axis(a) == 0 {
				return nil, unsupported("takes the mean over axes %v; only means over rows and columns are supported", axes)
			}
			over[e.axis(a)] = true
		}
		kernel := [2]int{1, 1}
		switch {
		case over[1] && over[2]:
			return &ann.GlobalAveragePool{}, nil
		case over[1]:
			kernel[0] = h
		case over[2]:
			kernel[1] = w
		}
		return &ann.AveragePool{Window: tensor.Window{Kernel: kernel, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}}}, nil
	}
	// An image seen as (batch, C, ...): all but the first two axes are its positions.
	if !e.last && len(e.dims) > 2 && e.dims[0] == im.batch && e.dims[1] == c && len(axes) == len(e.dims)-2 && axes[0] == 2 {
		return &ann.GlobalAveragePool{}, nil
	}
	return nil, unsupported("takes the mean over axes %v of a value of shape %v; only means over rows and columns are supported", axes, e.dims)
}
