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

// Figure is one figure for print.
type Figure struct {
	Name          string // Of a file, without its ending.
	plot          *plot.Plot
	width, height vg.Length
}

const (
	figureWidth  = 16 * vg.Centimeter
	figureHeight = 10 * vg.Centimeter
	figureDPI    = 300
)

// Write writes f in the format "png", with 300 dots per inch, or "svg".
func (f *Figure) Write(w io.Writer, format string) error {
	switch format {
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(f.width, f.height), vgimg.UseDPI(figureDPI))
		f.draw(draw.New(c))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	case "svg":
		c := vgsvg.New(f.width, f.height)
		f.draw(draw.New(c))
		_, err := c.WriteTo(w)
		return err
	}
	return fmt.Errorf("report: figures are png or svg, not %q", format)
}

// draw leaves a margin, for labels at the ends of axes.
func (f *Figure) draw(c draw.Canvas) {
	const margin = 0.3 * vg.Centimeter
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	f.plot.Draw(draw.Crop(c, margin, -margin, margin, -margin))
}

// colour returns that of a style.
func colour(style int) color.RGBA { return palette.Colours[style%len(palette.Colours)] }

// dashes go with the colours, for printing in grey.
var dashes = [][]vg.Length{nil, {7, 3}, {2, 3}, {9, 3, 2, 3}, {4, 2}, {12, 4}, {1, 2}, {6, 2, 1, 2}}

// Figures returns what r shows as figures: the curves of all runs, then, named by
// run where there are several, rates, errors and energy.
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
		prefix := ""
		if len(r.Runs) > 1 {
			prefix = fmt.Sprintf("run%d-", i+1)
		}
		more, err := run.figures(prefix)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

