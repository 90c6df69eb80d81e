package dataset

import (
	"bytes"
	"encoding/binary"
	"hash"
	"math"
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
