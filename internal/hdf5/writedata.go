package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Storage is how a dataset's elements go into the file. The zero value is plain:
// one after the other.
type Storage struct {
	// Deflate compresses with that level, 1 to 9. Defaults to 0, none.
	Deflate int

	// Shuffle sorts bytes by their place in the element first, which makes most
	// arrays of floats shorter.
	Shuffle bool

	// Fletcher32 adds a checksum to every chunk.
	Fletcher32 bool

	// Chunk is the shape of the blocks that an array is cut into. Defaults, if any
	// of the above is set, to blocks of about a megabyte, cut along the first
	// dimensions only.
	Chunk []int
}

func (s Storage) plain() bool {
	return s.Deflate == 0 && !s.Shuffle && !s.Fletcher32 && s.Chunk == nil
}

// chunkBytes is how long chunks become by default: the library's cache, which
// holds whole ones, has a megabyte.
const chunkBytes = 1 << 20

// withDefaults fills in Chunk and checks all for an array of that shape with
// elements of that size.
func (s Storage) withDefaults(shape []int, size int) (Storage, error) {
	if s.Deflate < 0 || s.Deflate > 9 {
		return s, fmt.Errorf("deflate of level %d, not 0 to 9", s.Deflate)
	}
	if len(shape) == 0 {
		return s, errors.New("a scalar is stored plainly only")
	}
	if s.Chunk == nil {
		s.Chunk = make([]int, len(shape))
		inner := size
		for d := len(shape) - 1; d >= 0; d-- {
			// Dimensions are whole as long as they fit.
			s.Chunk[d] = max(1, min(shape[d], chunkBytes/inner))
			inner *= s.Chunk[d]
		}
	}
	if len(s.Chunk) != len(shape) {
		return s, fmt.Errorf("chunks %v of an array of shape %v", s.Chunk, shape)
	}
	bytes := size
	for d, n := range s.Chunk {
		if n < 1 || n > max(1, shape[d]) || n > math.MaxInt32/bytes {
			return s, fmt.Errorf("chunks %v of an array of shape %v", s.Chunk, shape)
		}
		bytes *= n
	}
	return s, nil
}

// values are the elements that a caller hands in.
type values struct {
	n, size int // Elements; bytes of each in the file.
	typ     []byte
	encode  func(dst []byte, from, to int) []byte // Appends elements; nil for strings.
	text    []string
}

// Types as datatype messages; see Type for what they mean.
var (
	typeBool = slices.Concat([]byte{0x18, 2, 0, 0, 1, 0, 0, 0}, intType(1, true),
		[]byte("FALSE\x00\x00\x00TRUE\x00\x00\x00\x00"), []byte{0, 1})
	typeFloat32 = []byte{0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}
	typeFloat64 = []byte{0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 255, 3, 0, 0}
	typeText    = []byte{0x19, 1, 1, 0, 16, 0, 0, 0, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0} // UTF-8, variable.
)

// intType is the type of integers of that many bytes.
func intType(size byte, signed bool) []byte {
	var flags byte
	if signed {
		flags = 8
	}
	return []byte{0x10, flags, 0, 0, size, 0, 0, 0, 0, 0, 8 * size, 0}
}

