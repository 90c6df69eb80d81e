package zoo

import (
	"fmt"
	"math"
	"slices"

	"sresnet/internal/onnxfile"
)

// kind is what the elements of an array are in its file.
type kind byte

const (
	floats kind = iota
	integers
	booleans
	int8s
	uint8s
)

// array is the value of a tensor of an ONNX graph, its elements in float64: row by row,
// numbers of any kind.
type array struct {
	shape []int
	kind  kind
	x     []float64
}

func count(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func zeros(k kind, shape ...int) *array {
	return &array{slices.Clone(shape), k, make([]float64, count(shape))}
}

// filled is an array of one number.
func filled(x float64, shape ...int) *array {
	a := zeros(floats, shape...)
	for i := range a.x {
		a.x[i] = x
	}
	return a
}

// list is a vector of integers.
func list(v ...int) *array {
	a := zeros(integers, len(v))
	for i, n := range v {
		a.x[i] = float64(n)
	}
	return a
}

func (a *array) ints() []int {
	v := make([]int, len(a.x))
	for i, x := range a.x {
		v[i] = int(x)
	}
	return v
}

func (a *array) view(shape []int) *array {
	if count(shape) != len(a.x) {
		panic(fmt.Sprintf("zoo: %v seen as %v", a.shape, shape))
	}
	return &array{slices.Clone(shape), a.kind, a.x}
}

// uniform reports whether all elements are one number.
func (a *array) uniform() bool {
	return len(a.x) > 0 && !slices.ContainsFunc(a.x, func(x float64) bool { return x != a.x[0] })
}

// message is the TensorProto of the array.
func (a *array) message(name string) onnxfile.Message {
	dims := make([]int64, len(a.shape))
	for i, d := range a.shape {
		dims[i] = int64(d)
	}
	if a.kind == floats {
		v := make([]float32, len(a.x))
		for i, x := range a.x {
			v[i] = float32(x)
		}
		return onnxfile.F32(name, dims, v...)
	}
	if a.kind == int8s || a.kind == uint8s {
		raw := make([]byte, len(a.x))
		for i, x := range a.x {
			raw[i] = byte(int(x))
		}
		typ := map[kind]int64{uint8s: 2, int8s: 3}[a.kind]
		return onnxfile.TensorOf(name, typ, dims).Bytes(9, raw)
	}
	v := make([]int64, len(a.x))
	for i, x := range a.x {
		v[i] = int64(x)
	}
	return onnxfile.I64Of(name, dims, v...)
}

// each calls f for every index of an array of that shape, in the order of its elements.
func each(shape []int, f func(i int, index []int)) {
	index := make([]int, len(shape))
	for i := range count(shape) {
		f(i, index)
		for a := len(shape) - 1; a >= 0; a-- {
			if index[a]++; index[a] < shape[a] {
				break
			}
			index[a] = 0
		}
	}
}

// at returns the element at an index, which may have more axes, and go along axes of
// length one: as if a were broadcast.
func (a *array) at(index []int) float64 {
	skip, i := len(index)-len(a.shape), 0
	for k, d := range a.shape {
		i *= d
		if d != 1 {
			i += index[skip+k]
		}
	}
	return a.x[i]
}

// broadcast returns the shape that holds all of them.
func broadcast(in ...*array) []int {
	var shape []int
	for _, a := range in {
		for len(shape) < len(a.shape) {
			shape = slices.Insert(shape, 0, 1)
		}
	}
	for _, a := range in {
		skip := len(shape) - len(a.shape)
		for i, d := range a.shape {
			if d != 1 && shape[skip+i] != 1 && d != shape[skip+i] {
				panic(fmt.Sprintf("zoo: shapes %v and %v", shape, a.shape))
			}
			if d != 1 {
				shape[skip+i] = d
			}
		}
	}
	return shape
}

// largest returns the largest magnitude of an element.
func (a *array) largest() float64 {
	m := 0.0
	for _, x := range a.x {
		m = max(m, math.Abs(x))
	}
	return m
}
