package shard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Sum is what was found on some images. Sums of different images add up to the same
// in any grouping and any order.
type Sum[S any] interface {
	json.Marshaler
	Images() []int // In no order.
	Merge(S)       // Adds a sum of other images.
}

// Work is how images are worked on. Its functions are safe for concurrent use.
type Work[S Sum[S]] struct {
	Images int // 0 to Images-1 are there.

	// KeepEvery is how often what was found is kept: the work that a machine that fails
	// may cost. Defaults to two seconds.
	KeepEvery time.Duration

	New  func() S                // Returns the sum of no images.
	Read func([]byte) (S, error) // Reads what a sum's MarshalJSON wrote, and refuses what cannot be one of this work.

	// Present finds the sum of every image that next hands out, of about n, until next
	// says false, and calls add with it. Calls of next and add must not overlap. The
	// first error of any of them, or of ctx, ends it and is returned.
	Present func(ctx context.Context, n int, next func() (i int, ok bool, err error), add func(S) error) error
}

// keepEvery is the default of [Work].KeepEvery.
const keepEvery = 2 * time.Second

// Do works on the images of the given shards of r, in their order, and keeps what it
// finds. It resumes where earlier attempts stopped, and leaves out shards that are
// finished. If progress is set, it is told how many images of these shards are done,
// by any process; calls do not overlap.
//
// If ctx ends early, what is done is kept, and ctx's error returned.
func (w Work[S]) Do(ctx context.Context, r *Run, shards []int, progress func(done, total int)) error {
	if n := r.plan.Images; n != w.Images {
		return fmt.Errorf("shard: the plan in %s is about %d images, there are %d", r.dir, n, w.Images)
	}
	k := &keeper[S]{work: w, told: progress, run: r, shards: shards, before: make(map[int]int), flights: make(map[int]*flight[S]), kept: time.Now()}
	r.Tidy()
	entries, err := r.entries()
	if err != nil {
		return err
	}
	left := 0
	for _, s := range shards {
		first, end := r.plan.Range(s)
		k.total += end - first
		if r.Done(s) {
			k.before[s] = end - first
		} else {
			left += end - first
			parts, _ := r.adopt(s, entries)
			for i := range parts {
				k.before[s] += parts[i].Images.Len()
			}
		}
		k.done += k.before[s]
	}
	k.progress()
	err = w.Present(ctx, left, k.next, k.add)
	return errors.Join(err, k.close())
}

// Gather returns the sum over the images that the shards of r hold, those in flight
// included, and the seconds that they took. Any damaged file of a shard is an error.
func (w Work[S]) Gather(r *Run) (sum S, seconds float64, err error) {
	sum = w.New()
	for s := range r.plan.Shards {
		blocks, err := r.Partial(s)
		if err != nil {
			return sum, 0, err
		}
		for i := range blocks {
			part, err := w.read(&blocks[i])
			if err != nil {
				return sum, 0, fmt.Errorf("shard %d in %s: %w", s, r.dir, err)
			}
			sum.Merge(part)
			seconds += blocks[i].Seconds
		}
	}
	return sum, seconds, nil
}

// read returns the sum in a block, which must be of the block's images.
func (w Work[S]) read(b *Block) (S, error) {
	sum, err := w.Read(b.Data)
	if err != nil {
		return sum, err
	}
	set, err := SetOf(sum.Images())
	if err != nil {
		return sum, err
	}
	if fmt.Sprint(set) != fmt.Sprint(b.Images) {
		return sum, fmt.Errorf("shard: what was found on images %v is said to be of %v", set, b.Images)
	}
	return sum, nil
}

// flight is a shard that is worked on.
type flight[S Sum[S]] struct {
	shard   int
	attempt *Attempt
	next    int // Image to hand out next, unless it is done.
	sum     S   // All that is kept,
	images  int // and of how many images.
	seconds float64
	fresh   S   // What is not kept yet,
	pending int // and of how many images.
}

// keeper hands out images of shards and keeps what is found on them. Its methods are
// not called at the same time.
type keeper[S Sum[S]] struct {
	work    Work[S]
	run     *Run
	shards  []int       // To be begun.
	before  map[int]int // Images of a shard that were done at the start.
	flights map[int]*flight[S]
	current *flight[S] // Which images are handed out of; nil for none.
	kept    time.Time  // When something was kept last: the time since belongs to what is kept next.

	told        func(done, total int)
	done, total int // Images.
}

