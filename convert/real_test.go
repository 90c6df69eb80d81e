package convert_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
)

// realModels are trained networks, each with the normalisation of its images.
var realModels = []struct {
	file, normalize string
	layers          int // Populations and pools of the spiking network.
}{
	{"resnet20_cifar10_akamaster.onnx", "imagenet", 21},
	{"resnet20_cifar10_akamaster_bn.onnx", "imagenet", 21},
	{"resnet44_cifar10_akamaster.onnx", "imagenet", 45},
	{"resnet20_cifar10_chenyaofo.onnx", "0.4914,0.4822,0.4465:0.2023,0.1994,0.2010", 21},
	{"resnet8_cifar10_mlperftiny_bn.onnx", "none", 9},
}

// TestRealModels calibrates and converts trained networks, and checks that the
// spiking network's limit of many timesteps is the trained network.
func TestRealModels(t *testing.T) {
	data := filepath.Join("..", "..", "shared", "data")
	if _, err := os.Stat(data); err != nil {
		t.Skip("no folder ../shared/data with trained networks beside the repository")
	}
	if testing.Short() {
		t.Skip("calibrates five networks")
	}
	train, err := dataset.Open("cifar10:"+filepath.Join(data, "cifar10", "data_batch_1.bin"), dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	if train, err = train.First(4); err != nil {
		t.Fatal(err)
	}
	for i, tt := range realModels {
		t.Run(tt.file, func(t *testing.T) {
			g, err := onnx.ReadFile(filepath.Join(data, "models", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			norm, err := dataset.ParseNormalization(tt.normalize, 3)
			if err != nil {
				t.Fatal(err)
			}
			images, err := dataset.NewImages(train, norm)
			if err != nil {
				t.Fatal(err)
			}
			s, err := calibrate.Run(context.Background(), g, images, calibrate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			net, err := convert.Convert(g, s, convert.DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			if len(net.Layers) != tt.layers {
				t.Errorf("%d layers, want %d:\n%v", len(net.Layers), tt.layers, net)
			}
			image := make([]float32, g.Input.Shape.Len())
			if err := images.Image(0, image); err != nil {
				t.Fatal(err)
			}
			sameRates(t, g, net, image)

			// The same of leaky neurons, whose spikes the engines must agree on.
			for _, neuron := range []snn.Model{snn.LIF{Leak: 0.95}, snn.LIF{Leak: 0.99, Refractory: 2}} {
				o := convert.DefaultOptions()
				o.Neuron = neuron
				net := mustConvert(t, g, s, o)
				sameRates(t, g, net, image)
				if i > 0 {
					continue // One network is enough.
				}
				var records []*sim.Record
				for _, reference := range []bool{false, true} {
					p, err := sim.Compile(net, sim.Options{Timesteps: 12, Reference: reference})
					if err != nil {
						t.Fatal(err)
					}
					rec, err := p.NewEngine().Run(t.Context(), image, 0)
					if err != nil {
						t.Fatal(err)
					}
					records = append(records, rec)
				}
				if d := cmp.Diff(records[1], records[0]); d != "" {
					t.Errorf("%v: records differ (-reference +event):\n%s", neuron, d)
				}
			}
		})
	}
}
