package hdf5

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// filter is one step of the way that chunks take into the file.
type filter struct {
	id     uint16
	client []uint32 // Its parameters.
}

const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
)

var filterNames = map[uint16]string{4: "szip", 5: "nbit", 6: "scale-offset", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32015: "Zstandard"}

// filters reads a filter pipeline message (IV.A.2.l).
func (f *File) filters(b []byte) ([]filter, error) {
	c := f.cursor(b)
	version, n := c.version("filter pipeline", 1, 2), c.u8()
	if version == 1 {
		c.skip(6)
	}
	if n > 32 { // A chunk's mask has 32 bits.
		return nil, fmt.Errorf("%d filters", n)
	}
	var fs []filter
	for range n {
		fl := filter{id: c.u16()}
		name := 0
		if version == 1 || fl.id >= 256 {
			name = int(c.u16())
		}
		c.skip(2) // Flags.
		params := int(c.u16())
		c.skip(name)
		if version == 1 {
			c.skip(-name & 7)
		}
		for range params {
			fl.client = append(fl.client, c.u32())
			if c.err != nil {
				return nil, c.err
			}
		}
		if version == 1 && params%2 == 1 {
			c.skip(4)
		}
		fs = append(fs, fl)
	}
	return fs, c.err
}

// unfilter undoes the filters on a chunk, except those in the mask. The chunk
// has size bytes then.
func unfilter(b []byte, fs []filter, mask uint32, size, element int) ([]byte, error) {
	// Checksums were added to what deflate saw, perhaps.
	most := size + 4*len(fs)
	for i := len(fs) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		switch f := fs[i]; f.id {
		case filterDeflate:
			b, err = inflate(b, most)
		case filterShuffle:
			n := element
			if len(f.client) > 0 {
				n = int(f.client[0])
			}
			b, err = unshuffle(b, n)
		case filterFletcher32:
			b, err = checkFletcher32(b)
		default:
			name := filterNames[f.id]
			if name == "" {
				name = "of an unknown kind"
			}
			err = fmt.Errorf("filter %d, %s: %w", f.id, name, ErrUnsupported)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(b) != size {
		return nil, fmt.Errorf("a chunk of %d bytes instead of %d", len(b), size)
	}
	return b, nil
}

// inflate decompresses b to at most that many bytes.
func inflate(b []byte, most int) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	// A byte of deflate makes 1032 at most, so that a small file cannot claim
	// much memory here.
	var out bytes.Buffer
	out.Grow(min(most, 1032*len(b)) + bytes.MinRead)
	if _, err := out.ReadFrom(io.LimitReader(z, int64(most)+1)); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if out.Len() > most {
		return nil, errors.New("deflate: the chunk is too long")
	}
	return out.Bytes(), nil
}

// unshuffle puts the bytes of elements together again, which the filter had
// sorted by their place in the element.
func unshuffle(b []byte, size int) ([]byte, error) {
	if size < 1 {
		return nil, fmt.Errorf("shuffle: elements of %d bytes", size)
	}
	n := len(b) / size
	if size == 1 || n < 2 {
		return b, nil
	}
	out := make([]byte, len(b))
	for j := range size {
		for i, x := range b[j*n : (j+1)*n] {
			out[i*size+j] = x
		}
	}
	copy(out[n*size:], b[n*size:])
	return out, nil
}

// checkFletcher32 takes the checksum from the end.
func checkFletcher32(b []byte) ([]byte, error) {
	n := len(b) - 4
	if n < 0 {
		return nil, errShort
	}
	if fletcher32(b[:n]) != le.Uint32(b[n:]) {
		return nil, fmt.Errorf("fletcher32: %w", errChecksum)
	}
	return b[:n], nil
}
