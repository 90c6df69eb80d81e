package onnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzGraph builds graphs of random operators on random inputs, so that the
// fuzzer gets behind the wire format. Nothing may panic, and every graph that
// comes out must be sound.
func FuzzGraph(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g, err := Parse(randomModel(rand.New(rand.NewPCG(seed, 1))).encode())
		if err != nil {
			return
		}
		if err := g.Validate(); err != nil {
			t.Errorf("unsound graph: %v", err)
		}
	})
}

func randomModel(r *rand.Rand) build {
	number := func() int64 {
		return []int64{-1, 0, 1, 2, 3, 4, 8, -2, 1 << 40, math.MaxInt64, math.MinInt64}[min(r.IntN(22), 10)%(2+r.IntN(9))]
	}
	numbers := func() []int64 {
		v := make([]int64, r.IntN(6))
		for i := range v {
			v[i] = number()
		}
		return v
	}
	var b build
	b.opset = 7 + r.Int64N(18)
	b.in = [][]msg{{input("x", 0, 2, 4, 4)}, {input("x", 3, 4)}, {input("x", 1, 4, 4, 2)}}[r.IntN(3)]
	values := []string{"x", "x", "w", "m", "v", "s", "", "i0", "i1", "i2", "q", "z", "h"}
	b.inits = []msg{
		f32("w", dims(2, 2, 1, 1), 1, 2, 3, 4), f32("m", dims(4, 4), repeat(1, 16)...), f32("v", dims(2), 1, 2), f32("s", dims(), 0),
		i64("i0", numbers()...), i64("i1", numbers()...), i64("i2", 1),
		ints("q", []elemType{typeInt8, typeUint8, typeE4M3FN}[r.IntN(3)], 1, dims(2, 2, 1, 1), 1, 2, 3, 200), ints("z", typeUint8, 1, dims(), 128*r.Int64N(2)), f32("h", dims(), 0.5),
	}
	ops := make([]string, 0, len(translations)+len(folds))
	for name := range translations {
		ops = append(ops, name)
	}
	for name := range folds {
		ops = append(ops, name)
	}
	slices.Sort(ops) // The order of a map would not be the seed's.
	lists := []string{"axes", "perm", "pads", "strides", "dilations", "kernel_shape", "starts", "ends", "steps", "shape", "split"}
	ints := []string{"axis", "keepdims", "group", "transB", "ceil_mode", "count_include_pad", "start", "end", "to", "allowzero", "block_size", "output_dtype"}
	n := 1 + r.IntN(8)
	for i := range n {
		var in []string
		for range 1 + r.IntN(5) {
			in = append(in, values[r.IntN(len(values))])
		}
		if r.IntN(2) == 0 {
			in[0] = values[max(0, len(values)-1-r.IntN(3))]
		}
		var attrs []msg
		for range r.IntN(4) {
			switch r.IntN(4) {
			case 0:
				attrs = append(attrs, attrI(ints[r.IntN(len(ints))], number()))
			case 1:
				attrs = append(attrs, attrList(lists[r.IntN(len(lists))], numbers()...))
			case 2:
				k := 1 + r.Int64N(3)
				attrs = append(attrs, attrList("kernel_shape", k, k))
			case 3:
				attrs = append(attrs, attrList("perm", [][]int64{{0, 3, 1, 2}, {0, 2, 3, 1}, {1, 0}}[r.IntN(3)]...))
			}
		}
		typ := ops[r.IntN(len(ops))]
		if r.IntN(4) == 0 && len(in) > 2 { // Else parameters that fit are rare.
			typ, in[1], in[2] = []string{"QuantizeLinear", "DequantizeLinear"}[r.IntN(2)], "h", "z"
		}
		out := string(rune('A' + i))
		if i == n-1 {
			out = "y"
		}
		node := op(typ, out, in, attrs...)
		if r.IntN(4) == 0 {
			second := out + "2"
			node, values = with(node, second), append(values, second)
		}
		b.nodes = append(b.nodes, node)
		values = append(values, out, out)
	}
	return b
}
