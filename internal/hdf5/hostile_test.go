package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// smallFiles returns files of a few thousand bytes with every structure in one
// of them: ours and, if there is h5py, its own.
func smallFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"ours": bytesOf(t, func(root *GroupWriter) {
		g := root.Group("g")
		g.Attribute("text", nil, "x")
		g.Dataset("text", []int{3}, []string{"a", "bb", ""}, Storage{})
		g.Dataset("x", []int{2, 3}, []float32{1, 2, 3, 4, 5, 6}, Storage{}).Attribute("n", nil, 1)
		g.Dataset("chunks", []int{2, 3}, []int16{1, 2, 3, 4, 5, 6}, Storage{Chunk: []int{1, 2}, Deflate: 4, Shuffle: true, Fletcher32: true})
		g.Dataset("bool", nil, true, Storage{})
	})}
	dir := t.TempDir()
	if _, ok := tryPython(t, "small", dir); ok {
		names, _ := filepath.Glob(filepath.Join(dir, "*.h5"))
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(name)] = b
		}
	}
	return files
}

const hostileMax = 1 << 20

// meter counts what is read.
type meter struct {
	r            io.ReaderAt
	reads, bytes uint64
}

func (m *meter) ReadAt(b []byte, at int64) (int, error) {
	m.reads++
	m.bytes += uint64(len(b))
	return m.r.ReadAt(b, at)
}

// devour reads all there is in a file that may be anything, and fails the test
// if that takes more memory or reads more than it may.
func devour(t testing.TB, b []byte) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := &meter{r: bytes.NewReader(b)}
	f, err := Open(r, int64(len(b)), Options{MaxBytes: hostileMax, noChecksums: true})
	if err == nil {
		_, err = list(f)
	}
	runtime.ReadMemStats(&after)
	// Of all that was ever allocated, most is what list makes of the values.
	if n := after.TotalAlloc - before.TotalAlloc; n > 100*(hostileMax+uint64(len(b))) {
		t.Errorf("%d bytes allocated for a file of %d", n, len(b))
	}
	if r.bytes > 10*(hostileMax+uint64(len(b))) || r.reads > 1<<17 {
		t.Errorf("%d bytes in %d reads of a file of %d", r.bytes, r.reads, len(b))
	}
	return err
}

// TestDamage cuts small files at every byte and damages every byte. There is
// nothing to compare with but that it ends, without panic, in bounds.
func TestDamage(t *testing.T) {
	files := smallFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			b := files[name]
			if err := devour(t, b); err != nil {
				t.Fatal(err)
			}
			step := 1
			if testing.Short() {
				step = 17
			}
			damaged := 0
			for i := 0; i < len(b); i += step {
				if _, err := Open(bytes.NewReader(b[:i]), int64(i), Options{}); err == nil {
					t.Fatalf("cut to %d of %d bytes, and opened", i, len(b))
				}
				if i > 48 {
					// The same with a superblock that knows no better.
					c := slices.Clone(b[:i])
					le.PutUint64(c[endAt(c):], uint64(i))
					_ = devour(t, c)
				}
				c := slices.Clone(b)
				c[i] ^= 1 << (i % 8)
				if devour(t, c) != nil {
					damaged++
				}
			}
			if damaged == 0 {
				t.Error("no damage was found")
			}
		})
	}
}

// endAt is where a superblock has the length of the file.
func endAt(b []byte) int {
	if b[8] < 2 {
		return 40
	}
	return 28
}

// TestChecksums checks that every byte of what has a checksum is under it.
func TestChecksums(t *testing.T) {
	b, ok := smallFiles(t)["groups latest.h5"]
	if !ok {
		t.Skip("no python3 with h5py to make the file")
	}
	for _, mark := range []string{signature, "OHDR", "BTHD", "BTLF", "FRHP", "FHDB"} {
		at := bytes.Index(b, []byte(mark))
		if at < 0 {
			t.Errorf("the file has no %q", mark)
			continue
		}
		c := slices.Clone(b)
		c[at+len(mark)+7] ^= 1
		f, err := Open(bytes.NewReader(c), int64(len(c)), Options{})
		if err == nil {
			_, err = list(f)
		}
		if err == nil {
			t.Errorf("%q: damage was not found", mark)
		}
	}
}

