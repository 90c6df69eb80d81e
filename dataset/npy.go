package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"sresnet/tensor"
)

// A .npy file is a magic string, a version, the length of the header, the header,
// which is a Python dictionary as text, and the elements [npy].
//
// References:
//
//	[npy]  NumPy developers. numpy.lib.format. numpy.org/doc/stable/reference/generated/numpy.lib.format.html
const npyMagic = "\x93NUMPY"

const (
	maxNPYHeader = 1 << 16 // Bytes; numpy itself reads no longer ones than 10,000.
	maxNPYAxes   = 8
)

// frameInflation is how many times the file that they are packed in frames may be.
const frameInflation = 256

// array is what a .npy file holds.
type array struct {
	kind  byte // 'u' unsigned, 'i' signed, 'f' floating point, 'b' Boolean.
	width int  // Bytes an element.
	order binary.ByteOrder
	shape tensor.Shape
	data  []byte // Elements, the last axis contiguous.
}

func (a *array) String() string {
	name := map[byte]string{'u': "uint", 'i': "int", 'f': "float", 'b': "bool"}[a.kind]
	return fmt.Sprintf("%s%d of %s", name, 8*a.width, a.shape)
}

// readNPY reads a .npy file that holds at most limit bytes of elements. It takes no
// more memory than a small multiple of the data really there.
func readNPY(r io.Reader, limit int64) (*array, error) {
	header, err := readNPYHeader(r)
	if err != nil {
		return nil, err
	}
	a, err := parseNPYHeader(header)
	if err != nil {
		return nil, err
	}
	n := int64(a.shape.Len())
	if len(a.shape) > 4 { // Frames of events are nearly all zeros.
		limit *= frameInflation / maxInflation
	}
	if n > limit/int64(a.width) {
		return nil, fmt.Errorf("the header claims %v, too many for a file of this size", a)
	}
	want := n * int64(a.width)
	a.data, err = io.ReadAll(io.LimitReader(r, want+1)) // Grows with what is there; one more byte shows a surplus.
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && int64(len(a.data)) < want:
		return nil, fmt.Errorf("truncated: %v are %d bytes, only %d are there", a, want, len(a.data))
	case err != nil:
		return nil, fmt.Errorf("damaged: %v", err)
	case int64(len(a.data)) > want:
		return nil, fmt.Errorf("more data than the %v of the header", a)
	}
	return a, nil
}

func readNPYHeader(r io.Reader) (string, error) {
	var b [12]byte
	if _, err := io.ReadFull(r, b[:10]); err != nil || string(b[:6]) != npyMagic {
		return "", errors.New("not a .npy file: save the array with numpy.save")
	}
	n := int(binary.LittleEndian.Uint16(b[8:]))
	switch b[6] {
	case 1:
	case 2, 3: // The same with a longer length.
		if _, err := io.ReadFull(r, b[10:]); err != nil {
			return "", errors.New("truncated in the .npy header")
		}
		n = int(min(binary.LittleEndian.Uint32(b[8:]), maxNPYHeader+1))
	default:
		return "", fmt.Errorf("version %d of the .npy format is unknown", b[6])
	}
	if n > maxNPYHeader {
		return "", errors.New("the .npy header is too long: no array of numbers needs one of that size")
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return "", errors.New("truncated in the .npy header")
	}
	return string(header), nil
}

// parseNPYHeader reads {'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }.
func parseNPYHeader(header string) (*array, error) {
	p := literal{header}
	a := &array{}
	var seen [3]bool
	if !p.take("{") {
		return nil, errors.New("the .npy header is not a dictionary")
	}
	for !p.take("}") {
		key, ok := p.text()
		if !ok || !p.take(":") {
			return nil, errors.New("the .npy header is damaged")
		}
		switch key {
		case "descr":
			descr, ok := p.text()
			if !ok {
				return nil, errors.New("the array has named fields: save one plain array of numbers")
			}
			if err := a.setType(descr); err != nil {
				return nil, err
			}
			seen[0] = true
		case "fortran_order":
			switch {
			case p.take("False"):
			case p.take("True"):
				return nil, errors.New("the array is stored in Fortran order: save numpy.ascontiguousarray of it")
			default:
				return nil, errors.New("the .npy header is damaged: fortran_order is neither True nor False")
			}
			seen[1] = true
		case "shape":
			if a.shape, ok = p.tuple(); !ok {
				return nil, errors.New("the .npy header is damaged: its shape cannot be read")
			}
			seen[2] = true
		default:
			return nil, fmt.Errorf("the .npy header has an unknown key %q", key)
		}
		if !p.take(",") && !strings.HasPrefix(p.rest(), "}") {
			return nil, errors.New("the .npy header is damaged")
		}
	}
	if seen != [3]bool{true, true, true} {
		return nil, errors.New("the .npy header lacks descr, fortran_order or shape")
	}
	if err := a.shape.Check(); err != nil { // Catches products that overflow.
		return nil, fmt.Errorf("the array of shape %s is empty or too large: %v", a.shape, err)
	}
	return a, nil
}

