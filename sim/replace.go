package sim

import (
	"context"
	"fmt"
	"math"
	"slices"

	"sresnet/internal/kernel"
	"sresnet/sim/internal/reference"
	"sresnet/snn"
)

// Replace gives the layers behind a layer these rates, CHW, in place of its spikes: at every
// timestep the current that so many spikes bring, fractions included, until it is called again
// with nil. With the trained network's activations, over Lambda, the layer has no error of its own
// nor of layers before it. It makes no spikes and leaves no remainder; neither do layers that
// only replaced ones read, which are left out. Records count none of what rates bring.
// The output and the reference engine cannot be replaced. In float32, sums have
// another order than those of spikes.
func (e *Engine) Replace(layer int, rates []float32) error {
	if layer < 0 || layer >= len(e.layers) || e.plan.isOutput(layer) || e.plan.opt.Reference {
		return fmt.Errorf("sim: layer %d cannot be replaced", layer)
	}
	l, s := &e.plan.layers[layer], &e.layers[layer]
	if rates == nil {
		s.replaced = nil
		return nil
	}
	if want := l.positions() * l.c; len(rates) != want {
		return fmt.Errorf("sim: layer %d of %d neurons is replaced by %d rates", layer, want, len(rates))
	}
	if s.replaced == nil {
		s.replaced = make([]float64, len(rates))
	}
	for j, x := range rates {
		s.replaced[j] = float64(x)
	}
	return nil
}

// Replay gives the layers behind a layer these spikes, of every timestep, in place of its own: masks
// as [Probe] gets them, which must stay as they are until it is called again with nil. Layers that
// only such and replaced ones read are left out, so that networks that differ in later layers need
// the earlier ones simulated once. Records count none of what they do not do. The output, the
// reference engine, integer and phased networks take none.
func (e *Engine) Replay(layer int, masks [][]uint64) error {
	p := e.plan
	if layer < 0 || layer >= len(e.layers) || p.isOutput(layer) || p.opt.Reference || p.net.Integer() || p.net.Schedule != snn.Synchronous {
		return fmt.Errorf("sim: spikes of layer %d cannot be replayed", layer)
	}
	if l := &p.layers[layer]; masks != nil && (len(masks) != p.opt.Timesteps || len(masks[0]) != l.positions()*l.words) {
		return fmt.Errorf("sim: spikes of layer %d are replayed from %d masks", layer, len(masks))
	}
	e.layers[layer].replayed = masks
	return nil
}

// replay emits what layer i is given in a block.
func (e *Engine) replay(i int, b block) {
	s := &e.layers[i]
	if s.replayed == nil {
		return
	}
	for t := range b.n {
		mask := s.mask[b.slot+t]
		copy(mask, s.replayed[b.t0+t])
		e.record.Spikes[i][b.t0+t] = uint32(kernel.OnesCount(mask))
	}
}

// takes reports whether s takes what it emits from elsewhere.
func (s *population) takes() bool { return s.replaced != nil || s.replayed != nil }

// replace prepares a run of layers that are replaced: those that are left out are silent, and
// those behind get what they bring.
func (e *Engine) replace(ctx context.Context) error {
	e.omitted = e.leftOut()
	rates := make([][]float64, len(e.layers))
	for i := range e.layers {
		if rates[i] = e.layers[i].replaced; e.omits(i) {
			e.silence(i)
		}
	}
	for i := range e.layers {
		l, s := &e.plan.layers[i], &e.layers[i]
		replaced := func(syn snn.Synapse) bool { return syn.From != snn.FromInput && rates[syn.From] != nil }
		if s.given = nil; e.omits(i) || l.gate != nil || !slices.ContainsFunc(e.plan.net.Layers[i].Synapses, replaced) {
			continue
		}
		if err := e.bring(ctx, i, rates); err != nil {
			return err
		}
	}
	return nil
}

