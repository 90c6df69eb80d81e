// Package parallel does numbered jobs on several goroutines.
package parallel

import (
	"context"
	"sync"
	"sync/atomic"
)

// Do does jobs 0 to n-1 on that many workers, each with a function of its
// own that start makes. done is called after every job, never twice at a time.
// Jobs begin in order and one that has begun without ctx's end is finished, so
// that the error returned is always that of the lowest job that fails.
func Do(ctx context.Context, workers, n int, start func(worker int) func(ctx context.Context, job int) error, done func()) error {
	var (
		next   atomic.Int64
		failed atomic.Bool
		mu     sync.Mutex
		first  = n
		fail   error
		wg     sync.WaitGroup
	)
	for w := range workers {
		wg.Go(func() {
			do := start(w)
			for ctx.Err() == nil && !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := do(ctx, i)
				mu.Lock()
				if err == nil {
					done()
				} else if i < first {
					first, fail = i, err
					failed.Store(true)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return fail
}
