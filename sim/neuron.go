package sim

import (
	"math"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// Neurons are advanced by kernels that integrate and fire. Those of a model with
// nothing but a leak beside that have their potentials multiplied before, tile by
// tile. All others are advanced one by one, by the model's own Step.

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

// startOf returns the potentials of l before the first timestep, channels last, if each
// neuron has its own.
func startOf(l *snn.Layer, g grid) []float32 {
	if l.Start == nil {
		return nil
	}
	v := make([]float32, g.positions()*g.n)
	for j, x := range l.Start {
		v[j%g.positions()*g.n+j/g.positions()] = x
	}
	return v
}

// decay multiplies the potentials v, of pitch channels per position, of the n
// channels from first on by a, each product rounded.
func decay(v []float32, first, n, pitch int, a float32) {
	if a == 1 {
		return
	}
	for ; len(v) > 0; v = v[pitch:] {
		tile := v[first:][:n]
		for c := range tile {
			tile[c] *= a
		}
	}
}

// fireRow turns the current of row r of a layer into spikes, clears it, and returns
// their number; constant is as for [kernel.Fire].
func (l *layerPlan) fireRow(s *population, mask []uint64, r int, cur, constant []float32) int {
	row, words := l.w*l.n, l.w*l.words
	mask, v := mask[r*words:][:words], s.v[r*row:][:row]
	if l.neuron == nil {
		decay(v, 0, l.n, l.n, l.decay)
		return kernel.Fire(mask, nil, v, cur, constant, &l.fire)
	}
	clear(mask)
	spikes := 0
	for p := range l.w {
		if len(constant) > l.n && p > 0 {
			constant = constant[l.n:]
		}
		state, v, cur := s.state[(r*l.w+p)*l.n:], v[p*l.n:], cur[p*l.n:]
		for c := range l.c {
			var fired bool
			if state[c], fired = l.neuron.Step(c, state[c], cur[c]+constant[c]); fired {
				mask[p*l.words+c/64] |= 1 << (c % 64)
				spikes++
			}
			v[c], cur[c] = state[c].V, 0
		}
	}
	return spikes
}
