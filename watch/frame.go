package watch

import (
	"fmt"

	"sresnet/internal/terminal"
)

// frame returns what a terminal of w columns shows after timestep t, from 1, in at
// most h lines:
//
//	title                                             timestep
//	of a phased network: the window that is open
//	image     bars, one per class
//
//	the answer at every timestep so far
//	a sparkline for every layer
func (th *Thought) frame(t, w, h int, d terminal.Depth) []terminal.Line {
	clock := fmt.Sprintf("  t = %d of %d", t, th.Latency)
	room := max(w-len(clock), 0)
	title := terminal.Line{terminal.Bold.Span(terminal.Beginning(terminal.Clean(th.Model), room))}
	title = append(title, terminal.Plain.Span(terminal.Beginning("  "+terminal.Clean(th.Image), room-title.Width())))
	frame := []terminal.Line{append(title.Pad(room), terminal.Bold.Span(clock)), nil}
	if th.phased() {
		frame[1] = terminal.Line{terminal.Dim.Span(terminal.Beginning(th.window(t), w))}
	}

	const overhead = 7 // Title, answer, legend and empty lines.
	if h < overhead+th.bars()+1 {
		return th.small(frame, t, w, h)
	}
	_, ih, _ := th.shape.CHW()
	rows, columns := th.layerGrid(w, h-overhead, max(min((ih+1)/2, 16), th.bars()))
	middle := max(min(h-overhead-rows, 16), th.bars())
	picture := th.picture(w, middle, d)
	bars := th.evidence(t, w-gap(picture), th.bars())
	for i := range max(len(picture), len(bars)) {
		var l terminal.Line
		if picture != nil {
			if i < len(picture) {
				l = append(l, picture[i]...)
			}
			l = l.Pad(gap(picture))
		}
		if j := i - max(len(picture)-len(bars), 0)/2; j >= 0 && j < len(bars) { // At half the height of the image.
			l = append(l, bars[j]...)
		}
		frame = append(frame, l)
	}
	frame = append(frame, nil)
	frame = append(frame, th.answers(t, w)...)
	frame = append(frame, nil)
	frame = append(frame, th.layers(t, w, rows, columns)...)
	return frame[:max(min(len(frame), h), 1)]
}

// small ends a frame that begins with head and has no room for layers, or for the image: bars,
// of fewer classes where there is no room for all, and the answers.
func (th *Thought) small(head []terminal.Line, t, w, h int) []terminal.Line {
	answers := th.answers(t, w)
	if head[1] == nil {
		head = head[:1]
	}
	frame := append(head, th.evidence(t, w, max(min(h-len(head)-len(answers), th.bars()), 0))...)
	for _, l := range answers {
		if len(frame) < h {
			frame = append(frame, l)
		}
	}
	return frame[:max(min(len(frame), h), 1)]
}

// gap returns the columns that a picture and the space beside it take.
func gap(picture []terminal.Line) int {
	if picture == nil {
		return 0
	}
	return picture[0].Width() + 3
}
