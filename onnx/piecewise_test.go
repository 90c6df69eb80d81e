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

// scratch builds a file of elementwise operators beside the plain function that they are.
type scratch struct {
	rng   *rand.Rand
	nodes []msg
	inits []msg
	names int
}

// fn is an ONNX value and what it is of each channel's number.
type fn struct {
	name string
	of   func(x float64, c int) float64
}

func (s *scratch) name() string {
	s.names++
	return fmt.Sprintf("v%d", s.names)
}

// number is a constant, the same for all channels or not.
func (s *scratch) number(around float64) (string, func(c int) float64) {
	name := s.name()
	a, b := float32(around+s.rng.NormFloat64()), float32(around+s.rng.NormFloat64())
	if s.rng.IntN(3) > 0 {
		s.inits = append(s.inits, f32(name, dims(), a))
		return name, func(int) float64 { return float64(a) }
	}
	s.inits = append(s.inits, f32(name, dims(2, 1, 1), a, b))
	return name, func(c int) float64 { return float64([]float32{a, b}[c]) }
}

func (s *scratch) add(kind string, of func(x float64, c int) float64, in []string, attrs ...msg) fn {
	name := s.name()
	s.nodes = append(s.nodes, op(kind, name, in, attrs...))
	return fn{name, of}
}

// step does one operator, or a few that belong together, to f.
func (s *scratch) step(f fn) fn {
	switch s.rng.IntN(13) {
	case 0:
		return s.add("Relu", func(x float64, c int) float64 { return max(f.of(x, c), 0) }, ins(f.name))
	case 1:
		return s.add("Abs", func(x float64, c int) float64 { return math.Abs(f.of(x, c)) }, ins(f.name))
	case 2:
		return s.add("Neg", func(x float64, c int) float64 { return -f.of(x, c) }, ins(f.name))
	case 3, 4:
		k, v := s.number(0)
		return s.add("Max", func(x float64, c int) float64 { return max(f.of(x, c), v(c)) }, ins(k, f.name))
	case 5, 6:
		k, v := s.number(1)
		return s.add("Min", func(x float64, c int) float64 { return min(f.of(x, c), v(c)) }, ins(f.name, k))
	case 7:
		k, v := s.number(2)
		return s.add("Mul", func(x float64, c int) float64 { return f.of(x, c) * v(c) }, ins(f.name, k))
	case 8:
		k, v := s.number(0)
		return s.add("Sub", func(x float64, c int) float64 { return v(c) - f.of(x, c) }, ins(k, f.name))
	case 9:
		k, v := s.number(0)
		return s.add("Add", func(x float64, c int) float64 { return v(c) + f.of(x, c) }, ins(k, f.name))
	case 10:
		a := float32(s.rng.NormFloat64())
		return s.add("LeakyRelu", func(x float64, c int) float64 {
			y := f.of(x, c)
			if y < 0 {
				y *= float64(a)
			}
			return y
		}, ins(f.name), attrF("alpha", a))
	case 11: // A choice at a bound, which is continuous.
		k, v := s.number(0)
		m := s.add("Less", nil, ins(f.name, k))
		return s.add("Where", func(x float64, c int) float64 { return max(f.of(x, c), v(c)) }, ins(m.name, k, f.name))
	default: // With another function of it.
		g := s.step(f)
		if s.rng.IntN(2) > 0 {
			return s.add("Sub", func(x float64, c int) float64 { return f.of(x, c) - g.of(x, c) }, ins(f.name, g.name))
		}
		return s.add("Max", func(x float64, c int) float64 { return max(f.of(x, c), g.of(x, c)) }, ins(f.name, g.name))
	}
}

// chain builds a file of a few operators, one behind the other.
func chain(seed uint64) (*scratch, fn) {
	s := &scratch{rng: rand.New(rand.NewPCG(seed, 1))}
	f := fn{"x", func(x float64, _ int) float64 { return x }}
	for range 1 + s.rng.IntN(5) {
		f = s.step(f)
	}
	s.nodes = append(s.nodes, op("AveragePool", "y", ins(f.name), attrList("kernel_shape", 1, 1)))
	return s, f
}

// TestPiecewise imports random chains of elementwise operators and compares what they
// compute with the plain functions. Few are refused, with the reasons of this test.
func TestPiecewise(t *testing.T) {
	const graphs = 3000
	taken := 0
	for seed := range uint64(graphs) {
		s, f := chain(seed)
		g, err := Parse(build{nodes: s.nodes, inits: s.inits}.encode())
		if err != nil {
			if told := err.Error(); !strings.Contains(told, "pieces") && !strings.Contains(told, "is a constant") && !strings.Contains(told, "several kinds") {
				t.Errorf("graph %d: %v", seed, err)
			}
			continue
		}
		taken++
		image := make([]float32, 32)
		for i := range image {
			image[i] = float32(4 * s.rng.NormFloat64())
		}
		for i, y := range run(t, g, image) {
			want := f.of(float64(image[i]), i/16)
			if math.Abs(float64(y)-want) > 1e-4*max(math.Abs(want), 10) {
				t.Fatalf("graph %d, of %v: got %v, want %v\n%v", seed, image[i], y, want, g)
			}
		}
	}
	if taken < graphs*3/5 {
		t.Errorf("only %d of %d graphs were taken", taken, graphs)
	}
}

