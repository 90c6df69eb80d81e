package verify

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/onnx"
)

// TestFamilies checks networks of PyTorch that join, take and shuffle channels, and such
// in which values are linear between layers (pre-activation, linear bottlenecks, Darknets,
// PReLU and the like): logits are PyTorch's, and all stages of the conversion are equal.
func TestFamilies(t *testing.T) {
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
	for _, tt := range []struct {
		script string
		least  int // Networks.
	}{{"families.py", 19}, {"linear.py", 21}} {
		testFamilies(t, python, tt.script, tt.least)
	}
}

// testFamilies checks the networks that a script writes.
func testFamilies(t *testing.T, python, script string, least int) {
	dir := t.TempDir()
	if out, err := exec.Command(python, filepath.Join("testdata", script), dir).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	var families []struct {
		Name                  string
		Images, Input, Output int
	}
	b, err := os.ReadFile(filepath.Join(dir, "families.json"))
	if err == nil {
		err = json.Unmarshal(b, &families)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(families) < least {
		t.Errorf("%s: only %d networks", script, len(families))
	}
	for _, f := range families {
		t.Run(f.Name, func(t *testing.T) {
			g, err := onnx.ReadFile(filepath.Join(dir, f.Name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(filepath.Join(dir, f.Name+".f32"))
			if err != nil {
				t.Fatal(err)
			}
			values := make([]float32, len(b)/4)
			for i := range values {
				values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			m, err := infer.New(g)
			if err != nil {
				t.Fatal(err)
			}
			var images noise
			for i := range f.Images {
				x := values[i*(f.Input+f.Output):]
				images = append(images, x[:f.Input])
				got, err := m.NewRunner().Run(x[:f.Input])
				if err != nil {
					t.Fatal(err)
				}
				largest := 0.0
				for _, v := range x[f.Input:][:f.Output] {
					largest = max(largest, math.Abs(float64(v)))
				}
				for k, v := range got {
					if want := x[f.Input+k]; !(math.Abs(float64(v-want)) <= 1e-4*largest) {
						t.Fatalf("image %d, logit %d: %v, PyTorch has %v\n%v", i, k, v, want, g)
					}
				}
			}
			simple, err := convert.Simplify(g)
			if err != nil {
				t.Fatal(err)
			}
			s, err := calibrate.Run(t.Context(), simple, images, calibrate.Options{Percentile: 99.9})
			if err != nil {
				t.Fatal(err)
			}
			stages, err := Run(t.Context(), simple, s, images[:1], Options{Original: g, Convert: convert.DefaultOptions(), Timesteps: testTimesteps, ReferenceImages: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range stages {
				if !st.OK {
					t.Errorf("stage %q failed: %v %s at %q, bound %v", st.Name, st.Difference, st.Unit, st.Where, st.Bound)
				}
			}
		})
	}
}
