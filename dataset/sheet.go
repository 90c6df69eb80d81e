package dataset

import (
	"image"
	"image/color"
	"image/draw"
	"slices"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// A sheet has at most so many images, and small ones are enlarged to at least so many
// pixels.
const (
	sheetColumns = 10
	sheetRows    = 6
	sheetPixels  = 96
	sheetMargin  = 4
	sheetText    = 16      // Height of a label.
	maxSheet     = 1 << 26 // Pixels of all.
)

// Sheet draws the first images of d, each above the name of its class: at a glance it
// shows whether labels, channels and rows are what they should be.
func (d *Dataset) Sheet() (image.Image, error) {
	_, h, w := d.Shape().CHW()
	scale := max((sheetPixels+w-1)/w, 1)
	cellW, cellH := w*scale+sheetMargin, h*scale+sheetMargin+sheetText
	n := min(d.Len(), sheetColumns*sheetRows, max(maxSheet/(cellW*cellH), 1))
	columns := min(n, sheetColumns)
	m := image.NewRGBA(image.Rect(0, 0, columns*cellW+sheetMargin, (n+columns-1)/columns*cellH+sheetMargin))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	pixels := make([]float32, d.Shape().Len())
	for i := range n {
		if err := d.Pixels(i, pixels); err != nil {
			return nil, err
		}
		if d.prepared {
			Stretch(pixels)
		}
		x, y := sheetMargin+i%columns*cellW, sheetMargin+i/columns*cellH
		for r := range h * scale {
			for c := range w * scale {
				m.SetRGBA(x+c, y+r, pixel(pixels, h*w, r/scale*w+c/scale))
			}
		}
		face := basicfont.Face7x13
		label := []rune(d.ClassName(d.Label(i)))
		label = label[:min(len(label), w*scale/face.Advance)]
		text := font.Drawer{Dst: m, Src: image.Black, Face: face, Dot: fixed.P(x, y+h*scale+face.Ascent+1)}
		text.DrawString(string(label))
	}
	return m, nil
}

// Stretch makes values 0..255, the least of them 0 and the most 255, to look at them.
func Stretch(x []float32) {
	least, most := slices.Min(x), slices.Max(x)
	for i, v := range x {
		if x[i] = 0; most > least {
			x[i] = (v - least) / (most - least) * 255
		}
	}
}

// pixel returns pixel i of planes that are so long; a single one is grey, the first three
// of several are red, green and blue.
func pixel(planes []float32, plane, i int) color.RGBA {
	r := uint8(planes[i] + 0.5)
	if len(planes) == plane {
		return color.RGBA{r, r, r, 255}
	}
	c := color.RGBA{r, uint8(planes[plane+i] + 0.5), 0, 255}
	if len(planes) > 2*plane {
		c.B = uint8(planes[2*plane+i] + 0.5)
	}
	return c
}