func (k *keeper[S]) progress() {
	if k.told != nil && k.total > 0 {
		k.told(k.done, k.total)
	}
}

// next returns the next image of a shard that is not done, and begins a shard where
// the last one has no more.
func (k *keeper[S]) next() (int, bool, error) {
	for {
		if f := k.current; f != nil {
			_, end := k.run.plan.Range(f.shard)
			for f.next < end {
				i := f.next
				f.next++
				if !f.attempt.done.Has(i) {
					return i, true, nil
				}
			}
			k.current = nil
		}
		if len(k.shards) == 0 {
			return 0, false, nil
		}
		s := k.shards[0]
		k.shards = k.shards[1:]
		if err := k.begin(s); err != nil {
			return 0, false, err
		}
	}
}

// begin starts with shard s, unless it is finished.
func (k *keeper[S]) begin(s int) error {
	first, end := k.run.plan.Range(s)
	attempt, blocks, err := k.run.Attempt(s)
	if errors.Is(err, fs.ErrExist) { // Or another process has finished it meanwhile.
		k.done += end - first - k.before[s]
		k.progress()
		return nil
	}
	if err != nil {
		return err
	}
	f := &flight[S]{shard: s, attempt: attempt, next: first, sum: k.work.New()}
	k.flights[s] = f
	for i := range blocks {
		part, err := k.work.read(&blocks[i])
		if err != nil {
			return fmt.Errorf("a part of shard %d in %s: %w", s, k.run.dir, err)
		}
		f.sum.Merge(part)
		f.images += blocks[i].Images.Len()
		f.seconds += blocks[i].Seconds
	}
	k.done += f.images - k.before[s]
	k.progress()
	if f.images == end-first { // All that was missing is the end of an attempt.
		return k.finish(f)
	}
	k.current = f
	return nil
}

func (k *keeper[S]) add(part S) error {
	images := part.Images()
	f := k.flights[k.run.plan.Shard(images[0])]
	if f.pending == 0 {
		f.fresh = k.work.New()
	}
	f.fresh.Merge(part)
	f.pending += len(images)
	k.done += len(images)
	k.progress()
	first, end := k.run.plan.Range(f.shard)
	if f.images+f.pending == end-first {
		return k.finish(f)
	}
	if time.Since(k.kept) > cmp.Or(k.work.KeepEvery, keepEvery) {
		return k.keepAll()
	}
	return nil
}

// lap returns the seconds since the last lap.
func (k *keeper[S]) lap() float64 {
	now := time.Now()
	s := now.Sub(k.kept).Seconds()
	k.kept = now
	return s
}

// join counts what is fresh among what is kept.
func (f *flight[S]) join(seconds float64) {
	f.sum.Merge(f.fresh)
	f.images += f.pending
	f.seconds += seconds
	f.pending = 0
}

func (k *keeper[S]) finish(f *flight[S]) error {
	if f.pending > 0 {
		f.join(k.lap())
	}
	b, err := blockOf(f.sum, f.seconds)
	if err != nil {
		return err
	}
	delete(k.flights, f.shard)
	if err := f.attempt.Finish(b); err != nil {
		return errors.Join(err, f.attempt.Close())
	}
	return nil
}

// keepAll keeps what is fresh of all shards.
func (k *keeper[S]) keepAll() error {
	for _, f := range k.flights {
		if f.pending == 0 {
			continue
		}
		b, err := blockOf(f.fresh, k.lap())
		if err != nil {
			return err
		}
		if err := f.attempt.Append(b); err != nil {
			return err
		}
		f.join(b.Seconds)
	}
	return nil
}

// close ends what is in flight.
func (k *keeper[S]) close() error {
	err := k.keepAll()
	for _, f := range k.flights {
		err = errors.Join(err, f.attempt.Close())
	}
	return err
}

func blockOf[S Sum[S]](sum S, seconds float64) (*Block, error) {
	set, err := SetOf(sum.Images())
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(sum)
	if err != nil {
		return nil, fmt.Errorf("shard: %w", err)
	}
	return &Block{Images: set, Seconds: seconds, Data: data}, nil
}
