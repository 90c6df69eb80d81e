//go:build !purego

package kernel

import (
	"math"

	"golang.org/x/sys/cpu"
)

// Every arm64 processor that Go runs on has NEON, most of today's have products of bytes that are
// added up.
var (
	useNEON = true
	useDot  = cpu.ARM64.HasASIMDDP
)

func init() {
	register("neon", &useNEON)
	if useDot {
		register("neondot", &useDot)
	}
}

func gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	if useNEON {
		gemm16NEON(m, k, a, lda, b, c, ldc)
		return
	}
	gemm16Generic(m, k, a, lda, b, c, ldc)
}

func add(dst, x, y []float32) {
	if useNEON {
		addNEON(dst, x, y)
		return
	}
	addGeneric(dst, x, y)
}

func mulAdd(dst, x, w []float32) {
	if useNEON {
		mulAddNEON(dst, x, w)
		return
	}
	mulAddGeneric(dst, x, w)
}

func scaleShift(dst, x, scale, shift []float32) {
	if useNEON {
		scaleShiftNEON(dst, x, scale, shift)
		return
	}
	scaleShiftGeneric(dst, x, scale, shift)
}

func clip(dst, x []float32, limit float32) {
	if useNEON {
		clipNEON(dst, x, limit)
		return
	}
	clipGeneric(dst, x, limit)
}

func events(dst []uint32, start []int32, mask []uint64, words, n int) int {
	if useNEON {
		return eventsNEON(dst, start, mask, words, n)
	}
	return eventsGeneric(dst, start, mask, words)
}

func scatter(cur, w []float32, ev []uint32, start []int32, first int, s ScatterShape) {
	switch {
	case useNEON && s.Rows == 3 && s.Cols == 3 && s.N/Lanes <= len(scatters3x3):
		scatters3x3[s.N/Lanes-1](cur, w, ev, start, len(start)-1, s.Stride)
	case useNEON:
		scatterNEON(cur, w, ev, first, s.Rows, s.Cols*s.N, 4*s.N, 4*s.Stride)
	default:
		scatterGeneric(cur, w, ev, first, s)
	}
}

func gather(acc, w []float32, ev []uint32, start []int32, position int, s GatherShape) {
	if useNEON {
		gatherNEON(acc, w, ev, start, position, s.First, s.Kernel, s.Stride, s.Channels, s.N)
		return
	}
	gatherGeneric(acc, w, ev, start, position, s)
}

func fire(mask, shortcut []uint64, v, cur, constant []float32, par *FireParams) int {
	if !useNEON {
		return fireGeneric(mask, shortcut, v, cur, constant, par)
	}
	step := 0
	if len(constant) == len(cur) {
		step = 4 * par.N
	}
	s := shortcutOf(shortcut, par.Shortcut, par.Threshold, par.First, par.Words)
	return fireNEON(byteOf(mask, par.First), s.mask, &v[par.First], cur, &constant[0], &par.Threshold[0], &s.weight[0],
		4*par.N, 8*par.Words, s.step, 4*par.Pitch, step, par.ResetZero)
}

func fireWindow(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	if useNEON {
		window(fireWindowNEON, masks, spikes, v, par)
		return
	}
	fireWindowGeneric(masks, spikes, v, par)
}

func fireOnce(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	if useNEON {
		window(fireOnceNEON, masks, spikes, v, par)
		return
	}
	fireOnceGeneric(masks, spikes, v, par)
}

func addSpikes(cur []float32, mask []uint64, words int, weight []float32) {
	if useNEON {
		addSpikesNEON(cur, mask, words, len(weight), &weight[0])
		return
	}
	addSpikesGeneric(cur, mask, words, weight)
}

func sweep(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	if !useNEON {
		return sweepGeneric(out, src, shortcut, v, part, l)
	}
	lanes := 8 * l.Stride
	f, part := sweepsNEON[l.Stride-1][l.N/32], part[:2*(l.Cols+2)*lanes]
	spikes := 0
	for o := 0; o < l.N; o += lanes {
		clear(part)
		s := shortcutOf(shortcut, l.Shortcut, l.Threshold, l.First+o, l.Words)
		spikes += f(byteOf(out, l.First+o), s.mask, src, &v[l.First+o], &part[0], &l.Weight[o], &l.Constant[o], &l.Threshold[o], &s.weight[o],
			l.Rows, l.Cols, l.SourceWords, 8*l.Words, s.step, 4*l.Pitch)
	}
	return spikes
}

