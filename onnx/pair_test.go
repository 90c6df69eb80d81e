package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
)

// TestPairs checks what becomes of activations that are rounded: what is left computes
// the same without the rounding.
func TestPairs(t *testing.T) {
	pair := func(from, to, s, z string) []msg {
		return []msg{op("QuantizeLinear", to+"_q", ins(from, s, z)), op("DequantizeLinear", to, ins(to+"_q", s, z))}
	}
	all := func(lists ...[]msg) (out []msg) {
		for _, l := range lists {
			out = append(out, l...)
		}
		return out
	}
	one := func(nodes ...msg) []msg { return nodes }
	conv := func(from, to string) []msg { return one(op("Conv", to, ins(from, "w"))) }
	clip := func(least, most float64) func(float64) float64 {
		return func(x float64) float64 { return min(max(x, least), most) }
	}
	same := func(x float64) float64 { return x }
	window := attrList("kernel_shape", 1, 1)
	for _, tt := range []struct {
		name  string
		nodes []msg // From c, a convolution that hands on the image, and x.
		want  string
		f     func(x float64) float64
	}{
		// s is 1/4 and t 1/2; u0 and i128 make a range that begins at 0.
		{"behind ReLU, uint8", all(one(op("Relu", "r", ins("c"))), pair("r", "y", "s", "u0")), "Conv Clip", clip(0, 63.75)},
		{"behind ReLU, int8", all(one(op("Relu", "r", ins("c"))), pair("r", "y", "t", "i128")), "Conv Clip", clip(0, 127.5)},
		{"behind ReLU, range on both sides", all(one(op("Relu", "r", ins("c"))), pair("r", "y", "s", "i0")), "Conv Clip", clip(0, 31.75)},
		{"behind ReLU6 within the range", all(one(op("Clip", "r", ins("c", "zero", "six"))), pair("r", "y", "s", "u0")), "Conv Clip", clip(0, 6)},
		{"as ReLU, uint8", pair("c", "y", "s", "u0"), "Conv Clip", clip(0, 63.75)},
		{"as ReLU, without a zero point", one(op("QuantizeLinear", "q", ins("c", "s")), op("DequantizeLinear", "y", ins("q", "s"))), "Conv Clip", clip(0, 63.75)},
		{"as ReLU, int8", pair("c", "y", "s", "i128"), "Conv Clip", clip(0, 63.75)},
		{"as ReLU, of the lower half", one(op("QuantizeLinear", "q", ins("c", "s", "u0")), op("Clip", "k", ins("q", "u0", "u127")), op("DequantizeLinear", "y", ins("k", "s", "u0"))), "Conv Clip", clip(0, 31.75)},
		{"before ReLU", all(pair("c", "d", "s", "i0"), one(op("Relu", "y", ins("d")))), "Conv Clip", clip(0, 31.75)},
		{"before ReLU6", all(pair("c", "d", "s", "i0"), one(op("Clip", "y", ins("d", "zero", "six")))), "Conv Clip", clip(0, 6)},
		{"before ReLU, and behind", all(pair("c", "d", "s", "i0"), one(op("Relu", "r", ins("d"))), pair("r", "y", "t", "u0")), "Conv Clip", clip(0, 31.75)},
		{"before ReLU as Max", all(pair("c", "d", "s", "i0"), one(op("Max", "y", ins("zero", "d")))), "Conv Clip", clip(0, 31.75)},
		{"before ReLU as Where", all(pair("c", "d", "s", "i0"), one(op("Greater", "g", ins("d", "zero")), op("Where", "y", ins("g", "d", "zero")))), "Conv Clip", clip(0, 31.75)},
		{"before ReLU, through views and a max pool", all(pair("c", "d", "s", "i0"), one(
			op("Transpose", "t1", ins("d"), attrList("perm", 0, 2, 3, 1)), op("Identity", "t2", ins("t1")), op("Transpose", "t3", ins("t2"), attrList("perm", 0, 3, 1, 2)),
			op("MaxPool", "p", ins("t3"), window), op("Relu", "y", ins("p")))), "Conv MaxPool Clip", clip(0, 31.75)},
		{"a max pool and views in integers", one(
			op("QuantizeLinear", "q", ins("c", "s", "i128")), op("MaxPool", "p", ins("q"), window), op("Flatten", "f", ins("p")), op("Reshape", "r", ins("f", "shape")),
			op("DequantizeLinear", "y", ins("r", "s", "i128"))), "Conv Clip MaxPool", clip(0, 63.75)},
		{
			"a max pool in integers of shuffled channels", one(
				op("Gather", "t1", ins("c", "swap"), attrI("axis", 1)), op("QuantizeLinear", "q", ins("t1", "s", "u100")), op("MaxPool", "p", ins("q"), window),
				op("DequantizeLinear", "d", ins("p", "s", "u100")), op("Gather", "t2", ins("d", "swap"), attrI("axis", 1)), op("Conv", "y", ins("t2", "w"))),
			"Conv Gather MaxPool BatchNormalization Clip BatchNormalization Gather Conv", clip(-25, 38.75),
		},
		{"pools of what is within the range", all(pair("c", "d", "s", "u0"), one(op("MaxPool", "p", ins("d"), window)), pair("p", "e", "s", "u0"), one(op("AveragePool", "a", ins("e"), window)), pair("a", "y", "t", "i128")), "Conv Clip MaxPool AveragePool", clip(0, 63.75)},
		{"an average that leaves the range", all(pair("c", "d", "s", "u0"), one(op("AveragePool", "a", ins("d"), window)), pair("a", "y", "eighth", "u0")), "Conv Clip AveragePool Clip", clip(0, 31.875)},
		{"a sum, as ReLU", all(one(op("Add", "a", ins("c", "c"))), pair("a", "y", "s", "i128")), "Conv Add Clip", func(x float64) float64 { return clip(0, 63.75)(2 * x) }},
		{"a sum of what is within", all(pair("c", "d", "s", "u0"), one(op("Add", "a", ins("d", "d"))), pair("a", "y", "t", "u0")), "Conv Clip Add", func(x float64) float64 { return 2 * clip(0, 63.75)(x) }},
		{"of either sign, before a sum", all(pair("c", "d", "s", "i0"), one(op("Add", "y", ins("d", "d")))), "Conv Clip BatchNormalization Add", func(x float64) float64 { return 2 * clip(-32, 31.75)(x) }},
		{"of either sign, with a range of its own on each side", all(pair("c", "d", "s", "u100"), conv("d", "y")), "Conv Clip BatchNormalization Conv", clip(-25, 38.75)},
		{"of either sign, again", all(pair("c", "d", "s", "u100"), pair("d", "e", "s", "u100"), conv("e", "k"), pair("d", "f", "t", "i0"), one(op("Add", "y", ins("k", "f")))), "Conv Clip BatchNormalization Conv Add", func(x float64) float64 { return 2 * clip(-25, 38.75)(x) }},
		{"of either sign, behind what is never negative", all(one(op("Relu", "r", ins("c")), op("Conv", "k", ins("r", "minus"))), pair("k", "d", "s", "i0"), conv("d", "y")), "Conv Relu Conv Clip BatchNormalization Conv", func(x float64) float64 { return clip(-32, 31.75)(-max(x, 0)) }},
		{"the image", all(pair("x", "i", "s", "u100"), conv("i", "y")), "Conv", same},
		{"the image, in the lower half", one(op("QuantizeLinear", "q", ins("x", "s", "u0")), op("Clip", "k", ins("q", "u0", "u127")), op("DequantizeLinear", "i", ins("k", "s", "u0")), op("Conv", "y", ins("i", "w"))), "Conv", same},
		{"the image, scaled", all(one(op("Mul", "m", ins("x", "two"))), pair("m", "i", "s", "u0"), one(op("Relu", "r", ins("i"))), conv("r", "y")), "BatchNormalization Relu Conv", func(x float64) float64 { return max(2*x, 0) }},
		{"an image of integers", all(one(op("DequantizeLinear", "i", ins("x", "s", "u100"))), conv("i", "y")), "BatchNormalization Conv", func(x float64) float64 { return x/4 - 25 }},
		{"the logits", pair("c", "y", "s", "i0"), "Conv", same},
		{"the logits, in integers", one(op("QuantizeLinear", "y", ins("c", "s", "i0"))), "Conv", same},
		{"ReLU at the end", pair("c", "y", "s", "i128"), "Conv Clip", clip(0, 63.75)},
		{"another scale behind", one(op("QuantizeLinear", "q", ins("c", "s", "u0")), op("DequantizeLinear", "d", ins("q", "t", "u100")), op("Conv", "y", ins("d", "w"))), "Conv Clip BatchNormalization Conv", func(x float64) float64 { return 2*clip(0, 63.75)(x) - 50 }},
		{"quantised again", one(op("QuantizeLinear", "q", ins("c", "s", "u0")), op("DequantizeLinear", "d", ins("q", "s", "u0")), op("QuantizeLinear", "r", ins("d", "t", "i0")), op("DequantizeLinear", "y", ins("r", "t", "i0"))), "Conv Clip Clip", clip(0, 63.5)},
		{"one pair for each taker", all(one(op("Relu", "r", ins("c"))), pair("r", "d", "s", "u0"), pair("r", "e", "s", "u0"), one(op("Add", "y", ins("d", "e")))), "Conv Clip Add", func(x float64) float64 { return 2 * clip(0, 63.75)(x) }},
		{"one end for each taker", all(one(op("Relu", "r", ins("c")), op("QuantizeLinear", "q", ins("r", "s", "i0")), op("DequantizeLinear", "d", ins("q", "s", "i0")), op("DequantizeLinear", "e", ins("q", "s", "i0")), op("Add", "y", ins("d", "e")))), "Conv Clip Add", func(x float64) float64 { return 2 * clip(0, 31.75)(x) }},
		{"a scale for each channel", one(op("QuantizeLinear", "q", ins("c", "st", "u00")), op("DequantizeLinear", "d", ins("q", "st", "u00")), op("Slice", "e", ins("d", "i00", "i01", "i01")), op("Concat", "y", ins("e", "e"), attrI("axis", 1))), "Conv BatchNormalization Clip BatchNormalization Slice Concat", clip(0, 63.75)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{opset: 21, nodes: append(conv("x", "c"), tt.nodes...), inits: []msg{
				f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1), f32("minus", dims(2, 2, 1, 1), -1, 0, 0, -1), f32("s", dims(), 0.25), f32("t", dims(1), 0.5), f32("st", dims(2), 0.25, 0.5),
				f32("eighth", dims(), 0.125), f32("zero", dims(), 0), f32("one", dims(), 1), f32("two", dims(), 2), f32("six", dims(), 6), f32("eight", dims(), 8), f32("low", dims(), -6),
				ints("u0", typeUint8, 1, dims(), 0), ints("u127", typeUint8, 1, dims(), 127), ints("u100", typeUint8, 1, dims(), 100), ints("u00", typeUint8, 1, dims(2), 0, 0),
				ints("i0", typeInt8, 1, dims(), 0), ints("i128", typeInt8, 1, dims(1), -128), i64("shape", -1, 2, 4, 4), i64("i00", 0), i64("swap", 1, 0), i64("i01", 1),
			}}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range g.Nodes {
				got = append(got, n.Op.Type())
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
			image := make([]float32, 32)
			for i := range image {
				image[i] = 10 * (float32(i) - 15)
			}
			image[20], image[21], image[3] = 0.25, 1.5, -0.25
			for i, y := range run(t, g.Unrounded(), image) {
				x := image[i]
				if strings.HasPrefix(tt.name, "a scale for each") {
					x = image[i%16]
				}
				if want := tt.f(float64(x)); math.Abs(float64(y)-want) > 1e-5 {
					t.Fatalf("of %v: got %v, want %v\n%v", x, y, want, g)
				}
			}
		})
	}
}

