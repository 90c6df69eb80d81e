package onnx

import (
	"errors"
	"fmt"
	"slices"

	"sresnet/ann"
)

// slice translates Slice, forward only.
func (im *importer) slice(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	cs, err := cuts(n, vs, e.dims)
	if err != nil {
		return nil, err
	}
	whole := true
	for i, c := range cs {
		whole = whole && c == cut{0, 1, e.dims[i]}
	}
	if whole {
		return e, nil
	}
	if !im.isImage(e) {
		for i, c := range cs {
			if e, err = im.picked(n, e, i, countFrom(c.start, c.size, c.step)); err != nil {
				return nil, err
			}
		}
		return e, nil
	}
	if m := im.mixOf(e); m != nil { // Channels of the input may be in another order.
		if out, err := im.reversed(n, e, m, cs); out != nil || err != nil {
			return out, err
		}
	}
	for i, c := range cs {
		if c.step < 0 && c.size > 1 && e.axis(i) == 0 { // The rest in one slice.
			if e, err = im.picked(n, e, i, countFrom(c.start, c.size, c.step)); err != nil {
				return nil, err
			}
			cs[i] = cut{0, 1, c.size}
		}
	}
	op, whole := &ann.Slice{}, true
	for i, c := range cs {
		whole = whole && c == cut{0, 1, e.dims[i]}
		switch k := e.axis(i); {
		case c.size == 0:
			return nil, fmt.Errorf("nothing is left of axis %d", i)
		case k < 0 && c != cut{0, 1, e.dims[0]}:
			return nil, unsupported("slices the batch")
		case c.step < 0 && c.size > 1:
			return nil, unsupported("reverses axis %d of the image (a step of %d)", i, c.step)
		case k >= 0:
			op.Start[k], op.Step[k], op.Size[k] = c.start, max(1, c.step), c.size
		}
	}
	if whole {
		return e, nil
	}
	return im.emitAlike(n, op, e)
}

// reversed returns the image e with its channels in reverse, nil if that is not all
// that is cut.
func (im *importer) reversed(n *node, e *edge, m *mix, cs []cut) (*edge, error) {
	var channels []int
	for i, c := range cs {
		switch {
		case i > 0 && e.axis(i) == 0 && c.step < 0 && c.size > 1:
			for j := range c.size {
				channels = append(channels, c.start+j*c.step)
			}
		case c != cut{0, 1, e.dims[i]}:
			return nil, nil
		}
	}
	if channels == nil {
		return nil, nil
	}
	return im.mixed(n, m.selected(channels), e.last)
}

// emitAlike emits an operator from image to image, in the layout of e.
func (im *importer) emitAlike(n *node, op ann.Op, e *edge) (*edge, error) {
	name, err := im.emit(n, op, e.node)
	if err != nil {
		return nil, err
	}
	return im.activation(name, im.imageDims(name, e.last), e.last), nil
}

// pad translates Pad with zeros.
func (im *importer) pad(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	before, after, err := padding(n, vs, len(e.dims))
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(slices.Concat(before, after), func(p int64) bool { return p != 0 }) {
		return e, nil
	}
	mode, err := n.text("mode", "constant")
	if err != nil {
		return nil, err
	}
	if mode != "constant" {
		return nil, unsupported("pads in mode %q; only padding with zeros is supported", mode)
	}
	fill, err := bound(n, in, "value", 2, 0)
	if err != nil {
		return nil, err
	}
	if fill != 0 {
		return nil, unsupported("pads with %v; only padding with zeros is supported", fill)
	}
	if !im.isImage(e) {
		return nil, unsupported("pads a value of shape %v; only images can be padded", e.dims)
	}
	op := &ann.Pad{}
	for i := range before {
		k := e.axis(i)
		switch {
		case before[i] < 0 || after[i] < 0:
			return nil, unsupported("crops the image with negative padding")
		case k < 0 && (before[i] != 0 || after[i] != 0):
			return nil, unsupported("pads the batch")
		case k >= 0:
			if op.Before[k], err = extent(before[i], 0); err != nil {
				return nil, err
			}
			if op.After[k], err = extent(after[i], 0); err != nil {
				return nil, err
			}
		}
	}
	return im.emitAlike(n, op, e)
}

// padding returns what Pad puts before and after every axis.
func padding(n *node, in []*value, rank int) (before, after []int64, err error) {
	pads, err := list(n, in, "pads", 1)
	if err != nil {
		return nil, nil, err
	}
	axes, err := list(n, in, "axes", 3)
	if err != nil {
		return nil, nil, err
	}
	before, after = make([]int64, rank), make([]int64, rank)
	if axes == nil {
		if len(pads) != 2*rank {
			return nil, nil, fmt.Errorf("%d pads for %d axes", len(pads), rank)
		}
		copy(before, pads[:rank])
		copy(after, pads[rank:])
		return before, after, nil
	}
	if len(pads) != 2*len(axes) {
		return nil, nil, fmt.Errorf("%d pads for %d axes", len(pads), len(axes))
	}
	for i, a := range axes {
		k, err := normalAxis(a, rank)
		if err != nil {
			return nil, nil, err
		}
		before[k], after[k] = pads[i], pads[i+len(axes)]
	}
	return before, after, nil
}

// concat translates Concat of an image with zeros, which pads it, and of activations.
func (im *importer) concat(n *node, in []*edge) (*edge, error) {
	k, err := n.int("axis", 1)
	if err != nil {
		return nil, err
	}
	if len(in) > 1 && im.mixOf(in[0]) != nil {
		axis, err := normalAxis(k, len(in[0].dims))
		if err != nil {
			return nil, err
		}
		if m, last := im.joinedMix(in, axis); m != nil {
			return im.mixed(n, m, last)
		}
	}
	at := -1
	for i, e := range in {
		switch {
		case e == nil:
			return nil, errors.New("an input is left out")
		case e.c == nil && at >= 0:
			return im.join(n, in, k)
		case e.c == nil:
			at = i
		}
	}
	e := in[at] // There is one, or the node would have been folded.
	axis, err := normalAxis(k, len(e.dims))
	if err != nil {
		return nil, err
	}
	var before, after int
	for i, z := range in {
		if i == at {
			continue
		}
		s := slices.Clone(z.c.shape)
		if len(s) != len(e.dims) {
			return nil, fmt.Errorf("joins shapes %v and %v", e.dims, s)
		}
		count := s[axis]
		s[axis] = e.dims[axis]
		switch {
		case !slices.Equal(s, e.dims):
			return nil, fmt.Errorf("joins shapes %v and %v on axis %d", e.dims, z.c.shape, axis)
		case !z.c.isZero():
			return nil, unsupported("joins an activation with constants; only joining it with zeros, as a shortcut does, is supported")
		case i < at:
			before += count
		default:
			after += count
		}
	}
	if before+after == 0 {
		return e, nil
	}
	if !im.isImage(e) || axis == 0 {
		return nil, unsupported("joins values of shape %v on axis %d; only images can be joined, and not along the batch", e.dims, axis)
	}
	op := &ann.Pad{}
	op.Before[e.axis(axis)], op.After[e.axis(axis)] = before, after
	return im.emitAlike(n, op, e)
}
