// Package reference is the slow, obvious simulator that the fast engine must
// equal, spike for spike: at every timestep it visits every neuron and every
// synapse, in the order that package snn defines. Its loops are the equations.
//
// Activations are CHW, one value per neuron; nothing is packed, skipped or reused.
package reference

import (
	"context"
	"fmt"

	"sresnet/snn"
)

// Step is what one layer did at one timestep. Its slices are reused.
type Step struct {
	Layer, Step int
	Spikes      []bool    // CHW
	Input       []float32 // CHW, the current of this step; of a gate all zero.
	Potential   []float32 // CHW, after the step; of a gate all zero.
	Current     []float32 // CHW, summed over all steps so far, from zero.
	Operations  []uint64  // Per synapse: additions of spikes, or products of the image with weights, zeros of the image not counted.
}

// Run presents the input for the given number of timesteps to the first layers
// of net and calls visit for every layer at every timestep, in that order.
// input returns the image as the encoder presents it at step t, CHW. If ctx ends, Run
// returns its error within an output channel of a layer.
func Run(ctx context.Context, net *snn.Network, layers, timesteps int, input func(t int) []float32, visit func(Step) error) error {
	state := make([]*population, layers)
	for i := range state {
		state[i] = newPopulation(&net.Layers[i])
		state[i].ctx = ctx
	}
	for t := range timesteps {
		image := input(t)
		for i, p := range state {
			s := Step{Layer: i, Step: t}
			if p.layer.IsGate() {
				syn := p.layer.Synapses[0]
				gate(p, syn.Connection.(*snn.MaxPool), state[syn.From])
			} else {
				p.currents(net, state, image)
				p.fire()
			}
			if err := ctx.Err(); err != nil {
				return err // The layer may be half done.
			}
			s.Spikes, s.Input, s.Potential, s.Current, s.Operations = p.z, p.i, p.v, p.sum, p.operations
			if err := visit(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// population is the state of one layer.
type population struct {
	ctx   context.Context // Of the run.
	layer *snn.Layer
	z     []bool      // Spikes of this timestep.
	state []snn.State // Of the neurons.
	v     []float32   // Their potentials.
	i     []float32   // Current of this timestep.
	sum   []float32   // Current summed over the timesteps.

	operations []uint64 // Per synapse, of this timestep.

	// Of a gate.
	n []int // Spikes of each source neuron so far.
	m []int // Spikes of each output so far.
}

func newPopulation(l *snn.Layer) *population {
	n := l.Shape.Len()
	p := &population{layer: l, z: make([]bool, n), v: make([]float32, n), i: make([]float32, n), sum: make([]float32, n), m: make([]int, n), operations: make([]uint64, len(l.Synapses))}
	if !l.IsGate() {
		p.state = make([]snn.State, n)
		for j := range p.state {
			p.state[j] = l.Neuron.Start(p.channel(j))
		}
	}
	return p
}

func (p *population) channel(j int) int { return j / (p.layer.Shape[1] * p.layer.Shape[2]) }

// currents fills p.i with the current of one timestep: first the spikes, synapse
// by synapse; then, summed apart because it may be constant, the image and the
// bias.
func (p *population) currents(net *snn.Network, state []*population, image []float32) {
	clear(p.i)
	constant := make([]float32, len(p.i))
	for s, syn := range p.layer.Synapses {
		if syn.From == snn.FromInput {
			p.operations[s] = analog(p.ctx, constant, syn.Connection, image, net.Input.Shape, p.layer.Shape)
			continue
		}
		src := state[syn.From]
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
