package sim

import (
	"fmt"
	"math/bits"
	"slices"

	"sresnet/internal/kernel"
	"sresnet/tensor"
)

// Train is the spikes of one layer in its window, as the engine has them: valid until the
// engine runs again.
type Train struct {
	grid  grid
	masks [][]uint64
}

// Pack returns the spikes as one slice that [Engine.RunLayer] takes: step after step the
// mask of every position.
func (s Train) Pack() []uint64 { return slices.Concat(s.masks...) }

// Counts returns the spikes of every neuron, channels last.
func (s Train) Counts() []uint16 {
	padded := make([]uint16, s.grid.positions()*s.grid.n)
	for _, mask := range s.masks {
		kernel.Count(padded, mask, s.grid.words, s.grid.n)
	}
	if s.grid.n == s.grid.c {
		return padded
	}
	n := make([]uint16, 0, s.grid.positions()*s.grid.c)
	for p := range s.grid.positions() {
		n = append(n, padded[p*s.grid.n:][:s.grid.c]...)
	}
	return n
}

// Channels adds the number of spikes of each channel to sums.
func (s Train) Channels(sums []uint64) {
	for _, mask := range s.masks {
		for j, b := range mask {
			first := j % s.grid.words * 64
			for ; b != 0; b &= b - 1 {
				sums[first+bits.TrailingZeros64(b)]++
			}
		}
	}
}

// RunLayer runs layer i of a synchronous network alone. spikes returns what [Train.Pack]
// made of those of a source, and image, CHW, is read if the layer takes it. The options'
// Block must be T. It returns the layer's spikes; the record is not to be used.
func (e *Engine) RunLayer(i int, image []float32, index int, spikes func(layer int) []uint64) (Train, error) {
	p, T := e.plan, e.plan.opt.Timesteps
	if i < 0 || i >= len(e.layers) || p.opt.Block != T || len(p.blocks) != 1 || p.opt.Workers > 1 {
		return Train{}, fmt.Errorf("sim: layer %d cannot run alone: it takes one block of all timesteps", i)
	}
	for _, syn := range p.net.Layers[i].Synapses {
		if syn.From < 0 {
			if err := e.enterAlone(i, image, index); err != nil {
				return Train{}, err
			}
			continue
		}
		g, packed := p.layers[syn.From].grid, spikes(syn.From)
		size := g.positions() * g.words
		if len(packed) != T*size {
			return Train{}, fmt.Errorf("sim: layer %d has %d words of spikes for %d timesteps of %d", syn.From, len(packed), T, size)
		}
		for t := range T {
			mask := packed[t*size:][:size]
			e.layers[syn.From].mask[t] = mask
			e.record.Spikes[syn.From][t] = uint32(kernel.OnesCount(mask))
		}
	}
	if e.enters == nil { // Of a layer that does not see it.
		e.enters = &encoder{constant: true}
	}
	e.resetLayer(i)
	e.advance(&e.workers[0], i, p.blocks[0])
	return Train{p.layers[i].grid, e.layers[i].mask[:T]}, nil
}

// enterAlone presents an image to layer i.
func (e *Engine) enterAlone(i int, image []float32, index int) error {
	in := &e.plan.net.Input
	if want := in.Shape.Len(); len(image) != want {
		return fmt.Errorf("sim: image %d has %d elements, the network takes %d", index, len(image), want)
	}
	if err := tensor.CheckFinite(image); err != nil {
		return fmt.Errorf("sim: image %d: %w", index, err)
	}
	e.enters = newEncoder(in, image, e.plan.opt.Seed, index)
	if !e.enters.constant {
		e.roomForSteps()
		e.encode(e.enters, e.plan.blocks[0])
		return nil
	}
	tensor.ChannelsLast(e.image[0], e.enters.next(), in.Shape[0])
	e.present(&e.workers[0], i, 0, 0)
	return nil
}
