package dataset

import "image"

// fromYCbCr converts a decoded JPEG to red, green and blue as libjpeg does by default,
// which Pillow calls: chroma that was stored at half the
// resolution is interpolated with a triangle rather than repeated [libjpeg].
//
// References:
//
//	[libjpeg]  libjpeg-turbo, jdsample.c (fancy upsampling) and jdcolor.c.
func fromYCbCr(m *image.YCbCr) raster {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := raster{make([]byte, w*h*3), w, h, 3}
	up := newUpsampler(m)
	cb, cr := make([]byte, w+2), make([]byte, w+2)
	for y := range h {
		luma := m.Y[y*m.YStride:][:w]
		dst := out.pix[y*w*3:][:w*3]
		up.row(cb, m.Cb, y)
		up.row(cr, m.Cr, y)
		for x, l := range luma {
			// In 16 bits after the point: 1.402, 0.34414, 0.71414 and 1.772.
			b, r := int32(cb[x])-128, int32(cr[x])-128
			dst[3*x] = clamp(int32(l) + (91881*r+1<<15)>>16)
			dst[3*x+1] = clamp(int32(l) + (-22554*b-46802*r+1<<15)>>16)
			dst[3*x+2] = clamp(int32(l) + (116130*b+1<<15)>>16)
		}
	}
	return out
}

func clamp(v int32) byte { return byte(min(max(v, 0), 255)) }

// upsampler brings chroma to the resolution of luma, row by row.
type upsampler struct {
	stride       int
	w, h         int // Of the chroma that is stored.
	fx, fy       int // Luma pixels a chroma pixel, along rows and columns.
	fancy, fancY bool
	sums         []int32
}

func newUpsampler(m *image.YCbCr) *upsampler {
	u := &upsampler{stride: m.CStride, fx: 1, fy: 1}
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		u.fx = 2
	case image.YCbCrSubsampleRatio420:
		u.fx, u.fy = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.fy = 2
	case image.YCbCrSubsampleRatio411:
		u.fx = 4
	case image.YCbCrSubsampleRatio410:
		u.fx, u.fy = 4, 2
	}
	u.w, u.h = (m.Rect.Dx()+u.fx-1)/u.fx, (m.Rect.Dy()+u.fy-1)/u.fy
	// libjpeg interpolates by a factor of two only, and along rows only where there
	// are more than two chroma pixels.
	u.fancy = u.fx == 2 && u.w > 2
	u.fancY = u.fy == 2 && (u.fx == 1 || u.fancy)
	u.sums = make([]int32, u.w)
	return u
}

// row stores row y of a plane in dst, which may be written a pixel beyond the
// image's width.
func (u *upsampler) row(dst, plane []byte, y int) {
	near := plane[y/u.fy*u.stride:][:u.w]
	if !u.fancY {
		switch {
		case u.fx == 1:
			copy(dst, near)
		case u.fancy:
			for i, p := range near {
				u.sums[i] = int32(p)
			}
			u.triangle(dst, 2, 1, 2)
		default:
			for x := range dst {
				dst[x] = near[min(x/u.fx, u.w-1)]
			}
		}
		return
	}
	// The nearer row counts three times, the row on the other side once.
	other := y/2 - 1 + y%2*2
	far := plane[min(max(other, 0), u.h-1)*u.stride:][:u.w]
	for i := range near {
		u.sums[i] = 3*int32(near[i]) + int32(far[i])
	}
	if u.fancy {
		u.triangle(dst, 4, 8, 7)
		return
	}
	for i, s := range u.sums {
		dst[i] = byte((s + 1 + int32(y%2)) >> 2)
	}
}

// triangle doubles the sums: each output is three times the nearer one and once the
// other neighbour, over 2^shift. left and right are what rounds the two of a pair; an
// end counts four times.
func (u *upsampler) triangle(dst []byte, shift int, left, right int32) {
	last := u.w - 1
	for i, s := range u.sums {
		before, after := u.sums[max(i-1, 0)], u.sums[min(i+1, last)]
		dst[2*i] = byte((3*s + before + left) >> shift)
		dst[2*i+1] = byte((3*s + after + right) >> shift)
	}
}
