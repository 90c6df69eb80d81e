package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// Engine presents images to a network, one after the other. It belongs to one
// goroutine; make one for each worker. Everything it needs is allocated once.
type Engine struct {
	// Probe, if not nil, sees the spikes of every layer at every timestep.
	Probe Probe

	// Potentials, if not nil, sees the potentials of every layer at every one of
	// Options.Marks. Calls do not overlap; it must not keep V.
	Potentials func(Potentials)

	// Trace, if not nil, sees every layer of Options.Traced at every timestep, those of
	// one layer in order. Calls do not overlap; it must not keep I and V.
	Trace func(Trace)

	// Stop, if not nil, is asked after timesteps of the output layer, counted from 0 and in
	// order, whether the run ends there; see Record.Timesteps. It decides by [Record.At] of
	// that one and of those before. A phased network, which answers once, is not asked.
	Stop func(t int, rec *Record) bool

	plan    *Plan
	record  *Record
	layers  []population
	image   [][]float32 // Channels last, per timestep of the ring; one until others are needed.
	enters  *encoder    // Of the image of this run.
	workers []worker
	spent   []time.Duration // Per layer.
	probing sync.Mutex
	total   []float32 // Current into the output so far.
	omitted []bool    // Layers that are left out; nil for none.
	ended   int       // Timesteps after which Stop ended the run; 0 for none.
	chw     []float32 // Potentials as they are handed out,
	input   []float32 // and currents.
	frames  []float32 // Of the image that Present presents.
	pixels  []uint16  // The image in a frame, where it enters as whole numbers; two's complement.
}

// population is the state of one layer.
type population struct {
	mask     [][]uint64  // Spikes, per timestep of the ring.
	v        []float32   // Potentials, channels last and padded.
	state    []snn.State // The same with what else there is, where neurons are advanced one by one; else nil.
	sum      []float32   // Currents summed over the timesteps, CHW; nil unless they are asked for.
	current  []float32   // Current of one timestep, zero between timesteps; see buffer. Nil where it is summed piece by piece.
	constant []float32   // Constant current per neuron, or per channel if there is only a bias.
	n, m     []uint16    // Spike counts of a gate's source and outputs.

	replaced []float64            // Rates, CHW, that layers behind it get in place of spikes; nil for none.
	replayed [][]uint64           // Masks of its spikes at every timestep, in place of its own; nil for none.
	given    []float32            // Current that replaced layers bring at every timestep, channels last and padded; nil for none.
	products map[int]*kernel.Conv // Of synapses that bring it, by their index.
	givenRow []float32            // With the rest of the constant current, of a row.

	counts counts // Where they are counted.

	far int // Timesteps for which no potential can saturate.

	arrived []int // Of first-spike coding, per timestep: how many spikes its mask has.
}

// worker is what one goroutine needs to advance a layer, of any kind.
type worker struct {
	spikes   []spikes // Of the layers being read, with their lists.
	shortcut spikes   // Of a shortcut's source, without a list.
	mask     []uint64 // The same, moved to where it ends.
	part     []float32
	row      []float32 // Current of a row of a tile, zero between rows.

	whole []int16 // As part, of whole numbers.

	potentials []int32  // Of some rows of a counted layer,
	shifted    []int32  // and the sums of a convolution into them before their shift.
	additions  []uint64 // Into it, by the spikes of the neurons that cause them.
	edge       counts   // Counts of positions that reach fewer outputs than others.

	// Of the analog input layers.
	scratch []float32
	sum     []float32
}

// NewEngine returns an engine for p.
func (p *Plan) NewEngine() *Engine {
	out := p.net.Output()
	classes := out.Neurons()
	if p.opt.Layers < len(p.net.Layers) {
		classes = 0
	}
	e := &Engine{plan: p, record: newRecord(p.net, p.opt.Timesteps, classes, p.opt.Layers), spent: make([]time.Duration, p.opt.Layers), total: make([]float32, classes)}
	if p.opt.Reference {
		return e
	}
	steps := p.ring() * p.opt.Block
	e.image = make([][]float32, steps)
	e.image[0] = make([]float32, p.net.Input.Shape.Len())
	if !p.net.Input.Encoding.Constant() {
		e.roomForSteps()
	}
	if slices.ContainsFunc(p.layers, func(l layerPlan) bool { return l.pixels }) {
		e.pixels = make([]uint16, p.pixels.size())
	}
	e.layers = make([]population, len(p.layers))
	for i := range p.layers {
		e.layers[i] = newPopulation(&p.layers[i], steps)
		e.layers[i].counts = p.newCounts(i)
	}
	for range p.opt.Workers {
		e.workers = append(e.workers, p.newWorker())
	}
	return e
}

