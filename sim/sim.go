// Package sim runs spiking networks. [Compile] turns an snn.Network into a Plan;
// an Engine made from it presents images, one at a time, for T timesteps.
//
// There are two engines with one interface, and they agree spike for spike: the
// event-driven one, whose cost follows the spikes, and the slow, obvious
// reference of sim/internal/reference, which clocks every neuron. Results do not
// depend on the block size, on which worker runs which image, or on the machine:
// every sum has the order that package snn defines.
//
// This package knows no file format, no data set and no trained network.
package sim

import (
	"fmt"

	"sresnet/snn"
)

// MaxTimesteps bounds Options.Timesteps, so that a typing error does not
// allocate all memory, and lets spike counts have 16 bits.
const MaxTimesteps = 1<<16 - 1

// Options adjusts a simulation.
type Options struct {
	// Timesteps is T, the length of one presentation, at least 1; in a phased network that
	// of each window.
	Timesteps int

	// Block is how many timesteps run through one layer before the next layer
	// runs; it changes speed and memory, never a result. Defaults to 16, or less
	// where workers share an image and T is short. A phased network has blocks of T.
	Block int

	// Marks are timesteps, ascending and from 1 to T, after which Engine.Potentials
	// is called for every layer: 32 is after the 32nd. In a phased network only T is one.
	Marks []int

	// Traced are layers, ascending, that Engine.Trace sees at every timestep. They
	// are computed step by step and synapse by synapse, so that their state at each
	// timestep exists: slower, with the same spikes. Gates cannot be traced.
	Traced []int

	// Workers is how many goroutines share one image: while one advances a layer,
	// others advance later layers through earlier timesteps. It changes speed and
	// memory, never a result. Images side by side, each with an engine of its own,
	// make better use of cores. Defaults to 1.
	Workers int

	// Layers runs only that many layers from the input on; 0 means all. The
	// record then has no output: Classes is 0.
	Layers int

	// Seed of the random streams of the Poisson encoding, together with the
	// index of the image.
	Seed uint64

	// Reference chooses the clocked reference engine.
	Reference bool
}

func (o Options) withDefaults(net *snn.Network) (Options, error) {
	if o.Timesteps < 1 || o.Timesteps > MaxTimesteps {
		return o, fmt.Errorf("sim: %d timesteps: T must be between 1 and %d", o.Timesteps, MaxTimesteps)
	}
	if o.Workers < 0 {
		return o, fmt.Errorf("sim: %d workers per image", o.Workers)
	}
	o.Workers = max(o.Workers, 1)
	if o.Block == 0 {
		o.Block = 16
		if o.Workers > 1 { // Enough blocks for all to be at work.
			o.Block = max(min(o.Block, o.Timesteps/(4*o.Workers)), 1)
		}
	}
	if o.Block < 1 {
		return o, fmt.Errorf("sim: block of %d timesteps must be at least 1", o.Block)
	}
	o.Block = min(o.Block, o.Timesteps)
	if net.Schedule == snn.Phased {
		o.Block = o.Timesteps
	}
	for i, t := range o.Marks {
		if t < 1 || t > o.Timesteps || i > 0 && t <= o.Marks[i-1] {
			return o, fmt.Errorf("sim: marks %v are not ascending timesteps from 1 to T = %d", o.Marks, o.Timesteps)
		}
	}
	for k, i := range o.Traced {
		if i < 0 || i >= len(net.Layers) || k > 0 && i <= o.Traced[k-1] {
			return o, fmt.Errorf("sim: traced %v are not ascending indexes of layers, of which there are %d", o.Traced, len(net.Layers))
		}
		if net.Layers[i].IsGate() {
			return o, fmt.Errorf("sim: layer %q is a max-pool gate, which has no potentials and currents to trace", net.Layers[i].Name)
		}
	}
	if o.Layers < 0 || o.Layers > len(net.Layers) {
		return o, fmt.Errorf("sim: %d layers of a network of %d", o.Layers, len(net.Layers))
	}
	if o.Layers == 0 {
		o.Layers = len(net.Layers)
	}
	return o, o.checkWindow(net)
}

// Spikes hands the spikes of one layer at one timestep to a probe. Bit c%64 of
// word (row*W + column)*Words + c/64 is the neuron of channel c.
type Spikes struct {
	Layer int // Index in snn.Network.Layers.
	Step  int // From 0, in the layer's own window; see Record.
	Words int // 64-bit words per position: channels / 64, rounded up.
	Bits  []uint64
}

// Probe sees every layer's spikes at every timestep. Steps of one layer come in
// order, but a layer may be some steps ahead of the next one. Calls do not overlap.
// It must not keep Bits. What it writes to them the layers behind take, except in the
// reference engine; the layer itself goes on as if it had fired its own.
type Probe func(Spikes)

// Potentials hands the membrane potentials of one layer after a number of timesteps
// to the caller that asked for them, CHW. Where neurons keep all the charge that
// spikes have not taken, what has come into them follows from V. I is nil there; of
// other models it is the current summed over the timesteps so far.
type Potentials struct {
	Layer int // Index in snn.Network.Layers; never a gate's, which has none.
	Steps int
	V, I  []float32
}

// Trace hands what the neurons of one layer did at one timestep to the caller that
// asked for it. I is the current into each of them, V the potential after the step, a
// spike's reset included; both are CHW. Of a phased network there are the T timesteps in
// which the layer integrates and the T of its window; before, its potentials are those at
// the start, and afterwards they stay as they are.
type Trace struct {
	Layer int // Index in snn.Network.Layers.
	Step  int // From 0; of the network, not of the layer's window.
	I, V  []float32
}
