package watch

import (
	"fmt"
	"strconv"
	"strings"

	"sresnet/internal/terminal"
)

// answers returns the strip of answers over time and what it says.
func (th *Thought) answers(t, w int) []terminal.Line {
	const head = "answer  "
	room := max(w-len(head), 1)
	l := terminal.Line{terminal.Plain.Span(head)}
	leader := th.Classes[t-1]
	for _, b := range buckets(th.Latency, room) {
		switch step := min(b.end, t); {
		case b.from >= t || th.Classes[step-1] == noAnswer:
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
	text := th.says(leader, since, t)
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

// says puts the answer after timestep t into words, which is that class since a timestep.
func (th *Thought) says(class, since, t int) string {
	if class == noAnswer {
		return fmt.Sprintf("no answer before t = %d", th.Latency)
	}
	name := terminal.Clean(th.className(class))
	if name != strconv.Itoa(class) {
		name = fmt.Sprintf("%d %s", class, name)
	}
	switch {
	case th.phased():
		return fmt.Sprintf("%s, at t = %d", name, th.Latency)
	case t == th.Latency:
		return fmt.Sprintf("%s, settled at t = %d", name, th.Settled)
	}
	return fmt.Sprintf("%s since t = %d", name, since)
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
