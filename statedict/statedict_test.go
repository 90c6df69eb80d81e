package statedict

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/tensor"
)

// archive is a zip archive of files, each a name and a content.
func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// floats is elements of float32.
func floats(order binary.AppendByteOrder, x ...float32) string {
	var b []byte
	for _, v := range x {
		b = order.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

// weight is the pickle of {"w": tensor}: of storage "0" with so many elements, a tensor of
// 2 by 3 at an offset.
func weight(elements, offset, rowStride, columnStride byte) string {
	return "\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n" +
		"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK" + string([]byte{elements}) + "tQK" + string([]byte{offset}) +
		"K\x02K\x03\x86K" + string([]byte{rowStride}) + "K" + string([]byte{columnStride}) + "\x86\x89ccollections\nOrderedDict\n)RtRs."
}

func parse(b []byte) (*File, error) { return New(bytes.NewReader(b), int64(len(b))) }

// Elements are where offset and strides say, in the byte order of the file.
func TestPlaces(t *testing.T) {
	ramp := []float32{0, 1, 2, 3, 4, 5, 6, 7}
	for _, tt := range []struct {
		name, pickle string
		order        binary.AppendByteOrder
		want         []float32 // Nil for an error.
	}{
		{"rows", weight(8, 0, 3, 1), binary.LittleEndian, []float32{0, 1, 2, 3, 4, 5}},
		{"columns", weight(8, 0, 1, 2), binary.LittleEndian, []float32{0, 2, 4, 1, 3, 5}},
		{"at the end", weight(8, 2, 3, 1), binary.LittleEndian, []float32{2, 3, 4, 5, 6, 7}},
		{"with a gap", weight(8, 1, 4, 1), binary.LittleEndian, []float32{1, 2, 3, 5, 6, 7}},
		{"overlapping", weight(8, 0, 1, 1), binary.LittleEndian, []float32{0, 1, 2, 1, 2, 3}},
		{"one row twice", weight(8, 0, 0, 1), binary.LittleEndian, []float32{0, 1, 2, 0, 1, 2}},
		{"big endian", weight(8, 0, 3, 1), binary.BigEndian, []float32{0, 1, 2, 3, 4, 5}},
		{"beyond the end", weight(8, 3, 3, 1), binary.LittleEndian, nil},
		{"beyond the end by strides", weight(8, 0, 6, 1), binary.LittleEndian, nil},
		{"of a storage that is shorter", weight(9, 3, 3, 1), binary.LittleEndian, nil},
	} {
		order := "little"
		if tt.order == binary.AppendByteOrder(binary.BigEndian) {
			order = "big"
		}
		f, err := parse(archive(t, "x/data.pkl", tt.pickle, "x/byteorder", order, "x/data/0", floats(tt.order, ramp...)))
		if tt.want == nil {
			if wrong := (*FormatError)(nil); !errors.As(err, &wrong) || wrong.Hint() == "" {
				t.Errorf("%s: got error %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, err := f.Tensor("w")
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tensor.Of(tt.want, 2, 3), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTensorErrors(t *testing.T) {
	nan := floats(binary.LittleEndian, 0, 1, 2, float32(math.NaN()), 4, 5)
	name := filepath.Join(t.TempDir(), "x.pt")
	if err := os.WriteFile(name, archive(t, "x/data.pkl", weight(6, 0, 3, 1), "x/data/0", nan), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Tensor("w"); err == nil || err.Error() != "statedict: "+name+`: tensor "w": element 3 is NaN` {
		t.Errorf("got error %v", err)
	}
	if _, err := f.Tensor("v"); err == nil || !strings.Contains(err.Error(), "there is none of that name") {
		t.Errorf("got error %v", err)
	}
	if _, ok := f.Shape("v"); ok {
		t.Error("a tensor v")
	}
}

// python runs a script with Debian's torch.
func python(t *testing.T, script string, args ...string) []byte {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import torch").Run() != nil {
			continue
		}
		cmd := exec.Command(name, append([]string{"-c", script}, args...)...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Skip("python3 with torch is needed")
	return nil
}

// TestTorch reads what torch.save writes: types, strides, tensors of one storage, and
// dictionaries in other places.
func TestTorch(t *testing.T) {
	dir := t.TempDir()
	out := python(t, `import collections, json, sys, torch
torch.manual_seed(1)
base = torch.randn(4, 6)
state = collections.OrderedDict(
    plain=base, transposed=base.t(), part=base[1:3], columns=base[:, 1:4], scalar=torch.tensor(2.5),
    half=torch.randn(3).half(), bfloat=torch.randn(3).bfloat16(), double=torch.randn(2, 2).double(),
    parameter=torch.nn.Parameter(torch.randn(2)), last=torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    count=torch.tensor(7), empty=torch.zeros(0, 3))
forms = {
    "plain": state,
    "dict": dict(state),
    "checkpoint": {"epoch": 1, "state_dict": state, "best": torch.tensor(1.0), "optimizer": {"state": {0: {"m": base}}, "param_groups": [{"lr": 0.1, "params": [0]}]}},
    "two": {"model": state, "ema": {"plain": base + 1}},
    "only": {"weights of mine": state, "seed": 1 << 80},
}
for name, value in forms.items():
    for protocol in 2, 3, 4, 5:
        torch.save(value, f"{sys.argv[1]}/{name}{protocol}.pt", pickle_protocol=protocol)
        torch.save(value, f"{sys.argv[1]}/{name}{protocol}-legacy.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), f"{sys.argv[1]}/legacy-module.pt", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 2), f"{sys.argv[1]}/module.pt")
torch.save({"a": state, "b": state}, f"{sys.argv[1]}/unclear.pt")
torch.save(torch.zeros(3), f"{sys.argv[1]}/tensor.pt")
torch.save({"x": base.expand(100, 4, 6)}, f"{sys.argv[1]}/expanded.pt")
torch.jit.script(torch.nn.Linear(2, 2)).save(f"{sys.argv[1]}/script.pt")
json.dump({k: {"shape": list(v.shape), "data": v.float().flatten().tolist()} for k, v in state.items()}, sys.stdout)`, dir)
	var want map[string]struct {
		Shape []int
		Data  []float32
	}
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"plain", "dict", "checkpoint", "two", "only"} {
		for _, protocol := range []string{"2", "3", "4", "5", "2-legacy", "3-legacy", "4-legacy", "5-legacy"} {
			f, err := Open(filepath.Join(dir, form+protocol+".pt"))
			if err != nil {
				t.Error(err)
				continue
			}
			if len(f.Names()) != len(want) {
				t.Errorf("%s: got %v", form, f.Names())
			}
			for name, w := range want {
				if shape, ok := f.Shape(name); !ok || !slices.Equal(shape, w.Shape) {
					t.Errorf("%s: %s is of %v, want %v", form, name, shape, w.Shape)
				}
				got, err := f.Tensor(name)
				switch name {
				case "count":
					if err == nil || !strings.Contains(err.Error(), `tensor "count": elements are int64`) {
						t.Errorf("%s: count: error %v", form, err)
					}
				case "empty":
					if err == nil {
						t.Errorf("%s: an empty tensor was read", form)
					}
				default:
					if err != nil || !slices.Equal(got.Data, w.Data) {
						t.Errorf("%s: %s: got %v, error %v, want %v", form, name, got, err, w.Data)
					}
				}
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	for name, want := range map[string]string{
		"legacy-module": `calls for "torch.nn.modules.linear.Linear"`,
		"module":        `calls for "torch.nn.modules.linear.Linear", which no file of weights needs; it is not run`,
		"unclear":       "which of a, b are the weights",
		"tensor":        "does not hold a dictionary",
		"expanded":      `tensor "x": it has more elements than its storage of 24`,
		"script":        "a TorchScript archive",
	} {
		_, err := Open(filepath.Join(dir, name+".pt"))
		if wrong := (*FormatError)(nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) || wrong.Hint() == "" {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// legacy is a file as before version 1.6: pickles, and storages of a number of elements and these.
func legacy(value, keys string, storages ...string) []byte {
	return []byte("\x80\x02" + legacyMagic + "\x80\x02M\xe9\x03." + "\x80\x02}." + value + keys + strings.Join(storages, ""))
}

// Files of the older form that are damaged, or claim what is not there, are errors.
func TestLegacyErrors(t *testing.T) {
	const key = "\x80\x02]X\x01\x00\x00\x000a."
	six := floats(binary.LittleEndian, 0, 1, 2, 3, 4, 5)
	count := func(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }
	f, err := parse(legacy(weight(6, 0, 3, 1), key, count(6), six))
	if err != nil {
		t.Fatal(err)
	}
	if w, err := f.Tensor("w"); err != nil || !slices.Equal(w.Data, []float32{0, 1, 2, 3, 4, 5}) {
		t.Errorf("got %v, error %v", w, err)
	}
	for name, b := range map[string][]byte{
		"no storage":          legacy(weight(6, 0, 3, 1), key),
		"half a storage":      legacy(weight(6, 0, 3, 1), key, count(6), six[:20]),
		"a storage too short": legacy(weight(6, 0, 3, 1), key, count(5), six),
		"a huge storage":      legacy(weight(6, 0, 3, 1), key, count(1<<62), six),
		"a negative storage":  legacy(weight(6, 0, 3, 1), key, count(1<<63), six),
		"no keys":             legacy(weight(6, 0, 3, 1), "\x80\x02].", count(6), six),
		"keys that are none":  legacy(weight(6, 0, 3, 1), "\x80\x02}.", count(6), six),
		"a key twice":         legacy(weight(6, 0, 3, 1), "\x80\x02](X\x01\x00\x00\x000X\x01\x00\x00\x000e.", count(3), six[:12], count(3), six[12:]),
		"an unknown key":      legacy(weight(6, 0, 3, 1), "\x80\x02]X\x01\x00\x00\x001a.", count(6), six),
		"cut off":             legacy(weight(6, 0, 3, 1)[:40], ""),
		"another version":     []byte("\x80\x02" + legacyMagic + "\x80\x02M\xe8\x03.\x80\x02}." + weight(6, 0, 3, 1) + key + count(6) + six),
	} {
		_, err := parse(b)
		if wrong := (*FormatError)(nil); !errors.As(err, &wrong) || wrong.Hint() == "" {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add(weight(8, 0, 3, 1), "little", make([]byte, 32))
	f.Add(weight(8, 2, 1, 2), "big", make([]byte, 32))
	f.Add("\x80\x02}X\x0a\x00\x00\x00state_dict}s.", "", []byte{})
	f.Add("\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", "little", []byte{})
	f.Fuzz(func(t *testing.T, pickle, order string, data []byte) {
		b := archive(t, "x/data.pkl", pickle, "x/byteorder", order, "x/data/0", string(data))
		file, err := parse(b)
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			shape, ok := file.Shape(name)
			if !ok {
				t.Fatalf("no shape of %q", name)
			}
			x, err := file.Tensor(name)
			if err != nil {
				continue
			}
			if len(x.Data) != shape.Len() || len(x.Data) > len(b) {
				t.Fatalf("%d elements of %v from %d bytes", len(x.Data), shape, len(b))
			}
		}
	})
}

// FuzzArchive is FuzzNew for the bytes of the archive.
func FuzzArchive(f *testing.F) {
	f.Add(archive(f, "x/data.pkl", weight(6, 0, 3, 1), "x/data/0", floats(binary.LittleEndian, 0, 1, 2, 3, 4, 5)))
	f.Add([]byte("PK\x03\x04"))
	f.Add(legacy(weight(2, 0, 1, 0), "\x80\x02]X\x01\x00\x00\x000a.", "\x02\x00\x00\x00\x00\x00\x00\x00", floats(binary.LittleEndian, 0, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parse(b)
		if err != nil {
			return
		}
		for _, name := range file.Names() {
			if x, err := file.Tensor(name); err == nil && len(x.Data) > len(b) {
				t.Fatalf("%d elements from %d bytes", len(x.Data), len(b))
			}
		}
	})
}