// setType understands the types of images and labels: byte order, kind and width.
func (a *array) setType(descr string) error {
	unknown := fmt.Errorf("the elements are of type %q: save images as uint8 or float32, labels as integers", descr)
	if strings.Contains(descr, "O") {
		return errors.New("the array holds Python objects, as for images of mixed sizes: make all images one size, and save a plain array of numbers")
	}
	if len(descr) < 3 {
		return unknown
	}
	a.order = binary.LittleEndian
	if descr[0] == '>' {
		a.order = binary.BigEndian
	}
	width, err := strconv.Atoi(descr[2:])
	if err != nil || !strings.ContainsRune("<>|=", rune(descr[0])) {
		return unknown
	}
	a.kind, a.width = descr[1], width
	switch {
	case (a.kind == 'u' || a.kind == 'i') && (width == 1 || width == 2 || width == 4 || width == 8):
	case a.kind == 'f' && (width == 4 || width == 8):
	case a.kind == 'b' && width == 1:
	default:
		return unknown
	}
	return nil
}

// literal reads what a .npy header has of Python's literals.
type literal struct{ s string }

func (p *literal) rest() string {
	p.s = strings.TrimLeft(p.s, " \t\n")
	return p.s
}

func (p *literal) take(word string) (ok bool) {
	p.s, ok = strings.CutPrefix(p.rest(), word)
	return ok
}

// text reads 'word'; the header's words have no escapes.
func (p *literal) text() (string, bool) {
	for _, quote := range []string{"'", `"`} {
		if p.take(quote) {
			word, rest, ok := strings.Cut(p.s, quote)
			p.s = rest
			return word, ok
		}
	}
	return "", false
}

// tuple reads (1, 2, 3) of at least one number.
func (p *literal) tuple() (tensor.Shape, bool) {
	if !p.take("(") {
		return nil, false
	}
	var shape tensor.Shape
	for !p.take(")") {
		s := p.rest()
		end := len(s) - len(strings.TrimLeft(s, "0123456789"))
		n, err := strconv.ParseInt(s[:end], 10, 32)
		if err != nil || len(shape) == maxNPYAxes {
			return nil, false
		}
		shape = append(shape, int(n))
		p.s = strings.TrimPrefix(s[end:], "L") // As Python 2 wrote.
		if !p.take(",") && !strings.HasPrefix(p.rest(), ")") {
			return nil, false
		}
	}
	return shape, len(shape) > 0
}

// ints returns the elements of an array of integers; unsigned ones above the largest
// int64 become that.
func (a *array) ints() []int64 {
	list := make([]int64, 0, len(a.data)/a.width)
	for b := a.data; len(b) > 0; b = b[a.width:] {
		var u uint64
		switch a.width {
		case 1:
			u = uint64(b[0])
		case 2:
			u = uint64(a.order.Uint16(b))
		case 4:
			u = uint64(a.order.Uint32(b))
		case 8:
			u = a.order.Uint64(b)
		}
		if a.kind == 'i' {
			shift := 64 - 8*a.width
			list = append(list, int64(u<<shift)>>shift)
		} else {
			list = append(list, int64(min(u, math.MaxInt64)))
		}
	}
	return list
}

// numbers returns the elements as float32; those of Boolean arrays are 0 and 1.
func (a *array) numbers() []float32 {
	if a.kind == 'f' {
		return a.floats()
	}
	list := make([]float32, 0, len(a.data)/a.width)
	part := *a
	for b := range slices.Chunk(a.data, 1024*a.width) {
		part.data = b
		for _, n := range part.ints() {
			list = append(list, float32(n))
		}
	}
	return list
}

// floats returns the elements of an array of floating-point numbers.
func (a *array) floats() []float32 {
	list := make([]float32, 0, len(a.data)/a.width)
	for b := a.data; len(b) > 0; b = b[a.width:] {
		if a.width == 4 {
			list = append(list, math.Float32frombits(a.order.Uint32(b)))
		} else {
			list = append(list, float32(math.Float64frombits(a.order.Uint64(b))))
		}
	}
	return list
}
