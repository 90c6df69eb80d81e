package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// guardedOf returns a copy of x between zones of a mark, and a function that checks
// them.
func guardedOf[E int32 | uint8 | uint16](t *testing.T, x []E, mark E) ([]E, func()) {
	t.Helper()
	const zone = 64
	buf := make([]E, zone+len(x)+zone)
	for i := range buf {
		buf[i] = mark
	}
	copy(buf[zone:], x)
	return buf[zone : zone+len(x) : zone+len(x)], func() {
		t.Helper()
		for i, v := range buf {
			if (i < zone || i >= zone+len(x)) && v != mark {
				t.Errorf("element %d of a slice of %d was written to", i-zone, len(x))
			}
		}
	}
}

// diff fails the test at the first element that differs.
func diff[E int32 | uint32 | uint8 | uint16](t *testing.T, what string, got, want []E) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %d, want %d", what, i, got[i], want[i])
		}
	}
}

// spikeCounts draws counts, among them the extreme ones.
func spikeCounts[N SpikeCount](rnd *rand.Rand, n int) []N {
	most := maxCount[N]()
	s := make([]N, n)
	for i := range s {
		switch rnd.IntN(4) {
		case 0:
		case 1:
			s[i] = N(most - rnd.IntN(2))
		default:
			s[i] = N(rnd.IntN(most + 1))
		}
	}
	return s
}

// wholeWeights draws weights, among them the extreme ones.
func wholeWeights[N SpikeCount](rnd *rand.Rand, n int) []int32 {
	most := int32(1)<<(8*size[N]()-1) - 1
	s := make([]int32, n)
	for i := range s {
		switch rnd.IntN(3) {
		case 0:
			s[i] = most
		case 1:
			s[i] = -most
		default:
			s[i] = rnd.Int32N(2*most+1) - most
		}
	}
	return s
}

// countConvCase is a convolution and where its source lies.
type countConvCase struct {
	g                           Geometry
	pitch, first, stride, after int // after: elements of the source beyond what may be read.
	r0, r1                      int
}

func drawCountConv(t *rapid.T) countConvCase {
	n := func(lo, hi int, label string) int { return rapid.IntRange(lo, hi).Draw(t, label) }
	g := Geometry{Channels: n(1, 150, "in"), OutChannels: n(1, 150, "out"), OutRows: n(1, 5, "rows"), OutCols: n(1, 60, "cols"), Groups: 1}
	for i := range 2 {
		g.Kernel[i], g.Stride[i], g.Dilation[i] = n(1, 7, "kernel"), n(1, 3, "stride"), n(1, 2, "dilation")
	}
	if n(0, 1, "whole") == 1 {
		g.Channels = (g.Channels + Lanes - 1) / Lanes * Lanes
	}
	// So that no case takes long.
	for g.OutRows*g.OutCols*g.OutChannels*g.Taps() > 1<<21 {
		switch {
		case g.Kernel[0] > 3:
			g.Kernel[0] = 3
		case g.Kernel[1] > 3:
			g.Kernel[1] = 3
		case g.Channels > 16 && g.Channels >= g.OutChannels:
			g.Channels /= 2
		case g.OutChannels > 16:
			g.OutChannels /= 2
		default:
			g.OutCols = (g.OutCols + 1) / 2
		}
	}
	pitch := Lanes
	if n(0, 2, "narrow") == 0 {
		pitch = 4
	}
	c := countConvCase{g: g, pitch: (g.Channels+pitch-1)/pitch*pitch + pitch*n(0, 1, "wide"), first: n(0, 40, "first"), after: n(0, 3, "after")}
	cols := (g.OutCols-1)*g.Stride[1] + (g.Kernel[1]-1)*g.Dilation[1] + 1
	c.stride = (cols+n(0, 2, "border"))*c.pitch + n(0, 1, "odd")
	c.r0 = n(0, g.OutRows-1, "r0")
	c.r1 = n(c.r0, g.OutRows, "r1")
	return c
}

// sourceLen returns the elements of a source that may be read.
func (c countConvCase) sourceLen(per int) int {
	g := c.g
	return c.first + (max(c.r1-1, 0)*g.Stride[0]+(g.Kernel[0]-1)*g.Dilation[0])*c.stride +
		((g.OutCols-1)*g.Stride[1]+(g.Kernel[1]-1)*g.Dilation[1])*c.pitch + (g.Channels+per-1)/per*per
}

// number returns what a source element stands for: 16 bits have a sign.
func number[N SpikeCount](n N) int32 {
	if size[N]() == 2 {
		return int32(int16(n))
	}
	return int32(n)
}

