package onnx

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
)

// folds are the operators that are computed on constants. Operators of the data
// path that exporters also use to prepare constants are here too.
var folds map[string]func(*importer, *node, []*value) (*value, error)

func init() { // As translations.
	folds = map[string]func(*importer, *node, []*value) (*value, error){
		"Constant":        (*importer).foldConstant,
		"ConstantOfShape": (*importer).foldConstantOfShape,
		"Range":           (*importer).foldRange,
		"Shape":           foldShape,
		"Size":            foldShape,
		"Identity":        foldIdentity,
		"Dropout":         foldIdentity,
		"Reshape":         foldReshape,
		"Flatten":         foldReshape,
		"Squeeze":         foldReshape,
		"Unsqueeze":       foldReshape,
		"Cast":            (*importer).foldCast,
		"Transpose":       (*importer).foldTranspose,
		"Slice":           (*importer).foldSlice,
		"Gather":          (*importer).foldGather,
		"Concat":          (*importer).foldConcat,
		"Expand":          (*importer).foldExpand,
		"Where":           (*importer).foldWhere,
		"MatMul":          (*importer).foldMatMul,
		"Clip":            (*importer).foldClip,

		"QuantizeLinear":   (*importer).foldQuantize,
		"DequantizeLinear": (*importer).foldDequantize,
	}
	for _, table := range []iter.Seq[string]{maps.Keys(floatArithmetic), maps.Keys(intArithmetic), maps.Keys(comparisons)} {
		for op := range table {
			folds[op] = (*importer).foldArithmetic
		}
	}
	for _, table := range []iter.Seq[string]{maps.Keys(functions), maps.Keys(intFunctions)} {
		for op := range table {
			folds[op] = (*importer).foldUnary
		}
	}
	for op := range reductions {
		folds[op] = (*importer).foldReduce
	}
}

// need returns the first count inputs, all of which must be there.
func need(in []*value, count int) ([]*value, error) {
	if len(in) < count || slices.Contains(in[:count], nil) {
		return nil, fmt.Errorf("fewer than %d inputs", count)
	}
	return in[:count], nil
}

func (im *importer) foldConstant(n *node, _ []*value) (v *value, err error) {
	b := im.tensors.budget
	switch {
	case n.attr("value") != nil:
		return im.attrTensor(n, "value")
	case n.attr("value_float") != nil:
		x, err := n.float("value_float", 0)
		return &value{f: []float32{x}}, err
	case n.attr("value_int") != nil:
		x, err := n.int("value_int", 0)
		return &value{kind: integers, i: []int64{x}}, err
	case n.attr("value_ints") != nil:
		v = &value{kind: integers}
		err = n.attrField("value_ints", attrInts, func(f field) error {
			if err := b.charge(f.countVarints(), 16); err != nil { // Twice, for append.
				return err
			}
			v.i, err = f.varints(v.i)
			return err
		})
	case n.attr("value_floats") != nil:
		v = &value{}
		err = n.attrField("value_floats", attrFloats, func(f field) error {
			if err := b.charge(len(f.p)/4+1, 8); err != nil {
				return err
			}
			v.f, err = f.floats(v.f)
			return err
		})
	default:
		return nil, unsupported("holds neither a dense tensor nor numbers")
	}
	v.shape = []int{v.len()}
	return v, err
}

// attrTensor decodes an attribute that is a tensor.
func (im *importer) attrTensor(n *node, name string) (v *value, err error) {
	err = n.attrField(name, attrTensor, func(f field) error {
		p, err := f.message()
		if err == nil {
			v, err = im.tensors.decode(p)
		}
		return err
	})
	if err == nil && v == nil {
		err = fmt.Errorf("attribute %s holds no tensor", name)
	}
	return v, err
}

func (im *importer) foldConstantOfShape(n *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	list, err := in[0].intList()
	if err != nil {
		return nil, err
	}
	shape, err := toInts(list)
	if err != nil {
		return nil, err
	}
	fill := &value{shape: []int{1}, f: []float32{0}}
	if n.attr("value") != nil {
		if fill, err = im.attrTensor(n, "value"); err != nil {
			return nil, err
		}
		if fill.len() != 1 {
			return nil, fmt.Errorf("a fill of %d elements", fill.len())
		}
	}
	v, err := im.tensors.budget.newValue(fill.kind, shape)
	if err != nil {
		return nil, err
	}
	v.typ = fill.typ
	for i := range v.len() {
		v.copyElement(i, fill, 0)
	}
	return v, nil
}

