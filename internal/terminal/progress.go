package terminal

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress draws bars on the terminal W; where that is none, such as a file, it writes a line
// from time to time.
type Progress struct {
	W io.Writer

	// Every is how often there is a line, 0 for every minute. Work that takes less has none.
	Every time.Duration

	// Part, if set, is told the progress instead of a bar: the work is part of a
	// larger one with its own bar.
	Part func(done, total int)

	// Note, if set, is shown after the bar.
	Note func() string

	// Above, if set, is made to write lines above the bar, once there is one.
	Above *io.Writer
}

// ProgressVariable is the variable of the environment that makes progress lines of JSON, for
// programs that start this one, where it is "json".
const ProgressVariable = "SRESNET_PROGRESS"

// Bar shows a bar under a label while it is updated. The caller must call stop
// when the work has ended, however it ended.
func (p Progress) Bar(label string) (update func(done, total int), stop func()) {
	if p.Part != nil {
		return p.Part, func() {}
	}
	switch {
	case os.Getenv(ProgressVariable) == "json":
		return p.objects(label)
	case Of(p.W) == nil:
		return p.lines(label)
	}
	var (
		container *mpb.Progress
		bar       *mpb.Bar
	)
	update = func(done, total int) {
		if bar == nil { // The first call says how much there is to do, and how much an earlier process did.
			c := clock{before: done, start: time.Now()}
			left := func(s decor.Statistics) string { return c.left(int(s.Current), int(s.Total)) }
			container = mpb.New(mpb.WithOutput(p.W), mpb.WithWidth(60))
			bar = container.AddBar(int64(total),
				mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(label+" "), decor.CountersNoUnit("%d / %d ")),
				mpb.AppendDecorators(decor.Percentage(), decor.Name(", "), decor.Any(left), decor.Name(" left"), decor.Any(func(decor.Statistics) string { return p.note() })))
			if p.Above != nil {
				*p.Above = container
			}
		}
		bar.SetCurrent(int64(done))
	}
	stop = func() {
		if bar != nil {
			bar.Abort(true) // Of no effect on a bar that is full.
			container.Wait()
		}
	}
	return update, stop
}

// note returns what is shown after the progress.
func (p Progress) note() string {
	if p.Note == nil || p.Note() == "" {
		return ""
	}
	return "; " + p.Note()
}

// clock tells how long the rest of some work takes.
type clock struct {
	before int // What was done when it started.
	start  time.Time
}

// left returns the time that the rest takes if it goes on as before; "?" where that is not known.
func (c *clock) left(done, total int) string {
	if done <= c.before {
		return "?"
	}
	return Seconds(math.Round(time.Since(c.start).Seconds() * float64(total-done) / float64(done-c.before)))
}

// lines is Bar for what is not a terminal.
func (p Progress) lines(label string) (update func(done, total int), stop func()) {
	var (
		mu          sync.Mutex
		c           *clock
		done, total int
		said        bool
	)
	began, ended, gone := time.Now(), make(chan struct{}), make(chan struct{})
	say := func() {
		mu.Lock()
		defer mu.Unlock()
		text := label
		if c != nil && total > 0 {
			text += fmt.Sprintf(": %d of %d, %d %%, %s left%s", done, total, 100*done/total, c.left(done, total), p.note())
		}
		said = true
		fmt.Fprintln(p.W, text)
	}
	go func() {
		defer close(gone)
		tick := time.NewTicker(cmp.Or(p.Every, time.Minute))
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				say()
			}
		}
	}()
	update = func(d, t int) {
		mu.Lock()
		defer mu.Unlock()
		if c == nil { // The first call says how much an earlier process did.
			c = &clock{before: d, start: time.Now()}
		}
		done, total = d, t
	}
	return update, sync.OnceFunc(func() {
		close(ended)
		<-gone
		if said {
			fmt.Fprintf(p.W, "%s: %d of %d in %s\n", label, done, total, Seconds(time.Since(began).Seconds()))
		}
	})
}
