package reference

import "sresnet/snn"

// fire advances the neurons by one timestep; see [snn.Model].
func (p *population) fire() {
	for j := range p.state {
		i := p.i[j]
		if p.limit > 0 && !p.forgets(p.channel(j), p.v[j]+i) {
			i = p.saturated(p.v[j]+i) - p.v[j]
		}
		p.state[j], p.z[j] = p.layer.Neuron.Step(p.channel(j), p.state[j], i)
		p.v[j] = p.state[j].V
	}
}

// forgets reports whether a neuron of channel c at potential v fires and is reset to zero, so
// that it makes no difference where potentials saturate.
func (p *population) forgets(c int, v float32) bool {
	return p.layer.Neuron.Reset == snn.ResetZero && v >= p.layer.Neuron.ThresholdOf(c)
}

// integrate adds the current of one timestep; see [snn.Phased].
func (p *population) integrate() {
	for j := range p.v {
		p.v[j] = p.saturated(p.v[j] + p.i[j])
	}
}

// saturated returns a potential of an integer network as it is kept, and counts those that
// are not as they were.
func (p *population) saturated(v float32) float32 {
	if p.limit == 0 || v >= -p.limit && v <= p.limit {
		return v
	}
	p.beyond++
	return min(max(v, -p.limit), p.limit)
}

// takeOver adds what sources have left, when the window opens; see [snn.Phased].
func (r *run) takeOver(i int) {
	p := r.state[i]
	for _, syn := range p.layer.Synapses {
		if k, ok := syn.Connection.(*snn.Shortcut); ok && k.Remainder {
			src := r.state[syn.From]
			for j := range p.v {
				p.v[j] += r.net.Remainder(k, syn.From, p.channel(j))(src.v[j], src.layer.StartOf(j))
			}
		}
	}
	if p.layer.TakesOver() {
		for j := range p.v {
			p.v[j] = p.saturated(p.v[j])
		}
	}
	if r.remains[i] {
		for j := range p.v {
			p.v[j] = max(p.v[j], p.layer.StartOf(j))
		}
	}
}

// open advances the neurons by step k of their window of T; see [snn.Phased] and
// [snn.FirstSpike].
func (p *population) open(c snn.Coding, k, T int) {
	for j := range p.v {
		worth := float32(1)
		if c == snn.FirstSpike {
			worth = float32(T - k)
		}
		charge := float32(worth * p.layer.Neuron.ThresholdOf(p.channel(j)))
		p.z[j] = p.v[j] >= charge && !p.fired[j]
		if p.z[j] {
			p.v[j] -= charge
			p.fired[j] = c == snn.FirstSpike
		}
	}
}
