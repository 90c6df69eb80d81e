package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The builder writes the wire format directly, so that tests can also write
// what no exporter would.

// msg is a protobuf message under construction.
type msg []byte

func (m msg) num(field int, v int64) msg {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.VarintType)
	return protowire.AppendVarint(m, uint64(v))
}

func (m msg) bytes(field int, b []byte) msg {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.BytesType)
	return protowire.AppendBytes(m, b)
}

func (m msg) str(field int, s string) msg { return m.bytes(field, []byte(s)) }

func (m msg) float(field int, v float32) msg {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.Fixed32Type)
	return protowire.AppendFixed32(m, math.Float32bits(v))
}

// build is a model of one graph. The zero value has the input x of shape
// Nx2x4x4, the output y, and operator set 13.
type build struct {
	opset   int64
	in      []msg // ValueInfoProtos.
	out     []string
	nodes   []msg
	inits   []msg
	noGraph bool
}

func (b build) encode() []byte {
	if b.opset == 0 {
		b.opset = 13
	}
	if b.in == nil {
		b.in = []msg{input("x", 0, 2, 4, 4)}
	}
	if b.out == nil {
		b.out = []string{"y"}
	}
	g := msg{}.str(2, "test")
	for _, n := range b.nodes {
		g = g.bytes(1, n)
	}
	for _, t := range b.inits {
		g = g.bytes(5, t)
	}
	for _, v := range b.in {
		g = g.bytes(11, v)
	}
	for _, name := range b.out {
		g = g.bytes(12, msg{}.str(1, name))
	}
	m := msg{}.num(1, 8)
	if !b.noGraph {
		m = m.bytes(7, g)
	}
	return m.bytes(8, msg{}.num(2, b.opset))
}

// input is a ValueInfoProto of floats; a length of 0 is symbolic.
func input(name string, dims ...int64) msg {
	shape := msg{}
	for _, d := range dims {
		if d == 0 {
			shape = shape.bytes(1, msg{}.str(2, "N"))
		} else {
			shape = shape.bytes(1, msg{}.num(1, d))
		}
	}
	tensor := msg{}.num(1, 1).bytes(2, shape)
	return msg{}.str(1, name).bytes(2, msg{}.bytes(1, tensor))
}

// op is a NodeProto named after its output.
func op(typ, out string, in []string, attrs ...msg) msg {
	m := msg{}
	for _, i := range in {
		m = m.str(1, i)
	}
	m = m.str(2, out).str(3, "/"+out).str(4, typ)
	for _, a := range attrs {
		m = m.bytes(5, a)
	}
	return m
}

func ins(s ...string) []string { return s }

func attrI(name string, v int64) msg { return msg{}.str(1, name).num(3, v).num(20, 2) }
func attrF(name string, v float32) msg {
	return msg{}.str(1, name).float(2, v).num(20, 1)
}
func attrS(name, v string) msg { return msg{}.str(1, name).str(4, v).num(20, 3) }
func attrT(name string, t msg) msg {
	return msg{}.str(1, name).bytes(5, t).num(20, 4)
}

func attrList(name string, v ...int64) msg {
	m := msg{}.str(1, name)
	for _, i := range v {
		m = m.num(8, i)
	}
	return m.num(20, 7)
}

// f32 is a TensorProto of raw floats.
func f32(name string, dims []int64, v ...float32) msg {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return tensorOf(name, 1, dims).bytes(9, raw)
}

// i64 is a one-dimensional TensorProto of packed integers.
func i64(name string, v ...int64) msg {
	var p []byte
	for _, x := range v {
		p = protowire.AppendVarint(p, uint64(x))
	}
	return tensorOf(name, 7, dims(len(v))).bytes(7, p)
}

// tensorOf is a TensorProto without data.
func tensorOf(name string, typ int64, dims []int64) msg {
	m := msg{}
	for _, d := range dims {
		m = m.num(1, d)
	}
	return m.num(2, typ).str(8, name)
}

func dims(d ...int) []int64 {
	out := []int64{}
	for _, n := range d {
		out = append(out, int64(n))
	}
	return out
}

func repeat(v float32, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = v
	}
	return out
}
