package reference

import "sresnet/snn"

// integrateAndFire advances the neurons by one timestep; see [snn.IF].
func (p *population) integrateAndFire() {
	neuron := &p.layer.Neuron
	for j := range p.v {
		th := neuron.ThresholdOf(p.channel(j))
		p.v[j] += p.i[j]
		p.z[j] = p.v[j] >= th
		if p.z[j] {
			if neuron.Reset == snn.ResetSubtract {
				p.v[j] -= th
			} else {
				p.v[j] = 0
			}
		}
	}
}
