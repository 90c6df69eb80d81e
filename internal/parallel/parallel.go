// Package parallel runs numbered jobs on several goroutines.
package parallel

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Do runs jobs 0 to n-1 on that many workers, each with a function of its own
// that start makes. done is called after every job, never twice at a time. Jobs
// begin in order and one that has begun without ctx's end is finished, so that
// the error returned is always that of the lowest job that fails.
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

// Feed runs the jobs that next hands out, until it says false, on that many workers,
// each with a function of its own that start makes, and calls add with what comes of
// each. Calls of next and add do not overlap. The first error of any of them, or of
// ctx, ends it and is returned.
func Feed[R any](ctx context.Context, workers int, start func() func(ctx context.Context, job int) (R, error), next func() (job int, ok bool, err error), add func(R) error) error {
	var (
		mu   sync.Mutex
		fail error
		wg   sync.WaitGroup
	)
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	work := func(do func(context.Context, int) (R, error)) error {
		for {
			if err := inner.Err(); err != nil {
				return err
			}
			mu.Lock()
			job, ok, err := next()
			mu.Unlock()
			if err != nil || !ok {
				return err
			}
			r, err := do(inner, job)
			if err != nil {
				return err
			}
			mu.Lock()
			err = add(r)
			mu.Unlock()
			if err != nil {
				return err
			}
		}
	}
	for range workers {
		wg.Go(func() {
			if err := work(start()); err != nil {
				mu.Lock()
				if fail == nil || errors.Is(fail, context.Canceled) {
					fail = err
				}
				mu.Unlock()
				cancel()
			}
		})
	}
	wg.Wait()
	if fail != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return fail
}
