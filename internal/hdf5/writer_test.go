package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// memory is a file in memory.
type memory struct {
	b  []byte
	at int
}

func (m *memory) Write(p []byte) (int, error) {
	if grow := m.at + len(p) - len(m.b); grow > 0 {
		m.b = append(m.b, make([]byte, grow)...)
	}
	m.at += copy(m.b[m.at:], p)
	return len(p), nil
}

func (m *memory) Seek(off int64, whence int) (int64, error) {
	if whence != io.SeekStart {
		return 0, errors.New("seek from elsewhere")
	}
	m.at = int(off)
	return off, nil
}

// bytesOf returns the file that write makes.
func bytesOf(t testing.TB, write func(root *GroupWriter)) []byte {
	t.Helper()
	var m memory
	w := NewWriter(&m)
	write(w.Root())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return m.b
}

// written is what a sample holds: the elements of each array as h5.py lists
// them, by path.
type written map[string][]string

func (w written) add(path string, data any) {
	s := []string{}
	float := func(v float64) { s = append(s, strconv.FormatUint(math.Float64bits(v), 10)) }
	switch x := data.(type) {
	case []float32:
		for _, v := range x {
			float(float64(v))
		}
	case []float64:
		for _, v := range x {
			float(v)
		}
	case float64:
		float(x)
	case []bool:
		for _, v := range x {
			s = append(s, map[bool]string{false: "0", true: "1"}[v])
		}
	case []string:
		s = append(s, x...)
	case string:
		s = append(s, x)
	default:
		if text := strings.Trim(fmt.Sprint(x), "[]"); text != "" {
			s = append(s, strings.Split(text, " ")...)
		}
	}
	w[path] = s
}

// sample writes arrays of every kind.
func sample(w *Writer) written {
	all := written{}
	root := w.Root()
	data := func(g *GroupWriter, name string, shape []int, data any, s Storage) *ObjectWriter {
		all.add(strings.TrimSuffix(g.path, "/")+"/"+name, data)
		return g.Dataset(name, shape, data, s)
	}
	attr := func(o *ObjectWriter, name string, shape []int, data any) {
		all.add(o.path+"@"+name, data)
		o.Attribute(name, shape, data)
	}
	data(root, "version", nil, "1.0.7", Storage{})
	g := root.Group("node")
	data(g, "type", nil, "NIRGraph", Storage{})
	data(g, "edges", []int{2, 2}, []string{"a", "b", "b.c", "naïve ⚡"}, Storage{})
	data(g, "no edges", []int{0}, []float64{}, Storage{})
	attr(&g.ObjectWriter, "text", nil, "an attribute")
	attr(&g.ObjectWriter, "texts", []int{3}, []string{"x", "", "zz"})
	attr(&g.ObjectWriter, "dt", nil, 1e-4)
	attr(&g.ObjectWriter, "none", []int{0, 2}, []float64{})
	attr(&g.ObjectWriter, "numbers", []int{2, 3}, []int32{1, -2, 3, -4, 5, -6})

	kinds := root.Group("kinds")
	data(kinds, "int", nil, -7, Storage{})
	data(kinds, "float", nil, -1.5, Storage{})
	data(kinds, "ints", []int{2}, []int{math.MinInt, math.MaxInt}, Storage{})
	data(kinds, "int64", []int{3}, []int64{math.MinInt64, 0, math.MaxInt64}, Storage{})
	data(kinds, "int32", []int{3}, []int32{math.MinInt32, 0, math.MaxInt32}, Storage{})
	data(kinds, "int16", []int{3}, []int16{math.MinInt16, 0, math.MaxInt16}, Storage{})
	data(kinds, "int8", []int{3}, []int8{-128, 0, 127}, Storage{})
	data(kinds, "uint64", []int{3}, []uint64{0, 1, math.MaxUint64}, Storage{})
	data(kinds, "uint32", []int{3}, []uint32{0, 1, math.MaxUint32}, Storage{})
	data(kinds, "uint16", []int{3}, []uint16{0, 1, math.MaxUint16}, Storage{})
	data(kinds, "uint8", []int{3}, []uint8{0, 1, 255}, Storage{})
	data(kinds, "bool", []int{3}, []bool{true, false, true}, Storage{})
	data(kinds, "float32", []int{4}, []float32{0, -1.5, math.MaxFloat32, float32(math.Inf(-1))}, Storage{})
	data(kinds, "float64", []int{4}, []float64{0, -1.5, math.MaxFloat64, 0.1}, Storage{})

	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 11*7*5*3)
	for i := range x {
		x[i] = float32(r.IntN(1000)) / 8
	}
	shape := []int{11, 7, 5, 3}
	chunks := root.Group("chunks")
	for i, s := range []Storage{
		{Chunk: []int{11, 7, 5, 3}},
		{Chunk: []int{4, 3, 2, 1}},
		{Chunk: []int{1, 1, 1, 1}, Deflate: 1}, // 1155 of them: two levels.
		{Chunk: []int{3, 7, 5, 3}, Deflate: 4, Shuffle: true},
		{Chunk: []int{3, 7, 4, 3}, Shuffle: true},
		{Chunk: []int{11, 2, 5, 3}, Fletcher32: true},
		{Deflate: 9, Shuffle: true, Fletcher32: true},
	} {
		d := data(chunks, fmt.Sprint("x", i), shape, x, s)
		attr(d, "number", nil, i)
	}
	long := make([]int16, 9900) // 4950 chunks: three levels.
	for i := range long {
		long[i] = int16(i / 3)
	}
	data(chunks, "long", []int{9900}, long, Storage{Chunk: []int{2}, Deflate: 1})
	data(chunks, "empty", []int{0, 3}, []float32{}, Storage{Deflate: 4})
	data(chunks, "bools", []int{7}, []bool{true, true, false, true, false, false, true}, Storage{Deflate: 4, Shuffle: true})
	data(chunks, "texts", []int{2000}, strings.Fields(strings.Repeat("many words in heaps ", 500)), Storage{})
	data(chunks, "long text", nil, strings.Repeat("0123456789", 10000), Storage{})

	deep := root
	for i := range 30 {
		deep = deep.Group("d" + strconv.Itoa(i))
	}
	many := root.Group("many")
	for i := range 700 {
		many.Group("child " + strconv.Itoa(i))
	}
	return all
}

