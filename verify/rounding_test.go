package verify

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sresnet/ann"
	"sresnet/calibrate"
	"sresnet/convert"
	"sresnet/snn"
	"sresnet/tensor"
)

// pooled returns a network with a pool between two layers, and beside it a shortcut.
func pooled(t *testing.T, pool ann.Op, leaky bool) (*ann.Graph, *calibrate.Statistics, noise) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(7, 8))
	floats := func(n int, by float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rnd.NormFloat64() * by)
		}
		return x
	}
	conv := func(in int) *ann.Conv {
		return &ann.Conv{Weight: tensor.Of(floats(4*in*9, 0.4), 4, in, 3, 3), Bias: floats(4, 0.2), Window: tensor.Square(3, 1, 1), Groups: 1}
	}
	var rectify ann.Op = &ann.Relu{}
	if leaky {
		rectify = &ann.LeakyRelu{Slope: []float32{0.25}}
	}
	g := &ann.Graph{Name: "pooled", Input: ann.Input{Name: "x", Shape: tensor.Shape{2, 8, 8}}, Output: "fc", Nodes: []ann.Node{
		{Name: "c1", Inputs: []string{"x"}, Op: conv(2)},
		{Name: "r1", Inputs: []string{"c1"}, Op: rectify},
		{Name: "pool", Inputs: []string{"r1"}, Op: pool},
		{Name: "c2", Inputs: []string{"pool"}, Op: conv(4)},
		{Name: "sum", Inputs: []string{"c2", "pool"}, Op: &ann.Add{}},
		{Name: "r2", Inputs: []string{"sum"}, Op: rectify},
		{Name: "mean", Inputs: []string{"r2"}, Op: &ann.GlobalAveragePool{}},
		{Name: "f", Inputs: []string{"mean"}, Op: &ann.Flatten{}},
		{Name: "fc", Inputs: []string{"f"}, Op: &ann.Gemm{Weight: tensor.Of(floats(20, 1), 5, 4), Bias: []float32{2, 2, 2, 2, 2}}},
	}}
	if err := g.InferShapes(); err != nil {
		t.Fatal(err)
	}
	g, err := convert.Simplify(g)
	if err != nil {
		t.Fatal(err)
	}
	im := noise{floats(128, 1), floats(128, 1)}
	s, err := calibrate.Run(t.Context(), g, im, calibrate.Options{Percentile: 99})
	if err != nil {
		t.Fatal(err)
	}
	return g, s, im
}

// noise is images in memory.
type noise [][]float32

func (n noise) Len() int                         { return len(n) }
func (n noise) Image(i int, dst []float32) error { copy(dst, n[i]); return nil }

