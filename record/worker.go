package record

import (
	"context"
	"fmt"
	"math/bits"

	"sresnet/sim"
	"sresnet/snn"
)

// worker records one image at a time.
type worker struct {
	*recorder
	engine *sim.Engine
	pixels []float32
	box    outbox
	parts  map[int]*part // By layer.
	err    error         // Of an image; cancel ends its simulation.
	cancel context.CancelFunc
}

// part is what a worker has of one population.
type part struct {
	index               int // In Options.Populations.
	channels, positions int
	opens, closes       int       // When its window does, on the network's clock.
	unit                []float32 // Of potentials and currents, by channel; nil for 1.
	start               []float32 // Potentials before it integrates, of a phased network.
	spikes              *grid[bool]
	events              *events
	values              [3]*grid[float32] // By observable.
}

// begin makes room for another image.
func (p *part) begin() {
	if p.events != nil {
		p.events.begin()
	}
	if p.spikes != nil {
		p.spikes.begin()
	}
	for _, g := range p.values {
		if g != nil {
			g.begin()
		}
	}
}

func (r *recorder) newWorker() *worker {
	w := &worker{recorder: r, engine: r.plan.NewEngine(), pixels: make([]float32, r.net.Input.Shape.Len()), parts: make(map[int]*part)}
	w.box.order = &r.order
	for k, p := range r.o.Populations {
		l, a := &r.net.Layers[p.Layer], &r.arrays[k]
		c, h, wd := l.Shape.CHW()
		opens := r.o.phases[p.Layer] * r.o.Timesteps
		part := &part{index: k, channels: c, positions: h * wd, opens: opens, closes: opens + r.o.Timesteps}
		if r.o.Units != nil {
			part.unit = r.o.Units[p.Layer]
		}
		if opens > 0 && !l.IsGate() {
			part.start = part.inUnit(startOf(l))
		}
		for _, x := range r.o.kinds(l) {
			switch {
			case a.observable[x] == nil:
				part.events = &events{neurons: l.Neurons(), idxTo: a.idx, timeTo: a.time, row: make([]bool, l.Neurons())}
			case x == Spikes:
				part.spikes = newGrid[bool](a.observable[x], l.Neurons(), r.o.rows(l, x), r.o.steps)
			default:
				part.values[x] = newGrid[float32](a.observable[x], l.Neurons(), r.o.rows(l, x), r.o.steps)
			}
		}
		w.parts[p.Layer] = part
	}
	w.engine.Probe = w.probe
	w.engine.Trace = w.trace
	return w
}

// record records image i.
func (w *worker) record(ctx context.Context, i int) (err error) {
	defer func() {
		if err != nil {
			w.order.fail(i)
		}
	}()
	if err := w.images.Image(i, w.pixels); err != nil {
		return fmt.Errorf("record: image %d: %w", i, err)
	}
	ctx, w.cancel = context.WithCancel(ctx)
	defer w.cancel()
	w.err = nil
	w.box.begin(i)
	for _, p := range w.parts {
		p.begin()
	}
	rec, err := w.engine.Present(ctx, w.images, i, w.pixels)
	if err == nil {
		err = w.box.end()
	}
	switch {
	case w.err != nil:
		return fmt.Errorf("record: image %d: %w", i, w.err)
	case err != nil:
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for layer, p := range w.parts {
		n := 0
		for _, z := range rec.Spikes[layer] {
			n += int(z)
		}
		w.spikes[p.index] += uint64(n)
		w.most[p.index] = max(w.most[p.index], n)
	}
	return nil
}

// fail ends the image.
func (w *worker) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.cancel()
	}
}

// send packs elements of an array and hands them on.
func (w *worker) send(to array, offset []int, data any) {
	if w.err != nil {
		return
	}
	b, err := to.pack(data)
	if err == nil {
		err = w.box.send(piece{to, offset, b})
	}
	w.fail(err)
}

func (w *worker) probe(s sim.Spikes) {
	p := w.parts[s.Layer]
	if p == nil {
		return
	}
	clock := p.opens + s.Step
	last := clock == p.closes-1
	if g := p.spikes; g != nil {
		g.pad(w, clock, nil)
		unpack(g.next(), s, p.positions)
		g.end(w)
		if last {
			g.pad(w, w.o.steps, nil)
		}
	}
	if e := p.events; e != nil {
		unpack(e.row, s, p.positions)
		e.add(w, clock, last)
	}
}

