package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	le = binary.LittleEndian

	errShort    = errors.New("a structure ends too early")
	errChecksum = errors.New("wrong checksum")
)

// cursor decodes the little-endian fields of a structure, one after the other.
// From the first field on that is not there, err is set and fields read as 0.
type cursor struct {
	whole []byte
	b     []byte // The rest of whole.
	widths
	err error
}

func (w widths) cursor(b []byte) *cursor { return &cursor{whole: b, b: b, widths: w} }

// pos returns how many bytes have been read.
func (c *cursor) pos() int { return len(c.whole) - len(c.b) }

// bytes returns the next n bytes, which the caller must not change.
func (c *cursor) bytes(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)) {
		c.err = errShort
	}
	if c.err != nil {
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) skip(n int) { c.bytes(n) }

// uint reads a number of n bytes, 8 at most.
func (c *cursor) uint(n int) uint64 {
	var v uint64
	for i, x := range c.bytes(n) {
		v |= uint64(x) << (8 * i)
	}
	return v
}

func (c *cursor) u8() byte    { return byte(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) len() uint64 { return c.uint(c.widths.length) }

// addr reads an address; undefined stays undefined at every width.
func (c *cursor) addr() uint64 {
	v := c.uint(c.address)
	if c.err == nil && v == undefined>>(64-8*c.address) {
		return undefined
	}
	return v
}

// text reads up to a NUL, and past it.
func (c *cursor) text() string {
	for i, x := range c.b {
		if x == 0 {
			s := string(c.b[:i])
			c.skip(i + 1)
			return s
		}
	}
	if c.err == nil {
		c.err = errShort
	}
	return ""
}

// read returns n bytes at an address, without a charge. They are in buf, if
// that is long enough.
func (f *File) read(addr, n uint64, buf []byte) ([]byte, error) {
	if addr == undefined {
		return nil, errors.New("an address is undefined")
	}
	if addr > f.size || n > f.size-addr {
		return nil, fmt.Errorf("%d bytes at %#x are outside the file of %d", n, addr, f.size)
	}
	if uint64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if k, err := f.r.ReadAt(buf, int64(f.base+addr)); k < len(buf) {
		return nil, err
	}
	return buf, nil
}

// at returns a cursor over n bytes of structures at an address.
func (f *File) at(addr, n uint64) (*cursor, error) {
	b, err := f.read(addr, n, nil)
	if err == nil {
		err = f.spend(n)
	}
	if err != nil {
		return nil, err
	}
	return f.cursor(b), nil
}

// signed returns a cursor over the n bytes of a structure at addr, past the
// signature that it must begin with.
func (f *File) signed(addr, n uint64, signature string) (*cursor, error) {
	c, err := f.at(addr, n)
	if err != nil {
		return nil, err
	}
	if got := c.bytes(len(signature)); string(got) != signature {
		return nil, fmt.Errorf("%q instead of %q at %#x", got, signature, addr)
	}
	return c, nil
}

// checked is signed for a structure whose last 4 bytes are its checksum; these
// are not in the cursor.
func (f *File) checked(addr, n uint64, signature string) (*cursor, error) {
	c, err := f.signed(addr, n, signature)
	if err != nil {
		return nil, err
	}
	if err := c.checksum(); err != nil && !(err == errChecksum && f.noChecksums) {
		return nil, fmt.Errorf("%s at %#x: %w", signature, addr, err)
	}
	return c, nil
}

// checksum compares the last 4 bytes with the rest and removes them.
func (c *cursor) checksum() error {
	n := len(c.whole) - 4
	if n < c.pos() {
		return errShort
	}
	sum := le.Uint32(c.whole[n:])
	c.b = c.b[:len(c.b)-4]
	c.whole = c.whole[:n]
	if lookup3(c.whole) != sum {
		return errChecksum
	}
	return nil
}

// version reads a byte that must be one of those given.
func (c *cursor) version(what string, known ...byte) byte {
	v := c.u8()
	for _, k := range known {
		if v == k {
			return v
		}
	}
	if c.err == nil {
		c.err = fmt.Errorf("%s of version %d: %w", what, v, ErrUnsupported)
	}
	return v
}
