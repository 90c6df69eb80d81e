package film

import (
	"image"
	"image/color"
	"image/gif"
	"io"
)

// GIF is a film that becomes an animated GIF, which is shown again and again. Frames are of one
// size. A GIF has few colours: those of the pictures given to [NewGIF], exactly where they are
// no more than 255.
type GIF struct {
	palette palette
	nearest map[opaque]uint8
	before  *image.RGBA
	out     gif.GIF
}

// NewGIF returns an empty film for the colours of some of its pictures.
func NewGIF(pictures ...*image.RGBA) *GIF {
	return &GIF{palette: newPalette(pictures), nearest: make(map[opaque]uint8)}
}

// Add adds a frame. It keeps the picture until the next one.
func (g *GIF) Add(f Frame) {
	r := f.Picture.Rect
	if g.before != nil {
		if r = changed(g.before, f.Picture); r.Empty() {
			g.out.Delay[len(g.out.Delay)-1] += f.Delay
			return
		}
	}
	// What stays as it is becomes transparent: long runs of one colour take few bytes.
	transparent := uint8(len(g.palette))
	colours := color.Palette{}
	for _, c := range g.palette {
		colours = append(colours, color.RGBA{c[0], c[1], c[2], 255})
	}
	m := image.NewPaletted(r, append(colours, color.RGBA{}))
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			i := transparent
			if c := at(f.Picture, x, y); g.before == nil || at(g.before, x, y) != c {
				i = g.index(c)
			}
			m.Pix[m.PixOffset(x, y)] = i
		}
	}
	g.out.Image, g.out.Delay = append(g.out.Image, m), append(g.out.Delay, f.Delay)
	g.out.Disposal = append(g.out.Disposal, gif.DisposalNone)
	g.before = f.Picture
}

// index returns the colour of the palette that is nearest to c.
func (g *GIF) index(c opaque) uint8 {
	i, known := g.nearest[c]
	if !known {
		i = g.palette.nearest(c)
		g.nearest[c] = i
	}
	return i
}

// Write writes the film.
func (g *GIF) Write(w io.Writer) error { return gif.EncodeAll(w, &g.out) }
