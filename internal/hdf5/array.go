package hdf5

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Array is a shape and elements, row-major: the value of a dataset or of an
// attribute. Its elements stay in the file until one of the methods that are
// called by a type reads them all. Arrays of types outside the subset have a
// shape and a type, and an error instead of elements.
type Array struct {
	file  *File
	owner *node
	attr  string // Name of the attribute; "" for the dataset itself.
	typ   Type
	space
	store
}

// space is the extent of an array.
type space struct {
	null  bool
	shape []int
	max   []uint64 // Longest extents, undefined for no limit; nil if as shape.
	n     int      // Elements.
}

// store is where an array's elements are.
type store struct {
	class   class
	data    []byte // Compact.
	addr    uint64 // Contiguous, or of the index of chunks.
	size    uint64 // Contiguous: bytes there.
	chunks  chunks
	filters []filter
	fill    []byte // What is not written anywhere; nil for zeros.
	cannot  error  // Why it cannot be read, if so.
}

type class byte

const (
	compact    class = 0
	contiguous class = 1
	chunked    class = 2
)

// Shape returns the extents; it is empty for a scalar.
func (a *Array) Shape() []int { return slices.Clone(a.shape) }

// Len returns the number of elements: 1 for a scalar, 0 if the array is null.
func (a *Array) Len() int { return a.n }

// Null reports whether the array has neither shape nor elements (h5py.Empty).
func (a *Array) Null() bool { return a.null }

// Type returns the type of the elements in the file.
func (a *Array) Type() Type { return a.typ }

// dataspace reads a dataspace message (IV.A.2.b).
func (f *File) dataspace(b []byte) (space, error) {
	s, err := f.readDataspace(b)
	if err != nil {
		return s, fmt.Errorf("shape: %w", err)
	}
	return s, nil
}

func (f *File) readDataspace(b []byte) (s space, err error) {
	c := f.cursor(b)
	version, rank, flags := c.version("dataspace", 1, 2), int(c.u8()), c.u8()
	if version == 1 {
		c.skip(5)
	} else {
		s.null = c.u8() == 2
	}
	if rank > 32 {
		return s, fmt.Errorf("%d dimensions", rank)
	}
	n, empty, over := uint64(1), false, false
	s.shape = make([]int, rank)
	for i := range s.shape {
		d := c.len()
		if d > math.MaxInt {
			return s, fmt.Errorf("an extent of %d", d)
		}
		s.shape[i] = int(d)
		empty = empty || d == 0
		if d > 0 {
			hi, lo := bits.Mul64(n, d)
			over = over || hi != 0 || lo > math.MaxInt
			n = lo
		}
	}
	if flags&1 != 0 {
		for range rank {
			d := c.len()
			if d == undefined>>(64-8*c.widths.length) {
				d = undefined
			}
			s.max = append(s.max, d)
		}
	}
	switch {
	case c.err != nil:
		return s, c.err
	case s.null || empty:
		n = 0
	case over:
		return s, fmt.Errorf("%v has too many elements", s.shape)
	}
	s.n = int(n)
	return s, nil
}

// dataset makes an array of a dataset's header.
func (f *File) dataset(n *node) (Array, error) {
	a := Array{file: f, owner: n}
	var err error
	if a.space, err = f.dataspace(n.h.find(msgDataspace)); err != nil {
		return a, err
	}
	if a.typ, err = f.datatype(n.h.find(msgDatatype)); err != nil {
		return a, err
	}
	if err := a.layout(n.h.find(msgLayout)); err != nil {
		if !errors.Is(err, ErrUnsupported) {
			return a, fmt.Errorf("layout: %w", err)
		}
		a.cannot = err
	}
	if n.h.find(msgExternalFiles) != nil {
		a.cannot = fmt.Errorf("data in other files: %w", ErrUnsupported)
	}
	if b := n.h.find(msgFilters); b != nil {
		if a.filters, err = f.filters(b); err != nil {
			return a, fmt.Errorf("filters: %w", err)
		}
	}
	a.fill, err = f.fillValue(n.h, a.typ.Size)
	return a, err
}

// layout reads a layout message (IV.A.2.i).
func (a *Array) layout(b []byte) error {
	c := a.file.cursor(b)
	version := c.version("layout", 3, 4)
	a.class = class(c.u8())
	if c.err != nil {
		return c.err
	}
	switch a.class {
	case compact:
		a.data = c.bytes(int(c.u16()))
	case contiguous:
		a.store.addr, a.size = c.addr(), c.len()
	case chunked:
		if version == 3 {
			return a.chunkLayout3(c)
		}
		return a.chunkLayout4(c)
	default:
		return fmt.Errorf("layout of class %d (3 is virtual): %w", a.class, ErrUnsupported)
	}
	return c.err
}