// naiveCountConv is the loop in the comment of CountConv.Rows.
func naiveCountConv[N SpikeCount](c countConvCase, v []int32, src []N, weight []int32) {
	g, p := c.g, padded(c.g.OutChannels)
	for r := c.r0; r < c.r1; r++ {
		for x := range g.OutCols {
			for o := range g.OutChannels {
				sum := int32(0)
				for ky := range g.Kernel[0] {
					for kx := range g.Kernel[1] {
						at := c.first + (r*g.Stride[0]+ky*g.Dilation[0])*c.stride + (x*g.Stride[1]+kx*g.Dilation[1])*c.pitch
						for i, n := range src[at:][:g.Channels] {
							sum += number(n) * weight[((o*g.Channels+i)*g.Kernel[0]+ky)*g.Kernel[1]+kx]
						}
					}
				}
				v[((r-c.r0)*g.OutCols+x)*p+o] += sum
			}
		}
	}
}

func checkCountConv[N SpikeCount](t *testing.T, c countConvCase, rnd *rand.Rand) {
	t.Helper()
	g := c.g
	weight := wholeWeights[N](rnd, g.OutChannels*g.Taps())
	src := spikeCounts[N](rnd, c.sourceLen(group[N]())+c.after)
	most := maxCount[N]()
	if rnd.IntN(2) == 0 {
		most = []int{0, 1, 16, 32, 33, 64, 1000}[rnd.IntN(7)]
		for i := range src {
			src[i] = N(min(int(src[i]), most))
		}
	}
	if size[N]() == 2 {
		// Sums must fit: few of the counts are large.
		signed := rnd.IntN(2) == 0
		for i := range src {
			if rnd.IntN(g.Taps()) > 0 {
				src[i] %= 16
			}
			if signed && rnd.IntN(2) == 0 {
				src[i] = -src[i]
			}
		}
	}
	v := make([]int32, (c.r1-c.r0)*g.OutCols*padded(g.OutChannels))
	for i := range v {
		v[i] = rnd.Int32N(2001) - 1000
	}
	want := slices.Clone(v)
	naiveCountConv(c, want, src, weight)
	got, check := guardedOf(t, v, 0x5eadbeef)
	source, _ := guardedOf(t, src, 0xab)
	k := PackCountConv[N](g, weight, c.pitch).Bounded(most)
	k.Rows(got, source, c.first, c.stride, c.r0, c.r1)
	check()
	diff(t, fmt.Sprintf("%T, %+v", N(0), c), got, want)
	if c.r1 > c.r0 {
		row := v[:g.OutCols*padded(g.OutChannels)]
		got, check = guardedOf(t, row, 0x5eadbeef)
		k.Row(got, source, c.first, c.stride, c.r0)
		check()
		diff(t, fmt.Sprintf("%T, row of %+v", N(0), c), got, want[:len(row)])
	}
}

func TestCountConv(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			if rapid.Bool().Draw(rt, "bytes") {
				checkCountConv[uint8](t, drawCountConv(rt), rnd)
			} else {
				checkCountConv[uint16](t, drawCountConv(rt), rnd)
			}
		})
	})
}

// Every width of an image takes other tiles, and so do one row, two and three.
func TestCountConvWidths(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for cols := 1; cols <= 60; cols++ {
			for _, out := range []int{16, 32, 48} {
				c := countConvCase{
					g: Geometry{
						Channels: 16, OutChannels: out, OutRows: 3, OutCols: cols,
						Kernel: [2]int{1, 2}, Stride: [2]int{1 + cols%2, 1 + cols%2}, Dilation: [2]int{1, 1}, Groups: 1,
					},
					pitch: 16, stride: (2*cols + 2) * 16, r1: 1 + cols%3,
				}
				checkCountConv[uint8](t, c, rnd)
				checkCountConv[uint16](t, c, rnd)
			}
		}
	})
}

// The largest sums of all: nothing saturates on the way.
func TestCountConvExtremes(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		extremes[uint8](t, 2, MaxCount8, 127)
		extremes[uint16](t, 2, MaxCount16, math.MaxInt16)
		for _, most := range []int{31, 32, 33, 64, 128} {
			extremes[uint8](t, 16, most, 127)
			extremes[uint8](t, 32, most, 127)
			extremes[uint8](t, 16, most, 31)
		}
	})
}

