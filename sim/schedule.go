package sim

import (
	"context"
	"sync"

	"sresnet/snn"
)

// ring returns how many blocks of masks every layer keeps: two where workers share
// an image, so that a layer may proceed while the next one still reads its last
// block.
func (p *Plan) ring() int {
	if p.net.Schedule == snn.Phased { // Of one block only.
		return 1
	}
	return min(p.opt.Workers, 2)
}

// cut returns the blocks of a presentation, which end at marks.
func (p *Plan) cut() (blocks []block) {
	marks := p.opt.Marks
	for t0 := 0; t0 < p.opt.Timesteps; {
		n := min(p.opt.Block, p.opt.Timesteps-t0)
		if len(marks) > 0 && t0+n >= marks[0] {
			n, marks = marks[0]-t0, marks[1:]
		}
		blocks = append(blocks, block{t0: t0, n: n, slot: len(blocks) % p.ring() * p.opt.Block})
		t0 += n
	}
	return blocks
}

// runBlocks takes all layers through all blocks.
func (e *Engine) runBlocks(ctx context.Context, enc *encoder) error {
	if len(e.workers) > 1 {
		return e.share(ctx, enc)
	}
	for _, b := range e.plan.blocks {
		if err := ctx.Err(); err != nil {
			return err
		}
		e.encode(enc, b)
		for i := range e.layers {
			if e.plan.net.Schedule == snn.Phased && ctx.Err() != nil { // Their blocks are long.
				return ctx.Err()
			}
			e.advance(&e.workers[0], i, b)
		}
		if e.stops(b.t0, b.n) {
			break
		}
	}
	return nil
}

// stops asks Stop about n timesteps from t on, and reports whether the run ends at one of
// them.
func (e *Engine) stops(t, n int) bool {
	if e.Stop == nil || e.record.Classes == 0 || e.plan.net.Schedule == snn.Phased {
		return false
	}
	for ; n > 0; n-- {
		if t++; e.Stop(t-1, e.record) {
			e.ended = t
			return true
		}
	}
	return false
}

// schedule hands out the blocks of an image to several workers. Stage 0 is the
// encoding of the image, stage i+1 is layer i. Each stage takes its blocks in
// order, one worker at a time, so that the result is that of one worker alone.
type schedule struct {
	mu     sync.Mutex
	change *sync.Cond
	blocks int
	ring   int
	stages []stage
	err    error
}

// stage is how far an image has come through one layer.
type stage struct {
	done    int // Blocks.
	busy    bool
	sources []int // Stages whose block must be done before.
	readers []int // Stages that must be through with a block before its room is used again.
}

func (e *Engine) newSchedule() *schedule {
	s := &schedule{blocks: len(e.plan.blocks), ring: e.plan.ring(), stages: make([]stage, len(e.layers)+1)}
	s.change = sync.NewCond(&s.mu)
	for i := range e.layers {
		for _, syn := range e.plan.net.Layers[i].Synapses {
			from := syn.From + 1 // FromInput is stage 0.
			s.stages[i+1].sources = append(s.stages[i+1].sources, from)
			s.stages[from].readers = append(s.stages[from].readers, i+1)
		}
	}
	return s
}

// share is runBlocks for several workers.
func (e *Engine) share(ctx context.Context, enc *encoder) error {
	s := e.newSchedule()
	var wg sync.WaitGroup
	for i := range e.workers {
		wg.Go(func() {
			for {
				stage := s.take(ctx)
				if stage < 0 {
					return
				}
				b := e.plan.blocks[s.stages[stage].done]
				if stage == 0 {
					e.encode(enc, b)
				} else {
					e.advance(&e.workers[i], stage-1, b)
				}
				s.finish(stage, stage == len(e.layers) && e.stops(b.t0, b.n))
			}
		})
	}
	wg.Wait()
	return s.err
}

// take waits for a stage that is ready and returns it, or -1 if nothing is left to
// do or ctx has ended.
func (s *schedule) take(ctx context.Context) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.err == nil {
			s.err = ctx.Err()
		}
		if s.err != nil {
			return -1
		}
		next, left := -1, false
		for i := range s.stages {
			left = left || s.stages[i].done < s.blocks
			if s.ready(i) && (next < 0 || s.stages[i].done < s.stages[next].done) {
				next = i
			}
		}
		if next >= 0 {
			s.stages[next].busy = true
			return next
		}
		if !left {
			return -1
		}
		s.change.Wait() // Somebody is at work, and will say so.
	}
}

// ready reports whether stage i can take its next block.
func (s *schedule) ready(i int) bool {
	g := &s.stages[i]
	if g.busy || g.done >= s.blocks {
		return false
	}
	for _, j := range g.sources {
		if s.stages[j].done <= g.done {
			return false
		}
	}
	for _, j := range g.readers {
		if s.stages[j].done <= g.done-s.ring {
			return false
		}
	}
	return true
}

// finish notes that a stage is through with a block, and whether the run ends with it:
// all stages then end there that are not ahead.
func (s *schedule) finish(i int, ends bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stages[i].done++
	if ends {
		s.blocks = s.stages[i].done
	}
	s.stages[i].busy = false
	s.change.Broadcast()
}
