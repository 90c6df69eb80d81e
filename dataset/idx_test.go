package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"

	"sresnet/tensor"
)

// idx returns an idx file with this header and content.
func idx(magic uint32, dims []uint32, data ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

func gzipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func TestReadIDX(t *testing.T) {
	images := idx(idxImages, []uint32{2, 1, 3}, 1, 2, 3, 4, 5, 255)
	for _, file := range [][]byte{images, gzipped(images)} {
		dims, data, err := readIDX(bytes.NewReader(file), int64(len(file)), idxImages)
		if err != nil {
			t.Fatal(err)
		}
		if !tensor.Shape(dims).Equal(tensor.Shape{2, 1, 3}) || !bytes.Equal(data, []byte{1, 2, 3, 4, 5, 255}) {
			t.Errorf("got %v %v", dims, data)
		}
	}
}

func TestReadIDXErrors(t *testing.T) {
	const huge = 0xffffffff
	good := idx(idxLabels, []uint32{4}, 1, 2, 3, 4)
	damaged := gzipped(good)
	damaged[len(damaged)-8] ^= 1 // The checksum.
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "header is truncated"},
		{"images for labels", idx(idxImages, []uint32{1, 1, 1}, 1), "magic number 00000803, want 00000801 (an idx file of labels)"},
		{"header cut", good[:7], "header is truncated"},
		{"data cut", good[:11], "truncated: the header claims 4 elements, only 3 are there"},
		{"surplus", append(bytes.Clone(good), 5), "more data than the 4 elements"},
		{"none", idx(idxLabels, []uint32{0}), "no images: the header counts 0"},
		{"huge count", idx(idxLabels, []uint32{huge}, 1), "header is damaged"},
		{"large count", idx(idxLabels, []uint32{1 << 30}, 1), "too many for a file of 9 bytes"},
		{"zip cut", gzipped(good)[:20], "truncated: the header claims 4 elements"},
		{"zip data cut", gzipped(good[:11]), "truncated: the header claims 4 elements, only 3 are there"},
		{"zip surplus", gzipped(append(bytes.Clone(good), 5)), "more data than"},
		{"zip checksum", damaged, "gzip: invalid checksum"},
		{"zip header", []byte{0x1f, 0x8b, 0xff}, "damaged"},
		{"zip large count", gzipped(idx(idxLabels, []uint32{1<<20 + 1}, 1)), "too many for a file of"},
	} {
		_, data, err := readIDX(bytes.NewReader(tt.file), int64(len(tt.file)), idxLabels)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %d elements, error %v, want %q in it", tt.name, len(data), err, tt.want)
		}
	}
	for _, dims := range [][]uint32{{1, 0, 28}, {1, 28, 0}} {
		file := idx(idxImages, dims)
		if _, _, err := readIDX(bytes.NewReader(file), int64(len(file)), idxImages); err == nil || !strings.Contains(err.Error(), "without pixels") {
			t.Errorf("%v: got %v", dims, err)
		}
	}
	// 2^16 * 2^16 * 2^32-1 overflows 64 bits.
	file := idx(idxImages, []uint32{1 << 16, 1 << 16, huge})
	if _, _, err := readIDX(bytes.NewReader(file), int64(len(file)), idxImages); err == nil || !strings.Contains(err.Error(), "header is damaged") {
		t.Errorf("overflow: got %v", err)
	}
}

// TestReadIDXMemory feeds a gzip file of zeros that unpacks to a thousand times
// its size, under headers that claim much, all, and little of that.
func TestReadIDXMemory(t *testing.T) {
	const unpacked = 64 << 20
	for _, claim := range []uint32{1 << 31, unpacked, 1 << 20} {
		var b bytes.Buffer
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		z.Write(idx(idxLabels, []uint32{claim}))
		io.CopyN(z, zeros{}, unpacked)
		z.Close()

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, data, err := readIDX(&b, int64(b.Len()), idxLabels)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("claim %d: got %d elements, want an error", claim, len(data))
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
			t.Errorf("claim %d: %d bytes allocated", claim, got)
		}
	}
}

// TestReadIDXLimit unpacks as much as any small file may, and refuses one byte more.
func TestReadIDXLimit(t *testing.T) {
	for n, ok := range map[uint32]bool{minInflated: true, minInflated + 1: false} {
		file := gzipped(idx(idxLabels, []uint32{n}, make([]byte, n)...))
		if _, data, err := readIDX(bytes.NewReader(file), int64(len(file)), idxLabels); (err == nil) != ok {
			t.Errorf("%d bytes in a file of %d: read %d, error %v", n, len(file), len(data), err)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func FuzzReadIDX(f *testing.F) {
	images := idx(idxImages, []uint32{2, 1, 3}, 1, 2, 3, 4, 5, 255)
	f.Add(images)
	f.Add(gzipped(images))
	f.Add(gzipped(images)[:20])
	f.Add(idx(idxImages, []uint32{1 << 31, 1 << 31, 1 << 31}, 1))
	f.Add(idx(idxLabels, []uint32{3}, 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, magic := range []uint32{idxImages, idxLabels} {
			dims, data, err := readIDX(bytes.NewReader(b), int64(len(b)), magic)
			if err != nil {
				continue
			}
			if len(dims) != int(magic&0xff) || len(data) == 0 || len(data) != tensor.Shape(dims).Len() {
				t.Fatalf("%d bytes of data for %v", len(data), dims)
			}
		}
	})
}
