package convert_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/nir"
	"sresnet/snn"
)

// seen returns statistics of [tiny] whose first layer had n[k] activations in the k-th
// of bins of equal width up to most.
func seen(lambda, most float64, n ...uint64) *calibrate.Statistics {
	s := lambdas("r", lambda, "logits", 2.)
	h := calibrate.Histogram{Edges: []float64{0}, Counts: n}
	for k := range n {
		h.Edges = append(h.Edges, most*float64(k+1)/float64(len(n)))
	}
	s.Nodes[0].Histogram = h
	return s
}

func near(a, b, bound float64) bool { return math.Abs(a-b) <= bound }

// The curves of these neurons can be worked out by hand, and a line through two points
// of a curve leaves no error.
func TestLine(t *testing.T) {
	check := func(name string, o convert.Options, s *calibrate.Statistics, gain, offset float64) {
		t.Helper()
		n := mustConvert(t, tiny(t), s, o).Layers[0].Neuron
		if !near(float64(n.Gain), gain, 0.005) || !near(float64(n.Offset), offset, 0.002) {
			t.Errorf("%s: line %v r + %v, want %.4f r + %.4f", name, n.Gain, n.Offset, gain, offset)
		}
	}
	// With a timestep of rest r = I / (1 + I). Lambda stands for the rate 1/2, so that
	// bins in the middle of 0.5 and 1.5 are the rates 1/16 and 3/16: I = 1/15 and 3/13.
	gain := (3./13 - 1./15) / (3./16 - 1./16)
	check("rest", convert.Options{Neuron: snn.LIF{Leak: 1, Refractory: 1}}, seen(4, 2, 5, 1), gain, 1./15-gain/16)

	// With A = 1/2 and reset to zero a neuron fires at every k-th timestep from
	// I = (1/2) / (1 - 2^-k) on: I(1/3) = 4/7, I(1) = 1. The line would make silent
	// neurons fire only if it began above I = 1/2.
	gain = (1 - 4./7) / (1 - 1./3)
	check("leak", convert.Options{Neuron: snn.LIF{Leak: 0.5}, Reset: snn.ResetZero}, seen(1, 4./3, 1, 1), gain, 1-gain)

	// A single rate is met by a gain alone: I(1/2) = 2/3.
	check("one rate", convert.Options{Neuron: snn.LIF{Leak: 0.5}, Reset: snn.ResetZero}, seen(1, 2./3, 0, 1), 4./3, 0)
}

// Without leak and rest, conversion gives the network of integrate-and-fire neurons and
// the same file, in every byte.
func TestLeakOfOneIsIF(t *testing.T) {
	s := seen(4, 4, 3, 2, 1)
	for _, o := range []convert.Options{{}, {VInit: 0.5}, {VInit: 0.5, Reset: snn.ResetZero, ThresholdBalanced: true}} {
		want := mustConvert(t, tiny(t), s, o)
		o.Neuron = snn.LIF{Leak: 1}
		got := mustConvert(t, tiny(t), s, o)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v: another network:\n%v\n%v", o, got, want)
		}
		if a, b := file(t, got), file(t, want); !bytes.Equal(a, b) {
			t.Errorf("%+v: another file", o)
		}
	}
}

func file(t *testing.T, net *snn.Network) []byte {
	t.Helper()
	g, _, err := nir.FromNetwork(net, nir.Generic, nir.Info{})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "net.nir")
	if err := nir.WriteFile(name, g); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The line brings rates nearer to what they stand for than weights for integrate-and-fire
// neurons do, over some distributions of activations, and never makes a neuron fire that
// should be silent.
func TestLineHelps(t *testing.T) {
	for _, leak := range []float32{1, 0.99, 0.95, 0.8} {
		for refractory := range 5 {
			for _, reset := range []snn.Reset{snn.ResetSubtract, snn.ResetZero} {
				model := snn.LIF{Leak: leak, Refractory: refractory}
				if model.Leak == 1 && model.Refractory == 0 {
					continue
				}
				with, without := 0.0, 0.0
				for seed := range uint64(4) {
					n := fallingOff(seed)
					with += lineLoss(t, n, convert.Options{Neuron: model, Reset: reset})
					without += lineLoss(t, n, convert.Options{Neuron: model, Reset: reset, Unscaled: true})
				}
				if !(with < without) {
					t.Errorf("%v, %v: squared errors of %v with the line, %v without", model, reset, with, without)
				}
			}
		}
	}
}

