package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"

	"sresnet/internal/palette"
)

// raster shows how many spikes a neuron of each layer makes at each timestep, as a mean over
// neurons and images: a run keeps no single spikes.
type raster struct {
	Width int // Timesteps of a column.
	T     int
	Most  num // Of all: what is darkest.
	Rows  []rasterRow
}

type rasterRow struct {
	Name    string
	Rates   []num // Of each column.
	Peak    num   // Largest of Rates,
	At      int   // and the timestep at which its column begins.
	Picture template.URL
}

// maxColumns is how many columns there are at most, about as many as a screen has room for.
const maxColumns = 400

// raster returns nil if a layer lacks its spikes over time.
func (run *Run) raster() *raster {
	T := run.Result.Timesteps
	r := &raster{Width: (T + maxColumns - 1) / maxColumns, T: T}
	for i := range run.Result.Layers {
		l := &run.Result.Layers[i]
		if len(l.SpikesAt) != T {
			return nil
		}
		row := rasterRow{Name: l.Name, At: 1}
		for t := 0; t < T; t += r.Width {
			sum, n := num(0), min(r.Width, T-t)
			for _, spikes := range l.SpikesAt[t : t+n] {
				sum += num(spikes)
			}
			x := sum / num(n*max(l.Neurons, 1))
			if x > row.Peak {
				row.Peak, row.At = x, t+1
			}
			row.Rates = append(row.Rates, x)
		}
		r.Most = max(r.Most, row.Peak)
		r.Rows = append(r.Rows, row)
	}
	return r
}

// Note says what is shown, in sentences.
func (r *raster) Note(phased bool) string {
	s := "Spikes per neuron and timestep, means over neurons and images: the stronger the colour the more, up to " + significant(r.Most) + "."
	if r.Width > 1 {
		s += fmt.Sprintf(" Each column has %d timesteps.", r.Width)
	}
	if phased {
		s += " The timesteps are those of each layer’s own window."
	}
	return s
}

// shade is the colour of x, the more of it the more x is.
func (r *raster) shade(x num) color.NRGBA {
	c := palette.Colours[0]
	if !(r.Most > 0) || !x.known() {
		return color.NRGBA{c.R, c.G, c.B, 0}
	}
	return color.NRGBA{c.R, c.G, c.B, uint8(255*x/r.Most + 0.5)}
}

// pictures draws the rows for a page, one pixel for a column, which the page stretches. What
// is not covered shows the page.
func (r *raster) pictures() error {
	for i := range r.Rows {
		row := &r.Rows[i]
		im := image.NewNRGBA(image.Rect(0, 0, len(row.Rates), 1))
		for k, x := range row.Rates {
			im.SetNRGBA(k, 0, r.shade(x))
		}
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			return err
		}
		row.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
	}
	return nil
}

// image draws all of it on white, for print.
func (r *raster) image() image.Image {
	const high, wide = 8, 4 // Pixels of a cell: programs that smooth what they enlarge leave it sharp.
	w := len(r.Rows[0].Rates)
	im := image.NewRGBA(image.Rect(0, 0, w*wide, len(r.Rows)*high))
	for y := range im.Rect.Dy() {
		for x := range im.Rect.Dx() {
			c := r.shade(r.Rows[y/high].Rates[x/wide])
			on := func(v uint8) uint8 { return uint8((int(v)*int(c.A) + 255*(255-int(c.A))) / 255) }
			im.SetRGBA(x, y, color.RGBA{on(c.R), on(c.G), on(c.B), 255})
		}
	}
	return im
}
