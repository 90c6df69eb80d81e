package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sresnet/tensor"
)

// decoder turns TensorProtos into values.
type decoder struct {
	budget *budget
	folder *folder // Of external data; nil for none.
}

// elemType is TensorProto.DataType.
type elemType int64

const (
	typeFloat    elemType = 1
	typeUint8    elemType = 2
	typeInt8     elemType = 3
	typeUint16   elemType = 4
	typeInt16    elemType = 5
	typeInt32    elemType = 6
	typeInt64    elemType = 7
	typeBool     elemType = 9
	typeFloat16  elemType = 10
	typeDouble   elemType = 11
	typeUint32   elemType = 12
	typeUint64   elemType = 13
	typeBFloat16 elemType = 16
	typeE4M3FN   elemType = 17
	typeE4M3FNUZ elemType = 18
	typeE5M2     elemType = 19
	typeE5M2FNUZ elemType = 20
	typeUint4    elemType = 21
	typeInt4     elemType = 22
)

// layout tells how the elements of a type are stored.
type layout struct {
	name  string
	kind  kind
	bytes int   // Of an element in raw data; 0 for two elements in a byte.
	field int32 // Of TensorProto that holds them otherwise.
}

// size returns how many bytes of raw data n elements take.
func (l layout) size(n int) int {
	if l.bytes == 0 {
		return (n + 1) / 2
	}
	return n * l.bytes
}

var layouts = map[elemType]layout{
	typeFloat:    {"float", floats, 4, 4},
	typeDouble:   {"double", floats, 8, 10},
	typeFloat16:  {"float16", floats, 2, 5},
	typeBFloat16: {"bfloat16", floats, 2, 5},
	typeUint8:    {"uint8", integers, 1, 5},
	typeInt8:     {"int8", integers, 1, 5},
	typeUint16:   {"uint16", integers, 2, 5},
	typeInt16:    {"int16", integers, 2, 5},
	typeInt32:    {"int32", integers, 4, 5},
	typeInt64:    {"int64", integers, 8, 7},
	typeUint32:   {"uint32", integers, 4, 11},
	typeUint64:   {"uint64", integers, 8, 11},
	typeBool:     {"bool", booleans, 1, 5},
	typeE4M3FN:   {"float8e4m3fn", floats, 1, 5},
	typeE4M3FNUZ: {"float8e4m3fnuz", floats, 1, 5},
	typeE5M2:     {"float8e5m2", floats, 1, 5},
	typeE5M2FNUZ: {"float8e5m2fnuz", floats, 1, 5},
	typeUint4:    {"uint4", integers, 0, 5},
	typeInt4:     {"int4", integers, 0, 5},
}

func (t elemType) layout() (layout, error) {
	l, ok := layouts[t]
	if !ok {
		return l, fmt.Errorf("data type %d is not supported, only floats of 8 to 64 bits, integers of 4 to 64 and bool", t)
	}
	return l, nil
}

// proto is a TensorProto whose elements are still bytes of the file.
type proto struct {
	dims     []int
	typ      elemType
	raw      []byte
	hasRaw   bool
	external bool
	location location
}

func tensorName(b []byte) (name string, err error) {
	err = fields(b, func(f field) (err error) {
		if f.num == 8 {
			name, err = f.text()
		}
		return err
	})
	if err == nil && name == "" {
		err = errors.New("no name")
	}
	return name, err
}

func parseProto(b []byte) (t proto, err error) {
	err = fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			if len(t.dims)+f.countVarints() > maxAxes {
				return fmt.Errorf("more than %d axes", maxAxes)
			}
			var dims []int64
			if dims, err = f.varints(nil); err != nil {
				return err
			}
			for _, d := range dims {
				t.dims = append(t.dims, int(d))
			}
		case 2:
			var v int64
			v, err = f.integer()
			t.typ = elemType(v)
		case 3:
			err = errors.New("tensors in segments are not supported")
		case 9:
			t.raw, err = f.message()
			t.hasRaw = true
		case 13:
			err = t.location.parse(f)
		case 14:
			var v int64
			v, err = f.integer()
			t.external = v == 1
		}
		return err
	})
	return t, err
}

// decode reads a TensorProto. Nothing is allocated before the data is known to
// be as long as the shape claims.
func (d *decoder) decode(b []byte) (*value, error) {
	t, err := parseProto(b)
	if err != nil {
		return nil, err
	}
	l, err := t.typ.layout()
	if err != nil {
		return nil, err
	}
	n, err := size(t.dims)
	if err != nil {
		return nil, err
	}
	if !t.hasRaw && !t.external {
		return d.decodeFields(b, t, l, n)
	}
	raw := t.raw
	if t.external {
		if raw, err = d.folder.read(t.location, l.size(n), d.budget); err != nil {
			return nil, err
		}
	}
	if len(raw) != l.size(n) {
		return nil, damaged("%d bytes of data for %s of shape %v, want %d", len(raw), l.name, t.dims, l.size(n))
	}
	return d.decodeRaw(raw, t, l, n)
}

// decodeRaw reads n little-endian elements, as many as there are in raw.
func (d *decoder) decodeRaw(raw []byte, t proto, l layout, n int) (*value, error) {
	v, err := d.newValue(t, l, n)
	if err != nil {
		return nil, err
	}
	fill(v, raw, t.typ)
	return v, nil
}

// newValue returns zeros for n elements that the file has.
func (d *decoder) newValue(t proto, l layout, n int) (*value, error) {
	if l.bytes < 2 { // They stand for floats, and a file of those would be larger.
		d.budget.grow(int64(3 * n))
	}
	v, err := d.budget.newValue(l.kind, t.dims)
	if err != nil {
		return nil, err
	}
	v.typ = t.typ
	return v, nil
}

