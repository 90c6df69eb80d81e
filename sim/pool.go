package sim

import (
	"math/bits"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// averagePool counts the spikes under each window, channel by channel.
type averagePool struct {
	window  tensor.Window
	weight  []float32 // Per output position.
	in, out grid
	cur     buffer
}

func newAveragePool(k *snn.AveragePool, q float32, in grid, lp *layerPlan) *averagePool {
	a := &averagePool{window: k.Window, in: in, out: lp.grid, cur: lp.current, weight: make([]float32, lp.positions())}
	for p := range a.weight {
		a.weight[p] = float32(k.WeightAt(p/lp.w, p%lp.w, in.h, in.w) * q)
	}
	return a
}

func (*averagePool) method() string { return "pool" }

func (a *averagePool) add(cur []float32, z *spikes) (acs uint64) {
	for r := range a.out.h {
		for c := range a.out.w {
			var count [64]uint32 // Of the channels of one mask word.
			for first := 0; first < a.out.c; first += len(count) {
				clear(count[:])
				acs += a.countSpikes(&count, first/64, r, c, z)
				w := a.weight[r*a.out.w+c]
				acc := cur[a.cur.at(a.out, r, c)+first:]
				for i := range min(len(count), a.out.c-first) {
					acc[i] += float32(float32(count[i]) * w)
				}
			}
		}
	}
	return acs
}

// countSpikes counts the spikes of the 64 channels of one mask word under the
// window of output (r, c).
func (a *averagePool) countSpikes(count *[64]uint32, word, r, c int, z *spikes) (n uint64) {
	for ky := range a.window.Kernel[0] {
		y := a.window.Row(r, ky)
		if y < 0 || y >= a.in.h {
			continue
		}
		for kx := range a.window.Kernel[1] {
			x := a.window.Col(c, kx)
			if x < 0 || x >= a.in.w {
				continue
			}
			for b := z.mask[(y*a.in.w+x)*a.in.words+word]; b != 0; b &= b - 1 {
				count[bits.TrailingZeros64(b)]++
				n++
			}
		}
	}
	return n
}

// gate is a max pool, see [snn.MaxPool].
type gate struct {
	from    int
	window  tensor.Window
	in, out grid
}

// step fills out with the spikes that pass. n counts the spikes of every source
// neuron so far, m those of every output, both channels last and not padded.
func (g *gate) step(out []uint64, z *spikes, n, m []uint32) {
	z.list()
	for _, e := range z.events {
		n[kernel.Position(e)*g.in.c+kernel.Channel(e)]++
	}
	for r := range g.out.h {
		for c := range g.out.w {
			p := r*g.out.w + c
			for j := range g.out.words {
				var any uint64
				g.forWindow(r, c, func(q int) { any |= z.mask[q*g.in.words+j] })
				var passed uint64
				for b := any; b != 0; b &= b - 1 {
					bit := bits.TrailingZeros64(b)
					ch, most := j*64+bit, uint32(0)
					g.forWindow(r, c, func(q int) { most = max(most, n[q*g.in.c+ch]) })
					if most > m[p*g.out.c+ch] {
						m[p*g.out.c+ch]++
						passed |= 1 << bit
					}
				}
				out[p*g.out.words+j] = passed
			}
		}
	}
}

// forWindow calls f for every source position under the window of output (r, c).
func (g *gate) forWindow(r, c int, f func(q int)) {
	for ky := range g.window.Kernel[0] {
		y := g.window.Row(r, ky)
		if y < 0 || y >= g.in.h {
			continue
		}
		for kx := range g.window.Kernel[1] {
			if x := g.window.Col(c, kx); x >= 0 && x < g.in.w {
				f(y*g.in.w + x)
			}
		}
	}
}
