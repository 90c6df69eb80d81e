package hdf5

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestChunks writes arrays chunk by chunk, out of order and with holes, and reads
// them; where h5py is, it reads them too.
func TestChunks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "chunks.h5")
	w, err := Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	rnd := rand.New(rand.NewPCG(1, 2))

	// A grid of (3, 10, 5), 4 rows of it a chunk, of which those of the second sample
	// are missing.
	c := w.Root().Chunks("spikes", false, Storage{Deflate: 4, Shuffle: true, Chunk: []int{1, 4, 5}})
	spikes := make([]bool, 3*10*5)
	for _, offset := range [][]int{{2, 8, 0}, {0, 4, 0}, {0, 0, 0}, {2, 0, 0}, {0, 8, 0}, {2, 4, 0}} {
		part := make([]bool, min(4, 10-offset[1])*5) // Shorter at the end.
		for i := range part {
			part[i] = rnd.IntN(3) == 0
		}
		copy(spikes[(offset[0]*10+offset[1])*5:], part)
		b, err := c.Pack(part)
		if err != nil {
			t.Fatal(err)
		}
		c.Put(offset, b)
	}
	c.Close(3, 10, 5)

	// A list whose length is known in the end: shorter than a chunk, and longer.
	idx := w.Root().Chunks("idx", int32(-1), Storage{Chunk: []int{1, 8}})
	when := w.Root().Chunks("time", float32(math.Inf(1)), Storage{Fletcher32: true, Chunk: []int{1, 8}})
	put := func(c *ChunkWriter, offset []int, data any) {
		b, err := c.Pack(data)
		if err != nil {
			t.Fatal(err)
		}
		c.Put(offset, b)
	}
	put(idx, []int{1, 0}, []int32{5, 6, 7})
	idx.Close(2, 3)
	put(when, []int{0, 0}, []float32{1, 2, 3, 4, 5, 6, 7, 8})
	put(when, []int{0, 8}, []float32{9})
	when.Close(2, 9)
	w.Root().Chunks("none", 0.0, Storage{Chunk: []int{4}}).Close(0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	f, err := OpenFile(name, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	array := func(name string) *Array {
		d, err := f.Root().Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		return &d.Array
	}
	if got, err := array("spikes").Bools(); err != nil || !slices.Equal(got, spikes) {
		t.Errorf("spikes: error %v, or other elements", err)
	}
	if got, err := array("idx").Int64s(); err != nil || !slices.Equal(got, []int64{-1, -1, -1, 5, 6, 7}) {
		t.Errorf("idx: %v, error %v", got, err)
	}
	inf := float32(math.Inf(1))
	want := append([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, slices.Repeat([]float32{inf}, 9)...)
	if got, err := array("time").Float32s(); err != nil || !slices.Equal(got, want) {
		t.Errorf("time: %v, error %v", got, err)
	}
	if got := array("none").Shape(); !slices.Equal(got, []int{0}) {
		t.Errorf("none: shape %v", got)
	}
	compare(t, name, judged(t, name)[0])
}

// Packing in several goroutines gives the same bytes as in one.
func TestPackIsConcurrent(t *testing.T) {
	var m memory
	w := NewWriter(&m)
	c := w.Root().Chunks("x", float32(0), Storage{Deflate: 1, Shuffle: true, Chunk: []int{1000}})
	data := make([]float32, 1000)
	for i := range data {
		data[i] = float32(i * i)
	}
	want, err := c.Pack(data)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if got, err := c.Pack(data); err != nil || !bytes.Equal(got, want) {
					t.Errorf("error %v, or other bytes", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestChunksErrors(t *testing.T) {
	chunk := Storage{Chunk: []int{2, 3}}
	for _, tt := range []struct {
		want  string
		write func(g *GroupWriter)
	}{
		{"chunks of no shape", func(g *GroupWriter) { g.Chunks("x", false, Storage{}) }},
		{"strings", func(g *GroupWriter) { g.Chunks("x", "", chunk) }},
		{"no end", func(g *GroupWriter) { g.Chunks("x", false, chunk) }},
		{"no chunk of [2 3] lies at [1 0]", func(g *GroupWriter) { g.Chunks("x", false, chunk).Put([]int{1, 0}, nil) }},
		{"no chunk of [2 3] lies at [2]", func(g *GroupWriter) { g.Chunks("x", false, chunk).Put([]int{2}, nil) }},
		{"two chunks at [0 0]", func(g *GroupWriter) {
			c := g.Chunks("x", false, chunk)
			c.Put([]int{0, 0}, []byte{1})
			c.Put([]int{0, 0}, []byte{1})
			c.Close(4, 4)
		}},
		{"outside the shape [2 3]", func(g *GroupWriter) {
			c := g.Chunks("x", false, chunk)
			c.Put([]int{2, 0}, []byte{1})
			c.Close(2, 3)
		}},
		{"shape [2] of chunks", func(g *GroupWriter) { g.Chunks("x", false, chunk).Close(2) }},
		{"shape [2 -1] of chunks", func(g *GroupWriter) { g.Chunks("x", false, chunk).Close(2, -1) }},
	} {
		w := NewWriter(&memory{})
		tt.write(w.Root())
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got error %v, want %q in it", err, tt.want)
		}
	}
	w := NewWriter(&memory{})
	c := w.Root().Chunks("x", false, chunk)
	for want, data := range map[string]any{
		"7 elements for a chunk of 6": make([]bool, 7),
		"is not of the type":          []float32{1},
		"cannot be written":           "text",
	} {
		if _, err := c.Pack(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
}

// What an error or an interruption leaves is no file.
func TestChunksAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "x.h5"))
	if err != nil {
		t.Fatal(err)
	}
	w.Root().Chunks("x", false, Storage{Chunk: []int{2}}).Put([]int{0}, []byte{0, 1})
	w.Abort()
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("left: %v, error %v", list, err)
	}
}
