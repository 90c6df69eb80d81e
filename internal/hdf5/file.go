package hdf5

import (
	"errors"
	"fmt"
	"io"
	"math"

	"sresnet/internal/regular"
)

var (
	// ErrUnsupported is the error of what may be a valid file but is outside the
	// subset that this package reads.
	ErrUnsupported = errors.New("not supported")

	// ErrNotHDF5 is the error of a file without the signature of HDF5.
	ErrNotHDF5 = errors.New("not an HDF5 file: the signature is missing")

	// ErrNotFound is the error of a child or an attribute that is not there.
	ErrNotFound = errors.New("not found")
)

// Options adjusts reading. The zero value is a good default.
type Options struct {
	// MaxBytes bounds the decoded size of all datasets of the file together, each
	// counted once for every name it has, however often it is read. Defaults to
	// [DefaultMaxBytes].
	MaxBytes int64

	noChecksums bool // For tests that damage files on purpose.
}

// DefaultMaxBytes returns what a file of that size may hold decoded unless
// [Options.MaxBytes] says otherwise: 24 MiB, and 32 times as much as the file up to a
// gigabyte, three times beyond. Deflate could make a thousand times as much, arrays of
// whole numbers of 8 bits and of one number repeated stay below thirty.
func DefaultMaxBytes(size int64) int64 {
	size = max(min(size, math.MaxInt64/64), 0)
	return 24<<20 + max(3*size, min(32*size, 1<<30))
}

func (o Options) withDefaults(size int64) (Options, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes(size)
	}
	if o.MaxBytes < 0 {
		return o, fmt.Errorf("MaxBytes %d is negative", o.MaxBytes)
	}
	return o, nil
}

// File is an HDF5 file open for reading. It and what comes from it are for one
// goroutine at a time.
type File struct {
	r      io.ReaderAt
	closer io.Closer // Nil if the file is not ours.

	base uint64 // Where addresses begin: the length of the user block.
	size uint64 // Bytes of the file from base on.
	widths
	root *Group

	noChecksums bool

	// Accounts; see account.go.
	spent   uint64           // Bytes of structures read.
	paid    map[charge]bool  // What was read before and costs nothing now.
	max     uint64           // Options.MaxBytes, and
	data    uint64           // what is taken of it,
	decoded map[place]uint64 // by which dataset.

	heaps  map[uint64]*globalHeap // By address.
	groups map[uint64]place       // Where the group with its header there was found.
}

// widths is how many bytes an address and a length take in a file.
type widths struct{ address, length int }

// undefined is the address of what is not there.
const undefined = math.MaxUint64

const signature = "\x89HDF\r\n\x1a\n"

// Open reads the superblock of the file of that size in r. The file lives as
// long as r does.
func Open(r io.ReaderAt, size int64, opts Options) (*File, error) {
	f, err := open(r, size, opts)
	if err != nil {
		return nil, fmt.Errorf("hdf5: %w", err)
	}
	return f, nil
}

// OpenFile opens the file of that name, until [File.Close].
func OpenFile(name string, opts Options) (*File, error) {
	r, size, err := regular.Open(name)
	if err != nil {
		return nil, fmt.Errorf("hdf5: %w", err)
	}
	f, err := open(r, size, opts)
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("hdf5: %s: %w", name, err)
	}
	f.closer = r
	return f, nil
}

// Close closes a file that [OpenFile] opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

func open(r io.ReaderAt, size int64, opts Options) (*File, error) {
	opts, err := opts.withDefaults(size)
	if err != nil {
		return nil, err
	}
	f := &File{
		r: r, size: uint64(max(size, 0)), max: uint64(opts.MaxBytes), noChecksums: opts.noChecksums,
		paid: map[charge]bool{}, decoded: map[place]uint64{}, heaps: map[uint64]*globalHeap{}, groups: map[uint64]place{},
	}
	if err := f.findSignature(); err != nil {
		return nil, err
	}
	root, err := f.superblock()
	if err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	o, err := f.object(root, nil, "")
	if err != nil {
		return nil, fmt.Errorf("root group: %w", err)
	}
	g, ok := o.(*Group)
	if !ok {
		return nil, errors.New("root group: it is not a group")
	}
	f.root = g
	return f, nil
}

// findSignature sets base: the signature is at 0, 512, 1024, 2048 and so on.
func (f *File) findSignature() error {
	total := f.size
	if total < uint64(len(signature)) { // It may be what is left of one.
		return fmt.Errorf("not an HDF5 file, or cut off: it has %d bytes", total)
	}
	for at := uint64(0); at+uint64(len(signature)) <= total; at = max(512, 2*at) {
		b := make([]byte, len(signature))
		if _, err := f.r.ReadAt(b, int64(at)); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if string(b) == signature {
			f.base, f.size = at, total-at
			return nil
		}
	}
	return ErrNotHDF5
}

// superblock returns the address of the root group's header.
func (f *File) superblock() (root uint64, err error) {
	// The longest, version 1 with 8-byte addresses, has 100 bytes; a file may be
	// shorter than that only if it has a shorter one.
	n := min(f.size, 100)
	f.widths = widths{8, 8}
	c, err := f.at(0, n)
	if err != nil {
		return 0, err
	}
	c.skip(len(signature))
	version := c.u8()
	switch version {
	case 0, 1:
		c.skip(4) // Versions of other structures, always 0.
		f.widths = widths{int(c.u8()), int(c.u8())}
		c.widths = f.widths
		c.skip(1 + 2 + 2 + 4) // Reserved, ranks of B-trees, flags.
		if version == 1 {
			c.skip(4)
		}
	case 2, 3:
		f.widths = widths{int(c.u8()), int(c.u8())}
		c.widths = f.widths
		c.skip(1) // Flags.
	default:
		return 0, fmt.Errorf("version %d: %w", version, ErrUnsupported)
	}
	if c.err != nil {
		return 0, c.err
	}
	for _, w := range []int{f.address, f.widths.length} {
		if w != 2 && w != 4 && w != 8 {
			return 0, fmt.Errorf("addresses of %d and lengths of %d bytes: %w", f.address, f.widths.length, ErrUnsupported)
		}
	}
	c.addr() // Base address. The library, too, trusts the place of the signature.
	c.addr() // Free space, or the extension of the superblock.
	end := c.addr()
	if version < 2 {
		c.addr() // Driver information.
		c.addr() // Name of the root group.
	}
	root = c.addr()
	if version >= 2 {
		sum := lookup3(c.whole[:c.pos()])
		if got := c.u32(); c.err == nil && got != sum && !f.noChecksums {
			return 0, errChecksum
		}
	}
	if c.err != nil {
		return 0, c.err
	}
	if end > f.base+f.size {
		return 0, fmt.Errorf("the file is cut off: it has %d bytes of %d", f.base+f.size, end)
	}
	return root, nil
}

// Root returns the group that holds all others.
func (f *File) Root() *Group { return f.root }

// Walk calls visit for every object, groups before what is in them, children
// in the order of their names. The root's path is "/", others' are "/a/b". An
// error of visit ends the walk and is returned as it is.
func (f *File) Walk(visit func(path string, o Object) error) error {
	return walk(f.root, visit)
}

func walk(o Object, visit func(path string, o Object) error) error {
	if err := visit(o.Path(), o); err != nil {
		return err
	}
	g, ok := o.(*Group)
	if !ok {
		return nil
	}
	names, err := g.Children()
	if err != nil {
		return err
	}
	for _, name := range names {
		child, err := g.Child(name)
		if err != nil {
			return err
		}
		if err := walk(child, visit); err != nil {
			return err
		}
	}
	return nil
}
