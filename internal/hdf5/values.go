package hdf5

import (
	"fmt"
	"math"
)

// bits returns the bits of an element.
func (t Type) bits(b []byte) uint64 {
	switch o := t.order(); t.Size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(o.Uint16(b))
	case 4:
		return uint64(o.Uint32(b))
	default:
		return o.Uint64(b)
	}
}

// signed returns an integer of kind Int, Uint or Bool, the last two wrapped
// around if they do not fit.
func (t Type) signed(b []byte) int64 {
	v := t.bits(b)
	if t.Kind == Int {
		free := 64 - 8*t.Size
		return int64(v<<free) >> free
	}
	return int64(v)
}

// float returns a number rounded to float64.
func (t Type) float(b []byte) float64 {
	switch {
	case t.Kind == Int:
		return float64(t.signed(b))
	case t.Kind != Float:
		return float64(t.bits(b))
	case t.Size == 2:
		return float16(uint16(t.bits(b)))
	case t.Size == 4:
		return float64(math.Float32frombits(uint32(t.bits(b))))
	}
	return math.Float64frombits(t.bits(b))
}

// float16 widens a float of 5 bits of exponent and 10 of mantissa.
func float16(b uint16) float64 {
	sign, exp, mant := b>>15, int(b>>10&31), float64(b&1023)
	var v float64
	switch exp {
	case 0:
		v = math.Ldexp(mant, -24)
	case 31:
		if v = math.Inf(1); mant != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+mant, exp-25)
	}
	if sign != 0 {
		v = math.Copysign(v, -1)
	}
	return v
}

// each returns a decoder that goes element by element.
func each[T any](size int, one func(b []byte) (T, error)) func(dst []T, raw []byte) error {
	return func(dst []T, raw []byte) error {
		for i := range dst {
			var err error
			if dst[i], err = one(raw[i*size:][:size]); err != nil {
				return err
			}
		}
		return nil
	}
}

// numbers reads an array of any numeric type.
func numbers[T any](a *Array, want string, width int, one func(b []byte) (T, error)) ([]T, error) {
	if !a.typ.numeric() {
		return nil, a.refuse(want)
	}
	return read(a, width, each(a.typ.Size, one))
}

// refuse is the error of an array that is not what it is read as.
func (a *Array) refuse(want string) error {
	err := fmt.Errorf("holds %v, not %s", a.typ, want)
	if a.typ.Kind == Other {
		err = fmt.Errorf("%w: %w", err, ErrUnsupported)
	}
	return a.wrap(err)
}

// Float32s returns the elements of a numeric array rounded to float32.
func (a *Array) Float32s() ([]float32, error) {
	t := a.typ
	if t.Kind == Float && t.Size == 4 && !t.BigEndian { // Weights.
		return read(a, 4, func(dst []float32, raw []byte) error {
			for i := range dst {
				dst[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
			}
			return nil
		})
	}
	return numbers(a, "numbers", 4, func(b []byte) (float32, error) { return float32(t.float(b)), nil })
}

// Float64s returns the elements of a numeric array; integers beyond 2^53 are
// rounded.
func (a *Array) Float64s() ([]float64, error) {
	return numbers(a, "numbers", 8, func(b []byte) (float64, error) { return a.typ.float(b), nil })
}

// Int64s returns the elements of a numeric array, all of which must be whole
// and in range.
func (a *Array) Int64s() ([]int64, error) {
	t := a.typ
	return numbers(a, "integers", 8, func(b []byte) (int64, error) {
		if t.Kind == Float {
			x := t.float(b)
			if x != math.Trunc(x) || x < -1<<63 || x >= 1<<63 {
				return 0, fmt.Errorf("%v is not a 64-bit integer", x)
			}
			return int64(x), nil
		}
		v := t.signed(b)
		if t.Kind == Uint && v < 0 {
			return 0, fmt.Errorf("%d is above the range of int64", uint64(v))
		}
		return v, nil
	})
}

// Uint64s is Int64s for what is not negative.
func (a *Array) Uint64s() ([]uint64, error) {
	t := a.typ
	return numbers(a, "integers", 8, func(b []byte) (uint64, error) {
		if t.Kind == Float {
			x := t.float(b)
			if x != math.Trunc(x) || x < 0 || x >= 1<<64 {
				return 0, fmt.Errorf("%v is not an unsigned 64-bit integer", x)
			}
			return uint64(x), nil
		}
		v := t.signed(b)
		if t.Kind == Int && v < 0 {
			return 0, fmt.Errorf("%d is negative", v)
		}
		return uint64(v), nil
	})
}

// Bools returns the elements of an array of bools, or of numbers that are all 0
// or 1.
func (a *Array) Bools() ([]bool, error) {
	return numbers(a, "booleans", 1, func(b []byte) (bool, error) {
		x := a.typ.float(b)
		if x != 0 && x != 1 {
			return false, fmt.Errorf("%v is neither 0 nor 1", x)
		}
		return x == 1, nil
	})
}

// Strings returns the elements of an array of strings, as they are: UTF-8 or,
// in files of others, not.
func (a *Array) Strings() ([]string, error) {
	t := a.typ
	if t.Kind != String {
		return nil, a.refuse("strings")
	}
	const header = 16 // Bytes of a string value in Go.
	return read(a, header+t.Size, each(t.Size, func(b []byte) (string, error) {
		if t.Variable {
			return a.file.variable(a.file.cursor(b))
		}
		return t.trim(string(b)), nil
	}))
}

// only returns the element of an array that has just one.
func only[T any](a *Array, values []T, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(values) != 1 {
		return none, a.wrap(fmt.Errorf("has %d elements, not one", len(values)))
	}
	return values[0], nil
}

// Float64 returns the number of an array that has just one.
func (a *Array) Float64() (float64, error) {
	v, err := a.Float64s()
	return only(a, v, err)
}

// Int64 returns the integer of an array that has just one.
func (a *Array) Int64() (int64, error) {
	v, err := a.Int64s()
	return only(a, v, err)
}

// Text returns the string of an array that has just one.
func (a *Array) Text() (string, error) {
	v, err := a.Strings()
	return only(a, v, err)
}