func newPopulation(l *layerPlan, steps int) population {
	s := population{mask: make([][]uint64, steps), constant: l.bias, arrived: make([]int, steps)}
	if l.layer != nil { // Has masks and potentials when somebody asks for them.
		s.constant = nil // What an image brings has room when it is first needed.
		return s
	}
	for t := range s.mask {
		s.mask[t] = make([]uint64, l.positions()*l.words)
	}
	if l.gate != nil {
		s.n = make([]uint16, l.gate.in.positions()*l.gate.in.n)
		s.m = make([]uint16, l.positions()*l.n)
		return s
	}
	if l.sweepWhole != nil {
		return s
	}
	s.v = make([]float32, l.positions()*l.n)
	if l.neuron != nil {
		s.state = make([]snn.State, len(s.v))
	}
	if l.summed {
		s.sum = make([]float32, l.positions()*l.c)
	}
	s.current = make([]float32, l.current.size)
	if len(l.analog) > 0 {
		s.constant = make([]float32, len(s.v))
	}
	return s
}

// roomForSteps makes room for images that are not the same at every timestep.
func (e *Engine) roomForSteps() {
	for t := range e.image {
		if e.image[t] == nil {
			e.image[t] = make([]float32, len(e.image[0]))
		}
	}
}

// newWorker makes room for the layer that needs the most of it.
func (p *Plan) newWorker() worker {
	var part, row, mask, scratch, sum int
	w := worker{spikes: make([]spikes, 1)}
	potentials, whole := 0, 0
	for i := range p.layers {
		l := &p.layers[i]
		w.spikes[0].room(l.grid)
		if l.sweep != nil {
			for j := range l.sweep.tiles {
				part = max(part, l.sweep.tiles[j].PartLen())
			}
		}
		if l.sweepWhole != nil {
			for j := range l.sweepWhole.tiles {
				whole = max(whole, l.sweepWhole.tiles[j].PartLen())
			}
		}
		if l.tiled != nil {
			row = max(row, l.w*min(l.n, gatherTile))
			l.tiled.room(&w)
		}
		if l.layer != nil {
			potentials = max(potentials, l.layer.room()*l.w*l.n)
		}
		mask = max(mask, l.positions()*l.words)
		if len(l.analog) > 0 {
			sum = max(sum, l.positions()*l.c)
		}
		for _, a := range l.analog {
			scratch = max(scratch, a.conv.ScratchLen())
		}
	}
	w.part, w.row, w.mask = make([]float32, part), make([]float32, row), make([]uint64, mask)
	w.edge, w.whole = p.newEdge(), make([]int16, whole)
	w.additions = make([]uint64, p.opt.Timesteps+1)
	w.potentials, w.shifted = make([]int32, potentials), make([]int32, potentials)
	w.scratch, w.sum = make([]float32, scratch), make([]float32, sum)
	return w
}

// Spent returns, per layer, the time that its timesteps have taken since the
// engine was made. What an image costs once is not in it.
func (e *Engine) Spent() []time.Duration { return e.spent }

// Run presents an image, CHW and normalised, for T timesteps. index names it in
// the data set: with the plan's seed it determines the random stream of the
// Poisson encoding. The record is the engine's own and valid until the next Run.
// A canceled context ends the run with its error within a block of timesteps.
func (e *Engine) Run(ctx context.Context, image []float32, index int) (*Record, error) {
	if want := e.plan.net.Input.Shape; len(image) != want.Len() {
		return nil, fmt.Errorf("sim: image %d has %d elements, the network takes %v", index, len(image), want)
	}
	return e.run(ctx, image, index)
}