// TestRounded has the spellings of rounded clips, as networks trained for conversion
// have them: a Clip with as many levels, that computes what the file computes.
func TestRounded(t *testing.T) {
	num := func(name string, x float32) msg { return f32(name, dims(), x) }
	inits := []msg{
		num("zero", 0), num("one", 1), num("half", 0.5), num("two", 2), num("eight", 8), num("L", 4), num("step", 2), num("fifteenth", 8.0/15), num("almost", 7.7),
		f32("bounds", dims(2, 1, 1), 8, 4),
	}
	for _, tt := range []struct {
		name   string
		bounds [2]float64
		levels int
		shift  float64 // Of what is rounded, in steps: -1/2 for Floor alone, 1/2 for Ceil.
		nodes  []msg
	}{
		{"QCFS", [2]float64{8, 8}, 4, 0, []msg{
			op("Div", "a", ins("x", "eight")), op("Clip", "b", ins("a", "zero", "one")), op("Mul", "c", ins("b", "L")), op("Add", "d", ins("c", "half")),
			op("Floor", "e", ins("d")), op("Div", "f", ins("e", "L")), op("Mul", "y", ins("f", "eight")),
		}},
		{"QCFS with Round", [2]float64{8, 8}, 4, 0, []msg{
			op("Div", "a", ins("x", "eight")), op("Clip", "b", ins("a", "zero", "one")), op("Mul", "c", ins("b", "L")),
			op("Round", "e", ins("c")), op("Div", "f", ins("e", "L")), op("Mul", "y", ins("f", "eight")),
		}},
		{"clipped after", [2]float64{8, 8}, 4, 0, []msg{
			op("Div", "a", ins("x", "step")), op("Add", "d", ins("a", "half")), op("Floor", "e", ins("d")), op("Clip", "f", ins("e", "zero", "L")), op("Mul", "y", ins("f", "two")),
		}},
		{"Relu, and the bound after", [2]float64{8, 8}, 4, 0, []msg{
			op("Relu", "r", ins("x")), op("Div", "a", ins("r", "step")), op("Round", "e", ins("a")), op("Min", "f", ins("e", "L")), op("Mul", "y", ins("f", "two")),
		}},
		{"a bound for each channel", [2]float64{8, 4}, 4, 0, []msg{
			op("Div", "a", ins("x", "bounds")), op("Clip", "b", ins("a", "zero", "one")), op("Mul", "c", ins("b", "L")),
			op("Round", "e", ins("c")), op("Div", "f", ins("e", "L")), op("Mul", "y", ins("f", "bounds")),
		}},
		{"PACT", [2]float64{8, 8}, 15, 0, []msg{
			op("Abs", "p", ins("x")), op("Sub", "q", ins("x", "eight")), op("Abs", "r", ins("q")), op("Sub", "s", ins("p", "r")), op("Add", "u", ins("s", "eight")),
			op("Mul", "a", ins("u", "half")), op("Div", "b", ins("a", "fifteenth")), op("Round", "c", ins("b")), op("Mul", "y", ins("c", "fifteenth")),
		}},
		{"straight through", [2]float64{8, 8}, 4, 0, []msg{
			op("Clip", "b", ins("x", "zero", "eight")), op("Div", "c", ins("b", "step")), op("Round", "e", ins("c")), op("Sub", "f", ins("e", "c")),
			op("Add", "g", ins("c", "f")), op("Mul", "y", ins("g", "step")),
		}},
		{"Ceil alone, negated", [2]float64{8, 8}, 4, -0.5, []msg{
			op("Clip", "b", ins("x", "zero", "eight")), op("Div", "c", ins("b", "step")), op("Neg", "d", ins("c")), op("Ceil", "e", ins("d")), op("Neg", "f", ins("e")),
			op("Mul", "y", ins("f", "step")),
		}},
		{"a bound between steps", [2]float64{8, 8}, 4, 0, []msg{
			op("Clip", "b", ins("x", "zero", "almost")), op("Div", "c", ins("b", "step")), op("Round", "e", ins("c")), op("Mul", "y", ins("e", "step")),
		}},
		{"Floor alone", [2]float64{8, 8}, 4, -0.5, []msg{
			op("Clip", "b", ins("x", "zero", "eight")), op("Div", "c", ins("b", "step")), op("Floor", "e", ins("c")), op("Mul", "y", ins("e", "step")),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Parse(build{nodes: tt.nodes, inits: inits}.encode())
			if err != nil {
				t.Fatal(err)
			}
			clips := 0
			for _, n := range g.Nodes {
				if op, ok := n.Op.(*ann.Clip); ok {
					clips++
					if op.Levels != tt.levels {
						t.Errorf("%s: %d levels, want %d", n.Name, op.Levels, tt.levels)
					}
				}
			}
			if clips != 1 {
				t.Errorf("%d Clips\n%v", clips, g)
			}
			image := make([]float32, 32)
			for i := range image {
				image[i] = float32(i%16) - 4.3
			}
			for i, y := range run(t, g, image) {
				step := tt.bounds[i/16] / float64(tt.levels)
				want := math.Floor(min(max(float64(image[i]), 0), tt.bounds[i/16])/step+0.5+tt.shift) * step
				if math.Abs(float64(y)-want) > 1e-5 {
					t.Errorf("of %v: got %v, want %v", image[i], y, want)
				}
			}
		})
	}
}

