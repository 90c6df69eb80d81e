package infer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"sresnet/ann/infer"
	"sresnet/dataset"
	"sresnet/internal/kernel"
	"sresnet/onnx"
)

var long = flag.Bool("long", false, "run all 10,000 test images instead of the first 500")

// shared is the folder of data and trained networks beside the repository.
const shared = "../../../shared/data"

const imagenet = "imagenet"

// models are the trained networks, the normalisation of their inputs, and their
// top-1 accuracy on the CIFAR-10 test images as published with the files (but
// for the second, which is the first with its batch normalisations kept).
var models = []struct {
	name, normalization string
	top1                float64 // Percent of all images.
	first500            int     // Right among the first 500 images.
}{
	{"resnet20_cifar10_akamaster", imagenet, 91.73, 455},
	{"resnet20_cifar10_akamaster_bn", imagenet, 91.73, 455},
	{"resnet44_cifar10_akamaster", imagenet, 93.10, 465},
	{"resnet20_cifar10_chenyaofo", "cifar10", 92.60, 461},
	{"resnet8_cifar10_mlperftiny_bn", "none", 87.19, 445},
}

func testFile() string { return filepath.Join(shared, "cifar10", "test_batch.bin") }

func modelFile(name string) string { return filepath.Join(shared, "models", name+".onnx") }

// needShared skips the test where the data or a network is missing.
func needShared(tb testing.TB) {
	tb.Helper()
	files := []string{testFile()}
	for _, m := range models {
		files = append(files, modelFile(m.name))
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil {
			tb.Skipf("needs trained networks and CIFAR-10 in %s: %v", shared, err)
		}
	}
}

// open returns a compiled model and the first n test images (0 for all) as it
// takes them.
func open(tb testing.TB, model, normalization string, n int) (*infer.Model, *dataset.Images) {
	tb.Helper()
	needShared(tb)
	g, err := onnx.ReadFile(modelFile(model))
	if err != nil {
		tb.Fatal(err)
	}
	m, err := infer.New(g)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := dataset.Open("cifar10:"+testFile(), dataset.Test)
	if err != nil {
		tb.Fatal(err)
	}
	if n > 0 {
		if d, err = d.First(n); err != nil {
			tb.Fatal(err)
		}
	}
	norm, err := dataset.ParseNormalization(normalization, 3)
	if err != nil {
		tb.Fatal(err)
	}
	images, err := dataset.NewImages(d, norm)
	if err != nil {
		tb.Fatal(err)
	}
	return m, images
}

func TestLogitsEqualPyTorch(t *testing.T) {
	const n, classes = 32, 10
	logits := pytorch(t, n, len(models)*n*classes)
	for i, tt := range models {
		want := logits[i*n*classes:][:n*classes]
		t.Run(tt.name, func(t *testing.T) {
			m, images := open(t, tt.name, tt.normalization, n)
			r, x := m.NewRunner(), make([]float32, 3*32*32)
			var worst float64
			for i := range n {
				if err := images.Image(i, x); err != nil {
					t.Fatal(err)
				}
				got, err := r.Run(x)
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range got {
					d := math.Abs(float64(v) - float64(want[classes*i+k]))
					worst = math.Max(worst, d)
					if !(d <= 1e-4) {
						t.Errorf("image %d, class %d: %v, PyTorch has %v", i, k, v, want[classes*i+k])
					}
				}
			}
			t.Logf("largest difference %.2g", worst)
		})
	}
}

// pytorch returns PyTorch's outputs, want numbers in all, for the first n test
// images on every model, one model after the other.
func pytorch(t *testing.T, n, want int) []float32 {
	needShared(t)
	python := "/usr/bin/python3" // Debian's, which has its packages; else the first in the path.
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	numbers := map[string][]string{ // Divisor, mean and standard deviation.
		imagenet:  {"255", "0.485,0.456,0.406", "0.229,0.224,0.225"},
		"cifar10": {"255", "0.4914,0.4822,0.4465", "0.2023,0.1994,0.2010"},
		"none":    {"1", "0,0,0", "1,1,1"},
	}
	args := []string{filepath.Join("testdata", "logits.py"), testFile(), fmt.Sprint(n)}
	for _, m := range models {
		args = append(append(args, modelFile(m.name)), numbers[m.normalization]...)
	}
	cmd := exec.Command(python, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("needs Python with torch and onnx: %v %s", err, &stderr)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	logits := make([]float32, want)
	if len(out) != 4*want {
		t.Fatalf("PyTorch gave %d bytes, want %d", len(out), 4*want)
	}
	if err := binary.Read(bytes.NewReader(out), binary.LittleEndian, logits); err != nil {
		t.Fatal(err)
	}
	return logits
}

// right returns how many of the images the model classifies as labelled.
func right(t *testing.T, m *infer.Model, images *dataset.Images) int {
	workers := runtime.GOMAXPROCS(0)
	counts := make([]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			r, x := m.NewRunner(), make([]float32, 3*32*32)
			for i := w; i < images.Len(); i += workers {
				if err := images.Image(i, x); err != nil {
					t.Error(err)
					return
				}
				y, err := r.Run(x)
				if err != nil {
					t.Error(err)
					return
				}
				best := 0
				for k := range y {
					if y[k] > y[best] {
						best = k
					}
				}
				if best == images.Label(i) {
					counts[w]++
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

func TestAccuracy(t *testing.T) {
	for _, tt := range models {
		t.Run(tt.name, func(t *testing.T) {
			if !*long && kernel.Implementation() == "generic" {
				t.Skip("takes half a minute without assembly; run it with -long")
			}
			if !*long {
				m, images := open(t, tt.name, tt.normalization, 500)
				if got := right(t, m, images); got != tt.first500 {
					t.Errorf("%d of the first 500 images right, want %d", got, tt.first500)
				}
				return
			}
			m, images := open(t, tt.name, tt.normalization, 0)
			top1 := 100 * float64(right(t, m, images)) / float64(images.Len())
			t.Logf("top-1 %.2f %%", top1)
			if d := math.Abs(top1 - tt.top1); !(d <= 0.02+1e-9) {
				t.Errorf("top-1 is %.2f %%, want %.2f", top1, tt.top1)
			}
		})
	}
}

func BenchmarkRun(b *testing.B) {
	for _, tt := range models {
		b.Run(tt.name, func(b *testing.B) {
			m, images := open(b, tt.name, tt.normalization, 1)
			r, x := m.NewRunner(), make([]float32, 3*32*32)
			if err := images.Image(0, x); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Run(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
