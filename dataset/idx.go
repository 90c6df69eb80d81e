package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sresnet/internal/regular"
	"sresnet/tensor"
)

// An idx file is a magic number (two zero bytes, the element type, the number of
// axes), the length of every axis as a big-endian uint32, and the elements.
const (
	idxLabels = 0x00000801 // Unsigned bytes, one axis.
	idxImages = 0x00000803 // Unsigned bytes, three axes: image, row, column.
)

// A gzip file may unpack to a thousand times its size. Real images shrink to a
// fifth, so reading stops at the larger of these.
const (
	maxInflation = 32      // Times the size of the file.
	minInflated  = 1 << 20 // Bytes that any file, however small, may unpack to.
)

// readIDXFile reads a file of labels or images, compressed or not.
func readIDXFile(name string, magic uint32) (dims []int, data []byte, err error) {
	f, size, err := regular.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	dims, data, err = readIDX(f, size, magic)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return dims, data, nil
}

// readIDX reads an idx file of size bytes. It holds no more memory than a small
// multiple of the data really there, no matter what the header claims.
func readIDX(r io.Reader, size int64, magic uint32) (dims []int, data []byte, err error) {
	br := bufio.NewReader(r)
	limit := size
	var in io.Reader = br
	if head, _ := br.Peek(len(gzipMagic)); bytes.Equal(head, gzipMagic) {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, fmt.Errorf("damaged: %v", err)
		}
		in, limit = z, max(minInflated, maxInflation*size)
	}
	dims, err = readIDXHeader(in, magic)
	if err != nil {
		return nil, nil, err
	}
	want := int64(tensor.Shape(dims).Len())
	if want > limit {
		return nil, nil, fmt.Errorf("the header claims %s elements, too many for a file of %d bytes: it is half a download, or damaged", tensor.Shape(dims), size)
	}
	data, err = io.ReadAll(io.LimitReader(in, want+1)) // Grows with what is there; one more byte shows a surplus.
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && int64(len(data)) < want:
		return nil, nil, fmt.Errorf("truncated: the header claims %s elements, only %d are there", tensor.Shape(dims), len(data))
	case err != nil:
		return nil, nil, fmt.Errorf("damaged: %v", err)
	case int64(len(data)) > want:
		return nil, nil, fmt.Errorf("more data than the %s elements of the header", tensor.Shape(dims))
	}
	return dims, data, nil
}

func readIDXHeader(r io.Reader, magic uint32) ([]int, error) {
	var word [4]byte
	next := func() (uint32, error) {
		if _, err := io.ReadFull(r, word[:]); err != nil {
			return 0, fmt.Errorf("the idx header is truncated or damaged: %v", err)
		}
		return binary.BigEndian.Uint32(word[:]), nil
	}
	got, err := next()
	if err != nil {
		return nil, err
	}
	if got != magic {
		return nil, fmt.Errorf("magic number %08x, want %08x (%s)", got, magic, idxMeaning(magic))
	}
	dims := make([]int, magic&0xff)
	for i := range dims {
		v, err := next()
		if err != nil {
			return nil, err
		}
		if v == 0 {
			if i == 0 {
				return nil, errors.New("no images: the header counts 0")
			}
			return nil, errors.New("the header claims images without pixels")
		}
		dims[i] = int(v)
	}
	if err := tensor.Shape(dims).Check(); err != nil { // Catches products that overflow.
		return nil, fmt.Errorf("the header is damaged: %v", err)
	}
	return dims, nil
}

func idxMeaning(magic uint32) string {
	if magic == idxLabels {
		return "an idx file of labels"
	}
	return "an idx file of images"
}
