// Package film writes pictures that follow each other as an animated GIF or PNG. It knows nothing
// of what they show.
package film

import (
	"image"
	"image/color"
)

// Frame is one picture of a film, opaque, with its upper left corner at 0, 0.
type Frame struct {
	Picture *image.RGBA
	Delay   int // How long it is shown, in hundredths of a second.
}

// changed returns the smallest rectangle outside which two pictures of one size are the same.
func changed(a, b *image.RGBA) image.Rectangle {
	var r image.Rectangle
	for y := range b.Rect.Dy() {
		rowA, rowB := a.Pix[y*a.Stride:][:4*b.Rect.Dx()], b.Pix[y*b.Stride:][:4*b.Rect.Dx()]
		if string(rowA) == string(rowB) {
			continue
		}
		first, last := 0, b.Rect.Dx()-1
		for same(rowA, rowB, first) {
			first++
		}
		for same(rowA, rowB, last) {
			last--
		}
		r = r.Union(image.Rect(first, y, last+1, y+1))
	}
	return r
}

func same(a, b []byte, x int) bool { return string(a[4*x:4*x+3]) == string(b[4*x:4*x+3]) }

// opaque is a colour of a picture.
type opaque [3]uint8

func at(m *image.RGBA, x, y int) opaque {
	p := m.Pix[m.PixOffset(x, y):]
	return opaque{p[0], p[1], p[2]}
}

// RGBA implements [color.Color].
func (c opaque) RGBA() (r, g, b, a uint32) { return color.RGBA{c[0], c[1], c[2], 255}.RGBA() }
