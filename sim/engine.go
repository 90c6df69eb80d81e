package sim

import (
	"context"
	"fmt"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// Engine presents images to a network, one after the other. It belongs to one
// goroutine; make one for each worker. Everything it needs is allocated once.
type Engine struct {
	// Probe, if not nil, sees the spikes of every layer at every timestep.
	Probe Probe

	plan   *Plan
	record *Record
	layers []population

	// Of the input, for one block of timesteps.
	image  [][]float32 // Channels last.
	spikes spikes      // Of the layer and timestep being read.

	// Of the analog input layers.
	scratch []float32
	sum     []float32
}

// population is the state of one layer.
type population struct {
	mask     [][]uint64 // Spikes, per timestep of the block.
	v        []float32  // Potentials, channels last and padded.
	current  []float32  // Current of one timestep, zero between timesteps; see buffer.
	constant []float32  // Constant current per neuron, or per channel if there is only a bias.
	n, m     []uint32   // Spike counts of a gate's source and outputs.
}

// NewEngine returns an engine for p.
func (p *Plan) NewEngine() *Engine {
	out := p.net.Output()
	classes := out.Neurons()
	if p.opt.Layers < len(p.net.Layers) {
		classes = 0
	}
	e := &Engine{plan: p, record: newRecord(p.opt.Timesteps, classes, p.opt.Layers)}
	if p.opt.Reference {
		return e
	}
	block := p.opt.Block
	in := newGrid(p.net.Input.Shape)
	e.image = make([][]float32, block)
	for t := range e.image {
		if t == 0 || p.net.Input.Encoding != snn.Direct {
			e.image[t] = make([]float32, in.positions()*in.c)
		}
	}
	e.layers = make([]population, len(p.layers))
	bits, positions, scratch, sum := 0, 0, 0, 0
	for i := range p.layers {
		l, s := &p.layers[i], &e.layers[i]
		s.mask = make([][]uint64, block)
		for t := range s.mask {
			s.mask[t] = make([]uint64, l.positions()*l.words)
		}
		bits, positions = max(bits, l.positions()*l.n), max(positions, l.positions())
		if l.gate != nil {
			s.n = make([]uint32, l.gate.in.positions()*l.gate.in.c)
			s.m = make([]uint32, l.positions()*l.c)
			continue
		}
		s.v = make([]float32, l.positions()*l.n)
		s.current = make([]float32, l.current.size)
		s.constant = l.bias
		if len(l.analog) > 0 {
			s.constant = make([]float32, len(s.v))
			sum = max(sum, l.positions()*l.c)
		}
		for _, a := range l.analog {
			scratch = max(scratch, a.conv.ScratchLen())
		}
	}
	e.spikes.eventRoom = make([]uint32, bits+kernel.Lanes)
	e.spikes.startRoom = make([]int32, positions+1)
	e.scratch, e.sum = make([]float32, scratch), make([]float32, sum)
	return e
}

// Run presents an image, CHW and normalised, for T timesteps. index names it in
// the data set: with the plan's seed it determines the random stream of the
// Poisson encoding. The record is the engine's own and valid until the next Run.
// A canceled context ends the run with its error within a block of timesteps.
func (e *Engine) Run(ctx context.Context, image []float32, index int) (*Record, error) {
	p := e.plan
	if want := p.net.Input.Shape.Len(); len(image) != want {
		return nil, fmt.Errorf("sim: image %d has %d elements, the network takes %v", index, len(image), p.net.Input.Shape)
	}
	if err := tensor.CheckFinite(image); err != nil {
		return nil, fmt.Errorf("sim: image %d: %w", index, err)
	}
	enc := newEncoder(&p.net.Input, image, p.opt.Seed, index)
	e.record.MACs = 0
	if p.opt.Reference {
		return e.record, e.runReference(ctx, enc)
	}
	e.reset()
	for t0 := 0; t0 < p.opt.Timesteps; t0 += p.opt.Block {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(p.opt.Block, p.opt.Timesteps-t0)
		e.encode(enc, t0, n)
		for i := range e.layers {
			for t := range n {
				e.step(i, t0, t)
			}
		}
	}
	return e.record, nil
}

// reset brings every layer to its state before the first timestep.
func (e *Engine) reset() {
	for i := range e.layers {
		l, s := &e.plan.layers[i], &e.layers[i]
		clear(s.n)
		clear(s.m)
		clear(s.current) // The halo, too, before it grows without bound.
		for p := 0; p < len(s.v); p += l.n {
			copy(s.v[p:], l.vInit)
		}
	}
}

// encode fills the images of a block of n timesteps from t0 on.
func (e *Engine) encode(enc *encoder, t0, n int) {
	channels := e.plan.net.Input.Shape[0]
	if e.plan.net.Input.Encoding == snn.Direct {
		if t0 == 0 {
			channelsLast(e.image[0], enc.next(), channels)
			for i := range e.layers {
				e.present(i, 0, 0)
			}
		}
		return
	}
	for t := range n {
		channelsLast(e.image[t], enc.next(), channels)
	}
}

// present computes the constant current of layer i from the image of block step
// t, and counts what that took.
func (e *Engine) present(i, t0, t int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if len(l.analog) == 0 {
		return
	}
	sum := e.sum[:l.positions()*l.c]
	clear(sum)
	var products uint64
	for _, a := range l.analog {
		a.conv.Run(sum, e.image[t], e.scratch)
		products += a.products(e.image[t])
	}
	if e.plan.net.Input.Encoding == snn.Direct {
		e.record.MACs += products
	} else {
		e.record.ACs[i][t0+t] = products
	}
	for p := range l.positions() {
		dst := s.constant[p*l.n:][:l.c]
		for c, x := range sum[p*l.c:][:l.c] {
			dst[c] = x + l.bias[c]
		}
	}
}

// step advances layer i by block step t.
func (e *Engine) step(i, t0, t int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	e.record.ACs[i][t0+t] = 0
	if l.gate != nil {
		l.gate.step(s.mask[t], e.spikesOf(l.gate.from, t0, t), s.n, s.m)
		e.record.Spikes[i][t0+t] = uint32(kernel.OnesCount(s.mask[t]))
	} else {
		if e.plan.net.Input.Encoding != snn.Direct {
			e.present(i, t0, t)
		}
		for _, syn := range l.synapses {
			e.record.ACs[i][t0+t] += syn.add(s.current, e.spikesOf(syn.from, t0, t))
		}
		if e.record.Classes > 0 && i == len(e.layers)-1 {
			e.accumulate(l, s, t0+t)
		}
		e.record.Spikes[i][t0+t] = uint32(e.fire(l, s, t))
		if e.record.Classes > 0 && i == len(e.layers)-1 {
			e.readOut(s, t0+t, t)
		}
	}
	if e.Probe != nil {
		e.Probe(Spikes{Layer: i, Step: t0 + t, Words: l.words, Bits: s.mask[t]})
	}
}

// spikesOf returns what layer i emitted at block step t. The next call overwrites
// it.
func (e *Engine) spikesOf(i, t0, t int) *spikes {
	z := &e.spikes
	z.grid, z.mask, z.n = e.plan.layers[i].grid, e.layers[i].mask[t], int(e.record.Spikes[i][t0+t])
	z.listed = false
	return z
}

// fire turns the current of a layer into spikes and returns their number.
func (e *Engine) fire(l *layerPlan, s *population, t int) (n int) {
	row := l.w * l.n
	for r := range l.h {
		constant := s.constant
		if len(l.analog) > 0 {
			constant = constant[r*row:][:row]
		}
		n += kernel.Fire(s.mask[t][r*l.w*l.words:][:l.w*l.words], s.v[r*row:][:row],
			s.current[l.current.at(l.grid, r, 0):][:row], constant, &l.fire)
	}
	return n
}

// accumulate adds the current of the output layer to the record's sum, before the
// neurons consume it.
func (e *Engine) accumulate(l *layerPlan, s *population, step int) {
	k := e.record.Classes
	dst := e.record.Current[step*k:][:k]
	for c := range dst {
		var before float32
		if step > 0 {
			before = e.record.Current[(step-1)*k+c]
		}
		dst[c] = before + (s.current[l.current.first+c] + s.constant[c])
	}
}

// readOut records the output layer after a timestep.
func (e *Engine) readOut(s *population, step, t int) {
	k := e.record.Classes
	copy(e.record.Potential[step*k:][:k], s.v)
	for c := range k {
		n := uint32(s.mask[t][c/64] >> (c % 64) & 1)
		if step > 0 {
			n += e.record.Counts[(step-1)*k+c]
		}
		e.record.Counts[step*k+c] = n
	}
}
