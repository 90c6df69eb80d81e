package verify

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/onnx"
)

// TestJudge checks small networks that testdata/judge.py writes, of families in which
// values are linear between layers: pre-activation, linear bottlenecks, Darknets, PReLU
// and the like. Imported they give PyTorch's output, and all stages of the conversion are
// equal.
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
	files, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d networks, error %v", len(files), err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".onnx")
		t.Run(filepath.Base(base), func(t *testing.T) {
			g, err := onnx.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(base + ".f32")
			if err != nil {
				t.Fatal(err)
			}
			values := make([]float32, len(data)/4)
			for i := range values {
				values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			}
			m, err := infer.New(g)
			if err != nil {
				t.Fatal(err)
			}
			size, classes := g.Input.Shape.Len(), 5
			if len(values) != 4*(size+classes) {
				t.Fatalf("%d numbers for images of %v", len(values), g.Input.Shape)
			}
			var im noise
			for i := range 4 {
				im = append(im, values[i*size:][:size])
				got, err := m.NewRunner().Run(im[i])
				if err != nil {
					t.Fatal(err)
				}
				for k, want := range values[4*size+i*classes:][:classes] {
					if d := math.Abs(float64(got[k] - want)); !(d <= 1e-4) {
						t.Fatalf("image %d, class %d: %v, PyTorch has %v", i, k, got[k], want)
					}
				}
			}
			simple, err := convert.Simplify(g)
			if err != nil {
				t.Fatal(err)
			}
			s, err := calibrate.Run(t.Context(), simple, im, calibrate.Options{Percentile: 99.9})
			if err != nil {
				t.Fatal(err)
			}
			stages, err := Run(t.Context(), simple, s, im, Options{Original: g, Convert: convert.DefaultOptions(), Timesteps: testTimesteps, ReferenceImages: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range stages {
				if !st.OK {
					t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
				}
			}
		})
	}
}
