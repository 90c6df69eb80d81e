package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// chunks is how an array is cut into blocks of equal shape, those at the end
// of a dimension padded, and how they are found.
type chunks struct {
	shape []uint64
	size  uint64 // Bytes of a chunk without filters.
	index index

	// Layout 4.
	bareEdges bool   // Chunks that reach over the end are stored without filters.
	stored    uint64 // Single chunk: bytes in the file; 0 for size.
	mask      uint32 // And filters left out.
}

type index byte

const (
	indexBTree1     index = 0
	indexSingle     index = 1
	indexImplicit   index = 2
	indexFixed      index = 3
	indexExtensible index = 4
	indexBTree2     index = 5
)

// chunkLayout3 reads the rest of a layout message of version 3.
func (a *Array) chunkLayout3(c *cursor) error {
	rank := int(c.u8()) - 1
	a.store.addr = c.addr()
	return a.chunkShape(c, rank, 4)
}

// chunkLayout4 reads the rest of a layout message of version 4.
func (a *Array) chunkLayout4(c *cursor) error {
	flags, rank, wide := c.u8(), int(c.u8())-1, int(c.u8())
	if c.err == nil && (wide < 1 || wide > 8) {
		return fmt.Errorf("extents of %d bytes", wide)
	}
	a.chunks.bareEdges = flags&1 != 0
	if err := a.chunkShape(c, rank, wide); err != nil {
		return err
	}
	switch a.chunks.index = index(c.u8()); a.chunks.index {
	case indexSingle:
		if flags&2 != 0 {
			a.chunks.stored, a.chunks.mask = c.len(), c.u32()
		}
	case indexImplicit:
	case indexFixed:
		c.skip(1) // Its parameters stand in its header, too.
	case indexExtensible:
		c.skip(5)
	case indexBTree2:
		c.skip(6)
	default:
		return fmt.Errorf("index of chunks of kind %d: %w", a.chunks.index, ErrUnsupported)
	}
	a.store.addr = c.addr()
	return c.err
}

// chunkShape reads the extents of a chunk and, as one more, an element's size.
func (a *Array) chunkShape(c *cursor, rank, wide int) error {
	if c.err == nil && (rank != len(a.shape) || rank == 0) {
		return fmt.Errorf("chunks of %d dimensions in %d", rank, len(a.shape))
	}
	size := uint64(a.typ.Size)
	for range a.shape {
		d := c.uint(wide)
		hi, lo := bits.Mul64(size, d)
		if c.err == nil && (lo == 0 || hi != 0 || lo > 1<<32-1) { // The format's own limit.
			return errors.New("chunks of an impossible size")
		}
		a.chunks.shape = append(a.chunks.shape, d)
		size = lo
	}
	if element := c.uint(wide); c.err == nil && element != uint64(a.typ.Size) {
		return fmt.Errorf("chunks have elements of %d bytes, the type has %d", element, a.typ.Size)
	}
	a.chunks.size = size
	return c.err
}

// grid returns how many chunks there are along a dimension.
func (a *Array) grid(d int) uint64 { return ceil(uint64(a.shape[d]), a.chunks.shape[d]) }

func ceil(n, d uint64) uint64 {
	q := n / d
	if n%d != 0 {
		q++
	}
	return q
}

