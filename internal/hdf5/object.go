package hdf5

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Object is what has a place in the tree: a [*Group], a [*Dataset] or a
// [*NamedType].
type Object interface {
	// Path is the way from the root: "/", "/a", "/a/b".
	Path() string
	// Attributes returns the names of the attributes, in order of bytes.
	Attributes() ([]string, error)
	// Attribute returns an attribute, or [ErrNotFound].
	Attribute(name string) (*Attribute, error)
}

// node is what all objects share.
type node struct {
	f      *File
	addr   uint64
	parent *Group // Nil for the root.
	name   string
	depth  int // Groups above.
	h      header
	attrs  *attributes // Nil until asked for.
}

// maxDepth is how many groups may be inside each other.
const maxDepth = 1000

// Path is the way from the root: "/", "/a", "/a/b".
func (n *node) Path() string {
	// It is not kept: a long name near the root would be kept for every object
	// below.
	var names []string
	for ; n.parent != nil; n = &n.parent.node {
		names = append(names, n.name)
	}
	slices.Reverse(names)
	return "/" + strings.Join(names, "/")
}

// place is where the object was found.
func (n *node) place() place {
	if n.parent == nil {
		return place{group: undefined}
	}
	return place{n.parent.addr, n.name}
}

// wrap adds the package and the object to an error.
func (n *node) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("hdf5: %q: %w", n.Path(), err)
}

// Dataset is an array with a place in the tree.
type Dataset struct {
	node
	Array
}

// NamedType is a type with a place in the tree, which datasets may share.
type NamedType struct {
	node
	typ Type
}

// Type returns the type that has the name.
func (t *NamedType) Type() Type { return t.typ }

// object opens what has its header at addr and that name in a group, which is
// nil for the root.
func (f *File) object(addr uint64, parent *Group, name string) (o Object, err error) {
	n := node{f: f, addr: addr, parent: parent, name: name}
	if parent != nil {
		n.depth = parent.depth + 1
	}
	if n.depth > maxDepth {
		return nil, fmt.Errorf("more than %d groups inside each other: %w", maxDepth, ErrUnsupported)
	}
	err = f.once(charge{n.place(), partHeader}, func() error {
		h, err := f.header(addr)
		if err != nil {
			return err
		}
		n.h = h
		switch {
		case h.find(msgLayout) != nil:
			d := &Dataset{node: n}
			d.Array, err = f.dataset(&d.node)
			o = d
		case h.find(msgSymbolTable) != nil || h.find(msgLinkInfo) != nil || h.find(msgLink) != nil || h.find(msgGroupInfo) != nil:
			if other, ok := f.groups[addr]; ok && other != n.place() {
				return fmt.Errorf("the group has another name, %q: %w", other.name, ErrUnsupported)
			}
			f.groups[addr] = n.place()
			o = &Group{node: n}
		case h.find(msgDatatype) != nil:
			t := &NamedType{node: n}
			t.typ, err = f.datatype(h.find(msgDatatype))
			o = t
		default:
			return errors.New("the object is not a group, dataset or type")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}
