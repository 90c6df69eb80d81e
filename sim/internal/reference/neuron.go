package reference

// fire advances the neurons by one timestep; see [snn.Model].
func (p *population) fire() {
	for j := range p.state {
		p.state[j], p.z[j] = p.layer.Neuron.Step(p.channel(j), p.state[j], p.i[j])
		p.v[j] = p.state[j].V
	}
}
