package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sresnet/tensor"
)

// input finds the network's input among the graph's and fixes its shape.
func (im *importer) input(nodes []*node) error {
	var found []valueInfo
	for _, v := range im.graph.inputs {
		// Old files list initializers as inputs too.
		if _, init := im.graph.inits[v.name]; !init && im.used[v.name] {
			found = append(found, v)
		}
	}
	if len(found) == 0 {
		return refused(exportAgain, "the output does not depend on any input")
	}
	if len(found) > 1 {
		var names []string
		for _, v := range found[:min(len(found), 10)] {
			names = append(names, v.name)
		}
		return fmt.Errorf("the network has %d inputs (%s), want one image", len(found), strings.Join(names, ", "))
	}
	v := found[0]
	last := im.channelsLast(v.name, nodes)
	dims, err := im.inputDims(v, last)
	if err != nil {
		return fmt.Errorf("input %q: %w", v.name, err)
	}
	var shape tensor.Shape
	switch last = last && len(dims) == 4; {
	case im.seen != nil:
		im.batch, shape = im.seen.batch, im.seen.shape
		if total, err := size(dims); err != nil || total != im.batch*shape.Len() {
			return fmt.Errorf("input %q: shape %v is not that of an image %v", v.name, dims, shape)
		}
		last = im.seen.last
	case len(dims) == 2 || len(dims) == 4:
		im.batch, shape = dims[0], slices.Clone(dims[1:])
		if last {
			shape = tensor.Shape{dims[3], dims[1], dims[2]}
		}
	default: // Not yet known to be an image.
		total, err := size(dims)
		if err != nil {
			return fmt.Errorf("input %q: %w", v.name, err)
		}
		im.batch, shape = 1, tensor.Shape{total}
		last = false
	}
	err = shape.Check()
	if err == nil {
		err = im.claim(shape)
	}
	if err != nil {
		return fmt.Errorf("input %q: %w", v.name, err)
	}
	name := im.unique(v.name)
	im.g.Input.Name, im.g.Input.Shape = name, shape
	im.shapes[name], im.scaled[name] = shape, true
	if m := newMix(shape); m != nil {
		im.mixes[name] = m
	}
	im.edges[v.name] = im.activation(name, dims, last)
	return nil
}

// seeImage notes that e, which n does not take, is the input in another shape
// than the file says, perhaps an image: the operator may take that.
func (im *importer) seeImage(n *node, e *edge) {
	if !e.known() || im.isImage(e) || !im.scaled[e.node] || im.seen != nil || im.looked != nil || len(e.dims) != 4 {
		return
	}
	s := tensor.Shape(slices.Clone(e.dims[1:]))
	last := e.perm != nil && slices.Equal(e.perm, channelsFirst(s))
	if s.Check() == nil && !e.last && (e.perm == nil || last) {
		im.looked = &look{e.dims[0], s, last, clean(n.label())}
	}
}

// channelsFirst is the opposite of [channelsLast].
func channelsFirst(s tensor.Shape) []int {
	order := make([]int, s.Len())
	for i, j := range channelsLast(s) {
		order[j] = i
	}
	return order
}

// ErrOpenShape is the error of a file that leaves open how large an image is, if
// [Options.InputShape] does not say it.
var ErrOpenShape = errors.New("give the shape of one image, or export the model with fixed sizes")

// inputDims returns the shape of the input with its batch, from the file and the
// options.
func (im *importer) inputDims(v valueInfo, last bool) ([]int, error) {
	given := im.options.InputShape
	if v.dims == nil {
		if given == nil {
			return nil, fmt.Errorf("the file does not say its shape; %w", ErrOpenShape)
		}
		if len(given) != 1 && len(given) != 3 {
			return nil, fmt.Errorf("shape %v is neither (C, H, W) nor (N)", given)
		}
		v.dims = make([]dim, 1+len(given))
	}
	if len(v.dims) == 0 || len(v.dims) > 6 {
		return nil, fmt.Errorf("shape %s, want one image with its batch, (batch, channels, rows, columns), or (batch, n)", show(v.dims))
	}
	dims := make([]int, len(v.dims))
	for i, d := range v.dims {
		if d.n > tensor.MaxLen {
			return nil, fmt.Errorf("shape %s is too large", show(v.dims))
		}
		dims[i] = int(d.n)
	}
	if dims[0] == 0 {
		dims[0] = 1
	}
	if given != nil {
		want := given
		if last && len(given) == 3 {
			want = tensor.Shape{given[1], given[2], given[0]}
		}
		if len(want) != len(dims)-1 {
			return nil, fmt.Errorf("shape %v does not fit the file's %s", given, show(v.dims))
		}
		for i, d := range want {
			if dims[i+1] != 0 && dims[i+1] != d {
				return nil, fmt.Errorf("shape %v does not fit the file's %s", given, show(v.dims))
			}
			dims[i+1] = d
		}
	}
	for _, d := range dims[1:] {
		if d == 0 {
			return nil, fmt.Errorf("shape %s has open sizes besides the batch; %w", show(v.dims), ErrOpenShape)
		}
	}
	return dims, nil
}

// show formats a declared shape, with the names of open sizes.
func show(dims []dim) string {
	s := make([]string, len(dims))
	for i, d := range dims {
		switch {
		case d.n > 0:
			s[i] = fmt.Sprint(d.n)
		case d.param != "":
			s[i] = clean(d.param)
		default:
			s[i] = "?"
		}
	}
	return strings.Join(s, "x")
}

// channelsLast reports whether the first thing that happens to the input is a
// transpose from (batch, rows, columns, channels), as converters from TensorFlow
// write it. Before it, the image may be scaled and padded, and its channels
// taken, repeated or brought into another order.
func (im *importer) channelsLast(name string, nodes []*node) bool {
	reached := map[string]bool{name: true}
	for _, n := range nodes {
		if !slices.ContainsFunc(n.in, func(in string) bool { return reached[in] }) {
			continue
		}
		switch {
		case n.op == "Transpose":
			perm, err := n.ints("perm")
			return err == nil && slices.Equal(perm, []int64{0, 3, 1, 2})
		case beforeTranspose[n.op]:
			for _, out := range n.out {
				reached[out] = out != ""
			}
		case n.op != "Shape" && n.op != "Size":
			return false
		}
	}
	return false
}

// beforeTranspose are the operators that may stand before that transpose: none of them
// takes channels to be on a certain axis.
var beforeTranspose = map[string]bool{
	"Identity": true, "Cast": true, "Dropout": true, "Add": true, "Sub": true, "Mul": true, "Div": true, "Neg": true, "Sum": true,
	"QuantizeLinear": true, "DequantizeLinear": true, "Pad": true,
	"Slice": true, "Gather": true, "Split": true, "Concat": true, "Tile": true, "Expand": true, "Squeeze": true, "Unsqueeze": true,
}
