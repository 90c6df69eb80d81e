package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sresnet/sim/internal/reference"
	"sresnet/snn"
)

// runReference is Run on the clocked reference engine.
func (e *Engine) runReference(ctx context.Context, enc *encoder) error {
	ended := errors.New("sim: the run has ended")
	p, rec := e.plan, e.record
	defer rec.sum(enc)
	masks := make([][]uint64, p.opt.Layers)
	for i := range masks {
		g := newGrid(p.net.Layers[i].Shape)
		masks[i] = make([]uint64, g.positions()*g.words)
	}
	input := func(int) []float32 { return enc.next() }
	err := reference.Run(ctx, p.net, p.opt.Layers, p.opt.Timesteps, input, func(s reference.Step) error {
		if s.Integrates || p.net.Layers[s.Layer].IsGate() {
			rec.ACs[s.Layer][s.Step] = 0
			e.countReference(s, enc)
		}
		rec.Saturated[s.Layer] += s.Saturated
		g, mask := newGrid(p.net.Layers[s.Layer].Shape), masks[s.Layer]
		if s.Fires {
			rec.Spikes[s.Layer][s.Step] = setMask(g, mask, s.Spikes)
		}
		if k := rec.Classes; k > 0 && s.Layer == p.opt.Layers-1 {
			if s.Integrates {
				p.inThresholds(rec.Current[s.Step*k:][:k], s.Current)
			}
			if s.Fires {
				p.inThresholds(rec.Potential[s.Step*k:][:k], s.Potential)
				e.countOutput(mask, s.Step)
			}
		}
		if _, marked := slices.BinarySearch(p.opt.Marks, s.Step+1); marked && s.Fires && e.Potentials != nil && !p.net.Layers[s.Layer].IsGate() {
			m := Potentials{Layer: s.Layer, Steps: s.Step + 1, V: s.Potential}
			if a, ok := p.net.Layers[s.Layer].Neuron.Decay(); !ok || a != 1 {
				m.I = s.Current
			}
			e.Potentials(m)
		}
		if _, traced := slices.BinarySearch(p.opt.Traced, s.Layer); traced && e.Trace != nil {
			if !s.Integrates {
				clear(s.Input)
			}
			e.Trace(Trace{Layer: s.Layer, Step: s.Clock, I: s.Input, V: s.Potential})
		}
		if e.Probe != nil && s.Fires {
			e.Probe(Spikes{Layer: s.Layer, Step: s.Step, Words: g.words, Bits: mask})
		}
		if s.Layer == p.opt.Layers-1 && e.stops(s.Step, 1) {
			return ended
		}
		return nil
	})
	if errors.Is(err, ended) {
		return nil
	}
	return err
}

// countReference counts the operations of one step of the reference engine.
func (e *Engine) countReference(s reference.Step, enc *encoder) {
	l := &e.plan.net.Layers[s.Layer]
	for j, n := range s.Operations {
		switch image := l.Synapses[j].From == snn.FromInput; {
		case !image || enc.spikes:
			e.record.add(s.Layer, j, s.Step, n)
		case s.Step == 0 || !enc.constant:
			e.record.SynapseMACs[s.Layer][j] += n // A constant input is multiplied once.
		}
	}
}

// setMask sets the bits of the spikes z, CHW, and returns their number.
func setMask(g grid, mask []uint64, spikes []bool) (n uint32) {
	clear(mask)
	for j, z := range spikes {
		if z {
			c, position := j/g.positions(), j%g.positions()
			mask[position*g.words+c/64] |= 1 << (c % 64)
			n++
		}
	}
	return n
}

// Rates returns what the spike rate of every neuron tends to as T grows, if no
// neuron saturates: the network with a rectifier in place of its neurons. Per
// layer, CHW. Times Lambda they are the activations of the trained network, up to
// float rounding, which is how a conversion is verified. The last layer is not
// rectified: its values times Lambda are the logits.
//
// most, unless nil, bounds the activations of every layer, as a Clip does in the trained
// network: rates end at it over their lambda; +Inf is no bound. A canceled context ends
// Rates with its error.
func Rates(ctx context.Context, net *snn.Network, image []float32, most []float64) ([][]float64, error) {
	if err := net.Validate(); err != nil {
		return nil, err
	}
	if want := net.Input.Shape.Len(); len(image) != want {
		return nil, fmt.Errorf("sim: image has %d elements, the network takes %v", len(image), net.Input.Shape)
	}
	if most != nil && len(most) != len(net.Layers) {
		return nil, fmt.Errorf("sim: %d bounds of activations for %d layers", len(most), len(net.Layers))
	}
	return reference.Rates(ctx, net, image, most)
}

// Currents returns the mean current into every neuron of a layer, CHW, in float64, from
// the mean spikes per timestep of the layers before it, rates, which are CHW, and the mean
// of the image as it is presented. Of a gate it is what it hands on: the largest under
// each window. A canceled context ends Currents with its error.
func Currents(ctx context.Context, net *snn.Network, layer int, rates [][]float64, image []float64) ([]float64, error) {
	return reference.Currents(ctx, net, layer, rates, image)
}

// Presented returns the mean over T timesteps of what an image shows as a network with that
// input presents it, CHW. The image may be made of frames; seed and index are as in
// [Options] and [Engine.Run].
func Presented(in *snn.Input, image []float32, T int, seed uint64, index int) []float64 {
	enc, mean := newEncoder(in, image, seed, index), make([]float64, in.Shape.Len())
	for range T {
		for i, x := range enc.next() {
			mean[i] += float64(x) / float64(T)
		}
	}
	return mean
}
