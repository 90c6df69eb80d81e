package record

import (
	"context"
	"fmt"
	"math/bits"

	"sresnet/sim"
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
	spikes              *grid[bool]
	events              *events
	values              [3]*grid[float32] // By observable.
}

func (r *recorder) newWorker() *worker {
	w := &worker{recorder: r, engine: r.plan.NewEngine(), pixels: make([]float32, r.net.Input.Shape.Len()), parts: make(map[int]*part)}
	w.box.order = &r.order
	for k, p := range r.o.Populations {
		l, a := &r.net.Layers[p.Layer], &r.arrays[k]
		c, h, wd := l.Shape.CHW()
		part := &part{index: k, channels: c, positions: h * wd}
		for _, x := range r.o.kinds(l) {
			switch {
			case a.observable[x] == nil:
				part.events = &events{neurons: l.Neurons(), idxTo: a.idx, timeTo: a.time, row: make([]bool, l.Neurons())}
			case x == Spikes:
				part.spikes = newGrid[bool](a.observable[x], l.Neurons(), r.o.rows(l, x))
			default:
				part.values[x] = newGrid[float32](a.observable[x], l.Neurons(), r.o.rows(l, x))
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
		if p.events != nil {
			p.events.begin()
		}
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
	last := s.Step == w.o.Timesteps-1
	if g := p.spikes; g != nil {
		unpack(g.next(), s, p.positions)
		g.end(w, s.Step, last)
	}
	if e := p.events; e != nil {
		unpack(e.row, s, p.positions)
		e.add(w, s.Step, last)
	}
}

func (w *worker) trace(t sim.Trace) {
	p := w.parts[t.Layer]
	for x, values := range [3][]float32{Potentials: t.V, Currents: t.I} {
		if g := p.values[x]; g != nil {
			copy(g.next(), values)
			g.end(w, t.Step, t.Step == w.o.Timesteps-1)
		}
	}
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
	to            array
	neurons, rows int
	data          []T
	n             int // Rows that are there.
}

func newGrid[T bool | float32](to array, neurons, rows int) *grid[T] {
	return &grid[T]{to: to, neurons: neurons, rows: rows, data: make([]T, rows*neurons)}
}

// next returns the row to fill, which is clear.
func (g *grid[T]) next() []T { return g.data[g.n*g.neurons:][:g.neurons] }

// end takes the row that was filled, that of a timestep.
func (g *grid[T]) end(w *worker, step int, last bool) {
	g.n++
	if g.n < g.rows && !last {
		return
	}
	data := g.data[:g.n*g.neurons]
	w.send(g.to, []int{w.box.image, step + 1 - g.n, 0}, data)
	var t T
	w.wrote(int64(len(data)) * int64(sizeOf(t)))
	clear(data)
	g.n = 0
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

// add takes the row of a timestep.
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
	w.wrote(int64(e.neurons) * int64(Spikes.size()))
}

func (e *events) send(w *worker) {
	offset := []int{w.box.image, e.sent}
	w.send(e.idxTo, offset, e.idx)
	w.send(e.timeTo, offset, e.time)
	e.sent += len(e.idx)
	e.idx, e.time = e.idx[:0], e.time[:0]
}
