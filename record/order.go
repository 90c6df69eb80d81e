package record

import (
	"context"
	"math"
	"sync"
)

// maxHeld is how many bytes of an image wait at most for earlier images.
const maxHeld = 64 << 20

// order lets images write in their order, no matter which worker has them: then a
// file has the same bytes for any number of workers. The image whose turn it is never
// waits.
type order struct {
	mu     sync.Mutex
	change *sync.Cond
	next   int // The image whose turn it is.
	failed int // The first image that will not be written.
}

func (q *order) init() { q.change, q.failed = sync.NewCond(&q.mu), math.MaxInt }

// fail ends all waiting for an image, which will not be written.
func (q *order) fail(image int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failed = min(q.failed, image)
	q.change.Broadcast()
}

// turn reports whether it is the turn of an image; with wait, it waits for that, and
// only says no if an image before it failed.
func (q *order) turn(image int, wait bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for wait && q.next != image && q.failed > image {
		q.change.Wait()
	}
	return q.next == image
}

// end is the end of an image whose turn it is.
func (q *order) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next++
	q.change.Broadcast()
}

// piece is a part of an array, ready to be written.
type piece struct {
	to     array
	offset []int
	data   []byte
}

// outbox holds the pieces of an image until it is its turn.
type outbox struct {
	order *order
	image int
	held  []piece
	bytes int
}

// begin makes the box that of another image.
func (b *outbox) begin(image int) { b.image, b.held, b.bytes = image, b.held[:0], 0 }

// send writes a piece, now or later.
func (b *outbox) send(p piece) error {
	b.held = append(b.held, p)
	b.bytes += len(p.data)
	return b.flush(b.bytes > maxHeld)
}

// end writes what is left and gives the turn to the next image.
func (b *outbox) end() error {
	if err := b.flush(true); err != nil {
		return err
	}
	b.order.end()
	return nil
}

func (b *outbox) flush(wait bool) error {
	if !b.order.turn(b.image, wait) {
		if wait {
			return context.Canceled // Of no use to anyone: the image that failed comes before.
		}
		return nil
	}
	for _, p := range b.held {
		if err := p.to.put(p.offset, p.data); err != nil {
			return err
		}
	}
	clear(b.held)
	b.held, b.bytes = b.held[:0], 0
	return nil
}
