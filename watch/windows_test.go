package watch

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"sresnet/eval"
	"sresnet/internal/terminal"
	"sresnet/sim"
	"sresnet/snn"
	"sresnet/tensor"
)

// phased is a network of a block with a shortcut, and an image for it.
func phased(coding snn.Coding) (*snn.Network, Image) {
	dense := func(from, n, in int, x float32) snn.Synapse {
		w := tensor.New(n, in)
		for i := range w.Data {
			w.Data[i] = x * float32(1+i%3)
		}
		return snn.Synapse{From: from, Connection: &snn.Dense{Weight: w}}
	}
	layer := func(name string, n int, syn ...snn.Synapse) snn.Layer {
		return snn.Layer{Name: name, Shape: tensor.Shape{n, 1, 1}, Synapses: syn, Charge: 1, Lambda: 1, Neuron: snn.Neuron{Threshold: []float32{1}, VInit: []float32{0.5}}}
	}
	four := tensor.Shape{4, 1, 1}
	net := &snn.Network{Name: "block", Input: snn.Input{Shape: tensor.Shape{1, 2, 2}}, Schedule: snn.Phased, Coding: coding, Layers: []snn.Layer{
		layer("first", 4, dense(snn.FromInput, 4, 4, 0.1)),
		layer("branch", 4, dense(0, 4, 4, 0.1)),
		layer("other", 4, dense(0, 4, 4, -0.1)),
		layer("sum", 4, dense(1, 4, 4, 0.2), dense(2, 4, 4, 1), snn.Synapse{From: 0, Connection: snn.Identity(1, four)}),
		layer("out", 3, dense(3, 3, 4, 0.1)),
	}}
	return net, Image{Name: "picture", Label: -1, Pixels: make([]float32, 4), Input: []float32{1, 1, 0.5, 1}}
}

// A phased network is shown over its own clock, and has an answer in the end alone.
func TestPhased(t *testing.T) {
	const T, latency = 4, 20 // Windows of the image, first, branch and other, sum, out.
	for _, coding := range []snn.Coding{snn.Rate, snn.FirstSpike} {
		for _, readout := range []eval.Readout{eval.CountPotential, eval.Potential} {
			net, image := phased(coding)
			th, err := Run(t.Context(), image, Options{Model: "m", Network: net, Sim: sim.Options{Timesteps: T}, Readout: readout})
			if err != nil {
				t.Fatal(err)
			}
			if th.Timesteps != T || th.Latency != latency || th.Settled != latency || len(th.Classes) != latency || len(th.Evidence) != latency {
				t.Fatalf("T %d, latency %d, settled %d, %d classes", th.Timesteps, th.Latency, th.Settled, len(th.Classes))
			}
			for clock, k := range th.Classes {
				if (k == noAnswer) != (clock < latency-1) {
					t.Errorf("answer %d after %d timesteps", k, clock+1)
				}
			}
			var opens []int
			for _, l := range th.Layers {
				opens = append(opens, l.Opens)
				for clock, n := range l.Spikes {
					if n > 0 && (clock < l.Opens || clock >= l.Opens+T) {
						t.Errorf("%s fires at %d, outside of its window", l.Name, clock)
					}
				}
			}
			if want := []int{T, 2 * T, 2 * T, 3 * T, 4 * T}; !reflect.DeepEqual(opens, want) {
				t.Errorf("windows open at %v, want %v", opens, want)
			}
			for clock := 1; clock <= latency; clock++ {
				for _, size := range [][2]int{{1, 1}, {40, 12}, {80, 23}} {
					for i, l := range th.frame(clock, size[0], size[1], terminal.TrueColours) {
						if n := len([]rune(l.Render(size[0], terminal.NoColours))); n > size[0] {
							t.Errorf("t = %d: line %d is drawn in %d columns of %d", clock, i, n, size[0])
						}
					}
				}
			}
			text := frameText(th.frame(10, 80, 23, terminal.NoColours), 80)
			for _, want := range []string{"t = 10 of 20", "window 3 of 5, T = 4: branch, other fire", "no answer before t = 20"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			var b bytes.Buffer
			th.Print(&b)
			for _, want := range []string{"t = 1 to 4: the image enters\n", "t = 9 to 12: branch, other fire", "at timestep 20, T = 4 in each of 5 windows"} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%q is not in\n%s", want, b.String())
				}
			}
		}
	}
}
