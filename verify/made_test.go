package verify

import (
	"math/rand/v2"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/convert"
	"sresnet/sim"
	"sresnet/snn"
)

// schedules are those that a made network may have.
var schedules = map[string]struct {
	schedule snn.Schedule
	coding   snn.Coding
}{
	"synchronous": {snn.Synchronous, snn.Rate},
	"phased":      {snn.Phased, snn.Rate},
	"first-spike": {snn.Phased, snn.FirstSpike},
}

// madeOf returns the conversion of the ResNet-8 of the demo as calibration for T leaves one:
// with lambdas per channel, biases shifted and start potentials.
func madeOf(t *testing.T, schedule snn.Schedule, coding snn.Coding) (*ann.Graph, *snn.Network, Images) {
	t.Helper()
	g, s, images := mnist(t, 2)
	net, err := convert.Convert(g, s, convert.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return g, calibrated(t, net, schedule, coding), images
}

func calibrated(t *testing.T, net *snn.Network, schedule snn.Schedule, coding snn.Coding) *snn.Network {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	random := func(n int, least, most float32) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = least + (most-least)*rnd.Float32()
		}
		return x
	}
	for i := range net.Layers[:len(net.Layers)-1] {
		l := &net.Layers[i]
		if l.IsGate() {
			continue
		}
		var err error
		if net, err = net.Rescaled(i, random(l.Shape[0], 0.2, 1.5)); err != nil {
			t.Fatal(err)
		}
		if l = &net.Layers[i]; l.Bias != nil {
			l.Shift = random(l.Shape[0], -0.02, 0.02)
			for c := range l.Bias {
				l.Bias[c] += l.Shift[c]
			}
		}
		if i%2 == 1 {
			l.Start = random(l.Neurons(), -0.5, 0.9)
		}
	}
	c := *net
	c.Schedule, c.Coding = schedule, coding
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return &c
}

// mustPass fails for stages that do.
func mustPass(t *testing.T, stages []Stage) {
	t.Helper()
	for _, st := range stages {
		t.Logf("%+v", st)
		if !st.OK {
			t.Errorf("stage %q failed: %v %s at %q", st.Name, st.Difference, st.Unit, st.Where)
		}
	}
}

// A right network passes, whatever calibration for T has done to it.
func TestMade(t *testing.T) {
	for name, tt := range schedules {
		t.Run(name, func(t *testing.T) {
			g, net, images := madeOf(t, tt.schedule, tt.coding)
			for _, T := range []int{1, 8, 33} {
				stages, err := Made(t.Context(), g, net, images, Options{Timesteps: T, ReferenceImages: 1})
				if err != nil {
					t.Fatal(err)
				}
				want := 4
				if tt.schedule == snn.Synchronous {
					want = 3
				}
				if len(stages) != want {
					t.Errorf("%d stages, want %d", len(stages), want)
				}
				mustPass(t, stages)
			}
		})
	}
}

// Signed spikes of the image are not the same at all timesteps, but the levels are those of
// their sum.
func TestMadePoisson(t *testing.T) {
	g, net, images := madeOf(t, snn.Phased, snn.Rate)
	net.Input.Encoding, net.Input.Amplitude = snn.Poisson, 3
	stages, err := Made(t.Context(), g, net, images, Options{Timesteps: 8, Seed: 5, ReferenceImages: 1})
	if err != nil {
		t.Fatal(err)
	}
	mustPass(t, stages)
}

// Weights that were fitted anew are said to be not comparable, and those before them are
// compared nevertheless.
func TestMadeRefit(t *testing.T) {
	g, net, images := madeOf(t, snn.Phased, snn.Rate)
	last := len(net.Layers) - 1
	net.Layers[last].Refit = true
	scaleDense(t, &net.Layers[last], 1.1)
	stages, err := Made(t.Context(), g, net, images, Options{Timesteps: 4, ReferenceImages: 1})
	if err != nil {
		t.Fatal(err)
	}
	mustPass(t, stages)
	if !strings.Contains(stages[1].Note, "1 of ") || !strings.Contains(stages[1].Note, "not comparable") {
		t.Errorf("note %q", stages[1].Note)
	}
	net.Layers[last].Refit = false
	if stages, err = Made(t.Context(), g, net, images, Options{Timesteps: 4, ReferenceImages: 1}); err != nil {
		t.Fatal(err)
	}
	if stages[1].OK || stages[1].Where != net.Layers[last].Name {
		t.Errorf("weights that changed without being refitted: %+v", stages[1])
	}
}

