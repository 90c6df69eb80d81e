package onnx

import (
	"slices"

	"sresnet/ann"
)

// leakyRelu translates LeakyRelu.
func (im *importer) leakyRelu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	alpha, err := n.float("alpha", 0.01)
	if err != nil {
		return nil, err
	}
	return im.leaky(n, []float32{alpha}, e)
}

// pRelu translates PRelu with a slope for each channel, or one for all.
func (im *importer) pRelu(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	v, err := floatInput(in, 1, "slope")
	if err != nil {
		return nil, err
	}
	if slope, err := im.number(v, e.dims); err == nil {
		return im.leaky(n, []float32{slope}, e)
	}
	channel := len(e.dims) - 1
	if im.isImage(e) && !e.last {
		channel = 1
	}
	if !im.isImage(e) && len(e.dims) != 2 {
		return nil, unsupported("has slopes of shape %v for a value of shape %v; only one for each channel, or for all, is supported", v.shape, e.dims)
	}
	slopes, err := im.channels(v, e.dims, channel)
	if err != nil {
		return nil, unsupported("has slopes of shape %v for a value of shape %v; only one for each channel, or for all, is supported", v.shape, e.dims)
	}
	if !im.isImage(e) {
		e = im.settle(e)
		x, order, err := im.ordered(e)
		if err != nil {
			return nil, err
		}
		if slopes, err = im.moved(slopes, order); err != nil {
			return nil, err
		}
		return im.sameOrder(n, &ann.LeakyRelu{Slope: slopes}, x, e, order)
	}
	return im.leaky(n, slopes, e)
}

func (im *importer) leaky(n *node, slope []float32, e *edge) (*edge, error) {
	if !all(slope, 0) && !all(slope, 1) {
		e = im.unrounded(e)
	}
	switch {
	case all(slope, 0):
		return im.rectify(n, e)
	case all(slope, 1):
		return e, nil
	case e.pending != nil:
		f, err := pairs(e.functions(), slope, func(f piecewise, s float32) (piecewise, error) { return bent(float64(s), 1).of(f), nil })
		if err != nil {
			return nil, err
		}
		return im.after(n, e, f, e.steps())
	}
	return im.elementwise(n, &ann.LeakyRelu{Slope: slices.Clone(slope)}, e)
}
