package onnx

import "sresnet/internal/onnxfile"

// Short names of what writes files.
type msg = onnxfile.Message

var (
	input    = onnxfile.Input
	op       = onnxfile.Op
	attrI    = onnxfile.Int
	attrF    = onnxfile.Float
	attrS    = onnxfile.String
	attrT    = onnxfile.Tensor
	attrList = onnxfile.Ints
	f32      = onnxfile.F32
	i64      = onnxfile.I64
	tensorOf = onnxfile.TensorOf
)

// build is an [onnxfile.Model].
type build struct {
	opset   int64
	in      []msg
	out     []string
	nodes   []msg
	inits   []msg
	noGraph bool
}

func (b build) encode() []byte {
	return onnxfile.Model{Opset: b.opset, In: b.in, Out: b.out, Nodes: b.nodes, Inits: b.inits, NoGraph: b.noGraph}.Encode()
}

func ins(s ...string) []string { return s }

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