// TestRoundedFurther has what is done to rounded values, besides scaling them. It is read
// as what it is, or refused.
func TestRoundedFurther(t *testing.T) {
	num := func(name string, x float32) msg { return f32(name, dims(), x) }
	inits := []msg{num("zero", 0), num("one", 1), num("half", 0.5), num("two", 2), num("four", 4), num("five", 5), num("tenth", 0.1), num("minus", -2), num("almost", 3.25), num("eightieth", 0.0125)}
	steps := []msg{op("Clip", "b", ins("x", "minus", "four")), op("Round", "r", ins("b"))} // -2, -1, ... 4.
	r := func(x float64) float64 { return math.RoundToEven(max(-2, min(4, x))) }
	for _, tt := range []struct {
		name  string
		taken bool
		f     func(x float64) float64
		nodes []msg
	}{
		{"bounds at a step", true, func(x float64) float64 { return max(0, min(2, r(x))) }, []msg{op("Clip", "y", ins("r", "zero", "two"))}},
		{"bounds beside the steps", true, func(x float64) float64 { return max(0.5, min(3.25, r(x))) }, []msg{op("Clip", "y", ins("r", "half", "almost"))}},
		{"a bound at a step of what is shifted", true, func(x float64) float64 { return max(0, 2*r(x)+5-5) }, []msg{
			op("Mul", "s", ins("r", "two")), op("Add", "a", ins("s", "five")), op("Sub", "c", ins("a", "five")), op("Relu", "y", ins("c")),
		}},
		{"a bound beside the steps of what is shifted", true, func(x float64) float64 { return max(0, r(x)+0.5) }, []msg{
			op("Add", "a", ins("r", "half")), op("Relu", "y", ins("a")),
		}},
		{"a bound of what has no end", false, nil, []msg{op("Relu", "a", ins("x")), op("Round", "s", ins("a")), op("Min", "y", ins("s", "almost"))}},
		{"quantised, with a last level between two steps", true, func(x float64) float64 { return max(0, min(3.1875, r(x))) }, []msg{
			op("QuantizeLinear", "q", ins("r", "eightieth")), op("DequantizeLinear", "y", ins("q", "eightieth")),
		}},
		{"magnitudes", true, func(x float64) float64 { return math.Abs(r(x)) }, []msg{op("Abs", "y", ins("r"))}},
		{"a slope", true, func(x float64) float64 { return max(r(x), 0) + 0.1*min(r(x), 0) }, []msg{op("LeakyRelu", "y", ins("r"), attrF("alpha", 0.1))}},
		{"rounded twice", false, nil, []msg{
			op("Div", "h", ins("r", "two")), op("Add", "a", ins("h", "tenth")), op("Round", "s", ins("a")), op("Mul", "y", ins("s", "two")),
		}},
		{"what is rounded and what is not", true, func(x float64) float64 { return r(x) + max(-2, min(4, x)) }, []msg{op("Add", "y", ins("r", "b"))}},
		{"half of what rounding adds", false, nil, []msg{op("Sub", "d", ins("r", "b")), op("Mul", "h", ins("d", "half")), op("Add", "y", ins("b", "h"))}},
		{"chosen by what is rounded", true, func(x float64) float64 { return max(r(x), 0) }, []msg{
			op("Greater", "g", ins("r", "zero")), op("Where", "y", ins("g", "r", "zero")),
		}},
		{"chosen by what is not rounded", false, nil, []msg{op("Greater", "g", ins("b", "zero")), op("Where", "y", ins("g", "r", "zero"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := Parse(build{nodes: append(slices.Clone(steps), tt.nodes...), inits: inits}.encode())
			if err != nil {
				if tt.taken {
					t.Fatal(err)
				}
				return
			}
			if !tt.taken {
				t.Fatalf("taken for\n%v", g)
			}
			image := make([]float32, 32)
			for i := range image {
				image[i] = float32(i)*0.31 - 4.07
			}
			for i, y := range run(t, g, image) {
				if want := tt.f(float64(image[i])); math.Abs(float64(y)-want) > 1e-4 {
					t.Fatalf("of %v: got %v, want %v\n%v", image[i], y, want, g)
				}
			}
		})
	}
}
