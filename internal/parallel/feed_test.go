package parallel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestFeed(t *testing.T) {
	for _, workers := range []int{1, 2, 7} {
		i, started, got := 0, 0, []int(nil)
		next := func() (int, bool, error) { i++; return i, i <= 50, nil }
		err := Feed(t.Context(), workers, func() func(context.Context, int) (int, error) {
			return func(_ context.Context, job int) (int, error) { return job * job, nil }
		}, func() (int, bool, error) { started++; return next() }, func(r int) error { got = append(got, r); return nil })
		slices.Sort(got)
		if err != nil || len(got) != 50 || got[0] != 1 || got[49] != 2500 || started != 50+workers {
			t.Errorf("%d workers: %v, error %v, %d calls of next", workers, got, err, started)
		}
	}
}

func TestFeedErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, where := range []string{"next", "do", "add"} {
		fail := func(at string, i int) error {
			if at == where && i == 20 {
				return broken
			}
			return nil
		}
		i, done := 0, 0
		err := Feed(t.Context(), 3, func() func(context.Context, int) (int, error) {
			return func(_ context.Context, job int) (int, error) { return job, fail("do", job) }
		}, func() (int, bool, error) { i++; return i, true, fail("next", i) }, func(r int) error { done++; return fail("add", r) })
		if !errors.Is(err, broken) || done > 25 {
			t.Errorf("%s: error %v after %d jobs", where, err, done)
		}
	}
	// The end of ctx is told as such, whatever comes of it.
	ctx, cancel := context.WithCancel(t.Context())
	i := 0
	err := Feed(ctx, 2, func() func(context.Context, int) (int, error) {
		return func(ctx context.Context, job int) (int, error) {
			if ctx.Err() != nil {
				return 0, errors.New("torn")
			}
			return job, nil
		}
	}, func() (int, bool, error) { i++; return i, true, nil }, func(r int) error {
		if r == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "torn") {
		t.Errorf("canceled: error %v", err)
	}
}
