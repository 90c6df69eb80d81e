package sim

import (
	"math/bits"

	"sresnet/internal/kernel"
	"sresnet/snn"
	"sresnet/tensor"
)

// run takes layer i, which is c, through its window.
func (c *counted[N]) run(e *Engine, w *worker, i int, b block) {
	l, s, f := &e.plan.layers[i], &e.layers[i], &e.plan.frames[i]
	if e.Potentials != nil && s.counts.v == nil {
		s.counts.v = make([]int32, l.positions()*l.n)
	}
	clear(e.record.ACs[i])
	image := len(l.analog) > 0 && !(l.pixels && e.enters.constant)
	if image {
		c.enter(e, w, i, b)
	}
	n, row := countsOf[N](&s.counts), l.w*l.n
	for r := 0; r < l.h; r += c.rows {
		rows := min(c.rows, l.h-r)
		v := w.potentials[:rows*row]
		if s.counts.v != nil {
			v = s.counts.v[r*row:][:rows*row]
		}
		c.begin(v, r*row)
		e.giveWindow(i, v, r*row)
		if image {
			for j, x := range s.counts.image[r*row:][:len(v)] {
				v[j] += x
			}
		} else {
			for j := range c.pixels {
				c.pixels[j].add(w, v, e.pixels, &e.plan.pixels, r, rows)
			}
		}
		for j := range c.convs {
			k := &c.convs[j]
			k.add(w, v, countsOf[N](&e.layers[k.from].counts), &e.plan.frames[k.from], r, rows)
		}
		for k := range rows {
			v := v[k*row:][:row]
			for j := range c.shorts {
				addCounted[N](e, &c.shorts[j], v, r+k)
			}
			for j := range c.pools {
				poolCounted[N](e, w, &c.pools[j], l, v, r+k)
			}
			c.takeOver(e, v, (r+k)*row)
			kernel.FireCounts(n[f.at(r+k):][:row], v, c.fire)
		}
	}
	tally(&s.counts, n, f)
	e.spread(e.record.Spikes[i], s.counts.tally)
	for j := range c.taps {
		countAdditions[N](e, w, i, &c.taps[j], b)
	}
}

// tally counts how many neurons have how many spikes.
func tally[N kernel.SpikeCount](s *counts, n []N, f *frame) {
	clear(s.tally)
	kernel.Tally(s.tally, n)
	s.tally[0] -= uint32(len(n) - f.positions()*f.c) // Border and padding.
}

// enter sums what an image brings every neuron in a window that is not the same at every
// timestep, or does not enter as whole numbers.
func (c *counted[N]) enter(e *Engine, w *worker, i int, b block) {
	l, s := &e.plan.layers[i], &e.layers[i]
	if s.counts.image == nil {
		s.counts.image = make([]int32, l.positions()*l.n)
	}
	image := s.counts.image
	if e.enters.constant {
		for j, x := range s.constant {
			image[j] = int32(b.n) * int32(x)
		}
		return
	}
	clear(image)
	for t := range b.n {
		e.present(w, i, b.t0+t, b.slot+t)
		for j, x := range s.constant {
			image[j] += int32(x)
		}
	}
}

// fillPixels writes an image, CHW and of whole numbers, into the frame of pixels.
func (e *Engine) fillPixels(x []float32) {
	f := &e.plan.pixels
	for c := range f.c {
		for r := range f.h {
			to := e.pixels[f.at(r)+c:]
			for j, v := range x[(c*f.h+r)*f.w:][:f.w] {
				to[j*f.n] = uint16(int32(v))
			}
		}
	}
}

// begin gives the neurons from first on the potential that they have before the first spike
// arrives.
func (c *counted[N]) begin(v []int32, first int) {
	if c.each != nil {
		copy(v, c.each[first:])
		return
	}
	for k := 0; k < len(v); k += len(c.start) {
		copy(v[k:], c.start)
	}
}

// add adds some rows of a convolution of n.
func (k *countedConv[N]) add(w *worker, v []int32, n []N, f *frame, r, rows int) {
	first := k.top*f.stride() + k.before*f.n
	if k.factor == nil {
		k.conv.Rows(v, n, first, f.stride(), r, r+rows)
		return
	}
	sums := w.shifted[:len(v)]
	clear(sums)
	k.conv.Rows(sums, n, first, f.stride(), r, r+rows)
	for j := 0; j < len(v); j += len(k.factor) {
		to := v[j:][:len(k.factor)]
		for c, x := range sums[j:][:len(to)] {
			to[c] += x * k.factor[c]
		}
	}
}