// toInts checks that a shape from a file has axes of a sane size.
func toInts(list []int64) ([]int, error) {
	out := make([]int, len(list))
	for i, d := range list {
		if d < 0 || d > math.MaxInt32 {
			return nil, fmt.Errorf("%v is not a shape", list[:min(len(list), maxAxes)])
		}
		out[i] = int(d)
	}
	return out, nil
}

func (im *importer) foldRange(n *node, in []*value) (*value, error) {
	in, err := need(in, 3)
	if err != nil {
		return nil, err
	}
	for _, v := range in {
		if v.len() != 1 || v.kind != in[0].kind {
			return nil, errors.New("start, limit and delta must be three numbers of one type")
		}
	}
	var count float64
	if in[0].kind == floats {
		start, limit, delta := float64(in[0].f[0]), float64(in[1].f[0]), float64(in[2].f[0])
		count = math.Ceil((limit - start) / delta)
	} else {
		start, limit, delta := in[0].i[0], in[1].i[0], in[2].i[0]
		switch { // Unsigned differences cannot overflow.
		case delta > 0 && limit > start:
			count = float64((uint64(limit)-uint64(start)-1)/uint64(delta) + 1)
		case delta < 0 && limit < start:
			count = float64((uint64(start)-uint64(limit)-1)/-uint64(delta) + 1)
		case delta == 0:
			count = math.NaN()
		}
	}
	if math.IsNaN(count) || count > math.MaxInt32 {
		return nil, fmt.Errorf("a range of %v elements", count)
	}
	v, err := im.tensors.budget.newValue(in[0].kind, []int{int(max(0, count))})
	if err != nil {
		return nil, err
	}
	for i := range v.f {
		v.f[i] = in[0].f[0] + float32(float32(i)*in[2].f[0])
	}
	for i := range v.i {
		v.i[i] = in[0].i[0] + int64(i)*in[2].i[0]
	}
	return v, nil
}

func foldShape(_ *importer, n *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	return shapeOf(n, in[0].shape)
}

// shapeOf is Shape, or Size, of anything with dims.
func shapeOf(n *node, dims []int) (*value, error) {
	if n.op == "Size" {
		total, err := size(dims)
		return &value{kind: integers, i: []int64{int64(total)}}, err
	}
	rank := int64(len(dims))
	start, err := n.int("start", 0)
	if err != nil {
		return nil, err
	}
	end, err := n.int("end", rank)
	if err != nil {
		return nil, err
	}
	c := newCut(start, end, 1, rank)
	list := []int64{}
	for i := range c.size {
		list = append(list, int64(dims[c.start+i]))
	}
	return vector(list), nil
}

func foldIdentity(_ *importer, _ *node, in []*value) (*value, error) {
	in, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	return in[0], nil
}

// foldReshape is every operator that changes only the shape.
func foldReshape(_ *importer, n *node, in []*value) (*value, error) {
	v, err := need(in, 1)
	if err != nil {
		return nil, err
	}
	dims, err := newDims(n, in, v[0].shape)
	if err != nil {
		return nil, err
	}
	return v[0].view(dims)
}

// newDims returns the shape that Reshape, Flatten, Squeeze or Unsqueeze gives to
// a value of shape dims. The data in in[0] is not looked at.
func newDims(n *node, in []*value, dims []int) ([]int, error) {
	switch n.op {
	case "Flatten":
		axis, err := n.int("axis", 1)
		if err != nil {
			return nil, err
		}
		return flattenDims(dims, axis)
	case "Reshape":
		target, err := list(n, in, "shape", 1)
		if err != nil {
			return nil, err
		}
		if target == nil {
			return nil, errors.New("no shape")
		}
		allow, err := n.int("allowzero", 0)
		if err != nil {
			return nil, err
		}
		return reshapeDims(dims, target, allow != 0)
	}
	axes, err := list(n, in, "axes", 1)
	if err != nil {
		return nil, err
	}
	if n.op == "Squeeze" {
		return squeezeDims(dims, axes)
	}
	return unsqueezeDims(dims, axes)
}
