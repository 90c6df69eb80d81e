package watch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"sresnet/internal/terminal"
	"sresnet/tensor"
)

// playAt draws th at some timesteps, one a tick, of terminals of some heights, and returns
// what was drawn and where it ended. It ends early where they do.
func playAt(t *testing.T, th *Thought, timesteps, heights []int) (string, int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var b strings.Builder
	k, tick := -1, make(chan time.Time, 1)
	s := screen{
		out: &b, tick: tick,
		size: func() (w, h int) {
			k++
			return 80, heights[min(k, len(heights)-1)]
		},
		now: func() int {
			if k == len(timesteps)-1 {
				cancel()
			} else {
				tick <- time.Time{}
			}
			return timesteps[k]
		},
	}
	end := s.play(ctx, th)
	return b.String(), end
}

// The picture moves to the last timestep, in place, and the cursor comes back, after
// Ctrl-C, too.
func TestPlay(t *testing.T) {
	th := newTestThought(30, 3, 2, tensor.Shape{1, 8, 8})
	lines := len(th.frame(1, 80, 23, terminal.NoColours))
	up, anew := fmt.Sprintf("\x1b[%dA", lines), "\x1b[2J\x1b[H"
	for _, tt := range []struct {
		name               string
		timesteps, heights []int
		want               []string // What is drawn, in this order and no more.
		end                int
	}{
		{"to the end", []int{1, 5, 5, 31}, []int{24}, []string{"t = 1 of", up, "t = 5 of", up, "t = 30 of"}, 30},
		{"another size", []int{1, 5, 31}, []int{24, 30}, []string{"t = 1 of", anew, "t = 5 of", up, "t = 30 of"}, 30},
		{"Ctrl-C", []int{1, 2}, []int{24}, []string{"t = 1 of", up, "t = 2 of"}, 2},
	} {
		out, end := playAt(t, th, tt.timesteps, tt.heights)
		if end != tt.end || !strings.HasPrefix(out, "\x1b[?25l") || !strings.HasSuffix(out, "\x1b[?25h") {
			t.Errorf("%s: ended at %d, want %d: %q", tt.name, end, tt.end, out)
		}
		if frames := strings.Count(out, "model"); frames != (len(tt.want)+1)/2 {
			t.Errorf("%s: %d frames: %q", tt.name, frames, out)
		}
		rest := out
		for _, s := range tt.want {
			_, after, ok := strings.Cut(rest, s)
			if !ok {
				t.Errorf("%s: no %q: %q", tt.name, s, out)
			}
			rest = after
		}
	}
}
