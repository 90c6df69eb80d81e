package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"sresnet/internal/palette"
)

// Figure is one figure for print. What its caption says stands below it.
type Figure struct {
	Caption
	plot          *plot.Plot
	width, height vg.Length
}

// caption sets the text below f, which grows by its lines.
func (f Figure) caption() (lines []string, style draw.TextStyle) {
	style = f.plot.X.Label.TextStyle
	style.Font.Size, style.XAlign, style.YAlign = 8, draw.XLeft, draw.YBottom
	line := ""
	for _, word := range strings.Fields(plain(f.Says)) {
		longer := strings.TrimSpace(line + " " + word)
		if line != "" && style.Width(longer) > f.width-2*margin {
			lines, longer = append(lines, line), word
		}
		line = longer
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines, style
}

const (
	figureWidth  = 16 * vg.Centimeter
	figureHeight = 10 * vg.Centimeter
	figureDPI    = 300

	margin     = 0.3 * vg.Centimeter // For labels at the ends of axes.
	lineHeight = 0.36 * vg.Centimeter
)

// size returns that of f with its caption.
func (f *Figure) size() (width, height vg.Length) {
	lines, _ := f.caption()
	return f.width, f.height + vg.Length(len(lines))*lineHeight
}

// Write writes f in the format "png", with 300 dots per inch, or "svg".
func (f *Figure) Write(w io.Writer, format string) error {
	width, height := f.size()
	switch format {
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(figureDPI))
		f.draw(draw.New(c))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	case "svg":
		c := vgsvg.New(width, height)
		f.draw(draw.New(c))
		_, err := c.WriteTo(w)
		return err
	}
	return fmt.Errorf("report: figures are png or svg, not %q", format)
}

// draw puts the plot above its caption, both with a margin.
func (f *Figure) draw(c draw.Canvas) {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	lines, style := f.caption()
	below := vg.Length(len(lines)) * lineHeight
	f.plot.Draw(draw.Crop(c, margin, -margin, margin+below, -margin))
	for i, l := range lines {
		c.FillText(style, vg.Point{X: c.Min.X + margin, Y: c.Min.Y + margin/2 + vg.Length(len(lines)-1-i)*lineHeight}, l)
	}
}

// colour returns that of a style.
func colour(style int) color.RGBA { return palette.Colours[style%len(palette.Colours)] }

// dashes go with the colours, for printing in grey.
var dashes = [][]vg.Length{nil, {7, 3}, {2, 3}, {9, 3, 2, 3}, {4, 2}, {12, 4}, {1, 2}, {6, 2, 1, 2}}

// dash returns the index of the dashes of a style: after as many styles as there are colours
// each colour comes with other dashes.
func dash(style int) int { return (style + style/len(dashes)) % len(dashes) }

