package onnx

import (
	"fmt"

	"sresnet/tensor"
)

// window reads the attributes that Conv and the pools share, for an input of h
// rows and w columns, and resolves auto_pad and ceil_mode to explicit padding.
//
// pad is the padding that the file asks for, which counts for
// count_include_pad. The window's may be larger at the end: with ceil_mode a
// last window may reach beyond it.
func window(n *node, kernel []int64, h, w int) (win tensor.Window, pad [4]int, err error) {
	fail := func(err error) (tensor.Window, [4]int, error) { return tensor.Window{}, pad, err }
	stride, err := pair(n, "strides")
	if err != nil {
		return fail(err)
	}
	dilation, err := pair(n, "dilations")
	if err != nil {
		return fail(err)
	}
	if len(kernel) != 2 {
		return fail(unsupported("works on %d spatial axes, not on 2", len(kernel)))
	}
	for i := range 2 {
		if win.Kernel[i], err = extent(kernel[i], 1); err != nil {
			return fail(err)
		}
	}
	win.Stride, win.Dilation = stride, dilation
	auto, err := n.text("auto_pad", "NOTSET")
	if err != nil {
		return fail(err)
	}
	in := [2]int{h, w}
	switch auto {
	case "NOTSET", "":
		if win.Pad, err = pads(n); err != nil {
			return fail(err)
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i := range 2 {
			out := (in[i]-1)/stride[i] + 1
			total := max(0, (out-1)*stride[i]+(win.Kernel[i]-1)*dilation[i]+1-in[i])
			begin := total / 2
			if auto == "SAME_LOWER" {
				begin = total - begin
			}
			win.Pad[i], win.Pad[i+2] = begin, total-begin
		}
	default:
		return fail(fmt.Errorf("auto_pad %q is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER", auto))
	}
	pad = win.Pad
	ceil, err := n.int("ceil_mode", 0)
	if err != nil {
		return fail(err)
	}
	if ceil != 0 && n.op != "Conv" {
		for i := range 2 {
			win.Pad[i+2] += beyond(in[i]+pad[i]+pad[i+2], in[i]+pad[i], (win.Kernel[i]-1)*dilation[i]+1, stride[i])
		}
	}
	return win, pad, nil
}

// beyond returns how far ceil_mode's last window reaches beyond the padded
// length n. A window that would start in the padding at the end, at end or
// after it, is dropped.
func beyond(n, end, span, stride int) int {
	if span > n {
		return 0 // The window fits nowhere, an error elsewhere.
	}
	last := (n - span + stride - 1) / stride
	if last*stride >= end {
		last--
	}
	return max(0, last*stride+span-n)
}

// pair reads strides or dilations.
func pair(n *node, name string) (p [2]int, err error) {
	v, err := n.ints(name)
	if err != nil {
		return p, err
	}
	if v == nil {
		return [2]int{1, 1}, nil
	}
	if len(v) != 2 {
		return p, unsupported("%s %v: works on %d spatial axes, not on 2", name, v, len(v))
	}
	for i := range p {
		if p[i], err = extent(v[i], 1); err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}

func pads(n *node) (p [4]int, err error) {
	v, err := n.ints("pads")
	if v == nil || err != nil {
		return p, err
	}
	if len(v) != 4 {
		return p, unsupported("pads %v: works on %d spatial axes, not on 2", v, len(v)/2)
	}
	for i := range p {
		if v[i] < 0 {
			return p, unsupported("pads %v: negative padding crops the image", v)
		}
		if p[i], err = extent(v[i], 0); err != nil {
			return p, fmt.Errorf("pads: %w", err)
		}
	}
	return p, nil
}

// extent checks a number of rows or columns.
func extent(v int64, least int) (int, error) {
	const most = 1 << 20
	if v < int64(least) || v > most {
		return 0, fmt.Errorf("%d is out of range, %d to %d", v, least, most)
	}
	return int(v), nil
}