// TestPairNames checks that what becomes of a rounding has its name and operator.
func TestPairNames(t *testing.T) {
	b := build{nodes: []msg{
		op("Conv", "c", ins("x", "w")), op("Relu", "r", ins("c")), op("QuantizeLinear", "q", ins("r", "s")), op("DequantizeLinear", "d", ins("q", "s")),
		op("Conv", "e", ins("d", "w")), op("QuantizeLinear", "f", ins("e", "s", "z")), op("DequantizeLinear", "h", ins("f", "s", "z")), op("Add", "y", ins("h", "d")),
	}, inits: []msg{f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1), f32("s", dims(), 0.25), ints("z", typeInt8, 1, dims(), 0)}}
	g, err := Parse(b.encode())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range g.Nodes {
		got = append(got, n.Name+" "+n.Type())
	}
	if s, want := strings.Join(got, ", "), "c Conv, d DequantizeLinear, e Conv, h/relu DequantizeLinear, h DequantizeLinear, y Add"; s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// TestPairsRandom checks on random chains of operators that the network is what the file
// computes, rounding included, up to half a step of each rounding.
func TestPairsRandom(t *testing.T) {
	round := map[string]func(float64) float64{"Floor": math.Floor, "Round": math.RoundToEven, "Ceil": math.Ceil}
	refused, both, relus := uint64(0), uint64(0), uint64(0)
	models := uint64(3000)
	if !testing.Short() {
		models = 20000
	}
	for seed := range models {
		r := rand.New(rand.NewPCG(seed, 7))
		scales := []float32{0.0625, 0.125, 0.25, 0.5, 0.1, 0.3}
		b := build{opset: 21, nodes: []msg{op("Conv", "v0", ins("x", "w"))}, inits: []msg{f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1)}}
		// What the file computes of a number, and by how much what is imported may differ.
		type number struct{ v, off float64 }
		file := func(x float64) number { return number{v: x} }
		last, count, told := "v0", 0, ""
		add := func(typ string, inits []msg, f func(number) number, attrs ...msg) {
			count++
			name := fmt.Sprint("v", count)
			told += " " + typ
			in := ins(last)
			for i, t := range inits {
				init := fmt.Sprint(name, "_", i)
				b.inits = append(b.inits, slices.Clone(t).Str(8, init))
				in = append(in, init)
				if v, err := (&decoder{budget: newBudget(0)}).decode(t); err == nil {
					told += fmt.Sprint(v.f, v.i)
				}
			}
			b.nodes = append(b.nodes, op(typ, name, in, attrs...))
			before := file
			file, last = func(x float64) number { return f(before(x)) }, name
		}
		num := func(v float32) []msg { return []msg{f32("", dims(), v)} }
		for range 1 + r.IntN(4) {
			switch r.IntN(7) {
			case 0, 1, 2: // A pair.
				s := scales[r.IntN(len(scales))]
				typ, z := typeUint8, []int64{0, 0, 128, 100, 3}[r.IntN(5)]
				least, most := 0.0, 255.0
				if r.IntN(2) == 0 {
					typ, z, least, most = typeInt8, []int64{-128, -128, 0, 10, -100}[r.IntN(5)], -128, 127
				}
				grid := []msg{f32("", dims(), s), ints("", typ, 1, dims(), z)}
				add("QuantizeLinear", grid, func(x number) number {
					q := math.RoundToEven(x.v/float64(s)) + float64(z)
					return number{min(max(q, least), most), x.off/float64(s) + 0.5}
				})
				switch r.IntN(6) {
				case 0:
					add("MaxPool", nil, func(x number) number { return x }, attrList("kernel_shape", 1, 1))
				case 1:
					top := most - float64(r.IntN(200))
					add("Clip", []msg{ints("", typ, 1, dims(), int64(least)), ints("", typ, 1, dims(), int64(top))}, func(x number) number { return number{min(x.v, top), x.off} })
				}
				back := s
				if r.IntN(8) == 0 {
					back = scales[r.IntN(len(scales))]
					grid = []msg{f32("", dims(), back), grid[1]}
				}
				add("DequantizeLinear", grid, func(x number) number { return number{(x.v - float64(z)) * float64(back), x.off * float64(back)} })
			case 3:
				add("Relu", nil, func(x number) number { return number{max(x.v, 0), x.off} })
			case 4:
				f := []float32{2, 0.5, -1, 0.25}[r.IntN(4)]
				add("Mul", num(f), func(x number) number { return number{x.v * float64(f), x.off * math.Abs(float64(f))} })
			case 5:
				c := []float32{1, -0.5, 3}[r.IntN(3)]
				add("Add", num(c), func(x number) number { return number{x.v + float64(c), x.off} })
			case 6: // Spelled.
				s, top, typ := scales[r.IntN(4)], float64(1+r.IntN(20)), []string{"Round", "Floor", "Ceil"}[r.IntN(3)]
				bottom := -float64(r.IntN(3) * r.IntN(8))
				clip := func() {
					add("Clip", append(num(float32(bottom)), num(float32(top))...), func(x number) number { return number{min(max(x.v, bottom), top), x.off} })
				}
				rounding := func() {
					add(typ, nil, func(x number) number { return number{round[typ](x.v), x.off + 0.5} })
				}
				add("Div", num(s), func(x number) number { return number{x.v / float64(s), x.off / float64(s)} })
				if bottom == 0 && r.IntN(2) == 0 { // A bound below 0 alone has no counterpart where nothing is rounded yet.
					clip()
					rounding()
				} else {
					rounding()
					clip()
				}
				add("Mul", num(s), func(x number) number { return number{x.v * float64(s), x.off * float64(s)} })
			}
		}
		b.nodes = append(b.nodes, op("Conv", "y", ins(last, "w")))
		g, err := Parse(b.encode())
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "is a constant") && !strings.Contains(err.Error(), "has no bounds") {
				t.Fatalf("model %d: %v\n%s", seed, err, told)
			}
			continue
		}
		for _, n := range g.Nodes {
			if _, ok := n.Op.(*ann.Clip); ok {
				relus++
				if strings.HasSuffix(n.Name, "/relu") {
					both++
				}
			}
		}
		image := make([]float32, 32)
		for i := range image {
			image[i] = float32(r.NormFloat64()) * []float32{0.3, 3, 30, 100}[i%4]
		}
		for i, y := range run(t, g, image) {
			want := file(float64(image[i]))
			// Half a step more, as bounds within half a step of what is there are left out.
			if d := math.Abs(float64(y) - want.v); d > 2*want.off+1e-4 {
				t.Fatalf("model %d: of %v: got %v, want %v and at most %v off, of%s\n%v", seed, image[i], y, want.v, want.off, told, g)
			}
		}
	}
	if refused > models/4 || both < models/20 || relus < models/4 {
		t.Errorf("%d of %d models refused, %d ReLUs, %d pairs of them", refused, models, relus, both)
	}
}

