package watch

import (
	"image"
	"image/color"
	"slices"

	xdraw "golang.org/x/image/draw"
	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sresnet/internal/terminal"
)

// Size of a drawing, in points, that of a slide; in films a point is a pixel.
const sheetWidth, sheetHeight = 960, 540

// sheet is what is drawn on, in points from the upper left corner.
type sheet struct {
	c     draw.Canvas
	fonts *font.Cache
	scale float64 // Pixels of images to a point.
}

func newSheet(c vg.CanvasSizer, scale float64) *sheet {
	return &sheet{c: draw.New(c), fonts: font.NewCache(liberation.Collection()), scale: scale}
}

func point(x, y float64) vg.Point { return vg.Point{X: vg.Length(x), Y: vg.Length(sheetHeight - y)} }

// fill fills a rectangle.
func (s *sheet) fill(c color.Color, x, y, w, h float64) {
	if w > 0 && h > 0 {
		s.area(c, x, y, x+w, y, x+w, y+h, x, y+h)
	}
}

// area fills what the points x, y, x, y, ... surround.
func (s *sheet) area(c color.Color, xy ...float64) {
	var list []vg.Point
	for p := range slices.Chunk(xy, 2) {
		list = append(list, point(p[0], p[1]))
	}
	s.c.FillPolygon(c, list)
}

// letters is how text looks: its size, weight and colour.
type letters struct {
	size  float64
	bold  bool
	color color.Color
}

func (s *sheet) face(l letters) font.Face {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	if l.bold {
		f.Weight = xfont.WeightBold
	}
	return s.fonts.Lookup(f, vg.Length(l.size))
}

// width returns that of a text.
func (s *sheet) width(l letters, text string) float64 {
	f := s.face(l)
	return f.Width(text).Points()
}

// text writes what has no control characters, and as much as fits w, on the line at y. align is
// 0 where x is its left end, 1/2 its middle, 1 its right end. It returns the width.
func (s *sheet) text(l letters, x, y, w, align float64, text string) float64 {
	text = terminal.Clean(text)
	width := s.width(l, text)
	for n := len([]rune(text)) - 1; width > w && n > 0; n-- {
		text = terminal.Beginning(text, n)
		width = s.width(l, text)
	}
	if width > w {
		return 0
	}
	s.c.SetColor(l.color)
	s.c.FillString(s.face(l), point(x-align*width, y), text)
	return width
}

// circle and diamond are the marks of the label and of the trained network.
func (s *sheet) circle(c color.Color, x, y, r float64) {
	s.c.DrawGlyph(draw.GlyphStyle{Color: c, Radius: vg.Length(r), Shape: draw.CircleGlyph{}}, point(x, y))
}

func (s *sheet) diamond(c color.Color, x, y, r float64) {
	s.area(c, x-r, y, x, y-r, x+r, y, x, y+r)
}

// fit returns the pixels that an image of w x h takes in a square of that side: whole ones for
// each of a small image, so that they stay squares.
func (s *sheet) fit(w, h int, side float64) (toW, toH int) {
	large, room := max(w, h), int(side*s.scale)
	if room >= large {
		return w * (room / large), h * (room / large)
	}
	return max(w*room/large, 1), max(h*room/large, 1)
}

// picture draws an image in the middle of the square of that side.
func (s *sheet) picture(m image.Image, x, y, side float64) {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	toW, toH := s.fit(w, h, side)
	out := image.NewRGBA(image.Rect(0, 0, toW, toH))
	how := xdraw.Interpolator(xdraw.CatmullRom)
	if toW >= w {
		how = xdraw.NearestNeighbor
	}
	how.Scale(out, out.Rect, m, m.Bounds(), xdraw.Src, nil)
	pw, ph := float64(toW)/s.scale, float64(toH)/s.scale
	whole := func(x float64) float64 { return float64(int(x*s.scale)) / s.scale }
	x, y = whole(x+(side-pw)/2), whole(y+(side-ph)/2)
	s.c.DrawImage(vg.Rectangle{Min: point(x, y+ph), Max: point(x+pw, y)}, out)
}
