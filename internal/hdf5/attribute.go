package hdf5

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Attribute is an array with a name that belongs to an object.
type Attribute struct {
	Array
}

// Name is the name that the object knows the attribute by.
func (a *Attribute) Name() string { return a.attr }

// attributes are an object's, as they stand in the file, by name.
type attributes map[string][]byte

// Attributes returns the names of the attributes, in order of bytes.
func (n *node) Attributes() ([]string, error) {
	all, err := n.loadAttributes()
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(all)), nil
}

// Attribute returns an attribute, or [ErrNotFound].
func (n *node) Attribute(name string) (*Attribute, error) {
	all, err := n.loadAttributes()
	if err != nil {
		return nil, err
	}
	b, ok := all[name]
	if !ok {
		return nil, n.wrap(fmt.Errorf("attribute %q: %w", name, ErrNotFound))
	}
	a := &Attribute{}
	if a.Array, err = n.attribute(b, name); err != nil {
		return nil, n.wrap(fmt.Errorf("attribute %q: %w", name, err))
	}
	return a, nil
}

func (n *node) loadAttributes() (attributes, error) {
	if n.attrs != nil {
		return *n.attrs, nil
	}
	all := attributes{}
	err := n.f.once(charge{n.place(), partAttributes}, func() error {
		for _, m := range n.h {
			var err error
			switch m.kind {
			case msgAttribute:
				err = all.add(n.f, m.data)
			case msgAttributeInfo:
				err = n.f.denseAttributes(m.data, all)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, n.wrap(fmt.Errorf("attributes: %w", err))
	}
	n.attrs = &all
	return all, nil
}

func (a attributes) add(f *File, b []byte) error {
	h, err := f.attributeHead(b)
	if err != nil {
		return err
	}
	if _, ok := a[h.name]; ok {
		return fmt.Errorf("%q is there twice", h.name)
	}
	a[h.name] = b
	return nil
}

// denseAttributes adds the attributes of a fractal heap, if the attribute
// information message b has one.
func (f *File) denseAttributes(b []byte, all attributes) error {
	c := f.cursor(b)
	c.version("attribute information", 0)
	if c.u8()&1 != 0 {
		c.skip(2) // Largest order of creation.
	}
	heap, tree := c.addr(), c.addr()
	if c.err != nil {
		return c.err
	}
	if heap == undefined {
		return nil
	}
	h, err := f.fractalHeap(heap)
	if err != nil {
		return err
	}
	return f.btree2(tree, 8, func(rec *cursor) error {
		id, flags := rec.bytes(8), rec.u8()
		if rec.err != nil {
			return rec.err
		}
		if flags&flagShared != 0 {
			return fmt.Errorf("shared attribute: %w", ErrUnsupported)
		}
		b, err := h.object(id)
		if err != nil {
			return err
		}
		return all.add(f, b)
	})
}

// attributeHead is an attribute message, cut into its parts.
type attributeHead struct {
	name             string
	datatype         []byte
	space            []byte
	sharedT, sharedS bool // The part says where to find itself.
	data             []byte
}

func (f *File) attributeHead(b []byte) (h attributeHead, err error) {
	c := f.cursor(b)
	version, flags := c.version("attribute", 1, 2, 3), c.u8()
	name, typ, space := int(c.u16()), int(c.u16()), int(c.u16())
	if version == 3 {
		c.skip(1) // Character set.
	}
	part := func(n int) []byte {
		b := c.bytes(n)
		if version == 1 {
			c.skip(-n & 7)
		} else {
			h.sharedT, h.sharedS = flags&1 != 0, flags&2 != 0
		}
		return b
	}
	text := part(name)
	h.datatype, h.space, h.data = part(typ), part(space), c.b
	if c.err != nil {
		return h, c.err
	}
	if h.name = f.cursor(text).text(); h.name == "" {
		return h, errors.New("an attribute without a name")
	}
	return h, nil
}

// attribute makes an array of an attribute message.
func (n *node) attribute(b []byte, name string) (a Array, err error) {
	f := n.f
	h, err := f.attributeHead(b)
	if err != nil {
		return a, err
	}
	if h.sharedT {
		if h.datatype, err = f.shared(msgDatatype, f.cursor(h.datatype)); err != nil {
			return a, err
		}
	}
	if h.sharedS {
		if h.space, err = f.shared(msgDataspace, f.cursor(h.space)); err != nil {
			return a, err
		}
	}
	a = Array{file: f, owner: n, attr: name, store: store{class: compact, data: h.data}}
	if a.typ, err = f.datatype(h.datatype); err != nil {
		return a, err
	}
	a.space, err = f.dataspace(h.space)
	return a, err
}
