package watch

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"strconv"

	"sresnet/internal/palette"
	"sresnet/internal/terminal"
)

// Margin of a drawing, in points.
const margin = 28.0

// slide draws what there is to see of the thoughts after t of their timesteps.
func slide(s *sheet, list []*Thought, t int) {
	s.fill(color.White, 0, 0, sheetWidth, sheetHeight)
	if len(list) == 1 {
		list[0].slide(s, t)
		return
	}
	grid(s, list, t)
}

// heading writes the title of a drawing, and the clock.
func heading(s *sheet, title, subtitle string, t, of int) {
	clock := letters{20, true, palette.Text}
	w := s.text(clock, sheetWidth-margin, 42, 300, 1, fmt.Sprintf("t = %d of %d", t, of))
	room := sheetWidth - 2*margin - w - 20
	used := s.text(letters{20, true, palette.Text}, margin, 42, room, 0, title)
	s.text(letters{15, false, palette.Soft}, margin+used+10, 42, room-used-10, 0, subtitle)
	s.fill(palette.Line, margin, 52, sheetWidth-2*margin, 2)
	s.fill(palette.Text, margin, 52, (sheetWidth-2*margin)*float64(t)/float64(of), 2)
}

// colour is that of an answer: right, wrong, or unknown.
func (th *Thought) colour(class int) color.RGBA {
	switch {
	case class == noAnswer:
		return palette.Line
	case th.Label == nil:
		return palette.Colours[2]
	case class == *th.Label:
		return palette.Right
	}
	return palette.Wrong
}