// rounding compares both forms, with the calibrated scales, after the threshold-balanced
// one was changed, and returns the stage, the share of spikes that differ if each form
// goes its own way, and the spikes of each layer on the first image.
func rounding(t *testing.T, g *ann.Graph, s *calibrate.Statistics, im Images, o convert.Options, change func(*snn.Network)) (st Stage, free float64, spikes []uint64) {
	t.Helper()
	nets, err := convertAll(t.Context(), g, s, o)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(nets.balanced)
	}
	folded, err := convert.Fold(g)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Timesteps: 64, ReferenceImages: 1, Workers: 1}
	f, err := compile(t.Context(), g, folded, nets, opts)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(f, im)
	found := make([]findings, im.Len())
	for i := range found {
		if err := w.compare(t.Context(), i, false, &found[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := im.Image(0, w.pixels); err != nil {
		t.Fatal(err)
	}
	all, err := w.record(t.Context(), w.event, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.eventBalanced.Trace = nil
	moved, err := w.against(t.Context(), w.eventBalanced, 0)
	if err != nil {
		t.Fatal(err)
	}
	var m, n uint64
	for l := range all {
		m, n = m+moved[l], n+all[l]
	}
	return f.stages(found)[4], float64(m) / float64(n), all
}

// TestRounding checks, behind each kind of pool and for all neurons, that rounding alone
// passes, however many spikes it moves, and that what is no rounding does not, in the
// layer in which it is: a fraction of a percent of one weight, one channel's bias or a
// threshold. Behind average pools of even area rounding moves most spikes.
func TestRounding(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pool  ann.Op
		leaky bool
		moves bool // Potentials meet the threshold exactly.
	}{
		{"average pool of even area", &ann.AveragePool{Window: tensor.Square(2, 2, 0)}, false, true},
		{"overlapping average pool", &ann.AveragePool{Window: tensor.Square(3, 1, 1)}, false, false},
		{"average pool that counts padding", &ann.AveragePool{Window: tensor.Square(2, 2, 1), CountPad: true}, false, true},
		{"max pool", &ann.MaxPool{Window: tensor.Square(2, 2, 0)}, false, false},
		{"average pool of ON and OFF populations", &ann.AveragePool{Window: tensor.Square(2, 2, 0)}, true, false},
		{"max pool of linear values", &ann.MaxPool{Window: tensor.Square(3, 2, 1)}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, s, im := pooled(t, tt.pool, tt.leaky)
			var spikes []uint64
			for _, o := range []convert.Options{
				convert.DefaultOptions(),
				{Reset: snn.ResetZero},
				{VInit: 0.5, Neuron: snn.LIF{Leak: 0.95}},
				{VInit: 0.5, Neuron: snn.LIF{Leak: 0.99, Refractory: 2}},
				{Encoding: snn.Poisson},
			} {
				st, free, all := rounding(t, g, s, im, o, nil)
				if !st.OK || st.Difference != 0 || st.Bound != 0 {
					t.Errorf("%+v: %+v", o, st)
				}
				if o == convert.DefaultOptions() {
					spikes = all
					t.Logf("rounding moves %.3f of the spikes", free)
					if tt.moves && free < 0.01 {
						t.Errorf("rounding moves %v of the spikes, which proves nothing", free)
					}
				}
			}
			nets, err := convertAll(t.Context(), g, s, convert.DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			for i := range nets.balanced.Layers {
				for j, c := range changes(&nets.balanced.Layers[i], spikes) {
					name := nets.balanced.Layers[i].Name
					st, _, _ := rounding(t, g, s, im, convert.DefaultOptions(), func(n *snn.Network) { changes(&n.Layers[i], spikes)[j].do() })
					if st.OK || st.Where != name {
						t.Errorf("%s of %s: %v at %q", c.what, name, st.Difference, st.Where)
					}
				}
			}
		})
	}
}

// change is something small that is wrong.
type change struct {
	what string
	do   func()
}

// changes returns what may be wrong with a layer: not with synapses that carry next to nothing.
func changes(l *snn.Layer, spikes []uint64) (list []change) {
	const by = 1.005
	for j := range l.Synapses {
		if from := l.Synapses[j].From; from != snn.FromInput && spikes[from] < 64 {
			continue
		}
		c := &l.Synapses[j].Connection
		what := fmt.Sprintf("synapse %d, %v", j, *c)
		switch k := (*c).(type) {
		case *snn.MaxPool: // One tap in place of all.
			list = append(list, change{what, func() {
				win := k.Window
				win.Kernel = [2]int{1, 1}
				*c = &snn.MaxPool{Window: win}
			}})
		default:
			list = append(list, change{what, func() { *c = k.Scaled(by) }})
		}
	}
	if !l.IsGate() {
		list = append(list, change{"threshold", func() { l.Neuron.Threshold[0] *= by }})
	}
	if l.Bias != nil {
		list = append(list, change{"bias", func() {
			b := append([]float32(nil), l.Bias...)
			for c := range b {
				b[c] += 0.005 * l.Neuron.ThresholdOf(c)
			}
			l.Bias = b
		}})
	}
	return list
}
