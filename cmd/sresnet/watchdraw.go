package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"sresnet/dataset"
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
func (th *thought) frame(t, w, h int, d depth) []line {
	clock := fmt.Sprintf("  t = %d of %d", t, th.Timesteps)
	room := max(w-len(clock), 0)
	title := line{{bold, cut(clean(th.Model), room)}}
	title = append(title, span{plain, cut("  "+clean(th.Image), room-title.width())})
	frame := []line{append(title.pad(room), span{bold, clock}), nil}

	const overhead = 7 // Title, answer, legend and empty lines.
	_, ih, _ := th.shape.CHW()
	rows, columns := th.layerGrid(w, h-overhead, max(min((ih+1)/2, 16), th.bars()))
	middle := max(min(h-overhead-rows, 16), th.bars())
	picture := th.picture(w, middle, d)
	bars := th.evidence(t, w-gap(picture))
	for i := range max(len(picture), len(bars)) {
		var l line
		if picture != nil {
			if i < len(picture) {
				l = append(l, picture[i]...)
			}
			l = l.pad(gap(picture))
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
func gap(picture []line) int {
	if picture == nil {
		return 0
	}
	return picture[0].width() + 3
}

// picture returns the image in half-blocks, at most h lines, or nil where there is
// no room for it.
func (th *thought) picture(w, h int, d depth) []line {
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
		planes[i] = dataset.Resize(th.pixels[j*ih*iw:(j+1)*ih*iw], ih, iw, toH, toW)
	}
	at := func(y, x int) (rgb [3]uint8) {
		for i := range rgb {
			rgb[i] = uint8(min(max(planes[i][y*toW+x], 0), 255))
		}
		return rgb
	}
	var lines []line
	for y := 0; y < toH; y += 2 {
		var l line
		for x := range toW {
			l = append(l, halfBlock(at(y, x), at(y+1, x), d))
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
func (th *thought) evidence(t, w int) []line {
	classes := th.shown()
	names, longest := make([]string, len(classes)), 0
	for i, k := range classes {
		names[i] = shorten(clean(th.className(k)), 12)
		longest = max(longest, len([]rune(names[i])))
	}
	full := th.mostEvidence()
	now, leader := th.above(t), th.Classes[t-1]
	const number = 8
	room := max(w-longest-number-5, 1)
	lines := make([]line, len(classes))
	for i, k := range classes {
		style := blue
		if k == leader {
			style = th.verdict(k)
		}
		share := 0.0
		if full > 0 {
			share = now[k] / full
		}
		l := line{{plain, strings.Repeat(" ", longest-len([]rune(names[i])))}, {style, names[i]}, {plain, " "}}
		l = append(l, line{{style, bar(share, room)}}.pad(room)...)
		l = append(l, span{style, fmt.Sprintf("%*s", number, evidenceNumber(th.Evidence[t-1][k]))}, span{plain, " "})
		if th.Label != nil && k == *th.Label {
			l = append(l, span{green, labelMark})
		}
		if th.ANN != nil && k == *th.ANN {
			l = append(l, span{yellow, annMark})
		}
		lines[i] = l
	}
	return lines
}

// verdict is the style of an answer: right, wrong, or unknown.
func (th *thought) verdict(class int) string {
	switch {
	case th.Label == nil:
		return cyan
	case class == *th.Label:
		return green
	}
	return red
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
func (th *thought) answers(t, w int) []line {
	const head = "answer  "
	room := max(w-len(head), 1)
	l := line{{plain, head}}
	leader := th.Classes[t-1]
	for _, b := range buckets(th.Timesteps, room) {
		switch step := min(b.end, t); {
		case b.from >= t:
			l = append(l, span{dim, "·"})
		case len(th.Evidence[0]) <= 10:
			k := th.Classes[step-1]
			l = append(l, span{th.verdict(k), strconv.Itoa(k)})
		case th.Classes[step-1] == leader:
			l = append(l, span{th.verdict(leader), "█"})
		default:
			l = append(l, span{dim, "░"})
		}
	}
	since := t
	for since > 1 && th.Classes[since-2] == leader {
		since--
	}
	name := clean(th.className(leader))
	if name != strconv.Itoa(leader) {
		name = fmt.Sprintf("%d %s", leader, name)
	}
	text := fmt.Sprintf("%s since t = %d", name, since)
	if t == th.Timesteps {
		text = fmt.Sprintf("%s, settled at t = %d", name, th.Settled)
	}
	says := line{{plain, strings.Repeat(" ", len(head))}, {th.verdict(leader), text}}
	var legend line
	if th.Label != nil {
		legend = append(legend, span{green, labelMark}, span{dim, " label  "})
	}
	if th.ANN != nil {
		legend = append(legend, span{yellow, annMark}, span{dim, " trained network"})
	}
	if says.width()+legend.width()+2 <= w {
		says = append(says.pad(w-legend.width()), legend...)
	}
	return []line{l, says}
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