func (run *Run) figures(prefix string) ([]Figure, error) {
	list := []Figure{run.rateFigure(prefix + "rates")}
	if c := run.depth(); c != nil {
		f, err := c.figure(prefix + "depth")
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	if run.errors() != nil {
		list = append(list, run.errorFigure(prefix+"errors"))
	}
	if run.Result.Energy != nil {
		list = append(list, run.energyFigure(prefix+"energy"))
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
		if l.Style < 0 {
			line.Color, line.Dashes = color.Black, []vg.Length{3, 3}
		} else {
			line.Color, line.Dashes = colour(l.Style), dashes[l.Style%len(dashes)]
		}
		p.Add(line)
		p.Legend.Add(plain(l.Label), line)
		if len(xy) == 1 || l.Dots { // Nothing to connect, or nothing between.
			dot, err := plotter.NewScatter(xy)
			if err != nil {
				return Figure{}, fmt.Errorf("report: figure %s: %w", name, err)
			}
			dot.Color = line.Color
			p.Add(dot)
		}
	}
	if c.Log > 0 && p.X.Min > 0 {
		if p.X.Min == p.X.Max {
			p.X.Max *= float64(c.Log)
		}
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, powers(c.Log)
		p.X.Label.Text += " (logarithmic)"
	}
	if c.Zero {
		p.Y.Min = min(p.Y.Min, 0)
	}
	// Lines over a logarithmic axis rise to the right and leave room for the legend
	// below; others get room for it on top.
	p.Legend.Top = c.Log == 0
	room := 0.04
	if p.Legend.Top {
		room += 0.06 * float64(len(c.Lines)+1)
	}
	p.Y.Max += room * (p.Y.Max - p.Y.Min)
	p.Y.Tick.Marker = even{count}
	if c.Log == 0 {
		p.X.Tick.Marker = even{count}
	}
	return Figure{name, p, figureWidth, figureHeight}, nil
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

// powers puts ticks at whole powers of a base.
type powers int

// Ticks returns them, with fewer labels than ticks where they would overlap.
func (b powers) Ticks(lo, hi float64) []plot.Tick {
	var list []plot.Tick
	base := float64(b)
	for k := math.Ceil(math.Log(lo)/math.Log(base) - 1e-9); math.Pow(base, k) <= hi*(1+1e-9); k++ {
		v := math.Pow(base, k)
		list = append(list, plot.Tick{Value: v, Label: count(num(v))})
		for _, m := range []float64{2, 5} {
			if b == 10 && m*v <= hi {
				list = append(list, plot.Tick{Value: m * v})
			}
		}
	}
	return list
}

// layerFigure returns a figure of horizontal bars, the first layer on top.
func layerFigure(name, title, x string, layers []string, groups ...*group) Figure {
	p := newPlot(title, x, "")
	n := len(layers)
	labels := make([]string, n)
	for i, s := range layers {
		labels[n-1-i] = plain(s)
	}
	for _, g := range groups {
		p.Add(g)
		if g.label != "" {
			p.Legend.Add(g.label, g)
		}
		p.X.Max = max(p.X.Max, 1e-9) // An axis without a length cannot be drawn.
	}
	p.X.Min = min(p.X.Min, 0)
	p.X.Max += 0.03 * (p.X.Max - p.X.Min)
	p.NominalY(labels...)
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	p.X.Tick.Marker = even{count}
	p.Y.Tick.Label.Font.Size = 8
	p.Legend.Top = true
	if len(groups) > 1 { // Room for the legend, above the first layer.
		p.Y.Max += 0.45*float64(len(groups)) + 0.6
	}
	return Figure{name, p, figureWidth, max(figureHeight, vg.Length(n)*0.42*vg.Centimeter+3*vg.Centimeter)}
}

func (run *Run) rateFigure(name string) Figure {
	var layers []string
	var rates []num
	for i := range run.Result.Layers {
		layers, rates = append(layers, run.Result.Layers[i].Name), append(rates, num(run.Result.Layers[i].Rate))
	}
	return layerFigure(name, "Rate per layer", "spikes per neuron and timestep", layers, newGroup("", 0, rates, nil))
}

// errorFigure stacks the parts of every layer's error at the last mark.
func (run *Run) errorFigure(name string) Figure {
	d := run.Diagnosis
	T := d.Timesteps[len(d.Timesteps)-1]
	var layers []string
	parts := partsOf(d)
	sizes := make([][]num, len(parts))
	for i := range d.Layers {
		for j := range d.Layers[i].At {
			if s := &d.Layers[i].At[j]; s.Timesteps == T {
				layers = append(layers, d.Layers[i].Name)
				for k, p := range parts {
					sizes[k] = append(sizes[k], num(p.of(s).RMS))
				}
			}
		}
	}
	var groups []*group
	var before *group
	for k, p := range parts {
		before = newGroup(p.name, p.style, sizes[k], before)
		groups = append(groups, before)
	}
	return layerFigure(name, "Error of every layer"+when(d)+", by cause", "rms of the parts (λ)", layers, groups...)
}

// energyFigure puts both networks' operations or energy of every layer below each
// other.
func (run *Run) energyFigure(name string) Figure {
	t := run.energy()
	var layers []string
	var snn, ann []num
	for _, r := range t.Rows {
		layers, snn, ann = append(layers, r.Name), append(snn, r.snn), append(ann, r.ann)
	}
	title, x := "Operations per layer", "additions and multiply-accumulates per image"
	if t.Device != "" {
		title, x = "Energy per layer, by the table "+t.Device, "energy per image"
	}
	groups := []*group{newGroup("spiking", 0, snn, nil)}
	if run.Result.Energy.ANN != nil {
		a, b := groups[0], newGroup("trained, zeros skipped", 1, ann, nil)
		a.thick, b.thick = a.thick/2, b.thick/2
		a.shift, b.shift = a.thick/2, -b.thick/2
		groups = append(groups, b)
	}
	f := layerFigure(name, title, x, layers, groups...)
	if t.Device != "" {
		f.plot.X.Tick.Marker = even{joules}
	}
	return f
}
