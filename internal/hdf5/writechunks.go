package hdf5

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ChunkWriter is a dataset that is written chunk by chunk, so that it need not be in
// memory, nor its shape be known before it ends.
type ChunkWriter struct {
	o       *ObjectWriter
	storage Storage
	elem    values // One element, that of no chunk.
	fill    []byte // The same as bytes.
	chunk   int    // Elements of a chunk.
	all     []stored
	packers sync.Pool
	closed  bool
}

// Chunks makes a dataset in the group that is written by [ChunkWriter.Pack] and
// [ChunkWriter.Put] and ends with [ChunkWriter.Close]. fill is a number or a bool, as
// for [GroupWriter.Dataset]: the type of the elements, and the element wherever no
// chunk is written. s.Chunk must be given.
func (g *GroupWriter) Chunks(name string, fill any, s Storage) *ChunkWriter {
	o := g.object(name)
	g.children = append(g.children, member{name: name, dataset: &o})
	c := &ChunkWriter{o: &o, storage: s}
	g.w.chunks = append(g.w.chunks, c)
	g.w.fail(o.path, c.begin(fill))
	return c
}

func (c *ChunkWriter) begin(fill any) (err error) {
	switch x := fill.(type) { // Which have a width.
	case int32:
		fill = []int32{x}
	case uint8:
		fill = []uint8{x}
	}
	if c.elem, err = valuesOf([]int{1}, fill); err != nil {
		return err
	}
	if c.elem.text != nil {
		return errors.New("strings are stored plainly only")
	}
	if c.storage.Chunk == nil {
		return errors.New("chunks of no shape")
	}
	c.storage.Chunk = slices.Clone(c.storage.Chunk)
	if c.storage, err = c.storage.withDefaults(c.storage.Chunk, c.elem.size); err != nil {
		return err
	}
	c.fill = c.elem.encode(nil, 0, 1)
	c.chunk = 1
	for _, n := range c.storage.Chunk {
		c.chunk *= n
	}
	return nil
}

// Pack makes the elements of a chunk, row-major, into the bytes that [ChunkWriter.Put]
// takes. Where there are fewer of them than a chunk has, the fill element stands for
// the rest. Unlike all else that writes, it may be called by several goroutines at a time.
func (c *ChunkWriter) Pack(data any) ([]byte, error) {
	v, err := packed(data)
	switch {
	case err != nil:
		return nil, err
	case c.fill == nil:
		return nil, c.o.w.err // Which the beginning gave.
	case !slices.Equal(v.typ, c.elem.typ):
		return nil, fmt.Errorf("hdf5: %q: %T is not of the type of the other elements", c.o.path, data)
	case v.n > c.chunk:
		return nil, fmt.Errorf("hdf5: %q: %d elements for a chunk of %d", c.o.path, v.n, c.chunk)
	}
	raw := v.encode(make([]byte, 0, c.chunk*v.size), 0, v.n)
	for range c.chunk - v.n {
		raw = append(raw, c.fill...)
	}
	p, _ := c.packers.Get().(*packer)
	if p == nil {
		if p, err = newPacker(c.storage, v.size); err != nil {
			return nil, err
		}
	}
	defer c.packers.Put(p)
	b, err := p.pack(raw)
	return slices.Clone(b), err
}

// packed checks what a caller hands in to be packed.
func packed(data any) (values, error) {
	n := 0
	switch x := data.(type) {
	case []bool:
		n = len(x)
	case []float32:
		n = len(x)
	case []float64:
		n = len(x)
	case []int32:
		n = len(x)
	case []int64:
		n = len(x)
	case []uint8:
		n = len(x)
	default:
		return values{}, fmt.Errorf("hdf5: a chunk of %T cannot be written", data)
	}
	return valuesOf([]int{n}, data)
}

// Put writes a chunk that Pack has made, at the offset of its first element.
func (c *ChunkWriter) Put(offset []int, b []byte) {
	w := c.o.w
	if w.err != nil {
		return
	}
	ok := !c.closed && len(offset) == len(c.storage.Chunk)
	for d := range offset {
		ok = ok && offset[d] >= 0 && offset[d]%c.storage.Chunk[d] == 0
	}
	if !ok {
		w.fail(c.o.path, fmt.Errorf("no chunk of %v lies at %v", c.storage.Chunk, offset))
		return
	}
	c.all = append(c.all, w.chunk(b, offset))
}

// Close ends the dataset, which has that shape.
func (c *ChunkWriter) Close(shape ...int) {
	if c.o.w.err == nil {
		c.o.w.fail(c.o.path, c.close(shape))
	}
}

func (c *ChunkWriter) close(shape []int) error {
	chunk := c.storage.Chunk
	if c.closed || len(shape) != len(chunk) || slices.ContainsFunc(shape, func(n int) bool { return n < 0 }) {
		return fmt.Errorf("shape %v of chunks %v", shape, chunk)
	}
	c.closed = true
	slices.SortFunc(c.all, func(a, b stored) int { return slices.Compare(a.offset, b.offset) })
	for i := range c.all {
		at := c.all[i].offset
		if i > 0 && slices.Equal(at, c.all[i-1].offset) {
			return fmt.Errorf("two chunks at %v", at)
		}
		for d := range at {
			if at[d] >= shape[d] {
				return fmt.Errorf("a chunk at %v, outside the shape %v", at, shape)
			}
		}
	}
	c.o.message(msgDataspace, encodeGrowing(shape, chunk))
	c.o.message(msgDatatype, c.elem.typ)
	c.o.chunkMessages(c.all, c.storage, c.elem.size, c.fill)
	return nil
}
