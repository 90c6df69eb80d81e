package models_test

import (
	"encoding/binary"
	"flag"
	"math"
	"os"
	"testing"

	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/experiment"
	"sresnet/verify"
)

var long = flag.Bool("long", false, "present all 10,000 test images, which takes a quarter of an hour")

// TestFamilies checks, on a small trained network of every family that has values
// without a ReLU or branches side by side, that the file is read as PyTorch computes
// it, that every step of the conversion keeps the function, and that spikes cost next
// to no accuracy. The table of docs/conversion.md is that of -long.
func TestFamilies(t *testing.T) {
	const (
		apart   = 1e-4  // Logits from those of PyTorch, at most.
		trained = 0.985 // Top-1 of the trained network, at least.
		lost    = 0.005 // Of top-1, to spikes, at most.
	)
	for _, name := range []string{"preact", "mobilenetv2", "densenet", "leaky"} {
		t.Run(name, func(t *testing.T) {
			o := experiment.DefaultOptions()
			o.Model, o.Data, o.Images = name+"_mnist.onnx", "mnist", 100
			if *long {
				o.Images = 0
			}
			e, err := experiment.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			difference := fromPyTorch(t, e, name+"_mnist.logits.f32")
			if !(difference <= apart) { // Also rejects NaN.
				t.Errorf("a logit is %.3g from that of PyTorch, want at most %g", difference, apart)
			}

			s, err := e.Statistics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stages, err := verify.Run(t.Context(), e.Graph, s, few{e.Test}, verify.Options{Convert: o.Convert(), Timesteps: 64, ReferenceImages: 1, Original: e.Original})
			if err != nil {
				t.Fatal(err)
			}
			for _, st := range stages {
				if !st.OK {
					t.Errorf("verify, %s: %.3g %s at %s, accepted %.3g", st.Name, st.Difference, st.Unit, st.Where, st.Bound)
				}
			}

			net, err := e.Network(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r, err := e.Evaluate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.TrainedTop1 < trained {
				t.Errorf("trained network: top-1 %v, want at least %v", r.TrainedTop1, trained)
			}
			if spiking := r.SpikingTop1[o.Timesteps-1]; spiking < r.TrainedTop1-lost-1e-9 { // The last for rounding.
				t.Errorf("T = %d: top-1 %v, trained network %v", o.Timesteps, spiking, r.TrainedTop1)
			}
			at := func(T int) float64 { return 100 * r.SpikingTop1[T-1] }
			t.Logf("| `%s` | %d | %.1e | %.2f | %.2f | %.2f | %.2f | %.2f |", o.Model, net.Neurons(), difference,
				100*r.TrainedTop1, at(64), at(128), at(o.Timesteps), 100*r.Agreement[o.Timesteps-1])
		})
	}
}

// few are the first images of a data set.
type few struct{ *dataset.Images }

func (few) Len() int { return 3 }

// fromPyTorch returns the largest difference between the logits of the trained network, as
// its file has it, and those in a file of little-endian float32, of the first test images.
func fromPyTorch(t *testing.T, e *experiment.Experiment, file string) (largest float64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(b)/4)
	if _, err := binary.Decode(b, binary.LittleEndian, want); err != nil {
		t.Fatal(err)
	}
	m, err := infer.New(e.Original)
	if err != nil {
		t.Fatal(err)
	}
	const images, classes = 100, 10
	if len(want) != images*classes {
		t.Fatalf("%s: %d logits, want %d", file, len(want), images*classes)
	}
	r, image := m.NewRunner(), make([]float32, e.Original.Input.Shape.Len())
	for i := range images {
		if err := e.Test.Image(i, image); err != nil {
			t.Fatal(err)
		}
		got, err := r.Run(image)
		if err != nil {
			t.Fatal(err)
		}
		for k := range classes {
			largest = max(largest, math.Abs(float64(got[k])-float64(want[classes*i+k])))
		}
	}
	return largest
}
