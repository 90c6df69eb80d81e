package dataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"slices"
)

// A store holds the pixels of images, or knows where to read them. Any number of
// goroutines may read it.
type store interface {
	// pixels stores image i, CHW and 0..255, or all its frames, in dst, which holds exactly that.
	pixels(i int, dst []float32) error
	// slice returns images from to to-1, which share memory with the store.
	slice(from, to int) store
	// clone returns a copy that shares no memory.
	clone() store
	// what names what is stored, for the head of a hash, and writeTo adds it to one.
	what() string
	writeTo(h hash.Hash)
}

// byteStore is images of bytes, one after the other, each CHW, or frames, of size bytes.
type byteStore struct {
	data []byte
	size int
}

func (s *byteStore) pixels(i int, dst []float32) error {
	for j, p := range s.data[i*s.size : (i+1)*s.size] {
		dst[j] = float32(p)
	}
	return nil
}

func (s *byteStore) slice(from, to int) store {
	return &byteStore{s.data[from*s.size : to*s.size], s.size}
}

func (s *byteStore) clone() store { return &byteStore{bytes.Clone(s.data), s.size} }

func (s *byteStore) what() string { return "images" }

func (s *byteStore) writeTo(h hash.Hash) { h.Write(s.data) }

// recordStore is images of size bytes each in files of records, which begin with skip bytes
// of something else. They are read when they are needed.
type recordStore struct {
	files      []recordFile
	skip, size int
	from, to   int // Images, of those of all files.
}

type recordFile struct {
	file *os.File
	n    int // Records.
}

// read stores the bytes of image i in b.
func (s *recordStore) read(i int, b []byte) error {
	i += s.from
	for _, f := range s.files {
		if i < f.n {
			record := s.skip + s.size
			if _, err := f.file.ReadAt(b, int64(i)*int64(record)+int64(s.skip)); err != nil {
				return fmt.Errorf("%s: it has changed while it was read: %w", f.file.Name(), err)
			}
			return nil
		}
		i -= f.n
	}
	panic("dataset: an image beyond the last file")
}

func (s *recordStore) pixels(i int, dst []float32) error {
	b := make([]byte, s.size)
	if err := s.read(i, b); err != nil {
		return err
	}
	for j, p := range b {
		dst[j] = float32(p)
	}
	return nil
}

func (s *recordStore) slice(from, to int) store {
	part := *s
	part.from, part.to = s.from+from, s.from+to
	return &part
}

func (s *recordStore) clone() store { return s } // It has no memory.

func (s *recordStore) what() string { return "images" }

// writeTo writes what cannot be read as its error, which no image is.
func (s *recordStore) writeTo(h hash.Hash) {
	b := make([]byte, s.size)
	for i := range s.to - s.from {
		if err := s.read(i, b); err != nil {
			io.WriteString(h, err.Error())
			return
		}
		h.Write(b)
	}
}

// floatStore is images of float32, one after the other, each CHW, or frames, of size
// values.
type floatStore struct {
	data []float32
	size int
}

func (s *floatStore) pixels(i int, dst []float32) error {
	copy(dst, s.data[i*s.size:(i+1)*s.size])
	return nil
}

func (s *floatStore) slice(from, to int) store {
	return &floatStore{s.data[from*s.size : to*s.size], s.size}
}

func (s *floatStore) clone() store { return &floatStore{slices.Clone(s.data), s.size} }

func (s *floatStore) what() string { return "float images" }

func (s *floatStore) writeTo(h hash.Hash) {
	b := make([]byte, 0, 4*s.size)
	for image := range slices.Chunk(s.data, s.size) {
		b = b[:0]
		for _, x := range image {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		h.Write(b)
	}
}

// appendLabels appends labels that files hold as bytes.
func appendLabels(dst []uint16, labels []byte) []uint16 {
	dst = slices.Grow(dst, len(labels))
	for _, l := range labels {
		dst = append(dst, uint16(l))
	}
	return dst
}
