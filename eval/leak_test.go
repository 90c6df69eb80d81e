package eval_test

import (
	"flag"
	"path/filepath"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/eval"
	"sresnet/models"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
)

var (
	long   = flag.Bool("long", false, "present many images to two networks of leaky neurons, which takes half an hour")
	images = flag.Int("images", 1000, "how many")
)

// TestLeak says what a leak costs in accuracy: next to nothing, where in a deep network it
// would cost far more if weights and biases were not scaled for it. The table of
// docs/conversion.md is that of -long.
func TestLeak(t *testing.T) {
	if testing.Short() {
		t.Skip("long, and other tests run as much at the same time")
	}
	data := filepath.Join("..", "..", "shared", "data")
	for _, tt := range []struct{ name, normalize, data string }{
		{"ResNet-8", "mnist", "mnist"},
		{filepath.Join(data, "models", "resnet20_cifar10_akamaster.onnx"), "imagenet", "cifar10:" + filepath.Join(data, "cifar10")},
	} {
		calibration, tests, timesteps := 1000, *images, []int{64, 350}
		if !*long {
			calibration, tests, timesteps = 100, 100, timesteps[:1]
		}
		t.Run(filepath.Base(tt.name), func(t *testing.T) {
			if tt.data != "mnist" && !*long {
				t.Skip("takes long; run with -long")
			}
			var g *ann.Graph
			var err error
			if tt.data == "mnist" {
				g, err = onnx.Parse(models.ResNet8MNIST)
			} else {
				g, err = onnx.ReadFile(tt.name)
			}
			if err != nil {
				t.Skip(err)
			}
			norm, err := dataset.ParseNormalization(tt.normalize, g.Input.Shape[0])
			if err != nil {
				t.Fatal(err)
			}
			open := func(split dataset.Split, n int) *dataset.Images {
				d, err := dataset.Open(tt.data, split)
				if err != nil {
					t.Skip(err)
				}
				if d, err = d.First(n); err != nil {
					t.Fatal(err)
				}
				set, err := dataset.NewImages(d, norm)
				if err != nil {
					t.Fatal(err)
				}
				return set
			}
			shown := open(dataset.Test, tests)
			s, err := calibrate.Run(t.Context(), g, open(dataset.Train, calibration), calibrate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			// top1 returns the accuracy in percent at every one of timesteps.
			top1 := func(leak float32, unscaled bool) (list []float64) {
				o := convert.DefaultOptions()
				o.Neuron, o.Unscaled = snn.LIF{Leak: leak}, unscaled
				net, err := convert.Convert(g, s, o)
				if err != nil {
					t.Fatal(err)
				}
				r, err := eval.Run(t.Context(), g, net, shown, eval.Options{Sim: sim.Options{Timesteps: timesteps[len(timesteps)-1]}})
				if err != nil {
					t.Fatal(err)
				}
				for _, T := range timesteps {
					list = append(list, 100*r.SpikingTop1[T-1])
				}
				return list
			}
			t.Log("T =", timesteps)
			none := top1(1, false)
			t.Log("A = 1:", none)
			for _, leak := range []float32{0.999, 0.99, 0.95} {
				with, without := top1(leak, false), top1(leak, true)
				t.Logf("A = %v: %.1f, %.1f with the weights for A = 1", leak, with, without)
				for i := range with {
					if with[i] < none[i]-3 || tt.data != "mnist" && leak < 0.97 && with[i] < without[i]+3 {
						t.Errorf("A = %v, T = %d: accuracy %v, without a leak %v, with weights for none %v", leak, timesteps[i], with[i], none[i], without[i])
					}
				}
			}
		})
	}
}