// relink changes where the link of that name goes.
func relink(t *testing.T, b []byte, name string, to uint64) {
	t.Helper()
	link := append([]byte{1, 0x11, 1, byte(len(name)), 0}, name...)
	at := bytes.Index(b, link)
	if at < 0 || bytes.Count(b, link) != 1 {
		t.Fatalf("no single link %q", name)
	}
	le.PutUint64(b[at+len(link):], to)
}

// target returns where the link of that name goes.
func target(t *testing.T, b []byte, name string) uint64 {
	t.Helper()
	link := append([]byte{1, 0x11, 1, byte(len(name)), 0}, name...)
	at := bytes.Index(b, link)
	if at < 0 {
		t.Fatalf("no link %q", name)
	}
	return le.Uint64(b[at+len(link):])
}

func TestHostile(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T) []byte
		want string
	}{
		{"no HDF5", func(t *testing.T) []byte { return []byte("PK\x03\x04 something else") }, "not an HDF5 file"},
		{"empty", func(t *testing.T) []byte { return nil }, "not an HDF5 file"},
		{"cycle", func(t *testing.T) []byte {
			b := bytesOf(t, func(root *GroupWriter) { root.Group("a").Group("b") })
			relink(t, b, "b", target(t, b, "a"))
			return b
		}, `"/a": child "b": the group has another name, "a"`},
		{"cycle to the root", func(t *testing.T) []byte {
			b := bytesOf(t, func(root *GroupWriter) { root.Group("a").Group("b") })
			relink(t, b, "b", le.Uint64(b[64:]))
			return b
		}, "the group has another name"},
		{"two ways", func(t *testing.T) []byte {
			// Each such step doubles the paths.
			b := bytesOf(t, func(root *GroupWriter) { root.Group("a"); root.Group("b") })
			relink(t, b, "b", target(t, b, "a"))
			return b
		}, "the group has another name"},
		{"deep", func(t *testing.T) []byte {
			return bytesOf(t, func(g *GroupWriter) {
				for range 2 * maxDepth {
					g = g.Group("g")
				}
			})
		}, "more than 1000 groups inside each other"},
		{"many names", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) {
				g.Dataset("x", []int{1 << 16}, make([]float64, 1<<16), Storage{Deflate: 9})
				for i := range 9 {
					g.Dataset(fmt.Sprint("y", i), []int{1}, []int{0}, Storage{})
				}
			})
			for i := range 9 {
				relink(t, b, fmt.Sprint("y", i), target(t, b, "x"))
			}
			return b
		}, `"/y1": its 524288 bytes are too many`},
		{"contiguous claim", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{3, 1}, []int64{1, 2, 3}, Storage{}) })
			dims(t, b, []uint64{3, 1}, []uint64{3, 1 << 40})
			return b
		}, `"/x": its 26388279066624 bytes are not all there`},
		{"chunked claim", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{3, 1}, []int64{1, 2, 3}, Storage{Deflate: 1}) })
			dims(t, b, []uint64{3, 1}, []uint64{3, 1 << 20})
			return b
		}, `"/x": its 25165824 bytes are too many: the file may hold 1048576 (MaxBytes), 0 of them taken`},
		{"overflow", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{3, 1}, []int64{1, 2, 3}, Storage{}) })
			dims(t, b, []uint64{3, 1}, []uint64{1 << 33, 1 << 33})
			return b
		}, "has too many elements"},
		{"overflow in bytes", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{3, 1}, []int64{1, 2, 3}, Storage{}) })
			dims(t, b, []uint64{3, 1}, []uint64{1 << 31, 1 << 30})
			return b
		}, "its size overflows"},
		{"bomb", func(t *testing.T) []byte {
			return bytesOf(t, func(g *GroupWriter) {
				g.Dataset("x", []int{1 << 24}, make([]float32, 1<<24), Storage{Deflate: 9})
			})
		}, `"/x": its 134217728 bytes are too many`},
		{"bomb in a small chunk", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) {
				g.Dataset("x", []int{1 << 20, 1}, make([]int8, 1<<20), Storage{Deflate: 9})
			})
			dims(t, b, []uint64{1 << 20, 1}, []uint64{1 << 8, 1})
			// And in the layout: rank 3, address, extents.
			at := bytes.Index(b, []byte{3, 2, 3})
			le.PutUint32(b[at+11:], 1<<8)
			return b
		}, "deflate: the chunk is too long"},
		{"header that continues in itself", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{1}, []int8{1}, Storage{}) })
			at := target(t, b, "x")
			le.PutUint16(b[at+16:], msgContinuation) // It was a dataspace with 16 bytes.
			le.PutUint64(b[at+24:], at+16)
			le.PutUint64(b[at+32:], 24)
			return b
		}, "its structures overlap"},
		{"wide tree of itself", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) {
				g.Dataset("x", []int{64}, make([]int8, 64), Storage{Chunk: []int{1}})
			})
			at := bytes.Index(b, []byte("TREE"))
			for level := range byte(2) { // Level 1 of itself, which is level 1 and not 0.
				b[at+5] = level
			}
			for i := range 64 {
				le.PutUint64(b[at+24+i*32+24:], uint64(at))
			}
			return b
		}, "which do not belong here"},
		{"one chunk many times", func(t *testing.T) []byte {
			b := bytesOf(t, func(g *GroupWriter) {
				g.Dataset("x", []int{64}, make([]int8, 64), Storage{Chunk: []int{1}})
			})
			dims(t, b, []uint64{64}, []uint64{4})
			at := bytes.Index(b, []byte("TREE"))
			for i := range 64 {
				le.PutUint64(b[at+24+i*32+8:], 0)
			}
			return b
		}, "more chunks than the shape has room for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := devour(t, tt.make(t))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// dims changes the extents in the dataspace that has these.
func dims(t *testing.T, b []byte, from, to []uint64) {
	t.Helper()
	space := func(d []uint64) []byte {
		s := []byte{1, byte(len(d)), 0, 0, 0, 0, 0, 0}
		for _, x := range d {
			s = le.AppendUint64(s, x)
		}
		return s
	}
	if n := bytes.Count(b, space(from)); n != 1 {
		t.Fatalf("%d dataspaces %v", n, from)
	}
	copy(b[bytes.Index(b, space(from)):], space(to))
}

// TestMaxBytes checks that the bound is exact, for all datasets together, and
// that reading again costs nothing.
func TestMaxBytes(t *testing.T) {
	b := bytesOf(t, func(g *GroupWriter) {
		g.Dataset("a", []int{100}, make([]float32, 100), Storage{})
		g.Dataset("b", []int{100}, make([]float32, 100), Storage{})
	})
	for _, tt := range []struct {
		max  int64
		fail bool
	}{{800, false}, {799, true}} {
		f, err := Open(bytes.NewReader(b), int64(len(b)), Options{MaxBytes: tt.max})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "a", "b"} {
			d, err := f.Root().Dataset(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Float32s(); (err != nil) != (tt.fail && name == "b") {
				t.Errorf("MaxBytes %d: %s: %v", tt.max, name, err)
			}
		}
	}
	if _, err := Open(bytes.NewReader(b), int64(len(b)), Options{MaxBytes: -1}); err == nil {
		t.Error("a negative MaxBytes was taken")
	}
}

func TestErrors(t *testing.T) {
	b := bytesOf(t, func(g *GroupWriter) {
		g.Group("group")
		g.Dataset("float", []int{2}, []float64{1, 1.5}, Storage{})
		g.Dataset("text", nil, "x", Storage{})
		g.Dataset("large", nil, []uint64{1 << 63}, Storage{})
		g.Dataset("negative", nil, -1, Storage{})
		g.Attribute("text", nil, "x")
	})
	f, err := Open(bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := f.Root()
	at := func(name string) *Dataset {
		d, err := root.Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	attr, err := root.Attribute("text")
	if err != nil || attr.Name() != "text" {
		t.Fatal(attr, err)
	}
	_, missing := root.Child("missing")
	_, noAttr := root.Attribute("missing")
	if !errors.Is(missing, ErrNotFound) || !errors.Is(noAttr, ErrNotFound) || root.Has("missing") || !root.Has("group") {
		t.Errorf("missing: %v, %v", missing, noAttr)
	}
	for want, fn := range map[string]func() error{
		`hdf5: "/": child "missing": not found`:                           func() error { return missing },
		`hdf5: "/": attribute "missing": not found`:                       func() error { return noAttr },
		`hdf5: "/group" is no dataset`:                                    func() error { _, err := root.Dataset("group"); return err },
		`hdf5: "/text" is no group`:                                       func() error { _, err := root.Group("text"); return err },
		`hdf5: "/float": 1.5 is not a 64-bit integer`:                     func() error { _, err := at("float").Int64s(); return err },
		`hdf5: "/float": holds float64, not strings`:                      func() error { _, err := at("float").Strings(); return err },
		`hdf5: "/float": has 2 elements, not one`:                         func() error { _, err := at("float").Float64(); return err },
		`hdf5: "/float": 1.5 is neither 0 nor 1`:                          func() error { _, err := at("float").Bools(); return err },
		`hdf5: "/text": holds string, not numbers`:                        func() error { _, err := at("text").Float32s(); return err },
		`hdf5: "/negative": -1 is negative`:                               func() error { _, err := at("negative").Uint64s(); return err },
		`hdf5: "/": attribute "text": holds string, not integers`:         func() error { _, err := attr.Int64s(); return err },
		`hdf5: "/large": 9223372036854775808 is above the range of int64`: func() error { _, err := at("large").Int64(); return err },
	} {
		if err := fn(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, b := range smallFiles(f) {
		f.Add(b)
	}
	var m memory
	w := NewWriter(&m)
	sample(w)
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(m.b[:len(m.b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		_ = devour(t, b)
	})
}

// TestConversions reads one value of every type in every way.
func TestConversions(t *testing.T) {
	values := map[string]any{
		"float32": []float32{7}, "float64": []float64{7}, "int64": []int64{7}, "int32": []int32{7}, "int16": []int16{7},
		"int8": []int8{7}, "uint64": []uint64{7}, "uint32": []uint32{7}, "uint16": []uint16{7}, "uint8": []uint8{7},
	}
	b := bytesOf(t, func(g *GroupWriter) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			g.Dataset(name, []int{1}, values[name], Storage{})
		}
	})
	f, err := Open(bytes.NewReader(b), int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range values {
		d, err := f.Root().Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		if d.Type().String() != name {
			t.Errorf("%s has type %v", name, d.Type())
		}
		x, err1 := d.Float32s()
		y, err2 := d.Float64s()
		i, err3 := d.Int64s()
		u, err4 := d.Uint64s()
		if got := fmt.Sprint(x, y, i, u, errors.Join(err1, err2, err3, err4)); got != "[7] [7] [7] [7] <nil>" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestFletcher32 holds the sum against its definition on lengths around its
// blocks; h5py judges it, too.
func TestFletcher32(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 2, 3, 719, 720, 721, 722, 1441, 5000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32() | 0xf0)
		}
		var s1, s2 uint64
		for i := 0; i < n; i += 2 {
			s1 += uint64(b[i]) << 8
			if i+1 < n {
				s1 += uint64(b[i+1])
			}
			s2 += s1
		}
		got := fletcher32(b)
		if uint64(got&0xffff)%65535 != s1%65535 || uint64(got>>16)%65535 != s2%65535 {
			t.Errorf("%d bytes: %#x, want sums %d and %d", n, got, s1%65535, s2%65535)
		}
	}
}