func writeSample(t *testing.T, file string) written {
	t.Helper()
	w, err := Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	all := sample(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	var m, again memory
	w := NewWriter(&m)
	want := sample(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = NewWriter(&again)
	sample(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.b, again.b) {
		t.Error("the same calls give other bytes")
	}
	f, err := Open(bytes.NewReader(m.b), int64(len(m.b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	items, err := list(f)
	if err != nil {
		t.Fatal(err)
	}
	got := written{}
	for _, it := range items {
		got[it.Path] = it.Values
	}
	for path, values := range want {
		if fmt.Sprintf("%q", got[path]) != fmt.Sprintf("%q", values) {
			t.Errorf("%s: got %.200q, want %.200q", path, got[path], values)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(g *GroupWriter)
		want string
	}{
		"slash":      {func(g *GroupWriter) { g.Group("a/b") }, `"a/b" cannot be a name`},
		"empty name": {func(g *GroupWriter) { g.Group("") }, `"" cannot be a name`},
		"twice":      {func(g *GroupWriter) { g.Group("a"); g.Dataset("a", nil, 1, Storage{}) }, `"/a": the name is taken`},
		"shape":      {func(g *GroupWriter) { g.Dataset("a", []int{2, 2}, []int{1, 2, 3}, Storage{}) }, `"/a": 3 elements for shape [2 2]`},
		"overflow":   {func(g *GroupWriter) { g.Dataset("a", []int{math.MaxInt, 4}, []int{}, Storage{}) }, `"/a": shape`},
		"type":       {func(g *GroupWriter) { g.Dataset("a", nil, complex(1, 2), Storage{}) }, `"/a": a complex128 cannot be written`},
		"scalar":     {func(g *GroupWriter) { g.Dataset("a", nil, 1, Storage{Deflate: 1}) }, `"/a": a scalar is stored plainly`},
		"strings":    {func(g *GroupWriter) { g.Dataset("a", []int{1}, []string{"x"}, Storage{Deflate: 1}) }, `"/a": strings are stored plainly`},
		"NUL":        {func(g *GroupWriter) { g.Dataset("a", nil, "x\x00", Storage{}) }, `is not UTF-8 without NUL`},
		"level":      {func(g *GroupWriter) { g.Dataset("a", []int{1}, []int{1}, Storage{Deflate: 10}) }, `deflate of level 10`},
		"chunk":      {func(g *GroupWriter) { g.Dataset("a", []int{1}, []int{1}, Storage{Chunk: []int{2}}) }, `chunks [2]`},
		"attribute":  {func(g *GroupWriter) { g.Attribute("a", []int{40000}, make([]int8, 40000)) }, `make it a dataset`},
		"attr twice": {func(g *GroupWriter) { g.Attribute("a", nil, 1); g.Attribute("a", nil, 1) }, `attribute "a": the name is taken`},
		"many children": {func(g *GroupWriter) {
			for i := range maxChildren + 1 {
				g.Group(strconv.Itoa(i))
			}
		}, `more than 65000 children`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "x.h5")
			if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			w, err := Create(file)
			if err != nil {
				t.Fatal(err)
			}
			tt.do(w.Root())
			if err := w.Close(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Close: %v, want %q in it", err, tt.want)
			}
			if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
				t.Errorf("the old file: %q, %v", b, err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

// TestDefaultChunks checks that arrays of any shape are cut to at most a
// megabyte along their first dimensions.
func TestDefaultChunks(t *testing.T) {
	for _, tt := range []struct{ shape, want []int }{
		{[]int{10}, []int{10}},
		{[]int{1 << 20}, []int{1 << 18}},
		{[]int{512, 512, 3, 3}, []int{56, 512, 3, 3}},
		{[]int{3, 1000, 1000}, []int{1, 262, 1000}},
		{[]int{2, 0, 5}, []int{2, 1, 5}},
	} {
		s, err := Storage{Deflate: 1}.withDefaults(tt.shape, 4)
		if err != nil || fmt.Sprint(s.Chunk) != fmt.Sprint(tt.want) {
			t.Errorf("shape %v: chunks %v, %v, want %v", tt.shape, s.Chunk, err, tt.want)
		}
	}
}

// TestProcessors checks that a file is the same for any number of processors.
func TestProcessors(t *testing.T) {
	x := make([]float32, 3<<18)
	for i := range x {
		x[i] = float32(uint32(i) * 2654435761 >> 20)
	}
	write := func(processors int) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		return bytesOf(t, func(g *GroupWriter) {
			g.Dataset("x", []int{3, 1 << 18}, x, Storage{Deflate: 4, Shuffle: true, Chunk: []int{2, 1 << 14}})
		})
	}
	one := write(1)
	for _, n := range []int{2, 3, 64} {
		if !bytes.Equal(write(n), one) {
			t.Errorf("%d processors write other bytes than one", n)
		}
	}
}

// nowhere is a file that keeps nothing.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error)               { return len(p), nil }
func (nowhere) Seek(off int64, whence int) (int64, error) { return off, nil }

// allocated returns the bytes that fn allocates.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestMemory checks that arrays pass through in pieces.
func TestMemory(t *testing.T) {
	x := make([]float32, 1<<22) // 16 MB.
	for _, s := range []Storage{{}, {Deflate: 1, Shuffle: true, Fletcher32: true}} {
		n := allocated(func() {
			w := NewWriter(nowhere{})
			w.Root().Dataset("x", []int{1 << 10, 1 << 12}, x, s)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		})
		// For each processor two chunks of a megabyte and what grew to them.
		if n > 6<<20*uint64(runtime.GOMAXPROCS(0)) {
			t.Errorf("%+v: writing 16 MB allocates %d bytes", s, n)
		}
	}
	b := bytesOf(t, func(g *GroupWriter) { g.Dataset("x", []int{1 << 22}, x, Storage{}) })
	n := allocated(func() {
		f, err := Open(bytes.NewReader(b), int64(len(b)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := f.Root().Dataset("x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Float32s(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 17<<20 {
		t.Errorf("reading 16 MB allocates %d bytes", n)
	}
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "x.h5"))
	if err != nil {
		t.Fatal(err)
	}
	w.Root().Dataset("x", nil, 1, Storage{})
	w.Abort()
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if err := w.Close(); err == nil || err.Error() != "hdf5: writing was given up" {
		t.Errorf("Close: %v", err)
	}
}
