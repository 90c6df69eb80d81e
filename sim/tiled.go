package sim

import (
	"sresnet/internal/kernel"
	"sresnet/snn"
)

// A layer is tiled if all its synapses of spikes are convolutions, except for a
// shortcut at the end: strided and 1x1 convolutions, and blocks with a projection.
// Row by row, the currents of a tile of channels are gathered in a buffer that stays
// in the first cache, and its neurons are advanced. With a block of timesteps for
// each tile, the tile's weights stay in cache, however wide the layer is.

// tiled is such a layer.
type tiled struct {
	convs    []tiledConv // In the order of the sum.
	tiles    []tile
	listed   int    // Timesteps that have their lists of spikes at the same time: a full block, or one if there is a single tile.
	shortcut *mover // nil for none.
}

// tiledConv is one of the convolutions.
type tiledConv struct {
	gather
	from int
}

// tile is some of the channels of the layer.
type tile struct {
	weight   [][]float32 // Per convolution, [ky][kx][source channel][channel].
	constant []float32   // Per channel.
	fire     kernel.FireParams
}

// gatherTile is the number of channels whose sums fill the registers.
const gatherTile = 64

// newTiled returns layer i as a tiled one, or nil if it is none.
func (p *Plan) newTiled(i int, lp *layerPlan) *tiled {
	l := &p.net.Layers[i]
	if p.isOutput(i) {
		return nil
	}
	g := &tiled{}
	for j, syn := range l.Synapses {
		switch k := syn.Connection.(type) {
		case *snn.Conv:
			if syn.From == snn.FromInput || k.Groups > 1 || p.isDense(syn, lp.grid) {
				return nil
			}
			g.convs = append(g.convs, tiledConv{newGather(k, newGrid(p.net.ShapeOf(syn.From)), lp.grid), syn.From})
		default:
			if j == 0 || j < len(l.Synapses)-1 {
				return nil
			}
			if g.shortcut = p.newMover(syn, lp.grid); g.shortcut == nil {
				return nil
			}
		}
	}
	g.listed = 1
	if lp.n > gatherTile {
		g.listed = p.opt.Block
	}
	for first := 0; first < lp.n; first += gatherTile {
		n := min(gatherTile, lp.n-first)
		t := tile{constant: lp.bias[first:][:n], fire: lp.fire}
		t.fire.First, t.fire.N, t.fire.Threshold, t.fire.Shortcut = first, n, lp.fire.Threshold[first:][:n], g.shortcut.weights(first, n)
		for j := range g.convs {
			t.weight = append(t.weight, g.convs[j].pack(l.Synapses[j].Connection.(*snn.Conv), p.net.Layers[g.convs[j].from].Charge, first, n))
		}
		g.tiles = append(g.tiles, t)
	}
	return g
}

// room makes room for the lists of spikes that run needs.
func (g *tiled) room(w *worker) {
	for len(w.spikes) < len(g.convs)*g.listed {
		w.spikes = append(w.spikes, spikes{})
	}
	for j := range g.convs {
		for t := range g.listed {
			g.list(w, j, t).room(g.convs[j].in)
		}
	}
}

// list returns what convolution j sees at step t of a block, be it a full one or a
// shorter one.
func (g *tiled) list(w *worker, j, t int) *spikes { return &w.spikes[j*g.listed+t] }

// run advances layer i, which is g, by a block.
func (g *tiled) run(e *Engine, w *worker, i int, b block) {
	if len(g.tiles) > 1 {
		g.steps(e, w, i, b)
		return
	}
	for t := range b.n { // A list of spikes at a time.
		g.steps(e, w, i, block{t0: b.t0 + t, n: 1, slot: b.slot + t})
	}
}

// steps is run with a list of the spikes of every convolution and timestep.
func (g *tiled) steps(e *Engine, w *worker, i int, b block) {
	acs, spikes := e.record.ACs[i][b.t0:], e.record.Spikes[i][b.t0:]
	for t := range b.n {
		acs[t], spikes[t] = 0, 0
		for j := range g.convs {
			z := e.spikesOf(g.list(w, j, t), g.convs[j].from, b, t)
			z.list()
			e.count(i, j, b.t0+t, g.convs[j].taps.count(z))
		}
	}
	for j := range g.tiles {
		for t := range b.n {
			var shortcut []uint64
			if g.shortcut != nil {
				var n uint64
				shortcut, n = g.shortcut.move(e.spikesOf(&w.shortcut, g.shortcut.from, b, t), w.mask)
				if j == 0 {
					e.count(i, len(g.convs), b.t0+t, n)
				}
			}
			spikes[t] += uint32(g.step(e, w, i, b, t, &g.tiles[j], shortcut))
		}
	}
}

// step advances one tile by block step t.
func (g *tiled) step(e *Engine, w *worker, i int, b block, t int, tile *tile, shortcut []uint64) (n int) {
	l, pop := &e.plan.layers[i], &e.layers[i]
	acc := w.row[:l.w*tile.fire.N]
	for r := range l.h {
		for j := range g.convs {
			g.convs[j].row(acc, tile.weight[j], g.list(w, j, t), r, tile.fire.N)
		}
		var sc []uint64
		words := l.w * l.words
		if shortcut != nil {
			sc = shortcut[r*words:][:words]
		}
		v := pop.v[r*l.w*l.n:][:l.w*l.n]
		decay(v, tile.fire.First, tile.fire.N, l.n, l.decay)
		n += kernel.Fire(pop.mask[b.slot+t][r*words:][:words], sc, v, acc, tile.constant, &tile.fire)
	}
	return n
}
