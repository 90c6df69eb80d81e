package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// tiny is a network for MNIST of one convolution of 3x3 with all weights equal, a
// ReLU and a classifier. The zero value has the weight 0.
type tiny struct {
	open   bool    // Leave rows and columns of the image open.
	weight float32 // Of the convolution.
	pad    int64   // Of the convolution, on all sides.
	most   float32 // Makes the ReLU a Clip from 0 to this.
}

// write writes the network into a new file and returns its name.
func (m tiny) write(t *testing.T) string {
	t.Helper()
	rectifier := node("Relu", "relu", "conv")
	if m.most > 0 {
		rectifier = node("Clip", "relu", "conv", "zero", "most")
	}
	classes := make([]float32, 10)
	for i := range classes {
		classes[i] = float32(i+1) / 10
	}
	g := msg{}.
		bytes(1, node("Conv", "conv", "x", "w").bytes(5, ints("pads", m.pad, m.pad, m.pad, m.pad))).
		bytes(1, rectifier).
		bytes(1, node("GlobalAveragePool", "pool", "relu")).
		bytes(1, node("Flatten", "flat", "pool")).
		bytes(1, node("Gemm", "y", "flat", "classes").bytes(5, msg{}.str(1, "transB").num(3, 1).num(20, 2))).
		bytes(5, floats("w", []int64{1, 1, 3, 3}, repeat(m.weight, 9))).
		bytes(5, floats("zero", nil, []float32{0})).
		bytes(5, floats("most", nil, []float32{m.most})).
		bytes(5, floats("classes", []int64{10, 1}, classes))
	dims := []msg{msg{}.str(2, "N"), msg{}.num(1, 1), msg{}.num(1, 28), msg{}.num(1, 28)}
	if m.open {
		dims[2], dims[3] = msg{}.str(2, "rows"), msg{}.str(2, "columns")
	}
	var shape msg
	for _, d := range dims {
		shape = shape.bytes(1, d)
	}
	g = g.bytes(11, msg{}.str(1, "x").bytes(2, msg{}.bytes(1, msg{}.num(1, 1).bytes(2, shape)))).bytes(12, msg{}.str(1, "y"))
	name := filepath.Join(t.TempDir(), "tiny.onnx")
	if err := os.WriteFile(name, msg{}.num(1, 8).bytes(7, g).bytes(8, msg{}.num(2, 13)), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// msg is a protobuf message under construction.
type msg []byte

func (m msg) num(field int, v int64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, protowire.Number(field), protowire.VarintType), uint64(v))
}

func (m msg) bytes(field int, b []byte) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, protowire.Number(field), protowire.BytesType), b)
}

func (m msg) str(field int, s string) msg { return m.bytes(field, []byte(s)) }

// node is a NodeProto with the name of its output.
func node(op, out string, in ...string) msg {
	var m msg
	for _, i := range in {
		m = m.str(1, i)
	}
	return m.str(2, out).str(3, out).str(4, op)
}

// ints is an AttributeProto.
func ints(name string, v ...int64) msg {
	m := msg{}.str(1, name)
	for _, i := range v {
		m = m.num(8, i)
	}
	return m.num(20, 7)
}

// floats is a TensorProto.
func floats(name string, dims []int64, v []float32) msg {
	var m msg
	for _, d := range dims {
		m = m.num(1, d)
	}
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return m.num(2, 1).str(8, name).bytes(9, raw)
}

func repeat(v float32, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}
