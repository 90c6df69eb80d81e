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
	weight  []float32 // Per output position, or for each all channels.
	each    bool      // The latter.
	in, out grid
	cur     buffer
}

func newAveragePool(k *snn.AveragePool, q float32, in grid, lp *layerPlan) *averagePool {
	a := &averagePool{window: k.Window, in: in, out: lp.grid, cur: lp.current, each: k.Scales != nil}
	for p := range lp.positions() {
		for c := range lp.c {
			if a.each || c == 0 {
				a.weight = append(a.weight, float32(k.WeightAt(c, p/lp.w, p%lp.w, in.h, in.w)*q))
			}
		}
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
				acc := cur[a.cur.at(a.out, r, c)+first:]
				for i := range min(len(count), a.out.c-first) {
					acc[i] += float32(float32(count[i]) * a.weightOf(r*a.out.w+c, first+i))
				}
			}
		}
	}
	return acs
}

// weightOf returns the weight of channel c at output position p.
func (a *averagePool) weightOf(p, c int) float32 {
	if a.each {
		return a.weight[p*a.out.c+c]
	}
	return a.weight[p]
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
// neuron so far, m those of every output, both channels last and padded.
func (g *gate) step(out []uint64, z *spikes, n, m []uint16) {
	kernel.Count(n, z.mask, g.in.words, g.in.n)
	rows, row := g.window.Kernel[0], g.out.w*g.out.words
	if g.window.Dilation != [2]int{1, 1} {
		g.stepDilated(out, z, n, m)
		return
	}
	for r := range g.out.h {
		first := min(max(g.window.Row(r, 0), 0), g.in.h)
		last := max(min(g.window.Row(r, rows-1), g.in.h-1), first-1)
		from, to := first*g.in.w, (last+1)*g.in.w
		kernel.Gate(out[r*row:][:row], m[r*g.out.w*g.out.n:][:g.out.w*g.out.n], z.mask[from*g.in.words:to*g.in.words], n[from*g.in.n:to*g.in.n], kernel.GateShape{
			Rows: last - first + 1, Cols: g.in.w, Kernel: g.window.Kernel[1], First: g.window.Col(0, 0), Stride: g.window.Stride[1],
			Words: g.in.words, Channels: g.in.n,
		})
	}
}

// stepDilated is step for windows with gaps, which are rare.
func (g *gate) stepDilated(out []uint64, z *spikes, n, m []uint16) {
	for p := range g.out.positions() {
		for j := range g.out.words {
			var busy, passed uint64
			g.forWindow(p, func(q int) { busy |= z.mask[q*g.in.words+j] })
			for ; busy != 0; busy &= busy - 1 {
				bit := bits.TrailingZeros64(busy)
				ch, most := j*64+bit, uint16(0)
				g.forWindow(p, func(q int) { most = max(most, n[q*g.in.n+ch]) })
				if most > m[p*g.out.n+ch] {
					m[p*g.out.n+ch]++
					passed |= 1 << bit
				}
			}
			out[p*g.out.words+j] = passed
		}
	}
}

// forWindow calls f for every source position under the window of output p.
func (g *gate) forWindow(p int, f func(q int)) {
	for ky := range g.window.Kernel[0] {
		y := g.window.Row(p/g.out.w, ky)
		if y < 0 || y >= g.in.h {
			continue
		}
		for kx := range g.window.Kernel[1] {
			if x := g.window.Col(p%g.out.w, kx); x >= 0 && x < g.in.w {
				f(y*g.in.w + x)
			}
		}
	}
}