// valuesOf checks what a caller hands in.
func valuesOf(shape []int, data any) (v values, err error) {
	switch x := data.(type) {
	case float32:
		v = numbersOf(typeFloat32, 4, []float32{x})
	case []float32:
		v = numbersOf(typeFloat32, 4, x)
	case float64:
		v = numbersOf(typeFloat64, 8, []float64{x})
	case []float64:
		v = numbersOf(typeFloat64, 8, x)
	case int:
		v = numbersOf(intType(8, true), 8, []int64{int64(x)})
	case []int:
		wide := make([]int64, len(x))
		for i := range x {
			wide[i] = int64(x[i])
		}
		v = numbersOf(intType(8, true), 8, wide)
	case int64:
		v = numbersOf(intType(8, true), 8, []int64{x})
	case []int64:
		v = numbersOf(intType(8, true), 8, x)
	case []int32:
		v = numbersOf(intType(4, true), 4, x)
	case []int16:
		v = numbersOf(intType(2, true), 2, x)
	case []int8:
		v = numbersOf(intType(1, true), 1, x)
	case []uint64:
		v = numbersOf(intType(8, false), 8, x)
	case []uint32:
		v = numbersOf(intType(4, false), 4, x)
	case []uint16:
		v = numbersOf(intType(2, false), 2, x)
	case []uint8:
		v = numbersOf(intType(1, false), 1, x)
	case bool:
		v = numbersOf(typeBool, 1, []bool{x})
	case []bool:
		v = numbersOf(typeBool, 1, x)
	case string:
		v = values{n: 1, size: 16, typ: typeText, text: []string{x}}
	case []string:
		v = values{n: len(x), size: 16, typ: typeText, text: append([]string{}, x...)}
	default:
		return v, fmt.Errorf("a %T cannot be written", data)
	}
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return v, fmt.Errorf("shape %v", shape)
		}
		n *= d
	}
	if n != v.n || len(shape) > 32 {
		return v, fmt.Errorf("%d elements for shape %v", v.n, shape)
	}
	for _, s := range v.text {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") || len(s) > math.MaxInt32 {
			return v, fmt.Errorf("%.40q is not UTF-8 without NUL", s)
		}
	}
	return v, nil
}

func numbersOf[T any](typ []byte, size int, x []T) values {
	return values{n: len(x), size: size, typ: typ, encode: func(dst []byte, from, to int) []byte {
		dst, err := binary.Append(dst, le, x[from:to])
		if err != nil { // Only for types without a fixed size, which there are none of above.
			panic(err)
		}
		return dst
	}}
}

// Dataset makes a dataset in the group and writes its elements, which data has
// row-major: a slice of float32, float64, bool, string, int or any integer of
// fixed width; or one float32, float64, bool, string, int or int64. A nil shape
// stands for a scalar. Ints become 64 bits wide.
func (g *GroupWriter) Dataset(name string, shape []int, data any, s Storage) *ObjectWriter {
	o := g.object(name)
	g.children = append(g.children, member{name: name, dataset: &o})
	if g.w.err == nil {
		g.w.fail(o.path, o.dataset(shape, data, s))
	}
	return &o
}

func (o *ObjectWriter) dataset(shape []int, data any, s Storage) error {
	w := o.w
	v, err := valuesOf(shape, data)
	if err != nil {
		return err
	}
	o.message(msgDataspace, encodeDataspace(shape))
	o.message(msgDatatype, v.typ)
	plain := s.plain() || v.n == 0 && s.Chunk == nil // Nothing needs no filters.
	if !plain {
		if v.text != nil {
			return errors.New("strings are stored plainly only")
		}
		if s, err = s.withDefaults(shape, v.size); err != nil {
			return err
		}
		return o.chunked(shape, v, s)
	}
	// Version 2: space when written, value when none is, and no value.
	o.message(msgFill, []byte{2, 2, 2, 0})
	size := uint64(v.n) * uint64(v.size)
	at := uint64(undefined)
	if size > 0 {
		at = w.align()
		if v.text != nil {
			w.text = append(w.text, &textArray{values: v.text, at: at})
			w.write(make([]byte, size))
		} else {
			w.elements(v)
		}
	}
	b := le.AppendUint64([]byte{3, byte(contiguous)}, at)
	o.message(msgLayout, le.AppendUint64(b, size))
	return w.err
}

// elements writes all elements, in blocks.
func (w *Writer) elements(v values) {
	const block = 1 << 13
	var b []byte
	for from := 0; from < v.n; from += block {
		b = v.encode(b[:0], from, min(from+block, v.n))
		w.write(b)
	}
}

// stored is a chunk that was written: its key in the B-tree and its address.
type stored struct {
	size   uint32
	offset []int
	addr   uint64
}

// chunked writes the elements in chunks and their B-tree.
func (o *ObjectWriter) chunked(shape []int, v values, s Storage) error {
	all, err := o.w.writeChunks(shape, v, s)
	if err != nil {
		return err
	}
	o.chunkMessages(all, s, v.size, nil)
	return o.w.err
}

