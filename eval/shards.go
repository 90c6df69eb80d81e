package eval

import (
	"context"
	"time"

	"sresnet/shard"
)

// PlanKind is the kind of a [shard.Plan] of an evaluation.
const PlanKind = "eval"

func (e *Evaluator) work() shard.Work[*Tally] {
	return shard.Work[*Tally]{Images: e.images.Len(), KeepEvery: e.o.KeepEvery, New: e.NewTally, Read: e.ReadTally, Present: e.Present}
}

// PresentShards presents the images of the given shards of r, as [shard.Work.Do]
// says.
func (e *Evaluator) PresentShards(ctx context.Context, r *shard.Run, shards []int, progress func(done, total int)) error {
	return e.work().Do(ctx, r, shards, progress)
}

// GatherShards returns the result over the images that the shards of r hold, those
// in flight included: all of them, unless Complete is unset. It is nil if there are
// none. Any damaged file of a shard is an error.
func (e *Evaluator) GatherShards(r *shard.Run) (*Result, error) {
	sum, seconds, err := e.work().Gather(r)
	if err != nil || sum.images == 0 {
		return nil, err
	}
	return e.Result(sum, time.Duration(seconds*float64(time.Second))), nil
}
