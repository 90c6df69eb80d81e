package hdf5

import (
	"fmt"
	"slices"
)

// Kinds of messages in object headers.
const (
	msgDataspace     = 0x01
	msgLinkInfo      = 0x02
	msgDatatype      = 0x03
	msgOldFill       = 0x04
	msgFill          = 0x05
	msgLink          = 0x06
	msgExternalFiles = 0x07
	msgLayout        = 0x08
	msgGroupInfo     = 0x0a
	msgFilters       = 0x0b
	msgAttribute     = 0x0c
	msgContinuation  = 0x10
	msgSymbolTable   = 0x11
	msgAttributeInfo = 0x15
	lastKnown        = 0x17 // Of those in the specification.
)

// shareable are the messages that may stand in another object's header, as the
// type of a dataset that was made with a named type does.
var shareable = []uint16{msgDataspace, msgDatatype, msgOldFill, msgFill, msgFilters, msgAttribute}

const (
	flagShared = 1 << 1 // The message stands elsewhere.
	flagCannot = 1 << 7 // Who does not know the message must not read the object.
)

type message struct {
	kind uint16
	data []byte
}

// header is the messages of an object.
type header []message

// find returns the first message of a kind, nil if there is none.
func (h header) find(kind uint16) []byte {
	for _, m := range h {
		if m.kind == kind {
			return m.data
		}
	}
	return nil
}

// header reads the object header at an address.
func (f *File) header(addr uint64) (header, error) {
	h, err := f.ownHeader(addr, true)
	if err != nil {
		return nil, fmt.Errorf("object header at %#x: %w", addr, err)
	}
	return h, nil
}

// piece is a part of a header; all but the first come from continuations.
type piece struct{ addr, size uint64 }

// ownHeader reads a header and, if follow is set, the messages in it that
// stand in others.
func (f *File) ownHeader(addr uint64, follow bool) (header, error) {
	mark, err := f.at(addr, 4)
	if err != nil {
		return nil, err
	}
	r := headerReader{f: f, follow: follow}
	if string(mark.whole) == "OHDR" {
		return r.version2(addr)
	}
	return r.version1(addr)
}

type headerReader struct {
	f      *File
	follow bool
	msgs   header
	more   []piece
}

func (r *headerReader) version1(addr uint64) (header, error) {
	c, err := r.f.at(addr, 16)
	if err != nil {
		return nil, err
	}
	c.version("object header", 1)
	c.skip(1 + 2 + 4) // Reserved, number of messages, references.
	size := c.u32()
	if c.err != nil {
		return nil, c.err
	}
	r.more = []piece{{addr + 16, uint64(size)}}
	for len(r.more) > 0 {
		p := r.more[0]
		r.more = r.more[1:]
		c, err := r.f.at(p.addr, p.size)
		if err != nil {
			return nil, err
		}
		for len(c.b) >= 8 {
			kind, n, flags := c.u16(), c.u16(), c.u8()
			c.skip(3)
			if err := r.message(kind, flags, c.bytes(int(n)), c); err != nil {
				return nil, err
			}
		}
	}
	return r.msgs, nil
}

func (r *headerReader) version2(addr uint64) (header, error) {
	c, err := r.f.at(addr, 6)
	if err != nil {
		return nil, err
	}
	c.skip(4)
	c.version("object header", 2)
	flags := c.u8()
	if c.err != nil {
		return nil, c.err
	}
	before := uint64(6) // Bytes up to the size of the first piece.
	if flags&0x20 != 0 {
		before += 16 // Times.
	}
	if flags&0x10 != 0 {
		before += 4 // When attributes become dense.
	}
	wide := 1 << (flags & 3)
	if c, err = r.f.at(addr, before+uint64(wide)); err != nil {
		return nil, err
	}
	c.skip(int(before))
	size := c.uint(wide)
	if size > r.f.size {
		return nil, errShort
	}
	before += uint64(wide)
	prefix := 4 // Bytes before a message.
	if flags&4 != 0 {
		prefix += 2
	}
	if c, err = r.f.checked(addr, before+size+4, "OHDR"); err != nil {
		return nil, err
	}
	c.skip(int(before) - 4)
	for {
		for len(c.b) >= prefix {
			kind, n, flags := c.u8(), c.u16(), c.u8()
			c.skip(prefix - 4)
			if err := r.message(uint16(kind), flags, c.bytes(int(n)), c); err != nil {
				return nil, err
			}
		}
		if len(r.more) == 0 {
			return r.msgs, nil
		}
		p := r.more[0]
		r.more = r.more[1:]
		if c, err = r.f.checked(p.addr, p.size, "OCHK"); err != nil {
			return nil, err
		}
	}
}

// message takes one that c has just read.
func (r *headerReader) message(kind uint16, flags byte, data []byte, c *cursor) error {
	if c.err != nil {
		return c.err
	}
	known := slices.Contains(shareable, kind)
	switch {
	case kind == msgContinuation:
		c := r.f.cursor(data)
		r.more = append(r.more, piece{c.addr(), c.len()})
		return c.err
	case kind > lastKnown && flags&flagCannot != 0:
		return fmt.Errorf("message %#x: %w", kind, ErrUnsupported)
	case known && flags&flagShared != 0 && r.follow:
		var err error
		if data, err = r.f.shared(kind, r.f.cursor(data)); err != nil {
			return err
		}
	case known && flags&flagShared != 0:
		return nil // One step is enough: a shared message is where it is shared from.
	}
	r.msgs = append(r.msgs, message{kind, data})
	return nil
}

// shared returns the message that c says where to find (IV.A.2, "Shared
// Message").
func (f *File) shared(kind uint16, c *cursor) ([]byte, error) {
	version, where := c.version("shared message", 1, 2, 3), c.u8()
	if version == 1 {
		c.skip(6)
	}
	if version == 3 && where == 1 {
		return nil, fmt.Errorf("message in the file's shared heap: %w", ErrUnsupported)
	}
	addr := c.addr()
	if c.err != nil {
		return nil, c.err
	}
	h, err := f.ownHeader(addr, false)
	if err != nil {
		return nil, fmt.Errorf("shared message at %#x: %w", addr, err)
	}
	data := h.find(kind)
	if data == nil {
		return nil, fmt.Errorf("shared message at %#x is not there", addr)
	}
	return data, nil
}
