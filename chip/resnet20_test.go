package chip_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"sresnet/chip"
	"sresnet/experiment"
	"sresnet/snn"
)

// resNet20 is ResNet-20 with weights of 8 bits, for few timesteps, or skips the test.
func resNet20(t *testing.T) *snn.Network {
	shared := filepath.Join("..", "..", "shared", "data")
	o := experiment.DefaultOptions()
	o.Model = filepath.Join(shared, "models", "resnet20_cifar10_akamaster.onnx")
	train := filepath.Join(shared, "cifar10", "data_batch_1.bin")
	for _, f := range []string{o.Model, train} {
		if _, err := os.Stat(f); err != nil {
			t.Skipf("needs a trained network and CIFAR-10 in %s: %v", shared, err)
		}
	}
	if err := o.Begin("few-steps"); err != nil {
		t.Fatal(err)
	}
	o.Calibrate, o.Normalize, o.CalibrationImages, o.Bits = "cifar10:"+train, "imagenet", 5, 8
	e, err := experiment.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	net, err := e.Network(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func TestResNet20(t *testing.T) {
	net := resNet20(t)
	t.Setenv("COLUMNS", "")
	for name, want := range map[string][]string{
		"loihi2": {
			"The network does not fit Loihi 2: what has a ! is more than there is.\n",
			"linear/Gemm           │      10 │     1 │      8 │", " at most               │         │       │      8 │    24 │   17 │   13 │    62\n",
			"All together: neurons 188426 of 1000000; weights 308944 of 120000000; cores 27\nof 128.\n",
		},
		"speck": {
			"\nAll together: rows and columns of the image 32 of 128; cores 20! of 9;\npopulations without a core of their size 11!.\n",
			"  - firing windows: the chip has none, in all populations\n",
			"  - pixels that enter as numbers: the chip has none, in Relu\n",
			"  - different strides into a population: up to 2, where the chip has 1, in\n    layer2/layer2.0/Relu_1, layer3/layer3.0/Relu_1\n",
			"  - entries of kernel memory: up to 131072, where the chip has 65536, in\n    layer3/layer3.0/Relu_1, layer3/layer3.1/Relu_1, layer3/layer3.2/Relu_1\n",
			"  - cores: 20, where the chip has 9\n",
		},
		"spinnaker2": {
			"\nAll together: cores 20 of 152.\n",
			"  - timesteps of delay: up to 16, where the chip has none, in\n    layer1/layer1.0/Relu_1, layer1/layer1.1/Relu_1, layer1/layer1.2/Relu_1 and 6\n    more\n",
		},
	} {
		r := chip.Fit(net, name, net.TunedFor)
		var b bytes.Buffer
		r.Print(&b, func(option string) string { return option })
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in\n%s", name, w, b.String())
			}
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
		for _, p := range r.Populations {
			for _, n := range p.Needs {
				if n.Of == "bits of weights" && name == "loihi2" && (n.Needs == nil || *n.Needs > 8 || !n.Fits) {
					t.Errorf("%s: weights of %q: %+v", name, p.Name, n)
				}
			}
		}
		data, err := json.Marshal(r)
		if err != nil || !bytes.Contains(data, []byte(`"needs":[{"of":"bits of weights","needs":8,"most":8,"fits":true,"source":"`)) {
			t.Errorf("%s: error %v, JSON %.600s", name, err, data)
		}
	}
	// Real numbers are said to be, with what to do.
	net.Bits, net.Input.Unit, net.Input.Levels = 0, 0, 0
	var b bytes.Buffer
	chip.Fit(net, "loihi2", net.TunedFor).Print(&b, func(option string) string { return "--" + option })
	if want := "\nweights are real numbers, and Loihi 2 has whole ones: give --bits 8, or less, so\nthat its limits can be told\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
	(*chip.Report)(nil).Print(&b, nil) // A target that is no chip.
}