// fillValue returns the bytes of the element that stands for those never
// written, nil for zeros.
func (f *File) fillValue(h header, size int) ([]byte, error) {
	var value []byte
	if b := h.find(msgFill); b != nil {
		c := f.cursor(b)
		defined := false
		if version := c.version("fill value", 1, 2, 3); version == 3 {
			defined = c.u8()&0x20 != 0
		} else {
			c.skip(2) // When it is written.
			defined = c.u8() != 0 || version == 1
		}
		if defined {
			value = c.bytes(int(c.u32()))
		}
		if c.err != nil {
			return nil, fmt.Errorf("fill value: %w", c.err)
		}
	} else if b := h.find(msgOldFill); b != nil {
		c := f.cursor(b)
		if value = c.bytes(int(c.u32())); c.err != nil {
			return nil, fmt.Errorf("fill value: %w", c.err)
		}
	}
	if len(value) != size || !slices.ContainsFunc(value, func(x byte) bool { return x != 0 }) {
		return nil, nil
	}
	return value, nil
}

// read decodes all elements into a new slice. decode gets runs of them, and as
// many places as they have; width is the size of T.
func read[T any](a *Array, width int, decode func(dst []T, raw []byte) error) ([]T, error) {
	out, err := tryRead(a, width, decode)
	if err != nil {
		return nil, a.wrap(err)
	}
	return out, nil
}

// wrap adds the package and the array to an error.
func (a *Array) wrap(err error) error {
	if a.attr != "" {
		err = fmt.Errorf("attribute %q: %w", a.attr, err)
	}
	return a.owner.wrap(err)
}

func tryRead[T any](a *Array, width int, decode func(dst []T, raw []byte) error) ([]T, error) {
	if a.cannot != nil {
		return nil, a.cannot
	}
	if a.n == 0 {
		return []T{}, nil
	}
	if err := a.affordable(max(width, a.typ.Size)); err != nil {
		return nil, err
	}
	size := a.typ.Size
	out := make([]T, a.n)
	if a.fill != nil && a.mayHaveHoles() {
		if err := decode(out[:1], a.fill); err != nil {
			return nil, fmt.Errorf("fill value: %w", err)
		}
		for i := range out {
			out[i] = out[0]
		}
	}
	err := a.scan(func(at int, raw []byte) error { return decode(out[at:at+len(raw)/size], raw) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// affordable checks what an array claims before memory is taken for it: n
// elements of so many bytes when decoded.
func (a *Array) affordable(width int) error {
	need, err := times(uint64(a.n), uint64(width))
	if err != nil {
		return err
	}
	raw, err := times(uint64(a.n), uint64(a.typ.Size))
	if err != nil {
		return err
	}
	switch a.class {
	case compact:
		if raw > uint64(len(a.data)) {
			return fmt.Errorf("%d bytes of data instead of %d", len(a.data), raw)
		}
	case contiguous:
		if a.store.addr != undefined && (a.size < raw || a.store.addr > a.file.size || raw > a.file.size-a.store.addr) {
			return fmt.Errorf("its %d bytes are not all there", raw)
		}
	case chunked:
		padded, err := a.paddedSize()
		if err != nil {
			return err
		}
		need = max(need, padded)
	}
	if a.attr != "" { // An attribute has all it says in a header.
		return nil
	}
	return a.file.allow(a.owner.place(), need)
}

func times(a, b uint64) (uint64, error) {
	hi, lo := bits.Mul64(a, b)
	if hi != 0 || lo > math.MaxInt64 {
		return 0, errors.New("its size overflows")
	}
	return lo, nil
}

func (a *Array) mayHaveHoles() bool {
	return a.class == chunked || a.class == contiguous && a.store.addr == undefined
}

// scan calls put with runs of elements as they are in the file and the place
// of the first; elements that the file does not hold are left out.
func (a *Array) scan(put func(at int, raw []byte) error) error {
	size := a.typ.Size
	switch a.class {
	case compact:
		return put(0, a.data[:a.n*size])
	case contiguous:
		if a.store.addr == undefined {
			return nil
		}
		step := max(1, 1<<18/size)
		var b []byte
		for at := 0; at < a.n; at += step {
			n := min(step, a.n-at)
			var err error
			if b, err = a.file.read(a.store.addr+uint64(at)*uint64(size), uint64(n*size), b); err != nil {
				return err
			}
			if err := put(at, b); err != nil {
				return err
			}
		}
		return nil
	}
	return a.scanChunks(put)
}
