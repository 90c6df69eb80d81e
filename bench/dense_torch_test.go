package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/onnx"
	"sresnet/sim"
)

// shared is the folder of data and trained networks beside the repository.
var shared = filepath.Join("..", "..", "shared", "data")

// What is simulated.
const (
	calibrationImages = 20
	images            = 10
	timesteps         = 64
	classes           = 10
)

// Bounds of the differences between the two. Neurons, weights and currents are the
// same, but sums run in another order, and their rounding moves a spike by a
// timestep or, at the end of the presentation, past it. The layers above then get
// other currents at those steps, so that differences grow with depth. Seen over
// the networks below: lambda 5e-7; spikes 0 to 1e-6 in the first three layers, up
// to 1e-3 further up; outputs 1. A start potential of 0.49 instead of 0.5 already
// moves 8e-4 in the first layer.
const (
	maxLambda = 1e-5 // Relative.
	maxFirst  = 1e-4 // Of the spikes of one of the first three layers over all images, relative.
	maxSpikes = 2e-3 // The same of the other layers; but see allowed.
	maxCount  = 2    // Spikes of an output for one image.
)

// allowed returns how many of a layer's n spikes may differ. Small layers have few
// spikes, and there it is the square root of the number of neurons: what changes
// by one, up or down, of each neuron's count add up to.
func allowed(layer, neurons int, n int64) float64 {
	if layer < 3 {
		return maxFirst * float64(n)
	}
	return max(maxSpikes*float64(n), math.Sqrt(float64(neurons*images)))
}

// simulation is what dense_torch.py writes, and the same of ours.
type simulation struct {
	Populations []population `json:"populations"`
	Counts      [][]int64    `json:"counts"` // Spikes of every output, per image.
}

type population struct {
	Name    string  `json:"name"`
	Lambda  float64 `json:"lambda"`
	Spikes  []int64 `json:"spikes"` // Per image.
	neurons int     // Of ours.
}

func TestSpikesEqualPyTorch(t *testing.T) {
	for _, tt := range []struct{ model, normalize string }{
		{"resnet20_cifar10_akamaster", "imagenet"},    // Option-A shortcuts.
		{"resnet20_cifar10_akamaster_bn", "imagenet"}, // Batch norm to fold.
		{"resnet20_cifar10_chenyaofo", "cifar10"},     // Projection shortcuts.
		{"resnet8_cifar10_mlperftiny_bn", "none"},     // Asymmetric padding, logits that are all negative.
	} {
		t.Run(tt.model, func(t *testing.T) {
			if testing.Short() && tt.model != "resnet20_cifar10_akamaster" {
				t.Skip("one network is enough where time is short")
			}
			t.Parallel()
			want := pytorch(t, tt.model, tt.normalize)
			got := ours(t, tt.model, tt.normalize)
			compare(t, got, want)
		})
	}
}

// compare reports every difference that is beyond its bound, and logs the largest.
func compare(t *testing.T, got, want *simulation) {
	if len(got.Populations) != len(want.Populations) {
		t.Fatalf("%d populations, PyTorch has %d", len(got.Populations), len(want.Populations))
	}
	var worstLambda, worstSpikes float64
	for i, w := range want.Populations {
		g := got.Populations[i]
		d := math.Abs(g.Lambda/w.Lambda - 1)
		if worstLambda = max(worstLambda, d); !(d <= maxLambda) {
			t.Errorf("layer %q: lambda %v, PyTorch has %v for %q", g.Name, g.Lambda, w.Lambda, w.Name)
		}
		a, b := sum(g.Spikes), sum(w.Spikes)
		d = math.Abs(float64(a - b))
		if bound := allowed(i, g.neurons, b); b == 0 || d > bound {
			t.Errorf("layer %q: %d spikes, PyTorch has %d for %q: %v apart, at most %.0f are allowed", g.Name, a, b, w.Name, d, bound)
		} else {
			worstSpikes = max(worstSpikes, d/bound)
		}
		t.Logf("%-22s %8d spikes, in PyTorch %8d, relative difference %+.1e", g.Name, a, b, float64(a)/float64(b)-1)
	}
	var worstCount, different int64
	for i := range want.Counts {
		for k, w := range want.Counts[i] {
			d := max(got.Counts[i][k]-w, w-got.Counts[i][k])
			if worstCount = max(worstCount, d); d > 0 {
				different++
			}
			if d > maxCount {
				t.Errorf("image %d: %d spikes of output %d, PyTorch has %d", i, got.Counts[i][k], k, w)
			}
		}
	}
	t.Logf("largest differences: lambda %.2g, spikes of a layer %.2f of what is allowed, spikes of an output %d (%d of %d outputs differ)",
		worstLambda, worstSpikes, worstCount, different, images*classes)
}

