package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// group is a series of horizontal bars, one per row, that a hatch tells apart as
// well as a colour. It is a plot.Plotter.
type group struct {
	label    string
	style    int
	from, to []float64 // Of each bar, the first one on top.
	thick    vg.Length
	shift    vg.Length // Up.

	low, high []num // Ends of an interval of each bar; nil for none.
}

// beside halves the bars of a and b, and puts a above b. It returns b.
func beside(a, b *group) *group {
	a.thick, b.thick = a.thick/2, b.thick/2
	a.shift, b.shift = a.thick/2, -b.thick/2
	return b
}

// newGroup returns bars of these lengths that begin where those of before end.
func newGroup(label string, style int, lengths []num, before *group) *group {
	g := &group{label: label, style: style, thick: 0.28 * vg.Centimeter}
	for i, x := range lengths {
		from := 0.0
		if before != nil {
			from = before.to[i]
		}
		if !x.known() {
			x = 0
		}
		g.from, g.to = append(g.from, from), append(g.to, from+float64(x))
	}
	return g
}

// Plot draws the bars; row n-1-i is the i-th bar, so that the first is on top.
func (g *group) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i := range g.from {
		middle := y(float64(len(g.from)-1-i)) + g.shift
		from, to := x(min(g.from[i], g.to[i])), x(max(g.from[i], g.to[i]))
		g.fill(&c, vg.Rectangle{Min: vg.Point{X: from, Y: middle - g.thick/2}, Max: vg.Point{X: to, Y: middle + g.thick/2}})
		if g.low != nil && g.low[i].known() && g.high[i].known() {
			line := draw.LineStyle{Color: color.Black, Width: 0.8}
			low, high, end := x(float64(g.low[i])), x(float64(g.high[i])), g.thick/3
			c.StrokeLine2(line, low, middle, high, middle)
			c.StrokeLine2(line, low, middle-end, low, middle+end)
			c.StrokeLine2(line, high, middle-end, high, middle+end)
		}
	}
}

// columns is a histogram of two kinds of images, one on the other. It is a plot.Plotter.
type columns struct {
	width        float64
	right, wrong []int
}

// Plot draws a column for each bin.
func (h *columns) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i := range h.right {
		from, to := x(float64(i)*h.width+0.5), x(float64(i+1)*h.width+0.5)
		right, all := y(float64(h.right[i])), y(float64(h.right[i]+h.wrong[i]))
		gap := (to - from) / 10
		if h.right[i] > 0 {
			(&group{style: 0}).fill(&c, vg.Rectangle{Min: vg.Point{X: from + gap, Y: y(0)}, Max: vg.Point{X: to - gap, Y: right}})
		}
		if h.wrong[i] > 0 {
			(&group{style: 1}).fill(&c, vg.Rectangle{Min: vg.Point{X: from + gap, Y: right}, Max: vg.Point{X: to - gap, Y: all}})
		}
	}
}

// DataRange returns what the columns take.
func (h *columns) DataRange() (xmin, xmax, ymin, ymax float64) {
	for i := range h.right {
		ymax = max(ymax, float64(h.right[i]+h.wrong[i]))
	}
	return 0.5, float64(len(h.right))*h.width + 0.5, 0, ymax
}

// fill draws a rectangle with the hatch of g: lines that are upright, level, two level ones,
// several of these or none.
func (g *group) fill(c *draw.Canvas, r vg.Rectangle) {
	c.FillPolygon(colour(g.style), []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}})
	line := draw.LineStyle{Color: color.White, Width: 0.7}
	if g.style&1 != 0 {
		for x := math.Ceil(float64(r.Min.X) / 3); x*3 < float64(r.Max.X); x++ {
			c.StrokeLine2(line, vg.Length(3*x), r.Min.Y, vg.Length(3*x), r.Max.Y)
		}
	}
	if g.style&2 != 0 {
		middle := (r.Min.Y + r.Max.Y) / 2
		c.StrokeLine2(line, r.Min.X, middle, r.Max.X, middle)
	}
	if g.style&4 != 0 {
		quarter := (r.Max.Y - r.Min.Y) / 4
		c.StrokeLine2(line, r.Min.X, r.Min.Y+quarter, r.Max.X, r.Min.Y+quarter)
		c.StrokeLine2(line, r.Min.X, r.Max.Y-quarter, r.Max.X, r.Max.Y-quarter)
	}
}

// Thumbnail draws the entry of the legend.
func (g *group) Thumbnail(c *draw.Canvas) { g.fill(c, c.Rectangle) }

// DataRange returns what the bars take.
func (g *group) DataRange() (xmin, xmax, ymin, ymax float64) {
	for i := range g.from {
		xmin, xmax = min(xmin, g.to[i]), max(xmax, g.to[i])
		if g.low != nil && g.low[i].known() && g.high[i].known() {
			xmin, xmax = min(xmin, float64(g.low[i])), max(xmax, float64(g.high[i]))
		}
	}
	return xmin, xmax, 0, float64(len(g.from) - 1)
}

// even puts about six ticks at round numbers.
type even struct {
	show func(num) string
	most float64 // The highest; 0 for no limit.
}

// Ticks returns them, all with labels.
func (e even) Ticks(lo, hi float64) []plot.Tick {
	if e.most > 0 {
		hi = min(hi, e.most)
	}
	rough := (hi - lo) / 6
	if !(rough > 0) || math.IsInf(rough, 0) {
		return []plot.Tick{{Value: lo, Label: significant(num(lo))}}
	}
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, k := range []float64{2, 2.5, 2} { // 2, 5 and 10 times.
		if step < rough {
			step *= k
		}
	}
	var list []plot.Tick
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi*(1+1e-9); k++ {
		list = append(list, plot.Tick{Value: k * step, Label: e.show(num(k * step))})
	}
	return list
}
