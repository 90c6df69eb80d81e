package main

import (
	"fmt"
	"io"
	"math"
	"sync/atomic"
	"time"

	"sresnet/internal/terminal"
	"sresnet/launch"
)

// submission shows the progress of a run on a cluster: as a bar on a terminal, else in
// lines, at most one per minute.
type submission struct {
	w io.Writer

	queue  atomic.Pointer[string] // What the bar shows beside it, from a goroutine of its own.
	round  int                    // That the bar is of, 0 for none.
	bar    func(done, total int)
	remove func()
	above  io.Writer // Where lines go while there is a bar.

	began, told time.Time // Of the round, and when its last line was.
}

// say prints a line.
func (s *submission) say(text string) {
	if s.round > 0 {
		fmt.Fprintln(s.above, text)
		return
	}
	fmt.Fprintln(s.w, text)
}

func (s *submission) update(p launch.Progress) {
	s.queue.Store(&p.Queue)
	if terminal.Of(s.w) == nil {
		s.line(p)
		return
	}
	if p.Round != s.round {
		s.stop()
		bars := terminal.Progress{W: s.w, Note: func() string { return *s.queue.Load() }, Above: &s.above}
		s.bar, s.remove = bars.Bar(fmt.Sprintf("round %d", p.Round))
		s.round = p.Round
	}
	s.bar(p.Done, p.Total)
	if p.Done == p.Total {
		s.stop()
	}
}

// line prints the progress of a round.
func (s *submission) line(p launch.Progress) {
	now := time.Now()
	if p.Done == 0 && p.Queue == "" { // It begins.
		s.began, s.told = now, now
		return
	}
	if p.Done < p.Total && now.Sub(s.told) < time.Minute {
		return
	}
	s.told = now
	text := fmt.Sprintf("round %d: %d of %d shards are finished", p.Round, p.Done, p.Total)
	if p.Queue != "" {
		text += "; " + p.Queue
	}
	if p.Done > 0 && p.Done < p.Total {
		left := now.Sub(s.began) / time.Duration(p.Done) * time.Duration(p.Total-p.Done)
		text += fmt.Sprintf("; about %s left", terminal.Seconds(math.Round(left.Seconds())))
	}
	fmt.Fprintln(s.w, text)
}

// stop removes the bar.
func (s *submission) stop() {
	if s.round > 0 {
		s.remove()
		s.round = 0
	}
}
