package sim

import (
	"math"
	"slices"
	"unsafe"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// A layer of a phased integer network is counted: in its window only the number of spikes of
// every neuron matters to the layers behind, and sums of whole numbers are the same in any
// order. So it takes the counts of its sources, n, adds n w once for every source, and fires
// by a division, in the time of one pass, whatever T is,
//
//	v = V[0] + T b + sum of n w       n = clip(floor(v / θ), 0, T)
//
// What is recorded of every timestep follows from the counts: a neuron of n spikes fires at
// the first n steps of its window, and in first-spike coding once, n steps before its end.
// Layers of other kinds, and whoever looks at spikes, get them as masks again.

// counted is such a layer; N is the type of all counts of the network.
type counted[N kernel.SpikeCount] struct {
	pixels []countedConv[uint16] // Of the image, where it is the same at every timestep.
	convs  []countedConv[N]
	shorts []countedShortcut
	pools  []countedPool

	taps  []countTaps // Of the synapses of spikes: additions.
	start []int32     // A row of neurons before the first source: V[0] and all biases.
	each  []int32     // Of every neuron in place of it; nil for none.
	left  []countedRemainder
	fire  *kernel.CountFire
	rows  int // How many are computed together.
}

// countedConv is a convolution, or a fully connected layer as one.
type countedConv[N kernel.SpikeCount] struct {
	from   int // A layer, or [snn.FromInput].
	conv   *kernel.CountConv[N]
	top    int // Rows and columns of the border that the first tap lies in.
	before int
	factor []int32 // Of the sums of each channel; nil for none.
}

type countedShortcut struct {
	from int
	*shortcut
	whole []int32 // Weights per padded output channel.
}

type countedPool struct {
	from   int
	window tensor.Window
	weight []int32 // [position][channel], not padded.
	in     grid
}

// countedRemainder is what a shortcut brings of what its source has left.
type countedRemainder struct {
	from   int
	start  []int32
	factor []float64
}

// countTaps is taps with the positions that reach fewer outputs put together by how many.
type countTaps struct {
	synapse, from int
	taps
	groups []lackGroup
}

type lackGroup struct {
	n    uint64
	runs []stretch
}

// stretch is some counts in a frame, one after the other.
type stretch struct{ first, n int }

// frame is how counts of a layer lie: an image with a border of zeros as wide as any window
// that looks at it needs.
type frame struct {
	grid
	top, left, bottom, right int
}

func (f *frame) stride() int { return (f.left + f.w + f.right) * f.n }
func (f *frame) size() int   { return (f.top + f.h + f.bottom) * f.stride() }

// at returns where the counts of row r begin.
func (f *frame) at(r int) int { return (f.top+r)*f.stride() + f.left*f.n }

// counts are those of the neurons of a layer, and what they have left.
type counts struct {
	n8    []uint8 // In a frame; one of them.
	n16   []uint16
	tally []uint32 // How many neurons have that many spikes.
	v     []int32  // Potentials after the window, where somebody asks for them.
	image []int32  // What an image that changes brings in a window; nil until there is one.

	far []int // Of a swept layer, per tile: timesteps for which no potential can saturate.

	sums []float32 // Of an output that takes counts, see [sumCounted], for every synapse.
}

// countsOf returns those of s of type N.
func countsOf[N kernel.SpikeCount](s *counts) []N {
	if n, ok := any(s.n8).([]N); ok {
		return n
	}
	return any(s.n16).([]N)
}

// wide reports whether counts, and weights, have 16 bits in place of 8.
func (p *Plan) wide() bool { return p.net.Bits > 8 || p.opt.Timesteps > kernel.MaxCount8 }

// counts reports whether layer i can be computed by counts.
func (p *Plan) counts(i int) bool {
	l := &p.net.Layers[i]
	_, traced := slices.BinarySearch(p.opt.Traced, i)
	if p.saturates(i) {
		return false
	}
	if !p.net.Integer() || p.net.Schedule != snn.Phased || p.opt.Timesteps > kernel.MaxCount16 || traced || p.isOutput(i) {
		return false
	}
	for _, s := range l.Synapses {
		if k, ok := s.Connection.(*snn.Conv); ok && k.Groups > 1 && s.From != snn.FromInput {
			return false
		}
	}
	return true
}

// countedLayer is a counted layer of any type of counts.
type countedLayer interface {
	run(e *Engine, w *worker, i int, b block)
	room() (rows int) // Whose potentials a worker has at a time.
	edge() (most int) // See [Plan.newEdge].
}

// counting says how the engine hands on the spikes of a layer.
type counting struct {
	layer    countedLayer // It is counted; nil for others.
	numbered bool         // Layers behind it want counts,
	masked   bool         // and layers behind it want masks.
	whole    bool         // They want what it has left, as whole numbers,
	real     bool         // and as the engine has potentials elsewhere.

	pixels bool // The image enters it as whole numbers, where it is the same at every timestep.
}

// planCounts finds out which layers are counted, and what of them others need.
func (p *Plan) planCounts() {
	p.frames, p.pixels = make([]frame, len(p.layers)), newPixelFrame(p.net.Input.Shape)
	for i := range p.layers {
		p.frames[i].grid = newGrid(p.net.Layers[i].Shape)
	}
	remains := p.net.Remains()
	for i := range p.layers {
		for _, s := range p.net.Layers[i].Synapses {
			if s.From == snn.FromInput {
				if k, ok := s.Connection.(*snn.Conv); ok && p.counts(i) {
					p.pixels.surround(k.Window, p.net.Layers[i].Shape)
				}
				continue
			}
			from := &p.layers[s.From].counting
			if !p.counts(i) && !p.takesCounts(i) {
				from.masked = true
				from.real = from.real || remains[s.From]
				continue
			}
			from.numbered = true
			from.whole = from.whole || remains[s.From]
			if k, ok := s.Connection.(*snn.Conv); ok {
				p.frames[s.From].surround(k.Window, p.net.Layers[i].Shape)
			}
		}
	}
}

// newCounting returns layer i as a counted one.
func (p *Plan) newCounting(i int) countedLayer {
	switch gate := p.net.Layers[i].IsGate(); {
	case gate && p.wide():
		return newCountedGate[uint16](p, i)
	case gate:
		return newCountedGate[uint8](p, i)
	case p.wide():
		return newCounted[uint16](p, i)
	}
	return newCounted[uint8](p, i)
}

// surround makes the border of f as wide as a window over all outputs needs.
func (f *frame) surround(w tensor.Window, out tensor.Shape) {
	beyond := func(k, size int) int {
		return (out[k+1]-1)*w.Stride[k] - w.Pad[k] + (w.Kernel[k]-1)*w.Dilation[k] - (size - 1)
	}
	f.top, f.left = max(f.top, w.Pad[0]), max(f.left, w.Pad[1])
	f.bottom, f.right = max(f.bottom, beyond(0, f.h)), max(f.right, beyond(1, f.w))
}

// newCounted returns layer i as a counted one.
func newCounted[N kernel.SpikeCount](p *Plan, i int) *counted[N] {
	l, g, T := &p.net.Layers[i], newGrid(p.net.Layers[i].Shape), p.opt.Timesteps
	c := &counted[N]{}
	weights := 0
	for j, s := range l.Synapses {
		if s.From == snn.FromInput {
			if p.layers[i].pixels {
				c.pixels = append(c.pixels, newCountedConv[uint16](p, s, i, T))
			}
			continue
		}
		in := newGrid(p.net.ShapeOf(s.From))
		c.taps = append(c.taps, newCountTaps(j, s, &p.frames[s.From], g))
		switch k := s.Connection.(type) {
		case *snn.Conv:
			c.convs = append(c.convs, newCountedConv[N](p, s, i, 1))
			weights += len(k.Weight.Data)
		case *snn.Dense:
			c.convs = append(c.convs, newCountedConv[N](p, s, i, 1))
			weights += len(k.Weight.Data)
		case *snn.Shortcut:
			sc := countedShortcut{s.From, &shortcut{stride: k.Stride, from: k.Start, offset: k.Offset, in: in, out: g}, whole(shortcutWeights(k, 1, in, g))}
			c.shorts = append(c.shorts, sc)
			if k.Remainder {
				r := countedRemainder{s.From, make([]int32, g.n), make([]float64, g.n)}
				for ch := range g.c {
					r.factor[ch], _ = p.net.RemainderScale(k, s.From, ch)
					r.start[ch] = int32(p.net.Layers[s.From].Neuron.VInitOf(ch))
				}
				c.left = append(c.left, r)
			}
		case *snn.AveragePool:
			pool := countedPool{from: s.From, window: k.Window, in: in}
			for r := range g.h {
				for col := range g.w {
					for ch := range g.c {
						pool.weight = append(pool.weight, int32(k.WeightAt(ch, r, col, in.h, in.w)))
					}
				}
			}
			c.pools = append(c.pools, pool)
		}
	}
	threshold, start := make([]int32, g.n), make([]int32, g.n)
	for ch := range threshold {
		threshold[ch] = math.MaxInt32
		if ch < g.c {
			threshold[ch], start[ch] = int32(l.Neuron.ThresholdOf(ch)), int32(l.Neuron.VInitOf(ch))
		}
	}
	var floor []int32 // Of what is handed on as a remainder.
	if p.net.Remains()[i] {
		floor = start
	}
	c.fire = kernel.NewCountFire(threshold, floor, T)
	bias := make([]int32, g.n)
	for ch, b := range l.Bias {
		bias[ch] = int32(T) * int32(b)
	}
	for range g.w {
		for ch := range g.n {
			c.start = append(c.start, start[ch]+bias[ch])
		}
	}
	for j, v := range startOf(l, g) {
		c.each = append(c.each, int32(v)+bias[j%g.n])
	}
	// Weights that leave the second cache pass through it once, for all rows.
	if c.rows = max(1, 1<<12/(g.w*g.n)); weights > 1<<18 {
		c.rows = g.h
	}
	c.rows = min(c.rows, g.h)
	return c
}

// newPixelFrame returns how pixels lie that enter as whole numbers, without a border.
func newPixelFrame(s tensor.Shape) frame {
	f := frame{grid: newGrid(s)}
	f.n = (f.c + 1) / 2 * 2 // The least that a convolution of 16 bits takes.
	return f
}

// takesPixels reports whether the image enters layer i, which is counted, as whole numbers.
func (p *Plan) takesPixels(i int) bool {
	enters := false
	for _, s := range p.net.Layers[i].Synapses {
		if s.From != snn.FromInput {
			continue
		}
		if k, ok := s.Connection.(*snn.Conv); ok && k.Groups > 1 {
			return false
		}
		enters = true
	}
	return enters && p.net.Input.Levels <= math.MaxInt16
}

// newCountedConv packs the whole weights of a convolution or a fully connected synapse into
// layer i, times a number. Those of a channel may have a factor behind them.
func newCountedConv[N kernel.SpikeCount](p *Plan, s snn.Synapse, i, times int) countedConv[N] {
	in, out, f := newGrid(p.net.ShapeOf(s.From)), newGrid(p.net.Layers[i].Shape), &p.pixels
	if s.From != snn.FromInput {
		f = &p.frames[s.From]
	}
	c := countedConv[N]{from: s.From, top: f.top, before: f.left}
	g := kernel.Geometry{Channels: in.c, Rows: in.h, Cols: in.w, OutChannels: out.c, OutRows: out.h, OutCols: out.w, Groups: 1}
	var w []int32
	switch k := s.Connection.(type) {
	case *snn.Conv:
		g.Kernel, g.Stride, g.Dilation = k.Window.Kernel, k.Window.Stride, k.Window.Dilation
		c.top, c.before = f.top-k.Window.Pad[0], f.left-k.Window.Pad[1]
		w = whole(k.Weight.Data)
	case *snn.Dense:
		g.OutRows, g.OutCols = 1, 1
		g.Kernel, g.Stride, g.Dilation = [2]int{in.h, in.w}, [2]int{1, 1}, [2]int{1, 1}
		w = whole(k.Weight.Data)
	}
	most, each := int32(1)<<(8*unsafe.Sizeof(N(0))-1)-1, len(w)/out.c
	for o := range out.c {
		row, factor := w[o*each:][:each], int32(1)
		largest := slices.Max(row)
		if least := slices.Min(row); -least > largest {
			largest = -least
		}
		if int64(times)*int64(largest) <= int64(most) {
			for j := range row {
				row[j] *= int32(times)
			}
		} else {
			factor = int32(times)
			for largest > most { // Whole multiples of a power of two, see [snn.Network.Bits].
				factor, largest = 2*factor, largest>>1
			}
			for j := range row {
				row[j] /= factor / int32(times)
			}
		}
		if factor != 1 {
			if c.factor == nil {
				c.factor = slices.Repeat([]int32{1}, out.n)
			}
			c.factor[o] = factor
		}
	}
	c.conv = kernel.PackCountConv[N](g, w, f.n)
	if s.From != snn.FromInput {
		c.conv = c.conv.Bounded(p.opt.Timesteps)
	}
	return c
}

// whole returns numbers that are whole as integers.
func whole(x []float32) []int32 {
	y := make([]int32, len(x))
	for j, v := range x {
		y[j] = int32(v)
	}
	return y
}

// newCountTaps groups positions of a source, whose counts lie in f.
func newCountTaps(synapse int, s snn.Synapse, f *frame, out grid) countTaps {
	t := countTaps{synapse: synapse, from: s.From, taps: newTaps(reached(s.Connection, f.grid, out))}
	for _, l := range t.lacking {
		k := slices.IndexFunc(t.groups, func(g lackGroup) bool { return g.n == l.n })
		if k < 0 {
			k = len(t.groups)
			t.groups = append(t.groups, lackGroup{n: l.n})
		}
		g, first := &t.groups[k], f.at(l.position/f.w)+l.position%f.w*f.n
		if m := len(g.runs) - 1; m >= 0 && g.runs[m].first+g.runs[m].n == first {
			g.runs[m].n += f.n
		} else {
			g.runs = append(g.runs, stretch{first, f.n})
		}
	}
	return t
}

func (c *counted[N]) room() int { return c.rows }

// newCounts makes room for those of layer i.
func (p *Plan) newCounts(i int) (c counts) {
	l, f := &p.layers[i], &p.frames[i]
	if p.takesCounts(i) {
		c.sums = make([]float32, len(l.synapses)*(p.opt.Timesteps+1)*l.n)
	}
	if l.sweepWhole != nil {
		c.v, c.far = make([]int32, l.positions()*l.n), make([]int, len(l.sweepWhole.tiles))
		return c
	}
	if l.layer == nil && !l.numbered {
		return c
	}
	if p.wide() {
		c.n16 = make([]uint16, f.size())
	} else {
		c.n8 = make([]uint8, f.size())
	}
	c.tally = make([]uint32, p.opt.Timesteps+1)
	if l.whole || l.real {
		c.v = make([]int32, l.positions()*l.n)
	}
	return c
}

// newEdge makes room for the counts of as many positions as any source has that reach fewer
// outputs than others.
func (p *Plan) newEdge() (c counts) {
	most := 0
	for i := range p.layers {
		if l := p.layers[i].layer; l != nil {
			most = max(most, l.edge())
		}
	}
	if p.wide() {
		c.n16 = make([]uint16, most)
	} else {
		c.n8 = make([]uint8, most)
	}
	c.tally = make([]uint32, p.opt.Timesteps+1)
	return c
}

// edge returns how many counts there are of the largest group.
func (c *counted[N]) edge() (most int) {
	for _, t := range c.taps {
		for _, g := range t.groups {
			n := 0
			for _, r := range g.runs {
				n += r.n
			}
			most = max(most, n)
		}
	}
	return most
}
