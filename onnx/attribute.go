package onnx

import (
	"fmt"
	"math"
)

// maxInts bounds lists in attributes: paddings, axes, permutations.
const maxInts = 1024

// attr returns the body of the named attribute, or nil.
func (n *node) attr(name string) []byte {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			return n.attrs[i].body
		}
	}
	return nil
}

// attrField calls f for the fields number num of the named attribute's body.
func (n *node) attrField(name string, num int32, f func(field) error) error {
	err := fields(n.attr(name), func(x field) error {
		if int32(x.num) == num {
			return f(x)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("attribute %s: %w", name, err)
	}
	return nil
}

// The fields of AttributeProto.
const (
	attrFloat  = 2
	attrInt    = 3
	attrString = 4
	attrTensor = 5
	attrFloats = 7
	attrInts   = 8
)

func (n *node) int(name string, def int64) (v int64, err error) {
	v = def
	if n.attr(name) != nil {
		v = 0 // Writers may leave out a zero.
	}
	err = n.attrField(name, attrInt, func(f field) (err error) {
		v, err = f.integer()
		return err
	})
	return v, err
}

func (n *node) float(name string, def float32) (v float32, err error) {
	v = def
	if n.attr(name) != nil {
		v = 0
	}
	err = n.attrField(name, attrFloat, func(f field) error {
		if f.typ != 5 {
			return damaged("wire type %d, want a float", f.typ)
		}
		v = math.Float32frombits(uint32(f.v))
		return nil
	})
	return v, err
}

func (n *node) text(name, def string) (v string, err error) {
	v = def
	err = n.attrField(name, attrString, func(f field) (err error) {
		v, err = f.text()
		return err
	})
	return v, err
}

// ints returns nil where the attribute is absent.
func (n *node) ints(name string) (v []int64, err error) {
	if n.attr(name) != nil {
		v = []int64{}
	}
	err = n.attrField(name, attrInts, func(f field) (err error) {
		if len(v)+f.countVarints() > maxInts {
			return fmt.Errorf("more than %d elements", maxInts)
		}
		v, err = f.varints(v)
		return err
	})
	return v, err
}
