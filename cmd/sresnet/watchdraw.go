package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sresnet/internal/terminal"
)

// Marks behind a class.
const labelMark, annMark = "●", "◆"

// frame returns what a terminal of w columns shows after timestep t, from 1, in at
// most h lines:
//
//	title                                             timestep
//
//	image     bars, one a class
//
//	the answer at every timestep so far
//	a sparkline for every layer
func (th *thought) frame(t, w, h int, d terminal.Depth) []terminal.Line {
	clock := fmt.Sprintf("  t = %d of %d", t, th.Timesteps)
	room := max(w-len(clock), 0)
	title := terminal.Line{terminal.Bold.Span(terminal.Beginning(terminal.Clean(th.Model), room))}
	title = append(title, terminal.Plain.Span(terminal.Beginning("  "+terminal.Clean(th.Image), room-title.Width())))
	frame := []terminal.Line{append(title.Pad(room), terminal.Bold.Span(clock)), nil}

	const overhead = 7 // Title, answer, legend and empty lines.
	_, ih, _ := th.shape.CHW()
	rows, columns := th.layerGrid(w, h-overhead, max(min((ih+1)/2, 16), th.bars()))
	middle := max(min(h-overhead-rows, 16), th.bars())
	picture := th.picture(w, middle, d)
	bars := th.evidence(t, w-gap(picture))
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

// gap returns the columns that a picture and the space beside it take.
func gap(picture []terminal.Line) int {
	if picture == nil {
		return 0
	}
	return picture[0].Width() + 3
}

// picture returns the image in half-blocks, at most h lines, or nil where there is
// no room for it.
func (th *thought) picture(w, h int, d terminal.Depth) []terminal.Line {
	c, ih, iw := th.shape.CHW()
	if w < 60 || h < 4 {
		return nil
	}
	toH := min(ih, 2*h)
	toW := max(iw*toH/ih, 1)
	if toW > w/3 {
		toW = w / 3
		toH = max(ih*toW/iw, 2)
	}
	toH -= toH % 2
	if toH == 0 {
		return nil
	}
	var planes [3][]float32
	for i := range planes {
		j := min(i, c-1) // Grey is red, green and blue.
		planes[i] = resize(th.pixels[j*ih*iw:(j+1)*ih*iw], ih, iw, toH, toW)
	}
	at := func(y, x int) (rgb [3]uint8) {
		for i := range rgb {
			rgb[i] = uint8(min(max(planes[i][y*toW+x], 0), 255))
		}
		return rgb
	}
	var lines []terminal.Line
	for y := 0; y < toH; y += 2 {
		var l terminal.Line
		for x := range toW {
			l = append(l, terminal.HalfBlock(at(y, x), at(y+1, x), d))
		}
		lines = append(lines, l)
	}
	return lines
}

// maxBars is how many classes are shown.
const maxBars = 10

// bars returns how many lines the evidence takes.
func (th *thought) bars() int { return min(len(th.Evidence[0]), maxBars) }

// shown returns the classes that have a bar: all, or those with the most evidence in
// the end.
func (th *thought) shown() []int {
	last := th.Evidence[th.Timesteps-1]
	classes := make([]int, len(last))
	for k := range classes {
		classes[k] = k
	}
	slices.SortStableFunc(classes, func(a, b int) int {
		switch {
		case last[a] > last[b]:
			return -1
		case last[a] < last[b]:
			return 1
		}
		return 0
	})
	classes = classes[:th.bars()]
	slices.Sort(classes)
	return classes
}

// above returns the evidence of the classes after t timesteps, from the least on
// where some is negative.
func (th *thought) above(t int) []float64 {
	least := min(slices.Min(th.Evidence[t-1]), 0)
	x := slices.Clone(th.Evidence[t-1])
	for k := range x {
		x[k] -= least
	}
	return x
}

// mostEvidence returns the largest that above returns at any timestep.
func (th *thought) mostEvidence() float64 {
	if th.most == 0 {
		for t := range th.Timesteps {
			th.most = max(th.most, slices.Max(th.above(t+1)))
		}
	}
	return th.most
}

// evidence returns a bar for every class after t timesteps, as long as its share of
// the most that any ever has.
func (th *thought) evidence(t, w int) []terminal.Line {
	classes := th.shown()
	names, longest := make([]string, len(classes)), 0
	for i, k := range classes {
		names[i] = terminal.End(terminal.Clean(th.className(k)), 12)
		longest = max(longest, len([]rune(names[i])))
	}
	full := th.mostEvidence()
	now, leader := th.above(t), th.Classes[t-1]
	const number = 8
	room := max(w-longest-number-5, 1)
	lines := make([]terminal.Line, len(classes))
	for i, k := range classes {
		style := terminal.Blue
		if k == leader {
			style = th.verdict(k)
		}
		share := 0.0
		if full > 0 {
			share = now[k] / full
		}
		l := terminal.Line{terminal.Plain.Span(strings.Repeat(" ", longest-len([]rune(names[i])))), style.Span(names[i]), terminal.Plain.Span(" ")}
		l = append(l, terminal.Line{style.Span(bar(share, room))}.Pad(room)...)
		l = append(l, style.Span(fmt.Sprintf("%*s", number, evidenceNumber(th.Evidence[t-1][k]))), terminal.Plain.Span(" "))
		if th.Label != nil && k == *th.Label {
			l = append(l, terminal.Green.Span(labelMark))
		}
		if th.ANN != nil && k == *th.ANN {
			l = append(l, terminal.Yellow.Span(annMark))
		}
		lines[i] = l
	}
	return lines
}

// verdict is the style of an answer: right, wrong, or unknown.
func (th *thought) verdict(class int) terminal.Style {
	switch {
	case th.Label == nil:
		return terminal.Cyan
	case class == *th.Label:
		return terminal.Green
	}
	return terminal.Red
}

func evidenceNumber(x float64) string {
	if x == math.Trunc(x) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// bar returns a bar that fills a share of w columns, to an eighth of one.
func bar(share float64, w int) string {
	eighths := int(math.Round(min(max(share, 0), 1) * float64(8*w)))
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return s
}

// answers returns the strip of answers over time and what it says.
func (th *thought) answers(t, w int) []terminal.Line {
	const head = "answer  "
	room := max(w-len(head), 1)
	l := terminal.Line{terminal.Plain.Span(head)}
	leader := th.Classes[t-1]
	for _, b := range buckets(th.Timesteps, room) {
		switch step := min(b.end, t); {
		case b.from >= t:
			l = append(l, terminal.Dim.Span("·"))
		case len(th.Evidence[0]) <= 10:
			k := th.Classes[step-1]
			l = append(l, th.verdict(k).Span(strconv.Itoa(k)))
		case th.Classes[step-1] == leader:
			l = append(l, th.verdict(leader).Span("█"))
		default:
			l = append(l, terminal.Dim.Span("░"))
		}
	}
	since := t
	for since > 1 && th.Classes[since-2] == leader {
		since--
	}
	name := terminal.Clean(th.className(leader))
	if name != strconv.Itoa(leader) {
		name = fmt.Sprintf("%d %s", leader, name)
	}
	text := fmt.Sprintf("%s since t = %d", name, since)
	if t == th.Timesteps {
		text = fmt.Sprintf("%s, settled at t = %d", name, th.Settled)
	}
	says := terminal.Line{terminal.Plain.Span(strings.Repeat(" ", len(head))), th.verdict(leader).Span(text)}
	var legend terminal.Line
	if th.Label != nil {
		legend = append(legend, terminal.Green.Span(labelMark), terminal.Dim.Span(" label  "))
	}
	if th.ANN != nil {
		legend = append(legend, terminal.Yellow.Span(annMark), terminal.Dim.Span(" trained network"))
	}
	if says.Width()+legend.Width()+2 <= w {
		says = append(says.Pad(w-legend.Width()), legend...)
	}
	return []terminal.Line{l, says}
}

// bucket is a run of timesteps that share a column: from <= step < end, from 0.
type bucket struct{ from, end int }

// buckets divides T timesteps over at most w columns.
func buckets(T, w int) []bucket {
	w = min(w, T)
	list := make([]bucket, w)
	for i := range list {
		list[i] = bucket{i * T / w, (i + 1) * T / w}
	}
	return list
}