// fill fills v from little-endian elements.
func fill(v *value, raw []byte, typ elemType) {
	le := binary.LittleEndian
	switch typ {
	case typeFloat:
		for i := range v.f {
			v.f[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case typeDouble:
		for i := range v.f {
			v.f[i] = float32(math.Float64frombits(le.Uint64(raw[8*i:])))
		}
	case typeFloat16:
		for i := range v.f {
			v.f[i] = tensor.Float16(le.Uint16(raw[2*i:]))
		}
	case typeBFloat16:
		for i := range v.f {
			v.f[i] = tensor.BFloat16(le.Uint16(raw[2*i:]))
		}
	case typeUint8, typeBool:
		for i := range v.i {
			v.i[i] = int64(raw[i])
		}
	case typeInt8:
		for i := range v.i {
			v.i[i] = int64(int8(raw[i]))
		}
	case typeUint16:
		for i := range v.i {
			v.i[i] = int64(le.Uint16(raw[2*i:]))
		}
	case typeInt16:
		for i := range v.i {
			v.i[i] = int64(int16(le.Uint16(raw[2*i:])))
		}
	case typeInt32:
		for i := range v.i {
			v.i[i] = int64(int32(le.Uint32(raw[4*i:])))
		}
	case typeUint32:
		for i := range v.i {
			v.i[i] = int64(le.Uint32(raw[4*i:]))
		}
	case typeInt64, typeUint64:
		for i := range v.i {
			v.i[i] = int64(le.Uint64(raw[8*i:]))
		}
	case typeUint4, typeInt4: // The first of two is the low half.
		for i := range v.i {
			half := raw[i/2] >> (4 * (i % 2)) & 15
			if v.i[i] = int64(half); typ == typeInt4 {
				v.i[i] = int64(int8(half<<4) >> 4)
			}
		}
	default:
		for i := range v.f {
			v.f[i] = eighth(raw[i], typ)
		}
	}
}

// eighth widens a float of eight bits, exactly. Those whose names end in "uz" have no
// negative zero, and no infinity; E4M3FN has no infinity.
func eighth(bits byte, typ elemType) float32 {
	mantissa, bias := 3, 7
	if typ == typeE5M2 || typ == typeE5M2FNUZ {
		mantissa, bias = 2, 15
	}
	unsigned := typ == typeE4M3FNUZ || typ == typeE5M2FNUZ
	if unsigned {
		bias++
	}
	nan := float32(math.NaN())
	exponent, fraction := int(bits&0x7f)>>mantissa, int(bits)&(1<<mantissa-1)
	switch {
	case unsigned && bits == 0x80, typ == typeE4M3FN && bits&0x7f == 0x7f, typ == typeE5M2 && exponent == 31 && fraction != 0:
		return nan
	case typ == typeE5M2 && exponent == 31:
		return float32(math.Inf(1 - 2*int(bits>>7)))
	case exponent == 0:
		exponent = 1
	default:
		fraction += 1 << mantissa
	}
	x := float32(math.Ldexp(float64(fraction), exponent-bias-mantissa))
	if bits >= 0x80 {
		return -x
	}
	return x
}

// decodeFields reads elements from the typed field of the TensorProto b.
func (d *decoder) decodeFields(b []byte, t proto, l layout, n int) (*value, error) {
	each := func(g func(f field) error) error {
		return fields(b, func(f field) error {
			if int32(f.num) == l.field {
				return g(f)
			}
			return nil
		})
	}
	count := 0
	err := each(func(f field) error {
		switch {
		case l.field == 4 && f.p != nil:
			count += len(f.p) / 4
		case l.field == 10 && f.p != nil:
			count += len(f.p) / 8
		case l.field == 4 || l.field == 10:
			count++
		default:
			count += f.countVarints()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	want := n
	if l.bytes == 0 {
		want = l.size(n)
	}
	if count != want {
		return nil, damaged("%d elements of data for %s of shape %v, want %d", count, l.name, t.dims, want)
	}
	if l.bytes == 0 || l.bytes == 1 && l.kind == floats { // Their bits are stored as integers.
		if err := d.budget.charge(count, 9); err != nil {
			return nil, err
		}
		bits, raw := make([]int64, 0, count), make([]byte, 0, count)
		err = each(func(f field) (err error) {
			bits, err = f.varints(bits)
			return err
		})
		if err == nil && len(bits) != count {
			err = errTruncated
		}
		if err != nil {
			return nil, err
		}
		for _, b := range bits {
			raw = append(raw, byte(b))
		}
		return d.decodeRaw(raw, t, l, n)
	}
	v, err := d.newValue(t, l, n)
	if err != nil {
		return nil, err
	}
	v.f, v.i = v.f[:0], v.i[:0]
	half := t.typ == typeFloat16 || t.typ == typeBFloat16
	var bits []int64
	if half { // Their bits are stored as integers.
		if err := d.budget.charge(n, 8); err != nil {
			return nil, err
		}
		bits = make([]int64, 0, n)
	}
	err = each(func(f field) (err error) {
		switch {
		case l.field == 4:
			v.f, err = f.floats(v.f)
		case l.field == 10:
			v.f, err = f.doubles(v.f)
		case half:
			bits, err = f.varints(bits)
		default:
			v.i, err = f.varints(v.i)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, h := range bits {
		if t.typ == typeFloat16 {
			v.f = append(v.f, tensor.Float16(uint16(h)))
		} else {
			v.f = append(v.f, tensor.BFloat16(uint16(h)))
		}
	}
	if v.len() != n {
		return nil, errTruncated
	}
	return v, nil
}