// TestPairHeads checks that pairs at the end go, with those of what decides nothing.
func TestPairHeads(t *testing.T) {
	const kept = "GlobalAveragePool 2x1x1, Flatten 2, Gemm 3"
	pair := func(from, to string) []msg {
		return []msg{op("QuantizeLinear", to+"_q", ins(from, "s", "z")), op("DequantizeLinear", to, ins(to+"_q", "s", "z"))}
	}
	positive := func(from, to string) []msg { // Of what is between 0 and 1.
		return []msg{op("QuantizeLinear", to+"_q", ins(from, "small")), op("DequantizeLinear", to, ins(to+"_q", "small"))}
	}
	for _, tt := range []struct {
		name  string
		want  string
		nodes []msg
	}{
		{"logits", kept, pair("l", "y")},
		{"logits in integers", kept, []msg{op("QuantizeLinear", "y", ins("l", "s", "z"))}},
		{"softmax", kept + ", Softmax 3", append(pair("l", "a"), op("Softmax", "y", ins("a")))},
		{"softmax that is quantised", kept + ", Softmax 3", append(append(pair("l", "a"), op("Softmax", "b", ins("a"))), positive("b", "y")...)},
		{"sigmoid that is quantised", kept, append(append(pair("l", "a"), op("Sigmoid", "b", ins("a"))), positive("b", "y")...)},
		{"argmax", kept, append(pair("l", "a"), op("ArgMax", "y", ins("a"), attrI("axis", 1)))},
		{"argmax of integers, viewed", kept, []msg{op("QuantizeLinear", "a", ins("l", "s", "z")), op("Reshape", "b", ins("a", "shape")), op("ArgMax", "y", ins("b"), attrI("axis", 1))}},
		{"argmax of softmax", kept + ", Softmax 3", append(append(append(pair("l", "a"), op("Softmax", "b", ins("a"))), positive("b", "c")...), op("ArgMax", "y", ins("c"), attrI("axis", 1)))},
		{"in the middle", kept + ", Clip 3, BatchNormalization 3, Gemm 2", append(pair("l", "a"), op("Gemm", "y", ins("a", "w")))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{
				nodes: append([]msg{op("GlobalAveragePool", "p", ins("x")), op("Flatten", "f", ins("p")), op("Gemm", "l", ins("f", "w"), attrI("transB", 1))}, tt.nodes...),
				inits: []msg{f32("w", dims(3, 2), 1, 2, 3, 4, 5, 6), f32("s", dims(), 0.5), f32("small", dims(), 1.0/256), ints("z", typeInt8, 1, dims(), 3), i64("shape", 0, 3)},
			}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			if got := operators(g); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestPairLevels checks the bounds and levels of what pairs become: as many as the file
// has between them.
func TestPairLevels(t *testing.T) {
	pair := func(from, to, s, z string) []msg {
		return []msg{op("QuantizeLinear", to+"_q", ins(from, s, z)), op("DequantizeLinear", to, ins(to+"_q", s, z))}
	}
	relu := op("Relu", "r", ins("c"))
	for _, tt := range []struct {
		name  string
		nodes []msg // From c to d.
		want  string
	}{
		{"uint8", pair("c", "d", "s", "u0"), "63.75 in 255"},
		{"int8", pair("c", "d", "s", "i128"), "63.75 in 255"},
		{"int4", pair("c", "d", "s", "f8"), "3.75 in 15"},
		{"half of int8", append([]msg{relu}, pair("r", "d", "s", "i0")...), "31.75 in 127"},
		{"half, by Clip", []msg{op("QuantizeLinear", "q", ins("c", "s", "u0")), op("Clip", "k", ins("q", "u0", "u127")), op("DequantizeLinear", "d", ins("k", "s", "u0"))}, "31.75 in 127"},
		{"ReLU behind", append(pair("c", "p", "s", "i0"), op("Relu", "d", ins("p"))), "31.75 in 127"},
		{"ReLU6 behind", append(pair("c", "p", "s", "i0"), op("Clip", "d", ins("p", "zero", "six"))), "6 in 24"},
		{"ReLU6 before, within", append([]msg{op("Clip", "r", ins("c", "zero", "six"))}, pair("r", "d", "s", "i0")...), "6 in 24"},
		{"ReLU6 before, of all levels", append([]msg{op("Clip", "r", ins("c", "zero", "six"))}, pair("r", "d", "s6", "u0")...), "6 in 255"},
		{"ReLU6 before, without its last level", append([]msg{op("Clip", "r", ins("c", "zero", "six"))}, pair("r", "d", "s6", "i127")...), "5.9764705 in 254"},
		{"ReLU6 before, cut", append([]msg{op("Clip", "r", ins("c", "zero", "six"))}, pair("r", "d", "s", "f8")...), "3.75 in 15"},
		{"a bound between two levels, behind", append([]msg{op("Clip", "r", ins("c", "zero", "odd"))}, pair("r", "d", "s", "u0")...), "5.9 in 0, 6 in 24"},
		{"from between two levels on", append([]msg{relu, op("Add", "a", ins("r", "less"))}, pair("a", "d", "s", "u0")...), "63.75 in 255"},
		{"from between two levels on, below the zero", append([]msg{relu, op("Sub", "a", ins("r", "odd"))}, pair("a", "d", "s", "u100")...), "44.75 in 179"},
		{"twice the same", append(pair("c", "p", "s", "u0"), pair("p", "d", "s", "u0")...), "63.75 in 255"},
		{"of all levels, nearly", append([]msg{op("Clip", "r", ins("c", "zero", "ten"))}, pair("r", "d", "s10", "u0")...), "10 in 255"},
		{"both signs", pair("c", "d", "s", "u100"), "63.75 in 255"},
		{"coarse, then fine and narrower", append(pair("c", "p", "t", "u20"), pair("p", "d", "s", "u127")...), "42 in 84"},
		{"coarse, then fine, ending between two levels", append(pair("c", "p", "t", "u100"), pair("p", "d", "s", "i0")...), "127.5 in 255, 63.75 in 255"},
		{"below zero, of what goes no further", append([]msg{op("Clip", "r", ins("c", "zero", "six")), op("Mul", "m", ins("r", "minus"))}, pair("m", "d", "s", "u8")...), "6 in 0, 2 in 8"},
		{"within, of pools", append(append(pair("c", "p", "s", "u0"), op("MaxPool", "m", ins("p"), attrList("kernel_shape", 2, 2))), pair("m", "d", "s", "u0")...), "63.75 in 255"},
		{"one channel goes further", append([]msg{op("Clip", "r", ins("c", "zero", "six")), op("Mul", "m", ins("r", "onetwo"))}, pair("m", "d", "s", "i96")...), "6 in 0, 10 in 40"},
		{"one branch goes further", append([]msg{op("Clip", "r", ins("c", "zero", "six")), op("Relu", "r2", ins("c")), op("Concat", "m", ins("r", "r2"), attrI("axis", 1)), op("Conv", "d", ins("e", "w4"))}, pair("m", "e", "s", "u0")...), "6 in 0, 63.75 in 255"},
		{"a sum goes further", append([]msg{op("Clip", "r", ins("c", "zero", "six")), op("Conv", "k", ins("r", "w")), op("Clip", "r2", ins("k", "zero", "six")), op("Add", "m", ins("r", "r2"))}, pair("m", "d", "s", "i96")...), "6 in 0, 6 in 0, 10 in 40"},
		{"a sum goes no further", append([]msg{op("Clip", "r", ins("c", "zero", "six")), op("Conv", "k", ins("r", "w")), op("Clip", "r2", ins("k", "zero", "six")), op("Add", "m", ins("r", "r2"))}, pair("m", "d", "s", "u0")...), "6 in 0, 6 in 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build{opset: 21, nodes: append([]msg{op("Conv", "c", ins("x", "w"))}, append(tt.nodes, op("Conv", "y", ins("d", "w")))...), inits: []msg{
				f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1), f32("w4", dims(2, 4, 1, 1), 1, 0, 0, 1, 1, 1, 0, 1), f32("s", dims(), 0.25), f32("t", dims(), 0.5), f32("s6", dims(), 6.0/255), f32("s10", dims(), 10.0/255-1e-7), f32("ten", dims(), 10), f32("odd", dims(), 5.9), f32("less", dims(), 0.6),
				f32("zero", dims(), 0), f32("six", dims(), 6), f32("minus", dims(), -1), f32("onetwo", dims(2, 1, 1), 1, 2),
				ints("u0", typeUint8, 1, dims(), 0), ints("u8", typeUint8, 1, dims(), 8), ints("u20", typeUint8, 1, dims(), 20), ints("u100", typeUint8, 1, dims(), 100), ints("u127", typeUint8, 1, dims(), 127),
				ints("i0", typeInt8, 1, dims(), 0), ints("i96", typeInt8, 1, dims(), 87), ints("i127", typeInt8, 1, dims(), -127), ints("i128", typeInt8, 1, dims(), -128), ints("f8", typeInt4, 0, dims(), -8),
			}}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range g.Nodes {
				if op, ok := n.Op.(*ann.Clip); ok {
					got = append(got, fmt.Sprint(op.Max, " in ", op.Levels))
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %s, want %s\n%v", s, tt.want, g)
			}
		})
	}
}

