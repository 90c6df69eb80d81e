package verify

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sresnet/ann"
	"sresnet/ann/infer"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/onnx"
)

// Networks of others, on MNIST: logits are those of PyTorch where there are some, and
// all stages of the conversion are equal.
func TestCases(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "cases")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("needs ../shared/cases")
	}
	for _, tt := range []struct {
		name       string
		percentile float64
		logits     bool
	}{
		{"end_relu", 99.9, false},
		{"verify_lenet_avg", 99.5, false},
		{"concat", 99.9, true},
		{"preact", 99.9, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, err := onnx.ReadFile(filepath.Join(dir, tt.name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			calibration, images := mnistImages(t, dataset.Train, 50), mnistImages(t, dataset.Test, 100)
			if tt.logits {
				b, err := os.ReadFile(filepath.Join(dir, tt.name+".logits.f32"))
				if err != nil {
					t.Fatal(err)
				}
				model, err := infer.New(g)
				if err != nil {
					t.Fatal(err)
				}
				r, x := model.NewRunner(), make([]float32, g.Input.Shape.Len())
				for i := range images.Len() {
					if err := images.Image(i, x); err != nil {
						t.Fatal(err)
					}
					got, err := r.Run(x)
					if err != nil {
						t.Fatal(err)
					}
					for k, v := range got {
						want := math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*len(got)+k):]))
						if !(math.Abs(float64(v-want)) <= 1e-4) {
							t.Fatalf("image %d, class %d: %v, PyTorch has %v", i, k, v, want)
						}
					}
				}
			}
			simple, err := convert.Simplify(g)
			if err != nil {
				t.Fatal(err)
			}
			s, err := calibrate.Run(t.Context(), simple, calibration, calibrate.Options{Percentile: tt.percentile})
			if err != nil {
				t.Fatal(err)
			}
			stages, err := Run(t.Context(), simple, s, mnistImages(t, dataset.Test, 3), Options{Original: g, Convert: convert.DefaultOptions(), Timesteps: testTimesteps, ReferenceImages: 1})
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

// A network of LeakyRelus has ON and OFF populations everywhere, and shortcuts with
// weights of both signs.
func TestRunLeaky(t *testing.T) {
	g, _, images := mnist(t, 1)
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Op.Type() == "Relu" {
			n.Op = &ann.LeakyRelu{Slope: []float32{0.25}}
		}
	}
	simple, err := convert.Simplify(g)
	if err != nil {
		t.Fatal(err)
	}
	s, err := calibrate.Run(t.Context(), simple, images, calibrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stages, err := Run(t.Context(), simple, s, images, Options{Original: g, Convert: convert.DefaultOptions(), Timesteps: 8})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range stages {
		t.Logf("%+v", st)
		if !st.OK {
			t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
		}
	}
}