func extremes[N SpikeCount](t *testing.T, channels, count int, most int32) {
	t.Helper()
	g := Geometry{Channels: channels, OutChannels: 32, OutRows: 1, OutCols: 9, Kernel: [2]int{1, 1}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
	weight := make([]int32, 32*channels)
	for i := range weight {
		weight[i] = most * int32(1-2*(i/channels%2))
	}
	pitch := padded(channels)
	src := make([]N, 9*pitch)
	for i := range src {
		src[i] = N(count) // In ignored channels as well.
	}
	v := make([]int32, 9*32)
	PackCountConv[N](g, weight, pitch).Bounded(count).Row(v, src, 0, len(src), 0)
	for i, u := range v {
		if want := int32(channels*count) * most * int32(1-2*(i%2)); u != want {
			t.Fatalf("%T, %d channels of %d: output %d is %d, want %d", N(0), channels, count, i, u, want)
		}
	}
}

func TestCountConvPanics(t *testing.T) {
	g := Geometry{Channels: 16, OutChannels: 16, OutRows: 2, OutCols: 4, Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
	k := PackCountConv[uint8](g, make([]int32, 16*16*9), 16)
	src, v := make([]uint8, 4*6*16), make([]int32, 4*16)
	k.Row(v, src, 0, 6*16, 1)
	for name, f := range map[string]func(){
		"source too short": func() { k.Row(v, src[:len(src)-1], 0, 6*16, 1) },
		"row too large":    func() { k.Row(v, src, 0, 6*16, 2) },
		"negative row":     func() { k.Row(v, src, 96, 6*16, -1) },
		"negative first":   func() { k.Row(v, src, -1, 6*16, 0) },
		"sums too short":   func() { k.Row(v[:63], src, 0, 6*16, 0) },
		"weight":           func() { PackCountConv[uint8](g, append(make([]int32, 16*16*9-1), -128), 16) },
		"pitch":            func() { PackCountConv[uint8](g, make([]int32, 16*16*9), 17) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

// BenchmarkCountConv reports the speed of the convolutions of residual networks, a
// product being one count times one weight.
func BenchmarkCountConv(b *testing.B) {
	for _, tt := range []struct{ in, out, size, kernel, stride int }{
		{16, 16, 32, 3, 1},
		{32, 32, 16, 3, 1},
		{64, 64, 8, 3, 1},
		{32, 64, 8, 3, 2},
		{128, 128, 28, 3, 1},
		{512, 512, 7, 3, 1},
		{512, 512, 7, 1, 1},
		{64, 64, 56, 3, 1},
		{512, 1008, 1, 1, 1},
	} {
		benchmarkCountConv[uint8](b, tt.in, tt.out, tt.size, tt.kernel, tt.stride)
		benchmarkCountConv[uint16](b, tt.in, tt.out, tt.size, tt.kernel, tt.stride)
	}
}

func benchmarkCountConv[N SpikeCount](b *testing.B, in, out, size, kernel, stride int) {
	g := Geometry{
		Channels: in, OutChannels: out, OutRows: size, OutCols: size,
		Kernel: [2]int{kernel, kernel}, Stride: [2]int{stride, stride}, Dilation: [2]int{1, 1}, Groups: 1,
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	cols := (size-1)*stride + kernel
	k := PackCountConv[N](g, wholeWeights[N](rnd, out*g.Taps()), in).Bounded(32)
	src := make([]N, cols*cols*in)
	for i := range src {
		src[i] = N(rnd.IntN(9))
	}
	v := make([]int32, size*size*padded(out))
	eachVersion(b, fmt.Sprintf("%T/%dx%d_%d-%d_at_%d_stride_%d", N(0), kernel, kernel, in, out, size, stride), func(b *testing.B) {
		for b.Loop() {
			k.Rows(v, src, 0, cols*in, 0, size)
		}
		b.ReportMetric(float64(b.N*size*size*out*g.Taps())/float64(b.Elapsed().Nanoseconds()), "Gproducts/s")
	})
}

// eachVersion runs a benchmark with every version of the kernels.
func eachVersion(b *testing.B, name string, f func(b *testing.B)) {
	for i, impl := range implementations {
		b.Run(name+"/"+impl.name, func(b *testing.B) {
			for _, faster := range implementations[:i] {
				*faster.enabled = false
				defer func() { *faster.enabled = true }()
			}
			f(b)
		})
	}
}

func TestFireCounts(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range []int{16, 32, 48, 80} {
			for _, positions := range []int{0, 1, 2, 7, 40} {
				for _, most := range []int{0, 1, 4, 32, 127, 128} {
					checkFireCounts[uint8](t, rnd, channels, positions, most)
				}
				for _, most := range []int{1, 128, 1000, MaxCount16} {
					checkFireCounts[uint16](t, rnd, channels, positions, most)
				}
			}
		}
	})
}

// drawPotential draws one next to a multiple of the threshold, or any.
func drawPotential(rnd *rand.Rand, th int32, most int) int32 {
	const limit = 1<<24 - 1
	var u int64
	switch rnd.IntN(4) {
	case 0:
		u = rnd.Int64N(2*limit+1) - limit
	case 1:
		u = int64(th)*int64(most) + rnd.Int64N(3) - 1
	case 2:
		u = int64(th)*rnd.Int64N(int64(most)+2) + rnd.Int64N(3) - 1
	default:
		u = int64(th) * (rnd.Int64N(limit/min(int64(th), limit)+1) - rnd.Int64N(2))
	}
	if th == math.MaxInt32 {
		return []int32{math.MaxInt32, math.MaxInt32 - 1, math.MinInt32, -1, 0, 1 << 30, int32(rnd.Uint32())}[rnd.IntN(7)]
	}
	return int32(max(-limit, min(limit, u)))
}

func checkFireCounts[N SpikeCount](t *testing.T, rnd *rand.Rand, channels, positions, most int) {
	t.Helper()
	threshold := make([]int32, channels)
	for c := range threshold {
		switch rnd.IntN(5) {
		case 0:
			threshold[c] = math.MaxInt32
		case 1:
			threshold[c] = []int32{1, 2, 3, 1 << 23, 1<<23 - 1, 1<<24 - 1, 1 << 24, math.MaxInt32 - 1}[rnd.IntN(8)]
		default:
			threshold[c] = 1 + rnd.Int32N(1<<(1+rnd.IntN(23)))
		}
	}
	v, n := make([]int32, positions*channels), make([]N, positions*channels)
	wantN := make([]N, len(n))
	for i := range v {
		v[i] = drawPotential(rnd, threshold[i%channels], most)
	}
	want := slices.Clone(v)
	var floor []int32
	if rnd.IntN(3) > 0 {
		floor = make([]int32, channels)
		for c := range floor {
			floor[c] = drawPotential(rnd, threshold[c], most)
		}
	}
	for i, u := range v {
		if floor != nil {
			u = max(u, floor[i%channels])
			want[i] = u
		}
		th := int64(threshold[i%channels])
		q := int64(u) / th
		if u < 0 {
			q = 0
		}
		q = min(q, int64(most))
		wantN[i] = N(q)
		want[i] -= int32(q * th)
	}
	gotV, checkV := guardedOf(t, v, 0x5eadbeef)
	gotN, checkN := guardedOf(t, n, 0xab)
	FireCounts(gotN, gotV, NewCountFire(threshold, floor, most))
	checkV()
	checkN()
	what := fmt.Sprintf("%T: %d positions of %d channels, T %d", N(0), positions, channels, most)
	diff(t, what+": counts", gotN, wantN)
	diff(t, what+": potentials", gotV, want)
}

func TestAddCounts(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range []int{16, 32, 48, 80} {
			for _, positions := range []int{0, 1, 2, 7} {
				checkAddCounts[uint8](t, rnd, channels, positions)
				checkAddCounts[uint16](t, rnd, channels, positions)
			}
		}
	})
}

func checkAddCounts[N SpikeCount](t *testing.T, rnd *rand.Rand, channels, positions int) {
	t.Helper()
	weight := make([]int32, channels)
	for c := range weight {
		weight[c] = (math.MaxInt32 - 1000) / int32(maxCount[N]())
		if rnd.IntN(3) > 0 {
			weight[c] = rnd.Int32N(2*weight[c]+1) - weight[c]
		}
	}
	v, n := make([]int32, positions*channels), spikeCounts[N](rnd, positions*channels)
	for i := range v {
		v[i] = rnd.Int32N(2001) - 1000
	}
	want := slices.Clone(v)
	for i := range want {
		want[i] += int32(n[i]) * weight[i%channels]
	}
	got, check := guardedOf(t, v, 0x5eadbeef)
	AddCounts(got, n, weight)
	check()
	diff(t, fmt.Sprintf("%T: %d positions of %d channels", N(0), positions, channels), got, want)
}

func TestAddRemainders(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, channels := range []int{16, 32, 48, 80} {
			for _, positions := range []int{0, 1, 2, 7} {
				draw := func(n int) []int32 {
					s := make([]int32, n)
					for i := range s {
						s[i] = rnd.Int32N(2<<24-1) - (1<<24 - 1)
						if rnd.IntN(2) == 0 {
							s[i] %= 100 // Halves, whose rounding must be that to even.
						}
					}
					return s
				}
				v, u, start, factor := draw(positions*channels), draw(positions*channels), draw(channels), make([]float64, channels)
				for c := range factor {
					factor[c] = float64(rnd.IntN(9)-4) / 4
					if rnd.IntN(3) == 0 {
						factor[c] = 20 * rnd.NormFloat64() / 8
					}
				}
				want := slices.Clone(v)
				for i := range want {
					want[i] += int32(math.RoundToEven(float64(u[i]-start[i%channels]) * factor[i%channels]))
				}
				got, check := guardedOf(t, v, 0x5eadbeef)
				AddRemainders(got, u, start, factor)
				check()
				diff(t, fmt.Sprintf("%d positions of %d channels", positions, channels), got, want)
			}
		}
	})
}