// TestPairPools checks max pools of integers of several positions, where larger numbers
// have larger levels and where they have smaller ones.
func TestPairPools(t *testing.T) {
	for _, factor := range []float32{1, -1, 0.5} {
		for _, zero := range []int64{0, 100} {
			b := build{nodes: []msg{
				op("Conv", "c", ins("x", "w")), op("Clip", "k", ins("c", "low", "high")), op("Mul", "m", ins("k", "factor")),
				op("QuantizeLinear", "q", ins("m", "s", "z")), op("MaxPool", "p", ins("q"), attrList("kernel_shape", 2, 2), attrList("strides", 2, 2)),
				op("DequantizeLinear", "d", ins("p", "s", "z")), op("Conv", "y", ins("d", "w")),
			}, inits: []msg{
				f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1), f32("low", dims(), -4), f32("high", dims(), 3), f32("factor", dims(), factor), f32("s", dims(), 0.0625), ints("z", typeUint8, 1, dims(), zero),
			}}
			g, err := Parse(b.encode())
			if err != nil {
				t.Fatal(err)
			}
			image := make([]float32, 32)
			for i := range image {
				image[i] = float32(i*7%32)/2 - 8
			}
			for i, y := range run(t, g.Unrounded(), image) {
				want := math.Inf(-1)
				for _, j := range []int{0, 1, 4, 5} {
					m := float64(factor) * min(max(float64(image[i/4*16+i%4/2*8+i%2*2+j]), -4), 3)
					want = max(want, min(max(m, -float64(zero)/16), float64(255-zero)/16))
				}
				if math.Abs(float64(y)-want) > 1e-5 {
					t.Errorf("factor %v, zero point %d: element %d is %v, want %v\n%v", factor, zero, i, y, want, g)
					break
				}
			}
		}
	}
}

