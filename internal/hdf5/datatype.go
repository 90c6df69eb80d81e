package hdf5

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Kind is what the elements of an array are.
type Kind uint8

const (
	Other  Kind = iota // Outside the subset.
	Int                // Signed integer.
	Uint               // Unsigned integer.
	Float              // IEEE 754 binary float.
	Bool               // Enumeration of FALSE = 0 and TRUE = 1, as h5py writes it.
	String             // Of fixed or variable length.
)

// Type is the type of an array's elements in the file.
type Type struct {
	Kind      Kind
	Size      int  // Bytes of an element in the file.
	BigEndian bool // Numbers only.
	Variable  bool // Strings only: each has a length of its own.

	name string // Of another kind, for messages.
	pad  byte   // Of a fixed string: 0 ends with NUL, 1 NULs at the end, 2 spaces.
}

// String is a name such as "float32", "uint8", "string", "compound".
func (t Type) String() string {
	switch t.Kind {
	case Int:
		return fmt.Sprintf("int%d", 8*t.Size)
	case Uint:
		return fmt.Sprintf("uint%d", 8*t.Size)
	case Float:
		return fmt.Sprintf("float%d", 8*t.Size)
	case Bool:
		return "bool"
	case String:
		return "string"
	}
	return t.name
}

func (t Type) order() binary.ByteOrder {
	if t.BigEndian {
		return binary.BigEndian
	}
	return le
}

// numeric reports whether elements convert to numbers.
func (t Type) numeric() bool {
	return t.Kind == Int || t.Kind == Uint || t.Kind == Float || t.Kind == Bool
}

// Classes of types.
const (
	classInt      = 0
	classFloat    = 1
	classString   = 3
	classEnum     = 8
	classVariable = 9
)

var classNames = []string{
	"integer", "float", "time", "string", "bit field", "opaque", "compound", "reference", "enumeration",
	"variable-length sequence", "array", "complex",
}

// datatype reads a datatype message (IV.A.2.d). What is outside the subset is
// of kind Other, so that what has this type can be listed.
func (f *File) datatype(b []byte) (Type, error) {
	t, err := f.cursor(b).datatype()
	if err != nil {
		return t, fmt.Errorf("type: %w", err)
	}
	return t, nil
}

// datatype reads a type. An enumeration begins with the type of its values;
// nothing else within a type is read, so that types nest no deeper than that.
func (c *cursor) datatype() (Type, error) {
	first := c.u8()
	bits, size := c.uint(3), c.u32()
	class, version := int(first&15), first>>4
	if c.err != nil {
		return Type{}, c.err
	}
	if size == 0 || size > 1<<31-1 {
		return Type{}, fmt.Errorf("elements of %d bytes", size)
	}
	t := Type{Size: int(size), name: fmt.Sprintf("class %d", class)}
	if class < len(classNames) {
		t.name = classNames[class]
	}
	switch class {
	case classInt, classFloat:
		c.number(&t, class, bits)
	case classString:
		t.Kind, t.pad = String, byte(bits&15)
	case classEnum:
		base, err := c.datatype()
		if err != nil {
			return t, err
		}
		if base.Kind == Int || base.Kind == Uint {
			if base.Size != t.Size {
				return t, fmt.Errorf("enumeration of %d bytes over integers of %d", t.Size, base.Size)
			}
			names := c.members(int(bits&0xffff), version)
			t = base
			if c.err == nil && t.Size == 1 && len(names) == 2 && names[0] == "FALSE" && names[1] == "TRUE" &&
				string(c.b[:min(2, len(c.b))]) == "\x00\x01" {
				t.Kind = Bool
			}
		}
	case classVariable:
		if bits&15 == 1 {
			t.Kind, t.Variable = String, true
			if t.Size != 4+c.address+4 {
				return t, fmt.Errorf("string of variable length in %d bytes", t.Size)
			}
		}
	}
	return t, c.err
}

// number fills in an integer or a float, which stays Other if it is not one
// that the machine has.
func (c *cursor) number(t *Type, class int, bits uint64) {
	offset, precision := c.u16(), int(c.u16())
	name := fmt.Sprintf("%s of %d bits", t.name, precision)
	whole := offset == 0 && precision == 8*t.Size
	t.BigEndian = bits&1 != 0
	if class == classInt {
		if whole && (t.Size == 1 || t.Size == 2 || t.Size == 4 || t.Size == 8) {
			t.Kind = Uint
			if bits&8 != 0 {
				t.Kind = Int
			}
		}
	} else {
		exp, expSize, mant, mantSize, bias := c.u8(), c.u8(), c.u8(), c.u8(), c.u32()
		ieee := exp == mantSize && mant == 0 && bits>>8&0xff == uint64(precision-1) && bits>>6&1 == 0 &&
			bias == 1<<(expSize-1)-1
		switch {
		case !whole || !ieee:
		case t.Size == 2 && expSize == 5 && mantSize == 10,
			t.Size == 4 && expSize == 8 && mantSize == 23,
			t.Size == 8 && expSize == 11 && mantSize == 52:
			t.Kind = Float
		}
		if t.Kind == Other {
			name = fmt.Sprintf("float of %d bits, %d of them exponent", precision, expSize)
		}
	}
	t.name = name
}

// members reads the n names of an enumeration; what is left are its values.
func (c *cursor) members(n int, version byte) []string {
	var names []string
	for range n {
		s := c.text()
		if version < 3 {
			c.skip(-(len(s) + 1) & 7)
		}
		if c.err != nil {
			return nil
		}
		names = append(names, s)
	}
	return names
}

// trim removes the padding of a fixed-length string.
func (t Type) trim(s string) string {
	switch t.pad {
	case 0:
		s, _, _ = strings.Cut(s, "\x00")
	case 1:
		s = strings.TrimRight(s, "\x00")
	case 2:
		s = strings.TrimRight(s, " ")
	}
	return s
}
