// Package statedict reads the weights in files that torch.save wrote: named arrays. It
// knows nothing of networks.
//
// A file is a zip archive, uncompressed, of data.pkl, a pickle that gives every tensor
// its type, shape and place, and of the elements of each storage, row-major in whatever
// order of axes its strides say [pytorch]. What it holds is a dictionary of tensors, or a
// checkpoint that has one among its values, under "state_dict" or the like. Before version
// 1.6 it was pickles and the storages one after the other (legacy.go), which published
// weights often are.
//
// Files are not trusted. A pickle can call any function of Python; here nothing is
// executed, and a file that asks for more than tensors in dictionaries, lists and numbers
// is an error that says for what. Every size is checked against that of the file, and
// memory stays within a few times it. Elements are only read when they are asked for.
//
// References:
//
//	[pytorch]  PyTorch contributors. Serialization semantics.
//	           pytorch.org/docs/stable/notes/serialization.html
package statedict

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"sresnet/internal/regular"
	"sresnet/tensor"
)

// File is an open file.
type File struct {
	name    string // For errors; empty if there is none.
	tensors map[string]*array
	order   binary.ByteOrder
	data    io.ReaderAt
	closer  io.Closer // Nil if there is nothing to close.
}

// array is a tensor in a storage.
type array struct {
	kind    kind
	shape   tensor.Shape
	strides []int64 // In elements.
	begin   int64   // Of its first element, in the file.
}

// kind is a type of elements.
type kind struct {
	name  string                                         // As torch calls it: "float32".
	size  int64                                          // In bytes.
	widen func(order binary.ByteOrder, b []byte) float32 // Nil if it is not a type of weights.
}

// kinds are the types of storages.
var kinds = map[string]kind{
	"FloatStorage":    {"float32", 4, func(o binary.ByteOrder, b []byte) float32 { return math.Float32frombits(o.Uint32(b)) }},
	"DoubleStorage":   {"float64", 8, func(o binary.ByteOrder, b []byte) float32 { return float32(math.Float64frombits(o.Uint64(b))) }},
	"HalfStorage":     {"float16", 2, func(o binary.ByteOrder, b []byte) float32 { return tensor.Float16(o.Uint16(b)) }},
	"BFloat16Storage": {"bfloat16", 2, func(o binary.ByteOrder, b []byte) float32 { return tensor.BFloat16(o.Uint16(b)) }},
	"LongStorage":     {name: "int64", size: 8},
	"IntStorage":      {name: "int32", size: 4},
	"ShortStorage":    {name: "int16", size: 2},
	"CharStorage":     {name: "int8", size: 1},
	"ByteStorage":     {name: "uint8", size: 1},
	"BoolStorage":     {name: "bool", size: 1},
}

// Open reads what the named file says of its tensors. The caller closes the result.
func Open(name string) (*File, error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, fmt.Errorf("statedict: %w", err)
	}
	file, err := read(f, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("statedict: %s: %w", name, err), f.Close())
	}
	file.name, file.closer = name, f
	return file, nil
}

// New is [Open] for a file of that size in bytes. Errors name no file.
func New(r io.ReaderAt, size int64) (*File, error) {
	f, err := read(r, size)
	if err != nil {
		return nil, fmt.Errorf("statedict: %w", err)
	}
	return f, nil
}

// Close closes the file that [Open] has opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

// Shape returns the shape of the named tensor, and whether there is one. It is empty for
// a scalar, and an axis may be 0.
func (f *File) Shape(name string) (tensor.Shape, bool) {
	a, ok := f.tensors[name]
	if !ok {
		return nil, false
	}
	return slices.Clone(a.shape), true
}

// Tensor reads the named tensor, of floating-point numbers. Doubles are rounded. Errors
// name the file and the tensor; an element that is not finite, or not as a float32, is
// one.
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	t, err := f.read(name)
	if err != nil {
		file := f.name
		if file != "" {
			file += ": "
		}
		return nil, fmt.Errorf("statedict: %stensor %q: %w", file, name, err)
	}
	return t, nil
}

func (f *File) read(name string) (*tensor.Tensor, error) {
	a, ok := f.tensors[name]
	if !ok {
		return nil, errors.New("there is none of that name")
	}
	if a.kind.widen == nil {
		return nil, fmt.Errorf("elements are %s; weights are floating-point numbers", a.kind.name)
	}
	if err := a.shape.Check(); err != nil {
		return nil, err
	}
	b := make([]byte, a.span()*a.kind.size)
	if n, err := f.data.ReadAt(b, a.begin); n < len(b) {
		return nil, err
	}
	t := tensor.New(slices.Clone(a.shape)...)
	at := make([]int, len(a.shape))
	place := int64(0)
	for i := range t.Data {
		t.Data[i] = a.kind.widen(f.order, b[place*a.kind.size:])
		for axis := len(at) - 1; axis >= 0; axis-- { // The next element, row by row.
			place += a.strides[axis]
			if at[axis]++; at[axis] < a.shape[axis] {
				break
			}
			place -= int64(at[axis]) * a.strides[axis]
			at[axis] = 0
		}
	}
	return t, tensor.CheckFinite(t.Data)
}

// span returns how many elements of the storage the tensor reaches over, from its first
// to its last; 0 if it has none.
func (a *array) span() int64 {
	span := int64(1)
	for i, n := range a.shape {
		if n == 0 {
			return 0
		}
		span += int64(n-1) * a.strides[i]
	}
	return span
}
