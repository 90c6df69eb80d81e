package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
)

// takesCounts reports whether layer i is an output that takes counts of spikes. It
// integrates timestep by timestep, since its currents are recorded, but what arrives at each
// of them follows from the counts of the neurons before it: weights are added once for every
// neuron, not for every spike.
func (p *Plan) takesCounts(i int) bool {
	if !p.isOutput(i) {
		return false
	}
	for _, s := range p.net.Layers[i].Synapses {
		if _, ok := s.Connection.(*snn.Dense); !ok || s.From == snn.FromInput || !p.counts(s.From) {
			return false
		}
	}
	return true
}

// addCounted adds what fully connected synapse k of an output brings at block step t.
func (e *Engine) addCounted(i, k int, b block, t int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	syn, T := &l.synapses[k], e.plan.opt.Timesteps
	d := syn.synapse.(*dense)
	sums := s.counts.sums[k*(T+1)*l.n:][:(T+1)*l.n]
	if t == 0 {
		if e.plan.wide() {
			sumCounted[uint16](e, d, syn.from, sums)
		} else {
			sumCounted[uint8](e, d, syn.from, sums)
		}
	}
	least := t + 1 // Spikes that a neuron has which arrives at this step.
	if e.plan.held() {
		least = T - t
	}
	kernel.Add(s.current[:l.n], s.current[:l.n], sums[least*l.n:][:l.n])
	neurons := uint64(0)
	for _, n := range e.layers[syn.from].counts.tally[least:] {
		neurons += uint64(n)
	}
	e.count(i, syn.index, b.t0+t, neurons*d.outs)
}

// sumCounted sums the weights of neurons of layer from that have n spikes or more, for
// every n: sums are [n][output].
func sumCounted[N kernel.SpikeCount](e *Engine, d *dense, from int, sums []float32) {
	f, width := &e.plan.frames[from], d.shape.N
	clear(sums)
	n := countsOf[N](&e.layers[from].counts)
	for p := range f.positions() {
		w := d.w[p*f.c*width:][:f.c*width]
		for c, x := range n[f.at(p/f.w)+p%f.w*f.n:][:f.c] {
			if x != 0 {
				to := sums[int(x)*width:][:width]
				kernel.Add(to, to, w[c*width:][:width])
			}
		}
	}
	for j := len(sums) - width - 1; j >= width; j-- {
		sums[j] += sums[j+width]
	}
}
