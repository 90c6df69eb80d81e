package convert_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// TestSharedLambda joins the ReLU before the blocks, through a max pool, with the
// ends of two blocks, and nothing else: not a layer within a block, nor what is
// behind a projection.
func TestSharedLambda(t *testing.T) {
	relu, add := &ann.Relu{}, &ann.Add{}
	g := graph(t, tensor.Shape{1, 4, 4},
		node("c0", conv(1), "x"), node("in", relu, "c0"), node("pool", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, "in"),
		node("c1", conv(3), "pool"), node("r1", relu, "c1"), node("c2", conv(2), "r1"), node("sum1", add, "c2", "pool"), node("out1", relu, "sum1"),
		node("c3", conv(1), "out1"), node("r2", relu, "c3"), node("c4", conv(1), "r2"), node("sum2", add, "out1", "c4"), node("out2", relu, "sum2"),
		node("c5", conv(1), "out2"), node("r3", relu, "c5"), node("c6", conv(1), "r3"), node("cs", conv(1), "out2"), node("sum3", add, "c6", "cs"), node("out3", relu, "sum3"),
		node("f", &ann.Flatten{}, "out3"), node("logits", gemm(4, 1), "f"),
	)
	s := lambdas("in", 2., "r1", 32., "out1", 4., "r2", 0.5, "out2", 3., "r3", 64., "out3", 16., "logits", 8.)
	net := mustConvert(t, g, s, convert.Options{SharedLambda: true})
	got := make(map[string]float32)
	for i := range net.Layers {
		got[net.Layers[i].Name] = net.Layers[i].Lambda
	}
	want := map[string]float32{"in": 4, "pool": 4, "r1": 32, "out1": 4, "r2": 0.5, "out2": 4, "r3": 64, "out3": 16, "logits": 8}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lambdas (-want +got):\n%s", d)
	}
	for _, l := range net.Layers {
		for j, s := range l.Synapses {
			if k, ok := s.Connection.(*snn.Shortcut); ok && k.Scale != 1 {
				t.Errorf("layer %q, synapse %d: scale %v, want 1", l.Name, j, k.Scale)
			}
		}
	}
}

// TestSharedLambdaRandom checks, on random networks, that identity shortcuts have
// the weight 1, that lambda times the limit of the rates is still the activation,
// and that nothing changes where there are no identity shortcuts.
func TestSharedLambdaRandom(t *testing.T) {
	shared, unchanged := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		b := &builder{T: t, rnd: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		trained := b.network()
		g := mustSimplify(t, trained)
		im := images{b.floats(b.input.Len(), 1, 0), b.floats(b.input.Len(), 1, 0)}
		s := mustCalibrate(t, g, im, calibrate.Options{Percentile: 100})
		for i := range s.Nodes {
			if l := &s.Nodes[i].Lambda; !(*l > 0) {
				*l = 1
			}
		}
		o := convert.DefaultOptions()
		plain := mustConvert(t, trained, s, o)
		o.SharedLambda = true
		net := mustConvert(t, trained, s, o)
		has := func(part string) bool {
			return slices.ContainsFunc(net.Layers, func(l snn.Layer) bool { return strings.Contains(l.Name, part) })
		}
		joined := false
		for i := range net.Layers {
			l := &net.Layers[i]
			for _, syn := range l.Synapses {
				k, ok := syn.Connection.(*snn.Shortcut)
				if !ok || k.Stride != [2]int{1, 1} || !k.Shape.Equal(net.ShapeOf(syn.From)) {
					continue
				}
				if math.Abs(float64(k.Scale)) != 1 && has("LeakyRelu") {
					continue // The weight is a slope.
				}
				joined = true
				if k.Scale != 1 && !(k.Scale == -1 && has("/off")) {
					t.Errorf("layer %q: identity shortcut of weight %v\n%v", l.Name, k.Scale, net)
				}
			}
			if l.Lambda < plain.Layers[i].Lambda {
				t.Errorf("layer %q: lambda %v, alone it is %v\n%v", l.Name, l.Lambda, plain.Layers[i].Lambda, net)
			}
		}
		if !joined {
			unchanged++
			if d := cmp.Diff(plain, net); d != "" {
				t.Errorf("without identity shortcuts (-plain +shared):\n%s", d)
			}
			return
		}
		shared++
		sameRates(t, g, net, im[0])
	})
	if !testing.Short() && (shared < 10 || unchanged < 10) { // Short tests draw few.
		t.Errorf("%d networks with identity shortcuts and %d without are too few", shared, unchanged)
	}
}

// TestSharedLambdaForms checks that both forms of the network still give the same
// spikes, with scales that round nothing.
func TestSharedLambdaForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &builder{T: t, rnd: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		trained := b.network()
		g := mustSimplify(t, trained)
		im := images{b.floats(b.input.Len(), 1, 0)}
		s := mustCalibrate(t, g, im, calibrate.Options{Percentile: 99})
		for i := range s.Nodes {
			l := float64(max(s.Nodes[i].Lambda, 1e-3))
			s.Nodes[i].Lambda = float32(math.Exp2(math.Ceil(math.Log2(l))))
		}
		o := convert.Options{VInit: 0.5, SharedLambda: true}
		normalised := mustConvert(t, trained, s, o)
		o.ThresholdBalanced = true
		balanced := mustConvert(t, trained, s, o)
		if !cmp.Equal(spikeTrains(t, normalised, im[0]), spikeTrains(t, balanced, im[0])) {
			t.Errorf("balanced thresholds give other spikes than normalised weights\n%v\n%v", normalised, balanced)
		}
	})
}