// RunFrames is Run for an image of frames, each CHW, one after the other. The first one is
// presented at the first timestep, and so on; after the last comes the first again. With
// the Poisson encoding it is an error.
func (e *Engine) RunFrames(ctx context.Context, frames []float32, index int) (*Record, error) {
	in := &e.plan.net.Input
	switch {
	case len(frames) == 0 || len(frames)%in.Shape.Len() != 0:
		return nil, fmt.Errorf("sim: image %d has %d elements, which are no frames of %v", index, len(frames), in.Shape)
	case in.Encoding.Spikes():
		return nil, fmt.Errorf("sim: image %d is made of frames, which enter as they are, but the network takes %s", index, in.Encoding.Note())
	}
	return e.run(ctx, frames, index)
}

func (e *Engine) run(ctx context.Context, image []float32, index int) (*Record, error) {
	p := e.plan
	if err := tensor.CheckFinite(image); err != nil {
		return nil, fmt.Errorf("sim: image %d: %w", index, err)
	}
	enc := newEncoder(&p.net.Input, image, p.opt.Seed, index)
	e.record.reset(enc)
	e.ended = 0
	if p.opt.Reference {
		err := e.runReference(ctx, enc)
		e.record.end(e.ended, enc)
		return e.record, err
	}
	e.reset()
	if err := e.replace(ctx); err != nil {
		return nil, err
	}
	e.enters = enc
	if !enc.constant {
		e.roomForSteps()
	} else {
		x := enc.next()
		tensor.ChannelsLast(e.image[0], x, p.net.Input.Shape[0])
		if e.pixels != nil {
			e.fillPixels(x)
		}
		for i := range e.layers {
			if !e.omits(i) {
				e.present(&e.workers[0], i, 0, 0)
			}
		}
	}
	if err := e.runBlocks(ctx, enc); err != nil {
		return nil, err
	}
	e.record.sum(enc)
	e.record.end(e.ended, enc)
	return e.record, nil
}

// reset brings every layer to its state before the first timestep.
func (e *Engine) reset() {
	for i := range e.layers {
		e.resetLayer(i)
	}
}

func (e *Engine) resetLayer(i int) {
	s := &e.layers[i]
	clear(s.n)
	clear(s.m)
	clear(s.current) // The halo, too, before it grows without bound.
	clear(s.sum)
	s.far = 0
	e.startLayer(i)
	if l := &e.plan.layers[i]; l.sweepWhole != nil {
		l.sweepWhole.begin(s.counts.v)
		clear(s.counts.far)
	}
	for j := range s.state {
		s.state[j] = snn.State{V: s.v[j]}
	}
}

// startLayer gives the neurons of layer i the potentials that they begin with.
func (e *Engine) startLayer(i int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if l.start != nil {
		copy(s.v, l.start)
		return
	}
	for p := 0; p < len(s.v); p += l.n {
		copy(s.v[p:], l.vInit)
	}
}

// block is a run of timesteps that goes through one layer after the other.
type block struct {
	t0, n int // The first timestep, and how many.
	slot  int // Where the first one is in the ring of masks.
}

// encode fills the images of a block; a constant image is there already.
func (e *Engine) encode(enc *encoder, b block) {
	if enc.constant {
		return
	}
	for t := range b.n {
		tensor.ChannelsLast(e.image[b.slot+t], enc.next(), e.plan.net.Input.Shape[0])
	}
}

// present computes the constant current of layer i from an image of the ring, and
// counts what that took.
func (e *Engine) present(w *worker, i, step, slot int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if len(l.analog) == 0 {
		return
	}
	if l.pixels && e.enters.constant {
		for _, a := range l.analog {
			e.record.SynapseMACs[i][a.index] += a.products(e.image[slot])
		}
		return
	}
	if s.constant == nil {
		s.constant = make([]float32, l.positions()*l.n)
	}
	sum := w.sum[:l.positions()*l.c]
	clear(sum)
	for _, a := range l.analog {
		a.conv.Run(sum, e.image[slot], w.scratch)
		if products := a.products(e.image[slot]); e.enters.spikes {
			e.record.add(i, a.index, step, products)
		} else {
			e.record.SynapseMACs[i][a.index] += products
		}
	}
	for p := range l.positions() {
		dst := s.constant[p*l.n:][:l.c]
		for c, x := range sum[p*l.c:][:l.c] {
			dst[c] = x + l.bias[c]
		}
	}
}

