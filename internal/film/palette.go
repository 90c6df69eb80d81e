package film

import (
	"cmp"
	"image"
	"slices"
)

// palette is the colours of a GIF, at most 255 of them: one more is transparent.
type palette []opaque

const mostColours = 255

// newPalette returns the colours of pictures, or, where there are too many, means of similar
// ones: the colours are divided at the median of their widest channel, until there are enough
// parts [heckbert1982].
//
// References:
//
//	[heckbert1982]  Paul Heckbert. Color image quantization for frame buffer display. Computer
//	                Graphics 16(3):297-307. 1982.
func newPalette(pictures []*image.RGBA) palette {
	count := make(map[opaque]int)
	for _, m := range pictures {
		for y := range m.Rect.Dy() {
			for x := range m.Rect.Dx() {
				count[at(m, x, y)]++
			}
		}
	}
	all := make([]weighed, 0, len(count))
	for c, n := range count {
		all = append(all, weighed{c, n})
	}
	slices.SortFunc(all, func(a, b weighed) int { return slices.Compare(a.colour[:], b.colour[:]) })
	parts := [][]weighed{all}
	for len(parts) < min(mostColours, len(all)) {
		parts = divide(parts)
	}
	var p palette
	for _, part := range parts {
		p = append(p, mean(part))
	}
	return p
}

// weighed is a colour with the number of its pixels.
type weighed struct {
	colour opaque
	pixels int
}

// divide divides the part that loses most by being one colour.
func divide(parts [][]weighed) [][]weighed {
	worst, channel, most := 0, 0, -1.0
	for i, part := range parts {
		pixels := 0
		for _, c := range part {
			pixels += c.pixels
		}
		for k := range 3 {
			lo, hi := part[0].colour[k], part[0].colour[k]
			for _, c := range part {
				lo, hi = min(lo, c.colour[k]), max(hi, c.colour[k])
			}
			width := float64(hi - lo)
			// Weighed by pixels, lest a photograph lose to the rims of letters.
			if loss := width * width * float64(min(pixels, 1<<12)); width > 0 && loss > most {
				worst, channel, most = i, k, loss
			}
		}
	}
	part := parts[worst]
	slices.SortStableFunc(part, func(a, b weighed) int { return cmp.Compare(a.colour[channel], b.colour[channel]) })
	half, sum := 0, 0
	for _, c := range part {
		half += c.pixels
	}
	cut := 1
	for i, c := range part[:len(part)-1] {
		if cut = i + 1; 2*(sum+c.pixels) >= half {
			break
		}
		sum += c.pixels
	}
	return append(parts[:worst], append([][]weighed{part[:cut], part[cut:]}, parts[worst+1:]...)...)
}

// mean returns the mean colour of a part.
func mean(part []weighed) opaque {
	var sum [3]int
	n := 0
	for _, c := range part {
		for k := range sum {
			sum[k] += int(c.colour[k]) * c.pixels
		}
		n += c.pixels
	}
	var c opaque
	for k := range sum {
		if n > 0 {
			c[k] = uint8((sum[k] + n/2) / n)
		}
	}
	return c
}

// nearest returns the index of the colour that is nearest to c.
func (p palette) nearest(c opaque) uint8 {
	best, least := 0, 1<<30
	for i, q := range p {
		d := 0
		for k := range c {
			x := int(c[k]) - int(q[k])
			d += x * x
		}
		if d < least {
			best, least = i, d
		}
	}
	return uint8(best)
}
