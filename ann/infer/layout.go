package infer

import "sresnet/tensor"

// layout is how an activation lies in memory: as an image of c channels, h rows
// and w columns, channels last. A flattened image keeps the layout of the image,
// so that nothing need be moved; element i of the vector is found by index.
type layout struct{ c, h, w int }

func layoutOf(s tensor.Shape) layout {
	c, h, w := s.CHW()
	return layout{c, h, w}
}

func (l layout) len() int { return l.c * l.h * l.w }

// isPlain reports whether CHW order and channels last are the same here.
func (l layout) isPlain() bool { return l.c == 1 || l.h*l.w == 1 }

// flat returns the layout of the flattened image: l itself, except that all
// plain ones are written alike.
func (l layout) flat() layout {
	if l.isPlain() {
		return layout{l.len(), 1, 1}
	}
	return l
}

// index returns where element i, counted in CHW order, lies.
func (l layout) index(i int) int {
	area := l.h * l.w
	return i%area*l.c + i/area
}

// fromCHW stores src, which is in CHW order, in this layout.
func (l layout) fromCHW(dst, src []float32) {
	if l.isPlain() {
		copy(dst, src)
		return
	}
	area := l.h * l.w
	for c := range l.c {
		for p, v := range src[c*area:][:area] {
			dst[p*l.c+c] = v
		}
	}
}

// toCHW stores src, which is in this layout, in CHW order.
func (l layout) toCHW(dst, src []float32) {
	area := l.h * l.w
	for c := range l.c {
		for p := range area {
			dst[c*area+p] = src[p*l.c+c]
		}
	}
}
