// Package safetensors reads files of the safetensors format: named arrays, as
// most collections of trained models keep their weights. It knows nothing of
// networks.
//
// A file is the length of a header in 8 bytes, little endian; the header, a JSON
// object that gives every tensor its type, shape and place; and the elements,
// little endian and row-major. Files are not trusted: [New] checks the header
// against the size of the file, so that for any bytes, memory stays within a few
// times that size. Elements are only read when they are asked for.
package safetensors

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
	tensors map[string]Info
	data    io.ReaderAt
	closer  io.Closer // Nil if there is nothing to close.
}

// Info is what the header says of a tensor.
type Info struct {
	DType string       // "F32", "BF16", "I64" and the like.
	Shape tensor.Shape // Empty for a scalar; an axis may be 0.

	begin, end int64 // In the file.
}

// elementSizes are the bytes of an element, by type. Types that are not here,
// smaller than a byte or yet to come, may stand in a file but not be read.
var elementSizes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8,
}

// DamagedError is the error of bytes that are not a whole safetensors file: it was
// cut off or changed, or is something else. A file that is sound never gives one.
type DamagedError struct {
	err error
}

// Error returns what is wrong with the file.
func (e *DamagedError) Error() string { return e.err.Error() }

// Unwrap returns the error without its kind.
func (e *DamagedError) Unwrap() error { return e.err }

// Hint says what to do about e.
func (e *DamagedError) Hint() string {
	if errors.Is(e.err, errNotSafetensors) {
		return save
	}
	return "save or download the file again"
}

func damaged(err error) error { return &DamagedError{err} }

// Open reads the header of the named file. An error about its bytes is a
// [*DamagedError]. The caller closes the result.
func Open(name string) (*File, error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	tensors, err := readHeader(f, size)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("safetensors: %s: %w", name, err), f.Close())
	}
	return &File{name: name, tensors: tensors, data: f, closer: f}, nil
}

// New reads the header of a file of that size in bytes. Errors name no file.
func New(r io.ReaderAt, size int64) (*File, error) {
	tensors, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return &File{tensors: tensors, data: r}, nil
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

// Info returns what the header says of the named tensor, and whether there is one.
func (f *File) Info(name string) (Info, bool) {
	info, ok := f.tensors[name]
	return info, ok
}

// Shape returns the shape of the named tensor, and whether there is one.
func (f *File) Shape(name string) (tensor.Shape, bool) {
	info, ok := f.tensors[name]
	return info.Shape, ok
}

// Tensor reads the named tensor, of type F32, F16, BF16 or F64. Doubles are
// rounded. Errors name the file and the tensor; an element that is not finite,
// or not as a float32, is one.
func (f *File) Tensor(name string) (*tensor.Tensor, error) {
	t, err := f.read(name)
	if err != nil {
		file := f.name
		if file != "" {
			file += ": "
		}
		return nil, fmt.Errorf("safetensors: %stensor %q: %w", file, name, err)
	}
	return t, nil
}

func (f *File) read(name string) (*tensor.Tensor, error) {
	info, ok := f.tensors[name]
	if !ok {
		return nil, errors.New("there is none of that name")
	}
	widen, ok := floats[info.DType]
	if !ok {
		return nil, fmt.Errorf("type %q cannot be read; save it as F32, F16, BF16 or F64", info.DType)
	}
	if err := info.Shape.Check(); err != nil {
		return nil, err
	}
	t := tensor.New(slices.Clone(info.Shape)...)
	size := int(elementSizes[info.DType])
	r := io.NewSectionReader(f.data, info.begin, info.end-info.begin)
	buf := make([]byte, min(len(t.Data)*size, 1<<16))
	for rest := t.Data; len(rest) > 0; {
		n := min(len(rest), len(buf)/size)
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			return nil, err
		}
		for i := range n {
			rest[i] = widen(buf[i*size:])
		}
		rest = rest[n:]
	}
	return t, tensor.CheckFinite(t.Data)
}

// floats are the types that can be read: each makes the first element of b a
// float32.
var floats = map[string]func(b []byte) float32{
	"F32":  func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	"F16":  func(b []byte) float32 { return tensor.Float16(binary.LittleEndian.Uint16(b)) },
	"BF16": func(b []byte) float32 { return tensor.BFloat16(binary.LittleEndian.Uint16(b)) },
	"F64":  func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) },
}
