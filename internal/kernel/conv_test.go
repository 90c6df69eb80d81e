package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naiveConv is the loop in the comment of Conv.Run, with the weight as it was
// before packing.
func naiveConv(g Geometry, weight, bias, dst, src []float32) {
	j, o := g.Channels/g.Groups, g.OutChannels/g.Groups
	for r := range g.OutRows {
		for c := range g.OutCols {
			for ch := range g.OutChannels {
				at := (r*g.OutCols+c)*g.OutChannels + ch
				acc := dst[at]
				for ky := range g.Kernel[0] {
					for kx := range g.Kernel[1] {
						y := r*g.Stride[0] + ky*g.Dilation[0] - g.PadTop
						x := c*g.Stride[1] + kx*g.Dilation[1] - g.PadLeft
						if y < 0 || y >= g.Rows || x < 0 || x >= g.Cols {
							continue
						}
						for i := range j {
							v := src[(y*g.Cols+x)*g.Channels+ch/o*j+i]
							acc += float32(v * weight[((ch*j+i)*g.Kernel[0]+ky)*g.Kernel[1]+kx])
						}
					}
				}
				if bias != nil {
					acc += bias[ch]
				}
				dst[at] = acc
			}
		}
	}
}

// drawGeometry draws a convolution of any shape that fits.
func drawGeometry(t *rapid.T) Geometry {
	n := func(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(t, label) }
	g := Geometry{Groups: n(1, 4, "groups")}
	g.Channels, g.OutChannels = g.Groups*n(1, 6, "in"), g.Groups*n(1, 20, "out")
	if n(0, 4, "depthwise") == 0 {
		g.Groups = g.Channels
		g.OutChannels = g.Channels
	}
	size := [2]int{n(1, 9, "rows"), n(1, 9, "cols")}
	var out, before [2]int
	for i := range 2 {
		g.Kernel[i], g.Stride[i], g.Dilation[i] = n(1, 4, "kernel"), n(1, 3, "stride"), n(1, 2, "dilation")
		before[i] = n(0, 3, "before")
		span := (g.Kernel[i]-1)*g.Dilation[i] + 1
		after := n(max(0, span-size[i]-before[i]), max(0, span-size[i]-before[i])+2, "after")
		out[i] = (size[i]+before[i]+after-span)/g.Stride[i] + 1
	}
	g.Rows, g.Cols, g.OutRows, g.OutCols, g.PadTop, g.PadLeft = size[0], size[1], out[0], out[1], before[0], before[1]
	return g
}

func TestConv(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			g := drawGeometry(rt)
			rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			weight := roughSlice(rnd, g.OutChannels*g.Taps())
			var bias []float32
			if rapid.Bool().Draw(rt, "bias") {
				bias = roughSlice(rnd, g.OutChannels)
			}
			src := roughSlice(rnd, g.Rows*g.Cols*g.Channels)
			dst := make([]float32, g.OutRows*g.OutCols*g.OutChannels)
			if rapid.Bool().Draw(rt, "accumulate") {
				dst = roughSlice(rnd, len(dst))
			}
			want := slices.Clone(dst)
			naiveConv(g, weight, bias, want, src)

			k := PackConv(g, weight, bias)
			scratch, checkScratch := guarded(t, make([]float32, k.ScratchLen()))
			got, check := guarded(t, dst)
			k.Run(got, src, scratch)
			check()
			checkScratch()
			equalBits(t, fmt.Sprintf("%+v", g), got, want)
		})
	})
}

