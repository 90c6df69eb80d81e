package dataset

import (
	"runtime"
	"sync"
)

// Bounds of what is read ahead. A file system that takes 20 ms for a file needs 3 files a
// core to keep up with decoding, which takes 7 ms.
const (
	aheadBytes = 1 << 26
	aheadMost  = 256
)

var aheadFiles = min(max(16, 4*runtime.GOMAXPROCS(0)), aheadMost)

// readAhead reads files before they are asked for, as long as they are asked for in
// nearly ascending order, so that a file system that makes each wait does not make
// everybody wait. Any number of goroutines may ask. A file is read by a goroutine that
// ends with it; what is not asked for any more is dropped as soon as something far from
// it is.
type readAhead struct {
	n    int                         // Of files, 0 to n-1.
	size func(i int) int64           // Of a file, in bytes; -1 if it is not known, and the file is not read ahead.
	read func(i int) ([]byte, error) // Reads a file.

	mu    sync.Mutex
	last  int // Asked for most recently.
	next  int // All from last to next-1 are asked for or on their way.
	ahead int // How many may be on their way.
	way   map[int]*onItsWay
	bytes int64 // Of these.
}

// onItsWay is a file that is being read, or has been read, and not asked for yet.
type onItsWay struct {
	size int64
	done chan struct{}
	b    []byte
	err  error
}

// get returns what read returns.
func (r *readAhead) get(i int) ([]byte, error) {
	w := r.take(i)
	if w == nil {
		return r.read(i)
	}
	<-w.done
	return w.b, w.err
}

// take returns the file if it is on its way, and sends for the next ones.
func (r *readAhead) take(i int) *onItsWay {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.way[i]
	if w != nil {
		delete(r.way, i)
		r.bytes -= w.size
	}
	if w == nil && (i < r.last-aheadFiles || i > r.next+aheadFiles) {
		r.way, r.bytes, r.ahead, r.next = nil, 0, 0, i+1
	} else {
		r.ahead = min(2*r.ahead+1, aheadFiles)
	}
	r.last = i
	r.next = max(r.next, i+1)
	for ; r.next < r.n && r.next <= i+r.ahead; r.next++ {
		size := r.size(r.next)
		if size < 0 || r.bytes+size > aheadBytes {
			break
		}
		r.send(r.next, size)
	}
	return w
}

func (r *readAhead) send(i int, size int64) {
	w := &onItsWay{size: size, done: make(chan struct{})}
	if r.way == nil {
		r.way = make(map[int]*onItsWay)
	}
	r.way[i] = w
	r.bytes += size
	go func() {
		w.b, w.err = r.read(i)
		close(w.done)
	}()
}
