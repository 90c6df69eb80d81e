package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// globalHeap is a collection of what has variable length.
type globalHeap struct {
	data    string // All of it, which the strings read from it share.
	objects map[uint32][2]int
}

// globalHeap returns the collection at an address. Files have many strings in
// one, so that the file keeps it.
func (f *File) globalHeap(addr uint64) (*globalHeap, error) {
	if h, ok := f.heaps[addr]; ok {
		return h, nil
	}
	head := 8 + (f.widths.length+7)&^7 // Of the collection, and of an object.
	c, err := f.signed(addr, uint64(head), "GCOL")
	if err != nil {
		return nil, err
	}
	c.version("global heap", 1)
	c.skip(3)
	size := c.len()
	if c.err != nil {
		return nil, c.err
	}
	if size < uint64(head) {
		return nil, errShort
	}
	if c, err = f.at(addr, size); err != nil {
		return nil, err
	}
	h := &globalHeap{data: string(c.whole), objects: map[uint32][2]int{}}
	c.skip(head)
	for len(c.b) >= head {
		at := c.pos() + head
		id := c.u16()
		c.skip(2 + 4) // References, reserved.
		n := c.len()
		if id == 0 { // The rest is free.
			break
		}
		if n > size {
			return nil, errShort
		}
		c.skip(at - c.pos())
		c.skip(int(n))
		if c.err != nil {
			return nil, c.err
		}
		c.skip(min(len(c.b), int(-n&7)))
		h.objects[uint32(id)] = [2]int{at, at + int(n)}
	}
	f.heaps[addr] = h
	return h, nil
}

// variable returns the string that an element of variable length points to.
func (f *File) variable(c *cursor) (string, error) {
	n, addr, id := uint64(c.u32()), c.addr(), c.u32()
	if c.err != nil {
		return "", c.err
	}
	if n == 0 || addr == 0 || addr == undefined {
		return "", nil
	}
	h, err := f.globalHeap(addr)
	if err != nil {
		return "", fmt.Errorf("global heap at %#x: %w", addr, err)
	}
	o, ok := h.objects[id]
	if !ok || n > uint64(o[1]-o[0]) {
		return "", fmt.Errorf("global heap at %#x has no object %d of %d bytes", addr, id, n)
	}
	return h.data[o[0]:][:n], nil
}

// fractalHeap holds the links or attributes of an object that has many. Its
// space of offsets is cut into blocks, in rows of width blocks; those of the
// first two rows have size start, each row after has twice as large ones. Blocks
// up to maxDirect hold objects, larger ones are tables of blocks again.
type fractalHeap struct {
	f                *File
	width            uint64
	start, maxDirect uint64
	rows             int // Of the root; 0 if the root is a direct block.
	root, huge       uint64
	offset, length   int // Bytes that an offset and a length take in an ID.
	summed           bool
	blocks           map[uint64][]byte  // Direct blocks read so far.
	tables           map[uint64]*cursor // Indirect ones.
	hugeAt           map[uint64][2]uint64
}

func (f *File) fractalHeap(addr uint64) (*fractalHeap, error) {
	h, err := f.readFractalHeap(addr)
	if err != nil {
		return nil, fmt.Errorf("fractal heap at %#x: %w", addr, err)
	}
	return h, nil
}

func (f *File) readFractalHeap(addr uint64) (*fractalHeap, error) {
	l := f.widths.length
	c, err := f.checked(addr, uint64(26+3*f.address+12*l), "FRHP")
	if err != nil {
		return nil, err
	}
	h := &fractalHeap{f: f, blocks: map[uint64][]byte{}, tables: map[uint64]*cursor{}}
	c.version("fractal heap", 0)
	c.skip(2) // Length of an ID.
	filters := c.u16()
	h.summed = c.u8()&2 != 0
	maxObject := c.u32()
	c.skip(l) // Next ID of a huge object.
	h.huge = c.addr()
	c.skip(l + f.address + 8*l) // Free space and statistics.
	h.width = uint64(c.u16())
	h.start, h.maxDirect = c.len(), c.len()
	maxBits := c.u16()
	c.skip(2) // Rows to begin with.
	h.root = c.addr()
	h.rows = int(c.u16())
	if c.err != nil {
		return nil, c.err
	}
	if filters != 0 {
		return nil, fmt.Errorf("filters: %w", ErrUnsupported)
	}
	powers := bits.OnesCount64(h.width) == 1 && bits.OnesCount64(h.start) == 1 && bits.OnesCount64(h.maxDirect) == 1
	if !powers || h.start > h.maxDirect || h.maxDirect > 1<<32 || maxBits > 64 || maxBits == 0 || h.rows > 64 {
		return nil, errors.New("its sizes make no sense")
	}
	h.offset = (int(maxBits) + 7) / 8
	h.length = min(sizeOf(h.maxDirect), sizeOf(uint64(maxObject)))
	return h, nil
}

