// Package onnxfile writes ONNX files: of networks that tests make by hand, and such as
// no exporter would write. It knows the wire format and the field numbers, checks
// nothing, and is for tests alone.
package onnxfile

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is a protobuf message under construction. Its methods append a field.
type Message []byte

// Num appends an integer.
func (m Message) Num(field int, v int64) Message {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.VarintType)
	return protowire.AppendVarint(m, uint64(v))
}

// Bytes appends bytes, or another message.
func (m Message) Bytes(field int, b []byte) Message {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.BytesType)
	return protowire.AppendBytes(m, b)
}

// Str appends a string.
func (m Message) Str(field int, s string) Message { return m.Bytes(field, []byte(s)) }

// Float appends a float32.
func (m Message) Float(field int, v float32) Message {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.Fixed32Type)
	return protowire.AppendFixed32(m, math.Float32bits(v))
}

// Model is a model of one graph. The zero value has the input x of shape Nx2x4x4, the
// output y, and operator set 13.
type Model struct {
	Opset   int64
	In      []Message // ValueInfoProtos.
	Out     []string
	Nodes   []Message
	Inits   []Message
	NoGraph bool
}

// Encode returns the bytes of the file.
func (b Model) Encode() []byte {
	if b.Opset == 0 {
		b.Opset = 13
	}
	if b.In == nil {
		b.In = []Message{Input("x", 0, 2, 4, 4)}
	}
	if b.Out == nil {
		b.Out = []string{"y"}
	}
	g := Message{}.Str(2, "test")
	for _, n := range b.Nodes {
		g = g.Bytes(1, n)
	}
	for _, t := range b.Inits {
		g = g.Bytes(5, t)
	}
	for _, v := range b.In {
		g = g.Bytes(11, v)
	}
	for _, name := range b.Out {
		g = g.Bytes(12, Message{}.Str(1, name))
	}
	m := Message{}.Num(1, 8)
	if !b.NoGraph {
		m = m.Bytes(7, g)
	}
	return m.Bytes(8, Message{}.Num(2, b.Opset))
}

// Input is a ValueInfoProto of floats; a length of 0 is symbolic.
func Input(name string, dims ...int64) Message {
	shape := Message{}
	for _, d := range dims {
		if d == 0 {
			shape = shape.Bytes(1, Message{}.Str(2, "N"))
		} else {
			shape = shape.Bytes(1, Message{}.Num(1, d))
		}
	}
	tensor := Message{}.Num(1, 1).Bytes(2, shape)
	return Message{}.Str(1, name).Bytes(2, Message{}.Bytes(1, tensor))
}

// Op is a NodeProto of one output, named after it.
func Op(typ, out string, in []string, attrs ...Message) Message {
	return Node(typ, in, []string{out}, attrs...)
}

// Node is a NodeProto, named after its first output.
func Node(typ string, in, out []string, attrs ...Message) Message {
	m := Message{}
	for _, i := range in {
		m = m.Str(1, i)
	}
	for _, o := range out {
		m = m.Str(2, o)
	}
	m = m.Str(3, "/"+out[0]).Str(4, typ)
	for _, a := range attrs {
		m = m.Bytes(5, a)
	}
	return m
}

// Int is an attribute.
func Int(name string, v int64) Message { return Message{}.Str(1, name).Num(3, v).Num(20, 2) }

// Float is an attribute.
func Float(name string, v float32) Message { return Message{}.Str(1, name).Float(2, v).Num(20, 1) }

// String is an attribute.
func String(name, v string) Message { return Message{}.Str(1, name).Str(4, v).Num(20, 3) }

// Tensor is an attribute that is the TensorProto t.
func Tensor(name string, t Message) Message { return Message{}.Str(1, name).Bytes(5, t).Num(20, 4) }

// Ints is an attribute.
func Ints(name string, v ...int64) Message {
	m := Message{}.Str(1, name)
	for _, i := range v {
		m = m.Num(8, i)
	}
	return m.Num(20, 7)
}

// Floats is an attribute.
func Floats(name string, v ...float32) Message {
	m := Message{}.Str(1, name)
	for _, x := range v {
		m = m.Float(7, x)
	}
	return m.Num(20, 6)
}

// F32 is a TensorProto of raw floats.
func F32(name string, dims []int64, v ...float32) Message {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return TensorOf(name, 1, dims).Bytes(9, raw)
}

// I64 is a one-dimensional TensorProto of packed integers.
func I64(name string, v ...int64) Message {
	return TensorOf(name, 7, []int64{int64(len(v))}).Bytes(7, packed(v))
}

func packed(v []int64) (p []byte) {
	for _, x := range v {
		p = protowire.AppendVarint(p, uint64(x))
	}
	return p
}

// I64Of is a TensorProto of packed integers, of any shape.
func I64Of(name string, dims []int64, v ...int64) Message {
	return TensorOf(name, 7, dims).Bytes(7, packed(v))
}

// TensorOf is a TensorProto of a type of TensorProto.DataType, without data.
func TensorOf(name string, typ int64, dims []int64) Message {
	m := Message{}
	for _, d := range dims {
		m = m.Num(1, d)
	}
	return m.Num(2, typ).Str(8, name)
}