// TestPairChannelsLast has the pair of an image, or half of one, before the Transpose that
// shows that its channels are last.
func TestPairChannelsLast(t *testing.T) {
	for name, nodes := range map[string][]msg{
		"pair":     {op("QuantizeLinear", "q", ins("x", "s", "z")), op("DequantizeLinear", "d", ins("q", "s", "z")), op("Transpose", "t", ins("d"), attrList("perm", 0, 3, 1, 2))},
		"integers": {op("QuantizeLinear", "q", ins("x", "s", "z")), op("Transpose", "d", ins("q"), attrList("perm", 0, 3, 1, 2)), op("DequantizeLinear", "t", ins("d", "s", "z"))},
		"one end":  {op("DequantizeLinear", "d", ins("x", "one")), op("Transpose", "t", ins("d"), attrList("perm", 0, 3, 1, 2))},
	} {
		b := build{in: []msg{input("x", 0, 4, 5, 2)}, nodes: append(nodes, op("Conv", "y", ins("t", "w"))), inits: []msg{
			f32("w", dims(2, 2, 1, 1), 1, 0, 0, 1), f32("s", dims(), 0.25), f32("one", dims(), 1), ints("z", typeUint8, 1, dims(), 100),
		}}
		g, err := Parse(b.encode())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		image := make([]float32, 40)
		for i := range image {
			image[i] = float32(i)
		}
		equal(t, name+": output", run(t, g, image), image...)
		if g.Input.Shape.String() != "2x4x5" {
			t.Errorf("%s: images of %v, want 2x4x5", name, g.Input.Shape)
		}
	}
}

