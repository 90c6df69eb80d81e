package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"sresnet/tensor"
)

// maxHeader is the longest header in bytes, that of the format's own reader.
const maxHeader = 100_000_000

// maxAxes is far more than any tensor of a network has.
const maxAxes = 16

// readHeader returns the tensors of a file of size bytes, with their places.
func readHeader(r io.ReaderAt, size int64) (map[string]Info, error) {
	if size == 0 {
		return nil, damaged(errors.New("the file is empty"))
	}
	var start [9]byte
	n, err := r.ReadAt(start[:min(size, 9)], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if err := otherFormat(start[:n]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(start[:8])
	switch {
	case n < 9 || start[8] != '{' || length > maxHeader && length > uint64(size):
		return nil, damaged(errNotSafetensors)
	case length > maxHeader:
		return nil, fmt.Errorf("a header of %d bytes, more than the %d that the format allows", length, maxHeader)
	case int64(length) > size-8:
		return nil, damaged(fmt.Errorf("a header of %d bytes in a file of %d; the file is cut off", length, size))
	}
	header := make([]byte, length)
	if _, err := r.ReadAt(header, 8); err != nil && err != io.EOF {
		return nil, err
	}
	tensors, err := parseHeader(header)
	if err == nil {
		err = place(tensors, 8+int64(length), size)
	}
	if err != nil {
		return nil, damaged(err)
	}
	return tensors, nil
}

// errNotSafetensors is the error of a file of another kind.
var errNotSafetensors = errors.New("not a safetensors file, which begins with the length of a JSON header and the header")

// save is how to make such a file.
const save = "save the weights with safetensors.torch.save_file(model.state_dict(), FILE)"

// otherFormat says what else the file is, if its first bytes tell.
func otherFormat(start []byte) error {
	for _, k := range []struct{ magic, what string }{
		{"PK\x03\x04", "a zip archive, perhaps a PyTorch checkpoint; " + save},
		{"\x80\x02", "a Python pickle, perhaps a PyTorch checkpoint; " + save},
		{"\x89HDF", "an HDF5 file, perhaps a Keras model"},
		{"version ", "a Git LFS pointer, not the file itself; run 'git lfs pull'"},
		{"<!DOCTYPE", "a web page; download the file itself"},
		{"<html", "a web page; download the file itself"},
	} {
		if bytes.HasPrefix(start, []byte(k.magic)) {
			return fmt.Errorf("not a safetensors file but %s", k.what)
		}
	}
	return nil
}

// parseHeader reads the JSON object. Its names are unique, which encoding/json
// does not look for.
func parseHeader(header []byte) (map[string]Info, error) {
	d := json.NewDecoder(bytes.NewReader(header))
	d.UseNumber()
	tensors := make(map[string]Info)
	metadata := false
	err := object(d, func(name string) error {
		if name == "__metadata__" {
			if metadata {
				return fmt.Errorf("%q is there twice", name)
			}
			metadata = true
			return skip(d)
		}
		if _, ok := tensors[name]; ok {
			return fmt.Errorf("tensor %q is there twice", name)
		}
		info, err := parseInfo(d)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = info
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if len(bytes.Trim(header[d.InputOffset():], " \t\r\n\x00")) > 0 {
		return nil, fmt.Errorf("header: something follows the JSON object, at byte %d", 8+d.InputOffset())
	}
	return tensors, nil
}

// parseInfo reads the object of one tensor.
func parseInfo(d *json.Decoder) (Info, error) {
	var (
		info    Info
		offsets []int64
		seen    = make(map[string]bool, 3)
	)
	err := object(d, func(key string) (err error) {
		if seen[key] {
			return fmt.Errorf("%q is there twice", key)
		}
		switch key {
		case "dtype":
			t, err := d.Token()
			if err != nil {
				return cut(err)
			}
			var ok bool
			if info.DType, ok = t.(string); !ok {
				return fmt.Errorf("dtype is %v, want a word such as \"F32\"", t)
			}
		case "shape":
			axes, err := integers(d, maxAxes)
			if err != nil {
				return fmt.Errorf("shape: %w", err)
			}
			for _, n := range axes {
				if n > tensor.MaxLen {
					return fmt.Errorf("shape %v: more than %d elements", axes, int64(tensor.MaxLen))
				}
				info.Shape = append(info.Shape, int(n))
			}
		case "data_offsets":
			if offsets, err = integers(d, 2); err != nil {
				return fmt.Errorf("data_offsets: %w", err)
			}
		default:
			return skip(d)
		}
		seen[key] = true
		return nil
	})
	if err != nil {
		return info, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[key] {
			return info, fmt.Errorf("%s is missing", key)
		}
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return info, fmt.Errorf("data_offsets %v, want where the tensor begins and ends", offsets)
	}
	info.begin, info.end = offsets[0], offsets[1]
	return info, nil
}

// place moves offsets to where the elements lie in the file, from base to size,
// and returns an error unless every tensor lies there, has as many bytes as its
// shape says, and shares none with another one.
func place(tensors map[string]Info, base, size int64) error {
	names := slices.SortedFunc(maps.Keys(tensors), func(a, b string) int {
		x, y := tensors[a], tensors[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), strings.Compare(a, b))
	})
	last, end := "", int64(0)
	for _, name := range names {
		t := tensors[name]
		if t.end > size-base {
			return fmt.Errorf("tensor %q: ends at byte %d of the data, of which the file has %d; the file is cut off", name, t.end, size-base)
		}
		if width, ok := elementSizes[t.DType]; ok {
			n, ok := bytesOf(t.Shape, width)
			if !ok || n != t.end-t.begin {
				return fmt.Errorf("tensor %q: has %d bytes, which is not what %s of shape %v takes", name, t.end-t.begin, t.DType, t.Shape)
			}
		}
		if t.begin < end {
			return fmt.Errorf("tensor %q: shares bytes with tensor %q", name, last)
		}
		if t.end > t.begin {
			last, end = name, t.end
		}
		t.begin, t.end = base+t.begin, base+t.end
		tensors[name] = t
	}
	return nil
}

// bytesOf returns the bytes of a tensor, unless that overflows. Axes are not
// negative.
func bytesOf(shape tensor.Shape, width int64) (int64, bool) {
	if slices.Contains(shape, 0) {
		return 0, true
	}
	n := width
	for _, d := range shape {
		if int64(d) > math.MaxInt64/n {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}

// object reads an object, whose values member reads.
func object(d *json.Decoder, member func(key string) error) error {
	t, err := d.Token()
	if err != nil {
		return cut(err)
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%v, want an object", t)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return cut(err)
		}
		if err := member(t.(string)); err != nil { // The decoder lets nothing else be a key.
			return err
		}
	}
	_, err = d.Token()
	return cut(err)
}

// integers reads an array of up to most numbers from 0 on.
func integers(d *json.Decoder, most int) ([]int64, error) {
	t, err := d.Token()
	if err != nil {
		return nil, cut(err)
	}
	if t != json.Delim('[') {
		return nil, fmt.Errorf("%v, want an array", t)
	}
	var list []int64
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, cut(err)
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%v, want numbers", t)
		}
		n, err := number.Int64()
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%v, want a whole number from 0 on", number)
		}
		if list = append(list, n); len(list) > most {
			return nil, fmt.Errorf("more than %d numbers", most)
		}
	}
	_, err = d.Token()
	return list, cut(err)
}

// skip reads a value of any kind.
func skip(d *json.Decoder) error {
	for depth := 0; ; {
		t, err := d.Token()
		if err != nil {
			return cut(err)
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// cut says what the end of the header amid the object means.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
