package onnx

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sresnet/ann"
)

// FuzzParse looks for bytes that make Parse panic, hang, or return an unsound
// graph.
func FuzzParse(f *testing.F) {
	f.Add(resnet().encode())
	for _, tt := range imports {
		f.Add(tt.model.encode())
	}
	for seed := range uint64(20) {
		s, _ := chain(seed)
		f.Add(build{nodes: s.nodes, inits: s.inits}.encode())
	}
	f.Add(quantizedResnet().encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Parse(data)
		if err != nil {
			return
		}
		if err := g.Validate(); err != nil {
			t.Errorf("unsound graph: %v", err)
		}
	})
}

// weights returns the weight of the first convolution or fully connected layer.
func weights(g *ann.Graph) []float32 {
	for _, n := range g.Nodes {
		switch op := n.Op.(type) {
		case *ann.Conv:
			return op.Weight.Data
		case *ann.Gemm:
			return op.Weight.Data
		}
	}
	return nil
}

// FuzzLocation looks for the name of an external file that is read from outside the
// model's folder.
func FuzzLocation(f *testing.F) {
	dir := f.TempDir()
	inner := filepath.Join(dir, "inner")
	secret := []byte("secret!!")
	err := errors.Join(
		os.Mkdir(inner, 0o755),
		os.WriteFile(filepath.Join(dir, "w.bin"), secret, 0o644),
		os.WriteFile(filepath.Join(inner, "w.bin"), make([]byte, 8), 0o644),
	)
	if err != nil {
		f.Fatal(err)
	}
	_ = os.Symlink("..", filepath.Join(inner, "up")) // Where there are links.
	for _, s := range []string{"w.bin", "../w.bin", "up/w.bin", "./w.bin", `..\w.bin`, "inner/../../w.bin", "", "/etc/passwd", "w.bin\x00"} {
		f.Add(s, int64(0))
	}
	f.Fuzz(func(t *testing.T, name string, offset int64) {
		d := &folder{dir: inner}
		if b, err := d.read(location{file: name, offset: offset}, 8, newBudget(0)); err == nil && !bytes.Equal(b, make([]byte, 8)) {
			t.Errorf("%q: read %q", name, b)
		}
	})
}
