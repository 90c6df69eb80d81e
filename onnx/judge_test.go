package onnx_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/onnx"
	"sresnet/tensor"
)

// TestJudge compares with PyTorch and onnx on models that testdata/judge.py
// writes: exports of many forms of residual network with operator sets 7 to 16,
// and models written node by node. The imported network must give PyTorch's
// output, and its nodes must have the shapes that onnx infers.
func TestJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} { // The second is Debian's, with Debian's torch.
		if exec.Command(p, "-c", "import torch, onnx").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		t.Skip("no python3 with torch and onnx to compare with")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, filepath.Join("testdata", "judge.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("judge.py: %v\n%s", err, out)
	}
	var cases []struct {
		Name          string
		Input, Output int
		Shapes        map[string]tensor.Shape
	}
	b, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err == nil {
		err = json.Unmarshal(b, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	shapes, levels := 0, 0
	for _, tt := range cases {
		t.Run(tt.Name, func(t *testing.T) {
			g, err := onnx.ReadFile(filepath.Join(dir, tt.Name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(dir, tt.Name+".f32"))
			if err != nil {
				t.Fatal(err)
			}
			values := make([]float32, len(data)/4)
			for i := range values {
				values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			}
			compute := func(g *ann.Graph) []float32 {
				m, err := infer.New(g)
				if err != nil {
					t.Fatal(err)
				}
				y, err := m.NewRunner().Run(values[:tt.Input])
				if err != nil {
					t.Fatal(err)
				}
				return y
			}
			got := compute(g)
			want := values[tt.Input:]
			if len(got) != tt.Output {
				t.Fatalf("%d outputs, want %d\n%v", len(got), tt.Output, g)
			}
			if rounded := want[tt.Output:]; len(rounded) > 0 {
				levels++
				for i := range got { // Pairs that change nothing but by rounding are left out.
					if d := math.Abs(float64(got[i] - rounded[i])); !(d <= 0.02) {
						t.Fatalf("output %d is %v, with rounding %v\n%v", i, got[i], rounded[i], g)
					}
				}
				got = compute(g.Unrounded())
			}
			for i := range got {
				if d := math.Abs(float64(got[i] - want[i])); !(d <= 2e-5*(1+math.Abs(float64(want[i])))) {
					t.Fatalf("output %d is %v, want %v\n%v", i, got[i], want[i], g)
				}
			}
			for _, n := range g.Nodes {
				s, ok := tt.Shapes[n.Name]
				if ok && len(s) == len(n.Shape) {
					shapes++
					if !s.Equal(n.Shape) {
						t.Errorf("node %q: shape %v, want %v", n.Name, n.Shape, s)
					}
				}
			}
		})
	}
	if len(cases) < 270 || shapes < 1100 || levels < 32 {
		t.Errorf("compared %d models, %d with rounding, and %d shapes, fewer than expected", len(cases), levels, shapes)
	}
}