// object returns what an ID stands for.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := h.f.cursor(id)
	first := c.u8()
	switch kind := first >> 4 & 3; {
	case c.err != nil:
		return nil, c.err
	case first>>6 != 0:
		return nil, fmt.Errorf("heap ID of version %d: %w", first>>6, ErrUnsupported)
	case kind == 0:
		off, n := c.uint(h.offset), c.uint(h.length)
		if c.err != nil {
			return nil, c.err
		}
		if h.rows == 0 {
			return h.direct(h.root, h.start, off, n)
		}
		return h.indirect(h.root, h.rows, off, n)
	case kind == 1:
		return h.hugeObject(c.uint(min(h.f.widths.length, len(c.b))))
	case kind == 2:
		// IDs of groups and attributes are too short for the longer form.
		b := c.bytes(int(first&15) + 1)
		return b, c.err
	}
	return nil, errors.New("heap ID of an unknown kind")
}

// direct returns n bytes at an offset of a direct block of that size.
func (h *fractalHeap) direct(addr, size, off, n uint64) ([]byte, error) {
	b, ok := h.blocks[addr]
	if !ok {
		c, err := h.f.signed(addr, size, "FHDB")
		if err != nil {
			return nil, err
		}
		c.version("direct block", 0)
		c.skip(h.f.address + h.offset)
		b = c.whole
		if h.summed {
			at := c.pos()
			sum := c.u32()
			if c.err == nil {
				clear(b[at : at+4]) // It was made with zeros in its own place.
				if lookup3(b) != sum && !h.f.noChecksums {
					c.err = errChecksum
				}
			}
		}
		if c.err != nil {
			return nil, fmt.Errorf("direct block at %#x: %w", addr, c.err)
		}
		h.blocks[addr] = b
	}
	if off > uint64(len(b)) || n > uint64(len(b))-off {
		return nil, errors.New("an object is outside its heap block")
	}
	return b[off : off+n], nil
}

// blockSize is the size of the blocks in a row.
func (h *fractalHeap) blockSize(row int) uint64 { return h.start << max(0, row-1) }

// indirect returns n bytes at an offset of an indirect block with that many
// rows.
func (h *fractalHeap) indirect(addr uint64, rows int, off, n uint64) ([]byte, error) {
	row := 0
	if q := off / h.width / h.start; q > 0 {
		row = bits.Len64(q)
		off -= h.width * h.blockSize(row) // All rows before are as long as this.
	}
	if row >= rows {
		return nil, errors.New("an object is outside its heap")
	}
	directRows := bits.Len64(h.maxDirect) - bits.Len64(h.start) + 2
	c, ok := h.tables[addr]
	if !ok {
		head := 5 + h.f.address + h.offset
		var err error
		if c, err = h.f.checked(addr, uint64(head+rows*int(h.width)*h.f.address+4), "FHIB"); err != nil {
			return nil, err
		}
		c.version("indirect block", 0)
		c.skip(head - 5)
		h.tables[addr] = c
	}
	size := h.blockSize(row)
	entry := *c // A copy: the table is read again.
	entry.skip((row*int(h.width) + int(off/size)) * h.f.address)
	child := entry.addr()
	if entry.err != nil {
		return nil, entry.err
	}
	if row < directRows {
		return h.direct(child, size, off%size, n)
	}
	return h.indirect(child, bits.Len64(size)-bits.Len64(h.width*h.start)+1, off%size, n)
}

// hugeObject returns the object too long for a block that has a number.
func (h *fractalHeap) hugeObject(id uint64) ([]byte, error) {
	if h.hugeAt == nil {
		h.hugeAt = map[uint64][2]uint64{}
		err := h.f.btree2(h.huge, 1, func(rec *cursor) error {
			addr, n, id := rec.addr(), rec.len(), rec.len()
			h.hugeAt[id] = [2]uint64{addr, n}
			return rec.err
		})
		if err != nil {
			return nil, err
		}
	}
	o, ok := h.hugeAt[id]
	if !ok {
		return nil, fmt.Errorf("heap has no huge object %d", id)
	}
	c, err := h.f.at(o[0], o[1])
	if err != nil {
		return nil, err
	}
	return c.whole, nil
}
