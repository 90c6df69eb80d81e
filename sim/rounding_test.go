package sim

import (
	"math"
	"math/rand/v2"
	"testing"

	"sresnet/internal/spiking"
	"sresnet/snn"
)

// TestRoundingError holds what [snn.Network.RoundingError] is: from any rates and any image of
// whole units it makes what the currents of the integer network are beyond those of the real
// one, in thresholds, whatever the synapses, charges and thresholds.
func TestRoundingError(t *testing.T) {
	kinds, made := make(map[string]bool), 0
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		real := spiking.Scheduled(rnd.IntN, rnd)
		for i := range real.Layers {
			real.Layers[i].Neuron.Model = nil
			for _, s := range real.Layers[i].Synapses {
				kinds[s.Connection.Kind()] = true
			}
		}
		net, err := real.Quantised(snn.Integers{Bits: 6 + rnd.IntN(8), Timesteps: 1 + rnd.IntN(20), InputMax: 2})
		if err != nil {
			continue // Of too few bits.
		}
		changes, err := net.RoundingError(real)
		if err != nil {
			t.Fatal(err)
		}
		made++
		rates := make([][]float64, len(net.Layers))
		for i := range rates {
			for range net.Layers[i].Neurons() {
				rates[i] = append(rates[i], rnd.Float64())
			}
		}
		pixels := make([]float64, net.Input.Shape.Len())
		image := make([]float64, len(pixels))
		for j := range pixels {
			pixels[j] = float64(rnd.IntN(2*net.Input.Levels+1) - net.Input.Levels)
			image[j] = pixels[j] * float64(net.Input.Unit)
		}
		current := func(n *snn.Network, i int, image []float64) []float64 {
			sum, err := Currents(t.Context(), n, i, rates, image)
			if err != nil {
				t.Fatal(err)
			}
			l := &n.Layers[i]
			for j := range sum {
				c := j / (l.Shape[1] * l.Shape[2])
				if l.Bias != nil {
					sum[j] -= float64(l.Bias[c])
				}
				sum[j] /= float64(l.Neuron.ThresholdOf(c))
			}
			return sum
		}
		for i := range net.Layers {
			if net.Layers[i].IsGate() {
				continue
			}
			whole, exact, added := current(net, i, pixels), current(real, i, image), current(changes, i, image)
			for j := range added {
				if want := whole[j] - exact[j]; math.Abs(added[j]-want) > 1e-5*(1+math.Abs(whole[j])+math.Abs(exact[j])) {
					t.Fatalf("layer %q, neuron %d: %v in place of %v", net.Layers[i].Name, j, added[j], want)
				}
			}
		}
	}
	if len(kinds) != 5 || made < 20 {
		t.Errorf("only %d networks, of %v", made, kinds)
	}
}
