//go:build !purego

package kernel

// Every arm64 processor that Go runs on has NEON.
var useNEON = true

func init() { register("neon", &useNEON) }

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
