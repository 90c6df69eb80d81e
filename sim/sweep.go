package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
)

// A layer is swept if it is what residual networks mostly consist of: a 3x3
// convolution with a stride of one or two, after it at most one shortcut, and neurons
// that reset by subtraction. One kernel then computes its whole timestep, tile by tile
// of channels; see kernel.Sweep. With a block of timesteps for each tile, the
// tile's weights stay in cache.

// sweep is such a layer.
type sweep struct {
	from     int
	taps     taps
	tiles    []kernel.SweepLayer
	shortcut *mover // nil for none.
}

// sweepTile returns the number of channels that are computed together, for a source
// of c channels. Thirty-two fill the registers, but the weights of more than as many
// source channels then no longer fit into the first cache: 9 taps of 32 channels are
// 36 KiB for 32 of them. With a stride of two there are fewer sums at a time, and a
// spike has so little to add that more channels are better.
func sweepTile(c, stride int) int {
	switch {
	case stride == 2:
		return 4 * kernel.Lanes
	case c > 2*kernel.Lanes:
		return kernel.Lanes
	}
	return 2 * kernel.Lanes
}

// newSweep returns layer i as a sweep, or nil if it is none.
func (p *Plan) newSweep(i int, lp *layerPlan) *sweep {
	l := &p.net.Layers[i]
	if p.isOutput(i) || l.Neuron.Reset != snn.ResetSubtract || len(l.Synapses) > 2 || l.Synapses[0].From == snn.FromInput {
		return nil
	}
	k, ok := l.Synapses[0].Connection.(*snn.Conv)
	if !ok || k.Groups != 1 || k.Window.Kernel != [2]int{3, 3} ||
		k.Window.Stride != [2]int{1, 1} && k.Window.Stride != [2]int{2, 2} || k.Window.Dilation != [2]int{1, 1} || k.Window.Pad != [4]int{1, 1, 1, 1} {
		return nil
	}
	from := l.Synapses[0].From
	if p.isDense(l.Synapses[0], lp.grid) {
		return nil
	}
	in, q := newGrid(p.net.ShapeOf(from)), p.net.Layers[from].Charge
	s := &sweep{from: from, taps: convTaps(k, in, lp.grid)}
	if len(l.Synapses) == 2 {
		if s.shortcut = p.newMover(l.Synapses[1], lp.grid); s.shortcut == nil {
			return nil
		}
	}
	stride, tileOf := k.Window.Stride[0], make([]int, lp.n/kernel.Lanes)
	for first := 0; first < lp.n; {
		n := sweepTile(in.c, stride)
		for n > lp.n-first {
			n /= 2
		}
		for j := range n / kernel.Lanes {
			tileOf[first/kernel.Lanes+j] = len(s.tiles)
		}
		s.tiles = append(s.tiles, kernel.SweepLayer{
			Rows: in.h, Cols: in.w, Stride: stride, SourceWords: in.words, Words: lp.words,
			First: first, N: n, Pitch: lp.n, Shortcut: s.shortcut.weights(first, n),
			Weight: make([]float32, in.c*9*n), Constant: lp.bias[first:][:n], Threshold: lp.fire.Threshold[first:][:n],
		})
		first += n
	}
	forWeights(k, func(o, i, ky, kx int, w float32) {
		t := &s.tiles[tileOf[o/kernel.Lanes]]
		t.Weight[((i*3+2-ky)*3+2-kx)*t.N+o-t.First] = float32(w * q)
	})
	return s
}

// run advances layer i, which is s, by a block.
func (s *sweep) run(e *Engine, w *worker, i int, b block) {
	l, pop := &e.plan.layers[i], &e.layers[i]
	for t := range b.n {
		z := e.spikesOf(&w.spikes[0], s.from, b, t)
		e.record.ACs[i][b.t0+t] = 0
		e.count(i, 0, b.t0+t, s.taps.count(z))
		e.record.Spikes[i][b.t0+t] = 0
	}
	for j := range s.tiles {
		tile := &s.tiles[j]
		for t := range b.n {
			var shortcut []uint64
			if s.shortcut != nil {
				var n uint64
				shortcut, n = s.shortcut.move(e.spikesOf(&w.shortcut, s.shortcut.from, b, t), w.mask)
				if j == 0 {
					e.count(i, 1, b.t0+t, n)
				}
			}
			decay(pop.v, tile.First, tile.N, tile.Pitch, l.decay)
			e.record.Spikes[i][b.t0+t] += uint32(kernel.Sweep(pop.mask[b.slot+t], e.layers[s.from].mask[b.slot+t], shortcut, pop.v, w.part, tile))
		}
	}
}
