package watch

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

// maxBars is how many classes are shown.
const maxBars = 10

// bars returns how many lines the evidence takes.
func (th *Thought) bars() int { return min(len(th.Evidence[0]), maxBars) }

// shown returns n classes, or all: those with the most evidence in the end.
func (th *Thought) shown(n int) []int {
	last := th.Evidence[th.Latency-1]
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
	classes = classes[:min(n, len(classes))]
	slices.Sort(classes)
	return classes
}

// above returns the evidence of the classes after t timesteps, from the least on
// where some is negative.
func (th *Thought) above(t int) []float64 {
	least := min(slices.Min(th.Evidence[t-1]), 0)
	x := slices.Clone(th.Evidence[t-1])
	for k := range x {
		x[k] -= least
	}
	return x
}

// mostEvidence returns the largest that above returns at any timestep.
func (th *Thought) mostEvidence() float64 {
	if th.most == 0 {
		for t := range th.Latency {
			th.most = max(th.most, slices.Max(th.above(t+1)))
		}
	}
	return th.most
}

// evidence returns bars of n classes after t timesteps, each as long as its share of the most
// that any ever has.
func (th *Thought) evidence(t, w, n int) []terminal.Line {
	classes := th.shown(n)
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
func (th *Thought) verdict(class int) terminal.Style {
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
