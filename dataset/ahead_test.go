package dataset

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slow is files of a file system that makes each wait, in the time of a synctest bubble,
// which also waits for all goroutines.
type slow struct {
	*readAhead
	mu    sync.Mutex
	reads map[int]int // How often each was read.
	bytes atomic.Int64
	most  atomic.Int64 // Bytes in memory at a time.
}

func newSlow(n int, size int64, latency time.Duration) *slow {
	s := &slow{reads: make(map[int]int)}
	s.readAhead = &readAhead{n: n, size: func(int) int64 { return size }, read: func(i int) ([]byte, error) {
		time.Sleep(latency)
		s.mu.Lock()
		s.reads[i]++
		s.mu.Unlock()
		for held := s.bytes.Add(size); ; {
			if most := s.most.Load(); held <= most || s.most.CompareAndSwap(most, held) {
				break
			}
		}
		if i%10 == 7 {
			return nil, fmt.Errorf("file %d", i)
		}
		return []byte{byte(i)}, nil
	}}
	return s
}

// pass lets workers ask for all files in order, and decode each.
func (s *slow) pass(t *testing.T, workers int, decode time.Duration) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= s.n {
					return
				}
				s.ask(t, i)
				time.Sleep(decode)
				s.bytes.Add(-s.size(i))
			}
		})
	}
	wg.Wait()
}

func (s *slow) ask(t *testing.T, i int) {
	b, err := s.get(i)
	if i%10 == 7 {
		if err == nil || err.Error() != fmt.Sprintf("file %d", i) {
			t.Errorf("file %d: got error %v", i, err)
		}
	} else if err != nil || len(b) != 1 || b[0] != byte(i) {
		t.Errorf("file %d: got %v, error %v", i, b, err)
	}
}

// Workers do not wait for a file system that takes three times as long as they do, in
// any pass, and each file is read once in each.
func TestReadAhead(t *testing.T) {
	for _, workers := range []int{1, 3, 4} {
		synctest.Test(t, func(t *testing.T) {
			const n, decode, latency = 300, 7 * time.Millisecond, 20 * time.Millisecond
			s := newSlow(n, 100, latency)
			for pass := range 2 {
				began := time.Now()
				s.pass(t, workers, decode)
				alone := n * decode / time.Duration(workers)
				if took := time.Since(began); took > alone*5/4 {
					t.Errorf("%d workers, pass %d: took %v, decoding alone %v", workers, pass, took, alone)
				}
				for i := range n {
					if s.reads[i] != pass+1 {
						t.Fatalf("pass %d: file %d was read %d times", pass, i, s.reads[i])
					}
				}
			}
			if len(s.way) != 0 || s.readAhead.bytes != 0 {
				t.Errorf("left are %d files of %d bytes", len(s.way), s.readAhead.bytes)
			}
		})
	}
}

// What is held ahead is bounded in bytes, and those who ask far apart read what they ask for.
func TestReadAheadBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = aheadBytes / 3
		s := newSlow(50, size, time.Second)
		s.pass(t, 2, time.Millisecond)
		if most := s.most.Load(); most > (3+2)*size {
			t.Errorf("%d bytes were in memory, of files of %d", most, size)
		}
		large := newSlow(50, aheadBytes+1, time.Second)
		large.pass(t, 2, time.Millisecond)
		if most := large.most.Load(); most > 2*(aheadBytes+1) {
			t.Errorf("%d bytes were in memory", most)
		}
		unknown := newSlow(50, -1, time.Second)
		unknown.pass(t, 1, 0)
		if len(unknown.reads) != 50 {
			t.Errorf("%d files were read", len(unknown.reads))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSlow(1<<20, 100, time.Second)
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 100 {
			s.ask(t, rnd.IntN(s.n))
		}
		if len(s.reads) > 110 { // Now and then two are near each other.
			t.Errorf("%d files were read for 100", len(s.reads))
		}
		// A pass that ends early leaves what is on its way to those who begin elsewhere.
		for i := range 100 {
			s.ask(t, i)
		}
		s.ask(t, s.n/2)
		if len(s.way) != 0 || s.readAhead.bytes != 0 {
			t.Errorf("left are %d files of %d bytes", len(s.way), s.readAhead.bytes)
		}
	})
}

// Checks and passes over a data set of real files go through it.
func TestReadAheadFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		write(t, dir, fmt.Sprintf("a/%02d.png", i), square(byte(i)))
	}
	d := check(t, small(t, "folder:"+dir, Test), "")
	replace(t, filepath.Join(dir, "a", "05.png"), square(5), square(4))
	for range 2 {
		for i := range d.Len() {
			err := d.Pixels(i, make([]float32, 4))
			if (err != nil) != (i == 5) {
				t.Errorf("image %d: got error %v", i, err)
			}
		}
	}
	if ahead := d.images.(*fileStore).ahead; ahead.ahead < 16 || len(ahead.way) != 0 {
		t.Errorf("%d files are read ahead, %d are left", ahead.ahead, len(ahead.way))
	}
}
