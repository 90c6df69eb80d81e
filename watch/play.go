package watch

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sresnet/internal/terminal"
)

// framesASecond bounds how often the terminal is drawn on.
const framesASecond = 20

// Play draws the thought in place on a terminal, speed timesteps per second, until its last one
// or the end of ctx. It returns the timestep that it came to.
func (th *Thought) Play(ctx context.Context, out *os.File, speed float64) int {
	tick := time.NewTicker(time.Second / framesASecond)
	defer tick.Stop()
	start := time.Now()
	s := screen{
		out: out, depth: terminal.Colours(os.Getenv),
		size: func() (w, h int) { return terminal.Size(out) },
		now:  func() int { return 1 + int(time.Since(start).Seconds()*speed) },
		tick: tick.C,
	}
	return s.play(ctx, th)
}

// screen is where a thought is drawn, and when.
type screen struct {
	out   io.Writer
	depth terminal.Depth
	size  func() (w, h int)
	now   func() int // The timestep to show.
	tick  <-chan time.Time
}

func (s *screen) play(ctx context.Context, th *Thought) int {
	fmt.Fprint(s.out, "\x1b[?25l")       // The cursor would flicker.
	defer fmt.Fprint(s.out, "\x1b[?25h") // Show it again.
	var w, h, drawn, lines int           // Size and timestep of what is on the screen.
	for {
		nw, nh := s.size()
		t := min(s.now(), th.Latency)
		if t != drawn || nw != w || nh != h {
			switch {
			case drawn == 0:
			case nw != w || nh != h:
				fmt.Fprint(s.out, "\x1b[2J\x1b[H") // Lines may have wrapped: start over.
			default:
				fmt.Fprintf(s.out, "\x1b[%dA", lines)
			}
			w, h, drawn = nw, nh, t
			lines = s.draw(th.frame(t, w, h-1, s.depth), w) // The last line of the screen is for the cursor.
		}
		if t == th.Latency {
			return t
		}
		select {
		case <-ctx.Done():
			return t
		case <-s.tick:
		}
	}
}

// draw writes a frame in one go, over what was there before, and returns its number of
// lines.
func (s *screen) draw(frame []terminal.Line, w int) int {
	var b strings.Builder
	for _, l := range frame {
		b.WriteString(l.Render(w, s.depth) + "\x1b[K\n") // The line before may have been longer.
	}
	_, _ = io.WriteString(s.out, b.String()) // Whoever closes the terminal sees nothing anyway.
	return len(frame)
}