// addCounted adds row r of a shortcut.
func addCounted[N kernel.SpikeCount](e *Engine, s *countedShortcut, v []int32, r int) {
	f := &e.plan.frames[s.from]
	n := countsOf[N](&e.layers[s.from].counts)
	if s.identical() {
		kernel.AddCounts(v, n[f.at(r):][:len(v)], s.whole)
		return
	}
	src := n[f.at(s.shortcut.from[0]+r*s.stride[0]):]
	weight := s.whole[s.offset:][:s.in.c]
	for c := range s.out.w {
		to := v[c*s.out.n+s.offset:][:s.in.c]
		for j, x := range src[(s.shortcut.from[1]+c*s.stride[1])*s.in.n:][:s.in.c] {
			to[j] += int32(x) * weight[j]
		}
	}
}

// poolCounted adds row r of an average pool.
func poolCounted[N kernel.SpikeCount](e *Engine, w *worker, k *countedPool, l *layerPlan, v []int32, r int) {
	n := countsOf[N](&e.layers[k.from].counts)
	sums := w.shifted[:l.c]
	for c := range l.w {
		clear(sums)
		e.plan.frames[k.from].under(k.window, r, c, func(at int) {
			for j, x := range n[at:][:l.c] {
				sums[j] += int32(x)
			}
		})
		weight := k.weight[(r*l.w+c)*l.c:][:l.c]
		for j, x := range sums {
			v[c*l.n+j] += x * weight[j]
		}
	}
}

// under calls f with where the counts are of every position under output (r, c).
func (f *frame) under(w tensor.Window, r, c int, see func(at int)) {
	for ky := range w.Kernel[0] {
		y := w.Row(r, ky)
		if y < 0 || y >= f.h {
			continue
		}
		for kx := range w.Kernel[1] {
			if x := w.Col(c, kx); x >= 0 && x < f.w {
				see(f.at(y) + x*f.n)
			}
		}
	}
}

// takeOver adds what the sources of some neurons have left; see [snn.Phased].
func (c *counted[N]) takeOver(e *Engine, v []int32, first int) {
	for j := range c.left {
		r := &c.left[j]
		kernel.AddRemainders(v, e.layers[r.from].counts.v[first:][:len(v)], r.start, r.factor)
	}
}

// spread fills in how many neurons fire at every step of a window; see [counted].
func (e *Engine) spread(spikes, tally []uint32) {
	T := len(tally) - 1
	if e.plan.held() {
		for t := range spikes {
			spikes[t] = tally[T-t]
		}
		return
	}
	sum := uint32(0)
	for t := T - 1; t >= 0; t-- {
		sum += tally[t+1]
		spikes[t] = sum
	}
}

// countAdditions records the additions of one synapse of layer i.
func countAdditions[N kernel.SpikeCount](e *Engine, w *worker, i int, k *countTaps, b block) {
	if e.Probe != nil { // What arrives may be any spikes.
		for t := range b.n {
			e.count(i, k.synapse, b.t0+t, k.count(e.spikesOf(&w.shortcut, k.from, b, t)))
		}
		return
	}
	from := &e.layers[k.from].counts
	sums := w.additions // Weights that spikes of neurons with so many meet.
	for x, n := range from.tally {
		sums[x] = k.most * uint64(n)
	}
	n := countsOf[N](from)
	for _, g := range k.groups {
		edge := countsOf[N](&w.edge)[:0]
		for _, r := range g.runs {
			edge = append(edge, n[r.first:][:r.n]...)
		}
		clear(w.edge.tally)
		kernel.Tally(w.edge.tally, edge)
		for x, m := range w.edge.tally {
			sums[x] -= g.n * uint64(m) // That of no spikes, padding included, is not asked for.
		}
	}
	T, sum, held := len(sums)-1, uint64(0), e.plan.held()
	for t := T - 1; t >= 0; t-- {
		if held {
			e.record.add(i, k.synapse, T-1-t, sums[t+1])
			continue
		}
		sum += sums[t+1]
		e.record.add(i, k.synapse, t, sum)
	}
}

// countedGate is a max pool, which hands on the largest count.
type countedGate[N kernel.SpikeCount] struct {
	from   int
	window tensor.Window
}

