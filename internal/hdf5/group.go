package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Group is a set of objects with names.
type Group struct {
	node
	links map[string]link // Nil until asked for.
}

// link is an entry of a group: hard with an address, or of another kind.
type link struct {
	addr uint64
	kind linkKind
}

type linkKind byte

const (
	hardLink     linkKind = 0
	softLink     linkKind = 1
	externalLink linkKind = 64
)

func (k linkKind) String() string {
	switch k {
	case hardLink:
		return "hard"
	case softLink:
		return "soft"
	case externalLink:
		return "external"
	}
	return fmt.Sprintf("user-defined (%d)", byte(k))
}

// Children returns the names of the objects in the group, in order of bytes.
// Soft and external links are left out.
func (g *Group) Children() ([]string, error) {
	if err := g.load(); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(g.links))
	for _, name := range slices.Sorted(maps.Keys(g.links)) {
		if g.links[name].kind == hardLink {
			names = append(names, name)
		}
	}
	return names, nil
}

// Has reports whether the group has a child of that name. It is false, too, if
// the group cannot be read.
func (g *Group) Has(name string) bool {
	if g.load() != nil {
		return false
	}
	l, ok := g.links[name]
	return ok && l.kind == hardLink
}

// Child opens the object of that name, or returns [ErrNotFound].
func (g *Group) Child(name string) (Object, error) {
	if err := g.load(); err != nil {
		return nil, err
	}
	l, ok := g.links[name]
	if !ok {
		return nil, g.wrap(fmt.Errorf("child %q: %w", name, ErrNotFound))
	}
	if l.kind != hardLink {
		return nil, g.wrap(fmt.Errorf("child %q: %v link: %w", name, l.kind, ErrUnsupported))
	}
	o, err := g.f.object(l.addr, g, name)
	if err != nil {
		return nil, g.wrap(fmt.Errorf("child %q: %w", name, err))
	}
	return o, nil
}

// Group opens a child that must be a group.
func (g *Group) Group(name string) (*Group, error) { return child[*Group](g, name, "group") }

// Dataset opens a child that must be a dataset.
func (g *Group) Dataset(name string) (*Dataset, error) { return child[*Dataset](g, name, "dataset") }

func child[T Object](g *Group, name, kind string) (T, error) {
	var none T
	o, err := g.Child(name)
	if err != nil {
		return none, err
	}
	c, ok := o.(T)
	if !ok {
		return none, fmt.Errorf("hdf5: %q is no %s", o.Path(), kind)
	}
	return c, nil
}

// load reads the links of the group.
func (g *Group) load() error {
	if g.links != nil {
		return nil
	}
	l := links{}
	err := g.f.once(charge{g.place(), partLinks}, func() error { return g.f.links(g.h, l) })
	if err != nil {
		return g.wrap(fmt.Errorf("links: %w", err))
	}
	g.links = l
	return nil
}

type links map[string]link

func (l links) add(name string, to link) error {
	if name == "" || name == "." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%q cannot be a name", name)
	}
	if _, ok := l[name]; ok {
		return fmt.Errorf("%q is there twice", name)
	}
	l[name] = to
	return nil
}

// links adds all links of a group with header h: those in messages, those of a
// symbol table, those in a fractal heap.
func (f *File) links(h header, l links) error {
	for _, m := range h {
		var err error
		switch m.kind {
		case msgLink:
			err = f.linkMessage(m.data, l)
		case msgSymbolTable:
			c := f.cursor(m.data)
			tree, heap := c.addr(), c.addr()
			if err = c.err; err == nil {
				err = f.symbolTable(tree, heap, l)
			}
		case msgLinkInfo:
			err = f.denseLinks(m.data, l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *File) linkMessage(b []byte, l links) error {
	c := f.cursor(b)
	c.version("link message", 1)
	flags := c.u8()
	kind := hardLink
	if flags&8 != 0 {
		kind = linkKind(c.u8())
	}
	if flags&4 != 0 {
		c.skip(8) // Order of creation.
	}
	if flags&16 != 0 {
		c.skip(1) // Character set.
	}
	n := c.uint(1 << (flags & 3))
	if c.err == nil && n > uint64(len(c.b)) {
		return errShort
	}
	name := string(c.bytes(int(n)))
	to := link{kind: kind}
	if kind == hardLink {
		to.addr = c.addr()
	}
	if c.err != nil {
		return fmt.Errorf("link message: %w", c.err)
	}
	return l.add(name, to)
}

// denseLinks adds the links of a fractal heap, if the link information message
// b has one.
func (f *File) denseLinks(b []byte, l links) error {
	c := f.cursor(b)
	c.version("link information", 0)
	if c.u8()&1 != 0 {
		c.skip(8) // Largest order of creation.
	}
	heap, tree := c.addr(), c.addr()
	if c.err != nil {
		return c.err
	}
	if heap == undefined {
		return nil
	}
	fh, err := f.fractalHeap(heap)
	if err != nil {
		return err
	}
	return f.btree2(tree, 5, func(rec *cursor) error {
		rec.skip(4) // Hash of the name.
		b, err := fh.object(rec.b)
		if err != nil {
			return err
		}
		return f.linkMessage(b, l)
	})
}

// symbolTable adds the links of an old group: a B-tree of symbol nodes, whose
// names are in a local heap.
func (f *File) symbolTable(tree, heap uint64, l links) error {
	c, err := f.signed(heap, uint64(8+2*f.widths.length+f.address), "HEAP")
	if err != nil {
		return err
	}
	c.version("local heap", 0)
	c.skip(3)
	size := c.len()
	c.len() // Free list.
	addr := c.addr()
	if c.err != nil {
		return c.err
	}
	data, err := f.at(addr, size)
	if err != nil {
		return fmt.Errorf("local heap: %w", err)
	}
	names := data.whole
	return f.btree1(tree, 0, f.widths.length, func(_ *cursor, addr uint64) error {
		c, err := f.signed(addr, 8, "SNOD")
		if err != nil {
			return err
		}
		c.version("symbol node", 1)
		c.skip(1)
		n := c.u16()
		if c.err != nil {
			return c.err
		}
		const rest = 4 + 4 + 16 // Kind of cache, reserved, cache.
		if c, err = f.at(addr+8, uint64(n)*uint64(2*f.address+rest)); err != nil {
			return err
		}
		for range n {
			// The offset of a name is no address, though as wide as one.
			name, addr, cached := c.uint(f.address), c.addr(), c.u32()
			c.skip(rest - 4)
			if c.err != nil {
				return c.err
			}
			if name >= uint64(len(names)) {
				return errors.New("a name is outside its heap")
			}
			s, _, ok := bytes.Cut(names[name:], []byte{0})
			if !ok {
				return errors.New("a name does not end")
			}
			to := link{addr: addr}
			if cached == 2 {
				to.kind = softLink
			}
			if err := l.add(string(s), to); err != nil {
				return err
			}
		}
		return nil
	})
}