func TestTally(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for _, n := range []int{0, 1, 63, 64, 127, 128, 129, 1023, 1024, 1025, 5003, 40001} {
			for _, most := range []int{0, 1, 4, 16, 32, 33, 128, 250} {
				checkTally[uint8](t, rnd, n, most)
				checkTally[uint16](t, rnd, n, most)
			}
			checkTally[uint16](t, rnd, n, MaxCount16)
		}
	})
}

func checkTally[N SpikeCount](t *testing.T, rnd *rand.Rand, n, most int) {
	t.Helper()
	x := make([]N, n)
	tally := make([]uint32, most+1)
	for i := range tally {
		tally[i] = rnd.Uint32N(100)
	}
	want := slices.Clone(tally)
	for i := range x {
		if rnd.IntN(4) == 0 {
			x[i] = N(rnd.IntN(most + 1))
		}
		want[x[i]]++
	}
	Tally(tally, x)
	diff(t, fmt.Sprintf("tally of %d %T up to %d", n, N(0), most), tally, want)
	if n > 0 {
		x[n-1] = N(most + 1)
		defer func() {
			if recover() == nil {
				t.Errorf("no panic for a count beyond the tally of %d %T up to %d", n, N(0), most)
			}
		}()
		Tally(tally, x)
	}
}