func newCountedGate[N kernel.SpikeCount](p *Plan, i int) *countedGate[N] {
	syn := p.net.Layers[i].Synapses[0]
	return &countedGate[N]{syn.From, syn.Connection.(*snn.MaxPool).Window}
}

func (*countedGate[N]) room() int { return 0 }

func (*countedGate[N]) edge() int { return 0 }

func (g *countedGate[N]) run(e *Engine, _ *worker, i int, _ block) {
	l, s, f, in := &e.plan.layers[i], &e.layers[i], &e.plan.frames[i], &e.plan.frames[g.from]
	n, from := countsOf[N](&s.counts), countsOf[N](&e.layers[g.from].counts)
	for r := range l.h {
		for c := range l.w {
			to := n[f.at(r)+c*l.n:][:l.n]
			clear(to)
			in.under(g.window, r, c, func(at int) { kernel.MaxCounts(to, from[at:][:l.n]) })
		}
	}
	clear(e.record.ACs[i])
	tally(&s.counts, n, f)
	e.spread(e.record.Spikes[i], s.counts.tally)
}

// handOn makes masks and potentials of what a layer has that is computed in whole numbers, for layers behind it that
// are not counted and for whoever looks at it.
func (e *Engine) handOn(i int, b block) {
	l, s := &e.plan.layers[i], &e.layers[i]
	made := l.layer != nil
	if made && (l.masked || e.Probe != nil) {
		e.roomForMasks(i)
		if e.plan.wide() {
			expand[uint16](e, i, b)
		} else {
			expand[uint8](e, i, b)
		}
	}
	made = made || l.sweepWhole != nil
	if made && (l.real || e.Potentials != nil) && s.counts.v != nil {
		e.roomForMasks(i)
		for j, x := range s.counts.v {
			s.v[j] = float32(x)
		}
	}
}

// number gives counted layers behind layer i what they want of it, unless it has that.
func (e *Engine) number(i int, b block) {
	l, s := &e.plan.layers[i], &e.layers[i]
	made := l.layer != nil
	if l.whole && !made {
		for j, x := range s.v {
			s.counts.v[j] = int32(x)
		}
	}
	if l.numbered && (!made || e.Probe != nil) {
		if e.plan.wide() {
			recount[uint16](e, i, b)
		} else {
			recount[uint8](e, i, b)
		}
	}
}

// roomForMasks makes what only layers need that are not counted.
func (e *Engine) roomForMasks(i int) {
	l, s := &e.plan.layers[i], &e.layers[i]
	for t := range s.mask {
		if s.mask[t] == nil {
			s.mask[t] = make([]uint64, l.positions()*l.words)
		}
	}
	if s.v == nil && l.gate == nil {
		s.v = make([]float32, l.positions()*l.n)
		e.startLayer(i)
	}
}

// expand makes masks of the counts of layer i, of first-spike coding of all spikes that have
// arrived.
func expand[N kernel.SpikeCount](e *Engine, i int, b block) {
	l, s, f := &e.plan.layers[i], &e.layers[i], &e.plan.frames[i]
	masks, held := s.mask[b.slot:][:b.n], e.plan.held()
	for _, m := range masks {
		clear(m)
	}
	n := countsOf[N](&s.counts)
	for p := range l.positions() {
		for c, x := range n[f.at(p/l.w)+p%l.w*l.n:][:l.c] {
			if x == 0 {
				continue
			}
			fires := masks[:x]
			if held {
				fires = masks[b.n-int(x):]
			}
			word, bit := p*l.words+c/64, uint64(1)<<(c%64)
			for _, m := range fires {
				m[word] |= bit
			}
		}
	}
	if held {
		for t, m := range masks {
			s.arrived[b.slot+t] = kernel.OnesCount(m)
		}
	}
}

// recount makes counts of the masks of layer i.
func recount[N kernel.SpikeCount](e *Engine, i int, b block) {
	l, s, f := &e.plan.layers[i], &e.layers[i], &e.plan.frames[i]
	n := countsOf[N](&s.counts)
	clear(n)
	for _, m := range s.mask[b.slot:][:b.n] {
		for p := range l.positions() {
			at := f.at(p/l.w) + p%l.w*l.n
			for j, z := range m[p*l.words:][:l.words] {
				for ; z != 0; z &= z - 1 {
					n[at+j*64+bits.TrailingZeros64(z)]++
				}
			}
		}
	}
	tally(&s.counts, n, f)
}
