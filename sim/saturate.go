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
	for _, v := range p.reaches[i] {
		lp.fastest = max(lp.fastest, float32(v)/float32(p.opt.Timesteps))
	}
	limit := p.net.Saturates()
	lp.least, lp.top = -limit, make([]float32, lp.n)
	for c := range lp.top {
		if lp.top[c] = limit; !math.IsInf(float64(lp.fire.Threshold[c]), 1) && p.net.Layers[i].Neuron.Reset == snn.ResetSubtract {
			lp.top[c] = limit - lp.fire.Threshold[c]
		}
	}
}

// saturate brings potentials of layer i back that have gone too far, and counts them. It need
// not look for as many timesteps as those that were furthest take to go there.
func (e *Engine) saturate(i int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if l.top == nil {
		return
	}
	if s.far > 0 {
		s.far--
		return
	}
	n, lowest, gap := uint64(0), float32(0), float32(math.Inf(1))
	for v := s.v; len(v) > 0; v = v[l.n:] {
		for c, top := range l.top {
			x := v[c]
			if x > top {
				v[c], x = top, top
				n++
			} else if x < l.least {
				v[c], x = l.least, l.least
				n++
			}
			lowest, gap = min(lowest, x), min(gap, top-x)
		}
	}
	e.record.Saturated[i] += n
	s.far = int(min(gap, lowest-l.least) / e.fastest(i))
}

// fastest returns the largest magnitude of a current into layer i from now on.
func (e *Engine) fastest(i int) float32 {
	l, s := &e.plan.layers[i], &e.layers[i]
	constant := s.constant
	switch {
	case s.forced != nil:
		constant = s.forced
	case len(l.synapses) > 0 || !e.enters.constant:
		return l.fastest
	}
	most := float32(1)
	for _, x := range constant {
		most = max(most, x, -x)
	}
	return most
}
