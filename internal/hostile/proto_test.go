//go:build linux

package hostile

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// proto is a protobuf message under construction, which may be what no exporter
// would write.
type proto []byte

func (m proto) num(field int, v int64) proto {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.VarintType)
	return protowire.AppendVarint(m, uint64(v))
}

func (m proto) bytes(field int, b []byte) proto {
	m = protowire.AppendTag(m, protowire.Number(field), protowire.BytesType)
	return protowire.AppendBytes(m, b)
}

func (m proto) str(field int, s string) proto { return m.bytes(field, []byte(s)) }

// network is an ONNX model: a graph whose input x is an image of 2x4x4 unless in is
// given, and whose output is y.
type network struct {
	opset int64 // 13 if 0.
	in    []proto
	out   []string
	nodes []proto
	inits []proto
	more  []byte // Bytes behind the graph.
}

func (n network) encode() []byte {
	if n.opset == 0 {
		n.opset = 13
	}
	if n.in == nil {
		n.in = []proto{input("x", 0, 2, 4, 4)}
	}
	if n.out == nil {
		n.out = []string{"y"}
	}
	g := proto{}.str(2, "hostile")
	for _, m := range n.nodes {
		g = g.bytes(1, m)
	}
	for _, m := range n.inits {
		g = g.bytes(5, m)
	}
	for _, m := range n.in {
		g = g.bytes(11, m)
	}
	for _, name := range n.out {
		g = g.bytes(12, proto{}.str(1, name))
	}
	return append(proto{}.num(1, 8).bytes(7, g).bytes(8, proto{}.num(2, n.opset)), n.more...)
}

// input is a ValueInfoProto of floats; a length of 0 is open.
func input(name string, dims ...int64) proto {
	shape := proto{}
	for _, d := range dims {
		if d == 0 {
			shape = shape.bytes(1, proto{}.str(2, "N"))
		} else {
			shape = shape.bytes(1, proto{}.num(1, d))
		}
	}
	return proto{}.str(1, name).bytes(2, proto{}.bytes(1, proto{}.num(1, 1).bytes(2, shape)))
}

// op is a NodeProto that is called after its output.
func op(typ, out string, in []string, attrs ...proto) proto {
	m := proto{}
	for _, i := range in {
		m = m.str(1, i)
	}
	m = m.str(2, out).str(3, "node_"+out).str(4, typ)
	for _, a := range attrs {
		m = m.bytes(5, a)
	}
	return m
}

func ins(s ...string) []string { return s }

func attrInt(name string, v int64) proto     { return proto{}.str(1, name).num(3, v).num(20, 2) }
func attrText(name, v string) proto          { return proto{}.str(1, name).str(4, v).num(20, 3) }
func attrTensor(name string, v proto) proto  { return proto{}.str(1, name).bytes(5, v).num(20, 4) }
func attrGraph(name string, g []byte) proto  { return proto{}.str(1, name).bytes(6, g).num(20, 5) }
func attrInts(name string, v ...int64) proto { return ints(proto{}.str(1, name), 8, v).num(20, 7) }

func ints(m proto, field int, v []int64) proto {
	for _, i := range v {
		m = m.num(field, i)
	}
	return m
}

// shaped is a TensorProto without data: of data type 1, float, or 7, int64, say.
func shaped(name string, typ int64, dims ...int64) proto {
	return ints(proto{}, 1, dims).num(2, typ).str(8, name)
}

func floats(name string, dims []int64, v ...float32) proto {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return shaped(name, 1, dims...).bytes(9, raw)
}

func int64s(name string, v ...int64) proto {
	return ints(shaped(name, 7, int64(len(v))), 7, v)
}

// external is a float tensor whose data is in another file.
func external(name, location string, dims []int64, more ...string) proto {
	m := shaped(name, 1, dims...).num(14, 1)
	for i, s := 0, append([]string{"location", location}, more...); i < len(s); i += 2 {
		m = m.bytes(13, proto{}.str(1, s[i]).str(2, s[i+1]))
	}
	return m
}

func dims(d ...int64) []int64 { return d }