// chunkMessages writes the B-tree of chunks, which are in order, and adds the
// messages of the dataset that they are of. fill is the element that stands for
// those of no chunk, nil for zero.
func (o *ObjectWriter) chunkMessages(all []stored, s Storage, size int, fill []byte) {
	tree := uint64(undefined)
	if len(all) > 0 {
		tree = o.w.writeTree(all, s.Chunk)
	}
	// Version 2: space chunk by chunk, value when none is, and no value or one.
	b := []byte{2, 3, 2, 0}
	if fill != nil {
		b[3] = 1
		b = append(le.AppendUint32(b, uint32(len(fill))), fill...)
	}
	o.message(msgFill, b)
	b = le.AppendUint64([]byte{3, byte(chunked), byte(len(s.Chunk) + 1)}, tree)
	for _, n := range s.Chunk {
		b = le.AppendUint32(b, uint32(n))
	}
	o.message(msgLayout, le.AppendUint32(b, uint32(size)))
	if f := encodeFilters(s, size); f != nil {
		o.message(msgFilters, f)
	}
}

// encodeFilters makes a filter pipeline message of version 1, nil if there are none.
func encodeFilters(s Storage, size int) []byte {
	b := []byte{1, 0, 0, 0, 0, 0, 0, 0}
	add := func(id uint16, optional uint16, client ...uint32) {
		b[1]++
		b = le.AppendUint16(b, id)
		b = le.AppendUint16(b, 0) // No name.
		b = le.AppendUint16(b, optional)
		b = le.AppendUint16(b, uint16(len(client)))
		for _, c := range client {
			b = le.AppendUint32(b, c)
			b = le.AppendUint32(b, 0) // An odd number is padded.
		}
	}
	if s.Shuffle {
		add(filterShuffle, 1, uint32(size))
	}
	if s.Deflate > 0 {
		add(filterDeflate, 1, uint32(s.Deflate))
	}
	if s.Fletcher32 {
		add(filterFletcher32, 0)
	}
	if b[1] == 0 {
		return nil
	}
	return b
}

// writeChunks writes chunk after chunk, row-major, those at the end of a
// dimension padded with zeros. As many as there are processors are filtered at a time;
// the bytes are the same for any number.
func (w *Writer) writeChunks(shape []int, v values, s Storage) ([]stored, error) {
	if v.n == 0 {
		return nil, nil
	}
	var (
		all    []stored
		jobs   = make([]packing, runtime.GOMAXPROCS(0))
		offset = make([]int, len(shape))
	)
	for more := true; more && w.err == nil; {
		n := 0
		for ; more && n < len(jobs); n++ {
			jobs[n].offset = append(jobs[n].offset[:0], offset...)
			more = next(offset, s.Chunk, shape)
		}
		var wg sync.WaitGroup
		for i := range jobs[:n] {
			wg.Go(func() { jobs[i].run(shape, v, s) })
		}
		wg.Wait()
		for i := range jobs[:n] {
			if jobs[i].err != nil {
				return nil, jobs[i].err
			}
			all = append(all, w.chunk(jobs[i].packed, jobs[i].offset))
		}
	}
	return all, w.err
}

// packing is the work on one chunk after the other.
type packing struct {
	offset []int // Of the chunk.
	packed []byte
	err    error

	raw []byte
	p   *packer
}

func (j *packing) run(shape []int, v values, s Storage) {
	if j.p == nil {
		if j.p, j.err = newPacker(s, v.size); j.err != nil {
			return
		}
		size := v.size
		for _, n := range s.Chunk {
			size *= n
		}
		j.raw = make([]byte, 0, size)
	}
	j.raw = gather(j.raw[:0], shape, s.Chunk, j.offset, v)
	j.packed, j.err = j.p.pack(j.raw)
}

// chunk writes a chunk as it is.
func (w *Writer) chunk(b []byte, offset []int) stored {
	at := w.align()
	w.write(b)
	return stored{uint32(len(b)), slices.Clone(offset), at}
}

// packer applies the filters of a dataset to chunks.
type packer struct {
	s      Storage
	size   int // Bytes of an element.
	sorted []byte
	packed bytes.Buffer
	z      *zlib.Writer // Nil without deflate.
	summed []byte
}

func newPacker(s Storage, size int) (*packer, error) {
	p := &packer{s: s, size: size}
	if s.Deflate == 0 {
		return p, nil
	}
	var err error
	p.z, err = zlib.NewWriterLevel(&p.packed, s.Deflate)
	return p, err
}

