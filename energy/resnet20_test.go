package energy_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/dataset"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/onnx"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tune"
)

var (
	long   = flag.Bool("long", false, "state for ResNet-20 which networks take less than the trained one, which takes minutes")
	images = flag.Int("energy-images", 200, "present so many test images with -long")
)

// The table of docs/energy.md: what the networks of ResNet-20 take by both tables for
// memory, as multiples of the trained one. What can be said without digits is tested: one
// spike a neuron takes less than rate coding, and that less than the paper's network.
func TestResNet20(t *testing.T) {
	if !*long {
		t.Skip("takes minutes; -long does it")
	}
	const shared = "../../shared/data"
	model := filepath.Join(shared, "models", "resnet20_cifar10_akamaster.onnx")
	if _, err := os.Stat(model); err != nil {
		t.Skipf("needs trained networks and CIFAR-10 in %s: %v", shared, err)
	}
	g, err := onnx.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	open := func(s dataset.Split, n int) *dataset.Images {
		im, err := dataset.OpenImages("cifar10:"+filepath.Join(shared, "cifar10"), s, "imagenet", n)
		if err != nil {
			t.Fatal(err)
		}
		return im
	}
	train, test := open(dataset.Train, 1000), open(dataset.Test, *images)
	stats, err := calibrate.Run(t.Context(), g, train, calibrate.Options{Percentile: 99.9})
	if err != nil {
		t.Fatal(err)
	}
	o := convert.DefaultOptions()
	paper, err := convert.Convert(g, stats, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Unit = true
	unit, err := convert.Convert(g, stats, o)
	if err != nil {
		t.Fatal(err)
	}
	var lambda []float32
	for l := range paper.Layers {
		lambda = append(lambda, paper.Layers[l].Lambda)
	}
	unit.Schedule = snn.Phased
	few, _, err := tune.Network(t.Context(), unit, train, tune.Options{Timesteps: 16, Lambda: lambda, Lambdas: true, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	one := *few
	one.Coding = snn.FirstSpike

	for _, name := range []string{"lemaire-45nm", "lemaire-45nm-int8"} {
		t.Logf("| %s | T | accuracy | spikes per synapse | energy | arithmetic | and memory | and addresses, transport | zeros skipped | break-even | reuse |", name)
		before := energy.Joules(math.Inf(1))
		for _, n := range []struct {
			name string
			net  *snn.Network
			T    int
		}{{"paper", paper, 350}, {"paper", paper, 102}, {"few-steps", few, 16}, {"one-spike", &one, 16}} {
			r, err := eval.Run(t.Context(), g, n.net, test, eval.Options{Sim: sim.Options{Timesteps: n.T}, Device: device(t, name)})
			if err != nil {
				t.Fatal(err)
			}
			m := r.Energy.Memory
			total := m.Spiking.Joules.Total
			t.Logf("| %s | %d | %.1f (%.1f) | %.3g | %v (%v, %v at %d bits) | %s |", n.name, n.T, 100*r.SpikingTop1[len(r.SpikingTop1)-1], 100*r.TrainedTop1, r.Energy.BreakEven.Spikes,
				total, m.Trained.Joules.Total, m.Quantised.Joules.Total, m.Quantised.Bits, strings.Join(verdicts(r.Energy), " | "))
			if total >= before {
				t.Errorf("%s, T = %d, takes %v, no less than the network before it, which takes %v", n.name, n.T, total, before)
			}
			before = total
		}
	}
}

// verdicts returns the energy of the spiking network over that of the trained one and of
// the quantised one, by what is counted, and where they break even.
func verdicts(e *energy.Accounts) (list []string) {
	for _, v := range e.Memory.Verdicts() {
		list = append(list, fmt.Sprintf("%.3g, %.3g", float64(v.Spiking/v.Trained), float64(v.Spiking/v.Quantised)))
	}
	a := e.Memory.Against
	return append(list,
		fmt.Sprintf("%.3g, %.3g", a.TrainedSkipping.Ratio, a.QuantisedSkipping.Ratio),
		fmt.Sprintf("%.3g, %.3g", *a.Trained.Spikes, *a.Quantised.Spikes),
		fmt.Sprintf("%.3g, %.3g", a.Trained.Reuse, a.Quantised.Reuse))
}
