package watch

import (
	"sresnet/dataset"
	"sresnet/internal/terminal"
)

// picture returns the image in half-blocks, at most h lines, or nil where there is
// no room for it.
func (th *Thought) picture(w, h int, d terminal.Depth) []terminal.Line {
	c, ih, iw := th.shape.CHW()
	if w < 60 || h < 4 {
		return nil
	}
	toH := min(ih, 2*h)
	toW := max(iw*toH/ih, 1)
	if toW > w/3 {
		toW = w / 3
		toH = max(ih*toW/iw, 2)
	}
	toH -= toH % 2
	if toH == 0 {
		return nil
	}
	pixels := dataset.Resize(th.pixels, th.shape, toH, toW)
	at := func(y, x int) (rgb [3]uint8) {
		for i := range rgb {
			rgb[i] = pixels[(min(i, c-1)*toH+y)*toW+x] // Grey is red, green and blue.
		}
		return rgb
	}
	var lines []terminal.Line
	for y := 0; y < toH; y += 2 {
		var l terminal.Line
		for x := range toW {
			l = append(l, terminal.HalfBlock(at(y, x), at(y+1, x), d))
		}
		lines = append(lines, l)
	}
	return lines
}
