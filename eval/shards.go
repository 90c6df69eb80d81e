package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"sresnet/shard"
)

// PlanKind is the kind of a [shard.Plan] of an evaluation. Its Config is a
// [Manifest] without what only the end of a run can tell.
const PlanKind = "eval"

// keepEvery is the default of [Options].KeepEvery.
const keepEvery = 2 * time.Second

// PresentShards presents the images of the given shards of r, in their order, and
// keeps what they give. It goes on where earlier attempts stopped, and leaves out
// shards that are finished. If progress is set, it is told how many images of these
// shards are done, by whomever; calls do not overlap.
//
// If ctx ends early, what is done is kept, and ctx's error returned.
func (e *Evaluator) PresentShards(ctx context.Context, r *shard.Run, shards []int, progress func(done, total int)) error {
	if n := r.Plan().Images; n != e.images.Len() {
		return fmt.Errorf("eval: the plan in %s is about %d images, there are %d", r.Dir(), n, e.images.Len())
	}
	k := &keeper{Evaluator: e, told: progress, run: r, shards: shards, before: make(map[int]bool), flights: make(map[int]*flight), kept: time.Now()}
	left := 0
	for _, s := range shards {
		first, end := r.Plan().Range(s)
		k.total += end - first
		if !r.Done(s) {
			left += end - first
		} else {
			k.before[s] = true
			k.done += end - first
		}
	}
	k.progress()
	r.Tidy()
	err := e.Present(ctx, left, k.next, k.add)
	return errors.Join(err, k.close())
}

// flight is a shard that images are presented of.
type flight struct {
	shard   int
	attempt *shard.Attempt
	next    int    // Image to hand out next, unless it is done.
	sum     *Tally // All that is kept.
	seconds float64
	fresh   *Tally // What is not kept yet; nil for nothing.
}

// keeper hands out images of shards and keeps what they give. Its methods are not
// called at the same time.
type keeper struct {
	*Evaluator
	run     *shard.Run
	shards  []int        // To be begun.
	before  map[int]bool // Shards that were finished at the start.
	flights map[int]*flight
	current *flight   // Which images are handed out of; nil for none.
	kept    time.Time // When something was kept last: the time since belongs to what is kept next.

	told        func(done, total int)
	done, total int // Images.
}

func (k *keeper) progress() {
	if k.told != nil && k.total > 0 {
		k.told(k.done, k.total)
	}
}

// next returns the next image of a shard that is not done, and begins a shard where
// the last one has no more.
func (k *keeper) next() (int, bool, error) {
	for {
		if f := k.current; f != nil {
			_, end := k.run.Plan().Range(f.shard)
			for f.next < end {
				i := f.next
				f.next++
				if !f.attempt.Done().Has(i) {
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
func (k *keeper) begin(s int) error {
	first, end := k.run.Plan().Range(s)
	attempt, blocks, err := k.run.Attempt(s)
	if errors.Is(err, fs.ErrExist) { // Or another process has finished it meanwhile.
		if !k.before[s] {
			k.done += end - first
			k.progress()
		}
		return nil
	}
	if err != nil {
		return err
	}
	f := &flight{shard: s, attempt: attempt, next: first, sum: k.NewTally()}
	k.flights[s] = f
	for i := range blocks {
		t, err := k.read(&blocks[i])
		if err != nil {
			return fmt.Errorf("a part of shard %d in %s: %w", s, k.run.Dir(), err)
		}
		f.sum.Merge(t)
		f.seconds += blocks[i].Seconds
	}
	k.done += f.sum.images
	k.progress()
	if f.sum.images == end-first { // All that was missing is the end of an attempt.
		return k.finish(f)
	}
	k.current = f
	return nil
}

// read returns the tally in a block, which must be of the block's images.
func (e *Evaluator) read(b *shard.Block) (*Tally, error) {
	t, err := e.ReadTally(b.Data)
	if err != nil {
		return nil, err
	}
	set, err := shard.SetOf(t.Images())
	if err != nil {
		return nil, err
	}
	if fmt.Sprint(set) != fmt.Sprint(b.Images) {
		return nil, fmt.Errorf("eval: counts of images %v are said to be of %v", set, b.Images)
	}
	return t, nil
}

func (k *keeper) add(t *Tally) error {
	f := k.flights[k.run.Plan().Shard(t.predictions[0].Index)]
	if f.fresh == nil {
		f.fresh = k.NewTally()
	}
	f.fresh.Merge(t)
	k.done++
	k.progress()
	first, end := k.run.Plan().Range(f.shard)
	if f.sum.images+f.fresh.images == end-first {
		return k.finish(f)
	}
	if time.Since(k.kept) > k.o.KeepEvery {
		return k.keepAll()
	}
	return nil
}

// lap returns the seconds since the last lap.
func (k *keeper) lap() float64 {
	now := time.Now()
	s := now.Sub(k.kept).Seconds()
	k.kept = now
	return s
}

func (k *keeper) finish(f *flight) error {
	if f.fresh != nil {
		f.sum.Merge(f.fresh)
		f.seconds += k.lap()
		f.fresh = nil
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
func (k *keeper) keepAll() error {
	for _, f := range k.flights {
		if f.fresh == nil {
			continue
		}
		b, err := blockOf(f.fresh, k.lap())
		if err != nil {
			return err
		}
		if err := f.attempt.Append(b); err != nil {
			return err
		}
		f.sum.Merge(f.fresh)
		f.seconds += b.Seconds
		f.fresh = nil
	}
	return nil
}

// close ends what is in flight.
func (k *keeper) close() error {
	err := k.keepAll()
	for _, f := range k.flights {
		err = errors.Join(err, f.attempt.Close())
	}
	return err
}

func blockOf(t *Tally, seconds float64) (*shard.Block, error) {
	set, err := shard.SetOf(t.Images())
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	return &shard.Block{Images: set, Seconds: seconds, Data: data}, nil
}

// GatherShards returns the result over the images that the shards of r hold, those
// in flight included: all of them, unless Complete is unset. It is nil if there are
// none. Any damaged file of a shard is an error.
func (e *Evaluator) GatherShards(r *shard.Run) (*Result, error) {
	sum, seconds := e.NewTally(), 0.0
	for s := range r.Shards() {
		blocks, err := r.Partial(s)
		if err != nil {
			return nil, err
		}
		for i := range blocks {
			t, err := e.read(&blocks[i])
			if err != nil {
				return nil, fmt.Errorf("shard %d in %s: %w", s, r.Dir(), err)
			}
			sum.Merge(t)
			seconds += blocks[i].Seconds
		}
	}
	if sum.images == 0 {
		return nil, nil
	}
	return e.Result(sum, time.Duration(seconds*float64(time.Second))), nil
}