// advance takes layer i through a block.
func (e *Engine) advance(w *worker, i int, b block) {
	if e.omits(i) {
		clear(e.record.Spikes[i][b.t0:][:b.n])
		clear(e.record.ACs[i][b.t0:][:b.n])
		e.replay(i, b)
		return
	}
	start := time.Now()
	l := &e.plan.layers[i]
	switch {
	case l.layer != nil:
		l.layer.run(e, w, i, b)
	case l.blocks() != nil && e.layers[i].given != nil:
		for t := range b.n {
			e.give(i, b.t0+t)
			l.blocks().run(e, w, i, block{t0: b.t0 + t, n: 1, slot: b.slot + t})
		}
	case l.blocks() != nil:
		l.blocks().run(e, w, i, b)
	default:
		for t := range b.n {
			e.step(w, i, b, t)
		}
	}
	if l.window != nil && l.layer == nil {
		e.open(i, b)
	}
	e.handOn(i, b)
	e.spent[i] += time.Since(start)
	if e.Probe != nil || e.Potentials != nil {
		e.show(i, b)
	}
	e.number(i, b)
}

// show hands out what layer i did in a block.
func (e *Engine) show(i int, b block) {
	e.probing.Lock()
	defer e.probing.Unlock()
	l, s := &e.plan.layers[i], &e.layers[i]
	if e.Probe != nil {
		held := e.plan.held()
		if held {
			s.release(b)
		}
		for t := range b.n {
			mask := s.mask[b.slot+t]
			e.Probe(Spikes{Layer: i, Step: b.t0 + t, Words: l.words, Bits: mask})
			e.record.Spikes[i][b.t0+t] = uint32(kernel.OnesCount(mask))
		}
		if held {
			s.hold(b)
		}
	}
	if _, marked := slices.BinarySearch(e.plan.opt.Marks, b.t0+b.n); !marked || e.Potentials == nil || l.gate != nil {
		return
	}
	e.Potentials(Potentials{Layer: i, Steps: b.t0 + b.n, V: e.potentials(l, s), I: s.sum})
}

// potentials returns those of a layer as they are handed out.
func (e *Engine) potentials(l *layerPlan, s *population) []float32 {
	v, positions := scratch(e, &e.chw, l), l.positions()
	for p := range positions {
		for c, x := range s.v[p*l.n:][:l.c] {
			v[c*positions+p] = x
		}
	}
	return v
}

// currents returns the current into a layer as it is handed out, before the neurons
// consume it.
func (e *Engine) currents(l *layerPlan, s *population) []float32 {
	in, positions := scratch(e, &e.input, l), l.positions()
	for p := range positions {
		current := s.current[l.current.at(l.grid, p/l.w, p%l.w):][:l.c]
		constant := s.constant
		if len(l.analog) > 0 {
			constant = constant[p*l.n:]
		}
		for c, x := range current {
			in[c*positions+p] = x + constant[c]
		}
	}
	return in
}

// scratch returns room for the neurons of a layer, which is made when it is first
// asked for.
func scratch(e *Engine, room *[]float32, l *layerPlan) []float32 {
	if *room == nil {
		size := 0
		for j := range e.plan.layers {
			size = max(size, e.plan.layers[j].positions()*e.plan.layers[j].c)
		}
		*room = make([]float32, size)
	}
	return (*room)[:l.positions()*l.c]
}

