package sim

import (
	"math"

	"sresnet/internal/kernel"
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
	n, room := clip(s.v, l.n, l.least, l.top)
	e.record.Saturated[i] += n
	s.far = int(room / e.fastest(i))
}

// clip brings potentials back to least and to top, the first of every n of them. It returns how
// many that were, and how far from both the furthest is now.
func clip[V int32 | float32](v []V, n int, least V, top []V) (clipped uint64, room V) {
	lowest, gap := V(0), V(math.MaxInt32)
	for ; len(v) >= len(top); v = v[min(n, len(v)):] {
		for c, top := range top {
			x := v[c]
			if x > top {
				v[c], x = top, top
				clipped++
			} else if x < least {
				v[c], x = least, least
				clipped++
			}
			lowest, gap = min(lowest, x), min(gap, top-x)
		}
	}
	return clipped, min(gap, lowest-least)
}

// fastest returns the largest magnitude of a current into layer i from now on.
func (e *Engine) fastest(i int) float32 {
	l, s := &e.plan.layers[i], &e.layers[i]
	constant := s.constant
	switch {
	case s.given != nil:
		return float32(math.Inf(1)) // Rates may be above one.
	case len(l.synapses) > 0 || !e.enters.constant:
		return l.fastest
	}
	most := float32(1)
	for _, x := range constant {
		most = max(most, x, -x)
	}
	return most
}

// saturateTile is saturate for tile j of layer i, which is swept in whole numbers.
func (e *Engine) saturateTile(i, j int, t *kernel.SweepWholeLayer) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if l.top == nil {
		return
	}
	if s.counts.far[j] > 0 {
		s.counts.far[j]--
		return
	}
	n, room := clip(s.counts.v[t.First:], t.Pitch, int32(l.least), l.sweepWhole.top[t.First:][:t.N])
	e.record.Saturated[i] += n
	if s.given == nil { // Else rates may be above one.
		s.counts.far[j] = int(float32(room) / l.fastest)
	}
}
