package terminal

import (
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress draws bars on the terminal W, and nothing where there is none.
type Progress struct {
	W io.Writer

	// Part, if set, is told the progress instead of a bar: the work is part of a
	// larger one with its own bar.
	Part func(done, total int)

	// Note, if set, is shown after the bar.
	Note func() string

	// Above, if set, is made to write lines above the bar, once there is one.
	Above *io.Writer
}

// Bar shows a bar under a label while it is updated. The caller must call stop
// when the work has ended, however it ended.
func (p Progress) Bar(label string) (update func(done, total int), stop func()) {
	if p.Part != nil {
		return p.Part, func() {}
	}
	var (
		container *mpb.Progress
		bar       *mpb.Bar
	)
	note := func() string {
		if p.Note == nil || p.Note() == "" {
			return ""
		}
		return "; " + p.Note()
	}
	update = func(done, total int) {
		if bar == nil { // The first call says how much there is to do, and how much an earlier process did.
			before, start := int64(done), time.Now()
			left := func(s decor.Statistics) string {
				if s.Current <= before {
					return "?"
				}
				d := time.Duration(float64(time.Since(start)) * float64(s.Total-s.Current) / float64(s.Current-before))
				return d.Round(time.Second).String()
			}
			container = mpb.New(mpb.WithOutput(p.W), mpb.WithWidth(60))
			bar = container.AddBar(int64(total),
				mpb.BarRemoveOnComplete(),
				mpb.PrependDecorators(decor.Name(label+" "), decor.CountersNoUnit("%d / %d ")),
				mpb.AppendDecorators(decor.Percentage(), decor.Name(", "), decor.Any(left), decor.Name(" left"), decor.Any(func(decor.Statistics) string { return note() })))
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
