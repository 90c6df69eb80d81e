package onnx

import (
	"errors"
	"slices"

	"sresnet/ann"
	"sresnet/tensor"
)

// mix is what a node makes of the channels of the input, the same at every position:
// w x + b. A grey image in three channels is one, and the swap of red and blue.
type mix struct {
	w [][]float64 // A row for each channel of the node.
	b []float64
}

// maxMixed is the number of channels of an input that mixes are kept of.
const maxMixed = 64

// noteMix notes what a node makes of the input, if it is a mix.
func (im *importer) noteMix(name string, op ann.Op, from string) {
	m := im.mixes[from]
	if m == nil {
		return
	}
	if im.tensors.budget.charge(len(m.w)*(len(m.w[0])+4), 8) != nil {
		return
	}
	switch op := op.(type) {
	case *ann.BatchNormalization:
		a, b := op.Affine()
		out := &mix{b: b}
		for i, row := range m.w {
			row = slices.Clone(row)
			for j := range row {
				row[j] *= a[i]
			}
			out.w = append(out.w, row)
			out.b[i] += float64(a[i] * m.b[i])
		}
		im.mixes[name] = out
	case *ann.Slice:
		s := im.shapes[from]
		if op.Size[1] != s[1] || op.Size[2] != s[2] {
			return
		}
		var channels []int
		for i := range op.Size[0] {
			channels = append(channels, op.Source(0, i))
		}
		im.mixes[name] = m.selected(channels)
	}
}

// newMix returns the mix of an input of c channels that is the input itself; nil if
// it has too many.
func newMix(s tensor.Shape) *mix {
	if len(s) != 3 || s[0] > maxMixed {
		return nil
	}
	m := &mix{b: make([]float64, s[0])}
	for i := range s[0] {
		row := make([]float64, s[0])
		row[i] = 1
		m.w = append(m.w, row)
	}
	return m
}

func (m *mix) selected(channels []int) *mix {
	out := &mix{}
	for _, c := range channels {
		out.w, out.b = append(out.w, m.w[c]), append(out.b, m.b[c])
	}
	return out
}

// mixed emits the convolution of one position that m is.
func (im *importer) mixed(n *node, m *mix, last bool) (*edge, error) {
	if len(m.w) > maxMixed {
		return nil, unsupported("makes %d channels of those of the image; only up to %d are supported", len(m.w), maxMixed)
	}
	c := len(m.w[0])
	op := &ann.Conv{Weight: tensor.New(len(m.w), c, 1, 1), Window: tensor.Square(1, 1, 0), Groups: 1}
	for i, row := range m.w {
		for j, v := range row {
			op.Weight.Data[i*c+j] = float32(v)
		}
	}
	if slices.ContainsFunc(m.b, func(v float64) bool { return v != 0 }) {
		for _, v := range m.b {
			op.Bias = append(op.Bias, float32(v))
		}
	}
	name, err := im.emit(n, op, im.g.Input.Name)
	if err != nil {
		return nil, err
	}
	im.mixes[name] = m
	return im.activation(name, im.imageDims(name, last), last), nil
}

// mixOf returns the mix of an image, nil if it is none.
func (im *importer) mixOf(e *edge) *mix {
	if e == nil || !e.known() || !im.isImage(e) {
		return nil
	}
	return im.mixes[e.node]
}

// joinedMix returns the mix of images joined along their channels, all of them made of
// the input; nil if they are not. An image of one channel has no layout.
func (im *importer) joinedMix(in []*edge, axis int) (out *mix, last bool) {
	out = &mix{}
	for _, e := range in {
		m := im.mixOf(e)
		if m == nil {
			return nil, false
		}
		h, w := im.shapes[e.node][1], im.shapes[e.node][2]
		switch {
		case slices.Equal(e.dims, []int{im.batch, len(m.w), h, w}) && axis == 1 && !e.last:
		case slices.Equal(e.dims, []int{im.batch, h, w, len(m.w)}) && axis == 3:
			last = true
		default:
			return nil, false
		}
		out.w, out.b = append(out.w, m.w...), append(out.b, m.b...)
	}
	return out, last
}

// repeated translates Expand and Tile of the image's channels, and Gather of some.
func (im *importer) repeated(n *node, in []*edge) (*edge, error) {
	e, err := data(in)
	if err != nil {
		return nil, err
	}
	vs, err := constants(in)
	if err != nil {
		return nil, err
	}
	if len(vs) < 2 || vs[1] == nil {
		return nil, errors.New("fewer than 2 inputs")
	}
	list, err := vs[1].intList()
	if err != nil {
		return nil, err
	}
	if n.op == "Expand" && expandsNothing(list, e.dims) || n.op == "Tile" && len(list) == len(e.dims) && !slices.ContainsFunc(list, func(k int64) bool { return k != 1 }) {
		return e, nil
	}
	m := im.mixOf(e)
	if m == nil {
		return nil, unsupported("is supported on constants, shapes and the channels of the input, but not on other activations")
	}
	if len(list) == 0 || len(list) > maxMixed {
		return nil, unsupported("takes %d indices or sizes", len(list))
	}
	var channels []int
	axis := slices.IndexFunc([]int{0, 1, 2, 3}, func(i int) bool { return e.axis(i) == 0 })
	switch {
	case n.op == "Gather":
		a, err := n.int("axis", 0)
		if err != nil {
			return nil, err
		}
		if k, err := normalAxis(a, len(e.dims)); err != nil || k != axis || len(vs[1].shape) != 1 {
			return nil, unsupported("takes elements of another axis than the channels")
		}
		for _, c := range list {
			k, err := normalAxis(c, len(m.w))
			if err != nil {
				return nil, err
			}
			channels = append(channels, k)
		}
	default:
		for len(list) < len(e.dims) && n.op == "Expand" {
			list = append([]int64{1}, list...)
		}
		if len(list) != len(e.dims) {
			return nil, unsupported("changes the number of axes")
		}
		times := list[axis]
		for i, d := range list {
			if i != axis && d != 1 && (n.op == "Tile" || d != int64(e.dims[i])) {
				return nil, unsupported("repeats rows, columns or the batch; only channels can be repeated")
			}
		}
		if n.op == "Expand" && len(m.w) != 1 || times < 1 || times > maxMixed {
			return nil, unsupported("makes %d channels of %d", times, len(m.w))
		}
		for range times {
			for c := range m.w {
				channels = append(channels, c)
			}
		}
	}
	return im.mixed(n, m.selected(channels), e.last)
}

// expandsNothing reports whether dims broadcast to list are dims.
func expandsNothing(list []int64, dims []int) bool {
	skip := len(dims) - len(list)
	for i, d := range list {
		if d != 1 && (skip+i < 0 || d != int64(dims[skip+i])) {
			return false
		}
	}
	return skip >= 0
}
