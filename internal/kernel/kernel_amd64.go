//go:build !purego

package kernel

import (
	"math"

	"golang.org/x/sys/cpu"
)

var (
	useAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasPOPCNT
	useAVX512 = useAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW
	useVNNI   = useAVX512 && cpu.X86.HasAVX512VNNI // Products of 8 and 16 bits that are added up.
)

func init() {
	if useAVX2 {
		register("avx2", &useAVX2)
	}
	if useAVX512 {
		register("avx512", &useAVX512)
	}
	if useVNNI {
		register("avx512vnni", &useVNNI)
	}
}

func gemm16(m, k int, a []float32, lda int, b, c []float32, ldc int) {
	switch {
	case useAVX512:
		gemm16AVX512(m, k, a, lda, b, c, ldc)
	case useAVX2:
		gemm16AVX2(m, k, a, lda, b, c, ldc)
	default:
		gemm16Generic(m, k, a, lda, b, c, ldc)
	}
}

func add(dst, x, y []float32) {
	if useAVX2 {
		addAVX2(dst, x, y)
		return
	}
	addGeneric(dst, x, y)
}

func mulAdd(dst, x, w []float32) {
	if useAVX2 {
		mulAddAVX2(dst, x, w)
		return
	}
	mulAddGeneric(dst, x, w)
}

func scaleShift(dst, x, scale, shift []float32) {
	if useAVX2 {
		scaleShiftAVX2(dst, x, scale, shift)
		return
	}
	scaleShiftGeneric(dst, x, scale, shift)
}

func clip(dst, x []float32, limit float32) {
	if useAVX2 {
		clipAVX2(dst, x, limit)
		return
	}
	clipGeneric(dst, x, limit)
}

func events(dst []uint32, start []int32, mask []uint64, words, n int) int {
	if useAVX512 {
		return eventsAVX512(dst, start, mask, words, n)
	}
	return eventsGeneric(dst, start, mask, words)
}

func scatter(cur, w []float32, ev []uint32, start []int32, first int, s ScatterShape) {
	switch strip, step, stride := s.Cols*s.N, 4*s.N, 4*s.Stride; {
	case useAVX512 && s.Rows == 3 && s.Cols == 3 && (s.N == 16 || s.N%32 == 0):
		sweepAVX512(cur, w, ev, start, len(start)-1, s.N, s.Stride)
	case useAVX512:
		scatterAVX512(cur, w, ev, first, s.Rows, strip, step, stride)
	case useAVX2:
		scatterAVX2(cur, w, ev, first, s.Rows, strip, step, stride)
	default:
		scatterGeneric(cur, w, ev, first, s)
	}
}

func gather(acc, w []float32, ev []uint32, start []int32, position int, s GatherShape) {
	switch {
	case useAVX512:
		gatherAVX512(acc, w, ev, start, position, s.First, s.Kernel, s.Stride, s.Channels, s.N)
	case useAVX2:
		gatherAVX2(acc, w, ev, start, position, s.First, s.Kernel, s.Stride, s.Channels, s.N)
	default:
		gatherGeneric(acc, w, ev, start, position, s)
	}
}

func fire(mask, shortcut []uint64, v, cur, constant []float32, par *FireParams) int {
	if !useAVX2 {
		return fireGeneric(mask, shortcut, v, cur, constant, par)
	}
	f, step := fireAVX2, 0
	if useAVX512 {
		f = fireAVX512
	}
	if len(constant) == len(cur) {
		step = 4 * par.N
	}
	s := shortcutOf(shortcut, par.Shortcut, par.Threshold, par.First, par.Words)
	return f(byteOf(mask, par.First), s.mask, &v[par.First], cur, &constant[0], &par.Threshold[0], &s.weight[0],
		4*par.N, 8*par.Words, s.step, 4*par.Pitch, step, par.ResetZero)
}

func fireWindow(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	switch {
	case useAVX512:
		window(fireWindowAVX512, masks, spikes, v, par)
	case useAVX2:
		window(fireWindowAVX2, masks, spikes, v, par)
	default:
		fireWindowGeneric(masks, spikes, v, par)
	}
}

func fireOnce(masks [][]uint64, spikes []uint32, v []float32, par *FireParams) {
	switch {
	case useAVX512:
		window(fireOnceAVX512, masks, spikes, v, par)
	case useAVX2:
		window(fireOnceAVX2, masks, spikes, v, par)
	default:
		fireOnceGeneric(masks, spikes, v, par)
	}
}

func addSpikes(cur []float32, mask []uint64, words int, weight []float32) {
	if useAVX512 {
		addSpikesAVX512(cur, mask, words, len(weight), &weight[0])
		return
	}
	addSpikesGeneric(cur, mask, words, weight)
}

