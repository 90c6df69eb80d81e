package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sresnet/internal/terminal"
	"sresnet/tensor"
)

// moment is what happens on a terminal, one after the other.
type moment struct {
	pass   float64        // Seconds that pass.
	keys   []terminal.Key // What is typed then.
	height int            // Of the terminal from now on, if not 0.
}

// playMoments draws th on a terminal of 80 x 24 through some moments, a timestep per second,
// and returns what was drawn. After the last moment ctx ends.
func playMoments(t *testing.T, th *Thought, move func(context.Context, int) (*Thought, error), typed bool, moments ...moment) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var b strings.Builder
	now, height, k := time.Unix(0, 0), 24, 0
	tick, keys := make(chan time.Time, 1), make(chan terminal.Key, 1)
	s := screen{Player: Player{Speed: 1, Move: move}, out: &b, tick: tick, last: now}
	if typed {
		s.Keys = keys
	}
	pending := []terminal.Key(nil)
	s.size = func() (w, h int) { // Called before everything that the screen waits for.
		switch {
		case s.moving != nil: // It waits for the image.
		case len(pending) > 0:
			keys <- pending[0]
			pending = pending[1:]
		case k == len(moments):
			cancel()
		default:
			m := moments[k]
			k++
			now = now.Add(time.Duration(m.pass * float64(time.Second)))
			if m.height > 0 {
				height = m.height
			}
			pending = m.keys
			tick <- now
		}
		return 80, height
	}
	err := s.play(ctx, th)
	return b.String(), err
}

// drawn checks that out draws these, in that order, and so many frames.
func drawn(t *testing.T, name, out string, frames int, want ...string) {
	t.Helper()
	if !strings.HasPrefix(out, "\x1b[?25l") || !strings.HasSuffix(out, "\x1b[?25h") {
		t.Errorf("%s: the cursor does not go and come back: %q", name, out)
	}
	if n := strings.Count(out, "model"); n != frames {
		t.Errorf("%s: %d frames, want %d: %q", name, n, frames, out)
	}
	rest := out
	for _, s := range want {
		_, after, ok := strings.Cut(rest, s)
		if !ok {
			t.Errorf("%s: no %q: %q", name, s, out)
		}
		rest = after
	}
}

// Where nobody can type, the picture moves to the last timestep, in place, and the cursor comes
// back, after Ctrl-C, too.
func TestPlay(t *testing.T) {
	th := newTestThought(30, 3, 2, tensor.Shape{1, 8, 8})
	lines := len(th.frame(1, 80, 23, terminal.NoColours))
	up, anew := fmt.Sprintf("\x1b[%dA", lines), "\x1b[2J\x1b[H"
	for _, tt := range []struct {
		name    string
		moments []moment
		frames  int
		want    []string
		end     int
	}{
		{"to the end", []moment{{pass: 4}, {}, {pass: 26}}, 3, []string{"t = 1 of", up, "t = 5 of", up, "t = 30 of"}, 30},
		{"another size", []moment{{pass: 4}, {pass: 26, height: 30}}, 3, []string{"t = 1 of", anew, "t = 5 of", up, "t = 30 of"}, 30},
		{"Ctrl-C", []moment{{pass: 1}}, 2, []string{"t = 1 of", up, "t = 2 of"}, 2},
	} {
		out, err := playMoments(t, th, nil, false, tt.moments...)
		drawn(t, tt.name, out, tt.frames, tt.want...)
		var early *Interrupted
		if errors.As(err, &early) != (tt.end < 30) || early != nil && *early != (Interrupted{tt.end, 30}) {
			t.Errorf("%s: ended with %v, want timestep %d", tt.name, err, tt.end)
		}
	}
}

// Keys pause, step, change the speed and the image; at the end they begin anew.
func TestKeys(t *testing.T) {
	th := newTestThought(10, 3, 2, tensor.Shape{1, 8, 8})
	keys := func(list ...terminal.Key) moment { return moment{keys: list} }
	steps := 0
	move := func(_ context.Context, step int) (*Thought, error) {
		if steps += step; steps == 3 {
			return nil, errors.New("no such image")
		}
		other := newTestThought(10, 3, 2, tensor.Shape{1, 8, 8})
		other.Image = fmt.Sprint("image ", steps)
		return other, nil
	}
	for _, tt := range []struct {
		name    string
		moments []moment
		want    []string
		end     int // 0 for no error.
	}{
		{"pause", []moment{keys(' '), {pass: 3}, keys(' '), {pass: 2}}, []string{"t = 1 of", "1/s", "t = 1 of", "paused", "t = 1 of", "1/s", "t = 3 of"}, 3},
		{"steps", []moment{{pass: 3}, keys(terminal.Left), {pass: 9}, keys(terminal.Right, terminal.Right)}, []string{"t = 4 of", "t = 3 of", "paused", "t = 4 of", "t = 5 of"}, 5},
		{"before the first", []moment{keys(terminal.Left, terminal.Left, 'x')}, []string{"t = 1 of", "paused"}, 1},
		{"speed", []moment{keys('+', '='), {pass: 1}, keys('-'), {pass: 1}}, []string{"1/s", "2/s", "4/s", "t = 5 of", "2/s", "t = 7 of"}, 7},
		{"image", []moment{{pass: 5}, keys(terminal.Down, terminal.Down, terminal.Up), {}, keys(terminal.Up)}, []string{"model  image ", "t = 6 of", "model  image 1 ", "t = 1 of", "model  image 2 ", "model  image 1 ", "model  image 0 "}, 1},
		{"quit", []moment{{pass: 2}, keys('q'), keys(' ')}, []string{"t = 3 of"}, 0},
		{"interrupt", []moment{{pass: 2}, keys(terminal.Interrupt), keys(' ')}, []string{"t = 3 of"}, 3},
		{"once more", []moment{{pass: 20}, {}, keys(' '), {pass: 1}}, []string{"t = 10 of", "end", "t = 1 of", "1/s", "t = 2 of"}, 2},
		{"interrupt at the end", []moment{{pass: 20}, keys(terminal.Interrupt)}, []string{"t = 10 of", "end"}, 0},
	} {
		steps = 0
		out, err := playMoments(t, th, move, true, tt.moments...)
		drawn(t, tt.name, out, strings.Count(out, "model"), tt.want...)
		if !strings.Contains(out, "space pause") || !strings.HasSuffix(out, "\x1b[1A\x1b[K\x1b[?25h") {
			t.Errorf("%s: help is not shown, or stays: %q", tt.name, out)
		}
		var early *Interrupted
		if errors.As(err, &early) != (tt.end > 0) || early != nil && *early != (Interrupted{tt.end, 10}) {
			t.Errorf("%s: ended with %v, want timestep %d", tt.name, err, tt.end)
		}
	}
	steps = 2
	if _, err := playMoments(t, th, move, true, keys(terminal.Down)); err == nil || err.Error() != "no such image" {
		t.Errorf("an image that cannot be read: got %v", err)
	}
}
