package dataset

import (
	"image"

	_ "golang.org/x/image/webp" // For image.Decode.
)

// fromWebP makes red, green and blue of a lossy WebP image, whose luma goes from 16 to 235
// and whose colours are in half the rows and columns, as libwebp does [webp]: every colour
// is a mean of the four nearest, with weights 9, 3, 3 and 1. What is transparent keeps its
// colour.
//
// References:
//
//	[webp]  The WebM project. libwebp, src/dsp/upsampling.c and src/dsp/yuv.h.
func fromWebP(m *image.YCbCr) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	wide, high := (w+1)/2, (h+1)/2
	u, v := make([]int, w), make([]int, w)
	for y := range h {
		near, far := y/2, y/2-1
		if y%2 == 1 {
			far = y/2 + 1
		}
		near, far = near*m.CStride, min(max(far, 0), high-1)*m.CStride
		upsample(u, m.Cb[near:near+wide], m.Cb[far:far+wide])
		upsample(v, m.Cr[near:near+wide], m.Cr[far:far+wide])
		for x := range w {
			luma := int(m.Y[y*m.YStride+x]) * 19077 >> 8
			p := out.Pix[y*out.Stride+4*x:]
			p[0] = clip6(luma + v[x]*26149>>8 - 14234)
			p[1] = clip6(luma - u[x]*6419>>8 - v[x]*13320>>8 + 8708)
			p[2] = clip6(luma + u[x]*33050>>8 - 17685)
			p[3] = 255
		}
	}
	return out
}

// upsample stores a row of colours in twice as many columns, of the row that is near and
// the one that is far.
func upsample(dst []int, near, far []byte) {
	w := len(dst)
	edge := func(x int) int { return (3*int(near[x]) + int(far[x]) + 2) >> 2 }
	dst[0] = edge(0)
	for x := 1; x <= (w-1)/2; x++ {
		n0, n1, f0, f1 := int(near[x-1]), int(near[x]), int(far[x-1]), int(far[x])
		sum := n0 + n1 + f0 + f1 + 8
		dst[2*x-1] = ((sum+2*(n1+f0))>>3 + n0) >> 1
		dst[2*x] = ((sum+2*(n0+f1))>>3 + n1) >> 1
	}
	if w%2 == 0 {
		dst[w-1] = edge((w - 1) / 2)
	}
}

// clip6 returns a number with six bits behind its point as a byte.
func clip6(x int) byte { return byte(min(max(x>>6, 0), 255)) }
