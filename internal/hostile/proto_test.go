//go:build linux

package hostile

import (
	"encoding/binary"
	"math"

	"sresnet/internal/onnxfile"
)

// proto is a protobuf message under construction, which may be what no exporter
// would write.
type proto = onnxfile.Message

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
	return append(onnxfile.Model{Opset: n.opset, In: n.in, Out: n.out, Nodes: n.nodes, Inits: n.inits}.Encode(), n.more...)
}

func input(name string, dims ...int64) proto { return onnxfile.Input(name, dims...) }

// op is a NodeProto that is called after its output; the last of two names counts.
func op(typ, out string, in []string, attrs ...proto) proto {
	return onnxfile.Op(typ, out, in, attrs...).Str(3, "node_"+out)
}

func ins(s ...string) []string { return s }

func attrInt(name string, v int64) proto     { return onnxfile.Int(name, v) }
func attrText(name, v string) proto          { return onnxfile.String(name, v) }
func attrTensor(name string, v proto) proto  { return onnxfile.Tensor(name, v) }
func attrGraph(name string, g []byte) proto  { return proto{}.Str(1, name).Bytes(6, g).Num(20, 5) }
func attrInts(name string, v ...int64) proto { return onnxfile.Ints(name, v...) }

func ints(m proto, field int, v []int64) proto {
	for _, i := range v {
		m = m.Num(field, i)
	}
	return m
}

// shaped is a TensorProto without data: of data type 1, float, or 7, int64, say.
func shaped(name string, typ int64, dims ...int64) proto { return onnxfile.TensorOf(name, typ, dims) }

func floats(name string, dims []int64, v ...float32) proto {
	var raw []byte
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return shaped(name, 1, dims...).Bytes(9, raw)
}

func int64s(name string, v ...int64) proto {
	return ints(shaped(name, 7, int64(len(v))), 7, v)
}

// external is a float tensor whose data is in another file.
func external(name, location string, dims []int64, more ...string) proto {
	m := shaped(name, 1, dims...).Num(14, 1)
	for i, s := 0, append([]string{"location", location}, more...); i < len(s); i += 2 {
		m = m.Bytes(13, proto{}.Str(1, s[i]).Str(2, s[i+1]))
	}
	return m
}

func dims(d ...int64) []int64 { return d }