// pack returns a chunk as the file has it, which is valid until the next call.
func (p *packer) pack(b []byte) ([]byte, error) {
	if p.s.Shuffle {
		p.sorted = shuffle(slices.Grow(p.sorted[:0], len(b)), b, p.size)
		b = p.sorted
	}
	if p.z != nil {
		p.packed.Reset()
		p.z.Reset(&p.packed)
		if _, err := p.z.Write(b); err != nil {
			return nil, err
		}
		if err := p.z.Close(); err != nil {
			return nil, err
		}
		b = p.packed.Bytes()
	}
	if p.s.Fletcher32 {
		p.summed = le.AppendUint32(append(p.summed[:0], b...), fletcher32(b))
		b = p.summed
	}
	return b, nil
}

// next moves an offset to the next block, row-major, and reports whether there
// is one.
func next(offset, block, shape []int) bool {
	for d := len(shape) - 1; d >= 0; d-- {
		if offset[d] += block[d]; offset[d] < shape[d] {
			return true
		}
		offset[d] = 0
	}
	return false
}

// gather appends the chunk at an offset to dst.
func gather(dst []byte, shape, chunk, offset []int, v values) []byte {
	last := len(shape) - 1
	row := min(chunk[last], shape[last]-offset[last])
	rows := slices.Clone(chunk)
	rows[last] = 1
	one := make([]int, len(shape)) // A block of one row.
	for d := range one {
		one[d] = 1
	}
	for in := make([]int, len(shape)); ; {
		at, inside := 0, true
		for d := range shape {
			i := offset[d] + in[d]
			inside = inside && i < shape[d]
			at = at*shape[d] + i
		}
		end := len(dst) + chunk[last]*v.size
		if inside {
			dst = v.encode(dst, at, at+row)
		}
		dst = append(dst, make([]byte, end-len(dst))...)
		if !next(in, one, rows) {
			return dst
		}
	}
}

// writeTree writes the B-tree of an array's chunks, leaves first, and returns
// the address of its root. Nodes have room for 64 children, as superblock 0
// says by not saying anything.
func (w *Writer) writeTree(all []stored, chunk []int) uint64 {
	const room = 64
	keySize := 8 + 8*(len(chunk)+1)
	nodeSize := uint64(24 + (room+1)*keySize + room*8)
	key := func(b []byte, size uint32, offset []int) []byte {
		b = le.AppendUint32(b, size)
		b = le.AppendUint32(b, 0) // No filter was left out.
		for _, x := range offset {
			b = le.AppendUint64(b, uint64(x))
		}
		return le.AppendUint64(b, 0) // Of the bytes of an element.
	}
	end := slices.Clone(all[len(all)-1].offset) // The key after the last chunk.
	for d := range end {
		end[d] += chunk[d]
	}
	for level := byte(0); ; level++ {
		first := w.align() // Nodes of a level stand one after the other.
		nodes := (len(all) + room - 1) / room
		var parents []stored
		for i := range nodes {
			at := first + uint64(i)*nodeSize
			here := all[i*room : min((i+1)*room, len(all))]
			left, right := uint64(undefined), uint64(undefined)
			if i > 0 {
				left = at - nodeSize
			}
			after := end
			if i < nodes-1 {
				right = at + nodeSize
				after = all[(i+1)*room].offset
			}
			b := append([]byte("TREE"), 1, level)
			b = le.AppendUint16(b, uint16(len(here)))
			b = le.AppendUint64(b, left)
			b = le.AppendUint64(b, right)
			for _, c := range here {
				b = key(b, c.size, c.offset)
				b = le.AppendUint64(b, c.addr)
			}
			b = key(b, 0, after)
			w.write(append(b, make([]byte, nodeSize-uint64(len(b)))...))
			parents = append(parents, stored{here[0].size, here[0].offset, at})
		}
		if nodes == 1 {
			return first
		}
		all = parents
	}
}

// shuffle appends b to dst with the bytes of elements sorted by their place in
// the element.
func shuffle(dst, b []byte, size int) []byte {
	for j := range size {
		for i := j; i < len(b); i += size {
			dst = append(dst, b[i])
		}
	}
	return dst
}
