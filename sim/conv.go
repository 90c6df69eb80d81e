package sim

import (
	"math/bits"
	"slices"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// A convolution of spikes is computed in one of several ways that give the same
// bits, because every output adds the same weights in the same order. Scatter walks
// the spikes once and adds each one's weights to all outputs it reaches; it needs a
// window without strides. Gather walks, for each output, the spikes under its
// window, with the sums in registers. A dense product pays for silence, too, and is
// for sources that hardly know any. Most layers of residual networks are computed as
// a whole instead: by scatter in sweep.go, by gather in tiled.go.

// scatterMaxN is the widest layer, in padded channels, that scatters.
const scatterMaxN = 64

// scatters reports whether the convolution k into a layer of grid out is computed
// by scatter.
func scatters(k *snn.Conv, out grid) bool {
	w := k.Window
	return k.Groups == 1 && out.n <= scatterMaxN && w.Kernel != [2]int{1, 1} &&
		w.Stride == [2]int{1, 1} && w.Dilation == [2]int{1, 1} &&
		w.Pad[0] < w.Kernel[0] && w.Pad[2] < w.Kernel[0] && w.Pad[1] < w.Kernel[1] && w.Pad[3] < w.Kernel[1]
}

// haloBuffer returns the current buffer in which a spike at source position
// (y, x) reaches rows y to y+kernel-1 and columns alike, be they outputs or halo.
func haloBuffer(k *snn.Conv, in, out grid) buffer {
	kh, kw := k.Window.Kernel[0], k.Window.Kernel[1]
	b := buffer{stride: (in.w + kw - 1) * out.n, size: (in.h + kh - 1) * (in.w + kw - 1) * out.n}
	b.first = (kh-1-k.Window.Pad[0])*b.stride + (kw-1-k.Window.Pad[1])*out.n
	return b
}

// scatter is a convolution computed spike by spike.
type scatter struct {
	w     []float32 // [channel][ky reversed][kx reversed][n]
	shape kernel.ScatterShape
	in    grid
	taps  taps
}

func newScatter(k *snn.Conv, q float32, in grid, lp *layerPlan) *scatter {
	kh, kw, n := k.Window.Kernel[0], k.Window.Kernel[1], lp.n
	s := &scatter{
		w:     make([]float32, in.c*kh*kw*n),
		shape: kernel.ScatterShape{Rows: kh, Cols: kw, N: n, Stride: lp.current.stride},
		in:    in,
		taps:  convTaps(k, in, lp.grid),
	}
	forWeights(k, func(o, i, ky, kx int, w float32) {
		s.w[((i*kh+kh-1-ky)*kw+kw-1-kx)*n+o] = float32(w * q)
	})
	return s
}

func (*scatter) method() string { return "scatter" }

func (s *scatter) add(cur []float32, z *spikes) uint64 {
	z.list()
	for y := range s.in.h {
		first := y * s.in.w
		kernel.Scatter(cur[y*s.shape.Stride:], s.w, z.between(first, first+s.in.w), z.start[first:first+s.in.w+1], first, s.shape)
	}
	return s.taps.count(z)
}

// gather is the geometry of a convolution computed output by output.
type gather struct {
	window  tensor.Window
	shape   kernel.GatherShape // But for the number of output channels.
	in, out grid
	taps    taps
}

func newGather(k *snn.Conv, in, out grid) gather {
	return gather{
		window: k.Window, in: in, out: out, taps: convTaps(k, in, out),
		shape: kernel.GatherShape{Channels: in.c, Kernel: k.Window.Kernel[1], First: -k.Window.Pad[1], Stride: k.Window.Stride[1]},
	}
}

// pack returns the weights of n output channels from first on, padding included,
// times the charge q of a spike: [ky][kx][channel][n].
func (g *gather) pack(k *snn.Conv, q float32, first, n int) []float32 {
	packed := make([]float32, g.window.Kernel[0]*g.window.Kernel[1]*g.in.c*n)
	forWeightsInto(k, first, min(first+n, g.out.c), func(o, i, ky, kx int, w float32) {
		packed[((ky*g.window.Kernel[1]+kx)*g.in.c+i)*n+o-first] = float32(w * q)
	})
	return packed
}

// row adds the currents of n channels of output row r, whose weights are packed.
func (g *gather) row(acc, packed []float32, z *spikes, r, n int) {
	kh, kw, tap := g.window.Kernel[0], g.window.Kernel[1], g.in.c*n
	shape := g.shape
	shape.N = n
	for ky := range kh {
		y := g.window.Row(r, ky)
		if y < 0 || y >= g.in.h {
			continue
		}
		first := y * g.in.w
		start := z.start[first : first+g.in.w+1]
		w := packed[ky*kw*tap:][:kw*tap]
		if g.window.Dilation[1] == 1 {
			kernel.Gather(acc, w, z.events, start, first, shape)
			continue
		}
		for kx := range kw { // One column after the other.
			s := shape
			s.Kernel, s.First = 1, g.window.Col(0, kx)
			kernel.Gather(acc, w[kx*tap:][:tap], z.events, start, first, s)
		}
	}
}

// gathered is a convolution of all channels, added to the layer's current.
type gathered struct {
	gather
	w   []float32
	cur buffer
}

func newGathered(k *snn.Conv, q float32, in grid, lp *layerPlan) *gathered {
	g := newGather(k, in, lp.grid)
	return &gathered{gather: g, w: g.pack(k, q, 0, lp.n), cur: lp.current}
}

func (*gathered) method() string { return "gather" }

func (g *gathered) add(cur []float32, z *spikes) uint64 {
	z.list()
	for r := range g.out.h {
		g.row(cur[g.cur.at(g.out, r, 0):][:g.out.w*g.out.n], g.w, z, r, g.out.n)
	}
	return g.taps.count(z)
}

// denseFrom returns the rate of c source channels from which on a dense product is
// faster than adding weights spike by spike, as BenchmarkRates of this package
// measures it: the wider the source, the sooner, since its weights leave the first
// cache; never for 16 channels.
func denseFrom(c int) float32 {
	switch {
	case c >= 128:
		return 0.6
	case c >= 32:
		return 0.9
	}
	return 2
}

// isDense reports whether the convolution syn into a layer of grid out is computed
// as a dense product.
func (p *Plan) isDense(syn snn.Synapse, out grid) bool {
	k, ok := syn.Connection.(*snn.Conv)
	return ok && syn.From != snn.FromInput && k.Groups == 1 && out.c == out.n &&
		p.net.Layers[syn.From].Rate >= denseFrom(p.net.ShapeOf(syn.From)[0])
}

// denseConv is a convolution of spikes as zeros and ones. The products and sums of
// zeros change no bit.
type denseConv struct {
	conv *kernel.Conv
	in   grid
	size int // Of the source as an image.
	cur  buffer
	out  grid
	taps taps
}

func newDenseConv(k *snn.Conv, q float32, in grid, lp *layerPlan) *denseConv {
	w := make([]float32, len(k.Weight.Data))
	for i, x := range k.Weight.Data {
		w[i] = float32(x * q)
	}
	return &denseConv{
		conv: newKernelConv(k, in, lp.grid, w), in: in, size: in.positions() * in.c,
		cur: lp.current, out: lp.grid, taps: convTaps(k, in, lp.grid),
	}
}

func (*denseConv) method() string { return "dense" }

func (d *denseConv) add(cur []float32, z *spikes) uint64 {
	if need := d.size + d.conv.ScratchLen() + d.out.positions()*d.out.n; len(z.image) < need {
		z.image = make([]float32, need) // Once a worker.
	}
	image, rest := z.image[:d.size], z.image[d.size:]
	clear(image)
	for p := range d.in.positions() {
		for j, b := range z.mask[p*d.in.words:][:d.in.words] {
			for ; b != 0; b &= b - 1 {
				image[p*d.in.c+j*64+bits.TrailingZeros64(b)] = 1
			}
		}
	}
	// The layer's buffer may have a halo for another synapse: row by row then.
	sum, scratch := rest[:d.out.positions()*d.out.n], rest[d.out.positions()*d.out.n:]
	row := d.out.w * d.out.n
	for r := range d.out.h {
		copy(sum[r*row:][:row], cur[d.cur.at(d.out, r, 0):])
	}
	d.conv.Run(sum, image, scratch)
	for r := range d.out.h {
		copy(cur[d.cur.at(d.out, r, 0):], sum[r*row:][:row])
	}
	return d.taps.count(z)
}

// grouped is a convolution in groups, computed output by output: a spike adds to
// the outputs of its own group only.
type grouped struct {
	w         []float32 // [ky][kx][channel][outputs of a group]
	window    tensor.Window
	in, out   grid
	perSource int // Source channels of a group.
	perOut    int // Output channels of a group.
	cur       buffer
	taps      taps
}

func newGrouped(k *snn.Conv, q float32, in grid, lp *layerPlan) *grouped {
	kw := k.Window.Kernel[1]
	g := &grouped{
		window: k.Window, in: in, out: lp.grid, cur: lp.current, taps: convTaps(k, in, lp.grid),
		perSource: in.c / k.Groups, perOut: lp.c / k.Groups,
	}
	g.w = make([]float32, k.Window.Kernel[0]*kw*in.c*g.perOut)
	forWeights(k, func(o, i, ky, kx int, w float32) {
		g.w[((ky*kw+kx)*in.c+i)*g.perOut+o%g.perOut] = float32(w * q)
	})
	return g
}

func (*grouped) method() string { return "groups" }

func (g *grouped) add(cur []float32, z *spikes) uint64 {
	z.list()
	for r := range g.out.h {
		for c := range g.out.w {
			acc := cur[g.cur.at(g.out, r, c):][:g.out.c]
			for ky := range g.window.Kernel[0] {
				y := g.window.Row(r, ky)
				if y < 0 || y >= g.in.h {
					continue
				}
				for kx := range g.window.Kernel[1] {
					x := g.window.Col(c, kx)
					if x < 0 || x >= g.in.w {
						continue
					}
					tap := (ky*g.window.Kernel[1] + kx) * g.in.c
					for _, e := range z.between(y*g.in.w+x, y*g.in.w+x+1) {
						i := kernel.Channel(e)
						w := g.w[(tap+i)*g.perOut:][:g.perOut]
						dst := acc[i/g.perSource*g.perOut:][:g.perOut]
						for o := range w {
							dst[o] += w[o]
						}
					}
				}
			}
		}
	}
	return g.taps.count(z)
}

// forWeights calls f for every weight of k with its output channel, its source
// channel (of all groups) and its tap.
func forWeights(k *snn.Conv, f func(o, i, ky, kx int, w float32)) {
	forWeightsInto(k, 0, k.Weight.Shape[0], f)
}

// forWeightsInto is forWeights for the output channels from <= o < to.
func forWeightsInto(k *snn.Conv, from, to int, f func(o, i, ky, kx int, w float32)) {
	s := k.Weight.Shape
	n := from * s[1] * s[2] * s[3]
	for o := from; o < to; o++ {
		first := o / (s[0] / k.Groups) * s[1]
		for i := range s[1] {
			for ky := range s[2] {
				for kx := range s[3] {
					f(o, first+i, ky, kx, k.Weight.Data[n])
					n++
				}
			}
		}
	}
}

// convTaps counts, for each source position, the weights that a spike there meets:
// the outputs that it reaches times the output channels of its group.
func convTaps(k *snn.Conv, in, out grid) taps { return newTaps(reached(k, in, out)) }

// reached is convTaps before it is made ready to be summed.
func reached(k snn.Connection, in, out grid) []uint64 {
	f := k.Fan(out.shape())
	taps := f.Taps(in.shape(), out.shape())
	if taps == nil {
		taps = slices.Repeat([]uint64{1}, in.positions())
	}
	for p := range taps {
		taps[p] *= uint64(f.Channels)
	}
	return taps
}
