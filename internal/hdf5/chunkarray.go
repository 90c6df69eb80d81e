package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// arrayReader visits the entries of a fixed or extensible array.
type arrayReader struct {
	f *File
	entry
	order linear
	to    []uint64 // The place in the grid of the entry at hand.
	visit func(at []uint64, p span) error
}

func (a *Array) arrayReader(size, first int, visit func(at []uint64, p span) error) (*arrayReader, error) {
	r := &arrayReader{f: a.file, to: make([]uint64, len(a.shape)), visit: visit}
	var err error
	if r.entry, err = a.entry(size); err != nil {
		return nil, err
	}
	r.order, err = a.linear(first)
	return r, err
}

// entries visits n entries, the first of which has number i.
func (r *arrayReader) entries(c *cursor, i, n uint64) error {
	for ; n > 0; n-- {
		p := r.entry.span(c)
		if c.err != nil {
			return c.err
		}
		r.order.at(i, r.to)
		if err := r.visit(r.to, p); err != nil {
			return err
		}
		i++
	}
	return nil
}

// pages visits n entries in pages of that many, from addr on. Pages whose bit
// in used, from bit k on, is 0 were never written.
func (r *arrayReader) pages(addr, i, n, page uint64, used []byte, k uint64) error {
	for ; n > 0; k++ {
		m := min(page, n)
		size := m*uint64(r.size) + 4
		if used[k/8]&(0x80>>(k%8)) != 0 {
			c, err := r.f.checked(addr, size, "")
			if err != nil {
				return err
			}
			if err := r.entries(c, i, m); err != nil {
				return err
			}
		}
		addr, i, n = addr+size, i+m, n-m
	}
	return nil
}

// fixedArray visits the chunks of an array whose extents have limits.
func (a *Array) fixedArray(addr uint64, visit func(at []uint64, p span) error) error {
	f := a.file
	c, err := f.checked(addr, uint64(12+f.widths.length+f.address), "FAHD")
	if err != nil {
		return err
	}
	c.version("fixed array", 0)
	c.skip(1) // Whether there are filters.
	size, pageBits := int(c.u8()), c.u8()
	n, data := c.len(), c.addr()
	if c.err != nil {
		return c.err
	}
	r, err := a.arrayReader(size, -1, visit)
	if err != nil || data == undefined {
		return err
	}
	if pageBits > 32 {
		return errors.New("a fixed array's sizes make no sense")
	}
	head := uint64(6 + f.address) // Of the block, up to what varies.
	page := uint64(1) << pageBits
	if n <= page {
		if n > f.size {
			return errShort
		}
		if c, err = f.checked(data, head+n*uint64(size)+4, "FADB"); err != nil {
			return err
		}
		c.version("fixed array block", 0)
		c.skip(1 + f.address)
		return r.entries(c, 0, n)
	}
	used := ceil(ceil(n, page), 8)
	if c, err = f.checked(data, head+used+4, "FADB"); err != nil {
		return err
	}
	c.version("fixed array block", 0)
	c.skip(1 + f.address)
	return r.pages(data+head+used+4, 0, n, page, c.bytes(int(used)), 0)
}

// extensible is an extensible array: an index block with the first entries, the
// addresses of the first blocks of entries, and of super blocks, which hold the
// addresses of the rest. Super block u stands for 2^(u/2) blocks of
// 2^((u+1)/2) times minBlock entries, rounded down; the first few of them exist
// only as addresses in the index block.
type extensible struct {
	*arrayReader
	bits     uint64 // Of the largest number of an entry.
	minBlock uint64 // Entries of the smallest block.
	page     uint64 // Entries of a page.
}