func TestMaxCounts(t *testing.T) {
	forEachImpl(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for n := range 200 {
			checkMaxCounts[uint8](t, rnd, n)
			checkMaxCounts[uint16](t, rnd, n)
		}
	})
}

func checkMaxCounts[N SpikeCount](t *testing.T, rnd *rand.Rand, n int) {
	t.Helper()
	draw := func() []N {
		s := make([]N, n)
		for i := range s {
			s[i] = N(rnd.Uint32()) // Beyond what a signed number holds, too.
		}
		return s
	}
	dst, src := draw(), draw()
	want := slices.Clone(dst)
	for i, x := range src {
		want[i] = max(want[i], x)
	}
	got, check := guardedOf(t, dst, 0xab)
	MaxCounts(got, src)
	check()
	diff(t, fmt.Sprintf("%d %T", n, N(0)), got, want)
}

// BenchmarkCountNeurons reports what is done once for each neuron of a layer.
func BenchmarkCountNeurons(b *testing.B) {
	benchmarkCountNeurons[uint8](b)
	benchmarkCountNeurons[uint16](b)
}

func benchmarkCountNeurons[N SpikeCount](b *testing.B) {
	const channels, n = 16, 16 * 32 * 8 // In the first cache.
	rnd := rand.New(rand.NewPCG(1, 2))
	v, u, weight, threshold, factor := make([]int32, n), make([]int32, n), make([]int32, channels), make([]int32, channels), make([]float64, channels)
	x, y, tally := make([]N, n), make([]N, n), make([]uint32, 33)
	for i := range x {
		u[i] = rnd.Int32N(40000) - 20000
		x[i] = N(max(0, rnd.IntN(66)-33))
	}
	for c := range weight {
		weight[c], threshold[c], factor[c] = rnd.Int32N(100), 700+rnd.Int32N(1000), rnd.Float64()
	}
	f := NewCountFire(threshold, nil, 32)
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"FireCounts", func() { copy(v, u); FireCounts(x, v, f) }},
		{"AddCounts", func() { AddCounts(v, x, weight) }},
		{"AddRemainders", func() { AddRemainders(v, u, weight, factor) }},
		{"Tally", func() { Tally(tally, x) }},
		{"MaxCounts", func() { MaxCounts(y, x) }},
	} {
		eachVersion(b, fmt.Sprintf("%T/%s", N(0), tt.name), func(b *testing.B) {
			for b.Loop() {
				tt.f()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/neuron")
		})
	}
}
