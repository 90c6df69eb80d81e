package hdf5

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Writer writes a file. The first error of any call is kept, ends the writing
// and comes from [Writer.Close], so that the calls between need no checks.
type Writer struct {
	out  io.WriteSeeker
	buf  *bufio.Writer
	end  uint64 // Address of the next byte.
	err  error
	done bool
	root *GroupWriter

	text   []*textArray   // Strings, which go to the file in the end.
	chunks []*ChunkWriter // All of them.

	file *os.File // Of Create, else nil.
	name string   // What it is renamed to.
}

// GroupWriter is a group of a file being written.
type GroupWriter struct {
	ObjectWriter
	names    map[string]bool
	children []member
}

// member is a link of a group being written.
type member struct {
	name    string
	group   *GroupWriter // One of the two.
	dataset *ObjectWriter
}

// ObjectWriter is a group or a dataset of a file being written.
type ObjectWriter struct {
	w     *Writer
	path  string
	msgs  []message
	attrs []attributeWriter
}

// attributeWriter is an attribute being written.
type attributeWriter struct {
	name  string
	shape []int
	typ   []byte
	data  []byte     // The elements,
	text  *textArray // or the strings that these will point to.
}

// textArray is an array of strings and where its elements are to be written.
type textArray struct {
	values []string
	at     uint64
	refs   []byte // Filled in when the strings have got addresses.
}

// Create begins the file of that name. Until [Writer.Close] it has another name
// in the same folder, so that an old file of the name stays until a new one is
// whole.
func Create(name string) (*Writer, error) {
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, fmt.Errorf("hdf5: %w", err)
	}
	w := NewWriter(file)
	w.file, w.name = file, name
	return w, nil
}

// superblockSize is the bytes of superblock 0 with 8-byte addresses.
const superblockSize = 96

// NewWriter begins a file in out, which must be empty and at its beginning.
func NewWriter(out io.WriteSeeker) *Writer {
	w := &Writer{out: out, buf: bufio.NewWriterSize(out, 1<<16)}
	w.root = &GroupWriter{ObjectWriter: ObjectWriter{w: w, path: "/"}, names: map[string]bool{}}
	w.write(make([]byte, superblockSize)) // Filled in at the end.
	return w
}

// Root returns the group that holds all others.
func (w *Writer) Root() *GroupWriter { return w.root }

// Err returns the first error so far.
func (w *Writer) Err() error { return w.err }

// Close writes what is left and returns the first error of all. What [Create]
// began has its name now, or is gone after an error.
func (w *Writer) Close() error {
	if w.done {
		return w.err
	}
	w.done = true
	if w.err == nil {
		w.fail("", w.finish())
	}
	if w.file == nil {
		return w.err
	}
	if w.err == nil {
		w.fail("", w.file.Chmod(0o644)) // CreateTemp made it private.
	}
	if w.err == nil {
		w.fail("", w.file.Sync()) // Before the name points to it.
	}
	if err := w.file.Close(); err != nil {
		w.fail("", err)
	}
	if w.err == nil {
		w.fail("", os.Rename(w.file.Name(), w.name))
	}
	if w.err != nil {
		_ = os.Remove(w.file.Name())
	}
	return w.err
}

// Abort gives the file up and removes what [Create] began. After Close it does
// nothing, so that it can be deferred.
func (w *Writer) Abort() {
	if !w.done {
		w.fail("", errors.New("writing was given up"))
		_ = w.Close()
	}
}

// fail keeps the first error.
func (w *Writer) fail(path string, err error) {
	switch {
	case err == nil || w.err != nil:
	case path == "":
		w.err = fmt.Errorf("hdf5: %w", err)
	default:
		w.err = fmt.Errorf("hdf5: %q: %w", path, err)
	}
}

func (w *Writer) write(b []byte) {
	if w.err == nil {
		_, err := w.buf.Write(b)
		w.fail("", err)
	}
	w.end += uint64(len(b))
}

// align fills up to a multiple of 8 and returns the address there.
func (w *Writer) align() uint64 {
	w.write(make([]byte, -w.end&7))
	return w.end
}