// fallingOff returns how many activations there are in bins of one width: fewer and fewer, as
// networks have them.
func fallingOff(seed uint64) []uint64 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	n := make([]uint64, 32)
	for k := range n {
		n[k] = uint64(1000 * math.Exp(-float64(k)/(2+8*rnd.Float64())))
	}
	return n
}

// lineLoss returns the sum of the squares by which rates of neurons, converted for n activations
// in each bin, are off those that these stand for.
func lineLoss(t *testing.T, n []uint64, o convert.Options) (sum float64) {
	t.Helper()
	net := mustConvert(t, tiny(t), seen(3, 4, n...), o)
	l := &net.Layers[0]
	w, bias := weight(t, l, 0), float32(0)
	if l.Bias != nil {
		bias = l.Bias[0]
	}
	rate := func(a float64) float64 {
		const T = 2000
		s, spikes := l.Neuron.Start(0), 0
		for range T {
			var fired bool
			if s, fired = l.Neuron.Step(0, s, float32(a)*w+bias); fired {
				spikes++
			}
		}
		return float64(spikes) / T
	}
	for _, a := range []float64{0, -0.01, -1} {
		if r := rate(a); r > 0 {
			t.Fatalf("%+v: a neuron for the activation %v fires at the rate %v", o, a, r)
		}
	}
	for k, n := range n {
		a := (float64(k) + 0.5) / 8
		d := rate(a) - min(a/float64(l.Lambda), 1/float64(l.Neuron.Period()))
		sum += float64(n) * d * d
	}
	return sum
}

// Weights and biases follow the line: W~ = g W lambda_in / lambda_out and
// b~ = g b / lambda_out + o, with lambdas that are larger by the period; in the other
// form of the network the same times its threshold.
func TestLineInWeights(t *testing.T) {
	g := tiny(t)
	g.Nodes[0].Op.(*ann.Conv).Weight.Data[0] = 3
	g.Nodes[0].Op.(*ann.Conv).Bias = []float32{0.5}
	s := seen(4, 4, 3, 2, 1)
	for _, balanced := range []bool{false, true} {
		net := mustConvert(t, g, s, convert.Options{Neuron: snn.LIF{Leak: 0.9, Refractory: 1}, ThresholdBalanced: balanced})
		lambda, th := 8., 1.
		if balanced {
			th = 8
		}
		l := &net.Layers[0]
		gain, offset := l.Neuron.Line()
		if l.Lambda != 8 || gain == 1 || offset == 0 {
			t.Fatalf("lambda %v, line %v r + %v", l.Lambda, gain, offset)
		}
		if w := weight(t, l, 0); !near(float64(w), gain*3/lambda*th, 1e-6) {
			t.Errorf("weight %v, want %v", w, gain*3/lambda*th)
		}
		if b := l.Bias[0]; !near(float64(b), (gain*0.5/lambda+offset)*th, 1e-6) {
			t.Errorf("bias %v, want %v", b, (gain*0.5/lambda+offset)*th)
		}
		out := &net.Layers[1]
		gain, offset = out.Neuron.Line()
		if w, want := weight(t, out, 0)*l.Charge, gain*8/4*float64(out.Charge); !near(float64(w), want, 1e-5) {
			t.Errorf("output: weight %v, want %v", w, want)
		}
		if len(out.Bias) != 1 || !near(float64(out.Bias[0]), offset*float64(out.Charge), 1e-6) {
			t.Errorf("output: bias %v, want the offset %v", out.Bias, offset)
		}
	}
}
