package statedict

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"sresnet/internal/pickle"
)

// maxAxes is far more than any tensor of a network has, and maxName than its name.
const (
	maxAxes = 16
	maxName = 1000
)

// preferred are the names, best first, that programs give the weights in a checkpoint.
var preferred = []string{"state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params"}

// findTensors returns the tensors of what a file holds, by name.
func findTensors(v any, storage func(key string) (member, bool)) (map[string]*array, error) {
	top, ok := v.(*pickle.Dict)
	if !ok {
		return nil, wrong(save, "it does not hold a dictionary of tensors")
	}
	found := make(map[string]*pickle.Dict)
	for key, v := range top.Items {
		if d, ok := v.(*pickle.Dict); ok && holdsTensors(d) {
			found[key] = d
		}
	}
	dict := best(found)
	switch { // A checkpoint may have tensors beside its weights, such as an accuracy.
	case dict != nil:
	case holdsTensors(top):
		dict = top
	case len(found) == 1:
		for _, d := range found {
			dict = d
		}
	case len(found) == 0:
		return nil, wrong(save, "it holds no dictionary of tensors, nor one of such dictionaries")
	default:
		return nil, wrong(save, "it is not clear which of %s are the weights", some(slices.Sorted(maps.Keys(found))))
	}
	tensors := make(map[string]*array)
	for name, v := range dict.Items {
		o, ok := v.(*pickle.Object)
		if !ok {
			continue // A number or the like.
		}
		if len(name) > maxName {
			return nil, wrong(save, "a tensor has a name of %d bytes", len(name))
		}
		a, err := newArray(o, storage)
		if err != nil {
			return nil, wrong(save, "tensor %q: %w", name, err)
		}
		tensors[name] = a
	}
	return tensors, nil
}

// holdsTensors reports whether a dictionary has a tensor among its values.
func holdsTensors(d *pickle.Dict) bool {
	for _, v := range d.Items {
		if o, ok := v.(*pickle.Object); ok && o.Callable != torchSize {
			return true
		}
	}
	return false
}

// best returns the dictionary of the best name; nil if there is none.
func best(found map[string]*pickle.Dict) *pickle.Dict {
	for _, name := range preferred {
		if d := found[name]; d != nil {
			return d
		}
	}
	return nil
}

// some joins the first few of many names.
func some(names []string) string {
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return strings.Join(names, ", ")
}

var errForm = errors.New("it is not put together as torch.save does it")

// newArray returns the tensor that a call makes: _rebuild_tensor_v2(storage, offset,
// shape, strides, ...), perhaps as the first argument of _rebuild_parameter.
func newArray(o *pickle.Object, storage func(key string) (member, bool)) (*array, error) {
	if o.Callable == rebuildParameter && len(o.Args) > 0 {
		inner, ok := o.Args[0].(*pickle.Object)
		if !ok {
			return nil, errForm
		}
		o = inner
	}
	if o.Callable != rebuildTensor && o.Callable != rebuildTensor2 || len(o.Args) < 4 {
		return nil, errForm
	}
	k, m, length, err := findStorage(o.Args[0], storage)
	if err != nil {
		return nil, err
	}
	offset, ok := o.Args[1].(int64)
	if !ok {
		return nil, errForm
	}
	shape, err := sizes(o.Args[2])
	if err != nil {
		return nil, err
	}
	strides, err := sizes(o.Args[3])
	if err != nil {
		return nil, err
	}
	if len(shape) != len(strides) || len(shape) > maxAxes {
		return nil, fmt.Errorf("%d axes and %d strides", len(shape), len(strides))
	}
	a := &array{kind: k, strides: strides, begin: m.begin}
	empty := false
	for _, d := range shape {
		if d > math.MaxInt32 {
			return nil, fmt.Errorf("an axis of %d in a storage of %d", d, length)
		}
		empty = empty || d == 0
		a.shape = append(a.shape, int(d))
	}
	if empty {
		return a, nil
	}
	n, span := int64(1), int64(1)
	for i, d := range shape {
		if n > length/d {
			return nil, fmt.Errorf("it has more elements than its storage of %d: save a copy, with x.clone()", length)
		}
		n *= d
		if strides[i] > 0 && d-1 > (length-span)/strides[i] {
			return nil, fmt.Errorf("it reaches beyond its storage of %d", length)
		}
		span += (d - 1) * strides[i]
	}
	switch {
	case offset < 0 || offset > length-span:
		return nil, fmt.Errorf("it begins at %d of a storage of %d, and reaches over %d", offset, length, span)
	case span > 4*n:
		return nil, fmt.Errorf("it has %d elements, strewn over %d: save a copy, with x.contiguous()", n, span)
	}
	a.begin += offset * k.size
	return a, nil
}

// findStorage returns what ("storage", type, key, location, length) stands for.
func findStorage(v any, storage func(key string) (member, bool)) (k kind, m member, length int64, err error) {
	k, key, length, err := storageID(v)
	if err != nil {
		return k, m, 0, err
	}
	m, ok := storage(key)
	if !ok {
		return k, m, 0, fmt.Errorf("its storage, %.100q, is not in the file", key)
	}
	if length < 0 || length > m.size/k.size {
		return k, m, 0, fmt.Errorf("its storage has %d bytes, too few for %d elements of %s", m.size, length, k.name)
	}
	return k, m, length, nil
}

// storageID returns what is in ("storage", type, key, location, length).
func storageID(v any) (k kind, key string, length int64, err error) {
	p, ok := v.(pickle.Persistent)
	if !ok {
		return k, "", 0, errForm
	}
	id, ok := p.ID.(pickle.Tuple)
	if !ok || len(id) < 5 {
		return k, "", 0, errForm
	}
	word, ok0 := id[0].([]byte)
	global, ok1 := id[1].(pickle.Global)
	text, ok2 := id[2].([]byte)
	length, ok4 := id[4].(int64)
	name, ok5 := strings.CutPrefix(string(global), "torch ")
	k, known := kinds[name]
	if !ok0 || !ok1 || !ok2 || !ok4 || !ok5 || !known || string(word) != "storage" {
		return k, "", 0, errForm
	}
	return k, string(text), length, nil
}

// sizes returns a tuple of numbers from 0 on, as shapes and strides are.
func sizes(v any) ([]int64, error) {
	if o, ok := v.(*pickle.Object); ok && o.Callable == torchSize && len(o.Args) == 1 {
		v = o.Args[0]
	}
	t, ok := v.(pickle.Tuple)
	if !ok {
		return nil, errForm
	}
	var list []int64
	for _, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 {
			return nil, errForm
		}
		list = append(list, n)
	}
	return list, nil
}
