package onnx

import (
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// ints is a TensorProto of raw integers, or floats of eight bits, of so many bytes each;
// 0 for two in a byte.
func ints(name string, typ elemType, bytes int, dims []int64, v ...int64) msg {
	var raw []byte
	for i, x := range v {
		switch {
		case bytes > 0:
			for b := range bytes {
				raw = append(raw, byte(x>>(8*b)))
			}
		case i%2 == 0:
			raw = append(raw, byte(x&15))
		default:
			raw[len(raw)-1] |= byte(x&15) << 4
		}
	}
	return tensorOf(name, int64(typ), dims).Bytes(9, raw)
}

// packed is a TensorProto of numbers in int32_data.
func packed(name string, typ elemType, dims []int64, v ...int64) msg {
	var p []byte
	for _, x := range v {
		p = protowire.AppendVarint(p, uint64(x))
	}
	return tensorOf(name, int64(typ), dims).Bytes(5, p)
}

// TestQuantizedConstants has weights in every type, with scales and zero points for all,
// for each channel of an axis, and for blocks, behind other operators on constants.
func TestQuantizedConstants(t *testing.T) {
	shape := dims(2, 2, 1, 2)
	w := func(typ elemType, bytes int, v ...int64) msg { return ints("q", typ, bytes, shape, v...) }
	s := f32("s", dims(), 0.5)
	one := func(typ elemType, bytes int, v int64) msg { return ints("z", typ, bytes, dims(), v) }
	dq := []msg{op("DequantizeLinear", "w", ins("q", "s"))}
	dqz := []msg{op("DequantizeLinear", "w", ins("q", "s", "z"))}
	along := func(axis int64) []msg {
		return []msg{op("DequantizeLinear", "w", ins("q", "s", "z"), attrI("axis", axis))}
	}
	blocks := func(axis, size int64) []msg {
		return []msg{op("DequantizeLinear", "w", ins("q", "s"), attrI("axis", axis), attrI("block_size", size))}
	}
	count := []int64{0, 1, 2, 3, 4, 5, 6, 7}
	for _, tt := range []struct {
		name  string
		nodes []msg
		inits []msg
		want  []float32
	}{
		{"int8", dq, []msg{w(typeInt8, 1, -128, 127, 0, 1, -1, 2, -2, 3), s}, []float32{-64, 63.5, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"uint8 with zero point", dqz, []msg{w(typeUint8, 1, 0, 255, 128, 129, 127, 1, 2, 3), s, one(typeUint8, 1, 128)}, []float32{-64, 63.5, 0, 0.5, -0.5, -63.5, -63, -62.5}},
		{"int16", dq, []msg{w(typeInt16, 2, -32768, 32767, 0, 1, -1, 2, -2, 3), s}, []float32{-16384, 16383.5, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"uint16", dqz, []msg{w(typeUint16, 2, 0, 65535, 32768, 1, 2, 3, 4, 5), s, one(typeUint16, 2, 32768)}, []float32{-16384, 16383.5, 0, -16383.5, -16383, -16382.5, -16382, -16381.5}},
		{"int32", dq, []msg{w(typeInt32, 4, -1<<20, 1<<20, 0, 1, -1, 2, -2, 3), s}, []float32{-1 << 19, 1 << 19, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"int4", dq, []msg{w(typeInt4, 0, -8, 7, 0, 1, -1, 2, -2, 3), s}, []float32{-4, 3.5, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"uint4", dqz, []msg{w(typeUint4, 0, 0, 15, 8, 9, 7, 1, 2, 3), s, one(typeUint4, 0, 8)}, []float32{-4, 3.5, 0, 0.5, -0.5, -3.5, -3, -2.5}},
		{"int8 in a field", dq, []msg{packed("q", typeInt8, shape, -128, 127, 0, 1, -1, 2, -2, 3), s}, []float32{-64, 63.5, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"int4 in a field", dq, []msg{packed("q", typeInt4, shape, 0x78, 0x10, 0x2f, 0x3e), s}, []float32{-4, 3.5, 0, 0.5, -0.5, 1, -1, 1.5}},
		{"float8e4m3fn", dq, []msg{w(typeE4M3FN, 1, 0x38, 0xb8, 0x7e, 0x01, 0x00, 0x80, 0x08, 0x3c), s}, []float32{0.5, -0.5, 224, 1.0 / 1024, 0, 0, 1.0 / 128, 0.75}},
		{"float8e5m2", dq, []msg{w(typeE5M2, 1, 0x3c, 0xbc, 0x7b, 0x01, 0x00, 0x80, 0x04, 0x3e), s}, []float32{0.5, -0.5, 28672, 1.0 / 131072, 0, 0, 1.0 / 32768, 0.75}},
		{"float8e4m3fnuz", dq, []msg{w(typeE4M3FNUZ, 1, 0x40, 0xc0, 0x7f, 0x01, 0x00, 0x08, 0x44, 0x41), s}, []float32{0.5, -0.5, 120, 1.0 / 2048, 0, 1.0 / 256, 0.75, 0.5625}},
		{"float8e5m2fnuz in a field", dqz, []msg{packed("q", typeE5M2FNUZ, shape, 0x40, 0xc0, 0x7f, 0x01, 0x00, 0x04, 0x42, 0x41), s, one(typeE5M2FNUZ, 1, 0)}, []float32{0.5, -0.5, 28672, 1.0 / 262144, 0, 1.0 / 65536, 0.75, 0.625}},
		{"scale of one element, zero point of one", dqz, []msg{w(typeInt8, 1, count...), f32("s", dims(1), 0.5), ints("z", typeInt8, 1, dims(1), 1)}, []float32{-0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3}},
		{"axis 0", along(0), []msg{w(typeInt8, 1, count...), f32("s", dims(2), 0.5, 2), ints("z", typeInt8, 1, dims(2), 0, 4)}, []float32{0, 0.5, 1, 1.5, 0, 2, 4, 6}},
		{"axis 1 by default", dqz, []msg{w(typeInt8, 1, count...), f32("s", dims(2), 0.5, 2), ints("z", typeInt8, 1, dims(2), 0, 4)}, []float32{0, 0.5, -4, -2, 2, 2.5, 4, 6}},
		{"negative axis, one zero point for all", along(-1), []msg{w(typeInt8, 1, count...), f32("s", dims(2), 0.5, 2), one(typeInt8, 1, 1)}, []float32{-0.5, 0, 0.5, 4, 1.5, 8, 2.5, 12}},
		{"blocks", blocks(3, 2), []msg{w(typeInt8, 1, count...), f32("s", dims(2, 2, 1, 1), 1, 2, 4, 8)}, []float32{0, 1, 4, 6, 16, 20, 48, 56}},
		{"blocks of one", blocks(1, 1), []msg{w(typeInt8, 1, count...), f32("s", shape, 1, 2, 3, 4, 5, 6, 7, 8)}, []float32{0, 2, 6, 12, 20, 30, 42, 56}},
		{"blocks larger than the axis", blocks(-4, 3), []msg{w(typeInt8, 1, count...), f32("s", dims(1, 2, 1, 2), 1, 2, 3, 4)}, []float32{0, 2, 6, 12, 4, 10, 18, 28}},
		{
			"transposed before",
			[]msg{op("Transpose", "t", ins("q"), attrList("perm", 1, 0, 2, 3)), op("DequantizeLinear", "w", ins("t", "s"), attrI("axis", 0))},
			[]msg{w(typeInt8, 1, count...), f32("s", dims(2), 0.5, 2)},
			[]float32{0, 0.5, 2, 2.5, 4, 6, 12, 14},
		},
		{
			"reshaped, transposed and cast behind",
			[]msg{
				op("Identity", "i", ins("q")), op("DequantizeLinear", "d", ins("i", "s"), attrI("axis", 0)), op("Reshape", "r", ins("d", "shape")),
				op("Transpose", "t", ins("r"), attrList("perm", 1, 0, 2, 3)), op("Cast", "w", ins("t"), attrI("to", 1)),
			},
			[]msg{ints("q", typeInt8, 1, dims(2, 4), count...), f32("s", dims(2), 0.5, 2), i64("shape", 2, 2, 1, 2)},
			[]float32{0, 0.5, 8, 10, 1, 1.5, 12, 14},
		},
		{
			"rounded to even, and saturated",
			[]msg{op("QuantizeLinear", "q", ins("f", "s", "z")), op("DequantizeLinear", "w", ins("q", "s", "z"))},
			[]msg{f32("f", shape, 0.25, 0.75, -0.25, -0.75, 1.24, 63.9, -64.1, 1e30), s, one(typeInt8, 1, 0)},
			[]float32{0, 1, 0, -1, 1, 63.5, -64, 63.5},
		},
		{
			"to uint8 without a zero point",
			[]msg{op("QuantizeLinear", "q", ins("f", "s")), op("DequantizeLinear", "w", ins("q", "s"))},
			[]msg{f32("f", shape, -1, 0, 1, 127.5, 128, 1.1, 1.3, float32(math.Inf(-1))), s},
			[]float32{0, 0, 1, 127.5, 127.5, 1, 1.5, 0},
		},
		{
			"to output_dtype",
			[]msg{op("QuantizeLinear", "q", ins("f", "s"), attrI("output_dtype", int64(typeInt4))), op("DequantizeLinear", "w", ins("q", "s"))},
			[]msg{f32("f", shape, -4, -5, 3.5, 4, 0, 1, 2, 3), s},
			[]float32{-4, -4, 3.5, 3.5, 0, 1, 2, 3},
		},
		{
			"for each channel, with a narrow range",
			[]msg{
				op("QuantizeLinear", "q", ins("f", "s", "z"), attrI("axis", 0)), op("Clip", "c", ins("q", "lo", "hi")),
				op("DequantizeLinear", "w", ins("c", "s", "z"), attrI("axis", 0)),
			},
			[]msg{f32("f", shape, -100, 100, 0.3, 0, -100, 100, 0.3, 0.1), f32("s", dims(2), 0.5, 0.25), ints("z", typeInt8, 1, dims(2), 0, 0), ints("lo", typeInt8, 1, dims(), -127), ints("hi", typeInt8, 1, dims(), 126)},
			[]float32{-63.5, 63, 0.5, 0, -31.75, 31.5, 0.25, 0},
		},
		{
			"spelled",
			[]msg{op("Div", "d", ins("f", "s")), op("Round", "r", ins("d")), op("Max", "m", ins("r", "lo")), op("Min", "n", ins("m", "hi")), op("Clip", "c", ins("n", "", "hi")), op("Mul", "w", ins("c", "s"))},
			[]msg{f32("f", shape, 0.25, 0.75, -0.25, -0.75, 1.24, 63.9, -64.1, 1e30), s, f32("lo", dims(), -3), f32("hi", dims(), 5)},
			[]float32{0, 1, 0, -1, 1, 2.5, -1.5, 2.5},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{opset: 21, nodes: append(tt.nodes, op("Conv", "y", ins("x", "w"))), inits: tt.inits}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "weights", weights(g), tt.want...)
		})
	}
}

// TestFloat8 checks the floats of eight bits, every one, against their definition.
func TestFloat8(t *testing.T) {
	for _, tt := range []struct {
		typ            elemType
		mantissa, bias int
		most           float32
		nans           int
	}{
		{typeE4M3FN, 3, 7, 448, 2}, {typeE4M3FNUZ, 3, 8, 240, 1}, {typeE5M2, 2, 15, 57344, 6}, {typeE5M2FNUZ, 2, 16, 57344, 1},
	} {
		nans, most := 0, float32(0)
		for bits := range 256 {
			x := float64(eighth(byte(bits), tt.typ))
			sign, e, m := 1-2*float64(bits>>7), bits>>tt.mantissa&(1<<(7-tt.mantissa)-1), float64(bits&(1<<tt.mantissa-1))/float64(int(1)<<tt.mantissa)
			want := sign * (1 + m) * math.Pow(2, float64(e-tt.bias))
			if e == 0 {
				want = sign * m * math.Pow(2, float64(1-tt.bias))
			}
			switch {
			case math.IsNaN(x):
				nans++
			case math.IsInf(x, 0):
				if bits&0x7f != 0x7c || tt.typ != typeE5M2 {
					t.Errorf("type %d: %#x is %v", tt.typ, bits, x)
				}
			case x != want:
				t.Errorf("type %d: %#x is %v, want %v", tt.typ, bits, x, want)
			default:
				most = max(most, float32(x))
			}
		}
		if nans != tt.nans || most != tt.most {
			t.Errorf("type %d: %d NaNs and at most %v, want %d and %v", tt.typ, nans, most, tt.nans, tt.most)
		}
	}
}

// TestQuantizedGemm has weights of a fully connected layer, transposed or not, and a bias
// whose scale is the product of the others.
func TestQuantizedGemm(t *testing.T) {
	for _, tt := range []struct {
		name  string
		nodes []msg
		axis  int64
		q     msg
	}{
		{"transB", []msg{op("Gemm", "y", ins("x", "w", "b"), attrI("transB", 1))}, 0, ints("q", typeInt8, 1, dims(3, 2), 1, 2, 3, 4, 5, 6)},
		{"as it is", []msg{op("Gemm", "y", ins("x", "w", "b"))}, 1, ints("q", typeInt8, 1, dims(2, 3), 1, 3, 5, 2, 4, 6)},
		{"Transpose", []msg{op("Transpose", "t", ins("w"), attrList("perm", 1, 0)), op("Gemm", "y", ins("x", "t", "b"))}, -2, ints("q", typeInt8, 1, dims(3, 2), 1, 2, 3, 4, 5, 6)},
		{"MatMul and Add", []msg{op("MatMul", "m", ins("x", "w")), op("Add", "y", ins("m", "b"))}, -1, ints("q", typeInt8, 1, dims(2, 3), 1, 3, 5, 2, 4, 6)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{
				in: []msg{input("x", 0, 2)},
				nodes: append([]msg{
					op("DequantizeLinear", "w", ins("q", "s", "z"), attrI("axis", tt.axis)),
					op("DequantizeLinear", "b", ins("qb", "sb"), attrI("axis", 0)),
				}, tt.nodes...),
				inits: []msg{
					tt.q, f32("s", dims(3), 0.5, 1, 2), ints("z", typeInt8, 1, dims(3), 0, 0, 1),
					ints("qb", typeInt32, 4, dims(3), 100, -100, 1000), f32("sb", dims(3), 0.25, 0.5, 1),
				},
			}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "output", run(t, g, []float32{1, 10}), 10.5+25, 43-50, 2*4+20*5+1000)
		})
	}
}

// TestQuantizedUnsupported checks that what cannot be taken is named, with the reason.
func TestQuantizedUnsupported(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	dq, q := "DequantizeLinear", "QuantizeLinear"
	for _, tt := range []struct {
		want string
		node msg
		init msg
	}{
		{"positive and finite", op(dq, "w", ins("q", "v")), f32("v", dims(), 0)},
		{"positive and finite", op(dq, "w", ins("q", "v")), f32("v", dims(), -1)},
		{"positive and finite", op(dq, "w", ins("q", "v")), f32("v", dims(), nan)},
		{"element 1", op(dq, "w", ins("q", "v")), f32("v", dims(2), 1, inf)},
		{"positive and finite", op(q, "w", ins("f", "v")), f32("v", dims(), 0)},
		{"3 scales for axis 1", op(dq, "w", ins("q", "v")), f32("v", dims(3), 1, 2, 3)},
		{"2 zero points for 1 scales", op(dq, "w", ins("q", "s", "v")), ints("v", typeInt8, 1, dims(2), 0, 0)},
		{"0 zero points", op(dq, "w", ins("q", "s", "v")), ints("v", typeInt8, 1, dims(0))},
		{"need [2 1 1 2]", op(dq, "w", ins("q", "v"), attrI("block_size", 2)), f32("v", dims(2, 2, 1, 2), 1, 2, 3, 4, 5, 6, 7, 8)},
		{"block_size -1", op(dq, "w", ins("q", "s"), attrI("block_size", -1)), nil},
		{"float other than 0", op(dq, "w", ins("q", "s", "v")), f32("v", dims(), 1)},
		{"type 17 float8e4m3fn", op(q, "w", ins("f", "s", "v")), ints("v", typeE4M3FN, 1, dims(), 0)},
		{"type 6 int32", op(q, "w", ins("f", "s", "v")), ints("v", typeInt32, 4, dims(), 0)},
		{"type 99", op(q, "w", ins("f", "s"), attrI("output_dtype", 99)), nil},
		{"cannot be told", op(q, "w", ins("f", "s", "size")), nil},
		{"rounds to float8e4m3fn", op("Cast", "w", ins("f"), attrI("to", int64(typeE4M3FN))), nil},
		{"rounds to float8e5m2", op("Cast", "w", ins("c"), attrI("to", int64(typeE5M2))), nil},
		{"rounds to int4", op("Cast", "w", ins("q"), attrI("to", int64(typeInt4))), nil},
		{"is NaN", op(q, "w", ins("v", "s")), f32("v", dims(1), nan)},

		{"no QuantizeLinear has made", op(dq, "w", ins("c", "s")), nil},
		{"scale is computed from the image", op(q, "w", ins("c", "c")), nil},
		{"zero point is computed from the image", op(q, "w", ins("c", "s", "c")), nil},
		{"positive and finite", op(q, "w", ins("c", "v")), f32("v", dims(), 0)},
		{"positive and finite", op(q, "w", ins("c", "v")), f32("v", dims(), nan)},
		{"in blocks", op(q, "w", ins("c", "s"), attrI("block_size", 2)), nil},
		{"type 20 float8e5m2fnuz", op(q, "w", ins("c", "s", "v")), ints("v", typeE5M2FNUZ, 1, dims(), 0)},

		{"QDQ format", op("QLinearConv", "w", ins("c", "s")), nil},
		{"QDQ format", op("ConvInteger", "w", ins("c", "q")), nil},
		{"QDQ format", op("MatMulInteger", "w", ins("c", "q")), nil},
		{"QDQ format", op("DynamicQuantizeLinear", "w", ins("c")), nil},
		{"without operators of a vendor", op("QLinearAdd", "w", ins("c", "s")).Str(7, "com.microsoft"), nil},
		{`domain "onnx.brevitas"`, op("Quant", "w", ins("c", "s")).Str(7, "onnx.brevitas"), nil},
	} {
		b := build{opset: 21, nodes: []msg{
			op("Conv", "c", ins("x", "k")), op("Size", "size", ins("two")),
			tt.node, op("Sum", "y", ins("w", "c")),
		}, inits: []msg{
			f32("k", dims(2, 2, 1, 1), 1, 0, 0, 1), ints("q", typeInt8, 1, dims(2, 2, 1, 2), 0, 1, 2, 3, 4, 5, 6, 7), f32("s", dims(), 1),
			f32("f", dims(2), 1, 2), ints("two", typeInt8, 1, dims(2), 0, 1),
		}}
		if len(tt.init) > 0 {
			b.inits = append(b.inits, tt.init)
		}
		_, err := Parse(b.encode())
		var u *UnsupportedError
		if !errors.As(err, &u) || len(u.Nodes) != 1 || !strings.Contains(u.Nodes[0].Reason, tt.want) || u.Nodes[0].Name != "w" {
			t.Errorf("error %v, want an UnsupportedError about w with %q", err, tt.want)
		}
	}
}

// quantizedResnet is a small residual network as static quantisation leaves it: weights
// in int8 with a scale for each channel, biases in int32, and pairs before every operator,
// of which some are all that is left of a ReLU.
func quantizedResnet() build {
	b := build{inits: []msg{
		f32("si", dims(), 0.0625), ints("zi", typeUint8, 1, dims(), 128), // Of the image and of what has either sign.
		f32("sr", dims(), 0.03125), ints("zr", typeInt8, 1, dims(), -128), // Of what has none.
		f32("sb", dims(2), 0.0078125, 0.00390625),
	}}
	pair := func(from, to, grid string) {
		b.nodes = append(b.nodes, op("QuantizeLinear", to+"_q", ins(from, "s"+grid, "z"+grid)), op("DequantizeLinear", to, ins(to+"_q", "s"+grid, "z"+grid)))
	}
	conv := func(from, to string, k int, w ...int64) {
		b.inits = append(b.inits,
			ints(to+"_w8", typeInt8, 1, dims(2, 2, k, k), w...), f32(to+"_s", dims(2), 0.125, 0.0625), ints(to+"_z", typeInt8, 1, dims(2), 0, 0),
			ints(to+"_b32", typeInt32, 4, dims(2), 20, -10))
		b.nodes = append(b.nodes,
			op("DequantizeLinear", to+"_w", ins(to+"_w8", to+"_s", to+"_z"), attrI("axis", 0)), op("DequantizeLinear", to+"_b", ins(to+"_b32", "sb"), attrI("axis", 0)),
			op("Conv", to, ins(from, to+"_w", to+"_b"), attrList("pads", int64(k/2), int64(k/2), int64(k/2), int64(k/2))))
	}
	three := []int64{1, -2, 3, 4, 5, -6, 7, 0, 1, 2, -1, 3, 0, 4, -4, 1, 2, -3, 1, 1, -1, 2, 6, 2, -2, 0, 1, 3, -3, 5, 1, -1, 2, 2, -5, 1}
	pair("x", "i", "i")
	conv("i", "c1", 3, three...)
	pair("c1", "a1", "r")
	conv("a1", "c2", 3, three...)
	pair("c2", "a2", "i")
	b.nodes = append(b.nodes, op("Add", "sum", ins("a2", "a1")))
	pair("sum", "a3", "r")
	b.nodes = append(b.nodes, op("MaxPool", "m", ins("a3_q"), attrList("kernel_shape", 2, 2), attrList("strides", 2, 2)), op("DequantizeLinear", "p", ins("m", "sr", "zr")), op("GlobalAveragePool", "g", ins("p")))
	pair("g", "g1", "r")
	conv("g1", "c3", 1, 3, -2, 1, 4)
	pair("c3", "y", "i")
	return b
}

// TestQuantizedResnet checks the whole of one: its operators, and that it differs from the
// file by no more than its roundings.
func TestQuantizedResnet(t *testing.T) {
	g, err := Parse(quantizedResnet().encode())
	if err != nil {
		t.Fatal(err)
	}
	const want = "Conv 2x4x4, Clip 2x4x4, Conv 2x4x4, BatchNormalization 2x4x4, Clip 2x4x4, BatchNormalization 2x4x4, Add 2x4x4, Clip 2x4x4, MaxPool 2x2x2, GlobalAveragePool 2x1x1, Conv 2x1x1"
	if got := operators(g); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestQuantizedBudget checks that a quantised network needs no more memory than a file of
// its size may ask for, without what small files are granted.
func TestQuantizedBudget(t *testing.T) {
	const in, out = 300, 200
	float, eight, four := make([]float32, in*out), make([]int64, in*out), make([]int64, in*out)
	for i := range float {
		float[i], eight[i], four[i] = float32(i%100)/10, int64(i%256)-128, int64(i%16)-8
	}
	scales := f32("s", dims(out), repeat(0.5, out)...)
	end := []msg{op("Transpose", "t", ins("w"), attrList("perm", 1, 0)), op("MatMul", "y", ins("x", "t"))}
	for name, b := range map[string]build{
		"int8": {
			nodes: []msg{op("Transpose", "u", ins("q"), attrList("perm", 0, 1)), op("DequantizeLinear", "w", ins("u", "s"), attrI("axis", 0))},
			inits: []msg{ints("q", typeInt8, 1, dims(out, in), eight...)},
		},
		"int4": {
			nodes: []msg{op("DequantizeLinear", "w", ins("q", "s"), attrI("axis", 0))},
			inits: []msg{ints("q", typeInt4, 0, dims(out, in), four...)},
		},
		"float": {
			nodes: []msg{
				op("QuantizeLinear", "q", ins("f", "s", "z"), attrI("axis", 0)), op("Clip", "c", ins("q", "lo", "hi")),
				op("DequantizeLinear", "w", ins("c", "s", "z"), attrI("axis", 0)),
			},
			inits: []msg{
				f32("f", dims(out, in), float...), ints("z", typeInt8, 1, dims(out), make([]int64, out)...),
				ints("lo", typeInt8, 1, dims(), -127), ints("hi", typeInt8, 1, dims(), 127),
			},
		},
	} {
		b.opset, b.in = 21, []msg{input("x", 0, in)}
		b.nodes, b.inits = append(b.nodes, end...), append(b.inits, scales)
		data := b.encode()
		m, err := parseModel(data)
		if err != nil {
			t.Fatal(err)
		}
		im := &importer{graph: m.graph, opset: m.opset, tensors: decoder{budget: &budget{left: budgetFactor * int64(len(data))}}}
		if _, err := im.run(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
