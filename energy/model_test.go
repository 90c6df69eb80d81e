package energy_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
	"sresnet/snn"
)

func device(t *testing.T, name string) *energy.Device {
	t.Helper()
	d, err := energy.OpenDevice(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The bills of the small network of 16, 8 and 3, by hand.
func TestModel(t *testing.T) {
	const T = 20 // Five bits.
	r := evaluate(t, newTestImages(20), eval.Options{Sim: sim.Options{Timesteps: T}, Device: device(t, "lemaire-45nm")})
	m := r.Energy.Memory
	access := func(numbers int) float64 { return 13.25633052 + 8.281599547e-5*4*float64(numbers) }
	hidden, spikes, acs := r.Layers[0].SpikesPerImage, r.SpikesPerImage[T-1], r.ACsPerImage[T-1]
	if want := acs / 3; math.Abs(hidden-want) > 1e-9 {
		t.Fatalf("%v spikes of the hidden layer", hidden)
	}
	// The hidden layer holds the currents of the image; the output has no bias.
	want := map[string]float64{
		"arithmetic": 128*(3.1+0.1) + 0.1*(acs+11*T+8+spikes+11*T),
		"weights":    128*access(128) + acs*access(24),
		"biases":     8 * access(8),
		"potentials": (2*8*T+8+8*T)*access(8) + (2*3*T+2*acs)*access(3),
		"inputs":     16*access(16) + hidden*access(8),
		"outputs":    hidden*access(8) + (spikes-hidden)*access(3),
		"addresses":  0.1 * (128 + acs),
		"transport":  0.25*32*16 + 3*hidden,
	}
	sum := 0.0
	for _, p := range m.Spiking.Joules.Parts() {
		sum += want[p.Name]
		if pj := float64(p.Joules) * 1e12; math.Abs(pj-want[p.Name]) > 1e-6*want[p.Name] {
			t.Errorf("spiking, %s: %v pJ, want %v", p.Name, pj, want[p.Name])
		}
	}
	if pj := float64(m.Spiking.Joules.Total) * 1e12; math.Abs(pj-sum) > 1e-6*sum {
		t.Errorf("spiking: %v pJ, want %v", pj, sum)
	}

	formal := func(bits float64, product float64) map[string]float64 {
		// The image has its 32 bits in both.
		return map[string]float64{
			"arithmetic": 128*(3.1+0.1) + 24*(product+0.1) + 0.1*(8+8),
			"weights":    128*access(128) + 24*access(24),
			"biases":     8 * access(8),
			"potentials": 0,
			"inputs":     16*access(16) + 8*(13.25633052+8.281599547e-5*bits)*bits/32,
			"outputs":    8*(13.25633052+8.281599547e-5*bits)*bits/32 + 3*(13.25633052+8.281599547e-5*3*bits/8)*bits/32,
			"addresses":  0.1 * (128 + 24),
			"transport":  0.25 * (32*16 + bits*8),
		}
	}
	if m.Quantised.Bits != 5 {
		t.Errorf("%d bits for T = %d", m.Quantised.Bits, T)
	}
	mixed := 0.2 * math.Pow(math.Sqrt(5*32)/8, math.Log(3.1/0.2)/math.Log(4))
	for _, tt := range []struct {
		what string
		bill *energy.Bill
		want map[string]float64
	}{{"trained", m.Trained.Joules, formal(32, 3.1)}, {"quantised", m.Quantised.Joules, formal(5, mixed)}} {
		for _, p := range tt.bill.Parts() {
			if pj := float64(p.Joules) * 1e12; math.Abs(pj-tt.want[p.Name]) > 1e-6*tt.want[p.Name] {
				t.Errorf("%s, %s: %v pJ, want %v", tt.what, p.Name, pj, tt.want[p.Name])
			}
		}
	}
}

// Where the model says that networks break even they do: a silent network shows what
// spikes do not cause.
func TestAgainst(t *testing.T) {
	d := device(t, "lemaire-45nm-int8")
	images := newTestImages(20)
	g, net := testNetworks(t)
	for _, change := range []func(*snn.Network){
		func(*snn.Network) {},
		func(n *snn.Network) { n.Schedule = snn.Phased },
		func(n *snn.Network) { n.Schedule, n.Coding = snn.Phased, snn.FirstSpike },
	} {
		n := *net
		change(&n)
		run := func(n *snn.Network) *energy.Accounts {
			r, err := eval.Run(t.Context(), g, n, images, eval.Options{Sim: sim.Options{Timesteps: 6}, Device: d})
			if err != nil {
				t.Fatal(err)
			}
			return r.Energy
		}
		e, silent := run(&n), n
		silent.Layers = append([]snn.Layer(nil), n.Layers...)
		for l := range silent.Layers {
			silent.Layers[l].Neuron = snn.Neuron{Threshold: []float32{1e9}}
		}
		fixed := run(&silent).Memory
		if fixed.Against.Trained.Spikes != nil || fixed.Spiking.EventWrites != 0 {
			t.Fatalf("a silent network: %+v", fixed.Against)
		}
		phased := n.Schedule == snn.Phased
		if b := &e.BreakEven; b.Window != phased || phased && b.Dense.Timesteps != 0 && b.Dense.Timesteps != 6 {
			t.Errorf("%v %v: break-even %+v %+v", n.Schedule, n.Coding, b, b.Dense)
		}
		if words := strings.Join(e.BreakEven.Words(d, 6), " "); phased && strings.Contains(words, "reached at T = ") && !strings.Contains(words, "not reached at T = 6") {
			t.Errorf("%v %v: %s", n.Schedule, n.Coding, words)
		}
		all := e.Memory.Spiking.Joules.Total
		for what, a := range map[string]struct {
			energy.Against
			total, reads energy.Joules
		}{
			"trained":                  {e.Memory.Against.Trained, e.Memory.Trained.Joules.Total, e.Memory.Trained.Joules.Weights + e.Memory.Trained.Joules.Inputs},
			"quantised":                {e.Memory.Against.Quantised, e.Memory.Quantised.Joules.Total, e.Memory.Quantised.Joules.Weights + e.Memory.Quantised.Joules.Inputs},
			"trained, zeros skipped":   {e.Memory.Against.TrainedSkipping, e.Memory.Skipping.Trained.Total, e.Memory.Skipping.Trained.Weights + e.Memory.Skipping.Trained.Inputs},
			"quantised, zeros skipped": {e.Memory.Against.QuantisedSkipping, e.Memory.Skipping.Quantised.Total, e.Memory.Skipping.Quantised.Weights + e.Memory.Skipping.Quantised.Inputs},
		} {
			rest := fixed.Spiking.Joules.Total
			if at := rest + (all-rest)*energy.Joules(*a.Spikes/e.BreakEven.Spikes); math.Abs(float64(at/a.total-1)) > 1e-9 {
				t.Errorf("%v %v, %s: %v at the break-even, the opponent %v", n.Schedule, n.Coding, what, at, a.total)
			}
			if math.Abs(a.Ratio-float64(all/a.total)) > 1e-12 || (*a.Spikes > e.BreakEven.Spikes) != (a.Ratio < 1) {
				t.Errorf("%v %v, %s: %+v", n.Schedule, n.Coding, what, a)
			}
			if a.Reuse > 0 {
				if at := a.total - a.reads + a.reads/energy.Joules(a.Reuse); math.Abs(float64(at/all-1)) > 1e-9 || a.Reuse < 1 {
					t.Errorf("%v %v, %s: %v with a reuse of %v, the spiking network %v", n.Schedule, n.Coding, what, at, a.Reuse, all)
				}
			} else if a.Ratio <= 1 && all > a.total-a.reads {
				t.Errorf("%v %v, %s: no reuse: %+v", n.Schedule, n.Coding, what, a)
			}
		}
		words := strings.Join(e.Words(), "\n")
		for _, want := range []string{"with memory, addresses and transport: spiking ", "3 bits", "break-even with these: ", fmt.Sprintf("%.3g times the", e.Memory.Against.Trained.Ratio)} {
			if !strings.Contains(words, want) {
				t.Errorf("no %q in %s", want, words)
			}
		}
	}
}

// Without tables there are counts and no joules, and nothing is said of them.
func TestModelWithoutTables(t *testing.T) {
	r := evaluate(t, newTestImages(5), eval.Options{Sim: sim.Options{Timesteps: 4}, Device: device(t, "45nm")})
	m := r.Energy.Memory
	if m.Spiking.WeightReads == 0 || m.Trained.Products != 128+24 || m.Spiking.Joules != nil || m.Trained.Joules != nil || m.Quantised.Joules != nil || m.Against != nil {
		t.Errorf("got %+v", m)
	}
	if words := strings.Join(r.Energy.Words(), " "); strings.Contains(words, "addresses") {
		t.Errorf("in words: %s", words)
	}
}

// Activations of a device that have fewer bits than T + 1 levels need stay as they are.
func TestQuantisedBitsOfDevice(t *testing.T) {
	r := evaluate(t, newTestImages(5), eval.Options{Sim: sim.Options{Timesteps: 256}, Device: device(t, "lemaire-45nm-int8")})
	if m := r.Energy.Memory; m.Quantised.Bits != 8 || *m.Quantised.Joules != *m.Trained.Joules {
		t.Errorf("%d bits take %v, the trained network %v", m.Quantised.Bits, m.Quantised.Joules, m.Trained.Joules)
	}
}

func TestQuantisedBits(t *testing.T) {
	for T := 1; T < 1000; T++ {
		if got, want := energy.QuantisedBits(T), int(math.Ceil(math.Log2(float64(T+1)))); got != want {
			t.Errorf("T = %d: %d bits, want %d", T, got, want)
		}
	}
}
