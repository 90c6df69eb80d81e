package main

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"testing"
)

var long = flag.Bool("long", false, "run tests that take minutes")

// The accuracies that an independent simulation in PyTorch gives for the same
// network, images and neurons. Its sums have another order, so that single images
// may differ.
func TestAccuracyAgainstPyTorch(t *testing.T) {
	if !*long {
		t.Skip("takes minutes; run with -long")
	}
	const data = "../../../shared/data/"
	if _, err := os.Stat(data); err != nil {
		t.Skip("no trained CIFAR-10 networks beside the project")
	}
	code, stdout, stderr := sresnet(t, t.Context(), "eval", data+"models/resnet20_cifar10_akamaster.onnx",
		"--data", "cifar10:"+data+"cifar10", "--normalize", "imagenet", "--images", "1000", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r struct {
		TrainedTop1 float64   `json:"trained_top1"`
		SpikingTop1 []float64 `json:"spiking_top1"`
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.TrainedTop1 != 0.915 {
		t.Errorf("trained network: got %v, want 0.915", r.TrainedTop1)
	}
	for T, want := range map[int]float64{32: 0.867, 64: 0.914, 128: 0.918, 256: 0.916, 350: 0.915} {
		if got := r.SpikingTop1[T-1]; math.Abs(got-want) > 0.005+1e-9 {
			t.Errorf("T = %d: got %v, want %v within 0.005", T, got, want)
		}
	}
}

// An early exit halves the mean steps of ResNet-20 and costs at most half a point: T = 102
// is what it needs without, to stay within half a point of the trained network.
func TestEarlyExitOnCIFAR(t *testing.T) {
	if !*long {
		t.Skip("takes minutes; run with -long")
	}
	const data = "../../../shared/data/"
	if _, err := os.Stat(data); err != nil {
		t.Skip("no trained CIFAR-10 networks beside the project")
	}
	code, stdout, stderr := sresnet(t, t.Context(), "eval", data+"models/resnet20_cifar10_akamaster.onnx",
		"--data", "cifar10:"+data+"cifar10", "--normalize", "imagenet", "--images", "1000", "-T", "128", "--exit", "0.01", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var r struct {
		Exit struct {
			MeanT float64 `json:"mean_t"`
			Loss  float64 `json:"loss"`
		} `json:"exit"`
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Exit.MeanT > 51 || r.Exit.MeanT < 10 || r.Exit.Loss > 0.005+1e-9 {
		t.Errorf("mean T %v, %v of accuracy lost", r.Exit.MeanT, r.Exit.Loss)
	}
}