// A pair does not mind in which order elements are: behind exchanged rows and columns, a
// fully connected layer takes them as it does without a pair.
func TestPairOfAnyOrder(t *testing.T) {
	weights := make([]float32, 96)
	for i := range weights {
		weights[i] = float32(i%13) - 6
	}
	inits := []msg{f32("s", dims(), 0.5), f32("w", dims(3, 32), weights...), tensorOf("z", 2, nil).Bytes(9, []byte{0})}
	image := make([]float32, 32)
	for i := range image {
		image[i] = float32(i%9) / 2 // Multiples of the scale.
	}
	relu, moved := op("Relu", "r", ins("x")), op("Transpose", "t", ins("r"), attrList("perm", 0, 1, 3, 2))
	last := []msg{op("Flatten", "f", ins("v")), op("Gemm", "y", ins("f", "w"), attrI("transB", 1))}
	var want []float32
	for _, between := range [][]msg{
		{op("Identity", "v", ins("t"))},
		{op("QuantizeLinear", "q", ins("t", "s", "z")), op("DequantizeLinear", "v", ins("q", "s", "z"))},
	} {
		g, err := Parse(build{nodes: slices.Concat([]msg{relu, moved}, between, last), inits: inits}.encode())
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, g, image)
		if want == nil {
			want = slices.Clone(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// TestPairsBetweenLevels checks pairs behind numbers that begin and end between two levels,
// against what they do.
func TestPairsBetweenLevels(t *testing.T) {
	for _, offset := range []float32{-2, -1.7, -0.3, -0.01, 0, 0.01, 0.3, 1.7} {
		for _, most := range []float32{0.9, 1.37, 6, 100} {
			for _, zero := range []int64{0, 3, 128} {
				const scale = float32(0.0213)
				if offset+most < scale*float32(1-zero) {
					continue // A constant.
				}
				b := build{opset: 21, in: []msg{input("x", 0, 1, 1, 64)}, nodes: []msg{
					op("Conv", "c", ins("x", "one")), op("Clip", "r", ins("c", "zero", "most")), op("Add", "a", ins("r", "offset")),
					op("QuantizeLinear", "q", ins("a", "scale", "z")), op("DequantizeLinear", "d", ins("q", "scale", "z")),
					op("Conv", "k", ins("d", "one")), op("Relu", "y", ins("k")),
				}, inits: []msg{
					f32("one", dims(1, 1, 1, 1), 1), f32("zero", dims(), 0), f32("most", dims(), most), f32("offset", dims(), offset), f32("scale", dims(), scale), ints("z", typeUint8, 1, dims(), zero),
				}}
				g, err := Parse(b.encode())
				if err != nil {
					t.Fatal(err)
				}
				image := make([]float32, 64)
				for i := range image {
					image[i] = float32(i)/9 - 0.5
				}
				for i, y := range run(t, g, image) {
					x := float64((min(max(image[i], 0), most) + offset) / scale)
					if math.Abs(x-math.Floor(x)-0.5) < 1e-3 {
						continue // Between two levels.
					}
					x = min(max(x, float64(-zero)), float64(255-zero))
					left := max(x*float64(scale), 0) // Where the rounding is left out.
					if want := max(math.RoundToEven(x)*float64(scale), 0); math.Abs(float64(y)-want) > 1e-5 && math.Abs(float64(y)-left) > 1e-5 {
						t.Errorf("offset %v, bound %v, zero %d: %v becomes %v, want %v", offset, most, zero, image[i], y, want)
						break
					}
				}
			}
		}
	}
}
