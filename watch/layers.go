package watch

import (
	"fmt"
	"math"
	"strings"

	"sresnet/internal/terminal"
)

// layerGrid returns how layers are arranged below the image and the bars, in h lines
// for both: in as few columns as leave the lines that the image would like, else in
// as many as leave the bars theirs.
func (th *Thought) layerGrid(w, h, image int) (rows, columns int) {
	most := max(min(w/26, 3), 1)
	for _, above := range []int{image, th.bars()} {
		for columns = 1; columns <= most; columns++ {
			if rows = (len(th.Layers) + columns - 1) / columns; rows <= h-above {
				return rows, columns
			}
		}
	}
	return max(h-th.bars(), 1), most
}

// layers returns the sparklines of the layers, down the columns; where there are
// too many, some in even distances, the first and the last among them.
func (th *Thought) layers(t, w, rows, columns int) []terminal.Line {
	n := min(rows*columns, len(th.Layers))
	pick := make([]int, n)
	for i := range pick {
		if n > 1 {
			pick[i] = i * (len(th.Layers) - 1) / (n - 1)
		}
	}
	var spikes uint64
	for i := range th.Layers {
		for _, n := range th.Layers[i].Spikes[:t] {
			spikes += uint64(n)
		}
	}
	head := fmt.Sprintf("%s spikes; at the right, per neuron in 100 timesteps", terminal.Count(float64(spikes)))
	if th.phased() {
		head += " of its window"
	}
	if n < len(th.Layers) {
		head += fmt.Sprintf("; %d of %d layers", n, len(th.Layers))
	}
	width := (w - 3*(columns-1)) / columns
	lines := []terminal.Line{{terminal.Dim.Span(head)}}
	for row := range rows {
		var l terminal.Line
		for column := range columns {
			i := column*rows + row
			if i >= n {
				break
			}
			if column > 0 {
				l = append(l.Pad(column*(width+3)-3), terminal.Plain.Span("   "))
			}
			l = append(l, th.layer(&th.Layers[pick[i]], t, width)...)
		}
		lines = append(lines, l)
	}
	return lines
}

// layer returns the name of a layer, a sparkline of its rate over time and its rate
// so far. The sparklines of all layers have one scale.
func (th *Thought) layer(l *Layer, t, w int) terminal.Line {
	const number = 6
	longest := 0
	for i := range th.Layers {
		longest = max(longest, len([]rune(th.Layers[i].short)))
	}
	name := min(longest+1, max(w/2, 8))
	list := buckets(th.Latency, max(w-name-number-1, 1))
	most := 0.0
	for i := range th.Layers {
		for _, b := range list {
			most = max(most, th.Layers[i].rate(b))
		}
	}
	var done, open strings.Builder
	for _, b := range list {
		if b.from >= t {
			open.WriteRune('·')
		} else {
			done.WriteRune(spark(l.rate(b), most))
		}
	}
	sparkline := terminal.Line{terminal.Cyan.Span(done.String()), terminal.Dim.Span(open.String())}.Pad(w - name - number)
	head := terminal.Line{terminal.Plain.Span(terminal.End(l.short, name-1))}.Pad(name)
	return append(append(head, sparkline...), terminal.Plain.Span(fmt.Sprintf("%*.1f", number, 100*th.rateOf(l, t))))
}

// rateOf returns the rate of a layer in the timesteps up to t in which it could fire.
func (th *Thought) rateOf(l *Layer, t int) float64 {
	if th.phased() {
		return l.rate(bucket{l.Opens, min(max(t, l.Opens+1), l.Opens+th.Timesteps)})
	}
	return l.rate(bucket{0, t})
}

// rate returns the average spikes per neuron and timestep.
func (l *Layer) rate(b bucket) float64 {
	var n uint64
	for _, spikes := range l.Spikes[b.from:b.end] {
		n += uint64(spikes)
	}
	return float64(n) / float64(b.end-b.from) / float64(l.Neurons)
}

// spark returns a block as high as x is of most, a space for nothing.
func spark(x, most float64) rune {
	if x == 0 {
		return ' '
	}
	return []rune("▁▂▃▄▅▆▇█")[min(max(int(math.Ceil(8*x/most)), 1), 8)-1]
}