func (w *worker) trace(t sim.Trace) {
	p := w.parts[t.Layer]
	for x, values := range [3][]float32{Potentials: t.V, Currents: t.I} {
		g := p.values[x]
		if g == nil {
			continue
		}
		var before, after []float32 // No current.
		if Observable(x) == Potentials {
			before, after = p.start, values
		}
		g.pad(w, t.Step, before)
		row := p.inUnit(values)
		if after != nil {
			after = row
		}
		copy(g.next(), row)
		g.end(w)
		if t.Step == p.closes-1 {
			g.pad(w, w.o.steps, after)
		}
	}
}

// inUnit returns potentials or currents in the unit of the population.
func (p *part) inUnit(x []float32) []float32 {
	if p.unit == nil {
		return x
	}
	y := make([]float32, len(x))
	for j, v := range x {
		y[j] = v * p.unit[j/p.positions]
	}
	return y
}

// startOf returns the potentials that the neurons of l begin with.
func startOf(l *snn.Layer) []float32 {
	v := make([]float32, l.Neurons())
	for j := range v {
		v[j] = l.StartOf(j)
	}
	return v
}

// unpack sets the neurons that spike, channel by channel, in dst, which is clear.
func unpack(dst []bool, s sim.Spikes, positions int) {
	for i, b := range s.Bits {
		position, first := i/s.Words, i%s.Words*64
		for ; b != 0; b &= b - 1 {
			dst[(first+bits.TrailingZeros64(b))*positions+position] = true
		}
	}
}

// grid gathers rows of an array, one per timestep, to a piece.
type grid[T bool | float32] struct {
	to                   array
	neurons, rows, steps int
	data                 []T
	n                    int // Rows that are there,
	at                   int // and those of the image so far.
}

func newGrid[T bool | float32](to array, neurons, rows, steps int) *grid[T] {
	return &grid[T]{to: to, neurons: neurons, rows: rows, steps: steps, data: make([]T, rows*neurons)}
}

func (g *grid[T]) begin() { g.at = 0 }

// next returns the row to fill, which is clear.
func (g *grid[T]) next() []T { return g.data[g.n*g.neurons:][:g.neurons] }

// end takes the row that was filled, that of the next timestep.
func (g *grid[T]) end(w *worker) {
	g.n++
	g.at++
	if g.n < g.rows && g.at < g.steps {
		return
	}
	data := g.data[:g.n*g.neurons]
	w.send(g.to, []int{w.box.image, g.at - g.n, 0}, data)
	var t T
	w.wrote(int64(len(data)) * int64(sizeOf(t)))
	clear(data)
	g.n = 0
}

// pad takes the same row for all timesteps before that one, nil for zeros.
func (g *grid[T]) pad(w *worker, until int, row []T) {
	for range until - g.at {
		copy(g.next(), row)
		g.end(w)
	}
}

func sizeOf(x any) int {
	if _, ok := x.(bool); ok {
		return Spikes.size()
	}
	return Potentials.size()
}

// eventsPiece is how many spikes a piece of a list has.
const eventsPiece = 1 << 12

// events gathers the spikes of an image, in the order of time, then of neurons.
type events struct {
	neurons       int
	idxTo, timeTo array
	row           []bool // Of one timestep; clear between them.
	idx           []int32
	time          []float32
	sent          int
}

func (e *events) begin() { e.idx, e.time, e.sent = e.idx[:0], e.time[:0], 0 }

// add takes the row of a timestep; last is the last one at which the population fires.
func (e *events) add(w *worker, step int, last bool) {
	for i, z := range e.row {
		if !z {
			continue
		}
		e.idx, e.time = append(e.idx, int32(i)), append(e.time, float32(step)*Dt)
		if len(e.idx) == eventsPiece {
			e.send(w)
		}
	}
	clear(e.row)
	if last && len(e.idx) > 0 {
		e.send(w)
	}
	rows := 1
	if last { // With those at which it does not.
		rows += w.o.steps - w.o.Timesteps
	}
	w.wrote(int64(rows) * int64(e.neurons) * int64(Spikes.size()))
}

func (e *events) send(w *worker) {
	offset := []int{w.box.image, e.sent}
	w.send(e.idxTo, offset, e.idx)
	w.send(e.timeTo, offset, e.time)
	e.sent += len(e.idx)
	e.idx, e.time = e.idx[:0], e.time[:0]
}
