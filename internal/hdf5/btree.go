package hdf5

import (
	"errors"
	"fmt"
	"math/bits"
)

// btree1 calls visit for every child of the leaves of a version 1 B-tree, in
// order, with the key before it, which takes keySize bytes. kind is 0 for
// groups, 1 for chunks.
func (f *File) btree1(addr uint64, kind byte, keySize int, visit func(key *cursor, child uint64) error) error {
	return f.node1(addr, kind, keySize, -1, visit)
}

// node1 visits a node that must have that level, any if it is -1.
func (f *File) node1(addr uint64, kind byte, keySize, level int, visit func(key *cursor, child uint64) error) error {
	c, err := f.signed(addr, uint64(8+2*f.address), "TREE")
	if err != nil {
		return err
	}
	k, l, n := c.u8(), int(c.u8()), c.u16()
	if c.err != nil {
		return c.err
	}
	if k != kind || level >= 0 && l != level {
		return fmt.Errorf("node of a B-tree at %#x has kind %d and level %d, which do not belong here", addr, k, l)
	}
	c, err = f.at(addr+uint64(8+2*f.address), uint64(n)*uint64(keySize+f.address))
	if err != nil {
		return err
	}
	for range n {
		key := f.cursor(c.bytes(keySize))
		child := c.addr()
		if c.err != nil {
			return c.err
		}
		if l > 0 {
			err = f.node1(child, kind, keySize, l-1, visit)
		} else {
			err = visit(key, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tree2 is a version 2 B-tree.
type tree2 struct {
	f        *File
	nodeSize uint64
	recSize  int
	levels   []level2 // By the height of a node; leaves are 0.
	visit    func(rec *cursor) error
}

// level2 is what all nodes of a height have in common.
type level2 struct {
	max       uint64 // Records in a node.
	total     uint64 // Records in it and below.
	totalSize int    // Bytes that this number takes in a parent; 0 for leaves.
}

// btree2 calls visit with every record of a version 2 B-tree, in order.
func (f *File) btree2(addr uint64, kind byte, visit func(rec *cursor) error) error {
	c, err := f.checked(addr, uint64(22+f.address+f.widths.length), "BTHD")
	if err != nil {
		return err
	}
	c.version("B-tree", 0)
	if k := c.u8(); c.err == nil && k != kind {
		return fmt.Errorf("a B-tree of kind %d instead of %d", k, kind)
	}
	t := tree2{f: f, visit: visit, nodeSize: uint64(c.u32()), recSize: int(c.u16())}
	depth := int(c.u16())
	c.skip(2) // When to split and merge.
	root, n := c.addr(), uint64(c.u16())
	if c.err != nil {
		return c.err
	}
	const fixed = 10 // Signature, version, kind, checksum.
	if t.recSize == 0 || t.nodeSize < fixed+uint64(t.recSize) {
		return errors.New("a B-tree's nodes are too small")
	}
	leaf := (t.nodeSize - fixed) / uint64(t.recSize)
	t.levels = []level2{{max: leaf, total: leaf}}
	for h := range depth {
		below := t.levels[h]
		pointer := uint64(f.address + sizeOf(leaf) + below.totalSize)
		if t.nodeSize < fixed+pointer {
			return errors.New("a B-tree's nodes are too small")
		}
		l := level2{max: (t.nodeSize - fixed - pointer) / (uint64(t.recSize) + pointer)}
		over, total := bits.Mul64(l.max+1, below.total)
		if l.max == 0 || over != 0 || total > 1<<62 {
			return errors.New("a B-tree is too deep")
		}
		l.total = total + l.max
		l.totalSize = sizeOf(l.total)
		t.levels = append(t.levels, l)
	}
	if root == undefined || n == 0 {
		return nil
	}
	return t.node(root, n, depth)
}

func (t *tree2) node(addr, n uint64, height int) error {
	l := t.levels[height]
	if n > l.max {
		return fmt.Errorf("%d records in a B-tree node for %d", n, l.max)
	}
	size, mark := 10+n*uint64(t.recSize), "BTLF"
	countSize, totalSize := 0, 0
	if height > 0 {
		mark = "BTIN"
		countSize, totalSize = sizeOf(t.levels[0].max), t.levels[height-1].totalSize
		size += (n + 1) * uint64(t.f.address+countSize+totalSize)
	}
	c, err := t.f.checked(addr, size, mark)
	if err != nil {
		return err
	}
	c.version("B-tree node", 0)
	c.skip(1)
	recs := c.bytes(int(n) * t.recSize)
	for i := range n + 1 {
		if height > 0 {
			child, count := c.addr(), c.uint(countSize)
			c.skip(totalSize)
			if c.err != nil {
				return c.err
			}
			if err := t.node(child, count, height-1); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
		if i < n {
			rec := recs[int(i)*t.recSize:][:t.recSize]
			if err := t.visit(t.f.cursor(rec)); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizeOf returns how many bytes numbers up to n take.
func sizeOf(n uint64) int { return max(1, (bits.Len64(n)+7)/8) }
