package sim

import (
	"math"

	"sresnet/internal/kernel"
	"sresnet/snn"
)

// A layer that would be swept, of a synchronous integer network, is swept in whole numbers if
// what arrives in a timestep fits into 16 bits: twice as many sums in a register, and half the
// bytes of weights. Sums of whole numbers are exact in any order, so that this changes no spike.

// sweepWhole is such a layer. Its potentials are counts.v of the population.
type sweepWhole struct {
	from     int
	taps     taps
	tiles    []kernel.SweepWholeLayer
	shortcut *mover // nil for none.
	start    []int32
	top      []int32 // At which potentials saturate, as in [layerPlan]; nil where they cannot.
	large    []largeWeight
}

// largeWeight is one of the shortcut, of a channel where it would leave 16 bits: it is added to
// the potential itself.
type largeWeight struct {
	channel int
	weight  int32
}

// sweepWholeTile is sweepTile for sums of half the size, of which 32 fill a register.
func sweepWholeTile(stride int) int { return 2 * kernel.Lanes * stride }

// newSweepWhole returns layer i, which is swept by s, as a swept one in whole numbers, or nil if
// it cannot be one.
func (p *Plan) newSweepWhole(i int, lp *layerPlan, s *sweep) *sweepWhole {
	l := &p.net.Layers[i]
	if !p.net.Integer() || p.net.Schedule != snn.Synchronous || l.Start != nil {
		return nil
	}
	k := l.Synapses[0].Connection.(*snn.Conv)
	sums, each := make([]float64, l.Shape[0]), len(k.Weight.Data)/l.Shape[0]
	for j, w := range k.Weight.Data {
		sums[j/each] += math.Abs(float64(w))
	}
	var (
		shortcut []int16
		large    []largeWeight
	)
	if s.shortcut != nil {
		shortcut = make([]int16, lp.n)
		for c, w := range s.shortcut.weight[:len(sums)] {
			if sum := sums[c] + math.Abs(float64(w)); sum <= math.MaxInt16 {
				sums[c], shortcut[c] = sum, int16(w)
			} else {
				large = append(large, largeWeight{c, int32(w)})
			}
		}
	}
	for _, x := range sums {
		if x > math.MaxInt16 {
			return nil
		}
	}
	in := newGrid(p.net.ShapeOf(s.from))
	whole := &sweepWhole{from: s.from, taps: s.taps, shortcut: s.shortcut, large: large, start: make([]int32, lp.n)}
	for c, v := range lp.vInit {
		whole.start[c] = int32(v)
	}
	for _, v := range lp.top {
		whole.top = append(whole.top, int32(v))
	}
	stride, tileOf := k.Window.Stride[0], make([]int, lp.n/kernel.Lanes)
	for first := 0; first < lp.n; {
		n := sweepWholeTile(stride)
		for n > lp.n-first {
			n /= 2
		}
		t := kernel.SweepWholeLayer{
			Rows: in.h, Cols: in.w, Stride: stride, SourceWords: in.words, Words: lp.words,
			First: first, N: n, Pitch: lp.n, Weight: make([]int16, in.c*9*n), Constant: make([]int32, n), Threshold: make([]int32, n),
		}
		if shortcut != nil {
			t.Shortcut = shortcut[first:][:n]
		}
		for c := range n {
			t.Threshold[c] = math.MaxInt32
			if first+c < lp.c {
				t.Constant[c], t.Threshold[c] = int32(lp.bias[first+c]), int32(lp.fire.Threshold[first+c])
			}
		}
		for j := range n / kernel.Lanes {
			tileOf[first/kernel.Lanes+j] = len(whole.tiles)
		}
		whole.tiles = append(whole.tiles, t)
		first += n
	}
	forWeights(k, func(o, i, ky, kx int, w float32) {
		t := &whole.tiles[tileOf[o/kernel.Lanes]]
		t.Weight[((i*3+2-ky)*3+2-kx)*t.N+o-t.First] = int16(w)
	})
	for j := range whole.tiles {
		whole.tiles[j].Prepare()
	}
	return whole
}

// begin gives the neurons the potential that they start with.
func (s *sweepWhole) begin(v []int32) {
	for j := 0; j < len(v); j += len(s.start) {
		copy(v[j:], s.start)
	}
}

// run advances layer i, which is s, by a block.
func (s *sweepWhole) run(e *Engine, w *worker, i int, b block) {
	pop := &e.layers[i]
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
				s.addLarge(pop.counts.v, shortcut, tile)
			}
			e.record.Spikes[i][b.t0+t] += uint32(kernel.SweepWhole(pop.mask[b.slot+t], e.layers[s.from].mask[b.slot+t], shortcut, pop.counts.v, w.whole, tile))
			e.saturateTile(i, j, tile)
		}
	}
}

// addLarge adds the large weights of channels of a tile whose shortcut has a spike.
func (s *sweepWhole) addLarge(v []int32, shortcut []uint64, t *kernel.SweepWholeLayer) {
	for _, l := range s.large {
		if l.channel < t.First || l.channel >= t.First+t.N {
			continue
		}
		for p := l.channel / 64; p < len(shortcut); p += t.Words {
			if shortcut[p]>>(l.channel%64)&1 != 0 {
				v[p/t.Words*t.Pitch+l.channel] += l.weight
			}
		}
	}
}
