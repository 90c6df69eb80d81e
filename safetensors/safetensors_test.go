package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/tensor"
)

// file is a file of that header and those bytes of data.
func file(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func parse(b []byte) (*File, error) { return New(bytes.NewReader(b), int64(len(b))) }

func TestTypes(t *testing.T) {
	const header = `{"__metadata__":{"format":"pt"},
		"f32":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
		"f16":{"dtype":"F16","shape":[1,2],"data_offsets":[8,12]},
		"bf16":{"dtype":"BF16","shape":[2,1],"data_offsets":[12,16]},
		"f64":{"dtype":"F64","shape":[2],"data_offsets":[16,32]},
		"count":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}   `
	var data []byte
	le := binary.LittleEndian
	for _, x := range []float32{1.5, -2} {
		data = le.AppendUint32(data, math.Float32bits(x))
	}
	for _, h := range []uint16{0x3e00, 0xc000, 0x3fc0, 0xc000} {
		data = le.AppendUint16(data, h)
	}
	for _, x := range []float64{1.5, -2} {
		data = le.AppendUint64(data, math.Float64bits(x))
	}
	f, err := parse(file(header, le.AppendUint64(data, 7)...))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"bf16", "count", "f16", "f32", "f64"}; !slices.Equal(f.Names(), want) {
		t.Errorf("names %v, want %v", f.Names(), want)
	}
	for name, shape := range map[string]tensor.Shape{"f32": {2}, "f16": {1, 2}, "bf16": {2, 1}, "f64": {2}} {
		got, err := f.Tensor(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(tensor.Of([]float32{1.5, -2}, shape...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if info, ok := f.Info("count"); !ok || info.DType != "I64" || len(info.Shape) != 0 {
		t.Errorf("count is %+v", info)
	}
	if _, err := f.Tensor("count"); err == nil || !strings.Contains(err.Error(), `tensor "count": type "I64" cannot be read`) {
		t.Errorf("Tensor of integers: error %v", err)
	}
	if _, err := f.Tensor("other"); err == nil || !strings.Contains(err.Error(), `tensor "other": there is none`) {
		t.Errorf("Tensor that is not there: error %v", err)
	}
}

// A tensor longer than what is read at a time.
func TestWrite(t *testing.T) {
	want := map[string]*tensor.Tensor{"a": tensor.New(3, 20_001), "b": tensor.Of([]float32{4})}
	for i := range want["a"].Data {
		want["a"].Data[i] = float32(i) / 8
	}
	name := filepath.Join(t.TempDir(), "w.safetensors")
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	for n, w := range want {
		got, err := f.Tensor(n)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Data, w.Data) || !got.Shape.Equal(w.Shape) {
			t.Errorf("%s comes back otherwise", n)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := Write(&b, map[string]*tensor.Tensor{"x": {Shape: tensor.Shape{2}, Data: []float32{1}}}); err == nil {
		t.Error("Write of a tensor with too few elements: no error")
	}
}

func TestBadFiles(t *testing.T) {
	entry := func(s string) []byte { return file(`{"w":`+s+`}`, make([]byte, 8)...) }
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"short", []byte{1, 2, 3}, "not a safetensors file"},
		{"text", []byte("this is no model"), "not a safetensors file"},
		{"checkpoint", []byte("PK\x03\x04............"), "a zip archive, perhaps a PyTorch checkpoint; save the weights"},
		{"pickle", []byte("\x80\x02............"), "a Python pickle"},
		{"pointer", []byte("version https://git-lfs.github.com/spec/v1"), "git lfs pull"},
		{"huge header", append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{'), "not a safetensors file"},
		{"cut header", file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`)[:20], "a header of 54 bytes in a file of 20; the file is cut off"},
		{"header without end", file(`{"w":{"dtype":"F32"`), "header: tensor \"w\": unexpected EOF"},
		{"header that goes on", file(`{} {}`), "something follows the JSON object, at byte 10"},
		{"array", file(`[]`), "not a safetensors file"},
		{"cut data", file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 1, 2, 3), `tensor "w": ends at byte 8 of the data, of which the file has 3; the file is cut off`},
		{"twice", file(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`), `tensor "w" is there twice`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":[[{}]]}`), `"__metadata__" is there twice`},
		{"key twice", entry(`{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}`), `tensor "w": "dtype" is there twice`},
		{"no type", entry(`{"shape":[2],"data_offsets":[0,8]}`), `tensor "w": dtype is missing`},
		{"no shape", entry(`{"dtype":"F32","data_offsets":[0,8]}`), `tensor "w": shape is missing`},
		{"no offsets", entry(`{"dtype":"F32","shape":[2]}`), `tensor "w": data_offsets is missing`},
		{"number", entry(`5`), `tensor "w": 5, want an object`},
		{"type of number", entry(`{"dtype":32,"shape":[2],"data_offsets":[0,8]}`), `tensor "w": dtype is 32`},
		{"negative axis", entry(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`), `tensor "w": shape: -2, want a whole number`},
		{"half an axis", entry(`{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}`), `tensor "w": shape: 1.5, want a whole number`},
		{"huge axis", entry(`{"dtype":"F32","shape":[9999999999],"data_offsets":[0,8]}`), `tensor "w": shape [9999999999]: more than`},
		{"huge product", entry(`{"dtype":"F32","shape":[2147483648,2147483648,2147483648],"data_offsets":[0,8]}`), `tensor "w": has 8 bytes, which is not what F32 of shape`},
		{"shape without end", entry(`{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,8]}`), `tensor "w": shape: more than 16 numbers`},
		{"other shape", entry(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`), `tensor "w": has 8 bytes, which is not what F32 of shape 3 takes`},
		{"backwards", entry(`{"dtype":"F32","shape":[2],"data_offsets":[8,0]}`), `tensor "w": data_offsets [8 0]`},
		{"three offsets", entry(`{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}`), `tensor "w": data_offsets: more than 2`},
		{"offset out of range", entry(`{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}`), `tensor "w": data_offsets: 99999999999999999999, want`},
		{"overlap", file(`{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)...), `tensor "w": shares bytes with tensor "v"`},
		{"same place", file(`{"v":{"dtype":"F4","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F4","shape":[1],"data_offsets":[0,8]}}`, make([]byte, 8)...), `tensor "w": shares bytes with tensor "v"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "bad.safetensors")
			if err := os.WriteFile(name, tt.file, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(name)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), name) {
				t.Errorf("got error %v, want %q and the name of the file", err, tt.want)
			}
			var d *DamagedError
			known := strings.Contains(tt.want, "save the weights") || strings.Contains(tt.want, "pickle") || strings.Contains(tt.want, "git lfs")
			if errors.As(err, &d) == known {
				t.Errorf("error %v: damaged %v, want %v", err, known, !known)
			}
		})
	}
}

func TestNotFinite(t *testing.T) {
	for _, tt := range []struct{ dtype, data, want string }{
		{"F32", "\x00\x00\x80\x3f\x00\x00\xc0\x7f", `tensor "w": element 1 is NaN`},
		{"F64", "\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\xf0\x47", `tensor "w": element 1 is +Inf`},
		{"F16", "\x00\x3c\x00\xfc", `tensor "w": element 1 is -Inf`},
	} {
		f, err := parse(file(`{"w":{"dtype":"`+tt.dtype+`","shape":[2],"data_offsets":[0,`+strconv.Itoa(len(tt.data))+`]}}`, []byte(tt.data)...))
		if err == nil {
			_, err = f.Tensor("w")
		}
		var d *DamagedError
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, &d) {
			t.Errorf("%s: error %v, want %q", tt.dtype, err, tt.want)
		}
	}
}

// Whatever the bytes, there is an error or a file whose tensors are as large as
// their part of it.
func FuzzNew(f *testing.F) {
	f.Add(file(`{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"v":{"dtype":"BF16","shape":[],"data_offsets":[8,10]}}`, make([]byte, 10)...))
	f.Add(file(`{"w":{"dtype":"F64","shape":[1,1],"data_offsets":[0,8],"other":[{}]}}  `, make([]byte, 8)...))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parse(b)
		if err != nil {
			return
		}
		total := 0
		for _, name := range file.Names() {
			x, err := file.Tensor(name)
			if err != nil {
				continue
			}
			if info, _ := file.Info(name); !x.Shape.Equal(info.Shape) || len(x.Data) != x.Shape.Len() {
				t.Fatalf("tensor %q has %d elements of shape %v, the header says %v", name, len(x.Data), x.Shape, info.Shape)
			}
			total += 2 * len(x.Data)
		}
		if total > len(b) {
			t.Fatalf("tensors of at least %d bytes from a file of %d", total, len(b))
		}
	})
}