// finish writes strings, headers from the leaves up, and the superblock.
func (w *Writer) finish() error {
	for _, c := range w.chunks {
		if !c.closed {
			return fmt.Errorf("%q has no end", c.o.path)
		}
	}
	w.writeText()
	root := w.writeGroup(w.root)
	end := w.align()
	if w.err != nil {
		return w.err
	}
	if err := w.buf.Flush(); err != nil {
		return err
	}
	for _, t := range w.text {
		if t.at == 0 { // An attribute's, which are in a header.
			continue
		}
		if err := w.patch(t.at, t.refs); err != nil {
			return err
		}
	}
	b := []byte(signature)
	b = append(b, 0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0) // Versions, widths, ranks of B-trees, flags.
	b = le.AppendUint64(b, 0)
	b = le.AppendUint64(b, undefined) // Free space.
	b = le.AppendUint64(b, end)
	b = le.AppendUint64(b, undefined) // Driver.
	b = le.AppendUint64(b, 0)         // Name of the root group.
	b = le.AppendUint64(b, root)
	b = append(b, make([]byte, superblockSize-len(b))...) // No cache.
	return w.patch(0, b)
}

// patch writes at an address that was written before.
func (w *Writer) patch(at uint64, b []byte) error {
	if _, err := w.out.Seek(int64(at), io.SeekStart); err != nil {
		return err
	}
	_, err := w.out.Write(b)
	return err
}

// Group makes a group in the group.
func (g *GroupWriter) Group(name string) *GroupWriter {
	n := &GroupWriter{ObjectWriter: g.object(name), names: map[string]bool{}}
	g.children = append(g.children, member{name: name, group: n})
	return n
}

// maxChildren is what a header of version 1, which counts its messages in 16
// bits, has room for beside a group's other messages and attributes.
const maxChildren = 65000

// object returns a new child, after a check of its name.
func (g *GroupWriter) object(name string) ObjectWriter {
	path := strings.TrimSuffix(g.path, "/") + "/" + name
	switch {
	case g.w.done:
		g.w.fail(path, errors.New("written after Close"))
	case name == "." || strings.Contains(name, "/"):
		g.w.fail(g.path, fmt.Errorf("%q cannot be a name", name))
	case g.names[name]:
		g.w.fail(path, errors.New("the name is taken"))
	case len(g.names) == maxChildren:
		g.w.fail(g.path, fmt.Errorf("more than %d children", maxChildren))
	default:
		g.w.fail(g.path, checkName(name))
	}
	g.names[name] = true
	return ObjectWriter{w: g.w, path: path}
}

func checkName(name string) error {
	if name == "" || len(name) > 1<<15 || !utf8.ValidString(name) || strings.Contains(name, "\x00") {
		return fmt.Errorf("%q cannot be a name", name)
	}
	return nil
}

// Attribute gives the object an attribute. shape and data are as for
// [GroupWriter.Dataset].
func (o *ObjectWriter) Attribute(name string, shape []int, data any) {
	o.w.fail(o.path, o.attribute(name, shape, data))
}

func (o *ObjectWriter) attribute(name string, shape []int, data any) error {
	if o.w.done {
		return errors.New("written after Close")
	}
	if err := checkName(name); err != nil {
		return err
	}
	for _, a := range o.attrs {
		if a.name == name {
			return fmt.Errorf("attribute %q: the name is taken", name)
		}
	}
	v, err := valuesOf(shape, data)
	if err != nil {
		return fmt.Errorf("attribute %q: %w", name, err)
	}
	a := attributeWriter{name: name, shape: slices.Clone(shape), typ: v.typ}
	if v.text != nil {
		a.text = &textArray{values: v.text}
		o.w.text = append(o.w.text, a.text)
	} else {
		a.data = v.encode(nil, 0, v.n)
	}
	size := v.n * v.size
	if size > 1<<15 {
		return fmt.Errorf("attribute %q: %d bytes are more than a header takes, make it a dataset", name, size)
	}
	o.attrs = append(o.attrs, a)
	return nil
}

// message adds one to the object's header.
func (o *ObjectWriter) message(kind uint16, data []byte) {
	o.msgs = append(o.msgs, message{kind, data})
}

// writeGroup writes what is in a group, then its header, and returns the
// address of that.
func (w *Writer) writeGroup(g *GroupWriter) uint64 {
	b := []byte{0, 0}
	b = le.AppendUint64(b, undefined) // No fractal heap,
	b = le.AppendUint64(b, undefined) // no B-tree.
	g.message(msgLinkInfo, b)
	g.message(msgGroupInfo, []byte{0, 0})
	for _, c := range g.children {
		var at uint64
		if c.group != nil {
			at = w.writeGroup(c.group)
		} else {
			at = w.writeHeader(c.dataset)
		}
		const hasCharset, longName, utf8Charset = 0x10, 1, 1
		b := []byte{1, hasCharset | longName, utf8Charset}
		b = le.AppendUint16(b, uint16(len(c.name)))
		b = append(b, c.name...)
		g.message(msgLink, le.AppendUint64(b, at))
	}
	return w.writeHeader(&g.ObjectWriter)
}