func scaleDense(t *testing.T, l *snn.Layer, factor float32) {
	t.Helper()
	k := l.Synapses[0].Connection.Scaled(float64(factor))
	l.Synapses = append([]snn.Synapse{{From: l.Synapses[0].From, Connection: k}}, l.Synapses[1:]...)
}

// Whatever is wrong with a made network, or with an engine that runs it, fails the stages
// that see it.
func TestMadeFindsErrors(t *testing.T) {
	const conversion, levels, engines = 1, 2, 3
	for _, tt := range []struct {
		name   string
		engine bool // Only the event engine has the error.
		plant  func(t *testing.T, n *snn.Network)
		failed []int
	}{
		{"wrong weight", false, wrongWeight, []int{conversion}},
		{"wrong scale of one channel", false, wrongScale, []int{conversion}},
		{"wrong lambda of one channel", false, wrongLambda, []int{conversion}},
		{"shift not taken out", false, func(t *testing.T, n *snn.Network) { withBias(t, n).Shift = nil }, []int{conversion}},
		{"engine, wrong weight", true, wrongWeight, []int{levels, engines}},
		{"engine, wrong scale of one channel", true, wrongScale, []int{levels, engines}},
		{"engine, other start potentials", true, func(_ *testing.T, n *snn.Network) {
			for j := range n.Layers[1].Start {
				n.Layers[1].Start[j] += 0.05
			}
		}, []int{levels, engines}},
		{"engine, the bias comes once less", true, func(t *testing.T, n *snn.Network) {
			l := withBias(t, n)
			for c := range l.Bias {
				l.Bias[c] *= 7. / 8
			}
		}, []int{levels, engines}},
		{"engine, a shortcut comes a window too late", true, func(t *testing.T, n *snn.Network) { scaleShortcut(t, n, 0) }, []int{levels, engines}},
	} {
		for name, s := range schedules {
			if s.schedule == snn.Synchronous {
				continue
			}
			t.Run(tt.name+", "+name, func(t *testing.T) {
				g, net, images := madeOf(t, s.schedule, s.coding)
				o := Options{Timesteps: 8, ReferenceImages: 1}
				if !tt.engine {
					tt.plant(t, net)
				}
				m, err := newMade(g, net, o)
				if err != nil {
					t.Fatal(err)
				}
				if tt.engine {
					_, other, _ := madeOf(t, s.schedule, s.coding)
					tt.plant(t, other)
					if m.event, err = sim.Compile(other, sim.Options{Timesteps: o.Timesteps}); err != nil {
						t.Fatal(err)
					}
				}
				stages, err := m.compare(t.Context(), images, o)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range tt.failed {
					t.Logf("%+v", stages[i])
					if stages[i].OK || stages[i].Where == "" {
						t.Errorf("stage %q passed: %+v", stages[i].Name, stages[i])
					}
				}
			})
		}
	}
}

func wrongWeight(_ *testing.T, n *snn.Network) {
	n.Layers[1].Synapses[0].Connection.(*snn.Conv).Weight.Data[5] += 0.05
}

// wrongScale changes the weight of one channel of the first shortcut.
func wrongScale(t *testing.T, n *snn.Network) {
	for i := range n.Layers {
		for _, s := range n.Layers[i].Synapses {
			if k, ok := s.Connection.(*snn.Shortcut); ok && k.Scales != nil {
				k.Scales[2] *= 1.05
				return
			}
		}
	}
	t.Fatal("no shortcut with a scale per channel")
}

// wrongLambda changes that of a channel which is not the largest.
func wrongLambda(t *testing.T, n *snn.Network) {
	l := &n.Layers[1]
	for c := range l.Lambdas {
		if l.Lambdas[c] < l.Lambda {
			l.Lambdas[c] *= 0.99
			return
		}
	}
	t.Fatal("no such channel")
}
