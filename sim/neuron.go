package sim

import (
	"math"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// newFire returns the parameters of a layer's neurons with its channels padded,
// and their start potentials. Padding has an infinite threshold: it never fires.
func newFire(n *snn.Neuron, g grid) (kernel.FireParams, []float32) {
	par := kernel.FireParams{N: g.n, Pitch: g.n, Words: g.words, Threshold: make([]float32, g.n), ResetZero: n.Reset == snn.ResetZero}
	vInit := make([]float32, g.n)
	for c := range g.n {
		if c < g.c {
			par.Threshold[c], vInit[c] = n.ThresholdOf(c), n.VInitOf(c)
		} else {
			par.Threshold[c] = float32(math.Inf(1))
		}
	}
	return par, vInit
}