func sweep(out, src, shortcut []uint64, v, part []float32, l *SweepLayer) int {
	if !useAVX2 {
		return sweepGeneric(out, src, shortcut, v, part, l)
	}
	lanes := l.N
	f := sweepsAVX512[l.Stride-1][l.N/32]
	if !useAVX512 {
		lanes, f = Lanes, sweepsAVX2[l.Stride-1][l.N/32]
	}
	spikes := 0
	for o := 0; o < l.N; o += lanes {
		clear(part[:2*(l.Cols+2)*l.N])
		s := shortcutOf(shortcut, l.Shortcut, l.Threshold, l.First+o, l.Words)
		spikes += f(byteOf(out, l.First+o), s.mask, src, &v[l.First+o], &part[0], &l.Weight[o], &l.Constant[o], &l.Threshold[o], &s.weight[o],
			l.Rows, l.Cols, l.SourceWords, 8*l.Words, s.step, 4*l.Pitch)
	}
	return spikes
}

func sweepWhole(out, src, shortcut []uint64, v []int32, part []int16, l *SweepWholeLayer) int {
	if !useAVX2 {
		return sweepWholeGeneric(out, src, shortcut, v, part, l)
	}
	lanes, sweeps, w := l.N, &sweepsWholeAVX512, l.Weight
	if !useAVX512 {
		lanes, sweeps = min(l.N, 2*Lanes), &sweepsWholeAVX2
	}
	f := sweeps[l.Stride-1][l.N/32]
	if l.sets != nil {
		f, w = sweeps[l.Stride+1][l.N/32], l.sets
	}
	spikes := 0
	for o := 0; o < l.N; o += lanes {
		clear(part[:l.sumsLen()])
		mask, step, weight := byteOf(noSpikes[:], 0), 0, l.Weight // Nobody adds these.
		if shortcut != nil {
			mask, step, weight = byteOf(shortcut, l.First+o), 8*l.Words, l.Shortcut
		}
		spikes += f(byteOf(out, l.First+o), mask, src, &v[l.First+o], &part[0], &w[o], &l.Constant[o], &l.Threshold[o], &weight[o],
			l.Rows, l.Cols, l.SourceWords, 8*l.Words, step, 4*l.Pitch)
	}
	return spikes
}

func count(n []uint16, mask []uint64, words, channels int) {
	switch {
	case useAVX512 && channels%32 == 0:
		countAVX512(n, mask, words, channels)
	case useAVX2:
		countAVX2(n, mask, words, channels)
	default:
		countGeneric(n, mask, words, channels)
	}
}

func gate(out []uint64, m []uint16, src []uint64, n []uint16, s GateShape) {
	switch {
	case useAVX512 && s.Channels%32 == 0:
		gateAVX512(out, m, src, n, s.Rows, s.Cols, s.Kernel, s.First, s.Stride, s.Words, s.Channels)
	case useAVX2:
		gateAVX2(out, m, src, n, s.Rows, s.Cols, s.Kernel, s.First, s.Stride, s.Words, s.Channels)
	default:
		gateGeneric(out, m, src, n, s)
	}
}

func countRows[N SpikeCount](k *CountConv[N], v []int32, src []N, stride, r0, r1 int) {
	i := size[N]() - 1
	switch {
	case useVNNI:
		walkCounts(k, &countsVNNI[i], v, src, stride, r0, r1)
	case useAVX2 && k.chained():
		walkCounts(k, &countsAVX2Chain, v, src, stride, r0, r1)
	case useAVX2:
		walkCounts(k, &countsAVX2[i], v, src, stride, r0, r1)
	default:
		countRowsGeneric(k, v, src, stride, r0, r1)
	}
}

func fireCounts[N SpikeCount](n []N, v []int32, f *CountFire) {
	at, th, rec, c, t, limit := bytesOf(n), &f.threshold[0], &f.reciprocal[0], len(f.threshold), int32(f.t), float32(f.t)
	switch bytes := size[N](); {
	case useAVX512 && bytes == 1:
		fireCounts8AVX512(v, at, &f.floor[0], th, rec, c, t, limit)
	case useAVX512:
		fireCounts16AVX512(v, at, &f.floor[0], th, rec, c, t, limit)
	case useAVX2 && bytes == 1:
		fireCounts8AVX2(v, at, &f.floor[0], th, rec, c, t, limit)
	case useAVX2:
		fireCounts16AVX2(v, at, &f.floor[0], th, rec, c, t, limit)
	default:
		fireCountsGeneric(n, v, f)
	}
}

func addCounts[N SpikeCount](v []int32, n []N, weight []int32) {
	switch bytes := size[N](); {
	case useAVX512 && bytes == 1:
		addCounts8AVX512(v, bytesOf(n), &weight[0], len(weight))
	case useAVX512:
		addCounts16AVX512(v, bytesOf(n), &weight[0], len(weight))
	case useAVX2 && bytes == 1:
		addCounts8AVX2(v, bytesOf(n), &weight[0], len(weight))
	case useAVX2:
		addCounts16AVX2(v, bytesOf(n), &weight[0], len(weight))
	default:
		addCountsGeneric(v, n, weight)
	}
}

