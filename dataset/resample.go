package dataset

import (
	"image"
	"math"
	"slices"

	"sresnet/tensor"
)

// raster is an image of bytes as decoders and resizing want it: rows of pixels, the
// channels of a pixel side by side.
type raster struct {
	pix      []byte
	w, h, ch int
}

// Resize returns an image of the given shape (C, H, W), values from 0 to 255, as bytes of
// the shape (C, h, w): with bilinear interpolation that averages where it shrinks.
func Resize(pixels []float32, shape tensor.Shape, h, w int) []byte {
	c, rows, columns := shape.CHW()
	out := make([]byte, 0, c*h*w)
	for plane := range slices.Chunk(pixels, rows*columns) {
		src := raster{make([]byte, len(plane)), columns, rows, 1}
		for i, x := range plane {
			src.pix[i] = byte(min(max(x, 0), 255) + 0.5)
		}
		out = append(out, resample(src, w, h, image.Rect(0, 0, w, h)).pix...)
	}
	return out
}

// Weights are fixed-point numbers with this many bits after the point.
const weightBits = 32 - 8 - 2

// resample returns the part of src resized to w times h that crop cuts out, with
// bilinear interpolation that averages where it shrinks. Output x along an axis of n
// pixels that becomes one of m is
//
//	sum over i of k(i) p(i) / sum over i of k(i),   k(i) = max(0, 1 - |i + 1/2 - c| / s)
//	c = (x + 1/2) n/m,   s = max(1, n/m)
//
// first along rows, then along columns, rounded to bytes between the two. All of this
// is Pillow's arithmetic, which torchvision's Resize calls, to the last bit.
func resample(src raster, w, h int, crop image.Rectangle) raster {
	if w != src.w {
		src = src.across(spans(src.w, w)[crop.Min.X:crop.Max.X])
	} else {
		src = src.columns(crop.Min.X, crop.Max.X)
	}
	if h != src.h {
		return src.down(spans(src.h, h)[crop.Min.Y:crop.Max.Y])
	}
	row := src.w * src.ch
	return raster{src.pix[crop.Min.Y*row : crop.Max.Y*row], src.w, crop.Dy(), src.ch}
}

// span is what one output pixel covers along an axis: inputs from on, by weights.
type span struct {
	from    int
	weights []int32
}

func spans(n, m int) []span {
	scale := float64(n) / float64(m)
	reach := max(scale, 1)
	per := 1 / reach
	list := make([]span, m)
	var k []float64
	for x := range list {
		// Conversions keep compilers from fusing products into sums.
		c := float64((float64(x) + 0.5) * scale)
		from, end := max(int(c-reach+0.5), 0), min(int(c+reach+0.5), n)
		k = k[:0]
		var sum float64
		for i := from; i < end; i++ {
			w := max(1-math.Abs(float64((float64(i)-c+0.5)*per)), 0)
			k = append(k, w)
			sum += w
		}
		s := span{from, make([]int32, len(k))}
		for i, w := range k {
			s.weights[i] = int32(float64(w/sum*(1<<weightBits)) + 0.5)
		}
		list[x] = s
	}
	return list
}

// across resizes along rows.
func (r raster) across(list []span) raster {
	out := raster{make([]byte, len(list)*r.h*r.ch), len(list), r.h, r.ch}
	o := 0
	for y := range r.h {
		row := r.pix[y*r.w*r.ch:][:r.w*r.ch]
		for _, s := range list {
			for c := range r.ch {
				sum, p := int32(1<<(weightBits-1)), s.from*r.ch+c
				for _, k := range s.weights {
					sum += int32(row[p]) * k
					p += r.ch
				}
				out.pix[o] = clip(sum)
				o++
			}
		}
	}
	return out
}

// down resizes along columns.
func (r raster) down(list []span) raster {
	out := raster{make([]byte, r.w*len(list)*r.ch), r.w, len(list), r.ch}
	n := r.w * r.ch
	sums := make([]int32, n)
	for y, s := range list {
		for i := range sums {
			sums[i] = 1 << (weightBits - 1)
		}
		for j, k := range s.weights {
			for i, p := range r.pix[(s.from+j)*n:][:n] {
				sums[i] += int32(p) * k
			}
		}
		for i, sum := range sums {
			out.pix[y*n+i] = clip(sum)
		}
	}
	return out
}

// columns cuts out columns from to to-1.
func (r raster) columns(from, to int) raster {
	if from == 0 && to == r.w {
		return r
	}
	out := raster{make([]byte, 0, (to-from)*r.h*r.ch), to - from, r.h, r.ch}
	for y := range r.h {
		out.pix = append(out.pix, r.pix[(y*r.w+from)*r.ch:(y*r.w+to)*r.ch]...)
	}
	return out
}

func clip(sum int32) byte { return byte(min(max(sum>>weightBits, 0), 255)) }