// bring computes what layer i is given of rates: products by the kernels, which take most of
// the time, and all else as the reference engine does.
func (e *Engine) bring(ctx context.Context, i int, rates [][]float64) error {
	l, s, net := &e.plan.layers[i], &e.layers[i], *e.plan.net
	sum := make([]float32, l.positions()*l.c)
	var others []snn.Synapse
	for j, syn := range net.Layers[i].Synapses {
		if syn.From == snn.FromInput || rates[syn.From] == nil {
			continue
		}
		if s.products[j] == nil {
			k := newProduct(syn.Connection, e.plan.layers[syn.From].shape(), l.shape())
			if k == nil {
				others = append(others, syn)
				continue
			}
			if s.products == nil {
				s.products = make(map[int]*kernel.Conv)
			}
			s.products[j] = k
		}
		src := &e.plan.layers[syn.From]
		x, q := make([]float32, len(rates[syn.From])), float64(net.Layers[syn.From].Charge)
		for c := range src.c {
			for p := range src.positions() {
				x[p*src.c+c] = float32(rates[syn.From][c*src.positions()+p] * q)
			}
		}
		s.products[j].Run(sum, x, make([]float32, s.products[j].ScratchLen()))
	}
	net.Layers = slices.Clone(net.Layers)
	net.Layers[i].Synapses = others
	rest, err := reference.Brought(ctx, &net, i, rates, nil)
	if err != nil {
		return err
	}
	s.given = make([]float32, l.positions()*l.n)
	for c := range l.c {
		for p := range l.positions() {
			s.given[p*l.n+c] = sum[p*l.c+c] + float32(rest[c*l.positions()+p])
		}
	}
	return nil
}

// leftOut returns which layers are replaced, or read by such alone; nil for none.
func (e *Engine) leftOut() []bool {
	if !slices.ContainsFunc(e.layers, func(s population) bool { return s.takes() }) {
		return nil
	}
	omitted := slices.Repeat([]bool{true}, len(e.layers))
	omitted[len(omitted)-1] = e.layers[len(omitted)-1].takes()
	for i := len(omitted) - 1; i >= 0; i-- {
		if omitted[i] {
			continue
		}
		for _, s := range e.plan.net.Layers[i].Synapses {
			if s.From != snn.FromInput && !e.layers[s.From].takes() {
				omitted[s.From] = false
			}
		}
	}
	return omitted
}

// omits reports whether layer i is left out of this run.
func (e *Engine) omits(i int) bool { return e.omitted != nil && e.omitted[i] }

// silence takes away what layer i has left for others from earlier runs.
func (e *Engine) silence(i int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if l.masked || l.layer == nil {
		e.roomForMasks(i)
	}
	for t := range s.mask {
		clear(s.mask[t])
	}
	clear(s.arrived)
	clear(s.counts.n8)
	clear(s.counts.n16)
	if s.counts.tally != nil {
		clear(s.counts.tally)
		s.counts.tally[0] = uint32(l.positions() * l.c)
	}
	for j := range s.counts.v {
		s.counts.v[j] = int32(l.vInit[j%l.n])
	}
	if l.start != nil {
		for j := range s.counts.v {
			s.counts.v[j] = int32(l.start[j])
		}
	}
}

// give adds what replaced layers bring at timestep t to the potentials of layer i, which has
// a kernel of its own.
func (e *Engine) give(i, t int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if l.sweepWhole != nil {
		for j, x := range s.given { // Rounded over time.
			s.counts.v[j] += int32(math.Round(float64(t+1)*float64(x)) - math.Round(float64(t)*float64(x)))
		}
		return
	}
	for j, x := range s.given {
		s.v[j] += x / l.decay // The kernel's decay takes it back.
	}
}

// giveWindow adds what they bring a counted layer in a window, whose potentials from
// first on are v.
func (e *Engine) giveWindow(i int, v []int32, first int) {
	const most = 1 << 23 // So that potentials stay below 1<<24, as kernels ask for.
	given := e.layers[i].given
	if given == nil {
		return
	}
	for j, x := range given[first:][:len(v)] {
		v[j] += int32(min(max(math.Round(float64(e.plan.opt.Timesteps)*float64(x)), -most), most))
	}
}

// constantRow returns the constant current into row r of layer i at a timestep.
func (e *Engine) constantRow(i, r int) []float32 {
	l, s := &e.plan.layers[i], &e.layers[i]
	row, constant := l.w*l.n, s.constant
	if len(l.analog) > 0 {
		constant = constant[r*row:][:row]
	}
	if s.given == nil {
		return constant
	}
	if s.givenRow == nil {
		s.givenRow = make([]float32, row)
	}
	for j, x := range s.given[r*row:][:row] {
		s.givenRow[j] = x + constant[j%len(constant)]
	}
	return s.givenRow
}
