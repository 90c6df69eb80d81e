package terminal

import (
	"cmp"
	"encoding/json"
	"sync"
	"time"
)

// Objects of progress come so often while there is something new, and every second while
// there is nothing: whoever writes into a pipe that nobody reads any more ends, so that this
// program does not outlive the one that started it.
const (
	objectsEvery = 100 * time.Millisecond
	silentTicks  = 10
)

// progressObject is a line of progress for programs.
type progressObject struct {
	Progress struct {
		What string `json:"what"`
		Done int    `json:"done"`
		Of   int    `json:"of"` // 0 as long as that is not known.
	} `json:"progress"`
}

// objects is Bar for a program, which reads one JSON object in each line.
func (p Progress) objects(label string) (update func(done, total int), stop func()) {
	var (
		mu        sync.Mutex
		now, said progressObject
		silent    int
		enc       = json.NewEncoder(p.W)
	)
	now.Progress.What = label
	say := func() {
		said, silent = now, 0
		_ = enc.Encode(now) // Nobody can be told that it fails.
	}
	ended, gone := make(chan struct{}), make(chan struct{})
	say()
	go func() {
		defer close(gone)
		tick := time.NewTicker(cmp.Or(p.Every, objectsEvery))
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				mu.Lock()
				if silent++; now != said || silent == silentTicks {
					say()
				}
				mu.Unlock()
			}
		}
	}()
	update = func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		now.Progress.Done, now.Progress.Of = done, total
	}
	return update, sync.OnceFunc(func() {
		close(ended)
		<-gone
		mu.Lock()
		defer mu.Unlock()
		if now != said {
			say()
		}
	})
}