// extensibleArray visits the chunks of an array with one dimension that has no
// limit.
func (a *Array) extensibleArray(addr uint64, visit func(at []uint64, p span) error) error {
	first := -1
	for d, m := range a.max {
		if m == undefined {
			first = d
			break
		}
	}
	f := a.file
	c, err := f.checked(addr, uint64(16+6*f.widths.length+f.address), "EAHD")
	if err != nil {
		return err
	}
	c.version("extensible array", 0)
	c.skip(1) // Whether there are filters.
	size := int(c.u8())
	x := extensible{bits: uint64(c.u8())}
	inIndex := uint64(c.u8())
	x.minBlock = uint64(c.u8())
	minPointers, pageBits := uint64(c.u8()), c.u8()
	c.skip(6 * f.widths.length) // Statistics.
	index := c.addr()
	if c.err != nil {
		return c.err
	}
	if first < 0 || x.bits > 64 || pageBits > 32 || bits.OnesCount64(x.minBlock) != 1 || bits.OnesCount64(minPointers) != 1 {
		return errors.New("an extensible array's sizes make no sense")
	}
	x.page = 1 << pageBits
	if x.arrayReader, err = a.arrayReader(size, first, visit); err != nil || index == undefined {
		return err
	}
	if x.bits+1 < uint64(bits.Len64(x.minBlock)) {
		return errors.New("an extensible array's sizes make no sense")
	}
	supers := 1 + int(x.bits) - (bits.Len64(x.minBlock) - 1)
	direct := min(supers, 2*(bits.Len64(minPointers)-1)) // Super blocks without a block of their own.
	var blocks uint64
	for u := range direct {
		blocks += x.blocks(u)
	}
	n := 10 + uint64(f.address) + inIndex*uint64(size) + (blocks+uint64(supers-direct))*uint64(f.address)
	if c, err = f.checked(index, n, "EAIB"); err != nil {
		return err
	}
	c.version("extensible array index", 0)
	c.skip(1 + f.address)
	if err := x.entries(c, 0, inIndex); err != nil {
		return err
	}
	i := inIndex
	for u := range supers {
		if u >= direct {
			if err := x.super(c.addr(), i, u); err != nil {
				return err
			}
			i += x.blocks(u) * x.blockEntries(u)
			continue
		}
		for range x.blocks(u) {
			if err := x.block(c.addr(), i, x.blockEntries(u), nil, 0); err != nil {
				return err
			}
			i += x.blockEntries(u)
		}
	}
	return c.err
}

func (x *extensible) blocks(u int) uint64       { return 1 << (u / 2) }
func (x *extensible) blockEntries(u int) uint64 { return x.minBlock << ((u + 1) / 2) }

// offsetSize is the bytes that the number of an entry takes.
func (x *extensible) offsetSize() int { return int(x.bits+7) / 8 }

// super visits super block u at an address; i is the number of its first entry.
func (x *extensible) super(addr, i uint64, u int) error {
	if addr == undefined {
		return nil
	}
	n, per := x.blocks(u), x.blockEntries(u)
	usedSize := uint64(0) // Bytes for a bit for each page of a block.
	if per > x.page {
		usedSize = ceil(per/x.page, 8)
	}
	if n > x.f.size || usedSize > x.f.size {
		return errShort
	}
	size, err := times(n, usedSize+uint64(x.f.address))
	if err != nil {
		return err
	}
	c, err := x.f.checked(addr, 10+uint64(x.f.address+x.offsetSize())+size, "EASB")
	if err != nil {
		return err
	}
	c.version("super block", 0)
	c.skip(1 + x.f.address + x.offsetSize())
	used := c.bytes(int(n * usedSize)) // Longer than needed: the bits of all blocks follow one another.
	for k := range n {
		if err := x.block(c.addr(), i, per, used, k*(per/x.page)); err != nil {
			return fmt.Errorf("super block %d: %w", u, err)
		}
		i += per
	}
	return c.err
}

// block visits a block of n entries; i is the number of the first. A block has
// pages if used, from bit k on, says which.
func (x *extensible) block(addr, i, n uint64, used []byte, k uint64) error {
	if addr == undefined {
		return nil
	}
	head := uint64(6 + x.f.address + x.offsetSize())
	paged := len(used) > 0
	size := head + 4
	if !paged {
		if n > x.f.size {
			return errShort
		}
		size += n * uint64(x.size)
	}
	c, err := x.f.checked(addr, size, "EADB")
	if err != nil {
		return err
	}
	c.version("extensible array block", 0)
	c.skip(1 + x.f.address + x.offsetSize())
	if paged {
		return x.pages(addr+size, i, n, x.page, used, k)
	}
	return x.entries(c, i, n)
}