// writeHeader writes an object header of version 1 and returns its address.
func (w *Writer) writeHeader(o *ObjectWriter) uint64 {
	for _, a := range o.attrs {
		if a.text != nil {
			a.data = a.text.refs
		}
		space := encodeDataspace(a.shape)
		b := []byte{3, 0}
		b = le.AppendUint16(b, uint16(len(a.name)+1))
		b = le.AppendUint16(b, uint16(len(a.typ)))
		b = le.AppendUint16(b, uint16(len(space)))
		b = append(b, 1) // UTF-8.
		b = append(b, a.name...)
		b = append(b, 0)
		b = append(b, a.typ...)
		b = append(b, space...)
		o.message(msgAttribute, append(b, a.data...))
	}
	if len(o.msgs) > math.MaxUint16 {
		w.fail(o.path, fmt.Errorf("%d children and attributes are too many", len(o.msgs)))
	}
	var body []byte
	for _, m := range o.msgs {
		pad := -len(m.data) & 7
		if len(m.data)+pad > math.MaxUint16 {
			w.fail(o.path, fmt.Errorf("%d bytes are more than a header takes", len(m.data)))
		}
		body = le.AppendUint16(body, m.kind)
		body = le.AppendUint16(body, uint16(len(m.data)+pad))
		body = append(body, 0, 0, 0, 0) // Flags, reserved.
		body = append(body, m.data...)
		body = append(body, make([]byte, pad)...)
	}
	at := w.align()
	b := []byte{1, 0}
	b = le.AppendUint16(b, uint16(len(o.msgs)))
	b = le.AppendUint32(b, 1) // Links to it.
	b = le.AppendUint32(b, uint32(len(body)))
	w.write(append(b, 0, 0, 0, 0))
	w.write(body)
	return at
}

// encodeDataspace makes a dataspace message of version 1.
func encodeDataspace(shape []int) []byte {
	b := []byte{1, byte(len(shape)), 0, 0, 0, 0, 0, 0}
	for _, d := range shape {
		b = le.AppendUint64(b, uint64(d))
	}
	return b
}

// encodeGrowing is encodeDataspace for an array in chunks, which may grow in the
// dimensions where a chunk is longer than the array: in no others may it be.
func encodeGrowing(shape, chunk []int) []byte {
	b := encodeDataspace(shape)
	const hasMost = 1
	b[2] |= hasMost
	for i, d := range shape {
		if chunk[i] > d {
			b = le.AppendUint64(b, undefined)
		} else {
			b = le.AppendUint64(b, uint64(d))
		}
	}
	return b
}

// writeText writes all strings into global heaps of moderate size and fills in
// the elements that point there.
func (w *Writer) writeText() {
	const (
		head  = 16      // Of a heap, and of each object in it.
		least = 4096    // A smaller heap is against the format.
		most  = 1 << 16 // A reader takes all of a heap at once.
	)
	var (
		objects []byte
		id      uint16
		at      = w.align()
	)
	flush := func() {
		if id == 0 {
			return
		}
		used := head + len(objects)
		size := max(used+head, least)
		b := le.AppendUint64([]byte("GCOL\x01\x00\x00\x00"), uint64(size))
		w.write(append(b, objects...))
		// The rest is object 0, free space, whose size has its own head in it.
		b = le.AppendUint64(make([]byte, 8), uint64(size-used))
		w.write(append(b, make([]byte, size-used-head)...))
		objects, id, at = nil, 0, w.align()
	}
	for _, t := range w.text {
		for _, s := range t.values {
			if len(objects)+len(s) > most {
				flush()
			}
			id++
			objects = le.AppendUint16(objects, id)
			objects = append(objects, 1, 0, 0, 0, 0, 0) // One element points here.
			objects = le.AppendUint64(objects, uint64(len(s)))
			objects = append(objects, s...)
			objects = append(objects, make([]byte, -len(s)&7)...)
			t.refs = le.AppendUint32(t.refs, uint32(len(s)))
			t.refs = le.AppendUint64(t.refs, at)
			t.refs = le.AppendUint32(t.refs, uint32(id))
		}
	}
	flush()
}