// gridSize returns how many chunks the array takes.
func (a *Array) gridSize() (n uint64, err error) {
	n = 1
	for d := range a.shape {
		if n, err = times(n, a.grid(d)); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// paddedSize returns the bytes of all chunks together.
func (a *Array) paddedSize() (uint64, error) {
	n, err := a.gridSize()
	if err != nil {
		return 0, err
	}
	return times(n, a.chunks.size)
}

// span is a chunk in the file.
type span struct {
	addr, size uint64
	mask       uint32 // Filters left out.
}

// scanChunks calls put with every run of elements in every chunk.
func (a *Array) scanChunks(put func(at int, raw []byte) error) error {
	if a.store.addr == undefined {
		return nil
	}
	left, err := a.gridSize()
	if err != nil {
		return err
	}
	return a.file.once(charge{a.owner.place(), partIndex}, func() error {
		return a.eachChunk(func(at []uint64, p span) error {
			if p.addr == undefined {
				return nil
			}
			for d, i := range at {
				if i >= a.grid(d) {
					return nil // Outside: of an array that was larger once.
				}
			}
			if left == 0 {
				return errors.New("more chunks than the shape has room for")
			}
			left--
			return a.chunk(at, p, put)
		})
	})
}

// chunk reads the chunk at a place of the grid.
func (a *Array) chunk(at []uint64, p span, put func(at int, raw []byte) error) error {
	c := &a.chunks
	fs := a.filters
	edge := false
	for d, i := range at {
		edge = edge || (i+1)*c.shape[d] > uint64(a.shape[d])
	}
	if edge && c.bareEdges {
		fs = nil
	}
	// What does not shrink grows by little; more would only cost time.
	if p.size > 2*c.size+1024 {
		return fmt.Errorf("chunk %v takes %d bytes instead of %d", at, p.size, c.size)
	}
	b, err := a.file.read(p.addr, p.size, nil)
	if err != nil {
		return fmt.Errorf("chunk %v: %w", at, err)
	}
	if b, err = unfilter(b, fs, p.mask, int(c.size), a.typ.Size); err != nil {
		return fmt.Errorf("chunk %v: %w", at, err)
	}
	return a.runs(at, b, put)
}

// runs calls put with the pieces of a chunk that are adjacent in the array.
func (a *Array) runs(at []uint64, b []byte, put func(at int, raw []byte) error) error {
	shape := a.chunks.shape
	// Dimensions after k are whole in the chunk, so that runs go along k.
	k := len(shape) - 1
	inner := uint64(1)
	for k > 0 && shape[k] == uint64(a.shape[k]) {
		inner *= shape[k]
		k--
	}
	n := min(shape[k], uint64(a.shape[k])-at[k]*shape[k]) * inner // Elements of a run.
	size := uint64(a.typ.Size)
	for in := make([]uint64, k); ; { // Where the run is, in the chunk.
		var src, dst uint64
		for d := range k {
			src = src*shape[d] + in[d]
			dst = dst*uint64(a.shape[d]) + at[d]*shape[d] + in[d]
		}
		src = src * shape[k] * inner
		dst = (dst*uint64(a.shape[k]) + at[k]*shape[k]) * inner
		if err := put(int(dst), b[src*size:(src+n)*size]); err != nil {
			return err
		}
		d := k - 1
		for ; d >= 0; d-- {
			in[d]++
			if in[d] < shape[d] && at[d]*shape[d]+in[d] < uint64(a.shape[d]) {
				break
			}
			in[d] = 0
		}
		if d < 0 {
			return nil
		}
	}
}

// eachChunk calls visit for the chunks in the index, with their place in the
// grid.
func (a *Array) eachChunk(visit func(at []uint64, p span) error) error {
	f, c := a.file, &a.chunks
	addr := a.store.addr
	at := make([]uint64, len(a.shape))
	switch c.index {
	case indexBTree1:
		return f.btree1(addr, 1, 8+8*(len(at)+1), func(key *cursor, child uint64) error {
			p := span{addr: child, size: uint64(key.u32()), mask: key.u32()}
			for d := range at {
				off := key.uint(8)
				if off%c.shape[d] != 0 {
					return fmt.Errorf("a chunk at %d of dimension %d", off, d)
				}
				at[d] = off / c.shape[d]
			}
			return visit(at, p)
		})
	case indexSingle:
		p := span{addr: addr, size: c.size, mask: c.mask}
		if c.stored > 0 {
			p.size = c.stored
		}
		return visit(at, p)
	case indexImplicit:
		return a.implicitChunks(addr, visit)
	case indexFixed:
		return a.fixedArray(addr, visit)
	case indexExtensible:
		return a.extensibleArray(addr, visit)
	}
	kind := byte(10)
	if len(a.filters) > 0 {
		kind = 11
	}
	return f.btree2(addr, kind, func(rec *cursor) error {
		// What is before the place of the chunk is an entry as arrays have it.
		e, err := a.entry(len(rec.b) - 8*len(at))
		if err != nil {
			return err
		}
		p := e.span(rec)
		for d := range at {
			at[d] = rec.uint(8)
		}
		if rec.err != nil {
			return rec.err
		}
		return visit(at, p)
	})
}

// entry is the form of a chunk's entry in an index of layout 4: an address and,
// if there are filters, a size and a mask.
type entry struct {
	size     int // Bytes.
	filtered bool
	whole    uint64 // Bytes of a chunk without filters.
}

func (a *Array) entry(size int) (entry, error) {
	e := entry{size, len(a.filters) > 0, a.chunks.size}
	want := a.file.address
	if e.filtered {
		want += 4 + min(max(size-want-4, 1), 8)
	}
	if size != want {
		return e, fmt.Errorf("index of chunks with entries of %d bytes", size)
	}
	return e, nil
}

func (e entry) span(c *cursor) span {
	p := span{addr: c.addr(), size: e.whole}
	if e.filtered {
		p.size, p.mask = c.uint(e.size-c.address-4), c.u32()
	}
	return p
}

// implicitChunks visits chunks that stand one after the other.
func (a *Array) implicitChunks(addr uint64, visit func(at []uint64, p span) error) error {
	order, err := a.linear(-1)
	if err != nil {
		return err
	}
	at := make([]uint64, len(a.shape))
	for {
		var i uint64
		for d, n := range order.extents {
			i = i*n + at[d]
		}
		off, err := times(i, a.chunks.size)
		if err != nil || off > a.file.size {
			return errShort
		}
		if err := visit(at, span{addr: addr + off, size: a.chunks.size}); err != nil {
			return err
		}
		d := len(at) - 1
		for ; d >= 0; d-- {
			if at[d]++; at[d] < a.grid(d) {
				break
			}
			at[d] = 0
		}
		if d < 0 {
			return nil
		}
	}
}

// linear says which place of the grid a number in an array of chunks stands
// for: row-major in the grid of the largest shape, dimension first moved to the
// front unless it is -1.
type linear struct {
	first   int
	extents []uint64 // In the order of the dimensions as moved.
}

func (a *Array) linear(first int) (linear, error) {
	l := linear{first: first}
	if first >= 0 {
		l.extents = append(l.extents, undefined)
	}
	n := uint64(1)
	for d := range a.shape {
		if d == first {
			continue
		}
		most := uint64(a.shape[d])
		if a.max != nil {
			most = max(most, a.max[d])
		}
		if most == undefined {
			return l, errors.New("an array of chunks with more than one dimension without limit")
		}
		extent := ceil(most, a.chunks.shape[d])
		var err error
		if n, err = times(n, extent); err != nil {
			return l, err
		}
		l.extents = append(l.extents, extent)
	}
	return l, nil
}

// at sets the place in the grid of chunk i.
func (l linear) at(i uint64, at []uint64) {
	for k := len(l.extents) - 1; k >= 0; k-- {
		d := k
		if l.first >= 0 {
			switch {
			case k == 0:
				d = l.first
			case k <= l.first:
				d = k - 1
			}
		}
		if k == 0 && l.first >= 0 {
			at[d] = i
			return
		}
		at[d] = i % l.extents[k]
		i /= l.extents[k]
	}
}
