package onnx

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a protobuf message. v holds a number, p bytes, which
// alias the file.
type field struct {
	num protowire.Number
	typ protowire.Type
	v   uint64
	p   []byte
}

var errTruncated = damaged("the data ends in the middle of a field")

// fields calls f for every field of the message b. Groups, which ONNX has none
// of, are refused: they are the only construct that nests without a length.
func fields(b []byte, f func(field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return wireError(n)
		}
		b = b[n:]
		x := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			x.v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			x.v = uint64(v)
		case protowire.Fixed64Type:
			x.v, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			x.p, n = protowire.ConsumeBytes(b)
		default:
			return damaged("field %d has wire type %d", num, typ)
		}
		if n < 0 {
			return wireError(n)
		}
		b = b[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func wireError(n int) error {
	err := protowire.ParseError(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return damaged("%w", err)
}

// message returns the bytes of a field that is a message, bytes or a string.
func (f field) message() ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, damaged("field %d has wire type %d, want bytes", f.num, f.typ)
	}
	return f.p, nil
}

// maxName bounds names, which come back in error messages.
const maxName = 4096

// text returns a field that is a name.
func (f field) text() (string, error) {
	p, err := f.message()
	if err != nil {
		return "", err
	}
	if len(p) > maxName {
		return "", damaged("a name of %d bytes", len(p))
	}
	return string(p), nil
}

// integer returns a field that is a number.
func (f field) integer() (int64, error) {
	if f.typ != protowire.VarintType {
		return 0, damaged("field %d has wire type %d, want a number", f.num, f.typ)
	}
	return int64(f.v), nil
}

// countVarints returns the number of elements in a repeated integer field, packed
// or not.
func (f field) countVarints() int {
	if f.typ == protowire.VarintType {
		return 1
	}
	n := 0
	for _, c := range f.p {
		if c < 0x80 { // The last byte of a varint.
			n++
		}
	}
	return n
}

// varints appends the elements of a repeated integer field, packed or not.
func (f field) varints(dst []int64) ([]int64, error) {
	switch f.typ {
	case protowire.VarintType:
		return append(dst, int64(f.v)), nil
	case protowire.BytesType:
		for p := f.p; len(p) > 0; {
			v, n := protowire.ConsumeVarint(p)
			if n < 0 {
				return nil, wireError(n)
			}
			dst = append(dst, int64(v))
			p = p[n:]
		}
		return dst, nil
	}
	return nil, damaged("field %d has wire type %d, want integers", f.num, f.typ)
}

// floats appends the elements of a repeated float field, packed or not.
func (f field) floats(dst []float32) ([]float32, error) {
	switch f.typ {
	case protowire.Fixed32Type:
		return append(dst, math.Float32frombits(uint32(f.v))), nil
	case protowire.BytesType:
		if len(f.p)%4 != 0 {
			return nil, damaged("%d bytes of float data", len(f.p))
		}
		for p := f.p; len(p) > 0; p = p[4:] {
			dst = append(dst, math.Float32frombits(binary.LittleEndian.Uint32(p)))
		}
		return dst, nil
	}
	return nil, damaged("field %d has wire type %d, want floats", f.num, f.typ)
}

// doubles appends the elements of a repeated double field, rounded to float32.
func (f field) doubles(dst []float32) ([]float32, error) {
	switch f.typ {
	case protowire.Fixed64Type:
		return append(dst, float32(math.Float64frombits(f.v))), nil
	case protowire.BytesType:
		if len(f.p)%8 != 0 {
			return nil, damaged("%d bytes of double data", len(f.p))
		}
		for p := f.p; len(p) > 0; p = p[8:] {
			dst = append(dst, float32(math.Float64frombits(binary.LittleEndian.Uint64(p))))
		}
		return dst, nil
	}
	return nil, damaged("field %d has wire type %d, want doubles", f.num, f.typ)
}
