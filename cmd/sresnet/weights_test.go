package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sresnet/safetensors"
	"sresnet/tensor"
)

// randomWeights returns a file of weights of a resnet20-cifar for images of one
// channel, as nn.Conv2d begins with.
func randomWeights(t *testing.T) []byte {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	w := make(map[string]*tensor.Tensor)
	random := func(name string, fan int, shape ...int) {
		x := tensor.New(shape...)
		for i := range x.Data {
			x.Data[i] = float32(rnd.NormFloat64() * math.Sqrt(2/float64(fan)))
		}
		w[name] = x
	}
	layer := func(prefix string, i, in, out int) {
		random(fmt.Sprint(prefix, "conv", i, ".weight"), 9*in, out, in, 3, 3)
		for p, v := range map[string]float32{"weight": 0.5, "bias": 0.1, "running_mean": 0, "running_var": 1} {
			x := tensor.New(out)
			for j := range x.Data {
				x.Data[j] = v
			}
			w[fmt.Sprint(prefix, "bn", i, ".", p)] = x
		}
	}
	layer("", 1, 1, 16)
	in := 16
	for stage, out := range []int{16, 32, 64} {
		for block := range 3 {
			prefix := fmt.Sprintf("layer%d.%d.", stage+1, block)
			layer(prefix, 1, in, out)
			layer(prefix, 2, out, out)
			in = out
		}
	}
	random("linear.weight", 64, 10, 64)
	random("linear.bias", 64, 10)
	var b bytes.Buffer
	if err := safetensors.Write(&b, w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every command that takes a network takes weights.
func TestWeightsOfEveryCommand(t *testing.T) {
	dir := t.TempDir()
	weights := filepath.Join(dir, "resnet20.safetensors")
	if err := os.WriteFile(weights, randomWeights(t), 0o644); err != nil {
		t.Fatal(err)
	}
	digits := filepath.Join(dir, "digits")
	writeDigits(t, digits)
	calibrate := []string{"--calibrate", "mnist:" + digits + "?images=2", "--timesteps", "4"}
	data := append([]string{"--data", "mnist:" + digits}, calibrate...)
	for command, args := range map[string][]string{
		"inspect":  nil,
		"eval":     append(data, "--images", "1"),
		"verify":   append(data, "--images", "1"),
		"diagnose": append(data, "--images", "1"),
		"bench":    {"--data", "mnist:" + digits, "--timesteps", "4", "--images", "1", "--rounds", "1"},
		"sweep":    append(data, "--images", "1", "--selection-images", "1", "--percentile", "99", "--v-init", "0", "--compensation", "none"),
		"watch":    append(data, "--image", "0"),
		"convert":  append(calibrate, "-o", filepath.Join(dir, "net.nir")),
		"record":   append(data, "--images", "1", "-o", filepath.Join(dir, "spikes.npz")),
	} {
		t.Run(command, func(t *testing.T) {
			for _, model := range [][]string{{weights}, {weights + "?arch=resnet20-cifar"}} {
				code, _, stderr := sresnet(t, t.Context(), append(append([]string{command}, model...), args...)...)
				if code != 0 {
					t.Errorf("%s %v: exit code %d: %s", command, model, code, stderr)
				}
			}
		})
	}
}