func sum(x []int64) (s int64) {
	for _, v := range x {
		s += v
	}
	return s
}

// pytorch runs dense_torch.py, or skips the test where that is not possible.
func pytorch(t *testing.T, model, normalize string) *simulation {
	test, train, file := files(t, model)
	name := filepath.Join(t.TempDir(), "spikes.json")
	cmd := exec.Command(python(), "dense_torch.py", file, "--data", test, "--calibrate", train, "--normalize", normalize,
		"--calibration-images", fmt.Sprint(calibrationImages), "--images", fmt.Sprint(images),
		"--timesteps", fmt.Sprint(timesteps), "--threads", "1", "--json", name)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == 3 {
		t.Skipf("needs Python with torch and onnx: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var s simulation
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Counts) != images || len(s.Counts[0]) != classes {
		t.Fatalf("dense_torch.py wrote counts of %d images, want %d of %d classes", len(s.Counts), images, classes)
	}
	return &s
}

// files returns test images, training images and a model, or skips the test.
func files(t *testing.T, model string) (test, train, file string) {
	test = filepath.Join(shared, "cifar10", "test_batch.bin")
	train = filepath.Join(shared, "cifar10", "data_batch_1.bin")
	file = filepath.Join(shared, "models", model+".onnx")
	for _, f := range []string{test, train, file} {
		if _, err := os.Stat(f); err != nil {
			t.Skipf("needs trained networks and CIFAR-10 in %s: %v", shared, err)
		}
	}
	return test, train, file
}

// ours does the same with this module's packages.
func ours(t *testing.T, model, normalize string) *simulation {
	test, train, file := files(t, model)
	g, err := onnx.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	st, err := calibrate.Run(context.Background(), g, open(t, train, normalize, calibrationImages), calibrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net, err := convert.Convert(g, st, convert.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := sim.Compile(net, sim.Options{Timesteps: timesteps})
	if err != nil {
		t.Fatal(err)
	}
	var s simulation
	for i := range net.Layers {
		l := &net.Layers[i]
		s.Populations = append(s.Populations, population{Name: l.Name, Lambda: float64(l.Lambda), neurons: l.Neurons()})
	}
	engine, pixels := plan.NewEngine(), make([]float32, g.Input.Shape.Len())
	presented := open(t, test, normalize, images)
	for i := range images {
		if err := presented.Image(i, pixels); err != nil {
			t.Fatal(err)
		}
		rec, err := engine.Run(context.Background(), pixels, i)
		if err != nil {
			t.Fatal(err)
		}
		for l := range s.Populations {
			var n int64
			for _, k := range rec.Spikes[l] {
				n += int64(k)
			}
			s.Populations[l].Spikes = append(s.Populations[l].Spikes, n)
		}
		var counts []int64
		for _, n := range rec.Counts[(timesteps-1)*classes:] {
			counts = append(counts, int64(n))
		}
		s.Counts = append(s.Counts, counts)
	}
	return &s
}

// open returns the first n images of a file, normalised.
func open(t *testing.T, file, normalize string, n int) *dataset.Images {
	d, err := dataset.Open("cifar10:"+file, dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.First(n); err != nil {
		t.Fatal(err)
	}
	norm, err := dataset.ParseNormalization(normalize, 3)
	if err != nil {
		t.Fatal(err)
	}
	im, err := dataset.NewImages(d, norm)
	if err != nil {
		t.Fatal(err)
	}
	return im
}
