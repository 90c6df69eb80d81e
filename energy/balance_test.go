package energy_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sresnet/ann"
	"sresnet/energy"
	"sresnet/eval"
	"sresnet/sim"
)

// priced evaluates the small network of two fully connected layers on a device.
func priced(t *testing.T, d *energy.Device) *eval.Result {
	t.Helper()
	return evaluate(t, newTestImages(20), eval.Options{Sim: sim.Options{Timesteps: 256}, Device: d})
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b)) }

// On 45 nm the energies are the counts times the two figures, by hand, and the
// networks are even where the break-even says.
func TestJoules(t *testing.T) {
	d, err := energy.OpenDevice("45nm")
	if err != nil {
		t.Fatal(err)
	}
	r := priced(t, d)
	e := r.Energy
	want := 4.6e-12*r.MACsPerImage + 0.9e-12*r.ACsPerImage[r.Timesteps-1]
	if !near(float64(*e.SNN.Joules), want) || !near(float64(r.Point(256).Joules), want) {
		t.Errorf("spiking network: got %v, and %v at T, want %v", *e.SNN.Joules, r.Point(256).Joules, energy.Joules(want))
	}
	if want := 4.6e-12 * e.ANN.MACs; !near(float64(*e.ANN.Joules), want) {
		t.Errorf("trained network: got %v, want %v", *e.ANN.Joules, energy.Joules(want))
	}
	sum := 0.0
	for _, k := range e.SNN.Contributions {
		switch {
		case k.Part == energy.PartNeurons && k.Joules != nil:
			t.Errorf("neurons of %s have an energy of %v, which 45nm does not give", k.Layer, *k.Joules)
		case k.Part != energy.PartNeurons:
			sum += float64(*k.Joules)
		}
	}
	if !near(sum, want) {
		t.Errorf("contributions add up to %v, want %v", energy.Joules(sum), energy.Joules(want))
	}
	if want := []string{"membrane updates of the spiking network"}; !slices.Equal(e.NotCounted[:1], want) {
		t.Errorf("not counted: got %q, want %q first", e.NotCounted, want)
	}

	// 24 weights of the second layer carry spikes.
	b := e.BreakEven
	if b.Synapses != 24 || !near(b.Spikes, r.ACsPerImage[r.Timesteps-1]/24) {
		t.Errorf("got %v spikes on each of %d synapses, want %v on 24", b.Spikes, b.Synapses, r.ACsPerImage[r.Timesteps-1]/24)
	}
	if dense := 4.6e-12 * (128 + 24); !near(float64(b.Dense.Joules), dense) || !near(b.Dense.Spikes*24*0.9e-12+4.6e-12*r.MACsPerImage, dense) {
		t.Errorf("break-even: got %+v, want energy %v", b.Dense, energy.Joules(dense))
	}
	for _, even := range []*energy.Even{b.Dense, b.Effective} {
		T := even.Timesteps
		if T < 1 || T > 255 || r.Point(T).Joules > even.Joules || r.Point(T+1).Joules <= even.Joules {
			t.Errorf("break-even at T = %d: the spiking network takes %v there and %v a step later, the trained one %v",
				T, r.Point(T).Joules, r.Point(T+1).Joules, even.Joules)
		}
		if spikes := r.ACsPerImage[T-1] / 24; spikes > even.Spikes || r.ACsPerImage[T]/24 <= even.Spikes {
			t.Errorf("break-even at %v spikes per synapse, but at T = %d there are %v", even.Spikes, T, spikes)
		}
	}
	// Were a MAC to cost Ratio ACs, both would take the same.
	if got, want := r.ACsPerImage[r.Timesteps-1]+b.Ratio*r.MACsPerImage, b.Ratio*(128+24); !near(got, want) {
		t.Errorf("at a ratio of %v: %v and %v", b.Ratio, got, want)
	}
}

// What a device does not price is named and is in no sum.
func TestNotCounted(t *testing.T) {
	d, err := energy.OpenDevice("loihi")
	if err != nil {
		t.Fatal(err)
	}
	r := priced(t, d)
	e := r.Energy
	if want := 23.6e-12*r.ACsPerImage[r.Timesteps-1] + 81e-12*11*256; !near(float64(*e.SNN.Joules), want) {
		t.Errorf("spiking network: got %v, want %v", *e.SNN.Joules, energy.Joules(want))
	}
	if e.ANN.Joules != nil || e.BreakEven.Dense != nil {
		t.Errorf("without an energy of a MAC the trained network takes %v, break-even %+v", e.ANN.Joules, e.BreakEven.Dense)
	}
	if x := e.SNN.Sum(energy.PartInput).Joules; x != nil {
		t.Errorf("the analog image takes %v", *x)
	}
	if x := e.SNN.Sum(energy.PartNeurons).Joules; x == nil || !near(float64(*x), 81e-12*11*256) {
		t.Errorf("neurons take %v", x)
	}
	if got := strings.Join(e.NotCounted, "; "); !strings.HasPrefix(got, "multiply-accumulates of the spiking network; multiply-accumulates of the trained network; memory") {
		t.Errorf("not counted: %s", got)
	}
	if got := strings.Join(e.BreakEven.Words(d, 256), " "); !strings.Contains(got, "Break-even on loihi: unknown without the energy of multiply-accumulates") {
		t.Errorf("in words: %s", got)
	}
}

// The rest of NeuroBench's figures, by hand.
func TestAccount(t *testing.T) {
	images := newTestImages(20)
	r := evaluate(t, images, eval.Options{Sim: sim.Options{Timesteps: 64}})
	e := r.Energy
	if e.Device != nil || e.SNN.Joules != nil || e.NotCounted != nil {
		t.Errorf("without a device: %+v", e)
	}
	if want := 1 - r.SpikesPerImage[r.Timesteps-1]/(11*64); !near(e.SNN.ActivationSparsity, want) {
		t.Errorf("activation sparsity: got %v, want %v", e.SNN.ActivationSparsity, want)
	}
	if e.SNN.DenseACs != 24*64 || e.SNN.DenseMACs != 128 || e.ANN.DenseMACs != 128+24 || e.ANN.DenseACs != 0 {
		t.Errorf("dense operations: spiking %+v, trained %+v", e.SNN.Operations, e.ANN.Operations)
	}
	// The trained network multiplies three weights for each activation that is there.
	if got, want := e.ANN.MACs-e.SNN.MACs, 3*8*(1-e.ANN.ActivationSparsity); !near(got, want) {
		t.Errorf("effective MACs of the second layer: got %v, want %v", got, want)
	}
	g, _ := testNetworks(t)
	zeros := 0
	for _, i := range []int{1, 3} {
		for _, w := range g.Nodes[i].Op.(*ann.Gemm).Weight.Data {
			if w == 0 {
				zeros++
			}
		}
	}
	if want := float64(zeros) / (128 + 24); zeros == 0 || e.ANN.ConnectionSparsity != want || e.SNN.ConnectionSparsity != want {
		t.Errorf("connection sparsity: got %v and %v, want %v", e.ANN.ConnectionSparsity, e.SNN.ConnectionSparsity, want)
	}
	// Weights, 8 biases; and for the spiking one thresholds, start potentials and potentials.
	if want := int64(4 * (128 + 24 + 8)); e.ANN.FootprintBytes != want {
		t.Errorf("footprint of the trained network: got %d, want %d", e.ANN.FootprintBytes, want)
	}
	if want := int64(4 * (128 + 24 + 8 + 2 + 2 + 11)); e.SNN.FootprintBytes != want {
		t.Errorf("footprint of the spiking network: got %d, want %d", e.SNN.FootprintBytes, want)
	}
}
