// Package reference is the slow, obvious simulator that the fast engine must
// equal, spike for spike: at every timestep it visits every neuron and every
// synapse, in the order that package snn defines. Its loops are the equations.
//
// Activations are CHW, one value per neuron; nothing is packed, skipped or reused.
package reference

import (
	"context"
	"fmt"
	"slices"

	"sresnet/snn"
)

// Step is what one layer did at one timestep. Its slices are reused.
type Step struct {
	Layer, Step int       // The step of the layer's window, from 0.
	Clock       int       // The timestep of the network; that of the layer in a synchronous one.
	Integrates  bool      // Input and Operations are those of this step; else there are none.
	Fires       bool      // Spikes are those of this step; else there are none.
	Spikes      []bool    // CHW
	Input       []float32 // CHW, the current of this step; of a gate all zero.
	Potential   []float32 // CHW, after the step; of a gate all zero.
	Current     []float32 // CHW, summed over all steps so far, from zero.
	Saturated   uint64    // Potentials that would have left their bits.
	Operations  []uint64  // Per synapse: additions of spikes, or products of the image with weights, zeros of the image not counted.
}

// Run presents the input for T timesteps to the first layers of net and calls visit for
// every layer at every timestep of the network at which it integrates or fires, in the
// order of time and then of the layers.
// input returns the image as the encoder presents it at step t, CHW. If ctx ends, Run
// returns its error within an output channel of a layer.
func Run(ctx context.Context, net *snn.Network, layers, T int, input func(t int) []float32, visit func(Step) error) error {
	r := newRun(ctx, net, layers, T)
	for clock := range r.latency {
		if clock < T {
			r.images = append(r.images, slices.Clone(input(clock)))
			if net.Schedule == snn.Synchronous && clock > 0 {
				r.images[clock-1] = nil
			}
		}
		for i, p := range r.state {
			s := r.step(i, clock)
			if err := ctx.Err(); err != nil {
				return err // The layer may be half done.
			}
			if !s.Integrates && !s.Fires {
				continue
			}
			s.Spikes, s.Input, s.Potential, s.Current, s.Operations = p.z, p.i, p.v, p.sum, p.operations
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// run is the state of a network.
type run struct {
	net     *snn.Network
	T       int
	phases  []int
	remains []bool // Layers whose remainders are taken over.
	latency int
	images  [][]float32 // As presented at each timestep.
	state   []*population
}

func newRun(ctx context.Context, net *snn.Network, layers, T int) *run {
	r := &run{net: net, T: T, phases: net.Phases(), remains: net.Remains(), state: make([]*population, layers)}
	for i := range r.state {
		r.state[i] = newPopulation(&net.Layers[i])
		r.state[i].ctx = ctx
		if net.Integer() {
			r.state[i].limit = net.Saturates()
		}
		r.latency = max(r.latency, (r.phases[i]+1)*T)
	}
	return r
}

// step advances layer i by a timestep of the network.
func (r *run) step(i, clock int) Step {
	p, d := r.state[i], r.phases[i]
	p.beyond = 0
	s := Step{Layer: i, Clock: clock, Step: clock % r.T}
	opens := clock/r.T == d
	if opens { // Synapses that delay ask for spikes long after.
		p.z = make([]bool, len(p.v))
		p.past = append(p.past, p.z)
		if r.net.Schedule == snn.Synchronous && s.Step > 0 {
			p.past[s.Step-1] = nil
		}
	}
	switch {
	case p.layer.IsGate():
		if s.Fires = opens; opens {
			syn := p.layer.Synapses[0]
			gate(p, syn.Connection.(*snn.MaxPool), r.state[syn.From])
		}
	case r.net.Schedule == snn.Synchronous:
		s.Integrates, s.Fires = true, true
		r.currents(i, clock)
		p.fire()
	default:
		if s.Integrates = clock/r.T == d-1; s.Integrates {
			r.currents(i, clock)
			p.integrate()
		}
		if s.Fires = opens; opens {
			if s.Step == 0 {
				r.takeOver(i)
			}
			p.open(r.net.Coding, s.Step, r.T)
		}
	}
	s.Saturated = p.beyond
	return s
}

// population is the state of one layer.
type population struct {
	ctx   context.Context // Of the run.
	layer *snn.Layer
	z     []bool      // Spikes of this timestep.
	past  [][]bool    // Of all steps of the window so far.
	state []snn.State // Of the neurons, in a synchronous network.
	fired []bool      // Those that will not fire again.
	v     []float32   // Potentials.
	i     []float32   // Current of this timestep.
	sum   []float32   // Current summed over the timesteps.

	operations []uint64 // Per synapse, of this timestep.

	limit  float32 // At which potentials saturate; 0 for none.
	beyond uint64  // How many did, of this timestep.

	// Of a gate.
	n []int // Spikes of each source neuron so far.
	m []int // Spikes of each output so far.
}

func newPopulation(l *snn.Layer) *population {
	n := l.Shape.Len()
	p := &population{layer: l, v: make([]float32, n), i: make([]float32, n), sum: make([]float32, n), m: make([]int, n), fired: make([]bool, n), operations: make([]uint64, len(l.Synapses))}
	if !l.IsGate() {
		p.state = make([]snn.State, n)
		for j := range p.state {
			p.v[j] = l.StartOf(j)
			p.state[j].V = p.v[j]
		}
	}
	return p
}

func (p *population) channel(j int) int { return j / (p.layer.Shape[1] * p.layer.Shape[2]) }

// arrivals are the spikes that a synapse brings at one timestep.
type arrivals struct {
	layer *snn.Layer // Their source.
	z     []bool     // Whose weights are in the current: of rate coding those that arrive, else all that have arrived.
	fresh []bool     // That arrive now, each of which is an addition for every weight.
}

// arriving returns what synapse j of layer i brings at a timestep: what its source
// emitted as many timesteps before as it delays.
func (r *run) arriving(i, j, clock int) arrivals {
	from := r.net.Layers[i].Synapses[j].From
	src := r.state[from]
	k := clock - r.net.Delay(i, j, r.T) - r.phases[from]*r.T // The step of the source's window.
	a := arrivals{layer: src.layer, z: src.past[k], fresh: src.past[k]}
	if r.net.Coding == snn.FirstSpike {
		a.z = make([]bool, len(a.fresh))
		for _, z := range src.past[:k+1] {
			for n := range z {
				a.z[n] = a.z[n] || z[n]
			}
		}
	}
	return a
}

// currents fills the current of layer i at one timestep: first the spikes, synapse
// by synapse; then, summed apart because it may be constant, the image and the
// bias.
func (r *run) currents(i, clock int) {
	p := r.state[i]
	clear(p.i)
	constant := make([]float32, len(p.i))
	for s, syn := range p.layer.Synapses {
		if syn.From == snn.FromInput {
			image := r.images[clock-r.net.Delay(i, s, r.T)]
			p.operations[s] = analog(p.ctx, constant, syn.Connection, image, r.net.Input.Shape, p.layer.Shape)
			continue
		}
		src := r.arriving(i, s, clock)
		switch k := syn.Connection.(type) {
		case *snn.Conv:
			p.operations[s] = conv(p, k, src)
		case *snn.Dense:
			p.operations[s] = dense(p, k, src)
		case *snn.Shortcut:
			p.operations[s] = shortcut(p, k, src)
		case *snn.AveragePool:
			p.operations[s] = averagePool(p, k, src)
		default:
			panic(fmt.Sprintf("reference: connection %T", k))
		}
	}
	for j := range p.i {
		k := constant[j]
		if p.layer.Bias != nil {
			k += p.layer.Bias[p.channel(j)]
		}
		p.i[j] += k
		p.sum[j] += p.i[j]
	}
}
