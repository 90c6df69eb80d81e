package onnx

import (
	"fmt"

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
// ann.AveragePool cannot tell apart; where there are both, the first becomes that
// of a convolution which hands every channel on.
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
		c := im.shapes[x][0]
		pads := &ann.Conv{Weight: tensor.New(c, 1, 1, 1), Window: tensor.Square(1, 1, 0), Groups: c}
		for i := range pads.Weight.Data {
			pads.Weight.Data[i] = 1
		}
		pads.Window.Pad = pad
		positive := im.span(x).least >= 0
		if x, err = im.emit(&node{name: n.label() + "/Pad", op: "Pad"}, pads, x); err != nil {
			return nil, err
		}
		if positive { // So that it takes one population.
			if x, err = im.emit(&node{name: n.label() + "/Pad/Relu", op: "Pad"}, &ann.Relu{}, x); err != nil {
				return nil, err
			}
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

// globalMaxPool translates GlobalMaxPool to the max pool of one window that it is.
func (im *importer) globalMaxPool(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	x, err := im.image(e)
	if err != nil {
		return nil, err
	}
	_, h, w := im.shapes[x].CHW()
	return im.emitImage(n, &ann.MaxPool{Window: whole(h, w)}, x)
}

// whole returns the window of so many rows and columns.
func whole(rows, cols int) tensor.Window {
	w := tensor.Square(1, 1, 0)
	w.Kernel = [2]int{rows, cols}
	return w
}

// reduce translates a mean, sum or maximum over rows, columns, or both, and a mean or sum
// over the channels.
func (im *importer) reduce(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	dims, axes, noop, err := reducedDims(n, vs, e.dims)
	if err != nil || noop {
		return e, err
	}
	op, err := im.over(n, e, axes)
	if err != nil {
		return nil, err
	}
	x := e.node
	if _, pools := op.(*ann.Conv); n.op == "ReduceSum" && !pools { // The mean times what it is of.
		if x, err = im.emit(&node{name: n.label() + "/mean", op: n.op}, op, x); err != nil {
			return nil, err
		}
		by := identity(im.shapes[x][0])
		for i := range by.Scale {
			by.Scale[i] = float32(im.shapes[e.node].Len() / im.shapes[x].Len())
		}
		op = by
	}
	name, err := im.emit(n, op, x)
	if err != nil {
		return nil, err
	}
	out := im.activation(name, dims, e.last)
	if len(dims) < len(e.dims) {
		if out.last {
			return nil, unsupported("goes over one axis of an image whose channels are last, without keeping it")
		}
		out.view = n
	}
	return out, nil
}

// over returns the operator for the mean or maximum of e over axes.
func (im *importer) over(n *node, e *edge, axes []int) (ann.Op, error) {
	what, pool := "mean", func(rows, cols int) ann.Op { return &ann.AveragePool{Window: whole(rows, cols)} }
	if n.op == "ReduceSum" {
		what = "sum"
	}
	if n.op == "ReduceMax" {
		what, pool = "maximum", func(rows, cols int) ann.Op { return &ann.MaxPool{Window: whole(rows, cols)} }
	}
	s := im.shapes[e.node]
	if len(s) != 3 {
		return nil, unsupported("takes the %s over axes %v of a vector; only those over rows and columns are supported", what, axes)
	}
	c, h, w := s.CHW()
	all := pool(h, w)
	if n.op != "ReduceMax" {
		all = &ann.GlobalAveragePool{}
	}
	if im.isImage(e) {
		if len(axes) == 1 && axes[0] > 0 && e.axis(axes[0]) == 0 && n.op != "ReduceMax" {
			op := &ann.Conv{Weight: tensor.New(1, c, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
			for i := range c {
				if op.Weight.Data[i] = 1; n.op == "ReduceMean" {
					op.Weight.Data[i] = 1 / float32(c)
				}
			}
			return op, im.tensors.budget.charge(c, 4)
		}
		over := [3]bool{}
		for _, a := range axes {
			if a == 0 || e.axis(a) == 0 {
				return nil, unsupported("takes the %s over axes %v; only those over rows and columns are supported", what, axes)
			}
			over[e.axis(a)] = true
		}
		switch {
		case over[1] && over[2]:
			return all, nil
		case over[1]:
			return pool(h, 1), nil
		case over[2]:
			return pool(1, w), nil
		}
		return pool(1, 1), nil
	}
	// An image seen as (batch, C, ...), or with channels last as (batch, ..., C): all
	// other axes are its positions.
	if k := len(e.dims) - 1; k > 1 && e.perm == nil && e.dims[0] == im.batch && len(axes) == k-1 {
		alike := im.alike(e.node)
		if (!e.last || alike) && e.dims[1] == c && axes[0] == 2 || (e.last || alike) && e.dims[k] == c && axes[0] == 1 && axes[k-2] == k-1 {
			return all, nil
		}
	}
	return nil, unsupported("takes the %s over axes %v of a value of shape %v; only those over rows and columns are supported", what, axes, e.dims)
}