// image returns what was presented.
func (th *Thought) image() image.Image {
	c, h, w := th.shape.CHW()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var rgb [3]uint8
			for k := range rgb {
				rgb[k] = uint8(min(max(math.Round(float64(th.pixels[(min(k, c-1)*h+y)*w+x])), 0), 255))
			}
			m.SetRGBA(x, y, color.RGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	return m
}

// Where things are on the slide of one image: the image and the bars beside it, and below them
// what goes over time, between two columns of words.
const (
	pictureTop, pictureSide = 72.0, 224.0
	overTop                 = 326.0
	overLeft                = margin + 132
	overWidth               = sheetWidth - margin - 64 - overLeft
)

// slide draws one image: its evidence, and below, over time, the answers and the layers.
func (th *Thought) slide(s *sheet, t int) {
	heading(s, th.Model, th.Image, t, th.Latency)
	_, ih, iw := th.shape.CHW()
	left := margin
	if ih > 1 && iw > 1 {
		s.fill(palette.Panel, margin, pictureTop, pictureSide, pictureSide)
		s.picture(th.image(), margin, pictureTop, pictureSide)
		left += pictureSide + 24
	}
	th.drawBars(s, t, left, pictureTop, sheetWidth-margin-left, pictureSide)
	th.drawAnswers(s, t, overLeft, overTop, overWidth, 20)
	s.text(letters{13, true, palette.Text}, overLeft-10, overTop+15, overLeft-margin-10, 1, "answer")
	th.drawLayers(s, t, overTop+52)
	past := overWidth * float64(t) / float64(th.Latency)
	s.fill(palette.Text, overLeft+past-0.75, overTop-3, 1.5, sheetHeight-margin-overTop+3)
}

// drawBars draws the evidence of classes.
func (th *Thought) drawBars(s *sheet, t int, x, y, w, h float64) {
	classes := th.shown(maxBars)
	now, full, leader := th.above(t), th.mostEvidence(), th.Classes[t-1]
	names := 24.0
	for _, k := range classes {
		names = max(names, min(8*float64(len([]rune(th.className(k)))), 120)+8)
	}
	row := min(h/float64(len(classes)), 30)
	y += (h - row*float64(len(classes))) / 2
	room := w - names - 90
	for i, k := range classes {
		middle := y + row*(float64(i)+0.5)
		l := letters{14, false, palette.Text}
		c := palette.Colours[5]
		if k == leader {
			l.bold, c = true, th.colour(k)
			l.color = c
		}
		s.text(l, x+names-8, middle+5, names-8, 1, th.className(k))
		s.fill(palette.Panel, x+names, middle-row*0.34, room, row*0.68)
		if full > 0 {
			s.fill(c, x+names, middle-row*0.34, room*now[k]/full, row*0.68)
		}
		s.text(letters{14, l.bold, palette.Text}, x+names+room+46, middle+5, 46, 1, evidenceNumber(th.Evidence[t-1][k]))
		if th.Label != nil && k == *th.Label {
			s.circle(palette.Right, x+names+room+60, middle, 5)
		}
		if th.ANN != nil && k == *th.ANN {
			s.diamond(palette.Colours[4], x+names+room+76, middle, 6)
		}
	}
}

// runs calls f for every stretch of timesteps up to t with one answer: from, and to before.
func (th *Thought) runs(t int, f func(from, to, class int)) {
	for from := 0; from < t; {
		to := from + 1
		for to < t && th.Classes[to] == th.Classes[from] {
			to++
		}
		f(from, to, th.Classes[from])
		from = to
	}
}

// drawStrip draws the answers up to t.
func (th *Thought) drawStrip(s *sheet, t int, x, y, w, h float64) {
	s.fill(palette.Panel, x, y, w, h)
	step := w / float64(th.Latency)
	th.runs(t, func(from, to, class int) {
		at, width := x+step*float64(from), step*float64(to-from)
		s.fill(th.colour(class), at, y, width, h)
		if from > 0 && width > 1.5 { // Two wrong answers have one colour.
			s.fill(color.White, at, y, 0.8, h)
		}
		if class != noAnswer {
			name := th.className(class)
			l := letters{h * 0.65, true, color.White}
			if s.width(l, name) > width-4 {
				name = strconv.Itoa(class)
			}
			if s.width(l, name) <= width-2 {
				s.text(l, at+width/2, y+h*0.74, width, 0.5, name)
			}
		}
	})
}

// drawAnswers draws the answers, and below what they say, and what the marks are.
func (th *Thought) drawAnswers(s *sheet, t int, x, y, w, h float64) {
	th.drawStrip(s, t, x, y, w, h)
	leader := th.Classes[t-1]
	since := t
	for since > 1 && th.Classes[since-2] == leader {
		since--
	}
	below := y + h + 16
	words := s.text(letters{13, true, textColour(th.colour(leader))}, x, below, w*0.6, 0, th.says(leader, since, t))
	if th.phased() {
		s.text(letters{12, false, palette.Soft}, x+words+14, below, w*0.75-words-14, 0, th.window(t))
	}
	at := x + w - 10
	if th.ANN != nil {
		at -= s.text(letters{12, false, palette.Soft}, at, below, w, 1, "trained network")
		s.diamond(palette.Colours[4], at-9, below-4, 5)
		at -= 30
	}
	if th.Label != nil {
		at -= s.text(letters{12, false, palette.Soft}, at, below, w, 1, "label")
		s.circle(palette.Right, at-9, below-4, 4)
	}
}

// textColour makes the colour of no answer one that can be read.
func textColour(c color.RGBA) color.RGBA {
	if c == palette.Line {
		return palette.Soft
	}
	return c
}

// drawLayers draws the rates of layers over time, from y to the end of the sheet.
func (th *Thought) drawLayers(s *sheet, t int, y float64) {
	const least = 13.0 // Of the height of a row.
	bottom := sheetHeight - margin
	n := min(len(th.Layers), int((bottom-y)/least))
	row := min((bottom-y)/float64(n), 28)
	most := th.highestRate()
	step := overWidth / float64(th.Latency)
	var spikes uint64
	for i := range th.Layers {
		for _, k := range th.Layers[i].Spikes[:t] {
			spikes += uint64(k)
		}
	}
	note := terminal.Count(float64(spikes)) + " spikes"
	if n < len(th.Layers) {
		note += fmt.Sprintf("; %d of %d layers", n, len(th.Layers))
	}
	s.text(letters{12, false, palette.Soft}, margin, sheetHeight-10, 500, 0, note)
	s.text(letters{12, false, palette.Soft}, sheetWidth-margin, sheetHeight-10, 500, 1, "spikes per neuron in 100 timesteps")
	size := min(row*0.72, 12)
	for i := range n {
		l := &th.Layers[i]
		if n < len(th.Layers) && n > 1 {
			l = &th.Layers[i*(len(th.Layers)-1)/(n-1)]
		}
		base := y + row*float64(i+1) - 1.5
		high := row - 3
		s.text(letters{size, false, palette.Text}, overLeft-10, base-high/2+size*0.36, overLeft-margin-10, 1, l.short)
		s.fill(palette.Panel, overLeft, base-high, overWidth, high)
		outline := []float64{overLeft, base}
		for k := range t {
			share := 0.0
			if most > 0 {
				share = l.rate(bucket{k, k + 1}) / most
			}
			at := overLeft + step*float64(k)
			outline = append(outline, at, base-high*share, at+step, base-high*share)
		}
		s.area(palette.Colours[5], append(outline, overLeft+step*float64(t), base)...)
		s.text(letters{size, false, palette.Text}, sheetWidth-margin, base-high/2+size*0.36, 60, 1, fmt.Sprintf("%.1f", 100*th.rateOf(l, t)))
	}
}

// highestRate returns the highest rate of any layer at any timestep.
func (th *Thought) highestRate() float64 {
	most := 0.0
	for i := range th.Layers {
		for _, n := range th.Layers[i].Spikes {
			most = max(most, float64(n)/float64(th.Layers[i].Neurons))
		}
	}
	return most
}

// grid draws several images, each with its answer and its evidence, and the answers over time.
func grid(s *sheet, list []*Thought, t int) {
	last := slices.MaxFunc(list, func(a, b *Thought) int { return a.Latency - b.Latency }).Latency
	right, labelled := 0, 0
	for _, th := range list {
		if th.Label != nil {
			labelled++
			if th.Classes[min(t, th.Latency)-1] == *th.Label {
				right++
			}
		}
	}
	says := fmt.Sprintf("%d images", len(list))
	if labelled > 0 {
		says = fmt.Sprintf("%d of %d right", right, labelled)
	}
	heading(s, list[0].Model, says, t, last)
	const top, gap = 70.0, 16.0
	columns := bestColumns(len(list), sheetWidth-2*margin, sheetHeight-margin-top, gap)
	rows := (len(list) + columns - 1) / columns
	w := (sheetWidth - 2*margin - gap*float64(columns-1)) / float64(columns)
	h := (sheetHeight - margin - top - gap*float64(rows-1)) / float64(rows)
	for i, th := range list {
		x, y := margin+(w+gap)*float64(i%columns), top+(h+gap)*float64(i/columns)
		th.cell(s, min(t, th.Latency), x, y, w, h)
	}
}

// bestColumns returns in how many columns n cells are nearest to twice as wide as high, which
// has room for an image with words beside it.
func bestColumns(n int, w, h, gap float64) int {
	best, least := 1, math.Inf(1)
	for columns := 1; columns <= n; columns++ {
		rows := (n + columns - 1) / columns
		cellW := (w - gap*float64(columns-1)) / float64(columns)
		cellH := (h - gap*float64(rows-1)) / float64(rows)
		if off := math.Abs(math.Log(cellW / cellH / 2)); off < least {
			best, least = columns, off
		}
	}
	return best
}

// cell draws one image of several.
func (th *Thought) cell(s *sheet, t int, x, y, w, h float64) {
	strip := min(max(h*0.11, 6), 16)
	side := min(h-strip-6, w*0.6)
	m := th.image()
	picW, picH := s.fit(m.Bounds().Dx(), m.Bounds().Dy(), side)
	side = float64(max(picW, picH)) / s.scale
	s.picture(m, x, y, side)
	left, room := x+side+8, w-side-8
	leader := th.Classes[t-1]
	size := min(max(h*0.12, 9), 20)
	name := "…"
	if leader != noAnswer {
		name = th.className(leader)
	}
	s.text(letters{size, true, textColour(th.colour(leader))}, left, y+size, room, 0, name)
	at := y + size + 4
	if th.Label != nil && size >= 10 {
		at += size * 0.75
		s.text(letters{size * 0.7, false, palette.Soft}, left, at, room, 0, "label "+th.className(*th.Label))
		at += 6
	}
	classes, now, full := th.shown(maxBars), th.above(t), th.mostEvidence()
	row := (y + side - at) / float64(len(classes))
	for i, k := range classes {
		c := palette.Colours[5]
		if k == leader {
			c = th.colour(k)
		}
		s.fill(palette.Panel, left, at+row*float64(i), room, row*0.75)
		if full > 0 {
			s.fill(c, left, at+row*float64(i), room*now[k]/full, row*0.75)
		}
	}
	th.drawStrip(s, t, x, y+side+6, w, strip)
}