// Figures returns what r shows as figures: the curves of all runs, then, named by
// run where there are several, those of each run.
func (r *Report) Figures() ([]Figure, error) {
	var list []Figure
	for _, c := range r.curves() {
		f, err := c.figure(c.ID)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	for i, run := range r.Runs {
		more, err := run.figures()
		if err != nil {
			return nil, err
		}
		for _, f := range more {
			if len(r.Runs) > 1 {
				f.Name, f.Says = fmt.Sprintf("run%d-%s", i+1, f.Name), run.Name+": "+f.Says
			}
			list = append(list, f)
		}
	}
	return list, nil
}

// figures returns those of one run.
func (run *Run) figures() ([]Figure, error) {
	list := []Figure{run.rateFigure()}
	if r := run.raster(); r != nil {
		list = append(list, run.rasterFigure(r))
	}
	if s := run.settles(); s != nil {
		list = append(list, run.settlingFigure(s))
	}
	if t := run.perClass(maxMatrix); t != nil {
		list = append(list, run.classFigures(t)...)
	}
	if t := run.losses(); t != nil {
		list = append(list, run.lossFigure(t))
	}
	if c := run.depth(); c != nil {
		f, err := c.figure("depth")
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if t := run.errors(); t != nil {
		list = append(list, run.errorFigure(t))
	}
	if t := run.energy(); t != nil {
		list = append(list, run.energyFigure(t))
	}
	return list, nil
}

// newPlot returns an empty plot with a grid.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = plain(title), plain(x), plain(y)
	p.Title.Padding, p.Legend.Padding = 6, 2
	p.BackgroundColor = color.White
	p.Legend.TextStyle.Font.Size = 9
	grid := plotter.NewGrid()
	for _, l := range []*draw.LineStyle{&grid.Horizontal, &grid.Vertical} {
		l.Color = color.Gray{0xdd}
	}
	p.Add(grid)
	return p
}

// plain drops control characters, which XML cannot hold.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// figure draws c.
func (c *curve) figure(name string) (Figure, error) {
	p := newPlot(c.Title, c.X, c.Y)
	for _, b := range c.Bands {
		high, low := c.known(b.High), c.known(b.Low)
		for i := len(low) - 1; i >= 0; i-- { // There and back again.
			high = append(high, low[i])
		}
		area, err := plotter.NewPolygon(high)
		if errors.Is(err, plotter.ErrNoData) {
			continue
		}
		if err != nil {
			return Figure{}, fmt.Errorf("report: figure %s: %w", name, err)
		}
		c := colour(b.Style)
		area.Color = color.NRGBA{c.R, c.G, c.B, 0x33}
		area.LineStyle.Width = 0
		p.Add(area)
	}
	for i, l := range c.Lines {
		xy := c.known(i)
		if l.Hidden || len(xy) == 0 {
			continue
		}
		line, err := plotter.NewLine(xy)
		if err != nil {
			return Figure{}, fmt.Errorf("report: figure %s: %w", name, err)
		}
		line.Width = 1.4
		if l.Ref {
			line.Width = 0.7
		}
		if l.Style < 0 {
			line.Color, line.Dashes = color.Black, []vg.Length{3, 3}
		} else {
			line.Color, line.Dashes = colour(l.Style), dashes[dash(l.Style)]
		}
		p.Add(line)
		if len(xy) == 1 || l.Dots { // Nothing to connect, or nothing between.
			dot, err := plotter.NewScatter(xy)
			if err != nil {
				return Figure{}, fmt.Errorf("report: figure %s: %w", name, err)
			}
			dot.Color = line.Color
			if l.Ref {
				dot.Shape, dot.Radius = draw.RingGlyph{}, 3.5
			} else {
				dot.Shape = draw.CircleGlyph{}
			}
			p.Add(dot)
			if len(xy) == 1 {
				p.Legend.Add(plain(l.Label), dot)
				continue
			}
		}
		p.Legend.Add(plain(l.Label), line)
	}
	if c.Log > 0 && p.X.Min > 0 {
		if p.X.Min == p.X.Max {
			p.X.Max *= float64(c.Log)
		}
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powers{c.Log, formatOf(c.Unit)}
		p.X.Label.Text += " (logarithmic)"
	}
	if c.Zero {
		p.Y.Min = min(p.Y.Min, 0)
	}
	if p.Y.Max == p.Y.Min {
		p.Y.Min, p.Y.Max = p.Y.Min-1, p.Y.Max+1
	}
	// The legend stands above all lines, in a figure that is higher by it.
	const entry, inside = 12.5, figureHeight - 2.5*vg.Centimeter
	n := 1
	for i := range c.Lines {
		if l := &c.Lines[i]; !l.Hidden {
			n++
		}
	}
	p.Legend.Top = true
	p.Y.Tick.Marker = even{count, p.Y.Max}
	p.Y.Max += entry * float64(n) / float64(inside) * (p.Y.Max - p.Y.Min)
	if c.Log == 0 {
		p.X.Tick.Marker = even{show: formatOf(c.Unit)}
	}
	return Figure{Caption{name, c.Title, c.Says}, p, figureWidth, figureHeight + entry*vg.Length(n)}, nil
}

// known returns the points of line i that there are.
func (c *curve) known(i int) plotter.XYs {
	var xy plotter.XYs
	for k, y := range c.Lines[i].Y {
		if x := c.At[k]; x.known() && y.known() {
			xy = append(xy, plotter.XY{X: float64(x), Y: float64(y)})
		}
	}
	return xy
}

// formatOf returns how numbers of a unit are shown.
func formatOf(unit string) func(num) string {
	if unit == "J" {
		return joules
	}
	return count
}

// powers puts ticks at whole powers of a base.
type powers struct {
	base int
	show func(num) string
}

// Ticks returns them, with fewer labels than ticks where they would overlap.
func (b powers) Ticks(lo, hi float64) []plot.Tick {
	var list []plot.Tick
	base := float64(b.base)
	for k := math.Ceil(math.Log(lo)/math.Log(base) - 1e-9); math.Pow(base, k) <= hi*(1+1e-9); k++ {
		v := math.Pow(base, k)
		list = append(list, plot.Tick{Value: v, Label: b.show(num(v))})
		for _, m := range []float64{2, 5} {
			if b.base == 10 && m*v <= hi {
				list = append(list, plot.Tick{Value: m * v})
			}
		}
	}
	return list
}

// rowFigure returns a figure of horizontal bars, the first row on top. Groups without a
// label are not in the legend.
func rowFigure(c Caption, x string, rows []string, groups ...*group) Figure {
	p := newPlot(c.Title, x, "")
	n := len(rows)
	labels := make([]string, n)
	for i, s := range rows {
		labels[n-1-i] = plain(s)
	}
	named := 0
	for _, g := range groups {
		p.Add(g)
		if g.label != "" {
			p.Legend.Add(g.label, g)
			named++
		}
		p.X.Max = max(p.X.Max, 1e-9) // An axis without a length cannot be drawn.
	}
	p.X.Min = min(p.X.Min, 0)
	room := 0.03 * (p.X.Max - p.X.Min)
	if p.X.Max += room; p.X.Min < 0 {
		p.X.Min -= room
	}
	p.NominalY(labels...)
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	p.X.Tick.Marker = even{show: count}
	p.Y.Tick.Label.Font.Size = 8
	p.Legend.Top = true
	height := max(figureHeight, vg.Length(n)*0.42*vg.Centimeter+3*vg.Centimeter)
	if named > 1 { // Room for the legend, above the first row.
		each := float64((height - 2.6*vg.Centimeter) / vg.Length(n)) // Of a row; an entry of the legend takes 12 points.
		p.Y.Max += 12*float64(named)/each + 0.6
	}
	return Figure{c, p, figureWidth, height}
}

func (run *Run) rateFigure() Figure {
	var layers []string
	var rates []num
	for _, l := range run.layers() {
		layers, rates = append(layers, l.Name), append(rates, l.Rate)
	}
	return rowFigure(run.caption("rates"), "spikes per neuron and timestep", layers, newGroup("", 0, rates, nil))
}

// rasterFigure draws one row per layer, the first on top.
func (run *Run) rasterFigure(r *raster) Figure {
	c := run.caption("raster")
	c.Says += " " + r.Note(run.Result.Phased())
	n, end := len(r.Rows), float64(r.Width*len(r.Rows[0].Rates))
	labels := make([]string, n)
	for i := range r.Rows {
		labels[n-1-i] = plain(r.Rows[i].Name)
	}
	p := newPlot(c.Title, "timestep", "")
	p.Add(plotter.NewImage(r.image(), 0.5, -0.5, end+0.5, float64(n)-0.5))
	p.NominalY(labels...)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0.5, end+0.5, -0.5, float64(n)-0.5
	p.X.Tick.Marker = even{show: count}
	p.Y.Tick.Label.Font.Size = 8
	return Figure{c, p, figureWidth, max(figureHeight, vg.Length(n)*0.42*vg.Centimeter+3*vg.Centimeter)}
}

// settlingFigure is a histogram of the timesteps at which answers settle.
func (run *Run) settlingFigure(s *settling) Figure {
	c := run.caption("settling")
	c.Says = s.Says
	p := newPlot(c.Title, "timestep from which the answer stays", "images")
	h := &columns{width: float64(s.Width), right: s.Right, wrong: s.Wrong}
	p.Add(h)
	p.Legend.Add("right", &group{style: 0})
	p.Legend.Add("wrong, after it was right", &group{style: 1})
	p.Legend.Top = true
	p.X.Min, p.X.Max = 0.5, float64(s.Width*len(s.Right))+0.5
	p.Y.Min, p.Y.Max = 0, max(p.Y.Max, 1)*1.2
	p.X.Tick.Marker, p.Y.Tick.Marker = even{show: count}, even{show: count}
	return Figure{c, p, figureWidth, figureHeight}
}

// classFigures are the accuracies of both networks by class, and their difference.
func (run *Run) classFigures(t *classTable) []Figure {
	var names []string
	var trained, spiking, change, least, most, low, high []num
	for i := range t.Rows {
		r := &t.Rows[i]
		names = append(names, fmt.Sprintf("%s (%d)", brief(r.Name), r.Images))
		trained, spiking, change = append(trained, 100*r.Trained), append(spiking, 100*r.Spiking), append(change, r.Change)
		least, most, low, high = append(least, r.Least), append(most, r.Most), append(low, 100*r.Low), append(high, 100*r.High)
	}
	c := run.caption("classes")
	c.Says += " Numbers of images in brackets; with intervals of 95 %. " + t.Note()
	g := newGroup("spiking", 0, spiking, nil)
	g.low, g.high = low, high
	groups := []*group{g}
	if t.Both {
		groups = append(groups, beside(g, newGroup("trained", 1, trained, nil)))
	}
	list := []Figure{rowFigure(c, "top-1 accuracy (%)", names, groups...)}
	if t.Both {
		c = run.caption("changes")
		c.Says += " Spiking minus trained network, with intervals of 95 %. " + t.Note()
		g := newGroup("", 2, change, nil)
		g.low, g.high = least, most
		list = append(list, rowFigure(c, "change of top-1 accuracy (points)", names, g))
	}
	return list
}

// lossFigure shows what is lost between two cuts of the network, the first on top.
func (run *Run) lossFigure(t *lossTable) Figure {
	c := run.caption("losses")
	c.Says += " " + t.Note()
	var names []string
	var lost, low, high []num
	for i := range t.Rows {
		r := &t.Rows[i]
		names, lost, low, high = append(names, "up to "+r.Layer), append(lost, r.Points), append(low, r.Low), append(high, r.High)
	}
	g := newGroup("", 1, lost, nil)
	g.low, g.high = low, high
	return rowFigure(c, "loss of top-1 accuracy (points)", names, g)
}

// errorFigure stacks the shares that the causes have in every layer's error at the last mark.
func (run *Run) errorFigure(t *errorTable) Figure {
	c := run.caption("errors")
	c.Says += " " + sharesNote
	var layers []string
	shares := make([][]num, len(t.Legend))
	for i := range t.Rows {
		r := &t.Rows[i]
		layers = append(layers, r.Name+"  "+fixed(r.RMS)+" λ")
		for k := range shares {
			shares[k] = append(shares[k], 100*r.Shares[k])
		}
	}
	var groups []*group
	var before *group
	for k, p := range partsOf(run.Diagnosis) {
		before = newGroup(p.name, p.style, shares[k], before)
		groups = append(groups, before)
	}
	return rowFigure(c, "share of the parts’ mean squares (%); with the total rms of each layer", layers, groups...)
}

// energyFigure puts both networks' operations or energy of every layer below each
// other.
func (run *Run) energyFigure(t *energyTable) Figure {
	c := run.caption("energy")
	var layers []string
	var snn, ann []num
	for _, r := range t.Rows {
		layers, snn, ann = append(layers, r.Name), append(snn, r.snn), append(ann, r.ann)
	}
	x := "additions and multiply-accumulates per image"
	if t.Device != "" {
		x = "energy per image"
	}
	c.Says += fmt.Sprintf(" In all %s", t.Sum.SNN)
	groups := []*group{newGroup("spiking", 0, snn, nil)}
	if t.Sum.Both {
		groups = append(groups, beside(groups[0], newGroup("trained, all products", 1, ann, nil)))
		c.Says += " against " + t.Sum.ANN
	}
	c.Says += "."
	f := rowFigure(c, x, layers, groups...)
	if t.Device != "" {
		f.plot.X.Tick.Marker = even{show: joules}
	}
	return f
}