// step advances layer i by block step t, synapse by synapse.
func (e *Engine) step(w *worker, i int, b block, t int) {
	l, s, rec, step := &e.plan.layers[i], &e.layers[i], e.record, b.t0+t
	mask := s.mask[b.slot+t]
	rec.ACs[i][step] = 0
	if l.gate != nil && e.plan.held() {
		e.holdGate(l.gate, i, b, t)
		return
	}
	if l.gate != nil {
		l.gate.step(mask, e.spikesOf(&w.spikes[0], l.gate.from, b, t), s.n, s.m)
		rec.Spikes[i][step] = uint32(kernel.OnesCount(mask))
		return
	}
	if !e.enters.constant {
		e.present(w, i, step, b.slot+t)
	}
	for k, syn := range l.synapses {
		if s.counts.sums != nil && e.Probe == nil {
			e.addCounted(i, k, b, t)
			continue
		}
		e.count(i, syn.index, step, syn.add(s.current, e.spikesOf(&w.spikes[0], syn.from, b, t)))
	}
	output := rec.Classes > 0 && e.plan.isOutput(i)
	if output {
		e.accumulate(l, s, step)
	}
	if traced := l.traced && e.Trace != nil; traced || l.summed {
		e.probing.Lock()
		in := e.currents(l, s)
		for j := range s.sum {
			s.sum[j] += in[j]
		}
		rec.Spikes[i][step] = uint32(e.fire(i, mask))
		e.saturate(i)
		if traced {
			e.Trace(Trace{Layer: i, Step: l.opens + step, I: in, V: e.potentials(l, s)})
		}
		e.probing.Unlock()
	} else {
		rec.Spikes[i][step] = uint32(e.fire(i, mask))
		e.saturate(i)
	}
	if output && l.window == nil {
		e.readOut(s, mask, step)
	}
}

// count adds the synaptic additions of one synapse at step t, at which acs are those of
// the spikes in its current.
func (e *Engine) count(layer, synapse, t int, acs uint64) {
	if e.plan.held() {
		acs -= e.record.SynapseACs[layer][synapse] // Those of earlier steps.
	}
	e.record.add(layer, synapse, t, acs)
}

// spikesOf returns in z what of layer i is in the currents of block step t: the spikes of
// that step, or in first-spike coding all of the window so far.
func (e *Engine) spikesOf(z *spikes, i int, b block, t int) *spikes {
	z.grid, z.mask, z.n = e.plan.layers[i].grid, e.layers[i].mask[b.slot+t], int(e.record.Spikes[i][b.t0+t])
	if e.plan.held() {
		z.n = e.layers[i].arrived[b.slot+t]
	}
	z.listed = false
	return z
}

// fire turns the current of layer i into spikes and returns their number.
func (e *Engine) fire(i int, mask []uint64) (n int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	for r := range l.h {
		n += l.fireRow(s, mask, r, s.current[l.current.at(l.grid, r, 0):][:l.w*l.n], e.constantRow(i, r))
	}
	return n
}

// accumulate adds the current of the output layer to the record's sum, before the
// neurons consume it.
func (e *Engine) accumulate(l *layerPlan, s *population, step int) {
	k := e.record.Classes
	if step == 0 {
		clear(e.total)
	}
	constant := e.constantRow(len(e.layers)-1, 0)
	for c := range e.total {
		e.total[c] += s.current[l.current.first+c] + constant[c]
	}
	e.plan.inThresholds(e.record.Current[step*k:][:k], e.total)
}

// inThresholds copies potentials or currents of the output, of an integer network in
// thresholds.
func (p *Plan) inThresholds(dst, src []float32) {
	if !p.net.Integer() {
		copy(dst, src)
		return
	}
	th := p.net.Output().Neuron.ThresholdOf(0)
	for c := range dst {
		dst[c] = src[c] / th
	}
}

// readOut records the output layer after a timestep.
func (e *Engine) readOut(s *population, mask []uint64, step int) {
	k := e.record.Classes
	e.plan.inThresholds(e.record.Potential[step*k:][:k], s.v)
	e.countOutput(mask, step)
}

// countOutput counts the spikes of the output layer at a step of its window, or what
// they are worth in first-spike coding.
func (e *Engine) countOutput(mask []uint64, step int) {
	k, worth := e.record.Classes, uint32(1)
	if e.plan.net.Coding == snn.FirstSpike {
		worth = uint32(e.plan.opt.Timesteps - step)
	}
	for c := range k {
		n := worth * uint32(mask[c/64]>>(c%64)&1)
		if step > 0 {
			n += e.record.Counts[(step-1)*k+c]
		}
		e.record.Counts[step*k+c] = n
	}
}