// Zeros add nothing to the bits, so that an engine may leave them out.
func TestConvOfSparseInput(t *testing.T) {
	g := Geometry{
		Channels: 3, Rows: 6, Cols: 5, OutChannels: 17, OutRows: 6, OutCols: 5,
		Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, PadTop: 1, PadLeft: 1, Groups: 1,
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	weight := roughSlice(rnd, g.OutChannels*g.Taps())
	src := make([]float32, g.Rows*g.Cols*g.Channels)
	for i := range src {
		if rnd.IntN(4) == 0 {
			src[i] = 1
		}
	}
	want := make([]float32, g.OutRows*g.OutCols*g.OutChannels)
	for r := range g.OutRows {
		for c := range g.OutCols {
			for ky := range 3 {
				for kx := range 3 {
					for i := range 3 {
						y, x := r+ky-1, c+kx-1
						if y < 0 || y >= 6 || x < 0 || x >= 5 || src[(y*5+x)*3+i] == 0 {
							continue
						}
						for o := range 17 {
							want[(r*5+c)*17+o] += weight[((o*3+i)*3+ky)*3+kx]
						}
					}
				}
			}
		}
	}
	forEachImpl(t, func(t *testing.T) {
		k := PackConv(g, weight, nil)
		got := make([]float32, len(want))
		k.Run(got, src, make([]float32, k.ScratchLen()))
		equalBits(t, "sum over the nonzero inputs", got, want)
	})
}

func TestPackDense(t *testing.T) {
	const c, h, w, out = 3, 2, 4, 21
	rnd := rand.New(rand.NewPCG(7, 8))
	weight, bias, chw := roughSlice(rnd, out*c*h*w), roughSlice(rnd, out), roughSlice(rnd, c*h*w)
	hwc := make([]float32, len(chw))
	for i := range c {
		for p := range h * w {
			hwc[p*c+i] = chw[i*h*w+p]
		}
	}
	want := make([]float32, out)
	for o := range want {
		for p := range h * w {
			for i := range c {
				want[o] += float32(chw[i*h*w+p] * weight[o*c*h*w+i*h*w+p])
			}
		}
		want[o] += bias[o]
	}
	forEachImpl(t, func(t *testing.T) {
		k := PackDense(c, h, w, out, weight, bias)
		got := make([]float32, out)
		k.Run(got, hwc, make([]float32, k.ScratchLen()))
		equalBits(t, "dense", got, want)
	})
}

// BenchmarkConv reports the speed of the convolutions of residual networks for
// CIFAR, and of one beyond.
func BenchmarkConv(b *testing.B) {
	for _, tt := range []struct{ in, out, size, kernel, groups int }{
		{64, 64, 32, 3, 1},
		{16, 16, 32, 3, 1},
		{32, 32, 16, 3, 1},
		{64, 64, 8, 3, 1},
		{3, 16, 32, 3, 1},
		{256, 64, 16, 1, 1},
		{64, 64, 32, 3, 64},
	} {
		g := Geometry{
			Channels: tt.in, Rows: tt.size, Cols: tt.size, OutChannels: tt.out, OutRows: tt.size, OutCols: tt.size,
			Kernel: [2]int{tt.kernel, tt.kernel}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1},
			PadTop: tt.kernel / 2, PadLeft: tt.kernel / 2, Groups: tt.groups,
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		k := PackConv(g, roughSlice(rnd, g.OutChannels*g.Taps()), roughSlice(rnd, g.OutChannels))
		src, scratch := roughSlice(rnd, g.Rows*g.Cols*g.Channels), make([]float32, k.ScratchLen())
		dst := make([]float32, g.OutRows*g.OutCols*g.OutChannels)
		for i, impl := range implementations {
			b.Run(fmt.Sprintf("%dx%d_%d-%d_at_%d_groups_%d/%s", tt.kernel, tt.kernel, tt.in, tt.out, tt.size, tt.groups, impl.name), func(b *testing.B) {
				for _, faster := range implementations[:i] {
					*faster.enabled = false
					defer func() { *faster.enabled = true }()
				}
				for b.Loop() {
					clear(dst)
					k.Run(dst, src, scratch)
				}
				flop := 2 * float64(len(dst)*g.Taps())
				b.ReportMetric(flop*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
