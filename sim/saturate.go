package sim

import (
	"math"

	"sresnet/snn"
)

// saturates reports whether potentials of layer i can reach what those of an integer network
// saturate at.
func (p *Plan) saturates(i int) bool {
	if !p.net.Integer() {
		return false
	}
	for _, v := range p.reaches[i] {
		if v > float64(p.net.Saturates()) {
			return true
		}
	}
	return false
}

// newSaturation lets the potentials of layer i saturate if they can. Kernels know nothing of
// that: it is made up for after every timestep. A neuron above the limit fires, so that what
// it holds beyond it lies beyond the limit less the threshold after its reset.
func (p *Plan) newSaturation(i int, lp *layerPlan) {
	if !p.saturates(i) {
		return
	}
	limit := p.net.Saturates()
	lp.least, lp.top = -limit, make([]float32, lp.n)
	for c := range lp.top {
		if lp.top[c] = limit; !math.IsInf(float64(lp.fire.Threshold[c]), 1) && p.net.Layers[i].Neuron.Reset == snn.ResetSubtract {
			lp.top[c] = limit - lp.fire.Threshold[c]
		}
	}
}

// saturate brings potentials back that have gone too far, and returns how many had.
func (l *layerPlan) saturate(v []float32) (n uint64) {
	if l.top == nil {
		return 0
	}
	for ; len(v) > 0; v = v[l.n:] {
		for c, top := range l.top {
			if x := v[c]; x > top {
				v[c] = top
				n++
			} else if x < l.least {
				v[c] = l.least
				n++
			}
		}
	}
	return n
}
