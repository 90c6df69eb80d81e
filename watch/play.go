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

// Player draws thoughts in place on a terminal, and lets who sits there play with them.
type Player struct {
	Speed float64             // Timesteps per second.
	Keys  <-chan terminal.Key // What is typed; nil where nobody can type.

	// Move returns the thought of an image before or after the one that is shown, by steps of
	// -1 and 1; nil if there is one image only.
	Move func(ctx context.Context, step int) (*Thought, error)
}

// Interrupted is the error of [Player.Play] if it was ended before the last timestep.
type Interrupted struct{ Timestep, Of int }

// Error says when it was ended.
func (e *Interrupted) Error() string { return fmt.Sprintf("at timestep %d of %d", e.Timestep, e.Of) }

// Play shows th on the terminal out, until its last timestep where nobody can type, else until
// q is typed; the last frame stays. An error is an [*Interrupted] if ctx ended or Ctrl-C was
// typed before the last timestep, else one of Move.
func (p *Player) Play(ctx context.Context, out *os.File, th *Thought) error {
	tick := time.NewTicker(time.Second / framesASecond)
	defer tick.Stop()
	s := screen{
		Player: *p, out: out, depth: terminal.Colours(os.Getenv), tick: tick.C, last: time.Now(),
		size: func() (w, h int) { return terminal.Size(out) },
	}
	return s.play(ctx, th)
}

// Bounds of the speed that keys set, in timesteps per second.
const slowest, fastest = 1.0 / 4, 4096

// screen is where a thought is drawn, and what is shown of it.
type screen struct {
	Player
	out   io.Writer
	depth terminal.Depth
	size  func() (w, h int)
	tick  <-chan time.Time
	last  time.Time // When the position was moved.

	th       *Thought
	position float64 // The timestep that is shown, and parts of the next.
	paused   bool
	moving   chan moved // Nil unless an image is on its way.
	stale    bool       // What is drawn is not what is to be seen.
	w, h     int        // What is drawn: its size,
	drawn    int        // timestep, 0 for nothing,
	lines    int        // and lines.
}

// moved is what Move has returned.
type moved struct {
	th  *Thought
	err error
}

func (s *screen) play(ctx context.Context, th *Thought) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Fprint(s.out, "\x1b[?25l") // The cursor would flicker.
	defer s.leave()
	s.th, s.position = th, 1
	for {
		s.draw()
		if s.Keys == nil && s.timestep() == s.th.Latency {
			return nil
		}
		select {
		case <-ctx.Done():
			return s.interrupted()
		case now := <-s.tick:
			if !s.paused {
				s.position += s.Speed * now.Sub(s.last).Seconds()
			}
			s.last = now
		case k, ok := <-s.Keys:
			switch {
			case !ok:
				s.Keys, s.paused, s.stale = nil, false, true
			case k == terminal.Interrupt:
				return s.interrupted()
			case k == 'q' || k == 'Q':
				return nil
			default:
				s.press(ctx, k)
			}
		case m := <-s.moving:
			if m.err != nil {
				return m.err
			}
			s.th, s.position, s.moving, s.paused, s.stale = m.th, 1, nil, false, true
		}
	}
}

// timestep returns the one that is shown.
func (s *screen) timestep() int {
	s.position = min(max(s.position, 1), float64(s.th.Latency))
	return int(s.position)
}

func (s *screen) interrupted() error {
	if t := s.timestep(); t < s.th.Latency {
		return &Interrupted{t, s.th.Latency}
	}
	return nil // It has been seen to the end.
}

// press does what a key says.
func (s *screen) press(ctx context.Context, k terminal.Key) {
	t := s.timestep()
	step := map[terminal.Key]int{terminal.Left: -1, terminal.Right: 1, terminal.Up: -1, terminal.Down: 1}[k]
	switch k {
	case ' ':
		if s.paused = !s.paused; t == s.th.Latency { // Once more.
			s.position, s.paused = 1, false
		}
	case terminal.Left, terminal.Right:
		s.position, s.paused = float64(t+step), true
	case '+', '=':
		s.Speed = min(2*s.Speed, fastest)
	case '-', '_':
		s.Speed = max(s.Speed/2, slowest)
	case terminal.Up, terminal.Down:
		if s.Move == nil || s.moving != nil {
			return
		}
		arrived := make(chan moved, 1)
		s.moving = arrived
		go func() {
			th, err := s.Move(ctx, step)
			arrived <- moved{th, err}
		}()
	default:
		return
	}
	s.stale = true
}

// draw shows what is to be seen, unless that is there already.
func (s *screen) draw() {
	w, h := s.size()
	t := s.timestep()
	resized := w != s.w || h != s.h
	if !s.stale && !resized && t == s.drawn {
		return
	}
	var b strings.Builder
	switch {
	case s.drawn == 0:
	case resized:
		b.WriteString("\x1b[2J\x1b[H") // Lines may have wrapped: start over.
	default:
		fmt.Fprintf(&b, "\x1b[%dA", s.lines)
	}
	room := h - 1 // The last line of the screen is for the cursor.
	var help []terminal.Line
	if s.Keys != nil && room > 1 {
		help = []terminal.Line{s.help(w)}
	}
	frame := append(s.th.frame(t, w, room-len(help), s.depth), help...)
	for _, l := range frame {
		b.WriteString(l.Render(w, s.depth))
		if l.Width() < w { // The line before may have been longer. Behind a full one, some terminals erase its end.
			b.WriteString("\x1b[K")
		}
		b.WriteString("\r\n")
	}
	b.WriteString("\x1b[J")
	_, _ = io.WriteString(s.out, b.String()) // In one go; whoever closes the terminal sees nothing anyway.
	s.w, s.h, s.drawn, s.lines, s.stale = w, h, t, len(frame), false
}

// help says what keys do, and how fast time goes.
func (s *screen) help(w int) terminal.Line {
	state := fmt.Sprintf("%g/s", s.Speed)
	switch {
	case s.moving != nil:
		state = "..."
	case s.timestep() == s.th.Latency:
		state = "end"
	case s.paused:
		state = "paused"
	}
	for _, keys := range [][3]string{
		{"space pause   ←→ step   ", "↑↓ image   ", "+- speed   q quit"},
		{"space ←→ step ", "↑↓ image ", "+- q"},
		{"", "", "q quit"},
	} {
		if s.Move == nil {
			keys[1] = ""
		}
		if l := (terminal.Line{terminal.Dim.Span(strings.Join(keys[:], ""))}); l.Width()+2+len(state) <= w {
			return append(l.Pad(w-len(state)), terminal.Dim.Span(state))
		}
	}
	return nil
}

// leave shows the cursor again, below the last frame, and takes away the help.
func (s *screen) leave() {
	if s.Keys != nil && s.lines > 1 {
		fmt.Fprint(s.out, "\x1b[1A\x1b[K")
	}
	fmt.Fprint(s.out, "\x1b[?25h")
}

// framesASecond bounds how often the terminal is drawn on, and how many frames films have.
const framesASecond = 20