func addRemainders(v, u, start []int32, factor []float64) {
	switch {
	case useAVX512:
		addRemaindersAVX512(v, &u[0], &start[0], &factor[0], len(start))
	case useAVX2:
		addRemaindersAVX2(v, &u[0], &start[0], &factor[0], len(start))
	default:
		addRemaindersGeneric(v, u, start, factor)
	}
}

// tallyCounts counts one value after the other in a block of memory that stays in the
// first cache, bytes sixteen values at once where the processor can. Most neurons fire a few
// times, if at all, so that soon all are known.
func tallyCounts[N SpikeCount](tally []uint32, n []N) {
	const blockBytes, groupBytes, passes = 1 << 14, 128, 64
	equal := equalCounts8AVX2
	if size[N]() == 2 {
		equal = equalCounts16AVX2
	}
	if bytes, ok := any(n).([]uint8); ok && useAVX512 && len(n) >= groupBytes && len(tally) > 0 {
		tallySixteens(tally, bytes)
		return
	}
	for useAVX2 && len(n)*size[N]() >= groupBytes {
		bytes := min(len(n)*size[N](), blockBytes) &^ (groupBytes - 1)
		block := n[:bytes/size[N]()]
		n = n[len(block):]
		x, left := 0, len(block)
		for ; left > 0 && x < min(len(tally), passes); x++ {
			found := equal(bytesOf(block), bytes, uint32(x))
			tally[x] += uint32(found)
			left -= found
		}
		for i := 0; left > 0; i++ {
			if int(block[i]) >= x {
				tally[block[i]]++
				left--
			}
		}
	}
	tallyGeneric(tally, n)
}

// tallySixteens is Tally for bytes. What is less than a block at the end is tallied in one
// filled up with zeros.
func tallySixteens(tally []uint32, n []uint8) {
	const blockBytes, mostBlocks = 1 << 10, 1 << 4
	var last [blockBytes]uint8
	for len(n) > 0 {
		block, left := n[:min(len(n), mostBlocks*blockBytes)&^(blockBytes-1)], len(n)
		if len(block) > 0 {
			left = len(block)
		} else {
			copy(last[:], n)
			block = last[:]
		}
		n = n[left:]
		zeros := equalCounts8AVX2(&block[0], len(block), 0) - (len(block) - left)
		tally[0] += uint32(zeros)
		left -= zeros
		for first := 1; left > 0; first += 16 {
			var found [16]uint64
			tallySixteenAVX512(&block[0], len(block)/blockBytes, uint32(first), &found[0])
			for j, n := range found {
				if n > 0 && first+j <= math.MaxUint8 { // Behind it comes 0 again.
					tally[first+j] += uint32(n)
					left -= int(n)
				}
			}
		}
	}
}

func maxCounts[N SpikeCount](dst, src []N) {
	switch bytes := size[N](); {
	case !useAVX2 || len(dst)*bytes < 32:
		maxCountsGeneric(dst, src)
	case bytes == 1:
		maxCounts8AVX2(bytesOf(dst), bytesOf(src), len(dst))
	default:
		maxCounts16AVX2(bytesOf(dst), bytesOf(src), 2*len(dst))
	}
}

// sweepsAVX512 and sweepsAVX2 have a function for each stride and each of 16, 32 and
// 64 channels.
var (
	sweepsAVX512 = [2][3]sweepFunc{
		{sweep16AVX512, sweep32AVX512, nil},
		{sweepStride2N16AVX512, sweepStride2N32AVX512, sweepStride2N64AVX512},
	}
	sweepsAVX2 = [2][3]sweepFunc{
		{sweep16AVX2, sweep32AVX2, nil},
		{sweepStride2N16AVX2, sweepStride2N32AVX2, sweepStride2N64AVX2},
	}
)

// sweepsWholeAVX512 and sweepsWholeAVX2 are the same of SweepWhole, and behind them
// those for layers that are prepared.
var (
	sweepsWholeAVX512 = [4][3]sweepWholeFunc{
		{sweepWhole16AVX512, sweepWhole32AVX512, sweepWhole64AVX512},
		{sweepWholeStride2N16AVX512, sweepWholeStride2N32AVX512, sweepWholeStride2N64AVX512},
		{sweepWholeSets16AVX512, sweepWholeSets32AVX512, nil},
		{sweepWholeSetsStride2N16AVX512, sweepWholeSetsStride2N32AVX512, nil},
	}
	sweepsWholeAVX2 = [4][3]sweepWholeFunc{
		{sweepWhole16AVX2, sweepWhole32AVX2, sweepWhole64AVX2},
		{sweepWholeStride2N16AVX2, sweepWholeStride2N32AVX2, sweepWholeStride2N64AVX2},
		{sweepWholeSets16AVX2, sweepWholeSets32AVX2, nil},
		{sweepWholeSetsStride2N16AVX2, sweepWholeSetsStride2N32AVX2, nil},
	}
)

type sweepWholeFunc func(out, shortcut *byte, src []uint64, v *int32, part, w *int16, constant, threshold *int32, weight *int16, rows, cols, words, outBytes, shortcutBytes, vBytes int) int