func count(n []uint16, mask []uint64, words, channels int) {
	if useNEON {
		countNEON(n, mask, words, channels)
		return
	}
	countGeneric(n, mask, words, channels)
}

func gate(out []uint64, m []uint16, src []uint64, n []uint16, s GateShape) {
	if useNEON {
		gateNEON(out, m, src, n, s.Rows, s.Cols, s.Kernel, s.First, s.Stride, s.Words, s.Channels)
		return
	}
	gateGeneric(out, m, src, n, s)
}

func countRows[N SpikeCount](k *CountConv[N], v []int32, src []N, stride, r0, r1 int) {
	f, bytes, g := countConv8NEON, size[N](), &k.g
	switch {
	case !useNEON || bytes == 1 && k.most > math.MaxInt8: // Which has no sign.
		countRowsGeneric(k, v, src, stride, r0, r1)
		return
	case bytes == 2:
		f = countConv16NEON
	case useDot:
		f = countConv8DotNEON
	}
	// One block of output channels passes over all rows before the next, so that its weights stay
	// in cache.
	for o := 0; o < k.n; o += Lanes {
		block := o / blockLanes * blockLanes
		weight := bytesOf(k.weight[block*k.taps()+(o-block)*group[N]():])
		for r := range r1 - r0 {
			f(&v[r*g.OutCols*k.n+o], bytesOf(src[(r0+r)*g.Stride[0]*stride:]), weight, g.OutCols, g.Stride[1]*k.pitch*bytes, 4*k.n,
				g.Kernel[0], g.Dilation[0]*stride*bytes, k.runs, g.Dilation[1]*k.pitch*bytes, k.run*bytes/4, 4*k.lanes(block))
		}
	}
}

func fireCounts[N SpikeCount](n []N, v []int32, f *CountFire) {
	fire := fireCounts8NEON
	if size[N]() == 2 {
		fire = fireCounts16NEON
	}
	if useNEON {
		fire(v, bytesOf(n), &f.floor[0], &f.threshold[0], &f.reciprocal[0], len(f.threshold), f.t)
		return
	}
	fireCountsGeneric(n, v, f)
}

func addCounts[N SpikeCount](v []int32, n []N, weight []int32) {
	switch {
	case !useNEON:
		addCountsGeneric(v, n, weight)
	case size[N]() == 1:
		addCounts8NEON(v, bytesOf(n), &weight[0], len(weight))
	default:
		addCounts16NEON(v, bytesOf(n), &weight[0], len(weight))
	}
}

func addRemainders(v, u, start []int32, factor []float64) {
	if useNEON {
		addRemaindersNEON(v, &u[0], &start[0], &factor[0], len(start))
		return
	}
	addRemaindersGeneric(v, u, start, factor)
}

func tallyCounts[N SpikeCount](tally []uint32, n []N) { tallyGeneric(tally, n) }

func maxCounts[N SpikeCount](dst, src []N) {
	const block = 32
	f := maxCounts8NEON
	if size[N]() == 2 {
		f = maxCounts16NEON
	}
	if blocks := len(dst) * size[N]() / block; useNEON && blocks > 0 {
		f(bytesOf(dst), bytesOf(src), blocks)
		done := blocks * block / size[N]()
		dst, src = dst[done:], src[done:]
	}
	maxCountsGeneric(dst, src)
}

func sweepWhole(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	return sweepWholeGeneric(out, src, shortcut, v, part, l)
}

// sweepsNEON has a function for each stride and each of 16, 32 and 64 channels,
// scatters3x3 one for 16, 32, 48 and 64.
var (
	sweepsNEON = [2][3]sweepFunc{
		{sweep16NEON, sweep32NEON, nil},
		{sweepStride2N16NEON, sweepStride2N32NEON, sweepStride2N64NEON},
	}
	scatters3x3 = [4]func(cur, w []float32, ev []uint32, start []int32, cols, stride int){
		scatter3x3N16NEON, scatter3x3N32NEON, scatter3x3N48NEON, scatter3x3N64NEON,
	}
)
